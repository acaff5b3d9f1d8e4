//! What the API server makes of a request: conversion, defaults, admission, validation, immutable fields and the patch
//! of `kubectl apply`.

use serde_json::Value;

use super::world::World;

/// What the API server answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// The object as it would be stored.
    Admitted(Box<Value>),
    /// `Status.message`.
    Refused(String),
    /// Whether it is admitted can't be known: why, and what would settle it.
    Unknown(String),
}

/// Who asks: kubectl for a document, or a controller for a pod or claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// POST of a new object.
    Create,
    /// The patch that `kubectl apply` sends for an object that exists.
    Apply,
}
