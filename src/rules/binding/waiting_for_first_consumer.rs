use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::text::{either, named, natural_order};
use crate::diagnosis::who::Who;
use crate::model::{Kind, ObjectRef, Pod};
use crate::scheduler::Outcome;
use crate::volumes::Decision;

crate::rules::declare_rule! {
    static RULE = {
        name: "waiting-for-first-consumer",
        summary: "Claims of a class that binds on first use wait for a pod, as they should.",
        severity: Info,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass, Pod],
        reads: [PersistentVolume, Node, CSIDriver, CSINode, CSIStorageCapacity, VolumeAttachment],
        stage: Wait,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut by_class: BTreeMap<(&str, &str), Vec<&ClaimCase<'_>>> = BTreeMap::new();
    let missing = missing_pods(cx);
    for case in &cx.claims {
        let Decision::WaitForConsumer { class, .. } = &case.verdict.decision else { continue };
        let object = claim_ref(case.claim);
        let pending = cx.pending_users(case.claim);
        let owner = missing_user(&missing, case);
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

/// By namespace and name, the pods that don't exist, with the StatefulSets that are to make them.
type Missing<'c> = HashMap<(&'c str, &'c str), ObjectRef>;

fn missing_pods<'c>(cx: &'c Context<'_>) -> Missing<'c> {
    let mut missing = Missing::new();
    for shortfall in &cx.shortfalls {
        let namespace = shortfall.meta.namespace.as_str();
        let set = ObjectRef::new(shortfall.kind, namespace, &shortfall.meta.name);
        missing.extend(shortfall.missing.iter().map(|pod| ((namespace, pod.as_str()), set.clone())));
    }
    missing
}

/// The StatefulSet whose pod, which doesn't exist, is to use the claim: claims are named `TEMPLATE-POD`.
fn missing_user(missing: &Missing<'_>, case: &ClaimCase<'_>) -> Option<ObjectRef> {
    let meta = &case.claim.metadata;
    let ends = meta.name.match_indices('-').map(|(at, _)| &meta.name[at + 1..]);
    ends.filter_map(|pod| missing.get(&(meta.namespace.as_str(), pod))).next().cloned()
}

/// The restore that all the claims come from (`velero.io/restore-name`, velero's pkg/apis/velero/v1/labels_annotations.go).
fn restored<'c>(cases: &[&'c ClaimCase<'_>]) -> Option<&'c str> {
    let of = |case: &&'c ClaimCase<'_>| case.claim.metadata.labels.get("velero.io/restore-name").map(String::as_str);
    let first = cases.first().and_then(of)?;
    cases.iter().all(|case| of(case) == Some(first)).then_some(first)
}

fn finding(cx: &Context<'_>, class: &str, cases: &[&ClaimCase<'_>]) -> Finding {
    let names: Vec<&str> = cases.iter().map(|case| case.claim.metadata.name.as_str()).collect();
    let users = cases.iter().flat_map(|case| cx.pending_users(case.claim)).map(|pod| pod.metadata.name.as_str());
    let mut users: Vec<&str> = users.collect::<BTreeSet<&str>>().into_iter().collect();
    users.sort_by(|a, b| natural_order(a, b));
    let who = Who::new("claim", &names);
    let restored = restored(cases).filter(|_| users.is_empty()).map_or_else(String::new, |restore| {
        format!(", restored by Velero ({restore}) without the pod that used {},", who.them())
    });
    let title = match users.as_slice() {
        [] => {
            format!("{who}{restored} {} for a pod that uses {}, as class {class} has it", who.verb("wait"), who.them())
        }
        users => format!(
            "{} until {} {} a node, as class {class} has it",
            who.does("wait"),
            named("pod", users),
            either(users.len(), "has", "have")
        ),
    };
    let mut finding = RULE.finding(claim_ref(cases[0].claim), title).evidence(
        ObjectRef::new(Kind::StorageClass, "", class),
        "volumeBindingMode",
        "WaitForFirstConsumer",
        format!(
            "nothing is wrong: {} {} bound when a pod that uses {} is placed",
            who.they(),
            who.verb("are"),
            who.them()
        ),
    );
    let open = |pod: &Pod| cx.verdict(pod).is_some_and(|verdict| verdict.outcome == Outcome::Unknown);
    let unsure =
        |case: &&ClaimCase<'_>| !case.verdict.unknown.is_empty() || cx.pending_users(case.claim).into_iter().any(open);
    if cases.iter().any(unsure) {
        finding = finding.likely();
    }
    finding.explains_all(cases.iter().map(|case| claim_ref(case.claim)))
}
