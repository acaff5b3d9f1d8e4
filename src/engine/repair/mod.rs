//! The smallest change that lets the victims of a cause run: changes are taken from what is in their way, tried on a copy
//! of the state, and added to until every victim is placed or bound. The cheapest set is tried first, so the first that
//! works is the smallest of those that the obstacles suggest.

mod claims;
mod plan;
mod ways;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use plan::{Plan, Side, Way};

use super::trial::{Settled, Trials};
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::in_the_way::{InTheWay, NodeSet};
use crate::diagnosis::remedy::{Remedy, Trial};
use crate::model::{Kind, ObjectRef, Pod};
use crate::rules::{Stage, find};
use crate::snapshot::Snapshot;
use crate::volumes::{AttachProblem, Attachments};

/// States that are tried for one finding and one side.
const TRIES: usize = 10;
/// States that are tried for one report of a small cluster.
const MOST_TRIES: usize = 240;
/// What all tries of a report may cost, in objects that each of them looks at: five on 5,000 nodes with 50,000 pods.
const BUDGET: usize = 500_000;
/// Changes in one repair.
const MOST_CHANGES: usize = 5;
/// Ways that are followed from one state.
const BRANCHES: usize = 3;
/// Other pods that are let to the nodes before the victims, to see whether room is left.
const MOST_OTHERS: usize = 40;
/// Up to as many nodes everything is looked at; beyond, the closest.
const ALL_NODES: usize = 200;

/// Adds to each error without a repair that works what the search finds: what changes the cluster alone, what changes the
/// workload alone, and where neither works, what changes both.
pub(super) fn add(cx: &Context<'_>, trials: &mut Trials<'_>, findings: &mut [Finding]) {
    let cost = cx.snapshot.pods.seen().len() + 10 * cx.snapshot.nodes.seen().len() + 1;
    let mut left = MOST_TRIES.min(BUDGET / cost);
    for finding in findings.iter_mut().filter(|finding| wanted(finding)) {
        let victims: Vec<ObjectRef> = finding.victims().cloned().collect();
        let Some(rest) = left.checked_sub(1) else { return };
        left = rest;
        let Some(untouched) = trials.settle(cx.snapshot.clone(), &victims) else { return };
        let mut found: Vec<Remedy> = Vec::new();
        let many = changed_apart(cx, &victims) > MOST_CHANGES;
        for side in [Side::Cluster, Side::Workload, Side::Both] {
            if side != Side::Cluster && many || side == Side::Both && !found.is_empty() {
                continue;
            }
            let mut search = Search { cx, victims: &victims, side, left: TRIES.min(left) };
            let before = search.left;
            found.extend(search.run(trials, &untouched));
            left -= before - search.left;
        }
        found.sort_by_key(|remedy| remedy.risk);
        finding.remedies.splice(0..0, found);
    }
}

/// How many objects have to be changed so that every victim among the pods is.
fn changed_apart(cx: &Context<'_>, victims: &[ObjectRef]) -> usize {
    let pods = victims.iter().filter_map(|victim| cx.snapshot.pods.get(&victim.namespace, &victim.name).found());
    let own = |pod: &Pod| {
        cx.workload(pod).map_or_else(|| pod_ref(pod), |(kind, meta)| ObjectRef::new(kind, &meta.namespace, &meta.name))
    };
    pods.map(|pod| own(pod)).collect::<BTreeSet<ObjectRef>>().len()
}

/// Whether a finding is an error of pods or claims themselves that no repair ends. What is wrong with the parts of a
/// driver or a node is repaired there.
fn wanted(finding: &Finding) -> bool {
    let own = |stage| !matches!(stage, Stage::Start | Stage::Container | Stage::Provider | Stage::Driver);
    finding.severity == Severity::Error
        && find(finding.rule).is_some_and(|rule| own(rule.stage))
        && !finding.remedies.iter().any(|remedy| remedy.trial == Trial::Schedules)
        && finding.victims().next().is_some()
}

struct Search<'s, 'a> {
    cx: &'s Context<'a>,
    victims: &'s [ObjectRef],
    side: Side,
    left: usize,
}

impl Search<'_, '_> {
    /// The cheapest plan that lets all victims run, of those within reach.
    fn run(&mut self, trials: &mut Trials<'_>, untouched: &Settled) -> Option<Remedy> {
        let mut open: BinaryHeap<Reverse<(u32, usize)>> = BinaryHeap::new();
        let mut plans: Vec<Plan> = Vec::new();
        let mut found = self.next(&Plan::default(), untouched);
        loop {
            for next in found {
                if next.changes() <= MOST_CHANGES && !plans.contains(&next) {
                    open.push(Reverse((next.cost(), plans.len())));
                    plans.push(next);
                }
            }
            let Reverse((_, index)) = open.pop()?;
            self.left = self.left.checked_sub(1)?;
            let plan = plans[index].clone();
            let Some(state) = plan.made(self.cx, self.victims) else {
                found = Vec::new();
                continue;
            };
            let settled = trials.settle(state, self.victims)?;
            let left = !(settled.blocked.is_empty() && settled.starting.is_empty());
            if !left && settled.unknown.is_none() && self.holds_beside_others(trials, &plan)? {
                return plan.remedy(self.cx, self.victims);
            }
            found = if left { self.next(&plan, &settled) } else { Vec::new() };
        }
    }

