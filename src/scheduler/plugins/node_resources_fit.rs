//! `plugins/noderesources/fit.go`: CPU, memory, storage, extended resources and the number of pods.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::json;

use super::dynamic_resources::stands_for;
use crate::model::Kind;
use crate::scheduler::cluster::{Cluster, NodeInfo};
use crate::scheduler::framework::{Code, Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::obstacle::{Fact, Obstacle, amount, most, node_ref, patch, pod_ref};
use crate::scheduler::release;
use crate::scheduler::resources::{Totals, is_extended, requests};
use crate::snapshot::edit::pointer_token;

pub(crate) const NAME: &str = "NodeResourcesFit";

/// Why the plugin rejects a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The node has as many pods as it may.
    TooManyPods { allowed: i64 },
    /// Too little of a resource is free. Amounts are in the scheduler's units: milli-CPU, bytes, counts.
    Insufficient { resource: String, asked: i64, free: i64, allocatable: i64 },
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::TooManyPods { .. } => "Too many pods".into(),
            Reason::Insufficient { resource, .. } => format!("Insufficient {resource}").into(),
        }
    }

    /// Whether even the empty node would have too little.
    fn for_good(&self) -> bool {
        matches!(self, Reason::Insufficient { asked, allocatable, .. } if asked > allocatable)
    }
}

#[derive(Clone)]
struct NodeResourcesFit<'c> {
    request: Totals<'c>,
    ignored: &'c BTreeSet<String>,
    ignored_groups: &'c BTreeSet<String>,
    cluster: &'c Cluster<'c>,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    PreFilter::Filter(Box::new(NodeResourcesFit {
        request: requests(cycle.pod, cycle.cluster.version),
        ignored: cycle.ignored_resources,
        ignored_groups: &cycle.profile.ignored_resource_groups,
        cluster: cycle.cluster,
    }))
}

impl<'c> NodeResourcesFit<'c> {
    /// What a node lacks, in upstream's order.
    fn lacks(&self, node: &NodeInfo<'c>) -> Vec<Reason> {
        let mut lacks = Vec::new();
        if node.pods.len() as i64 + 1 > node.allowed_pods {
            lacks.push(Reason::TooManyPods { allowed: node.allowed_pods });
        }
        if self.request.is_empty() {
            return lacks;
        }
        let (has, used, wants) = (&*node.allocatable, &node.requested, &self.request);
        let mut check = |name: &str, wants: i64, has: i64, used: i64| {
            if wants > 0 && wants > has.saturating_sub(used) {
                let (resource, free) = (name.to_owned(), has.saturating_sub(used));
                lacks.push(Reason::Insufficient { resource, asked: wants, free, allocatable: has });
            }
        };
        check("cpu", wants.cpu, has.cpu, used.cpu);
        check("memory", wants.memory, has.memory, used.memory);
        check("ephemeral-storage", wants.ephemeral_storage, has.ephemeral_storage, used.ephemeral_storage);
        for (name, amount) in &wants.scalars {
            let has = has.scalars.get(name).copied().unwrap_or(0);
            if !self.ignores(name) && !self.delegated(name, has) {
                check(name, *amount, has, used.scalars.get(name).copied().unwrap_or(0));
            }
        }
        lacks
    }

    fn ignores(&self, name: &str) -> bool {
        is_extended(name)
            && (self.ignored.contains(name)
                || name.split_once('/').is_some_and(|(group, _)| self.ignored_groups.contains(group)))
    }

    /// Whether DynamicResources decides instead: the node offers none and a device class stands for the resource.
    fn delegated(&self, name: &str, allocatable: i64) -> bool {
        allocatable == 0
            && release::extended_resources_by_device_class(self.cluster.version)
            && stands_for(self.cluster, name)
    }
}

impl NodeResourcesFit<'_> {
    fn obstacle(&self, reason: Reason, node: &NodeInfo<'_>) -> Obstacle {
        let (name, enough, wanted, present, fact) = match &reason {
            Reason::TooManyPods { allowed } => {
                let pods = node.pods.len() as i64;
                let fact = Fact::Pods { allowed: *allowed, present: pods };
                let present = format!("{pods} of {allowed} taken");
                ("pods", (pods + 1).to_string(), "room for 1 more pod".to_owned(), present, fact)
            }
            Reason::Insufficient { resource, asked, free, allocatable } => {
                let enough = allocatable.saturating_sub(*free).saturating_add(*asked);
                let enough = if resource == "cpu" { format!("{enough}m") } else { enough.to_string() };
                let show = |value: i64| amount(resource, value);
                let present = format!("{} free of {}", show(*free.max(&0)), show(*allocatable));
                let fact = self.shortage(node, resource, *asked, *free, *allocatable);
                (resource.as_str(), enough, show(*asked), present, fact)
            }
        };
        let path = format!("/status/allocatable/{}", pointer_token(name));
        let operations = match node.node.status.allocatable.is_empty() {
            true => json!([{"op": "add", "path": "/status/allocatable", "value": {name: enough}}]),
            false => json!([{"op": "add", "path": path, "value": enough}]),
        };
        Obstacle {
            object: node_ref(node.name()),
            path: format!("status.allocatable[{name}]"),
            wanted,
            present,
            fact,
            edits: vec![patch(Kind::Node, &node.node.metadata, operations)],
            reason: reason.into(),
        }
    }

    fn shortage(&self, node: &NodeInfo<'_>, resource: &str, asked: i64, free: i64, allocatable: i64) -> Fact {
        let holders = most(node.pods.iter().map(|info| (info.pod, info.usage.of_resource(resource))).collect());
        Fact::Resource {
            name: resource.to_owned(),
            asked,
            free,
            allocatable,
            holders: holders.into_iter().map(|(pod, amount)| (pod_ref(pod), amount)).collect(),
        }
    }
}

impl<'c> Filter<'c> for NodeResourcesFit<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        let lacks = self.lacks(node);
        let pods_complete = self.cluster.pods_complete();
        if lacks.is_empty() {
            return if pods_complete { Ok(()) } else { Err(Status::unknown("not every pod could be read")) };
        }
        let for_good = lacks.iter().any(Reason::for_good) && release::allocatable_is_final(self.cluster.version);
        let code = if for_good { Code::Unresolvable } else { Code::Unschedulable };
        let reasons = lacks.into_iter().map(Into::into).collect();
        Err(Status { partial: !pods_complete, ..Status::rejected(code, reasons) })
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        self.lacks(node).into_iter().map(|reason| self.obstacle(reason, node)).collect()
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
