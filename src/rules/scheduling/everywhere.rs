//! What is in the way of pods on every node, whatever else the nodes have: a cause of the pod or of the cluster as a
//! whole, told with its figures.

use std::collections::BTreeSet;

use super::volume_reach::{excluding_volumes, none_made, not_allowed, volume_affinity, zone};
use crate::diagnosis::context::Context;
use crate::diagnosis::in_the_way::InTheWay;
use crate::diagnosis::obstacle_words::clause;
use crate::diagnosis::text::{either, names};
use crate::model::Node;
use crate::model::selector::Requirement;
use crate::scheduler::obstacle::{NoVolume, amount};
use crate::scheduler::{Fact, Obstacle};

/// The end of a sentence about the pods; `None` where each node has something else in the way.
pub(in crate::rules) fn everywhere(cx: &Context<'_>, way: &InTheWay) -> Option<String> {
    let common = way.everywhere();
    if common.is_empty() {
        return excluding_volumes(way);
    }
    let told: Vec<String> = common.iter().map(|obstacle| of_all(cx, way, obstacle)).collect();
    let rest = match way.sets.first() {
        Some(closest) if way.sets.len() > 1 || closest.nodes.len() > 1 => {
            let topics: Vec<String> = common.iter().map(|obstacle| obstacle.topic()).collect();
            let more: Vec<String> =
                closest.obstacles.iter().filter(|obstacle| !topics.contains(&obstacle.topic())).map(clause).collect();
            match more.as_slice() {
                [] => format!("; nothing else is in the way on {}", names(&closest.nodes)),
                more => format!("; on {}, the closest, besides: {}", names(&closest.nodes), more.join(", and ")),
            }
        }
        _ => String::new(),
    };
    Some(format!("{}{rest}", told.join(", and ")))
}

fn of_all(cx: &Context<'_>, way: &InTheWay, obstacle: &Obstacle) -> String {
    match &obstacle.fact {
        Fact::Resource { name, asked, .. } => resource(way, obstacle, name, *asked),
        Fact::Label { requirement, .. } => label(cx, way, requirement),
        Fact::VolumeAffinity { claim, volume, unmet } => volume_affinity(cx, way, claim, volume, unmet),
        Fact::Zone { claim, volume, key, values, .. } => zone(cx, way, claim, volume, (key, values)),
        Fact::NoVolume { claim, class, why: NoVolume::NotAllowed { .. } } => {
            not_allowed(cx, way, claim, class, obstacle)
        }
        Fact::NoVolume { claim, class, why: NoVolume::NoneMade { .. } } => none_made(cx, way, claim, class, obstacle),
        _ if way.sets.len() == 1 && way.sets[0].nodes.len() == 1 => {
            format!("on {}, the only node: {}", way.sets[0].nodes[0], clause(obstacle))
        }
        _ => format!("on every node {}", clause(obstacle)),
    }
}

/// More than any node has at all is another cause than more than is free.
fn resource(way: &InTheWay, obstacle: &Obstacle, name: &str, asked: i64) -> String {
    let topic = obstacle.topic();
    let figures: Vec<(&str, i64, i64)> = way
        .of_topic(&topic)
        .filter_map(|(node, obstacle)| match obstacle.fact {
            Fact::Resource { free, allocatable, .. } => Some((node, free, allocatable)),
            _ => None,
        })
        .collect();
    let show = |value: i64| amount(name, value);
    let largest = figures.iter().max_by_key(|(_, _, allocatable)| *allocatable);
    match (largest, figures.iter().max_by_key(|(_, free, _)| *free)) {
        (Some((_, _, 0)), _) => format!("{} {name} asked, which no node offers", show(asked)),
        (Some((node, _, largest)), _) if *largest < asked => {
            format!(
                "{} {name} asked, more than any node has in all (the largest, {node}, has {})",
                show(asked),
                show(*largest)
            )
        }
        (_, Some((node, free, allocatable))) => format!(
            "{} {name} asked, and no node has that much free now (the most is {} of {} on {node})",
            show(asked),
            show((*free).max(0)),
            show(*allocatable)
        ),
        _ => clause(obstacle),
    }
}

fn label(cx: &Context<'_>, way: &InTheWay, requirement: &Requirement) -> String {
    let key = requirement.key.as_str();
    let value = |node: &Node| node.metadata.labels.get(key).cloned();
    let closest_first = way.sets.iter().flat_map(|set| &set.nodes);
    let nodes: Vec<&Node> =
        closest_first.filter_map(|name| cx.snapshot.nodes.get("", name).found()).map(|node| &**node).collect();
    let values: Vec<String> = nodes.iter().filter_map(|node| value(node)).collect();
    let asked = format!("label {requirement} is asked, which no node has");
    if let Some(have) = requirement.values.iter().find_map(|wanted| near(wanted, values.iter())) {
        let with = nodes.iter().filter(|node| value(node).as_ref() == Some(have));
        let with: Vec<&str> = with.map(|node| node.metadata.name.as_str()).collect();
        return format!(
            "{asked}; {} {} {have}, which may be what is meant",
            names(&with),
            either(with.len(), "has", "have")
        );
    }
    let keys = nodes.iter().flat_map(|node| node.metadata.labels.keys());
    match near(key, keys).filter(|_| values.is_empty()) {
        Some(have) => format!("{asked}; there is a label {have}, which may be what is meant"),
        None if values.is_empty() => asked,
        None => {
            let values: BTreeSet<String> = values.into_iter().collect();
            format!("{asked} (there are {})", names(&values.into_iter().collect::<Vec<_>>()))
        }
    }
}

/// The first of the texts from which the fewest slips of the pen, and few at all, lead to this one.
fn near<'t>(text: &str, others: impl Iterator<Item = &'t String>) -> Option<&'t String> {
    let far = match text.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        _ => 2,
    };
    let distances = others.map(|other| (strsim::osa_distance(text, other), other));
    let near = distances.filter(|(distance, _)| (1..=far).contains(distance));
    near.min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}
