//! What of volume, class and node a failure to attach is about.

use super::placed::{node_of, node_ref};
use crate::diagnosis::context::{Context, PlacedCase};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::model::{Kind, Node, ObjectRef};
use crate::rules::drivers::named_parameters::{named_machine, named_parameters};

/// Words of clouds about a volume that is in another zone than the machine, in lower case.
const ZONES: &[&str] = &["zonemismatch", "availability zone", "not in zone", "different zone", "in zone '"];
/// The label with a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// The fields to which the driver's words point.
pub(super) fn attach_facts(cx: &Context<'_>, case: &PlacedCase<'_>, volume: &str, words: &str) -> Vec<Evidence> {
    let mut facts = Vec::new();
    let (found, node) = (cx.snapshot.volumes.get("", volume).found(), node_of(cx, case));
    let class = found.and_then(|found| cx.snapshot.classes.get("", found.class()).found());
    facts.extend(class.into_iter().flat_map(|class| named_parameters(class, words)));
    facts.extend(node.and_then(|node| named_machine(node, words)));
    let zone = about_zones(words);
    if let Some(found) = found.filter(|found| zone && found.required_node_affinity().is_none()) {
        let note =
            "without node affinity nobody can tell the scheduler which zone the volume is in, so it took any node";
        let object = ObjectRef::new(Kind::PersistentVolume, "", &found.metadata.name);
        facts.push(Context::fact(object, "spec.nodeAffinity", "no node affinity", note));
    }
    if let Some(node) = node.filter(|_| zone) {
        let value = node.metadata.labels.get(ZONE).map_or("no such label", String::as_str);
        let path = format!("metadata.labels[{ZONE}]");
        facts.push(Context::fact(node_ref(&node.metadata.name), &path, value, "the zone that the machine is in"));
    }
    facts
}

fn about_zones(words: &str) -> bool {
    ZONES.iter().any(|zone| words.to_lowercase().contains(zone))
}

/// What takes the cause away that the words and the fields together show.
pub(super) fn attach_remedy(cx: &Context<'_>, case: &PlacedCase<'_>, volume: &str, words: &str) -> Option<Remedy> {
    let found = cx.snapshot.volumes.get("", volume).found()?;
    let class = cx.snapshot.classes.get("", found.class()).found();
    let named = class.filter(|class| !named_parameters(class, words).is_empty());
    if about_zones(words) && found.required_node_affinity().is_none() {
        let steps = vec![
            Step::told(format!(
                "Look in the cloud which zone the disk of volume {volume} is in, and set the volume's spec.nodeAffinity to it, \
                 which can be done once where there is none"
            )),
            Step::told(format!(
                "Then delete pod {}, so that the scheduler places the next one where the disk is",
                case.pod.metadata.name
            )),
        ];
        let reason = "the disk's zone is not in the API";
        return Some(Remedy::untried("Tell the scheduler where the disk is", Risk::Low, steps, reason));
    }
    let class = &named?.metadata.name;
    let steps = vec![Step::told(format!(
        "Make another class whose disks the machine takes (a class's parameters can't be changed, nor the kind of a disk that \
         exists), and bring what volume {volume} holds to a volume of it; or have the pod run on a machine that takes disks of \
         class {class}"
    ))];
    let reason = "which disks a machine takes is not in the API";
    Some(Remedy::untried("Use a disk that the machine takes", Risk::Medium, steps, reason))
}

/// Gives a node an identity of its own.
pub(super) fn own_identity(node: &str) -> Remedy {
    let steps = vec![Step::told(format!(
        "Drain node {node}, make its /etc/machine-id and /etc/iscsi/initiatorname.iscsi anew, and start it again; correct the \
         template that nodes are cloned from"
    ))];
    let reason = "the name of a node's iSCSI initiator is not in the API";
    Remedy::untried("Give the node an identity of its own", Risk::Medium, steps, reason)
}

/// Another node with the machine identity of the pod's node, and the fact.
pub(super) fn twin<'a>(cx: &Context<'a>, case: &PlacedCase<'_>) -> Option<(&'a Node, Evidence)> {
    let node = node_of(cx, case)?;
    let own = &node.status.node_info;
    let same = |other: &&Node| {
        let info = &other.status.node_info;
        other.metadata.name != node.metadata.name
            && (!own.machine_id.is_empty() && info.machine_id == own.machine_id
                || !own.system_uuid.is_empty() && info.system_uuid == own.system_uuid)
    };
    let twin = cx.snapshot.nodes.seen().iter().map(|other| &**other).find(same)?;
    let (field, value) = match twin.status.node_info.machine_id == own.machine_id {
        true => ("machineID", &own.machine_id),
        false => ("systemUUID", &own.system_uuid),
    };
    let note = format!(
        "node {} has the same: machines cloned from one another mostly share the name of their iSCSI initiator too, and the \
         storage takes them for one",
        twin.metadata.name
    );
    let path = format!("status.nodeInfo.{field}");
    Some((twin, Context::fact(node_ref(&node.metadata.name), &path, value.clone(), note)))
}
