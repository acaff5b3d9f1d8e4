//! `plugins/volumezone`: zone and region labels of bound volumes.

mod obstacles;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::volume_restrictions::{claim_not_found_text, claim_unread};
use crate::model::{Claim, Volume};
use crate::scheduler::cluster::{Cluster, NodeInfo};
use crate::scheduler::framework::{Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::obstacle::Obstacle;
use crate::scheduler::release;
use crate::snapshot::Lookup;
pub(crate) use obstacles::behind;

pub(crate) const NAME: &str = "VolumeZone";
const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";
const LABELS: [&str; 4] = [BETA_ZONE, BETA_REGION, ZONE, REGION];

/// Why the plugin rejects a node or the pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A volume of the pod names no claim.
    ClaimNameless,
    /// A claim that the pod names doesn't exist.
    ClaimNotFound { claim: String },
    /// A claim has neither a volume nor a class.
    NoVolumeNoClass,
    /// A claim that doesn't wait for its pod has no volume.
    VolumeNameless,
    /// The class of a claim without a volume doesn't exist.
    ClassNotFound { class: String },
    /// A claim's volume doesn't exist.
    VolumeNotFound { volume: String },
    /// A volume's zone or region is another than the node's.
    Zone,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::ClaimNameless => "PersistentVolumeClaim had no name".into(),
            Reason::ClaimNotFound { claim } => claim_not_found_text(claim).into(),
            Reason::NoVolumeNoClass => "PersistentVolumeClaim had no pv name and storageClass name".into(),
            Reason::VolumeNameless => "PersistentVolume had no name".into(),
            Reason::ClassNotFound { class } => format!("storageclass.storage.k8s.io {class:?} not found").into(),
            Reason::VolumeNotFound { volume } => format!("persistentvolume {volume:?} not found").into(),
            Reason::Zone => "node(s) had no available volume zone".into(),
        }
    }
}

/// A label key with the values that a node may have.
type Wanted = (&'static str, BTreeSet<String>);

#[derive(Clone)]
struct VolumeZone<'c> {
    cycle: Cycle<'c>,
    wanted: Rc<Vec<Wanted>>,
    /// What older releases find out only at each node: a claim without a volume.
    rejection: Option<Status>,
    /// Whether a beta label of a volume is compared with the node's general one.
    translates: bool,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let (wanted, rejection) = match wanted(cycle) {
        Ok(wanted) if wanted.is_empty() => return PreFilter::Skip,
        Ok(wanted) => (wanted, None),
        Err(status) if release::zone_pre_filters(cycle.cluster.version) => return PreFilter::Reject(status),
        Err(status) => (Vec::new(), Some(status)),
    };
    PreFilter::Filter(Box::new(VolumeZone {
        cycle: *cycle,
        wanted: Rc::new(wanted),
        rejection,
        translates: release::translates_zone_labels(cycle.cluster.version),
    }))
}

fn wanted(cycle: &Cycle<'_>) -> Result<Vec<Wanted>, Status> {
    let mut wanted = Vec::new();
    for volume in &cycle.pod.spec.volumes {
        let Some(source) = &volume.persistent_volume_claim else { continue };
        if source.claim_name.is_empty() {
            return Err(Status::unresolvable(Reason::ClaimNameless));
        }
        match cycle.cluster.snapshot.claims.get(&cycle.pod.metadata.namespace, &source.claim_name) {
            Lookup::Found(claim) => wanted.extend(topologies_of(cycle.cluster, claim)?),
            Lookup::Absent => {
                let claim = source.claim_name.clone();
                return Err(Status::unresolvable(Reason::ClaimNotFound { claim }));
            }
            Lookup::Unknown => return Err(claim_unread(&source.claim_name)),
        }
    }
    Ok(wanted)
}

fn topologies_of(cluster: &Cluster<'_>, claim: &Claim) -> Result<Vec<Wanted>, Status> {
    let volume = claim.spec.volume_name.as_str();
    if volume.is_empty() {
        return unbound(cluster, claim).map(|()| Vec::new());
    }
    match cluster.snapshot.volumes.get("", volume) {
        Lookup::Found(volume) => Ok(topologies(volume)),
        Lookup::Absent => Err(Status::unresolvable(Reason::VolumeNotFound { volume: volume.to_owned() })),
        Lookup::Unknown => Err(Status::unknown(format!("the volume {volume} could not be read"))),
    }
}

fn unbound(cluster: &Cluster<'_>, claim: &Claim) -> Result<(), Status> {
    let class = claim.class();
    if class.is_empty() {
        return Err(Status::unresolvable(Reason::NoVolumeNoClass));
    }
    match cluster.snapshot.classes.get("", class) {
        Lookup::Found(found) if found.waits_for_consumer() => Ok(()),
        Lookup::Found(_) => Err(Status::unresolvable(Reason::VolumeNameless)),
        Lookup::Absent => Err(Status::unresolvable(Reason::ClassNotFound { class: class.to_owned() })),
        Lookup::Unknown => Err(Status::unknown(format!("the class {class} could not be read"))),
    }
}

/// A volume's zone and region labels; a value is a list joined by `__`, and one with an empty element is ignored.
fn topologies(volume: &Volume) -> Vec<Wanted> {
    let mut found = Vec::new();
    for key in LABELS {
        let Some(value) = volume.metadata.labels.get(key) else { continue };
        let values: BTreeSet<String> = value.split("__").map(|zone| zone.trim().to_owned()).collect();
        if !values.contains("") {
            found.push((key, values));
        }
    }
    found
}

fn general(key: &'static str) -> &'static str {
    match key {
        BETA_ZONE => ZONE,
        BETA_REGION => REGION,
        other => other,
    }
}

impl<'c> VolumeZone<'c> {
    fn admits(&self, (key, values): &Wanted, node: &NodeInfo<'c>) -> bool {
        self.label_of(key, node).is_some_and(|value| values.contains(value))
    }

    /// The node's label, or its general one for a beta key.
    fn label_of(&self, key: &'static str, node: &NodeInfo<'c>) -> Option<&'c String> {
        let labels = &node.node.metadata.labels;
        labels.get(key).or_else(|| labels.get(general(key)).filter(|_| self.translates))
    }
}

impl<'c> Filter<'c> for VolumeZone<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        let labels = &node.node.metadata.labels;
        if !LABELS.iter().any(|key| labels.contains_key(*key)) {
            return Ok(());
        }
        if let Some(status) = &self.rejection {
            return Err(status.clone());
        }
        let fits = self.wanted.iter().all(|wanted| self.admits(wanted, node));
        if fits { Ok(()) } else { Err(Status::unresolvable(Reason::Zone)) }
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        self.against(node)
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}
