//! `plugins/volumebinding`: bound claims' node affinity, static matching, provisioning and storage capacity.

mod obstacles;

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use super::volume_restrictions::{claim_not_found_text, claim_unread};
use crate::model::pod::PodVolume;
use crate::model::selector::topologies_allow;
use crate::model::{Claim, Meta, Node, Pod, StorageClass, Volume};
use crate::scheduler::cluster::{Cluster, NodeInfo};
use crate::scheduler::csi_migration;
use crate::scheduler::framework::{Code, Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::obstacle::Obstacle;
use crate::scheduler::release;
use crate::snapshot::Lookup;
use crate::volumes::migration;
pub(crate) use obstacles::behind;

pub(crate) const NAME: &str = "VolumeBinding";
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// Why the plugin rejects a node or the pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A claim that the pod names doesn't exist.
    ClaimNotFound { claim: String },
    /// The claim of an ephemeral volume hasn't been made.
    EphemeralNotMade { claim: String },
    /// A claim has lost its volume.
    ClaimLost { claim: String, volume: String },
    /// A claim is being deleted.
    ClaimDeleting { claim: String },
    /// The claim of an ephemeral volume belongs to something else.
    NotOwner { namespace: String, claim: String, pod: String },
    /// A claim that doesn't wait for its pod isn't bound.
    Unbound,
    /// A bound volume can't be reached from the node.
    VolumeAffinity {
        /// Whether the release has its newer text.
        newer: bool,
    },
    /// No volume fits a claim, and none can be made.
    NoVolume,
    /// Too little capacity is published for a claim.
    NoSpace,
    /// A claim is bound to a volume that doesn't exist.
    VolumeMissing,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::ClaimNotFound { claim } => claim_not_found_text(claim).into(),
            Reason::EphemeralNotMade { claim } => {
                format!("waiting for ephemeral volume controller to create the persistentvolumeclaim {claim:?}").into()
            }
            Reason::ClaimLost { claim, volume } => {
                format!("persistentvolumeclaim {claim:?} bound to non-existent persistentvolume {volume:?}").into()
            }
            Reason::ClaimDeleting { claim } => format!("persistentvolumeclaim {claim:?} is being deleted").into(),
            Reason::NotOwner { namespace, claim, pod } => not_owner_text(namespace, claim, pod).into(),
            Reason::Unbound => "pod has unbound immediate PersistentVolumeClaims".into(),
            Reason::VolumeAffinity { newer: true } => "node(s) didn't match PersistentVolume's node affinity".into(),
            Reason::VolumeAffinity { newer: false } => "node(s) had volume node affinity conflict".into(),
            Reason::NoVolume => "node(s) didn't find available persistent volumes to bind".into(),
            Reason::NoSpace => "node(s) did not have enough free storage".into(),
            Reason::VolumeMissing => "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)".into(),
        }
    }
}

/// A claim that binds when its pod is placed, with its class and the volumes that static matching may take.
struct DelayedClaim<'c> {
    claim: &'c Claim,
    class: &'c StorageClass,
    request: i128,
    compares_attributes_class: bool,
}

struct Claims<'c> {
    bound: Vec<&'c Claim>,
    /// In the order of the pod's volumes.
    delayed: Vec<DelayedClaim<'c>>,
    /// Positions in `delayed`, the smallest request first: upstream matches greedily in that order.
    by_size: Vec<usize>,
}

#[derive(Clone)]
struct VolumeBinding<'c> {
    cluster: &'c Cluster<'c>,
    claims: Rc<Claims<'c>>,
    /// Per class, the volumes that static matching can choose from for at least one node.
    candidates: Rc<HashMap<&'c str, Vec<&'c Volume>>>,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let claims = match pod_claims(cycle.cluster, cycle.pod) {
        Ok(claims) if claims.is_empty() => return PreFilter::Skip,
        Ok(claims) => claims,
        Err(status) => return PreFilter::Reject(status),
    };
    match classify(cycle.cluster, claims) {
        Ok(claims) => {
            let candidates = candidates(cycle.cluster, &claims);
            PreFilter::Filter(Box::new(VolumeBinding {
                cluster: cycle.cluster,
                claims: Rc::new(claims),
                candidates: Rc::new(candidates),
            }))
        }
        Err(status) => PreFilter::Reject(status),
    }
}

