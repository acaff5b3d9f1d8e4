//! How much the pods of a workload can ask for: as much as leaves room for all of them, and not for the one that is looked
//! at alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::fewer::find;
use super::plan::{Lowered, Plan};
use super::pods;
use super::search::{ALL_NODES, Search};
use super::ways::At;
use crate::diagnosis::context::pod_ref;
use crate::engine::trial::Trials;
use crate::model::{Kind, ObjectRef, Pod};
use crate::scheduler::Scheduler;

/// Pods of a workload that are taken to share a node, and volumes what a driver publishes as one.
pub(super) const MOST_SHARING: i64 = 64;

/// What a node has left for the pods of a workload.
struct Room {
    /// Beside all that run there.
    beside: i64,
    /// In place of those of the workload that run there.
    instead: i64,
}

/// The pods of a workload that need room.
struct Needs {
    /// All that it wants.
    all: usize,
    /// Those that wait, with one more where others run that are replaced.
    waiting: usize,
    rooms: BTreeMap<String, Room>,
    /// What all of them could ask for, and what those that wait could beside the others.
    most: [Option<i64>; 2],
}

/// What workloads need, by workload and resource.
type ByWorkload = BTreeMap<(ObjectRef, String), Option<Rc<Needs>>>;

/// What was worked out of workloads and resources, which every node asks for.
#[derive(Default)]
pub(super) struct Known {
    needs: RefCell<ByWorkload>,
}

impl Known {
    /// What the workload of a pod needs of a resource; `None` for a pod alone, and where each node has one pod of its own.
    fn needs(&self, at: &At<'_, '_>, resource: &str) -> Option<Rc<Needs>> {
        let (kind, meta) = at.cx.workload(at.pod)?;
        let key = (ObjectRef::new(kind, &meta.namespace, &meta.name), resource.to_owned());
        if let Some(known) = self.needs.borrow().get(&key) {
            return known.clone();
        }
        let needs = Needs::new(at, resource).map(Rc::new);
        self.needs.borrow_mut().insert(key, needs.clone());
        needs
    }
}

impl Needs {
    fn new(at: &At<'_, '_>, resource: &str) -> Option<Self> {
        let pod = at.pod;
        let (kind, meta) = at.cx.workload(pod)?;
        let all = usize::try_from(find(at.cx, kind, meta)?.replicas()).ok().filter(|_| kind != Kind::DaemonSet)?;
        let own = |other: &&Pod| at.cx.workload(other).is_some_and(|(of, other)| of == kind && other.name == meta.name);
        let pods = at.cx.snapshot.pods.in_namespace(&meta.namespace).iter().map(|pod| &**pod);
        let mut held: BTreeMap<&str, i64> = BTreeMap::new();
        let mut waiting = 0;
        for one in pods.filter(|pod| !pod.finished() && !pod.metadata.deleting()).filter(own) {
            if one.assigned() {
                let amount = held.entry(one.spec.node_name.as_str()).or_default();
                *amount = amount.saturating_add(at.cx.scheduler.held(one, resource));
            } else {
                waiting += 1;
            }
        }
        waiting += usize::from(!held.is_empty());
        let nodes = at.cx.snapshot.nodes.seen().iter().take(ALL_NODES);
        let rooms = nodes.filter_map(|node| {
            let name = &node.metadata.name;
            let beside = free(at.cx.scheduler, name, resource)?;
            let own = held.get(name.as_str()).copied().unwrap_or(0);
            Some((name.clone(), Room { beside, instead: beside.saturating_add(own) }))
        });
        let rooms: BTreeMap<String, Room> = rooms.collect();
        let instead: Vec<i64> = rooms.values().map(|room| room.instead).collect();
        let beside: Vec<i64> = rooms.values().map(|room| room.beside).collect();
        let most = [largest(&instead, all), largest(&beside, waiting)];
        Some(Self { all, waiting, rooms, most })
    }
}

fn free(scheduler: &Scheduler<'_>, node: &str, resource: &str) -> Option<i64> {
    let amounts = scheduler.amounts(node, resource)?;
    amounts.allocatable.checked_sub(amounts.used)
}

/// What a pod could ask for on a node, the most first: what is free there, and what all pods of its workload could have
/// there, or on all nodes together.
pub(super) fn shares(at: &At<'_, '_>, resource: &str, free: i64) -> Vec<i64> {
    let mut shares = vec![free];
    if let Some(needs) = at.known.needs(at, resource).filter(|needs| needs.all > 1) {
        let here = at.node.and_then(|node| needs.rooms.get(node));
        let local = here.map(|room| part(room.instead, needs.all).min(part(room.beside, needs.waiting)));
        shares.extend([local].iter().chain(&needs.most).flatten());
    }
    shares.sort_unstable_by(|a, b| b.cmp(a));
    shares.dedup();
    shares
}

fn part(room: i64, pods: usize) -> i64 {
    room.checked_div(i64::try_from(pods).unwrap_or(i64::MAX)).unwrap_or(room)
}

