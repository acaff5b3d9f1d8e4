//! The cluster as the scheduler's snapshot has it: nodes with the pods on them, their sums, and indexes that plugins
//! need for every pod. Built once, so that per-node facts are summed once.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;

use super::capacities::Capacities;
use super::host_ports::{HostPort, host_ports};
use super::present_volumes::PresentVolumes;
use super::resources::{Totals, non_zero, usage};
use crate::model::pod::PodAffinityTerm;
use crate::model::version::Version;
use crate::model::{CsiStorageCapacity, Node, Pod, Volume, VolumeAttachment};
use crate::snapshot::Snapshot;
use crate::snapshot::differences;

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
    /// Those of the pods that require anti-affinity.
    pub(crate) anti_affine: Vec<Arc<PodInfo<'a>>>,
    pub(crate) requested: Totals<'a>,
    /// A set, as upstream's `HostPortInfo`: a pod that is taken away frees its ports even where another pod on the node
    /// has the same ones.
    pub(crate) used_ports: HashSet<HostPort<'a>>,
    pub(crate) allocatable: Arc<Totals<'a>>,
    pub(crate) allowed_pods: i64,
    /// CPU and memory as nodes are ranked by them, summed when first asked for.
    non_zero: OnceLock<[i64; 2]>,
}

impl<'a> NodeInfo<'a> {
    fn new(node: &'a Node) -> Self {
        Self {
            node,
            pods: Vec::new(),
            anti_affine: Vec::new(),
            requested: Totals::default(),
            used_ports: HashSet::new(),
            allocatable: Arc::new(Totals::of_node(&node.status.allocatable)),
            allowed_pods: node.status.allocatable.get("pods").map_or(0, |pods| pods.value()),
            non_zero: OnceLock::new(),
        }
    }

    /// CPU and memory of the pods as nodes are ranked by them.
    pub(crate) fn non_zero(&self, version: Version) -> [i64; 2] {
        *self.non_zero.get_or_init(|| {
            self.pods.iter().fold([0, 0], |sum, info| {
                let more = non_zero(info.pod, version);
                [sum[0] + more[0], sum[1] + more[1]]
            })
        })
    }

    fn with(node: &'a Node, pods: impl IntoIterator<Item = Arc<PodInfo<'a>>>) -> Self {
        let mut info = Self::new(node);
        pods.into_iter().for_each(|pod| info.add(pod));
        info
    }

    pub(crate) fn name(&self) -> &'a str {
        &self.node.metadata.name
    }

    /// Puts a pod on the node.
    pub(crate) fn add(&mut self, pod: Arc<PodInfo<'a>>) {
        self.non_zero.take();
        self.requested.add(&pod.usage);
        self.used_ports.extend(pod.ports.iter().copied());
        if !pod.pod.spec.anti_affinity_terms().is_empty() {
            self.anti_affine.push(Arc::clone(&pod));
        }
        self.pods.push(pod);
    }

    /// Takes a pod from the node.
    pub(crate) fn remove(&mut self, pod: &PodInfo<'a>) {
        for pods in [&mut self.pods, &mut self.anti_affine] {
            pods.retain(|present| !std::ptr::eq(present.pod, pod.pod));
        }
        self.non_zero.take();
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
    pub(crate) nodes: Vec<Arc<NodeInfo<'a>>>,
    node_positions: Arc<HashMap<&'a str, usize, RandomState>>,
    /// Unfinished pods without a node.
    pub(crate) unassigned: Vec<&'a Pod>,
    /// Unassigned pods by the node that they are nominated to.
    pub(crate) nominated: HashMap<&'a str, Vec<Arc<PodInfo<'a>>>>,
    /// Namespace and name of every claim that a pod with a node uses through a claim volume, with the number of users.
    claims_in_use: HashMap<(&'a str, &'a str), usize>,
    /// Pods that are placed but not yet bound.
    assumed: Assumed<'a>,
    volumes: Arc<Volumes<'a>>,
    attachments_by_node: Arc<HashMap<&'a str, Vec<&'a VolumeAttachment>>>,
    pub(crate) capacities: Arc<Capacities<'a>>,
    /// The keys of the labels that anti-affinity of placed and nominated pods asks for.
    anti_affinity_keys: OnceCell<HashSet<String>>,
    /// Bytes that pods which are placed but not yet bound take of CSIStorageCapacity objects, by namespace and name.
    spent: HashMap<(&'a str, &'a str), i64>,
    /// What NodeVolumeLimits has found on the nodes so far, by position; gone for a node whose pods change.
    pub(crate) volumes_present: RefCell<HashMap<usize, PresentVolumes>>,
}