    /// Whether the victims run also where the other pods that wait take first what the plan opens to them; `None` when
    /// the budget is spent.
    fn holds_beside_others(&mut self, trials: &mut Trials<'_>, plan: &Plan) -> Option<bool> {
        let others = self.cx.pods.iter().map(|case| pod_ref(case.pod)).filter(|pod| !self.victims.contains(pod));
        let mut others: Vec<ObjectRef> = others.collect();
        if others.is_empty() {
            return Some(true);
        }
        others.truncate(MOST_OTHERS);
        self.left = self.left.checked_sub(1)?;
        let Some(state) = plan.made(self.cx, self.victims) else { return Some(false) };
        let state = trials.settle(state, &others)?.state;
        let settled = trials.settle(state, self.victims)?;
        Some(settled.blocked.is_empty() && settled.starting.is_empty() && settled.unknown.is_none())
    }

    /// The plan with what takes something out of the way of the first victim that is left.
    fn next(&self, plan: &Plan, settled: &Settled) -> Vec<Plan> {
        let state = &settled.state;
        let Some(object) = settled.blocked.first().or(settled.starting.first()) else { return Vec::new() };
        let sets = match (object.kind.as_str(), state.pods.get(&object.namespace, &object.name).found()) {
            ("Pod", Some(pod)) if pod.assigned() => {
                let way = ways::elsewhere(pod).filter(|_| self.better_elsewhere(state, pod));
                way.into_iter().map(|way| vec![way]).collect()
            }
            ("Pod", Some(pod)) => self.of_pod(state, pod),
            _ => match state.claims.get(&object.namespace, &object.name).found() {
                Some(claim) if object.kind == Kind::PersistentVolumeClaim.name() => {
                    claims::ways(self.cx, state, claim).into_iter().map(|way| vec![way]).collect()
                }
                _ => Vec::new(),
            },
        };
        let allowed = sets.into_iter().filter(|set: &Vec<Way>| set.iter().all(|way| self.side.allows(way)));
        allowed.filter_map(|ways| plan.with(self.cx, state, ways)).collect()
    }

    /// Whether a pod that can't have its volumes where it is can have them on every node that the scheduler may choose
    /// in its stead.
    fn better_elsewhere(&self, state: &Snapshot, pod: &Pod) -> bool {
        let out_of_reach = |problem: &AttachProblem| {
            matches!(problem, AttachProblem::NodeAffinity { .. } | AttachProblem::DriverNotOnNode { .. })
        };
        let verdict = Attachments::new(state).judge(pod);
        if !verdict.is_some_and(|verdict| verdict.problems.iter().any(out_of_reach)) {
            return false;
        }
        let mut free = pod.clone();
        free.spec.node_name.clear();
        let mut without = state.clone();
        without.pods.insert(free.clone());
        let judged = self.cx.scheduler.after(&without).judge(&free);
        let mut fitting = judged.nodes.iter().filter(|node| node.fits == Some(true)).take(ALL_NODES);
        let attachments = Attachments::new(&without);
        fitting.all(|node| {
            let mut there = free.clone();
            there.spec.node_name.clone_from(&node.name);
            attachments.judge(&there).is_none_or(|verdict| !verdict.problems.iter().any(out_of_reach))
        })
    }

    /// Sets of ways of which each takes everything out of the way that is there: on one node, or before any node is
    /// looked at.
    fn of_pod(&self, state: &Snapshot, pod: &Pod) -> Vec<Vec<Way>> {
        let scheduler = self.cx.scheduler.after(state);
        let Some(explanation) = scheduler.explain(pod) else { return Vec::new() };
        let few = state.nodes.seen().len() <= ALL_NODES;
        let way = InTheWay::new(&explanation, &scheduler.judge(pod), few);
        if let Some(obstacle) = way.of_pod.first() {
            let ways = ways::of(self.cx, state, pod, None, obstacle);
            return ways.into_iter().map(|way| vec![way]).collect();
        }
        let mut sets: Vec<Vec<Way>> = way.sets.iter().filter_map(|set| self.on_node(state, pod, set)).collect();
        sets.sort_by_key(|set| set.iter().map(|way| way.cost).sum::<u32>());
        sets.truncate(BRANCHES);
        sets
    }

    /// The cheapest way around each obstacle on the first of the nodes; `None` where one has none.
    fn on_node(&self, state: &Snapshot, pod: &Pod, set: &NodeSet) -> Option<Vec<Way>> {
        let node = set.nodes.first().filter(|_| !set.only_first)?;
        let mut ways: Vec<Way> = Vec::new();
        for obstacle in &set.obstacles {
            let around = ways::of(self.cx, state, pod, Some(node), obstacle);
            let way = around.into_iter().filter(|way| self.side.allows(way)).min_by_key(|way| way.cost)?;
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        Some(ways)
    }
}
