//! What can be done about each kind of obstacle.

use super::plan::Edit;
use super::plan::Way;
use super::requests::Known;
use super::{claims, fresh, holders, nodes, pods};
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::Change;
use crate::diagnosis::remedy::Risk;
use crate::model::Kind;
use crate::model::node::UNSCHEDULABLE_TAINT;
use crate::model::{ObjectRef, Pod};
use crate::scheduler::obstacle::{ClaimTrouble, LabelSource, NoVolume};
use crate::scheduler::{Fact, Obstacle};
use crate::snapshot::Snapshot;
use crate::snapshot::edit::Edit as StateEdit;
use crate::volumes::VolumeController;

/// What is being looked at: a pod in a state, and a node unless no node is looked at yet.
pub(super) struct At<'s, 'a> {
    pub cx: &'s Context<'a>,
    pub state: &'s Snapshot,
    /// The volume controller for the state: one serves every node and every claim.
    pub volumes: &'s VolumeController<'s>,
    /// All that the repair is for.
    pub victims: &'s [ObjectRef],
    pub pod: &'s Pod,
    pub node: Option<&'s str>,
    /// What was worked out before.
    pub known: &'s Known,
}

impl<'s, 'a> At<'s, 'a> {
    /// The same on a node.
    pub(super) fn on<'t>(&self, node: Option<&'t str>) -> At<'t, 'a>
    where
        's: 't,
    {
        At { node, ..*self }
    }
}

/// Each of the lists takes the obstacle out of the way, where all that is in it is done. Empty where it takes more than a
/// change of objects, or where it goes by itself.
pub(super) fn around(at: &At<'_, '_>, obstacle: &Obstacle) -> Vec<Vec<Way>> {
    let mut found: Vec<Vec<Way>> = singly(at, obstacle).into_iter().map(|way| vec![way]).collect();
    found.extend(freed(at, obstacle));
    found.extend(of_its_own(at, obstacle));
    found
}

/// The single changes.
fn singly(at: &At<'_, '_>, obstacle: &Obstacle) -> Vec<Way> {
    match &obstacle.fact {
        Fact::Cordoned => nodes::uncordon(at).into_iter().collect(),
        Fact::Taint { key, .. } if key == UNSCHEDULABLE_TAINT => nodes::uncordon(at).into_iter().collect(),
        Fact::Taint { key, value, effect } => {
            let tolerated = pods::tolerate(at, obstacle, (key, value, effect));
            tolerated.into_iter().chain(nodes::untaint(at, key, effect)).collect()
        }
        Fact::Label { .. } => labelled(at, obstacle),
        Fact::Resource { name, asked, free, allocatable, .. } => pods::ask_less(at, name, *asked, *free, *allocatable),
        Fact::Claim { claim, .. } => of_claim(at, claim),
        Fact::NoSpace { claim, free, maximum, .. } => {
            let room = [free, maximum].into_iter().filter_map(|bytes| *bytes).min();
            let found = at.state.claims.get(&at.pod.metadata.namespace, claim).found();
            let smaller = found.zip(room).and_then(|(claim, room)| claims::smaller(at, claim, room));
            smaller.into_iter().chain(of_claim(at, claim)).collect()
        }
        Fact::NoVolume { claim, why: NoVolume::SelectedElsewhere { node }, .. } => {
            give_back(at, obstacle, claim, node).into_iter().collect()
        }
        Fact::NoVolume { claim, .. } => of_claim(at, claim),
        _ => softened(at, obstacle).into_iter().collect(),
    }
}

/// What the pod asks for, taken out of it.
fn softened(at: &At<'_, '_>, obstacle: &Obstacle) -> Option<Way> {
    let (cost, risk, what) = match &obstacle.fact {
        Fact::NodeNames { .. } | Fact::NoTermMatches { .. } => {
            (6, Risk::Medium, "no longer ask for nodes by affinity".to_owned())
        }
        Fact::Port { port, .. } => (4, Risk::Medium, format!("no longer take port {port} of the node")),
        Fact::Spread { key, .. } | Fact::SpreadLabel { key } => {
            (3, Risk::Low, format!("spread over {key} less evenly"))
        }
        Fact::Affinity { key, .. } => (5, Risk::Medium, format!("no longer ask for company in the same {key}")),
        Fact::AntiAffinity { key, .. } => {
            (5, Risk::Medium, format!("no longer keep away from others in the same {key}"))
        }
        _ => return None,
    };
    pods::own(at, obstacle, cost, risk, || what)
}

