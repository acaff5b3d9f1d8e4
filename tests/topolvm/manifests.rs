//! The cluster of the story, and its Vault.

use serde_json::{Value, json};

/// The namespace of TopoLVM, whose own pods its webhook leaves alone.
pub const SYSTEM: &str = "topolvm-system";
/// The only node that takes pods, and the only one with a volume group.
pub const WORKER: &str = "worker-1";
/// What the volume group has free: 240 GiB.
pub const FREE: i64 = 240 << 30;

/// Four nodes, three of them of the control plane, their CSINodes, and the namespaces.
pub fn cluster() -> Vec<Value> {
    let masters = ["control-1", "control-2", "control-3"];
    let mut objects: Vec<Value> = masters.iter().map(|name| master(name)).collect();
    objects.push(json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": WORKER,
            "labels": {"kubernetes.io/hostname": WORKER, "topology.topolvm.io/node": WORKER},
            "annotations": {"capacity.topolvm.io/00default": FREE.to_string()},
        },
    }));
    objects.extend(masters.iter().map(|name| csi_node(name, json!([]))));
    objects.push(csi_node(
        WORKER,
        json!([{"name": "topolvm.io", "nodeID": WORKER, "topologyKeys": ["topology.topolvm.io/node"]}]),
    ));
    objects.push(namespace("vault", json!({})));
    objects.push(namespace(SYSTEM, json!({"topolvm.io/webhook": "ignore"})));
    objects
}

fn master(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "node-role.kubernetes.io/control-plane": ""},
        },
        "spec": {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]},
    })
}

fn csi_node(name: &str, drivers: Value) -> Value {
    json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": name}, "spec": {"drivers": drivers}})
}

fn namespace(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

/// Vault as its chart makes it: three replicas with two claims each that keep off each other's nodes. Until somebody
/// unseals it, its pods run and are not Ready.
#[derive(Clone, Copy)]
pub struct Vault {
    pub policy: &'static str,
    /// What each claim `data` asks for.
    pub data: &'static str,
    /// Whether no two pods may share a node.
    pub apart: bool,
}

impl Vault {
    /// The chart's own choice of policy, and its size.
    pub const PARALLEL: Self = Self { policy: "Parallel", data: "10Gi", apart: true };
    /// The default of StatefulSets.
    pub const ORDERED: Self = Self { policy: "OrderedReady", data: "10Gi", apart: true };

    /// The pods that exist as long as none of them is Ready.
    pub fn pods(&self) -> &'static [&'static str] {
        if self.policy == "Parallel" { &["vault-0", "vault-1", "vault-2"] } else { &["vault-0"] }
    }

    /// The StatefulSet.
    pub fn set(&self) -> Value {
        let labels = json!({"app.kubernetes.io/name": "vault", "component": "server"});
        let mount = |name: &str| json!({"name": name, "mountPath": format!("/vault/{name}")});
        let affinity = self.apart.then(|| {
            json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}]}})
        });
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "vault", "namespace": "vault"},
            "spec": {
                "replicas": 3, "serviceName": "vault-internal", "podManagementPolicy": self.policy,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels, "annotations": {"test.storagewhy.dev/ready": "false"}},
                    "spec": {
                        "affinity": affinity,
                        "containers": [{
                            "name": "vault", "image": "hashicorp/vault:2.0.0",
                            "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}},
                            "volumeMounts": [mount("data"), mount("audit")],
                        }],
                    },
                },
                "volumeClaimTemplates": [claim("data", self.data), claim("audit", "10Gi")],
            },
        })
    }
}

fn claim(name: &str, size: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "topolvm-provisioner",
            "resources": {"requests": {"storage": size}},
        },
    })
}
