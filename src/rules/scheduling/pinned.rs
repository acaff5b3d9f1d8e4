//! Pods that a bound volume ties to a few nodes: only what is in the way there is the cause.

use crate::admission::expand::ordinal_of;
use crate::diagnosis::in_the_way::{InTheWay, NodeSet};
use crate::diagnosis::obstacle_words::clause;
use crate::diagnosis::text::{count, names};
use crate::model::node::UNSCHEDULABLE_TAINT;
use crate::model::{ObjectRef, Pod};
use crate::scheduler::{Fact, Obstacle};

/// The taint of a node whose disk is nearly full.
pub(super) const DISK_PRESSURE: &str = "node.kubernetes.io/disk-pressure";
/// Taints of nodes that are not well.
const AILING: [&str; 3] = [DISK_PRESSURE, "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
/// Sets of nodes that are told.
const TOLD: usize = 2;

/// The volume that closes all nodes but those of some sets, and these sets.
pub(super) struct Pinned<'w> {
    claim: &'w str,
    volume: &'w str,
    /// Where the volume can be reached from.
    place: String,
    sets: Vec<&'w NodeSet>,
}

/// `None` where no volume does that.
pub(super) fn pinned(way: &InTheWay) -> Option<Pinned<'_>> {
    let (closed, open): (Vec<&NodeSet>, Vec<&NodeSet>) =
        way.sets.iter().partition(|set| set.obstacles.iter().any(|obstacle| place(obstacle).is_some()));
    let (first, others) = closed.split_first()?;
    if open.is_empty() || open.iter().any(|set| set.only_first) {
        return None;
    }
    let (claim, volume, place) = first.obstacles.iter().filter_map(place).find(|(_, volume, _)| {
        let has = |set: &&NodeSet| set.obstacles.iter().filter_map(self::place).any(|(_, other, _)| other == *volume);
        others.iter().all(has)
    })?;
    Some(Pinned { claim, volume, place, sets: open })
}

/// The claim and the volume that a node can't reach, and where it can be reached from.
fn place(obstacle: &Obstacle) -> Option<(&str, &str, String)> {
    match &obstacle.fact {
        Fact::VolumeAffinity { claim, volume, unmet } if !unmet.is_empty() => {
            let asked: Vec<String> = unmet.iter().map(|(requirement, _)| requirement.to_string()).collect();
            Some((claim, volume, asked.join(" and ")))
        }
        Fact::Zone { claim, volume, key, values, .. } => {
            Some((claim, volume, format!("{key}={}", values.join(" or "))))
        }
        _ => None,
    }
}

impl<'w> Pinned<'w> {
    /// The claim of the volume.
    pub(super) fn claim(&self) -> &'w str {
        self.claim
    }

    /// Whether only the pod's own replicas keep it from where the volume is.
    pub(super) fn among_replicas(&self, pod: &Pod) -> bool {
        let Some(owner) = pod.metadata.controller() else { return false };
        let replica = |other: &ObjectRef| {
            other.namespace == pod.metadata.namespace && ordinal_of(&owner.name, &other.name).is_some()
        };
        self.sets.iter().flat_map(|set| &set.obstacles).all(|obstacle| match &obstacle.fact {
            Fact::AntiAffinity { pods, .. } | Fact::ExistingAntiAffinity { pods, .. } => pods.iter().all(replica),
            _ => false,
        })
    }

    /// The first of the nodes that are left.
    pub(super) fn node(&self) -> Option<&'w String> {
        self.sets.first().and_then(|set| set.nodes.first())
    }

    /// The one node that is left, with the taint that says what ails it.
    pub(super) fn ailing(&self) -> Option<(&'w str, &'w str)> {
        let [set] = self.sets.as_slice() else { return None };
        let [node] = set.nodes.as_slice() else { return None };
        set.obstacles.iter().find_map(|obstacle| match &obstacle.fact {
            Fact::Taint { key, .. } if AILING.contains(&key.as_str()) => Some((node.as_str(), key.as_str())),
            _ => None,
        })
    }

    /// The end of a sentence about the pods: `volume v of claim c is for n1 alone (zone=a), and there it is cordoned`.
    pub(super) fn told(&self) -> String {
        let Self { claim, volume, place, sets } = self;
        if let [set] = sets.as_slice()
            && let [node] = set.nodes.as_slice()
        {
            return format!("volume {volume} of claim {claim} is for {node} alone ({place}), and there {}", all(set));
        }
        let mut parts: Vec<String> =
            sets.iter().take(TOLD).map(|set| format!("on {} {}", names(&set.nodes), all(set))).collect();
        let left: usize = sets.iter().skip(TOLD).map(|set| set.nodes.len()).sum();
        if left > 0 {
            parts.push(format!("{} more are closed too", count(left, "node")));
        }
        format!("volume {volume} of claim {claim} is for {place} alone, and {}", parts.join("; "))
    }
}

/// Everything that is in the way on a set of nodes, and what is told by two plugins once.
fn all(set: &NodeSet) -> String {
    let mut clauses: Vec<String> = Vec::new();
    let mutual = |obstacle: &&Obstacle| {
        let Fact::ExistingAntiAffinity { key, .. } = &obstacle.fact else { return false };
        set.obstacles.iter().any(|other| matches!(&other.fact, Fact::AntiAffinity { key: own, .. } if own == key))
    };
    let cordoned = set.obstacles.iter().any(|obstacle| obstacle.fact == Fact::Cordoned);
    let of_cordon =
        |obstacle: &&Obstacle| matches!(&obstacle.fact, Fact::Taint { key, .. } if key == UNSCHEDULABLE_TAINT);
    let twice = |obstacle: &&Obstacle| mutual(obstacle) || cordoned && of_cordon(obstacle);
    for clause in set.obstacles.iter().filter(|obstacle| !twice(obstacle)).map(clause) {
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    }
    clauses.join(", and ")
}
