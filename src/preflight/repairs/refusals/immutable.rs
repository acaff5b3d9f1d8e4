//! Fields that can't be changed in place: as they are, or the object made anew.

use serde_json::Value;

use super::super::plan::{Part, Plan};
use super::look::Look;
use crate::diagnosis::remedy::Risk;
use crate::preflight::fields::list;
use crate::preflight::issues::invalid;
use crate::preflight::manifests::pointer_of;
use crate::preflight::server::amount::Amount;
use crate::snapshot::edit::pointer_token;

/// What of a StatefulSet's spec can be changed (`ValidateStatefulSetUpdate`).
const OF_SETS: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// The fields that the server does not let change, as the stored object has them.
fn refused(look: &Look<'_>) -> Vec<String> {
    if !look.message.starts_with(&look.key.kind) {
        return Vec::new();
    }
    let fixed = |what: &str| {
        ["immutable", "updates to statefulset spec", "may not change", "can not be less than"]
            .iter()
            .any(|word| what.contains(word))
    };
    invalid(look.message).into_iter().filter(|(_, what)| fixed(what)).map(|(path, _)| pointer_of(&path)).collect()
}

fn stored<'a>(look: &Look<'a>) -> Option<&'a Value> {
    look.world.get(&look.key.kind, look.key.namespace.as_deref(), &look.key.name)
}

/// The document with these fields as they are.
pub(super) fn restored(look: &Look<'_>) -> Option<Plan> {
    let live = stored(look)?;
    let mut parts = Vec::new();
    for pointer in refused(look) {
        let skipped: &[&str] = if look.key.kind == "StatefulSet" && pointer == "/spec" { &OF_SETS } else { &[] };
        let (written, there) = (look.object.pointer(&pointer)?, live.pointer(&pointer)?);
        differences(look, written, there, &pointer, skipped, &mut parts);
        if pointer.starts_with("/spec/selector") {
            labels(look, live, &mut parts);
        }
    }
    let title = format!("Leave what can't be changed in {} {} as it is", look.key.kind, look.key.name);
    (!parts.is_empty()).then(|| Plan::new(title, Risk::Low, parts))
}

/// The labels that the selector asks of the template.
fn labels(look: &Look<'_>, live: &Value, parts: &mut Vec<Part>) {
    let selected = live.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    for (key, value) in selected.into_iter().flatten() {
        let pointer = format!("/spec/template/metadata/labels/{}", pointer_token(key));
        if look.object.pointer(&pointer) != Some(value) {
            parts.push(look.field(pointer, Some(value.clone())));
        }
    }
}

/// What to change so that what is written is what is there. What is not written is defaulted, and stays so.
fn differences(look: &Look<'_>, written: &Value, live: &Value, pointer: &str, skipped: &[&str], parts: &mut Vec<Part>) {
    match (written, live) {
        (Value::Object(fields), Value::Object(there)) => {
            for (key, value) in fields.iter().filter(|(key, _)| !skipped.contains(&key.as_str())) {
                let at = format!("{pointer}/{}", pointer_token(key));
                match there.get(key).filter(|there| !there.is_null()) {
                    Some(live) => differences(look, value, live, &at, &[], parts),
                    None if value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty) => {}
                    None => parts.push(look.field(at, None)),
                }
            }
        }
        (Value::Array(items), Value::Array(there)) if items.len() == there.len() => {
            for (index, (value, live)) in items.iter().zip(there).enumerate() {
                differences(look, value, live, &format!("{pointer}/{index}"), &[], parts);
            }
        }
        _ => {
            let amounts = Amount::of(written).zip(Amount::of(live));
            let same = written == live || amounts.is_some_and(|(one, other)| one == other);
            if !same {
                parts.push(look.field(pointer, Some(live.clone())));
            }
        }
    }
}

/// The object made anew: a StatefulSet without its pods, which the new one takes over; of others what they own goes too.
pub(super) fn remade(look: &Look<'_>) -> Option<Plan> {
    stored(look)?;
    if refused(look).is_empty() {
        return None;
    }
    let (document, key) = (look.document, look.key.clone());
    let title = format!("Make {} {} anew", key.kind, key.name);
    match key.kind.as_str() {
        "StatefulSet" if list(look.object, "/spec/selector/matchExpressions").is_empty() => {
            let same = look.object.pointer("/spec/selector") == stored(look)?.pointer("/spec/selector");
            same.then(|| Plan::new(title, Risk::Medium, vec![Part::Orphan { document, key }]))
        }
        "Deployment" | "ReplicaSet" | "DaemonSet" | "Job" | "CronJob" | "Pod" => {
            Some(Plan::new(format!("{title}: all its pods stop"), Risk::High, vec![Part::Delete { document, key }]))
        }
        "StorageClass" | "PriorityClass" | "RuntimeClass" | "CSIDriver" => {
            Some(Plan::new(title, Risk::Medium, vec![Part::Delete { document, key }]))
        }
        _ => None,
    }
}
