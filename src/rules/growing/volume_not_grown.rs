use std::collections::BTreeMap;

use super::growth::{Growth, State, growth, operator_of, siblings_run};
use super::repairs::repairs;
use super::resizer::{Resizer, behind, resizer};
use super::words::{facts, object, title};
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::out::Out;
use crate::model::Kind;

crate::rules::declare_rule! {
    static RULE = {
        name: "volume-not-grown",
        summary: "A claim asks for more than it has, and its volume does not grow.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim],
        reads: [PersistentVolume, Pod, Event, Deployment, ReplicaSet, StatefulSet, DaemonSet],
        stage: Failure,
        check: check,
    }
}

/// A claim with who should grow its volume, where nobody has begun.
pub(super) struct Case<'a> {
    pub(super) growth: Growth<'a>,
    pub(super) resizer: Option<Resizer<'a>>,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut stories: BTreeMap<String, Vec<Case<'_>>> = BTreeMap::new();
    if cx
        .all_claims
        .iter()
        .any(|claim| claim.status.capacity.get("storage").is_some_and(|has| claim.request() > Some(has)))
    {
        out.skip(cx.unread(&[Kind::Pod]));
    }
    for claim in &cx.all_claims {
        let open = !out.explained(&claim_ref(claim));
        let Some(growth) = growth(cx, claim).filter(|_| open) else { continue };
        if let Some(case) = case(cx, growth, out) {
            stories.entry(story(&case)).or_default().push(case);
        }
    }
    for (_, cases) in stories {
        out.add(finding(cx, &cases));
    }
}

/// The case, where it is known well enough to be told and nothing else tells it.
fn case<'a>(cx: &Context<'a>, growth: Growth<'a>, out: &mut Out<'_>) -> Option<Case<'a>> {
    let State::Unanswered(event) = growth.state else { return Some(Case { growth, resizer: None }) };
    let Some(driver) = growth.driver else { return event.map(|_| Case { growth, resizer: None }) };
    let resizer = resizer(cx, driver);
    match &resizer {
        Resizer::Down { part, .. } => {
            if let Some(known) = behind(cx, part).into_iter().find(|object| out.explained(object)) {
                out.explain_with(&known, &claim_ref(growth.claim));
                return None;
            }
        }
        Resizer::Deaf { .. } | Resizer::Lacking(_) => {}
        Resizer::Unseen | Resizer::Runs { .. } => {
            event?;
        }
    }
    Some(Case { growth, resizer: Some(resizer) })
}

/// What claims share that are told together: what became of the driver's resizer, or the same words of it.
fn story(case: &Case<'_>) -> String {
    let Growth { claim, driver, .. } = &case.growth;
    let driver = driver.unwrap_or_default();
    let own = format!("{}/{}", claim.metadata.namespace, claim.metadata.name);
    match &case.growth.state {
        State::Unanswered(_) => format!("unanswered {driver}"),
        State::Failed(said) => {
            let general = said.message().replace(&own, "").replace(&claim.spec.volume_name, "");
            format!("failed {driver} {}", general.replace(&claim.metadata.name, ""))
        }
        State::Infeasible { .. } | State::NeedsMount { .. } | State::Stalled(_) => own,
    }
}

fn finding(cx: &Context<'_>, cases: &[Case<'_>]) -> Finding {
    let mut finding = RULE.finding(object(&cases[0]), title(cx, cases));
    finding.severity = severity(cx, &cases[0].growth);
    finding.evidence = facts(cx, cases);
    if unsure(&cases[0]) {
        finding = finding.likely();
    }
    let claims = cases.iter().map(|case| claim_ref(case.growth.claim));
    finding.explains_all(claims).with_remedies(repairs(cx, cases))
}

/// Nothing waits for a larger volume but an operator that makes no pod before it is there.
fn severity(cx: &Context<'_>, growth: &Growth<'_>) -> Severity {
    match &growth.state {
        State::NeedsMount { pods, .. }
            if pods.is_empty() && operator_of(growth.claim).is_some() && siblings_run(cx, growth.claim) =>
        {
            Severity::Error
        }
        _ => Severity::Warning,
    }
}

fn unsure(case: &Case<'_>) -> bool {
    match (&case.growth.state, &case.resizer) {
        (State::Infeasible { .. } | State::Failed(_), _) => false,
        (State::NeedsMount { pods, .. }, _) => !pods.is_empty() || operator_of(case.growth.claim).is_some(),
        (State::Unanswered(_), Some(Resizer::Deaf { certain, .. })) => !certain,
        (State::Unanswered(_), Some(Resizer::Down { .. })) => false,
        (State::Unanswered(_) | State::Stalled(_), _) => true,
    }
}

/// The kind of what a claim's object is, for the commands.
pub(super) const CLAIM: Kind = Kind::PersistentVolumeClaim;
