//! Why a CSI driver isn't registered on a node.

mod facts;
mod repairs;

use super::driver::{KeepsOff, broken_part, keeps_off, node_plugin, pending_for, pod_on, virtual_node};
use super::kubelet_folder::kubelet_home;
use crate::dependencies::Part;
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::text::names;
use crate::model::node::Taint;
use crate::model::{Event, Kind, Node, ObjectRef, Pod};
use crate::rules::attaching::placed::node_ref;
use crate::rules::scheduling::no_node_fits::story;
use crate::rules::starting::containers::{Fault, fault};

/// Labels of a node's system (`k8s.io/api/core/v1/well_known_labels.go`), in words.
const SYSTEM: &[(&str, &str)] = &[
    ("kubernetes.io/os", "operating system"),
    ("beta.kubernetes.io/os", "operating system"),
    ("kubernetes.io/arch", "architecture"),
    ("beta.kubernetes.io/arch", "architecture"),
];

/// Why the driver isn't there.
pub(in crate::rules) enum Absence<'a> {
    /// Nothing of the driver is in the cluster.
    NotInstalled,
    /// Its DaemonSet doesn't go to the node.
    KeptOff(Part<'a>, KeepsOff<'a>),
    /// The node is no machine, so that no DaemonSet's pods run on it.
    VirtualNode(&'static str),
    /// Its pod for the node waits for it.
    Pending(Part<'a>, &'a Pod),
    /// Its DaemonSet should go there and has no pod there; the event says why.
    NoPod(Part<'a>, Option<&'a Event>),
    /// Its pod is there and doesn't run.
    Broken(Part<'a>, &'a Pod),
    /// Its pod runs there, and the kubelet doesn't know of it.
    NotRegistered(Part<'a>, &'a Pod),
    /// The same, and a driver that the kubelet knows shows that the kubelet lives in another folder.
    OtherFolder { part: Part<'a>, looks_in: &'a str, lives_in: &'a str, shown_by: Shown<'a> },
    /// Its node plugin isn't recognised, and another part of it doesn't run, which may bring the plugin.
    PartBroken(Part<'a>, &'a Pod),
    /// Its node plugin isn't recognised.
    Unknown,
}

/// What shows where the kubelet of a node lives.
pub(in crate::rules) enum Shown<'a> {
    /// A driver that it knows.
    Plugin(Part<'a>),
    /// The node itself, by its distribution.
    Node(Evidence),
}

impl<'a> Absence<'a> {
    /// Why a driver isn't on a node.
    pub(in crate::rules) fn of(cx: &Context<'a>, driver: &str, node: &'a Node) -> Self {
        if let Some(kind) = virtual_node(node) {
            return Self::VirtualNode(kind);
        }
        let Some(part) = node_plugin(cx, driver, node) else {
            if let Some((part, pod)) = broken_part(cx, driver, Some(&node.metadata.name)) {
                return Self::PartBroken(part, pod);
            }
            let elsewhere = cx.index.nodes_with(driver).is_some() || !cx.drivers.parts(driver).is_empty();
            let installed = elsewhere || cx.snapshot.csi_drivers.get("", driver).found().is_some();
            return if installed { Self::Unknown } else { Self::NotInstalled };
        };
        if let Some(keeps_off) = keeps_off(&part, node) {
            return Self::KeptOff(part, keeps_off);
        }
        match pod_on(cx, &part, &node.metadata.name) {
            Some(pod) if pod.ready() => other_folder(cx, &part, node).unwrap_or(Self::NotRegistered(part, pod)),
            Some(pod) if fault(pod).is_none() => other_folder(cx, &part, node).unwrap_or(Self::Broken(part, pod)),
            Some(pod) => Self::Broken(part, pod),
            None if pending_for(cx, &part, node).is_some() => match pending_for(cx, &part, node) {
                Some(pod) => Self::Pending(part, pod),
                None => Self::Unknown,
            },
            None if part.workload.is_some() && cx.snapshot.pods.covers(part.namespace) => {
                let event = cx.events_of(&part.object()).into_iter().rfind(|event| event.reason == "FailedCreate");
                Self::NoPod(part, event)
            }
            None => Self::Unknown,
        }
    }

    /// Whether the facts prove it.
    pub(in crate::rules) fn certain(&self, cx: &Context<'_>) -> bool {
        match self {
            Self::NotInstalled => all_looked_at(cx),
            Self::Unknown | Self::PartBroken(..) | Self::OtherFolder { .. } => false,
            Self::KeptOff(..)
            | Self::VirtualNode(_)
            | Self::Pending(..)
            | Self::NoPod(..)
            | Self::Broken(..)
            | Self::NotRegistered(..) => true,
        }
    }

