//! `pkg/controller/daemon`: a pod for each node that is eligible.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pods::{self, Called, base, from_template, label, set};
use super::template::{REVISION, next};
use crate::model::node::{Taint, UNSCHEDULABLE_TAINT};
use crate::model::pod::{PodSpec, Toleration};
use crate::model::workload::scaled;
use crate::model::{Node, Pod};
use crate::preflight::fields::{deleting, namespace_of, text, uid_of};
use crate::preflight::removal::delete_owned_pod;
use crate::preflight::state::{State, available};
use crate::preflight::world::Key;
use crate::scheduler::tolerates;

/// Taints that the pods of every DaemonSet tolerate (`AddOrUpdateDaemonPodTolerations`); the last only on the host's
/// network.
const TOLERATED: [(&str, &str); 7] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    (UNSCHEDULABLE_TAINT, "NoSchedule"),
    ("node.kubernetes.io/network-unavailable", "NoSchedule"),
];

/// A pod of the set on a node, or made for it.
struct OnNode {
    name: String,
    updated: bool,
    available: bool,
}

/// Makes the next changes; says whether there were any.
pub(super) fn sync(state: &mut State, key: &Key) -> bool {
    let Some(object) = state.world.get(&key.kind, key.namespace.as_deref(), &key.name) else { return false };
    if deleting(object) || !state.snapshot.nodes.complete() {
        return false;
    }
    let object = object.clone();
    let before = state.revisions.get(uid_of(&object));
    let revision = next(&state.world, &object, before, str::to_owned);
    state.revisions.insert(uid_of(&object).to_owned(), revision);
    match manage(state, &object) {
        Managed::Changed => true,
        Managed::Refused => false,
        Managed::Settled => update(state, &object),
    }
}

/// How many nodes should run a pod of the set; `None` where its template can't be read.
pub(crate) fn desired(state: &State, set: &Value) -> Option<usize> {
    let spec = spec_of(set)?;
    Some(state.snapshot.nodes.seen().iter().filter(|node| fate(node, &spec).0).count())
}

/// The label of the pods from the newest template.
pub(crate) fn hash(state: &State, set: &Value) -> String {
    state.revisions.get(uid_of(set)).map(|revision| revision.update.clone()).unwrap_or_default()
}

/// The template's spec with the tolerations that the controller adds.
fn spec_of(set: &Value) -> Option<PodSpec> {
    let mut spec: PodSpec = serde_json::from_value(set["spec"]["template"]["spec"].clone()).ok()?;
    let added = tolerations(&set["spec"]["template"]["spec"]);
    spec.tolerations.extend(added.into_iter().filter_map(|one| serde_json::from_value::<Toleration>(one).ok()));
    Some(spec)
}

fn tolerations(spec: &Value) -> Vec<Value> {
    let count = TOLERATED.len() - usize::from(spec["hostNetwork"] != true);
    let one = |(key, effect): &(&str, &str)| json!({ "key": key, "operator": "Exists", "effect": effect });
    TOLERATED.iter().take(count).map(one).collect()
}

/// Whether a node should run a pod of the set, and whether one that is there goes on (`NodeShouldRunDaemonPod`).
fn fate(node: &Node, spec: &PodSpec) -> (bool, bool) {
    let labels = &node.metadata.labels;
    let named = spec.node_name.is_empty() || spec.node_name == node.metadata.name;
    let selected = spec.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        && spec.required_node_affinity().is_none_or(|required| required.matches(&node.metadata.name, labels));
    if !named || !selected {
        return (false, false);
    }
    let untolerated = |effects: &[&str]| {
        let tolerated = |taint: &Taint| spec.tolerations.iter().any(|one| tolerates(one, taint));
        node.spec.taints.iter().any(|taint| effects.contains(&taint.effect.as_str()) && !tolerated(taint))
    };
    match untolerated(&["NoSchedule", "NoExecute"]) {
        true => (false, !untolerated(&["NoExecute"])),
        false => (true, true),
    }
}

/// The set's pods by node; the node of one that waits is the one that it was made for.
fn by_node(state: &State, set: &Value) -> BTreeMap<String, Vec<OnNode>> {
    let hash = hash(state, set);
    let mut nodes: BTreeMap<String, Vec<OnNode>> = BTreeMap::new();
    for pod in state.pods_of(namespace_of(set), uid_of(set)) {
        let on = OnNode {
            name: pod.metadata.name.clone(),
            updated: label(pod, REVISION) == hash,
            available: available(pod),
        };
        nodes.entry(node_of(pod)).or_default().push(on);
    }
    nodes
}

