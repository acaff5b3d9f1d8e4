//! What the search for repairs finds, held against what the tests know by themselves.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};
use storagewhy::diagnosis::{Change, Finding, Options, Remedy, Scope, Severity, Trial};
use storagewhy::engine::diagnose;
use storagewhy::model::{Kind, ObjectRef, Pod, Version};
use storagewhy::scheduler::{Outcome, Scheduler, SchedulerConfig};
use storagewhy::snapshot::{Edit, Snapshot};

use crate::cases::{fixtures, load, yaml_files};

/// A folder with more recordings.
const RECORDINGS: &str = "STORAGEWHY_RECORDINGS";
/// Clusters with more nodes are left out of what tries every change.
const SMALL: usize = 8;
/// Where there are more changes of one field, pairs of them are left out.
const PAIRED: usize = 60;
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

fn recordings() -> Vec<PathBuf> {
    let folder = std::env::var_os(RECORDINGS).map_or_else(|| fixtures().join("recorded"), PathBuf::from);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn rule_fixtures() -> Vec<PathBuf> {
    let rules = std::fs::read_dir(fixtures().join("rules")).unwrap();
    rules.flat_map(|rule| yaml_files(&rule.unwrap().path())).collect()
}

/// A cluster with what is found in it.
struct Judged {
    path: PathBuf,
    snapshot: Snapshot,
    findings: Vec<Finding>,
}

fn judged(paths: impl IntoIterator<Item = PathBuf>) -> Vec<Judged> {
    let judge = |path: PathBuf| {
        let snapshot = load(&path);
        let findings = diagnose(&snapshot, &Scope::default(), &Options::default()).findings;
        Judged { path, snapshot, findings }
    };
    paths.into_iter().map(judge).collect()
}

/// The recordings, judged once for all tests.
static RECORDED: LazyLock<Vec<Judged>> = LazyLock::new(|| judged(recordings()));
/// The fixtures of the rules.
static BY_HAND: LazyLock<Vec<Judged>> = LazyLock::new(|| judged(rule_fixtures()));

/// Whether a change can lose data: a claim or a volume that goes, a claim with a volume that is made anew, and a pod that
/// is stopped and not made again.
fn loses(snapshot: &Snapshot, change: &Change) -> bool {
    match change {
        Change::Delete { kind: Kind::PersistentVolume | Kind::Pod, .. } => true,
        Change::Delete { kind: Kind::PersistentVolumeClaim, namespace, name }
        | Change::Remake { kind: Kind::PersistentVolumeClaim, namespace, name, .. } => {
            snapshot.claims.get(namespace, name).found().is_some_and(|claim| claim.fully_bound())
        }
        _ => false,
    }
}

#[test]
fn no_first_repair_loses_data_where_another_works() {
    let mut tried = 0;
    for Judged { path, snapshot, findings } in RECORDED.iter().chain(&*BY_HAND) {
        for finding in findings {
            let loses = |remedy: &Remedy| {
                remedy.steps.iter().filter_map(|step| step.change.as_ref()).any(|change| loses(snapshot, change))
            };
            let works: Vec<&Remedy> =
                finding.remedies.iter().filter(|remedy| remedy.trial == Trial::Schedules).collect();
            let Some((first, others)) = works.split_first() else { continue };
            tried += 1;
            let safer = others.iter().find(|remedy| !loses(remedy));
            assert!(!loses(first) || safer.is_none(), "{}: {}: {}", path.display(), finding.id, first.title);
        }
    }
    assert!(tried > 50, "only {tried} repairs were looked at");
}

#[test]
fn what_is_deleted_is_kept_first() {
    for Judged { path, findings, .. } in RECORDED.iter().chain(&*BY_HAND) {
        for remedy in findings.iter().flat_map(|finding| &finding.remedies) {
            let changes: Vec<&Change> = remedy.steps.iter().filter_map(|step| step.change.as_ref()).collect();
            for (at, change) in changes.iter().enumerate() {
                let Change::Delete { kind, namespace, name } = change else { continue };
                let keep = Change::Keep { kind: *kind, namespace: namespace.clone(), name: name.clone() };
                assert!(changes[..at].contains(&&keep), "{}: {}: {kind} {name}", path.display(), remedy.title);
            }
        }
    }
}

/// A change of one field that the test lists by itself, as a person might think of it.
struct Single {
    what: String,
    edit: Edit,
}

fn single(kind: Kind, object: &Value, operations: &Value) -> Single {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let what = format!("{kind} {}: {operations}", text("name"));
    let edit = Edit::Patch { kind, namespace: text("namespace"), name: text("name"), operations: operations.clone() };
    Single { what, edit }
}

fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn keys(object: &Value, pointer: &str) -> Vec<String> {
    object.pointer(pointer).and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

fn length(object: &Value, pointer: &str) -> usize {
    object.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len)
}

/// What a plugin reads of a pod and its owner may change: selectors, affinities, spreading, ports, requests, tolerations.
fn of_pod(pod: &Value, taints: &BTreeSet<(String, String, String)>) -> Vec<Single> {
    let mut edits = Vec::new();
    let mut remove = |path: String| edits.push(single(Kind::Pod, pod, &json!([{"op": "remove", "path": path}])));
    if pod.pointer("/spec/runtimeClassName").is_none_or(Value::is_null) {
        keys(pod, "/spec/nodeSelector").iter().for_each(|key| remove(format!("/spec/nodeSelector/{}", token(key))));
    }
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    if pod.pointer(&format!("/spec/affinity/nodeAffinity/{required}")).is_some_and(Value::is_object) {
        remove(format!("/spec/affinity/nodeAffinity/{required}"));
    }
    for list in ["/spec/affinity/podAffinity", "/spec/affinity/podAntiAffinity"] {
        (0..length(pod, &format!("{list}/{required}"))).for_each(|at| remove(format!("{list}/{required}/{at}")));
    }
    (0..length(pod, "/spec/topologySpreadConstraints"))
        .for_each(|at| remove(format!("/spec/topologySpreadConstraints/{at}")));
    for at in 0..length(pod, "/spec/containers") {
        for port in 0..length(pod, &format!("/spec/containers/{at}/ports")) {
            remove(format!("/spec/containers/{at}/ports/{port}/hostPort"));
        }
    }
    for (key, value, effect) in taints {
        let toleration = json!({"key": key, "operator": "Equal", "value": value, "effect": effect});
        let (path, value) = match length(pod, "/spec/tolerations") {
            0 => ("/spec/tolerations", json!([toleration])),
            _ => ("/spec/tolerations/-", toleration),
        };
        edits.push(single(Kind::Pod, pod, &json!([{"op": "add", "path": path, "value": value}])));
    }
    edits
}

/// Nodes that were closed by hand, and labels that people give them.
fn of_node(node: &Value, wanted: &BTreeSet<(String, String)>) -> Vec<Single> {
    let mut edits = Vec::new();
    for (at, taint) in node.pointer("/spec/taints").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if ours(taint["key"].as_str().unwrap_or_default()) {
            edits.push(single(Kind::Node, node, &json!([{"op": "remove", "path": format!("/spec/taints/{at}")}])));
        }
    }
    if node.pointer("/spec/unschedulable") == Some(&json!(true)) {
        let kept: Vec<Value> = node.pointer("/spec/taints").and_then(Value::as_array).cloned().unwrap_or_default();
        let kept: Vec<Value> =
            kept.into_iter().filter(|taint| taint["key"] != "node.kubernetes.io/unschedulable").collect();
        let operations = json!([{"op": "replace", "path": "/spec/unschedulable", "value": false},
            {"op": "add", "path": "/spec/taints", "value": kept}]);
        edits.push(single(Kind::Node, node, &operations));
    }
    for (key, value) in wanted.iter().filter(|(key, _)| ours(key) && !key.starts_with("topology.")) {
        let path = format!("/metadata/labels/{}", token(key));
        edits.push(single(Kind::Node, node, &json!([{"op": "add", "path": path, "value": value}])));
    }
    edits
}

