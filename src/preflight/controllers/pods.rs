//! Pods as controllers make them and take them away (`pkg/controller/controller_utils.go`).

use serde_json::{Map, Value, json};

use crate::model::{Kind, Pod};
use crate::preflight::fields::{namespace_of, text};
use crate::preflight::state::{Made, State, available, controlled_by};
use crate::preflight::world::Key;

/// What a controller calls a new pod.
pub(super) enum Called<'a> {
    Name(String),
    /// The server appends to it.
    Base(&'a str),
}

/// A pod from a template, with its owner.
pub(super) fn from_template(state: &mut State, owner: &Value, template: &Value, called: &Called<'_>) -> Value {
    let mut meta = Map::new();
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template.pointer(&format!("/metadata/{field}")).filter(|value| !value.is_null()) {
            meta.insert(field.to_owned(), value.clone());
        }
    }
    let name = match called {
        Called::Name(name) => name.clone(),
        Called::Base(base) => {
            meta.insert("generateName".to_owned(), json!(base));
            state.generate_name(base)
        }
    };
    meta.insert("name".to_owned(), json!(name));
    meta.insert("namespace".to_owned(), json!(namespace_of(owner)));
    meta.insert("ownerReferences".to_owned(), controlled_by(owner));
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"] })
}

/// Has the server make a pod of the controller with this uid; says whether it did, and notes its words where it refused.
pub(super) fn make(state: &mut State, uid: &str, pod: Value) -> bool {
    match state.make(pod) {
        Made::Stored(_) => {
            state.refused.remove(uid);
            true
        }
        Made::Refused(message) => {
            state.refused.insert(uid.to_owned(), message);
            false
        }
        Made::Unknown(_) => false,
    }
}

/// Deletes a pod; kubelets are taken to let it go at once.
pub(super) fn delete(state: &mut State, namespace: &str, name: &str) {
    let key = Key { kind: Kind::Pod.name().to_owned(), namespace: Some(namespace.to_owned()), name: name.to_owned() };
    state.remove(&key);
}

/// The pods that go first where there are too many (`ActivePodsWithRanks`): without a node, not ready, on a node with
/// more of them, the younger.
pub(super) fn first_to_go(state: &State, pods: &[&Pod], count: usize) -> Vec<String> {
    let doubled = |pod: &Pod| pods.iter().filter(|other| other.spec.node_name == pod.spec.node_name).count();
    let cost = |pod: &Pod| -> i64 {
        let cost = pod.metadata.annotations.get("controller.kubernetes.io/pod-deletion-cost");
        cost.and_then(|cost| cost.parse().ok()).unwrap_or(0)
    };
    let mut order: Vec<&Pod> = pods.to_vec();
    order.sort_by_cached_key(|pod| {
        let age = std::cmp::Reverse(state.age(pod));
        (pod.assigned(), available(pod), cost(pod), std::cmp::Reverse(doubled(pod)), age)
    });
    order.into_iter().take(count).map(|pod| pod.metadata.name.clone()).collect()
}

/// A label of a pod; empty where it has none.
pub(super) fn label<'p>(pod: &'p Pod, key: &str) -> &'p str {
    pod.metadata.labels.get(key).map_or("", String::as_str)
}

/// Sets a member of an object within an object, made where it isn't there.
pub(super) fn set(object: &mut Value, path: &[&str], value: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut place = object;
    for parent in parents {
        if !place[*parent].is_object() {
            place[*parent] = json!({});
        }
        place = &mut place[*parent];
    }
    if let Some(fields) = place.as_object_mut() {
        fields.insert((*last).to_owned(), value);
    }
}

/// The name of an object's base for generated names, as pods of DaemonSets and Jobs have it.
pub(super) fn base(owner: &Value) -> String {
    format!("{}-", text(owner, "/metadata/name"))
}
