//! The zone and region labels of a pod's volumes, label by label.

use serde_json::json;

use super::{LABELS, Reason, VolumeZone, Wanted, topologies};
use crate::model::{Claim, Kind, Volume};
use crate::scheduler::claim_obstacles::{self, volume_ref};
use crate::scheduler::cluster::{Cluster, NodeInfo};
use crate::scheduler::framework::{Behind, Cycle};
use crate::scheduler::obstacle::{ClaimTrouble, Fact, Obstacle, label_present, patch, pod_ref};
use crate::scheduler::release;
use crate::snapshot::Lookup;
use crate::snapshot::edit::pointer_token;

impl<'c> VolumeZone<'c> {
    pub(super) fn against(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let labels = &node.node.metadata.labels;
        if !LABELS.iter().any(|key| labels.contains_key(*key)) {
            return Vec::new();
        }
        if self.rejection.is_some() {
            return pod_obstacles(self.cycle);
        }
        let volumes = bound(self.cycle).into_iter();
        volumes.flat_map(|(claim, volume)| self.of_volume(claim, volume, node)).collect()
    }

    fn of_volume(&self, claim: &Claim, volume: &Volume, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let unmet = topologies(volume).into_iter().filter(|wanted| !self.admits(wanted, node));
        unmet
            .map(|(key, values)| {
                let present = self.label_of(key, node).cloned();
                let values: Vec<String> = values.into_iter().collect();
                let path = format!("/metadata/labels/{}", pointer_token(key));
                Obstacle {
                    reason: Reason::Zone.into(),
                    object: volume_ref(volume),
                    path: format!("metadata.labels[{key}]"),
                    wanted: format!("{key}: {}", values.join(", ")),
                    present: label_present(present.as_deref()),
                    fact: Fact::Zone {
                        claim: claim.metadata.name.clone(),
                        volume: volume.metadata.name.clone(),
                        key: key.to_owned(),
                        values,
                        present,
                    },
                    edits: vec![patch(
                        Kind::PersistentVolume,
                        &volume.metadata,
                        json!([{"op": "remove", "path": path}]),
                    )],
                }
            })
            .collect()
    }
}

/// The pod's claims with their volumes, where both are there.
fn bound<'c>(cycle: Cycle<'c>) -> Vec<(&'c Claim, &'c Volume)> {
    let snapshot = cycle.cluster.snapshot;
    let sources = cycle.pod.spec.volumes.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref());
    sources
        .filter_map(|source| snapshot.claims.get(&cycle.pod.metadata.namespace, &source.claim_name).found())
        .filter_map(|claim| Some((&**claim, &**snapshot.volumes.get("", &claim.spec.volume_name).found()?)))
        .collect()
}

/// What rejects the pod at PreFilter, or in older releases at each node.
fn pod_obstacles(cycle: Cycle<'_>) -> Vec<Obstacle> {
    let sources = cycle.pod.spec.volumes.iter().enumerate();
    let sources = sources.filter_map(|(position, volume)| Some((position, volume.persistent_volume_claim.as_ref()?)));
    let mut obstacles = Vec::new();
    for (position, source) in sources {
        let claim = source.claim_name.as_str();
        if claim.is_empty() {
            obstacles.push(nameless(cycle, position));
            continue;
        }
        match cycle.cluster.snapshot.claims.get(&cycle.pod.metadata.namespace, claim) {
            Lookup::Found(found) => obstacles.extend(of_claim(cycle.cluster, found)),
            Lookup::Absent => {
                let reason = Reason::ClaimNotFound { claim: claim.to_owned() }.into();
                obstacles.push(claim_obstacles::missing(reason, cycle.pod, claim));
            }
            Lookup::Unknown => {}
        }
    }
    obstacles
}

fn of_claim(cluster: &Cluster<'_>, claim: &Claim) -> Option<Obstacle> {
    let status = super::topologies_of(cluster, claim).err()?;
    let reason = status.reasons.into_iter().next()?;
    Some(match claim.spec.volume_name.as_str() {
        "" => claim_obstacles::unbound(reason, cluster.snapshot, claim),
        volume => claim_obstacles::volume_missing(reason, claim, volume),
    })
}

fn nameless(cycle: Cycle<'_>, position: usize) -> Obstacle {
    let path = format!("/spec/volumes/{position}");
    Obstacle {
        reason: Reason::ClaimNameless.into(),
        fact: Fact::Claim { claim: String::new(), trouble: ClaimTrouble::Nameless },
        object: pod_ref(cycle.pod),
        path: format!("spec.volumes[{position}].persistentVolumeClaim.claimName"),
        wanted: "a claim's name".to_owned(),
        present: "none".to_owned(),
        edits: vec![patch(Kind::Pod, &cycle.pod.metadata, json!([{"op": "remove", "path": path}]))],
    }
}

/// Every claim that rejects the pod, and the zones of the others.
pub(crate) fn behind<'c>(cycle: &Cycle<'c>) -> Behind<'c> {
    let wanted: Vec<Wanted> = bound(*cycle).into_iter().flat_map(|(_, volume)| topologies(volume)).collect();
    let filter = VolumeZone {
        cycle: *cycle,
        wanted: wanted.into(),
        rejection: None,
        translates: release::translates_zone_labels(cycle.cluster.version),
    };
    Behind { obstacles: pod_obstacles(*cycle), filter: Some(Box::new(filter)) }
}
