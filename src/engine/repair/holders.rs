//! Whose end makes room: pods that hold what another one needs. The fewest are taken, and only such as don't come back:
//! those without a controller, the last of a StatefulSet, the only one of a Deployment. One that is being deleted is
//! waited for.

use std::cmp::Reverse;

use super::plan::{Edit, Way};
use super::ways::At;
use crate::admission::expand::ordinal_of;
use crate::diagnosis::context::pod_ref;
use crate::diagnosis::remedy::{Change, Risk};
use crate::model::{Kind, ObjectRef, Pod, Volume};
use crate::volumes::migration::translate;

/// Pods that are stopped on one node for one thing.
const MOST: usize = 3;
/// Seconds after the end of its grace period at which a pod that is still there does not end by itself.
const OVERDUE: i64 = 60;
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Stops all of these pods.
pub(super) fn stop_all<'p>(at: &At<'_, '_>, holders: impl IntoIterator<Item = &'p ObjectRef>) -> Option<Vec<Way>> {
    let mut holders: Vec<&ObjectRef> = holders.into_iter().collect();
    holders.dedup();
    (1..=MOST).contains(&holders.len()).then(|| holders.into_iter().map(|holder| stop(at, holder)).collect()).flatten()
}

/// Stops the fewest of the pods that hold at least as much together; of those that do, the ones that hold least.
pub(super) fn stop_for(at: &At<'_, '_>, holders: &[(ObjectRef, i64)], missing: i64) -> Option<Vec<Way>> {
    let mut left: Vec<(Way, i64)> =
        holders.iter().filter_map(|(holder, amount)| Some((stop(at, holder)?, *amount))).collect();
    left.sort_by_key(|(_, amount)| Reverse(*amount));
    let mut ways = Vec::new();
    let mut missing = missing;
    while ways.len() < MOST {
        if let Some(last) = left.iter().rposition(|(_, amount)| *amount >= missing) {
            ways.push(left.swap_remove(last).0);
            return Some(ways);
        }
        if left.is_empty() {
            return None;
        }
        let (way, amount) = left.remove(0);
        missing -= amount;
        ways.push(way);
    }
    None
}

/// Stops as many pods of the node as are too many, the least important first.
pub(super) fn stop_any(at: &At<'_, '_>, many: i64) -> Option<Vec<Way>> {
    stop_for(at, &each(at, |_| 1), many)
}

/// Stops pods of the node that have as many volumes of a driver.
pub(super) fn stop_volumes_of(at: &At<'_, '_>, driver: &str, many: i64) -> Option<Vec<Way>> {
    let of_driver = |pod: &Pod| {
        let claims = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name));
        let claims = claims.filter_map(|name| at.state.claims.get(&pod.metadata.namespace, &name).found());
        let volumes = claims.filter_map(|claim| at.state.volumes.get("", &claim.spec.volume_name).found());
        let of_driver = volumes.filter(|volume| of(volume, driver)).count();
        i64::try_from(of_driver).unwrap_or(i64::MAX)
    };
    stop_for(at, &each(at, of_driver), many)
}

fn of(volume: &Volume, driver: &str) -> bool {
    let csi = volume.spec.csi.as_ref().map(|csi| csi.driver.as_str());
    csi == Some(driver) || translate(volume).is_some_and(|twin| twin.driver == driver)
}

/// The pods of the node with what they count for, the least important first.
fn each(at: &At<'_, '_>, amount: impl Fn(&Pod) -> i64) -> Vec<(ObjectRef, i64)> {
    let Some(node) = at.node else { return Vec::new() };
    let on_node = at.state.pods.seen().iter().filter(|pod| pod.spec.node_name == node && !pod.finished());
    let mut pods: Vec<&Pod> = on_node.map(|pod| &**pod).collect();
    pods.sort_by_key(|pod| pod.priority());
    pods.into_iter().map(|pod| (pod_ref(pod), amount(pod))).filter(|(_, amount)| *amount > 0).collect()
}

/// Stops a pod for good; `None` where it is more important, part of the system, or comes back.
fn stop(at: &At<'_, '_>, holder: &ObjectRef) -> Option<Way> {
    let pod = at.state.pods.get(&holder.namespace, &holder.name).found()?;
    let meta = &pod.metadata;
    let spared = at.victims.contains(holder)
        || meta.namespace == "kube-system"
        || meta.annotations.contains_key(MIRROR)
        || pod.priority() > at.pod.priority();
    if meta.deleting() {
        return ending(at, pod);
    }
    if spared {
        return None;
    }
    let (name, wanted) = (&meta.name, &at.pod.metadata.name);
    if meta.controller().is_none() {
        let way = Way::new(format!("stop pod {name}"), Edit::Stop(holder.clone()), 7, Risk::High);
        let alone = meta.finalizers.is_empty() && meta.owner_references.is_empty();
        return alone.then(|| way.note(format!("so that pod {wanted} gets what it holds")));
    }
    let (workload, replicas) = without(at, pod)?;
    let what = format!("scale {} {} to {replicas}", workload.kind, workload.name);
    let way = Way::new(what, Edit::Scale { workload, replicas, pod: holder.clone() }, 6, Risk::High);
    Some(way.note(format!("so that pod {wanted} gets what {name} holds")))
}

/// Waits for the end of a pod that is being deleted; `None` where it is overdue, where nothing tells of its containers, and
/// where its controller makes it anew under its name.
fn ending(at: &At<'_, '_>, pod: &Pod) -> Option<Way> {
    let meta = &pod.metadata;
    let overdue = at.cx.age(meta.deletion_timestamp.as_deref()?).is_some_and(|age| age > OVERDUE);
    let node = at.state.nodes.get("", &pod.spec.node_name).found()?;
    let replaced = meta.controller().is_none_or(|owner| matches!(owner.kind.as_str(), "ReplicaSet" | "Job"));
    if overdue || !meta.finalizers.is_empty() || node.ready() == Some(false) || !replaced {
        return None;
    }
    let (name, wanted) = (&meta.name, &at.pod.metadata.name);
    let change = Change::AwaitEnd { namespace: meta.namespace.clone(), name: name.clone() };
    let way = Way::new(format!("wait for the end of pod {name}"), Edit::Object(change), 1, Risk::Low);
    Some(way.note(format!("which is being deleted, so that pod {wanted} gets what it holds")))
}

/// The workload of a pod with how many it has without just this one.
fn without(at: &At<'_, '_>, pod: &Pod) -> Option<(ObjectRef, u32)> {
    let (kind, meta) = at.cx.workload(pod)?;
    let workload = ObjectRef::new(kind, &meta.namespace, &meta.name);
    let own = at.cx.workload(at.pod).is_some_and(|(own, other)| (own, &other.name) == (kind, &meta.name));
    if own {
        return None;
    }
    match kind {
        Kind::StatefulSet => {
            let set = at.state.stateful_sets.get(&meta.namespace, &meta.name).found()?;
            let last = set.first_ordinal().checked_add(set.replicas())?.checked_sub(1)?;
            let rest = u32::try_from(set.replicas().checked_sub(1)?).ok()?;
            (ordinal_of(&meta.name, &pod.metadata.name)? == last).then_some((workload, rest))
        }
        Kind::Deployment => {
            let found = at.state.deployments.get(&meta.namespace, &meta.name).found()?;
            (found.replicas() == 1).then_some((workload, 0))
        }
        Kind::ReplicaSet => {
            let found = at.state.replica_sets.get(&meta.namespace, &meta.name).found()?;
            (found.replicas() == 1).then_some((workload, 0))
        }
        _ => None,
    }
}
