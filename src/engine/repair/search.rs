//! The search itself: the cheapest set of changes first, so that the first that works is the smallest of those that the
//! obstacles suggest.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::rc::Rc;

use super::super::trial::{Choice, Settled, Trials};
use super::plan::{Plan, Way};
use super::requests::Known;
use super::ways::{At, around};
use super::{claims, fresh, pods};
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::in_the_way::InTheWay;
use crate::diagnosis::remedy::{Remedy, Side, Trial};
use crate::model::{Kind, ObjectRef, Pod};
use crate::scheduler::Obstacle;
use crate::scheduler::Outcome;
use crate::snapshot::Snapshot;
use crate::volumes::{AttachProblem, Attachments, VolumeController};

/// Changes in one repair.
pub(super) const MOST_CHANGES: usize = 12;
/// Sets of ways that are followed from one state.
const BRANCHES: usize = 5;
/// What one more victim is taken to cost: about one change of a middling weight.
const A_VICTIM: u32 = 4;
/// Other pods that are let to the nodes before the victims, to see whether room is left.
const MOST_OTHERS: usize = 40;
/// Up to as many nodes everything is looked at; beyond, the closest.
pub(super) const ALL_NODES: usize = 200;

pub(super) struct Search<'s, 'a> {
    pub cx: &'s Context<'a>,
    pub victims: &'s [ObjectRef],
    side: Side,
    /// Tries that are left.
    pub left: usize,
    pub known: Rc<Known>,
}

/// A repair that works.
pub(super) struct Found {
    pub remedy: Remedy,
    /// Whether it leads the victims around the cause and leaves it where it is.
    pub evades: bool,
}

/// Plans that are still to be tried, with what they cost, what is expected to come on top, and what they give up.
#[derive(Default)]
struct Open {
    heap: BinaryHeap<Reverse<(u32, u32, usize)>>,
    plans: Vec<Plan>,
}

impl Open {
    fn add(&mut self, plan: Plan, victims: usize) {
        if plan.changes() <= MOST_CHANGES && !self.plans.contains(&plan) {
            let ahead = A_VICTIM.saturating_mul(u32::try_from(victims).unwrap_or(u32::MAX));
            let cost = plan.cost().saturating_add(ahead);
            self.heap.push(Reverse((cost, plan.given_up(), self.plans.len())));
            self.plans.push(plan);
        }
    }

    fn next(&mut self) -> Option<Plan> {
        let Reverse((_, _, index)) = self.heap.pop()?;
        Some(self.plans[index].clone())
    }
}

impl<'s, 'a> Search<'s, 'a> {
    pub(super) fn new(cx: &'s Context<'a>, victims: &'s [ObjectRef], side: Side, left: usize) -> Self {
        Self { cx, victims, side, left, known: Rc::default() }
    }

    /// The cheapest plan that lets all victims run, of those within reach.
    pub(super) fn run(&mut self, trials: &mut Trials<'_>, untouched: &Settled) -> Option<Found> {
        let mut open = Open::default();
        self.follow(&mut open, &Plan::default(), untouched);
        loop {
            let plan = open.next()?;
            let Some(settled) = self.tried(trials, &plan)? else { continue };
            if settled.left().next().is_some() {
                self.follow(&mut open, &plan, &settled);
            } else if self.holds(trials, &plan)? {
                let plan = self.pruned(trials, plan);
                let plan = self.raised(trials, plan);
                let plan = self.enlarged(trials, plan);
                let plan = self.opened(trials, plan);
                let remedy = plan.remedy(self.cx, self.victims)?;
                return Some(Found { remedy: Remedy { trial: Trial::Schedules, ..remedy }, evades: plan.evades() });
            }
        }
    }

    /// The cheapest changes for the first victim that is in trouble, each as a repair that is still to be tried.
    pub(super) fn first_steps(&self, untouched: &Settled, most: usize) -> Vec<Remedy> {
        let mut open = Open::default();
        self.follow(&mut open, &Plan::default(), untouched);
        let plans = std::iter::from_fn(|| open.next()).take(most);
        plans.filter_map(|plan| plan.remedy(self.cx, self.victims)).collect()
    }

    /// What becomes of the victims under a plan, `Some(None)` where it can't be made; `None` when the budget is spent.
    fn tried(&mut self, trials: &mut Trials<'_>, plan: &Plan) -> Option<Option<Settled>> {
        self.left = self.left.checked_sub(1)?;
        match plan.made(self.cx, self.victims) {
            Some(state) => trials.settle_all(state, self.victims, Choice::First).map(Some),
            None => Some(None),
        }
    }

