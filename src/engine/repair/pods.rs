//! What can be changed of a pod, or of the template that it is made from.

use serde_json::{Value, json};

use super::nodes::{control_plane, out_of_order};
use super::plan::{Edit, Way};
use super::requests;
use super::ways::At;
use crate::diagnosis::context::pod_ref;
use crate::diagnosis::remedy::Risk;
use crate::diagnosis::text::{names, near};
use crate::model::pod::Resources;
use crate::model::quantity::milli_value;
use crate::model::{Kind, Pod, Quantity};
use crate::scheduler::Obstacle;
use crate::scheduler::obstacle::amount;
use crate::snapshot::edit::{Edit as StateEdit, pointer_token};

const MEBIBYTE: i64 = 1 << 20;
const HOSTNAME: &str = "kubernetes.io/hostname";
const TERMS: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
/// A pod that asks for less than this share of what it asked for is not taken to run, one in so many.
const LEAST_SHARE: i64 = 32;
/// Nodes by name in one affinity.
const MOST_NAMES: usize = 10;

/// Has a pod that has a node and can't start there placed anew.
pub(super) fn elsewhere(pod: &Pod) -> Option<Way> {
    if pod.metadata.controller().is_some_and(|owner| owner.kind == "DaemonSet" || owner.kind == "Node") {
        return None;
    }
    let operations = vec![json!({"op": "remove", "path": "/spec/nodeName"})];
    let what = format!("have pod {} placed anew", pod.metadata.name);
    Some(Way::new(what, change(pod, operations), 2, Risk::Low).note("where it finds its volumes").evading())
}

/// Has the pod look only at these nodes, besides what it asks for already.
pub(super) fn only_on(at: &At<'_, '_>, nodes: &[&str], why: &str) -> Option<Way> {
    if nodes.is_empty() || nodes.len() > MOST_NAMES || at.pod.spec.node_selector.contains_key(HOSTNAME) {
        return None;
    }
    let requirement = json!({"key": HOSTNAME, "operator": "In", "values": nodes});
    let mut operations = Vec::new();
    match at.pod.spec.required_node_affinity() {
        None => {
            let terms = json!({"nodeSelectorTerms": [{"matchExpressions": [requirement]}]});
            let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": terms});
            operations.push(match &at.pod.spec.affinity {
                None => json!({"op": "add", "path": "/spec/affinity", "value": {"nodeAffinity": required}}),
                Some(_) => json!({"op": "add", "path": "/spec/affinity/nodeAffinity", "value": required}),
            });
        }
        Some(affinity) => {
            for (index, term) in affinity.node_selector_terms.iter().enumerate() {
                let list = format!("{TERMS}/{index}/matchExpressions");
                operations.push(match term.match_expressions.is_empty() {
                    true => json!({"op": "add", "path": list, "value": [requirement]}),
                    false => json!({"op": "add", "path": format!("{list}/-"), "value": requirement}),
                });
            }
        }
    }
    let what = match nodes {
        [node] => format!("run on node {node}"),
        nodes => format!("run on one of nodes {}", names(nodes)),
    };
    Some(Way::new(told(at, &what), change(at.pod, operations), 4, Risk::Low).note(why).evading())
}

/// The edit that the obstacle itself carries, where it is one of the pod.
pub(super) fn own(
    at: &At<'_, '_>,
    obstacle: &Obstacle,
    cost: u32,
    risk: Risk,
    what: impl FnOnce() -> String,
) -> Option<Way> {
    let [StateEdit::Patch { kind: Kind::Pod, namespace, name, operations: Value::Array(operations) }] =
        obstacle.edits.as_slice()
    else {
        return None;
    };
    let meta = &at.pod.metadata;
    let own = (namespace, name) == (&meta.namespace, &meta.name);
    let own = own && !(by_runtime_class(at.pod) && operations.iter().any(of_node_selector));
    own.then(|| Way::new(told(at, &what()), change(at.pod, operations.clone()), cost, risk))
}

/// Whether the selector may be the runtime class's, which admission puts into every pod
/// (`plugin/pkg/admission/runtimeclass`).
fn by_runtime_class(pod: &Pod) -> bool {
    pod.spec.runtime_class_name.is_some()
}

fn of_node_selector(operation: &Value) -> bool {
    operation["path"].as_str().is_some_and(|path| path.starts_with("/spec/nodeSelector"))
}

pub(super) fn tolerate(at: &At<'_, '_>, obstacle: &Obstacle, (key, value, effect): (&str, &str, &str)) -> Option<Way> {
    if out_of_order(key) {
        return None;
    }
    let taint = if value.is_empty() { format!("{key}:{effect}") } else { format!("{key}={value}:{effect}") };
    let (cost, why) = match control_plane(key) {
        true => (6, "which is to run beside the control plane"),
        false => (3, "if it may run on such nodes"),
    };
    own(at, obstacle, cost, Risk::Medium, || format!("tolerate taint {taint}")).map(|way| way.note(why))
}

/// Another value of a selector: cheap where the one that is asked looks like a slip of the one that is there.
pub(super) fn ask_for(at: &At<'_, '_>, key: &str, value: &str, instead: &str) -> Option<Way> {
    let path = format!("/spec/nodeSelector/{}", pointer_token(key));
    let operations = vec![json!({"op": "replace", "path": path, "value": value})];
    let slip = near(instead, [value]).is_some() || value.len() > 2 && strsim::osa_distance(instead, value) == 1;
    let what = told(at, &format!("ask for {key}={value} instead of {instead}"));
    let (cost, risk) = if slip { (1, Risk::Low) } else { (5, Risk::Medium) };
    let own = !by_runtime_class(at.pod) && (slip || key != HOSTNAME);
    own.then(|| Way::new(what, change(at.pod, operations), cost, risk))
}

