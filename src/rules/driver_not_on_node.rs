use std::collections::BTreeMap;

use super::containers::fault;
use super::driver::{KeepsOff, Part, keeps_off, log_step, node_plugin, parts, pod_on};
use super::placed::{event_fact, failing, node_of, node_ref, stuck, unread, volume_words, wait_fact};
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding, Severity};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{capital, named, names};
use crate::model::node::Taint;
use crate::model::{Event, Kind, Node, ObjectRef, Pod};
use crate::scheduler::{Fact, Obstacle, Reason, reasons};
use crate::volumes::migration::{in_tree_plugin, translate};
use crate::volumes::{AttachProblem, MountFailure};

super::declare_rule! {
    static RULE = {
        name: "driver-not-on-node",
        summary: "A node lacks the CSI driver of a volume that a pod needs there.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSINode, CSIDriver, DaemonSet, Deployment, StatefulSet, Event],
        rejected_pods: true,
        check: check,
    }
}

/// A driver that a node lacks, with the pods that need it there.
struct Gap<'a> {
    driver: String,
    node: &'a Node,
    pods: Vec<&'a Pod>,
    /// The volumes in words, with the facts about them.
    volumes: Vec<String>,
    facts: Vec<Evidence>,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    out.skip(RULE.name, unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::CSINode]));
    let mut gaps: BTreeMap<(String, String), Gap<'_>> = BTreeMap::new();
    of_placed_pods(cx, out, &mut gaps);
    if of_unplaced_pods(cx, out, &mut gaps) {
        out.skip(RULE.name, cx.unread(&[Kind::CSINode]));
    }
    let mut roots: BTreeMap<(ObjectRef, String), Vec<(&Gap<'_>, Why<'_>)>> = BTreeMap::new();
    for gap in gaps.values() {
        let why = why(cx, &gap.driver, gap.node);
        let key = cause(cx, gap, &why, "that node");
        roots.entry(key).or_default().push((gap, why));
    }
    for gaps in roots.values() {
        out.add(finding(cx, gaps));
    }
}

impl<'a> Gap<'a> {
    fn of<'g>(gaps: &'g mut BTreeMap<(String, String), Self>, driver: &str, node: &'a Node) -> &'g mut Self {
        let key = (driver.to_owned(), node.metadata.name.clone());
        gaps.entry(key).or_insert_with(|| Self {
            driver: driver.to_owned(),
            node,
            pods: Vec::new(),
            volumes: Vec::new(),
            facts: Vec::new(),
        })
    }

    fn add(&mut self, pod: &'a Pod, volume: String, facts: Vec<Evidence>) {
        if !self.pods.iter().any(|known| std::ptr::eq(*known, pod)) {
            self.pods.push(pod);
        }
        if !self.volumes.contains(&volume) {
            self.volumes.push(volume);
            self.facts.extend(facts);
        }
    }
}

fn of_placed_pods<'a>(cx: &Context<'a>, out: &Findings, gaps: &mut BTreeMap<(String, String), Gap<'a>>) {
    for stuck in stuck(cx, out) {
        let AttachProblem::DriverNotOnNode { volume, driver } = stuck.problem else { continue };
        let Some(node) = node_of(cx, stuck.case) else { continue };
        let mut facts = vec![wait_fact(stuck.case)];
        facts.extend(taken_over_fact(cx, volume, driver));
        facts.extend(stuck.case.verdict.telling_events().take(1).map(|it| event_fact(stuck.case, it)));
        Gap::of(gaps, driver, node).add(stuck.case.pod, stuck.volume(cx), facts);
    }
    for (case, event) in failing(cx, out, |failure| *failure == MountFailure::DriverNotOnNode) {
        let volume = event.volume.as_deref().and_then(|name| cx.snapshot.volumes.get("", name).found());
        let driver = volume.and_then(|volume| volume.spec.csi.as_ref()).map(|csi| csi.driver.as_str());
        let unread = cx.snapshot.csi_nodes.get("", &case.verdict.node).found().is_none();
        if let (Some(volume), Some(driver), Some(node), true) = (volume, driver, node_of(cx, case), unread) {
            let words = volume_words(cx, case, &volume.metadata.name);
            Gap::of(gaps, driver, node).add(case.pod, words, vec![event_fact(case, event), wait_fact(case)]);
        }
    }
}

