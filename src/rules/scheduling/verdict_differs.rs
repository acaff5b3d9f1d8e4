use std::collections::BTreeMap;

use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{capital, either, named, names};
use crate::model::pod::Condition;
use crate::model::version::Version;
use crate::model::{Kind, Object, ObjectRef, Pod};
use crate::scheduler::{Outcome, PodVerdict};
use crate::snapshot::Store;
use jiff::Timestamp;

crate::rules::declare_rule! {
    static RULE = {
        name: "verdict-differs",
        summary: "What kube-scheduler wrote about pods is not what it would decide on the state that was read.",
        severity: Warning,
        since: "0.1.0",
        needs: [Pod, Node],
        stage: Wait,
        check: check,
    }
}

/// Objects newer than the scheduler's word that are shown.
const SHOWN: usize = 5;

/// A pod of which the scheduler wrote something else than it would decide.
struct Differing<'c, 'a> {
    pod: &'a Pod,
    group: &'c PodGroup<'a>,
    message: &'c str,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut stories: BTreeMap<Option<&str>, Vec<Differing<'_, '_>>> = BTreeMap::new();
    for group in &cx.groups {
        for pod in &group.pods {
            if let Some(condition) = differs(cx, pod, &group.verdict)
                && !((condition.reason == "SchedulerError" || fits(group)) && out.explained(&pod_ref(pod)))
            {
                let message = condition.message.as_str();
                let told = fits(group).then_some(message);
                stories.entry(told).or_default().push(Differing { pod, group, message });
            }
        }
    }
    if stories.is_empty() {
        return;
    }
    let newest = creations(cx);
    for differing in stories.into_values() {
        out.add(finding(cx, &differing, &newest));
    }
}

/// Whether a node would take the pods now. What the scheduler wrote of them is a story of its own then; that it would
/// word another rejection is one for all.
fn fits(group: &PodGroup<'_>) -> bool {
    group.verdict.outcome == Outcome::Schedulable
}

/// The pod's condition, where it says something else than the verdict. Nothing is said while the verdict is open, nor of
/// a pod that already waits on its node.
fn differs<'p>(cx: &Context<'_>, pod: &'p Pod, verdict: &PodVerdict) -> Option<&'p Condition> {
    let condition = pod.condition("PodScheduled").filter(|condition| condition.status == "False")?;
    if !matches!(condition.reason.as_str(), "Unschedulable" | "SchedulerError")
        || cx.scheduler.waits_for_volumes_on(pod).is_some()
    {
        return None;
    }
    let differs = match (verdict.outcome, &verdict.message) {
        (Outcome::Schedulable, _) => true,
        (Outcome::Unschedulable, Some(message)) => {
            // of several nodes on which evicting pods costs the same, upstream picks any
            let exact = cx.options.version(cx.snapshot) >= Version::NEWEST
                && cx.snapshot.server_version.is_some()
                && verdict.preemption.is_none();
            if exact { condition.message != *message } else { core(&condition.message) != core(message) }
        }
        _ => false,
    };
    differs.then_some(condition)
}

/// The part of a message that all releases write alike: without the preemption's text and the names of taints.
fn core(message: &str) -> String {
    let end = [" preemption: ", " no new claims to deallocate", " not found"]
        .iter()
        .filter_map(|marker| message.find(&format!(".{marker}")))
        .min()
        .unwrap_or(message.len());
    let mut parts: Vec<String> = message[..end].trim_end_matches('.').split(", ").map(plain_reason).collect();
    parts.sort();
    parts.join(", ")
}

fn plain_reason(part: &str) -> String {
    let part = match part.find("node(s) had untolerated taint") {
        Some(at) => format!("{}node(s) had untolerated taint(s)", &part[..at]),
        None => part.to_owned(),
    };
    part.replace("node(s) had volume node affinity conflict", "node(s) didn't match PersistentVolume's node affinity")
}