/// Whether a label or taint is people's own, and not Kubernetes' word for what a node is.
fn ours(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    !domain.ends_with("kubernetes.io") && !domain.ends_with("k8s.io") && !key.contains("not-ready")
}

/// What is read of a claim that holds nothing and that nobody makes again: its class, size, modes, selector and volume.
fn of_claim(snapshot: &Snapshot, claim: &Value) -> Vec<Single> {
    let text = |field: &str| claim["metadata"][field].as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (text("namespace"), text("name"));
    let holds = |pod: &Pod| pod.assigned() && pod.names_claim(&name);
    let held = snapshot.pods.in_namespace(&namespace).iter().any(|pod| holds(pod));
    let read = snapshot.claims.get(&namespace, &name).found().unwrap();
    let own =
        read.metadata.controller().is_none() && read.metadata.finalizers.iter().all(|one| one.contains("pvc-pro"));
    if held || !own || read.fully_bound() || read.metadata.deleting() {
        return Vec::new();
    }
    let mut edits = Vec::new();
    let mut one = |operation: Value| edits.push(single(Kind::PersistentVolumeClaim, claim, &json!([operation])));
    for field in ["volumeName", "selector"] {
        if claim["spec"].get(field).is_some_and(|value| !value.is_null() && value != "") {
            one(json!({"op": "remove", "path": format!("/spec/{field}")}));
        }
    }
    let annotations = "/metadata/annotations";
    if claim.pointer(annotations).and_then(|map| map.get(SELECTED_NODE)).is_some() {
        one(json!({"op": "remove", "path": format!("{annotations}/{}", token(SELECTED_NODE))}));
    }
    let makes = |provisioner: &str| snapshot.csi_drivers.get("", provisioner).found().is_some();
    for class in snapshot.classes.seen().iter().filter(|class| makes(&class.provisioner)) {
        one(json!({"op": "add", "path": "/spec/storageClassName", "value": class.metadata.name}));
    }
    let free = snapshot.volumes.seen().iter().filter(|volume| volume.spec.claim_ref.is_none());
    for volume in free {
        one(json!({"op": "add", "path": "/spec/storageClassName", "value": volume.class()}));
        one(json!({"op": "add", "path": "/spec/accessModes", "value": volume.spec.access_modes}));
        let size = volume.capacity().map(ToString::to_string).unwrap_or_default();
        one(json!({"op": "add", "path": "/spec/resources", "value": {"requests": {"storage": size}}}));
    }
    edits
}