/// Where an in-tree volume is a driver's by migration.
fn taken_over_fact(cx: &Context<'_>, volume: &str, driver: &str) -> Option<Evidence> {
    let found = cx.snapshot.volumes.get("", volume).found()?;
    let plugin = in_tree_plugin(found)?;
    let note =
        format!("in-tree volumes of this kind are left to CSI driver {driver} since Kubernetes has migrated them");
    Some(Context::fact(ObjectRef::new(Kind::PersistentVolume, "", volume), "spec", plugin, note))
}

/// Pods that no node takes, where a node only lacks the label that the driver would give it. Its volume then doesn't
/// match, though the node may be in the right place. Says whether volumes keep any pod from a node.
fn of_unplaced_pods<'a>(cx: &Context<'a>, out: &Findings, gaps: &mut BTreeMap<(String, String), Gap<'a>>) -> bool {
    let mut any = false;
    let volumes =
        |reason: &Reason| matches!(reason, Reason::VolumeBinding(reasons::VolumeBinding::VolumeAffinity { .. }));
    for group in cx.blocked() {
        if group.pods.iter().all(|pod| out.explained(&pod_ref(pod))) {
            continue;
        }
        for verdict in group.verdict.nodes.iter().filter(|node| node.reasons.iter().any(volumes)) {
            let Some(node) = cx.snapshot.nodes.get("", &verdict.name).found() else { continue };
            any = true;
            let obstacles = cx.scheduler.obstacles(group.lead(), &verdict.name);
            let labels: Option<Vec<Label>> =
                obstacles.iter().map(|obstacle| missing_label(cx, node, obstacle)).collect();
            for label in labels.into_iter().flatten() {
                let fact = label.fact(node);
                let gap = Gap::of(gaps, &label.driver, node);
                group.pods.iter().for_each(|pod| gap.add(pod, label.volume.clone(), vec![fact.clone()]));
            }
        }
    }
    any
}

/// A label of a driver's own that a volume asks for and a node lacks.
struct Label {
    driver: String,
    volume: String,
    key: String,
}

impl Label {
    fn fact(&self, node: &Node) -> Evidence {
        let Self { driver, volume, key } = self;
        let note = format!("{volume} asks for this label, which driver {driver} gives a node when it registers there");
        Context::fact(node_ref(&node.metadata.name), &format!("metadata.labels[{key}]"), "not there", note)
    }
}

/// The label that an obstacle is about, where the driver isn't on the node and would bring it.
fn missing_label(cx: &Context<'_>, node: &Node, obstacle: &Obstacle) -> Option<Label> {
    let Fact::VolumeAffinity { claim, volume, unmet } = &obstacle.fact else { return None };
    let found = cx.snapshot.volumes.get("", volume).found()?;
    let twin = translate(found).map(|twin| twin.driver.to_owned());
    let driver = found.spec.csi.as_ref().map(|csi| csi.driver.clone()).or(twin)?;
    let csi_node = cx.snapshot.csi_nodes.get("", &node.metadata.name).found()?;
    let registered = cx.snapshot.csi_nodes.seen().iter().filter_map(|other| other.driver(&driver));
    let keys: Vec<&str> = registered.flat_map(|entry| entry.topology_keys.iter().map(String::as_str)).collect();
    let brings = |key: &str, present: &Option<String>| present.is_none() && keys.contains(&key);
    let all = !unmet.is_empty() && unmet.iter().all(|(requirement, present)| brings(&requirement.key, present));
    let key = unmet.first().map(|(requirement, _)| requirement.key.clone())?;
    let volume = format!("volume {volume} of claim {claim}");
    (all && csi_node.driver(&driver).is_none()).then_some(Label { driver, volume, key })
}

