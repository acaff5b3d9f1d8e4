//! Findings that hold only because kinds were presumed empty: they are likely, not certain.
//!
//! A dump of a whole cluster that holds no object of a kind proves nothing of it. Verdicts presume that there are none;
//! a finding stays certain only if it is found without that as well.

use std::collections::{BTreeSet, HashSet};

use super::context::Context;
use super::engine::causes;
use super::finding::{Confidence, Evidence, Finding};
use super::options::Scope;
use super::text::names;
use crate::model::Kind;
use crate::rules;
use crate::snapshot::{self, Problem};

/// Takes the certainty of those findings that rest on a presumption, and says on which.
pub(crate) fn settle(cx: &Context<'_>, scope: &Scope, findings: &mut [Finding]) {
    let presumed: BTreeSet<Kind> = cx.snapshot.presumed().into_iter().collect();
    let doubtful: Vec<(&mut Finding, Vec<Kind>)> = findings
        .iter_mut()
        .filter(|finding| finding.confidence == Confidence::Certain && !presumed.is_empty())
        .map(|finding| {
            let rests = rests_on(cx, finding).intersection(&presumed).copied().collect();
            (finding, rests)
        })
        .filter(|(_, kinds): &(_, Vec<Kind>)| !kinds.is_empty())
        .collect();
    if doubtful.is_empty() {
        return;
    }
    let proven = proven(cx, scope, &presumed);
    for (finding, kinds) in doubtful {
        if !proven.contains(&(finding.id.clone(), finding.title.clone())) {
            hedge(finding, &kinds);
        }
    }
}

/// The kinds whose absence a finding can rest on: those that its rule looks into, and those that decide about its
/// victims.
fn rests_on(cx: &Context<'_>, finding: &Finding) -> BTreeSet<Kind> {
    let rule = rules::find(finding.rule);
    let mut kinds: BTreeSet<Kind> =
        rule.into_iter().flat_map(|rule| rule.needs.iter().chain(rule.reads)).copied().collect();
    for victim in finding.victims() {
        match victim.kind.as_str() {
            "Pod" => kinds.extend(cx.pod_in_scope(victim).into_iter().flat_map(|pod| cx.scheduler.rests_on(pod))),
            "PersistentVolumeClaim" => kinds.extend([Kind::PersistentVolume, Kind::StorageClass]),
            _ => {}
        }
    }
    kinds
}

/// Id and title of the findings that are certain where nothing is presumed.
fn proven(cx: &Context<'_>, scope: &Scope, presumed: &BTreeSet<Kind>) -> HashSet<(String, String)> {
    let unread = snapshot::Scope::Nothing(Problem::NotInDump);
    let state = presumed.iter().fold(cx.snapshot.clone(), |state, kind| state.covering(*kind, unread.clone()));
    let found = causes(&state, scope, cx.options, &cx.scheduler.after(&state));
    let certain = found.into_iter().filter(|finding| finding.confidence == Confidence::Certain);
    certain.map(|finding| (finding.id, finding.title)).collect()
}

fn hedge(finding: &mut Finding, kinds: &[Kind]) {
    finding.confidence = Confidence::Likely;
    let lacking: Vec<String> = kinds.iter().map(|kind| format!("no {kind}")).collect();
    let value = format!("{} in the dump", names(&lacking));
    if finding.evidence.iter().any(|evidence| evidence.value == value) {
        return;
    }
    let plurals: Vec<&str> = kinds.iter().map(|kind| kind.plural()).collect();
    let note = format!(
        "so the cluster is taken to have none, which a dump can't prove: kubectl get {} -A tells",
        plurals.join(",")
    );
    finding.evidence.push(Evidence { object: finding.object.clone(), path: String::new(), value, note });
}