/// The pod's claims that bind when it is placed on the node, each with the volume that exists for it, if one does
/// (`binder.go`, FindPodVolumes).
pub(in crate::scheduler) fn choices(cluster: &Cluster<'_>, pod: &Pod, node: &Node) -> Vec<(String, Option<String>)> {
    let Ok(Ok(claims)) = pod_claims(cluster, pod).map(|claims| classify(cluster, claims)) else { return Vec::new() };
    let candidates = candidates(cluster, &claims);
    let binding = VolumeBinding { cluster, claims: Rc::new(claims), candidates: Rc::new(candidates) };
    let Claims { delayed, by_size, .. } = &*binding.claims;
    let mut taken: Vec<&Volume> = Vec::new();
    let mut choices = Vec::new();
    for delayed in by_size.iter().map(|position| &delayed[*position]) {
        let free = delayed.claim.selected_node().is_none();
        let volume = free.then(|| binding.static_match(delayed, node, &taken)).flatten();
        taken.extend(volume);
        choices.push((delayed.claim.metadata.name.clone(), volume.map(|volume| volume.metadata.name.clone())));
    }
    choices
}

/// The pod's claims in the order of its volumes; the first that is missing, lost, deleted or foreign rejects the pod.
fn pod_claims<'c>(cluster: &'c Cluster<'c>, pod: &Pod) -> Result<Vec<&'c Claim>, Status> {
    let mut claims = Vec::new();
    let mut unread = None;
    for volume in &pod.spec.volumes {
        let Some(name) = volume.claim_name(&pod.metadata.name) else { continue };
        match cluster.snapshot.claims.get(&pod.metadata.namespace, &name) {
            Lookup::Found(claim) => {
                usable(claim, pod, volume)?;
                claims.push(&**claim);
            }
            Lookup::Absent if volume.persistent_volume_claim.is_some() => {
                return Err(Status::unresolvable(Reason::ClaimNotFound { claim: name }));
            }
            Lookup::Absent => return Err(Status::unresolvable(Reason::EphemeralNotMade { claim: name })),
            Lookup::Unknown => unread = Some(claim_unread(&name)),
        }
    }
    unread.map_or(Ok(claims), Err)
}

fn usable(claim: &Claim, pod: &Pod, volume: &PodVolume) -> Result<(), Status> {
    let name = claim.metadata.name.clone();
    if claim.status.phase == "Lost" {
        let volume = claim.spec.volume_name.clone();
        return Err(Status::unresolvable(Reason::ClaimLost { claim: name, volume }));
    }
    if claim.metadata.deleting() {
        return Err(Status::unresolvable(Reason::ClaimDeleting { claim: name }));
    }
    if volume.persistent_volume_claim.is_none() && !owned_by(&claim.metadata, pod) {
        let (namespace, pod) = (pod.metadata.namespace.clone(), pod.metadata.name.clone());
        return Err(Status::unresolvable(Reason::NotOwner { namespace, claim: name, pod }));
    }
    Ok(())
}

/// Whether a claim was made for the pod (`component-helpers/storage/ephemeral`, VolumeIsForPod).
pub(crate) fn owned_by(claim: &Meta, pod: &Pod) -> bool {
    claim.controller().is_some_and(|owner| owner.uid == pod.metadata.uid)
}

/// The text for an ephemeral volume's claim that another owner has.
pub(crate) fn not_owner(claim: &Claim, pod: &Pod) -> String {
    not_owner_text(&pod.metadata.namespace, &claim.metadata.name, &pod.metadata.name)
}

fn not_owner_text(namespace: &str, claim: &str, pod: &str) -> String {
    format!("PVC {namespace}/{claim} was not created for pod {namespace}/{pod} (pod is not owner)")
}

