//! All that keeps a pod from a node. kube-scheduler stops at the first obstacle; people need every one of them.

use std::cmp::Reverse;

use serde_json::Value;

use super::reason::Reason;
use crate::model::meta::Map;
use crate::model::quantity::short_bytes;
use crate::model::selector::{Requirement, Unmet};
use crate::model::{Kind, Meta, ObjectRef, Pod};
use crate::snapshot::Edit;

/// One thing that keeps one pod from one node, or from all.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstacle {
    /// What upstream says of it.
    pub reason: Reason,
    /// What decided.
    pub fact: Fact,
    /// The object on which it rests.
    pub object: ObjectRef,
    /// The field of that object, such as `spec.taints[0]`.
    pub path: String,
    /// What the pod needs there.
    pub wanted: String,
    /// What is there.
    pub present: String,
    /// The smallest change that removes it. What it would cost is not asked.
    pub edits: Vec<Edit>,
}

/// Where a requirement on a node's labels stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelSource {
    /// `spec.nodeSelector` of the pod.
    NodeSelector,
    /// A term of the pod's required node affinity.
    NodeAffinity,
    /// `addedAffinity` of the scheduler's configuration.
    Scheduler,
}

/// Why a claim can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimTrouble {
    Missing,
    /// The claim of an ephemeral volume hasn't been made.
    NotMade,
    Lost {
        volume: String,
    },
    /// RFC 3339.
    Deleting {
        since: String,
    },
    /// The claim of an ephemeral volume belongs to something else, or to nothing.
    NotOwned {
        owner: Option<ObjectRef>,
    },
    /// It doesn't wait for its pod and isn't bound; `volume` is the one that it names, or empty.
    Unbound {
        class: String,
        volume: String,
        class_exists: bool,
    },
    /// A volume names no claim.
    Nameless,
}

/// Why no volume comes to be for a claim on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoVolume {
    /// No volume that is there fits, and the class makes none. `elsewhere` are those that would fit on another node.
    NoneMade { elsewhere: Vec<String> },
    /// The class's allowed topologies don't take the node in.
    NotAllowed { topologies: Vec<Map> },
    /// Another node was selected for the claim.
    SelectedElsewhere { node: String },
}

