//! Fields of objects as the server stores them.

use serde_json::Value;

pub(crate) use super::server::json::{list, number, text};

pub(crate) fn kind_of(object: &Value) -> &str {
    text(object, "/kind")
}

pub(crate) fn name_of(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(crate) fn namespace_of(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(crate) fn uid_of(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Whether the object waits for its finalizers to be gone.
pub(crate) fn deleting(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// Whether an object's controller is the one of this uid.
pub(crate) fn controlled(object: &Value, uid: &str) -> bool {
    list(object, "/metadata/ownerReferences").iter().any(|owner| owner["controller"] == true && owner["uid"] == uid)
}
