//! `plugins/podtopologyspread`: constraints that forbid an uneven spread (`whenUnsatisfiable: DoNotSchedule`).

mod obstacles;

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use super::{node_affinity, taint_toleration};
use crate::model::pod::TopologySpreadConstraint;
use crate::model::selector::{LabelSelector, Requirement};
use crate::model::version::Version;
use crate::model::{Node, Pod};
use crate::scheduler::cluster::{Cluster, NodeInfo, PodInfo};
use crate::scheduler::framework::{Cycle, Decision, Filter, Move, PreFilter, Status};
use crate::scheduler::obstacle::Obstacle;
use crate::scheduler::release;

pub(crate) const NAME: &str = "PodTopologySpread";

/// Why the plugin rejects a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The pod would make the spread uneven.
    Skew,
    /// The node lacks the label of a constraint's topology key.
    MissingLabel,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::Skew => "node(s) didn't match pod topology spread constraints".into(),
            Reason::MissingLabel => {
                "node(s) didn't match pod topology spread constraints (missing required label)".into()
            }
        }
    }
}

struct Constraint<'c> {
    /// Its position among the pod's own constraints; `None` for one of the profile's.
    own: Option<usize>,
    key: &'c str,
    max_skew: i64,
    min_domains: usize,
    honors_affinity: bool,
    honors_taints: bool,
    /// `None` matches nothing.
    selector: Option<LabelSelector>,
    matches_self: bool,
}

/// Counts of one constraint, by domain; what a dry run changes lies over the shared part.
#[derive(Clone)]
struct Counts<'c> {
    shared: Rc<HashMap<&'c str, i64>>,
    changed: Vec<(&'c str, i64)>,
    /// The two domains with the fewest pods, upstream's `criticalPaths`: enough for the minimum while pods of one
    /// domain are moved.
    fewest: [(Option<&'c str>, i64); 2],
}

#[derive(Clone)]
struct PodTopologySpread<'c> {
    pod: &'c Pod,
    constraints: Rc<Vec<Constraint<'c>>>,
    counts: Vec<Counts<'c>>,
    certain: bool,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let constraints = match constraints(cycle) {
        Ok(constraints) if constraints.is_empty() => return PreFilter::Skip,
        Ok(constraints) => constraints,
        Err(status) => return PreFilter::Reject(status),
    };
    let counts = constraints.iter().map(|c| count(cycle.cluster, cycle.pod, &constraints, c)).collect();
    PreFilter::Filter(Box::new(PodTopologySpread {
        pod: cycle.pod,
        constraints: Rc::new(constraints),
        counts,
        certain: cycle.cluster.snapshot.pods.covers(&cycle.pod.metadata.namespace),
    }))
}

/// The pod's own constraints, or the profile's where the pod has none at all.
fn constraints<'c>(cycle: &Cycle<'c>) -> Result<Vec<Constraint<'c>>, Status> {
    let version = cycle.cluster.version;
    let own = &cycle.pod.spec.topology_spread_constraints;
    if own.is_empty() && !cycle.profile.default_constraints.is_empty() {
        return crate::scheduler::default_spread::constraints(cycle).map(|(selector, list)| {
            list.iter()
                .map(|constraint| Constraint::new(version, None, constraint, cycle.pod, Some(selector.clone())))
                .collect()
        });
    }
    Ok(own
        .iter()
        .enumerate()
        .filter(|(_, constraint)| constraint.when_unsatisfiable == "DoNotSchedule")
        .map(|(own, constraint)| {
            Constraint::new(version, Some(own), constraint, cycle.pod, constraint.label_selector.clone())
        })
        .collect())
}

impl<'c> Constraint<'c> {
    fn new(
        version: Version,
        own: Option<usize>,
        constraint: &'c TopologySpreadConstraint,
        pod: &Pod,
        selector: Option<LabelSelector>,
    ) -> Self {
        let newer = release::newer_spread(version);
        let policies = release::spread_inclusion_policies(version);
        let selector = selector.map(|mut selector| {
            for key in constraint.match_label_keys.iter().filter(|_| newer) {
                if let Some(value) = pod.metadata.labels.get(key) {
                    selector.match_expressions.push(Requirement {
                        key: key.clone(),
                        operator: "In".to_owned(),
                        values: vec![value.clone()],
                    });
                }
            }
            selector
        });
        Self {
            own,
            key: &constraint.topology_key,
            max_skew: i64::from(constraint.max_skew),
            min_domains: usize::try_from(constraint.min_domains.filter(|_| newer).unwrap_or(1)).unwrap_or(1),
            honors_affinity: !policies || constraint.node_affinity_policy.as_deref() != Some("Ignore"),
            honors_taints: policies && constraint.node_taints_policy.as_deref() == Some("Honor"),
            matches_self: selector.as_ref().is_some_and(|selector| selector.matches(&pod.metadata.labels)),
            selector,
        }
    }

