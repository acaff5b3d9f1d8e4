//! What became of manifests, as the cluster shows it once it is at rest.

use std::collections::BTreeSet;

use serde_json::Value;

use super::kubectl::Applied;
use super::settle::{items, scheduled_condition};
use crate::support::api::Api;

/// Kinds that make pods, and the pod.
const WORKLOADS: [&str; 7] = ["Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"];

/// What became of a document.
#[derive(Clone, Debug)]
pub struct DocumentTruth {
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
    pub applied: Applied,
}

/// What became of a workload.
#[derive(Clone, Debug)]
pub struct WorkloadTruth {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub desired: i64,
    pub created: i64,
    pub placed: i64,
    /// The newest words of the server to the controller, where pods are missing.
    pub refused: BTreeSet<String>,
    /// What the scheduler says of pods without a node.
    pub blocked: BTreeSet<String>,
    /// Whether all it lacks is that its old pods were deleted.
    on_delete: bool,
}

/// What became of a claim.
#[derive(Clone, Debug)]
pub struct ClaimTruth {
    pub namespace: String,
    pub name: String,
    /// What it is compared under: its own name, or that of all claims of a template whose pods come at once, of which
    /// those are bound that the provisioner comes to first.
    pub among: String,
    pub bound: bool,
}

/// What became of everything.
#[derive(Clone, Debug)]
pub struct Truth {
    pub fits: bool,
    pub documents: Vec<DocumentTruth>,
    pub workloads: Vec<WorkloadTruth>,
    pub claims: Vec<ClaimTruth>,
    /// What was deleted because it was asked for, by kind, namespace and name.
    pub gone: BTreeSet<String>,
    /// Where every pod is, for people.
    pub places: Vec<String>,
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}

/// The lists that the truth is read from.
struct Lists {
    pods: Vec<Value>,
    sets: Vec<Value>,
    revisions: Vec<Value>,
    jobs: Vec<Value>,
    events: Vec<Value>,
    claims: Vec<Value>,
    classes: Vec<Value>,
}

impl Lists {
    fn read(api: &Api) -> Self {
        Self {
            pods: items(api, "/api/v1/pods"),
            sets: items(api, "/apis/apps/v1/replicasets"),
            revisions: items(api, "/apis/apps/v1/controllerrevisions"),
            jobs: items(api, "/apis/batch/v1/jobs"),
            events: items(api, "/api/v1/events"),
            claims: items(api, "/api/v1/persistentvolumeclaims"),
            classes: items(api, "/apis/storage.k8s.io/v1/storageclasses"),
        }
    }

    /// The pods of a controller that aren't on their way out.
    fn pods_of(&self, uid: &str) -> Vec<&Value> {
        let own = |pod: &&Value| owned(pod, uid) && pod["metadata"]["deletionTimestamp"].is_null();
        self.pods.iter().filter(own).collect()
    }

    fn claim(&self, namespace: &str, name: &str) -> Option<&Value> {
        let same =
            |claim: &&Value| text(claim, "/metadata/namespace") == namespace && text(claim, "/metadata/name") == name;
        self.claims.iter().find(same)
    }

    /// Whether a claim is bound, or waits for its first consumer.
    fn provided(&self, claim: &Value) -> bool {
        let class = text(claim, "/spec/storageClassName");
        let class = self.classes.iter().find(|other| text(other, "/metadata/name") == class);
        text(claim, "/status/phase") == "Bound"
            || class.is_some_and(|class| text(class, "/volumeBindingMode") == "WaitForFirstConsumer")
    }
}

fn owned(object: &Value, uid: &str) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().any(|owner| owner["controller"] == true && owner["uid"] == uid)
}

/// An object, in words.
pub fn told(object: &Value) -> String {
    let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    format!("{} {namespace}/{name}", text(object, "/kind"))
}

