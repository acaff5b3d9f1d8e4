//! Volumes, storage classes and attribute classes (`pkg/apis/core/validation`, `pkg/apis/storage/validation`).

use serde_json::Value;

use super::super::amount::Amount;
use super::super::field::{Errors, Path};
use super::super::json::{at, empty, entries, list, some_text, text};
use super::names::{label_key, subdomain};
use super::{affinity, claims, meta, volumes};

/// Sources of volumes, in the order in which the server looks at them.
pub(super) const SOURCES: &[&str] = &[
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

/// `ValidatePersistentVolume`
pub(super) fn volume(object: &Value, errors: &mut Errors) {
    meta::validate(object, false, subdomain, errors);
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    if empty(spec, "/accessModes") {
        errors.required(&path.child("accessModes"), "");
    }
    claims::access_modes(spec, &path, errors);
    capacity(spec, &path.child("capacity"), errors);
    if let Some(policy) = some_text(spec, "/persistentVolumeReclaimPolicy") {
        let known = ["Delete", "Recycle", "Retain"];
        if !known.contains(&policy) {
            errors.unsupported(&path.child("persistentVolumeReclaimPolicy"), policy, &known);
        }
    }
    let affinity = at(spec, "/nodeAffinity");
    if let Some(affinity) = affinity {
        let path = path.child("nodeAffinity").child("required");
        match at(affinity, "/required") {
            Some(required) => affinity::node_selector(required, true, &path, errors),
            None => errors.required(&path, "must specify required node constraints"),
        }
    }
    source(spec, affinity.is_some(), &path, errors);
    if let Some(class) = some_text(spec, "/storageClassName") {
        errors.all_invalid(&path.child("storageClassName"), class, subdomain(class));
    }
    claims::volume_mode(spec, &path, errors);
    if let Some(class) = at(spec, "/volumeAttributesClassName").and_then(Value::as_str) {
        match class {
            "" => errors.required(&path.child("volumeAttributesClassName"), "an empty string is disallowed"),
            class => errors.all_invalid(&path.child("volumeAttributesClassName"), class, subdomain(class)),
        }
        if at(spec, "/csi").is_none() {
            errors.required(&path.child("csi"), "has to be specified when using volumeAttributesClassName");
        }
    }
}

fn capacity(spec: &Value, path: &Path, errors: &mut Errors) {
    let count = entries(spec, "/capacity").count();
    if count == 0 {
        errors.required(path, "");
    }
    if at(spec, "/capacity/storage").is_none() || count > 1 {
        let shown = at(spec, "/capacity").cloned().unwrap_or_default();
        errors.unsupported(path, shown, &["storage"]);
    }
    for (name, value) in entries(spec, "/capacity") {
        let Some(amount) = Amount::of(value) else { continue };
        if amount.nanos < 0 {
            errors.invalid(&path.key(name), amount.value(), "must be a valid resource quantity");
        }
        if amount.nanos <= 0 {
            errors.invalid(&path.key(name), amount.to_string(), "must be greater than zero");
        }
    }
}

fn source(spec: &Value, has_affinity: bool, path: &Path, errors: &mut Errors) {
    let mut any = false;
    for kind in SOURCES {
        let Some(source) = at(spec, &format!("/{kind}")) else { continue };
        let place = path.child(kind);
        if any {
            errors.forbidden(&place, "may not specify more than 1 volume type");
            continue;
        }
        any = true;
        match *kind {
            "hostPath" => volumes::host_path(source, &place, errors),
            "local" => local(source, has_affinity, path, errors),
            "csi" => csi(source, &place, errors),
            _ => volumes::required(kind, source, &place, errors),
        }
    }
    if !any {
        errors.required(path, "must specify a volume type");
    }
    let root = text(spec, "/hostPath/path");
    if !root.is_empty()
        && root.trim_matches('/').is_empty()
        && text(spec, "/persistentVolumeReclaimPolicy") == "Recycle"
    {
        let detail = "may not be 'recycle' for a hostPath mount of '/'";
        errors.forbidden(&path.child("persistentVolumeReclaimPolicy"), detail);
    }
}

fn local(source: &Value, has_affinity: bool, path: &Path, errors: &mut Errors) {
    let own = text(source, "/path");
    let place = path.child("local").child("path");
    if own.is_empty() {
        errors.required(&place, "");
    } else if volumes::backsteps(own) {
        errors.invalid(&place, own, "must not contain '..'");
    }
    if !has_affinity {
        errors.required(&path.child("nodeAffinity"), "Local volume requires node affinity");
    }
}

fn csi(source: &Value, path: &Path, errors: &mut Errors) {
    let driver = text(source, "/driver");
    if driver.is_empty() {
        errors.required(&path.child("driver"), "");
    }
    volumes::csi_driver(driver, &path.child("driver"), errors);
    if text(source, "/volumeHandle").is_empty() {
        errors.required(&path.child("volumeHandle"), "");
    }
}

/// `ValidateStorageClass`
pub(super) fn class(object: &Value, errors: &mut Errors) {
    meta::validate(object, false, subdomain, errors);
    let provisioner = text(object, "/provisioner");
    let path = Path::new("provisioner");
    if provisioner.is_empty() {
        errors.required(&path, "");
    } else {
        errors.all_invalid(&path, provisioner, label_key(&provisioner.to_lowercase()));
    }
    if entries(object, "/parameters").any(|(key, _)| key.is_empty()) {
        errors.invalid(&Path::new("parameters"), "", "field can not be empty.");
    }
    if let Some(policy) = some_text(object, "/reclaimPolicy").filter(|policy| !matches!(*policy, "Delete" | "Retain")) {
        errors.unsupported(&Path::new("reclaimPolicy"), policy, &["Delete", "Retain"]);
    }
    let mode = text(object, "/volumeBindingMode");
    let known = ["Immediate", "WaitForFirstConsumer"];
    if !known.contains(&mode) {
        errors.unsupported(&Path::new("volumeBindingMode"), mode, &known);
    }
    for (index, term) in list(object, "/allowedTopologies").iter().enumerate() {
        affinity::topology_term(term, &Path::new("allowedTopologies").index(index), errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(check: fn(&Value, &mut Errors), object: &Value) -> String {
        let mut errors = Errors::default();
        check(object, &mut errors);
        errors.message("", "X", "").map_or_else(String::new, |message| message.replacen("X \"\" is invalid: ", "", 1))
    }

    #[test]
    fn a_class_says_who_provisions() {
        let class = json!({"metadata": {"name": "fast"}, "reclaimPolicy": "Recycle", "volumeBindingMode": "Immediate"});
        assert_eq!(
            told(super::class, &class),
            "[provisioner: Required value, reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\"]"
        );
    }

    #[test]
    fn a_local_volume_says_where_it_is() {
        let volume = json!({"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
            "local": {"path": "/mnt"}}});
        assert_eq!(
            told(super::volume, &volume),
            "spec.nodeAffinity: Required value: Local volume requires node affinity"
        );
    }
}
