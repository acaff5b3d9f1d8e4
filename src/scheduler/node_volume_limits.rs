//! `plugins/nodevolumelimits/csi.go`: how many volumes of a driver a node takes.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, NodeInfo};
use super::csi_migration;
use super::framework::{Cycle, Decision, Filter, PreFilter, Status};
use super::release;
use super::volume_binding::{not_owner, owned_by};
use crate::model::pod::PodVolume;
use crate::model::{Claim, CsiNode, Pod};
use crate::snapshot::Lookup;
use crate::volumes::migration;

pub(crate) const NAME: &str = "NodeVolumeLimits";
const REASON: &str = "node(s) exceed max volume count";

/// Driver and handle of a volume. A claim without a volume gets a handle of its own.
type VolumeKey = (String, String);

#[derive(Clone)]
struct NodeVolumeLimits<'c> {
    cluster: &'c Cluster<'c>,
    pod: &'c Pod,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let counts = cycle.pod.spec.volumes.iter().any(|volume| {
        volume.persistent_volume_claim.is_some()
            || volume.ephemeral.is_some()
            || migration::inline_plugin(volume).is_some()
    });
    if counts {
        PreFilter::Filter(Box::new(NodeVolumeLimits { cluster: cycle.cluster, pod: cycle.pod }))
    } else {
        PreFilter::Skip
    }
}

/// Whose volumes are gathered: a missing claim is an error for the pod to be scheduled alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Incoming,
    Existing,
}

/// The limits of a node, by driver; a count of 0 is a limit.
fn limits(csi_node: Option<&CsiNode>) -> BTreeMap<&str, i64> {
    let drivers = csi_node.map_or(&[][..], |csi_node| &csi_node.spec.drivers);
    drivers.iter().filter_map(|driver| Some((driver.name.as_str(), driver.allocatable.as_ref()?.count?))).collect()
}

impl<'c> NodeVolumeLimits<'c> {
    fn volumes(&self, pod: &Pod, csi_node: Option<&CsiNode>, role: Role) -> Result<BTreeSet<VolumeKey>, Status> {
        let mut found = BTreeSet::new();
        for volume in &pod.spec.volumes {
            let key = match volume.claim_name(&pod.metadata.name) {
                None => self.inline(volume, &pod.metadata.namespace, csi_node),
                Some(name) => match self.cluster.snapshot.claims.get(&pod.metadata.namespace, &name) {
                    Lookup::Found(claim) => {
                        if volume.persistent_volume_claim.is_none() && !owned_by(&claim.metadata, pod) {
                            return Err(Status::error(not_owner(claim, pod)));
                        }
                        self.identity(claim, csi_node)?
                    }
                    Lookup::Absent if role == Role::Existing => None,
                    Lookup::Absent => return Err(looked_up(pod, &name)),
                    Lookup::Unknown => return Err(Status::unknown(format!("the claim {name} could not be read"))),
                },
            };
            found.extend(key);
        }
        Ok(found)
    }

    /// Driver and handle of a claim's volume; `None` where it doesn't count.
    fn identity(&self, claim: &Claim, csi_node: Option<&CsiNode>) -> Result<Option<VolumeKey>, Status> {
        let name = claim.spec.volume_name.as_str();
        if name.is_empty() {
            return self.identity_from_class(claim, csi_node);
        }
        match self.cluster.snapshot.volumes.get("", name) {
            Lookup::Found(volume) => Ok(match (&volume.spec.csi, migration::in_tree_plugin(volume)) {
                (Some(csi), _) => Some((csi.driver.clone(), csi.volume_handle.clone())),
                (None, Some(plugin)) if csi_migration::counts(self.cluster.version, csi_node, plugin) => {
                    migration::translate(volume).map(|identity| (identity.driver.to_owned(), identity.handle))
                }
                (None, _) => None,
            }
            .filter(|(driver, handle)| !driver.is_empty() && !handle.is_empty())),
            Lookup::Absent => self.identity_from_class(claim, csi_node),
            Lookup::Unknown => Err(Status::unknown(format!("the volume {name} could not be read"))),
        }
    }

