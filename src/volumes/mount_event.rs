//! What the attach-detach controller and the kubelet say of a pod's volumes
//! (`pkg/volume/util/operationexecutor/operation_generator.go`, `pkg/kubelet/volumemanager`).

use serde::Serialize;

use crate::model::{Event, Pod};

/// What a failed attach or mount was about, told from the event's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum MountFailure {
    /// The volume is attached to another node and may be on one only.
    MultiAttach,
    /// No external-attacher answered within its time.
    NoAttacher,
    /// The driver isn't registered on the node.
    DriverNotOnNode,
    /// Attaching failed otherwise.
    Attach,
    /// The kubelet finds the volume not attached.
    NotAttached,
    /// The volume can't be reached from the pod's node.
    NodeAffinity,
    /// Another pod uses the volume, whose access mode is ReadWriteOncePod.
    UsedByAnotherPod,
    /// The driver could not stage the device on the node.
    Stage,
    /// A secret or config map (`kind`, in lower case) that the pod mounts doesn't exist.
    ObjectMissing {
        #[serde(rename = "object")]
        kind: &'static str,
        name: String,
    },
    /// A key that the pod mounts isn't in its secret or config map.
    KeyMissing,
    /// A host path is missing or of another type.
    HostPath,
    /// The driver could not mount the volume into the pod.
    SetUp,
    /// The claim isn't bound.
    ClaimNotBound,
    /// The claim is being deleted.
    ClaimDeleting,
    /// The volume belongs to another claim.
    ClaimMisbound,
    /// A block volume is mounted as a file system, or the other way round.
    VolumeMode,
    /// The kubelet has no plugin for the volume.
    NoPlugin,
    /// Only that time ran out; never the cause.
    TimedOut,
    /// None of these.
    Other,
}

/// The last state of an event on a pod about its volumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MountEvent {
    pub reason: String,
    pub message: String,
    pub count: i64,
    /// RFC 3339; empty where the event doesn't say.
    pub last_seen: String,
    /// The volume that the message names: a PersistentVolume, or a volume of the pod.
    pub volume: Option<String>,
    pub failure: MountFailure,
}

impl MountEvent {
    /// Reads an event; `None` where it isn't about a failed attach or mount of this very pod.
    pub(super) fn read(event: &Event, pod: &Pod) -> Option<Self> {
        if !matches!(event.reason.as_str(), "FailedAttachVolume" | "FailedMount" | "FailedMapVolume") {
            return None;
        }
        let uid = &event.involved_object.uid;
        if !uid.is_empty() && *uid != pod.metadata.uid {
            return None;
        }
        Some(Self {
            reason: event.reason.clone(),
            message: event.message.clone(),
            count: event.count.max(event.series.as_ref().map_or(1, |series| series.count)),
            last_seen: event.last_seen().to_owned(),
            volume: volume_name(&event.message),
            failure: failure(&event.message),
        })
    }
}

/// The name in `… for volume "NAME" …`.
pub(super) fn volume_name(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("for volume \"")?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}

/// Texts with what they stand for; the first that occurs decides.
const TEXTS: &[(&str, MountFailure)] = &[
    ("Multi-Attach error", MountFailure::MultiAttach),
    ("Waiting for detach", MountFailure::MultiAttach),
    ("timed out waiting for external-attacher", MountFailure::NoAttacher),
    ("does not contain driver", MountFailure::DriverNotOnNode),
    ("not found in the list of registered CSI drivers", MountFailure::DriverNotOnNode),
    ("NodeAffinity check failed", MountFailure::NodeAffinity),
    ("volume node affinity conflict", MountFailure::NodeAffinity),
    ("uses the ReadWriteOncePod access mode and is already in use", MountFailure::UsedByAnotherPod),
    ("AttachVolume.", MountFailure::Attach),
    (".WaitForAttach failed", MountFailure::NotAttached),
    ("not attached according to node status", MountFailure::NotAttached),
    ("has not been added to the list of VolumesInUse", MountFailure::NotAttached),
    ("MountVolume.MountDevice failed", MountFailure::Stage),
    ("MapVolume.SetUpDevice failed", MountFailure::Stage),
    ("references non-existent", MountFailure::KeyMissing),
    ("hostPath type check failed", MountFailure::HostPath),
    ("\" does not exist", MountFailure::HostPath),
    (": PVC is not bound", MountFailure::ClaimNotBound),
    ("indicating it is not yet bound to the claim", MountFailure::ClaimNotBound),
    (": PVC is being deleted", MountFailure::ClaimDeleting),
    ("does not point to claim.UID", MountFailure::ClaimMisbound),
    ("but is specified in volume", MountFailure::VolumeMode),
    ("no volume plugin matched", MountFailure::NoPlugin),
    (".SetUp failed", MountFailure::SetUp),
    ("MapPodDevice failed", MountFailure::SetUp),
    ("timed out waiting for the condition", MountFailure::TimedOut),
    ("context deadline exceeded", MountFailure::TimedOut),
];

