//! Claims that reject a pod before any node is looked at. Several plugins find the same ones.

use serde_json::{Value, json};

use super::obstacle::{ClaimTrouble, Fact, Obstacle, patch, pod_ref};
use super::reason::Reason;
use crate::model::claim::BIND_COMPLETED;
use crate::model::pod::PodVolume;
use crate::model::{Claim, Kind, ObjectRef, Pod, Quantity, Volume};
use crate::snapshot::{Edit, Lookup, Snapshot};

/// A claim that the pod names and that doesn't exist.
pub(crate) fn missing(reason: Reason, pod: &Pod, claim: &str) -> Obstacle {
    let position =
        pod.spec.volumes.iter().position(|volume| {
            volume.persistent_volume_claim.as_ref().is_some_and(|source| source.claim_name == claim)
        });
    let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let metadata = json!({"namespace": pod.metadata.namespace, "name": claim});
    Obstacle {
        reason,
        object: pod_ref(pod),
        path: format!("spec.volumes[{}].persistentVolumeClaim.claimName", position.unwrap_or_default()),
        wanted: format!("claim {claim}"),
        present: "no such claim".to_owned(),
        fact: Fact::Claim { claim: claim.to_owned(), trouble: ClaimTrouble::Missing },
        edits: vec![Edit::Create {
            kind: Kind::PersistentVolumeClaim,
            object: json!({"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}),
        }],
    }
}

/// The claim of an ephemeral volume that the controller hasn't made.
pub(crate) fn not_made(reason: Reason, pod: &Pod, volume: &PodVolume, claim: &str) -> Obstacle {
    let template = volume.ephemeral.as_ref().and_then(|source| source.volume_claim_template.as_ref());
    let spec = template.and_then(|template| serde_json::to_value(&template.spec).ok()).unwrap_or_else(|| json!({}));
    let metadata = json!({"namespace": pod.metadata.namespace, "name": claim, "ownerReferences": [owner(pod)]});
    let position = pod.spec.volumes.iter().position(|other| other.name == volume.name).unwrap_or_default();
    Obstacle {
        reason,
        object: pod_ref(pod),
        path: format!("spec.volumes[{position}].ephemeral"),
        wanted: format!("claim {claim}"),
        present: "not made yet".to_owned(),
        fact: Fact::Claim { claim: claim.to_owned(), trouble: ClaimTrouble::NotMade },
        edits: vec![Edit::Create {
            kind: Kind::PersistentVolumeClaim,
            object: json!({"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}),
        }],
    }
}

/// A claim that is lost, being deleted, or somebody else's.
pub(crate) fn unusable(reason: Reason, claim: &Claim, pod: &Pod) -> Obstacle {
    let meta = &claim.metadata;
    let lost = claim.status.phase == "Lost";
    let (path, wanted, present, trouble, operations) = if lost {
        let volume = claim.spec.volume_name.clone();
        let bound = json!([{"op": "replace", "path": "/status/phase", "value": "Bound"}]);
        ("status.phase", "Bound".to_owned(), "Lost".to_owned(), ClaimTrouble::Lost { volume }, bound)
    } else if let Some(since) = &meta.deletion_timestamp {
        let kept = json!([{"op": "remove", "path": "/metadata/deletionTimestamp"}]);
        let trouble = ClaimTrouble::Deleting { since: since.clone() };
        ("metadata.deletionTimestamp", "none".to_owned(), since.clone(), trouble, kept)
    } else {
        let owner_now = meta.controller().map(|owner| ObjectRef::other(&owner.kind, &meta.namespace, &owner.name));
        let present = owner_now.as_ref().map_or_else(|| "no controller".to_owned(), ObjectRef::to_string);
        let owned = json!([{"op": "add", "path": "/metadata/ownerReferences", "value": [owner(pod)]}]);
        let trouble = ClaimTrouble::NotOwned { owner: owner_now };
        ("metadata.ownerReferences", format!("pod {} as controller", pod.metadata.name), present, trouble, owned)
    };
    Obstacle {
        reason,
        object: claim_ref(claim),
        path: path.to_owned(),
        wanted,
        present,
        fact: Fact::Claim { claim: meta.name.clone(), trouble },
        edits: vec![patch(Kind::PersistentVolumeClaim, meta, operations)],
    }
}

/// A claim that should be bound already.
pub(crate) fn unbound(reason: Reason, snapshot: &Snapshot, claim: &Claim) -> Obstacle {
    let class_exists = snapshot.classes.get("", claim.class()).found().is_some();
    let volume = claim.spec.volume_name.clone();
    let present = match (volume.as_str(), claim.class()) {
        ("", "") => "no volume and no class".to_owned(),
        ("", class) => format!("no volume yet, of class {class}"),
        (volume, _) => format!("asks for volume {volume}"),
    };
    Obstacle {
        reason,
        object: claim_ref(claim),
        path: "spec.volumeName".to_owned(),
        wanted: "a bound volume".to_owned(),
        present,
        fact: Fact::Claim {
            claim: claim.metadata.name.clone(),
            trouble: ClaimTrouble::Unbound { class: claim.class().to_owned(), volume, class_exists },
        },
        edits: bound(snapshot, claim),
    }
}

/// A claim bound to a volume that isn't there.
pub(crate) fn volume_missing(reason: Reason, claim: &Claim, volume: &str) -> Obstacle {
    Obstacle {
        reason,
        object: claim_ref(claim),
        path: "spec.volumeName".to_owned(),
        wanted: format!("volume {volume}"),
        present: "no such volume".to_owned(),
        fact: Fact::VolumeMissing { claim: claim.metadata.name.clone(), volume: volume.to_owned() },
        edits: vec![volume_for(claim, volume)],
    }
}

/// A volume that only this claim can take.
pub(crate) fn volume_for(claim: &Claim, name: &str) -> Edit {
    let Claim { metadata: meta, spec, .. } = claim;
    let selector = spec.selector.clone().unwrap_or_default();
    let mut labels = selector.match_labels.clone();
    let expressions = selector.match_expressions.iter().filter(|one| matches!(one.operator.as_str(), "In" | "Exists"));
    labels.extend(expressions.map(|one| (one.key.clone(), one.values.first().cloned().unwrap_or_default())));
    let size = claim.request().map_or_else(|| "1Gi".to_owned(), Quantity::to_string);
    let object = json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "capacity": {"storage": size}, "accessModes": spec.access_modes, "volumeMode": claim.volume_mode(),
            "storageClassName": claim.class(), "volumeAttributesClassName": spec.volume_attributes_class_name,
            "claimRef": {"namespace": meta.namespace, "name": meta.name, "uid": meta.uid}},
        "status": {"phase": "Available"}});
    Edit::Create { kind: Kind::PersistentVolume, object }
}

/// The edits that bind a claim: to the volume that it names, or to a new one.
fn bound(snapshot: &Snapshot, claim: &Claim) -> Vec<Edit> {
    let meta = &claim.metadata;
    let new = format!("storagewhy-{}-{}", meta.namespace, meta.name);
    let (name, mut operations) = match claim.spec.volume_name.as_str() {
        "" => (new.as_str(), vec![json!({"op": "add", "path": "/spec/volumeName", "value": new})]),
        named => (named, Vec::new()),
    };
    operations.push(match meta.annotations.is_empty() {
        true => json!({"op": "add", "path": "/metadata/annotations", "value": {BIND_COMPLETED: "yes"}}),
        false => {
            let path = format!("/metadata/annotations/{}", crate::snapshot::edit::pointer_token(BIND_COMPLETED));
            json!({"op": "add", "path": path, "value": "yes"})
        }
    });
    let exists = matches!(snapshot.volumes.get("", name), Lookup::Found(_));
    let volume = (!exists).then(|| volume_for(claim, name));
    let claim = patch(Kind::PersistentVolumeClaim, meta, Value::Array(operations));
    volume.into_iter().chain([claim]).collect()
}

fn owner(pod: &Pod) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "name": pod.metadata.name, "uid": pod.metadata.uid, "controller": true})
}

fn claim_ref(claim: &Claim) -> ObjectRef {
    ObjectRef::new(Kind::PersistentVolumeClaim, &claim.metadata.namespace, &claim.metadata.name)
}

/// A volume as an object of a report.
pub(crate) fn volume_ref(volume: &Volume) -> ObjectRef {
    ObjectRef::new(Kind::PersistentVolume, "", &volume.metadata.name)
}
