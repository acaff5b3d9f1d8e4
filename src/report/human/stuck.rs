//! Pods that have a node and don't start for their volumes.

use super::words::{NAMES, count, local, names};
use super::{Screen, Tone};
use crate::report::document::{AttachmentEntry, Report};
use crate::volumes::{AttachProblem, MountEvent, NodeState, OtherPod};

/// Writes what keeps the volumes of placed pods from them.
pub(super) fn write(report: &Report, screen: &mut Screen) {
    let about = report.source.namespace;
    let told = |entry: &&AttachmentEntry| !entry.verdict.problems.is_empty() || !entry.verdict.events.is_empty();
    let entries: Vec<&AttachmentEntry> = report.attachments.iter().filter(told).collect();
    if entries.is_empty() {
        return;
    }
    screen.gap();
    screen.styled(Tone::Heading, 0, "Placed, and not started yet");
    for entry in entries.iter().take(NAMES) {
        let name = local(about, entry.namespace, entry.name);
        let state = state(entry.verdict.node_state);
        screen.item(2, "-", &format!("pod {name} on node {}{state}", entry.verdict.node));
        for problem in &entry.verdict.problems {
            screen.paragraph(6, &problem_text(about, problem));
        }
        for event in entry.verdict.events.iter().take(2) {
            screen.styled(Tone::Faint, 6, &event_text(event));
        }
    }
    if entries.len() > NAMES {
        screen.paragraph(2, &format!("… and {}; -o json has them all", count(entries.len() - NAMES, "more pod")));
    }
}

fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Ready | NodeState::Unknown => "",
        NodeState::NotReady => ", which is not ready",
        NodeState::OutOfService => ", which is out of service",
        NodeState::Gone => ", which doesn't exist",
    }
}

fn problem_text(about: Option<&str>, problem: &AttachProblem) -> String {
    match problem {
        AttachProblem::ClaimMissing { claim } => format!("claim {claim} doesn't exist"),
        AttachProblem::ClaimNotBound { claim } => format!("claim {claim} isn't bound"),
        AttachProblem::ClaimDeleting { claim } => format!("claim {claim} is being deleted"),
        AttachProblem::VolumeMissing { claim, volume } => format!("volume {volume} of claim {claim} doesn't exist"),
        AttachProblem::NodeAffinity { volume } => format!("volume {volume} can't be reached from this node"),
        AttachProblem::DriverNotOnNode { volume, driver } => {
            format!("driver {driver} of volume {volume} isn't registered on this node")
        }
        AttachProblem::MultiAttach { volume, node, state: of_node, pods, .. } => {
            let (state, pods) = (state(*of_node), others(about, pods));
            format!("volume {volume} may be on one node only, and is on {node}{state}, for {pods}")
        }
        AttachProblem::StaleAttachment { volume, node, state: of_node, detaching, detach_error, in_use, .. } => {
            let mut text = format!("volume {volume} is still attached to {node}{}", state(*of_node));
            match (detaching, in_use) {
                (true, _) => text.push_str(", and the driver is asked to detach it"),
                (false, Some(true)) => text.push_str(", whose kubelet says that it has it in use"),
                (false, _) => {}
            }
            with_error(text, detach_error.as_deref())
        }
        AttachProblem::AttachError { volume, message, .. } => format!("volume {volume} can't be attached: {message}"),
        AttachProblem::AttachmentDeleting { volume, detach_error, .. } => {
            with_error(format!("the old attachment of volume {volume} is still being deleted"), detach_error.as_deref())
        }
        AttachProblem::NotAttached { volume, driver, attachment, attacher_seen, .. } => {
            not_attached(volume, driver, attachment.is_some(), *attacher_seen)
        }
        AttachProblem::NotReported { volume, .. } => {
            format!("volume {volume} is attached, and the node's status doesn't say so yet")
        }
        AttachProblem::UsedByAnotherPod { volume, pods } => {
            format!("volume {volume} is for one pod only, and used by {}", others(about, pods))
        }
    }
}

fn not_attached(volume: &str, driver: &str, asked: bool, attacher_seen: bool) -> String {
    match (asked, attacher_seen) {
        (false, _) => format!("volume {volume} isn't attached yet, and nobody was asked to"),
        (true, true) => format!("volume {volume} waits for the attacher of {driver}"),
        (true, false) => format!("volume {volume} waits for the attacher of {driver}, of which there is no sign"),
    }
}

fn with_error(text: String, error: Option<&str>) -> String {
    match error {
        Some(error) => format!("{text}: {error}"),
        None => text,
    }
}

fn others(about: Option<&str>, pods: &[OtherPod]) -> String {
    let name = |other: &OtherPod| {
        let name = local(about, &other.pod.namespace, &other.pod.name);
        if other.deleting { format!("{name} (being deleted)") } else { name }
    };
    let list: Vec<String> = pods.iter().map(name).collect();
    let noun = if list.len() == 1 { "pod" } else { "pods" };
    format!("{noun} {}", names(&list, NAMES))
}

fn event_text(event: &MountEvent) -> String {
    let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
    format!("{}{times}: {}", event.reason, event.message)
}
