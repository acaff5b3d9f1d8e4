//! Look-ups that every rule needs, built in one pass over each kind.

use std::collections::{HashMap, HashSet};

use crate::model::{Event, Kind, Meta, ObjectRef, Pod};
use crate::scheduler::offered;
use crate::snapshot::{Histories, History, Snapshot};

/// Namespace, kind and name of an object.
type Key<'a> = (&'a str, &'a str, &'a str);

/// The indexes of a snapshot.
pub(crate) struct Index<'a> {
    users: HashMap<(&'a str, String), Vec<&'a Pod>>,
    by_owner: HashMap<Key<'a>, Vec<&'a Pod>>,
    histories: Histories<'a>,
    driver_nodes: HashMap<&'a str, HashSet<&'a str>>,
    offered: HashSet<&'a str>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let mut index = Self {
            users: HashMap::new(),
            by_owner: HashMap::new(),
            histories: Histories::new(snapshot),
            driver_nodes: HashMap::new(),
            offered: offered(snapshot),
        };
        snapshot.pods.seen().iter().filter(|pod| !pod.finished()).for_each(|pod| index.add_pod(pod));
        for csi_node in snapshot.csi_nodes.seen() {
            for driver in &csi_node.spec.drivers {
                index.driver_nodes.entry(&driver.name).or_default().insert(&csi_node.metadata.name);
            }
        }
        index
    }

    fn add_pod(&mut self, pod: &'a Pod) {
        let namespace = pod.metadata.namespace.as_str();
        for volume in &pod.spec.volumes {
            if let Some(claim) = volume.claim_name(&pod.metadata.name) {
                self.users.entry((namespace, claim)).or_default().push(pod);
            }
        }
        if let Some(owner) = pod.metadata.controller() {
            self.by_owner.entry((namespace, &owner.kind, &owner.name)).or_default().push(pod);
        }
    }

    pub(crate) fn users<'s>(&'s self, namespace: &'s str, claim: &str) -> &'s [&'a Pod] {
        self.users.get(&(namespace, claim.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// The unfinished pods of a controller.
    pub(crate) fn owned<'s>(&'s self, kind: &'s str, namespace: &'s str, name: &'s str) -> &'s [&'a Pod] {
        self.by_owner.get(&(namespace, kind, name)).map_or(&[], Vec::as_slice)
    }

    /// The events about objects of this name, oldest first.
    pub(crate) fn events<'s>(&'s self, object: &'s ObjectRef) -> &'s [&'a Event] {
        self.histories.named(&object.kind, &object.namespace, &object.name)
    }

    /// What was said of this very object.
    pub(crate) fn history(&self, kind: Kind, meta: &Meta) -> History<'a> {
        self.histories.about(kind, meta)
    }

    /// Whether some node lists the resource, be it none at all of it, or a DeviceClass stands for it.
    pub(crate) fn offers(&self, resource: &str) -> bool {
        self.offered.contains(resource)
    }

    /// The nodes on which a driver is registered.
    pub(crate) fn nodes_with(&self, driver: &str) -> Option<&HashSet<&'a str>> {
        self.driver_nodes.get(driver)
    }
}
