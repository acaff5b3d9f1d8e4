//! Volumes that no node reaches, or that come to be on none, in words.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::context::Context;
use crate::diagnosis::in_the_way::InTheWay;
use crate::diagnosis::obstacle_words::clause;
use crate::diagnosis::text::{count, either, names};
use crate::model::selector::Requirement;
use crate::scheduler::obstacle::NoVolume;
use crate::scheduler::{Fact, Obstacle};

/// A label that says which node a node is.
pub(super) const HOSTNAME: &str = "kubernetes.io/hostname";

/// A bound volume that no node reaches.
pub(super) fn volume_affinity(
    cx: &Context<'_>,
    way: &InTheWay,
    claim: &str,
    volume: &str,
    unmet: &[(Requirement, Option<String>)],
) -> String {
    let asked: Vec<String> = unmet.iter().map(|(requirement, _)| requirement.to_string()).collect();
    let asked = if asked.is_empty() { "what no node has".to_owned() } else { asked.join(" and ") };
    let gone: Vec<&str> = unmet
        .iter()
        .filter(|(requirement, _)| requirement.key == HOSTNAME && requirement.operator == "In")
        .flat_map(|(requirement, _)| &requirement.values)
        .map(String::as_str)
        .filter(|name| cx.snapshot.nodes.get("", name).is_absent())
        .collect();
    let of = format!("volume {volume} of claim {claim} is for {asked} alone");
    if let Some((node, label)) = renamed(cx, unmet) {
        return format!("{of}, and node {node} has label {HOSTNAME}={label} now");
    }
    let nodes: usize = way.sets.iter().map(|set| set.nodes.len()).sum();
    let labels = unmet.iter().filter(|(requirement, _)| requirement.key != HOSTNAME);
    let have: Vec<String> = labels.flat_map(|(requirement, _)| values_of(cx, way, &requirement.key)).collect();
    match (gone.as_slice(), have.as_slice()) {
        ([], []) => format!("{of}, and none of {} has that label", count(nodes, "node")),
        ([], have) => format!("{of}, and no node has that label (there are {})", names(have)),
        (gone, _) => format!("{of}, and node {} is not in the cluster any more", names(gone)),
    }
}

/// A node that the volume names by its host name, and that has another host name now.
pub(super) fn renamed<'c>(cx: &Context<'c>, unmet: &[(Requirement, Option<String>)]) -> Option<(&'c str, &'c str)> {
    let [(requirement, _)] = unmet else { return None };
    let [name] = requirement.values.as_slice() else { return None };
    let node = cx.snapshot.nodes.get("", name).found().filter(|_| requirement.key == HOSTNAME)?;
    let label = node.metadata.labels.get(HOSTNAME).filter(|label| *label != name)?;
    Some((&node.metadata.name, label))
}

/// The values that the nodes have of a label.
fn values_of(cx: &Context<'_>, way: &InTheWay, key: &str) -> Vec<String> {
    let nodes = way.sets.iter().flat_map(|set| &set.nodes);
    let nodes = nodes.filter_map(|name| cx.snapshot.nodes.get("", name).found());
    let values: BTreeSet<String> = nodes.filter_map(|node| node.metadata.labels.get(key).cloned()).collect();
    values.into_iter().collect()
}

/// A label of a bound volume, which no node matches.
pub(super) fn zone(
    cx: &Context<'_>,
    way: &InTheWay,
    claim: &str,
    volume: &str,
    (key, values): (&str, &[String]),
) -> String {
    let have = values_of(cx, way, key);
    let there = if have.is_empty() { String::new() } else { format!(" (there are {})", names(&have)) };
    format!("volume {volume} of claim {claim} has label {key}={}, which no node has{there}", values.join(" or "))
}

/// A class that allows volumes in no place where a node is.
pub(super) fn not_allowed(cx: &Context<'_>, way: &InTheWay, claim: &str, class: &str, obstacle: &Obstacle) -> String {
    let Fact::NoVolume { why: NoVolume::NotAllowed { topologies }, .. } = &obstacle.fact else { return String::new() };
    let keys: BTreeSet<&String> = topologies.iter().flat_map(BTreeMap::keys).collect();
    let have: Vec<String> = keys.iter().flat_map(|key| values_of(cx, way, key)).collect();
    let there = match have.as_slice() {
        [] => "no node has such a label".to_owned(),
        have => format!("no node is there (there are {})", names(have)),
    };
    format!("class {class} of claim {claim} allows volumes in {} alone, and {there}", obstacle.wanted)
}

/// A class that makes no volumes, and of whose volumes none is free.
pub(super) fn none_made(cx: &Context<'_>, way: &InTheWay, claim: &str, class: &str, obstacle: &Obstacle) -> String {
    let topic = obstacle.topic();
    let free = way.of_topic(&topic).any(|(_, obstacle)| {
        matches!(&obstacle.fact, Fact::NoVolume { why: NoVolume::NoneMade { elsewhere }, .. } if !elsewhere.is_empty())
    });
    if free {
        return format!("on every node {}", clause(obstacle));
    }
    let mut phases: BTreeMap<&str, usize> = BTreeMap::new();
    for volume in cx.snapshot.volumes.seen().iter().filter(|volume| volume.class() == class) {
        *phases.entry(if volume.status.phase.is_empty() { "Pending" } else { &volume.status.phase }).or_default() += 1;
    }
    let phases: Vec<String> =
        phases.into_iter().map(|(phase, number)| format!("{number} {} {phase}", either(number, "is", "are"))).collect();
    let there = match phases.as_slice() {
        [] if cx.snapshot.volumes.complete() => "the class has no volume at all".to_owned(),
        [] => "no volume of the class was read".to_owned(),
        phases => format!("of its volumes {}", names(phases)),
    };
    format!("claim {claim} needs {}: none is, class {class} makes none, and {there}", obstacle.wanted)
}

/// Volumes of which each can be reached from some node, but no node reaches all of them.
pub(super) fn excluding_volumes(way: &InTheWay) -> Option<String> {
    let mut volumes: Vec<(&str, String)> = Vec::new();
    for set in &way.sets {
        let mut of_set = set.obstacles.iter().filter_map(place_of_volume).peekable();
        of_set.peek()?;
        for (volume, place) in of_set {
            if !volumes.iter().any(|(known, _)| *known == volume) {
                volumes.push((volume, place));
            }
        }
    }
    volumes.sort();
    let places: Vec<String> = volumes.into_iter().map(|(_, place)| place).collect();
    (places.len() > 1).then(|| format!("its volumes exclude each other: {}", names(&places)))
}

fn place_of_volume(obstacle: &Obstacle) -> Option<(&str, String)> {
    match &obstacle.fact {
        Fact::VolumeAffinity { claim, volume, unmet } => {
            let asked: Vec<String> = unmet.iter().map(|(requirement, _)| requirement.to_string()).collect();
            Some((volume, format!("volume {volume} of claim {claim} is for {} alone", asked.join(" and "))))
        }
        Fact::Zone { claim, volume, key, values, .. } => {
            Some((volume, format!("volume {volume} of claim {claim} is for {key}={} alone", values.join(" or "))))
        }
        _ => None,
    }
}
