//! `plugins/nodename`: a pod that names its node.

use super::cluster::NodeInfo;
use super::framework::{Cycle, Decision, Filter, PreFilter, Status};

pub(crate) const NAME: &str = "NodeName";
const REASON: &str = "node(s) didn't match the requested node name";

#[derive(Clone)]
struct NodeName<'c> {
    wanted: &'c str,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    match cycle.pod.spec.node_name.as_str() {
        "" => PreFilter::Skip,
        wanted => PreFilter::Filter(Box::new(NodeName { wanted })),
    }
}

impl<'c> Filter<'c> for NodeName<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        if node.name() == self.wanted { Ok(()) } else { Err(Status::unresolvable(REASON)) }
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
