//! Who holds a pod's ReadWriteOncePod claims and inline disks.

use super::{Reason, VolumeRestrictions, claims_of, conflict, restricted};
use crate::model::pod::PodVolume;
use crate::model::{Kind, ObjectRef, Pod};
use crate::scheduler::claim_obstacles;
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::{Behind, Cycle};
use crate::scheduler::obstacle::{Fact, Obstacle, pod_ref};
use crate::scheduler::release;
use crate::snapshot::Edit;

impl<'c> VolumeRestrictions<'c> {
    pub(super) fn against(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let disks = self.pod.spec.volumes.iter().enumerate().filter(|(_, volume)| restricted(volume));
        let mut obstacles: Vec<Obstacle> =
            disks.filter_map(|(position, volume)| self.disk(position, volume, node)).collect();
        if self.conflicts > 0 {
            obstacles.extend(self.claims.iter().filter_map(|claim| self.claim_in_use(claim, node)));
        }
        obstacles
    }

    fn disk(&self, position: usize, volume: &PodVolume, node: &NodeInfo<'c>) -> Option<Obstacle> {
        let holds = |pod: &&Pod| pod.spec.volumes.iter().any(|other| conflict(volume, other));
        let pods: Vec<&Pod> = node.pods.iter().map(|info| info.pod).filter(holds).collect();
        let holders: Vec<ObjectRef> = pods.iter().map(|pod| pod_ref(pod)).collect();
        let first = holders.first()?;
        Some(Obstacle {
            reason: Reason::DiskInUse.into(),
            object: pod_ref(self.pod),
            path: format!("spec.volumes[{position}]"),
            wanted: format!("the disk of volume {} for itself", volume.name),
            present: format!("held by pod {}/{}", first.namespace, first.name),
            fact: Fact::DiskInUse { volume: volume.name.clone(), holders },
            edits: pods.into_iter().map(gone).collect(),
        })
    }

    fn claim_in_use(&self, claim: &str, node: &NodeInfo<'c>) -> Option<Obstacle> {
        let uses = |pod: &Pod| {
            let sources = pod.spec.volumes.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref());
            sources.into_iter().any(|source| source.claim_name == claim)
        };
        let namespace = &self.pod.metadata.namespace;
        let placed = self.cluster.placed_in(namespace).filter(|(pod, _)| uses(pod));
        let guests = node.pods.iter().map(|info| (info.pod, node.name()));
        let guests = guests.filter(|(pod, _)| !pod.assigned() && self.cluster.assumed_node(pod).is_none() && uses(pod));
        let users: Vec<(&Pod, &str)> = placed.chain(guests).collect();
        let (first, at) = users.first()?;
        Some(Obstacle {
            reason: Reason::ClaimInUse { newer: release::newer_claim_in_use_text(self.version) }.into(),
            object: ObjectRef::new(Kind::PersistentVolumeClaim, namespace, claim),
            path: "spec.accessModes".to_owned(),
            wanted: "the ReadWriteOncePod claim for itself".to_owned(),
            present: format!("used by pod {} on {at}", first.metadata.name),
            fact: Fact::ClaimInUse {
                claim: claim.to_owned(),
                holders: users.iter().map(|(pod, node)| (pod_ref(pod), (*node).to_owned())).collect(),
            },
            edits: users.iter().map(|(pod, _)| gone(pod)).collect(),
        })
    }
}

fn gone(pod: &Pod) -> Edit {
    Edit::Delete { kind: Kind::Pod, namespace: pod.metadata.namespace.clone(), name: pod.metadata.name.clone() }
}

/// Every claim that is missing, and what the others say of nodes.
pub(crate) fn behind<'c>(cycle: &Cycle<'c>) -> Behind<'c> {
    let found = claims_of(cycle);
    let missing = found.missing.iter().map(|claim| {
        let reason = Reason::ClaimNotFound { claim: (*claim).to_owned() }.into();
        claim_obstacles::missing(reason, cycle.pod, claim)
    });
    Behind { obstacles: missing.collect(), filter: super::filter(cycle, found.read_write_once_pod) }
}
