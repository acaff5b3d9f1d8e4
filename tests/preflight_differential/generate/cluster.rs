//! Nodes, namespaces, priority and runtime classes.

use serde_json::{Value, json};

use super::Surroundings;
use crate::case::Case;
use crate::random::{Random, push};

pub const ZONE: &str = "topology.kubernetes.io/zone";
pub const HOSTNAME: &str = "kubernetes.io/hostname";
pub const NAMESPACES: [&str; 2] = ["app", "shop"];

/// Puts into the case what is there before all else.
pub fn put(random: &mut Random, case: &mut Case, release: u32) -> Surroundings {
    for name in NAMESPACES {
        case.objects.push(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "team": name } }
        }));
    }
    case.objects.extend(priority_classes(random));
    case.objects.push(runtime_class(random));
    let nodes: Vec<String> = (0..random.between(2, 5)).map(|place| format!("n{place}")).collect();
    for (place, name) in nodes.iter().enumerate() {
        case.objects.push(node(random, name, place));
    }
    Surroundings { nodes, release }
}

fn priority_classes(random: &mut Random) -> Vec<Value> {
    let class = |name: &str, value: i64, policy: &str| {
        json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": name },
            "value": value, "preemptionPolicy": policy })
    };
    let mut classes = vec![
        class("high", 1000, "PreemptLowerPriority"),
        class("low", -10, "PreemptLowerPriority"),
        class("polite", 2000, "Never"),
    ];
    if random.chance(15) {
        let mut usual = class("usual", 5, "PreemptLowerPriority");
        usual["globalDefault"] = true.into();
        classes.push(usual);
    }
    classes
}

fn runtime_class(random: &mut Random) -> Value {
    let mut class = json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": { "name": "sandboxed" }, "handler": "kata",
        "overhead": { "podFixed": { "cpu": random.pick(&["250m", "1"]), "memory": "128Mi" } }
    });
    if random.chance(50) {
        class["scheduling"] = json!({
            "nodeSelector": { "disktype": "ssd" },
            "tolerations": [{ "key": "sandbox", "operator": "Exists", "effect": "NoSchedule" }]
        });
    }
    class
}

/// Nodes differ in size, so that the scheduler seldom has to draw.
fn node(random: &mut Random, name: &str, place: usize) -> Value {
    let cpu = random.pick(&["2", "4", "3900m", "8"]);
    let memory = format!("{}Mi", random.pick(&[2, 4, 8]) * 1024 + place * 37);
    let amounts = json!({ "cpu": cpu, "memory": memory, "ephemeral-storage": "50Gi", "topolvm.io/capacity": "1000",
        "pods": random.pick(&["4", "110", "110", "110", "110"]) });
    let zone = ["a", "b", "c"][place % 3];
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": {
            "kubernetes.io/os": "linux", HOSTNAME: name, ZONE: zone, "topology.topolvm.io/node": name,
            "topology.ebs.csi.aws.com/zone": zone, "disktype": random.pick(&["ssd", "ssd", "hdd"])
        } },
        "spec": {},
        "status": { "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady" }],
            "allocatable": amounts, "capacity": amounts }
    });
    if place > 0 && random.chance(20) {
        let taint = random.pick(&[
            json!({ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }),
            json!({ "key": "dedicated", "value": "db", "effect": "NoSchedule" }),
            json!({ "key": "dedicated", "value": "db", "effect": "NoExecute" }),
            json!({ "key": "busy", "effect": "PreferNoSchedule" }),
        ]);
        push(&mut node, "spec/taints", taint);
    }
    if place > 1 && random.chance(8) {
        node["spec"]["unschedulable"] = true.into();
        push(&mut node, "spec/taints", json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" }));
    }
    node
}
