//! Pods that the scheduler has placed but not yet bound: they wait for their volumes (PreBind) and already count on
//! their node. The API shows them only by the node selected on their claims.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

use super::cluster::Cluster;
use super::config::SchedulerConfig;
use super::framework::{Cycle, Preparation};
use super::{nominated, plugins, release};
use crate::model::{Claim, Pod};

/// Counts every such pod on its node; where two compete, the more important ones first. Newer schedulers nominate the
/// pods that they have placed: one that is not, and shares all its selected claims with such pods, still waits.
pub(crate) fn assume<'a>(cluster: &mut Cluster<'a>, config: &SchedulerConfig, ignored: &[BTreeSet<String>]) {
    let pods = cluster.unassigned.iter().copied();
    let mut waiting: Vec<(&'a Pod, String)> =
        pods.filter_map(|pod| Some((pod, selected_node(cluster, pod)?))).collect();
    waiting.sort_by(|(a, to_a), (b, to_b)| order(a, to_a).cmp(&order(b, to_b)));
    let mut of_nominated: HashSet<(&'a str, &'a str)> = HashSet::new();
    for (pod, node) in waiting {
        let nominated = pod.status.nominated_node_name == node;
        let selected = |claim: &&Claim| claim.selected_node().is_some();
        if !nominated && claims(cluster, pod).filter(selected).map(name_of).all(|claim| of_nominated.contains(&claim)) {
            continue;
        }
        if fits(cluster, config, ignored, pod, &node) {
            if nominated && release::nominates_placed(cluster.version) {
                of_nominated.extend(claims(cluster, pod).map(name_of));
            }
            cluster.assume(pod, &node);
        }
    }
}

/// The claims of a pod that are not bound.
fn claims<'a>(cluster: &Cluster<'a>, pod: &'a Pod) -> impl Iterator<Item = &'a Claim> {
    let snapshot = cluster.snapshot;
    let names = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name));
    let claims = names.filter_map(|name| snapshot.claims.get(&pod.metadata.namespace, &name).found());
    claims.map(|claim| &**claim).filter(|claim| !claim.fully_bound())
}

fn name_of(claim: &Claim) -> (&str, &str) {
    (&claim.metadata.namespace, &claim.metadata.name)
}

fn order<'p>(pod: &'p Pod, node: &str) -> (bool, Reverse<i32>, &'p str, &'p str, &'p str) {
    let meta = &pod.metadata;
    let nominated = pod.status.nominated_node_name == node;
    (!nominated, Reverse(pod.priority()), &meta.creation_timestamp, &meta.namespace, &meta.name)
}

/// The node that PreBind works for: it is selected on the pod's unbound claims, but for those that a volume is reserved
/// for. A claim with neither shows that the node was selected for another pod with the same claim.
fn selected_node<'a>(cluster: &Cluster<'a>, pod: &'a Pod) -> Option<String> {
    if pod.metadata.deleting() || !pod.spec.scheduling_gates.is_empty() {
        return None;
    }
    let mut node = None;
    for claim in claims(cluster, pod) {
        let (namespace, name) = name_of(claim);
        match (claim.selected_node(), node) {
            (None, _) if cluster.reserves(claim.class(), namespace, name) => {}
            (None, _) => return None,
            (Some(selected), Some(node)) if selected != node => return None,
            (Some(selected), _) => node = Some(selected),
        }
    }
    node.map(str::to_owned)
}

