use std::collections::BTreeMap;

use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::text::{capital, named};
use crate::model::{Kind, ObjectRef};
use crate::volumes::Decision;

super::declare_rule! {
    static RULE = {
        name: "claim-cannot-bind",
        summary: "Claims can't be bound, for a reason that no other rule explains.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim],
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut stories: BTreeMap<(&str, String), Vec<&ClaimCase<'_>>> = BTreeMap::new();
    for case in &cx.claims {
        if !out.explained(&claim_ref(case.claim))
            && let Some(reason) = reason(&case.verdict.decision)
        {
            stories.entry((&case.claim.metadata.namespace, reason)).or_default().push(case);
        }
    }
    for ((_, reason), cases) in stories {
        out.add(finding(cx, &reason, &cases));
    }
}

/// What keeps the claim, in plain words; `None` where nothing does.
fn reason(decision: &Decision) -> Option<String> {
    Some(match decision {
        Decision::NoVolume => "no existing volume fits, and without a storage class none is made".to_owned(),
        Decision::NoPlugin { class, provisioner } if provisioner == super::support::NO_PROVISIONER => {
            format!("no existing volume of class {class} fits, and the class makes none")
        }
        Decision::NoPlugin { class, provisioner } => {
            format!("no existing volume fits, and provisioner {provisioner} of class {class} does not exist any more")
        }
        Decision::RequestedVolumeMissing { volume } => format!("it asks for volume {volume}, which does not exist"),
        Decision::RequestedVolumeMismatch { volume, why } => {
            format!("it asks for volume {volume}, which does not fit: {why}")
        }
        Decision::RequestedVolumeTaken { volume, owner } => {
            format!("it asks for volume {volume}, which belongs to claim {owner}")
        }
        Decision::Failed { error } => format!("the volume controller fails: {error}"),
        Decision::LostReference => "it was bound and names no volume any more".to_owned(),
        Decision::LostVolume { volume } => format!("it was bound to volume {volume}, which is gone"),
        Decision::Misbound { volume, owner } => {
            format!("it was bound to volume {volume}, which belongs to claim {owner}")
        }
        Decision::ClassMissing { class } => format!("storage class {class} does not exist"),
        Decision::Bound
        | Decision::Bind { .. }
        | Decision::WaitForConsumer { .. }
        | Decision::ExternalProvisioning { .. }
        | Decision::InTreeProvisioning { .. }
        | Decision::Undecided => return None,
    })
}

fn finding(cx: &Context<'_>, reason: &str, cases: &[&ClaimCase<'_>]) -> Finding {
    let names: Vec<&str> = cases.iter().map(|case| case.claim.metadata.name.as_str()).collect();
    let lead = cases[0];
    let title = format!("{} can't be bound: {reason}", capital(&named("claim", &names)));
    let mut finding = Finding::new(RULE.name, Severity::Error, claim_ref(lead.claim), title).evidence(
        claim_ref(lead.claim),
        "status.phase",
        lead.verdict.phase,
        reason,
    );
    if let Some(event) = &lead.verdict.event {
        finding =
            finding.evidence(claim_ref(lead.claim), "events", event.message.clone(), "what the volume controller says");
    }
    for volume in lead.verdict.volumes.iter().take(3) {
        finding = finding.evidence(
            ObjectRef::new(Kind::PersistentVolume, "", &volume.name),
            "",
            volume.mismatch.join("; "),
            "why this volume does not fit",
        );
    }
    if !lead.verdict.unknown.is_empty() {
        finding = finding.likely();
    }
    for case in cases {
        finding = finding.explains(claim_ref(case.claim));
        finding = finding.explains_all(cx.held_by(case.claim).into_iter().map(pod_ref));
    }
    finding
}
