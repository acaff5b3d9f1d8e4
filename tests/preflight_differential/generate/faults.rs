//! Something that is wrong with a document.

use serde_json::{Value, json};

use super::changes::template_path;
use super::{Surroundings, webhooks};
use crate::case::Case;
use crate::random::{Random, push, set};

/// Puts one thing wrong into one of the documents, or into the cluster around it.
pub fn put(random: &mut Random, case: &mut Case, around: &Surroundings) {
    let able: Vec<usize> = (0..case.documents.len()).filter(|place| able(&case.documents[*place])).collect();
    if able.is_empty() {
        return;
    }
    let document = &mut case.documents[random.pick(&able)];
    let kind = document["kind"].as_str().unwrap_or_default().to_owned();
    if kind == "PersistentVolumeClaim" {
        case.about.push(claim(random, document).to_owned());
        return;
    }
    let spec = template_path(&kind);
    let about = match random.below(16) {
        0 => {
            set(document, "metadata/namespace", "nowhere");
            "namespace missing"
        }
        1 => {
            set(document, &format!("{spec}/priorityClassName"), "unheard-of");
            "priority class missing"
        }
        2 => {
            set(document, &format!("{spec}/runtimeClassName"), "unheard-of");
            "runtime class missing"
        }
        3 => {
            set(document, &format!("{spec}/nodeSelector"), json!({ "disktype": "tape" }));
            "node selector matches nothing"
        }
        4 => {
            set(document, &format!("{spec}/containers/0/resources/requests"), json!({ "cpu": "20", "memory": "64Mi" }));
            document
                .pointer_mut(&format!("/{spec}/containers/0/resources"))
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove("limits");
            "too big"
        }
        5 => {
            set(document, &format!("{spec}/containers/0/imagePullPolcy"), "Always");
            "unknown field"
        }
        6 => invalid(random, document, spec),
        7 => {
            let volume = json!({ "name": "data", "persistentVolumeClaim": { "claimName": "not-there" } });
            push(document, &format!("{spec}/volumes"), volume);
            "claim missing"
        }
        8 if matches!(kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet") => {
            set(document, "spec/replicas", 30);
            "more replicas than fit"
        }
        9 => {
            set(document, "apiVersion", "apps/v1beta1");
            "version not served"
        }
        10 => {
            let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "going", "deletionTimestamp": "now" } });
            let kept = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "kept", "namespace": "going", "finalizers": ["example.com/hold"] } });
            set(document, "metadata/namespace", "going");
            case.objects.extend([namespace, kept]);
            "namespace terminating"
        }
        11 => {
            push(document, &format!("{spec}/schedulingGates"), json!({ "name": "example.com/wait" }));
            "gate"
        }
        12 => {
            let node = random.pick(&around.nodes);
            let affinity = json!({ "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "kubernetes.io/hostname", "operator": "NotIn", "values": [node] }] }] });
            set(
                document,
                &format!("{spec}/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution"),
                affinity,
            );
            "node affinity"
        }
        13 => {
            webhooks::put_silent(random, case);
            "webhook that does not answer"
        }
        _ => {
            set(document, &format!("{spec}/containers/0/resources/requests/cpu"), "3");
            "big"
        }
    };
    case.about.push(about.to_owned());
}

/// Whether a document is of a kind that faults are known for.
fn able(document: &Value) -> bool {
    let kinds =
        ["Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "PersistentVolumeClaim"];
    document["kind"].as_str().is_some_and(|kind| kinds.contains(&kind))
}

fn claim(random: &mut Random, document: &mut Value) -> &'static str {
    match random.below(4) {
        0 => {
            set(document, "spec/storageClassName", "unheard-of");
            "class missing"
        }
        1 => {
            set(document, "spec/resources/requests/storage", "500Gi");
            "claim too big"
        }
        2 => {
            set(document, "spec/accessModes", json!([]));
            "invalid claim"
        }
        _ => {
            set(document, "spec/volumeName", "not-there");
            "volume missing"
        }
    }
}

fn invalid(random: &mut Random, document: &mut Value, spec: &str) -> &'static str {
    match random.below(6) {
        0 => set(document, &format!("{spec}/containers/0/name"), "Not_A_Name"),
        1 => set(
            document,
            &format!("{spec}/containers/0/resources"),
            json!({ "requests": { "cpu": "2" }, "limits": { "cpu": "1" } }),
        ),
        2 => set(document, &format!("{spec}/restartPolicy"), "Sometimes"),
        3 => set(
            document,
            &format!("{spec}/containers/0/volumeMounts"),
            json!([{ "name": "nothing", "mountPath": "/x" }]),
        ),
        4 => set(document, "metadata/labels/app", "not a label"),
        _ => set(document, &format!("{spec}/containers/0/image"), ""),
    }
    "invalid"
}
