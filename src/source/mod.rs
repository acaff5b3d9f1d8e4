//! Where facts come from; the only layer with I/O.

pub(crate) mod dry_run;
pub mod dump;
pub mod live;
pub mod manifests;
pub(crate) mod raw;
mod rules;
mod text;

pub use rules::read_rules;
pub use text::read_text;

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// What went wrong, in one line: lower case, no full stop.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
    /// Whether the call itself was wrong (exit code 2) and not the cluster or the dump (exit code 3).
    pub usage: bool,
}

impl SourceError {
    /// The cluster or the dump could not be read.
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, usage: false }
    }

    /// The call was wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, usage: true }
    }

    /// The same error with a hint.
    pub fn hinted(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