fn labelled(at: &At<'_, '_>, obstacle: &Obstacle) -> Vec<Way> {
    let Fact::Label { source, requirement, present } = &obstacle.fact else { return Vec::new() };
    let key = &requirement.key;
    let one = requirement.values.first().filter(|_| requirement.operator == "In");
    let label = one.and_then(|value| nodes::label(at, key, value, present.as_deref()));
    let value = present.as_deref().filter(|_| *source == LabelSource::NodeSelector);
    let ask = value.and_then(|value| pods::ask_for(at, key, value, one.map_or("", String::as_str)));
    let drop = (*source != LabelSource::Scheduler)
        .then(|| pods::own(at, obstacle, 6, Risk::Medium, || format!("no longer ask for {key}")));
    label.into_iter().chain(ask).chain(drop.flatten()).collect()
}

/// The end of what holds what the pod needs.
fn freed(at: &At<'_, '_>, obstacle: &Obstacle) -> Option<Vec<Way>> {
    match &obstacle.fact {
        Fact::Resource { asked, free, allocatable, holders, .. } if asked <= allocatable => {
            holders::stop_for(at, holders, asked.checked_sub(*free)?)
        }
        Fact::Pods { allowed, present } => holders::stop_any(at, present.checked_sub(*allowed)?.checked_add(1)?),
        Fact::VolumeLimit { driver, limit, present, wanted, .. } => {
            let missing = present.checked_add(*wanted)?.checked_sub(*limit)?;
            holders::stop_volumes_of(at, driver, missing)
        }
        Fact::ClaimInUse { holders, .. } => holders::stop_all(at, holders.iter().map(|(holder, _)| holder)),
        Fact::Port { holders, .. } | Fact::DiskInUse { holders, .. } => holders::stop_all(at, holders),
        Fact::AntiAffinity { pods, .. } | Fact::ExistingAntiAffinity { pods, .. } => holders::stop_all(at, pods),
        _ => None,
    }
}

/// A claim of the pod's own in place of one that it can't use there.
fn of_its_own(at: &At<'_, '_>, obstacle: &Obstacle) -> Vec<Vec<Way>> {
    match &obstacle.fact {
        Fact::Claim { claim, trouble: ClaimTrouble::Missing } => fresh::missing(at, claim),
        Fact::VolumeAffinity { claim, volume, .. } => {
            let given_up = claims::given_up(at, claim, volume).map(|way| vec![way]);
            given_up.into_iter().chain(fresh::own_claim(at, claim)).collect()
        }
        Fact::Claim { claim, .. }
        | Fact::ClaimInUse { claim, .. }
        | Fact::Zone { claim, .. }
        | Fact::VolumeMissing { claim, .. }
        | Fact::NoVolume { claim, .. } => fresh::own_claim(at, claim),
        _ => Vec::new(),
    }
}

fn of_claim(at: &At<'_, '_>, claim: &str) -> Vec<Way> {
    let claim = at.state.claims.get(&at.pod.metadata.namespace, claim).found();
    claim.map(|claim| claims::ways(at.cx, at.state, at.volumes, claim)).unwrap_or_default()
}

/// Takes the node off a claim that was chosen for it and can't be used.
fn give_back(at: &At<'_, '_>, obstacle: &Obstacle, claim: &str, node: &str) -> Option<Way> {
    let read = at.cx.snapshot.claims.get(&at.pod.metadata.namespace, claim).found();
    read.filter(|claim| claim.selected_node() == Some(node))?;
    let [StateEdit::Patch { kind: Kind::PersistentVolumeClaim, namespace, name, operations }] =
        obstacle.edits.as_slice()
    else {
        return None;
    };
    let change = Change::JsonPatch {
        kind: Kind::PersistentVolumeClaim,
        namespace: namespace.clone(),
        name: name.clone(),
        operations: operations.clone(),
    };
    let pod = &at.pod.metadata.name;
    let way = Way::new(format!("take node {node} off claim {claim}"), Edit::Object(change), 1, Risk::Low);
    Some(way.note(format!("so that the scheduler chooses anew for pod {pod}")))
}
