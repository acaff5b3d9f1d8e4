//! What is decided of an assigned pod that doesn't start for its volumes.

use serde::Serialize;

use super::mount_event::{MountEvent, MountFailure};
use crate::model::ObjectRef;

/// The state of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum NodeState {
    Ready,
    /// Its kubelet isn't ready or has fallen silent.
    NotReady,
    /// Not ready and tainted as out of service: volumes are detached at once.
    OutOfService,
    /// There is no such node.
    Gone,
    /// It could not be read, or says nothing of itself.
    Unknown,
}

/// A pod that uses a volume on another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OtherPod {
    pub pod: ObjectRef,
    pub deleting: bool,
}

/// What keeps a volume from a pod. `volume` is a PersistentVolume's name, or the pod's own for an inline volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum AttachProblem {
    /// The claim doesn't exist.
    ClaimMissing { claim: String },
    /// The claim isn't bound. No scheduler that knows volumes placed the pod.
    ClaimNotBound { claim: String },
    /// The claim is being deleted; the kubelet mounts nothing of it for a new pod.
    ClaimDeleting { claim: String },
    /// The claim's volume doesn't exist.
    VolumeMissing { claim: String, volume: String },
    /// The volume can't be reached from the pod's node.
    NodeAffinity { volume: String },
    /// The driver isn't registered on the pod's node.
    DriverNotOnNode { volume: String, driver: String },
    /// Other pods use the volume on the node to which it is attached, and it may be on one only.
    MultiAttach { volume: String, attachment: String, node: String, state: NodeState, pods: Vec<OtherPod> },
    /// The volume is still attached to a node on which no pod uses it.
    StaleAttachment {
        volume: String,
        attachment: String,
        node: String,
        state: NodeState,
        /// The attachment is being deleted: the driver is asked to detach.
        detaching: bool,
        detach_error: Option<String>,
        /// Whether the node's kubelet says that it has the volume in use; it is then not detached.
        in_use: Option<bool>,
    },
    /// The driver could not attach; `code` is a gRPC code, where the server tells it.
    AttachError { volume: String, attachment: String, message: String, code: Option<i32>, time: Option<String> },
    /// The attachment for the pod's node is being deleted, so nothing is attached before it is gone.
    AttachmentDeleting { volume: String, attachment: String, detach_error: Option<String> },
    /// There is no attachment yet, or it waits for the attacher. `since` is the attachment's age, RFC 3339.
    NotAttached { volume: String, driver: String, attachment: Option<String>, since: String, attacher_seen: bool },
    /// The volume is attached, and the node's status doesn't say so, for which the kubelet waits.
    NotReported { volume: String, attachment: String },
    /// The volume's only access mode is ReadWriteOncePod and another pod uses it.
    UsedByAnotherPod { volume: String, pods: Vec<OtherPod> },
}

impl AttachProblem {
    /// Whether this is a step on the way of every new pod, which ends by itself where all is well.
    pub fn passing(&self) -> bool {
        matches!(self, Self::NotAttached { .. } | Self::NotReported { .. })
    }

    /// Seconds after which the problem is no longer one that ends by itself. The attach-detach controller gives a driver
    /// two minutes for an attachment and a node six to let go of a volume (`maxWaitForUnmountDuration`).
    pub fn patience(&self) -> i64 {
        let leaving = |pods: &[OtherPod]| !pods.is_empty() && pods.iter().all(|other| other.deleting);
        match self {
            Self::MultiAttach { state: NodeState::Ready, pods, .. } if leaving(pods) => 360,
            Self::StaleAttachment {
                state: NodeState::Ready | NodeState::OutOfService | NodeState::Unknown, ..
            }
            | Self::AttachmentDeleting { .. }
            | Self::DriverNotOnNode { .. }
            | Self::NotAttached { .. } => 300,
            Self::NotReported { .. } | Self::UsedByAnotherPod { .. } => 180,
            Self::AttachError { .. } => 120,
            Self::ClaimMissing { .. }
            | Self::ClaimNotBound { .. }
            | Self::ClaimDeleting { .. }
            | Self::VolumeMissing { .. }
            | Self::NodeAffinity { .. }
            | Self::MultiAttach { .. }
            | Self::StaleAttachment { .. } => 60,
        }
    }

    /// The volume: a PersistentVolume's name, or the pod's own for an inline volume. `None` where only the claim is known.
    pub fn volume(&self) -> Option<&str> {
        match self {
            Self::ClaimMissing { .. } | Self::ClaimNotBound { .. } | Self::ClaimDeleting { .. } => None,
            Self::VolumeMissing { volume, .. }
            | Self::NodeAffinity { volume }
            | Self::DriverNotOnNode { volume, .. }
            | Self::MultiAttach { volume, .. }
            | Self::StaleAttachment { volume, .. }
            | Self::AttachError { volume, .. }
            | Self::AttachmentDeleting { volume, .. }
            | Self::NotAttached { volume, .. }
            | Self::NotReported { volume, .. }
            | Self::UsedByAnotherPod { volume, .. } => Some(volume),
        }
    }
}

/// The verdict on one pod that is assigned and not started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AttachVerdict {
    pub node: String,
    pub node_state: NodeState,
    /// When the pod was placed, or its kubelet took it, RFC 3339, where it says so.
    pub since: Option<String>,
    /// What the objects show, in the order of the pod's volumes.
    pub problems: Vec<AttachProblem>,
    /// What events tell of attaching and mounting, the newest first. Trouble with attaching that is over is left out.
    pub events: Vec<MountEvent>,
    /// What was missing, one line each.
    pub unknown: Vec<String>,
}

impl AttachVerdict {
    /// The events that say more than that time ran out.
    pub fn telling_events(&self) -> impl Iterator<Item = &MountEvent> {
        self.events.iter().filter(|event| event.failure != MountFailure::TimedOut)
    }
}
