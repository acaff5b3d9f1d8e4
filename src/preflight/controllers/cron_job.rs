//! `pkg/controller/cronjob`: one run of a CronJob, as if its time had come.

use serde_json::json;

use super::pods::set;
use crate::preflight::fields::{name_of, namespace_of, uid_of};
use crate::preflight::state::{Made, State, controlled_by};
use crate::preflight::world::Key;

/// Makes a Job from the template; the Job's words where the server refuses it are noted under the CronJob.
pub(crate) fn run_once(state: &mut State, key: &Key) {
    let Some(cron_job) = state.world.get(&key.kind, key.namespace.as_deref(), &key.name).cloned() else { return };
    let template = &cron_job["spec"]["jobTemplate"];
    let name = state.generate_name(&format!("{}-", name_of(&cron_job)));
    let mut job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": template["spec"] });
    for field in ["labels", "annotations"] {
        if let Some(value) = template.pointer(&format!("/metadata/{field}")) {
            set(&mut job, &["metadata", field], value.clone());
        }
    }
    set(&mut job, &["metadata", "name"], json!(name));
    set(&mut job, &["metadata", "namespace"], json!(namespace_of(&cron_job)));
    set(&mut job, &["metadata", "ownerReferences"], controlled_by(&cron_job));
    match state.make(job) {
        Made::Stored(job) => {
            state.runs.insert(key.clone(), job);
        }
        Made::Refused(message) => {
            state.refused.insert(uid_of(&cron_job).to_owned(), message);
        }
        Made::Unknown(why) => {
            state.doubted.insert(uid_of(&cron_job).to_owned(), why);
        }
    }
}
