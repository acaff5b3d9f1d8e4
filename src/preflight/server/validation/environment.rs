//! Environment variables of containers (`pkg/apis/core/validation`, ValidateEnv and ValidateEnvFrom).

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, list, some_text, text};
use super::names::{config_key, label_key, subdomain, variable};

/// Fields of the pod that a variable can show.
const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Resources of a container that a variable can show.
pub(super) const RESOURCES: &[&str] = &[
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const SOURCES: &[&str] = &["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];

/// Checks the variables of a container.
pub(super) fn validate(container: &Value, path: &Path, errors: &mut Errors) {
    for (index, own) in list(container, "/env").iter().enumerate() {
        let path = path.child("env").index(index);
        let name = text(own, "/name");
        if name.is_empty() {
            errors.required(&path.child("name"), "");
        } else {
            errors.all_invalid(&path.child("name"), name, variable(name));
        }
        if let Some(from) = at(own, "/valueFrom") {
            value_from(own, from, &path.child("valueFrom"), errors);
        }
    }
    for (index, from) in list(container, "/envFrom").iter().enumerate() {
        env_from(from, &path.child("envFrom"), index, errors);
    }
}

fn value_from(own: &Value, from: &Value, path: &Path, errors: &mut Errors) {
    let sources: Vec<(&str, &Value)> =
        SOURCES.iter().filter_map(|source| Some((*source, at(from, &format!("/{source}"))?))).collect();
    for (source, reference) in &sources {
        let path = path.child(source);
        match *source {
            "fieldRef" => field(reference, FIELDS, &path, errors),
            "resourceFieldRef" => resource(reference, false, &path, errors),
            "fileKeyRef" => {}
            _ => key(reference, &path, errors),
        }
    }
    if sources.is_empty() {
        let detail =
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
        errors.invalid(path, "", detail);
    } else if some_text(own, "/value").is_some() {
        errors.invalid(path, "", "may not be specified when `value` is not empty");
    } else if sources.len() > 1 {
        errors.invalid(path, "", "may not have more than one field specified at a time");
    }
}

/// `validateObjectFieldSelector`
pub(super) fn field(reference: &Value, fields: &[&str], path: &Path, errors: &mut Errors) {
    let name = text(reference, "/fieldPath");
    if name.is_empty() {
        errors.required(&path.child("fieldPath"), "");
        return;
    }
    let subscript = name.strip_suffix("']").and_then(|start| start.split_once("['"));
    match subscript {
        Some(("metadata.annotations", key)) => errors.all_invalid(path, key, label_key(&key.to_lowercase())),
        Some(("metadata.labels", key)) => errors.all_invalid(path, key, label_key(key)),
        _ if fields.contains(&name) => {}
        _ if convertible(name) => errors.unsupported(&path.child("fieldPath"), name, fields),
        _ => {
            let detail = format!("error converting fieldPath: field label not supported: {name}");
            errors.invalid(&path.child("fieldPath"), name, &detail);
        }
    }
}

/// What the server can read of a pod at all (`ConvertDownwardAPIFieldLabel`).
fn convertible(name: &str) -> bool {
    FIELDS.contains(&name)
        || matches!(
            name,
            "metadata.annotations"
                | "metadata.labels"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "status.phase"
                | "spec.host"
        )
}

/// `validateContainerResourceFieldSelector`
pub(super) fn resource(reference: &Value, of_volume: bool, path: &Path, errors: &mut Errors) {
    let name = text(reference, "/resource");
    if of_volume && text(reference, "/containerName").is_empty() {
        errors.required(&path.child("containerName"), "");
    } else if name.is_empty() {
        errors.required(&path.child("resource"), "");
    } else if !RESOURCES.contains(&name)
        && !name.starts_with("requests.hugepages-")
        && !name.starts_with("limits.hugepages-")
    {
        errors.unsupported(&path.child("resource"), name, RESOURCES);
    }
}

/// `validateConfigMapKeySelector`, `validateSecretKeySelector`
fn key(reference: &Value, path: &Path, errors: &mut Errors) {
    let name = text(reference, "/name");
    errors.all_invalid(&path.child("name"), name, subdomain(name));
    match text(reference, "/key") {
        "" => errors.required(&path.child("key"), ""),
        key => errors.all_invalid(&path.child("key"), key, config_key(key)),
    }
}

/// How many sources there are is told of the list, not of its element.
fn env_from(from: &Value, list: &Path, index: usize, errors: &mut Errors) {
    let path = list.index(index);
    if let Some(prefix) = some_text(from, "/prefix") {
        errors.all_invalid(&path.child("prefix"), prefix, variable(prefix));
    }
    let sources: Vec<(&str, &Value)> = ["configMapRef", "secretRef"]
        .iter()
        .filter_map(|source| Some((*source, at(from, &format!("/{source}"))?)))
        .collect();
    for (source, reference) in &sources {
        let path = path.child(source).child("name");
        match text(reference, "/name") {
            "" => errors.required(&path, ""),
            name => errors.all_invalid(&path, name, subdomain(name)),
        }
    }
    match sources.len() {
        0 => errors.invalid(list, "", "must specify one of: `configMapRef` or `secretRef`"),
        1 => {}
        _ => errors.invalid(list, "", "may not have more than one field specified at a time"),
    }
}
