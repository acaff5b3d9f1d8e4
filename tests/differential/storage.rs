//! Classes, CSI objects, volumes, claims and attachments.

use serde_json::{Value, json};

use super::nodes::{HOSTNAME, ZONE};
use super::random::{Random, push, set};

const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const MIGRATED: &str = "storage.alpha.kubernetes.io/migrated-plugins";

/// The storage of one cluster.
pub struct Storage {
    pub objects: Vec<Value>,
    /// Names of claims in the namespace `app`.
    pub claims: Vec<String>,
}

pub fn storage(random: &mut Random, nodes: &[String], release: u32) -> Storage {
    let mut objects = classes(random);
    objects.extend(drivers(random, release));
    for node in nodes {
        if random.chance(85) {
            objects.push(csi_node(random, node));
        }
    }
    for place in 0..random.pick(&[0, 1, 2, 3, 4, 6]) {
        objects.push(capacity(random, nodes, place));
    }
    if release >= 34 && random.chance(30) {
        objects.extend(attribute_classes());
    }
    for place in 0..random.below(7) {
        objects.push(free_volume(random, nodes, place, release));
    }
    let mut claims = Vec::new();
    for place in 0..random.below(6) {
        let (claim, volume) = bound(random, nodes, place);
        claims.push(format!("b{place}"));
        objects.extend([volume, claim]);
    }
    for place in 0..random.between(1, 6) {
        claims.push(format!("c{place}"));
        objects.push(unbound(random, nodes, place, release));
    }
    if random.chance(12) {
        claims.push("lost".to_owned());
        objects.push(lost());
    }
    objects.extend(attachments(random, nodes));
    Storage { objects, claims }
}

fn classes(random: &mut Random) -> Vec<Value> {
    let class = |name: &str, provisioner: &str, mode: &str| {
        json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": name },
            "provisioner": provisioner, "volumeBindingMode": mode })
    };
    let mut classes = vec![
        class("local", "kubernetes.io/no-provisioner", "WaitForFirstConsumer"),
        class("local-now", "kubernetes.io/no-provisioner", "Immediate"),
        class("lvm", "topolvm.io", "WaitForFirstConsumer"),
        class("ebs", "ebs.csi.aws.com", "WaitForFirstConsumer"),
        class("now", "ebs.csi.aws.com", "Immediate"),
        class("intree", "kubernetes.io/aws-ebs", "WaitForFirstConsumer"),
        class("other", "csi.example.com", "WaitForFirstConsumer"),
    ];
    if random.chance(40) {
        let key = random.pick(&["topology.ebs.csi.aws.com/zone", ZONE]);
        classes[3]["allowedTopologies"] =
            json!([{ "matchLabelExpressions": [{ "key": key, "values": random.some(&["a", "b", "c"]) }] }]);
    }
    if random.chance(30) {
        let terms = json!([
            { "matchLabelExpressions": [{ "key": ZONE, "values": random.some(&["a", "b"]) }] },
            { "matchLabelExpressions": [{ "key": "disktype", "values": ["ssd"] }, { "key": "pool", "values": ["db"] }] }
        ]);
        classes[2]["allowedTopologies"] = terms;
    }
    if random.chance(20) {
        let place = random.below(classes.len());
        set(
            &mut classes[place],
            "metadata/annotations",
            json!({ "storageclass.kubernetes.io/is-default-class": "true" }),
        );
    }
    classes
}

/// At most one driver asks that its pods only go where it is: of several that lack, upstream names any.
fn drivers(random: &mut Random, release: u32) -> Vec<Value> {
    let mut drivers = Vec::new();
    for (name, present, tracks) in [("topolvm.io", 90, 75), ("ebs.csi.aws.com", 80, 30), ("csi.example.com", 50, 50)] {
        if random.chance(present) {
            drivers.push(json!({
                "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": { "name": name },
                "spec": { "attachRequired": name != "topolvm.io", "storageCapacity": random.chance(tracks) }
            }));
        }
    }
    if release >= 37 && random.chance(40) {
        let place = random.below(drivers.len());
        if let Some(driver) = drivers.get_mut(place) {
            driver["spec"]["preventPodSchedulingIfMissing"] = true.into();
        }
    }
    drivers
}

