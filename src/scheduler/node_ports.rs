//! `plugins/nodeports`: host ports that other pods hold.

use super::cluster::NodeInfo;
use super::framework::{Cycle, Decision, Filter, PreFilter, Status};
use super::host_ports::{HostPort, host_ports};

pub(crate) const NAME: &str = "NodePorts";
const REASON: &str = "node(s) didn't have free ports for the requested pod ports";

#[derive(Clone)]
struct NodePorts<'c> {
    wanted: Vec<HostPort<'c>>,
    pods_complete: bool,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let wanted = host_ports(cycle.pod, cycle.cluster.version);
    if wanted.is_empty() {
        return PreFilter::Skip;
    }
    PreFilter::Filter(Box::new(NodePorts { wanted, pods_complete: cycle.cluster.pods_complete() }))
}

impl<'c> Filter<'c> for NodePorts<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        if node.used_ports.iter().any(|taken| self.wanted.iter().any(|wanted| wanted.conflicts(taken))) {
            return Err(Status::unschedulable(REASON));
        }
        if self.pods_complete { Ok(()) } else { Err(Status::unknown("not every pod could be read")) }
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