/// The most that so many pods can have each where these rooms are all there is.
fn largest(rooms: &[i64], pods: usize) -> Option<i64> {
    let pods = i64::try_from(pods).ok().filter(|pods| *pods > 0)?;
    let fits = |share: i64| rooms.iter().fold(0_i64, |sum, room| sum.saturating_add(room.max(&0) / share)) >= pods;
    let parts = rooms.iter().flat_map(|room| (1..=pods.min(MOST_SHARING)).map(move |many| room / many));
    let mut parts: Vec<i64> = parts.filter(|share| *share > 0).collect();
    parts.sort_unstable();
    let many = parts.partition_point(|share| fits(*share));
    parts.get(many.checked_sub(1)?).copied()
}

impl Search<'_, '_> {
    /// The plan with every request that it lowers as large as it can be: all pods of the workload run then as well.
    pub(super) fn raised(&mut self, trials: &mut Trials<'_>, plan: Plan) -> Plan {
        plan.lowered().into_iter().fold(plan, |plan, lowered| self.raised_one(trials, plan, &lowered))
    }

    fn raised_one(&mut self, trials: &mut Trials<'_>, plan: Plan, lowered: &Lowered) -> Plan {
        let Some(state) = plan.made(self.cx, self.victims) else { return plan };
        let Some(pod) = self.victim_of(&lowered.object) else { return plan };
        let volumes = self.volumes(&state);
        let Some(changed) = state.pods.get(&pod.metadata.namespace, &pod.metadata.name).found() else { return plan };
        let known = Rc::clone(&self.known);
        let (cx, victims) = (self.cx, self.victims);
        let at = At { cx, state: &state, volumes: &volumes, victims, pod: changed, node: None, known: &known };
        let Some(now) = pods::asked(changed, lowered.container, &lowered.resource) else { return plan };
        let amounts = self.amounts(&at, pod, lowered, now);
        self.most(trials, plan, &amounts, |plan, amount| {
            plan.with(cx, at.state, &[pods::asking(&at, lowered.container, &lowered.resource, amount)?])
        })
    }

    /// The plan with the largest of these amounts, the least first, with which it works; as it is where it works with none.
    pub(super) fn most(
        &mut self,
        trials: &mut Trials<'_>,
        plan: Plan,
        amounts: &[i64],
        with: impl Fn(&Plan, i64) -> Option<Plan>,
    ) -> Plan {
        let mut best = plan;
        let (mut low, mut high) = (0, amounts.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match with(&best, amounts[middle]).filter(|larger| self.works(trials, larger)) {
                Some(larger) => {
                    best = larger;
                    low = middle + 1;
                }
                None => high = middle,
            }
        }
        best
    }

    /// A victim whose change an object stands for.
    fn victim_of(&self, object: &ObjectRef) -> Option<&Pod> {
        let pods = self.victims.iter().filter_map(|victim| {
            let pod = self.cx.snapshot.pods.get(&victim.namespace, &victim.name).found()?;
            let of = self.cx.workload(pod).map(|(kind, meta)| ObjectRef::new(kind, &meta.namespace, &meta.name));
            (of.as_ref() == Some(object) || pod_ref(pod) == *object).then_some(&**pod)
        });
        let mut pods = pods;
        pods.next()
    }

    /// What the container could ask for instead, more than now and less than at first, the least first: what leaves room
    /// for a whole number of pods on some node.
    fn amounts(&self, at: &At<'_, '_>, pod: &Pod, lowered: &Lowered, now: i64) -> Vec<i64> {
        let resource = lowered.resource.as_str();
        let Some(first) = pods::asked(pod, lowered.container, resource) else { return Vec::new() };
        let total = self.cx.scheduler.asked(pod, resource);
        let others = total.saturating_sub(first);
        let (rooms, most): (Vec<i64>, usize) = match at.known.needs(at, resource) {
            Some(needs) => {
                let rooms = needs.rooms.values().flat_map(|room| [room.beside, room.instead]);
                (rooms.collect(), needs.all.saturating_add(1))
            }
            None => {
                let nodes = self.cx.snapshot.nodes.seen().iter().take(ALL_NODES);
                (nodes.filter_map(|node| free(self.cx.scheduler, &node.metadata.name, resource)).collect(), 1)
            }
        };
        let most = i64::try_from(most).unwrap_or(MOST_SHARING).min(MOST_SHARING);
        let shares = rooms.into_iter().flat_map(|room| (1..=most).map(move |many| room / many));
        between(now, first, shares.map(|share| pods::whole(resource, share.saturating_sub(others))))
    }
}

/// The amounts that are more than one and less than another, the least first.
pub(super) fn between(low: i64, high: i64, amounts: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut amounts: Vec<i64> = amounts.filter(|amount| *amount > low && *amount < high).collect();
    amounts.sort_unstable();
    amounts.dedup();
    amounts
}
