//! Where a change lasts: a workload's template and not its pod, a StatefulSet's claim template and not its claim.

use serde_json::Value;

use super::plan::Edit;
use crate::admission::expand::claim_maker;
use crate::diagnosis::context::Context;
use crate::model::{Kind, ObjectRef, Pod};
use crate::snapshot::Snapshot;
use crate::snapshot::edit::pointer_key;

/// The object in which a change of a pod lasts: its workload, or the pod itself where it has none. The operations are
/// checked against the workload's template, which may differ from the pod; `None` where they don't fit it.
pub(super) fn lasting(cx: &Context<'_>, state: &Snapshot, change: Edit) -> Option<Edit> {
    let Edit::Anew { object, operations } = change else { return Some(change) };
    if object.kind != Kind::Pod.name() {
        return of_set(cx, state, object, operations);
    }
    let live = state.pods.get(&object.namespace, &object.name).found()?;
    if live.metadata.controller().is_none() {
        let again = live.metadata.finalizers.is_empty() && !labels_merged(live);
        return again.then_some(Edit::Anew { object, operations });
    }
    let (kind, meta) = cx.workload(live)?;
    let workload = ObjectRef::new(kind, &meta.namespace, &meta.name);
    let elsewhere = operations.iter().all(|operation| operation["path"] == "/spec/nodeName");
    if elsewhere {
        return Some(Edit::Anew { object: workload, operations: Vec::new() });
    }
    if !matches!(kind, Kind::StatefulSet | Kind::Deployment | Kind::ReplicaSet | Kind::DaemonSet) {
        return None;
    }
    let template = state.to_json(kind, &meta.namespace, &meta.name)?.pointer("/spec/template")?.clone();
    let pod = serde_json::to_value(&**live).ok()?;
    let operations =
        operations.into_iter().map(|operation| carried(operation, &pod, &template)).collect::<Option<_>>()?;
    Some(Edit::Anew { object: workload, operations })
}

/// A claim of a StatefulSet is changed in the set's template.
fn of_set(cx: &Context<'_>, state: &Snapshot, claim: ObjectRef, operations: Vec<Value>) -> Option<Edit> {
    state.claims.get(&claim.namespace, &claim.name).found()?;
    let users = state.pods.using(&claim.namespace, &claim.name);
    let Some((set, at, _)) = users.iter().find_map(|pod| claim_maker(cx.snapshot, pod, &claim.name)) else {
        return Some(Edit::Anew { object: claim, operations });
    };
    let whole = state.to_json(Kind::StatefulSet, &set.metadata.namespace, &set.metadata.name)?;
    let template = whole.pointer(&format!("/spec/volumeClaimTemplates/{at}"))?;
    let there = |operation: &Value| {
        let path = operation["path"].as_str().unwrap_or_default();
        path.starts_with("/spec")
            && (operation["op"] == "add" || template.pointer(path).is_some_and(|value| !value.is_null()))
    };
    let operations: Vec<Value> = operations.into_iter().filter(there).collect();
    let carried = operations.into_iter().map(|mut operation| {
        let path = format!("/spec/volumeClaimTemplates/{at}{}", operation["path"].as_str().unwrap_or_default());
        operation["path"] = path.into();
        operation
    });
    let operations: Vec<Value> = carried.collect();
    let set = ObjectRef::new(Kind::StatefulSet, &set.metadata.namespace, &set.metadata.name);
    Some(Edit::Template { set, claim, operations })
}

/// Whether the API server has written label keys of the pod into its selectors: it refuses the pod as it gives it back
/// (`exists in both matchLabelKeys and labelSelector`).
fn labels_merged(pod: &Pod) -> bool {
    let spread = pod.spec.topology_spread_constraints.iter().any(|one| !one.match_label_keys.is_empty());
    let mut terms = pod.spec.affinity_terms().iter().chain(pod.spec.anti_affinity_terms());
    spread || terms.any(|term| !term.match_label_keys.is_empty() || !term.mismatch_label_keys.is_empty())
}

/// An operation on a pod as one on a template; `None` where the template has something else in that place.
fn carried(mut operation: Value, pod: &Value, template: &Value) -> Option<Value> {
    let path = operation["path"].as_str()?.to_owned();
    match path.strip_suffix("/-") {
        Some(list) if template.pointer(list).is_none_or(Value::is_null) => {
            operation["value"] = Value::Array(vec![operation["value"].clone()]);
            operation["path"] = list.into();
        }
        Some(_) => {}
        None if operation["op"] == "add" && template.pointer(&path).is_none_or(Value::is_null) => {}
        None if template.pointer(&path) == pod.pointer(&path) => {}
        None => set_request(&mut operation, &path, pod, template)?,
    }
    let path = format!("/spec/template{}", operation["path"].as_str()?);
    operation["path"] = path.into();
    Some(operation)
}

/// Has the template ask for a resource of which it has only the limit, which pods ask for then
/// (`pkg/apis/core/v1/defaults.go`, SetDefaults_Pod).
fn set_request(operation: &mut Value, path: &str, pod: &Value, template: &Value) -> Option<()> {
    let (requests, resource) =
        path.rsplit_once('/').filter(|(requests, _)| requests.ends_with("/resources/requests"))?;
    let limit = template.pointer(&format!("{}limits/{resource}", requests.strip_suffix("requests")?))?;
    if operation["op"] != "replace" || pod.pointer(path) != Some(limit) {
        return None;
    }
    operation["op"] = "add".into();
    if template.pointer(requests).is_none_or(Value::is_null) {
        operation["value"] = Value::Object([(pointer_key(resource), operation["value"].take())].into_iter().collect());
        operation["path"] = requests.into();
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What becomes of an operation on the request for cpu of a pod that asks for 4.
    fn carried_to(resources: Value) -> Option<Value> {
        let path = "/spec/containers/0/resources/requests/cpu";
        let of = |resources: Value| json!({"spec": {"containers": [{"name": "a", "resources": resources}]}});
        let pod = of(json!({"requests": {"cpu": "4"}, "limits": {"cpu": "4"}}));
        carried(json!({"op": "replace", "path": path, "value": "2"}), &pod, &of(resources))
    }

    #[test]
    fn a_template_with_a_limit_alone_is_given_the_request() {
        let add = |field: &str, value: Value| {
            let path = format!("/spec/template/spec/containers/0/resources/requests{field}");
            Some(json!({"op": "add", "path": path, "value": value}))
        };
        assert_eq!(carried_to(json!({"limits": {"cpu": "4"}})), add("", json!({"cpu": "2"})));
        assert_eq!(carried_to(json!({"limits": {"cpu": "4"}, "requests": {"memory": "1Gi"}})), add("/cpu", json!("2")));
    }

    #[test]
    fn a_request_that_something_else_gave_the_pod_is_not_carried() {
        assert_eq!(carried_to(json!({})), None);
        assert_eq!(carried_to(json!({"limits": {"cpu": "8"}})), None);
        assert_eq!(carried_to(json!({"requests": {"cpu": "3"}})), None);
    }
}
