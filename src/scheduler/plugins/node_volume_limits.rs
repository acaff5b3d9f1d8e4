//! `plugins/nodevolumelimits/csi.go`: how many volumes of a driver a node takes.

mod obstacles;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::volume_binding::{not_owner, owned_by};
use super::volume_restrictions::claim_not_found_text;
use crate::model::pod::PodVolume;
use crate::model::version::Version;
use crate::model::{Claim, CsiNode, Pod, Volume};
use crate::scheduler::cluster::{Cluster, NodeInfo};
use crate::scheduler::csi_migration;
use crate::scheduler::framework::{Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::obstacle::Obstacle;
use crate::scheduler::present_volumes::{Present, PresentVolumes, VolumeKey};
use crate::scheduler::release;
use crate::snapshot::Lookup;
use crate::volumes::migration;

pub(crate) const NAME: &str = "NodeVolumeLimits";

/// Why the plugin rejects a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The node would hold more volumes of a driver than it can.
    Exceeded,
    /// A claim that the pod names doesn't exist.
    ClaimNotFound { namespace: String, claim: String },
    /// A driver of the pod's volumes isn't on the node, and asks that its pods only go where it is.
    DriverNotInstalled { driver: String },
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::Exceeded => "node(s) exceed max volume count".into(),
            Reason::ClaimNotFound { namespace, claim } => {
                format!("looking up PVC {namespace}/{claim}: {}", claim_not_found_text(claim)).into()
            }
            Reason::DriverNotInstalled { driver } => format!("{driver} CSI driver is not installed on the node").into(),
        }
    }
}

