//! What to do about a provisioner that refuses a claim.

use super::Stopped;
use crate::admission::expand::claim_maker;
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::model::Kind;
use crate::rules::drivers::driver::{node_plugin, pod_on};
use crate::rules::drivers::vsphere::{self, VSPHERE};
use crate::volumes::ProvisionProblem;

pub(super) fn remedy(cx: &Context<'_>, stopped: &Stopped<'_, '_>) -> Remedy {
    let reason = "what the provisioner answers then is not known";
    if let Some((title, step)) = without(cx, stopped) {
        return Remedy::untried(title, Risk::Low, vec![step], reason);
    }
    let name = &stopped.case.claim.metadata.name;
    let class = stopped.case.claim.class();
    let driver = &stopped.verdict.driver;
    let (title, what) = match stopped.problem {
        ProvisionProblem::Selector => (
            "Ask for a volume without a selector",
            format!("Make claim {name} anew without spec.selector, which can't be changed; it has no volume yet"),
        ),
        ProvisionProblem::FsTypeTwice | ProvisionProblem::ZonesTwice => (
            "Correct the class",
            format!("Make class {class} anew with one of the two: parameters of a class can't be changed"),
        ),
        ProvisionProblem::NeedsPopulator { group, kind } => {
            ("See to the populator", format!("Install the populator for {kind}.{group}, or read its log where it runs"))
        }
        ProvisionProblem::SourceMissing { name: source }
        | ProvisionProblem::SourceNotBound { name: source, .. }
        | ProvisionProblem::SourceDeleting { name: source }
        | ProvisionProblem::SourceLarger { name: source, .. }
        | ProvisionProblem::SourceUnusable { name: source }
        | ProvisionProblem::SourceMode { name: source } => (
            "Correct what is to be cloned",
            format!("See to claim {source}, or make claim {name} anew with a source that can be cloned"),
        ),
        ProvisionProblem::NoTopologyKey { node, registered: true } => (
            "Register the driver on the node anew",
            format!(
                "See that node {node} has a place in the driver's topology (its zone labels or tags), then restart the pod of \
                 {driver}'s node plugin there: it tells the kubelet of its topology only when it registers"
            ),
        ),
        ProvisionProblem::CsiNodeMissing { node } | ProvisionProblem::NoTopologyKey { node, .. } => (
            "Register the driver on the node",
            format!("See why the node plugin of {driver} has not registered on node {node}: it must run there"),
        ),
        ProvisionProblem::NodeLacksLabels { node, .. } => (
            "Label the node",
            format!(
                "See why node {node} lacks the labels: the cloud provider or the node plugin of {driver} sets them"
            ),
        ),
        ProvisionProblem::NotAllowed { .. } => (
            "Bring pod and class together",
            format!("Let the pod run where class {class} allows volumes, or make the class anew with other topologies"),
        ),
        ProvisionProblem::DriverOnNoNode | ProvisionProblem::KeysOnNoNode { .. } => {
            ("Register the driver", format!("See why the node plugin of {driver} registers on no node"))
        }
        ProvisionProblem::AttributesClassMissing { name: class }
        | ProvisionProblem::AttributesClassOfOther { name: class, .. } => (
            "Correct the attributes class",
            format!("Create VolumeAttributesClass {class} for driver {driver}, or let claim {name} name another"),
        ),
    };
    let mut steps = vec![Step::told(what)];
    steps.extend(register_anew(cx, stopped));
    Remedy::untried(title, Risk::Low, steps, reason)
}

/// The claim made anew without the field that is in the way, where no workload would make it with the same again.
fn without(cx: &Context<'_>, stopped: &Stopped<'_, '_>) -> Option<(&'static str, Step)> {
    let claim = stopped.case.claim;
    let meta = &claim.metadata;
    let (title, field, or) = match stopped.problem {
        ProvisionProblem::Selector => {
            ("Ask for a volume without a selector", "selector", "which can't be changed".to_owned())
        }
        ProvisionProblem::AttributesClassMissing { name } => (
            "Ask for a volume without an attributes class",
            "volumeAttributesClassName",
            format!("or create VolumeAttributesClass {name} for driver {}", stopped.verdict.driver),
        ),
        _ => return None,
    };
    let made = cx.users_of(claim).iter().any(|pod| claim_maker(cx.snapshot, pod, &meta.name).is_some());
    if made || meta.controller().is_some() {
        return None;
    }
    let (kind, namespace, name) = (Kind::PersistentVolumeClaim, meta.namespace.clone(), meta.name.clone());
    let operations = serde_json::json!([{"op": "remove", "path": format!("/spec/{field}")}]);
    let what = format!("Make claim {name} anew without spec.{field}, {or}; it has no volume yet");
    Some((title, cx.step(what, Change::Remake { kind, namespace, name, operations, ask: None })))
}

/// The steps that have the node plugin of a driver register anew with a topology.
fn register_anew(cx: &Context<'_>, stopped: &Stopped<'_, '_>) -> Vec<Step> {
    let ProvisionProblem::NoTopologyKey { node, registered: true } = stopped.problem else { return Vec::new() };
    let driver = &stopped.verdict.driver;
    let mut steps = match driver.as_str() {
        VSPHERE => vsphere::topology_looks(cx, node),
        _ => Vec::new(),
    };
    let found = cx.snapshot.nodes.get("", node).found();
    let plugin = found.and_then(|node| node_plugin(cx, driver, node)).and_then(|part| pod_on(cx, &part, node));
    steps.extend(plugin.map(|pod| {
        let (namespace, name) = (pod.metadata.namespace.clone(), pod.metadata.name.clone());
        cx.step(
            format!("Delete pod {name}; its DaemonSet makes a new one"),
            Change::Delete { kind: Kind::Pod, namespace, name },
        )
    }));
    steps
}
