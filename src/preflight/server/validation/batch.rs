//! Jobs and CronJobs (`pkg/apis/batch/validation`).

use serde_json::{Value, json};

use super::super::field::{Errors, Path};
use super::super::json::{at, labels, number, some_text, text, truth, typed};
use super::names::{label, subdomain};
use super::{meta, nonnegative, pod, schedule, selector};
use crate::model::selector::LabelSelector;

/// Completions above which an indexed job is held to more.
const MANY: i64 = 100_000;

/// `ValidateJob`
pub(super) fn job(object: &Value, errors: &mut Errors) {
    meta::validate(object, true, subdomain, errors);
    generated_selector(object, errors);
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    job_spec(spec, &path, errors);
    match at(spec, "/selector") {
        None => errors.required(&path.child("selector"), ""),
        Some(own) => selector::validate(own, &path.child("selector"), errors),
    }
    let template = at(spec, "/template").map(labels).unwrap_or_default();
    let own: LabelSelector = typed(at(spec, "/selector"));
    if own.valid() && (at(spec, "/selector").is_none() || !own.matches(&template)) {
        let shown = at(spec, "/template/metadata/labels").cloned().unwrap_or_default();
        let path = path.child("template").child("metadata").child("labels");
        errors.invalid(&path, shown, "`selector` does not match template `labels`");
    }
    let completions = number(spec, "/completions").unwrap_or(0);
    if text(spec, "/completionMode") == "Indexed" && completions > 0 {
        let name = text(object, "/metadata/name");
        let host = format!("{name}-{}", completions - 1);
        if !label(&host).is_empty() {
            let detail = format!("will not able to create pod with invalid DNS label: {host}");
            errors.invalid(&Path::new("metadata").child("name"), name, &detail);
        }
    }
}

/// `validateGeneratedSelector`
fn generated_selector(object: &Value, errors: &mut Errors) {
    if truth(object, "/spec/manualSelector") || at(object, "/spec/selector").is_none() {
        return;
    }
    let (uid, name) = (text(object, "/metadata/uid"), text(object, "/metadata/name"));
    let expected = [
        ("controller-uid", uid),
        ("job-name", name),
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", name),
    ];
    let path = Path::new("spec").child("template").child("metadata");
    let template = at(object, "/spec/template").map(labels).unwrap_or_default();
    for (key, value) in expected {
        match template.get(key) {
            None => errors.required(&path.child("labels").key(key), &format!("must be '{value}'")),
            Some(own) if own != value => {
                errors.invalid(&path.child("labels").key(key), json!(template), &format!("must be '{value}'"));
            }
            Some(_) => {}
        }
    }
    let own: LabelSelector = typed(at(object, "/spec/selector"));
    let expected = expected.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    if own.valid() && !own.matches(&expected) {
        let shown = at(object, "/spec/selector").cloned().unwrap_or_default();
        errors.invalid(&Path::new("spec").child("selector"), shown, "`selector` not auto-generated");
    }
}

/// `validateJobSpec`
fn job_spec(spec: &Value, path: &Path, errors: &mut Errors) {
    for field in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        nonnegative(spec, field, path, errors);
    }
    let (per_index, failed) = (number(spec, "/backoffLimitPerIndex"), number(spec, "/maxFailedIndexes"));
    if failed.is_some() && per_index.is_none() {
        errors.required(&path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified");
    }
    let mode = text(spec, "/completionMode");
    if !matches!(mode, "" | "NonIndexed" | "Indexed") {
        errors.unsupported(&path.child("completionMode"), mode, &["NonIndexed", "Indexed"]);
    }
    match mode {
        "Indexed" => indexed(spec, path, errors),
        "" | "NonIndexed" => {
            for (field, value) in [("backoffLimitPerIndex", per_index), ("maxFailedIndexes", failed)] {
                if let Some(value) = value {
                    errors.invalid(&path.child(field), value, "requires indexed completion mode");
                }
            }
        }
        _ => {}
    }
    replacement(spec, &path.child("podReplacementPolicy"), errors);
    let nothing = json!({});
    pod::template(at(spec, "/template").unwrap_or(&nothing), &path.child("template"), errors);
    restart_policy(spec, &path.child("template").child("spec").child("restartPolicy"), errors);
}

