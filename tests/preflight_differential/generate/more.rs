//! What came to the generator later. It has a sequence of choices of its own, so that the older part of a case stays what
//! its seed made of it.

use serde_json::{Value, json};

use super::{Surroundings, broken, mutations, workloads};
use crate::case::Case;
use crate::random::{Random, push, set};

/// The seed of the other sequence, beside that of the case: one of which the fixed seeds try all there is.
const OTHER: u64 = 0x1_0F9D_0002;
/// The label that `--prune-selector` asks for.
const TRACKED: &str = "track";

/// Adds to a case.
pub fn put(seed: u64, case: &mut Case, around: &Surroundings) {
    let random = &mut Random::new(seed ^ OTHER);
    if random.chance(40) {
        broken::put(random, case, around);
    }
    if random.chance(16) {
        retention(random, case, around);
    }
    if random.chance(12) {
        autoscaler(random, case);
    }
    if random.chance(14) {
        prune(random, case, around);
    }
    if around.release >= 36 && random.chance(14) {
        mutations::put(random, case);
    }
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// Has what was applied before, and is in no document, deleted in the end.
fn prune(random: &mut Random, case: &mut Case, around: &Surroundings) {
    if random.chance(60) {
        case.applied.push(workloads::workload(random, around, "old8"));
    }
    if random.chance(30) {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "spare" } });
        let mut inside = workloads::workload(random, around, "inside");
        set(&mut inside, "metadata/namespace", "spare");
        case.applied.extend([namespace, inside]);
    }
    if random.chance(30) {
        case.applied.push(json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "spare" },
            "spec": { "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" }, "storageClassName": "spare",
                "hostPath": { "path": "/spare" } } }));
    }
    case.about.push("prune".to_owned());
    case.prune = Some(String::new());
    if random.chance(40) {
        case.about.push("prune by label".to_owned());
        case.prune = Some(format!("{TRACKED}=yes"));
        for object in case.applied.iter_mut().filter(|_| random.chance(60)) {
            set(object, &format!("metadata/labels/{TRACKED}"), "yes");
        }
        for document in &mut case.documents {
            set(document, &format!("metadata/labels/{TRACKED}"), "yes");
        }
    }
}

/// An autoscaler, in the cluster or among the documents, of something that is there or comes.
fn autoscaler(random: &mut Random, case: &mut Case) {
    let kinds = ["Deployment", "StatefulSet", "ReplicaSet"];
    let able = |object: &&Value| kinds.contains(&object["kind"].as_str().unwrap_or_default());
    let targets: Vec<Value> = case.documents.iter().chain(&case.applied).filter(able).cloned().collect();
    if targets.is_empty() {
        return;
    }
    let target = random.pick(&targets);
    let least = random.pick(&[1, 2, 3, 5]);
    let most = least + random.below(3);
    let version = random.pick(&["autoscaling/v2", "autoscaling/v2", "autoscaling/v1"]);
    let group = random.pick(&["apps/v1", "apps/v1", "apps/v1", "apps/v1", "extensions/v1beta1"]);
    let mut scaler = json!({
        "apiVersion": version, "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "scaler", "namespace": target["metadata"]["namespace"] },
        "spec": { "maxReplicas": most,
            "scaleTargetRef": { "apiVersion": group, "kind": target["kind"], "name": name_of(&target) } }
    });
    if random.chance(80) {
        scaler["spec"]["minReplicas"] = least.into();
    }
    if version == "autoscaling/v2" && random.chance(40) {
        scaler["spec"]["behavior"] = json!({ "scaleDown": { "stabilizationWindowSeconds": 60 } });
    }
    if random.chance(50) && case.applied.iter().any(|object| name_of(object) == name_of(&target)) {
        case.about.push("autoscaler that is there".to_owned());
        case.objects.push(scaler);
    } else {
        case.about.push("autoscaler comes along".to_owned());
        let place = random.below(case.documents.len() + 1);
        case.documents.insert(place, scaler);
    }
}

/// A set that may take its claims with it, is scaled down or goes, and a quota that shows whether they are gone.
fn retention(random: &mut Random, case: &mut Case, around: &Surroundings) {
    let choices = ["Delete", "Delete", "Retain"];
    let mut old = workloads::with_claims(random, around, "kept", 3);
    let policy =
        |random: &mut Random| json!({ "whenDeleted": random.pick(&choices), "whenScaled": random.pick(&choices) });
    if random.chance(80) {
        set(&mut old, "spec/persistentVolumeClaimRetentionPolicy", policy(random));
    }
    let mut new = old.clone();
    case.applied.push(old.clone());
    match random.below(4) {
        0 => {
            case.about.push("set with claims that may go is deleted".to_owned());
            case.deleted.push(old);
        }
        step => {
            case.about.push("set with claims that may go is scaled down".to_owned());
            set(&mut new, "spec/replicas", random.pick(&[0, 1, 2]));
            if step == 1 {
                set(&mut new, "spec/persistentVolumeClaimRetentionPolicy", policy(random));
            }
            case.documents.push(new.clone());
        }
    }
    if random.chance(30) {
        set(&mut new, "spec/replicas", 3);
        case.documents.push(new);
    }
    case.objects.push(json!({ "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": { "name": "claims", "namespace": "app" },
        "spec": { "hard": { "count/persistentvolumeclaims": random.pick(&["3", "4", "5"]) } } }));
    let mut claim = super::volumes::claim_document(random, "late");
    set(&mut claim, "metadata/namespace", "app");
    let mut pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "late", "namespace": "app" },
        "spec": { "terminationGracePeriodSeconds": 0, "containers": [{ "name": "main", "image": "example.com/image:1" }] } });
    push(&mut pod, "spec/volumes", json!({ "name": "data", "persistentVolumeClaim": { "claimName": "late" } }));
    case.documents.extend([claim, pod]);
}
