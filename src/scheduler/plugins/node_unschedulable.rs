//! `plugins/nodeunschedulable`: cordoned nodes.

use std::borrow::Cow;

use serde_json::json;

use super::taint_toleration::tolerates;
use crate::model::node::{Taint, UNSCHEDULABLE_TAINT};
use crate::model::{Kind, Pod};
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::{Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::obstacle::{Fact, Obstacle, node_ref, patch};

pub(crate) const NAME: &str = "NodeUnschedulable";

/// Why the plugin rejects a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The node is cordoned.
    Unschedulable,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::Unschedulable => "node(s) were unschedulable".into(),
        }
    }
}

#[derive(Clone)]
struct NodeUnschedulable<'c> {
    pod: &'c Pod,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    PreFilter::Filter(Box::new(NodeUnschedulable { pod: cycle.pod }))
}

/// Whether the pod may run on a cordoned node.
pub(crate) fn tolerates_unschedulable(pod: &Pod) -> bool {
    let taint = Taint { key: UNSCHEDULABLE_TAINT.to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() };
    pod.spec.tolerations.iter().any(|toleration| tolerates(toleration, &taint))
}

impl<'c> Filter<'c> for NodeUnschedulable<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        if node.node.spec.unschedulable && !tolerates_unschedulable(self.pod) {
            return Err(Status::unresolvable(Reason::Unschedulable));
        }
        Ok(())
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let rejects = self.filter(node).is_err();
        let obstacle = rejects.then(|| Obstacle {
            reason: Reason::Unschedulable.into(),
            fact: Fact::Cordoned,
            object: node_ref(node.name()),
            path: "spec.unschedulable".to_owned(),
            wanted: "false".to_owned(),
            present: "true".to_owned(),
            edits: vec![patch(
                Kind::Node,
                &node.node.metadata,
                json!([{"op": "remove", "path": "/spec/unschedulable"}]),
            )],
        });
        obstacle.into_iter().collect()
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
