//! What can be done about each kind of obstacle.

use serde_json::{Value, json};

use super::super::apply::CORDON_TAINT;
use super::claims;
use super::plan::{Edit, Way};
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::remedy::{Change, Risk};
use crate::diagnosis::text::near;
use crate::model::{Kind, Pod};
use crate::scheduler::obstacle::{LabelSource, NoVolume, amount};
use crate::scheduler::{Fact, Obstacle};
use crate::snapshot::Snapshot;
use crate::snapshot::edit::{Edit as StateEdit, pointer_token};

/// What nodes are tainted with while they can't run pods: to tolerate it would not make them able to.
const OUT_OF_ORDER: [&str; 4] =
    ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "not-ready", "ToBeDeleted"];
const HOSTNAME: &str = "kubernetes.io/hostname";
const CONTROL_PLANE: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// The ways around an obstacle on a node, or before any node is looked at. Empty where it takes more than a change of
/// objects, or where it goes by itself.
pub(super) fn of(cx: &Context<'_>, state: &Snapshot, pod: &Pod, node: Option<&str>, obstacle: &Obstacle) -> Vec<Way> {
    match &obstacle.fact {
        Fact::Cordoned => node.map(uncordon).into_iter().collect(),
        Fact::Taint { key, .. } if key == CORDON_TAINT => node.map(uncordon).into_iter().collect(),
        Fact::Taint { key, value, effect } => tolerate(cx, pod, obstacle, key, value, effect).into_iter().collect(),
        Fact::Label { source, requirement, present } => {
            let one = requirement.values.first().filter(|_| requirement.operator == "In");
            let label =
                one.zip(node).and_then(|(value, node)| label(cx, node, &requirement.key, value, present.as_deref()));
            let value = present.as_deref().filter(|_| *source == LabelSource::NodeSelector);
            let ask = value.and_then(|value| ask_for(cx, pod, &requirement.key, value, one.map_or("", String::as_str)));
            let drop = (*source != LabelSource::Scheduler)
                .then(|| own(cx, pod, obstacle, 6, Risk::Medium, || format!("no longer ask for {}", requirement.key)));
            label.into_iter().chain(ask).chain(drop.flatten()).collect()
        }
        Fact::NodeNames { .. } | Fact::NoTermMatches { .. } => {
            own(cx, pod, obstacle, 6, Risk::Medium, || "no longer ask for nodes by affinity".to_owned())
                .into_iter()
                .collect()
        }
        Fact::Port { port, .. } => {
            own(cx, pod, obstacle, 4, Risk::Medium, || format!("no longer take port {port} of the node"))
                .into_iter()
                .collect()
        }
        Fact::Spread { key, .. } => {
            own(cx, pod, obstacle, 3, Risk::Low, || format!("spread over {key} less evenly")).into_iter().collect()
        }
        Fact::Affinity { key, .. } => {
            own(cx, pod, obstacle, 5, Risk::Medium, || format!("no longer ask for company in the same {key}"))
                .into_iter()
                .collect()
        }
        Fact::AntiAffinity { key, .. } => {
            own(cx, pod, obstacle, 5, Risk::Medium, || format!("no longer keep away from others in the same {key}"))
                .into_iter()
                .collect()
        }
        Fact::Resource { name, asked, free, .. } => ask_less(cx, pod, name, *asked, *free).into_iter().collect(),
        Fact::Claim { claim, .. } => of_claim(cx, state, pod, claim),
        Fact::NoSpace { claim, free, maximum, .. } => {
            let room = [free, maximum].into_iter().filter_map(|bytes| *bytes).min();
            let found = state.claims.get(&pod.metadata.namespace, claim).found();
            let smaller = found.zip(room).and_then(|(claim, room)| claims::smaller(cx, claim, room));
            smaller.into_iter().chain(of_claim(cx, state, pod, claim)).collect()
        }
        Fact::NoVolume { claim, why, .. } => match why {
            NoVolume::SelectedElsewhere { node } => give_back(pod, obstacle, claim, node).into_iter().collect(),
            NoVolume::NoneMade { .. } | NoVolume::NotAllowed { .. } => of_claim(cx, state, pod, claim),
        },
        Fact::OtherNode { .. }
        | Fact::Pods { .. }
        | Fact::ClaimInUse { .. }
        | Fact::DiskInUse { .. }
        | Fact::VolumeLimit { .. }
        | Fact::DriverMissing { .. }
        | Fact::VolumeAffinity { .. }
        | Fact::VolumeMissing { .. }
        | Fact::Zone { .. }
        | Fact::SpreadLabel { .. }
        | Fact::ExistingAntiAffinity { .. }
        | Fact::Devices { .. }
        | Fact::ResourceClaim { .. }
        | Fact::DeviceClass { .. }
        | Fact::Feature { .. } => Vec::new(),
    }
}

