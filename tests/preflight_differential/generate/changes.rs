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
    let spec = template_path(&kind);
    let scaled = matches!(kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet");
    about.push("update".to_owned());
    match random.below(12) {
        0 => about.push("unchanged".to_owned()),
        1..3 if scaled => set(&mut object, "spec/replicas", random.pick(&[0, 1, 2, 5])),
        3 if kind != "Pod" => {
            about.push("bigger pods".to_owned());
            set(&mut object, &format!("{spec}/containers/0/resources"), json!({ "requests": { "cpu": random.pick(&["1", "2"]), "memory": "64Mi" } }));
        }
        4 if kind == "StatefulSet" => set(&mut object, "spec/updateStrategy", json!({ "type": "OnDelete" })),
        5 if kind == "StatefulSet" => {
            about.push("immutable field".to_owned());
            set(&mut object, "spec/serviceName", "other");
        }
        5 if kind == "Deployment" => {
            about.push("immutable field".to_owned());
            let labels = json!({ "app": object["metadata"]["name"], "more": "labels" });
            set(&mut object, "spec/selector/matchLabels", labels.clone());
            set(&mut object, "spec/template/metadata/labels", labels);
        }
        6 if kind == "Deployment" => set(&mut object, "spec/paused", true),
        7 if kind == "Deployment" => set(&mut object, "spec/strategy", json!({ "type": "Recreate" })),
        8 => set(&mut object, "metadata/labels/more", "labels"),
        _ => set(&mut object, &format!("{spec}/containers/0/image"), "example.com/image:2"),
    }
    object
}

/// Has something that is there deleted first, and that alone.
pub fn delete(random: &mut Random, case: &mut Case) {
    let kept = |object: &&Value| case.documents.iter().all(|document| document["metadata"]["name"] != object["metadata"]["name"]);
    let left: Vec<Value> = case.applied.iter().filter(kept).cloned().collect();
    if left.is_empty() {
        return;
    }
    case.about.push("deletion".to_owned());
    case.deleted.push(random.pick(&left));
}
