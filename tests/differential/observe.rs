//! A cluster as the real control plane sees it once everything has settled.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use storagewhy::model::Kind;

use super::cluster::Cluster;
use super::configuration::EXTENDER;
use crate::support::api::{Api, Refusal, path_of};
use crate::support::control_plane::{ControlPlane, Service};

/// What happened to a cluster.
pub enum Outcome {
    /// All pods were judged on one state: every object of it, as a v1 List.
    Settled(Value),
    /// Something still moved after several rounds.
    Moving(String),
    /// The API server took an object for invalid.
    Refused(String),
}

/// A pod that is judged after all others, so that its condition says that they were judged.
pub const SENTINEL: &str = "judged-last";
const ROUNDS: usize = 5;
const QUIET: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the cluster, lets it settle, and has every pending pod judged once more.
pub fn observe(plane: &mut ControlPlane, cluster: &Cluster) -> Outcome {
    plane.wipe();
    if let Err(refusal) = fill(&plane.api, cluster) {
        return Outcome::Refused(refusal.to_string());
    }
    let (file, _extender) = configure(plane, cluster);
    quiet(&plane.api);
    let start = format!("scheduler start {file}");
    plane.tell(start.trim_end());
    if let Err(what) = judged(&plane.api) {
        return Outcome::Moving(what);
    }
    let mut what = String::new();
    let mut before = state(&plane.api);
    for _ in 0..ROUNDS {
        plane.tell("scheduler stop");
        forget(&plane.api);
        plane.tell(start.trim_end());
        if let Err(what) = judged(&plane.api) {
            return Outcome::Moving(what);
        }
        let list = dump(&plane.api);
        let after = state_of(&list);
        if after == before {
            plane.tell("scheduler stop");
            return Outcome::Settled(list);
        }
        what = difference(&before, &after);
        before = after;
    }
    Outcome::Moving(what)
}

fn fill(api: &Api, cluster: &Cluster) -> Result<(), Refusal> {
    let mut objects: Vec<Value> = cluster.objects.clone();
    let mut deleted = Vec::new();
    for object in &mut objects {
        if object["metadata"].as_object_mut().is_some_and(|meta| meta.remove("deletionTimestamp").is_some()) {
            deleted.push((Method::DELETE, path_of(object), None));
        }
    }
    objects.push(sentinel());
    api.create_all(&objects)?;
    for answer in api.many(&deleted) {
        if let Err(refusal) = answer
            && refusal.code != 404
        {
            return Err(refusal);
        }
    }
    Ok(())
}

/// It fails by several plugins, as some may be disabled.
fn sentinel() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": SENTINEL, "namespace": "default" },
        "spec": {
            "priorityClassName": "last", "nodeSelector": { "no": "node" }, "automountServiceAccountToken": false,
            "containers": [{ "name": "main", "image": "i", "resources": { "requests": { "cpu": "1k" } } }]
        }
    })
}

/// Writes the scheduler's configuration, and starts its extender.
fn configure(plane: &ControlPlane, cluster: &Cluster) -> (String, Option<Service>) {
    let Some(mut file) = cluster.configuration.file.clone() else { return (String::new(), None) };
    let extender = cluster.configuration.rules.as_ref().map(|rules| extender(plane, rules));
    if let Some((address, _)) = &extender {
        for entry in file["extenders"].as_array_mut().into_iter().flatten() {
            if entry["urlPrefix"] == EXTENDER {
                entry["urlPrefix"] = format!("http://{address}").into();
            }
        }
    }
    let path = plane.directory().join("scheduler-config.yaml");
    write(&path, &file);
    (path.display().to_string(), extender.map(|(_, service)| service))
}

fn extender(plane: &ControlPlane, rules: &Value) -> (String, Service) {
    let path = plane.directory().join("rules.json");
    write(&path, rules);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut command = plane.programs.command("control-plane");
    command.args(["extender", "--listen", &address, "--rules"]).arg(&path);
    (address, Service::start(command, &plane.directory().join("extender.log")).unwrap())
}

fn write(path: &Path, value: &Value) {
    std::fs::write(path, serde_json::to_vec_pretty(value).unwrap()).unwrap();
}

fn items(api: &Api, path: &str) -> Vec<Value> {
    api.get(path).unwrap()["items"].as_array().cloned().unwrap_or_default()
}

/// What changes while a cluster settles, with resource versions.
fn fingerprint(api: &Api) -> String {
    let paths = ["/api/v1/pods", "/api/v1/persistentvolumeclaims", "/api/v1/persistentvolumes"];
    let lists = api.many(&paths.map(|path| (Method::GET, path.to_owned(), None)));
    let versions = lists.into_iter().flat_map(|list| {
        let list = list.unwrap();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().map(|item| item["metadata"]["resourceVersion"].to_string())
    });
    versions.collect()
}

