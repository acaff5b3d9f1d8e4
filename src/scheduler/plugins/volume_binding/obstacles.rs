//! What keeps a pod's claims from their volumes on a node, claim by claim.

use serde_json::{Value, json};

use super::{
    Claims, DelayedClaim, NO_PROVISIONER, Reason, VolumeBinding, candidates, fits_by_shape, free_and_matching,
    reserved_for, usable,
};
use crate::model::meta::Map;
use crate::model::selector::{NodeSelector, Requirement, topologies_allow};
use crate::model::{Claim, CsiStorageCapacity, Kind, Node, ObjectRef, Pod, Quantity, Volume};
use crate::scheduler::claim_obstacles;
use crate::scheduler::framework::{Behind, Cycle};
use crate::scheduler::obstacle::{Fact, NoVolume, Obstacle, label_present, patch, wanted};
use crate::snapshot::edit::pointer_token;
use crate::snapshot::{Edit, Lookup};
use crate::volumes::migration;

/// Volumes elsewhere that a fact lists.
const ELSEWHERE: usize = 5;

impl<'c> VolumeBinding<'c> {
    pub(super) fn against(&self, node: &Node) -> Vec<Obstacle> {
        let bound = self.claims.bound.iter().filter_map(|claim| self.bound(claim, node));
        bound.chain(self.delayed(node)).collect()
    }

    fn bound(&self, claim: &'c Claim, node: &Node) -> Option<Obstacle> {
        let name = claim.spec.volume_name.as_str();
        match self.cluster.snapshot.volumes.get("", name) {
            Lookup::Found(volume) => match self.reachable(volume, node) {
                Ok(false) => Some(self.unreachable(claim, volume, node)),
                Ok(true) | Err(_) => None,
            },
            Lookup::Absent => Some(claim_obstacles::volume_missing(Reason::VolumeMissing.into(), claim, name)),
            Lookup::Unknown => None,
        }
    }

    fn unreachable(&self, claim: &Claim, volume: &Volume, node: &Node) -> Obstacle {
        let migrated = migration::in_tree_plugin(volume).is_some_and(|plugin| self.migrated(plugin, node) == Ok(true));
        let affinity = match migrated {
            true => migration::translate(volume).and_then(|identity| identity.node_affinity),
            false => volume.required_node_affinity().cloned(),
        };
        let unmet = affinity.as_ref().map_or_else(Vec::new, |affinity| unmet(affinity, &node.metadata.labels));
        let first = unmet.first();
        let newer = super::release::newer_volume_affinity_text(self.cluster.version);
        Obstacle {
            reason: Reason::VolumeAffinity { newer }.into(),
            object: ObjectRef::new(Kind::PersistentVolume, "", &volume.metadata.name),
            path: "spec.nodeAffinity.required".to_owned(),
            wanted: first.map_or_else(
                || "a term that can match".to_owned(),
                |(requirement, _)| format!("{}: {}", requirement.key, wanted(requirement)),
            ),
            present: first.map_or_else(String::new, |(_, present)| label_present(present.as_deref())),
            fact: Fact::VolumeAffinity {
                claim: claim.metadata.name.clone(),
                volume: volume.metadata.name.clone(),
                unmet,
            },
            edits: vec![patch(Kind::PersistentVolume, &volume.metadata, reachable_everywhere(volume, migrated))],
        }
    }

