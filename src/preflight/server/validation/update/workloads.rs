//! Changes of StatefulSets and Jobs.

use serde_json::Value;

use super::super::super::field::{Errors, Path};
use super::super::super::json::{at, number, remove, set, text, truth};
use super::super::internal;
use super::{IMMUTABLE, alike, immutable};

/// Fields of a set that may change since a release.
const MUTABLE: &[(&str, u32)] = &[
    ("replicas", 0),
    ("ordinals", 27),
    ("template", 0),
    ("updateStrategy", 0),
    ("revisionHistoryLimit", 34),
    ("persistentVolumeClaimRetentionPolicy", 0),
    ("minReadySeconds", 0),
];

/// `ValidateStatefulSetUpdate`: each field has an error of its own since 1.37.
pub(super) fn stateful_set(object: &Value, old: &Value, minor: u32, errors: &mut Errors) {
    if minor < 37 {
        return rest_of_set(object, old, minor, errors);
    }
    immutable(object, old, &["spec", "selector"], errors);
    let templates = |set| at(set, "/spec/volumeClaimTemplates");
    if !alike(templates(object), templates(old)) {
        let shown = templates(object).map_or_else(|| "null".to_owned(), |new| internal::claim_templates(new).compact());
        errors.invalid_as(&Path::new("spec").child("volumeClaimTemplates"), &shown, IMMUTABLE);
    }
    immutable(object, old, &["spec", "serviceName"], errors);
    immutable(object, old, &["spec", "podManagementPolicy"], errors);
}

fn rest_of_set(object: &Value, old: &Value, minor: u32, errors: &mut Errors) {
    let rest = |set: &Value| {
        let mut spec = at(set, "/spec").cloned().unwrap_or_default();
        for (field, _) in MUTABLE.iter().filter(|(_, since)| *since <= minor) {
            remove(&mut spec, "", field);
        }
        spec
    };
    if alike(Some(&rest(object)), Some(&rest(old))) {
        return;
    }
    let fields: Vec<String> =
        MUTABLE.iter().filter(|(_, since)| *since <= minor).map(|(field, _)| format!("'{field}'")).collect();
    let (last, others) =
        fields.split_last().map_or((String::new(), String::new()), |(last, others)| (last.clone(), others.join(", ")));
    let detail = format!("updates to statefulset spec for fields other than {others} and {last} are forbidden");
    errors.forbidden(&Path::new("spec"), &detail);
}

/// `ValidateJobSpecUpdate`
pub(super) fn job(object: &Value, old: &Value, minor: u32, errors: &mut Errors) {
    if text(object, "/spec/completionMode") == "Indexed" {
        let (now, before) = (number(object, "/spec/completions"), number(old, "/spec/completions"));
        if let Some(count) = now.filter(|_| now != before && now != number(object, "/spec/parallelism")) {
            let path = Path::new("spec").child("completions");
            errors.invalid(&path, count, "can only be modified in tandem with spec.parallelism");
        }
    } else {
        immutable(object, old, &["spec", "completions"], errors);
    }
    immutable(object, old, &["spec", "selector"], errors);
    template(object, old, minor, errors);
    for field in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] {
        immutable(object, old, &["spec", field], errors);
    }
}

/// The template of a job stays; of one that is suspended and never ran, where its pods may run can change.
fn template(object: &Value, old: &Value, minor: u32, errors: &mut Errors) {
    let new = at(object, "/spec/template").cloned().unwrap_or_default();
    let mut before = at(old, "/spec/template").cloned().unwrap_or_default();
    if truth(old, "/spec/suspend") && at(old, "/status/startTime").is_none() {
        let parts = [
            (["spec", "nodeSelector"], "/spec/nodeSelector"),
            (["spec", "tolerations"], "/spec/tolerations"),
            (["spec", "schedulingGates"], "/spec/schedulingGates"),
            (["metadata", "labels"], "/metadata/labels"),
            (["metadata", "annotations"], "/metadata/annotations"),
        ];
        for (path, pointer) in parts {
            set(&mut before, &path, at(&new, pointer).cloned().unwrap_or_default());
        }
        let affinity = at(&new, "/spec/affinity/nodeAffinity").cloned().unwrap_or_default();
        set(&mut before, &["spec", "affinity", "nodeAffinity"], affinity);
    }
    if !alike(Some(&new), Some(&before)) {
        let shown = internal::template(&new, minor).compact();
        errors.invalid_as(&Path::new("spec").child("template"), &shown, IMMUTABLE);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn most_of_a_set_stays_what_it_is() {
        let set =
            |claims: Value, replicas: i64| json!({"spec": {"replicas": replicas, "volumeClaimTemplates": claims}});
        let told = |minor| {
            let mut errors = Errors::default();
            stateful_set(&set(json!([{"a": 1}]), 2), &set(json!([{"a": 2}]), 1), minor, &mut errors);
            errors.message("apps", "StatefulSet", "db").unwrap()
        };
        assert_eq!(
            told(36),
            "StatefulSet.apps \"db\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', \
             'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
             'minReadySeconds' are forbidden"
        );
        assert!(!told(33).contains("revisionHistoryLimit"));
        let start = "StatefulSet.apps \"db\" is invalid: spec.volumeClaimTemplates: Invalid value: [{\"Spec\":{\"AccessModes\":null,";
        assert!(told(37).starts_with(start) && told(37).ends_with("]: field is immutable"), "{}", told(37));
        let mut errors = Errors::default();
        stateful_set(&set(json!([]), 2), &set(Value::Null, 1), 36, &mut errors);
        assert!(errors.is_empty());
    }
}