    /// Whether a node counts for this constraint by its inclusion policies.
    fn includes(&self, pod: &Pod, node: &Node) -> bool {
        (!self.honors_affinity || node_affinity::matches(&pod.spec, node))
            && (!self.honors_taints
                || taint_toleration::untolerated(&node.spec.taints, &pod.spec.tolerations).is_none())
    }

    fn selects(&self, pod: &Pod) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(&pod.metadata.labels))
    }
}

/// Whether a node has every topology key: one that lacks any is left out of all constraints.
fn has_all_keys(constraints: &[Constraint<'_>], node: &Node) -> bool {
    constraints.iter().all(|constraint| node.metadata.labels.contains_key(constraint.key))
}

fn count<'c>(cluster: &'c Cluster<'c>, pod: &Pod, all: &[Constraint<'c>], constraint: &Constraint<'c>) -> Counts<'c> {
    let selector_is_empty =
        constraint.selector.as_ref().is_some_and(LabelSelector::is_empty) && release::newer_spread(cluster.version);
    let mut counts: HashMap<&'c str, i64> = HashMap::new();
    for node in &cluster.nodes {
        if !has_all_keys(all, node.node) || !constraint.includes(pod, node.node) {
            continue;
        }
        let here = node.pods.iter().filter(|info| {
            let other = &info.pod.metadata;
            !selector_is_empty
                && !other.deleting()
                && other.namespace == pod.metadata.namespace
                && constraint.selects(info.pod)
        });
        *counts.entry(node.node.metadata.labels[constraint.key].as_str()).or_default() += here.count() as i64;
    }
    let mut fewest = [(None, i64::from(i32::MAX)); 2];
    for (domain, number) in &counts {
        update(&mut fewest, domain, *number);
    }
    Counts { shared: Rc::new(counts), changed: Vec::new(), fewest }
}

fn update<'c>(fewest: &mut [(Option<&'c str>, i64); 2], domain: &'c str, number: i64) {
    if let Some(known) = fewest.iter().position(|(name, _)| *name == Some(domain)) {
        fewest[known].1 = number;
        if fewest[0].1 > fewest[1].1 {
            fewest.swap(0, 1);
        }
    } else if number < fewest[0].1 {
        fewest[1] = fewest[0];
        fewest[0] = (Some(domain), number);
    } else if number < fewest[1].1 {
        fewest[1] = (Some(domain), number);
    }
}

impl<'c> Counts<'c> {
    fn of(&self, domain: &str) -> i64 {
        let changed = self.changed.iter().find(|(name, _)| *name == domain).map(|(_, number)| *number);
        changed.or_else(|| self.shared.get(domain).copied()).unwrap_or(0)
    }

    fn domains(&self) -> usize {
        self.shared.len() + self.changed.iter().filter(|(name, _)| !self.shared.contains_key(name)).count()
    }

    fn smallest(&self, min_domains: usize) -> i64 {
        if self.domains() < min_domains { 0 } else { self.fewest[0].1 }
    }

    fn change(&mut self, domain: &'c str, delta: i64) {
        let number = self.of(domain) + delta;
        match self.changed.iter_mut().find(|(name, _)| *name == domain) {
            Some(entry) => entry.1 = number,
            None => self.changed.push((domain, number)),
        }
        update(&mut self.fewest, domain, number);
    }
}

impl<'c> Filter<'c> for PodTopologySpread<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        for (constraint, counts) in self.constraints.iter().zip(&self.counts) {
            let Some(domain) = node.node.metadata.labels.get(constraint.key) else {
                return Err(Status::unresolvable(Reason::MissingLabel));
            };
            if !self.certain {
                continue;
            }
            let own = i64::from(constraint.matches_self);
            if counts.of(domain) + own - counts.smallest(constraint.min_domains) > constraint.max_skew {
                return Err(Status::unschedulable(Reason::Skew));
            }
        }
        if self.certain { Ok(()) } else { Err(Status::unknown("not every pod of the namespace could be read")) }
    }

    fn moved(&mut self, pod: &PodInfo<'c>, node: &NodeInfo<'c>, change: Move) {
        if pod.pod.metadata.namespace != self.pod.metadata.namespace || !has_all_keys(&self.constraints, node.node) {
            return;
        }
        for (constraint, counts) in self.constraints.iter().zip(&mut self.counts) {
            if constraint.selects(pod.pod) && constraint.includes(self.pod, node.node) {
                counts.change(&node.node.metadata.labels[constraint.key], change.delta());
            }
        }
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        self.against(node)
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