#[derive(Clone)]
struct NodeVolumeLimits<'c> {
    cluster: &'c Cluster<'c>,
    pod: &'c Pod,
    /// The pod's volumes, or why they can't be told, which upstream says node by node.
    own: Rc<Result<Vec<Identity>, Status>>,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let counts = cycle.pod.spec.volumes.iter().any(|volume| {
        volume.persistent_volume_claim.is_some()
            || volume.ephemeral.is_some()
            || migration::inline_plugin(volume).is_some()
    });
    if counts {
        let own = Rc::new(identities(cycle.cluster, cycle.pod, Role::Incoming));
        PreFilter::Filter(Box::new(NodeVolumeLimits { cluster: cycle.cluster, pod: cycle.pod, own }))
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

/// What a volume counts as.
enum Identity {
    Volume(VolumeKey),
    /// An in-tree volume that counts where its plugin is migrated.
    Migrated {
        plugin: String,
        twin: VolumeKey,
    },
}

impl Identity {
    fn migrated(plugin: &str, driver: &str, handle: String) -> Self {
        Self::Migrated { plugin: plugin.to_owned(), twin: (driver.to_owned(), handle) }
    }

    /// The volume as it counts on a node with this CSINode.
    fn on(&self, version: Version, csi_node: Option<&CsiNode>) -> Option<&VolumeKey> {
        match self {
            Self::Volume(key) => Some(key),
            Self::Migrated { plugin, twin } => csi_migration::counts(version, csi_node, plugin).then_some(twin),
        }
    }
}

/// The volumes of a pod that may count.
fn identities(cluster: &Cluster<'_>, pod: &Pod, role: Role) -> Result<Vec<Identity>, Status> {
    let mut found = Vec::new();
    for volume in &pod.spec.volumes {
        found.extend(match volume.claim_name(&pod.metadata.name) {
            None => inline(volume, &pod.metadata.namespace),
            Some(name) => match cluster.snapshot.claims.get(&pod.metadata.namespace, &name) {
                Lookup::Found(claim) => {
                    if volume.persistent_volume_claim.is_none() && !owned_by(&claim.metadata, pod) {
                        return Err(Status::error(not_owner(claim, pod)));
                    }
                    of_claim(cluster, claim)?
                }
                Lookup::Absent if role == Role::Existing => None,
                Lookup::Absent => return Err(looked_up(pod, &name)),
                Lookup::Unknown => return Err(Status::unknown(format!("the claim {name} could not be read"))),
            },
        });
    }
    Ok(found)
}

/// Driver and handle of a claim's volume; `None` where it doesn't count.
fn of_claim(cluster: &Cluster<'_>, claim: &Claim) -> Result<Option<Identity>, Status> {
    let name = claim.spec.volume_name.as_str();
    if name.is_empty() {
        return of_class(cluster, claim);
    }
    match cluster.snapshot.volumes.get("", name) {
        Lookup::Found(volume) => Ok(of_volume(volume)),
        Lookup::Absent => of_class(cluster, claim),
        Lookup::Unknown => Err(Status::unknown(format!("the volume {name} could not be read"))),
    }
}

fn of_volume(volume: &Volume) -> Option<Identity> {
    if let Some(csi) = &volume.spec.csi {
        let known = !csi.driver.is_empty() && !csi.volume_handle.is_empty();
        return known.then(|| Identity::Volume((csi.driver.clone(), csi.volume_handle.clone())));
    }
    let plugin = migration::in_tree_plugin(volume)?;
    let twin = migration::translate(volume)?;
    (!twin.handle.is_empty()).then(|| Identity::migrated(plugin, twin.driver, twin.handle))
}

fn of_class(cluster: &Cluster<'_>, claim: &Claim) -> Result<Option<Identity>, Status> {
    let class = claim.class();
    if class.is_empty() {
        return Ok(None);
    }
    let class = match cluster.snapshot.classes.get("", class) {
        Lookup::Found(class) => class,
        Lookup::Absent => return Ok(None),
        Lookup::Unknown => return Err(Status::unknown(format!("the class {class} could not be read"))),
    };
    let handle = format!("\0{}/{}", claim.metadata.namespace, claim.metadata.name);
    Ok(match migration::csi_driver_of(&class.provisioner) {
        Some(driver) => Some(Identity::migrated(&class.provisioner, driver, handle)),
        None if class.provisioner.is_empty() => None,
        None => Some(Identity::Volume((class.provisioner.clone(), handle))),
    })
}

fn inline(volume: &PodVolume, namespace: &str) -> Option<Identity> {
    let plugin = migration::inline_plugin(volume)?;
    let twin = migration::translate_inline(volume, namespace)?;
    Some(Identity::migrated(plugin, twin.driver, twin.handle))
}

impl<'c> NodeVolumeLimits<'c> {
    /// What is on a node; found once for every node of the cluster, and anew for those of dry runs.
    fn present(&self, node: &NodeInfo<'c>, csi_node: Option<&CsiNode>) -> PresentVolumes {
        let own = self.cluster.position(node.name()).filter(|&own| std::ptr::eq(&*self.cluster.nodes[own], node));
        let known = own.and_then(|position| self.cluster.volumes_present.borrow().get(&position).cloned());
        known.unwrap_or_else(|| {
            let present = self.gather(node, csi_node).map(Rc::new);
            if let Some(position) = own {
                self.cluster.volumes_present.borrow_mut().insert(position, present.clone());
            }
            present
        })
    }

    fn gather(&self, node: &NodeInfo<'c>, csi_node: Option<&CsiNode>) -> Result<Present, Status> {
        let mut of_pods = BTreeSet::new();
        for info in &node.pods {
            let identities = identities(self.cluster, info.pod, Role::Existing)?;
            of_pods.extend(identities.iter().filter_map(|volume| volume.on(self.cluster.version, csi_node)).cloned());
        }
        let mut attached = BTreeSet::new();
        if release::counts_attachments(self.cluster.version) {
            attached = self.attached(node.name());
        }
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for (driver, _) in of_pods.union(&attached) {
            *counts.entry(driver.clone()).or_default() += 1;
        }
        Ok(Present { of_pods, counts })
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
        let own = self.own.as_ref().as_ref().map_err(Clone::clone)?;
        let version = self.cluster.version;
        let mut new: BTreeSet<&VolumeKey> = own.iter().filter_map(|volume| volume.on(version, csi_node)).collect();
        if let Some(status) = self.not_installed(&new, csi_node).next() {
            return Err(status);
        }
        let limits = limits(csi_node);
        if !new.iter().any(|(driver, _)| limits.contains_key(driver.as_str())) {
            return Ok(());
        }
        let present = self.present(node, csi_node)?;
        new.retain(|key| !present.of_pods.contains(*key));
        let over = limits.iter().any(|(driver, limit)| {
            let wanted = new.iter().filter(|(of, _)| of == driver).count() as i64;
            wanted > 0 && present.counts.get(*driver).copied().unwrap_or(0) + wanted > *limit
        });
        if over { Err(Status::unschedulable(Reason::Exceeded)) } else { self.certain() }
    }

    /// The drivers of volumes that aren't on a node and ask for that (checkCSIDriverOnNode). Upstream stops at the first
    /// that it comes to.
    fn not_installed<'v>(
        &'v self,
        volumes: &BTreeSet<&'v VolumeKey>,
        csi_node: Option<&'v CsiNode>,
    ) -> impl Iterator<Item = Status> + 'v {
        let there = csi_node.map_or(&[][..], |csi_node| &csi_node.spec.drivers);
        let asked = release::asks_for_installed_drivers(self.cluster.version);
        let drivers: BTreeSet<&str> = volumes.iter().filter(|_| asked).map(|(driver, _)| driver.as_str()).collect();
        let absent = drivers.into_iter().filter(|driver| !there.iter().any(|there| there.name == *driver));
        absent.filter_map(|driver| match self.cluster.snapshot.csi_drivers.get("", driver) {
            Lookup::Found(found) if found.spec.prevent_pod_scheduling_if_missing == Some(true) => {
                Some(Status::unschedulable(Reason::DriverNotInstalled { driver: driver.to_owned() }))
            }
            Lookup::Found(_) | Lookup::Absent => None,
            Lookup::Unknown => Some(Status::unknown(format!("the CSIDriver {driver} could not be read"))),
        })
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
    let (namespace, claim) = (pod.metadata.namespace.clone(), name.to_owned());
    Status::unresolvable(Reason::ClaimNotFound { namespace, claim })
}

impl<'c> Filter<'c> for NodeVolumeLimits<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        match self.cluster.snapshot.csi_nodes.get("", node.name()) {
            Lookup::Found(csi_node) => self.exceeds(node, Some(csi_node)),
            Lookup::Absent => self.exceeds(node, None),
            Lookup::Unknown => Err(Status::unknown(format!("the CSINode {} could not be read", node.name()))),
        }
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        self.against(node)
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