/// Splits the claims into bound and delayed ones; an unbound claim that doesn't wait for its pod rejects the pod.
fn classify<'c>(cluster: &'c Cluster<'c>, claims: Vec<&'c Claim>) -> Result<Claims<'c>, Status> {
    let mut sorted = Claims { bound: Vec::new(), delayed: Vec::new(), by_size: Vec::new() };
    let mut unread = None;
    for claim in claims {
        if claim.fully_bound() {
            sorted.bound.push(claim);
            continue;
        }
        let class = claim.class();
        let found = if class.is_empty() { Lookup::Absent } else { cluster.snapshot.classes.get("", class) };
        match found {
            Lookup::Found(class) if class.waits_for_consumer() && claim.spec.volume_name.is_empty() => {
                let request = claim.request().map_or(0, |request| request.nanos());
                let compares_attributes_class = release::compares_attributes_class(cluster.version);
                sorted.delayed.push(DelayedClaim { claim, class, request, compares_attributes_class });
            }
            Lookup::Unknown if claim.spec.volume_name.is_empty() => {
                unread = Some(Status::unknown(format!("the class {class} could not be read")));
            }
            _ => return Err(Status::unresolvable(Reason::Unbound)),
        }
    }
    sorted.by_size = (0..sorted.delayed.len()).collect();
    sorted.by_size.sort_by_key(|position| sorted.delayed[*position].request);
    unread.map_or(Ok(sorted), Err)
}

/// The volumes of the claims' classes that any of the claims could take somewhere; the others are never looked at
/// again, node by node.
fn candidates<'c>(cluster: &'c Cluster<'c>, claims: &Claims<'c>) -> HashMap<&'c str, Vec<&'c Volume>> {
    let mut candidates = HashMap::new();
    for delayed in &claims.delayed {
        let class = delayed.class.metadata.name.as_str();
        candidates.entry(class).or_insert_with(|| {
            let all = cluster.volumes_of_class(class).iter().copied();
            let of_class: Vec<&DelayedClaim<'_>> =
                claims.delayed.iter().filter(|delayed| delayed.class.metadata.name == class).collect();
            all.filter(|volume| of_class.iter().any(|delayed| considers(volume, delayed))).collect()
        });
    }
    candidates
}

/// Whether the volume is one that the claim takes, or is reserved by.
fn considers(volume: &Volume, delayed: &DelayedClaim<'_>) -> bool {
    fits_by_shape(volume, delayed) && (reserved_for(volume, delayed.claim) || free_and_matching(volume, delayed.claim))
}

fn reserved_for(volume: &Volume, claim: &Claim) -> bool {
    volume.spec.claim_ref.as_ref().is_some_and(|reference| {
        reference.namespace == claim.metadata.namespace
            && reference.name == claim.metadata.name
            && (reference.uid.is_empty() || reference.uid == claim.metadata.uid)
    })
}

/// The checks that come before the one for a reserved volume (`pv_helpers.go`, FindMatchingVolume).
fn fits_by_shape(volume: &Volume, delayed: &DelayedClaim<'_>) -> bool {
    let claim = delayed.claim;
    (volume.spec.claim_ref.is_none() || reserved_for(volume, claim))
        && volume.capacity().map_or(0, |capacity| capacity.nanos()) >= delayed.request
        && volume.volume_mode() == claim.volume_mode()
        && (!delayed.compares_attributes_class
            || volume.spec.volume_attributes_class_name.as_deref().unwrap_or_default()
                == claim.spec.volume_attributes_class_name.as_deref().unwrap_or_default())
        && !volume.metadata.deleting()
}

/// The checks that come after it, without node affinity.
fn free_and_matching(volume: &Volume, claim: &Claim) -> bool {
    volume.status.phase == "Available"
        && claim.spec.selector.as_ref().is_none_or(|selector| selector.matches(&volume.metadata.labels))
        && claim.spec.access_modes.iter().all(|mode| volume.spec.access_modes.contains(mode))
}

