//! `plugins/nodeaffinity` and `plugins/interpodaffinity`: what pods prefer.

use std::collections::HashMap;

use super::{MOST, normalized};
use crate::model::Pod;
use crate::model::meta::Map;
use crate::model::pod::{PodAffinityTerm, PreferredPods};
use crate::scheduler::cluster::{NodeInfo, PodInfo};
use crate::scheduler::framework::Cycle;
use crate::scheduler::plugins::inter_pod_affinity::{Term, existing_term_matches};

/// The weight of a required term of a pod that is there (`hardPodAffinityWeight`).
const HARD: i64 = 1;

/// Nodes that more of the pod's preferences match.
pub(super) fn of_nodes<'c>(cycle: &Cycle<'c>, nodes: &[&NodeInfo<'c>]) -> Option<Vec<i64>> {
    let preferred = cycle.pod.spec.preferred_nodes();
    if preferred.is_empty() {
        return None;
    }
    let score = |node: &&NodeInfo<'c>| {
        let matched = preferred.iter().filter(|one| one.preference.matches(node.name(), &node.node.metadata.labels));
        matched.map(|one| i64::from(one.weight)).sum()
    };
    Some(normalized(nodes.iter().map(score).collect(), false))
}

/// A preference of the pod with its sign.
struct Own<'c> {
    term: Term<'c>,
    weight: i64,
}

/// Sums by topology key and value.
type Sums<'c> = HashMap<(&'c str, &'c str), i64>;

/// Nodes in whose domains more of the pods are that the pod prefers, and that prefer the pod.
pub(super) fn of_pods<'c>(cycle: &Cycle<'c>, nodes: &[&NodeInfo<'c>]) -> Option<Vec<i64>> {
    let own = own(cycle)?;
    let labels = cycle.cluster.snapshot.labels_of_namespace(&cycle.pod.metadata.namespace).unwrap_or_default();
    let mut sums = Sums::new();
    for node in &cycle.cluster.nodes {
        for info in &node.pods {
            count_own(&own, info, node, &mut sums);
            count_theirs(cycle.pod, info, node, &labels, &mut sums);
        }
    }
    if sums.is_empty() {
        return None;
    }
    let score = |node: &&NodeInfo<'c>| {
        let labels = node.node.metadata.labels.iter();
        labels.filter_map(|(key, value)| sums.get(&(key.as_str(), value.as_str()))).sum()
    };
    let scores: Vec<i64> = nodes.iter().map(score).collect();
    let (least, most) = (scores.iter().min().copied()?, scores.iter().max().copied()?);
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "as upstream")]
    let share = |score: i64| match most - least {
        0 => 0,
        width => (MOST as f64 * ((score - least) as f64 / width as f64)) as i64,
    };
    Some(scores.into_iter().map(share).collect())
}

fn own<'c>(cycle: &Cycle<'c>) -> Option<Vec<Own<'c>>> {
    let (near, far) = cycle.pod.spec.preferred_pods();
    let signed = |list: &'c [PreferredPods], sign: i64| {
        list.iter().map(move |one| (&one.pod_affinity_term, sign * i64::from(one.weight)))
    };
    let all = signed(near, 1).chain(signed(far, -1));
    all.map(|(term, weight)| Some(Own { term: Term::new(cycle.cluster, cycle.pod, term).ok()?, weight })).collect()
}

fn count<'c>(term: &'c PodAffinityTerm, node: &NodeInfo<'c>, weight: i64, sums: &mut Sums<'c>) {
    if let Some(value) = node.node.metadata.labels.get(&term.topology_key) {
        *sums.entry((term.topology_key.as_str(), value.as_str())).or_default() += weight;
    }
}

fn count_own<'c>(own: &[Own<'c>], info: &PodInfo<'c>, node: &NodeInfo<'c>, sums: &mut Sums<'c>) {
    for one in own.iter().filter(|one| one.term.matches(info.pod)) {
        count(one.term.term, node, one.weight, sums);
    }
}

fn count_theirs<'c>(pod: &Pod, info: &PodInfo<'c>, node: &NodeInfo<'c>, labels: &Map, sums: &mut Sums<'c>) {
    let theirs = info.pod;
    let (near, far) = theirs.spec.preferred_pods();
    let required = theirs.spec.affinity_terms().iter().map(|term| (term, HARD));
    let near = near.iter().map(|one| (&one.pod_affinity_term, i64::from(one.weight)));
    let far = far.iter().map(|one| (&one.pod_affinity_term, -i64::from(one.weight)));
    for (term, weight) in required.chain(near).chain(far) {
        if existing_term_matches(term, theirs, pod, labels) {
            count(term, node, weight, sums);
        }
    }
}
