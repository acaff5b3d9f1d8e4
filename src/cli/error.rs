//! Why a run ended without a report, as the user is told.

use std::io;

use super::exit::Exit;
use crate::source::SourceError;

/// An error of a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The call or its input is wrong.
    #[error("{message}")]
    Usage { message: String, hint: Option<String> },
    /// The cluster or the dump could not be read.
    #[error("{message}")]
    Unreadable { message: String, hint: Option<String> },
    /// The report could not be written.
    #[error("can't write the output: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// The call is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }

    /// The cluster or the dump doesn't say.
    pub(crate) fn unreadable(message: impl Into<String>) -> Self {
        Self::Unreadable { message: message.into(), hint: None }
    }

    /// The same error with a hint.
    pub(crate) fn hinted(self, text: impl Into<String>) -> Self {
        let text = Some(text.into());
        match self {
            Self::Usage { message, .. } => Self::Usage { message, hint: text },
            Self::Unreadable { message, .. } => Self::Unreadable { message, hint: text },
            Self::Output(error) => Self::Output(error),
        }
    }

    /// What to do about it, where that is known.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. } | Self::Unreadable { hint, .. } => hint.as_deref(),
            Self::Output(_) => None,
        }
    }

    /// Whether the reader of the output went away, which is no error.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// How the run ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } => Exit::Usage,
            Self::Output(_) if self.is_broken_pipe() => Exit::Clear,
            Self::Unreadable { .. } | Self::Output(_) => Exit::Unreadable,
        }
    }
}

/// How a run ends that an error ended, whatever was said around it.
pub(crate) fn exit(error: &anyhow::Error) -> Exit {
    error.downcast_ref().map_or(Exit::Unreadable, CliError::exit)
}

impl From<SourceError> for CliError {
    fn from(error: SourceError) -> Self {
        let SourceError { message, hint, usage } = error;
        if usage { Self::Usage { message, hint } } else { Self::Unreadable { message, hint } }
    }
}