fn csi_node(random: &mut Random, node: &str) -> Value {
    let mut object = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": { "name": node }, "spec": { "drivers": [] }
    });
    for (driver, key) in [
        ("topolvm.io", "topology.topolvm.io/node"),
        ("ebs.csi.aws.com", "topology.ebs.csi.aws.com/zone"),
        ("csi.example.com", HOSTNAME),
    ] {
        if random.chance(80) {
            let mut entry = json!({ "name": driver, "nodeID": node, "topologyKeys": [key] });
            if random.chance(50) {
                entry["allocatable"] = json!({ "count": random.pick(&[0, 1, 1, 2, 3]) });
            } else if random.chance(10) {
                entry["allocatable"] = json!({});
            }
            push(&mut object, "spec/drivers", entry);
        }
    }
    if random.chance(50) {
        let plugins = random.pick(&[
            "kubernetes.io/aws-ebs",
            "kubernetes.io/aws-ebs,kubernetes.io/gce-pd",
            "kubernetes.io/azure-disk",
        ]);
        set(&mut object, "metadata/annotations", json!({ MIGRATED: plugins }));
    }
    object
}

fn capacity(random: &mut Random, nodes: &[String], place: usize) -> Value {
    let mut object = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity",
        "metadata": { "name": format!("capacity{place}"), "namespace": random.pick(&["kube-system", "app"]) },
        "storageClassName": random.pick(&["lvm", "lvm", "ebs", "other", "gone"])
    });
    match random.below(10) {
        0 => {}
        1 => object["nodeTopology"] = json!({}),
        2 => {
            object["nodeTopology"] = json!({ "matchExpressions": [
                { "key": ZONE, "operator": random.pick(&["In", "NotIn"]), "values": ["a"] }
            ] });
        }
        3..7 if !nodes.is_empty() => {
            object["nodeTopology"] = json!({ "matchLabels": { "topology.topolvm.io/node": random.pick(nodes) } });
        }
        _ => {
            let zone = random.pick(&["a", "b", "c"]);
            object["nodeTopology"] = json!({ "matchLabels": { "topology.ebs.csi.aws.com/zone": zone } });
        }
    }
    if random.chance(85) {
        object["capacity"] = random.pick(&["0", "5Gi", "20Gi", "100Gi"]).into();
    }
    if random.chance(30) {
        object["maximumVolumeSize"] = random.pick(&["5Gi", "12Gi", "200Gi"]).into();
    }
    object
}

fn attribute_classes() -> Vec<Value> {
    let class = |name: &str| {
        json!({ "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttributesClass", "metadata": { "name": name },
            "driverName": "ebs.csi.aws.com", "parameters": { "iops": "3000" } })
    };
    vec![class("gold"), class("silver")]
}

/// A volume without a source.
fn volume(random: &mut Random, name: &str, class: &str, size: &str, mode: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": name },
        "spec": {
            "accessModes": [mode], "capacity": { "storage": size }, "storageClassName": class,
            "persistentVolumeReclaimPolicy": random.pick(&["Retain", "Delete"])
        }
    })
}

fn csi(driver: &str, handle: &str) -> Value {
    json!({ "driver": driver, "volumeHandle": handle })
}

fn affinity(random: &mut Random, nodes: &[String]) -> Value {
    let terms = match random.below(6) {
        0 | 1 if !nodes.is_empty() => {
            json!([{ "matchExpressions": [{ "key": HOSTNAME, "operator": "In", "values": [random.pick(nodes)] }] }])
        }
        2 => {
            json!([{ "matchExpressions": [{ "key": ZONE, "operator": "In", "values": random.some(&["a", "b", "c"]) }] }])
        }
        3 => json!([
            { "matchExpressions": [{ "key": "disktype", "operator": "In", "values": ["ssd"] },
                { "key": "pool", "operator": "Exists" }] },
            { "matchExpressions": [{ "key": "rank", "operator": "Gt", "values": ["1"] }] }
        ]),
        4 => json!([{ "matchExpressions": [
            { "key": "topology.ebs.csi.aws.com/zone", "operator": "NotIn", "values": [random.pick(&["a", "b"])] }
        ] }]),
        _ => json!([{ "matchExpressions": [{ "key": HOSTNAME, "operator": "In", "values": ["gone"] }] }]),
    };
    json!({ "required": { "nodeSelectorTerms": terms } })
}

