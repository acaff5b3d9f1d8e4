//! What `kubectl apply` makes of an object that exists: the patch that it sends, and what the server makes of that
//! (`kubectl/pkg/cmd/apply`, `apiserver/pkg/registry/rest/update.go`).

mod keys;
mod patch;
mod three_way;
pub(super) mod update;

use serde_json::{Value, json};

use super::json::{set, slot};
use super::kinds::Resource;

/// The annotation in which kubectl keeps what it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Notes in an object what was applied, as kubectl does.
pub(super) fn annotated(object: &Value) -> Value {
    let mut noted = object.clone();
    if let Some(annotations) = slot(&mut noted, &["metadata", "annotations"]) {
        match annotations.as_object_mut() {
            Some(annotations) => {
                annotations.remove(LAST_APPLIED);
            }
            None => *annotations = json!({}),
        }
    }
    let text = format!("{noted}\n");
    set(&mut noted, &["metadata", "annotations", LAST_APPLIED], text);
    noted
}

/// An object with the patch that kubectl sends for what is applied. What was applied last says what is to be deleted; where
/// nobody noted that, nothing is.
pub(super) fn patched(resource: &Resource, live: &Value, object: &Value) -> Value {
    let noted = last_applied(live);
    let original = noted.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| json!({}));
    let mut modified = annotated(object);
    if let Some(text) = noted.filter(|text| same(text, &modified)) {
        set(&mut modified, &["metadata", "annotations", LAST_APPLIED], text);
    }
    three_way::merge(&original, &modified, live, keys::of(resource))
}

/// The patch that the server is sent for what is applied; `None` where nothing changes.
pub(super) fn patch(resource: &Resource, live: &Value, object: &Value) -> Option<Value> {
    patch::between(live, &patched(resource, live, object), keys::of(resource))
}

fn last_applied(object: &Value) -> Option<String> {
    Some(object.get("metadata")?.get("annotations")?.get(LAST_APPLIED)?.as_str()?.to_owned())
}

/// Whether a note says the same as the one of an object, in whatever order of its fields.
fn same(text: &str, modified: &Value) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    last_applied(modified).and_then(|own| read(&own)).is_some_and(|own| read(text) == Some(own))
}

#[cfg(test)]
mod tests {
    use super::super::admission::kit::resource;
    use super::*;

    #[test]
    fn what_was_applied_before_and_is_not_any_more_goes() {
        let deployments = resource("apps/v1", "Deployment");
        let first = json!({"metadata": {"name": "web"}, "spec": {"replicas": 3, "template": {"spec": {"nodeSelector": {"a": "b"},
            "containers": [{"name": "web", "image": "i:1"}, {"name": "old", "image": "i"}]}}}});
        let mut live = annotated(&first);
        live["spec"]["template"]["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "injected", "image": "x"}));
        live["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst".into();
        let second = json!({"metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "i:2"}]}}}});
        let patched = patched(&deployments, &live, &second);
        assert_eq!(
            patched["spec"],
            json!({"template": {"spec": {"dnsPolicy": "ClusterFirst", "containers": [{"name": "web", "image": "i:2"},
                {"name": "injected", "image": "x"}]}}})
        );
        assert_eq!(super::patched(&deployments, &live, &first), live);
    }

    #[test]
    fn where_nobody_noted_what_was_applied_nothing_is_deleted() {
        let deployments = resource("apps/v1", "Deployment");
        let live = json!({"metadata": {"name": "web", "labels": {"a": "b"}}, "spec": {"replicas": 3}});
        let patched = patched(&deployments, &live, &json!({"metadata": {"name": "web"}, "spec": {"paused": true}}));
        assert_eq!(patched["spec"], json!({"replicas": 3, "paused": true}));
        assert_eq!(patched["metadata"]["labels"], json!({"a": "b"}));
    }
}
