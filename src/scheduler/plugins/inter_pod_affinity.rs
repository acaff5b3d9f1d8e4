//! `plugins/interpodaffinity`: required affinity and anti-affinity, in both directions.

mod obstacles;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use crate::model::meta::Map;
use crate::model::pod::PodAffinityTerm;
use crate::model::selector::matches;
use crate::model::{Node, Pod};
use crate::scheduler::cluster::{Cluster, NodeInfo, PodInfo};
use crate::scheduler::framework::{Cycle, Decision, Filter, Move, PreFilter, Status};
use crate::scheduler::obstacle::Obstacle;
use obstacles::Holders;

pub(crate) const NAME: &str = "InterPodAffinity";

/// Why the plugin rejects a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No pod that the pod's affinity asks for is in the node's domain.
    Affinity,
    /// A pod that the pod's anti-affinity forbids is in the node's domain.
    AntiAffinity,
    /// The anti-affinity of a pod in the node's domain forbids the pod.
    ExistingAntiAffinity,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::Affinity => "node(s) didn't match pod affinity rules".into(),
            Reason::AntiAffinity => "node(s) didn't match pod anti-affinity rules".into(),
            Reason::ExistingAntiAffinity => "node(s) didn't satisfy existing pods anti-affinity rules".into(),
        }
    }
}

/// Counts by topology key and value; what a dry run changes lies over the shared part.
#[derive(Clone, Default)]
struct Counts<'c> {
    shared: Rc<HashMap<(&'c str, &'c str), i64>>,
    changed: HashMap<(&'c str, &'c str), i64>,
}

impl<'c> Counts<'c> {
    fn of(&self, pair: (&str, &str)) -> i64 {
        self.shared.get(&pair).copied().unwrap_or(0) + self.changed.get(&pair).copied().unwrap_or(0)
    }

    fn change(&mut self, pair: (&'c str, &'c str), delta: i64) {
        *self.changed.entry(pair).or_default() += delta;
    }

    fn is_empty(&self) -> bool {
        self.shared.keys().chain(self.changed.keys()).all(|pair| self.of(*pair) == 0)
    }

    fn keep(self) -> Self {
        Self { shared: Rc::new(self.changed), changed: HashMap::new() }
    }
}

/// A term of the pod to be scheduled, with the namespaces that it means.
pub(in crate::scheduler) struct Term<'c> {
    pub(in crate::scheduler) term: &'c PodAffinityTerm,
    namespaces: BTreeSet<String>,
    /// Whether the namespace selector also matches a namespace without labels. Upstream forgets to reset the selector
    /// once it is resolved and matches it against no labels, so such a selector means every namespace.
    every_namespace: bool,
}

impl<'c> Term<'c> {
    pub(in crate::scheduler) fn new(
        cluster: &Cluster<'_>,
        pod: &Pod,
        term: &'c PodAffinityTerm,
    ) -> Result<Self, Status> {
        let mut namespaces: BTreeSet<String> = term.namespaces.iter().cloned().collect();
        let selector = term.namespace_selector.as_ref();
        if namespaces.is_empty() && selector.is_none() {
            namespaces.insert(pod.metadata.namespace.clone());
        }
        if let Some(selector) = selector.filter(|selector| !selector.is_empty()) {
            if !cluster.snapshot.namespaces.complete() {
                return Err(Status::unknown("the namespaces could not be read"));
            }
            let all = cluster.snapshot.namespaces.seen().iter();
            let matching = all.filter(|namespace| selector.matches(&namespace.metadata.labels));
            namespaces.extend(matching.map(|namespace| namespace.metadata.name.clone()));
        }
        Ok(Self { term, namespaces, every_namespace: matches(selector, &Map::new()) })
    }

    pub(in crate::scheduler) fn matches(&self, pod: &Pod) -> bool {
        (self.every_namespace || self.namespaces.contains(&pod.metadata.namespace))
            && matches(self.term.label_selector.as_ref(), &pod.metadata.labels)
    }
}

