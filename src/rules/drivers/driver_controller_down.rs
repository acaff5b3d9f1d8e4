use std::collections::BTreeMap;

use super::driver::{broken_part, log_step, node_plugins, sidecar};
use crate::dependencies::Part;
use crate::diagnosis::context::{Context, PodGroup, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding, Severity};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk};
use crate::diagnosis::text::{either, named, names};
use crate::model::component::Role;
use crate::model::{Kind, ObjectRef, Pod};
use crate::rules::attaching::placed::{node_ref, problems, stuck, unread};
use crate::rules::scheduling::no_node_fits::story;
use crate::rules::starting::containers::{Fault, fault, faults, settled};
use crate::scheduler::Outcome;
use crate::volumes::driver_words::essential;
use crate::volumes::{AttachProblem, Decision};

crate::rules::declare_rule! {
    static RULE = {
        name: "driver-controller-down",
        summary: "The controller of a CSI driver does not run, and claims or attachments wait for it.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, PersistentVolumeClaim, StorageClass],
        reads: [PersistentVolume, VolumeAttachment, CSINode, CSIDriver, Node, Deployment, ReplicaSet, StatefulSet, DaemonSet, Event],
        stage: Driver,
        check: check,
    }
}

/// Seconds within which a controller may start before it counts as down.
const PATIENCE: i64 = 60;
/// How a program says that a custom resource is not defined, which controllers do when they start.
const NO_SUCH_KIND: &str = "no matches for kind";

/// What waits for a driver's sidecar.
#[derive(Default)]
struct Waiting {
    victims: Vec<ObjectRef>,
    words: Vec<String>,
}

/// Why a controller doesn't run.
struct Trouble<'a> {
    /// As the end of a sentence about the workload.
    text: String,
    facts: Vec<Evidence>,
    pods: Vec<&'a Pod>,
    remedy: Option<Remedy>,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolume, Kind::VolumeAttachment, Kind::CSINode]));
    if problems(cx, out).iter().any(|it| matches!(it.problem, AttachProblem::DriverNotOnNode { .. })) {
        out.skip(cx.unread_anywhere(&[Kind::DaemonSet]));
    }
    for ((driver, role), waiting) in waiting(cx, out) {
        let part = sidecar(cx, &driver, role).map(|(part, _)| part);
        let Some(part) = part.or_else(|| broken_part(cx, &driver, None).map(|(part, _)| part)) else {
            out.skip(cx.unread_anywhere(&[Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet]));
            continue;
        };
        let pods = part.pods(cx);
        if pods.iter().any(|pod| pod.ready()) || !cx.snapshot.pods.covers(part.namespace) {
            continue;
        }
        let parts = pods.iter().map(|pod| pod_ref(pod)).chain(part.makers(cx));
        if let Some(known) = parts.into_iter().find(|object| out.explained(object)) {
            for victim in &waiting.victims {
                out.explain_with(&known, victim);
            }
            out.note(&known, role_fact(&part, &driver, role));
        } else if let Some(trouble) = trouble(cx, &part, &pods, role) {
            out.add(finding(cx, &part, &driver, role, &waiting, trouble));
        }
    }
}

/// The claims and pods that wait for a driver's provisioner or attacher.
fn waiting(cx: &Context<'_>, out: &Out<'_>) -> BTreeMap<(String, Role), Waiting> {
    let mut waiting: BTreeMap<(String, Role), Waiting> = BTreeMap::new();
    for case in &cx.claims {
        if let Decision::ExternalProvisioning { provisioner, .. } = &case.verdict.decision
            && !out.explained(&claim_ref(case.claim))
        {
            let entry = waiting.entry((provisioner.clone(), Role::Provisioner)).or_default();
            entry.words.push(format!("claim {}", case.claim.metadata.name));
            entry.victims.push(claim_ref(case.claim));
            entry.victims.extend(cx.held_by(case.claim).into_iter().map(pod_ref));
        }
    }
    for stuck in stuck(cx, out) {
        let driver = match stuck.problem {
            AttachProblem::NotAttached { driver, .. } => driver.clone(),
            AttachProblem::DriverNotOnNode { driver, .. } if lacks_definitions(cx, driver) => driver.clone(),
            AttachProblem::StaleAttachment { attachment, detaching: true, detach_error: None, .. }
            | AttachProblem::AttachmentDeleting { attachment, detach_error: None, .. } => {
                let found = cx.snapshot.attachments.get("", attachment).found();
                found.map(|found| found.spec.attacher.clone()).unwrap_or_default()
            }
            _ => continue,
        };
        let entry = waiting.entry((driver, Role::Attacher)).or_default();
        entry.words.push(format!("pod {}", stuck.case.pod.metadata.name));
        entry.victims.push(stuck.pod());
    }
    waiting
}

/// Whether the driver's node plugin fails for want of a custom resource definition, which its controller brings.
fn lacks_definitions(cx: &Context<'_>, driver: &str) -> bool {
    plugin_fault(cx, driver).is_some_and(|(_, said)| said.contains(NO_SUCH_KIND))
}

