//! Reading dumps, writing snapshots, redaction.

#![expect(clippy::unwrap_used, reason = "a helper of a test may panic")]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they read")]

mod bounds;
mod coverage;
mod faults;
mod forms;
mod inferred;
mod redaction;
mod support;
mod writing;
