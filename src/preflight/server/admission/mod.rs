//! The admission plugins that are on by default, each in a file under its upstream name, in the order in which the server
//! runs them (`pkg/kubeapiserver/options/plugins.go`).

mod default_storage_class;
mod default_toleration_seconds;
mod limit_ranger;
mod mutating_admission_policy;
mod mutating_admission_webhook;
mod namespace_lifecycle;
mod persistent_volume_claim_resize;
mod pod_security;
mod priority;
pub(super) mod resource_quota;
mod runtime_class;
mod service_account;
mod storage_object_in_use_protection;
mod taint_nodes_by_condition;
mod validating_admission_policy;
mod validating_admission_webhook;
mod webhooks;

pub(in crate::preflight) use service_account::missing as missing_account;

use serde_json::Value;

use super::super::world::World;
use super::Request;
use super::field::quote;
use super::json::{some_text, text};
use super::kinds::Resource;
use crate::model::version::Version;

/// Why a request goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// `Status.message`
    Refused(String),
    /// It can't be known what comes of it: why, and what would settle it.
    Unknown(String),
}

/// A request on its way through the plugins.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'a> {
    pub(crate) world: &'a World,
    pub(crate) resource: &'a Resource,
    /// Empty for cluster-scoped kinds.
    pub(crate) namespace: &'a str,
    /// The object that is replaced; `None` for one that is new.
    pub(crate) old: Option<&'a Value>,
    pub(crate) version: Version,
    pub(crate) request: Request,
}

impl Attributes<'_> {
    /// Whether a new object of a kind is made.
    fn creates(&self, group: &str, kind: &str) -> bool {
        self.old.is_none() && self.is(group, kind)
    }

    /// Whether the request is about a kind.
    pub(crate) fn is(&self, group: &str, kind: &str) -> bool {
        self.resource.group == group && self.resource.kind == kind
    }

    /// `admission.NewForbidden`
    pub(crate) fn forbidden(&self, object: &Value, error: &str) -> Stop {
        let name = some_text(object, "/metadata/name").or_else(|| some_text(object, "/metadata/generateName"));
        let name = quote(name.unwrap_or("Unknown"));
        Stop::Refused(format!("{} {name} is forbidden: {error}", self.resource.qualified()))
    }

    /// The namespace of the request, where it is stored.
    fn namespace_object(&self) -> Option<&Value> {
        self.world.get("Namespace", None, self.namespace)
    }
}

/// What the plugins change, and what they refuse while they do so.
///
/// # Errors
/// Where one of them refuses the object, or can't be foreseen.
pub(crate) fn admit(cx: &Attributes<'_>, object: &mut Value) -> Result<(), Stop> {
    namespace_lifecycle::admit(cx, object)?;
    limit_ranger::admit(cx, object);
    service_account::admit(cx, object)?;
    taint_nodes_by_condition::admit(cx, object);
    priority::admit(cx, object)?;
    default_toleration_seconds::admit(cx, object);
    default_storage_class::admit(cx, object);
    storage_object_in_use_protection::admit(cx, object);
    runtime_class::admit(cx, object)?;
    let name = unnamed(object);
    let changed = match cx.request {
        Request::ApplyUnhooked => Ok(()),
        _ => mutating_admission_policy::admit(cx, object),
    };
    let changed = changed.and_then(|()| mutating_admission_webhook::admit(cx, object));
    if let (Some(name), Some(meta)) = (name, object.pointer_mut("/metadata").and_then(Value::as_object_mut)) {
        meta.insert("name".to_owned(), name);
    }
    changed
}

/// Takes a generated name away: the server gives it only after policies and webhooks have changed the object.
fn unnamed(object: &mut Value) -> Option<Value> {
    let generated = some_text(object, "/metadata/generateName").is_some();
    object.pointer_mut("/metadata")?.as_object_mut().filter(|_| generated)?.remove("name")
}

/// What the plugins refuse once the object is valid, the quotas last; warnings are added to those that there are.
///
/// # Errors
/// Where one of them refuses the object, or can't be foreseen.
pub(crate) fn validate(cx: &Attributes<'_>, object: &Value, warnings: &mut Vec<String>) -> Result<(), Stop> {
    limit_ranger::validate(cx, object)?;
    service_account::validate(cx, object)?;
    pod_security::validate(cx, object, warnings)?;
    priority::validate(cx, object)?;
    persistent_volume_claim_resize::validate(cx, object)?;
    runtime_class::validate(cx, object)?;
    validating_admission_policy::validate(cx, object, warnings)?;
    validating_admission_webhook::validate(cx, object)?;
    resource_quota::validate(cx, object)
}

/// The class that a claim names, by its field or by the annotation that came before it.
pub(super) fn class_of(claim: &Value) -> Option<&str> {
    claim
        .pointer("/metadata/annotations/volume.beta.kubernetes.io~1storage-class")
        .and_then(Value::as_str)
        .or_else(|| claim.pointer("/spec/storageClassName").and_then(Value::as_str))
}

/// Whether an object is being deleted.
fn deleting(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

#[cfg(test)]
pub(super) mod kit {
    use serde_json::Value;

    use super::super::super::world::{Key, World};
    use super::super::Request;
    use super::super::kinds::{Resource, Served, served};
    use super::{Attributes, Stop};
    use crate::model::version::Version;

    /// A world of some objects.
    pub(crate) fn world(objects: &[Value]) -> World {
        let mut world = World::default();
        for object in objects {
            let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let namespace = Some(text("/metadata/namespace")).filter(|namespace| !namespace.is_empty());
            world.put(Key { kind: text("/kind"), namespace, name: text("/metadata/name") }, object.clone());
        }
        world
    }

    /// Where objects of a kind stand.
    pub(crate) fn resource(api_version: &str, kind: &str) -> Resource {
        match served(&World::default(), api_version, kind, Version::new(1, 36)) {
            Served::Yes(resource) => resource,
            other => panic!("{other:?}"),
        }
    }

    /// The creation of an object in namespace `app`.
    pub(crate) fn creation<'a>(world: &'a World, resource: &'a Resource) -> Attributes<'a> {
        Attributes {
            world,
            resource,
            namespace: "app",
            old: None,
            version: Version::new(1, 36),
            request: Request::Apply,
        }
    }

    /// The message of a refusal.
    pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Stop>) -> String {
        match result {
            Err(Stop::Refused(message)) => message,
            other => panic!("{other:?}"),
        }
    }
}
