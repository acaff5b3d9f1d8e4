//! Defaults of the kinds that make pods (`pkg/apis/apps/v1/defaults.go`, `pkg/apis/batch/v1/defaults.go`).

use serde_json::{Value, json};

use super::super::json::{at, default, empty, list_mut, set, text};
use super::{pod, storage};

pub(super) fn deployment(object: &mut Value) {
    pod::template(object, "/spec/template");
    default(object, &["spec", "replicas"], 1);
    default(object, &["spec", "strategy", "type"], "RollingUpdate");
    if text(object, "/spec/strategy/type") == "RollingUpdate" {
        default(object, &["spec", "strategy", "rollingUpdate", "maxUnavailable"], "25%");
        default(object, &["spec", "strategy", "rollingUpdate", "maxSurge"], "25%");
    }
    default(object, &["spec", "revisionHistoryLimit"], 10);
    default(object, &["spec", "progressDeadlineSeconds"], 600);
}

pub(super) fn daemon_set(object: &mut Value) {
    pod::template(object, "/spec/template");
    default(object, &["spec", "updateStrategy", "type"], "RollingUpdate");
    if text(object, "/spec/updateStrategy/type") == "RollingUpdate" {
        default(object, &["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"], 1);
        default(object, &["spec", "updateStrategy", "rollingUpdate", "maxSurge"], 0);
    }
    default(object, &["spec", "revisionHistoryLimit"], 10);
}

pub(super) fn stateful_set(object: &mut Value) {
    pod::template(object, "/spec/template");
    list_mut(object, "/spec/volumeClaimTemplates").for_each(|claim| {
        default(claim, &["kind"], "PersistentVolumeClaim");
        default(claim, &["apiVersion"], "v1");
        storage::claim(claim);
    });
    default(object, &["spec", "podManagementPolicy"], "OrderedReady");
    if text(object, "/spec/updateStrategy/type").is_empty() {
        set(object, &["spec", "updateStrategy", "type"], "RollingUpdate");
        default(object, &["spec", "updateStrategy", "rollingUpdate"], json!({}));
    }
    let rolling = text(object, "/spec/updateStrategy/type") == "RollingUpdate";
    if rolling && at(object, "/spec/updateStrategy/rollingUpdate").is_some() {
        default(object, &["spec", "updateStrategy", "rollingUpdate", "partition"], 0);
    }
    for event in ["whenDeleted", "whenScaled"] {
        default(object, &["spec", "persistentVolumeClaimRetentionPolicy", event], "Retain");
    }
    default(object, &["spec", "replicas"], 1);
    default(object, &["spec", "revisionHistoryLimit"], 10);
}

pub(super) fn replica_set(object: &mut Value) {
    pod::template(object, "/spec/template");
    default(object, &["spec", "replicas"], 1);
}

/// Labels and selector of a replication controller come from its template.
pub(super) fn replication_controller(object: &mut Value) {
    pod::template(object, "/spec/template");
    let labels = at(object, "/spec/template/metadata/labels").cloned();
    if let Some(labels) = labels {
        if empty(object, "/spec/selector") {
            set(object, &["spec", "selector"], labels.clone());
        }
        if empty(object, "/metadata/labels") {
            set(object, &["metadata", "labels"], labels);
        }
    }
    default(object, &["spec", "replicas"], 1);
}

pub(super) fn job(object: &mut Value) {
    if let Some(labels) = at(object, "/spec/template/metadata/labels").cloned()
        && empty(object, "/metadata/labels")
    {
        set(object, &["metadata", "labels"], labels);
    }
    if let Some(spec) = object.get_mut("spec") {
        job_spec(spec);
    }
}

fn job_spec(spec: &mut Value) {
    pod::template(spec, "/template");
    if at(spec, "/completions").is_none() && at(spec, "/parallelism").is_none() {
        set(spec, &["completions"], 1);
    }
    default(spec, &["parallelism"], 1);
    let retries = if at(spec, "/backoffLimitPerIndex").is_some() { i32::MAX } else { 6 };
    default(spec, &["backoffLimit"], retries);
    default(spec, &["completionMode"], "NonIndexed");
    default(spec, &["suspend"], false);
    let replacement = if at(spec, "/podFailurePolicy").is_some() { "Failed" } else { "TerminatingOrFailed" };
    default(spec, &["podReplacementPolicy"], replacement);
    default(spec, &["manualSelector"], false);
}

/// The jobs of a cron job get their own defaults only when they are made.
pub(super) fn cron_job(object: &mut Value) {
    pod::template(object, "/spec/jobTemplate/spec/template");
    default(object, &["spec", "concurrencyPolicy"], "Allow");
    default(object, &["spec", "suspend"], false);
    default(object, &["spec", "successfulJobsHistoryLimit"], 3);
    default(object, &["spec", "failedJobsHistoryLimit"], 1);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn workloads_get_their_strategies_and_counts() {
        let mut object = json!({"spec": {"template": {}}});
        deployment(&mut object);
        assert_eq!(object["spec"]["strategy"]["rollingUpdate"], json!({"maxSurge": "25%", "maxUnavailable": "25%"}));
        assert_eq!(object["spec"]["replicas"], 1);
        let mut object = json!({"spec": {"strategy": {"type": "Recreate"}, "replicas": 0}});
        deployment(&mut object);
        assert_eq!(object["spec"]["strategy"], json!({"type": "Recreate"}));
        assert_eq!(object["spec"]["replicas"], 0);
        let mut object = json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "a"}}], "template": {}}});
        stateful_set(&mut object);
        assert_eq!(
            object["spec"]["updateStrategy"],
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
        );
        assert_eq!(object["spec"]["volumeClaimTemplates"][0]["spec"]["volumeMode"], "Filesystem");
        let mut object = json!({"spec": {"parallelism": 3, "template": {}}});
        job(&mut object);
        assert_eq!((&object["spec"]["completions"], &object["spec"]["backoffLimit"]), (&Value::Null, &json!(6)));
    }
}
