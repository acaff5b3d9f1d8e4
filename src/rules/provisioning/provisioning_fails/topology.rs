//! Where a class lets volumes be made, held against where its driver can make them.

use std::collections::BTreeSet;

use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::model::{Kind, ObjectRef, StorageClass};
use crate::volumes::migration::allowed_topologies;

/// The topology keys of a driver, with a node that has them; none where the CSINodes were not read, or have none.
fn keys_of<'a>(cx: &Context<'a>, driver: &str) -> Option<(&'a str, &'a [String])> {
    let mut nodes = cx.snapshot.csi_nodes.seen().iter();
    nodes.find_map(|node| {
        let keys = node.driver(driver).map(|driver| &driver.topology_keys[..]).filter(|keys| !keys.is_empty())?;
        Some((node.metadata.name.as_str(), keys))
    })
}

/// The keys that a class allows volumes by, where its driver has not one of them on a node.
pub(super) fn foreign_keys(cx: &Context<'_>, driver: &str, class: &StorageClass) -> Vec<String> {
    let complete = cx.snapshot.csi_nodes.complete() && !cx.snapshot.csi_nodes.presumed();
    let nodes = || cx.snapshot.csi_nodes.seen().iter().filter_map(|node| node.driver(driver));
    let known: BTreeSet<&String> = nodes().flat_map(|driver| &driver.topology_keys).collect();
    let terms = allowed_topologies(class).unwrap_or_default();
    let asked: BTreeSet<String> =
        terms.into_iter().flat_map(|term| term.match_label_expressions).map(|it| it.key).collect();
    match complete && !known.is_empty() && !asked.iter().any(|key| known.contains(key)) {
        true => asked.into_iter().collect(),
        false => Vec::new(),
    }
}

/// What the class allows and what the driver has.
pub(super) fn facts(cx: &Context<'_>, driver: &str, class: &StorageClass) -> Vec<Evidence> {
    let mut facts = Vec::new();
    if !class.allowed_topologies.is_empty() {
        let terms = class.allowed_topologies.iter().flat_map(|term| &term.match_label_expressions);
        let terms: Vec<String> = terms.map(|term| format!("{} in ({})", term.key, term.values.join(", "))).collect();
        let object = ObjectRef::new(Kind::StorageClass, "", &class.metadata.name);
        facts.push(Context::fact(object, "allowedTopologies", terms.join("; "), "where volumes may be made"));
    }
    if let Some((node, keys)) = keys_of(cx, driver) {
        let object = ObjectRef::new(Kind::CSINode, "", node);
        let note = format!("the labels by which driver {driver} tells where a node can have volumes");
        facts.push(Context::fact(object, "spec.drivers[].topologyKeys", keys.join(", "), note));
    }
    facts
}