/// Waits until nothing has changed for a while.
fn quiet(api: &Api) {
    let end = Instant::now() + PATIENCE;
    let mut last = fingerprint(api);
    let mut since = Instant::now();
    while since.elapsed() < QUIET && Instant::now() < end {
        thread::sleep(Duration::from_millis(100));
        let now = fingerprint(api);
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}

/// Waits until the scheduler has judged every pod.
pub fn judged(api: &Api) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    let path = format!("/api/v1/namespaces/default/pods/{SENTINEL}");
    while !api.get(&path).is_ok_and(|pod| scheduled_condition(&pod).is_some()) {
        if Instant::now() > end {
            return Err("the scheduler did not judge the last pod".to_owned());
        }
        thread::sleep(Duration::from_millis(50));
    }
    quiet(api);
    Ok(())
}

/// A pod's PodScheduled condition.
pub fn scheduled_condition(pod: &Value) -> Option<&Value> {
    pod["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == "PodScheduled")
}

/// Whether a pod waits for a scheduler.
pub fn waits(pod: &Value) -> bool {
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    pod["spec"]["nodeName"].is_null() && !matches!(phase, "Succeeded" | "Failed")
}

/// Takes away what the scheduler and the PV controller said so far.
pub fn forget(api: &Api) {
    let mut requests = Vec::new();
    for mut pod in items(api, "/api/v1/pods") {
        if !waits(&pod) || scheduled_condition(&pod).is_none_or(|condition| condition["reason"] == "SchedulingGated") {
            continue;
        }
        pod["apiVersion"] = "v1".into();
        pod["kind"] = "Pod".into();
        let mut conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.retain(|condition| condition["type"] != "PodScheduled");
        let patch = json!({ "status": { "conditions": conditions } });
        requests.push((Method::PATCH, format!("{}/status", path_of(&pod)), Some(patch)));
    }
    for namespace in super::nodes::NAMESPACES {
        requests.push((Method::DELETE, format!("/api/v1/namespaces/{namespace}/events"), None));
    }
    for answer in api.many(&requests) {
        answer.unwrap();
    }
}

/// Every object that the tool reads, as a v1 List.
pub fn dump(api: &Api) -> Value {
    let mut list = Vec::new();
    for version in 0..3 {
        let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| kind.versions().len() > version).collect();
        let paths = kinds.iter().map(|kind| (Method::GET, list_path(*kind, version), None));
        for (kind, answer) in kinds.iter().zip(api.many(&paths.collect::<Vec<_>>())) {
            if list.iter().any(|(listed, _)| listed == kind) {
                continue;
            }
            if let Ok(answer) = answer {
                list.push((*kind, answer["items"].as_array().cloned().unwrap_or_default()));
            }
        }
    }
    let typed = list.into_iter().flat_map(|(kind, items)| {
        items.into_iter().map(move |mut item| {
            item["apiVersion"] = api_version(kind, 0).into();
            item["kind"] = kind.name().into();
            item["metadata"].as_object_mut().unwrap().remove("managedFields");
            item
        })
    });
    json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": typed.collect::<Vec<_>>() })
}

fn api_version(kind: Kind, version: usize) -> String {
    match kind.group() {
        "" => kind.versions()[version].to_owned(),
        group => format!("{group}/{}", kind.versions()[version]),
    }
}

fn list_path(kind: Kind, version: usize) -> String {
    let root = if kind.group().is_empty() { "api" } else { "apis" };
    format!("/{root}/{}/{}", api_version(kind, version), kind.plural())
}

/// What must be the same before and after a round: everything that verdicts depend on and that can change.
fn state(api: &Api) -> BTreeMap<String, Value> {
    state_of(&dump(api))
}

fn state_of(list: &Value) -> BTreeMap<String, Value> {
    let mut state = BTreeMap::new();
    for item in list["items"].as_array().into_iter().flatten() {
        let kind = item["kind"].as_str().unwrap_or_default();
        if kind == "Event" {
            continue;
        }
        let mut item = item.clone();
        item["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        if let Some(conditions) = item["status"]["conditions"].as_array_mut() {
            conditions.retain(|condition| condition["type"] != "PodScheduled");
            if conditions.is_empty() {
                item["status"].as_object_mut().unwrap().remove("conditions");
            }
        }
        state.insert(path_of(&item), item);
    }
    state
}

fn difference(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> String {
    let paths = before.keys().chain(after.keys());
    let mut changed: Vec<&str> =
        paths.filter(|path| before.get(*path) != after.get(*path)).map(String::as_str).collect();
    changed.sort_unstable();
    changed.dedup();
    changed.join(", ")
}
