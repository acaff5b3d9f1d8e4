//! Obstacles in the report: what is in a pod's way, node by node.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::document::ObjectEntry;
use crate::diagnosis::in_the_way::NodeSet;
use crate::diagnosis::obstacle_words::clause;
use crate::engine::PodObstacles;
use crate::model::ObjectRef;
use crate::scheduler::{NodeVerdict, Obstacle, Reason};
use crate::snapshot::Edit;

/// Nodes that are named of each set of closest ones.
const NAMED: usize = 10;
/// Sets of closest nodes.
const SETS: usize = 5;

/// What a node says to a pod.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct NodeEntry<'a> {
    pub name: &'a str,
    /// The plugin that rejected the node; empty where none did, where that isn't known, and where the pod was rejected
    /// before any node was looked at.
    pub plugin: &'a str,
    /// The plugin's reasons, byte for byte.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub reasons: &'a [Reason],
    /// Whether evicting pods could help.
    pub resolvable: bool,
    /// Whether the node takes the pod; null where that can't be known.
    pub fits: Option<bool>,
    /// All that keeps the pod from the node, what the scheduler names first; null where it wasn't looked at, as on most
    /// nodes of reports with more than 20,000 pairs of pods and nodes.
    pub obstacles: Option<Vec<ObstacleEntry<'a>>>,
}

/// One thing in the way.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ObstacleEntry<'a> {
    /// The scheduler's plugin.
    pub plugin: &'a str,
    /// The plugin's reason, byte for byte.
    pub reason: String,
    /// The same in plain words.
    pub words: String,
    /// The object on which it rests.
    pub object: ObjectEntry<'a>,
    /// The field of that object.
    pub field: &'a str,
    /// What the pod needs there.
    pub wanted: &'a str,
    /// What is there.
    pub present: &'a str,
    /// The smallest change that removes it. It says nothing of what the change would cost.
    pub edits: Vec<EditEntry<'a>>,
}

/// A change of one object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EditEntry<'a> {
    pub kind: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    pub name: String,
    /// `patch`, `create` or `delete`.
    pub action: &'static str,
    /// The operations of a JSON patch (RFC 6902), or the new object; null for a deletion.
    pub value: Option<&'a serde_json::Value>,
}

/// Nodes with the fewest obstacles and the same in the way.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClosestEntry<'a> {
    /// The first ten by name.
    pub nodes: &'a [String],
    /// How many there are.
    pub count: usize,
    /// What is in the way on the first.
    pub obstacles: Vec<ObstacleEntry<'a>>,
}

impl<'a> ObstacleEntry<'a> {
    /// The entry of an obstacle.
    pub(super) fn new(obstacle: &'a Obstacle) -> Self {
        Self {
            plugin: obstacle.reason.plugin(),
            reason: obstacle.reason.to_string(),
            words: clause(obstacle),
            object: ObjectEntry::new(&obstacle.object),
            field: &obstacle.path,
            wanted: &obstacle.wanted,
            present: &obstacle.present,
            edits: obstacle.edits.iter().map(EditEntry::new).collect(),
        }
    }

    /// The entries of obstacles.
    pub(super) fn list(obstacles: &'a [Obstacle]) -> Vec<Self> {
        obstacles.iter().map(Self::new).collect()
    }
}

impl<'a> EditEntry<'a> {
    fn new(edit: &'a Edit) -> Self {
        let ObjectRef { kind, namespace, name } = edit.object();
        let (action, value) = match edit {
            Edit::Patch { operations, .. } => ("patch", Some(operations)),
            Edit::Create { object, .. } => ("create", Some(object)),
            Edit::Delete { .. } => ("delete", None),
        };
        Self { kind, namespace, name, action, value }
    }
}

impl<'a> ClosestEntry<'a> {
    /// The sets of the closest nodes, the largest first.
    pub(super) fn list(obstacles: Option<&'a PodObstacles>) -> Option<Vec<Self>> {
        let entry = |set: &'a NodeSet| Self {
            nodes: &set.nodes[..set.nodes.len().min(NAMED)],
            count: set.nodes.len(),
            obstacles: ObstacleEntry::list(&set.obstacles),
        };
        obstacles.map(|obstacles| obstacles.closest.iter().take(SETS).map(entry).collect())
    }
}

/// What the nodes say to a pod.
#[derive(Clone, Copy, Debug)]
pub struct NodeList<'a> {
    pub all: &'a [NodeVerdict],
    /// `None` where none were looked for.
    pub obstacles: Option<&'a PodObstacles>,
    /// Whether they are written out.
    pub written: bool,
}

impl Serialize for NodeList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = |node: &str| self.obstacles.and_then(|obstacles| obstacles.nodes.get(node));
        let judged = self.all.iter().map(|node| NodeEntry {
            name: &node.name,
            plugin: node.plugin,
            reasons: &node.reasons,
            resolvable: node.resolvable,
            fits: node.fits,
            obstacles: of(&node.name).map(|obstacles| ObstacleEntry::list(obstacles)),
        });
        let none = BTreeMap::new();
        let behind = self.obstacles.filter(|_| self.all.is_empty()).map_or(&none, |obstacles| &obstacles.nodes);
        let behind = behind.iter().map(|(name, obstacles)| NodeEntry {
            name,
            plugin: "",
            reasons: &[],
            resolvable: false,
            fits: None,
            obstacles: Some(ObstacleEntry::list(obstacles)),
        });
        serializer.collect_seq(judged.chain(behind).filter(|_| self.written))
    }
}
