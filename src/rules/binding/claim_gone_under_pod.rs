use super::remade::recreate;
use crate::admission::expand::claim_maker;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::model::{Kind, ObjectRef};
use crate::rules::attaching::placed::{Stuck, stuck, unread, wait_fact};
use crate::volumes::{AttachProblem, Decision};

/// Says which node a node is.
const HOSTNAME: &str = "kubernetes.io/hostname";

crate::rules::declare_rule! {
    static RULE = {
        name: "claim-gone-under-pod",
        summary: "A pod was placed, and its claim is missing, not bound, being deleted or without its volume.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, StorageClass, StatefulSet],
        stage: Rest,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume]));
    for stuck in stuck(cx, out) {
        let (claim, what) = match stuck.problem {
            AttachProblem::ClaimMissing { claim } => (claim, "does not exist".to_owned()),
            AttachProblem::ClaimNotBound { claim } => (claim, "is not bound".to_owned()),
            AttachProblem::ClaimDeleting { claim } => {
                (claim, "is being deleted, and is mounted for no new pod".to_owned())
            }
            AttachProblem::VolumeMissing { claim, volume } => {
                (claim, format!("was bound to volume {volume}, which is gone"))
            }
            _ => continue,
        };
        let object = ObjectRef::new(Kind::PersistentVolumeClaim, &stuck.case.pod.metadata.namespace, claim);
        if out.explain_with(&object, &stuck.pod()) {
            out.note(&object, wait_fact(stuck.case));
        } else {
            out.add(finding(cx, &stuck, object, &what));
        }
    }
}

fn finding(cx: &Context<'_>, stuck: &Stuck<'_, '_>, claim: ObjectRef, what: &str) -> Finding {
    let (pod, node) = (&stuck.case.pod.metadata.name, stuck.node());
    let past = past_scheduler(cx, stuck, &claim);
    let why = if past.is_some() {
        ": its class waits for a scheduler to choose a node, and spec.nodeName takes the pod past the scheduler"
    } else {
        ""
    };
    let title = format!("Claim {} of pod {pod}, which is on node {node}, {what}{why}", claim.name);
    let fact = match stuck.problem {
        AttachProblem::ClaimMissing { .. } => ("", "not found".to_owned(), "the pod's volume names it"),
        AttachProblem::ClaimDeleting { .. } => {
            ("metadata.deletionTimestamp", deletion(cx, &claim), "it goes once no pod uses it")
        }
        AttachProblem::VolumeMissing { volume, .. } => ("spec.volumeName", volume.clone(), "no such volume exists"),
        _ => ("status.phase", "not Bound".to_owned(), "the kubelet mounts only what is bound"),
    };
    let mut finding = RULE.finding(claim.clone(), title).evidence(claim.clone(), fact.0, fact.1, fact.2);
    finding.evidence.extend(past.clone());
    finding.evidence.push(wait_fact(stuck.case));
    finding
        .explains(stuck.pod())
        .explains_all(past.is_some().then_some(claim.clone()))
        .with_remedies(remedy(cx, stuck, &claim))
}

fn deletion(cx: &Context<'_>, claim: &ObjectRef) -> String {
    let found = cx.snapshot.claims.get(&claim.namespace, &claim.name).found();
    found.and_then(|claim| claim.metadata.deletion_timestamp.clone()).unwrap_or_default()
}

/// A pod that names its node itself, while its claim waits for a scheduler to choose one.
fn past_scheduler(cx: &Context<'_>, stuck: &Stuck<'_, '_>, claim: &ObjectRef) -> Option<Evidence> {
    let case = cx.claims.iter().find(|case| {
        let meta = &case.claim.metadata;
        meta.namespace == claim.namespace && meta.name == claim.name
    })?;
    let waits = matches!(case.verdict.decision, Decision::WaitForConsumer { .. });
    let unplaced = stuck.case.pod.condition("PodScheduled").is_none() || case.claim.selected_node().is_none();
    (waits && unplaced).then(|| {
        let note = "the class waits for a scheduler to choose a node, and a pod that names its node is seen by none";
        Context::fact(stuck.pod(), "spec.nodeName", stuck.node().to_owned(), note)
    })
}

fn remedy(cx: &Context<'_>, stuck: &Stuck<'_, '_>, claim: &ObjectRef) -> Option<Remedy> {
    match stuck.problem {
        AttachProblem::ClaimMissing { .. } => {
            let told = || {
                let what = format!(
                    "Create claim {} in namespace {}, or correct its name in the pod",
                    claim.name, claim.namespace
                );
                let reason = "which claim is meant is not known";
                Remedy::untried("Give the pod its claim", Risk::Low, vec![Step::told(what)], reason)
            };
            Some(remade(cx, stuck, claim).unwrap_or_else(told))
        }
        AttachProblem::ClaimNotBound { .. } => Some(through_scheduler(cx, stuck)),
        _ => None,
    }
}

/// The workload with a node selector in place of the node's name, so that the scheduler takes part.
fn through_scheduler(cx: &Context<'_>, stuck: &Stuck<'_, '_>) -> Remedy {
    let title = "Let the scheduler place the pod";
    let selector = serde_json::json!({"nodeName": null, "nodeSelector": {HOSTNAME: hostname(cx, stuck.node())}});
    let named = cx.template(stuck.case.pod).is_some_and(|source| !source.spec.node_name.is_empty());
    match cx.workload(stuck.case.pod).filter(|_| named) {
        Some((kind, meta)) => {
            let what = format!("Have {kind} {} ask for the node by its label instead of spec.nodeName", meta.name);
            let patch = serde_json::json!({"spec": {"template": {"spec": selector}}});
            let pod = &stuck.case.pod.metadata;
            let anew = Change::RecreatePods { namespace: pod.namespace.clone(), names: vec![pod.name.clone()] };
            let step = cx.patch(what, (kind, &meta.namespace, &meta.name), patch).leading_to(vec![anew]);
            Remedy::new(title, Risk::Medium, vec![step])
        }
        None => {
            let what = "Use a node selector for kubernetes.io/hostname in place of spec.nodeName, so that the \
                        scheduler takes part";
            Remedy::untried(title, Risk::Low, vec![Step::told(what)], "who names the node is not known")
        }
    }
}

/// The node's own label, which need not be its name.
fn hostname(cx: &Context<'_>, node: &str) -> String {
    let found = cx.snapshot.nodes.get("", node).found();
    found.and_then(|node| node.metadata.labels.get(HOSTNAME).cloned()).unwrap_or_else(|| node.to_owned())
}

/// A StatefulSet makes the claims of its templates anew before it makes a pod anew.
fn remade(cx: &Context<'_>, stuck: &Stuck<'_, '_>, claim: &ObjectRef) -> Option<Remedy> {
    let (set, _, made) = claim_maker(cx.snapshot, stuck.case.pod, &claim.name)?;
    let step = recreate(cx, stuck.case.pod, set, &[made]);
    Some(Remedy::new("Have pod and claim made anew", Risk::Medium, vec![step]))
}
