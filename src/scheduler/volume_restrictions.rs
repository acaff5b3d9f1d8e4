//! `plugins/volumerestrictions`: ReadWriteOncePod claims in use, and inline disks that two pods can't share.

use std::collections::BTreeSet;

use super::cluster::{NodeInfo, PodInfo};
use super::framework::{Cycle, Decision, Filter, Move, PreFilter, Status};
use super::release;
use crate::model::Pod;
use crate::model::pod::PodVolume;
use crate::model::version::Version;
use crate::snapshot::Lookup;

pub(crate) const NAME: &str = "VolumeRestrictions";
const REASON_DISK: &str = "node(s) had no available disk";

#[derive(Clone)]
struct VolumeRestrictions<'c> {
    pod: &'c Pod,
    /// The pod's ReadWriteOncePod claims.
    claims: BTreeSet<&'c str>,
    /// How many of them other pods use; moved pods are counted by claim name alone, as upstream does.
    conflicts: i64,
    version: Version,
    pods_complete: bool,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let namespace = cycle.pod.metadata.namespace.as_str();
    let enforced = release::enforces_read_write_once_pod(cycle.cluster.version);
    let mut claims = BTreeSet::new();
    for volume in cycle.pod.spec.volumes.iter().filter(|_| enforced) {
        let Some(source) = &volume.persistent_volume_claim else { continue };
        match cycle.cluster.snapshot.claims.get(namespace, &source.claim_name) {
            Lookup::Found(claim) => {
                if claim.spec.access_modes.iter().any(|mode| mode == "ReadWriteOncePod") {
                    claims.insert(claim.metadata.name.as_str());
                }
            }
            Lookup::Absent => return PreFilter::Reject(claim_not_found(&source.claim_name)),
            Lookup::Unknown => return PreFilter::Reject(claim_unread(&source.claim_name)),
        }
    }
    let conflicts = claims.iter().filter(|name| cycle.cluster.claim_in_use(namespace, name)).count() as i64;
    let pods_complete = cycle.cluster.snapshot.pods.covers(namespace);
    let unread = !claims.is_empty() && !pods_complete;
    if !cycle.pod.spec.volumes.iter().any(restricted) && conflicts == 0 && !unread {
        return PreFilter::Skip;
    }
    PreFilter::Filter(Box::new(VolumeRestrictions {
        pod: cycle.pod,
        claims,
        conflicts,
        version: cycle.cluster.version,
        pods_complete,
    }))
}

/// The lister's error for a claim that isn't there.
pub(crate) fn claim_not_found(name: &str) -> Status {
    Status::unresolvable(format!("persistentvolumeclaim {name:?} not found"))
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
                return Err(Status::unschedulable(REASON_DISK));
            }
        }
        if self.conflicts > 0 {
            return Err(Status::unschedulable(release::read_write_once_pod(self.version)));
        }
        if self.pods_complete { Ok(()) } else { Err(Status::unknown("not every pod could be read")) }
    }

    fn moved(&mut self, pod: &PodInfo<'c>, _node: &NodeInfo<'c>, change: Move) {
        let volumes = pod.pod.spec.volumes.iter();
        let claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
        let hits = claims.filter(|claim| self.claims.contains(claim.claim_name.as_str())).count() as i64;
        self.conflicts += hits * change.delta();
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
