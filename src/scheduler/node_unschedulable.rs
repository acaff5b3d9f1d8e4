//! `plugins/nodeunschedulable`: cordoned nodes.

use super::cluster::NodeInfo;
use super::framework::{Cycle, Decision, Filter, PreFilter, Status};
use super::taint_toleration::tolerates;
use crate::model::Pod;
use crate::model::node::Taint;

pub(crate) const NAME: &str = "NodeUnschedulable";
const REASON: &str = "node(s) were unschedulable";

#[derive(Clone)]
struct NodeUnschedulable<'c> {
    pod: &'c Pod,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    PreFilter::Filter(Box::new(NodeUnschedulable { pod: cycle.pod }))
}

/// Whether the pod may run on a cordoned node.
pub(crate) fn tolerates_unschedulable(pod: &Pod) -> bool {
    let taint = Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    };
    pod.spec.tolerations.iter().any(|toleration| tolerates(toleration, &taint))
}

impl<'c> Filter<'c> for NodeUnschedulable<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        if node.node.spec.unschedulable && !tolerates_unschedulable(self.pod) {
            return Err(Status::unresolvable(REASON));
        }
        Ok(())
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
