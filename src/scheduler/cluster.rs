//! The cluster as the scheduler's snapshot has it: nodes with the pods on them, their sums, and indexes that plugins
//! need for every pod. Built once, so that per-node facts are summed once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::node_ports::{HostPort, host_ports};
use super::resources::{Totals, usage};
use crate::model::version::Version;
use crate::model::{CsiStorageCapacity, Node, Pod, Volume, VolumeAttachment};
use crate::snapshot::Snapshot;

/// A pod that counts on a node.
#[derive(Debug)]
pub(crate) struct PodInfo<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) usage: Totals<'a>,
    pub(crate) ports: Vec<HostPort<'a>>,
}

impl<'a> PodInfo<'a> {
    fn new(pod: &'a Pod, version: Version) -> Self {
        Self { pod, usage: usage(pod, version), ports: host_ports(pod, version) }
    }
}

/// A node with the pods on it.
#[derive(Clone, Debug)]
pub(crate) struct NodeInfo<'a> {
    pub(crate) node: &'a Node,
    pub(crate) pods: Vec<Arc<PodInfo<'a>>>,
    pub(crate) requested: Totals<'a>,
    /// A set, as upstream's `HostPortInfo`: a pod that is taken away frees its ports even where another pod on the node
    /// has the same ones.
    pub(crate) used_ports: HashSet<HostPort<'a>>,
    pub(crate) allocatable: Arc<Totals<'a>>,
    pub(crate) allowed_pods: i64,
}

impl<'a> NodeInfo<'a> {
    fn new(node: &'a Node) -> Self {
        Self {
            node,
            pods: Vec::new(),
            requested: Totals::default(),
            used_ports: HashSet::new(),
            allocatable: Arc::new(Totals::of_node(&node.status.allocatable)),
            allowed_pods: node.status.allocatable.get("pods").map_or(0, |pods| pods.value()),
        }
    }

    pub(crate) fn name(&self) -> &'a str {
        &self.node.metadata.name
    }

    /// Puts a pod on the node.
    pub(crate) fn add(&mut self, pod: Arc<PodInfo<'a>>) {
        self.requested.add(&pod.usage);
        self.used_ports.extend(pod.ports.iter().copied());
        self.pods.push(pod);
    }

    /// Takes a pod from the node.
    pub(crate) fn remove(&mut self, pod: &PodInfo<'a>) {
        self.pods.retain(|present| !std::ptr::eq(present.pod, pod.pod));
        self.requested.subtract(&pod.usage);
        for port in &pod.ports {
            self.used_ports.remove(port);
        }
    }
}

/// What every pod is judged against.
#[derive(Debug)]
pub(crate) struct Cluster<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) version: Version,
    /// Sorted by name.
    pub(crate) nodes: Vec<NodeInfo<'a>>,
    node_positions: HashMap<&'a str, usize>,
    /// Unassigned pods by the node that they are nominated to.
    pub(crate) nominated: HashMap<&'a str, Vec<Arc<PodInfo<'a>>>>,
    /// Positions of nodes that have pods with required anti-affinity, with those pods.
    pub(crate) anti_affinity: Vec<(usize, Vec<Arc<PodInfo<'a>>>)>,
    /// Namespace and name of every claim that a pod with a node uses through a claim volume.
    claims_in_use: HashSet<(&'a str, &'a str)>,
    /// Namespace and name of pods that are placed but not yet bound, with their node.
    assumed: HashMap<(&'a str, &'a str), &'a str>,
    volumes_by_class: HashMap<&'a str, Vec<&'a Volume>>,
    attachments_by_node: HashMap<&'a str, Vec<&'a VolumeAttachment>>,
    capacities_by_class: HashMap<&'a str, Vec<&'a CsiStorageCapacity>>,
}