#[derive(Debug, Default)]
struct Assumed<'a> {
    /// Namespace and name of the pods, with their node.
    nodes: HashMap<(&'a str, &'a str), &'a str>,
    claims: HashSet<(&'a str, &'a str)>,
    /// The nodes as they are without the pods, by position.
    before: BTreeMap<usize, Arc<NodeInfo<'a>>>,
}

#[derive(Debug)]
struct Volumes<'a> {
    by_class: HashMap<&'a str, Vec<&'a Volume>>,
    /// Class, namespace and claim of every reservation.
    reservations: HashSet<(&'a str, &'a str, &'a str)>,
}

impl<'a> Volumes<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let reserved = snapshot.volumes.seen().iter().filter_map(|volume| {
            let claim = volume.spec.claim_ref.as_ref()?;
            Some((volume.class(), claim.namespace.as_str(), claim.name.as_str()))
        });
        let reservations = reserved.collect();
        Self { by_class: group(snapshot.volumes.seen(), |volume| volume.class()), reservations }
    }
}

impl<'a> Cluster<'a> {
    /// Sums a snapshot up.
    pub(crate) fn new(snapshot: &'a Snapshot, version: Version) -> Self {
        let nodes: Vec<Arc<NodeInfo<'a>>> =
            snapshot.nodes.seen().iter().map(|node| Arc::new(NodeInfo::new(node))).collect();
        let positions = nodes.iter().enumerate().map(|(position, node)| (node.name(), position)).collect();
        let mut cluster = Self {
            snapshot,
            version,
            nodes,
            node_positions: Arc::new(positions),
            unassigned: Vec::new(),
            nominated: HashMap::new(),
            claims_in_use: HashMap::new(),
            assumed: Assumed::default(),
            volumes: Arc::new(Volumes::new(snapshot)),
            attachments_by_node: Arc::new(attachments_by_node(snapshot)),
            capacities: Arc::new(Capacities::new(snapshot)),
            anti_affinity_keys: OnceCell::new(),
            spent: HashMap::new(),
            volumes_present: RefCell::default(),
        };
        for pod in snapshot.pods.seen() {
            cluster.count(pod);
        }
        cluster.nominate();
        cluster
    }

    /// What [`Cluster::new`] makes of a state that differs little from this one's: only what differs is summed up again.
    pub(crate) fn after(&self, snapshot: &'a Snapshot) -> Self {
        let Some(mut nodes) = self.nodes_in(snapshot) else { return Self::new(snapshot, self.version) };
        let old = self.snapshot;
        let (gone, come) = differences(&old.pods, &snapshot.pods);
        let mut claims_in_use = self.claims_in_use.clone();
        for claim in gone.iter().flat_map(|pod| placed_claims(pod)) {
            if let Some(users) = claims_in_use.get_mut(&claim) {
                *users -= 1;
            }
        }
        claims_in_use.retain(|_, users| *users > 0);
        self.renew(&mut nodes, &gone, &come);
        let kept = self.unassigned.iter().copied().filter(|pod| !gone.iter().any(|gone| std::ptr::eq(*gone, *pod)));
        let mut cluster = Self {
            snapshot,
            version: self.version,
            nodes,
            node_positions: Arc::clone(&self.node_positions),
            unassigned: kept.collect(),
            nominated: HashMap::new(),
            claims_in_use,
            assumed: Assumed::default(),
            volumes: match old.volumes.same(&snapshot.volumes) {
                true => Arc::clone(&self.volumes),
                false => Arc::new(Volumes::new(snapshot)),
            },
            attachments_by_node: match old.attachments.same(&snapshot.attachments) {
                true => Arc::clone(&self.attachments_by_node),
                false => Arc::new(attachments_by_node(snapshot)),
            },
            capacities: match old.capacities.same(&snapshot.capacities) {
                true => Arc::clone(&self.capacities),
                false => Arc::new(Capacities::new(snapshot)),
            },
            anti_affinity_keys: OnceCell::new(),
            spent: HashMap::new(),
            volumes_present: RefCell::default(),
        };
        for pod in come {
            cluster.register(pod);
        }
        cluster.nominate();
        cluster
    }

