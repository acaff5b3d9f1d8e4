//! Clusters recorded from a real control plane: the verdicts must equal what it wrote, byte for byte.
//!
//! Each fixture is a List of every object of a small cluster, dumped after kube-scheduler had judged each pending pod
//! once more on the settled state; its annotation `kubeVersion` says on which release. The answers are taken out before
//! the engine sees the objects.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;
use storagewhy::model::{Kind, Version};
use storagewhy::scheduler::{Outcome, Scheduler, SchedulerConfig};
use storagewhy::snapshot::{Builder, Scope, Snapshot};
use storagewhy::volumes::VolumeController;

type Name = (String, String);

fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recorded");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn load(path: &Path) -> Value {
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn name_of(object: &Value) -> Name {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

/// The objects without the control plane's answers.
fn stripped(recording: &Value) -> Snapshot {
    let mut builder = Builder::default();
    builder.server_version = recording["metadata"]["annotations"]["kubeVersion"].as_str().map(str::to_owned);
    for object in recording["items"].as_array().unwrap() {
        let mut object = object.clone();
        let kind = object["kind"].as_str().unwrap().to_owned();
        if kind == "Event" {
            continue;
        }
        if kind == "Pod" {
            let status = object["status"].as_object_mut().unwrap();
            status.remove("nominatedNodeName");
            if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
                conditions.retain(|condition| condition["type"] != "PodScheduled");
            }
        }
        if let Some(kind) = Kind::from_api(object["apiVersion"].as_str().unwrap(), &kind) {
            builder.add(kind, object).unwrap();
        }
    }
    builder.build(&Scope::All)
}

/// What the real scheduler said of each pending pod: the verdict and the message.
fn pods(recording: &Value) -> BTreeMap<Name, (Outcome, Option<String>)> {
    let mut truth = BTreeMap::new();
    for pod in recording["items"].as_array().unwrap().iter().filter(|object| object["kind"] == "Pod") {
        let (spec, status) = (&pod["spec"], &pod["status"]);
        let done = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed"));
        if spec["nodeName"].is_string() || done || pod["metadata"]["deletionTimestamp"].is_string() {
            continue;
        }
        let conditions = status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
        let condition = conditions.iter().find(|condition| condition["type"] == "PodScheduled");
        let reason = condition.map(|condition| condition["reason"].as_str().unwrap());
        let verdict = match reason {
            _ if spec["schedulerName"] != "default-scheduler" => (Outcome::OtherScheduler, None),
            None => (Outcome::Schedulable, None),
            Some("SchedulingGated") => (Outcome::SchedulingGated, None),
            Some("Unschedulable") if !status["nominatedNodeName"].is_string() => {
                (Outcome::Unschedulable, condition.unwrap()["message"].as_str().map(str::to_owned))
            }
            Some(_) => continue,
        };
        truth.insert(name_of(&pod["metadata"]), verdict);
    }
    truth
}

/// The last events of each pending claim by the PV controller. They are rate-limited and have whole seconds, so
/// several can be the last. Pods are named in an order of the controller's own.
fn claims(recording: &Value) -> BTreeMap<Name, BTreeSet<(String, String)>> {
    let items = recording["items"].as_array().unwrap();
    let pending = items.iter().filter(|o| o["kind"] == "PersistentVolumeClaim" && o["status"]["phase"] == "Pending");
    let mut truth: BTreeMap<Name, Vec<(String, String, String)>> =
        pending.map(|claim| (name_of(&claim["metadata"]), Vec::new())).collect();
    for event in items.iter().filter(|object| object["kind"] == "Event") {
        let about = &event["involvedObject"];
        if about["kind"] == "PersistentVolumeClaim"
            && event["source"]["component"] == "persistentvolume-controller"
            && let Some(events) = truth.get_mut(&name_of(about))
        {
            let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
            events.push((text("lastTimestamp"), text("reason"), text("message")));
        }
    }
    let last = truth.into_iter().filter_map(|(name, events)| {
        let time = events.iter().map(|(time, ..)| time).max()?.clone();
        let last = events.into_iter().filter(|(at, ..)| *at == time);
        Some((name, last.map(|(_, reason, message)| (reason, message)).collect()))
    });
    last.collect()
}

fn version_of(snapshot: &Snapshot) -> Version {
    snapshot.server_version.as_deref().and_then(Version::named_by).unwrap()
}

#[test]
fn there_are_sixty_recordings_and_some_of_the_newest_release() {
    let recordings = recordings();
    assert!(recordings.len() >= 60);
    let newest = recordings.iter().filter(|path| version_of(&stripped(&load(path))) == Version::NEWEST).count();
    assert!(newest >= 8, "{newest}");
}

#[test]
fn pods_get_the_verdict_and_the_message_of_the_real_scheduler() {
    for path in recordings() {
        let recording = load(&path);
        let snapshot = stripped(&recording);
        let scheduler = Scheduler::new(&snapshot, version_of(&snapshot), SchedulerConfig::default());
        for ((namespace, name), (outcome, message)) in pods(&recording) {
            let pod = snapshot.pods.get(&namespace, &name).found().unwrap();
            let verdict = scheduler.judge(pod);
            let place = format!("{}: pod {namespace}/{name}", path.display());
            assert_eq!(verdict.outcome, outcome, "{place}");
            assert_eq!(verdict.message, message, "{place}");
        }
    }
}

#[test]
fn claims_get_the_event_of_the_real_controller() {
    for path in recordings() {
        let recording = load(&path);
        let snapshot = stripped(&recording);
        let controller = VolumeController::new(&snapshot);
        for ((namespace, name), wanted) in claims(&recording) {
            let claim = snapshot.claims.get(&namespace, &name).found().unwrap();
            let event = controller.judge(claim).event;
            let place = format!("{}: claim {namespace}/{name}", path.display());
            let event = event.unwrap_or_else(|| panic!("{place}: no event, but {wanted:?}"));
            let waits = "WaitForPodScheduled";
            let hit = wanted.contains(&(event.reason.to_owned(), event.message.clone()))
                || event.reason == waits && wanted.iter().any(|(reason, _)| reason == waits);
            assert!(hit, "{place}: {event:?}, but {wanted:?}");
        }
    }
}
