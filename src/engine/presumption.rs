//! Findings that hold only because kinds were presumed empty: they are likely, not certain.
//!
//! A dump of a whole cluster that holds no object of a kind proves nothing of it. Verdicts presume that there are none;
//! a finding stays certain only if it is found without that as well. The others speak of the dump, not of the cluster.

use std::collections::{BTreeSet, HashMap};

use super::causes::causes_by;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Confidence, Evidence, Finding};
use crate::diagnosis::options::Scope;
use crate::diagnosis::text::names;
use crate::model::Kind;
use crate::rules::{self, Rule};
use crate::snapshot::{self, Problem};

/// Takes the certainty of those findings that rest on a presumption, and says on which.
pub(crate) fn settle(cx: &Context<'_>, rules: &[&'static Rule], scope: &Scope, findings: &mut [Finding]) {
    let presumed: BTreeSet<Kind> = cx.snapshot.presumed().into_iter().collect();
    if presumed.is_empty() {
        return;
    }
    let doubtful: Vec<(&mut Finding, Vec<Kind>)> = findings
        .iter_mut()
        .map(|finding| {
            let rests = rests_on(cx, finding).intersection(&presumed).copied().collect();
            (finding, rests)
        })
        .filter(|(_, kinds): &(_, Vec<Kind>)| !kinds.is_empty())
        .collect();
    if doubtful.is_empty() {
        return;
    }
    let proven = without_presumptions(cx, rules, scope, &presumed);
    for (finding, kinds) in doubtful {
        match proven.get(&finding.id) {
            Some(known) if known.title == finding.title && known.confidence <= finding.confidence => {}
            Some(known) => {
                finding.title.clone_from(&known.title);
                hedge(finding, &kinds);
            }
            None => {
                speak_of_the_dump(&mut finding.title);
                hedge(finding, &kinds);
            }
        }
    }
}

/// The kinds whose absence a finding can rest on: those that its rule looks into, and those that decide about its
/// victims. Rules from elsewhere say that themselves.
fn rests_on(cx: &Context<'_>, finding: &Finding) -> BTreeSet<Kind> {
    let Some(rule) = rules::find(&finding.rule) else { return BTreeSet::new() };
    let mut kinds: BTreeSet<Kind> = rule.needs.iter().chain(rule.reads).copied().collect();
    for victim in finding.victims() {
        match victim.kind.as_str() {
            "Pod" => kinds.extend(cx.pod_in_scope(victim).into_iter().flat_map(|pod| cx.scheduler.rests_on(pod))),
            "PersistentVolumeClaim" => kinds.extend([Kind::PersistentVolume, Kind::StorageClass]),
            _ => {}
        }
    }
    kinds
}

/// What is found where nothing is presumed, by id.
fn without_presumptions(
    cx: &Context<'_>,
    rules: &[&'static Rule],
    scope: &Scope,
    presumed: &BTreeSet<Kind>,
) -> HashMap<String, Finding> {
    let unread = snapshot::Scope::Nothing(Problem::NotInDump);
    let state = presumed.iter().fold(cx.snapshot.clone(), |state, kind| state.covering(*kind, unread.clone()));
    let found = causes_by(rules, &state, scope, cx.options, &cx.scheduler.after(&state));
    found.into_iter().map(|finding| (finding.id.clone(), finding)).collect()
}

/// Words that state of the cluster what is known of the dump alone, and those that don't; longer ones first.
const OF_THE_DUMP: [(&str, &str); 5] = [
    ("does not exist any more", "is not in the dump"),
    ("does not exist", "is not in the dump"),
    ("is gone", "is not in the dump"),
    ("not found", "not in the dump"),
    ("there is no ", "the dump has no "),
];

fn speak_of_the_dump(title: &mut String) {
    for (words, of_the_dump) in OF_THE_DUMP {
        *title = title.replace(words, of_the_dump);
    }
}

fn hedge(finding: &mut Finding, kinds: &[Kind]) {
    finding.confidence = Confidence::Likely;
    let lacking: Vec<String> = kinds.iter().map(|kind| format!("no {kind}")).collect();
    let plurals: Vec<&str> = kinds.iter().map(|kind| kind.plural()).collect();
    let note = format!(
        "so the cluster is taken to have none, which a dump can't prove: kubectl get {} -A tells",
        plurals.join(",")
    );
    let value = format!("{} in the dump", names(&lacking));
    finding.evidence.push(Evidence { object: finding.object.clone(), path: String::new(), value, note });
}
