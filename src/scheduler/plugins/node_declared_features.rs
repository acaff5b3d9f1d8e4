//! `plugins/nodedeclaredfeatures`: features that a node's kubelet must have declared.

use std::borrow::Cow;

use serde_json::json;

use crate::model::{Kind, Pod};
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::{Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::obstacle::{Fact, Obstacle, node_ref, patch};
use crate::scheduler::release;

pub(crate) const NAME: &str = "NodeDeclaredFeatures";
const HOST_NETWORK_USER_NAMESPACES: &str = "UserNamespacesHostNetworkSupport";
const RESTART_ALL_CONTAINERS: &str = "RestartAllContainersOnContainerExits";

/// Why the plugin rejects a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The node's kubelet hasn't declared a feature.
    Missing,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::Missing => "node(s) didn't match Pod's required features".into(),
        }
    }
}

#[derive(Clone)]
struct NodeDeclaredFeatures {
    required: Vec<&'static str>,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let required = required(cycle.pod);
    if required.is_empty() || !release::declared_features(cycle.cluster.version) {
        return PreFilter::Skip;
    }
    PreFilter::Filter(Box::new(NodeDeclaredFeatures { required }))
}

fn required(pod: &Pod) -> Vec<&'static str> {
    let spec = &pod.spec;
    let mut features = Vec::new();
    if spec.host_network && spec.host_users == Some(false) {
        features.push(HOST_NETWORK_USER_NAMESPACES);
    }
    let mut rules = spec.containers.iter().chain(&spec.init_containers).flat_map(|c| &c.restart_policy_rules);
    if rules.any(|rule| rule.action == "RestartAllContainers") {
        features.push(RESTART_ALL_CONTAINERS);
    }
    features
}

impl<'c> Filter<'c> for NodeDeclaredFeatures {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        let declared = &node.node.status.declared_features;
        if self.required.iter().all(|feature| declared.iter().any(|name| name == feature)) {
            return Ok(());
        }
        Err(Status::unresolvable(Reason::Missing))
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let declared = &node.node.status.declared_features;
        let missing = self.required.iter().filter(|feature| !declared.iter().any(|name| name == *feature));
        let operation = |feature: &str| match declared.is_empty() {
            true => json!([{"op": "add", "path": "/status/declaredFeatures", "value": [feature]}]),
            false => json!([{"op": "add", "path": "/status/declaredFeatures/-", "value": feature}]),
        };
        let obstacle = |feature: &&'static str| Obstacle {
            reason: Reason::Missing.into(),
            fact: Fact::Feature { name: (*feature).to_owned() },
            object: node_ref(node.name()),
            path: "status.declaredFeatures".to_owned(),
            wanted: (*feature).to_owned(),
            present: if declared.is_empty() { "none".to_owned() } else { declared.join(", ") },
            edits: vec![patch(Kind::Node, &node.node.metadata, operation(feature))],
        };
        missing.map(obstacle).collect()
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
