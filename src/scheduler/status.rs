//! How a plugin decides (`pkg/scheduler/framework/interface.go`, Status).

use std::borrow::Cow;

use super::reason::Reason;

/// How a plugin rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Evicting pods might help.
    Unschedulable,
    /// Evicting pods can't help.
    Unresolvable,
    /// The attempt ends with an error.
    Error,
    /// Facts that decide are missing.
    Unknown,
}

/// A rejection by one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: Code,
    /// Why it rejects; empty for an error and where facts are missing.
    pub(crate) reasons: Vec<Reason>,
    /// The error's text, or the facts that are missing, in lines such as `the CSIDriver topolvm.io could not be read`.
    pub(crate) notes: Vec<Cow<'static, str>>,
    /// Whether further reasons may exist that missing facts hide: the rejection is certain, its text isn't.
    pub(crate) partial: bool,
}

impl Status {
    pub(crate) fn unschedulable(reason: impl Into<Reason>) -> Self {
        Self::rejected(Code::Unschedulable, vec![reason.into()])
    }

    pub(crate) fn unresolvable(reason: impl Into<Reason>) -> Self {
        Self::rejected(Code::Unresolvable, vec![reason.into()])
    }

    pub(crate) fn rejected(code: Code, reasons: Vec<Reason>) -> Self {
        Self { code, reasons, notes: Vec::new(), partial: false }
    }

    pub(crate) fn error(text: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Error, reasons: Vec::new(), notes: vec![text.into()], partial: false }
    }

    /// A missing fact.
    pub(crate) fn unknown(what: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Unknown, reasons: Vec::new(), notes: vec![what.into()], partial: false }
    }

    /// Upstream's text of the whole status, or what is missing.
    pub(crate) fn text(&self) -> String {
        let reasons = self.reasons.iter().map(Reason::text);
        let all: Vec<Cow<'_, str>> = reasons.chain(self.notes.iter().map(|note| note.as_ref().into())).collect();
        all.join(", ")
    }
}

/// A plugin's decision on one node.
pub(crate) type Decision = Result<(), Status>;