/// Why the driver isn't there.
enum Why<'a> {
    /// Nothing of the driver is in the cluster.
    NotInstalled,
    /// Its DaemonSet doesn't go to the node.
    KeptOff(Part<'a>, KeepsOff<'a>),
    /// Its DaemonSet should go there and has no pod there; the event says why.
    NoPod(Part<'a>, Option<&'a Event>),
    /// Its pod is there and doesn't run.
    Broken(Part<'a>, &'a Pod),
    /// Its pod runs there, and the kubelet doesn't know of it.
    NotRegistered(Part<'a>, &'a Pod),
    /// Its node plugin isn't recognised.
    Unknown,
}

fn why<'a>(cx: &Context<'a>, driver: &str, node: &'a Node) -> Why<'a> {
    let Some(part) = node_plugin(cx, driver, node) else {
        let elsewhere = cx.index.nodes_with(driver).is_some() || !parts(cx, driver).is_empty();
        let installed = elsewhere || cx.snapshot.csi_drivers.get("", driver).found().is_some();
        return if installed { Why::Unknown } else { Why::NotInstalled };
    };
    if let Some(keeps_off) = keeps_off(part.workload, node) {
        return Why::KeptOff(part, keeps_off);
    }
    match pod_on(cx, &part, &node.metadata.name) {
        Some(pod) if pod.ready() => Why::NotRegistered(part, pod),
        Some(pod) => Why::Broken(part, pod),
        None if cx.snapshot.pods.covers(part.namespace()) => {
            let object = part.object();
            let events = cx.events_of(&object).iter();
            let event = events.rev().find(|event| event.reason == "FailedCreate").copied();
            Why::NoPod(part, event)
        }
        None => Why::Unknown,
    }
}

fn finding(cx: &Context<'_>, gaps: &[(&Gap<'_>, Why<'_>)]) -> Finding {
    let (gap, why) = &gaps[0];
    let mut nodes: Vec<&str> = gaps.iter().map(|(gap, _)| gap.node.metadata.name.as_str()).collect();
    nodes.sort_unstable();
    let (object, cause) = cause(cx, gap, why, &named("node", &nodes));
    let pods: Vec<&str> =
        gaps.iter().flat_map(|(gap, _)| gap.pods.iter().map(|pod| pod.metadata.name.as_str())).collect();
    let volumes: Vec<&String> = gaps.iter().flat_map(|(gap, _)| &gap.volumes).collect();
    let place = match why {
        Why::NotInstalled => format!("on {}", named("node", &nodes)),
        _ => "there".to_owned(),
    };
    let title = capital(&format!("{cause}, so {} can't have {} {place}", named("pod", &pods), names(&volumes)));
    let mut finding = Finding::new(RULE.name, Severity::Error, object, title);
    for (gap, why) in gaps.iter().take(4) {
        finding.evidence.extend(registered_fact(cx, gap));
        finding.evidence.extend(why_facts(cx, why));
        finding.evidence.extend(gap.facts.iter().cloned());
    }
    let certain = match why {
        Why::NotInstalled => all_looked_at(cx),
        Why::Unknown => false,
        Why::KeptOff(..) | Why::NoPod(..) | Why::Broken(..) | Why::NotRegistered(..) => true,
    };
    let victims = gaps.iter().flat_map(|(gap, _)| gap.pods.iter().map(|pod| pod_ref(pod)));
    let finding = if certain { finding } else { finding.likely() };
    finding.explains_all(victims).with_remedies(remedies(cx, gap, why))
}

/// Where the driver is registered, if not on the node; `None` where the node's CSINode was not read.
fn registered_fact(cx: &Context<'_>, gap: &Gap<'_>) -> Option<Evidence> {
    let (driver, node) = (&gap.driver, &gap.node.metadata.name);
    cx.snapshot.csi_nodes.get("", node).found()?;
    let mut nodes: Vec<&str> = cx.index.nodes_with(driver).into_iter().flatten().copied().collect();
    nodes.sort_unstable();
    let note = match nodes.as_slice() {
        [] => format!("the kubelet of node {node} does not know the driver, and no other node's does"),
        nodes => {
            format!("the kubelet of node {node} does not know the driver; it is registered on {}", named("node", nodes))
        }
    };
    Some(Context::fact(ObjectRef::new(Kind::CSINode, "", node), "spec.drivers", format!("not {driver}"), note))
}