fn failure(message: &str) -> MountFailure {
    if let Some((kind, name)) = missing_object(message) {
        return MountFailure::ObjectMissing { kind, name };
    }
    let found = TEXTS.iter().find(|(text, _)| message.contains(text));
    found.map_or(MountFailure::Other, |(_, failure)| failure.clone())
}

/// `secret "NAME" not found`, at the end and not within a driver's own words; the kind is in lower case.
pub(crate) fn missing_object(message: &str) -> Option<(&'static str, String)> {
    let message = message.strip_suffix("\" not found").filter(|_| !message.contains("rpc error"))?;
    let (before, name) = message.rsplit_once(" \"")?;
    let kind = ["secret", "configmap"].into_iter().find(|kind| before.rsplit(' ').next() == Some(kind))?;
    Some((kind, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart() {
        for (message, expected) in [
            ("Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) a-0", MountFailure::MultiAttach),
            ("Waiting for detach for volume \"pvc-1\" Volume is already used by pod(s) a-0", MountFailure::MultiAttach),
            (
                "AttachVolume.Attach failed for volume \"pvc-1\" : timed out waiting for external-attacher of x CSI \
                 driver to attach volume h",
                MountFailure::NoAttacher,
            ),
            (
                "AttachVolume.Attach failed for volume \"pvc-1\" : CSINode n1 does not contain driver x",
                MountFailure::DriverNotOnNode,
            ),
            (
                "AttachVolume.Attach failed for volume \"pvc-1\" : rpc error: code = Internal desc = no",
                MountFailure::Attach,
            ),
            (
                "MountVolume.MountDevice failed for volume \"pvc-1\" : kubernetes.io/csi: attacher.MountDevice failed \
                 to create newCsiDriverClient: driver name x not found in the list of registered CSI drivers",
                MountFailure::DriverNotOnNode,
            ),
            ("MountVolume.MountDevice failed for volume \"pvc-1\" : rpc error: code = X desc = y", MountFailure::Stage),
            (
                "MountVolume.NodeAffinity check failed for volume \"pv\" : no matching NodeSelectorTerms",
                MountFailure::NodeAffinity,
            ),
            (
                "MountVolume.SetUp failed for volume \"pv\" : volume uses the ReadWriteOncePod access mode and is \
                 already in use by another pod",
                MountFailure::UsedByAnotherPod,
            ),
            (
                "MountVolume.SetUp failed for volume \"certs\" : secret \"tls-certs\" not found",
                MountFailure::ObjectMissing { kind: "secret", name: "tls-certs".to_owned() },
            ),
            (
                "MountVolume.SetUp failed for volume \"conf\" : configmap \"app\" not found",
                MountFailure::ObjectMissing { kind: "configmap", name: "app".to_owned() },
            ),
            (
                "MountVolume.SetUp failed for volume \"v\" : rpc error: code = Internal desc = secret \"s\" not found",
                MountFailure::SetUp,
            ),
            (
                "MountVolume.SetUp failed for volume \"conf\" : configmap references non-existent config key: a",
                MountFailure::KeyMissing,
            ),
            (
                "MountVolume.SetUp failed for volume \"h\" : hostPath type check failed: /x is not a directory",
                MountFailure::HostPath,
            ),
            (
                "MountVolume.NewMounter initialization failed for volume \"pv\" : path \"/mnt/d\" does not exist",
                MountFailure::HostPath,
            ),
            (
                "Unable to attach or mount volumes: unmounted volumes=[a], unattached volumes=[], failed to process \
                 volumes=[a]: error processing PVC app/c: PVC is not bound",
                MountFailure::ClaimNotBound,
            ),
            (
                "Unable to attach or mount volumes: unmounted volumes=[a], unattached volumes=[b], failed to process \
                 volumes=[]: timed out waiting for the condition",
                MountFailure::TimedOut,
            ),
            (
                "Unable to attach or mount volumes: unmounted volumes=[a], unattached volumes=[], failed to process \
                 volumes=[a]: failed to get Plugin from volumeSpec for volume \"pv\" err=no volume plugin matched",
                MountFailure::NoPlugin,
            ),
            ("something else", MountFailure::Other),
        ] {
            assert_eq!(failure(message), expected, "{message}");
        }
    }

    #[test]
    fn the_volume_is_named_in_quotes() {
        assert_eq!(volume_name("MountVolume.SetUp failed for volume \"pvc-1\" : x").as_deref(), Some("pvc-1"));
        assert_eq!(volume_name("Unable to attach or mount volumes"), None);
        assert_eq!(volume_name("for volume \"cut"), None);
    }
}
