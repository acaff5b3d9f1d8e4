//! Pods that the scheduler has placed but not yet bound: they wait for their volumes (PreBind) and already count on
//! their node. The API shows them only by the node selected on their claims.

use std::collections::BTreeSet;

use super::cluster::Cluster;
use super::config::SchedulerConfig;
use super::default_preemption::priority;
use super::framework::{self, Cycle, Preparation};
use super::nominated;
use crate::model::Pod;

/// Counts every such pod on its node; the more important ones first, where two compete.
pub(crate) fn assume<'a>(cluster: &mut Cluster<'a>, config: &SchedulerConfig, ignored: &[BTreeSet<String>]) {
    let pods = cluster.unassigned.iter().copied();
    let mut waiting: Vec<(&'a Pod, String)> =
        pods.filter_map(|pod| Some((pod, selected_node(cluster, pod)?))).collect();
    waiting.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
    for (pod, node) in waiting {
        if fits(cluster, config, ignored, pod, &node) {
            cluster.assume(pod, &node);
        }
    }
}

fn order(pod: &Pod) -> (std::cmp::Reverse<i32>, &str, &str, &str) {
    let meta = &pod.metadata;
    (std::cmp::Reverse(priority(pod)), &meta.creation_timestamp, &meta.namespace, &meta.name)
}

/// The one node that is selected on the unbound claims of an unassigned pod.
fn selected_node(cluster: &Cluster<'_>, pod: &Pod) -> Option<String> {
    if pod.metadata.deleting() || !pod.spec.scheduling_gates.is_empty() {
        return None;
    }
    let names = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name));
    let claims = names.filter_map(|name| cluster.snapshot.claims.get(&pod.metadata.namespace, &name).found());
    let mut selected = claims.filter(|claim| !claim.fully_bound()).filter_map(|claim| claim.selected_node());
    let node = selected.next()?;
    selected.all(|other| other == node).then(|| node.to_owned())
}

fn fits(cluster: &Cluster<'_>, config: &SchedulerConfig, ignored: &[BTreeSet<String>], pod: &Pod, node: &str) -> bool {
    let Some(position) = config.profiles.iter().position(|p| p.scheduler_name == pod.spec.scheduler()) else {
        return false;
    };
    let Some(node) = cluster.node(node) else { return false };
    let cycle = Cycle { cluster, profile: &config.profiles[position], ignored_resources: &ignored[position], pod };
    match framework::prepare(&cycle) {
        Preparation::Ready(prepared) => {
            prepared.among.as_ref().is_none_or(|(names, _)| names.contains(node.name()))
                && nominated::filter(cluster, pod, &prepared, node).is_ok()
        }
        Preparation::Rejected { .. } => false,
    }
}
