//! Repairs of workloads with several pods: they hold for all of them, as their controllers replace them.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests write and read files and may panic")]

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{command, finish};

/// A cluster of nodes with so many CPUs, and a workload.
struct Cluster {
    items: Vec<Value>,
}

impl Cluster {
    fn new(nodes: &[(&str, &str)]) -> Self {
        let mut items = vec![
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}, "status": {"phase": "Active"}}),
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard"},
                "provisioner": "x.example.com", "volumeBindingMode": "WaitForFirstConsumer"}),
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "x.example.com"}, "spec": {}}),
        ];
        for (name, cpu) in nodes {
            let amounts = json!({"cpu": cpu, "memory": "64Gi", "pods": "110"});
            items.push(json!({"apiVersion": "v1", "kind": "Node",
                "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
                "status": {"allocatable": amounts, "capacity": amounts, "conditions": [{"type": "Ready", "status": "True"}]}}));
            items.push(json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": name},
                "spec": {"drivers": [{"name": "x.example.com", "nodeID": name, "topologyKeys": null}]}}));
        }
        Self { items }
    }

    /// A Deployment whose pods have these nodes, or none.
    fn deployment(mut self, strategy: &Value, spec: &Value, nodes: &[Option<&str>]) -> Self {
        let (selector, labels) = (json!({"matchLabels": {"app": "web"}}), json!({"app": "web"}));
        let template = json!({"metadata": {"labels": labels}, "spec": spec});
        self.items.push(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "app", "uid": "web"},
            "spec": {"replicas": nodes.len(), "strategy": strategy, "selector": selector, "template": template}}));
        self.items.push(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "web-1", "namespace": "app", "uid": "web-1", "ownerReferences":
                [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "web", "controller": true}]},
            "spec": {"replicas": nodes.len(), "selector": selector, "template": template}}));
        for (at, node) in nodes.iter().enumerate() {
            self.pod(&format!("web-1-{at}"), ("ReplicaSet", "web-1"), spec, *node);
        }
        self
    }

    /// A StatefulSet that wants more pods than there are, one after the other.
    fn stateful_set(mut self, replicas: usize, spec: &Value, nodes: &[Option<&str>]) -> Self {
        let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": spec});
        self.items.push(json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "web", "namespace": "app", "uid": "web"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}}));
        for (at, node) in nodes.iter().enumerate() {
            self.pod(&format!("web-{at}"), ("StatefulSet", "web"), spec, *node);
        }
        self
    }

    fn pod(&mut self, name: &str, (kind, owner): (&str, &str), spec: &Value, node: Option<&str>) {
        let mut spec = spec.clone();
        spec["nodeName"] = json!(node);
        let phase = if node.is_some() { "Running" } else { "Pending" };
        let conditions = json!([{"type": "Ready", "status": if node.is_some() { "True" } else { "False" }}]);
        self.items.push(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "app", "uid": name, "labels": {"app": "web"},
                "creationTimestamp": "2026-05-01T09:00:00Z", "ownerReferences":
                [{"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": owner, "controller": true}]},
            "spec": spec, "status": {"phase": phase, "conditions": conditions}}));
    }

    fn claim(mut self, name: &str, mode: &str) -> Self {
        self.items.push(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "app", "uid": name, "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
            "spec": {"accessModes": [mode], "storageClassName": "standard", "volumeName": format!("pv-{name}"),
                "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}));
        self.items.push(
            json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("pv-{name}")},
            "spec": {"accessModes": [mode], "storageClassName": "standard", "capacity": {"storage": "1Gi"},
                "claimRef": {"namespace": "app", "name": name, "uid": name},
                "csi": {"driver": "x.example.com", "volumeHandle": name}},
            "status": {"phase": "Bound"}}),
        );
        self
    }

    /// A StatefulSet that wants so many pods with a claim of this size each, of which so many are there and wait, on
    /// nodes with rooms for volumes.
    fn with_claims(rooms: &[&str], size: &str, replicas: usize, present: usize) -> Self {
        let names: Vec<String> = (0..rooms.len()).map(|at| format!("n{at}")).collect();
        let nodes: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "8")).collect();
        let mut cluster = Self::new(&nodes);
        cluster.items.retain(|item| item["kind"] != "StorageClass");
        for (name, room) in names.iter().zip(rooms) {
            cluster.items.push(json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity",
                "metadata": {"name": name, "namespace": "kube-system"}, "storageClassName": "local", "capacity": room,
                "nodeTopology": {"matchLabels": {"kubernetes.io/hostname": name}}}));
        }
        cluster
            .items
            .push(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local"},
            "provisioner": "local.example.com", "volumeBindingMode": "WaitForFirstConsumer"}));
        cluster.items.push(json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver",
            "metadata": {"name": "local.example.com"}, "spec": {"storageCapacity": true}}));
        let claim = json!({"accessModes": ["ReadWriteOnce"], "storageClassName": "local",
            "resources": {"requests": {"storage": size}}});
        cluster = cluster.stateful_set(replicas, &cpu("100m"), &[]);
        let set = cluster.items.last_mut().unwrap();
        set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": claim}]);
        for at in 0..present {
            let name = format!("data-web-{at}");
            let mut spec = cpu("100m");
            spec["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": name}}]);
            cluster.pod(&format!("web-{at}"), ("StatefulSet", "web"), &spec, None);
            cluster.items.push(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": name, "namespace": "app", "uid": name}, "spec": claim, "status": {"phase": "Pending"}}));
        }
        cluster
    }

    fn repairs(self) -> Vec<Value> {
        let folder = TempDir::new().unwrap();
        let dump = json!({"apiVersion": "storagewhy.dev/v1", "kind": "Snapshot", "coverage": "complete",
            "metadata": {"serverVersion": "v1.36.2", "taken": "2026-05-01T12:00:00Z"}, "items": self.items});
        let path = folder.path().join("dump.json");
        fs::write(&path, dump.to_string()).unwrap();
        let run =
            finish(command(&["diagnose", "-A", "-o", "json", "--from", path.to_str().unwrap()]).output().unwrap());
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        let errors = report["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error");
        errors.flat_map(|finding| finding["remedies"].as_array().unwrap().clone()).collect()
    }

    /// The titles of the repairs that work.
    fn works(self) -> Vec<String> {
        let repairs = self.repairs();
        let works = repairs.iter().filter(|remedy| remedy["trial"] == "schedules");
        works.map(|remedy| remedy["title"].as_str().unwrap().to_owned()).collect()
    }
}

