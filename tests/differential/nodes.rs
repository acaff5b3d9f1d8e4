//! Nodes, namespaces, priorities, budgets, runtime and device classes.

use serde_json::{Value, json};

use super::random::{Random, push, set};

pub const NAMESPACES: &[&str] = &["app", "shop", "plain"];
pub const ZONE: &str = "topology.kubernetes.io/zone";
pub const HOSTNAME: &str = "kubernetes.io/hostname";

/// The names of the nodes, and everything that isn't storage or a pod.
pub fn objects(random: &mut Random, release: u32) -> (Vec<String>, Vec<Value>) {
    let mut objects = vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "app", "labels": { "team": "a" } } }),
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop", "labels": { "team": "b", "tier": "gold" } } }),
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "plain" } }),
        runtime_class(random),
    ];
    objects.extend(priority_classes(random));
    let count = if random.chance(3) { 0 } else { random.between(1, 6) };
    let names: Vec<String> = (0..count).map(|place| format!("n{place}")).collect();
    objects.extend(names.iter().map(|name| node(random, name, release)));
    for place in 0..random.below(4) {
        objects.push(budget(random, place));
    }
    if release >= 34 && random.chance(12) {
        objects.extend(devices(random, &names));
    }
    for name in ["web", "db"] {
        if random.chance(30) {
            objects.push(service(random, name));
        }
    }
    (names, objects)
}

fn runtime_class(random: &mut Random) -> Value {
    let mut class = json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": { "name": "sandboxed" }, "handler": "kata",
        "overhead": { "podFixed": { "cpu": random.pick(&["250m", "1"]), "memory": "128Mi" } }
    });
    if random.chance(40) {
        class["scheduling"] = json!({
            "nodeSelector": { "disktype": "ssd" },
            "tolerations": [{ "key": "sandbox", "operator": "Exists", "effect": "NoSchedule" }]
        });
    }
    class
}

fn priority_classes(random: &mut Random) -> Vec<Value> {
    let class = |name: &str, value: i64, policy: &str| {
        json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": name },
            "value": value, "preemptionPolicy": policy })
    };
    let mut classes = vec![
        class("high", 1000, "PreemptLowerPriority"),
        class("higher", 5000, "PreemptLowerPriority"),
        class("low", -10, "PreemptLowerPriority"),
        class("polite", 2000, "Never"),
        class("last", -2_000_000_000, "Never"),
    ];
    if random.chance(15) {
        let mut default = class("usual", 5, random.pick(&["PreemptLowerPriority", "Never"]));
        default["globalDefault"] = true.into();
        classes.push(default);
    }
    classes
}

fn node(random: &mut Random, name: &str, release: u32) -> Value {
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "kubernetes.io/os": "linux" } },
        "spec": {},
        "status": { "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady" }] }
    });
    labels(random, &mut node["metadata"]["labels"], name);
    if random.chance(10) {
        node["spec"]["unschedulable"] = true.into();
        if random.chance(50) {
            push(
                &mut node,
                "spec/taints",
                json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" }),
            );
        }
    }
    for _ in 0..random.pick(&[0, 0, 0, 1, 1, 2]) {
        let taint = taint(random);
        let same = |other: &Value| other["key"] == taint["key"] && other["effect"] == taint["effect"];
        if !node["spec"]["taints"].as_array().is_some_and(|taints| taints.iter().any(same)) {
            push(&mut node, "spec/taints", taint);
        }
    }
    let allocatable = allocatable(random);
    node["status"]["capacity"] = allocatable.clone();
    if random.chance(10) {
        set(&mut node, "status/capacity/cpu", "16");
    }
    node["status"]["allocatable"] = allocatable;
    if release >= 36 && random.chance(40) {
        node["status"]["declaredFeatures"] = json!(["RestartAllContainersOnContainerExits"]);
    }
    node
}

fn labels(random: &mut Random, labels: &mut Value, name: &str) {
    if !random.chance(8) {
        labels[HOSTNAME] = name.into();
    }
    let zone = random.pick(&["a", "b", "c"]);
    match random.below(100) {
        0..10 => {}
        10..18 => labels["failure-domain.beta.kubernetes.io/zone"] = zone.into(),
        18..21 => labels[ZONE] = "".into(),
        21..28 => {
            labels[ZONE] = zone.into();
            labels["failure-domain.beta.kubernetes.io/zone"] = random.pick(&["a", "b"]).into();
        }
        _ => labels[ZONE] = zone.into(),
    }
    if random.chance(50) {
        labels["topology.kubernetes.io/region"] = random.pick(&["eu", "us"]).into();
    }
    if random.chance(80) {
        labels["disktype"] = random.pick(&["ssd", "hdd"]).into();
    }
    if random.chance(70) {
        labels["rank"] = random.pick(&["1", "2", "7", "many"]).into();
    }
    if random.chance(40) {
        labels["pool"] = random.pick(&["db", "web"]).into();
    }
    if random.chance(85) {
        labels["topology.topolvm.io/node"] = name.into();
    }
    if random.chance(85) {
        labels["topology.ebs.csi.aws.com/zone"] = zone.into();
    }
}

