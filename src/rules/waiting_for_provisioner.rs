use std::collections::BTreeMap;

use super::support::provisioner_of;
use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::remedy::{Change, Remedy, Risk};
use crate::diagnosis::text::{capital, either, named};
use crate::model::{Event, Kind, ObjectRef, Pod, Workload};
use crate::volumes::Decision;

super::declare_rule! {
    static RULE = {
        name: "waiting-for-provisioner",
        summary: "Claims wait for a provisioner that is there but has not made the volume.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass],
        reads: [PersistentVolume, Event, Deployment, StatefulSet, DaemonSet],
        check: check,
    }
}

/// Seconds after which a provisioner that has said nothing is no longer just at work.
const PATIENCE: i64 = 60;

fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut by_driver: BTreeMap<&str, Vec<&ClaimCase<'_>>> = BTreeMap::new();
    for case in &cx.claims {
        if let Decision::ExternalProvisioning { provisioner, .. } | Decision::InTreeProvisioning { provisioner, .. } =
            &case.verdict.decision
            && !out.explained(&claim_ref(case.claim))
        {
            by_driver.entry(provisioner).or_default().push(case);
        }
    }
    for (driver, cases) in by_driver {
        out.add(finding(cx, driver, &cases));
    }
}

fn finding(cx: &Context<'_>, driver: &str, cases: &[&ClaimCase<'_>]) -> Finding {
    let claims: Vec<&str> = cases.iter().map(|case| case.claim.metadata.name.as_str()).collect();
    let failure = cases.iter().find_map(|case| failure(cx, case));
    let workload = provisioner_of(cx, driver);
    let stopped = workload.filter(|(kind, workload)| *kind != Kind::DaemonSet && workload.replicas() == 0);
    let overdue = cases.iter().any(|case| overdue(cx, case));
    let fresh = cases.iter().all(|case| cx.fresh(&case.claim.metadata));
    let held = || cases.iter().any(|case| cx.held_by(case.claim).iter().any(|pod| refused(cx, pod)));
    let severity = match (&failure, &stopped, overdue) {
        (Some(_), ..) | (_, Some(_), _) | (.., true) => Severity::Error,
        _ if !fresh && held() => Severity::Warning,
        _ => Severity::Info,
    };
    let (subject, waits) = (capital(&named("claim", &claims)), either(claims.len(), "waits", "wait"));
    let title = match (&stopped, &failure) {
        (Some((kind, workload)), _) => format!(
            "{subject} {waits} for provisioner {driver}, whose {kind} {} is scaled to zero",
            workload.metadata.name
        ),
        (None, Some(_)) => format!("Provisioner {driver} fails to make the volume of {}", named("claim", &claims)),
        (None, None) if overdue => format!("{subject} {waits} for provisioner {driver}, which does not answer"),
        (None, None) => format!("{subject} {waits} for provisioner {driver} to make the volume"),
    };
    let object = match &stopped {
        Some((kind, workload)) => ObjectRef::new(*kind, &workload.metadata.namespace, &workload.metadata.name),
        None => claim_ref(cases[0].claim),
    };
    let mut finding = Finding::new(RULE.name, severity, object, title);
    let unsure = cases.iter().any(|case| !case.verdict.unknown.is_empty());
    if unsure || stopped.is_none() && failure.is_none() && severity == Severity::Error {
        finding = finding.likely();
    }
    if severity == Severity::Info {
        finding = finding.passing();
    }
    for case in cases.iter().take(5) {
        finding = with_facts(cx, case, finding);
    }
    for case in cases {
        finding = finding.explains(claim_ref(case.claim));
        finding = finding.explains_all(cx.held_by(case.claim).into_iter().map(pod_ref));
    }
    finding.with_remedies(stopped.map(|(kind, workload)| start(cx, kind, workload)))
}

/// Whether the scheduler refuses the pod until the claim is bound.
fn refused(cx: &Context<'_>, pod: &Pod) -> bool {
    cx.verdict(pod).is_some_and(|verdict| verdict.pre_filter.is_some())
}

fn with_facts(cx: &Context<'_>, case: &ClaimCase<'_>, finding: Finding) -> Finding {
    let object = claim_ref(case.claim);
    let finding = match case.claim.selected_node() {
        Some(node) => finding.evidence(
            object.clone(),
            "metadata.annotations[volume.kubernetes.io/selected-node]",
            node,
            "the scheduler has chosen this node, and the pod waits there for the volume",
        ),
        None => finding,
    };
    match failure(cx, case) {
        Some(event) => finding.evidence(object, "events", event.message.clone(), "the provisioner's last answer"),
        None => {
            let note = match cx.unread(&[Kind::Event]) {
                None => "no volume has been made, and the provisioner has reported no failure",
                Some(_) => "no volume has been made; events, which would tell a failure, were not read",
            };
            finding.evidence(object, "status.phase", "Pending", note)
        }
    }
}

/// The provisioner's last word on the claim, where that is a failure.
fn failure<'a>(cx: &Context<'a>, case: &ClaimCase<'_>) -> Option<&'a Event> {
    let object = claim_ref(case.claim);
    let of_provisioner = |event: &&&'a Event| event.component() != "persistentvolume-controller";
    let last = cx.index.events(&object).iter().rfind(of_provisioner).copied();
    last.filter(|event| event.reason == "ProvisioningFailed")
}

fn overdue(cx: &Context<'_>, case: &ClaimCase<'_>) -> bool {
    let since = case.claim.metadata.creation_timestamp.parse::<jiff::Timestamp>();
    let (Some(now), Ok(since)) = (cx.options.now, since) else { return false };
    now.as_second() - since.as_second() > PATIENCE
}

fn start(cx: &Context<'_>, kind: Kind, workload: &Workload) -> Remedy {
    let meta = &workload.metadata;
    let change = Change::Patch {
        kind,
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        patch: serde_json::json!({"spec": {"replicas": 1}}),
    };
    let step = cx.step(format!("Start {kind} {} again", meta.name), change);
    Remedy::untried("Start the provisioner", Risk::Low, vec![step], "what the provisioner answers is not known")
}