/// Whether a term of an existing pod means the pod to be scheduled, whose namespace has these labels.
pub(in crate::scheduler) fn existing_term_matches(
    term: &PodAffinityTerm,
    owner: &Pod,
    pod: &Pod,
    namespace_labels: &Map,
) -> bool {
    let in_namespace = if term.namespaces.is_empty() && term.namespace_selector.is_none() {
        owner.metadata.namespace == pod.metadata.namespace
    } else {
        term.namespaces.contains(&pod.metadata.namespace) || matches(term.namespace_selector.as_ref(), namespace_labels)
    };
    in_namespace && matches(term.label_selector.as_ref(), &pod.metadata.labels)
}

struct Terms<'c> {
    affinity: Vec<Term<'c>>,
    anti_affinity: Vec<Term<'c>>,
    namespace_labels: Map,
    /// Whether the pod matches all of its own affinity terms: it may then be the first of its kind.
    matches_itself: bool,
}

#[derive(Clone)]
struct InterPodAffinity<'c> {
    pod: &'c Pod,
    terms: Rc<Terms<'c>>,
    existing_anti_affinity: Counts<'c>,
    affinity: Counts<'c>,
    anti_affinity: Counts<'c>,
    pods_complete: bool,
    cluster: &'c Cluster<'c>,
    /// Found where obstacles are asked for; without the pods of dry runs.
    holders: Rc<OnceCell<Holders<'c>>>,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let (cluster, pod) = (cycle.cluster, cycle.pod);
    let terms = |list: &'c [PodAffinityTerm]| -> Result<Vec<Term<'c>>, Status> {
        list.iter().map(|term| Term::new(cluster, pod, term)).collect()
    };
    let (affinity, anti_affinity) = match (terms(pod.spec.affinity_terms()), terms(pod.spec.anti_affinity_terms())) {
        (Ok(affinity), Ok(anti_affinity)) => (affinity, anti_affinity),
        (Err(status), _) | (_, Err(status)) => return PreFilter::Reject(status),
    };
    let namespace_labels = match namespace_labels(cluster, pod) {
        Ok(labels) => labels,
        Err(status) => return PreFilter::Reject(status),
    };
    let matches_itself = !affinity.is_empty() && affinity.iter().all(|term| term.matches(pod));
    let mut filter = InterPodAffinity {
        pod,
        terms: Rc::new(Terms { affinity, anti_affinity, namespace_labels, matches_itself }),
        existing_anti_affinity: Counts::default(),
        affinity: Counts::default(),
        anti_affinity: Counts::default(),
        pods_complete: cluster.pods_complete(),
        cluster,
        holders: Rc::default(),
    };
    filter.count(cluster);
    let idle = filter.terms.affinity.is_empty()
        && filter.terms.anti_affinity.is_empty()
        && filter.existing_anti_affinity.shared.is_empty();
    if idle && filter.pods_complete { PreFilter::Skip } else { PreFilter::Filter(Box::new(filter)) }
}

/// The labels of the pod's namespace; upstream assumes none where the namespace isn't there. Unknown labels matter only
/// where some existing pod selects namespaces by label.
fn namespace_labels(cluster: &Cluster<'_>, pod: &Pod) -> Result<Map, Status> {
    match cluster.snapshot.labels_of_namespace(&pod.metadata.namespace) {
        Some(labels) => Ok(labels),
        None if selects_namespaces(cluster) => Err(Status::unknown("the pod's namespace could not be read")),
        None => Ok(Map::new()),
    }
}

fn selects_namespaces(cluster: &Cluster<'_>) -> bool {
    let pods = cluster.nodes.iter().flat_map(|node| &node.anti_affine);
    let mut terms = pods.flat_map(|info| info.pod.spec.anti_affinity_terms());
    terms.any(|term| term.namespace_selector.as_ref().is_some_and(|selector| !selector.is_empty()))
}

