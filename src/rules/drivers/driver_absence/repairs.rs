//! What brings a driver to a node.

use super::{Absence, SYSTEM, needed};
use crate::dependencies::Part;
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::model::component::Role;
use crate::model::{Kind, Pod};
use crate::rules::drivers::driver::{KeepsOff, log_step, tolerate_taints};
use crate::rules::drivers::similar::similar;
use crate::rules::drivers::vsphere;
use crate::rules::starting::containers::fault;

/// What a remedy can't tell beforehand.
const UNKNOWN: &str = "what the driver says on the node is known only once it runs there";

impl Absence<'_> {
    /// What brings the driver to the node.
    pub(in crate::rules) fn remedy(&self, cx: &Context<'_>, driver: &str, node: &str) -> Remedy {
        let bring = |steps| Remedy::untried("Bring the driver to the node", Risk::Low, steps, UNKNOWN);
        match self {
            Self::NotInstalled => {
                let what = format!("Install CSI driver {driver}: its controller, and its plugin on every node");
                let reason = "what the driver would do is not known";
                let other = similar(cx, driver).map(|other| {
                    Step::told(format!(
                        "Where {other} is to serve from now on: bring what the volumes hold to volumes of its own, by snapshot or \
                         copy, for a volume stays its driver's"
                    ))
                });
                let steps = [Step::told(what)].into_iter().chain(other).collect();
                Remedy::untried("Install the driver", Risk::Low, steps, reason)
            }
            Self::KeptOff(part, KeepsOff::Taints(taints)) => {
                let words = part.words();
                let what = format!(
                    "Let the pods of {words} tolerate that; where a chart or an operator makes it, set it there"
                );
                bring(vec![cx.step(what, tolerate_taints(part, taints))])
            }
            Self::KeptOff(part, KeepsOff::Selector { key, wanted, .. })
                if !SYSTEM.iter().any(|(label, _)| label == key) =>
            {
                let patch = serde_json::json!({"metadata": {"labels": {key: wanted}}});
                let what = format!(
                    "Give node {node}, and every other that is to have the driver, the label that {} asks for",
                    part.words()
                );
                bring(vec![cx.patch(what, (Kind::Node, "", node), patch)])
            }
            Self::KeptOff(part, _) => bring(vec![Step::told(format!(
                "Let {} go to node {node}, or keep the pods that need the driver away from it",
                part.words()
            ))]),
            Self::VirtualNode(_) => bring(vec![Step::told(
                "Place the pods that need the driver on nodes that are machines (node selector, affinity, or a profile that \
                 does not select them), or give them volumes that the virtual node's provider mounts itself",
            )]),
            Self::Pending(part, _) => bring(vec![Step::told(format!(
                "Make room for the pod of {} on node {node}; node plugins usually have priority class \
                 system-node-critical, which evicts others",
                part.words()
            ))]),
            Self::NoPod(part, _) => {
                let what = format!("Remove what keeps {} from making its pod; its events say what", part.words());
                bring(vec![Step::told(what)])
            }
            Self::Broken(part, pod) | Self::PartBroken(part, pod) => {
                let other = needed(cx, part, pod);
                let pod = other.map_or(*pod, |other| other.pod);
                let container = fault(pod).map(|fault| fault.status.name.as_str()).or(part.driver_container());
                let what = format!("Read what the driver says on node {}", pod.spec.node_name);
                let mut steps = vec![log_step(what, part.namespace, &pod.metadata.name, container)];
                let said = fault(pod).and_then(|fault| fault.said(cx)).unwrap_or_default();
                if vsphere::about_topology(&said) {
                    steps.extend(vsphere::topology_looks(cx, &pod.spec.node_name));
                }
                Remedy::untried("See why the driver does not run", Risk::Low, steps, UNKNOWN)
            }
            Self::OtherFolder { part, lives_in, .. } => bring(vec![Step::told(format!(
                "Give {} the kubelet's folder, {lives_in} (charts call it kubeletDir or kubeletRootDir)",
                part.words()
            ))]),
            Self::NotRegistered(part, pod) => not_registered(part, pod),
            Self::Unknown => {
                let what = format!("Look for the driver's DaemonSet, and whether it has a pod on node {node}");
                bring(vec![Step::told(what)])
            }
        }
    }
}

fn not_registered(part: &Part<'_>, pod: &Pod) -> Remedy {
    let registrar = part.container(Role::Registrar);
    let steps = vec![
        log_step("Read what its registrar says", part.namespace, &pod.metadata.name, registrar),
        Step::told("Compare the directory that the DaemonSet mounts with the kubelet's --root-dir on the node"),
    ];
    Remedy::untried("See why the kubelet does not know it", Risk::Low, steps, UNKNOWN)
}
