//! Quotas without room: fewer pods, pods and claims that ask for less, or a larger quota.

use serde_json::{Map, Value, json};

use super::super::plan::{Part, Plan};
use super::look::Look;
use crate::diagnosis::command;
use crate::diagnosis::remedy::{Change, Risk, Step};
use crate::model::Kind;
use crate::preflight::server::amount::Amount;
use crate::snapshot::edit::pointer_token;

const MEBIBYTE: i128 = 1 << 20;
const NANO: i128 = 1_000_000_000;

/// What a quota says of an object that goes over it.
struct Exceeded<'m> {
    quota: &'m str,
    /// Resource, what was asked for, what is used and what is allowed.
    over: Vec<(&'m str, Amount, Amount, Amount)>,
}

fn exceeded<'m>(look: &Look<'m>) -> Option<Exceeded<'m>> {
    let (_, rest) = look.message.split_once("exceeded quota: ")?;
    let (quota, rest) = rest.split_once(", requested: ")?;
    let (requested, rest) = rest.split_once(", used: ")?;
    let (used, limited) = rest.split_once(", limited: ")?;
    fn amounts(text: &str) -> impl Iterator<Item = Option<(&str, Amount)>> {
        text.split(',').map(|one| one.split_once('=').and_then(|(name, amount)| Some((name, Amount::parse(amount)?))))
    }
    let over = amounts(requested).zip(amounts(used)).zip(amounts(limited)).map(|((requested, used), limited)| {
        let (name, requested) = requested?;
        Some((name, requested, used?.1, limited?.1))
    });
    Some(Exceeded { quota, over: over.collect::<Option<_>>()? })
}

/// As many replicas as the quota has room for.
pub(super) fn fewer(look: &Look<'_>) -> Option<Plan> {
    exceeded(look)?;
    let workload = look.workload.filter(|workload| workload.created > 0 && workload.created < workload.desired)?;
    if !matches!(look.key.kind.as_str(), "Deployment" | "ReplicaSet" | "StatefulSet") {
        return None;
    }
    let created = workload.created;
    let note = format!("if {created} of {} are enough", workload.desired);
    let part = look.field_if("/spec/replicas", Some(json!(created)), &note);
    Some(Plan::new(format!("Run {created} replicas, as many as the quota has room for"), Risk::Medium, vec![part]))
}

/// Pods or claims that ask for what is left, shared among all that are wanted.
pub(super) fn less(look: &Look<'_>) -> Option<Plan> {
    let Exceeded { quota, over } = exceeded(look)?;
    let (desired, created) = look.workload.map_or((1, 0), |workload| (workload.desired, workload.created));
    let mut parts = Vec::new();
    for (name, requested, used, limited) in over {
        let own = requested.nanos.checked_mul(i128::from(created))?;
        let room = limited.nanos.checked_sub(used.nanos)?.checked_add(own)?;
        let each = room.checked_div(i128::from(desired.max(1)))?;
        parts.push(smaller(look, name, requested.nanos, each)?);
    }
    let title = format!("Ask for what quota {quota} has room for");
    (!parts.is_empty()).then(|| Plan::new(title, Risk::Medium, parts))
}

/// The field that makes for what the quota counts, so much smaller that the object takes `each`.
fn smaller(look: &Look<'_>, name: &str, requested: i128, each: i128) -> Option<Part> {
    let note = "if that is enough";
    if name == "requests.storage" || name.ends_with(".storageclass.storage.k8s.io/requests.storage") {
        let pointer = format!("{}/spec/resources/requests/storage", look.claim()?);
        return Some(look.field_if(pointer, Some(json!(amount("storage", each)?)), note));
    }
    let (field, resource) = match name.split_once('.') {
        Some((field @ ("requests" | "limits"), resource)) => (field, resource),
        _ => ("requests", name),
    };
    if !matches!(resource, "cpu" | "memory" | "ephemeral-storage") {
        return None;
    }
    let asking = look.containers().into_iter().filter_map(|(at, container)| {
        let value = container.pointer(&format!("/resources/{field}/{}", pointer_token(resource)))?;
        Some((at, Amount::of(value)?))
    });
    let (at, most) = asking.max_by_key(|(_, amount)| amount.nanos)?;
    let rest = most.nanos.checked_sub(requested.checked_sub(each)?)?;
    let pointer = format!("{at}/resources/{field}/{}", pointer_token(resource));
    Some(look.field_if(pointer, Some(json!(amount(resource, rest)?)), note))
}

/// An amount in whole thousandths or mebibytes, rounded down; `None` for nothing.
fn amount(resource: &str, nanos: i128) -> Option<String> {
    if resource == "cpu" {
        let milli = nanos / 1_000_000;
        return (milli > 0).then(|| format!("{milli}m"));
    }
    let mebibytes = nanos / NANO / MEBIBYTE;
    let shown = if mebibytes % 1024 == 0 { format!("{}Gi", mebibytes / 1024) } else { format!("{mebibytes}Mi") };
    (mebibytes > 0).then_some(shown)
}

/// A quota that has room for all that is wanted.
pub(super) fn more(look: &Look<'_>) -> Option<Plan> {
    let Exceeded { quota, over } = exceeded(look)?;
    let missing = look.workload.map_or(1, |workload| (workload.desired - workload.created).max(1));
    let mut hard = Map::new();
    for (name, requested, used, _) in over {
        let needed = (0..missing.min(1000)).fold(used, |sum, _| sum.plus(requested));
        hard.insert(name.to_owned(), json!(needed.to_string()));
    }
    let title = format!("Raise quota {quota}");
    let own = look.document_of("ResourceQuota", quota).filter(|document| {
        look.sources.keys.get(*document).is_some_and(|key| key.namespace.as_deref() == Some(look.namespace()))
    });
    if let Some(document) = own {
        let field = |(name, amount): (String, Value)| Part::Field {
            document,
            pointer: format!("/spec/hard/{}", pointer_token(&name)),
            to: Some(amount),
            note: String::new(),
        };
        return Some(Plan::new(title, Risk::Medium, hard.into_iter().map(field).collect()));
    }
    let told: Vec<String> =
        hard.iter().map(|(name, amount)| format!("{name}={}", amount.as_str().unwrap_or(""))).collect();
    let change = Change::Patch {
        kind: Kind::ResourceQuota,
        namespace: look.namespace().to_owned(),
        name: quota.to_owned(),
        patch: json!({"spec": {"hard": hard}}),
    };
    let what = format!("Raise quota {quota} to {}, if the cluster has that much to give", told.join(", "));
    let step = Step { what, command: Some(command::command(&change)?), change: Some(change), ..Step::default() };
    Some(Plan::new(title, Risk::Medium, vec![Part::Command(Box::new(step))]))
}
