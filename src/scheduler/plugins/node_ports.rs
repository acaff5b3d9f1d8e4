//! `plugins/nodeports`: host ports that other pods hold.

use std::borrow::Cow;

use serde_json::json;

use crate::model::{Kind, ObjectRef, Pod};
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::{Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::host_ports::{HostPort, host_ports};
use crate::scheduler::obstacle::{Fact, Obstacle, patch, pod_ref};

pub(crate) const NAME: &str = "NodePorts";

/// Why the plugin rejects a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Another pod holds a host port.
    PortsTaken,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::PortsTaken => "node(s) didn't have free ports for the requested pod ports".into(),
        }
    }
}

#[derive(Clone)]
struct NodePorts<'c> {
    pod: &'c Pod,
    wanted: Vec<HostPort<'c>>,
    pods_complete: bool,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let wanted = host_ports(cycle.pod, cycle.cluster.version);
    if wanted.is_empty() {
        return PreFilter::Skip;
    }
    PreFilter::Filter(Box::new(NodePorts { pod: cycle.pod, wanted, pods_complete: cycle.cluster.pods_complete() }))
}

impl NodePorts<'_> {
    fn obstacle(&self, wanted: &HostPort<'_>, node: &NodeInfo<'_>) -> Option<Obstacle> {
        if !node.used_ports.iter().any(|taken| wanted.conflicts(taken)) {
            return None;
        }
        let holders = node.pods.iter().filter(|info| info.ports.iter().any(|taken| wanted.conflicts(taken)));
        let holders: Vec<ObjectRef> = holders.map(|info| pod_ref(info.pod)).collect();
        let (path, operations) = self.without(wanted);
        Some(Obstacle {
            reason: Reason::PortsTaken.into(),
            object: pod_ref(self.pod),
            path,
            wanted: wanted.to_string(),
            present: match holders.as_slice() {
                [] => "taken".to_owned(),
                [first, ..] => format!("held by pod {}/{}", first.namespace, first.name),
            },
            fact: Fact::Port {
                port: wanted.port,
                protocol: wanted.protocol.to_owned(),
                ip: wanted.ip.to_owned(),
                holders,
            },
            edits: vec![patch(Kind::Pod, &self.pod.metadata, operations)],
        })
    }

    /// Where the pod asks for a port, with what takes the request away.
    fn without(&self, wanted: &HostPort<'_>) -> (String, serde_json::Value) {
        let spec = &self.pod.spec;
        let mut places = Vec::new();
        for (list, containers) in [("containers", &spec.containers), ("initContainers", &spec.init_containers)] {
            for (container, of) in containers.iter().enumerate() {
                let ports = of.ports.iter().enumerate().filter(|(_, port)| HostPort::of(port) == Some(*wanted));
                places.extend(ports.map(|(port, _)| (list, container, port)));
            }
        }
        let paths =
            places.iter().map(|(list, container, port)| format!("/spec/{list}/{container}/ports/{port}/hostPort"));
        let operations = paths.map(|path| json!({"op": "remove", "path": path})).collect();
        let path = places.first().map_or_else(String::new, |(list, container, port)| {
            format!("spec.{list}[{container}].ports[{port}].hostPort")
        });
        (path, operations)
    }
}

impl<'c> Filter<'c> for NodePorts<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        if node.used_ports.iter().any(|taken| self.wanted.iter().any(|wanted| wanted.conflicts(taken))) {
            return Err(Status::unschedulable(Reason::PortsTaken));
        }
        if self.pods_complete { Ok(()) } else { Err(Status::unknown("not every pod could be read")) }
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        self.wanted.iter().filter_map(|wanted| self.obstacle(wanted, node)).collect()
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
