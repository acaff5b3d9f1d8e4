//! Writes that a server is asked to try and not to store, and its answers.

use serde_json::Value;

/// An object that the server is asked about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subject {
    /// Such as `apps/v1`.
    pub(crate) api_version: String,
    /// Such as `deployments`.
    pub(crate) plural: String,
    pub(crate) kind: String,
    /// `None` for kinds without namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    /// What is posted where the object doesn't exist.
    pub(crate) created: Value,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    /// The server would take it, and what it would then store.
    Taken { object: Value, warnings: Vec<String> },
    /// The server would refuse it: `Status.message`.
    Refused { message: String, warnings: Vec<String> },
    /// It exists and nothing changes, so that nothing was sent.
    Unchanged,
    /// The server did not say whether it would take it: why.
    Silent(String),
}

/// A reply, and the object as it stands where it exists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answered {
    pub(crate) reply: Reply,
    pub(crate) live: Option<Value>,
}

impl Answered {
    /// No answer: why.
    pub(crate) fn silent(why: impl Into<String>) -> Self {
        Self { reply: Reply::Silent(why.into()), live: None }
    }
}
