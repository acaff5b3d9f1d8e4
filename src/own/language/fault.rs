//! Why an expression has no value.

use std::fmt;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The expression is wrong for these values, or a fact that it asks for was not read. `true || fault` is true.
    Wrong(String),
    /// It used up what an expression may take. Nothing hides that.
    Limit(&'static str),
}

impl Fault {
    /// The expression is wrong for these values.
    pub(crate) fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong(message.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(message) => f.write_str(message),
            Self::Limit(message) => f.write_str(message),
        }
    }
}
