//! The parts of a CSI driver, as far as the cluster shows them: its controller with the sidecars, and its plugin on the
//! nodes.

use crate::dependencies::Part;
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Change, Step};
use crate::model::component::Role;
use crate::model::node::{Taint, UNSCHEDULABLE_TAINT};
use crate::model::{Kind, Node, ObjectRef, Pod, StorageClass};
use crate::rules::starting::containers::fault;
use crate::scheduler::tolerates;

/// Taints that every DaemonSet's pods tolerate (`pkg/controller/daemon/util/daemonset_util.go`,
/// AddOrUpdateDaemonPodTolerations).
const TOLERATED_BY_DAEMONS: &[&str] = &[
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/pid-pressure",
    UNSCHEDULABLE_TAINT,
];

impl<'a> Part<'a> {
    /// The part's unfinished pods. Those of a Deployment whose ReplicaSets were not read are known by their labels.
    pub(in crate::rules) fn pods(&self, cx: &Context<'a>) -> Vec<&'a Pod> {
        let found = cx.index.owned(self.kind.name(), self.namespace, self.name);
        match (self.kind, self.makers(cx).as_slice()) {
            (Kind::Deployment, []) => {
                let pods = cx.snapshot.pods.in_namespace(self.namespace).iter().map(|pod| &**pod);
                pods.filter(|pod| !pod.finished() && self.selects(pod)).collect()
            }
            (Kind::Deployment, makers) => {
                makers.iter().flat_map(|set| cx.index.owned("ReplicaSet", &set.namespace, &set.name).to_vec()).collect()
            }
            (Kind::Pod, _) => {
                let pod = cx.snapshot.pods.get(self.namespace, self.name).found();
                pod.map(|pod| &**pod).filter(|pod| !pod.finished()).into_iter().collect()
            }
            _ => found.to_vec(),
        }
    }

    /// What makes the part's pods: itself, or the ReplicaSets of a Deployment as far as they were read.
    pub(in crate::rules) fn makers(&self, cx: &Context<'_>) -> Vec<ObjectRef> {
        if self.kind != Kind::Deployment {
            return vec![self.object()];
        }
        let sets = cx.snapshot.replica_sets.in_namespace(self.namespace).iter();
        let own = sets.filter(|set| {
            set.metadata.controller().is_some_and(|owner| owner.kind == "Deployment" && owner.name == self.name)
        });
        own.map(|set| ObjectRef::new(Kind::ReplicaSet, self.namespace, &set.metadata.name)).collect()
    }

    fn selects(&self, pod: &Pod) -> bool {
        let selector = self.workload.and_then(|workload| workload.spec.selector.as_ref());
        selector.is_some_and(|selector| !selector.is_empty() && selector.matches(&pod.metadata.labels))
    }
}

/// The workload of a driver that runs a sidecar, with the container's name; one that isn't bound to nodes before others.
pub(in crate::rules) fn sidecar<'a>(cx: &Context<'a>, driver: &str, role: Role) -> Option<(Part<'a>, &'a str)> {
    let parts = cx.drivers.parts(driver);
    let mut found: Vec<(Part<'a>, &str)> =
        parts.into_iter().filter_map(|part| Some((part, part.container(role)?))).collect();
    found.sort_by_key(|(part, _)| part.kind == Kind::DaemonSet);
    found.into_iter().next()
}

/// The DaemonSets that bring a driver to the nodes, the likeliest first; those for other systems stand beside.
pub(in crate::rules) fn node_plugins<'a>(cx: &Context<'a>, driver: &str) -> Vec<Part<'a>> {
    let mut found = cx.drivers.parts(driver);
    found.retain(|part| part.kind == Kind::DaemonSet);
    match found.iter().any(|part| part.has_socket(driver)) {
        true => found.retain(|part| part.has_socket(driver)),
        false => found.retain(Part::registers),
    }
    found
}

/// The DaemonSet that brings a driver to a node, or should.
pub(in crate::rules) fn node_plugin<'a>(cx: &Context<'a>, driver: &str, node: &Node) -> Option<Part<'a>> {
    let plugins = node_plugins(cx, driver);
    let there = plugins.iter().find(|part| pod_on(cx, part, &node.metadata.name).is_some());
    let wants = |part: &&Part<'a>| !matches!(keeps_off(part, node), Some(KeepsOff::Selector { .. }));
    there.or_else(|| plugins.iter().find(wants)).or(plugins.first()).copied()
}

