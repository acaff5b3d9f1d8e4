use super::placed::{Stuck, attachment_ref, stuck, unread, wait_fact};
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{capital, named};
use crate::model::{Claim, Kind, Meta, ObjectRef, Pod};
use crate::scheduler::{Fact, Obstacle};
use crate::volumes::{AttachProblem, OtherPod};

crate::rules::declare_rule! {
    static RULE = {
        name: "volume-used-elsewhere",
        summary: "A volume that may be in one place only is used by another pod elsewhere.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSIDriver, Node, ReplicaSet, Deployment, StatefulSet],
        stage: Obstacle,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::VolumeAttachment]));
    for stuck in stuck(cx, out) {
        if let AttachProblem::MultiAttach { pods, .. } | AttachProblem::UsedByAnotherPod { pods, .. } = stuck.problem {
            out.add(finding(cx, &stuck, pods));
        }
    }
    for group in cx.blocked() {
        let open = !group.pods.iter().all(|pod| out.explained(&pod_ref(pod)));
        if let Some((claim, holder, deployment)) = held_by_old_pod(cx, group).filter(|_| open) {
            out.add(waits_for_old_pod(cx, group, claim, holder, deployment));
        }
    }
}

/// The claim for one pod only that keeps the pods of a group from every node which would take them, where a pod of the same
/// Deployment's other template has it.
fn held_by_old_pod<'a>(cx: &Context<'a>, group: &PodGroup<'a>) -> Option<(String, &'a Pod, &'a Meta)> {
    let for_one = |claim: &Claim| claim.spec.access_modes.iter().any(|mode| mode == "ReadWriteOncePod");
    let mut claims = cx.claims_of(group.lead()).into_iter().filter_map(|(_, claim)| claim.found());
    claims.find(|claim| for_one(claim))?;
    let (kind, deployment) = cx.workload(group.lead())?;
    let own = group.lead().metadata.controller()?;
    let in_use = |obstacle: &Obstacle| match &obstacle.fact {
        Fact::ClaimInUse { claim, holders } => Some((claim.clone(), holders.first()?.0.clone())),
        _ => None,
    };
    let way = cx.in_the_way(group);
    let set = way.sets.iter().find(|set| !set.only_first && set.obstacles.iter().all(|it| in_use(it).is_some()))?;
    let (claim, holder) = set.obstacles.first().and_then(in_use)?;
    let holder = cx.snapshot.pods.get(&holder.namespace, &holder.name).found().map(|pod| &**pod)?;
    let older = holder.metadata.controller().is_some_and(|other| other.uid != own.uid);
    let update =
        kind == Kind::Deployment && older && is_of(cx, holder, (kind, deployment)) && !holder.metadata.deleting();
    update.then_some((claim, holder, deployment))
}

fn waits_for_old_pod(
    cx: &Context<'_>,
    group: &PodGroup<'_>,
    claim: String,
    holder: &Pod,
    deployment: &Meta,
) -> Finding {
    let title = format!(
        "Claim {claim} is for one pod only (ReadWriteOncePod) and pod {} has it, and Deployment {} starts its new {} before \
         the old one ends",
        holder.metadata.name,
        deployment.name,
        named("pod", &group.names())
    );
    let object = ObjectRef::new(Kind::Deployment, &deployment.namespace, &deployment.name);
    let of_claim = ObjectRef::new(Kind::PersistentVolumeClaim, &deployment.namespace, &claim);
    RULE.finding(object, title)
        .evidence(
            of_claim,
            "spec.accessModes",
            "ReadWriteOncePod",
            "the scheduler lets no second pod have it, on any node",
        )
        .evidence(pod_ref(holder), "spec.nodeName", format!("on node {}", holder.spec.node_name), "it uses the claim")
        .explains_all(group.objects())
        .remedy(one_after_the_other(cx, deployment))
}

/// Has a Deployment end its old pods before it starts new ones.
fn one_after_the_other(cx: &Context<'_>, deployment: &Meta) -> Remedy {
    let change = Change::Patch {
        kind: Kind::Deployment,
        namespace: deployment.namespace.clone(),
        name: deployment.name.clone(),
        patch: serde_json::json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}),
    };
    let what = format!("Have Deployment {} end its old pod before it starts the new one", deployment.name);
    let reason = "how fast the old pod ends and the driver lets go is not known";
    Remedy::untried("Replace pods one after the other", Risk::Medium, vec![cx.step(what, change)], reason)
}

fn finding(cx: &Context<'_>, stuck: &Stuck<'_, '_>, others: &[OtherPod]) -> Finding {
    let holders: Vec<&Pod> = others.iter().filter_map(|other| found(cx, other)).collect();
    let own = cx.workload(stuck.case.pod);
    let same = own.filter(|own| !holders.is_empty() && holders.iter().all(|holder| is_of(cx, holder, *own)));
    let leaving = others.iter().all(|other| other.deleting);
    let (object, title) = title(cx, stuck, others, same.filter(|_| !leaving));
    let mut finding = RULE.finding(object, title);
    if let AttachProblem::MultiAttach { attachment, node, .. } = stuck.problem {
        let note = "the volume's access modes let one node have it at a time (Multi-Attach)";
        finding = finding.evidence(attachment_ref(attachment), "spec.nodeName", node.clone(), note);
    }
    for holder in holders.iter().take(4) {
        let leaving = if holder.metadata.deleting() { ", being deleted" } else { "" };
        let value = format!("on node {}{leaving}", holder.spec.node_name);
        finding = finding.evidence(pod_ref(holder), "spec.nodeName", value, "it uses the volume there");
    }
    finding.evidence.push(wait_fact(stuck.case));
    let remedies = remedies(cx, stuck, same.filter(|_| !leaving), leaving);
    finding.explains(stuck.pod()).with_remedies(remedies)
}

