//! Repairs of what is wrong with manifests: edits of the manifests, and commands for what is in the cluster, each tried by
//! applying the edited documents anew.

mod cluster;
mod mapped;
mod plan;
mod proof;
mod refusals;

pub(super) use cluster::make;
use mapped::Mapper;
use plan::{Plan, Sources};
pub(super) use proof::Standings;
use proof::{Proof, Prover};

use super::places::Places;
use super::room::Asked;
use super::run::{Preflight, Trial};
use super::world::Key;
use crate::diagnosis::looks::CHANGES_NOTHING;
use crate::diagnosis::remedy::{EditOp, Remedy, Risk, Step, Trial as Tried};
use crate::model::Kind;
use crate::snapshot::Snapshot;
use crate::source::manifests::ManifestFile;

/// What ends a refusal of one or several documents, or of their pods and claims.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    /// The documents, by their position.
    pub(crate) documents: Vec<usize>,
    pub(crate) remedies: Vec<Remedy>,
    /// Why no repair that was tried works.
    pub(crate) unrepaired: Option<String>,
}

/// Tells the repairs of findings as edits of the documents, and adds those of what the server refuses.
/// `before` is what came of them before any repair.
pub(super) fn add(
    trial: &Trial<'_>,
    files: &[ManifestFile],
    asked: &Asked,
    before: Standings,
    outcome: &mut Preflight,
) {
    let documents = trial.documents;
    if documents.is_empty() {
        return;
    }
    let results = std::mem::take(&mut outcome.documents);
    let keys: Vec<Key> = results.iter().map(|result| result.key.clone()).collect();
    let sources = Sources { files, documents, keys: &keys, asked };
    let pods = outcome.snapshot.pods.seen().len();
    let mut findings = std::mem::take(&mut outcome.diagnosis.findings);
    let mut prover = Prover::new(trial, sources, before, (pods, !findings.is_empty()));
    {
        let verdicts = outcome.diagnosis.pods.as_slice();
        let places = Places { documents, results: &results, snapshot: &outcome.snapshot, verdicts };
        let mapper = Mapper { sources, places, before: trial.snapshot };
        for finding in &mut findings {
            let mut targets = places.victims(finding);
            targets.sort_unstable();
            targets.dedup();
            if targets.is_empty() {
                continue;
            }
            let remedies = std::mem::take(&mut finding.remedies);
            let told = remedies
                .into_iter()
                .filter_map(|remedy| of_manifests(&mapper, &mut prover, remedy, &targets, &finding.rule));
            finding.remedies = told.collect();
            finding.remedies.sort_by_key(order);
            finding.remedies = once(std::mem::take(&mut finding.remedies));
            let helps = |remedy: &Remedy| !matches!(remedy.trial, Tried::Untried(_));
            if finding.remedies.iter().any(|remedy| remedy.trial == Tried::Schedules) {
                finding.unrepaired = None;
            } else if finding.unrepaired.is_none() && !finding.remedies.iter().any(helps) {
                finding.unrepaired = Some(NONE.to_owned());
            }
        }
        outcome.refusals = refusals::repairs(&mut prover, &results, &outcome.workloads, &findings, &places);
    }
    outcome.diagnosis.findings = findings;
    outcome.documents = results;
}

/// Why there is no repair where the search has some.
const NONE: &str = "none that was tried on the manifests lets everything fit that waits for it";
/// What begins the words on a repair that does not help.
const IN_VAIN: &str = "tried on the manifests, and it does not help:";

/// What repairs are sorted by: what was tried and does not help comes last, what loses data or stops others behind the rest,
/// what works before what was not tried, and edits of manifests before changes of what is in the cluster for others too.
fn order(remedy: &Remedy) -> (bool, bool, bool, bool) {
    let in_cluster = remedy.steps.iter().any(|step| step.edit.is_none());
    (failed(remedy), remedy.risk == Risk::High, remedy.trial != Tried::Schedules, in_cluster)
}

/// Keeps one of the repairs that work and give the same fields of manifests other values: the one that was searched for, since
/// it holds where the scheduler chooses otherwise and where other pods come first.
fn once(remedies: Vec<Remedy>) -> Vec<Remedy> {
    let better = |one: &Remedy| (one.fits == Some(true), one.size.is_some());
    let mut kept: Vec<Remedy> = Vec::new();
    for remedy in remedies {
        let own = fields(&remedy);
        match kept.iter_mut().find(|other| own.is_some() && fields(other) == own) {
            Some(other) if better(&remedy) > better(other) => *other = remedy,
            Some(_) => {}
            None => kept.push(remedy),
        }
    }
    kept
}

/// Documents with the fields that get another value.
type Fields = Vec<(String, String)>;

/// The fields of manifests that a repair gives other values, where it works and does nothing else.
fn fields(remedy: &Remedy) -> Option<Fields> {
    let replaced = |step: &Step| {
        let edit = step.edit.as_ref().filter(|edit| edit.op == EditOp::Replace)?;
        Some((edit.document.clone(), edit.path.clone()))
    };
    let mut fields: Fields = remedy.steps.iter().map(replaced).collect::<Option<_>>()?;
    fields.sort();
    (remedy.trial == Tried::Schedules && !fields.is_empty()).then_some(fields)
}