    fn delayed(&self, node: &Node) -> Vec<Obstacle> {
        let Claims { delayed, by_size, .. } = &*self.claims;
        let (mut obstacles, mut provision) = (Vec::new(), Vec::new());
        for delayed in delayed {
            match delayed.claim.selected_node() {
                Some(selected) if selected != node.metadata.name => {
                    obstacles.push(selected_elsewhere(delayed, selected, node));
                }
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
        obstacles.extend(provision.into_iter().filter_map(|delayed| self.not_provisionable(delayed, node)));
        obstacles
    }

    fn not_provisionable(&self, delayed: &DelayedClaim<'c>, node: &Node) -> Option<Obstacle> {
        match self.provisionable(delayed, node).err()? {
            super::Unsatisfied::Unknown(_) => None,
            super::Unsatisfied::NoSpace => Some(self.no_space(delayed, node)),
            super::Unsatisfied::NoVolume => Some(self.without_volume(delayed, node)),
        }
    }

    fn without_volume(&self, delayed: &DelayedClaim<'c>, node: &Node) -> Obstacle {
        let (claim, class) = (delayed.claim, delayed.class);
        let made = !matches!(class.provisioner.as_str(), "" | NO_PROVISIONER);
        if made && !topologies_allow(&class.allowed_topologies, &node.metadata.labels) {
            return not_allowed(delayed, node);
        }
        let elsewhere = self.elsewhere(delayed, node);
        Obstacle {
            reason: Reason::NoVolume.into(),
            object: claim_ref(claim),
            path: "spec.storageClassName".to_owned(),
            wanted: format!("a free volume of class {} for {}", class.metadata.name, size(delayed)),
            present: match elsewhere.first() {
                Some(first) => format!("none here; {first} is for other nodes"),
                None => format!("none, and provisioner {} makes none", class.provisioner),
            },
            fact: Fact::NoVolume {
                claim: claim.metadata.name.clone(),
                class: class.metadata.name.clone(),
                why: NoVolume::NoneMade { elsewhere },
            },
            edits: vec![claim_obstacles::volume_for(claim, &format!("storagewhy-{}", claim.metadata.name))],
        }
    }

    /// The volumes that the claim would take if they could be reached from the node.
    fn elsewhere(&self, delayed: &DelayedClaim<'c>, node: &Node) -> Vec<String> {
        let candidates = self.candidates.get(delayed.class.metadata.name.as_str()).into_iter().flatten();
        let fitting = candidates.filter(|volume| {
            let here = volume.required_node_affinity().is_none_or(|a| a.matches("", &node.metadata.labels));
            let takes = reserved_for(volume, delayed.claim) || free_and_matching(volume, delayed.claim);
            !here && takes && fits_by_shape(volume, delayed)
        });
        fitting.map(|volume| volume.metadata.name.clone()).take(ELSEWHERE).collect()
    }

    fn no_space(&self, delayed: &DelayedClaim<'c>, node: &Node) -> Obstacle {
        let (claim, class) = (delayed.claim, delayed.class);
        let asked = claim.request().map_or(0, Quantity::value);
        let published = self.cluster.capacities.on(&class.metadata.name, node);
        let best = published.max_by_key(|capacity| capacity.limit().map_or(-1, Quantity::value));
        let figure = |quantity: Option<&Quantity>| quantity.map(Quantity::value);
        let free = best.and_then(|best| figure(best.capacity.as_ref()));
        let maximum = best.and_then(|best| figure(best.maximum_volume_size.as_ref()));
        let show = |bytes: i64| crate::model::quantity::short_bytes(bytes);
        let topology = best.and_then(|best| best.node_topology.as_ref());
        Obstacle {
            reason: Reason::NoSpace.into(),
            object: best.map_or_else(
                || claim_ref(claim),
                |best| ObjectRef::new(Kind::CSIStorageCapacity, &best.metadata.namespace, &best.metadata.name),
            ),
            path: match (best, maximum) {
                (None, _) => "spec.resources.requests.storage".to_owned(),
                (Some(_), Some(_)) => "maximumVolumeSize".to_owned(),
                (Some(_), None) => "capacity".to_owned(),
            },
            wanted: format!("{} of class {}", show(asked), class.metadata.name),
            present: match (maximum, free) {
                (Some(maximum), _) => format!("{} at most", show(maximum)),
                (None, Some(free)) => format!("{} free", show(free)),
                (None, None) => "no capacity published".to_owned(),
            },
            fact: Fact::NoSpace {
                claim: claim.metadata.name.clone(),
                class: class.metadata.name.clone(),
                driver: class.provisioner.clone(),
                asked,
                free,
                maximum,
                segment: topology.map_or_else(Map::new, |topology| topology.match_labels.clone()),
            },
            edits: vec![published_enough(best, delayed, node)],
        }
    }
}

/// The requirements of the nearest term with what the node has.
fn unmet(affinity: &NodeSelector, labels: &Map) -> Vec<(Requirement, Option<String>)> {
    let nearest = affinity.nearest("", labels);
    let unmet = nearest.into_iter().flat_map(|nearest| nearest.unmet);
    unmet.map(|unmet| (unmet.requirement.clone(), unmet.present)).collect()
}

/// Operations that take a volume's node affinity away; a migrated volume gets one from its labels as well.
fn reachable_everywhere(volume: &Volume, migrated: bool) -> Value {
    let mut operations = Vec::new();
    if volume.spec.node_affinity.is_some() {
        operations.push(json!({"op": "remove", "path": "/spec/nodeAffinity"}));
    }
    let zones = volume.metadata.labels.keys().filter(|key| migrated && migration::is_topology_label(key));
    operations
        .extend(zones.map(|key| json!({"op": "remove", "path": format!("/metadata/labels/{}", pointer_token(key))})));
    Value::Array(operations)
}

fn selected_elsewhere(delayed: &DelayedClaim<'_>, selected: &str, node: &Node) -> Obstacle {
    let claim = delayed.claim;
    let path = format!("/metadata/annotations/{}", pointer_token(crate::model::claim::SELECTED_NODE));
    Obstacle {
        reason: Reason::NoVolume.into(),
        object: claim_ref(claim),
        path: format!("metadata.annotations[{}]", crate::model::claim::SELECTED_NODE),
        wanted: node.metadata.name.clone(),
        present: selected.to_owned(),
        fact: Fact::NoVolume {
            claim: claim.metadata.name.clone(),
            class: delayed.class.metadata.name.clone(),
            why: NoVolume::SelectedElsewhere { node: selected.to_owned() },
        },
        edits: vec![patch(Kind::PersistentVolumeClaim, &claim.metadata, json!([{"op": "remove", "path": path}]))],
    }
}

fn not_allowed(delayed: &DelayedClaim<'_>, node: &Node) -> Obstacle {
    let class = delayed.class;
    let requirements = class.allowed_topologies.iter().flat_map(|term| &term.match_label_expressions);
    let keys: Vec<&str> = requirements.map(|requirement| requirement.key.as_str()).collect();
    let topologies: Vec<Map> = class
        .allowed_topologies
        .iter()
        .map(|term| {
            let pairs = term.match_label_expressions.iter();
            pairs.map(|requirement| (requirement.key.clone(), requirement.values.join(", "))).collect()
        })
        .collect();
    let here: Vec<String> = keys
        .iter()
        .map(|key| format!("{key}={}", label_present(node.metadata.labels.get(*key).map(String::as_str))))
        .collect();
    let wanted = topologies.iter().flatten().map(|(key, values)| format!("{key} in ({values})"));
    Obstacle {
        reason: Reason::NoVolume.into(),
        object: ObjectRef::new(Kind::StorageClass, "", &class.metadata.name),
        path: "allowedTopologies".to_owned(),
        wanted: wanted.collect::<Vec<_>>().join("; "),
        present: here.join(", "),
        fact: Fact::NoVolume {
            claim: delayed.claim.metadata.name.clone(),
            class: class.metadata.name.clone(),
            why: NoVolume::NotAllowed { topologies },
        },
        edits: vec![patch(
            Kind::StorageClass,
            &class.metadata,
            json!([{"op": "remove", "path": "/allowedTopologies"}]),
        )],
    }
}

/// Capacity enough for the claim: more in the object that says most, or a new one for the node.
fn published_enough(best: Option<&CsiStorageCapacity>, delayed: &DelayedClaim<'_>, node: &Node) -> Edit {
    let size = size(delayed);
    if let Some(best) = best {
        let field = if best.maximum_volume_size.is_some() { "/maximumVolumeSize" } else { "/capacity" };
        let operations = json!([{"op": "add", "path": field, "value": size}]);
        return patch(Kind::CSIStorageCapacity, &best.metadata, operations);
    }
    let hostname = "kubernetes.io/hostname";
    let topology = match node.metadata.labels.get(hostname) {
        Some(value) => json!({"matchLabels": {hostname: value}}),
        None => json!({}),
    };
    let (class, node) = (&delayed.class.metadata.name, &node.metadata.name);
    let object = json!({
        "metadata": {"namespace": "default", "name": format!("storagewhy-{class}-{node}")},
        "storageClassName": class, "capacity": size, "nodeTopology": topology});
    Edit::Create { kind: Kind::CSIStorageCapacity, object }
}

fn size(delayed: &DelayedClaim<'_>) -> String {
    delayed.claim.request().map_or_else(|| "0".to_owned(), Quantity::to_string)
}

fn claim_ref(claim: &Claim) -> ObjectRef {
    ObjectRef::new(Kind::PersistentVolumeClaim, &claim.metadata.namespace, &claim.metadata.name)
}

/// Every claim that rejects the pod, and what the others say of nodes.
pub(crate) fn behind<'c>(cycle: &Cycle<'c>) -> Behind<'c> {
    let (cluster, pod) = (cycle.cluster, cycle.pod);
    let mut obstacles = Vec::new();
    let mut claims = Vec::new();
    for volume in &pod.spec.volumes {
        let Some(name) = volume.claim_name(&pod.metadata.name) else { continue };
        match cluster.snapshot.claims.get(&pod.metadata.namespace, &name) {
            Lookup::Found(claim) => match usable(claim, pod, volume) {
                Ok(()) => claims.push(&**claim),
                Err(status) => obstacles.extend(unusable(status, claim, pod)),
            },
            Lookup::Absent if volume.persistent_volume_claim.is_some() => {
                let reason = Reason::ClaimNotFound { claim: name.clone() }.into();
                obstacles.push(claim_obstacles::missing(reason, pod, &name));
            }
            Lookup::Absent => obstacles.push(claim_obstacles::not_made(
                Reason::EphemeralNotMade { claim: name.clone() }.into(),
                pod,
                volume,
                &name,
            )),
            Lookup::Unknown => {}
        }
    }
    let sorted = sort(cycle, claims, &mut obstacles);
    let candidates = candidates(cluster, &sorted);
    let filter = VolumeBinding { cluster, claims: sorted.into(), candidates: candidates.into() };
    Behind { obstacles, filter: Some(Box::new(filter)) }
}

/// What of an unusable claim rejects the pod.
fn unusable(status: crate::scheduler::status::Status, claim: &Claim, pod: &Pod) -> Option<Obstacle> {
    let reason = status.reasons.into_iter().next()?;
    Some(claim_obstacles::unusable(reason, claim, pod))
}

/// The claims that can be looked at node by node; those that had to be bound before are obstacles.
fn sort<'c>(cycle: &Cycle<'c>, claims: Vec<&'c Claim>, obstacles: &mut Vec<Obstacle>) -> Claims<'c> {
    let mut sorted = Claims { bound: Vec::new(), delayed: Vec::new(), by_size: Vec::new() };
    for claim in claims {
        match super::classify(cycle.cluster, vec![claim]) {
            Ok(one) => {
                sorted.bound.extend(one.bound);
                sorted.delayed.extend(one.delayed);
            }
            Err(status) if !status.reasons.is_empty() => {
                let reason = Reason::Unbound.into();
                obstacles.push(claim_obstacles::unbound(reason, cycle.cluster.snapshot, claim));
            }
            Err(_) => {}
        }
    }
    sorted.by_size = (0..sorted.delayed.len()).collect();
    sorted.by_size.sort_by_key(|position| sorted.delayed[*position].request);
    sorted
}
