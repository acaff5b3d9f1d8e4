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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::model::Kind;
    use crate::model::version::Version;
    use crate::scheduler::{Scheduler, SchedulerConfig};
    use crate::snapshot::{Builder, Scope};

    fn node(name: &str, cpu: &str, more: Value) -> (Kind, Value) {
        let mut node = json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "disk": &name[..1]}},
            "spec": {}, "status": {"allocatable": {"cpu": cpu, "memory": "4Gi", "pods": "9"}}});
        for (key, value) in more.as_object().into_iter().flatten() {
            node["spec"][key] = value.clone();
        }
        (Kind::Node, node)
    }

    fn pod(name: &str, node: &str, cpu: &str, more: Value) -> (Kind, Value) {
        let mut pod = json!({"metadata": {"name": name, "labels": {"app": "a"}}, "spec": {"nodeName": node,
            "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}]}});
        for (key, value) in more.as_object().into_iter().flatten() {
            pod["spec"][key] = value.clone();
        }
        (Kind::Pod, pod)
    }

    /// The best nodes for the pod `new`.
    fn best(objects: impl IntoIterator<Item = (Kind, Value)>) -> String {
        let mut builder = Builder::default();
        for (kind, object) in objects {
            builder.add(kind, object).unwrap_or_else(|error| panic!("{error}"));
        }
        let snapshot = builder.build(&Scope::All);
        let scheduler = Scheduler::new(&snapshot, Version::new(1, 36), SchedulerConfig::default());
        let pod = snapshot.pods.get("default", "new").found().unwrap_or_else(|| panic!("no pod"));
        scheduler.best(pod, &scheduler.judge(pod)).join(" ")
    }

    #[test]
    fn of_equal_nodes_all_are_best_and_else_the_emptier_one() {
        let nodes = || [node("a", "2", json!({})), node("b", "2", json!({}))];
        assert_eq!(best(nodes().into_iter().chain([pod("new", "", "500m", json!({}))])), "a b");
        let old = pod("old", "a", "1", json!({}));
        assert_eq!(best(nodes().into_iter().chain([old, pod("new", "", "500m", json!({}))])), "b");
    }

    #[test]
    fn taints_that_are_better_not_met_outweigh_room() {
        let taint = json!({"taints": [{"key": "slow", "effect": "PreferNoSchedule"}]});
        let nodes = [node("a", "8", taint), node("b", "2", json!({}))];
        assert_eq!(best(nodes.into_iter().chain([pod("new", "", "500m", json!({}))])), "b");
    }

    #[test]
    fn preferences_for_nodes_and_pods_are_heeded() {
        let nodes = || [node("a", "2", json!({})), node("b", "2", json!({}))];
        let likes = json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["b"]}]}}]}}});
        assert_eq!(best(nodes().into_iter().chain([pod("new", "", "500m", likes)])), "b");
        let term = json!({"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchLabels": {"app": "a"}}}});
        let near = json!({"affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}});
        let old = || pod("old", "a", "100m", json!({}));
        assert_eq!(best(nodes().into_iter().chain([old(), pod("new", "", "100m", near)])), "a");
    }

    #[test]
    fn pods_that_are_to_be_spread_go_where_fewer_are() {
        let spread = json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": "a"}}}]});
        let objects = [node("a", "8", json!({})), node("b", "2", json!({})), pod("old", "a", "10m", json!({}))];
        assert_eq!(best(objects.into_iter().chain([pod("new", "", "100m", spread)])), "b");
    }
}
