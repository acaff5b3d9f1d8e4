//! `plugins/nodeports`: host ports that other pods hold.

use super::cluster::NodeInfo;
use super::framework::{Cycle, Decision, Filter, PreFilter, Status};
use super::release;
use crate::model::Pod;
use crate::model::version::Version;

pub(crate) const NAME: &str = "NodePorts";
const REASON: &str = "node(s) didn't have free ports for the requested pod ports";

/// A port of a node that a pod holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HostPort<'c> {
    ip: &'c str,
    protocol: &'c str,
    port: i32,
}

impl HostPort<'_> {
    fn conflicts(&self, other: &HostPort<'_>) -> bool {
        let any = "0.0.0.0";
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || self.ip == any || other.ip == any)
    }
}

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

/// The host ports of containers and sidecars (`pkg/scheduler/util/utils.go`, GetHostPorts). Pods on the host network
/// have their container ports copied into `hostPort` by the API server.
pub(crate) fn host_ports(pod: &Pod, version: Version) -> Vec<HostPort<'_>> {
    let sidecars = pod.spec.init_containers.iter().filter(|c| c.sidecar() && release::counts_sidecar_ports(version));
    sidecars
        .chain(&pod.spec.containers)
        .flat_map(|container| &container.ports)
        .filter(|port| port.host_port > 0)
        .map(|port| HostPort {
            ip: if port.host_ip.is_empty() { "0.0.0.0" } else { &port.host_ip },
            protocol: if port.protocol.is_empty() { "TCP" } else { &port.protocol },
            port: port.host_port,
        })
        .collect()
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
