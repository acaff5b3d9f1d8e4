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
    let about = match random.below(17) {
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
        6 | 14 => invalid(random, document, spec),
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
    match random.below(10) {
        4 => set(document, "spec/resources", json!({ "requests": { "storage": "0" } })),
        5 => set(document, "spec/resources", json!({ "limits": { "storage": "1Gi" } })),
        6 => set(document, "spec/accessModes", json!(["ReadWriteOncePod", "ReadWriteOnce"])),
        7 => set(document, "spec/volumeMode", "Tape"),
        8 => set(document, "spec/dataSource", json!({ "kind": "Thing", "name": "x" })),
        9 => set(document, "spec/storageClassName", "Not_A_Name"),
        known => return known_claim_fault(known, document),
    }
    "invalid claim"
}

fn known_claim_fault(fault: usize, document: &mut Value) -> &'static str {
    match fault {
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

/// One or two values that no server takes.
fn invalid(random: &mut Random, document: &mut Value, spec: &str) -> &'static str {
    let kind = document["kind"].as_str().unwrap_or_default().to_owned();
    for _ in 0..random.pick(&[1, 1, 1, 2]) {
        let own = wrong_of(&kind);
        if !own.is_empty() && random.chance(40) {
            let (path, value) = random.pick(&own);
            set(document, path, value);
        } else {
            let (path, value) = random.pick(&wrong_of_pods());
            set(document, &format!("{spec}/{path}"), value);
        }
    }
    "invalid"
}

/// Wrong values of fields of a pod's spec.
fn wrong_of_pods() -> Vec<(&'static str, Value)> {
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": 99_999 }, "periodSeconds": -1 });
    let field = |path: &str| json!({ "fieldRef": { "fieldPath": path } });
    vec![
        ("containers/0/name", json!("Not_A_Name")),
        ("containers/0/image", json!("")),
        ("containers/0/resources", json!({ "requests": { "cpu": "2" }, "limits": { "cpu": "1" } })),
        ("containers/0/resources", json!({ "requests": { "cpu": "-1" } })),
        ("containers/0/resources", json!({ "requests": { "example.com/gpu": "1" } })),
        ("containers/0/resources", json!({ "limits": { "example.com/gpu": "500m" } })),
        ("containers/0/resources", json!({ "requests": { "hugepages-2Mi": "4Mi" } })),
        ("containers/0/volumeMounts", json!([{ "name": "nothing", "mountPath": "/x" }])),
        ("containers/0/volumeMounts", json!([{ "name": "nothing", "mountPath": "" }])),
        ("containers/0/ports", json!([{ "containerPort": 0 }])),
        (
            "containers/0/ports",
            json!([{ "containerPort": 80, "name": "a_b" }, { "containerPort": 81, "protocol": "ICMP" }]),
        ),
        ("containers/0/ports", json!([{ "containerPort": 80, "name": "a" }, { "containerPort": 81, "name": "a" }])),
        ("containers/0/env", json!([{ "name": "1=x", "value": "y" }])),
        ("containers/0/env", json!([{ "name": "A", "value": "b", "valueFrom": field("metadata.name") }])),
        ("containers/0/env", json!([{ "name": "A", "valueFrom": field("metadata.nothing") }])),
        ("containers/0/livenessProbe", probe("/x")),
        ("containers/0/readinessProbe", json!({ "exec": { "command": [] }, "successThreshold": 0 })),
        ("containers/0/imagePullPolicy", json!("Sometimes")),
        ("containers/0/securityContext", json!({ "privileged": true, "allowPrivilegeEscalation": false })),
        ("containers/0/securityContext", json!({ "runAsUser": -5 })),
        ("containers/0/lifecycle", json!({ "preStop": { "sleep": { "seconds": 1000 } } })),
        ("restartPolicy", json!("Sometimes")),
        ("dnsPolicy", json!("Nowhere")),
        ("terminationGracePeriodSeconds", json!(-3)),
        ("activeDeadlineSeconds", json!(0)),
        ("hostname", json!("Not_A_Name")),
        ("nodeSelector", json!({ "not a key": "x" })),
        ("tolerations", json!([{ "key": "a", "operator": "Exists", "value": "b" }])),
        ("tolerations", json!([{ "key": "a", "effect": "NoSchedule", "tolerationSeconds": 3 }])),
        ("tolerations", json!([{ "operator": "Near" }])),
        ("topologySpreadConstraints", json!([{ "maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "Never" }])),
        (
            "topologySpreadConstraints",
            json!([{ "maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 2 }]),
        ),
        ("volumes", json!([{ "name": "a", "emptyDir": {} }, { "name": "a", "hostPath": { "path": ".." } }])),
        ("volumes", json!([{ "name": "A" }])),
        ("volumes", json!([{ "name": "a", "emptyDir": { "sizeLimit": "-1" } }])),
        ("volumes", json!([{ "name": "a", "persistentVolumeClaim": { "claimName": "" } }])),
        ("volumes", json!([{ "name": "a", "ephemeral": { "volumeClaimTemplate": { "spec": { "resources": {} } } } }])),
        (
            "affinity",
            json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [] } } }),
        ),
        (
            "affinity",
            json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
            { "matchExpressions": [{ "key": "a", "operator": "In" }] }] } } }),
        ),
        (
            "affinity",
            json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
            { "labelSelector": { "matchLabels": { "a": "not a label" } }, "topologyKey": "" }] } }),
        ),
        (
            "affinity",
            json!({ "podAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [
            { "weight": 500, "podAffinityTerm": { "topologyKey": "a" } }] } }),
        ),
        ("securityContext", json!({ "sysctls": [{ "name": "a b", "value": "1" }] })),
        ("securityContext", json!({ "fsGroup": -1, "fsGroupChangePolicy": "Never" })),
        ("securityContext", json!({ "seccompProfile": { "type": "Localhost" } })),
        ("initContainers", json!([{ "name": "main", "image": "x" }])),
        (
            "initContainers",
            json!([{ "name": "first", "image": "x", "readinessProbe": { "tcpSocket": { "port": 80 } } }]),
        ),
        ("priority", json!(5)),
        ("schedulingGates", json!([{ "name": "not a name" }])),
        ("serviceAccountName", json!("Not_A_Name")),
        ("runtimeClassName", json!("Not_A_Name")),
        ("containers", json!([])),
    ]
}

