use std::collections::BTreeMap;

use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::text::{capital, either, named};
use crate::model::{Kind, ObjectRef};
use crate::volumes::Decision;

super::declare_rule! {
    static RULE = {
        name: "waiting-for-first-consumer",
        summary: "Claims of a class that binds on first use wait for a pod, as they should.",
        severity: Info,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass, Pod],
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut by_class: BTreeMap<(&str, &str), Vec<&ClaimCase<'_>>> = BTreeMap::new();
    for case in &cx.claims {
        let Decision::WaitForConsumer { class, .. } = &case.verdict.decision else { continue };
        let object = claim_ref(case.claim);
        let pending = cx.pending_users(case.claim);
        let owner = missing_user(cx, case);
        let causes: Vec<ObjectRef> = pending.iter().map(|pod| pod_ref(pod)).chain(owner).collect();
        let tied = causes.iter().any(|cause| out.explain_with(cause, &object));
        if !tied && !out.explained(&object) {
            by_class.entry((&case.claim.metadata.namespace, class)).or_default().push(case);
        }
    }
    for ((_, class), cases) in by_class {
        out.add(finding(cx, class, &cases));
    }
}

/// The StatefulSet whose pod, which doesn't exist, is to use the claim.
fn missing_user(cx: &Context<'_>, case: &ClaimCase<'_>) -> Option<ObjectRef> {
    let meta = &case.claim.metadata;
    let shortfall = cx.shortfalls.iter().find(|shortfall| {
        shortfall.meta.namespace == meta.namespace
            && shortfall
                .missing
                .iter()
                .any(|pod| meta.name.strip_suffix(pod.as_str()).is_some_and(|n| n.ends_with('-')))
    })?;
    Some(ObjectRef::new(shortfall.kind, &shortfall.meta.namespace, &shortfall.meta.name))
}

fn finding(cx: &Context<'_>, class: &str, cases: &[&ClaimCase<'_>]) -> Finding {
    let names: Vec<&str> = cases.iter().map(|case| case.claim.metadata.name.as_str()).collect();
    let users: Vec<&str> =
        cases.iter().flat_map(|case| cx.pending_users(case.claim)).map(|pod| pod.metadata.name.as_str()).collect();
    let (waits, they) = (either(names.len(), "waits", "wait"), either(names.len(), "it", "they"));
    let title = match users.as_slice() {
        [] => format!(
            "{} {waits} for a pod that uses {}, as class {class} has it",
            capital(&named("claim", &names)),
            either(names.len(), "it", "them")
        ),
        users => format!(
            "{} {waits} until {} {} a node, as class {class} has it",
            capital(&named("claim", &names)),
            named("pod", users),
            either(users.len(), "has", "have")
        ),
    };
    let mut finding = Finding::new(RULE.name, Severity::Info, claim_ref(cases[0].claim), title).evidence(
        ObjectRef::new(Kind::StorageClass, "", class),
        "volumeBindingMode",
        "WaitForFirstConsumer",
        format!(
            "nothing is wrong: {they} {} bound when a pod that uses {} is placed",
            either(names.len(), "is", "are"),
            either(names.len(), "it", "them")
        ),
    );
    if cases.iter().any(|case| !cx.snapshot.pods.covers(&case.claim.metadata.namespace)) {
        finding = finding.likely();
    }
    finding.explains_all(cases.iter().map(|case| claim_ref(case.claim)))
}
