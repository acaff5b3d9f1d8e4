//! The host ports that pods hold.

use super::release;
use crate::model::Pod;
use crate::model::version::Version;

/// A port of a node that a pod holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HostPort<'c> {
    ip: &'c str,
    protocol: &'c str,
    port: i32,
}

impl HostPort<'_> {
    /// Whether two pods can't hold them on one node.
    pub(crate) fn conflicts(&self, other: &HostPort<'_>) -> bool {
        let any = "0.0.0.0";
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || self.ip == any || other.ip == any)
    }
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
