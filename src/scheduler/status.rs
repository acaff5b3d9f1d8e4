//! How a plugin decides (`pkg/scheduler/framework/interface.go`, Status).

use std::borrow::Cow;

/// How a plugin rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Evicting pods might help.
    Unschedulable,
    /// Evicting pods can't help.
    Unresolvable,
    /// The attempt ends with an error.
    Error,
    /// Facts that decide are missing; the reasons say which.
    Unknown,
}

/// A rejection by one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: Code,
    pub(crate) reasons: Vec<Cow<'static, str>>,
    /// Whether further reasons may exist that missing facts hide: the rejection is certain, its text isn't.
    pub(crate) partial: bool,
}

impl Status {
    pub(crate) fn unschedulable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Unschedulable, reasons: vec![reason.into()], partial: false }
    }

    pub(crate) fn unresolvable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Unresolvable, reasons: vec![reason.into()], partial: false }
    }

    pub(crate) fn error(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Error, reasons: vec![reason.into()], partial: false }
    }

    /// A missing fact, in one line such as `the CSIDriver topolvm.io could not be read`.
    pub(crate) fn unknown(what: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Unknown, reasons: vec![what.into()], partial: false }
    }
}

/// A plugin's decision on one node.
pub(crate) type Decision = Result<(), Status>;
