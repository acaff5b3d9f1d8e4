use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Remedy, Risk};
use crate::diagnosis::text::{named, names};
use crate::model::{Kind, ObjectRef, Pod};
use crate::rules::drivers::driver::log_step;
use crate::rules::starting::containers::{Fault, faults, settled};
use crate::snapshot::Snapshot;
use crate::volumes::{Decision, Intake};

crate::rules::declare_rule! {
    static RULE = {
        name: "controllers-stopped",
        summary: "kube-controller-manager does not run, so nobody binds claims or makes pods.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, StorageClass, Deployment, ReplicaSet, StatefulSet, DaemonSet, Event],
        stage: Cause,
        check: check,
    }
}

/// The program, as its container is named by kubeadm, OpenShift and the like.
const PROGRAM: &str = "kube-controller-manager";
/// The namespaces in which a cluster's own control plane runs; elsewhere it may be that of another cluster.
const NAMESPACES: &[&str] = &["kube-system", "openshift-kube-controller-manager"];
/// Seconds within which it may start.
const PATIENCE: i64 = 120;
/// Victims that a title names.
const IN_TITLE: usize = 3;

fn check(cx: &Context<'_>, out: &mut Causes) {
    let pods = controllers(cx.snapshot);
    let broken: Option<Vec<Fault<'_>>> = pods.iter().map(|pod| stopped(cx, pod)).collect();
    let Some(broken) = broken.filter(|broken| !broken.is_empty()) else { return };
    out.skip(cx.unread(&[Kind::PersistentVolumeClaim, Kind::Deployment, Kind::ReplicaSet]));
    out.skip(cx.unread_anywhere(&[Kind::StorageClass]));
    let claims: Vec<&ClaimCase<'_>> = cx.claims.iter().filter(|case| left_alone(case)).collect();
    let makers = without_pods(cx);
    if !claims.is_empty() || !makers.is_empty() {
        out.add(finding(cx, &broken, &claims, &makers));
    }
}

fn controllers(snapshot: &Snapshot) -> Vec<&Pod> {
    let pods = NAMESPACES.iter().flat_map(|namespace| snapshot.pods.in_namespace(namespace)).map(|pod| &**pod);
    let runs = |pod: &&Pod| pod.spec.containers.iter().any(|container| container.name == PROGRAM);
    pods.filter(|pod| pod.assigned() && !pod.finished()).filter(runs).collect()
}

/// The controller manager's own container, where it doesn't run.
fn stopped<'p>(cx: &Context<'_>, pod: &'p Pod) -> Option<Fault<'p>> {
    faults(pod).find(|fault| fault.status.name == PROGRAM).filter(|_| settled(cx, pod, PATIENCE))
}

/// Whether it is the volume controller's turn and it has not done its part.
fn left_alone(case: &ClaimCase<'_>) -> bool {
    match &case.verdict.decision {
        Decision::Bind { .. } | Decision::InTreeProvisioning { .. } => true,
        Decision::ExternalProvisioning { .. } => {
            let intake = case.provisioning.as_ref().map(|verdict| &verdict.intake);
            matches!(intake, Some(Intake::NotAsked | Intake::AskedAnother { .. }))
        }
        _ => false,
    }
}

/// What makes pods, lacks some, and has said nothing about it: workloads, and Deployments without a ReplicaSet.
fn without_pods(cx: &Context<'_>) -> Vec<ObjectRef> {
    let silent = |object: &ObjectRef| !cx.events_of(object).iter().any(|event| event.reason == "FailedCreate");
    let short = cx.shortfalls.iter().filter(|short| !cx.fresh(short.meta) && short.pods.is_empty());
    let short = short.map(|short| ObjectRef::new(short.kind, &short.meta.namespace, &short.meta.name));
    let deployments = cx.snapshot.deployments.seen().iter().filter(|deployment| {
        let meta = &deployment.metadata;
        let sets = &cx.snapshot.replica_sets;
        let owns = |owner: &crate::model::meta::OwnerReference| owner.kind == "Deployment" && owner.name == meta.name;
        let has = sets.in_namespace(&meta.namespace).iter().any(|set| set.metadata.controller().is_some_and(owns));
        let scope = cx.namespace.is_none_or(|namespace| namespace == meta.namespace);
        scope && sets.covers(&meta.namespace) && deployment.replicas() > 0 && !has && !cx.fresh(meta)
    });
    let deployments = deployments.map(|it| ObjectRef::new(Kind::Deployment, &it.metadata.namespace, &it.metadata.name));
    short.chain(deployments).filter(silent).collect()
}

fn finding(cx: &Context<'_>, broken: &[Fault<'_>], claims: &[&ClaimCase<'_>], makers: &[ObjectRef]) -> Finding {
    let title = format!("No kube-controller-manager runs: {}, {}", broken[0].sentence(cx), outcome(claims, makers));
    let mut finding = RULE.finding(pod_ref(broken[0].pod), title);
    finding.evidence.extend(broken.iter().flat_map(|fault| fault.facts(cx)));
    finding.evidence.extend(claims.iter().take(IN_TITLE).map(|case| claim_fact(case)));
    for case in claims {
        finding = finding.explains(claim_ref(case.claim));
        finding = finding.explains_all(cx.held_by(case.claim).into_iter().map(pod_ref));
    }
    let meta = &broken[0].pod.metadata;
    let steps = vec![log_step("Read what it says", &meta.namespace, &meta.name, Some(PROGRAM))];
    let remedy = Remedy::untried(
        "See why kube-controller-manager does not run",
        Risk::Low,
        steps,
        "what it lacks is not in the API; claims and pods go on by themselves once it runs",
    );
    let pods = broken.iter().map(|fault| pod_ref(fault.pod));
    finding.explains_all(makers.iter().cloned()).explains_all(pods).remedy(remedy)
}

/// `so nobody binds claim a or makes the pods of Deployment web`.
fn outcome(claims: &[&ClaimCase<'_>], makers: &[ObjectRef]) -> String {
    let claims: Vec<&str> = claims.iter().map(|case| case.claim.metadata.name.as_str()).collect();
    let makers: Vec<String> = makers.iter().map(|object| format!("{} {}", object.kind, object.name)).collect();
    let of_claims = (!claims.is_empty()).then(|| format!("binds {}", named("claim", &claims)));
    let of_makers = (!makers.is_empty()).then(|| format!("makes the pods of {}", names(&makers)));
    let parts: Vec<String> = of_claims.into_iter().chain(of_makers).collect();
    format!("so nobody {}", parts.join(" or "))
}

fn claim_fact(case: &ClaimCase<'_>) -> Evidence {
    let note = "it is the volume controller's turn, which is a part of kube-controller-manager";
    Context::fact(claim_ref(case.claim), "status.phase", "Pending", note)
}