/// Volumes' classes, labels and references, as claims of the victim ask for them.
fn of_volume(volume: &Value, claims: &[Value]) -> Vec<Single> {
    let bound = volume.pointer("/spec/claimRef").is_some_and(Value::is_object);
    if bound {
        return Vec::new();
    }
    let classes: BTreeSet<&str> =
        claims.iter().filter_map(|claim| claim["spec"]["storageClassName"].as_str()).collect();
    let class = |class: &&str| {
        single(
            Kind::PersistentVolume,
            volume,
            &json!([{"op": "add", "path": "/spec/storageClassName", "value": class}]),
        )
    };
    classes.iter().map(class).collect()
}

fn all_json(snapshot: &Snapshot, kind: Kind, names: impl IntoIterator<Item = (String, String)>) -> Vec<Value> {
    names.into_iter().filter_map(|(namespace, name)| snapshot.to_json(kind, &namespace, &name)).collect()
}

fn every_single(snapshot: &Snapshot, pod: &ObjectRef) -> Vec<Single> {
    let victim = snapshot.to_json(Kind::Pod, &pod.namespace, &pod.name).unwrap();
    let name = |name: &str| (String::new(), name.to_owned());
    let nodes = all_json(snapshot, Kind::Node, snapshot.nodes.seen().iter().map(|node| name(&node.metadata.name)));
    let volumes =
        all_json(snapshot, Kind::PersistentVolume, snapshot.volumes.seen().iter().map(|one| name(&one.metadata.name)));
    let read = snapshot.pods.get(&pod.namespace, &pod.name).found().unwrap();
    let claims = read.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.name));
    let claims = all_json(snapshot, Kind::PersistentVolumeClaim, claims.map(|claim| (pod.namespace.clone(), claim)));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let taints = nodes.iter().filter_map(|node| node.pointer("/spec/taints")?.as_array()).flatten();
    let taints = taints.filter(|taint| ours(taint["key"].as_str().unwrap_or_default()));
    let taints = taints.map(|taint| (text(&taint["key"]), text(&taint["value"]), text(&taint["effect"]))).collect();
    let selector = victim.pointer("/spec/nodeSelector").and_then(Value::as_object);
    let wanted = selector.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect();
    let mut edits = of_pod(&victim, &taints);
    edits.extend(nodes.iter().flat_map(|node| of_node(node, &wanted)));
    edits.extend(volumes.iter().flat_map(|volume| of_volume(volume, &claims)));
    edits.extend(claims.iter().flat_map(|claim| of_claim(snapshot, claim)));
    edits
}