fn fits(cluster: &Cluster<'_>, config: &SchedulerConfig, ignored: &[BTreeSet<String>], pod: &Pod, node: &str) -> bool {
    let Some(position) = config.position(pod) else { return false };
    let Some(node) = cluster.node(node) else { return false };
    let cycle = Cycle { cluster, profile: &config.profiles[position], ignored_resources: &ignored[position], pod };
    match plugins::prepare(&cycle) {
        Preparation::Ready(prepared) => {
            prepared.among.as_ref().is_none_or(|(names, _)| names.contains(node.name()))
                && nominated::filter(cluster, pod, &prepared, node).is_ok()
        }
        Preparation::Rejected { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::model::Kind;
    use crate::model::version::Version;
    use crate::scheduler::{Outcome, Scheduler, SchedulerConfig};
    use crate::snapshot::{Builder, Scope, Snapshot};

    fn pod(name: &str, nominated: &str, claims: &[&str]) -> (Kind, Value) {
        let volume = |claim: &&str| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim}});
        let volumes: Vec<Value> = claims.iter().map(volume).collect();
        let object = json!({"metadata": {"name": name}, "spec": {"containers": [], "volumes": volumes},
            "status": {"nominatedNodeName": nominated}});
        (Kind::Pod, object)
    }

    fn claim(name: &str, node: &str) -> (Kind, Value) {
        let annotations = if node.is_empty() { json!({}) } else { json!({"volume.kubernetes.io/selected-node": node}) };
        let object = json!({"metadata": {"name": name, "annotations": annotations},
            "spec": {"storageClassName": "late"}, "status": {"phase": "Pending"}});
        (Kind::PersistentVolumeClaim, object)
    }

    fn snapshot(objects: impl IntoIterator<Item = (Kind, Value)>) -> Snapshot {
        let mut builder = Builder::default();
        let base = [
            (Kind::Node, json!({"metadata": {"name": "n"}, "status": {"allocatable": {"pods": "9"}}})),
            (
                Kind::StorageClass,
                json!({"metadata": {"name": "late"}, "provisioner": "p", "volumeBindingMode": "WaitForFirstConsumer"}),
            ),
        ];
        for (kind, object) in base.into_iter().chain(objects) {
            builder.add(kind, object).unwrap_or_else(|error| panic!("{error}"));
        }
        builder.build(&Scope::All)
    }

    /// The pods that count on the node, by name.
    fn placed(objects: impl IntoIterator<Item = (Kind, Value)>, version: Version) -> String {
        let snapshot = snapshot(objects);
        let scheduler = Scheduler::new(&snapshot, version, SchedulerConfig::default());
        let placed = snapshot.pods.seen().iter().filter(|pod| scheduler.waits_for_volumes_on(pod).is_some());
        placed.map(|pod| pod.metadata.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_pod_with_a_claim_for_which_nothing_was_chosen_still_waits() {
        let objects = [pod("a", "n", &["x"]), pod("b", "", &["x", "y"]), claim("x", "n"), claim("y", "")];
        assert_eq!(placed(objects, Version::NEWEST), "a");
        let reserved = json!({"metadata": {"name": "v"}, "spec": {"storageClassName": "late",
            "capacity": {"storage": "1Gi"}, "claimRef": {"namespace": "default", "name": "y"}}});
        let objects = [pod("b", "n", &["x", "y"]), claim("x", "n"), claim("y", ""), (Kind::PersistentVolume, reserved)];
        assert_eq!(placed(objects, Version::NEWEST), "b");
    }

    fn limit(count: u32) -> (Kind, Value) {
        let driver = json!({"name": "p", "nodeID": "n", "allocatable": {"count": count}});
        (Kind::CSINode, json!({"metadata": {"name": "n"}, "spec": {"drivers": [driver]}}))
    }

    #[test]
    fn claims_of_placed_pods_count_against_the_drivers_limit() {
        let two = || [pod("a", "n", &["x"]), pod("b", "n", &["y"]), claim("x", "n"), claim("y", "n")];
        let placed_under = |count| placed(two().into_iter().chain([limit(count)]), Version::NEWEST);
        assert_eq!(placed_under(1), "a", "the other one waits for room");
        assert_eq!(placed_under(2), "a b");

        let judged = |count| {
            let objects = two().into_iter().chain([limit(count), pod("c", "", &["z"]), claim("z", "")]);
            let snapshot = snapshot(objects);
            let scheduler = Scheduler::new(&snapshot, Version::NEWEST, SchedulerConfig::default());
            let verdict =
                scheduler.judge(snapshot.pods.get("default", "c").found().unwrap_or_else(|| panic!("no pod")));
            verdict.nodes.first().map(|node| node.reasons.iter().map(ToString::to_string).collect::<String>())
        };
        assert_eq!(judged(2).as_deref(), Some("node(s) exceed max volume count"));
        assert_eq!(judged(3).as_deref(), Some(""), "there is room for one more");
    }

    #[test]
    fn a_claim_of_several_placed_pods_counts_once() {
        let objects = [pod("a", "n", &["x"]), pod("b", "n", &["x"]), claim("x", "n"), limit(1)];
        assert_eq!(placed(objects, Version::NEWEST), "a b");
    }

    #[test]
    fn a_claim_that_a_placed_pod_owns_is_told_from_others() {
        let mut owner = pod("q", "n", &[]);
        owner.1["metadata"]["uid"] = "u".into();
        owner.1["spec"]["volumes"] = json!([{"name": "v", "ephemeral": {"volumeClaimTemplate": {}}}]);
        let mut owned = claim("q-v", "n");
        owned.1["metadata"]["ownerReferences"] = json!([{"kind": "Pod", "name": "q", "uid": "u", "controller": true}]);
        let others = [pod("c", "", &["q-v"]), pod("d", "", &["z"]), claim("z", "n"), limit(1)];
        let snapshot = snapshot([owner, owned].into_iter().chain(others));
        let scheduler = Scheduler::new(&snapshot, Version::NEWEST, SchedulerConfig::default());
        let judged =
            |name| scheduler.judge(snapshot.pods.get("default", name).found().unwrap_or_else(|| panic!("{name}")));
        assert_eq!(judged("c").outcome, Outcome::Schedulable, "its claim is there already");
        assert_eq!(judged("d").outcome, Outcome::Unschedulable, "its claim is one too many");
    }

    #[test]
    fn of_pods_that_share_a_claim_the_nominated_ones_are_placed() {
        let objects = || [pod("a", "", &["x"]), pod("b", "n", &["x"]), pod("c", "n", &["x"]), claim("x", "n")];
        let none = [pod("a", "", &["x"]), pod("b", "", &["x"]), claim("x", "n")];
        assert_eq!(placed(none, Version::NEWEST), "a b", "nothing tells them apart");
        assert_eq!(placed(objects(), Version::new(1, 35)), "b c");
        assert_eq!(placed(objects(), Version::new(1, 34)), "a b c", "older schedulers nominate none of them");
        assert_eq!(placed([pod("a", "", &["x"]), claim("x", "n")], Version::NEWEST), "a", "nobody else explains it");
    }
}
