//! `plugins/nodeaffinity`: node selectors and required node affinity.

mod obstacles;

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::pod::PodSpec;
use crate::model::selector::{NodeSelector, NodeSelectorTerm};
use crate::model::{Node, Pod};
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::{Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::obstacle::Obstacle;
pub(crate) use obstacles::behind;

pub(crate) const NAME: &str = "NodeAffinity";

/// Why the plugin rejects a node or the pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The pod's node selector or required node affinity doesn't match.
    Selector,
    /// The scheduler's configuration adds an affinity that doesn't match.
    Enforced,
    /// No term of the pod's affinity can match any node.
    Conflict,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::Selector => "node(s) didn't match Pod's node affinity/selector".into(),
            Reason::Enforced => "node(s) didn't match scheduler-enforced node affinity".into(),
            Reason::Conflict => "pod affinity terms conflict".into(),
        }
    }
}

#[derive(Clone)]
struct NodeAffinity<'c> {
    pod: &'c Pod,
    added: Option<&'c NodeSelector>,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let spec = &cycle.pod.spec;
    let added = cycle.profile.added_affinity.as_ref();
    let required = spec.required_node_affinity();
    if required.is_none() && added.is_none() && spec.node_selector.is_empty() {
        return PreFilter::Skip;
    }
    let filter = Box::new(NodeAffinity { pod: cycle.pod, added });
    match required.and_then(|required| named_nodes(&required.node_selector_terms)) {
        Some(names) if names.is_empty() => PreFilter::Reject(Status::unresolvable(Reason::Conflict)),
        Some(names) => PreFilter::FilterAmong(filter, names),
        None => PreFilter::Filter(filter),
    }
}

/// The nodes that the terms name, where every term names some (the pods of a DaemonSet).
fn named_nodes(terms: &[NodeSelectorTerm]) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for term in terms {
        let mut fields =
            term.match_fields.iter().filter(|field| field.key == "metadata.name" && field.operator == "In");
        let mut of_term: BTreeSet<&String> = fields.next()?.values.iter().collect();
        for field in fields {
            of_term.retain(|name| field.values.contains(name));
        }
        names.extend(of_term.into_iter().cloned());
    }
    (!terms.is_empty()).then_some(names)
}

/// Whether the pod's node selector and required node affinity match a node.
pub(crate) fn matches(spec: &PodSpec, node: &Node) -> bool {
    let labels = &node.metadata.labels;
    spec.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        && spec.required_node_affinity().is_none_or(|required| required.matches(&node.metadata.name, labels))
}

impl<'c> Filter<'c> for NodeAffinity<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        if self.added.is_some_and(|added| !added.matches(node.name(), &node.node.metadata.labels)) {
            return Err(Status::unresolvable(Reason::Enforced));
        }
        if matches(&self.pod.spec, node.node) { Ok(()) } else { Err(Status::unresolvable(Reason::Selector)) }
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        self.against(node)
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