    /// The plan without what turned out not to be needed.
    fn pruned(&mut self, trials: &mut Trials<'_>, plan: Plan) -> Plan {
        let smaller: Vec<Plan> = plan.without_one().collect();
        for candidate in smaller {
            if self.works(trials, &candidate) {
                return self.pruned(trials, candidate);
            }
        }
        plan
    }

    /// Whether every victim runs under a plan, and goes on running, as far as the budget lets that be seen.
    pub(super) fn works(&mut self, trials: &mut Trials<'_>, plan: &Plan) -> bool {
        let settled = self.tried(trials, plan).flatten();
        settled.is_some_and(|settled| settled.left().next().is_none()) && self.holds(trials, plan) == Some(true)
    }

    /// Whether the victims run, and go on running, also where the other pods that wait take first what the plan opens to
    /// them, and where the scheduler chooses otherwise; `None` when the budget is spent. A plan that lets another pod evict
    /// some that run is none.
    fn holds(&mut self, trials: &mut Trials<'_>, plan: &Plan) -> Option<bool> {
        let others = self.cx.pods.iter().map(|case| pod_ref(case.pod)).filter(|pod| !self.victims.contains(pod));
        let mut others: Vec<ObjectRef> = others.collect();
        others.truncate(MOST_OTHERS);
        for choice in [Choice::First, Choice::Last] {
            if choice == Choice::First && others.is_empty() {
                continue;
            }
            self.left = self.left.checked_sub(1)?;
            let Some(state) = plan.made(self.cx, self.victims) else { return Some(false) };
            for first in [&others[..], self.victims] {
                let second = if first == self.victims { &others[..] } else { self.victims };
                let of_victims = first == self.victims;
                let one = match of_victims {
                    true => trials.settle_all(state.clone(), first, choice)?,
                    false => trials.settle(state.clone(), first, choice)?,
                };
                let two = trials.settle(one.state.clone(), second, choice)?;
                let victims = if of_victims { &one } else { &two };
                let evicting = !(one.preempting.is_empty() && two.preempting.is_empty());
                if evicting || victims.left().next().is_some() {
                    return Some(false);
                }
            }
        }
        Some(true)
    }

    /// Adds the plan with what takes something out of the way of the first victim that is left.
    fn follow(&self, open: &mut Open, plan: &Plan, settled: &Settled) {
        let state = &settled.state;
        let left = settled.left().count();
        let sets = self.sets(state, settled);
        let allowed = sets.into_iter().filter(|set| set.iter().all(|way| self.allows(way)));
        for next in allowed.filter_map(|ways| plan.with(self.cx, state, &ways)) {
            open.add(next, left.saturating_sub(1));
        }
    }

    fn sets(&self, state: &Snapshot, settled: &Settled) -> Vec<Vec<Way>> {
        let Some(object) = settled.left().next() else { return Vec::new() };
        match (object.kind.as_str(), state.pods.get(&object.namespace, &object.name).found()) {
            ("Pod", Some(pod)) if pod.assigned() => self.of_placed(state, pod),
            ("Pod", Some(pod)) => self.of_pod(state, pod),
            _ => match state.claims.get(&object.namespace, &object.name).found() {
                Some(claim) if object.kind == Kind::PersistentVolumeClaim.name() => {
                    claims::ways(self.cx, state, &self.volumes(state), claim).into_iter().map(|way| vec![way]).collect()
                }
                _ => Vec::new(),
            },
        }
    }

    fn allows(&self, way: &Way) -> bool {
        self.side == Side::Both || self.side == way.change.side()
    }

