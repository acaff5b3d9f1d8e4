//! What of volume, class and node a failure to attach is about.

use super::placed::{node_of, node_ref};
use crate::diagnosis::context::{Context, PlacedCase};
use crate::diagnosis::finding::Evidence;
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
    let zone = ZONES.iter().any(|zone| words.to_lowercase().contains(zone));
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
