//! What is decided of a claim whose class names an external provisioner.

use std::fmt;

use serde::Serialize;

use super::provision_failure::ProvisionFailure;
use crate::model::Quantity;
use crate::model::meta::Map;

/// Whether the provisioner takes a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Intake {
    /// It provisions.
    Takes,
    /// The claim names its volume.
    NamesVolume,
    /// The PV controller hasn't written the provisioner into the claim yet. For a class that waits for a consumer it
    /// does so when a node is selected.
    NotAsked,
    /// The claim was handed to another provisioner, as when the class was made anew with another one.
    AskedAnother { provisioner: String },
    /// The class waits for a consumer, and no node is selected.
    WaitsForNode,
    /// The volume that is made for the claim exists already.
    Provisioned { volume: String },
}

/// What stops the provisioner before it calls the driver. It retries all of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ProvisionProblem {
    /// The claim has a label selector, which no external provisioner takes.
    Selector,
    /// The class gives the file system type with both its keys.
    FsTypeTwice,
    /// The class of an in-tree plugin has both zone parameters and allowed topologies.
    ZonesTwice,
    /// The data source is of a kind that another controller, a populator, must fill the volume from.
    NeedsPopulator { group: String, kind: String },
    /// The claim to be cloned doesn't exist.
    SourceMissing { name: String },
    /// The claim to be cloned isn't bound.
    SourceNotBound { name: String, phase: String },
    /// The claim to be cloned is being deleted.
    SourceDeleting { name: String },
    /// The claim to be cloned asks for more than the clone, both in bytes.
    SourceLarger { name: String, requested: i64, source: i64 },
    /// The claim to be cloned has a volume of another driver or none that is bound to it.
    SourceUnusable { name: String },
    /// The claim to be cloned has the other volume mode.
    SourceMode { name: String },
    /// The selected node has no CSINode.
    CsiNodeMissing { node: String },
    /// The driver isn't registered on the selected node, or without topology keys, and is so on others.
    NoTopologyKey { node: String, registered: bool },
    /// The selected node doesn't have these labels, which the driver's topology keys on it ask for.
    NodeLacksLabels { node: String, labels: Vec<String> },
    /// The selected node is outside the class's allowed topologies.
    NotAllowed { node: String },
    /// The driver is registered on no node. One that knows topology can't provision then; another can, but no pod gets
    /// the volume.
    DriverOnNoNode,
    /// No node has all of the driver's topology keys as labels.
    KeysOnNoNode { keys: Vec<String> },
    /// The volume attributes class doesn't exist.
    AttributesClassMissing { name: String },
    /// The volume attributes class is for another driver.
    AttributesClassOfOther { name: String, driver: String },
}

impl fmt::Display for ProvisionProblem {
    /// As a clause: `the claim has a label selector, …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |bytes: i64| Quantity::bytes(bytes);
        match self {
            Self::Selector => f.write_str("the claim has a label selector, which no provisioner takes"),
            Self::FsTypeTwice => f.write_str("the class gives the file system type twice"),
            Self::ZonesTwice => f.write_str("the class has zone parameters and allowed topologies"),
            Self::NeedsPopulator { group, kind } => {
                write!(f, "a volume populator must fill the volume from {kind}.{group}")
            }
            Self::SourceMissing { name } => write!(f, "claim {name}, which is to be cloned, doesn't exist"),
            Self::SourceNotBound { name, phase } => {
                let phase = if phase.is_empty() { "Pending" } else { phase };
                write!(f, "claim {name}, which is to be cloned, isn't bound ({phase})")
            }
            Self::SourceDeleting { name } => write!(f, "claim {name}, which is to be cloned, is being deleted"),
            Self::SourceLarger { name, requested, source } => write!(
                f,
                "claim {name}, which is to be cloned, asks for {}, more than the clone's {}",
                size(*source),
                size(*requested)
            ),
            Self::SourceUnusable { name } => {
                write!(f, "claim {name}, which is to be cloned, has no volume of this driver that is bound to it")
            }
            Self::SourceMode { name } => write!(f, "claim {name}, which is to be cloned, has the other volume mode"),
            Self::CsiNodeMissing { node } => write!(f, "node {node} has no CSINode"),
            Self::NoTopologyKey { node, registered: false } => {
                write!(f, "the driver isn't registered on node {node}, which was chosen")
            }
            Self::NoTopologyKey { node, registered: true } => {
                write!(f, "the driver has no topology keys on node {node}, which was chosen")
            }
            Self::NodeLacksLabels { node, labels } => write!(f, "node {node} lacks the labels {}", labels.join(", ")),
            Self::NotAllowed { node } => write!(f, "node {node} is outside of the class's allowed topologies"),
            Self::DriverOnNoNode => f.write_str("the driver is registered on no node"),
            Self::KeysOnNoNode { keys } => write!(f, "no node has the labels {}", keys.join(", ")),
            Self::AttributesClassMissing { name } => write!(f, "VolumeAttributesClass {name} doesn't exist"),
            Self::AttributesClassOfOther { name, driver } => write!(f, "VolumeAttributesClass {name} is for {driver}"),
        }
    }
}

/// Something that the driver's provisioner wrote on the claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProvisionerReport {
    pub reason: String,
    pub message: String,
    pub count: i64,
    /// RFC 3339; empty where the event doesn't say.
    pub first_seen: String,
    /// RFC 3339; empty where the event doesn't say.
    pub last_seen: String,
    /// What the message says of the attempt, where it failed in the driver.
    pub outcome: Option<CallOutcome>,
    /// What the message says of the cause, where it is a failure.
    pub failure: Option<ProvisionFailure>,
}

impl ProvisionerReport {
    /// Whether it is a failure that says more than that an attempt didn't end.
    pub fn tells(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| !failure.cause.echo())
    }
}

/// What a failed CreateVolume leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum CallOutcome {
    /// The node is given back and the scheduler chooses again.
    GivesNodeBack,
    /// The call may still run; it is repeated until it ends.
    MayRun,
    /// The driver refuses; the attempt is repeated with the same node.
    KeepsNode,
}

/// The verdict on one claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProvisionerVerdict {
    /// The CSI driver or other external provisioner that the class asks for.
    pub driver: String,
    /// Whether the provisioner is known for a CSI driver's: it has a CSIDriver, is on a node or took over an in-tree
    /// plugin. What others check isn't known, so they have neither demands nor problems here.
    pub csi: bool,
    pub intake: Intake,
    pub selected_node: Option<String>,
    /// The segments in one of which the volume may be made; empty where nothing is demanded.
    pub requisite: Vec<Map>,
    /// The segment of the selected node, which is tried first.
    pub preferred: Option<Map>,
    pub problem: Option<ProvisionProblem>,
    /// The provisioner's last word: the failure that tells most where one stands, else the newest event.
    pub report: Option<ProvisionerReport>,
    /// The failures that stand, the newest first: no success came after them.
    pub failures: Vec<ProvisionerReport>,
    /// What was missing, one line each.
    pub unknown: Vec<String>,
}