/// The object in which the cause lies, and the cause; `same` is the workload that all of the pods belong to, where its
/// old ones are not on their way out.
fn title(
    cx: &Context<'_>,
    stuck: &Stuck<'_, '_>,
    others: &[OtherPod],
    same: Option<(Kind, &Meta)>,
) -> (ObjectRef, String) {
    let (pod, node) = (&stuck.case.pod.metadata.name, stuck.node());
    let names: Vec<&str> = others.iter().map(|other| other.pod.name.as_str()).collect();
    let held = match stuck.problem {
        AttachProblem::MultiAttach { node, .. } => format!("may be on one node only and is on {node}"),
        _ => "is for one pod only and is taken".to_owned(),
    };
    let by = format!("{} {held} for {}", capital(&stuck.volume(cx)), named("pod", &names));
    match (same, others.iter().all(|other| other.deleting)) {
        (Some((Kind::Deployment, meta)), _) if replicas_share(cx, stuck.case.pod, others) => (
            ObjectRef::new(Kind::Deployment, &meta.namespace, &meta.name),
            format!(
                "{by}, and Deployment {} has several pods of one template that share it, so pod {pod} can't have it on node \
                 {node}",
                meta.name
            ),
        ),
        (Some((Kind::Deployment, meta)), _) => (
            ObjectRef::new(Kind::Deployment, &meta.namespace, &meta.name),
            format!(
                "{by}, and Deployment {} starts its new pod {pod} on node {node} before the old one lets go",
                meta.name
            ),
        ),
        (_, true) => (
            others[0].pod.clone(),
            format!("{by}, which should have ended and has not, so pod {pod} waits on node {node}"),
        ),
        (_, false) => (stuck.pod(), format!("{by}, so pod {pod} can't have it on node {node}")),
    }
}

fn found<'a>(cx: &Context<'a>, other: &OtherPod) -> Option<&'a Pod> {
    cx.snapshot.pods.get(&other.pod.namespace, &other.pod.name).found().map(|pod| &**pod)
}

/// Whether the pods are of one ReplicaSet that wants several: no update is under way, and they would share for good.
fn replicas_share(cx: &Context<'_>, pod: &Pod, others: &[OtherPod]) -> bool {
    let set = |pod: &Pod| {
        pod.metadata.controller().filter(|owner| owner.kind == "ReplicaSet").map(|owner| owner.name.clone())
    };
    let Some(own) = set(pod) else { return false };
    let found_set = cx.snapshot.replica_sets.get(&pod.metadata.namespace, &own).found();
    let several = found_set.is_some_and(|found| found.spec.replicas.unwrap_or(1) > 1);
    several && others.iter().all(|other| found(cx, other).and_then(set).as_ref() == Some(&own))
}

fn is_of(cx: &Context<'_>, pod: &Pod, workload: (Kind, &Meta)) -> bool {
    cx.workload(pod).is_some_and(|(kind, meta)| kind == workload.0 && meta.name == workload.1.name)
}

fn found_pods_share(cx: &Context<'_>, stuck: &Stuck<'_, '_>) -> bool {
    match stuck.problem {
        AttachProblem::MultiAttach { pods, .. } | AttachProblem::UsedByAnotherPod { pods, .. } => {
            replicas_share(cx, stuck.case.pod, pods)
        }
        _ => false,
    }
}

fn remedies(cx: &Context<'_>, stuck: &Stuck<'_, '_>, same: Option<(Kind, &Meta)>, leaving: bool) -> Vec<Remedy> {
    let reason = "how fast the old pod ends and the driver lets go is not known";
    if leaving {
        let told = Step::told("See why the old pod does not end: its finalizers, and what its kubelet says");
        return vec![Remedy::untried("Have the old pod end", Risk::Low, vec![told], reason)];
    }
    let share = found_pods_share(cx, stuck);
    if let Some((Kind::Deployment, meta)) = same.filter(|_| share) {
        let key = (Kind::Deployment, meta.namespace.as_str(), meta.name.as_str());
        let steps = vec![
            cx.scale("Have one pod only", key, 1),
            Step::told(
                "Or give each pod a claim of its own (a StatefulSet's claim templates), or all a volume that many nodes can \
                 have (ReadWriteMany)",
            ),
        ];
        let reason = "only you know whether the pods must share what the volume holds";
        return vec![Remedy::untried("Let no two pods share the volume", Risk::Medium, steps, reason)];
    }
    if let Some((Kind::Deployment, meta)) = same {
        return vec![one_after_the_other(cx, meta)];
    }
    let told = Step::told(match stuck.problem {
        AttachProblem::MultiAttach { node, .. } => format!(
            "Let one of them go, run both on node {node}, or give them a volume that many nodes can have (ReadWriteMany)"
        ),
        _ => "Let one of them go, or give them a volume that several pods can have (ReadWriteOnce on one node)"
            .to_owned(),
    });
    vec![Remedy::untried(
        "Decide which pod has the volume",
        Risk::Medium,
        vec![told],
        "only you know which pod is to have it",
    )]
}
