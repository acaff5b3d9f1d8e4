//! The obstacles of pods for a report that has them all.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::diagnosis::context::{Context, PodCase};
use crate::diagnosis::in_the_way::{NodeSet, PAIRS};
use crate::scheduler::{Obstacle, Outcome};

/// What is in a pod's way.
#[derive(Clone, Debug, Default)]
pub struct PodObstacles {
    /// What rejects the pod before any node is looked at.
    pub of_pod: Vec<Obstacle>,
    /// By node; those that weren't looked at are left out.
    pub nodes: BTreeMap<String, Vec<Obstacle>>,
    /// The nodes with the fewest obstacles, by what is in the way there.
    pub closest: Vec<NodeSet>,
}

/// The obstacles of each pod in scope that no node takes, in the order of the cases; `None` where they were not looked
/// for. Beyond [`PAIRS`] pairs of pods and nodes those of the first pod of each verdict are, on the closest nodes and on
/// one node for each reason.
pub(super) fn of_pods(context: &Context<'_>) -> Vec<Option<PodObstacles>> {
    let held = |case: &PodCase<'_>| matches!(case.verdict.outcome, Outcome::Unschedulable | Outcome::Unknown);
    let pairs = context.pods.iter().filter(|case| held(case)).count() * context.snapshot.nodes.seen().len();
    let mut told = HashSet::new();
    let of_case = |case: &PodCase<'_>| {
        let wanted = held(case) && (pairs <= PAIRS || told.insert(Arc::as_ptr(&case.verdict)));
        wanted.then(|| of_pod(context, case, pairs <= PAIRS)).flatten()
    };
    context.pods.iter().map(of_case).collect()
}

fn of_pod(context: &Context<'_>, case: &PodCase<'_>, all: bool) -> Option<PodObstacles> {
    let explanation = context.scheduler.explain(case.pod)?;
    let way = context.in_the_way_of(case.pod, &case.verdict, all);
    let telling = way.sets.iter().flat_map(|set| set.nodes.iter().take(if set.only_first { 1 } else { usize::MAX }));
    let names: Vec<&str> = if all { explanation.nodes().collect() } else { telling.map(String::as_str).collect() };
    let nodes = names.into_iter().map(|node| (node.to_owned(), explanation.node(node))).collect();
    let closest = way.closest().cloned().collect();
    Some(PodObstacles { of_pod: way.of_pod.clone(), nodes, closest })
}