/// Has the container that asks for most ask for as much less as is missing, be it for this pod alone or for all of its
/// workload; for none at all of what the node doesn't have.
pub(super) fn ask_less(at: &At<'_, '_>, resource: &str, asked: i64, free: i64, allocatable: i64) -> Vec<Way> {
    let containers = 0..at.pod.spec.containers.len();
    let named = containers.filter_map(|place| Some((place, self::asked(at.pod, place, resource)?)));
    let Some((place, most)) = named.max_by_key(|(_, amount)| *amount) else { return Vec::new() };
    if resource.contains('/') && allocatable == 0 {
        return without(at, resource, place).into_iter().collect();
    }
    let rest = |share: i64| most.checked_sub(asked.checked_sub(share)?).filter(|rest| share > 0 && *rest < most);
    let shares = requests::shares(at, resource, free).into_iter();
    shares.filter_map(|share| asking(at, place, resource, whole(resource, rest(share)?))).collect()
}

/// What a container of a pod asks for, in the scheduler's units.
pub(super) fn asked(pod: &Pod, place: usize, resource: &str) -> Option<i64> {
    Some(units(resource, pod.spec.containers.get(place)?.resources.requests.get(resource)?))
}

fn units(resource: &str, quantity: &Quantity) -> i64 {
    match resource {
        "cpu" => milli_value(quantity.nanos()),
        _ => quantity.value(),
    }
}

/// An amount as people write it: bytes in whole MiB, where there is one.
pub(super) fn whole(resource: &str, amount: i64) -> i64 {
    let whole = matches!(resource, "memory" | "ephemeral-storage") && amount > MEBIBYTE;
    if whole { amount - amount % MEBIBYTE } else { amount }
}

/// Has a container ask for this amount, which is less than at first and not next to nothing.
pub(super) fn asking(at: &At<'_, '_>, place: usize, resource: &str, rest: i64) -> Option<Way> {
    let before = at_first(at, place).and_then(|requests| requests.get(resource)).map(|first| units(resource, first));
    let before = before.or_else(|| asked(at.pod, place, resource))?;
    if rest <= 0 || rest.saturating_mul(LEAST_SHARE) < before {
        return None;
    }
    let extended = resource.contains('/');
    let value = match resource {
        "cpu" => format!("{rest}m"),
        _ if !extended && rest % MEBIBYTE == 0 => Quantity::bytes(rest).to_string(),
        _ => rest.to_string(),
    };
    let path = |field: &str| format!("/spec/containers/{place}/resources/{field}/{}", pointer_token(resource));
    let mut operations = vec![json!({"op": "replace", "path": path("requests"), "value": value})];
    if extended || resource.starts_with("hugepages-") {
        operations.push(json!({"op": "replace", "path": path("limits"), "value": value}));
    }
    let (now, then) = (amount(resource, before), amount(resource, rest));
    let what = told(at, &format!("ask for {then} {resource} instead of {now}"));
    let way = Way::new(what, change(at.pod, operations), 4, Risk::Medium).with_less(before, rest);
    Some(way.note("if that is enough"))
}

/// What a container of the pod asks for before anything is changed; a pod that is not there is its template's.
fn at_first<'a>(at: &At<'_, 'a>, place: usize) -> Option<&'a Resources> {
    let meta = &at.pod.metadata;
    let pod = at.cx.snapshot.pods.get(&meta.namespace, &meta.name).found().map(|pod| &pod.spec);
    let spec = pod.or_else(|| Some(at.cx.template(at.pod)?.spec))?;
    Some(&spec.containers.get(place)?.resources.requests)
}

/// Takes a resource out of what a container asks for.
fn without(at: &At<'_, '_>, resource: &str, place: usize) -> Option<Way> {
    let resources = &at.pod.spec.containers[place].resources;
    let fields = [("requests", &resources.requests), ("limits", &resources.limits)];
    let named = fields.into_iter().filter(|(_, list)| list.contains_key(resource)).map(|(field, _)| {
        let path = format!("/spec/containers/{place}/resources/{field}/{}", pointer_token(resource));
        json!({"op": "remove", "path": path})
    });
    let what = told(at, &format!("do without {resource}"));
    Some(Way::new(what, change(at.pod, named.collect()), 9, Risk::Medium).note("if that can be"))
}

/// Leaves the pod to the scheduler that the cluster has.
pub(super) fn default_scheduler(at: &At<'_, '_>) -> Option<Way> {
    let operations = vec![json!({"op": "add", "path": "/spec/schedulerName", "value": "default-scheduler"})];
    let what = told(at, &format!("be placed by default-scheduler instead of {}", at.pod.spec.scheduler()));
    Some(Way::new(what, change(at.pod, operations), 2, Risk::Low))
}

pub(super) fn told(at: &At<'_, '_>, what: &str) -> String {
    let owner = at.cx.workload(at.pod).map(|(kind, meta)| format!("the pods of {kind} {}", meta.name));
    format!("have {} {what}", owner.unwrap_or_else(|| format!("pod {}", at.pod.metadata.name)))
}

pub(super) fn change(pod: &Pod, operations: Vec<Value>) -> Edit {
    Edit::Anew { object: pod_ref(pod), operations }
}
