//! How kube-scheduler ranks the nodes that take a pod: the default score plugins with their default weights
//! (`pkg/scheduler/apis/config/v1/default_plugins.go`). ImageLocality is left out: images decide little and are not
//! known.

mod affinity;
mod resources;
mod spread;
mod taints;

use super::cluster::NodeInfo;
use super::framework::Cycle;

/// `MaxNodeScore`.
const MOST: i64 = 100;

/// A score plugin: the scores of nodes, normalised; `None` where it has no say.
type Plugin = for<'c> fn(&Cycle<'c>, &[&NodeInfo<'c>]) -> Option<Vec<i64>>;

/// The plugins with their weights.
const PLUGINS: [(Plugin, i64); 6] = [
    (taints::scores, 3),
    (affinity::of_nodes, 2),
    (affinity::of_pods, 2),
    (spread::scores, 2),
    (resources::least_allocated, 1),
    (resources::balanced, 1),
];

/// The names of the nodes with the best score.
pub(super) fn best(cycle: &Cycle<'_>, nodes: &[&NodeInfo<'_>]) -> Vec<String> {
    if nodes.len() < 2 {
        return nodes.iter().map(|node| node.name().to_owned()).collect();
    }
    let mut totals = vec![0; nodes.len()];
    for (plugin, weight) in PLUGINS {
        for (total, score) in totals.iter_mut().zip(plugin(cycle, nodes).into_iter().flatten()) {
            *total += weight * score;
        }
    }
    let most = totals.iter().max().copied().unwrap_or(0);
    let best = nodes.iter().zip(&totals).filter(|(_, total)| **total == most);
    best.map(|(node, _)| node.name().to_owned()).collect()
}

/// How much is left on a node once it has the pod: what alone ranks nodes where so many are equal that the scheduler
/// looks at some of them only.
pub(super) fn left(cycle: &Cycle<'_>, node: &NodeInfo<'_>) -> i64 {
    resources::left(cycle, node)
}

/// Scores as shares of the largest, turned round where the smallest is best (`helper/normalize_score.go`).
fn normalized(mut scores: Vec<i64>, reverse: bool) -> Vec<i64> {
    let most = scores.iter().max().copied().unwrap_or(0);
    for score in &mut scores {
        let share = if most == 0 { 0 } else { MOST * *score / most };
        *score = if reverse { MOST - share } else { share };
    }
    scores
}
