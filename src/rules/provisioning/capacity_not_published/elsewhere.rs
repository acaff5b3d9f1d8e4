//! Capacity that is published for topology which no node has.

use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::text::names;
use crate::model::{CsiStorageCapacity, Kind, ObjectRef};
use crate::rules::provisioning::capacity::Shortage;

/// Objects and nodes that are shown.
const SHOWN: usize = 3;

/// Capacity that is published for the classes, and for no node that there is.
pub(super) struct Elsewhere {
    /// `what is published is for openebs.io/nodeid n1 and n2, which no node has`.
    pub(super) text: String,
    pub(super) facts: Vec<Evidence>,
}

/// Capacity for topology that no node has (any more), with what the nodes have in its stead.
pub(super) fn published_elsewhere(cx: &Context<'_>, shortages: &[Shortage<'_, '_>]) -> Option<Elsewhere> {
    let nodes = cx.snapshot.nodes.all()?;
    let class = |object: &CsiStorageCapacity| {
        shortages.iter().any(|shortage| shortage.class.metadata.name == object.storage_class_name)
    };
    let topology = |object: &'_ CsiStorageCapacity| -> Option<(String, String)> {
        let selector = object.node_topology.as_ref()?;
        let nobody = !nodes.iter().any(|node| selector.matches(&node.metadata.labels));
        let (key, value) = selector.match_labels.iter().next().filter(|_| nobody)?;
        Some((key.clone(), value.clone()))
    };
    let all = cx.snapshot.capacities.seen().iter().filter(|object| class(object));
    let lost: Vec<(&CsiStorageCapacity, (String, String))> =
        all.filter_map(|object| Some((&**object, topology(object)?))).collect();
    let key = lost.first().map(|(_, (key, _))| key.clone())?;
    let mut values: Vec<&str> =
        lost.iter().filter(|(_, (own, _))| *own == key).map(|(_, (_, value))| value.as_str()).collect();
    values.sort_unstable();
    values.truncate(SHOWN);
    let text = format!("what is published is for {key} {}, which no node has", names(&values));
    let object = |object: &CsiStorageCapacity| {
        ObjectRef::new(Kind::CSIStorageCapacity, &object.metadata.namespace, &object.metadata.name)
    };
    let published = lost.iter().take(SHOWN).map(|(it, (key, value))| {
        let path = format!("nodeTopology.matchLabels[{key}]");
        Context::fact(object(it), &path, value.clone(), "it selects no node")
    });
    let path = format!("metadata.labels[{key}]");
    let labelled = shortages.iter().flat_map(|shortage| shortage.unpublished.iter().copied()).filter_map(|name| {
        let value = cx.snapshot.nodes.get("", name).found()?.metadata.labels.get(&key)?;
        Some(Context::fact(ObjectRef::new(Kind::Node, "", name), &path, value.clone(), "what the node has instead"))
    });
    let facts = published.chain(labelled.take(SHOWN)).collect();
    Some(Elsewhere { text, facts })
}