fn cpu(amount: &str) -> Value {
    json!({"containers": [{"name": "main", "image": "i", "resources": {"requests": {"cpu": amount}}}]})
}

fn using(claim: &str) -> Value {
    let mut spec = cpu("100m");
    spec["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]);
    spec
}

fn rolling(surge: u32, unavailable: u32) -> Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
}

#[test]
fn a_claim_for_one_pod_is_not_exchanged_for_another_that_the_next_pod_is_kept_from() {
    for strategy in [rolling(1, 0), rolling(0, 1), json!({"type": "Recreate"})] {
        let cluster = Cluster::new(&[("n1", "4"), ("n2", "4")]).claim("single", "ReadWriteOncePod");
        let cluster = cluster.deployment(&strategy, &using("single"), &[Some("n1"), None]);
        let repairs = cluster.repairs();
        let works = repairs.iter().filter(|remedy| remedy["trial"] == "schedules").count();
        assert_eq!(works, 0, "{repairs:#?}");
        let fewer = repairs.iter().find(|remedy| remedy["title"] == "Scale Deployment web to 1: as many as fit now");
        assert!(fewer.is_some_and(|remedy| remedy["trial"] == "untried"), "{repairs:#?}");
    }
}

#[test]
fn one_pod_alone_gets_a_claim_of_its_own() {
    let mut cluster = Cluster::new(&[("n1", "4"), ("n2", "4")]).claim("single", "ReadWriteOncePod");
    cluster.pod("other", ("Node", "n1"), &using("single"), Some("n1"));
    let works = cluster.deployment(&rolling(1, 0), &using("single"), &[None]).works();
    assert!(works.iter().any(|title| title.contains("use claim single-web instead of single")), "{works:?}");
}

