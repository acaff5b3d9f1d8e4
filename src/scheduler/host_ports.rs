//! The host ports that pods hold.

use std::fmt;

use super::release;
use crate::model::Pod;
use crate::model::pod::ContainerPort;
use crate::model::version::Version;

/// A port of a node that a pod holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HostPort<'c> {
    pub(crate) ip: &'c str,
    pub(crate) protocol: &'c str,
    pub(crate) port: i32,
}

impl fmt::Display for HostPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            "0.0.0.0" => write!(f, "{}/{}", self.port, self.protocol),
            ip => write!(f, "{ip}:{}/{}", self.port, self.protocol),
        }
    }
}

impl<'c> HostPort<'c> {
    /// The host port that a container's port asks for.
    pub(crate) fn of(port: &'c ContainerPort) -> Option<Self> {
        (port.host_port > 0).then(|| Self {
            ip: if port.host_ip.is_empty() { "0.0.0.0" } else { &port.host_ip },
            protocol: if port.protocol.is_empty() { "TCP" } else { &port.protocol },
            port: port.host_port,
        })
    }

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
    sidecars.chain(&pod.spec.containers).flat_map(|container| &container.ports).filter_map(HostPort::of).collect()
}