/// The pod of a part on a node.
pub(in crate::rules) fn pod_on<'a>(cx: &Context<'a>, part: &Part<'a>, node: &str) -> Option<&'a Pod> {
    part.pods(cx).into_iter().find(|pod| pod.spec.node_name == node)
}

/// The pod of a DaemonSet that waits for its node; such pods name it by affinity (`pkg/controller/daemon/util`,
/// ReplaceDaemonSetPodNodeNameNodeAffinity).
pub(in crate::rules) fn pending_for<'a>(cx: &Context<'a>, part: &Part<'a>, node: &Node) -> Option<&'a Pod> {
    let meta = &node.metadata;
    let meant = |pod: &&Pod| {
        let affinity = pod.spec.required_node_affinity();
        !pod.assigned() && affinity.is_some_and(|affinity| affinity.matches(&meta.name, &meta.labels))
    };
    part.pods(cx).into_iter().find(meant)
}

/// What marks a node that is no machine: its pods run elsewhere, without a kubelet that mounts volumes by node plugins.
const VIRTUAL: &[(&str, &str, &str)] = &[
    ("eks.amazonaws.com/compute-type", "fargate", "Fargate"),
    ("type", "virtual-kubelet", "virtual-kubelet"),
    ("kubernetes.io/role", "virtual-kubelet", "virtual-kubelet"),
    ("kubernetes.azure.com/mode", "virtual", "virtual-kubelet"),
];

/// What kind of virtual node it is, where it is one.
pub(in crate::rules) fn virtual_node(node: &Node) -> Option<&'static str> {
    let labels = &node.metadata.labels;
    let labelled = VIRTUAL.iter().find(|(key, value, _)| labels.get(*key).is_some_and(|found| found == value));
    let tainted = || node.spec.taints.iter().any(|taint| taint.key == "virtual-kubelet.io/provider");
    labelled.map(|(.., kind)| *kind).or_else(|| tainted().then_some("virtual-kubelet"))
}

/// A part of a driver of which no pod is ready, with a pod that says why: one on the node before others.
pub(in crate::rules) fn broken_part<'a>(
    cx: &Context<'a>,
    driver: &str,
    node: Option<&str>,
) -> Option<(Part<'a>, &'a Pod)> {
    let mut found: Vec<(Part<'a>, &Pod)> = Vec::new();
    for part in cx.drivers.parts(driver) {
        let pods = part.pods(cx);
        if !pods.iter().any(|pod| pod.ready()) {
            found.extend(pods.into_iter().filter(|pod| fault(pod).is_some()).map(|pod| (part, pod)));
        }
    }
    found.sort_by_key(|(_, pod)| node.is_none_or(|node| pod.spec.node_name != node));
    found.into_iter().next()
}

/// What keeps a DaemonSet's pods off a node (`pkg/controller/daemon/daemon_controller.go`, NodeShouldRunDaemonPod).
#[derive(Clone, Debug)]
pub(in crate::rules) enum KeepsOff<'n> {
    /// Taints that the pods don't tolerate; never none.
    Taints(Vec<&'n Taint>),
    /// A label that the pods ask for and the node doesn't have so.
    Selector { key: String, wanted: String, present: Option<&'n str> },
    /// The pods' required node affinity: of the term that lacks least, what the node doesn't meet.
    Affinity { unmet: Vec<String> },
}

/// What keeps a DaemonSet's pods off a node; nothing where the DaemonSet was not read, for its pods ask for their own node.
pub(in crate::rules) fn keeps_off<'n>(daemon: &Part<'_>, node: &'n Node) -> Option<KeepsOff<'n>> {
    let spec = &daemon.workload?.spec.template.spec;
    let labels = &node.metadata.labels;
    for (key, wanted) in &spec.node_selector {
        let present = labels.get(key).map(String::as_str);
        if present != Some(wanted) {
            return Some(KeepsOff::Selector { key: key.clone(), wanted: wanted.clone(), present });
        }
    }
    let affinity = spec.required_node_affinity();
    if let Some(affinity) = affinity.filter(|affinity| !affinity.matches(&node.metadata.name, labels)) {
        let unmet = affinity.nearest(&node.metadata.name, labels).map(|nearest| nearest.unmet).unwrap_or_default();
        return Some(KeepsOff::Affinity { unmet: unmet.iter().map(|unmet| unmet.requirement.to_string()).collect() });
    }
    let tolerated = |taint: &Taint| {
        TOLERATED_BY_DAEMONS.contains(&taint.key.as_str())
            || spec.host_network && taint.key == "node.kubernetes.io/network-unavailable"
            || spec.tolerations.iter().any(|toleration| tolerates(toleration, taint))
    };
    let hard = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    let taints: Vec<&Taint> = node.spec.taints.iter().filter(hard).filter(|taint| !tolerated(taint)).collect();
    (!taints.is_empty()).then_some(KeepsOff::Taints(taints))
}

/// The pods that a driver has made to serve or to make a volume: they are named after it (`helper-pod-create-pvc-…`,
/// `share-manager-pvc-…`).
pub(in crate::rules) fn helper_pods<'a>(cx: &Context<'a>, volume: &str) -> Vec<&'a Pod> {
    let (end, middle) = (format!("-{volume}"), format!("-{volume}-"));
    let pods = cx.snapshot.pods.seen().iter().map(|pod| &**pod).filter(|pod| !pod.finished());
    pods.filter(|pod| pod.metadata.name.ends_with(&end) || pod.metadata.name.contains(&middle)).collect()
}

