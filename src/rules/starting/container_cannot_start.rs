use std::collections::BTreeMap;

use super::containers::{Cause, Fault, faults, keeps_from_starting, settled};
use crate::diagnosis::context::{Context, Shortfall, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{capital, either, named};
use crate::model::{Event, Kind, ObjectRef, Pod};
use crate::rules::attaching::placed::unread;
use crate::rules::drivers::driver::{events_step, log_step};
use crate::rules::scheduling::ordered_pods_wait::holder;
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
        let counts = |fault: &Fault<'_>| keeps_from_starting(fault) || holds_others(cx, pod);
        let own = faults(pod).find(|fault| fault.cause != Cause::Image && counts(fault));
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

/// Whether the pod keeps others of its set from being made: the set goes on when it is ready.
fn holds_others(cx: &Context<'_>, pod: &Pod) -> bool {
    let meta = &pod.metadata;
    let set = meta.controller().filter(|owner| owner.kind == "StatefulSet");
    let set = set.and_then(|owner| cx.snapshot.stateful_sets.get(&meta.namespace, &owner.name).found());
    let Some(set) = set.filter(|set| set.ordered()) else { return false };
    let own = |short: &&Shortfall<'_>| short.kind == Kind::StatefulSet && short.meta.name == set.metadata.name;
    let short = cx.shortfalls.iter().filter(own).find(|short| short.meta.namespace == meta.namespace);
    short.and_then(|short| holder(set, short)).is_some_and(|(first, _)| std::ptr::eq(first, pod))
}

fn finding(cx: &Context<'_>, owner: ObjectRef, faults: &[Fault<'_>]) -> Finding {
    let pods: Vec<&str> = faults.iter().map(|fault| fault.pod.metadata.name.as_str()).collect();
    let first = &faults[0];
    let fails = if keeps_from_starting(first) {
        "can't start"
    } else {
        either(pods.len(), "does not stay up", "do not stay up")
    };
    let title = format!("{} {fails}: {}", capital(&named("pod", &pods)), first.sentence(cx));
    let mut finding = RULE.finding(owner, title);
    finding.id = format!("{}/{}", finding.id, first.status.name);
    for fault in faults.iter().take(3) {
        finding.evidence.extend(fault.facts(cx));
        finding.evidence.extend(path_in_volume(fault));
    }
    let meta = &first.pod.metadata;
    let mut steps = vec![events_step(first.pod)];
    if first.cause == Cause::Crash {
        steps.push(log_step("Read what the container says", &meta.namespace, &meta.name, Some(&first.status.name)));
    }
    let reason = "what the container needs is not in the API";
    let finding = finding.with_remedies(first.made_anew(cx));
    finding.explains_all(faults.iter().map(|fault| pod_ref(fault.pod))).remedy(Remedy::untried(
        "See what the container needs",
        Risk::Low,
        steps,
        reason,
    ))
}

/// The claim of the volume in which a container's path can't be made: the volume itself is mounted.
fn path_in_volume(fault: &Fault<'_>) -> Option<Evidence> {
    let message = &fault.status.state.waiting.as_ref()?.message;
    let (_, rest) =
        message.split_once("subPath").filter(|_| fault.cause == Cause::Config)?.1.split_once("volumeMount \"")?;
    let (name, _) = rest.split_once('"')?;
    let volume = fault.pod.spec.volumes.iter().find(|volume| volume.name == name)?;
    let claim = volume.claim_name(&fault.pod.metadata.name)?;
    let object = ObjectRef::new(Kind::PersistentVolumeClaim, &fault.pod.metadata.namespace, &claim);
    let note = "the claim is in order and its volume is mounted; what fails is the path in it, by its owner, its mode or what \
                lies there already";
    Some(Context::fact(object, "", "mounted", note))
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