/// Has a pod that has a node and can't start there placed anew.
pub(super) fn elsewhere(pod: &Pod) -> Option<Way> {
    if pod.metadata.controller().is_some_and(|owner| owner.kind == "DaemonSet" || owner.kind == "Node") {
        return None;
    }
    let operations = vec![json!({"op": "remove", "path": "/spec/nodeName"})];
    let what = format!("have pod {} placed anew, where it finds its volumes", pod.metadata.name);
    Some(Way { what, change: Edit::Anew { object: pod_ref(pod), operations }, cost: 2, risk: Risk::Low })
}

fn uncordon(node: &str) -> Way {
    let change = Edit::Object(Change::Uncordon { node: node.to_owned() });
    let what = format!("let pods onto node {node} again, once what it was cordoned for is over");
    Way { what, change, cost: 1, risk: Risk::Low }
}

fn of_claim(cx: &Context<'_>, state: &Snapshot, pod: &Pod, claim: &str) -> Vec<Way> {
    let claim = state.claims.get(&pod.metadata.namespace, claim).found();
    claim.map(|claim| claims::ways(cx, state, claim)).unwrap_or_default()
}

/// The edit that the obstacle itself carries, where it is one of the pod.
fn own(
    cx: &Context<'_>,
    pod: &Pod,
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
    let meta = &pod.metadata;
    let own = (namespace, name) == (&meta.namespace, &meta.name);
    own.then(|| Way { what: told(cx, pod, &what()), change: change(pod, operations.clone()), cost, risk })
}

fn told(cx: &Context<'_>, pod: &Pod, what: &str) -> String {
    let owner = cx.workload(pod).map(|(kind, meta)| format!("the pods of {kind} {}", meta.name));
    format!("have {} {what}", owner.unwrap_or_else(|| format!("pod {}", pod.metadata.name)))
}

fn change(pod: &Pod, operations: Vec<Value>) -> Edit {
    Edit::Anew { object: pod_ref(pod), operations }
}

fn tolerate(cx: &Context<'_>, pod: &Pod, obstacle: &Obstacle, key: &str, value: &str, effect: &str) -> Option<Way> {
    if OUT_OF_ORDER.iter().any(|part| key.contains(part)) {
        return None;
    }
    let control_plane = CONTROL_PLANE.contains(&key);
    let taint = if value.is_empty() { format!("{key}:{effect}") } else { format!("{key}={value}:{effect}") };
    let why = if control_plane { ", and so run beside the control plane" } else { ", if they may run on such nodes" };
    own(cx, pod, obstacle, if control_plane { 6 } else { 3 }, Risk::Medium, || format!("tolerate taint {taint}{why}"))
}

