//! `plugins/nodename`: a pod that names its node.

use std::borrow::Cow;

use serde_json::json;

use crate::model::{Kind, Pod};
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::{Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::obstacle::{Fact, Obstacle, patch, pod_ref};

pub(crate) const NAME: &str = "NodeName";

/// Why the plugin rejects a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The pod names another node.
    OtherNode,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::OtherNode => "node(s) didn't match the requested node name".into(),
        }
    }
}

#[derive(Clone)]
struct NodeName<'c> {
    pod: &'c Pod,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    match cycle.pod.spec.node_name.as_str() {
        "" => PreFilter::Skip,
        _ => PreFilter::Filter(Box::new(NodeName { pod: cycle.pod })),
    }
}

impl<'c> Filter<'c> for NodeName<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        if node.name() == self.pod.spec.node_name { Ok(()) } else { Err(Status::unresolvable(Reason::OtherNode)) }
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let rejects = self.filter(node).is_err();
        let (path, value) = ("/spec/nodeName", node.name());
        let obstacle = rejects.then(|| Obstacle {
            reason: Reason::OtherNode.into(),
            fact: Fact::OtherNode { wanted: self.pod.spec.node_name.clone() },
            object: pod_ref(self.pod),
            path: "spec.nodeName".to_owned(),
            wanted: self.pod.spec.node_name.clone(),
            present: node.name().to_owned(),
            edits: vec![patch(Kind::Pod, &self.pod.metadata, json!([{"op": "replace", "path": path, "value": value}]))],
        });
        obstacle.into_iter().collect()
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
