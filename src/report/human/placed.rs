//! Placed pods that wait for their volumes: the whole texts that the cluster wrote, for who wants them all.

use super::words::{count, local};
use super::{Screen, Tone};
use crate::report::document::{AttachmentEntry, Report};
use crate::volumes::AttachProblem;

/// Writes every error and event about the volumes of placed pods, as it stands in the cluster.
pub(super) fn write(report: &Report, screen: &mut Screen) {
    if !screen.wants_all() || report.attachments.iter().all(|pod| words(pod).is_empty()) {
        return;
    }
    screen.gap();
    screen.styled(Tone::Heading, 0, "What was written about the volumes of placed pods");
    for pod in &report.attachments {
        let words = words(pod);
        if !words.is_empty() {
            screen.item(2, "-", &format!("{}:", local(report.source.namespace, pod.namespace, pod.name)));
        }
        for word in words {
            screen.paragraph(6, &word);
        }
    }
}

fn words(pod: &AttachmentEntry) -> Vec<String> {
    let errors = pod.verdict.problems.iter().filter_map(|problem| match problem {
        AttachProblem::AttachError { attachment, message, .. } => {
            Some(format!("VolumeAttachment {attachment} status.attachError: {message}"))
        }
        AttachProblem::StaleAttachment { attachment, detach_error: Some(message), .. }
        | AttachProblem::AttachmentDeleting { attachment, detach_error: Some(message), .. } => {
            Some(format!("VolumeAttachment {attachment} status.detachError: {message}"))
        }
        _ => None,
    });
    let events = pod.verdict.events.iter().map(|event| {
        let times = count(usize::try_from(event.count).unwrap_or_default(), "time");
        format!("{} ({times}, last at {}): {}", event.reason, event.last_seen, event.message)
    });
    errors.chain(events).collect()
}