/// Reads what became of documents, and of what was asked to be gone.
pub fn truth(api: &Api, documents: Vec<DocumentTruth>, gone: &[Value]) -> Truth {
    let lists = Lists::read(api);
    let mut seen = BTreeSet::new();
    let (mut workloads, mut claims) = (Vec::new(), Vec::new());
    let admitted = documents.iter().filter(|document| document.applied.refused.is_none());
    for document in admitted.filter(|one| seen.insert((&one.kind, &one.namespace, &one.name))) {
        let namespace = document.namespace.clone().unwrap_or_default();
        if document.kind == "PersistentVolumeClaim" {
            claims.extend(lists.claim(&namespace, &document.name).map(|claim| (claim, true, false)));
        }
        if !WORKLOADS.contains(&document.kind.as_str()) {
            continue;
        }
        let path = format!("{}/{}", super::play::collection_of(&document.kind, &namespace), document.name);
        if document.kind == "Pod" {
            workloads.push(pod(&lists, &namespace, &document.name));
        } else if let Ok(object) = api.get(&path) {
            workloads.push(workload(&lists, &document.kind, &object));
            let at_once = object["spec"]["podManagementPolicy"] == "Parallel";
            claims.extend(templates(&lists, &object).into_iter().map(|claim| (claim, false, at_once)));
        }
    }
    let stuck = claims.iter().any(|(claim, own, _)| *own && !lists.provided(claim));
    let fits = documents.iter().all(|document| document.applied.refused.is_none())
        && workloads.iter().all(|one| one.placed >= one.desired || one.on_delete)
        && !stuck;
    let among = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let claims = claims.into_iter().map(|(claim, _, at_once)| ClaimTruth {
        namespace: text(claim, "/metadata/namespace").to_owned(),
        name: text(claim, "/metadata/name").to_owned(),
        among: if at_once { among(text(claim, "/metadata/name")) } else { text(claim, "/metadata/name").to_owned() },
        bound: text(claim, "/status/phase") == "Bound",
    });
    let place = |pod: &Value| {
        let end = if pod["metadata"]["deletionTimestamp"].is_null() { "" } else { " (ending)" };
        format!("{} {}{end}", text(pod, "/metadata/name"), text(pod, "/spec/nodeName"))
    };
    let places = lists.pods.iter().map(place).collect();
    let gone = gone.iter().map(told).collect();
    Truth { fits, claims: claims.collect(), gone, documents, workloads, places }
}

fn pod(lists: &Lists, namespace: &str, name: &str) -> WorkloadTruth {
    let same = |pod: &&Value| text(pod, "/metadata/namespace") == namespace && text(pod, "/metadata/name") == name;
    let pods: Vec<&Value> = lists.pods.iter().filter(same).collect();
    result(("Pod", namespace, name), 1, &pods, BTreeSet::new(), false)
}

fn workload(lists: &Lists, kind: &str, object: &Value) -> WorkloadTruth {
    let (uid, name) = (text(object, "/metadata/uid"), text(object, "/metadata/name"));
    let all = lists.pods_of(uid);
    let (asker, pods, desired) = match kind {
        "Deployment" => {
            let set = newest(lists, object);
            let pods = set.map(|set| lists.pods_of(text(set, "/metadata/uid"))).unwrap_or_default();
            (set, pods, number(object, "/spec/replicas").unwrap_or(1))
        }
        "StatefulSet" => {
            let newest = of_revision(&all, text(object, "/status/updateRevision"));
            (Some(object), newest, number(object, "/spec/replicas").unwrap_or(1))
        }
        "DaemonSet" => {
            let newest = of_revision(&all, newest_hash(lists, uid));
            (Some(object), newest, number(object, "/status/desiredNumberScheduled").unwrap_or(0))
        }
        "CronJob" => {
            let job = lists.jobs.iter().find(|job| owned(job, uid));
            let pods = job.map(|job| lists.pods_of(text(job, "/metadata/uid"))).unwrap_or_default();
            let template = &object["spec"]["jobTemplate"];
            (Some(job.unwrap_or(object)), pods, of_job(job.unwrap_or(template)))
        }
        "Job" => (Some(object), all.clone(), of_job(object)),
        _ => (Some(object), all.clone(), number(object, "/spec/replicas").unwrap_or(1)),
    };
    let refused = asker.map(|asker| refusals(lists, text(asker, "/metadata/uid"))).unwrap_or_default();
    let placed = all.iter().filter(|pod| pod["spec"]["nodeName"].is_string()).count();
    let on_delete =
        text(object, "/spec/updateStrategy/type") == "OnDelete" && all.len() > pods.len() && count(placed) >= desired;
    result((kind, text(object, "/metadata/namespace"), name), desired, &pods, refused, on_delete)
}