/// Whether everything was read that could show the driver.
fn all_looked_at(cx: &Context<'_>) -> bool {
    let kinds = [Kind::CSIDriver, Kind::CSINode, Kind::DaemonSet, Kind::Deployment, Kind::StatefulSet];
    cx.unread_anywhere(&kinds).is_none() && !kinds.iter().any(|kind| cx.presumes_none(*kind))
}

/// The object in which the cause lies, and the cause as the beginning of a sentence; `place` is the node in words.
fn cause(cx: &Context<'_>, gap: &Gap<'_>, why: &Why<'_>, place: &str) -> (ObjectRef, String) {
    let driver = &gap.driver;
    let csi_node = || match cx.snapshot.csi_nodes.get("", &gap.node.metadata.name).found() {
        Some(csi_node) => ObjectRef::new(Kind::CSINode, "", &csi_node.metadata.name),
        None => node_ref(&gap.node.metadata.name),
    };
    let csi_driver = ObjectRef::new(Kind::CSIDriver, "", driver);
    let looked_for = cx.unread_anywhere(&[Kind::CSIDriver]).is_none() && !cx.presumes_none(Kind::CSIDriver);
    let object = |found: ObjectRef| if looked_for { found } else { csi_node() };
    match why {
        Why::NotInstalled if all_looked_at(cx) => (csi_driver, format!("CSI driver {driver} is not installed")),
        Why::NotInstalled => (
            object(csi_driver),
            format!("of CSI driver {driver} there is no sign in what was read, so it is probably not installed"),
        ),
        Why::KeptOff(part, keeps) => {
            (part.object(), format!("{} {}, which thus lacks driver {driver}", part.words(), keeps_words(keeps, place)))
        }
        Why::NoPod(part, _) => {
            (part.object(), format!("{} has no pod on {place}, which thus lacks driver {driver}", part.words()))
        }
        Why::Broken(part, pod) => {
            let broken = fault(pod).map_or_else(|| "it is not ready".to_owned(), |fault| fault.sentence(cx));
            let text =
                format!("{}, which brings driver {driver} to {place}, does not run there: {broken}", part.words());
            (part.object(), text)
        }
        Why::NotRegistered(part, _) => {
            let text = format!("{} runs on {place}, and the kubelet there does not know driver {driver}", part.words());
            (part.object(), text)
        }
        Why::Unknown => (csi_node(), format!("driver {driver} is not registered on {place}")),
    }
}

fn keeps_words(keeps: &KeepsOff<'_>, place: &str) -> String {
    match keeps {
        KeepsOff::Taint(taint) => format!("does not tolerate taint {} of {place}", taint_text(taint)),
        KeepsOff::Selector { key, wanted, present: None } => {
            format!("goes only to nodes with label {key}={wanted}, and not to {place}")
        }
        KeepsOff::Selector { key, wanted, present: Some(present) } => {
            format!("goes only to nodes with label {key}={wanted}, and not to {place} with {present}")
        }
        KeepsOff::Affinity => format!("does not go to {place} by its node affinity"),
    }
}

fn taint_text(taint: &Taint) -> String {
    let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
    format!("{}{value}:{}", taint.key, taint.effect)
}

fn why_facts(cx: &Context<'_>, why: &Why<'_>) -> Vec<Evidence> {
    match why {
        Why::NotInstalled | Why::Unknown => Vec::new(),
        Why::KeptOff(part, keeps) => {
            let (path, value, note) = match keeps {
                KeepsOff::Taint(taint) => (
                    "spec.template.spec.tolerations",
                    format!("none for {}", taint_text(taint)),
                    "the node plugin's pods must tolerate the taints of every node that is to have the driver",
                ),
                KeepsOff::Selector { key, wanted, .. } => (
                    "spec.template.spec.nodeSelector",
                    format!("{key}: {wanted:?}"),
                    "the node plugin's pods go to nodes with this label only",
                ),
                KeepsOff::Affinity => (
                    "spec.template.spec.affinity",
                    "does not admit the node".to_owned(),
                    "the node plugin's pods go to nodes that it admits only",
                ),
            };
            vec![Context::fact(part.object(), path, value, note)]
        }
        Why::NoPod(part, event) => {
            let value = event.map_or("no event says why".to_owned(), |event| event.message.clone());
            vec![Context::fact(part.object(), "events", value, "its pod on the node does not exist")]
        }
        Why::Broken(_, pod) => fault(pod).map_or_else(
            || {
                vec![Context::fact(
                    pod_ref(pod),
                    "status.conditions[Ready]",
                    "not ready",
                    "the driver registers once it runs",
                )]
            },
            |fault| fault.facts(cx),
        ),
        Why::NotRegistered(_, pod) => {
            let note = "it runs; what it said to the kubelet is in the log of its registrar, and the kubelet must look for \
                        plugins in the directory that the pod mounts";
            vec![Context::fact(pod_ref(pod), "status.conditions[Ready]", "True", note)]
        }
    }
}

