use super::placed::{OF_VERDICT, event_fact, lacks_claim, node_of, unread, volume_words, volumes_of, wait_fact};
use crate::diagnosis::context::{Context, PlacedCase, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk};
use crate::diagnosis::text::duration;
use crate::rules::drivers::driver::{events_step, plugin_log};
use crate::volumes::driver_words::{cause, essential};
use crate::volumes::{AttachProblem, MountFailure};

crate::rules::declare_rule! {
    static RULE = {
        name: "volumes-overdue",
        summary: "A placed pod has waited for its volumes for too long, and no other rule tells why.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSINode, CSIDriver, Node, Event],
        stage: Rest,
        check: check,
    }
}

/// Seconds after which a pod that only waits no longer just starts: several rounds of the kubelet's two minutes.
const PATIENCE: i64 = 600;

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, OF_VERDICT));
    for case in &cx.placed {
        if out.explained(&pod_ref(case.pod)) || lacks_claim(case) {
            continue;
        }
        let problem = case.verdict.problems.iter().find(|problem| case.stuck_on(problem));
        if problem.is_some() || waits_for_volumes(cx, case) {
            out.add(overdue(cx, case, problem));
        } else if !case.verdict.problems.is_empty() || !case.verdict.events.is_empty() {
            out.add(starting(cx, case));
        }
    }
}

/// Whether a pod of which nothing else is known waits for its volumes for too long.
fn waits_for_volumes(cx: &Context<'_>, case: &PlacedCase<'_>) -> bool {
    let failed = case.verdict.events.iter().any(|event| event.failure == MountFailure::TimedOut || event.count >= 3);
    let sandbox = case.pod.condition("PodReadyToStartContainers").is_some_and(|condition| condition.status == "False");
    let any = !case.pod.spec.volumes.iter().all(|volume| volume.claim_name(&case.pod.metadata.name).is_none());
    case.waited_longer_than(PATIENCE) && (failed || any && (sandbox || !cx.claims_of(case.pod).is_empty()))
}

fn overdue(cx: &Context<'_>, case: &PlacedCase<'_>, problem: Option<&AttachProblem>) -> Finding {
    let (pod, node) = (&case.pod.metadata.name, &case.verdict.node);
    let waited = case.waited.map_or_else(String::new, |waited| format!(" for {}", duration(waited)));
    let telling = case.verdict.telling_events().next();
    let why = match (problem.and_then(AttachProblem::volume), telling) {
        (_, Some(event)) => essential(cause(&event.message)),
        (Some(volume), None) => format!("{} does not get there, and nothing says why", volume_words(cx, case, volume)),
        (None, None) => "nothing says what it waits for".to_owned(),
    };
    let title = format!("Pod {pod} has waited{waited} on node {node} for its volumes: {why}");
    let mut finding = RULE.finding(pod_ref(case.pod), title);
    finding.evidence.push(wait_fact(case));
    finding
        .evidence
        .extend(telling.into_iter().chain(&case.verdict.events).take(2).map(|event| event_fact(case, event)));
    for (claim, volume) in volumes_of(cx, case) {
        let object = crate::diagnosis::context::claim_ref(claim);
        finding = finding.evidence(
            object,
            "spec.volumeName",
            volume.metadata.name.clone(),
            "a volume that the pod waits for",
        );
    }
    let mut steps = vec![events_step(case.pod)];
    let drivers = volumes_of(cx, case).into_iter().filter_map(|(_, volume)| volume.spec.csi.as_ref());
    let logs = drivers.filter_map(|csi| plugin_log(cx, &csi.driver, node_of(cx, case)?));
    steps.extend(logs.take(1));
    let remedy =
        Remedy::untried("Look at what the node says", Risk::Low, steps, "what the pod waits for is not in the API");
    finding.likely().explains(pod_ref(case.pod)).remedy(remedy)
}

/// A pod on its way, which is no fault.
fn starting(cx: &Context<'_>, case: &PlacedCase<'_>) -> Finding {
    let (pod, node) = (&case.pod.metadata.name, &case.verdict.node);
    let waited = case
        .waited
        .filter(|waited| *waited > 0)
        .map_or_else(String::new, |waited| format!(", for {} so far", duration(waited)));
    let volume = case.verdict.problems.iter().find_map(AttachProblem::volume);
    let what = volume.map_or_else(|| "its volumes".to_owned(), |volume| volume_words(cx, case, volume));
    let title = format!("Pod {pod} waits on node {node} for {what}{waited}");
    let mut finding = Finding::new(RULE.name, Severity::Info, pod_ref(case.pod), title);
    finding.evidence.push(wait_fact(case));
    finding.evidence.extend(case.verdict.events.iter().take(1).map(|event| event_fact(case, event)));
    finding.explains(pod_ref(case.pod))
}
