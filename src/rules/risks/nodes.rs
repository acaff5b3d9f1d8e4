//! On which node a volume lies, where it lies on one alone.

use std::collections::HashMap;

use crate::diagnosis::context::Context;
use crate::model::selector::{NodeSelectorTerm, Requirement};
use crate::model::{Node, Volume};

const HOSTNAME: &str = "kubernetes.io/hostname";

/// Where the only copy of a volume's data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place<'a> {
    /// On this node.
    Node(&'a str),
    /// On whichever node its pod runs: a folder of the host.
    OfThePod,
}

/// The nodes by their labels.
pub(super) struct Nodes<'a> {
    by_label: HashMap<(&'a str, &'a str), Vec<&'a Node>>,
    complete: bool,
}

impl<'a> Nodes<'a> {
    pub(super) fn new(cx: &Context<'a>) -> Self {
        let mut by_label: HashMap<(&str, &str), Vec<&Node>> = HashMap::new();
        for node in cx.snapshot.nodes.seen() {
            for (key, value) in &node.metadata.labels {
                by_label.entry((key, value)).or_default().push(node);
            }
        }
        Self { by_label, complete: cx.snapshot.nodes.complete() }
    }

    /// Where a volume of a node's disk is; `None` for volumes that several nodes reach, and for what lies in the network.
    pub(super) fn place(&self, volume: &'a Volume) -> Option<Place<'a>> {
        let spec = &volume.spec;
        if spec.csi.is_none() && spec.local.is_none() && spec.host_path.is_none() {
            return None;
        }
        let terms = volume.required_node_affinity().map(|affinity| affinity.node_selector_terms.as_slice());
        match terms.unwrap_or_default() {
            [] => spec.host_path.is_some().then_some(Place::OfThePod),
            [first, others @ ..] => {
                let node = self.pinned(first)?;
                others.iter().all(|term| self.pinned(term) == Some(node)).then_some(Place::Node(node))
            }
        }
    }

    /// The one node that a term lets in by something that is the node's own.
    fn pinned(&self, term: &'a NodeSelectorTerm) -> Option<&'a str> {
        let field = term.match_fields.iter().filter(|field| field.key == "metadata.name").find_map(only_value);
        field.or_else(|| term.match_expressions.iter().find_map(|label| self.own(&label.key, only_value(label)?)))
    }

    /// The node whose own a label is: its hostname, or one with its name as the value or a node in its key. A zone that
    /// happens to have one node is not a node's own. Without the nodes only the hostname tells.
    fn own(&self, key: &str, value: &'a str) -> Option<&'a str> {
        let nodes = self.by_label.get(&(key, value)).map_or(&[][..], Vec::as_slice);
        let [node] = nodes else {
            return (nodes.is_empty() && !self.complete && key == HOSTNAME).then_some(value);
        };
        let last = key.rsplit('/').next().unwrap_or(key).to_ascii_lowercase();
        let named = value == node.metadata.name
            || node.metadata.labels.get(HOSTNAME).is_some_and(|hostname| hostname == value)
            || self.complete && (last.contains("node") || last.contains("host"));
        named.then_some(node.metadata.name.as_str())
    }
}

fn only_value(requirement: &Requirement) -> Option<&str> {
    match requirement.values.as_slice() {
        [value] if requirement.operator == "In" => Some(value),
        _ => None,
    }
}
