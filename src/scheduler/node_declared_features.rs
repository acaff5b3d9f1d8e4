//! `plugins/nodedeclaredfeatures`: features that a node's kubelet must have declared.

use super::cluster::NodeInfo;
use super::framework::{Cycle, Decision, Filter, PreFilter, Status};
use super::release;
use crate::model::Pod;

pub(crate) const NAME: &str = "NodeDeclaredFeatures";
const REASON: &str = "node(s) didn't match Pod's required features";
const HOST_NETWORK_USER_NAMESPACES: &str = "UserNamespacesHostNetworkSupport";
const RESTART_ALL_CONTAINERS: &str = "RestartAllContainersOnContainerExits";

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
        Err(Status::unresolvable(REASON))
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
