use crate::diagnosis::command;
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::duration;
use crate::diagnosis::who::Who;
use crate::model::{Kind, Pod};
use crate::rules::starting::containers::{Cause, fault};
use crate::scheduler::{Outcome, running};

crate::rules::declare_rule! {
    static RULE = {
        name: "pod-not-judged",
        summary: "Pods wait, and no scheduler has said a word of them.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Event],
        stage: Rest,
        check: check,
    }
}

/// Seconds within which a scheduler that runs has looked at every pod at least once: a pod that it can't place goes back
/// into its queue within five minutes (`scheduler/backend/queue`, DefaultPodMaxInUnschedulablePodsDuration).
const PATIENCE: i64 = 600;

/// What the cluster shows of the scheduler.
enum Sign<'a> {
    /// Its pods, of which none is ready.
    Broken(Vec<&'a Pod>),
    /// It has judged another pod since, at this time.
    Works(&'a Pod, &'a str),
    /// Nothing: managed control planes hide it.
    Hidden,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut sign = None;
    for group in &cx.groups {
        let unjudged: Vec<(&Pod, i64)> = group.pods.iter().filter_map(|pod| Some((*pod, unjudged(cx, pod)?))).collect();
        if unjudged.is_empty() || matches!(group.verdict.outcome, Outcome::SchedulingGated | Outcome::OtherScheduler) {
            continue;
        }
        let sign = sign.get_or_insert_with(|| seen(cx, &unjudged));
        let explained = unjudged.iter().all(|(pod, _)| out.explained(&pod_ref(pod)));
        let open = group.verdict.outcome != Outcome::Unschedulable && !explained;
        if open || matches!(sign, Sign::Broken(_)) {
            out.add(finding(cx, group, &unjudged, sign));
        }
    }
}

/// For how many seconds the pod has waited at least, where it has waited too long and nothing says that a scheduler has
/// seen it.
fn unjudged(cx: &Context<'_>, pod: &Pod) -> Option<i64> {
    let age = cx.age(&pod.metadata.creation_timestamp).filter(|age| *age > PATIENCE)?;
    let placed = cx.scheduler.waits_for_volumes_on(pod).is_some() || !pod.status.nominated_node_name.is_empty();
    let judged = placed
        || pod.metadata.deleting()
        || pod.condition("PodScheduled").is_some()
        || cx.history(Kind::Pod, &pod.metadata).last(by_scheduler).is_some();
    (!judged).then_some(age)
}

fn by_scheduler(event: &crate::model::Event) -> bool {
    matches!(event.reason.as_str(), "FailedScheduling" | "Scheduled" | "Preempted")
}

fn seen<'a>(cx: &Context<'a>, unjudged: &[(&Pod, i64)]) -> Sign<'a> {
    let pods: Vec<&Pod> = running(cx.snapshot).into_iter().map(|scheduler| scheduler.pod).collect();
    if !pods.is_empty() && pods.iter().all(|pod| broken(pod)) {
        return Sign::Broken(pods);
    }
    let made = unjudged.iter().map(|(pod, _)| pod.metadata.creation_timestamp.as_str()).min().unwrap_or_default();
    let word = |pod: &'a Pod| pod.condition("PodScheduled")?.last_transition_time.as_deref();
    let words = cx.snapshot.pods.seen().iter().filter_map(|pod| Some((&**pod, word(pod)?)));
    match words.filter(|(_, time)| *time > made).max_by_key(|(_, time)| *time) {
        Some((pod, time)) => Sign::Works(pod, time),
        None => Sign::Hidden,
    }
}

/// Whether the pod is seen not to run; one without any status shows nothing.
fn broken(pod: &Pod) -> bool {
    let waits = pod.status.container_statuses.iter().any(|status| !status.ready);
    waits || pod.condition("Ready").is_some_and(|condition| condition.status == "False")
}

fn finding(cx: &Context<'_>, group: &PodGroup<'_>, unjudged: &[(&Pod, i64)], sign: &Sign<'_>) -> Finding {
    let names: Vec<&str> = unjudged.iter().map(|(pod, _)| pod.metadata.name.as_str()).collect();
    let longest = unjudged.iter().map(|(_, age)| *age).max().unwrap_or(0);
    let who = Who::new("pod", &names);
    let (has, them) = (who.does("have"), who.them());
    let waited = format!("{has} waited for {} and no scheduler has looked at {them}", duration(longest));
    let (object, title) = match sign {
        Sign::Broken(pods) => (pod_ref(pods[0]), format!("{waited}: kube-scheduler does not run")),
        Sign::Works(..) => (group.subject(), format!("{waited}, although kube-scheduler judges others")),
        Sign::Hidden => (group.subject(), format!("{waited}: kube-scheduler does not run, or does not see {them}")),
    };
    let mut finding = RULE.finding(object, title);
    for (pod, _) in unjudged.iter().take(3) {
        let note = "no PodScheduled condition and no event of a scheduler since the pod was made";
        let made = pod.metadata.creation_timestamp.clone();
        finding = finding.evidence(pod_ref(pod), "metadata.creationTimestamp", made, note);
    }
    finding = with_sign(cx, sign, finding);
    if !matches!(sign, Sign::Broken(_)) {
        finding = finding.likely();
    }
    finding.explains_all(unjudged.iter().map(|(pod, _)| pod_ref(pod))).remedy(look(sign))
}

fn with_sign(cx: &Context<'_>, sign: &Sign<'_>, mut finding: Finding) -> Finding {
    match sign {
        Sign::Broken(pods) => {
            for pod in pods {
                let (path, value, note) = crate::rules::starting::pod_not_ready::why_not_ready(pod);
                finding = finding.evidence(pod_ref(pod), path, value, note);
                finding.evidence.extend(fault(pod).into_iter().flat_map(|fault| fault.facts(cx)).skip(1));
            }
            finding
        }
        Sign::Works(pod, time) => finding.evidence(
            pod_ref(pod),
            "status.conditions[PodScheduled].lastTransitionTime",
            *time,
            "kube-scheduler judged this pod later: it lags behind, or does not see the others",
        ),
        Sign::Hidden => finding,
    }
}

fn look(sign: &Sign<'_>) -> Remedy {
    let command = match sign {
        Sign::Broken(pods) if fault(pods[0]).is_some_and(|fault| fault.cause == Cause::Crash) => {
            let meta = &pods[0].metadata;
            command::kubectl(&["logs", "--tail=100"], &[&meta.name], &[("-n", &meta.namespace)])
        }
        Sign::Broken(pods) => {
            let meta = &pods[0].metadata;
            command::kubectl(&["describe", "pod"], &[&meta.name], &[("-n", &meta.namespace)])
        }
        Sign::Works(..) | Sign::Hidden => {
            command::kubectl(&["get", "lease", "kube-scheduler", "-o", "yaml"], &[], &[("-n", "kube-system")])
        }
    };
    let what = match sign {
        Sign::Broken(_) => "See why kube-scheduler's pod is not ready",
        Sign::Works(..) => {
            "See who holds kube-scheduler's lease, and whether its log speaks of a full queue or a slow API server"
        }
        Sign::Hidden => {
            "See whether kube-scheduler's lease is renewed (spec.renewTime); on a managed control plane ask its provider"
        }
    };
    let step = Step { command, ..Step::told(what) };
    Remedy::untried(
        "Get kube-scheduler to look at the pods",
        Risk::Low,
        vec![step],
        "kube-scheduler's own state is not known",
    )
}
