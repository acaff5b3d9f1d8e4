//! Waits until a cluster is at rest, and every pod that waits was judged on what it is like then.

use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use crate::support::api::{Api, path_of};
use crate::support::control_plane::ControlPlane;

/// How long nothing may have changed.
const QUIET: Duration = Duration::from_millis(800);
/// The same after controllers were asked: that for Jobs takes its time.
pub const ASKED: Duration = Duration::from_millis(1400);
/// The same between two documents.
pub const SHORT: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(40);
/// Longer than autoscalers wait until they look again.
const SCALED: Duration = Duration::from_secs(24);
/// Longer than the scheduler waits for volumes.
const JUDGED: Duration = Duration::from_secs(20);
const ROUNDS: usize = 6;

/// What changes while a cluster settles.
const MOVING: [&str; 9] = [
    "/api/v1/pods",
    "/api/v1/persistentvolumeclaims",
    "/api/v1/persistentvolumes",
    "/api/v1/resourcequotas",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/apis/batch/v1/jobs",
];

/// The objects of a list.
pub fn items(api: &Api, path: &str) -> Vec<Value> {
    api.get(path).ok().and_then(|list| list["items"].as_array().cloned()).unwrap_or_default()
}

/// Waits until nothing has changed for a while, and no pod is on its way out.
pub fn quiet(api: &Api, during: Duration) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    let (mut last, mut since) = (fingerprint(api), Instant::now());
    while since.elapsed() < during {
        if Instant::now() > end {
            return Err("it does not come to rest".to_owned());
        }
        thread::sleep(Duration::from_millis(100));
        let now = fingerprint(api);
        if now != last || ending(api) {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}

fn ending(api: &Api) -> bool {
    items(api, "/api/v1/pods").iter().any(|pod| pod["metadata"]["deletionTimestamp"].is_string())
}

fn fingerprint(api: &Api) -> Vec<String> {
    let lists = api.many(&MOVING.map(|path| (Method::GET, path.to_owned(), None)));
    let items = lists.into_iter().flatten().flat_map(|list| list["items"].as_array().cloned().unwrap_or_default());
    items.map(|item| format!("{}{}", item["metadata"]["uid"], item["metadata"]["resourceVersion"])).collect()
}

/// Waits until nothing moves any more, with every controller that lacks pods asked once more, and every pod that waits
/// judged once more.
///
/// # Errors
/// What still moves.
pub fn settle(plane: &mut ControlPlane) -> Result<(), String> {
    let end = Instant::now() + SCALED;
    while scaling(&plane.api) && Instant::now() < end {
        thread::sleep(Duration::from_millis(200));
    }
    quiet(&plane.api, QUIET)?;
    let mut before = Vec::new();
    for _ in 0..ROUNDS {
        let (lacking, waiting) = (lacking(&plane.api), waiting(&plane.api));
        if lacking.is_empty() && waiting.is_empty() {
            return Ok(());
        }
        ask(&plane.api, &lacking);
        if !waiting.is_empty() {
            judge_again(plane)?;
        }
        quiet(&plane.api, ASKED)?;
        let after = state(&plane.api);
        if after == before {
            return Ok(());
        }
        before = after;
    }
    Err("it changes from round to round".to_owned())
}

/// Whether an autoscaler will change its target: what it refers to has more or fewer replicas than it allows.
fn scaling(api: &Api) -> bool {
    let outside = |scaler: &Value| {
        let (spec, namespace) = (&scaler["spec"], &scaler["metadata"]["namespace"]);
        let target = &spec["scaleTargetRef"];
        let reference = json!({ "apiVersion": "apps/v1", "kind": target["kind"],
            "metadata": { "namespace": namespace, "name": target["name"] } });
        if target["apiVersion"] != "apps/v1" {
            return false;
        }
        let object = api.get(&path_of(&reference)).unwrap_or_default();
        let replicas = object["spec"]["replicas"].as_i64().unwrap_or_default();
        let bounds = spec["minReplicas"].as_i64().unwrap_or(1)..=spec["maxReplicas"].as_i64().unwrap_or_default();
        replicas != 0 && !bounds.contains(&replicas)
    };
    items(api, "/apis/autoscaling/v2/horizontalpodautoscalers").iter().any(outside)
}

/// Pods without a node that a scheduler is to place.
pub fn waiting(api: &Api) -> Vec<Value> {
    let waits = |pod: &Value| {
        pod["spec"]["nodeName"].is_null()
            && pod["metadata"]["deletionTimestamp"].is_null()
            && pod["spec"]["schedulerName"] == "default-scheduler"
            && pod["spec"]["schedulingGates"].as_array().is_none_or(Vec::is_empty)
    };
    items(api, "/api/v1/pods").into_iter().filter(waits).collect()
}

/// Objects whose controllers have made fewer pods than they want.
fn lacking(api: &Api) -> Vec<Value> {
    let kinds = [
        ("apps/v1", "ReplicaSet", "/apis/apps/v1/replicasets"),
        ("apps/v1", "StatefulSet", "/apis/apps/v1/statefulsets"),
        ("apps/v1", "DaemonSet", "/apis/apps/v1/daemonsets"),
        ("batch/v1", "Job", "/apis/batch/v1/jobs"),
    ];
    let all = kinds.into_iter().flat_map(|(version, kind, path)| {
        items(api, path).into_iter().map(move |mut item| {
            item["apiVersion"] = version.into();
            item["kind"] = kind.into();
            item
        })
    });
    let number = |item: &Value, pointer: &str| item.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    all.filter(|item| match item["kind"].as_str() {
        Some("DaemonSet") => {
            let wanted = number(item, "/status/desiredNumberScheduled");
            wanted > number(item, "/status/currentNumberScheduled")
                || wanted > number(item, "/status/updatedNumberScheduled")
        }
        Some("Job") => number(item, "/spec/parallelism") > number(item, "/status/active"),
        _ => {
            let wanted = number(item, "/spec/replicas");
            wanted > number(item, "/status/replicas") || wanted > number(item, "/status/readyReplicas")
        }
    })
    .collect()
}

/// Changes an annotation, so that the controller looks at the object at once whatever its back-off says.
fn ask(api: &Api, objects: &[Value]) {
    let now = format!("{:?}", Instant::now());
    let patch = json!({ "metadata": { "annotations": { "test.storagewhy.dev/asked": now } } });
    let requests: Vec<_> = objects.iter().map(|object| (Method::PATCH, path_of(object), Some(patch.clone()))).collect();
    api.many(&requests);
}

/// A pod's PodScheduled condition.
pub fn scheduled_condition(pod: &Value) -> Option<&Value> {
    pod["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == "PodScheduled")
}

/// Starts the scheduler anew, and waits until it has judged every pod that waits.
fn judge_again(plane: &mut ControlPlane) -> Result<(), String> {
    plane.tell("scheduler stop");
    let forget = waiting(&plane.api).into_iter().filter_map(|mut pod| {
        scheduled_condition(&pod)?;
        pod["apiVersion"] = "v1".into();
        pod["kind"] = "Pod".into();
        let mut conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.retain(|condition| condition["type"] != "PodScheduled");
        let patch = json!({ "status": { "conditions": conditions } });
        Some((Method::PATCH, format!("{}/status", path_of(&pod)), Some(patch)))
    });
    let requests: Vec<_> = forget.collect();
    plane.api.many(&requests);
    plane.tell("scheduler start");
    let end = Instant::now() + JUDGED;
    while waiting(&plane.api).iter().any(|pod| scheduled_condition(pod).is_none()) {
        if Instant::now() > end {
            return Err("the scheduler does not judge a pod".to_owned());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// What must be the same from round to round: who is where, and what is bound.
fn state(api: &Api) -> Vec<String> {
    let pods = items(api, "/api/v1/pods").into_iter().map(|pod| {
        let message = scheduled_condition(&pod).map(|condition| condition["message"].clone());
        let meta = &pod["metadata"];
        format!(
            "{} {} {} {}",
            meta["uid"],
            pod["spec"]["nodeName"],
            meta["deletionTimestamp"],
            message.unwrap_or_default()
        )
    });
    let claims = items(api, "/api/v1/persistentvolumeclaims").into_iter();
    let claims = claims.map(|claim| format!("{} {}", claim["metadata"]["uid"], claim["status"]["phase"]));
    pods.chain(claims).collect()
}
