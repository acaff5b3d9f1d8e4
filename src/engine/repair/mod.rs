//! The smallest change that lets the victims of a cause run: changes are taken from what is in their way, tried on a copy
//! of the state, and added to until every victim is placed or bound.

mod claims;
mod fresh;
mod holders;
mod nodes;
mod plan;
mod pods;
mod search;
mod volumes;
mod ways;

use search::Search;

use super::trial::{Choice, Trials};
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::remedy::{Remedy, Side, Trial};
use crate::model::ObjectRef;
use crate::rules::{Stage, find};

/// States that are tried for one finding and one side.
const TRIES: usize = 40;
/// States that are tried for one report of a small cluster.
const MOST_TRIES: usize = 1000;
/// What all tries of a report may cost, in objects that each of them looks at: five on 5,000 nodes with 50,000 pods.
const BUDGET: usize = 500_000;

/// Adds to each error without a repair that works what the search finds: what changes the cluster alone, what changes the
/// workload alone, and where neither works, what changes both.
pub(super) fn add(cx: &Context<'_>, trials: &mut Trials<'_>, findings: &mut [Finding]) {
    let cost = cx.snapshot.pods.seen().len() + 10 * cx.snapshot.nodes.seen().len() + 1;
    let mut left = MOST_TRIES.min(BUDGET / cost);
    for finding in findings.iter_mut().filter(|finding| wanted(finding)) {
        let victims: Vec<ObjectRef> = finding.victims().cloned().collect();
        let Some(rest) = left.checked_sub(1) else { return };
        left = rest;
        let Some(untouched) = trials.settle(cx.snapshot.clone(), &victims, Choice::First) else { return };
        let mut found: Vec<Remedy> = Vec::new();
        for side in [Side::Cluster, Side::Workload, Side::Both] {
            if side == Side::Both && !found.is_empty() {
                continue;
            }
            let mut search = Search::new(cx, &victims, side, TRIES.min(left));
            let before = search.left;
            found.extend(search.run(trials, &untouched));
            left -= before - search.left;
        }
        found.sort_by_key(|remedy| remedy.risk);
        finding.remedies.splice(0..0, found);
    }
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