/// What of a pod's delayed claims a node can't satisfy.
enum Unsatisfied {
    NoVolume,
    NoSpace,
    Unknown(Status),
}

impl<'c> VolumeBinding<'c> {
    /// Bound claims: the first missing volume, or the first that can't be reached from the node.
    fn check_bound(&self, node: &Node) -> Decision {
        for claim in &self.claims.bound {
            let name = claim.spec.volume_name.as_str();
            match self.cluster.snapshot.volumes.get("", name) {
                Lookup::Found(volume) if self.reachable(volume, node)? => {}
                Lookup::Found(_) => {
                    let newer = release::newer_volume_affinity_text(self.cluster.version);
                    return Err(Status::unresolvable(Reason::VolumeAffinity { newer }));
                }
                Lookup::Absent => return Err(Status::unresolvable(Reason::VolumeMissing)),
                Lookup::Unknown => return Err(Status::unknown(format!("the volume {name} could not be read"))),
            }
        }
        Ok(())
    }

    /// Whether a volume's node affinity admits the node; in-tree volumes of a migrated plugin count as their CSI twin, and
    /// where one has none the attempt ends in an error (`binder.go`, tryTranslatePVToCSI).
    fn reachable(&self, volume: &Volume, node: &Node) -> Result<bool, Status> {
        let labels = &node.metadata.labels;
        match migration::in_tree_plugin(volume) {
            Some(plugin) if self.migrated(plugin, node)? => {
                if let Some(why) = migration::untranslatable(volume) {
                    return Err(Status::error(format!("could not translate pv: {why}")));
                }
                let translated = migration::translate(volume).and_then(|identity| identity.node_affinity);
                Ok(translated.is_none_or(|affinity| affinity.matches("", labels)))
            }
            _ => Ok(volume.required_node_affinity().is_none_or(|affinity| affinity.matches("", labels))),
        }
    }

    fn migrated(&self, plugin: &str, node: &Node) -> Result<bool, Status> {
        let name = &node.metadata.name;
        match self.cluster.snapshot.csi_nodes.get("", name) {
            Lookup::Found(csi_node) => Ok(csi_migration::announced(self.cluster.version, csi_node, plugin)),
            Lookup::Absent => Ok(false),
            Lookup::Unknown => Err(Status::unknown(format!("the CSINode {name} could not be read"))),
        }
    }

    /// Delayed claims: the selected node, then volumes that exist, then volumes to be made.
    fn check_delayed(&self, node: &Node) -> Result<(), Unsatisfied> {
        let Claims { delayed, by_size, .. } = &*self.claims;
        let mut provision: Vec<&DelayedClaim<'c>> = Vec::new();
        for delayed in delayed {
            match delayed.claim.selected_node() {
                Some(selected) if selected != node.metadata.name => return Err(Unsatisfied::NoVolume),
                Some(_) => provision.push(delayed),
                None => {}
            }
        }
        let mut taken: Vec<&Volume> = Vec::new();
        for delayed in by_size.iter().map(|position| &delayed[*position]) {
            if delayed.claim.selected_node().is_some() {
                continue;
            }
            match self.static_match(delayed, node, &taken) {
                Some(volume) => taken.push(volume),
                None => provision.push(delayed),
            }
        }
        provision.into_iter().try_for_each(|delayed| self.provisionable(delayed, node))
    }

