//! The exit codes. `docs/exit-codes.md` has the same table for users.

use std::process::ExitCode;

use crate::report::Status;

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing is blocked, or the command had nothing to judge.
    Clear = 0,
    /// Something is blocked.
    Blocked = 1,
    /// The call or its input is wrong.
    Usage = 2,
    /// The cluster or the dump could not be read, or the report could not be written.
    Unreadable = 3,
    /// Nothing was found blocked, but not all evidence could be read.
    Incomplete = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

impl From<Status> for Exit {
    fn from(status: Status) -> Self {
        match status {
            Status::Clear => Exit::Clear,
            Status::Blocked => Exit::Blocked,
            Status::Incomplete => Exit::Incomplete,
        }
    }
}