#[test]
fn a_request_is_lowered_to_what_all_replicas_can_have() {
    let one = |nodes: &[(&str, &str)], pods: usize| {
        Cluster::new(nodes).deployment(&rolling(1, 0), &cpu("8"), &vec![None; pods]).works()
    };
    assert_eq!(one(&[("n1", "6")], 1), ["Have the pods of Deployment web ask for 6 cpu instead of 8"]);
    assert_eq!(one(&[("n1", "6")], 3), ["Have the pods of Deployment web ask for 2 cpu instead of 8"]);
    assert_eq!(one(&[("n1", "6"), ("n2", "7")], 3), ["Have the pods of Deployment web ask for 3500m cpu instead of 8"]);
    assert_eq!(
        one(&[("n1", "6"), ("n2", "7"), ("n3", "5")], 3),
        ["Have the pods of Deployment web ask for 5 cpu instead of 8"]
    );
}

#[test]
fn the_replicas_that_run_are_replaced_too() {
    let one = |strategy: Value| {
        let nodes = [Some("n1"), Some("n1"), None];
        Cluster::new(&[("n1", "11")]).deployment(&strategy, &cpu("4"), &nodes).works()
    };
    let asks = |cpu: &str| [format!("Have the pods of Deployment web ask for {cpu} cpu instead of 4")];
    assert_eq!(one(rolling(1, 0)), asks("1500m"), "the successor of a pod needs room beside it");
    assert_eq!(one(rolling(0, 1)), asks("3"), "the pod that waits needs room beside those that run");
}

#[test]
fn pods_that_a_set_makes_later_are_counted() {
    let one = |replicas| Cluster::new(&[("n1", "6")]).stateful_set(replicas, &cpu("8"), &[None]).works();
    assert_eq!(one(1), ["Have the pods of StatefulSet web ask for 6 cpu instead of 8"]);
    assert_eq!(one(3), ["Have the pods of StatefulSet web ask for 2 cpu instead of 8"]);
}

/// The sizes that the steps of the repairs that work give the claim template, and the claims that they delete.
fn sizes(cluster: Cluster) -> (Vec<String>, Vec<String>) {
    let (mut sizes, mut deleted) = (Vec::new(), Vec::new());
    for remedy in cluster.repairs().iter().filter(|remedy| remedy["trial"] == "schedules") {
        for command in remedy["steps"].as_array().unwrap().iter().filter_map(|step| step["command"].as_str()) {
            let size = command.split_once("/requests/storage\",\"value\":\"").map(|(_, rest)| rest);
            sizes.extend(size.and_then(|rest| rest.split('"').next()).map(str::to_owned));
            let claim = command.strip_prefix("kubectl delete persistentvolumeclaim ");
            deleted.extend(claim.and_then(|rest| rest.split(' ').next()).map(str::to_owned));
        }
    }
    (sizes, deleted)
}

#[test]
fn a_claim_template_is_made_as_small_as_all_pods_need_and_no_smaller() {
    let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let of = |rooms: &[&str], size, replicas, present| sizes(Cluster::with_claims(rooms, size, replicas, present));
    assert_eq!(of(&["10Gi", "6Gi"], "20Gi", 2, 1), (text(&["6Gi"]), text(&["data-web-0"])), "the second comes later");
    let both = text(&["data-web-0", "data-web-1"]);
    assert_eq!(of(&["10Gi", "6Gi"], "20Gi", 2, 2), (text(&["6Gi"]), both.clone()), "one size, given once");
    assert_eq!(of(&["20Gi", "6Gi"], "30Gi", 2, 2), (text(&["10Gi"]), both), "two share a node");
}