/// Labels that say what a node is are set by the kubelet, the cloud or a driver, and no wish changes what it is.
fn label(cx: &Context<'_>, node: &str, key: &str, value: &str, present: Option<&str>) -> Option<Way> {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let driver = cx.snapshot.csi_drivers.seen().iter().any(|driver| domain.ends_with(&driver.metadata.name));
    if domain.ends_with("kubernetes.io") || domain.ends_with("k8s.io") || domain.starts_with("topology.") || driver {
        return None;
    }
    let path = format!("/metadata/labels/{}", pointer_token(key));
    let change = Change::JsonPatch {
        kind: Kind::Node,
        namespace: String::new(),
        name: node.to_owned(),
        operations: json!([{"op": "add", "path": path, "value": value}]),
    };
    let instead = present.map(|present| format!(" instead of {present}")).unwrap_or_default();
    let what = format!("label node {node} with {key}={value}{instead}, if that is true of it");
    let (cost, risk) = if present.is_some() { (5, Risk::Medium) } else { (2, Risk::Low) };
    Some(Way { what, change: Edit::Object(change), cost, risk })
}

/// Another value of a selector: cheap where the one that is asked looks like a slip of the one that is there.
fn ask_for(cx: &Context<'_>, pod: &Pod, key: &str, value: &str, instead: &str) -> Option<Way> {
    let path = format!("/spec/nodeSelector/{}", pointer_token(key));
    let operations = vec![json!({"op": "replace", "path": path, "value": value})];
    let slip = near(instead, [value]).is_some() || value.len() > 2 && strsim::osa_distance(instead, value) == 1;
    let what = told(cx, pod, &format!("ask for {key}={value} instead of {instead}"));
    let (cost, risk) = if slip { (1, Risk::Low) } else { (5, Risk::Medium) };
    (slip || key != HOSTNAME).then(|| Way { what, change: change(pod, operations), cost, risk })
}

/// Has the container that asks for most ask for as much less as is missing.
fn ask_less(cx: &Context<'_>, pod: &Pod, resource: &str, asked: i64, free: i64) -> Option<Way> {
    if !matches!(resource, "cpu" | "memory" | "ephemeral-storage") || free <= 0 {
        return None;
    }
    let units = |quantity: &crate::model::Quantity| match resource {
        "cpu" => crate::model::quantity::milli_value(quantity.nanos()),
        _ => quantity.value(),
    };
    let containers = pod.spec.containers.iter().enumerate();
    let asking = containers.filter_map(|(at, one)| Some((at, units(one.resources.requests.get(resource)?))));
    let (at, most) = asking.max_by_key(|(_, amount)| *amount)?;
    let rest = most.checked_sub(asked.checked_sub(free)?).filter(|rest| *rest > 0)?;
    let value = if resource == "cpu" { format!("{rest}m") } else { rest.to_string() };
    let path = format!("/spec/containers/{at}/resources/requests/{resource}");
    let operations = vec![json!({"op": "replace", "path": path, "value": value})];
    let (now, then) = (amount(resource, most), amount(resource, rest));
    let what = told(cx, pod, &format!("ask for {then} {resource} instead of {now}, if that is enough"));
    Some(Way { what, change: change(pod, operations), cost: 4 + less(most, rest), risk: Risk::Medium })
}

/// What it costs to do with less: up to 4, by the share that is gone.
pub(super) fn less(asked: i64, rest: i64) -> u32 {
    let quarters = (asked.saturating_sub(rest)).saturating_mul(4) / asked.max(1);
    u32::try_from(quarters.clamp(0, 4)).unwrap_or(4)
}

/// Takes the node off a claim that was chosen for it and can't be used.
fn give_back(pod: &Pod, obstacle: &Obstacle, claim: &str, node: &str) -> Option<Way> {
    let [StateEdit::Patch { kind: Kind::PersistentVolumeClaim, namespace, name, operations }] =
        obstacle.edits.as_slice()
    else {
        return None;
    };
    let change = Change::JsonPatch {
        kind: Kind::PersistentVolumeClaim,
        namespace: namespace.clone(),
        name: name.clone(),
        operations: operations.clone(),
    };
    let what =
        format!("take node {node} off claim {claim}, so that the scheduler chooses anew for pod {}", pod.metadata.name);
    Some(Way { what, change: Edit::Object(change), cost: 1, risk: Risk::Low })
}