    /// The nodes of a state with the pods that this one has on them; `None` where there are other nodes.
    fn nodes_in(&self, snapshot: &'a Snapshot) -> Option<Vec<Arc<NodeInfo<'a>>>> {
        let mut nodes = self.nodes.clone();
        for (position, before) in &self.assumed.before {
            nodes[*position] = Arc::clone(before);
        }
        let (gone, come) = differences(&self.snapshot.nodes, &snapshot.nodes);
        if gone.len() != come.len() {
            return None;
        }
        for node in come {
            let position = *self.node_positions.get(node.metadata.name.as_str())?;
            nodes[position] = Arc::new(NodeInfo::with(node, nodes[position].pods.iter().cloned()));
        }
        Some(nodes)
    }

    /// Takes pods off the nodes and puts others on them.
    fn renew(&self, nodes: &mut [Arc<NodeInfo<'a>>], gone: &[&'a Pod], come: &[&'a Pod]) {
        let position = |pod: &Pod| self.node_positions.get(pod.spec.node_name.as_str()).copied();
        let mut changed: BTreeMap<usize, Vec<&'a Pod>> =
            gone.iter().filter_map(|pod| Some((position(pod)?, Vec::new()))).collect();
        for pod in come.iter().copied().filter(|pod| !pod.finished()) {
            if let Some(position) = position(pod) {
                changed.entry(position).or_default().push(pod);
            }
        }
        for (position, come) in changed {
            let stays = |info: &&Arc<PodInfo<'a>>| !gone.iter().any(|gone| std::ptr::eq(*gone, info.pod));
            let mut pods: Vec<_> = nodes[position].pods.iter().filter(stays).cloned().collect();
            pods.extend(come.into_iter().map(|pod| Arc::new(PodInfo::new(pod, self.version))));
            pods.sort_by(|a, b| name_of(a.pod).cmp(&name_of(b.pod)));
            nodes[position] = Arc::new(NodeInfo::with(nodes[position].node, pods));
        }
    }

    fn count(&mut self, pod: &'a Pod) {
        if let (false, Some(position)) = (pod.finished(), self.node_positions.get(pod.spec.node_name.as_str())) {
            let info = Arc::new(PodInfo::new(pod, self.version));
            Arc::make_mut(&mut self.nodes[*position]).add(info);
        }
        self.register(pod);
    }

    /// Notes a pod everywhere but on its node.
    fn register(&mut self, pod: &'a Pod) {
        if !pod.assigned() && !pod.finished() {
            self.unassigned.push(pod);
        }
        for claim in placed_claims(pod) {
            *self.claims_in_use.entry(claim).or_default() += 1;
        }
    }

    fn nominate(&mut self) {
        self.unassigned.sort_by(|a, b| name_of(a).cmp(&name_of(b)));
        for pod in &self.unassigned {
            let node = pod.status.nominated_node_name.as_str();
            if !node.is_empty() {
                let info = Arc::new(PodInfo::new(pod, self.version));
                self.nominated.entry(node).or_default().push(info);
            }
        }
    }

    /// Counts a pod on the node that it is placed on but not yet bound to.
    pub(crate) fn assume(&mut self, pod: &'a Pod, node: &str) {
        let Some(position) = self.node_positions.get(node).copied() else { return };
        for pods in self.nominated.values_mut() {
            pods.retain(|info| !std::ptr::eq(info.pod, pod));
        }
        self.volumes_present.get_mut().remove(&position);
        self.anti_affinity_keys.take();
        let node = &mut self.nodes[position];
        self.assumed.claims.extend(claims(pod));
        self.assumed.nodes.insert(name_of(pod), node.name());
        self.assumed.before.entry(position).or_insert_with(|| Arc::clone(node));
        Arc::make_mut(node).add(Arc::new(PodInfo::new(pod, self.version)));
    }

    /// Counts a volume that is made on a node against what the driver publishes there.
    pub(crate) fn spend(&mut self, class: &str, node: &Node, bytes: i64) {
        let capacities = Arc::clone(&self.capacities);
        for capacity in capacities.on(class, node) {
            let meta = &capacity.metadata;
            *self.spent.entry((meta.namespace.as_str(), meta.name.as_str())).or_default() += bytes;
        }
    }

    /// The largest volume for which a CSIStorageCapacity still has room, in bytes; `None` where it doesn't say.
    pub(crate) fn room(&self, capacity: &CsiStorageCapacity) -> Option<i64> {
        let limit = capacity.limit()?.value();
        let meta = &capacity.metadata;
        let spent = self.spent.get(&(meta.namespace.as_str(), meta.name.as_str()));
        let Some((spent, published)) = spent.zip(capacity.capacity.as_ref()) else { return Some(limit) };
        Some(limit.min(published.value().saturating_sub(*spent)))
    }

    /// The node that a pod is placed on but not yet bound to.
    pub(crate) fn assumed_node(&self, pod: &Pod) -> Option<&'a str> {
        self.assumed.nodes.get(&name_of(pod)).copied()
    }

    pub(crate) fn node(&self, name: &str) -> Option<&NodeInfo<'a>> {
        self.position(name).map(|position| &*self.nodes[position])
    }

