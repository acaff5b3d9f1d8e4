//! `pkg/controller/job`: as many pods at a time as are wanted. Pods are taken to run for ever.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::pods::{self, Called, first_to_go, from_template, set};
use crate::preflight::fields::{deleting, list, name_of, namespace_of, number, text, uid_of};
use crate::preflight::removal::delete_owned_pod;
use crate::preflight::state::State;
use crate::preflight::world::Key;

/// Tells the index of a pod of an indexed Job.
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// How many pods a Job has at a time: none while it is suspended.
pub(crate) fn desired(job: &Value) -> i64 {
    if job["spec"]["suspend"] == true {
        return 0;
    }
    let parallelism = number(job, "/spec/parallelism").unwrap_or(1).max(0);
    number(job, "/spec/completions").map_or(parallelism, |completions| completions.min(parallelism))
}

/// Makes the pods that are missing, or deletes those that are too many.
pub(super) fn sync(state: &mut State, key: &Key) -> bool {
    let Some(job) = state.world.get(&key.kind, key.namespace.as_deref(), &key.name) else { return false };
    if deleting(job) || finished(job) {
        return false;
    }
    let job = job.clone();
    let (namespace, uid) = (namespace_of(&job).to_owned(), uid_of(&job).to_owned());
    let done = number(&job, "/status/succeeded").unwrap_or(0);
    let left = number(&job, "/spec/completions").map_or(i64::MAX, |completions| completions - done);
    let wanted = usize::try_from(desired(&job).min(left)).unwrap_or(0);
    let pods = state.pods_of(&namespace, &uid);
    if pods.len() > wanted {
        let gone = first_to_go(state, &pods, &pods, pods.len() - wanted);
        gone.iter().for_each(|name| delete_owned_pod(state, &namespace, name));
        return true;
    }
    let taken: BTreeSet<String> = pods.iter().filter_map(|pod| pod.metadata.annotations.get(INDEX).cloned()).collect();
    let missing = wanted - pods.len();
    let indexed = text(&job, "/spec/completionMode") == "Indexed";
    let mut free = (0_usize..).filter(|index| !taken.contains(&index.to_string()));
    for made in 0..missing {
        let pod = pod(state, &job, free.next().filter(|_| indexed));
        if !pods::make(state, &uid, pod) {
            return made > 0;
        }
    }
    missing > 0
}

fn finished(job: &Value) -> bool {
    let ended = |condition: &Value| {
        matches!(condition["type"].as_str(), Some("Complete" | "Failed")) && condition["status"] == "True"
    };
    list(job, "/status/conditions").iter().any(ended)
}

fn pod(state: &mut State, job: &Value, index: Option<usize>) -> Value {
    let mut template = job["spec"]["template"].clone();
    let base = match index {
        Some(index) => {
            set(&mut template, &["metadata", "annotations", INDEX], json!(index.to_string()));
            set(&mut template, &["metadata", "labels", INDEX], json!(index.to_string()));
            set(&mut template, &["spec", "hostname"], json!(format!("{}-{index}", name_of(job))));
            format!("{}-{index}-", name_of(job))
        }
        None => format!("{}-", name_of(job)),
    };
    from_template(state, job, &template, &Called::Base(&base))
}