/// Whether a repair was tried on the manifests and does not help.
fn failed(remedy: &Remedy) -> bool {
    matches!(&remedy.trial, Tried::Untried(why) if why.starts_with(IN_VAIN))
}

/// A repair as what is done to manifests, tried on them; `None` where nothing of it is left.
fn of_manifests(
    mapper: &Mapper<'_>,
    prover: &mut Prover<'_, '_>,
    remedy: Remedy,
    targets: &[usize],
    rule: &str,
) -> Option<Remedy> {
    if remedy.trial == Tried::Untried(CHANGES_NOTHING.to_owned()) {
        return looks(remedy, mapper.before);
    }
    let open = matches!(&remedy.trial, Tried::Untried(_));
    match mapper.plan(&remedy) {
        Ok(plan) if plan.edits() => Some(proven(prover, plan, targets, rule)),
        Ok(_) if open => Some(remedy),
        Ok(plan) => {
            let tried = proven(prover, plan, targets, rule);
            Some(if failed(&tried) && prover.elsewhere(&remedy) { remedy } else { tried })
        }
        Err(_) if open => Some(in_words(remedy, mapper.before)),
        Err(why) => {
            let why = format!("it can't be told as a change of the manifests: {why}");
            Some(in_words(Remedy { trial: Tried::Untried(why), ..remedy }, mapper.before))
        }
    }
}

/// The repair with what came of trying it.
fn proven(prover: &mut Prover<'_, '_>, plan: Plan, targets: &[usize], rule: &str) -> Remedy {
    let (plan, proof) = attempted(prover, plan, targets, Some(rule));
    tried(&plan, &prover.sources, proof)
}

/// Tries a plan; where it changes what can't be changed in place, with the object made anew.
fn attempted(prover: &mut Prover<'_, '_>, plan: Plan, targets: &[usize], rule: Option<&str>) -> (Plan, Proof) {
    let attempt = prover.prove(&plan, targets, rule);
    let Some((_, _, message)) = &attempt.refused else { return (plan, attempt.proof) };
    let Some(again) = refusals::made_anew(&plan, prover, targets, message) else { return (plan, attempt.proof) };
    let second = prover.prove(&again, targets, rule);
    if matches!(second.proof, Proof::Works { .. } | Proof::Next { .. }) {
        (again, second.proof)
    } else {
        (plan, attempt.proof)
    }
}

/// A plan as a repair, with what came of trying it.
fn tried(plan: &Plan, sources: &Sources<'_>, proof: Proof) -> Remedy {
    let (trial, fits) = match proof {
        Proof::Works { fits } => (Tried::Schedules, Some(fits)),
        Proof::Next { placed, then } => (Tried::NextBlocker { placed, then }, Some(false)),
        Proof::Useless(why) => (Tried::Untried(format!("{IN_VAIN} {why}")), None),
        Proof::Untried(why) => (Tried::Untried(why), None),
    };
    plan.remedy(sources, trial.clone(), fits).unwrap_or_else(|| Remedy {
        steps: vec![Step::told(plan.title.clone())],
        size: plan.size,
        ..Remedy::untried(plan.title.clone(), plan.risk, Vec::new(), reason(trial))
    })
}

fn reason(trial: Tried) -> String {
    match trial {
        Tried::Untried(why) => why,
        _ => String::new(),
    }
}

/// What there is to look at before the manifests are applied.
fn looks(remedy: Remedy, before: &Snapshot) -> Option<Remedy> {
    let steps: Vec<Step> = remedy.steps.into_iter().filter(|step| about_what_is(step, before)).collect();
    (!steps.is_empty()).then_some(Remedy { steps, ..remedy })
}

/// The repair without commands about objects that are not there yet.
fn in_words(remedy: Remedy, before: &Snapshot) -> Remedy {
    let told = |step: Step| match about_what_is(&step, before) {
        true => step,
        false => Step { command: None, undo: None, ..step },
    };
    Remedy { steps: remedy.steps.into_iter().map(told).collect(), ..remedy }
}

/// Whether what a step is about is there before the manifests are applied.
fn about_what_is(step: &Step, before: &Snapshot) -> bool {
    if let Some(object) = step.change.as_ref().and_then(|change| change.object()) {
        let kind = Kind::named(&object.kind);
        return kind.is_some_and(|kind| before.contains(kind, &object.namespace, &object.name));
    }
    let Some(rest) = step.command.as_deref().and_then(|command| command.strip_prefix("kubectl describe ")) else {
        return true;
    };
    let words: Vec<&str> = rest.split(' ').collect();
    let (Some(resource), Some(name)) = (words.first(), words.get(1)) else { return true };
    let namespace = words.iter().position(|word| *word == "-n").and_then(|at| words.get(at + 1)).copied();
    let kind = Kind::ALL.iter().find(|kind| kind.name().eq_ignore_ascii_case(resource));
    kind.is_none_or(|kind| before.contains(*kind, namespace.unwrap_or_default(), name))
}