    /// The object in which the cause lies.
    pub(in crate::rules) fn object(&self, cx: &Context<'_>, driver: &str, node: &str) -> ObjectRef {
        let looked_for = cx.unread_anywhere(&[Kind::CSIDriver]).is_none() && !cx.presumes_none(Kind::CSIDriver);
        match self {
            Self::NotInstalled if looked_for => ObjectRef::new(Kind::CSIDriver, "", driver),
            Self::NotInstalled | Self::Unknown => match cx.snapshot.csi_nodes.get("", node).found() {
                Some(_) => ObjectRef::new(Kind::CSINode, "", node),
                None => node_ref(node),
            },
            Self::VirtualNode(_) => node_ref(node),
            Self::KeptOff(part, _)
            | Self::Pending(part, _)
            | Self::NoPod(part, _)
            | Self::Broken(part, _)
            | Self::PartBroken(part, _)
            | Self::OtherFolder { part, .. }
            | Self::NotRegistered(part, _) => part.object(),
        }
    }

    /// The cause as the beginning of a sentence; `place` is the node in words.
    pub(in crate::rules) fn cause(&self, cx: &Context<'_>, driver: &str, place: &str) -> String {
        match self {
            Self::NotInstalled if all_looked_at(cx) => format!("CSI driver {driver} is not installed"),
            Self::NotInstalled => {
                format!("of CSI driver {driver} there is no sign in what was read, so it is probably not installed")
            }
            Self::KeptOff(part, keeps) => {
                format!("{} {}, which thus {} driver {driver}", part.words(), keeps_words(keeps, place), lacks(place))
            }
            Self::VirtualNode(kind) => {
                format!(
                    "{place} is a virtual node ({kind}), which runs no node plugin, so driver {driver} is never there"
                )
            }
            Self::Pending(part, pod) => {
                let group = PodGroup { owner: None, pods: vec![pod], verdict: cx.scheduler.judge(pod) };
                let (words, story) = (part.words(), story(cx, &group));
                format!("{words}, which brings driver {driver} to {place}, has its pod pending there: {story}")
            }
            Self::NoPod(part, _) => {
                format!("{} has no pod on {place}, which thus {} driver {driver}", part.words(), lacks(place))
            }
            Self::Broken(part, pod) => {
                let own = fault(pod);
                let broken = own.map_or_else(|| "it is not ready".to_owned(), |fault| fault.sentence(cx));
                let words = part.words();
                match needed(cx, part, pod) {
                    Some(other) => format!(
                        "{words}, which brings driver {driver} to {place}, does not run there, and pod {} of the same driver \
                         does not run there either: {}",
                        other.pod.metadata.name,
                        other.sentence(cx)
                    ),
                    None => format!("{words}, which brings driver {driver} to {place}, does not run there: {broken}"),
                }
            }
            Self::PartBroken(part, pod) => {
                let broken = fault(pod).map_or_else(|| "it is not ready".to_owned(), |fault| fault.sentence(cx));
                let words = part.words();
                format!(
                    "driver {driver} is not registered on {place}, and {words}, a part of it, does not run: {broken}"
                )
            }
            Self::NotRegistered(part, _) => {
                format!("{} runs on {place}, and the kubelet there does not know driver {driver}", part.words())
            }
            Self::OtherFolder { part, looks_in, lives_in, .. } => format!(
                "{} looks for the kubelet in {looks_in}, but on {place} it lives in {lives_in} and does not know driver \
                 {driver}",
                part.words()
            ),
            Self::Unknown => format!("driver {driver} is not registered on {place}"),
        }
    }

    /// What the driver's absence rests on: the pods that would bring it.
    pub(in crate::rules) fn stands_on(&self) -> Option<ObjectRef> {
        match self {
            Self::Broken(_, pod) | Self::Pending(_, pod) => Some(pod_ref(pod)),
            Self::PartBroken(part, _) | Self::NoPod(part, _) => Some(part.object()),
            _ => None,
        }
    }

    /// The pods of the driver itself that the same cause keeps from running.
    pub(in crate::rules) fn victims(&self, cx: &Context<'a>) -> Vec<ObjectRef> {
        let Self::OtherFolder { part, .. } = self else { return Vec::new() };
        let elsewhere = |pod: &&Pod| {
            let node = cx.snapshot.nodes.get("", &pod.spec.node_name).found();
            node.is_some_and(|node| other_folder(cx, part, node).is_some())
        };
        let pods = part.pods(cx).into_iter().filter(|pod| !pod.ready() && fault(pod).is_none());
        pods.filter(elsewhere).map(pod_ref).collect()
    }
}

