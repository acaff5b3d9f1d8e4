//! `StorageObjectInUseProtection` (`plugin/pkg/admission/storage/storageobjectinuseprotection`).

use serde_json::{Value, json};

use super::super::json::slot;
use super::Attributes;
use crate::model::claim::PROTECTION;

/// New claims and volumes get the finalizer that keeps them while they are used.
pub(super) fn admit(cx: &Attributes<'_>, object: &mut Value) {
    let finalizer = if cx.creates("", "PersistentVolumeClaim") {
        PROTECTION
    } else if cx.creates("", "PersistentVolume") {
        "kubernetes.io/pv-protection"
    } else {
        return;
    };
    if let Some(finalizers) = slot(object, &["metadata", "finalizers"]) {
        match finalizers.as_array_mut() {
            Some(finalizers) if finalizers.iter().any(|known| known == finalizer) => {}
            Some(finalizers) => finalizers.push(finalizer.into()),
            None => *finalizers = json!([finalizer]),
        }
    }
}