/// What a Job wants at a time: nothing while it is suspended.
fn of_job(job: &Value) -> i64 {
    if job["spec"]["suspend"] == true {
        return 0;
    }
    let parallelism = number(job, "/spec/parallelism").unwrap_or(1);
    number(job, "/spec/completions").map_or(parallelism, |completions| completions.min(parallelism))
}

/// The ReplicaSet with the Deployment's template.
fn newest<'l>(lists: &'l Lists, deployment: &Value) -> Option<&'l Value> {
    let uid = text(deployment, "/metadata/uid");
    lists.sets.iter().filter(|set| owned(set, uid)).find(|set| {
        let mut template = set["spec"]["template"].clone();
        template["metadata"]["labels"].as_object_mut().unwrap().remove("pod-template-hash");
        template == deployment["spec"]["template"]
    })
}

fn newest_hash<'l>(lists: &'l Lists, uid: &str) -> &'l str {
    let own = lists.revisions.iter().filter(|revision| owned(revision, uid));
    let newest = own.max_by_key(|revision| number(revision, "/revision"));
    newest.map_or("", |revision| text(revision, "/metadata/labels/controller-revision-hash"))
}

fn of_revision<'l>(pods: &[&'l Value], revision: &str) -> Vec<&'l Value> {
    let label = "/metadata/labels/controller-revision-hash";
    pods.iter().copied().filter(|pod| text(pod, label) == revision).collect()
}

fn result(
    (kind, namespace, name): (&str, &str, &str),
    desired: i64,
    pods: &[&Value],
    refused: BTreeSet<String>,
    on_delete: bool,
) -> WorkloadTruth {
    let placed = pods.iter().filter(|pod| pod["spec"]["nodeName"].is_string()).count();
    let open = pods.iter().filter(|pod| pod["spec"]["nodeName"].is_null());
    let blocked = open.filter_map(|pod| scheduled_condition(pod)?["message"].as_str().map(str::to_owned));
    let created = count(pods.len());
    WorkloadTruth {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        desired,
        created,
        placed: count(placed),
        refused: if created < desired { refused } else { BTreeSet::new() },
        blocked: blocked.collect(),
        on_delete,
    }
}

/// The newest FailedCreate texts about an object, cut down to the server's part.
fn refusals(lists: &Lists, uid: &str) -> BTreeSet<String> {
    let about = |event: &&Value| text(event, "/involvedObject/uid") == uid && text(event, "/reason") == "FailedCreate";
    let own: Vec<&Value> = lists.events.iter().filter(about).collect();
    let Some(last) = own.iter().map(|event| text(event, "/lastTimestamp")).max() else { return BTreeSet::new() };
    let newest = own.iter().filter(|event| text(event, "/lastTimestamp") == last);
    newest.map(|event| of_server(text(event, "/message")).to_owned()).collect()
}

/// What stands behind the controller's own words.
pub fn of_server(message: &str) -> &str {
    let rest = ["Error creating: ", " failed error: "].iter().find_map(|before| message.split_once(before));
    let rest = rest.map_or(message, |(_, rest)| rest);
    match rest.strip_prefix("failed to create PVC ").and_then(|rest| rest.split_once(": ")) {
        Some((_, rest)) => rest,
        None => rest,
    }
}

/// The claims of a StatefulSet's ordinals.
fn templates<'l>(lists: &'l Lists, object: &Value) -> Vec<&'l Value> {
    let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    let start = number(object, "/spec/ordinals/start").unwrap_or(0);
    let ordinals = start..start + number(object, "/spec/replicas").unwrap_or(1);
    let templates = object["spec"]["volumeClaimTemplates"].as_array().cloned().unwrap_or_default();
    let names = templates.iter().flat_map(|template| {
        let template = text(template, "/metadata/name").to_owned();
        ordinals.clone().map(move |ordinal| format!("{template}-{name}-{ordinal}"))
    });
    names.filter_map(|claim| lists.claim(namespace, &claim)).collect()
}
