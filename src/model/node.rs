//! Nodes.

use std::fmt;

use super::kind::has_meta;
use super::lenient::model;
use super::meta::Meta;
use super::pod::Resources;

has_meta!(Node);

/// What the node controller taints cordoned nodes with (`k8s.io/api/core/v1/well_known_taints.go`,
/// TaintNodeUnschedulable).
pub(crate) const UNSCHEDULABLE_TAINT: &str = "node.kubernetes.io/unschedulable";

model! {
    /// A node.
    pub struct Node {
        pub metadata: Meta,
        pub spec: NodeSpec,
        pub status: NodeStatus,
    }

    /// `node.spec`.
    pub struct NodeSpec {
        pub unschedulable: bool,
        pub taints: Vec<Taint>,
        #[serde(rename = "providerID")]
        pub provider_id: String,
    }

    /// A taint.
    pub struct Taint {
        pub key: String,
        pub value: String,
        pub effect: String,
        pub time_added: Option<String>,
    }

    /// `node.status`.
    pub struct NodeStatus {
        pub allocatable: Resources,
        pub capacity: Resources,
        pub conditions: Vec<NodeCondition>,
        pub declared_features: Vec<String>,
        pub volumes_in_use: Vec<String>,
        pub volumes_attached: Vec<AttachedVolume>,
        pub node_info: NodeInfo,
    }

    /// A condition of a node.
    pub struct NodeCondition {
        #[serde(rename = "type")]
        pub kind: String,
        pub status: String,
        pub reason: String,
        pub message: String,
        pub last_heartbeat_time: Option<String>,
        pub last_transition_time: Option<String>,
    }

    /// A volume that the attach controller attached.
    pub struct AttachedVolume {
        pub name: String,
    }

    /// What the kubelet says of itself.
    pub struct NodeInfo {
        pub kubelet_version: String,
        #[serde(rename = "machineID")]
        pub machine_id: String,
        #[serde(rename = "systemUUID")]
        pub system_uuid: String,
    }
}

impl fmt::Display for Taint {
    /// As kubectl writes taints: `dedicated=gpu:NoSchedule`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.as_str() {
            "" => write!(f, "{}:{}", self.key, self.effect),
            value => write!(f, "{}={value}:{}", self.key, self.effect),
        }
    }
}

impl Node {
    /// Whether the kubelet reports the node ready; `None` where it never did.
    pub fn ready(&self) -> Option<bool> {
        let ready = self.status.conditions.iter().find(|condition| condition.kind == "Ready")?;
        Some(ready.status == "True")
    }
}
