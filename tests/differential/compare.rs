//! What the control plane said beside what the tool says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;
use storagewhy::model::version::Version;
use storagewhy::scheduler::{Outcome, PodVerdict, Scheduler, SchedulerConfig};
use storagewhy::snapshot::Snapshot;
use storagewhy::source::dump::read_bytes;
use storagewhy::volumes::VolumeController;

use super::observe::{scheduled_condition, waits};

/// One thing on which the two don't agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `pod` or `claim`, namespace and name.
    pub subject: String,
    pub real: String,
    pub ours: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  real: {}\n  ours: {}", self.subject, self.real, self.ours)
    }
}

/// How the two compare on one cluster.
#[derive(Debug, Default)]
pub struct Comparison {
    pub compared: usize,
    /// Pods of which the tool says that it can't know, and pods that were judged on another state.
    pub left_out: usize,
    pub differences: Vec<Difference>,
    /// Distinct texts of the real control plane, without numbers and names.
    pub texts: BTreeSet<String>,
}

const NOTHING: &str = "no condition";

/// Holds the tool's verdicts on a dump against the conditions and events in it.
pub fn compare(list: &Value, version: Version, config: &SchedulerConfig) -> Comparison {
    let mut result = Comparison::default();
    let snapshot = read(list);
    let ours = verdicts(&snapshot, version, config);
    let (waiting, placed) = waiting_for_volumes(&snapshot, version, config);
    for pod in of_kind(list, "Pod") {
        let subject = format!("pod {}", name(pod));
        let Some(ours) = ours.get(&subject) else { continue };
        let real = truth(pod, config);
        let earlier = !waiting.contains(&subject)
            && placed.is_some_and(|least| pod["spec"]["priority"].as_i64().unwrap_or_default() >= least);
        if ours.starts_with("Unknown") || earlier {
            result.left_out += 1;
            continue;
        }
        result.compared += 1;
        result.texts.extend(reasons(&real));
        if &real != ours {
            result.differences.push(Difference { subject, real, ours: ours.clone() });
        }
    }
    claims(list, &snapshot, version, &mut result);
    result
}

fn of_kind<'a>(list: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    list["items"].as_array().into_iter().flatten().filter(move |item| item["kind"] == kind)
}

fn name(object: &Value) -> String {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text("namespace"), text("name"))
}

/// The dump without what the tool is to find out by itself.
pub fn read(list: &Value) -> Snapshot {
    let mut list = list.clone();
    let items = list["items"].as_array_mut().unwrap();
    items.retain(|item| item["kind"] != "Event");
    for item in items {
        if item["kind"] == "Pod"
            && let Some(conditions) = item["status"]["conditions"].as_array_mut()
        {
            conditions.retain(|condition| condition["type"] != "PodScheduled");
        }
    }
    read_bytes("cluster.json", &serde_json::to_vec(&list).unwrap()).unwrap()
}

/// The pods that wait for their volumes on a node, and the lowest of their priorities. The restarted scheduler has judged
/// what is as important before these pods counted on their nodes again.
fn waiting_for_volumes(
    snapshot: &Snapshot,
    version: Version,
    config: &SchedulerConfig,
) -> (BTreeSet<String>, Option<i64>) {
    let scheduler = Scheduler::new(snapshot, version, config.clone());
    let placed = snapshot.pods.seen().iter().filter(|pod| scheduler.waits_for_volumes_on(pod).is_some());
    let names = placed.clone().map(|pod| format!("pod {}/{}", pod.metadata.namespace, pod.metadata.name));
    (names.collect(), placed.map(|pod| i64::from(pod.spec.priority.unwrap_or_default())).min())
}

/// What the tool says of every pod that waits, in the form of [`truth`].
pub fn verdicts(snapshot: &Snapshot, version: Version, config: &SchedulerConfig) -> BTreeMap<String, String> {
    let scheduler = Scheduler::new(snapshot, version, config.clone());
    let waiting =
        snapshot.pods.seen().iter().filter(|pod| !pod.assigned() && !pod.finished() && !pod.metadata.deleting());
    waiting
        .map(|pod| {
            let subject = format!("pod {}/{}", pod.metadata.namespace, pod.metadata.name);
            (subject, text_of(&scheduler.judge(pod)))
        })
        .collect()
}

