//! A POST of a new object (`apiserver/pkg/endpoints/handlers/create.go`, `registry/rest/create.go`).

use serde_json::{Value, json};

use super::super::world::World;
use super::admission::{self, Attributes, Stop};
use super::json::{default, remove, set, some_text, text, truth};
use super::kinds::Resource;
use super::pod::quality;
use super::{Request, decode, defaults, validation};
use crate::model::version::Version;

/// Letters that the server makes names with (`apimachinery/pkg/util/rand`).
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Makes a new object what the server stores.
///
/// # Errors
/// Why the server refuses it, or why that can't be known.
pub(crate) fn create(
    (world, request): (&World, Request),
    resource: &Resource,
    mut object: Value,
    version: Version,
    warnings: &mut Vec<String>,
) -> Result<Value, Stop> {
    decode::decode(resource, &mut object).map_err(Stop::Refused)?;
    defaults::apply(resource, &mut object);
    system_fields(&mut object);
    let namespace = text(&object, "/metadata/namespace").to_owned();
    let namespace = if resource.namespaced { namespace } else { String::new() };
    let cx = Attributes { world, resource, namespace: &namespace, old: None, version, request };
    admission::admit(&cx, &mut object)?;
    prepare(resource, &mut object);
    let errors = validation::create(resource, &object, version.minor);
    if let Some(message) = errors.message(&resource.group, &resource.kind, text(&object, "/metadata/name")) {
        return Err(Stop::Refused(message));
    }
    admission::validate(&cx, &object, warnings)?;
    if exists(world, resource, &object) {
        let name = super::field::quote(text(&object, "/metadata/name"));
        return Err(Stop::Refused(format!("{} {name} already exists", resource.qualified())));
    }
    Ok(object)
}

fn exists(world: &World, resource: &Resource, object: &Value) -> bool {
    let namespace = some_text(object, "/metadata/namespace").filter(|_| resource.namespaced);
    world.get(&resource.kind, namespace, text(object, "/metadata/name")).is_some()
}

/// What only the server sets: a name where only its start is given, and an identity. Both come from what they are for, so
/// that the same request has the same answer.
fn system_fields(object: &mut Value) {
    for field in ["resourceVersion", "managedFields", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        remove(object, "/metadata", field);
    }
    let start = text(object, "/metadata/generateName").to_owned();
    if text(object, "/metadata/name").is_empty() && !start.is_empty() {
        let mut number = hash(object.to_string().as_bytes(), 0);
        let mut name = start;
        for _ in 0..5 {
            let letter = LETTERS.get(usize::try_from(number % LETTERS.len() as u64).unwrap_or(0)).copied();
            name.push(char::from(letter.unwrap_or(b'x')));
            number /= LETTERS.len() as u64;
        }
        set(object, &["metadata", "name"], name);
    }
    let place =
        format!("{}/{}/{}", text(object, "/kind"), text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    let (high, low) = (hash(place.as_bytes(), 1), hash(place.as_bytes(), 2));
    let uid = format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    );
    default(object, &["metadata", "uid"], uid);
}

/// FNV-1a.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes.iter().fold(start, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// `PrepareForCreate` of the kind's strategy.
fn prepare(resource: &Resource, object: &mut Value) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => {
            let quality = quality(object);
            set(object, &["status"], json!({"phase": "Pending", "qosClass": quality}));
            super::prepare_pod::label_keys(object);
        }
        ("batch", "Job") => {
            if !truth(object, "/spec/manualSelector") {
                generate_selector(object);
            }
            set(object, &["status"], json!({}));
        }
        ("", "PersistentVolumeClaim") => {
            set(object, &["status"], json!({"phase": "Pending"}));
            super::prepare_claim::data_source(object, None);
        }
        ("", "PersistentVolume") => set(object, &["status"], json!({"phase": "Pending"})),
        ("", "Namespace") => set(object, &["status"], json!({"phase": "Active"})),
        ("apps", _) | ("policy", _) | ("", "ResourceQuota" | "Service" | "ReplicationController") => {
            set(object, &["status"], json!({}));
        }
        _ => {}
    }
    if matches!(resource.group.as_str(), "apps" | "batch" | "policy" | "networking.k8s.io") {
        set(object, &["metadata", "generation"], 1);
    }
}

/// `generateSelector` of a job: its pods get labels that no other job's have.
fn generate_selector(object: &mut Value) {
    let (name, uid) = (text(object, "/metadata/name").to_owned(), text(object, "/metadata/uid").to_owned());
    for (key, value) in [
        ("job-name", &name),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("batch.kubernetes.io/controller-uid", &uid),
    ] {
        default(object, &["spec", "template", "metadata", "labels", key], value.as_str());
    }
    default(object, &["spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"], uid);
}
