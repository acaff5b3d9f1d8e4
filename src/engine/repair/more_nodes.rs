//! How many nodes like one that is there would make room. They are no repair that was tried: who makes nodes, and whether
//! they come up, the cluster doesn't say.

use serde_json::json;

use super::super::trial::{Choice, Settled, Trials};
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{count, either};
use crate::model::{Kind, ObjectRef};
use crate::scheduler::{Fact, Obstacle};
use crate::snapshot::Snapshot;

/// Nodes that are added at most.
const MOST: usize = 8;
/// Kinds of nodes that are looked at.
const KINDS: usize = 3;
/// Larger clusters are left alone: each try sums all of it up.
const ALL_NODES: usize = 200;
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The fewest nodes like one on which only room is missing with which every victim is placed; `None` where room is not
/// what is missing, or the budget is spent.
pub(super) fn proposed(
    cx: &Context<'_>,
    trials: &mut Trials<'_>,
    victims: &[ObjectRef],
    untouched: &Settled,
) -> Option<Remedy> {
    let like = kept_out_by(cx, untouched, room)?;
    let fewest = like.iter().filter_map(|node| Some((enough(cx, trials, victims, node)?, node))).min();
    let (many, node) = fewest?;
    let title = format!("Add {} like {node}", count(many, "node"));
    let then = format!(
        "who makes nodes can't be seen from here; with {many} more like {node} every victim would be placed, if {} up \
         with all that {node} has",
        either(many, "it comes", "they come")
    );
    Some(Remedy::untried(title.clone(), Risk::Low, vec![Step::told(title)], then))
}

/// Some nodes on which only such obstacles keep out the first pod that no node takes; `None` where there are none, and
/// where the cluster is too large to look at each.
pub(super) fn kept_out_by(
    cx: &Context<'_>,
    untouched: &Settled,
    of_others: fn(&Obstacle) -> bool,
) -> Option<Vec<String>> {
    if cx.snapshot.nodes.seen().len() > ALL_NODES {
        return None;
    }
    let object = untouched.blocked.first().filter(|object| object.kind == Kind::Pod.name())?;
    let pod = untouched.state.pods.get(&object.namespace, &object.name).found()?;
    let scheduler = cx.scheduler.after(&untouched.state);
    let explanation = scheduler.explain(pod).filter(|explanation| explanation.of_pod().is_empty())?;
    let full = |node: &&str| {
        let obstacles = explanation.node(node);
        !obstacles.is_empty() && obstacles.iter().all(of_others)
    };
    let nodes: Vec<String> = explanation.nodes().filter(full).take(KINDS).map(str::to_owned).collect();
    (!nodes.is_empty()).then_some(nodes)
}

/// Whether an obstacle is that others have the room, which another node would have.
pub(super) fn room(obstacle: &Obstacle) -> bool {
    match &obstacle.fact {
        Fact::Resource { asked, allocatable, .. } => asked <= allocatable,
        Fact::Pods { .. } | Fact::Port { .. } | Fact::VolumeLimit { .. } => true,
        Fact::AntiAffinity { key, .. } | Fact::ExistingAntiAffinity { key, .. } | Fact::Spread { key, .. } => {
            key == HOSTNAME
        }
        _ => false,
    }
}

/// How many copies of a node are enough for all victims.
fn enough(cx: &Context<'_>, trials: &mut Trials<'_>, victims: &[ObjectRef], node: &str) -> Option<usize> {
    let mut state = cx.snapshot.clone();
    (1..=MOST).find_map(|many| {
        add(&mut state, node, many)?;
        let settled = trials.settle(state.clone(), victims, Choice::First)?;
        settled.left().next().is_none().then_some(many)
    })
}

/// Adds an empty copy of a node and of what is registered on it.
fn add(state: &mut Snapshot, node: &str, number: usize) -> Option<()> {
    let name = format!("{node}-more-{number}");
    for kind in [Kind::Node, Kind::CSINode] {
        let Some(mut object) = state.to_json(kind, "", node) else { continue };
        object["metadata"]["name"] = json!(name);
        object["metadata"]["uid"] = json!(name);
        if let Some(label) = object["metadata"]["labels"].get_mut(HOSTNAME) {
            *label = json!(name);
        }
        state.put_json(kind, object).ok()?;
    }
    Some(())
}