impl<'a> Cluster<'a> {
    /// Sums a snapshot up.
    pub(crate) fn new(snapshot: &'a Snapshot, version: Version) -> Self {
        let nodes: Vec<NodeInfo<'a>> = snapshot.nodes.seen().iter().map(|node| NodeInfo::new(node)).collect();
        let node_positions = nodes.iter().enumerate().map(|(position, node)| (node.name(), position)).collect();
        let mut cluster = Self {
            snapshot,
            version,
            nodes,
            node_positions,
            nominated: HashMap::new(),
            anti_affinity: Vec::new(),
            claims_in_use: HashSet::new(),
            assumed: HashMap::new(),
            volumes_by_class: group(snapshot.volumes.seen(), |volume| volume.class()),
            attachments_by_node: group(snapshot.attachments.seen(), |attachment| &attachment.spec.node_name),
            capacities_by_class: group(snapshot.capacities.seen(), |capacity| &capacity.storage_class_name),
        };
        for pod in snapshot.pods.seen() {
            cluster.count(pod);
        }
        cluster.index_anti_affinity();
        cluster
    }

    fn count(&mut self, pod: &'a Pod) {
        if pod.finished() {
            return;
        }
        let version = self.version;
        let info = || Arc::new(PodInfo::new(pod, version));
        if !pod.assigned() {
            if !pod.status.nominated_node_name.is_empty() {
                let info = info();
                self.nominated.entry(&pod.status.nominated_node_name).or_default().push(info);
            }
            return;
        }
        self.use_claims(pod);
        if let Some(position) = self.node_positions.get(pod.spec.node_name.as_str()) {
            let info = info();
            self.nodes[*position].add(info);
        }
    }

    fn use_claims(&mut self, pod: &'a Pod) {
        for volume in &pod.spec.volumes {
            if let Some(claim) = &volume.persistent_volume_claim {
                self.claims_in_use.insert((&pod.metadata.namespace, &claim.claim_name));
            }
        }
    }

    /// Counts a pod on the node that it is placed on but not yet bound to.
    pub(crate) fn assume(&mut self, pod: &'a Pod, node: &str) {
        let Some(position) = self.node_positions.get(node).copied() else { return };
        for pods in self.nominated.values_mut() {
            pods.retain(|info| !std::ptr::eq(info.pod, pod));
        }
        self.use_claims(pod);
        let info = Arc::new(PodInfo::new(pod, self.version));
        let name = self.nodes[position].name();
        self.assumed.insert((&pod.metadata.namespace, &pod.metadata.name), name);
        self.nodes[position].add(Arc::clone(&info));
        if !pod.spec.anti_affinity_terms().is_empty() {
            self.anti_affinity.push((position, vec![info]));
        }
    }

    /// The node that a pod is placed on but not yet bound to.
    pub(crate) fn assumed_node(&self, pod: &Pod) -> Option<&'a str> {
        self.assumed.get(&(pod.metadata.namespace.as_str(), pod.metadata.name.as_str())).copied()
    }

    fn index_anti_affinity(&mut self) {
        for (position, node) in self.nodes.iter().enumerate() {
            let pods: Vec<_> =
                node.pods.iter().filter(|info| !info.pod.spec.anti_affinity_terms().is_empty()).cloned().collect();
            if !pods.is_empty() {
                self.anti_affinity.push((position, pods));
            }
        }
    }

    pub(crate) fn node(&self, name: &str) -> Option<&NodeInfo<'a>> {
        self.node_positions.get(name).map(|position| &self.nodes[*position])
    }

    /// Whether every pod of the cluster is known: without that no sum is certain.
    pub(crate) fn pods_complete(&self) -> bool {
        self.snapshot.pods.complete()
    }

    /// Whether a pod with a node uses the claim.
    pub(crate) fn claim_in_use(&self, namespace: &str, name: &str) -> bool {
        self.claims_in_use.contains(&(namespace, name))
    }

    /// The volumes of a class; the empty class is a class of its own.
    pub(crate) fn volumes_of_class(&self, class: &str) -> &[&'a Volume] {
        self.volumes_by_class.get(class).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn attachments_of_node(&self, node: &str) -> &[&'a VolumeAttachment] {
        self.attachments_by_node.get(node).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn capacities_of_class(&self, class: &str) -> &[&'a CsiStorageCapacity] {
        self.capacities_by_class.get(class).map_or(&[], Vec::as_slice)
    }
}

fn group<'a, T>(items: &'a [Arc<T>], key: impl Fn(&'a T) -> &'a str) -> HashMap<&'a str, Vec<&'a T>> {
    let mut groups: HashMap<&str, Vec<&T>> = HashMap::new();
    for item in items {
        groups.entry(key(item)).or_default().push(item);
    }
    groups
}