fn free_volume(random: &mut Random, nodes: &[String], place: usize, release: u32) -> Value {
    let class = random.pick(&["local", "local", "local", "local-now", "", "ebs", "intree"]);
    let size = random.pick(&["5Gi", "10Gi", "10Gi", "20Gi"]);
    let mode = random.pick(&["ReadWriteOnce", "ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod"]);
    let name = format!("pv{place}");
    let mut volume = volume(random, &name, class, size, mode);
    if random.chance(30) && mode != "ReadWriteOncePod" {
        push(&mut volume, "spec/accessModes", "ReadOnlyMany".into());
        let modes = volume["spec"]["accessModes"].as_array_mut().unwrap();
        modes.dedup();
    }
    match class {
        "local" => {
            volume["spec"]["local"] = json!({ "path": format!("/mnt/{name}") });
            volume["spec"]["nodeAffinity"] = affinity(random, nodes);
        }
        "intree" => volume["spec"]["awsElasticBlockStore"] = json!({ "volumeID": format!("vol-free{place}") }),
        _ => {
            volume["spec"]["csi"] = csi("ebs.csi.aws.com", &name);
            if random.chance(50) {
                volume["spec"]["nodeAffinity"] = affinity(random, nodes);
            }
        }
    }
    if random.chance(15) {
        volume["spec"]["volumeMode"] = "Block".into();
    }
    if random.chance(30) {
        set(&mut volume, "metadata/labels", json!({ "speed": random.pick(&["fast", "slow"]) }));
    }
    if release >= 34 && random.chance(10) && volume["spec"]["csi"].is_object() {
        volume["spec"]["volumeAttributesClassName"] = random.pick(&["gold", "silver"]).into();
    }
    match random.below(10) {
        0 => volume["spec"]["claimRef"] = json!({ "namespace": "app", "name": format!("c{}", random.below(5)) }),
        1 => {
            volume["spec"]["claimRef"] = json!({ "namespace": "app", "name": "former", "uid": "0-1-2-3" });
        }
        2 => volume["spec"]["claimRef"] = json!({ "namespace": "shop", "name": "later" }),
        _ => {}
    }
    volume
}

fn bound(random: &mut Random, nodes: &[String], place: usize) -> (Value, Value) {
    let (claim_name, volume_name) = (format!("b{place}"), format!("bpv{place}"));
    let mode = random.pick(&["ReadWriteOnce", "ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]);
    let mut volume = volume(random, &volume_name, "bound", "10Gi", mode);
    volume["spec"]["claimRef"] = json!({ "namespace": "app", "name": claim_name });
    let handle = format!("handle{place}");
    match random.below(12) {
        0 => volume["spec"]["awsElasticBlockStore"] = json!({ "volumeID": format!("aws://a/vol-{place}") }),
        1 => volume["spec"]["gcePersistentDisk"] = json!({ "pdName": format!("disk{}", random.below(3)) }),
        2 => {
            volume["spec"]["azureDisk"] =
                json!({ "diskName": "d", "diskURI": format!("/subscriptions/s/disk{place}"), "kind": "Managed" })
        }
        3 => volume["spec"]["nfs"] = json!({ "server": "nfs", "path": "/" }),
        4..8 => volume["spec"]["csi"] = csi("ebs.csi.aws.com", &handle),
        8 => volume["spec"]["csi"] = csi("csi.example.com", random.pick(&["shared", "own"])),
        _ => volume["spec"]["csi"] = csi("topolvm.io", &handle),
    }
    if random.chance(45) {
        volume["spec"]["nodeAffinity"] = affinity(random, nodes);
    }
    match random.below(10) {
        0 => set(&mut volume, "metadata/labels", json!({ ZONE: random.pick(&["a", "b"]) })),
        1 => set(
            &mut volume,
            "metadata/labels",
            json!({ "failure-domain.beta.kubernetes.io/zone": random.pick(&["a", "a__b", "b__c"]) }),
        ),
        2 => set(&mut volume, "metadata/labels", json!({ "topology.kubernetes.io/region": "eu" })),
        _ => {}
    }
    let mut claim = claim(&claim_name, Some("bound"), "10Gi", mode);
    claim["spec"]["volumeName"] = volume_name.into();
    if random.chance(6) {
        delete(&mut claim);
    }
    (claim, volume)
}

fn claim(name: &str, class: Option<&str>, size: &str, mode: &str) -> Value {
    let mut claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name, "namespace": "app" },
        "spec": { "accessModes": [mode], "resources": { "requests": { "storage": size } } }
    });
    if let Some(class) = class {
        claim["spec"]["storageClassName"] = class.into();
    }
    claim
}

