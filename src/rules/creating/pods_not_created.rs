mod ephemeral;
mod repairs;

use self::ephemeral::of_ephemeral_claims;
use self::repairs::{admitted, corrected, larger_quota, resized};
use crate::diagnosis::context::{Context, Shortfall};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::model::{Event, Kind, ObjectRef};

crate::rules::declare_rule! {
    static RULE = {
        name: "pods-not-created",
        summary: "A workload's pods or claims are refused when they are made, for a reason that no other rule explains.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Event],
        reads: [StatefulSet, ReplicaSet, DaemonSet, ResourceQuota],
        stage: Start,
        check: check,
    }
}

/// How long the API server's words may be in a title, in characters.
const IN_TITLE: usize = 300;

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(cx.unread(&[Kind::StatefulSet, Kind::ReplicaSet, Kind::DaemonSet]));
    for shortfall in &cx.shortfalls {
        let object = ObjectRef::new(shortfall.kind, &shortfall.meta.namespace, &shortfall.meta.name);
        if !out.explained(&object)
            && let Some(event) = refusal(cx, &object)
        {
            out.add(finding(cx, shortfall, object, event));
        }
    }
    of_ephemeral_claims(cx, out);
}

/// The workload's last event about making something, where that is a refusal.
fn refusal<'a>(cx: &Context<'a>, object: &ObjectRef) -> Option<&'a Event> {
    let events = cx.index.events(object).iter().copied();
    let last = events.filter(|event| event.reason.ends_with("Create")).max_by(|a, b| a.last_seen().cmp(b.last_seen()));
    last.filter(|event| event.reason == "FailedCreate")
}

fn finding(cx: &Context<'_>, shortfall: &Shortfall<'_>, object: ObjectRef, event: &Event) -> Finding {
    let title = format!("{} {} can't make its pods: {}", shortfall.kind, shortfall.meta.name, why(&event.message));
    let pods = shortfall.missing.iter().take(100);
    let pods = pods.map(|name| ObjectRef::new(Kind::Pod, &shortfall.meta.namespace, name));
    let said = RULE.finding(object.clone(), title).evidence(
        object.clone(),
        "events",
        event.message.clone(),
        "what its controller says",
    );
    with_quota(cx, &event.message, &object.namespace, said)
        .evidence(
            object.clone(),
            "spec.replicas",
            format!("{} of {} missing", shortfall.lacking, shortfall.lacking + shortfall.pods.len()),
            format!("last refused at {}", event.last_seen()),
        )
        .likely()
        .explains(object)
        .explains_all(pods)
        .with_remedies(resized(cx, shortfall, &event.message))
        .with_remedies(admitted(cx, shortfall, &event.message))
        .with_remedies(larger_quota(cx, &shortfall.meta.namespace, &event.message))
        .with_remedies(corrected(shortfall, &event.message))
}

/// The API server's words without the controller's before them.
pub(in crate::rules) fn why(message: &str) -> String {
    let markers = [" failed error: ", "Error creating: ", ": create PVC "];
    let ends = markers.iter().filter_map(|marker| message.split_once(marker));
    let rest = ends.map(|(_, rest)| rest).next().unwrap_or(message).split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = rest.trim_end_matches('.');
    match rest.char_indices().nth(IN_TITLE) {
        Some((end, _)) => format!("{}…", rest[..end].trim_end()),
        None => rest.to_owned(),
    }
}

/// What the quota that a refusal names allows and what is used of it.
pub(in crate::rules) fn with_quota(cx: &Context<'_>, message: &str, namespace: &str, finding: Finding) -> Finding {
    let name = message.split_once("exceeded quota: ").and_then(|(_, rest)| rest.split(',').next());
    let quota = name.and_then(|name| cx.snapshot.quotas.get(namespace, name.trim()).found());
    let Some(quota) = quota else { return finding };
    let figure = |resource: &String| {
        let used = quota.status.used.get(resource).map_or_else(|| "?".to_owned(), ToString::to_string);
        let hard = quota.status.hard.get(resource).map_or_else(|| "?".to_owned(), ToString::to_string);
        format!("{resource}: {used} of {hard}")
    };
    let figures: Vec<String> = quota.status.hard.keys().filter(|name| message.contains(*name)).map(figure).collect();
    let object = ObjectRef::new(Kind::ResourceQuota, namespace, &quota.metadata.name);
    finding.evidence(object, "status.used", figures.join(", "), "used of what the quota allows")
}