/// A pod of the node plugin that doesn't run, with what it said.
fn plugin_fault<'a>(cx: &Context<'a>, driver: &str) -> Option<(Fault<'a>, String)> {
    let pods = node_plugins(cx, driver).into_iter().flat_map(|part| part.pods(cx));
    pods.filter_map(fault).find_map(|fault| Some((fault, fault.said(cx)?)))
}

fn trouble<'a>(cx: &Context<'a>, part: &Part<'a>, pods: &[&'a Pod], role: Role) -> Option<Trouble<'a>> {
    if part.stopped() {
        let stopped = || Trouble {
            text: "is scaled to zero".to_owned(),
            facts: vec![Context::fact(part.object(), "spec.replicas", "0", "nobody runs the driver's controller")],
            pods: Vec::new(),
            remedy: Some(start(cx, part)),
        };
        return (role == Role::Attacher).then(stopped);
    }
    let Some(pod) = pods.first().copied() else { return without_pods(cx, part) };
    if !settled(cx, pod, PATIENCE) {
        return None;
    }
    let (text, facts, remedy) = if pod.assigned() { unready(cx, part, pod) } else { unplaced(cx, part, pod) };
    Some(Trouble { text, facts, pods: pods.to_vec(), remedy })
}

/// What the makers of the controller's pods say where there are none.
fn without_pods<'a>(cx: &Context<'a>, part: &Part<'a>) -> Option<Trouble<'a>> {
    let makers = part.makers(cx);
    let refusal = makers.iter().find_map(|maker| {
        let event = cx.events_of(maker).iter().rfind(|event| event.reason == "FailedCreate")?;
        Some(Context::fact(maker.clone(), "events", event.message.clone(), "why its pod is not made"))
    })?;
    let text = format!("has no pod: {}", essential(&refusal.value));
    Some(Trouble { text, facts: vec![refusal], pods: Vec::new(), remedy: None })
}

/// Why a placed pod of the controller isn't ready: the driver's own container tells more than its sidecars, which end
/// where it doesn't answer them.
fn unready(cx: &Context<'_>, part: &Part<'_>, pod: &Pod) -> (String, Vec<Evidence>, Option<Remedy>) {
    let all: Vec<Fault<'_>> = faults(pod).collect();
    let own = all.iter().find(|fault| !part.is_sidecar(&fault.status.name)).or(all.first());
    let node = &pod.spec.node_name;
    let lost = cx.snapshot.nodes.get("", node).found().is_some_and(|node| node.ready() == Some(false));
    match own {
        _ if lost => {
            let fact =
                Context::fact(node_ref(node), "status.conditions[Ready]", "not True", "the controller's pod is there");
            (format!("has its pod on node {node}, which is lost"), vec![fact], None)
        }
        Some(fault) => {
            let (meta, container) = (&pod.metadata, Some(fault.status.name.as_str()));
            let step = log_step("Read what the container says", part.namespace, &meta.name, container);
            let remedy = Remedy::untried(
                "See why the controller does not run",
                Risk::Low,
                vec![step],
                "what it lacks is not in the API",
            );
            (format!("does not run: {}", fault.sentence(cx)), fault.facts(cx), Some(remedy))
        }
        None => {
            let object = pod_ref(pod);
            let event = cx.events_of(&object).iter().rfind(|event| event.kind == "Warning");
            let value = event
                .map_or("not ready".to_owned(), |event| format!("{}: {}", event.reason, essential(&event.message)));
            let fact = Context::fact(object, "status.conditions[Ready]", value.clone(), "why its pod is not ready");
            (format!("has no pod that is ready: {value}"), vec![fact], None)
        }
    }
}

/// Why no node takes the controller's pod: a label that no node has so, or what the scheduler says.
fn unplaced(cx: &Context<'_>, part: &Part<'_>, pod: &Pod) -> (String, Vec<Evidence>, Option<Remedy>) {
    if let Some(told) = unmet_label(cx, part, pod) {
        return told;
    }
    let group = PodGroup { owner: None, pods: vec![pod], verdict: cx.scheduler.judge(pod) };
    let observed = pod.condition("PodScheduled").map(|condition| condition.message.clone());
    let story = match observed.filter(|_| group.verdict.outcome != Outcome::Unschedulable) {
        Some(observed) => essential(&observed),
        None => story(cx, &group),
    };
    let fact = Context::fact(pod_ref(pod), "", story.clone(), "what keeps its pod from the nodes");
    (format!("has no running pod, because it can't be placed: {story}"), vec![fact], None)
}

