//! Claims (`pkg/apis/core/validation`, ValidatePersistentVolumeClaimSpec).

use serde_json::Value;

use super::super::amount::Amount;
use super::super::field::{Errors, Path};
use super::super::json::{at, empty, some_text, text, texts};
use super::names::{label, subdomain};
use super::{meta, resources, selector};

const MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// `ValidatePersistentVolumeClaim`
pub(super) fn claim(object: &Value, errors: &mut Errors) {
    meta::validate(object, true, subdomain, errors);
    spec(object, &Path::new("spec"), errors);
}

/// Checks the spec of what holds one.
pub(super) fn spec(holder: &Value, path: &Path, errors: &mut Errors) {
    let nothing = Value::Null;
    let spec = at(holder, "/spec").unwrap_or(&nothing);
    if empty(spec, "/accessModes") {
        errors.required(&path.child("accessModes"), "at least 1 access mode is required");
    }
    if let Some(selector) = at(spec, "/selector") {
        selector::validate(selector, &path.child("selector"), errors);
    }
    access_modes(spec, path, errors);
    size(spec, &path.child("resources").key("storage"), errors);
    if let Some(class) = some_text(spec, "/storageClassName") {
        errors.all_invalid(&path.child("storageClassName"), class, subdomain(class));
    }
    volume_mode(spec, path, errors);
    sources(spec, path, errors);
    if let Some(class) = some_text(spec, "/volumeAttributesClassName") {
        errors.all_invalid(&path.child("volumeAttributesClassName"), class, subdomain(class));
    }
}

/// The access modes of a claim or volume.
pub(super) fn access_modes(spec: &Value, path: &Path, errors: &mut Errors) {
    let modes = texts(spec, "/accessModes");
    for mode in modes.iter().filter(|mode| !MODES.contains(mode)) {
        errors.unsupported(&path.child("accessModes"), *mode, MODES);
    }
    let once = modes.contains(&"ReadWriteOncePod");
    if once && modes.iter().any(|mode| *mode != "ReadWriteOncePod" && MODES.contains(mode)) {
        errors.forbidden(&path.child("accessModes"), "may not use ReadWriteOncePod with other access modes");
    }
}

/// The volume mode of a claim or volume.
pub(super) fn volume_mode(spec: &Value, path: &Path, errors: &mut Errors) {
    if let Some(mode) = some_text(spec, "/volumeMode").filter(|mode| !matches!(*mode, "Block" | "Filesystem")) {
        errors.unsupported(&path.child("volumeMode"), mode, &["Block", "Filesystem"]);
    }
}

fn size(spec: &Value, path: &Path, errors: &mut Errors) {
    match at(spec, "/resources/requests/storage").and_then(Amount::of) {
        None => errors.required(path, ""),
        Some(size) if size.nanos <= 0 => errors.invalid(path, size.to_string(), "must be greater than zero"),
        Some(size) => resources::quantity("storage", size, path, errors),
    }
}

fn sources(spec: &Value, path: &Path, errors: &mut Errors) {
    for field in ["dataSource", "dataSourceRef"] {
        let Some(source) = at(spec, &format!("/{field}")) else { continue };
        let path = path.child(field);
        for part in ["name", "kind"] {
            if text(source, &format!("/{part}")).is_empty() {
                errors.required(&path.child(part), "");
            }
        }
        let (group, kind) = (text(source, "/apiGroup"), text(source, "/kind"));
        if group.is_empty() && kind != "PersistentVolumeClaim" {
            errors.invalid(&path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
        }
        if !group.is_empty() {
            errors.all_invalid(&path.child("apiGroup"), group, subdomain(group));
        }
        if let Some(namespace) = some_text(source, "/namespace") {
            errors.all_invalid(&path.child("namespace"), namespace, label(namespace));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(spec: Value) -> String {
        let mut errors = Errors::default();
        claim(&json!({"metadata": {"name": "data", "namespace": "app"}, "spec": spec}), &mut errors);
        let message = errors.message("", "PersistentVolumeClaim", "data").unwrap_or_default();
        message.replacen("PersistentVolumeClaim \"data\" is invalid: ", "", 1)
    }

    #[test]
    fn a_claim_says_how_it_is_used_and_how_large_it_is() {
        assert_eq!(
            told(json!({})),
            "[spec.accessModes: Required value: at least 1 access mode is required, spec.resources[storage]: Required value]"
        );
        let size = json!({"requests": {"storage": "1Gi"}});
        assert_eq!(
            told(json!({"accessModes": ["ReadWriteTwice"], "resources": size})),
            "spec.accessModes: Unsupported value: \"ReadWriteTwice\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \
             \"ReadWriteOnce\", \"ReadWriteOncePod\""
        );
        assert_eq!(
            told(json!({"accessModes": ["ReadWriteOnce", "ReadWriteOncePod"], "resources": size})),
            "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"
        );
        assert_eq!(
            told(json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "-1Gi"}}})),
            "spec.resources[storage]: Invalid value: \"-1Gi\": must be greater than zero"
        );
    }
}