/// Has the object deleted when it is made, and kept by a finalizer.
pub fn delete(object: &mut Value) {
    set(object, "metadata/finalizers", json!(["example.com/hold"]));
    set(object, "metadata/deletionTimestamp", "2026-01-01T00:00:00Z");
}

fn unbound(random: &mut Random, nodes: &[String], place: usize, release: u32) -> Value {
    let classes = [
        "local",
        "local",
        "lvm",
        "lvm",
        "lvm",
        "lvm",
        "ebs",
        "ebs",
        "ebs",
        "intree",
        "other",
        "other",
        "local-now",
        "now",
        "nowhere",
        "",
    ];
    let class = if random.chance(6) { None } else { Some(random.pick(&classes)) };
    let mode = random.pick(&["ReadWriteOnce", "ReadWriteOnce", "ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]);
    let size = random.pick(&["1Gi", "5Gi", "10Gi", "15Gi", "51Gi", "10737418241"]);
    let mut claim = claim(&format!("c{place}"), class, size, mode);
    if random.chance(12) {
        claim["spec"]["volumeMode"] = "Block".into();
    }
    if random.chance(12) {
        claim["spec"]["selector"] = random.pick(&[
            json!({ "matchLabels": { "speed": "fast" } }),
            json!({ "matchExpressions": [{ "key": "speed", "operator": "NotIn", "values": ["slow"] }] }),
        ]);
    }
    if random.chance(8) {
        claim["spec"]["volumeName"] = format!("pv{}", random.below(7)).into();
    }
    if random.chance(8) {
        let node = if nodes.is_empty() || random.chance(20) { "gone".to_owned() } else { random.pick(nodes) };
        set(&mut claim, "metadata/annotations", json!({ SELECTED_NODE: node }));
    }
    if release >= 34 && random.chance(8) {
        claim["spec"]["volumeAttributesClassName"] = random.pick(&["gold", "silver", "missing"]).into();
    }
    if random.chance(4) {
        delete(&mut claim);
    }
    claim
}

fn lost() -> Value {
    let mut claim = claim("lost", Some("ebs"), "1Gi", "ReadWriteOnce");
    claim["spec"]["volumeName"] = "lost-volume".into();
    set(&mut claim, "metadata/annotations", json!({ "pv.kubernetes.io/bind-completed": "yes" }));
    claim
}

fn attachments(random: &mut Random, nodes: &[String]) -> Vec<Value> {
    let mut attachments = Vec::new();
    for place in 0..random.below(5) {
        let Some(node) = (!nodes.is_empty()).then(|| random.pick(nodes)) else { break };
        let mut attachment = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment",
            "metadata": { "name": format!("attachment{place}") },
            "spec": {
                "attacher": random.pick(&["ebs.csi.aws.com", "ebs.csi.aws.com", "csi.example.com", "topolvm.io"]),
                "nodeName": node,
                "source": { "persistentVolumeName": random.pick(&["bpv0", "bpv1", "bpv2", "bpv3", "pv0", "gone"]) }
            }
        });
        set(&mut attachment, "metadata/finalizers", json!(["external-attacher/example"]));
        attachment["status"] = json!({ "attached": random.chance(70) });
        attachments.push(attachment);
    }
    attachments
}
