use super::placed::{Stuck, attachment_ref, node_ref, stuck, unread, wait_fact};
use crate::dependencies::Part;
use crate::diagnosis::by_key::by_key;
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{capital, duration, named, names};
use crate::model::component::Role;
use crate::model::{Kind, ObjectRef};
use crate::rules::drivers::driver::{controller_logs, sidecar};
use crate::rules::drivers::rights::{Lacking, lacking};
use crate::volumes::AttachProblem;

crate::rules::declare_rule! {
    static RULE = {
        name: "attach-unanswered",
        summary: "A volume is not attached, and nobody says why.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSIDriver, Node, Deployment, StatefulSet, DaemonSet, ReplicaSet],
        stage: Failure,
        check: check,
    }
}

/// How far an attachment got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// The attach controller made no attachment.
    NotAsked,
    /// No attacher has taken it up.
    NotTaken,
    /// An attacher has taken it up and recorded neither success nor an error.
    Taken,
    /// It is attached, and the node's status doesn't say so.
    NotReported,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(
        cx,
        &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::VolumeAttachment, Kind::CSIDriver, Kind::Node],
    ));
    let stuck = stuck(cx, out).into_iter();
    let waits = by_key(stuck.filter_map(|stuck| Some((waits_for(cx, stuck.problem)?, stuck))));
    for ((stage, driver), stuck) in waits {
        out.add(finding(cx, stage, driver, &stuck));
    }
}

/// At which stage an attach is, and the driver whose turn it is.
fn waits_for<'c>(cx: &'c Context<'_>, problem: &'c AttachProblem) -> Option<(Stage, &'c str)> {
    Some(match problem {
        AttachProblem::NotAttached { attachment: None, driver, .. } => (Stage::NotAsked, driver),
        AttachProblem::NotAttached { attacher_seen: false, driver, .. } => (Stage::NotTaken, driver),
        AttachProblem::NotAttached { driver, .. } => (Stage::Taken, driver),
        AttachProblem::NotReported { attachment, .. } => {
            let found = cx.snapshot.attachments.get("", attachment).found();
            (Stage::NotReported, found.map_or("", |found| &found.spec.attacher))
        }
        _ => return None,
    })
}

fn attachment<'s>(stuck: &'s Stuck<'_, '_>) -> Option<&'s str> {
    match stuck.problem {
        AttachProblem::NotAttached { attachment, .. } => attachment.as_deref(),
        AttachProblem::NotReported { attachment, .. } => Some(attachment),
        _ => None,
    }
}

fn finding(cx: &Context<'_>, stage: Stage, driver: &str, stuck: &[Stuck<'_, '_>]) -> Finding {
    let first = &stuck[0];
    let attacher = sidecar(cx, driver, Role::Attacher);
    let pods: Vec<&str> = stuck.iter().map(|stuck| stuck.case.pod.metadata.name.as_str()).collect();
    let waited = first.case.waited.map_or_else(String::new, |waited| format!(" for {}", duration(waited)));
    let what = format!("{} waits{waited} to be attached to node {}", capital(&first.volume(cx)), first.node());
    let why = match stage {
        Stage::NotAsked => "and the attach controller (kube-controller-manager) has asked nobody to".to_owned(),
        Stage::NotTaken if attacher.is_none() => {
            format!("and nothing that looks like an attacher of driver {driver} is there")
        }
        Stage::NotTaken => format!("and the attacher of driver {driver} has not taken the request up"),
        Stage::Taken => {
            format!(
                "and the attacher of driver {driver} took the request up and has recorded neither success nor an error"
            )
        }
        Stage::NotReported => {
            "is attached, and the node's status does not say so, for which its kubelet waits".to_owned()
        }
    };
    let waits = matches!(stage, Stage::NotTaken | Stage::Taken);
    let part = attacher.as_ref().filter(|_| waits).map(|(part, _)| part);
    let lacking = part.and_then(|part| lacking(cx, part, Role::Attacher));
    let why = match &lacking {
        Some(lacking) => format!("and {}", lacking.words()),
        None => why,
    };
    let title = match stage {
        Stage::NotReported => format!("{} {why} ({})", capital(&first.volume(cx)), named("pod", &pods)),
        _ => format!("{what}, {why} ({})", named("pod", &pods)),
    };
    let object = attachment(first).map_or_else(|| first.pod(), attachment_ref);
    let mut finding = RULE.finding(object, title);
    finding.evidence.extend(lacking.iter().flat_map(Lacking::facts));
    for stuck in stuck.iter().take(3) {
        finding = with_facts(cx, stage, stuck, finding);
    }
    if stage == Stage::NotTaken {
        finding.evidence.extend(without_driver_object(cx, driver));
        finding.evidence.extend(controller_without(cx, driver).filter(|_| attacher.is_none()));
    }
    if let Some((part, container)) = &attacher {
        let pods = part.pods(cx);
        let ready = pods.iter().filter(|pod| pod.ready()).count();
        let note = format!("{} runs the attacher, in container {container}", part.words());
        finding =
            finding.evidence(part.object(), part.status_path(), format!("{ready} of {} pods ready", pods.len()), note);
        if ready == 0 {
            finding = finding.rests_on([part.object()]);
        }
    }
    let finding = finding;
    let finding = if stage == Stage::NotTaken && attacher.is_none() { finding.likely() } else { finding };
    let remedy = remedy(cx, stage, driver, attacher);
    finding
        .explains_all(stuck.iter().map(Stuck::pod))
        .with_remedies(lacking.as_ref().map(Lacking::remedy))
        .remedy(remedy)
}

