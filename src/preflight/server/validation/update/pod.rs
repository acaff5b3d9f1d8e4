//! Changes of pods (`ValidatePodUpdate`).

use serde_json::Value;

use super::super::super::field::{Errors, Path};
use super::super::super::json::{at, list, list_mut, number, remove, set, text};
use super::super::internal;
use super::super::names::in_range;
use super::{alike, diff};

/// What may be changed, as the server tells it.
const MUTABLE: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
                       `spec.tolerations` (only additions to existing tolerations),\
                       `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Checks a changed pod against what it was.
pub(super) fn update(object: &Value, old: &Value, minor: u32, errors: &mut Errors) {
    let path = Path::new("spec");
    for field in ["containers", "initContainers"] {
        let pointer = format!("/spec/{field}");
        if list(object, &pointer).len() != list(old, &pointer).len() {
            errors.forbidden(&path.child(field), "pod updates may not add or remove containers");
            return;
        }
    }
    if !deadline(object, old, &path.child("activeDeadlineSeconds"), errors) {
        return;
    }
    tolerations(object, old, &path.child("tolerations"), errors);
    gates(object, old, &path.child("schedulingGates"), errors);
    rest(object, old, &path, minor, errors);
}

/// Whether the check goes on: a deadline can be set, and brought forward.
fn deadline(object: &Value, old: &Value, path: &Path, errors: &mut Errors) -> bool {
    let (now, was) = (number(object, "/spec/activeDeadlineSeconds"), number(old, "/spec/activeDeadlineSeconds"));
    match (now, was) {
        (Some(now), _) if !in_range(now, 0, i64::from(i32::MAX)).is_empty() => {
            in_range(now, 0, i64::from(i32::MAX)).iter().for_each(|wrong| errors.invalid(path, now, wrong));
            false
        }
        (Some(now), Some(was)) if was < now => {
            errors.invalid(path, now, "must be less than or equal to previous value");
            false
        }
        (None, Some(_)) => {
            errors.invalid(path, Value::Null, "must not update from a positive integer to nil value");
            true
        }
        _ => true,
    }
}

/// `validateOnlyAddedTolerations`
fn tolerations(object: &Value, old: &Value, path: &Path, errors: &mut Errors) {
    let new = list(object, "/spec/tolerations");
    let without_time = |toleration: &Value| {
        let mut toleration = toleration.clone();
        remove(&mut toleration, "", "tolerationSeconds");
        toleration
    };
    for before in list(old, "/spec/tolerations") {
        if !new.iter().any(|now| alike(Some(&without_time(now)), Some(&without_time(before)))) {
            errors.forbidden(path, "existing toleration can not be modified except its tolerationSeconds");
            return;
        }
    }
}

/// `validateOnlyDeletedSchedulingGates`
fn gates(object: &Value, old: &Value, path: &Path, errors: &mut Errors) {
    let known: Vec<&str> = list(old, "/spec/schedulingGates").iter().map(|gate| text(gate, "/name")).collect();
    for (index, gate) in list(object, "/spec/schedulingGates").iter().enumerate() {
        let name = text(gate, "/name");
        if !known.contains(&name) {
            let detail = format!("only deletion is allowed, but found new scheduling gate '{name}'");
            errors.forbidden(&path.index(index).child("name"), &detail);
        }
    }
}

fn rest(object: &Value, old: &Value, path: &Path, minor: u32, errors: &mut Errors) {
    let mut new = at(object, "/spec").cloned().unwrap_or_default();
    let before = at(old, "/spec").cloned().unwrap_or_default();
    for field in ["/containers", "/initContainers"] {
        let images: Vec<Value> =
            list(&before, field).iter().map(|container| text(container, "/image").into()).collect();
        list_mut(&mut new, field).zip(images).for_each(|(container, image)| set(container, &["image"], image));
    }
    for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        match at(&before, &format!("/{field}")) {
            Some(value) => set(&mut new, &[field], value.clone()),
            None => remove(&mut new, "", field),
        }
    }
    let grace = "terminationGracePeriodSeconds";
    if number(&before, "/terminationGracePeriodSeconds").is_some_and(|seconds| seconds < 0)
        && number(&new, "/terminationGracePeriodSeconds") == Some(1)
    {
        set(&mut new, &[grace], at(&before, "/terminationGracePeriodSeconds").cloned().unwrap_or_default());
    }
    if !list(&before, "/schedulingGates").is_empty() {
        gated(&mut new, &before);
    }
    if !alike(Some(&new), Some(&before)) {
        let difference =
            diff::unified(&internal::pod_spec(&before, minor).pretty(), &internal::pod_spec(&new, minor).pretty());
        errors.forbidden(path, &format!("pod updates may not change fields other than {MUTABLE}\n{difference}"));
    }
}

/// Where a pod may run can be narrowed while it is gated.
fn gated(new: &mut Value, before: &Value) {
    let selector = at(before, "/nodeSelector").cloned().unwrap_or_default();
    let kept = super::super::super::json::entries(before, "/nodeSelector")
        .all(|(key, value)| at(new, "/nodeSelector").and_then(|selector| selector.get(key)) == Some(value));
    if kept {
        set(new, &["nodeSelector"], selector);
    }
    let affinity = at(before, "/affinity/nodeAffinity").cloned().unwrap_or_default();
    if affinity.is_null() {
        set(new, &["affinity", "nodeAffinity"], affinity);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(now: Value, before: Value) -> String {
        let mut errors = Errors::default();
        update(&json!({"spec": now}), &json!({"spec": before}), 36, &mut errors);
        errors
            .message("", "Pod", "a")
            .map_or_else(String::new, |message| message.replacen("Pod \"a\" is invalid: ", "", 1))
    }

    #[test]
    fn little_of_a_pod_changes() {
        let pod = |image: &str, cpu: &str| json!({"containers": [{"name": "a", "image": image, "resources": {"requests": {"cpu": cpu}}}], "restartPolicy": "Always"});
        assert_eq!(told(pod("i:2", "1"), pod("i:1", "1")), "");
        let message = told(pod("i:1", "2"), pod("i:1", "1"));
        assert!(
            message.starts_with(
                "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
                 `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
                 tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n@@ -"
            ),
            "{message}"
        );
        assert!(
            message.contains("    \"Requests\": {\n-     \"cpu\": \"1\"\n+     \"cpu\": \"2\"\n     },\n"),
            "{message}"
        );
        assert_eq!(
            told(json!({"containers": []}), pod("i", "1")),
            "spec.containers: Forbidden: pod updates may not add or remove containers"
        );
    }

    #[test]
    fn tolerations_are_only_added() {
        let pod = |tolerations: Value| json!({"containers": [], "tolerations": tolerations});
        assert_eq!(told(pod(json!([{"key": "a"}, {"key": "b"}])), pod(json!([{"key": "a"}]))), "");
        assert_eq!(
            told(pod(json!([])), pod(json!([{"key": "a"}]))),
            "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
        );
    }
}
