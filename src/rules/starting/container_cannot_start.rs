use std::collections::BTreeMap;

use super::containers::{Cause, Fault, faults, keeps_from_starting, settled};
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::who::Who;
use crate::model::{Event, Kind, ObjectRef, Pod};
use crate::rules::attaching::placed::unread;
use crate::rules::drivers::driver::{events_step, log_step};
use crate::rules::starting::containers::owner_of;
use crate::volumes::driver_words::essential;

crate::rules::declare_rule! {
    static RULE = {
        name: "container-cannot-start",
        summary: "A placed pod can't start: its sandbox, a container, or an init container that fails again and again.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [Event, ReplicaSet, Deployment, StatefulSet, DaemonSet],
        stage: Container,
        check: check,
    }
}

/// Seconds within which a start may fail before it counts.
const PATIENCE: i64 = 120;

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::Event]));
    let mut by_owner: BTreeMap<(ObjectRef, &str, &'static str), Vec<Fault<'_>>> = BTreeMap::new();
    for pod in cx.assigned.iter().copied() {
        let own = faults(pod).find(|fault| fault.cause != Cause::Image && keeps_from_starting(fault));
        if let Some(fault) = own.filter(|_| settled(cx, pod, PATIENCE) && !out.explained(&pod_ref(pod))) {
            let cause = match fault.cause {
                Cause::Crash => "crash",
                _ => "start",
            };
            by_owner.entry((owner_of(cx, pod), &fault.status.name, cause)).or_default().push(fault);
        }
    }
    for ((owner, ..), faults) in by_owner {
        out.add(finding(cx, owner, &faults));
    }
    for case in cx.placed.iter().filter(|case| settled(cx, case.pod, PATIENCE)) {
        if let Some(event) = sandbox_failure(cx, case.pod).filter(|_| !out.explained(&pod_ref(case.pod))) {
            out.add(without_sandbox(case.pod, event));
        }
    }
}

fn finding(cx: &Context<'_>, owner: ObjectRef, faults: &[Fault<'_>]) -> Finding {
    let pods: Vec<&str> = faults.iter().map(|fault| fault.pod.metadata.name.as_str()).collect();
    let first = &faults[0];
    let title = format!("{} can't start: {}", Who::new("pod", &pods), first.sentence(cx));
    let mut finding = RULE.finding(owner, title);
    finding.id = format!("{}/{}", finding.id, first.status.name);
    for fault in faults.iter().take(3) {
        finding.evidence.extend(fault.facts(cx));
    }
    let meta = &first.pod.metadata;
    let mut steps = vec![events_step(first.pod)];
    if first.cause == Cause::Crash {
        steps.push(log_step("Read what the container says", &meta.namespace, &meta.name, Some(&first.status.name)));
    }
    let reason = "what the container needs is not in the API";
    finding.explains_all(faults.iter().map(|fault| pod_ref(fault.pod))).remedy(Remedy::untried(
        "See what the container needs",
        Risk::Low,
        steps,
        reason,
    ))
}

/// The newest event of a pod, where it tells that no sandbox can be made: then the pod doesn't wait for volumes.
fn sandbox_failure<'a>(cx: &Context<'a>, pod: &Pod) -> Option<&'a Event> {
    let own = |event: &&Event| {
        let uid = &event.involved_object.uid;
        uid.is_empty() || *uid == pod.metadata.uid
    };
    let newest = cx.events_of(&pod_ref(pod)).into_iter().rfind(own);
    newest.filter(|event| event.reason == "FailedCreatePodSandBox")
}

fn without_sandbox(pod: &Pod, event: &Event) -> Finding {
    let words = essential(&event.message);
    let node = &pod.spec.node_name;
    let title = format!("Pod {} can't start: node {node} can't make its sandbox: {words}", pod.metadata.name);
    let steps = vec![
        events_step(pod),
        Step::told(format!("Look at the network plugin and the container runtime of node {node}")),
    ];
    RULE.finding(pod_ref(pod), title)
        .evidence(
            pod_ref(pod),
            "events",
            format!("{}: {words}", event.reason),
            "its volumes are mounted; this comes after them",
        )
        .explains(pod_ref(pod))
        .remedy(Remedy::untried("See why the sandbox fails", Risk::Low, steps, "what the node lacks is not in the API"))
}
