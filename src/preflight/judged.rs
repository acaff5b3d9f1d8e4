//! What came of documents and workloads.

use std::collections::BTreeMap;

use serde_json::Value;

use super::controllers::{desired_of_daemon_set, desired_of_job, hash_of_daemon_set, newest_replica_set};
use super::dry_run::ServerResult;
use super::fields::{kind_of, name_of, namespace_of, number, text, uid_of};
use super::placement::Placement;
use super::server::Action;
use super::state::State;
use super::world::Key;
use crate::model::{ObjectRef, Pod};
use crate::scheduler::{Outcome, PodVerdict, Scheduler};
use crate::snapshot::Snapshot;

/// The kinds that make pods, and the pod.
pub(crate) const WORKLOADS: [&str; 7] =
    ["Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"];

/// kube-scheduler's message for a pod whose volumes are not there in time (`pkg/scheduler/framework/plugins/volumebinding`).
const NO_VOLUMES: &str = "running PreBind plugin \"VolumeBinding\": binding volumes: context deadline exceeded";
/// The message of a pod that has scheduling gates (`pkg/registry/core/pod/strategy.go`).
const GATED: &str = "Scheduling is blocked due to non-empty scheduling gates";

/// What came of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DocumentResult {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) key: Key,
    pub(crate) action: Action,
    /// `None` where that can't be known.
    pub(crate) admitted: Option<bool>,
    /// The server's words, or why it isn't known.
    pub(crate) message: Option<String>,
    /// What the server's words leave out.
    pub(crate) hint: Option<String>,
    pub(crate) warnings: Vec<String>,
    /// What the server itself said, where it was to be asked.
    pub(crate) server: Option<ServerResult>,
}

impl DocumentResult {
    /// Whether an object that exists is changed.
    pub(crate) fn updates(&self) -> bool {
        self.admitted == Some(true) && self.action == Action::Update
    }
}

/// What came of a workload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WorkloadResult {
    pub(crate) key: Key,
    pub(crate) desired: i64,
    /// Pods of the newest revision that exist.
    pub(crate) created: i64,
    pub(crate) placed: i64,
    /// Those of the placed ones that had no node before.
    pub(crate) more: i64,
    /// What most of the nodes lack that took pods of the workload, or of all nodes where none did.
    pub(crate) ended_by: Option<String>,
    /// The server's words to the controller, where pods are missing.
    pub(crate) refused: Option<String>,
    /// The scheduler's message for the first pod without a node.
    pub(crate) blocked: Option<String>,
    /// Why it can't be told what becomes of a pod.
    pub(crate) unknown: Option<String>,
    /// Whether the set's pods are only made anew when they are deleted (`OnDelete`), some are of an older template, and all
    /// of them run.
    pub(crate) on_delete: bool,
}

impl WorkloadResult {
    /// Whether every pod that is wanted is placed.
    pub(crate) fn fits(&self) -> bool {
        self.placed >= self.desired || self.on_delete
    }

    /// The object, for a diagnosis.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::other(&self.key.kind, self.key.namespace.as_deref().unwrap_or_default(), &self.key.name)
    }
}

/// The Job that a CronJob was given to see what its runs come to.
fn run_of<'s>(state: &'s State, key: &Key) -> Option<&'s Value> {
    let job = state.runs.get(key)?;
    state.world.get("Job", job.namespace.as_deref(), &job.name)
}

/// The pods that a workload is judged by: those of its newest revision, the first first.
fn pods<'s>(state: &'s State, object: &Value, key: &Key) -> Vec<&'s Pod> {
    let namespace = namespace_of(object);
    let owned = |uid: &str| state.pods_of(namespace, uid);
    match kind_of(object) {
        "Pod" => state.snapshot.pods.get(namespace, name_of(object)).found().map(|pod| &**pod).into_iter().collect(),
        "Deployment" => newest_replica_set(state, object).map_or_else(Vec::new, |set| owned(uid_of(&set))),
        "CronJob" => run_of(state, key).map_or_else(Vec::new, |job| owned(uid_of(job))),
        "StatefulSet" | "DaemonSet" => {
            let hash = hash_of_daemon_set(state, object);
            let mut pods = owned(uid_of(object));
            let newest = |pod: &Pod| pod.metadata.labels.get("controller-revision-hash") == Some(&hash);
            pods.retain(|pod| newest(pod));
            pods
        }
        _ => owned(uid_of(object)),
    }
}

