//! Documents that make no pods, and that others depend on.

use serde_json::{Value, json};

use super::{rules, volumes};
use crate::random::{Random, push, set};

/// A document of another kind than a workload, with what may come after it.
pub fn documents(random: &mut Random, about: &mut Vec<String>, name: &str) -> Vec<Value> {
    let (what, documents) = match random.below(16) {
        12 => ("job of its own selector", odd_job(random, name)),
        13 => ("objects without pods", without_pods(random, name)),
        14 => ("driver comes along", with_driver(random, name)),
        15 => ("runtime class comes along", with_runtime_class(random, name)),
        0..4 => ("claim and its pod", with_pod(random, name)),
        4 => ("namespace of its own", in_own_namespace(random, name)),
        5 => ("quota comes along", vec![rules::quota(random, 9)]),
        6 => ("limit range comes along", vec![rules::limit_range(random)]),
        7 => ("class comes along", with_class(random, name)),
        8 => ("volume comes along", with_volume(random, name)),
        9 => ("service and budget", service_and_budget(random, name)),
        10 => ("priority class comes along", with_priority(random, name)),
        _ => ("claim", vec![volumes::claim_document(random, name)]),
    };
    about.push(what.to_owned());
    documents
}

fn pod(random: &mut Random, name: &str) -> Value {
    let cpu = random.pick(&["50m", "200m", "1"]);
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "app", "labels": { "app": name } },
        "spec": { "terminationGracePeriodSeconds": 0, "containers": [{ "name": "main", "image": "example.com/image:1",
            "resources": { "requests": { "cpu": cpu, "memory": "32Mi" }, "limits": { "cpu": "1", "memory": "64Mi" } } }] } })
}

fn uses(pod: &mut Value, claim: &str) {
    push(pod, "spec/volumes", json!({ "name": claim, "persistentVolumeClaim": { "claimName": claim } }));
}

/// A claim, and one pod or two that use it; now and then the pod comes first.
fn with_pod(random: &mut Random, name: &str) -> Vec<Value> {
    let claim = volumes::claim_document(random, name);
    let mut pods: Vec<Value> = (0..random.between(1, 2)).map(|place| pod(random, &format!("{name}-{place}"))).collect();
    pods.iter_mut().for_each(|pod| uses(pod, name));
    if random.chance(25) {
        pods.push(claim);
        return pods;
    }
    [vec![claim], pods].concat()
}

fn in_own_namespace(random: &mut Random, name: &str) -> Vec<Value> {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "own" } });
    let mut pod = pod(random, name);
    set(&mut pod, "metadata/namespace", "own");
    if random.chance(30) { vec![pod, namespace] } else { vec![namespace, pod] }
}

fn with_class(random: &mut Random, name: &str) -> Vec<Value> {
    let mode = random.pick(&["WaitForFirstConsumer", "Immediate"]);
    let class = json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "own" },
        "provisioner": "ebs.csi.aws.com", "volumeBindingMode": mode });
    let mut claim = volumes::claim_document(random, name);
    set(&mut claim, "spec/storageClassName", "own");
    if random.chance(50) { vec![claim, class] } else { vec![class, claim] }
}

fn with_volume(random: &mut Random, name: &str) -> Vec<Value> {
    let mut volume = json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "own" }, "spec": {
        "accessModes": ["ReadWriteOnce"], "capacity": { "storage": random.pick(&["1Gi", "10Gi"]) }, "storageClassName": "static",
        "csi": { "driver": "ebs.csi.aws.com", "volumeHandle": "own" }
    } });
    if random.chance(40) {
        volume["spec"]["claimRef"] = json!({ "namespace": "app", "name": random.pick(&[name, "other"]) });
    }
    let mut claim = volumes::claim_document(random, name);
    set(&mut claim, "spec/storageClassName", "static");
    let mut pod = pod(random, &format!("{name}-0"));
    uses(&mut pod, name);
    vec![volume, claim, pod]
}

fn service_and_budget(random: &mut Random, name: &str) -> Vec<Value> {
    let kind = random.pick(&["ClusterIP", "NodePort", "ClusterIP"]);
    vec![
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "app" },
            "spec": { "type": kind, "selector": { "app": name }, "ports": [{ "port": random.pick(&[80, 80, 80, 70_000]) }] } }),
        json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": name, "namespace": "app" },
            "spec": { "selector": { "matchLabels": { "app": name } }, "maxUnavailable": random.pick(&[json!(1), json!("50%"), json!(-1)]) } }),
    ]
}

fn with_priority(random: &mut Random, name: &str) -> Vec<Value> {
    let class = json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": "own" },
        "value": random.pick(&[100_000, 2_000_000_000]) });
    let mut pod = pod(random, name);
    set(&mut pod, "spec/priorityClassName", "own");
    set(&mut pod, "spec/containers/0/resources", json!({ "requests": { "cpu": random.pick(&["1", "1900m"]) } }));
    vec![class, pod]
}

/// A Job that is made with what the controller needs to be asked for.
fn odd_job(random: &mut Random, name: &str) -> Vec<Value> {
    let labels = json!({ "app": name });
    let template = json!({ "metadata": { "labels": labels }, "spec": { "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "example.com/image:1" }] } });
    let mut spec =
        json!({ "manualSelector": random.chance(70), "selector": { "matchLabels": labels }, "template": template });
    if random.chance(50) {
        set(&mut spec, "podReplacementPolicy", random.pick(&["Failed", "TerminatingOrFailed", "Never"]));
    }
    vec![
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name, "namespace": "app" }, "spec": spec }),
    ]
}

/// Kinds of which the tool judges no more than whether the server takes the request: what is wrong in them is not tried.
fn without_pods(random: &mut Random, name: &str) -> Vec<Value> {
    let meta = json!({ "name": name, "namespace": "app" });
    let ingress = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": { "rules": [{ "host": "example.com",
        "http": { "paths": [{ "path": "/", "pathType": random.pick(&["Prefix", "Exact"]),
            "backend": { "service": { "name": name, "port": { "number": 80 } } } }] } }] } });
    let policy = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": {
        "podSelector": {}, "policyTypes": ["Ingress"],
        "ingress": [{ "from": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }] }] } });
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": { "a": "d" } });
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta });
    random.some(&[ingress, policy, map, account])
}

fn with_driver(random: &mut Random, name: &str) -> Vec<Value> {
    let driver = json!({ "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": { "name": "own.example.com" }, "spec": {} });
    let class = json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "own" },
        "provisioner": "own.example.com", "volumeBindingMode": random.pick(&["WaitForFirstConsumer", "Immediate"]),
        "reclaimPolicy": random.pick(&["Retain", "Delete", "Recycle"]) });
    let mut claim = volumes::claim_document(random, name);
    set(&mut claim, "spec/storageClassName", "own");
    let mut pod = pod(random, &format!("{name}-0"));
    uses(&mut pod, name);
    if random.chance(30) { vec![class, claim, pod] } else { vec![class, claim, pod, driver] }
}

fn with_runtime_class(random: &mut Random, name: &str) -> Vec<Value> {
    let class = json!({ "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": { "name": "own" },
        "handler": random.pick(&["own", "own", "Not A Handler"]), "overhead": { "podFixed": { "cpu": "500m" } } });
    let mut pod = pod(random, name);
    set(&mut pod, "spec/runtimeClassName", "own");
    if random.chance(30) { vec![pod, class] } else { vec![class, pod] }
}
