//! What can be done about a node that takes no pods.

use serde_json::json;

use super::plan::{Edit, Way};
use super::ways::At;
use crate::diagnosis::remedy::{Change, Risk};
use crate::model::Kind;
use crate::model::node::UNSCHEDULABLE_TAINT;
use crate::snapshot::edit::pointer_token;

/// What nodes are tainted with while they can't run pods: nobody's wish makes them able to.
const OUT_OF_ORDER: [&str; 4] =
    ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "not-ready", "ToBeDeleted"];
const CONTROL_PLANE: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// Whether a taint says that the node can't run pods.
pub(super) fn out_of_order(key: &str) -> bool {
    OUT_OF_ORDER.iter().any(|part| key.contains(part))
}

/// Whether a taint keeps pods away from the control plane.
pub(super) fn control_plane(key: &str) -> bool {
    CONTROL_PLANE.contains(&key)
}

/// Lets pods onto the node again.
pub(super) fn uncordon(at: &At<'_, '_>) -> Option<Way> {
    let node = at.node?;
    let change = Edit::Object(Change::Uncordon { node: node.to_owned() });
    let way = Way::new(format!("let pods onto node {node} again"), change, 1, Risk::Low);
    Some(way.note("once what it was cordoned for is over"))
}

/// Takes a taint off the node that keeps it for some pods.
pub(super) fn untaint(at: &At<'_, '_>, key: &str, effect: &str) -> Option<Way> {
    let node = at.node.filter(|_| key != UNSCHEDULABLE_TAINT && !out_of_order(key) && !control_plane(key))?;
    let change = Change::Untaint { node: node.to_owned(), key: key.to_owned(), effect: effect.to_owned() };
    let what = format!("take taint {key}:{effect} off node {node}");
    Some(Way::new(what, Edit::Object(change), 5, Risk::Medium).note("which opens it to all pods"))
}

/// Gives the node a label. Those that say what a node is are set by the kubelet, the cloud or a driver, and no wish
/// changes what it is.
pub(super) fn label(at: &At<'_, '_>, key: &str, value: &str, present: Option<&str>) -> Option<Way> {
    let node = at.node?;
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let driver = at.cx.snapshot.csi_drivers.seen().iter().any(|driver| domain.ends_with(&driver.metadata.name));
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
    let what = format!("label node {node} with {key}={value}{instead}");
    let (cost, risk) = if present.is_some() { (5, Risk::Medium) } else { (2, Risk::Low) };
    Some(Way::new(what, Edit::Object(change), cost, risk).note("if that is true of it"))
}