/// What decides. Amounts of resources are in the scheduler's units: milli-CPU, bytes, counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Cordoned,
    OtherNode {
        wanted: String,
    },
    Taint {
        key: String,
        value: String,
        effect: String,
    },
    /// A requirement on a label or on the node's name, which the node doesn't meet.
    Label {
        source: LabelSource,
        requirement: Requirement,
        present: Option<String>,
    },
    /// The pod is for nodes of these names alone.
    NodeNames {
        names: Vec<String>,
    },
    /// The terms of a node affinity match no node at all.
    NoTermMatches {
        source: LabelSource,
    },
    Port {
        port: i32,
        protocol: String,
        ip: String,
        holders: Vec<ObjectRef>,
    },
    Pods {
        allowed: i64,
        present: i64,
    },
    /// `holders` are the pods that hold most of it, with their amounts.
    Resource {
        name: String,
        asked: i64,
        free: i64,
        allocatable: i64,
        holders: Vec<(ObjectRef, i64)>,
    },
    /// Pods that use a ReadWriteOncePod claim of the pod, with their nodes.
    ClaimInUse {
        claim: String,
        holders: Vec<(ObjectRef, String)>,
    },
    /// Pods on the node that hold an inline disk of the pod.
    DiskInUse {
        volume: String,
        holders: Vec<ObjectRef>,
    },
    /// Of `present` volumes of the driver, `attached` are on no pod of the node.
    VolumeLimit {
        driver: String,
        limit: i64,
        present: i64,
        attached: i64,
        wanted: i64,
    },
    /// A driver that isn't on the node, and whose pods only go where it is.
    DriverMissing {
        driver: String,
    },
    Claim {
        claim: String,
        trouble: ClaimTrouble,
    },
    /// A bound volume whose node affinity the node doesn't meet: the requirements of the term that lacks least, with
    /// what the node has.
    VolumeAffinity {
        claim: String,
        volume: String,
        unmet: Vec<(Requirement, Option<String>)>,
    },
    NoVolume {
        claim: String,
        class: String,
        why: NoVolume,
    },
    /// Published capacity of the node's segment, in bytes; both `None` where nothing is published.
    NoSpace {
        claim: String,
        class: String,
        driver: String,
        asked: i64,
        free: Option<i64>,
        maximum: Option<i64>,
        segment: Map,
    },
    VolumeMissing {
        claim: String,
        volume: String,
    },
    /// A label of the volume with the values of which the node must have one.
    Zone {
        claim: String,
        volume: String,
        key: String,
        values: Vec<String>,
        present: Option<String>,
    },
    /// Pods by domain, the fewest first; `count` are those of the node's domain.
    Spread {
        key: String,
        domain: String,
        count: i64,
        smallest: i64,
        max_skew: i64,
        domains: Vec<(String, i64)>,
    },
    SpreadLabel {
        key: String,
    },
    /// A term that asks for pods which aren't in the node's domain; `elsewhere` has those that are in others.
    Affinity {
        selector: String,
        key: String,
        domain: Option<String>,
        elsewhere: Vec<(ObjectRef, String)>,
    },
    AntiAffinity {
        selector: String,
        key: String,
        domain: String,
        pods: Vec<ObjectRef>,
    },
    /// Pods whose own anti-affinity forbids the pod in the node's domain.
    ExistingAntiAffinity {
        key: String,
        domain: String,
        pods: Vec<ObjectRef>,
    },
    /// A resource claim, or an extended resource that a device class stands for.
    Devices {
        name: String,
    },
    ResourceClaim {
        name: String,
    },
    DeviceClass {
        request: String,
        class: String,
    },
    Feature {
        name: String,
    },
}

impl Obstacle {
    /// Whether it may go by itself, as other pods and volumes come and go.
    pub fn passing(&self) -> bool {
        match &self.fact {
            Fact::Resource { asked, allocatable, .. } => asked <= allocatable,
            Fact::Port { .. }
            | Fact::Pods { .. }
            | Fact::ClaimInUse { .. }
            | Fact::DiskInUse { .. }
            | Fact::VolumeLimit { .. }
            | Fact::NoVolume { .. }
            | Fact::NoSpace { .. }
            | Fact::Spread { .. }
            | Fact::Affinity { .. }
            | Fact::AntiAffinity { .. }
            | Fact::ExistingAntiAffinity { .. }
            | Fact::Devices { .. } => true,
            Fact::Cordoned
            | Fact::OtherNode { .. }
            | Fact::Taint { .. }
            | Fact::Label { .. }
            | Fact::NodeNames { .. }
            | Fact::NoTermMatches { .. }
            | Fact::DriverMissing { .. }
            | Fact::Claim { .. }
            | Fact::VolumeAffinity { .. }
            | Fact::VolumeMissing { .. }
            | Fact::Zone { .. }
            | Fact::SpreadLabel { .. }
            | Fact::ResourceClaim { .. }
            | Fact::DeviceClass { .. }
            | Fact::Feature { .. } => false,
        }
    }

