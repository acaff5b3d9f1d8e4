//! What is published about free storage, for the claims of blocked pods, node by node.

use std::collections::BTreeSet;

use crate::diagnosis::context::{Context, PodGroup};
use crate::model::{Claim, CsiStorageCapacity, Kind, ObjectRef, Quantity, StorageClass};

use crate::scheduler::reasons::VolumeBinding;
use crate::scheduler::{NodeVerdict, Reason};

/// What the nodes that lack storage for a claim show.
pub(in crate::rules) struct Shortage<'c, 'a> {
    pub(in crate::rules) group: &'c PodGroup<'a>,
    pub(in crate::rules) claim: &'a Claim,
    pub(in crate::rules) class: &'a StorageClass,
    /// Nodes with the driver for which nothing is published.
    pub(in crate::rules) unpublished: Vec<&'c str>,
    /// Nodes without the driver: nothing is published for them either, and nothing should be.
    pub(in crate::rules) driverless: Vec<&'c str>,
    /// Nodes for which too little is published, with the largest object.
    pub(in crate::rules) small: Vec<(&'c str, &'a CsiStorageCapacity)>,
}

/// The claims of blocked pods that don't get their storage on nodes that the scheduler looked at: of each class the
/// largest claim.
pub(in crate::rules) fn shortages<'c, 'a>(cx: &'c Context<'a>) -> Vec<Shortage<'c, 'a>> {
    let mut shortages = Vec::new();
    for group in cx.blocked() {
        let nodes: Vec<&str> = rejected_for(group, &Reason::VolumeBinding(VolumeBinding::NoSpace))
            .map(|node| node.name.as_str())
            .collect();
        if nodes.is_empty() {
            continue;
        }
        let mut claims = cx.delayed_claims(group.lead());
        claims.sort_by_key(|(claim, _)| std::cmp::Reverse(claim.request().map_or(0, |request| request.value())));
        let mut classes = BTreeSet::new();
        for (claim, class) in claims {
            let driver = cx.snapshot.csi_drivers.get("", &class.provisioner).found();
            if driver.is_none_or(|driver| driver.spec.storage_capacity != Some(true)) {
                continue;
            }
            if classes.insert(class.metadata.name.as_str()) {
                shortages.extend(shortage(cx, group, claim, class, &nodes));
            }
        }
    }
    shortages
}

fn shortage<'c, 'a>(
    cx: &'c Context<'a>,
    group: &'c PodGroup<'a>,
    claim: &'a Claim,
    class: &'a StorageClass,
    nodes: &[&'c str],
) -> Option<Shortage<'c, 'a>> {
    let request = claim.request()?.value();
    let with_driver = cx.index.nodes_with(&class.provisioner);
    let mut found =
        Shortage { group, claim, class, unpublished: Vec::new(), driverless: Vec::new(), small: Vec::new() };
    for name in nodes {
        let Some(node) = cx.snapshot.nodes.get("", name).found() else { continue };
        let objects = cx.scheduler.capacities_on(&class.metadata.name, node);
        let largest = objects.max_by_key(|object| object.limit().map_or(-1, |limit| limit.value()));
        match largest {
            Some(object) if object.limit().is_some_and(|limit| limit.value() >= request) => {}
            Some(object) => found.small.push((name, object)),
            None if with_driver.is_some_and(|nodes| nodes.contains(name)) => found.unpublished.push(name),
            None => found.driverless.push(name),
        }
    }
    let any = !found.unpublished.is_empty() || !found.small.is_empty() || !found.driverless.is_empty();
    any.then_some(found)
}

impl Shortage<'_, '_> {
    /// What the claim asks for, in bytes.
    pub(in crate::rules) fn asked(&self) -> i64 {
        self.claim.request().map_or(0, Quantity::value)
    }

    /// The claims of the same class that the group's pods wait for.
    pub(in crate::rules) fn claims(&self, cx: &Context<'_>) -> Vec<ObjectRef> {
        let delayed = self.group.pods.iter().flat_map(|pod| cx.delayed_claims(pod));
        let same = delayed.filter(|(_, class)| class.metadata.name == self.class.metadata.name);
        same.map(|(claim, _)| crate::diagnosis::context::claim_ref(claim)).collect()
    }

    /// The class as an object of a report.
    pub(in crate::rules) fn class_ref(&self) -> ObjectRef {
        ObjectRef::new(Kind::StorageClass, "", &self.class.metadata.name)
    }
}

/// The nodes of a verdict that were rejected for a reason.
pub(in crate::rules) fn rejected_for<'g>(
    group: &'g PodGroup<'_>,
    reason: &'g Reason,
) -> impl Iterator<Item = &'g NodeVerdict> {
    group.verdict.nodes.iter().filter(move |node| node.reasons.contains(reason))
}
