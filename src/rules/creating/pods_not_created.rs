mod ephemeral;
mod repairs;

use self::ephemeral::of_ephemeral_claims;
use self::repairs::{admitted, corrected, larger_quota, made_first, resized, wider_limits};
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::{Context, Shortfall, claim_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::model::{Event, Kind, ObjectRef};

crate::rules::declare_rule! {
    static RULE = {
        name: "pods-not-created",
        summary: "A workload's pods or claims are refused when they are made, for a reason that no other rule explains.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Event],
        reads: [StatefulSet, ReplicaSet, DaemonSet, ResourceQuota, LimitRange],
        stage: Start,
        check: check,
    }
}

/// Claims that are shown of a namespace.
const SHOWN: usize = 3;
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
    let events = cx.events_of(object).into_iter();
    let last = events.filter(|event| event.reason.ends_with("Create")).max_by(|a, b| a.last_seen().cmp(b.last_seen()));
    last.filter(|event| event.reason == "FailedCreate")
}

fn finding(cx: &Context<'_>, shortfall: &Shortfall<'_>, object: ObjectRef, event: &Event) -> Finding {
    let ending = namespace_ending(cx, &object.namespace, &event.message);
    let why = if ending {
        format!("namespace {} is being deleted", object.namespace)
    } else {
        why(&event.message).to_owned()
    };
    let title = format!("{} {} can't make its pods: {why}", shortfall.kind, shortfall.meta.name);
    let pods = shortfall.missing.iter().take(100);
    let pods = pods.map(|name| ObjectRef::new(Kind::Pod, &shortfall.meta.namespace, name));
    let said = RULE.finding(object.clone(), title).evidence(
        object.clone(),
        "events",
        event.message.clone(),
        "what its controller says",
    );
    let said = if ending { with_what_is_left(cx, &object.namespace, said) } else { said };
    let said = if ending { said } else { said.likely() };
    with_quota(cx, &event.message, &object.namespace, said)
        .evidence(
            object.clone(),
            "spec.replicas",
            format!("{} of {} missing", shortfall.lacking, shortfall.lacking + shortfall.pods.len()),
            format!("last refused at {}", event.last_seen()),
        )
        .explains(object)
        .explains_all(pods)
        .with_remedies(resized(cx, shortfall, &event.message))
        .with_remedies(admitted(cx, shortfall, &event.message))
        .with_remedies(larger_quota(cx, &shortfall.meta.namespace, &event.message))
        .with_remedies(wider_limits(cx, &shortfall.meta.namespace, &event.message))
        .with_remedies(made_first(shortfall, &event.message))
        .with_remedies(corrected(shortfall, &event.message))
}

/// Whether a refusal is that of a namespace that goes (`plugin/pkg/admission/namespace/lifecycle`), and it still does.
fn namespace_ending(cx: &Context<'_>, namespace: &str, message: &str) -> bool {
    let found = cx.snapshot.namespaces.get("", namespace).found();
    message.contains("because it is being terminated") && found.is_some_and(|namespace| namespace.metadata.deleting())
}

/// The claims whose finalizers keep a namespace from going.
fn with_what_is_left(cx: &Context<'_>, namespace: &str, mut finding: Finding) -> Finding {
    let object = ObjectRef::new(Kind::Namespace, "", namespace);
    let since = cx.snapshot.namespaces.get("", namespace).found();
    let since = since.and_then(|namespace| namespace.metadata.deletion_timestamp.clone()).unwrap_or_default();
    let note = "nothing new is made in it; its status.conditions say what keeps it";
    finding = finding.evidence(object.clone(), "metadata.deletionTimestamp", since, note);
    let claims = cx.snapshot.claims.in_namespace(namespace).iter();
    for claim in claims.filter(|claim| claim.metadata.deleting() && !claim.metadata.finalizers.is_empty()).take(SHOWN) {
        let note = "keeps the claim, and the claim the namespace, until its owner takes it off";
        let finalizers = claim.metadata.finalizers.join(", ");
        finding =
            finding.evidence(claim_ref(claim), "metadata.finalizers", finalizers, note).explains(claim_ref(claim));
    }
    let command = kubectl(&["get", "namespace"], &[namespace], &[("-o", "yaml")]);
    let look = Step {
        command,
        ..Step::told(format!("Read in the conditions of namespace {namespace} what keeps it, and end that"))
    };
    let again = Step::told("Make the workload in another namespace, or in this one once it is gone and made anew");
    let reason = "a deletion can't be taken back, and what keeps it is for its owner to end";
    finding.remedy(Remedy::untried("Let the namespace go", Risk::High, vec![look, again], reason))
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