fn remedies(cx: &Context<'_>, gap: &Gap<'_>, why: &Why<'_>) -> Vec<Remedy> {
    let (driver, node) = (&gap.driver, &gap.node.metadata.name);
    let unknown = "what the driver says on the node is known only once it runs there";
    match why {
        Why::NotInstalled => {
            let install =
                Step::told(format!("Install CSI driver {driver}: its controller, and its plugin on every node"));
            vec![Remedy::untried(
                "Install the driver",
                Risk::Low,
                vec![install],
                "what the driver would do is not known",
            )]
        }
        Why::KeptOff(part, KeepsOff::Taint(taint)) => {
            let step = cx.step(
                format!(
                    "Let the pods of {} tolerate the taint; where a chart or an operator makes it, set it there",
                    part.words()
                ),
                tolerate(part, taint),
            );
            vec![Remedy::untried("Bring the driver to the node", Risk::Low, vec![step], unknown)]
        }
        Why::KeptOff(part, _) => {
            let told = Step::told(format!(
                "Let {} go to node {node}, or keep the pods that need the driver away from it",
                part.words()
            ));
            vec![Remedy::untried("Bring the driver to the node", Risk::Low, vec![told], unknown)]
        }
        Why::NoPod(part, _) => {
            let told =
                Step::told(format!("Remove what keeps {} from making its pod; its events say what", part.words()));
            vec![Remedy::untried("Have the node plugin's pod made", Risk::Low, vec![told], unknown)]
        }
        Why::Broken(part, pod) => {
            let container = fault(pod).map(|fault| fault.status.name.as_str()).or(part.driver_container());
            let step = log_step(
                format!("Read what the driver says on node {node}"),
                part.namespace(),
                &pod.metadata.name,
                container,
            );
            vec![Remedy::untried("See why the node plugin does not run", Risk::Low, vec![step], unknown)]
        }
        Why::NotRegistered(part, pod) => {
            let registrar = part.container("registrar");
            let steps = vec![
                log_step("Read what its registrar says", part.namespace(), &pod.metadata.name, registrar),
                Step::told("Compare the directory that the DaemonSet mounts with the kubelet's --root-dir on the node"),
            ];
            vec![Remedy::untried("See why the kubelet does not know it", Risk::Low, steps, unknown)]
        }
        Why::Unknown => {
            let told = Step::told(format!("Look for the driver's DaemonSet, and whether it has a pod on node {node}"));
            vec![Remedy::untried("Bring the driver to the node", Risk::Low, vec![told], unknown)]
        }
    }
}

/// The change that lets a DaemonSet's pods tolerate a taint.
fn tolerate(part: &Part<'_>, taint: &Taint) -> Change {
    let toleration = match taint.value.as_str() {
        "" => serde_json::json!({"key": taint.key, "operator": "Exists", "effect": taint.effect}),
        value => serde_json::json!({"key": taint.key, "operator": "Equal", "value": value, "effect": taint.effect}),
    };
    let operations = if part.workload.spec.template.spec.tolerations.is_empty() {
        serde_json::json!([{"op": "add", "path": "/spec/template/spec/tolerations", "value": [toleration]}])
    } else {
        serde_json::json!([{"op": "add", "path": "/spec/template/spec/tolerations/-", "value": toleration}])
    };
    let meta = &part.workload.metadata;
    Change::JsonPatch { kind: part.kind, namespace: meta.namespace.clone(), name: meta.name.clone(), operations }
}