fn indexed(spec: &Value, path: &Path, errors: &mut Errors) {
    let (completions, parallelism) = (number(spec, "/completions"), number(spec, "/parallelism"));
    let failed = number(spec, "/maxFailedIndexes");
    if completions.is_none() {
        errors.required(&path.child("completions"), "when completion mode is Indexed");
    }
    if let Some(many) = parallelism.filter(|many| *many > MANY) {
        let detail = format!("must be less than or equal to {MANY} when completion mode is Indexed");
        errors.invalid(&path.child("parallelism"), many, &detail);
    }
    let path = path.child("maxFailedIndexes");
    if let (Some(completions), Some(failed)) = (completions, failed)
        && failed > completions
    {
        errors.invalid(&path, failed, "must be less than or equal to completions");
    }
    if let Some(many) = failed.filter(|many| *many > MANY) {
        errors.invalid(&path, many, &format!("must be less than or equal to {MANY}"));
    }
}

fn replacement(spec: &Value, path: &Path, errors: &mut Errors) {
    let Some(policy) = some_text(spec, "/podReplacementPolicy") else { return };
    let known: &[&str] =
        if at(spec, "/podFailurePolicy").is_some() { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    if !known.contains(&policy) {
        errors.unsupported(path, policy, known);
    }
}

fn restart_policy(spec: &Value, path: &Path, errors: &mut Errors) {
    match text(spec, "/template/spec/restartPolicy") {
        "" | "Always" => errors.required(path, "valid values: \"OnFailure\", \"Never\""),
        policy @ ("OnFailure" | "Never") => {
            if at(spec, "/podFailurePolicy").is_some() && policy != "Never" {
                errors.invalid(path, policy, "only \"Never\" is supported when podFailurePolicy is specified");
            }
        }
        other => errors.unsupported(path, other, &["OnFailure", "Never"]),
    }
}

/// `ValidateCronJobCreate`; a name that is too long is kept in an update.
pub(super) fn cron_job(object: &Value, update: bool, errors: &mut Errors) {
    meta::validate(object, true, subdomain, errors);
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    schedule::validate(spec, &path, errors);
    nonnegative(spec, "startingDeadlineSeconds", &path, errors);
    match text(spec, "/concurrencyPolicy") {
        "" => errors.required(&path.child("concurrencyPolicy"), ""),
        "Allow" | "Forbid" | "Replace" => {}
        other => errors.unsupported(&path.child("concurrencyPolicy"), other, &["Allow", "Forbid", "Replace"]),
    }
    let job = path.child("jobTemplate").child("spec");
    job_spec(at(spec, "/jobTemplate/spec").unwrap_or(&nothing), &job, errors);
    if let Some(own) = at(spec, "/jobTemplate/spec/selector") {
        errors.invalid(&job.child("selector"), own.clone(), "`selector` will be auto-generated");
    }
    if truth(spec, "/jobTemplate/spec/manualSelector") {
        errors.unsupported(&job.child("manualSelector"), true, &["nil", "false"]);
    }
    nonnegative(spec, "successfulJobsHistoryLimit", &path, errors);
    nonnegative(spec, "failedJobsHistoryLimit", &path, errors);
    let name = text(object, "/metadata/name");
    if !update && name.len() > 52 {
        errors.invalid(&Path::new("metadata").child("name"), name, "must be no more than 52 characters");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(check: impl Fn(&mut Errors)) -> String {
        let mut errors = Errors::default();
        check(&mut errors);
        errors.message("", "X", "").map_or_else(String::new, |message| message.replacen("X \"\" is invalid: ", "", 1))
    }

    #[test]
    fn the_pods_of_a_job_end() {
        let spec = json!({"template": {"spec": {"restartPolicy": "Always", "dnsPolicy": "Default", "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "a", "image": "i", "terminationMessagePolicy": "File", "imagePullPolicy": "Never"}]}}});
        assert_eq!(
            told(|errors| job_spec(&spec, &Path::new("spec"), errors)),
            "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""
        );
    }

    #[test]
    fn an_indexed_job_says_how_often_it_runs() {
        let spec = json!({"completionMode": "Indexed", "template": {"spec": {"restartPolicy": "Never", "dnsPolicy": "Default",
            "terminationGracePeriodSeconds": 1, "containers": [{"name": "a", "image": "i", "terminationMessagePolicy": "File",
                "imagePullPolicy": "Never"}]}}});
        assert_eq!(
            told(|errors| job_spec(&spec, &Path::new("spec"), errors)),
            "spec.completions: Required value: when completion mode is Indexed"
        );
    }
}