    /// Names whether two obstacles are the same thing on different nodes: what the nodes have may differ.
    pub fn topic(&self) -> String {
        let object = if self.object.kind == Kind::Node.name() { String::new() } else { self.object.to_string() };
        let own = match &self.fact {
            Fact::Taint { key, value, effect } => format!("{key}={value}:{effect}"),
            Fact::Resource { name, .. } => name.clone(),
            Fact::VolumeLimit { driver, .. } | Fact::DriverMissing { driver } => driver.clone(),
            Fact::NoSpace { claim, .. } | Fact::NoVolume { claim, .. } => claim.clone(),
            Fact::Spread { key, .. } | Fact::SpreadLabel { key } => key.clone(),
            Fact::AntiAffinity { key, selector, .. } | Fact::Affinity { key, selector, .. } => {
                format!("{key} {selector}")
            }
            Fact::ExistingAntiAffinity { key, .. } => key.clone(),
            Fact::Port { port, protocol, ip, .. } => format!("{ip}:{port}/{protocol}"),
            Fact::Label { source, requirement, .. } => format!("{source:?} {requirement}"),
            _ => self.wanted.clone(),
        };
        let object = match &self.fact {
            Fact::ExistingAntiAffinity { .. }
            | Fact::NoSpace { .. }
            | Fact::VolumeLimit { .. }
            | Fact::DriverMissing { .. } => String::new(),
            _ => object,
        };
        format!("{} {object} {own}", self.reason.plugin())
    }
}

/// Puts the obstacles whose reasons a plugin gives first, in its order, before what else the plugin found.
pub(crate) fn lead_with(reasons: &[Reason], mut obstacles: Vec<Obstacle>) -> Vec<Obstacle> {
    let mut ordered = Vec::with_capacity(obstacles.len());
    for reason in reasons {
        let text = reason.text();
        let position = obstacles
            .iter()
            .position(|obstacle| obstacle.reason == *reason)
            .or_else(|| obstacles.iter().position(|obstacle| obstacle.reason.text() == text));
        ordered.extend(position.map(|position| obstacles.remove(position)));
    }
    ordered.append(&mut obstacles);
    ordered
}

/// An amount of a resource as people write it: `500m`, `2`, `1.5 GiB`.
pub(crate) fn amount(resource: &str, amount: i64) -> String {
    match resource {
        "cpu" if amount % 1000 == 0 => (amount / 1000).to_string(),
        "cpu" => format!("{amount}m"),
        "memory" | "ephemeral-storage" => short_bytes(amount),
        name if name.starts_with("hugepages-") => short_bytes(amount),
        _ => amount.to_string(),
    }
}

/// A JSON patch of an object.
pub(crate) fn patch(kind: Kind, meta: &Meta, operations: Value) -> Edit {
    Edit::Patch { kind, namespace: meta.namespace.clone(), name: meta.name.clone(), operations }
}

/// The pods that hold most, at most three.
pub(crate) fn most<T>(mut holders: Vec<(T, i64)>) -> Vec<(T, i64)> {
    holders.retain(|(_, amount)| *amount > 0);
    holders.sort_by_key(|(_, amount)| Reverse(*amount));
    holders.truncate(3);
    holders
}

pub(crate) fn pod_ref(pod: &Pod) -> ObjectRef {
    ObjectRef::new(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name)
}

pub(crate) fn node_ref(name: &str) -> ObjectRef {
    ObjectRef::new(Kind::Node, "", name)
}

/// What a requirement wants of a label, without the key: `ssd`, `one of a, b`, `no such label`.
pub(crate) fn wanted(requirement: &Requirement) -> String {
    let values = requirement.values.join(", ");
    match (requirement.operator.as_str(), requirement.values.len()) {
        ("In", 1) => values,
        ("In", _) => format!("one of {values}"),
        ("NotIn", 1) => format!("anything but {values}"),
        ("NotIn", _) => format!("none of {values}"),
        ("Exists", _) => "any value".to_owned(),
        ("DoesNotExist", _) => "no such label".to_owned(),
        ("Gt", _) => format!("more than {values}"),
        ("Lt", _) => format!("less than {values}"),
        (operator, _) => format!("{operator} {values}"),
    }
}

/// What a node has in place of a label.
pub(crate) fn label_present(present: Option<&str>) -> String {
    present.map_or_else(|| "no such label".to_owned(), str::to_owned)
}

/// The field of a node that a requirement reads.
pub(crate) fn label_path(unmet: &Unmet<'_>) -> String {
    if unmet.field { "metadata.name".to_owned() } else { format!("metadata.labels[{}]", unmet.requirement.key) }
}