    pub(super) fn volumes<'t>(&self, state: &'t Snapshot) -> VolumeController<'t> {
        VolumeController::new(state).with_version(self.cx.options.version(state))
    }

    /// The pod in a state, before any node is looked at.
    pub(super) fn at<'t>(&'t self, state: &'t Snapshot, volumes: &'t VolumeController<'t>, pod: &'t Pod) -> At<'t, 'a> {
        At { cx: self.cx, state, volumes, victims: self.victims, pod, node: None, known: &self.known }
    }

    /// Has a pod that can't have its volumes where it is placed anew: as it is, where the scheduler then finds only nodes
    /// on which it can have them, and else on such nodes alone.
    fn of_placed(&self, state: &Snapshot, pod: &Pod) -> Vec<Vec<Way>> {
        let Some(anew) = pods::elsewhere(pod).filter(|_| self.out_of_reach(state, pod)) else { return Vec::new() };
        let mut free = pod.clone();
        free.spec.node_name.clear();
        let mut without = state.clone();
        without.pods.insert(free.clone());
        let reached = self.reached_from(&without, &free);
        let judged = self.cx.scheduler.after(&without).judge(&free);
        let mut fitting = judged.nodes.iter().filter(|node| node.fits == Some(true)).map(|node| node.name.as_str());
        if fitting.all(|node| reached.contains(node)) {
            return vec![vec![anew]];
        }
        let nodes: Vec<&str> = reached.iter().copied().collect();
        let volumes = self.volumes(state);
        let at = self.at(state, &volumes, pod);
        let pinned = pods::only_on(&at, &nodes, "where its volumes can be used").map(|pinned| vec![pinned]);
        let claims = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name));
        let others = claims.flat_map(|claim| fresh::own_claim(&at, &claim));
        let sets = pinned.into_iter().chain(others);
        sets.map(|set| [anew.clone()].into_iter().chain(set).collect()).collect()
    }

    fn out_of_reach(&self, state: &Snapshot, pod: &Pod) -> bool {
        Attachments::new(state).judge(pod).is_some_and(|verdict| verdict.problems.iter().any(lies_with_the_node))
    }

    /// The nodes on which nothing of the node itself keeps the pod from its volumes.
    fn reached_from<'t>(&self, state: &'t Snapshot, pod: &Pod) -> BTreeSet<&'t str> {
        let attachments = Attachments::new(state);
        let names = state.nodes.seen().iter().map(|node| node.metadata.name.as_str()).take(ALL_NODES);
        let reached = |node: &&str| {
            let mut there = pod.clone();
            (*node).clone_into(&mut there.spec.node_name);
            attachments.judge(&there).is_none_or(|verdict| !verdict.problems.iter().any(lies_with_the_node))
        };
        names.filter(reached).collect()
    }

    /// Sets of ways of which each takes everything out of the way that is there: on one node, or before any node is
    /// looked at.
    fn of_pod(&self, state: &Snapshot, pod: &Pod) -> Vec<Vec<Way>> {
        let scheduler = self.cx.scheduler.after(state);
        let verdict = scheduler.judge(pod);
        let volumes = self.volumes(state);
        let at = self.at(state, &volumes, pod);
        if verdict.outcome == Outcome::OtherScheduler {
            return pods::default_scheduler(&at).into_iter().map(|way| vec![way]).collect();
        }
        let Some(explanation) = scheduler.explain(pod) else { return Vec::new() };
        if let Some(obstacle) = explanation.of_pod().first() {
            return around(&at, obstacle);
        }
        let mut sets: Vec<Vec<Way>> = Vec::new();
        if state.nodes.seen().len() <= ALL_NODES {
            for node in explanation.nodes() {
                self.on_node(&at.on(Some(node)), &explanation.node(node), &mut sets);
            }
        } else {
            for set in InTheWay::new(&explanation, &verdict, false).sets.iter().filter(|set| !set.only_first) {
                let node = set.nodes.first().map(String::as_str);
                self.on_node(&at.on(node), &set.obstacles, &mut sets);
            }
        }
        sets.sort_by_key(|set| cost(set));
        sets.truncate(BRANCHES);
        sets
    }

    /// The cheapest ways around all obstacles on a node, and those with the next best around one of them; nothing where
    /// there is none around one.
    fn on_node(&self, at: &At<'_, '_>, obstacles: &[Obstacle], sets: &mut Vec<Vec<Way>>) {
        let mut choices: Vec<Vec<Vec<Way>>> = Vec::new();
        for obstacle in obstacles {
            let mut ways = around(at, obstacle);
            ways.retain(|set| set.iter().all(|way| self.allows(way)));
            ways.sort_by_key(|set| cost(set));
            if ways.is_empty() {
                return;
            }
            choices.push(ways);
        }
        let with = |changed: usize, to: usize| {
            let mut all: Vec<Way> = Vec::new();
            for (index, ways) in choices.iter().enumerate() {
                let chosen = &ways[if index == changed { to } else { 0 }];
                all.extend(chosen.iter().filter(|way| !all.contains(way)).cloned().collect::<Vec<_>>());
            }
            all
        };
        let next_best = choices.iter().enumerate().flat_map(|(at, ways)| (1..ways.len()).map(move |to| (at, to)));
        for (at, to) in [(0, 0)].into_iter().chain(next_best).filter(|_| !choices.is_empty()) {
            let set = with(at, to);
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
    }
}

/// What ways cost, and what they give up.
fn cost(ways: &[Way]) -> (u32, u32) {
    (ways.iter().map(|way| way.cost).sum(), ways.iter().map(|way| way.given_up).sum())
}

/// Whether a pod on another node might not have the problem.
fn lies_with_the_node(problem: &AttachProblem) -> bool {
    matches!(problem, AttachProblem::NodeAffinity { .. } | AttachProblem::DriverNotOnNode { .. })
}
