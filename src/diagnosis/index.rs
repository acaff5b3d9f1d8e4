//! Look-ups that every rule needs, built in one pass over each kind.

use std::collections::{HashMap, HashSet};

use crate::model::Pod;
use crate::scheduler::offered;
use crate::snapshot::Snapshot;

/// Namespace, kind and name of an object.
type Key<'a> = (&'a str, &'a str, &'a str);

/// The indexes of a snapshot.
pub(crate) struct Index<'a> {
    by_owner: HashMap<Key<'a>, Vec<&'a Pod>>,
    driver_nodes: HashMap<&'a str, HashSet<&'a str>>,
    offered: HashSet<&'a str>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let mut index = Self { by_owner: HashMap::new(), driver_nodes: HashMap::new(), offered: offered(snapshot) };
        for pod in snapshot.pods.seen().iter().filter(|pod| !pod.finished()) {
            if let Some(owner) = pod.metadata.controller() {
                let key = (pod.metadata.namespace.as_str(), owner.kind.as_str(), owner.name.as_str());
                index.by_owner.entry(key).or_default().push(pod);
            }
        }
        for csi_node in snapshot.csi_nodes.seen() {
            for driver in &csi_node.spec.drivers {
                index.driver_nodes.entry(&driver.name).or_default().insert(&csi_node.metadata.name);
            }
        }
        index
    }

    /// The unfinished pods of a controller.
    pub(crate) fn owned<'s>(&'s self, kind: &'s str, namespace: &'s str, name: &'s str) -> &'s [&'a Pod] {
        self.by_owner.get(&(namespace, kind, name)).map_or(&[], Vec::as_slice)
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