    /// The smallest volume that fits and isn't taken; a volume reserved for the claim is taken or nothing is.
    fn static_match(&self, delayed: &DelayedClaim<'c>, node: &Node, taken: &[&'c Volume]) -> Option<&'c Volume> {
        let labels = &node.metadata.labels;
        let mut smallest: Option<&'c Volume> = None;
        for volume in self.candidates.get(delayed.class.metadata.name.as_str())?.iter().copied() {
            if taken.iter().any(|other| std::ptr::eq(*other, volume)) || !fits_by_shape(volume, delayed) {
                continue;
            }
            let reachable = volume.required_node_affinity().is_none_or(|affinity| affinity.matches("", labels));
            if reserved_for(volume, delayed.claim) {
                return reachable.then_some(volume);
            }
            if reachable
                && free_and_matching(volume, delayed.claim)
                && smallest.is_none_or(|best| volume.capacity() < best.capacity())
            {
                smallest = Some(volume);
            }
        }
        smallest
    }

    /// Whether the claim's volume could be made for the node.
    fn provisionable(&self, delayed: &DelayedClaim<'c>, node: &Node) -> Result<(), Unsatisfied> {
        let class = delayed.class;
        let labels = &node.metadata.labels;
        let possible = !matches!(class.provisioner.as_str(), "" | NO_PROVISIONER)
            && topologies_allow(&class.allowed_topologies, labels);
        if !possible {
            return Err(self.no_volume());
        }
        self.enough_space(delayed, node)
    }

    /// No volume matched and none can be made: certain only where all volumes are known.
    fn no_volume(&self) -> Unsatisfied {
        if self.cluster.snapshot.volumes.complete() {
            Unsatisfied::NoVolume
        } else {
            Unsatisfied::Unknown(Status::unknown("not every volume could be read"))
        }
    }

    /// Storage capacity tracking (`binder.go`, hasEnoughCapacity): one object of the class must reach the node and hold
    /// the request. Requests are not added up.
    fn enough_space(&self, delayed: &DelayedClaim<'c>, node: &Node) -> Result<(), Unsatisfied> {
        let snapshot = self.cluster.snapshot;
        let Some(request) = delayed.claim.request() else { return Ok(()) };
        let driver = delayed.class.provisioner.as_str();
        let tracked = match snapshot.csi_drivers.get("", driver) {
            Lookup::Found(driver) => driver.spec.storage_capacity == Some(true),
            Lookup::Absent => false,
            Lookup::Unknown => true,
        };
        let mut capacities = self.cluster.capacities.on(&delayed.class.metadata.name, node);
        let holds = |room: i64| room >= request.value();
        if !tracked || capacities.any(|capacity| self.cluster.room(capacity).is_some_and(holds)) {
            return Ok(());
        }
        if matches!(snapshot.csi_drivers.get("", driver), Lookup::Unknown) {
            return Err(Unsatisfied::Unknown(Status::unknown(format!("the CSIDriver {driver} could not be read"))));
        }
        if !snapshot.capacities.complete() {
            return Err(Unsatisfied::Unknown(Status::unknown("not every CSIStorageCapacity could be read")));
        }
        if !snapshot.volumes.complete() {
            return Err(Unsatisfied::Unknown(Status::unknown("not every volume could be read")));
        }
        Err(Unsatisfied::NoSpace)
    }
}

impl<'c> Filter<'c> for VolumeBinding<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        let bound = self.check_bound(node.node);
        let delayed = self.check_delayed(node.node);
        let mut reasons = Vec::new();
        let mut missing = Vec::new();
        let mut lost = None;
        match bound {
            Ok(()) => {}
            Err(status) if status.code == Code::Error => return Err(status),
            Err(status) if status.code == Code::Unknown => missing.extend(status.notes),
            Err(status) if status.reasons == [Reason::VolumeMissing.into()] => lost = Some(status),
            Err(status) => reasons.extend(status.reasons),
        }
        match delayed {
            Ok(()) => {}
            Err(Unsatisfied::NoVolume) => reasons.push(Reason::NoVolume.into()),
            Err(Unsatisfied::NoSpace) => reasons.push(Reason::NoSpace.into()),
            Err(Unsatisfied::Unknown(status)) => missing.extend(status.notes),
        }
        reasons.extend(lost.into_iter().flat_map(|status| status.reasons));
        match (reasons.is_empty(), missing.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(Status { code: Code::Unknown, reasons, notes: missing, partial: false }),
            (false, complete) => Err(Status { partial: !complete, ..Status::rejected(Code::Unresolvable, reasons) }),
        }
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        self.against(node.node)
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
