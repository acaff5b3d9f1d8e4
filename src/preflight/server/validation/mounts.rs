//! What containers mount (`pkg/apis/core/validation`, ValidateVolumeMounts and ValidateVolumeDevices).

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{list, some_text, text, truth};
use super::volumes::{Volumes, backsteps, descending};

/// Checks mounts and devices of a container against the pod's volumes.
pub(super) fn validate(container: &Value, path: &Path, volumes: &Volumes<'_>, errors: &mut Errors) {
    mounts(container, &path.child("volumeMounts"), volumes, errors);
    devices(container, &path.child("volumeDevices"), volumes, errors);
}

fn any(container: &Value, place: &str, field: &str, value: &str) -> bool {
    list(container, place).iter().any(|other| text(other, field) == value)
}

fn mounts(container: &Value, parent: &Path, volumes: &Volumes<'_>, errors: &mut Errors) {
    let mut points = BTreeSet::new();
    for (index, mount) in list(container, "/volumeMounts").iter().enumerate() {
        let path = parent.index(index);
        let (name, point) = (text(mount, "/name"), text(mount, "/mountPath"));
        if name.is_empty() {
            errors.required(&path.child("name"), "");
        }
        if !volumes.contains_key(name) {
            errors.not_found(&path.child("name"), name);
        }
        if point.is_empty() {
            errors.required(&path.child("mountPath"), "");
        }
        if !points.insert(point) {
            errors.invalid(&path.child("mountPath"), point, "must be unique");
        }
        if any(container, "/volumeDevices", "/name", name) {
            errors.invalid(&path.child("name"), name, "must not already exist in volumeDevices");
        }
        if any(container, "/volumeDevices", "/devicePath", point) {
            errors.invalid(&path.child("mountPath"), point, "must not already exist as a path in volumeDevices");
        }
        below(mount, parent, &path, errors);
        propagation(mount, container, &parent.child("mountPropagation"), errors);
        recursive(mount, &parent.child("recursiveReadOnly"), errors);
    }
}

fn below(mount: &Value, parent: &Path, path: &Path, errors: &mut Errors) {
    let (plain, expression) = (some_text(mount, "/subPath"), some_text(mount, "/subPathExpr"));
    if let Some(plain) = plain {
        descending(plain, &parent.child("subPath"), errors);
    }
    if let Some(expression) = expression {
        if plain.is_some() {
            let detail = "subPathExpr and subPath are mutually exclusive";
            errors.invalid(&path.child("subPathExpr"), expression, detail);
        }
        descending(expression, &parent.child("subPathExpr"), errors);
    }
}

fn propagation(mount: &Value, container: &Value, path: &Path, errors: &mut Errors) {
    let Some(mode) = some_text(mount, "/mountPropagation") else { return };
    let known = ["Bidirectional", "HostToContainer", "None"];
    if !known.contains(&mode) {
        errors.unsupported(path, mode, &known);
    }
    if mode == "Bidirectional" && !truth(container, "/securityContext/privileged") {
        errors.forbidden(path, "Bidirectional mount propagation is available only to privileged containers");
    }
}

fn recursive(mount: &Value, path: &Path, errors: &mut Errors) {
    let Some(mode) = some_text(mount, "/recursiveReadOnly") else { return };
    let known = ["Disabled", "Enabled", "IfPossible"];
    if !known.contains(&mode) {
        errors.unsupported(path, mode, &known);
        return;
    }
    if mode == "Disabled" {
        return;
    }
    if !truth(mount, "/readOnly") {
        errors.forbidden(path, "may only be specified when readOnly is true");
    }
    if !matches!(text(mount, "/mountPropagation"), "" | "None") {
        errors.forbidden(path, "may only be specified when mountPropagation is None or not specified");
    }
}

fn devices(container: &Value, parent: &Path, volumes: &Volumes<'_>, errors: &mut Errors) {
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for (index, device) in list(container, "/volumeDevices").iter().enumerate() {
        let path = parent.index(index);
        let (name, point) = (text(device, "/name"), text(device, "/devicePath"));
        if name.is_empty() {
            errors.required(&path.child("name"), "");
        }
        if names.contains(name) {
            errors.invalid(&path.child("name"), name, "must be unique");
        }
        match volumes.get(name) {
            Some(volume) if volume.get("persistentVolumeClaim").is_none() && volume.get("ephemeral").is_none() => {
                let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                errors.invalid(&path.child("name"), name, detail);
            }
            Some(_) => {}
            None => errors.not_found(&path.child("name"), name),
        }
        if point.is_empty() {
            errors.required(&path.child("devicePath"), "");
        }
        if paths.contains(point) {
            errors.invalid(&path.child("devicePath"), point, "must be unique");
        }
        if backsteps(point) {
            errors.invalid(&path.child("devicePath"), point, "can not contain backsteps ('..')");
        } else {
            paths.insert(point);
        }
        if any(container, "/volumeMounts", "/name", name) {
            errors.invalid(&path.child("name"), name, "must not already exist in volumeMounts");
        }
        if any(container, "/volumeMounts", "/mountPath", point) {
            errors.invalid(&path.child("devicePath"), point, "must not already exist as a path in volumeMounts");
        }
        if !name.is_empty() {
            names.insert(name);
        }
    }
}
