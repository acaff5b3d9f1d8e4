//! The smallest change that lets the victims of a cause run: changes are taken from what is in their way, tried on a copy
//! of the state, and added to until every victim is placed or bound.

mod choice;
mod claims;
mod fewer;
mod fresh;
mod holders;
mod lasting;
mod more_nodes;
mod nodes;
mod plan;
mod pods;
mod reason;
mod requests;
mod search;
mod sizes;
mod volumes;
mod ways;

use search::{Found, Search};

use super::trial::{Choice, Settled, Trials};
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::looks::CHANGES_NOTHING;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Side, Step, Trial};
use crate::model::ObjectRef;
use crate::rules::{Stage, find};

/// States that are tried for one finding and one side.
const TRIES: usize = 60;
/// States that are tried for one report of a small cluster.
const MOST_TRIES: usize = 1000;
/// What all tries of a report may cost, in objects that each of them looks at: five on 5,000 nodes with 50,000 pods.
const BUDGET: usize = 500_000;
/// First changes of which the next blocker is looked for, where no set of changes works.
const NEXT_BLOCKERS: usize = 3;
/// Kinds of victims, and of what makes them.
const VICTIMS: [&str; 8] =
    ["Pod", "PersistentVolumeClaim", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"];
const TOO_LARGE: &str = "the search stopped early, since the cluster is large and other causes came first";

/// Adds to each error without a repair that works what the search finds: what changes the cluster alone, what changes the
/// workload alone, and where neither works, what changes both; else why there is none.
pub(super) fn add(cx: &Context<'_>, trials: &mut Trials<'_>, findings: &mut [Finding]) {
    let cost = cx.snapshot.pods.seen().len() + 10 * cx.snapshot.nodes.seen().len() + 1;
    let mut left = MOST_TRIES.min(BUDGET / cost);
    let (mut searched, mut others): (Vec<&mut Finding>, Vec<&mut Finding>) =
        findings.iter_mut().partition(|finding| wanted(finding));
    for finding in &mut searched {
        let victims: Vec<ObjectRef> = finding.victims().cloned().collect();
        let untouched = left.checked_sub(1).and_then(|rest| {
            left = rest;
            trials.settle(cx.snapshot.clone(), &victims, Choice::First)
        });
        match untouched {
            Some(untouched) => repair(cx, trials, finding, &untouched, &mut left),
            None => finding.unrepaired = Some(TOO_LARGE.to_owned()),
        }
    }
    for finding in others.iter_mut().filter(|finding| cx.options.of_manifests && by_cluster_alone(finding)) {
        if left >= TRIES {
            of_workload(cx, trials, finding, &mut left);
        }
    }
}

/// Whether the repairs that work change the cluster alone, so that no change of the victims was searched for.
fn by_cluster_alone(finding: &Finding) -> bool {
    let mut works = finding.remedies.iter().filter(|remedy| remedy.trial == Trial::Schedules).peekable();
    let of_victims = |step: &Step| {
        let object = step.change.as_ref().and_then(Change::object);
        object.is_some_and(|object| VICTIMS.contains(&object.kind.as_str()))
    };
    about_victims(finding)
        && works.peek().is_some()
        && works.all(|remedy| remedy.size.is_none() && !remedy.steps.iter().any(of_victims))
}

/// Puts the smallest change of the victims before what changes the cluster.
fn of_workload(cx: &Context<'_>, trials: &mut Trials<'_>, finding: &mut Finding, left: &mut usize) {
    let victims: Vec<ObjectRef> = finding.victims().cloned().collect();
    let Some(rest) = left.checked_sub(1) else { return };
    *left = rest;
    let Some(untouched) = trials.settle(cx.snapshot.clone(), &victims, Choice::First) else { return };
    let mut search = Search::new(cx, &victims, Side::Workload, TRIES.min(*left));
    let before = search.left;
    let found = search.run(trials, &untouched).filter(|found| found.remedy.risk < Risk::High);
    *left -= before - search.left;
    finding.remedies.splice(0..0, found.map(|found| found.remedy));
}

fn repair(cx: &Context<'_>, trials: &mut Trials<'_>, finding: &mut Finding, untouched: &Settled, left: &mut usize) {
    let victims: Vec<ObjectRef> = finding.victims().cloned().collect();
    let mut found: Vec<Found> = Vec::new();
    for side in [Side::Cluster, Side::Workload, Side::Both] {
        if side == Side::Both && !found.is_empty() {
            continue;
        }
        let mut search = Search::new(cx, &victims, side, TRIES.min(*left));
        let before = search.left;
        found.extend(search.run(trials, untouched));
        *left -= before - search.left;
    }
    if !found.iter().any(|one| one.remedy.risk < Risk::High && !one.evades) && *left > 0 {
        let last = finding.remedies.iter().position(looks_only).unwrap_or(finding.remedies.len());
        let more = more_nodes::proposed(cx, trials, &victims, untouched);
        finding.remedies.splice(last..last, more.into_iter().chain(fewer::proposed(cx, &victims, untouched)));
    }
    if found.is_empty() {
        let search = Search::new(cx, &victims, Side::Both, 0);
        finding.unrepaired = Some(search.why_none(untouched));
        next_blockers(&search, trials, finding, untouched);
        return;
    }
    found.sort_by_key(|one| one.remedy.risk);
    let (risky, safe): (Vec<Found>, Vec<Found>) = found.into_iter().partition(|one| one.remedy.risk == Risk::High);
    let (around, through): (Vec<Found>, Vec<Found>) = safe.into_iter().partition(|one| one.evades);
    let last = |own: &Remedy| own.risk == Risk::High || looks_only(own);
    let first = finding.remedies.iter().position(last).unwrap_or(finding.remedies.len());
    finding.remedies.splice(first..first, around.into_iter().chain(risky).map(|one| one.remedy));
    finding.remedies.splice(0..0, through.into_iter().map(|one| one.remedy));
}

/// Whether a repair only shows more.
fn looks_only(remedy: &Remedy) -> bool {
    remedy.trial == Trial::Untried(CHANGES_NOTHING.to_owned())
}

/// Adds the smallest change that ends this cause, where it only brings the next one to light.
fn next_blockers(search: &Search<'_, '_>, trials: &mut Trials<'_>, finding: &mut Finding, untouched: &Settled) {
    if finding.remedies.iter().any(|remedy| matches!(remedy.trial, Trial::NextBlocker { .. })) {
        return;
    }
    let first = search.first_steps(untouched, NEXT_BLOCKERS);
    let found: Option<Remedy> = first.into_iter().find_map(|remedy| trials.next_blocker(finding, remedy));
    finding.remedies.splice(0..0, found);
}

/// Whether a finding is an error of pods or claims themselves that no repair ends.
fn wanted(finding: &Finding) -> bool {
    about_victims(finding) && !finding.remedies.iter().any(|remedy| remedy.trial == Trial::Schedules)
}

/// Whether a finding is an error of pods or claims themselves. What is wrong with the parts of a driver or a node is
/// repaired there.
fn about_victims(finding: &Finding) -> bool {
    let own = |stage| !matches!(stage, Stage::Start | Stage::Container | Stage::Provider | Stage::Driver);
    finding.severity == Severity::Error
        && find(&finding.rule).is_some_and(|rule| own(rule.stage))
        && finding.victims().next().is_some()
}