/// A label that the pod's node selector asks for and no node has so.
fn unmet_label(cx: &Context<'_>, part: &Part<'_>, pod: &Pod) -> Option<(String, Vec<Evidence>, Option<Remedy>)> {
    let nodes = cx.snapshot.nodes.all().filter(|nodes| !nodes.is_empty())?;
    let mut asked = pod.spec.node_selector.iter();
    let (key, wanted) =
        asked.find(|(key, wanted)| !nodes.iter().any(|node| node.metadata.labels.get(*key) == Some(wanted)))?;
    let present = nodes.iter().filter_map(|node| Some((node.metadata.name.as_str(), node.metadata.labels.get(key)?)));
    let present: Vec<(&str, &str)> = present.map(|(node, value)| (node, value.as_str())).collect();
    let others: Vec<String> = present.iter().map(|(node, value)| format!("{node} has {value:?}")).collect();
    let others = if others.is_empty() { "no node has the label at all".to_owned() } else { names(&others) };
    let text = format!(
        "has no running pod, because it asks for nodes with label {key}: {wanted:?}, which no node has ({others})"
    );
    let (object, path) = part.place(&format!("nodeSelector[{key}]"));
    let note = "its pods go to nodes with this label and value only";
    let mut facts = vec![Context::fact(object, &path, format!("{wanted:?}"), note)];
    facts.extend(present.iter().take(2).map(|(node, value)| {
        let path = format!("metadata.labels[{key}]");
        Context::fact(node_ref(node), &path, format!("{value:?}"), "the value that is there")
    }));
    Some((text, facts, reselect(cx, part, key, &present)))
}

/// Asks for the value that nodes have, where they have but one.
fn reselect(cx: &Context<'_>, part: &Part<'_>, key: &str, present: &[(&str, &str)]) -> Option<Remedy> {
    part.workload?;
    let (_, value) = present.first().filter(|(_, first)| present.iter().all(|(_, value)| value == first))?;
    let change = Change::Patch {
        kind: part.kind,
        namespace: part.namespace.to_owned(),
        name: part.name.to_owned(),
        patch: serde_json::json!({"spec": {"template": {"spec": {"nodeSelector": {key: value}}}}}),
    };
    let step = cx.step(format!("Ask for the value that the nodes have, {key}={value}"), change);
    Some(Remedy::untried(
        "Let the controller be placed",
        Risk::Low,
        vec![step],
        "what the controller does once it runs is not known",
    ))
}

fn start(cx: &Context<'_>, part: &Part<'_>) -> Remedy {
    let change = Change::Patch {
        kind: part.kind,
        namespace: part.namespace.to_owned(),
        name: part.name.to_owned(),
        patch: serde_json::json!({"spec": {"replicas": 1}}),
    };
    let step = cx.step(format!("Start {} again", part.words()), change);
    Remedy::untried("Start the controller", Risk::Low, vec![step], "what the controller answers is not known")
}

/// What the workload is to the driver.
fn role_fact(part: &Part<'_>, driver: &str, role: Role) -> Evidence {
    let note = match (part.container(role), role) {
        (None, _) => format!("it is a part of driver {driver}, of which no {} is there yet", role.word()),
        (_, Role::Attacher) => format!("it attaches the volumes of driver {driver}"),
        _ => format!("it makes the volumes of driver {driver}"),
    };
    let container = part.container(role).or(part.driver_container()).unwrap_or_default();
    let (object, path) = part.place("containers");
    Context::fact(object, &path, container, note)
}

fn finding(
    cx: &Context<'_>,
    part: &Part<'_>,
    driver: &str,
    role: Role,
    waiting: &Waiting,
    trouble: Trouble<'_>,
) -> Finding {
    let does = match part.container(role) {
        Some(_) if role == Role::Attacher => "which attaches the volumes",
        Some(_) => "which makes the volumes",
        None => "which is a part",
    };
    let mut words = waiting.words.clone();
    words.dedup();
    let title = format!(
        "{}, {does} of driver {driver}, {}, so {} {}",
        part.words(),
        trouble.text,
        names(&words),
        either(words.len(), "waits", "wait"),
    );
    let mut finding = Finding::new(RULE.name, Severity::Error, part.object(), title);
    finding.evidence.extend(trouble.facts);
    if let Some((fault, said)) = plugin_fault(cx, driver) {
        let follows = if said.contains(NO_SUCH_KIND) {
            "the controller would bring that kind: this follows from it"
        } else {
            "the node plugin fails as well"
        };
        let plugin = fault.pod.metadata.controller().map_or("", |owner| owner.name.as_str());
        let note = format!("{} of {plugin}: {follows}", fault.container());
        finding = finding.evidence(pod_ref(fault.pod), "status.containerStatuses", said, note);
    }
    let pods: Vec<&str> = trouble.pods.iter().map(|pod| pod.metadata.name.as_str()).collect();
    if !pods.is_empty() {
        let value = format!("{} not ready", named("pod", &pods));
        finding = finding.evidence(part.object(), "", value, "none of its pods serves");
    }
    finding.evidence.push(role_fact(part, driver, role));
    finding
        .explains_all(trouble.pods.iter().map(|pod| pod_ref(pod)))
        .explains_all(waiting.victims.iter().cloned())
        .with_remedies(trouble.remedy)
}