    fn identity_from_class(&self, claim: &Claim, csi_node: Option<&CsiNode>) -> Result<Option<VolumeKey>, Status> {
        let class = claim.class();
        if class.is_empty() {
            return Ok(None);
        }
        let class = match self.cluster.snapshot.classes.get("", class) {
            Lookup::Found(class) => class,
            Lookup::Absent => return Ok(None),
            Lookup::Unknown => return Err(Status::unknown(format!("the class {class} could not be read"))),
        };
        let handle = format!("\0{}/{}", claim.metadata.namespace, claim.metadata.name);
        Ok(match migration::csi_driver_of(&class.provisioner) {
            Some(driver) if csi_migration::counts(self.cluster.version, csi_node, &class.provisioner) => {
                Some((driver.to_owned(), handle))
            }
            Some(_) => None,
            None if class.provisioner.is_empty() => None,
            None => Some((class.provisioner.clone(), handle)),
        })
    }

    fn inline(&self, volume: &PodVolume, namespace: &str, csi_node: Option<&CsiNode>) -> Option<VolumeKey> {
        let plugin = migration::inline_plugin(volume)?;
        if !csi_migration::counts(self.cluster.version, csi_node, plugin) {
            return None;
        }
        migration::translate_inline(volume, namespace).map(|identity| (identity.driver.to_owned(), identity.handle))
    }

    /// What VolumeAttachments say is attached to the node.
    fn attached(&self, node: &str) -> BTreeSet<VolumeKey> {
        let attachments = self.cluster.attachments_of_node(node).iter();
        attachments
            .filter(|attachment| !attachment.spec.attacher.is_empty())
            .filter_map(|attachment| {
                let volume = attachment.spec.source.persistent_volume_name.as_deref()?;
                let volume = self.cluster.snapshot.volumes.get("", volume).found()?;
                let handle = &volume.spec.csi.as_ref()?.volume_handle;
                Some((attachment.spec.attacher.clone(), handle.clone()))
            })
            .collect()
    }

    fn exceeds(&self, node: &NodeInfo<'c>, csi_node: Option<&CsiNode>) -> Decision {
        let mut new = self.volumes(self.pod, csi_node, Role::Incoming)?;
        let limits = limits(csi_node);
        if new.is_empty() || limits.is_empty() || !new.iter().any(|(driver, _)| limits.contains_key(driver.as_str())) {
            return Ok(());
        }
        let mut present = BTreeSet::new();
        for info in &node.pods {
            present.extend(self.volumes(info.pod, csi_node, Role::Existing)?);
        }
        new.retain(|key| !present.contains(key));
        if release::counts_attachments(self.cluster.version) {
            present.extend(self.attached(node.name()));
        }
        let count = |set: &BTreeSet<VolumeKey>, driver: &str| set.iter().filter(|(of, _)| of == driver).count() as i64;
        let over = limits.iter().any(|(driver, limit)| {
            let wanted = count(&new, driver);
            wanted > 0 && count(&present, driver) + wanted > *limit
        });
        if over { Err(Status::unschedulable(REASON)) } else { self.certain() }
    }

    /// The node has room, as far as everything that counts could be read.
    fn certain(&self) -> Decision {
        if !self.cluster.pods_complete() {
            return Err(Status::unknown("not every pod could be read"));
        }
        if !self.cluster.snapshot.attachments.complete() {
            return Err(Status::unknown("not every VolumeAttachment could be read"));
        }
        Ok(())
    }
}

fn looked_up(pod: &Pod, name: &str) -> Status {
    let namespace = &pod.metadata.namespace;
    Status::unresolvable(format!("looking up PVC {namespace}/{name}: persistentvolumeclaim {name:?} not found"))
}

impl<'c> Filter<'c> for NodeVolumeLimits<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        match self.cluster.snapshot.csi_nodes.get("", node.name()) {
            Lookup::Found(csi_node) => self.exceeds(node, Some(csi_node)),
            Lookup::Absent => self.exceeds(node, None),
            Lookup::Unknown => Err(Status::unknown(format!("the CSINode {} could not be read", node.name()))),
        }
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