fn node_of(pod: &Pod) -> String {
    if pod.assigned() {
        return pod.spec.node_name.clone();
    }
    let terms = pod.spec.required_node_affinity().map_or(&[][..], |required| &required.node_selector_terms);
    let mut fields = terms.iter().flat_map(|term| &term.match_fields);
    let named = fields.find(|field| field.key == "metadata.name" && field.operator == "In");
    named.and_then(|field| field.values.first().cloned()).unwrap_or_default()
}

/// What came of a look at which nodes lack a pod.
enum Managed {
    Changed,
    /// The server refused a pod: no old pod is replaced then.
    Refused,
    Settled,
}

/// A pod on each node that should run one, none on those that should not.
fn manage(state: &mut State, object: &Value) -> Managed {
    let Some(spec) = spec_of(object) else { return Managed::Refused };
    let present = by_node(state, object);
    let (mut missing, mut gone) = (Vec::new(), Vec::new());
    for node in state.snapshot.nodes.seen() {
        let pods = present.get(&node.metadata.name).map_or(&[][..], Vec::as_slice);
        match fate(node, &spec) {
            (true, _) if pods.is_empty() => missing.push(node.metadata.name.clone()),
            (_, false) => gone.extend(pods.iter().map(|pod| pod.name.clone())),
            _ => {}
        }
    }
    let namespace = namespace_of(object).to_owned();
    gone.iter().for_each(|name| delete_owned_pod(state, &namespace, name));
    let mut changed = !gone.is_empty();
    for node in &missing {
        if !make(state, object, node) {
            return if changed { Managed::Changed } else { Managed::Refused };
        }
        changed = true;
    }
    if missing.is_empty() {
        state.refused.remove(uid_of(object));
    }
    if changed { Managed::Changed } else { Managed::Settled }
}

fn make(state: &mut State, object: &Value, node: &str) -> bool {
    let mut template = object["spec"]["template"].clone();
    set(&mut template, &["metadata", "labels", REVISION], json!(hash(state, object)));
    let mut all = template["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
    for one in tolerations(&template["spec"]) {
        match all.iter_mut().find(|present| present["key"] == one["key"] && present["effect"] == one["effect"]) {
            Some(present) => *present = one,
            None => all.push(one),
        }
    }
    set(&mut template, &["spec", "tolerations"], Value::Array(all));
    let only = json!({ "nodeSelectorTerms": [
        { "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [node] }] },
    ] });
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    set(&mut template, &["spec", "affinity", "nodeAffinity", required], only);
    let pod = from_template(state, object, &template, &Called::Base(&base(object)));
    pods::make(state, uid_of(object), pod)
}

/// Takes old pods away, as many as may be missing; their successors come in the next look.
fn update(state: &mut State, object: &Value) -> bool {
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return false;
    }
    let nodes = by_node(state, object);
    let total = i64::try_from(desired(state, object).unwrap_or(0)).unwrap_or(i64::MAX);
    let bound = |field: &str| {
        scaled(object.pointer(&format!("/spec/updateStrategy/rollingUpdate/{field}")), total, true)
            .and_then(|most| usize::try_from(most).ok())
    };
    match bound("maxSurge").unwrap_or(0) {
        0 => replace(state, object, &nodes, bound("maxUnavailable").unwrap_or(1).max(1)),
        surge => exceed(state, object, &nodes, surge),
    }
}

fn replace(state: &mut State, object: &Value, nodes: &BTreeMap<String, Vec<OnNode>>, most: usize) -> bool {
    let unavailable = nodes.values().filter(|pods| !pods.iter().any(|pod| pod.available)).count();
    let old = nodes.values().flatten().filter(|pod| !pod.updated);
    let (running, broken): (Vec<&OnNode>, Vec<&OnNode>) = old.partition(|pod| pod.available);
    let room = most.saturating_sub(unavailable);
    let gone: Vec<&OnNode> = broken.into_iter().chain(running.into_iter().take(room)).collect();
    let namespace = namespace_of(object);
    gone.iter().for_each(|pod| delete_owned_pod(state, namespace, &pod.name));
    !gone.is_empty()
}

/// The new pod comes beside the old one, which goes when the new one runs.
fn exceed(state: &mut State, object: &Value, nodes: &BTreeMap<String, Vec<OnNode>>, surge: usize) -> bool {
    let mut changed = false;
    let mut surging = 0;
    let mut candidates = Vec::new();
    for (node, pods) in nodes {
        let old = pods.iter().find(|pod| !pod.updated);
        let new = pods.iter().find(|pod| pod.updated);
        match (old, new) {
            (Some(old), Some(new)) if new.available => {
                delete_owned_pod(state, namespace_of(object), &old.name);
                changed = true;
            }
            (Some(_), Some(_)) => surging += 1,
            (Some(_), None) => candidates.push(node),
            (None, _) => {}
        }
    }
    for node in candidates.into_iter().take(surge.saturating_sub(surging)) {
        changed |= make(state, object, node);
    }
    changed
}
