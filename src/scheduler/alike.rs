//! Many pods with the same needs, placed one after the other without judging every node again for each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::cluster::NodeInfo;
use super::framework::{Preparation, Prepared};
use super::{Scheduler, needs, nominated, plugins, score};
use crate::model::Pod;

/// Where a pod goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) node: String,
    /// Its claims that bind then, each with the volume that is there for it; `None` where one is to be made.
    pub(crate) volumes: Vec<(String, Option<String>)>,
}

/// How good a node is: the fewer pods of the same controller the better, then the more that is left.
type Rank = (Reverse<usize>, i64, Reverse<usize>);

impl<'a> Scheduler<'a> {
    /// Whether nothing but what is on a node decides whether it takes the pod, so that placing the pod elsewhere changes
    /// nothing for the node.
    pub(crate) fn local(&self, pod: &Pod) -> bool {
        let spec = &pod.spec;
        let hard = |constraints: &[crate::model::pod::TopologySpreadConstraint]| {
            constraints.iter().any(|one| one.when_unsatisfiable == "DoNotSchedule")
        };
        let profile = self.config.position(pod).map(|position| &self.config.profiles[position]);
        spec.affinity_terms().is_empty()
            && spec.anti_affinity_terms().is_empty()
            && spec.resource_claims.is_empty()
            && spec.scheduling_gates.is_empty()
            && !hard(&spec.topology_spread_constraints)
            && profile.is_some_and(|profile| !hard(&profile.default_constraints) && profile.foreign_plugins.is_empty())
            && self.extender(pod).is_none()
    }

    /// What tells pods with other needs apart.
    pub(crate) fn needs(&self, pod: &Pod) -> String {
        needs::key(&self.cluster, pod, self.spreads_by_default(pod))
    }

    /// Places pods with the same needs, all of them local, one after the other as far as there is room; the scheduler
    /// takes each as placed then. Ends at the first that no node takes for certain, and behind one that takes a volume
    /// which exists.
    pub(crate) fn place_alike(&mut self, pods: &[&'a Pod]) -> Vec<Place> {
        let mut places = Vec::new();
        let Some(first) = pods.first() else { return places };
        let mut ranks = self.ranks(first);
        for pod in pods {
            let Some((position, place)) = self.next_place(pod, &mut ranks) else { break };
            self.cluster.assume(pod, &place.node);
            self.spend(pod, &place);
            self.verdicts.get_mut().clear();
            ranks.extend(self.rank(pod, position));
            let exists = place.volumes.iter().any(|(_, volume)| volume.is_some());
            places.push(place);
            if exists {
                break;
            }
        }
        places
    }

    /// Every node that takes the pod at the moment.
    fn ranks(&self, pod: &Pod) -> BinaryHeap<Rank> {
        let Some(cycle) = self.cycle(pod) else { return BinaryHeap::new() };
        let Preparation::Ready(prepared) = plugins::prepare(&cycle) else { return BinaryHeap::new() };
        let nodes = self.cluster.nodes.iter().enumerate();
        let positions = nodes.filter(|(_, node)| self.takes(pod, &prepared, node));
        positions.filter_map(|(position, _)| self.rank(pod, position)).collect()
    }

    fn takes<'c>(&'c self, pod: &Pod, prepared: &Prepared<'c>, node: &NodeInfo<'c>) -> bool {
        let among = prepared.among.as_ref().is_none_or(|(names, _)| names.contains(node.name()));
        among && nominated::filter(&self.cluster, pod, prepared, node).is_ok()
    }

    fn rank(&self, pod: &Pod, position: usize) -> Option<Rank> {
        let (cycle, node) = (self.cycle(pod)?, self.cluster.nodes.get(position)?);
        let owner = pod.metadata.controller().map(|owner| owner.uid.as_str());
        let same = node
            .pods
            .iter()
            .filter(|info| owner.is_some() && info.pod.metadata.controller().map(|owner| owner.uid.as_str()) == owner);
        Some((Reverse(same.count()), score::left(&cycle, node), Reverse(position)))
    }

    /// The best node that still takes the pod.
    fn next_place(&self, pod: &Pod, ranks: &mut BinaryHeap<Rank>) -> Option<(usize, Place)> {
        let cycle = self.cycle(pod)?;
        let Preparation::Ready(prepared) = plugins::prepare(&cycle) else { return None };
        loop {
            let (_, _, Reverse(position)) = ranks.pop()?;
            let node = self.cluster.nodes.get(position)?;
            if self.takes(pod, &prepared, node) {
                let volumes = plugins::volume_binding::choices(&self.cluster, pod, node.node);
                return Some((position, Place { node: node.name().to_owned(), volumes }));
            }
        }
    }

    /// Counts the volumes that are made for a pod against what drivers publish.
    fn spend(&mut self, pod: &Pod, place: &Place) {
        let snapshot = self.cluster.snapshot;
        let Some(node) = snapshot.nodes.get("", &place.node).found() else { return };
        for (name, _) in place.volumes.iter().filter(|(_, volume)| volume.is_none()) {
            let Some(claim) = snapshot.claims.get(&pod.metadata.namespace, name).found() else { continue };
            let bytes = claim.request().map_or(0, crate::model::Quantity::value);
            self.cluster.spend(claim.class(), node, bytes);
        }
    }
}
