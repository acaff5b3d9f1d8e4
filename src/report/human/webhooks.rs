//! The admission webhooks.

use super::words::{NAMES, names};
use super::{Screen, Tone, finding, unread};
use crate::report::document::webhooks::{BackendEntry, OwnerEntry, WebhookEntry, Webhooks};

/// Writes the webhooks and what is wrong with them.
pub fn write(webhooks: &Webhooks, screen: &mut Screen) {
    if webhooks.webhooks.is_empty() && webhooks.unread.is_empty() {
        screen.paragraph(0, "No webhook sees new pods or claims.");
    }
    for webhook in &webhooks.webhooks {
        screen.gap();
        write_webhook(webhook, screen);
    }
    finding::write_plain(&webhooks.findings, screen);
    unread::write_kinds(&webhooks.unread, screen);
}

fn write_webhook(webhook: &WebhookEntry, screen: &mut Screen) {
    let acts = if webhook.kind.starts_with("Mutating") { "changes" } else { "checks" };
    let heading = format!("{} ({}) {acts} new {}", webhook.name, webhook.configuration, webhook.sees.join(" and "));
    screen.styled(Tone::Heading, 0, &heading);
    screen.paragraph(2, &format!("In {}.", place(webhook)));
    let (tone, backend) = backend(webhook);
    screen.styled(tone, 2, &backend);
    for owner in &webhook.managers {
        screen.paragraph(2, &owned(owner));
    }
}

fn place(webhook: &WebhookEntry) -> String {
    let labels = if webhook.conditional { ", for objects with certain labels or under conditions" } else { "" };
    let place = match (webhook.namespaces.as_deref(), webhook.of_namespaces) {
        (Some(called), Some(all)) if called.len() == all => "every namespace".to_owned(),
        (Some([]), _) => "no namespace that there is now".to_owned(),
        (Some(called), Some(all)) => {
            format!("{} of {all} namespaces: {}", called.len(), names(called, NAMES))
        }
        _ => "namespaces that could not be read".to_owned(),
    };
    format!("{place}{labels}")
}

fn backend(webhook: &WebhookEntry) -> (Tone, String) {
    let refused = if webhook.failure_policy == "Fail" {
        "while it can't be reached, such objects can't be created"
    } else {
        "while it can't be reached, it is passed over"
    };
    let WebhookEntry { served_by, timeout_seconds, .. } = webhook;
    match webhook.backend {
        BackendEntry::Serves => {
            let policy = webhook.failure_policy;
            (
                Tone::Good,
                format!("Served by {served_by}, which is ready (failurePolicy {policy}, {timeout_seconds} s)."),
            )
        }
        BackendEntry::NoService => (Tone::Bad, format!("Its service {served_by} doesn't exist: {refused}.")),
        BackendEntry::NoEndpoints => (Tone::Bad, format!("Its service {served_by} has no ready endpoint: {refused}.")),
        BackendEntry::Unknown => (Tone::Caution, format!("Whether {served_by} answers is not known here: {refused}.")),
    }
}

fn owned(owner: &OwnerEntry) -> String {
    let name = super::words::local(None, &owner.namespace, &owner.name);
    let chart = owner.chart.as_ref().map(|chart| format!(", chart {chart}")).unwrap_or_default();
    let what = if owner.tool == "Helm" { "release" } else { "application" };
    format!("Owned by {} {what} {name}{chart}.", owner.tool)
}
