//! What is in the way of pods, node by node: nodes with the same obstacles together, the closest first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::by_key::by_key;
use crate::scheduler::{Explanation, Fact, Obstacle, PodVerdict};

/// Pairs of pods and nodes for which everything is looked at; beyond that only the nodes that tell something are.
pub(crate) const PAIRS: usize = 20_000;
/// Of many nodes with equally few obstacles, as many are looked at.
const CLOSEST: usize = 8;

/// What is in the way of a pod.
#[derive(Clone, Debug, Default)]
pub struct InTheWay {
    /// What rejects the pod before any node is looked at.
    pub of_pod: Vec<Obstacle>,
    /// The closest nodes first: those with the fewest obstacles.
    pub sets: Vec<NodeSet>,
}

/// Nodes with the same in the way; what they have in place of what is wanted may differ.
#[derive(Clone, Debug)]
pub struct NodeSet {
    /// Never empty.
    pub nodes: Vec<String>,
    /// The obstacles on the first of the nodes.
    pub obstacles: Vec<Obstacle>,
    /// Whether only the plugin's reasons at which the scheduler stops were looked at.
    pub only_first: bool,
}

impl NodeSet {
    fn key(&self) -> (usize, bool, bool, Reverse<usize>, &str) {
        let lasting = !self.obstacles.iter().all(Obstacle::passing);
        let first = self.nodes.first().map_or("", String::as_str);
        (self.obstacles.len(), self.only_first, lasting, Reverse(self.nodes.len()), first)
    }

    /// Whether something of this topic is in the way on the nodes.
    pub fn has(&self, topic: &str) -> bool {
        self.obstacles.iter().any(|obstacle| obstacle.topic() == topic)
    }
}

impl InTheWay {
    /// Looks at all nodes, or with `all` false at those that tell: the closest, and one for each verdict.
    pub(crate) fn new(explanation: &Explanation<'_>, verdict: &PodVerdict, all: bool) -> Self {
        let mut sets = if all { every_node(explanation) } else { telling_nodes(explanation, verdict) };
        sets.retain(|set| !set.obstacles.is_empty());
        sets.sort_by(|a, b| a.key().cmp(&b.key()));
        Self { of_pod: explanation.of_pod().to_vec(), sets }
    }

    /// The sets of the nodes with the fewest obstacles.
    pub fn closest(&self) -> impl Iterator<Item = &NodeSet> {
        let fewest = self.sets.iter().filter(|set| !set.only_first).map(|set| set.obstacles.len()).min();
        self.sets.iter().filter(move |set| !set.only_first && Some(set.obstacles.len()) == fewest)
    }

    /// What is in the way on every node: an obstacle for each topic, as the first set has it.
    pub fn everywhere(&self) -> Vec<&Obstacle> {
        let Some((first, others)) = self.sets.split_first() else { return Vec::new() };
        let everywhere = |obstacle: &&Obstacle| {
            let topic = obstacle.topic();
            others.iter().all(|set| set.has(&topic))
        };
        let mut found: Vec<&Obstacle> = Vec::new();
        for obstacle in first.obstacles.iter().filter(everywhere) {
            if !found.iter().any(|other| other.topic() == obstacle.topic()) {
                found.push(obstacle);
            }
        }
        found
    }

    /// All obstacles of a topic, with a node of each set that has it.
    pub fn of_topic<'s>(&'s self, topic: &'s str) -> impl Iterator<Item = (&'s str, &'s Obstacle)> {
        self.sets.iter().flat_map(move |set| {
            let node = set.nodes.first().map_or("", String::as_str);
            set.obstacles.iter().filter(move |obstacle| obstacle.topic() == topic).map(move |obstacle| (node, obstacle))
        })
    }
}

fn every_node(explanation: &Explanation<'_>) -> Vec<NodeSet> {
    let nodes = explanation.nodes().map(|node| (node, explanation.node(node)));
    gather(nodes, false)
}

fn gather<'n>(nodes: impl Iterator<Item = (&'n str, Vec<Obstacle>)>, only_first: bool) -> Vec<NodeSet> {
    let mut sets: BTreeMap<Vec<String>, NodeSet> = BTreeMap::new();
    for (node, obstacles) in nodes {
        let mut topics: Vec<String> = obstacles.iter().map(Obstacle::topic).collect();
        topics.sort_unstable();
        match sets.entry(topics) {
            Entry::Vacant(vacant) => {
                vacant.insert(NodeSet { nodes: vec![node.to_owned()], obstacles, only_first });
            }
            Entry::Occupied(mut set) if telling(&obstacles) > telling(&set.get().obstacles) => {
                set.get_mut().nodes.insert(0, node.to_owned());
                set.get_mut().obstacles = obstacles;
            }
            Entry::Occupied(mut set) => set.get_mut().nodes.push(node.to_owned()),
        }
    }
    sets.into_values().collect()
}

/// How many obstacles show another value where one is wanted: such a node tells more than one that has none.
fn telling(obstacles: &[Obstacle]) -> usize {
    obstacles.iter().filter(|obstacle| matches!(&obstacle.fact, Fact::Label { present: Some(_), .. })).count()
}

/// The closest nodes with all that is in their way; of the others one for each verdict, with what the verdict says.
fn telling_nodes(explanation: &Explanation<'_>, verdict: &PodVerdict) -> Vec<NodeSet> {
    let against: Vec<(&str, usize)> =
        explanation.nodes().map(|node| (node, explanation.reasons_against(node))).collect();
    let fewest = against.iter().map(|(_, reasons)| *reasons).filter(|reasons| *reasons > 0).min().unwrap_or(0);
    let closest: Vec<&str> =
        against.iter().filter(|(_, reasons)| *reasons == fewest).map(|(node, _)| *node).take(CLOSEST).collect();
    let mut sets = gather(closest.iter().map(|node| (*node, explanation.node(node))), false);
    let others = verdict.nodes.iter().filter(|node| !closest.contains(&node.name.as_str()));
    let classes = by_key(others.map(|node| {
        let texts: Vec<_> = node.reasons.iter().map(|reason| reason.text()).collect();
        (texts.join("\n"), node.name.as_str())
    }));
    for nodes in classes.into_values() {
        let reasons = verdict.nodes.iter().find(|node| node.name == nodes[0]).map_or(0, |node| node.reasons.len());
        let mut obstacles = explanation.node(nodes[0]);
        obstacles.truncate(reasons);
        let nodes = nodes.into_iter().map(str::to_owned).collect();
        sets.push(NodeSet { nodes, obstacles, only_first: true });
    }
    sets
}