fn taint(random: &mut Random) -> Value {
    let mut taint = random.pick(&[
        json!({ "key": "dedicated", "value": "db" }),
        json!({ "key": "dedicated", "value": "web" }),
        json!({ "key": "node-role.kubernetes.io/control-plane" }),
        json!({ "key": "size", "value": "5" }),
        json!({ "key": "node.kubernetes.io/disk-pressure" }),
        json!({ "key": "sandbox" }),
    ]);
    taint["effect"] = random.pick(&["NoSchedule", "NoSchedule", "PreferNoSchedule", "NoExecute"]).into();
    taint
}

fn allocatable(random: &mut Random) -> Value {
    let mut amounts = json!({
        "cpu": random.pick(&["1", "2", "4", "3800m"]),
        "memory": random.pick(&["2Gi", "4Gi", "8Gi"]),
        "ephemeral-storage": random.pick(&["10Gi", "50Gi"]),
        "pods": random.pick(&["1", "3", "110", "110", "110"])
    });
    if random.chance(25) {
        amounts["example.com/gpu"] = random.pick(&["0", "1", "2"]).into();
    }
    if random.chance(20) {
        amounts["topolvm.io/capacity"] = random.pick(&["1", "100"]).into();
    }
    if random.chance(15) {
        amounts["hugepages-2Mi"] = random.pick(&["0", "64Mi"]).into();
    }
    amounts
}

fn budget(random: &mut Random, place: usize) -> Value {
    let selector = random.pick(&[
        json!({ "matchLabels": { "app": "web" } }),
        json!({ "matchLabels": { "app": "db" } }),
        json!({ "matchExpressions": [{ "key": "app", "operator": "Exists" }] }),
        json!({}),
    ]);
    let namespace = random.pick(NAMESPACES);
    let mut budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": { "name": format!("budget{place}"), "namespace": namespace }, "spec": { "selector": selector }
    });
    let field = random.pick(&["minAvailable", "maxUnavailable"]);
    budget["spec"][field] = random.pick(&[0, 1, 2]).into();
    budget
}

/// Default spread constraints count the pods that a pod's services select.
fn service(random: &mut Random, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": random.pick(NAMESPACES) },
        "spec": { "clusterIP": "None", "ports": [{ "port": 80 }], "selector": { "app": name } }
    })
}

/// A device class for requests, and one that stands for an extended resource. No driver offers devices.
fn devices(random: &mut Random, nodes: &[String]) -> Vec<Value> {
    let mut fast = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": { "name": "fast" },
        "spec": { "selectors": [{ "cel": { "expression": "device.driver == 'gpu.example.com'" } }] }
    });
    if random.chance(50) {
        set(&mut fast, "spec/extendedResourceName", "example.com/gpu");
    }
    let claim = |name: &str, class: &str| {
        json!({
            "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
            "metadata": { "name": name, "namespace": "app" },
            "spec": { "devices": { "requests": [{ "name": "r", "exactly": { "deviceClassName": class } }] } }
        })
    };
    let mut given = claim("devices-given", "fast");
    set(&mut given, "metadata/finalizers", json!(["resource.kubernetes.io/delete-protection"]));
    let device = json!({ "request": "r", "driver": "gpu.example.com", "pool": "pool", "device": "gpu0" });
    given["status"] = json!({ "allocation": {
        "allocationTimestamp": "2026-01-01T00:00:00Z", "devices": { "results": [device] }
    } });
    if let Some(node) = nodes.first() {
        let fields = json!([{ "key": "metadata.name", "operator": "In", "values": [node] }]);
        set(&mut given, "status/allocation/nodeSelector", json!({ "nodeSelectorTerms": [{ "matchFields": fields }] }));
    }
    if random.chance(50) {
        let consumer = json!({ "resource": "pods", "name": "other", "uid": "other-uid" });
        set(&mut given, "status/reservedFor", json!([consumer]));
    }
    vec![fast, claim("devices-fast", "fast"), claim("devices-missing", "nothing"), given]
}
