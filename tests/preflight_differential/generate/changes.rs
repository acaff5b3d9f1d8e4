//! Documents of objects that are there, and deletions.

use serde_json::{Value, json};

use crate::case::Case;
use crate::random::{Random, set};

/// The template of a workload, or the pod itself.
pub fn template_path(kind: &str) -> &'static str {
    match kind {
        "Pod" => "spec",
        "CronJob" => "spec/jobTemplate/spec/template/spec",
        _ => "spec/template/spec",
    }
}

/// The object with some of it changed.
pub fn change(random: &mut Random, about: &mut Vec<String>, mut object: Value) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    about.push("update".to_owned());
    let own = match kind.as_str() {
        _ if random.chance(35) => false,
        "StatefulSet" => of_set(random, about, &mut object),
        "Deployment" => of_deployment(random, about, &mut object),
        "Job" => of_job(random, &mut object),
        "PersistentVolumeClaim" => of_claim(random, about, &mut object),
        "Pod" => of_pod(random, &mut object),
        _ => false,
    };
    if !own && kind != "PersistentVolumeClaim" {
        of_any(random, about, &mut object, &kind);
    }
    object
}

fn of_any(random: &mut Random, about: &mut Vec<String>, object: &mut Value, kind: &str) {
    let spec = template_path(kind);
    match random.below(8) {
        0 => about.push("unchanged".to_owned()),
        1 | 2 if matches!(kind, "Deployment" | "StatefulSet" | "ReplicaSet") => {
            set(object, "spec/replicas", random.pick(&[0, 1, 2, 5]));
        }
        3 if kind != "Pod" => {
            about.push("bigger pods".to_owned());
            let resources = json!({ "requests": { "cpu": random.pick(&["1", "2"]), "memory": "64Mi" } });
            set(object, &format!("{spec}/containers/0/resources"), resources);
        }
        4 => set(object, "metadata/labels/more", "labels"),
        5 if kind != "Pod" => set(object, &format!("{spec}/nodeSelector"), json!({ "disktype": "ssd" })),
        _ => set(object, &format!("{spec}/containers/0/image"), "example.com/image:2"),
    }
}

fn of_set(random: &mut Random, about: &mut Vec<String>, object: &mut Value) -> bool {
    match random.below(7) {
        0 => set(object, "spec/updateStrategy", json!({ "type": "OnDelete" })),
        1 => {
            set(object, "spec/updateStrategy", json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } }))
        }
        2 => set(object, "spec/ordinals", json!({ "start": random.pick(&[1, 2]) })),
        3 => {
            about.push("immutable field".to_owned());
            set(object, "spec/serviceName", "other");
        }
        4 => {
            about.push("immutable field".to_owned());
            set(object, "spec/podManagementPolicy", random.pick(&["Parallel", "OrderedReady"]));
        }
        5 if object["spec"]["volumeClaimTemplates"].is_array() => {
            about.push("immutable field".to_owned());
            set(object, "spec/volumeClaimTemplates/0/spec/resources/requests/storage", "9Gi");
        }
        _ => return false,
    }
    if random.chance(40) {
        set(object, "spec/template/spec/containers/0/image", "example.com/image:2");
    }
    true
}

fn of_deployment(random: &mut Random, about: &mut Vec<String>, object: &mut Value) -> bool {
    match random.below(5) {
        0 => {
            about.push("immutable field".to_owned());
            let labels = json!({ "app": object["metadata"]["name"], "more": "labels" });
            set(object, "spec/selector/matchLabels", labels.clone());
            set(object, "spec/template/metadata/labels", labels);
        }
        1 => set(object, "spec/paused", true),
        2 => set(object, "spec/strategy", json!({ "type": "Recreate" })),
        3 => {
            set(object, "spec/minReadySeconds", 0);
            set(object, "spec/template/spec/priorityClassName", "high");
        }
        _ => return false,
    }
    true
}

fn of_job(random: &mut Random, object: &mut Value) -> bool {
    match random.below(4) {
        0 => set(object, "spec/parallelism", random.pick(&[0, 1, 4])),
        1 => set(object, "spec/suspend", true),
        2 => set(object, "spec/completions", random.pick(&[1, 3])),
        _ => return false,
    }
    true
}

fn of_claim(random: &mut Random, about: &mut Vec<String>, object: &mut Value) -> bool {
    about.push("changed claim".to_owned());
    match random.below(4) {
        0 => set(object, "spec/accessModes", json!(["ReadWriteMany"])),
        1 => set(object, "metadata/labels", json!({ "more": "labels" })),
        2 => set(object, "spec/storageClassName", "ebs"),
        _ => set(object, "spec/resources/requests/storage", random.pick(&["12Gi", "1Gi"])),
    }
    true
}

fn of_pod(random: &mut Random, object: &mut Value) -> bool {
    match random.below(4) {
        0 => set(object, "spec/tolerations", json!([{ "key": "more", "operator": "Exists" }])),
        1 => set(object, "spec/activeDeadlineSeconds", 1800),
        2 => set(object, "spec/priorityClassName", "high"),
        _ => return false,
    }
    true
}

/// Has something that is there deleted first; now and then it is made anew.
pub fn delete(random: &mut Random, case: &mut Case) {
    let rules = ["ResourceQuota", "LimitRange", "PodDisruptionBudget", "ValidatingAdmissionPolicyBinding"];
    let rules = case.objects.iter().filter(|object| rules.contains(&object["kind"].as_str().unwrap_or_default()));
    let left: Vec<Value> = case.applied.iter().chain(rules).cloned().collect();
    if left.is_empty() {
        return;
    }
    let gone = random.pick(&left);
    let again = case.documents.iter().any(|document| document["metadata"]["name"] == gone["metadata"]["name"]);
    case.about.push(if again { "deletion and anew" } else { "deletion" }.to_owned());
    case.deleted.push(gone);
}