/// The folder of the kubelet on a node, where a driver that is registered there or the node's distribution shows that it
/// isn't the part's.
fn other_folder<'a>(cx: &Context<'a>, part: &Part<'a>, node: &'a Node) -> Option<Absence<'a>> {
    let looks_in = part.kubelet_folder()?;
    if let Some((lives_in, shown)) = kubelet_home(node).filter(|(lives_in, _)| *lives_in != looks_in) {
        return Some(Absence::OtherFolder { part: *part, looks_in, lives_in, shown_by: Shown::Node(shown) });
    }
    let registered = cx.snapshot.csi_nodes.get("", &node.metadata.name).found()?.spec.drivers.iter();
    let plugins: Vec<Part<'a>> = registered.filter_map(|driver| node_plugin(cx, &driver.name, node)).collect();
    let folders = || plugins.iter().filter_map(|plugin| Some((*plugin, plugin.kubelet_folder()?)));
    if folders().any(|(_, folder)| folder == looks_in) {
        return None;
    }
    let (shown_by, lives_in) = folders().next()?;
    Some(Absence::OtherFolder { part: *part, looks_in, lives_in, shown_by: Shown::Plugin(shown_by) })
}

/// Whether everything was read that could show a driver.
fn all_looked_at(cx: &Context<'_>) -> bool {
    let kinds = [Kind::CSIDriver, Kind::CSINode, Kind::DaemonSet, Kind::Deployment, Kind::StatefulSet];
    cx.unread_anywhere(&kinds).is_none() && !kinds.iter().any(|kind| cx.presumes_none(*kind))
}

/// What the driver waits for on the node: another part of it that fails there, where the driver's own container only says
/// that it gets no answer.
fn needed<'a>(cx: &Context<'a>, part: &Part<'_>, pod: &Pod) -> Option<Fault<'a>> {
    let said = fault(pod)?.said(cx)?;
    let unanswered = ["deadline exceeded", "connection refused", "timed out", "no route to host"];
    let waits = unanswered.iter().any(|words| said.contains(words));
    beside(cx, part, pod).into_iter().find(|fault| waits && fault.said(cx).is_some())
}

/// What else of the driver's namespace doesn't run on the node: the driver itself may need it.
fn beside<'a>(cx: &Context<'a>, part: &Part<'_>, pod: &Pod) -> Vec<Fault<'a>> {
    let node = &pod.spec.node_name;
    let own = |other: &&Pod| other.spec.node_name == *node && other.metadata.name != pod.metadata.name;
    let pods = cx.snapshot.pods.in_namespace(part.namespace).iter().map(|pod| &**pod).filter(own);
    let known = |pod: &&Pod| pod.spec.containers.iter().any(|container| container.role().is_some());
    pods.filter(known).filter(|pod| !pod.ready()).filter_map(fault).take(2).collect()
}

/// The verb for one node or several, in words.
fn lacks(place: &str) -> &'static str {
    if place.starts_with("nodes ") { "lack" } else { "lacks" }
}

fn keeps_words(keeps: &KeepsOff<'_>, place: &str) -> String {
    match keeps {
        KeepsOff::Taints(taints) => {
            let noun = if taints.len() == 1 { "taint" } else { "taints" };
            format!("does not tolerate {noun} {} of {place}", taint_texts(taints))
        }
        KeepsOff::Selector { key, wanted, present: None } => {
            format!("goes only to nodes with label {key}={wanted}, and not to {place}")
        }
        KeepsOff::Selector { key, wanted, present: Some(present) } if SYSTEM.iter().any(|(label, _)| label == key) => {
            let what = SYSTEM.iter().find(|(label, _)| label == key).map_or("", |(_, what)| what);
            format!("is made for {what} {wanted}, and not for {place} with {present}")
        }
        KeepsOff::Selector { key, wanted, present: Some(present) } => {
            format!("goes only to nodes with label {key}={wanted}, and not to {place} with {present}")
        }
        KeepsOff::Affinity { unmet } if unmet.is_empty() => format!("does not go to {place} by its node affinity"),
        KeepsOff::Affinity { unmet } => {
            format!("goes only to nodes with {}, and not to {place}", names(unmet))
        }
    }
}

fn taint_texts(taints: &[&Taint]) -> String {
    let text = |taint: &&Taint| {
        let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
        format!("{}{value}:{}", taint.key, taint.effect)
    };
    names(&taints.iter().map(text).collect::<Vec<_>>())
}
