//! Pods as controllers make them and take them away (`pkg/controller/controller_utils.go`).

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::model::Pod;
use crate::preflight::fields::{namespace_of, text};
use crate::preflight::state::{Made, State, available, controlled_by};

/// Seconds that are taken to pass between the newest fact and what is tried.
const PASSED: u64 = 5;

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
        Made::Unknown(why) => {
            state.doubted.insert(uid.to_owned(), why);
            false
        }
    }
}

/// The pods that go first where there are too many (`ActivePodsWithRanks`): without a node, not ready, on a node with
/// more of the `related` ones, the younger; of pods of about the same age those whose uid comes first.
pub(super) fn first_to_go(state: &State, pods: &[&Pod], related: &[&Pod], count: usize) -> Vec<String> {
    let mut doubled: HashMap<&str, usize> = HashMap::new();
    related.iter().for_each(|pod| *doubled.entry(pod.spec.node_name.as_str()).or_default() += 1);
    let cost = |pod: &Pod| -> i64 {
        let cost = pod.metadata.annotations.get("controller.kubernetes.io/pod-deletion-cost");
        cost.and_then(|cost| cost.parse().ok()).unwrap_or(0)
    };
    let phase = |pod: &Pod| match pod.status.phase.as_str() {
        "Pending" => 0,
        "Running" => 2,
        _ => 1,
    };
    let mut order: Vec<&Pod> = pods.to_vec();
    order.sort_by_cached_key(|pod| {
        let rank = Reverse(doubled.get(pod.spec.node_name.as_str()).copied().unwrap_or(0));
        let age = age_of(state, pod);
        (pod.assigned(), phase(pod), available(pod), cost(pod), rank, age, pod.metadata.uid.clone())
    });
    order.into_iter().take(count).map(|pod| pod.metadata.name.clone()).collect()
}

/// For how long a pod is ready, in powers of two of nanoseconds; -1 for one that was made here.
fn age_of(state: &State, pod: &Pod) -> i64 {
    let ready = pod.condition("Ready").and_then(|ready| ready.last_transition_time.as_deref());
    let seconds = |time: &str| time.parse::<Timestamp>().ok().map(Timestamp::as_second);
    let made_here = ready.is_some_and(|ready| ready == state.now);
    let Some((ready, now)) = ready.and_then(seconds).zip(seconds(&state.now)).filter(|_| !made_here) else {
        return -1;
    };
    let nanos =
        u64::try_from(now.saturating_sub(ready)).unwrap_or(0).saturating_add(PASSED).saturating_mul(1_000_000_000);
    i64::from(nanos.checked_ilog2().unwrap_or(0))
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
