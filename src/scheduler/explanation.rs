//! What is in a pod's way on each node, beyond the first obstacle at which kube-scheduler stops.

use super::cluster::NodeInfo;
use super::framework::{Cycle, Prepared};
use super::obstacle::{Fact, Obstacle};
use super::{nominated, plugins};

/// A pod with all that rejects it, asked node by node.
pub struct Explanation<'c> {
    cycle: Cycle<'c>,
    of_pod: Vec<Obstacle>,
    prepared: Prepared<'c>,
}

impl<'c> Explanation<'c> {
    pub(crate) fn new(cycle: Cycle<'c>) -> Self {
        let (of_pod, prepared) = plugins::prepare_all(&cycle);
        Self { cycle, of_pod, prepared }
    }

    /// What rejects the pod before any node is looked at. The nodes can be asked all the same.
    pub fn of_pod(&self) -> &[Obstacle] {
        &self.of_pod
    }

    /// The names of the nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &'c str> {
        self.cycle.cluster.nodes.iter().map(|node| node.name())
    }

    /// All that keeps the pod from a node. As kube-scheduler does, pods that are nominated to the node count once as if
    /// they were there (`runtime/framework.go`, RunFilterPluginsWithNominatedPods).
    pub fn node(&self, name: &str) -> Vec<Obstacle> {
        let Some(node) = self.cycle.cluster.node(name) else { return Vec::new() };
        let mut obstacles = match self.crowded(node) {
            Some((prepared, crowded)) => prepared.obstacles(&crowded),
            None => Vec::new(),
        };
        let known: Vec<String> = obstacles.iter().map(Obstacle::topic).collect();
        let alone = self.prepared.obstacles(node).into_iter();
        obstacles.extend(alone.filter(|obstacle| !known.contains(&obstacle.topic())));
        if self.left_out(name) {
            obstacles.sort_by_key(|obstacle| !matches!(obstacle.fact, Fact::NodeNames { .. }));
        }
        obstacles
    }

    /// How many reasons speak against a node: no more than it has obstacles.
    pub fn reasons_against(&self, name: &str) -> usize {
        let Some(node) = self.cycle.cluster.node(name) else { return 0 };
        let crowded = self.crowded(node).map_or(0, |(prepared, crowded)| prepared.reasons_against(&crowded));
        crowded.max(self.prepared.reasons_against(node))
    }

    fn left_out(&self, name: &str) -> bool {
        let among = self.prepared.among.as_ref();
        among.is_some_and(|(names, _)| !names.contains(name)) && self.cycle.pod.status.nominated_node_name != name
    }

    /// The node with the pods that are nominated to it and go first.
    fn crowded(&self, node: &NodeInfo<'c>) -> Option<(Prepared<'c>, NodeInfo<'c>)> {
        nominated::crowded(self.cycle.cluster, self.cycle.pod, &self.prepared, node)
    }
}