fn finding(cx: &Context<'_>, differing: &[Differing<'_, '_>], newest: &[(Timestamp, ObjectRef)]) -> Finding {
    let names_of: Vec<&str> = differing.iter().map(|one| one.pod.metadata.name.as_str()).collect();
    let lead = &differing[0];
    let fits = fits(lead.group);
    let said = last_said(cx, lead.pod);
    let since = said.as_deref().and_then(|said| said.parse::<Timestamp>().ok());
    let changed: Vec<&(Timestamp, ObjectRef)> =
        newest.iter().take_while(|(time, _)| since.is_some_and(|since| *time > since)).take(SHOWN).collect();
    let now = if fits { "on the present state a node takes" } else { "on the present state it would say otherwise of" };
    let how = match changed.first() {
        Some((_, newer)) if fits => format!("is older than {} {}", newer.kind, newer.name),
        _ => "is out of date or rests on something unseen".to_owned(),
    };
    let title = format!(
        "What kube-scheduler wrote about {} {how}: {now} {}",
        named("pod", &names_of),
        either(differing.len(), "it", "them"),
    );
    let object = pod_ref(lead.pod);
    let severity = if fits { Severity::Warning } else { Severity::Info };
    let mut finding = Finding::new(RULE.name, severity, lead.group.subject(), title).likely().evidence(
        object.clone(),
        "status.conditions[PodScheduled].message",
        lead.message,
        said.map_or_else(|| "what it wrote".to_owned(), |time| format!("what it wrote, last at {time}")),
    );
    let predicted = lead.group.verdict.message.clone().unwrap_or_else(|| "no rejection".to_owned());
    finding = finding.evidence(object.clone(), "", predicted, "what it would decide now");
    if changed.is_empty() {
        finding = finding.evidence(object, "", "nothing newer was read", unseen(cx));
    }
    if fits && !changed.is_empty() {
        finding = finding.remedy(look_again(cx, differing));
    }
    for (time, object) in changed {
        let path = "metadata.creationTimestamp";
        finding = finding.evidence(object.clone(), path, time.to_string(), "came after the scheduler last spoke");
    }
    finding.explains_all(differing.iter().map(|one| pod_ref(one.pod)))
}

/// Rejected pods are tried again on events that could help them, and every five minutes
/// (`backend/queue/scheduling_queue.go`, DefaultPodMaxInUnschedulablePodsDuration).
fn look_again(cx: &Context<'_>, differing: &[Differing<'_, '_>]) -> Remedy {
    let wait = Step::told("Wait five minutes: by then kube-scheduler has tried every rejected pod again");
    let owned = differing.iter().filter(|one| one.pod.metadata.controller().is_some());
    let pods: Vec<ObjectRef> = owned.map(|one| pod_ref(one.pod)).collect();
    let anew = cx.recreate_steps(&pods).into_iter().map(|step| Step { what: format!("Or: {}", step.what), ..step });
    let steps = std::iter::once(wait).chain(anew).collect();
    Remedy::untried("Have kube-scheduler look again", Risk::Low, steps, "it is a matter of time, not of the state")
}

/// When the scheduler last spoke of the pod, RFC 3339.
fn last_said(cx: &Context<'_>, pod: &Pod) -> Option<String> {
    let events = cx.events_of(&pod_ref(pod)).into_iter().filter(|event| event.reason == "FailedScheduling");
    let event = events.map(|event| event.last_seen().to_owned()).max();
    let condition = pod.condition("PodScheduled").and_then(|condition| condition.last_transition_time.clone());
    event.max(condition).filter(|time| !time.is_empty())
}

/// When objects that decide about placement were created, the newest first.
fn creations(cx: &Context<'_>) -> Vec<(Timestamp, ObjectRef)> {
    let snapshot = cx.snapshot;
    let mut creations = Vec::new();
    collect(Kind::Node, &snapshot.nodes, &mut creations);
    collect(Kind::CSIDriver, &snapshot.csi_drivers, &mut creations);
    collect(Kind::CSINode, &snapshot.csi_nodes, &mut creations);
    collect(Kind::CSIStorageCapacity, &snapshot.capacities, &mut creations);
    collect(Kind::PersistentVolume, &snapshot.volumes, &mut creations);
    collect(Kind::StorageClass, &snapshot.classes, &mut creations);
    creations.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    creations
}

fn collect<T: Object>(kind: Kind, store: &Store<T>, into: &mut Vec<(Timestamp, ObjectRef)>) {
    for meta in store.seen().iter().map(|object| object.meta()) {
        if let Ok(time) = meta.creation_timestamp.parse() {
            into.push((time, ObjectRef::new(kind, &meta.namespace, &meta.name)));
        }
    }
}

/// What the verdict can't see.
fn unseen(cx: &Context<'_>) -> String {
    let mut unseen: Vec<&str> = [Kind::Pod, Kind::Node, Kind::PersistentVolume, Kind::CSIStorageCapacity]
        .into_iter()
        .filter(|kind| !cx.snapshot.complete(*kind))
        .map(Kind::plural)
        .collect();
    if cx.options.scheduler_config.is_none() {
        unseen.push("the scheduler's configuration");
    }
    unseen.push("pods that it has placed but not yet bound");
    let note = format!("not seen: {}; objects that were changed or deleted leave no time either", names(&unseen));
    capital(&note)
}
