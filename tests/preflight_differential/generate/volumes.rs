//! Classes, drivers, capacities, volumes and claims.

use serde_json::{Value, json};

use super::Surroundings;
use super::cluster::HOSTNAME;
use crate::case::Case;
use crate::random::{Random, set};

/// Puts storage into the case.
pub fn put(random: &mut Random, case: &mut Case, around: &Surroundings) {
    case.objects.extend(classes(random));
    for (name, tracks) in [("topolvm.io", true), ("ebs.csi.aws.com", false)] {
        if random.chance(94) {
            case.objects.push(json!({
                "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": { "name": name },
                "spec": { "attachRequired": !tracks, "storageCapacity": tracks }
            }));
        }
    }
    for node in &around.nodes {
        case.objects.push(csi_node(random, node));
        if random.chance(90) {
            case.objects.push(capacity(random, node));
        }
    }
    for place in 0..random.pick(&[0, 1, 2, 3]) {
        case.objects.push(local_volume(random, around, place));
    }
}

fn classes(random: &mut Random) -> Vec<Value> {
    let class = |name: &str, provisioner: &str, mode: &str| {
        json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": name },
            "provisioner": provisioner, "volumeBindingMode": mode, "allowVolumeExpansion": name == "ebs" })
    };
    let mut classes = vec![
        class("lvm", "topolvm.io", "WaitForFirstConsumer"),
        class("ebs", "ebs.csi.aws.com", "WaitForFirstConsumer"),
        class("now", "ebs.csi.aws.com", "Immediate"),
        class("local", "kubernetes.io/no-provisioner", "WaitForFirstConsumer"),
    ];
    classes[2]["allowedTopologies"] =
        json!([{ "matchLabelExpressions": [{ "key": "topology.ebs.csi.aws.com/zone", "values": ["a"] }] }]);
    if random.chance(20) {
        classes[1]["allowedTopologies"] = json!([{ "matchLabelExpressions": [{ "key": "topology.ebs.csi.aws.com/zone", "values": random.some(&["a", "b"]) }] }]);
    }
    if random.chance(60) {
        let place = random.below(2);
        set(
            &mut classes[place],
            "metadata/annotations",
            json!({ "storageclass.kubernetes.io/is-default-class": "true" }),
        );
    }
    classes
}

fn csi_node(random: &mut Random, node: &str) -> Value {
    let mut drivers =
        vec![json!({ "name": "topolvm.io", "nodeID": node, "topologyKeys": ["topology.topolvm.io/node"] })];
    let mut ebs =
        json!({ "name": "ebs.csi.aws.com", "nodeID": node, "topologyKeys": ["topology.ebs.csi.aws.com/zone"] });
    if random.chance(40) {
        ebs["allocatable"] = json!({ "count": random.pick(&[1, 2, 3, 25]) });
    }
    drivers.push(ebs);
    json!({ "apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": { "name": node }, "spec": { "drivers": drivers } })
}

fn capacity(random: &mut Random, node: &str) -> Value {
    let mut object = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity",
        "metadata": { "name": format!("capacity-{node}"), "namespace": "kube-system" }, "storageClassName": "lvm",
        "nodeTopology": { "matchLabels": { "topology.topolvm.io/node": node } },
        "capacity": random.pick(&["3Gi", "10Gi", "20Gi", "100Gi"])
    });
    if random.chance(20) {
        object["maximumVolumeSize"] = random.pick(&["2Gi", "12Gi"]).into();
    }
    object
}

fn local_volume(random: &mut Random, around: &Surroundings, place: usize) -> Value {
    let node = random.pick(&around.nodes);
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": format!("pv{place}") },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": { "storage": random.pick(&["5Gi", "10Gi", "20Gi"]) },
            "storageClassName": "local", "persistentVolumeReclaimPolicy": "Retain",
            "local": { "path": format!("/mnt/{place}") },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [
                { "matchExpressions": [{ "key": HOSTNAME, "operator": "In", "values": [node] }] }
            ] } }
        }
    })
}

/// The spec of a claim.
pub fn claim_spec(random: &mut Random) -> Value {
    let class = random.pick(&["lvm", "lvm", "ebs", "ebs", "now", "local"]);
    let mode = random.pick(&["ReadWriteOnce", "ReadWriteOnce", "ReadWriteOnce", "ReadWriteOncePod"]);
    let mut spec = json!({ "accessModes": [mode], "storageClassName": class,
        "resources": { "requests": { "storage": random.pick(&["1Gi", "2Gi", "5Gi", "8Gi"]) } } });
    if random.chance(12) {
        spec.as_object_mut().unwrap().remove("storageClassName");
    }
    spec
}

/// A claim of its own.
pub fn claim_document(random: &mut Random, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name, "namespace": "app" },
        "spec": claim_spec(random) })
}
