use super::placed::{
    attachment_ref, event_fact, failing, node_of, node_ref, unread, volume_ref, volume_words, wait_fact,
};
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::{Context, PlacedCase, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{capital, named};
use crate::model::Kind;
use crate::model::component::Role;
use crate::model::{Node, VolumeAttachment};
use crate::rules::drivers::driver::{controller_logs, events_step, plugin_log};
use crate::rules::drivers::vsphere::VSPHERE;
use crate::volumes::driver_words::{cause, essential};
use crate::volumes::{MountEvent, MountFailure};

crate::rules::declare_rule! {
    static RULE = {
        name: "disk-not-visible",
        summary: "A disk is attached to a node, and the node does not see it.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, Event, Node],
        stage: Obstacle,
        check: check,
    }
}

/// How drivers say that they don't find the device of an attached volume.
const NOT_SEEN: &[&str] = &[
    "not attached to node",
    "failed to find device",
    "could not find device",
    "couldn't find device",
    "device path not found",
    "no device path",
    "no such device",
    "failed to find disk",
    "unable to find device",
    "timed out waiting for device",
    "disk not found",
];

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::VolumeAttachment, Kind::Event]));
    for (case, event) in failing(cx, out, |failure| *failure == MountFailure::Stage) {
        let text = event.message.to_lowercase();
        let attached = event.volume.as_deref().and_then(|volume| attachment(cx, case, volume));
        if let Some(attached) = attached.filter(|_| NOT_SEEN.iter().any(|words| text.contains(words))) {
            out.add(finding(cx, case, event, attached));
        }
    }
}

/// The attachment of the volume to the pod's node, where it is attached.
fn attachment<'a>(cx: &Context<'a>, case: &PlacedCase<'_>, volume: &str) -> Option<&'a VolumeAttachment> {
    let all = cx.snapshot.attachments.seen().iter().map(|attachment| &**attachment);
    let mut here = all.filter(|it| it.spec.node_name == case.verdict.node && it.status.attached);
    here.find(|it| it.spec.source.persistent_volume_name.as_deref() == Some(volume))
}

fn finding(cx: &Context<'_>, case: &PlacedCase<'_>, event: &MountEvent, attached: &VolumeAttachment) -> Finding {
    let (driver, node) = (&attached.spec.attacher, &case.verdict.node);
    let volume = event.volume.as_deref().unwrap_or_default();
    let words = essential(cause(&event.message));
    let title = format!(
        "{} is attached to node {node}, and the node does not see the disk, so pod {} can't mount it: {words}",
        capital(&volume_words(cx, case, volume)),
        case.pod.metadata.name
    );
    let alone = node_of(cx, case).is_some() && other_volumes(cx, case, driver, volume) == 0;
    let object = if alone { node_ref(node) } else { volume_ref(cx, case, volume) };
    let mut finding = RULE.finding(object, title);
    finding.evidence.push(event_fact(case, event));
    let note = "the driver's controller has attached the disk to the machine";
    finding = finding.evidence(attachment_ref(&attached.metadata.name), "status.attached", "true", note);
    let (value, note) = if alone {
        (
            "no other volume of the driver in use",
            "all that the driver has on this node is in trouble, so it is the machine's",
        )
    } else {
        ("other volumes of the driver in use", "others work on this node, so it is this disk's")
    };
    if node_of(cx, case).is_some() {
        finding = finding.evidence(node_ref(node), "status.volumesInUse", value, note);
    }
    let elsewhere = nodes_in_use(cx, driver, node);
    if !elsewhere.is_empty() {
        let value = format!("volumes of the driver in use on {}", named("node", &elsewhere));
        let note = "there the disks are seen: the driver itself works";
        finding = finding.evidence(node_ref(elsewhere[0]), "status.volumesInUse", value, note);
    }
    finding.evidence.push(wait_fact(case));
    finding.explains(pod_ref(case.pod)).with_remedies(remedies(cx, case, driver, volume))
}

/// The other nodes that say that they have volumes of the driver in use and attached.
fn nodes_in_use<'a>(cx: &Context<'a>, driver: &str, but: &str) -> Vec<&'a str> {
    let prefix = format!("kubernetes.io/csi/{driver}^");
    let uses = |node: &&std::sync::Arc<Node>| {
        let attached = |name: &String| node.status.volumes_attached.iter().any(|volume| volume.name == *name);
        node.status.volumes_in_use.iter().any(|name| name.starts_with(&prefix) && attached(name))
    };
    let others = cx.snapshot.nodes.seen().iter().filter(|node| node.metadata.name != but);
    others.filter(uses).map(|node| node.metadata.name.as_str()).collect()
}

/// How many other volumes of the driver running pods have on the node.
fn other_volumes(cx: &Context<'_>, case: &PlacedCase<'_>, driver: &str, volume: &str) -> usize {
    let prefix = format!("kubernetes.io/csi/{driver}^");
    let handle = cx.snapshot.volumes.get("", volume).found().and_then(|volume| volume.spec.csi.as_ref());
    let own = handle.map(|csi| format!("{prefix}{}", csi.volume_handle));
    let in_use = node_of(cx, case).map(|node| &node.status.volumes_in_use[..]).unwrap_or_default();
    in_use.iter().filter(|name| name.starts_with(&prefix) && Some(*name) != own.as_ref()).count()
}

fn remedies(cx: &Context<'_>, case: &PlacedCase<'_>, driver: &str, volume: &str) -> Vec<Remedy> {
    let node = &case.verdict.node;
    let reason = "the settings of the machine can't be seen from here";
    let mut steps = vec![events_step(case.pod)];
    steps.extend(node_of(cx, case).and_then(|node| plugin_log(cx, driver, node)));
    steps.extend(controller_logs(cx, driver, Role::Attacher));
    let look = Remedy::untried(format!("See what driver {driver} finds on node {node}"), Risk::Low, steps, reason);
    if driver != VSPHERE {
        return vec![look];
    }
    let steps = vec![
        Step::told(format!(
            "Look at the virtual machine of node {node} in vCenter: its advanced setting disk.EnableUUID must be TRUE, or \
             the guest does not see the identifiers of its disks, {volume}'s among them"
        )),
        Step {
            command: kubectl(&["drain", "--ignore-daemonsets", "--delete-emptydir-data"], &[node], &[]),
            ..Step::told(format!("Where it is not: drain node {node}, for the machine must be off while it is set"))
        },
        Step::told(
            "Shut the machine down, set it (govc vm.change -vm NAME -e disk.enableUUID=TRUE), and start the machine",
        ),
        Step {
            command: kubectl(&["uncordon"], &[node], &[]),
            ..Step::told("Let pods on the node again; set it in the template that new machines are made from as well")
        },
    ];
    vec![Remedy::untried("Set disk.EnableUUID on the node's virtual machine", Risk::Medium, steps, reason), look]
}