impl<'c> InterPodAffinity<'c> {
    fn count(&mut self, cluster: &'c Cluster<'c>) {
        for node in &cluster.nodes {
            for info in &node.anti_affine {
                self.count_existing(info, node.node, 1);
            }
        }
        if !self.terms.affinity.is_empty() || !self.terms.anti_affinity.is_empty() {
            for node in &cluster.nodes {
                for info in &node.pods {
                    self.count_incoming(info, node.node, 1);
                }
            }
        }
        for counts in [&mut self.existing_anti_affinity, &mut self.affinity, &mut self.anti_affinity] {
            *counts = std::mem::take(counts).keep();
        }
    }

    /// Counts a pod whose anti-affinity means the pod to be scheduled.
    fn count_existing(&mut self, info: &PodInfo<'c>, node: &'c Node, delta: i64) {
        for term in info.pod.spec.anti_affinity_terms() {
            if let Some(pair) = pair(term, node)
                && existing_term_matches(term, info.pod, self.pod, &self.terms.namespace_labels)
            {
                self.existing_anti_affinity.change(pair, delta);
            }
        }
    }

    /// Counts a pod that the terms of the pod to be scheduled mean.
    fn count_incoming(&mut self, info: &PodInfo<'c>, node: &'c Node, delta: i64) {
        let terms = Rc::clone(&self.terms);
        if !terms.affinity.is_empty() && terms.affinity.iter().all(|term| term.matches(info.pod)) {
            for pair in terms.affinity.iter().filter_map(|term| pair(term.term, node)) {
                self.affinity.change(pair, delta);
            }
        }
        for term in terms.anti_affinity.iter().filter(|term| term.matches(info.pod)) {
            if let Some(pair) = pair(term.term, node) {
                self.anti_affinity.change(pair, delta);
            }
        }
    }

    fn affinity_holds(&self, node: &Node) -> bool {
        let mut exist = true;
        for term in &self.terms.affinity {
            match pair(term.term, node) {
                Some(pair) => exist &= self.affinity.of(pair) > 0,
                None => return false,
            }
        }
        exist || self.affinity.is_empty() && self.terms.matches_itself
    }

    fn lacks_affinity_key(&self, node: &Node) -> bool {
        self.terms.affinity.iter().any(|term| pair(term.term, node).is_none())
    }
}

fn pair<'c>(term: &'c PodAffinityTerm, node: &'c Node) -> Option<(&'c str, &'c str)> {
    let value = node.metadata.labels.get(&term.topology_key)?;
    Some((term.topology_key.as_str(), value.as_str()))
}

impl<'c> Filter<'c> for InterPodAffinity<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        if !self.affinity_holds(node.node) {
            if !self.pods_complete && !self.lacks_affinity_key(node.node) {
                return Err(Status::unknown("not every pod could be read"));
            }
            return Err(Status::unresolvable(Reason::Affinity));
        }
        let own = self.terms.anti_affinity.iter().filter_map(|term| {
            let value = node.node.metadata.labels.get(&term.term.topology_key)?;
            Some(self.anti_affinity.of((&term.term.topology_key, value)))
        });
        if own.into_iter().any(|count| count > 0) {
            return Err(Status { partial: !self.pods_complete, ..Status::unschedulable(Reason::AntiAffinity) });
        }
        let labels = &node.node.metadata.labels;
        if labels.iter().any(|(key, value)| self.existing_anti_affinity.of((key, value)) > 0) {
            return Err(Status { partial: !self.pods_complete, ..Status::unschedulable(Reason::ExistingAntiAffinity) });
        }
        if self.pods_complete { Ok(()) } else { Err(Status::unknown("not every pod could be read")) }
    }

    fn moved(&mut self, pod: &PodInfo<'c>, node: &NodeInfo<'c>, change: Move) {
        self.count_existing(pod, node.node, change.delta());
        self.count_incoming(pod, node.node, change.delta());
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        self.against(node)
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