fn text_of(verdict: &PodVerdict) -> String {
    match (verdict.outcome, &verdict.message) {
        (Outcome::Unschedulable, Some(message)) if verdict.error => format!("SchedulerError: {message}"),
        (Outcome::Unschedulable, Some(message)) => format!("Unschedulable: {message}"),
        (Outcome::Unschedulable, None) if verdict.unknown.is_empty() => NOTHING.to_owned(),
        (Outcome::Schedulable, _) => NOTHING.to_owned(),
        (Outcome::OtherScheduler, _) => "other scheduler".to_owned(),
        (Outcome::SchedulingGated, _) => "gated".to_owned(),
        (Outcome::Unknown | Outcome::Unschedulable, _) => format!("Unknown: {}", verdict.unknown.join("; ")),
    }
}

fn truth(pod: &Value, config: &SchedulerConfig) -> String {
    let scheduler = pod["spec"]["schedulerName"].as_str().unwrap_or_default();
    if !waits(pod) || config.profiles.iter().all(|profile| profile.scheduler_name != scheduler) {
        return "other scheduler".to_owned();
    }
    match scheduled_condition(pod) {
        None => NOTHING.to_owned(),
        Some(condition) if condition["reason"] == "SchedulingGated" => "gated".to_owned(),
        Some(condition) => {
            let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
            format!("{}: {}", text("reason"), text("message"))
        }
    }
}

fn reasons(text: &str) -> BTreeSet<String> {
    let plain = text.replace(|letter: char| letter.is_ascii_digit(), "");
    plain.split([',', '.', ':']).map(|part| part.trim().to_owned()).filter(|part| part.len() > 4).collect()
}

/// Claims that the PV controller has spoken of since the last round.
fn claims(list: &Value, snapshot: &Snapshot, version: Version, result: &mut Comparison) {
    let controller = VolumeController::new(snapshot).with_version(version);
    for claim in snapshot.claims.seen() {
        let key = format!("{}/{}", claim.metadata.namespace, claim.metadata.name);
        let real = last_events(list, &key);
        let verdict = controller.judge(claim);
        if real.is_empty() || !verdict.unknown.is_empty() {
            continue;
        }
        result.compared += 1;
        let ours = verdict
            .event
            .map_or_else(|| "no event".to_owned(), |event| format!("{}: {}", event.reason, in_order(&event.message)));
        if !real.contains(&ours) {
            let real = real.into_iter().collect::<Vec<_>>().join(" | ");
            result.differences.push(Difference { subject: format!("claim {key}"), real, ours });
        }
    }
}

/// The PV controller's events on a claim in the last second in which there was one.
fn last_events(list: &Value, claim: &str) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let about = |event: &&Value| {
        let object = &event["involvedObject"];
        object["kind"] == "PersistentVolumeClaim"
            && event["source"]["component"] == "persistentvolume-controller"
            && format!("{}/{}", text(&object["namespace"]), text(&object["name"])) == claim
    };
    let events: Vec<&Value> = of_kind(list, "Event").filter(about).collect();
    let Some(last) = events.iter().map(|event| text(&event["lastTimestamp"])).max() else { return BTreeSet::new() };
    let newest = events.into_iter().filter(|event| event["lastTimestamp"] == last.as_str());
    newest.map(|event| format!("{}: {}", text(&event["reason"]), in_order(&text(&event["message"])))).collect()
}

/// The controller names waiting pods in any order.
fn in_order(message: &str) -> String {
    let (start, end) = ("waiting for pods ", " to be scheduled");
    let Some(names) = message.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) else {
        return message.to_owned();
    };
    let mut names: Vec<&str> = names.split(',').collect();
    names.sort_unstable();
    format!("{start}{}{end}", names.join(","))
}
