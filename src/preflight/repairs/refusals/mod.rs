//! Repairs of what the server refuses: of documents, and of the pods and claims that controllers make from them.

mod bounds;
mod fields;
mod immutable;
mod look;
mod missing;
mod quota;
mod security;

use std::collections::{BTreeMap, BTreeSet};

use look::Look;

use super::Refusal;
use super::plan::{Part, Plan};
use super::proof::{Proof, Prover};
use crate::diagnosis::remedy::{Remedy, Trial as Tried};
use crate::diagnosis::{Finding, Severity};
use crate::preflight::judged::{DocumentResult, WorkloadResult};
use crate::preflight::places::Places;
use crate::preflight::world::Key;

/// What is done about a refusal, by one idea: the plan for the server's words, or nothing where they are about something
/// else.
type Idea = fn(&Look<'_>) -> Option<Plan>;

/// The ideas, the one that changes least first. Those that can lose something come last.
const IDEAS: [Idea; 20] = [
    fields::renamed,
    fields::retyped,
    fields::supported,
    fields::version,
    missing::moved,
    missing::meant,
    missing::created,
    missing::documented,
    missing::dropped,
    bounds::raised,
    bounds::lowered,
    bounds::within,
    security::secured,
    immutable::restored,
    quota::fewer,
    quota::less,
    quota::more,
    fields::removed,
    security::lenient,
    immutable::remade,
];
/// Refusals of one document that a plan answers, one after the other.
const ROUNDS: usize = 6;
/// Repairs that are told of one refusal.
const TOLD: usize = 4;

/// The repairs of all refusals. What a finding tells the cause of is repaired there.
pub(super) fn repairs(
    prover: &mut Prover<'_, '_>,
    results: &[DocumentResult],
    workloads: &[WorkloadResult],
    findings: &[Finding],
    places: &Places<'_>,
) -> Vec<Refusal> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let told: BTreeSet<usize> = errors.flat_map(|finding| places.victims(finding)).collect();
    let by_key: BTreeMap<&Key, &WorkloadResult> = workloads.iter().map(|workload| (&workload.key, workload)).collect();
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, result) in results.iter().enumerate() {
        let workload = by_key.get(&result.key);
        let message = match result.admitted {
            Some(false) => result.message.as_deref(),
            _ => workload.and_then(|workload| workload.refused.as_deref()).filter(|_| !told.contains(&index)),
        };
        if let Some(message) = message {
            groups.entry(message).or_default().push(index);
        }
    }
    let mut groups: Vec<(&str, Vec<usize>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, documents)| documents.first().copied());
    groups.into_iter().map(|(message, documents)| repaired(prover, workloads, documents, message)).collect()
}

fn repaired(
    prover: &mut Prover<'_, '_>,
    workloads: &[WorkloadResult],
    documents: Vec<usize>,
    message: &str,
) -> Refusal {
    let mut remedies: Vec<Remedy> = Vec::new();
    let mut plans: Vec<Plan> = Vec::new();
    let mut able = true;
    for idea in IDEAS {
        let Some(&first) = documents.first() else { break };
        let Some(look) = Look::new(prover, workloads, first, message) else { break };
        let Some(plan) = idea(&look) else { continue };
        if plans.contains(&plan) || remedies.len() >= TOLD {
            continue;
        }
        plans.push(plan.clone());
        let (plan, proof) = followed(prover, workloads, idea, plan, &documents);
        able &= !matches!(proof, Proof::Untried(_));
        if matches!(proof, Proof::Works { .. } | Proof::Next { .. }) {
            remedies.push(super::tried(&plan, &prover.sources, proof));
        }
    }
    if remedies.iter().any(|remedy| remedy.trial == Tried::Schedules) {
        remedies.retain(|remedy| remedy.trial == Tried::Schedules);
    }
    let unrepaired = remedies.is_empty().then(|| why_none(message, able));
    Refusal { documents, remedies, unrepaired }
}

/// Tries a plan, and goes on with what the server says next for as long as the same idea, or one that only corrects
/// values, answers it.
fn followed(
    prover: &mut Prover<'_, '_>,
    workloads: &[WorkloadResult],
    idea: Idea,
    mut plan: Plan,
    documents: &[usize],
) -> (Plan, Proof) {
    const CORRECTING: [Idea; 5] = [fields::renamed, fields::retyped, bounds::raised, bounds::within, security::secured];
    let mut best: Option<(Plan, Proof)> = None;
    for _ in 0..ROUNDS {
        let attempt = prover.prove(&plan, documents, None);
        let helps = matches!(attempt.proof, Proof::Works { .. } | Proof::Next { .. });
        let next = attempt.refused.as_ref().and_then(|(edited, index, message)| {
            let object = &edited.get(*index)?.object;
            let look = Look::again(prover, workloads, object, edited.get(*index)?, message)?;
            let mut ideas = [idea].into_iter().chain(CORRECTING);
            let more = ideas.find_map(|idea| idea(&look))?;
            let longer = Plan { risk: plan.risk.max(more.risk), ..plan.with(more.parts) };
            (longer != plan).then_some(longer)
        });
        let works = matches!(attempt.proof, Proof::Works { .. });
        if helps || best.is_none() {
            best = Some((plan.clone(), attempt.proof));
        }
        match next {
            Some(longer) if !works => plan = longer,
            _ => break,
        }
    }
    best.unwrap_or((plan, Proof::Untried(String::new())))
}

/// The plan with a StatefulSet made anew whose change the server refuses to make in place.
pub(super) fn made_anew(plan: &Plan, prover: &Prover<'_, '_>, targets: &[usize], message: &str) -> Option<Plan> {
    let document = targets.iter().copied().find(|index| {
        let key = prover.sources.keys.get(*index);
        key.is_some_and(|key| key.kind == "StatefulSet" && message.contains(&format!("\"{}\" is invalid", key.name)))
    })?;
    let immutable = message.contains("updates to statefulset spec for fields other than");
    let key = prover.sources.keys.get(document)?.clone();
    immutable.then(|| plan.with(vec![Part::Orphan { document, key }]))
}

/// Why none was found, as far as the server's words tell it.
fn why_none(message: &str, able: bool) -> String {
    let words = [
        (
            "because it is being terminated",
            "the namespace is being deleted, and what is put there goes with it: wait until it is gone, and create it anew",
        ),
        ("failed calling webhook", "what serves the webhook has to answer first, and what it would say is not known"),
        ("must specify", "how much it needs is for its author to say"),
        ("status unknown for quota", "the quota controller has not counted yet"),
    ];
    let known = words.iter().find(|(word, _)| message.contains(word));
    match known {
        Some((_, why)) => (*why).to_owned(),
        None if !able => "the search stopped early, since the cluster is large and other causes came first".to_owned(),
        None => "the server's words leave open what should stand there instead".to_owned(),
    }
}