fn with_facts(cx: &Context<'_>, stage: Stage, stuck: &Stuck<'_, '_>, mut finding: Finding) -> Finding {
    if let Some(name) = attachment(stuck) {
        let found = cx.snapshot.attachments.get("", name).found();
        let since = found.map(|found| found.metadata.creation_timestamp.clone()).unwrap_or_default();
        let (value, note) = match stage {
            Stage::NotReported => ("attached: true".to_owned(), "the driver has attached the volume"),
            Stage::Taken => (
                format!("attached: false, no error, since {since}"),
                "the attacher has put its finalizer on it: it either may not write the outcome (its role needs patch on \
                 volumeattachments/status), or its driver does not answer",
            ),
            Stage::NotAsked | Stage::NotTaken => (
                format!("attached: false, no error, since {since}"),
                "no attacher's finalizer is on it: none has seen it",
            ),
        };
        finding = finding.evidence(attachment_ref(name), "status", value, note);
    }
    if stage == Stage::NotReported {
        let note = "the attach controller lists here what is attached";
        finding = finding.evidence(node_ref(stuck.node()), "status.volumesAttached", "without the volume", note);
        finding.evidence.extend(made_anew(cx, stuck));
    }
    finding.evidence.push(wait_fact(stuck.case));
    finding
}

/// A Node object that is younger than the attachment: what its status listed went with the old one.
fn made_anew(cx: &Context<'_>, stuck: &Stuck<'_, '_>) -> Option<Evidence> {
    let found = cx.snapshot.attachments.get("", attachment(stuck)?).found()?;
    let node = cx.snapshot.nodes.get("", stuck.node()).found()?;
    let (node, made) = (&node.metadata.creation_timestamp, &found.metadata.creation_timestamp);
    let note = "the Node object was made anew after the volume had been attached, and its list began empty";
    let younger = !made.is_empty() && made < node;
    younger.then(|| Context::fact(node_ref(stuck.node()), "metadata.creationTimestamp", node.clone(), note))
}

/// The driver's controller, whose containers have no attacher among them.
fn controller_without(cx: &Context<'_>, driver: &str) -> Option<Evidence> {
    let (part, _) = sidecar(cx, driver, Role::Provisioner)?;
    let containers: Vec<&str> = part.spec.containers.iter().map(|container| container.name.as_str()).collect();
    let (object, path) = part.place("containers");
    Some(Context::fact(object, &path, names(&containers), "the driver's controller has no attacher among these"))
}

/// That no CSIDriver says whether the driver needs attaching.
fn without_driver_object(cx: &Context<'_>, driver: &str) -> Option<Evidence> {
    let drivers = &cx.snapshot.csi_drivers;
    let absent = drivers.get("", driver).is_absent() && !drivers.presumed();
    let note = "without a CSIDriver, Kubernetes takes it that the driver needs attaching (attachRequired: true); one whose \
                volumes need none must say so";
    absent.then(|| Context::fact(ObjectRef::new(Kind::CSIDriver, "", driver), "", "not found", note))
}

fn remedy(cx: &Context<'_>, stage: Stage, driver: &str, attacher: Option<(Part<'_>, &str)>) -> Remedy {
    let reason = "what the attacher or the controller says is not in the API";
    let mut steps = Vec::new();
    match (stage, &attacher) {
        (Stage::NotAsked | Stage::NotReported, _) => {
            let what =
                "Read the log of kube-controller-manager (the attach-detach controller); restart it if it is stuck";
            steps.push(Step::told(what));
        }
        (Stage::NotTaken, None) => {
            steps.push(Step::told(format!(
                "Start the attacher of driver {driver}; where the driver needs none, its CSIDriver must say attachRequired: \
                 false"
            )));
        }
        (Stage::NotTaken | Stage::Taken, _) => {
            steps.extend(controller_logs(cx, driver, Role::Attacher));
            steps.extend(attacher.and_then(|(part, _)| may_patch(&part)));
        }
    }
    if steps.is_empty() {
        steps.push(Step::told(format!("Read the log of the attacher of driver {driver}")));
    }
    Remedy::untried("See what keeps the volume from being attached", Risk::Low, steps, reason)
}

/// The step that asks whether the attacher's account may write what came of an attachment.
fn may_patch(part: &Part<'_>) -> Option<Step> {
    let account = match part.spec.service_account_name.as_str() {
        "" => "default",
        name => name,
    };
    let subject = format!("system:serviceaccount:{}:{account}", part.namespace);
    let command =
        kubectl(&["auth", "can-i", "patch", "volumeattachments", "--subresource=status"], &[], &[("--as", &subject)]);
    let what = "See whether the attacher may write volumeattachments/status; if not, extend its ClusterRole".to_owned();
    Some(Step { what, command, ..Step::default() })
}
