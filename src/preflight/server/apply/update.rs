//! An update of an object (`apiserver/pkg/endpoints/handlers/patch.go`, `registry/rest/update.go`).

use serde_json::Value;

use super::super::super::world::World;
use super::super::admission::{self, Attributes, Stop};
use super::super::json::{at, remove, set, text};
use super::super::kinds::Resource;
use super::super::{Request, decode, defaults, prepare_claim, validation};
use crate::model::version::Version;

/// Makes what an object is changed to what the server stores; `None` where nothing changes.
///
/// # Errors
/// Why the server refuses it, or why that can't be known.
pub(crate) fn update(
    (world, request): (&World, Request),
    resource: &Resource,
    live: &Value,
    mut object: Value,
    version: Version,
    warnings: &mut Vec<String>,
) -> Result<Option<Value>, Stop> {
    decode::decode(resource, &mut object).map_err(Stop::Refused)?;
    defaults::apply(resource, &mut object);
    let mut old = live.clone();
    // An object that is stored was decoded once; what can't be decoded here is taken as it is.
    let _ = decode::decode(resource, &mut old);
    defaults::apply(resource, &mut old);
    prepare(resource, &mut object, &old);
    if object == old {
        return Ok(None);
    }
    let namespace = text(&object, "/metadata/namespace").to_owned();
    let namespace = if resource.namespaced { namespace } else { String::new() };
    let cx = Attributes { world, resource, namespace: &namespace, old: Some(&old), version, request };
    admission::admit(&cx, &mut object)?;
    let errors = validation::update(resource, &object, &old, version.minor);
    if let Some(message) = errors.message(&resource.group, &resource.kind, text(&object, "/metadata/name")) {
        return Err(Stop::Refused(message));
    }
    admission::validate(&cx, &object, warnings)?;
    count_generation(resource, &mut object, &old);
    Ok(Some(object))
}

/// `PrepareForUpdate` of the kind's strategy: what only the server sets is as it was.
fn prepare(resource: &Resource, object: &mut Value, old: &Value) {
    for field in
        ["uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp", "selfLink", "managedFields"]
    {
        match at(old, &format!("/metadata/{field}")) {
            Some(value) => set(object, &["metadata", field], value.clone()),
            None => remove(object, "/metadata", field),
        }
    }
    match at(old, "/status") {
        Some(status) => set(object, &["status"], status.clone()),
        None => remove(object, "", "status"),
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Service") => keep_addresses(object, old),
        ("", "PersistentVolumeClaim") => prepare_claim::data_source(object, Some(old)),
        _ => {}
    }
}

/// `patchAllocatedValues` of services: addresses and node ports that were given stay.
fn keep_addresses(object: &mut Value, old: &Value) {
    if text(object, "/spec/type") == "ExternalName" || text(old, "/spec/type") == "ExternalName" {
        return;
    }
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        let pointer = format!("/spec/{field}");
        if at(object, &pointer).is_none()
            && let Some(value) = at(old, &pointer)
        {
            set(object, &["spec", field], value.clone());
        }
    }
    let same = |pointer: &str| at(object, pointer) == at(old, pointer);
    if !same("/spec/clusterIP") && same("/spec/clusterIPs") {
        let address = text(object, "/spec/clusterIP").to_owned();
        set(object, &["spec", "clusterIPs"], vec![address]);
    }
}

/// The generation counts the changes of what is asked for.
fn count_generation(resource: &Resource, object: &mut Value, old: &Value) {
    let counted = matches!(
        resource.group.as_str(),
        "apps" | "batch" | "policy" | "networking.k8s.io" | "admissionregistration.k8s.io"
    );
    let own = |object: &Value| {
        let mut own = object.clone();
        remove(&mut own, "", "metadata");
        remove(&mut own, "", "status");
        own
    };
    if counted && own(object) != own(old) {
        let generation = super::super::json::number(old, "/metadata/generation").unwrap_or(0);
        set(object, &["metadata", "generation"], generation.saturating_add(1));
    }
}