/// The fields that a repair changes.
fn changes(remedy: &Remedy) -> usize {
    let of = |change: &Change| match change {
        Change::JsonPatch { operations, .. }
        | Change::Remake { operations, .. }
        | Change::RemakeSet { operations, .. } => {
            let paths = operations.as_array().unwrap().iter().filter_map(|one| one["path"].as_str());
            paths.map(|path| path.rsplit('/').next().unwrap()).collect::<BTreeSet<_>>().len()
        }
        Change::Keep { .. } | Change::RecreatePods { .. } => 0,
        _ => 1,
    };
    remedy.steps.iter().filter_map(|step| step.change.as_ref()).map(of).sum()
}

fn lets_run(snapshot: &Snapshot, pod: &ObjectRef, edits: &[&Edit]) -> bool {
    let mut state = snapshot.clone();
    if edits.iter().any(|edit| state.edit(edit).is_err()) {
        return false;
    }
    let version = state.server_version.as_ref().and_then(|version| version.parse().ok()).unwrap_or(Version::NEWEST);
    let scheduler = Scheduler::new(&state, version, SchedulerConfig::default());
    let fits = |pod: &Pod| scheduler.judge(pod).outcome == Outcome::Schedulable;
    let waits = |other: &Pod| !other.assigned() && !other.finished() && !other.metadata.deleting();
    let others = state.pods.seen().iter().filter(|other| other.metadata.name != pod.name && waits(other));
    fits(state.pods.get(&pod.namespace, &pod.name).found().unwrap()) && !others.into_iter().any(|other| fits(other))
}

/// Findings about one pod without a controller that no node takes and that shares its claims with no other that waits:
/// which of them then gets the claim is the scheduler's choice.
fn alone<'f>(snapshot: &Snapshot, finding: &'f Finding) -> Option<&'f ObjectRef> {
    let mut victims = finding.victims();
    let pod = victims.next().filter(|_| victims.next().is_none() && finding.severity == Severity::Error)?;
    let read = snapshot.pods.get(&pod.namespace, &pod.name).found().filter(|_| pod.kind == Kind::Pod.name())?;
    let claims = |pod: &Pod| -> Vec<String> {
        pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name)).collect()
    };
    let own = claims(read);
    let mut others = snapshot.pods.in_namespace(&pod.namespace).iter().filter(|other| !other.assigned());
    if others.any(|other| other.metadata.name != pod.name && claims(other).iter().any(|claim| own.contains(claim))) {
        return None;
    }
    (!read.assigned() && read.metadata.controller().is_none() && read.metadata.finalizers.is_empty()).then_some(pod)
}

/// Every change of one field that the test knows is tried, and every pair of them: where one works, and no other pod takes
/// the room, no repair is offered that changes more.
#[test]
fn no_smaller_repair_is_missed() {
    let (mut looked_at, mut paired) = (0, 0);
    for Judged { path, snapshot, findings } in RECORDED.iter().filter(|one| one.snapshot.nodes.seen().len() <= SMALL) {
        for finding in findings {
            let Some(pod) = alone(snapshot, finding) else { continue };
            let works = |remedy: &&Remedy| remedy.trial == Trial::Schedules;
            let Some(fewest) = finding.remedies.iter().filter(works).map(changes).min() else { continue };
            looked_at += 1;
            if fewest == 1 {
                continue;
            }
            let singles = every_single(snapshot, pod);
            for Single { what, edit } in &singles {
                assert!(!lets_run(snapshot, pod, &[edit]), "{}: {}: {what}", path.display(), finding.id);
            }
            if fewest == 2 || singles.len() > PAIRED {
                continue;
            }
            paired += 1;
            for (at, one) in singles.iter().enumerate() {
                for other in &singles[at + 1..] {
                    let works = lets_run(snapshot, pod, &[&other.edit, &one.edit]);
                    assert!(!works, "{}: {}: {} and {}", path.display(), finding.id, one.what, other.what);
                }
            }
        }
    }
    assert!(looked_at > 5, "only {looked_at} repairs were looked at");
    assert!(paired > 1, "pairs were tried for only {paired} repairs");
}
