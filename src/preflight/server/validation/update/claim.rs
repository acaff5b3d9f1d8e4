//! Changes of claims and volumes.

use serde_json::Value;

use super::super::super::amount::Amount;
use super::super::super::field::{Errors, Path};
use super::super::super::json::{at, empty, set, some_text, text};
use super::super::internal;
use super::super::storage::SOURCES;
use super::{IMMUTABLE, alike, diff};

/// The annotation that named the class before there was a field.
const CLASS: &str = "/metadata/annotations/volume.beta.kubernetes.io~1storage-class";

fn storage(claim: &Value, pointer: &str) -> Option<Amount> {
    at(claim, pointer).and_then(Amount::of)
}

/// `ValidatePersistentVolumeClaimUpdate`
pub(super) fn claim(object: &Value, old: &Value, errors: &mut Errors) {
    let mut new = at(object, "/spec").cloned().unwrap_or_default();
    let mut before = at(old, "/spec").cloned().unwrap_or_default();
    if text(&before, "/volumeName").is_empty() {
        let name = at(&new, "/volumeName").cloned().unwrap_or_default();
        set(&mut before, &["volumeName"], name);
    }
    class(object, old, &mut new, &before, errors);
    if text(object, "/status/phase") == "Bound" {
        if at(&new, "/resources/requests").is_some() {
            let size = at(&before, "/resources/requests/storage").cloned().unwrap_or_default();
            set(&mut new, &["resources", "requests", "storage"], size);
        }
        let attributes = at(&before, "/volumeAttributesClassName").cloned().unwrap_or_default();
        set(&mut new, &["volumeAttributesClassName"], attributes);
    }
    if !alike(Some(&new), Some(&before)) {
        let difference = diff::unified(&internal::claim_spec(&before).pretty(), &internal::claim_spec(&new).pretty());
        let detail = format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n{difference}"
        );
        errors.forbidden(&Path::new("spec"), &detail);
    }
    size(object, old, errors);
    volume_mode(object, old, errors);
    attributes_class(object, old, errors);
}

/// A claim without a class can get one, and the older annotation becomes the field.
fn class(object: &Value, old: &Value, new: &mut Value, before: &Value, errors: &mut Errors) {
    let (noted, was_noted) = (at(object, CLASS), at(old, CLASS));
    let (own, was) = (some_text(new, "/storageClassName").map(str::to_owned), at(before, "/storageClassName"));
    let from_annotation = was.is_none()
        && was_noted.is_some()
        && own.as_deref() == was_noted.and_then(Value::as_str)
        && (noted.is_none() || noted == was_noted);
    if from_annotation {
        set(new, &["storageClassName"], Value::Null);
        return;
    }
    if noted != was_noted {
        let path = Path::new("metadata").child("annotations").key("volume.beta.kubernetes.io/storage-class");
        errors.invalid(&path, noted.and_then(Value::as_str).unwrap_or_default(), IMMUTABLE);
    }
    let fits = was_noted.is_none_or(|noted| noted.as_str() == own.as_deref());
    if was.is_none() && at(new, "/storageClassName").is_some() && fits {
        set(new, &["storageClassName"], Value::Null);
    }
}

fn size(object: &Value, old: &Value, errors: &mut Errors) {
    let asked = "/spec/resources/requests/storage";
    let nanos = |claim, pointer| storage(claim, pointer).map_or(0, |size| size.nanos);
    let (now, before) = (nanos(object, asked), nanos(old, asked));
    if now < before && now <= nanos(old, "/status/capacity/storage") {
        let path = Path::new("spec").child("resources").child("requests").child("storage");
        errors.forbidden(&path, "field can not be less than status.capacity");
    }
}

fn volume_mode(object: &Value, old: &Value, errors: &mut Errors) {
    let (now, before) = (at(object, "/spec/volumeMode"), at(old, "/spec/volumeMode"));
    if !alike(now, before) {
        errors.invalid(&Path::new("volumeMode"), now.cloned().unwrap_or_default(), IMMUTABLE);
    }
}

fn attributes_class(object: &Value, old: &Value, errors: &mut Errors) {
    let field = "/spec/volumeAttributesClassName";
    if at(object, field) == at(old, field) || at(old, "/status/currentVolumeAttributesClassName").is_none() {
        return;
    }
    let what = match at(object, field) {
        None => "nil",
        Some(_) if empty(object, field) => "empty string",
        Some(_) => return,
    };
    let detail = format!("update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil");
    errors.forbidden(&Path::new("spec").child("volumeAttributesClassName"), &detail);
}

