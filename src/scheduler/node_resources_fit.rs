//! `plugins/noderesources/fit.go`: CPU, memory, storage, extended resources and the number of pods.

use std::collections::BTreeSet;

use super::cluster::{Cluster, NodeInfo};
use super::dynamic_resources::stands_for;
use super::framework::{Code, Cycle, Decision, Filter, PreFilter, Status};
use super::release;
use super::resources::{Totals, is_extended, requests};

pub(crate) const NAME: &str = "NodeResourcesFit";

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

/// What a node lacks: the reason, and whether even the empty node would lack it.
struct Lack {
    reason: String,
    for_good: bool,
}

impl<'c> NodeResourcesFit<'c> {
    fn lacks(&self, node: &NodeInfo<'c>) -> Vec<Lack> {
        let mut lacks = Vec::new();
        if node.pods.len() as i64 + 1 > node.allowed_pods {
            lacks.push(Lack { reason: "Too many pods".to_owned(), for_good: false });
        }
        if self.request.is_empty() {
            return lacks;
        }
        let (has, used, wants) = (&*node.allocatable, &node.requested, &self.request);
        let mut check = |name: &str, wants: i64, has: i64, used: i64| {
            if wants > 0 && wants > has.saturating_sub(used) {
                lacks.push(Lack { reason: format!("Insufficient {name}"), for_good: wants > has });
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

impl<'c> Filter<'c> for NodeResourcesFit<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        let lacks = self.lacks(node);
        let pods_complete = self.cluster.pods_complete();
        if lacks.is_empty() {
            return if pods_complete { Ok(()) } else { Err(Status::unknown("not every pod could be read")) };
        }
        let for_good = lacks.iter().any(|lack| lack.for_good) && release::allocatable_is_final(self.cluster.version);
        Err(Status {
            code: if for_good { Code::Unresolvable } else { Code::Unschedulable },
            reasons: lacks.into_iter().map(|lack| lack.reason.into()).collect(),
            partial: !pods_complete,
        })
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