/// A step that reads a container's log; `target` is a pod, or a workload as `deployment/NAME`.
pub(in crate::rules) fn log_step(
    what: impl Into<String>,
    namespace: &str,
    target: &str,
    container: Option<&str>,
) -> Step {
    let mut flags = vec![("-n", namespace)];
    flags.extend(container.map(|container| ("-c", container)));
    let command = kubectl(&["logs", "--tail=100"], &[target], &flags);
    Step { what: what.into(), command, ..Step::default() }
}

/// A step that reads the events about a pod.
pub(in crate::rules) fn events_step(pod: &Pod) -> Step {
    let (namespace, name) = (&pod.metadata.namespace, &pod.metadata.name);
    let selector = format!("involvedObject.name={name}");
    let command = kubectl(
        &["get", "events", "--sort-by=.lastTimestamp"],
        &[],
        &[("-n", namespace), ("--field-selector", &selector)],
    );
    Step { what: format!("Read the events of pod {name}"), command, ..Step::default() }
}

/// The step that reads the log of the driver's plugin on a node.
pub(in crate::rules) fn plugin_log<'a>(cx: &Context<'a>, driver: &str, node: &Node) -> Option<Step> {
    let part = node_plugin(cx, driver, node)?;
    let pod = pod_on(cx, &part, &node.metadata.name)?;
    let what = format!("Read what the driver says on node {}", node.metadata.name);
    Some(log_step(what, part.namespace, &pod.metadata.name, part.driver_container()))
}

/// The steps that read the log of the driver's controller: the sidecar's, then the driver's own.
pub(in crate::rules) fn controller_logs(cx: &Context<'_>, driver: &str, role: Role) -> Vec<Step> {
    let Some((part, container)) = sidecar(cx, driver, role) else { return Vec::new() };
    let (target, word) = (format!("{}/{}", part.kind.name().to_ascii_lowercase(), part.name), role.word());
    let own = part.driver_container().filter(|own| *own != container);
    let mut steps = vec![log_step(format!("Read what its {word} says"), part.namespace, &target, Some(container))];
    steps.extend(own.map(|own| log_step("Read what the driver's controller says", part.namespace, &target, Some(own))));
    steps
}

/// The change that lets a workload's pods tolerate taints.
pub(in crate::rules) fn tolerate_taints(part: &Part<'_>, taints: &[&Taint]) -> Change {
    let toleration = |taint: &&Taint| match taint.value.as_str() {
        "" => serde_json::json!({"key": taint.key, "operator": "Exists", "effect": taint.effect}),
        value => serde_json::json!({"key": taint.key, "operator": "Equal", "value": value, "effect": taint.effect}),
    };
    let new: Vec<serde_json::Value> = taints.iter().map(toleration).collect();
    let path = "/spec/template/spec/tolerations";
    let operations = if part.spec.tolerations.is_empty() {
        serde_json::json!([{"op": "add", "path": path, "value": new}])
    } else {
        let add = |value| serde_json::json!({"op": "add", "path": format!("{path}/-"), "value": value});
        new.into_iter().map(add).collect()
    };
    Change::JsonPatch { kind: part.kind, namespace: part.namespace.to_owned(), name: part.name.to_owned(), operations }
}

/// The classes of a driver.
pub(in crate::rules) fn classes_of<'a>(cx: &Context<'a>, driver: &'a str) -> impl Iterator<Item = &'a StorageClass> {
    cx.snapshot.classes.seen().iter().map(|class| &**class).filter(move |class| class.provisioner == driver)
}
