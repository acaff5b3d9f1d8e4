use std::collections::BTreeMap;

use super::driver::{broken_part, node_plugins, sidecar};
use super::trouble::{Trouble, trouble};
use crate::dependencies::Part;
use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::text::{either, named, names};
use crate::model::component::Role;
use crate::model::{Kind, ObjectRef};
use crate::rules::attaching::placed::{problems, stuck, unread};
use crate::rules::starting::containers::{Fault, fault};
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
        } else if role == Role::Attacher || !part.stopped() {
            let trouble = trouble(cx, &part, &pods, PATIENCE);
            if let Some(trouble) = trouble {
                out.add(finding(cx, &part, &driver, role, &waiting, trouble));
            }
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
    let mut finding = RULE.finding(part.object(), title);
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