fn desired(state: &State, object: &Value, key: &Key) -> i64 {
    match kind_of(object) {
        "Pod" => 1,
        "DaemonSet" => desired_of_daemon_set(state, object).and_then(|count| i64::try_from(count).ok()).unwrap_or(0),
        "Job" => desired_of_job(object),
        "CronJob" => run_of(state, key).map_or_else(|| desired_of_job(&object["spec"]["jobTemplate"]), desired_of_job),
        _ => number(object, "/spec/replicas").unwrap_or(1),
    }
}

/// The uid under which the server's words for missing pods are noted.
fn asked_by(state: &State, object: &Value, key: &Key) -> String {
    match kind_of(object) {
        "Deployment" => newest_replica_set(state, object).map(|set| uid_of(&set).to_owned()).unwrap_or_default(),
        "CronJob" => uid_of(run_of(state, key).unwrap_or(object)).to_owned(),
        _ => uid_of(object).to_owned(),
    }
}

/// The reason that most nodes give which took pods before, else most of all nodes.
fn ended_by(pods: &[&Pod], verdict: &PodVerdict) -> Option<String> {
    let took = |name: &str| pods.iter().any(|pod| pod.spec.node_name == name);
    let of = |taken: bool| {
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for node in verdict.nodes.iter().filter(|node| !taken || took(&node.name)) {
            node.texts().into_iter().for_each(|text| *reasons.entry(text.into_owned()).or_default() += 1);
        }
        reasons.into_iter().max_by_key(|(_, count)| *count).map(|(text, _)| text)
    };
    of(true).or_else(|| of(false))
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What came of a workload that is stored under this key.
pub(crate) fn workload(
    state: &State,
    before: &Snapshot,
    scheduler: &Scheduler<'_>,
    key: &Key,
) -> Option<WorkloadResult> {
    let object = state.world.get(&key.kind, key.namespace.as_deref(), &key.name)?;
    let pods = pods(state, object, key);
    let (desired, created) = (desired(state, object, key), count(pods.len()));
    let waiting: Vec<&&Pod> = pods.iter().filter(|pod| !pod.assigned()).collect();
    let verdict = waiting.first().map(|pod| scheduler.judge(pod));
    let unknown = verdict.as_ref().and_then(|verdict| match verdict.outcome {
        Outcome::OtherScheduler => Some("another scheduler decides about its pods".to_owned()),
        Outcome::Unknown => Some(verdict.unknown.join("; ")),
        _ => None,
    });
    let asker = asked_by(state, object, key);
    let refused = state.refused.get(&asker).filter(|_| created < desired);
    let doubted = state.doubted.get(&asker).or_else(|| state.doubted.get(uid_of(object)));
    let unknown = unknown.or_else(|| doubted.filter(|_| created < desired && refused.is_none()).cloned());
    let all = state.pods_of(namespace_of(object), uid_of(object));
    let on_delete = text(object, "/spec/updateStrategy/type") == "OnDelete"
        && count(all.len()) > created
        && count(all.iter().filter(|pod| pod.assigned()).count()) >= desired;
    let old = |pod: &Pod| {
        let known = before.pods.get(&pod.metadata.namespace, &pod.metadata.name).found();
        known.is_some_and(|known| known.assigned() && known.metadata.uid == pod.metadata.uid)
    };
    Some(WorkloadResult {
        key: key.clone(),
        desired,
        created,
        placed: created - count(waiting.len()),
        more: count(pods.iter().filter(|pod| pod.assigned() && !old(pod)).count()),
        ended_by: verdict.as_ref().and_then(|verdict| ended_by(&pods, verdict)),
        refused: refused.cloned(),
        blocked: verdict.and_then(|verdict| match (verdict.outcome, &verdict.placed) {
            (Outcome::SchedulingGated, _) => Some(GATED.to_owned()),
            (_, Some(_)) => Some(NO_VOLUMES.to_owned()),
            (_, None) => verdict.message.clone(),
        }),
        unknown,
        on_delete,
    })
}

/// Lets scheduler and controllers work until nothing changes any more; `false` where they would go on for ever.
pub(crate) fn settle(state: &mut State, placement: &mut Placement<'_>) -> bool {
    /// More than any rollout of the largest workloads takes.
    const ROUNDS: usize = 200_000;
    for _ in 0..ROUNDS {
        let mut changed = super::controllers::sync(state);
        changed |= super::volumes::sync(state);
        changed |= placement.pass(state);
        if !changed {
            return true;
        }
    }
    false
}
