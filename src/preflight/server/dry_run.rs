//! What is sent to the server itself to have it try a document: what `kubectl apply --dry-run=server` sends
//! (`kubectl/pkg/cmd/apply`).

use serde_json::Value;

use super::super::world::World;
use super::kinds::Served;
use super::{apply, json, no_matches, place, resource_of};
use crate::model::version::Version;
use crate::source::dry_run::Subject;

/// What the server is asked about an object.
///
/// # Errors
/// Why nothing is sent for it.
pub(crate) fn subject(
    world: &World,
    object: &Value,
    default_namespace: &str,
    version: Version,
) -> Result<Subject, String> {
    let resource = match resource_of(world, object, version) {
        Served::Yes(resource) => resource,
        Served::No => return Err(no_matches(object)),
        Served::Unknown(why) => return Err(why),
    };
    let mut object = object.clone();
    place(&resource, &mut object, default_namespace);
    let name = json::text(&object, "/metadata/name").to_owned();
    if name.is_empty() {
        return Err("it has no name, and kubectl applies nothing without one".to_owned());
    }
    let namespace = resource.namespaced.then(|| json::text(&object, "/metadata/namespace").to_owned());
    let api_version = json::text(&object, "/apiVersion").to_owned();
    let created = apply::annotated(&object);
    Ok(Subject { api_version, plural: resource.plural, kind: resource.kind, namespace, name, created })
}

/// The strategic merge patch that an object of a built-in kind is sent where it exists; `None` where nothing changes.
pub(crate) fn patch(subject: &Subject, live: &Value, version: Version) -> Option<Value> {
    let Served::Yes(resource) = resource_of(&World::default(), &subject.created, version) else { return None };
    apply::patch(&resource, live, &subject.created)
}