/// `ValidatePersistentVolumeUpdate`
pub(super) fn volume(object: &Value, old: &Value, minor: u32, errors: &mut Errors) {
    let source = |volume: &Value| -> Value {
        let fields = SOURCES
            .iter()
            .filter_map(|source| Some(((*source).to_owned(), at(volume, &format!("/spec/{source}"))?.clone())));
        Value::Object(fields.collect())
    };
    let (mut new, before) = (source(object), source(old));
    if at(&before, "/csi").is_some() && at(&before, "/csi/controllerExpandSecretRef").is_none() {
        super::super::super::json::remove(&mut new, "/csi", "controllerExpandSecretRef");
    }
    if !alike(Some(&new), Some(&before)) {
        let difference = diff::unified(
            &internal::volume_source(&before, minor).pretty(),
            &internal::volume_source(&new, minor).pretty(),
        );
        let path = Path::new("spec").child("persistentvolumesource");
        errors.forbidden(&path, &format!("spec.persistentvolumesource is immutable after creation\n{difference}"));
    }
    volume_mode(object, old, errors);
    let (now, was) = (at(object, "/spec/nodeAffinity"), at(old, "/spec/nodeAffinity"));
    if was.is_some() && !alike(now, was) {
        let detail = "field is immutable, except for updating from beta label to GA";
        let shown = now.map_or_else(|| "null".to_owned(), |now| internal::node_affinity(now).compact());
        errors.invalid_as(&Path::new("nodeAffinity"), &shown, detail);
    }
    let attributes = "/spec/volumeAttributesClassName";
    if at(old, attributes).is_some() && at(object, attributes).is_none() {
        let path = Path::new("spec").child("volumeAttributesClassName");
        errors.forbidden(&path, "update from non-nil value to nil is forbidden");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(now: (&str, &str), before: (&str, &str), phase: &str) -> String {
        let claim = |(class, size): (&str, &str)| {
            json!({"status": {"phase": phase, "capacity": {"storage": "8Gi"}}, "spec": {"accessModes": ["ReadWriteOnce"],
                "storageClassName": class, "volumeMode": "Filesystem", "volumeName": "pvc-1", "resources": {"requests": {"storage": size}}}})
        };
        let mut errors = Errors::default();
        super::claim(&claim(now), &claim(before), &mut errors);
        errors.message("", "PersistentVolumeClaim", "data").unwrap_or_default()
    }

    #[test]
    fn a_claim_stays_what_it_is_and_grows_only() {
        assert_eq!(
            told(("gp2", "8Gi"), ("gp3", "8Gi"), "Bound"),
            "PersistentVolumeClaim \"data\" is invalid: spec: Forbidden: spec is immutable after creation except \
             resources.requests and volumeAttributesClassName for bound claims\n@@ -10,7 +10,7 @@\n   }\n  },\n  \"VolumeName\": \
             \"pvc-1\",\n- \"StorageClassName\": \"gp3\",\n+ \"StorageClassName\": \"gp2\",\n  \"VolumeMode\": \"Filesystem\",\n  \
             \"DataSource\": null,\n  \"DataSourceRef\": null,\n"
        );
        assert_eq!(
            told(("gp3", "4Gi"), ("gp3", "8Gi"), "Bound"),
            "PersistentVolumeClaim \"data\" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than \
             status.capacity"
        );
        let gone = told(("gp3", ""), ("gp3", "8Gi"), "Pending");
        assert!(gone.ends_with("field can not be less than status.capacity]"), "a size that is gone is none: {gone}");
        assert_eq!(told(("gp3", "16Gi"), ("gp3", "8Gi"), "Bound"), "");
        assert!(
            told(("gp3", "16Gi"), ("gp3", "8Gi"), "Pending")
                .contains("-   \"storage\": \"8Gi\"\n+   \"storage\": \"16Gi\"\n")
        );
    }

    #[test]
    fn the_source_of_a_volume_stays() {
        let volume = |path: &str| json!({"spec": {"nfs": {"server": "s", "path": path}}});
        let mut errors = Errors::default();
        super::volume(&volume("/b"), &volume("/a"), 36, &mut errors);
        let message = errors.message("", "PersistentVolume", "v").unwrap();
        assert!(
            message.starts_with(
                "PersistentVolume \"v\" is invalid: spec.persistentvolumesource: Forbidden: \
             spec.persistentvolumesource is immutable after creation\n@@ -5,7 +5,7 @@\n"
            ),
            "{message}"
        );
        assert!(message.contains("\n-  \"Path\": \"/a\",\n+  \"Path\": \"/b\",\n"), "{message}");
    }
}
