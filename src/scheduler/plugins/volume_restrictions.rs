//! `plugins/volumerestrictions`: ReadWriteOncePod claims in use, and inline disks that two pods can't share.

mod obstacles;

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::Pod;
use crate::model::pod::PodVolume;
use crate::model::version::Version;
use crate::scheduler::cluster::{Cluster, NodeInfo, PodInfo};
use crate::scheduler::framework::{Cycle, Decision, Filter, Move, PreFilter, Status};
use crate::scheduler::obstacle::Obstacle;
use crate::scheduler::release;
use crate::snapshot::Lookup;
pub(crate) use obstacles::behind;

pub(crate) const NAME: &str = "VolumeRestrictions";

/// Why the plugin rejects a node or the pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A claim that the pod names doesn't exist.
    ClaimNotFound { claim: String },
    /// Another pod uses a ReadWriteOncePod claim of the pod.
    ClaimInUse {
        /// Whether the release has its newer text.
        newer: bool,
    },
    /// A pod on the node holds an inline disk of the pod.
    DiskInUse,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::ClaimNotFound { claim } => claim_not_found_text(claim).into(),
            Reason::ClaimInUse { newer: true } => {
                "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by \
                 another pod"
                    .into()
            }
            Reason::ClaimInUse { newer: false } => {
                "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode".into()
            }
            Reason::DiskInUse => "node(s) had no available disk".into(),
        }
    }
}

#[derive(Clone)]
struct VolumeRestrictions<'c> {
    cluster: &'c Cluster<'c>,
    pod: &'c Pod,
    /// The pod's ReadWriteOncePod claims.
    claims: BTreeSet<&'c str>,
    /// How many of them other pods use; moved pods are counted by claim name alone, as upstream does.
    conflicts: i64,
    version: Version,
    pods_complete: bool,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let found = claims_of(cycle);
    match found.first_problem {
        Some(status) => PreFilter::Reject(status),
        None => filter(cycle, found.read_write_once_pod).map_or(PreFilter::Skip, PreFilter::Filter),
    }
}

/// The pod's claims, as far as the plugin looks at them.
#[derive(Default)]
struct Found<'c> {
    /// Why the first claim that isn't there, or wasn't read, ends PreFilter.
    first_problem: Option<Status>,
    missing: Vec<&'c str>,
    read_write_once_pod: BTreeSet<&'c str>,
}

fn claims_of<'c>(cycle: &Cycle<'c>) -> Found<'c> {
    let namespace = cycle.pod.metadata.namespace.as_str();
    let mut found = Found::default();
    if !release::enforces_read_write_once_pod(cycle.cluster.version) {
        return found;
    }
    for source in cycle.pod.spec.volumes.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref()) {
        let name = source.claim_name.as_str();
        match cycle.cluster.snapshot.claims.get(namespace, name) {
            Lookup::Found(claim) => {
                if claim.spec.access_modes.iter().any(|mode| mode == "ReadWriteOncePod") {
                    found.read_write_once_pod.insert(claim.metadata.name.as_str());
                }
            }
            Lookup::Absent => {
                let reason = Reason::ClaimNotFound { claim: name.to_owned() };
                found.first_problem.get_or_insert_with(|| Status::unresolvable(reason));
                found.missing.push(name);
            }
            Lookup::Unknown => {
                found.first_problem.get_or_insert_with(|| claim_unread(name));
            }
        }
    }
    found
}

/// The filter for these ReadWriteOncePod claims; `None` where there is nothing to look at on nodes.
fn filter<'c>(cycle: &Cycle<'c>, claims: BTreeSet<&'c str>) -> Option<Box<dyn Filter<'c> + 'c>> {
    let namespace = cycle.pod.metadata.namespace.as_str();
    let conflicts = claims.iter().filter(|name| cycle.cluster.claim_in_use(namespace, name)).count() as i64;
    let pods_complete = cycle.cluster.snapshot.pods.covers(namespace);
    let unread = !claims.is_empty() && !pods_complete;
    if !cycle.pod.spec.volumes.iter().any(restricted) && conflicts == 0 && !unread {
        return None;
    }
    Some(Box::new(VolumeRestrictions {
        cluster: cycle.cluster,
        pod: cycle.pod,
        claims,
        conflicts,
        version: cycle.cluster.version,
        pods_complete,
    }))
}

/// The lister's error for a claim that isn't there.
pub(crate) fn claim_not_found_text(name: &str) -> String {
    format!("persistentvolumeclaim {name:?} not found")
}

pub(crate) fn claim_unread(name: &str) -> Status {
    Status::unknown(format!("the claim {name} could not be read"))
}

fn restricted(volume: &PodVolume) -> bool {
    volume.gce_persistent_disk.is_some()
        || volume.aws_elastic_block_store.is_some()
        || volume.rbd.is_some()
        || volume.iscsi.is_some()
}

/// Whether two inline volumes can't be used on one node.
fn conflict(a: &PodVolume, b: &PodVolume) -> bool {
    let gce = a.gce_persistent_disk.as_ref().zip(b.gce_persistent_disk.as_ref());
    let ebs = a.aws_elastic_block_store.as_ref().zip(b.aws_elastic_block_store.as_ref());
    let iscsi = a.iscsi.as_ref().zip(b.iscsi.as_ref());
    let rbd = a.rbd.as_ref().zip(b.rbd.as_ref());
    gce.is_some_and(|(a, b)| a.pd_name == b.pd_name && !(a.read_only && b.read_only))
        || ebs.is_some_and(|(a, b)| a.volume_id == b.volume_id)
        || iscsi.is_some_and(|(a, b)| a.iqn == b.iqn && !(a.read_only && b.read_only))
        || rbd.is_some_and(|(a, b)| {
            a.monitors.iter().any(|monitor| b.monitors.contains(monitor))
                && a.pool == b.pool
                && a.image == b.image
                && !(a.read_only && b.read_only)
        })
}

impl<'c> Filter<'c> for VolumeRestrictions<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        for volume in self.pod.spec.volumes.iter().filter(|volume| restricted(volume)) {
            let others = node.pods.iter().flat_map(|info| &info.pod.spec.volumes);
            if others.into_iter().any(|other| conflict(volume, other)) {
                return Err(Status::unschedulable(Reason::DiskInUse));
            }
        }
        if self.conflicts > 0 {
            let newer = release::newer_claim_in_use_text(self.version);
            return Err(Status::unschedulable(Reason::ClaimInUse { newer }));
        }
        if self.pods_complete { Ok(()) } else { Err(Status::unknown("not every pod could be read")) }
    }

    fn moved(&mut self, pod: &PodInfo<'c>, _node: &NodeInfo<'c>, change: Move) {
        let volumes = pod.pod.spec.volumes.iter();
        let claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
        let hits = claims.filter(|claim| self.claims.contains(claim.claim_name.as_str())).count() as i64;
        self.conflicts += hits * change.delta();
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        self.against(node)
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