    pub(crate) fn position(&self, node: &str) -> Option<usize> {
        self.node_positions.get(node).copied()
    }

    /// Whether every pod of the cluster is known: without that no sum is certain.
    pub(crate) fn pods_complete(&self) -> bool {
        self.snapshot.pods.complete()
    }

    /// Whether anti-affinity of placed and nominated pods asks for a label of this key.
    pub(crate) fn asks_for_label(&self, key: &str) -> bool {
        let keys = self.anti_affinity_keys.get_or_init(|| {
            let placed = self.nodes.iter().flat_map(|node| &node.anti_affine);
            let terms =
                placed.chain(self.nominated.values().flatten()).flat_map(|info| info.pod.spec.anti_affinity_terms());
            terms.flat_map(PodAffinityTerm::label_keys).map(str::to_owned).collect()
        });
        keys.contains(key)
    }

    /// Whether a pod with a node uses the claim.
    pub(crate) fn claim_in_use(&self, namespace: &str, name: &str) -> bool {
        self.claims_in_use.contains_key(&(namespace, name)) || self.assumed.claims.contains(&(namespace, name))
    }

    /// The unfinished pods of a namespace that have a node, or are placed on one, with the node's name.
    pub(crate) fn placed_in<'s>(&'s self, namespace: &str) -> impl Iterator<Item = (&'a Pod, &'s str)> {
        self.snapshot.pods.in_namespace(namespace).iter().filter(|pod| !pod.finished()).filter_map(|pod| {
            let node = if pod.assigned() { Some(pod.spec.node_name.as_str()) } else { self.assumed_node(pod) };
            Some((&**pod, node?))
        })
    }

    /// The volumes of a class; the empty class is a class of its own.
    pub(crate) fn volumes_of_class(&self, class: &str) -> &[&'a Volume] {
        self.volumes.by_class.get(class).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn attachments_of_node(&self, node: &str) -> &[&'a VolumeAttachment] {
        self.attachments_by_node.get(node).map_or(&[], Vec::as_slice)
    }

    /// Whether a volume of the class is reserved for the claim of this name, be it this claim or an earlier one.
    pub(crate) fn reserves(&self, class: &str, namespace: &str, claim: &str) -> bool {
        self.volumes.reservations.contains(&(class, namespace, claim))
    }
}

/// Namespace and name, by which pods are sorted.
fn name_of(pod: &Pod) -> (&str, &str) {
    (&pod.metadata.namespace, &pod.metadata.name)
}

/// The claims that a pod uses through claim volumes.
fn claims(pod: &Pod) -> impl Iterator<Item = (&str, &str)> {
    let names = pod.spec.volumes.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref());
    names.map(|claim| (pod.metadata.namespace.as_str(), claim.claim_name.as_str()))
}

/// The same of a pod that has a node; none of other pods.
fn placed_claims(pod: &Pod) -> impl Iterator<Item = (&str, &str)> {
    claims(pod).filter(|_| pod.assigned() && !pod.finished())
}

fn attachments_by_node(snapshot: &Snapshot) -> HashMap<&str, Vec<&VolumeAttachment>> {
    group(snapshot.attachments.seen(), |attachment| &attachment.spec.node_name)
}

fn group<'a, T>(items: &'a [Arc<T>], key: impl Fn(&'a T) -> &'a str) -> HashMap<&'a str, Vec<&'a T>> {
    let mut groups: HashMap<&str, Vec<&T>> = HashMap::new();
    for item in items {
        groups.entry(key(item)).or_default().push(item);
    }
    groups
}
