//! Names, labels and annotations of objects (`apimachinery/pkg/api/validation/objectmeta.go`).

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, entries, list, text, truth};
use super::names::{Wrong, label_key, label_value};

/// Bytes that all annotations of an object may have.
const ANNOTATIONS: usize = 256 * 1024;

/// What a name may look like.
pub(super) type Name = fn(&str) -> Wrong;

/// Checks the metadata of an object.
pub(super) fn validate(object: &Value, namespaced: bool, name: Name, errors: &mut Errors) {
    let path = Path::new("metadata");
    let (own, generated) = (text(object, "/metadata/name"), text(object, "/metadata/generateName"));
    if !generated.is_empty() {
        let start = generated.strip_suffix('-').map_or_else(|| generated.to_owned(), |start| format!("{start}a"));
        errors.all_invalid(&path.child("generateName"), generated, name(&start));
    }
    if own.is_empty() {
        errors.required(&path.child("name"), "name or generateName is required");
    } else {
        errors.all_invalid(&path.child("name"), own, name(own));
    }
    if namespaced {
        let namespace = text(object, "/metadata/namespace");
        if namespace.is_empty() {
            errors.required(&path.child("namespace"), "");
        } else {
            errors.all_invalid(&path.child("namespace"), namespace, super::names::label(namespace));
        }
    }
    labels(object, "/metadata/labels", &path.child("labels"), errors);
    annotations(object, "/metadata/annotations", &path.child("annotations"), errors);
    owners(object, &path.child("ownerReferences"), errors);
    for finalizer in list(object, "/metadata/finalizers").iter().filter_map(Value::as_str) {
        errors.all_invalid(&path.child("finalizers"), finalizer, label_key(finalizer));
    }
}

/// `ValidateLabels`
pub(super) fn labels(object: &Value, pointer: &str, path: &Path, errors: &mut Errors) {
    for (key, value) in entries(object, pointer) {
        errors.all_invalid(path, key, label_key(key));
        let value = value.as_str().unwrap_or_default();
        errors.all_invalid(path, value, label_value(value));
    }
}

/// `ValidateAnnotations`
pub(super) fn annotations(object: &Value, pointer: &str, path: &Path, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in entries(object, pointer) {
        errors.all_invalid(path, key, label_key(&key.to_lowercase()));
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS {
        errors.too_long(path, ANNOTATIONS);
    }
}

fn owners(object: &Value, path: &Path, errors: &mut Errors) {
    let mut controller: Option<String> = None;
    for owner in list(object, "/metadata/ownerReferences") {
        if text(owner, "/apiVersion").is_empty() {
            errors.invalid(&path.child("apiVersion"), "", "version must not be empty");
        }
        for field in ["kind", "name", "uid"] {
            if text(owner, &format!("/{field}")).is_empty() {
                errors.invalid(&path.child(field), "", "must not be empty");
            }
        }
        if truth(owner, "/controller") {
            let this = format!("{}/{}", text(owner, "/kind"), text(owner, "/name"));
            match &controller {
                Some(first) => {
                    let all = at(object, "/metadata/ownerReferences").cloned().unwrap_or_default();
                    let detail = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                    );
                    errors.invalid(path, all, &detail);
                }
                None => controller = Some(this),
            }
        }
    }
}