/// Wrong values of fields of a kind of its own.
fn wrong_of(kind: &str) -> Vec<(&'static str, Value)> {
    match kind {
        "Deployment" => vec![
            ("spec/replicas", json!(-1)),
            ("spec/strategy", json!({ "type": "Slowly" })),
            (
                "spec/strategy",
                json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 0, "maxUnavailable": 0 } }),
            ),
            ("spec/strategy", json!({ "type": "Recreate", "rollingUpdate": { "maxSurge": 1 } })),
            ("spec/strategy", json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "200%" } })),
            ("spec/template/metadata/labels", json!({ "other": "label" })),
            ("spec/minReadySeconds", json!(-1)),
            ("spec/progressDeadlineSeconds", json!(0)),
            ("spec/selector", json!({})),
            ("spec/replicas", json!("two")),
            ("metadata/name", json!("Not_A_Name")),
            ("metadata/labels", json!({ "a": "not a label" })),
        ],
        "StatefulSet" => vec![
            ("spec/replicas", json!(-1)),
            ("spec/updateStrategy", json!({ "type": "Slowly" })),
            ("spec/updateStrategy", json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": -1 } })),
            ("spec/updateStrategy", json!({ "type": "OnDelete", "rollingUpdate": { "partition": 1 } })),
            ("spec/podManagementPolicy", json!("Random")),
            ("spec/ordinals", json!({ "start": -1 })),
            ("spec/serviceName", json!("Not_A_Name")),
            ("spec/persistentVolumeClaimRetentionPolicy", json!({ "whenDeleted": "Maybe" })),
            ("spec/template/metadata/labels", json!({ "other": "label" })),
            ("spec/volumeClaimTemplates", json!([{ "metadata": { "name": "data" }, "spec": { "resources": {} } }])),
            ("spec/template/spec/restartPolicy", json!("Never")),
        ],
        "DaemonSet" => vec![
            (
                "spec/updateStrategy",
                json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 1 } }),
            ),
            ("spec/updateStrategy", json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 0 } })),
            ("spec/updateStrategy", json!({ "type": "Slowly" })),
            ("spec/selector", json!({ "matchLabels": {} })),
            ("spec/template/spec/restartPolicy", json!("OnFailure")),
        ],
        "Job" => vec![
            ("spec/parallelism", json!(-1)),
            ("spec/completions", json!(-1)),
            ("spec/completionMode", json!("Sorted")),
            ("spec/template/spec/restartPolicy", json!("Always")),
            ("spec/backoffLimit", json!(-2)),
            ("spec/activeDeadlineSeconds", json!(-1)),
            ("spec/ttlSecondsAfterFinished", json!(-1)),
            ("spec/selector", json!({ "matchLabels": { "a": "b" } })),
            (
                "spec/podFailurePolicy",
                json!({ "rules": [{ "action": "Forget", "onExitCodes": { "operator": "In", "values": [0] } }] }),
            ),
        ],
        "CronJob" => vec![
            ("spec/schedule", json!("every day")),
            ("spec/schedule", json!("")),
            ("spec/timeZone", json!("Nowhere/Never")),
            ("spec/concurrencyPolicy", json!("Perhaps")),
            ("spec/startingDeadlineSeconds", json!(-1)),
            ("spec/jobTemplate/spec/template/spec/restartPolicy", json!("Always")),
        ],
        "ReplicaSet" => {
            vec![("spec/replicas", json!(-1)), ("spec/template/metadata/labels", json!({ "other": "label" }))]
        }
        _ => Vec::new(),
    }
}
