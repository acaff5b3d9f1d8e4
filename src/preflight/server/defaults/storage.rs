//! Defaults of claims, volumes, classes and drivers (`pkg/apis/core/v1/defaults.go`, `pkg/apis/storage/v1/defaults.go`).

use serde_json::{Value, json};

use super::super::json::{default, empty, set};

pub(super) fn claim(object: &mut Value) {
    default(object, &["spec", "volumeMode"], "Filesystem");
    default(object, &["status", "phase"], "Pending");
}

pub(super) fn volume(object: &mut Value) {
    default(object, &["spec", "persistentVolumeReclaimPolicy"], "Retain");
    default(object, &["spec", "volumeMode"], "Filesystem");
    default(object, &["status", "phase"], "Pending");
    if let Some(path) = object.pointer_mut("/spec/hostPath").filter(|path| path.is_object()) {
        default(path, &["type"], "");
    }
}

pub(super) fn class(object: &mut Value) {
    default(object, &["reclaimPolicy"], "Delete");
    default(object, &["volumeBindingMode"], "Immediate");
}

pub(super) fn driver(object: &mut Value) {
    default(object, &["spec", "attachRequired"], true);
    for field in ["podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"] {
        default(object, &["spec", field], false);
    }
    default(object, &["spec", "fsGroupPolicy"], "ReadWriteOnceWithFSType");
    if empty(object, "/spec/volumeLifecycleModes") {
        set(object, &["spec", "volumeLifecycleModes"], json!(["Persistent"]));
    }
}
