//! Fields that a kind doesn't have, values of another type, and versions that are not served.

use serde_json::{Value, json};

use super::super::plan::{Part, Plan};
use super::look::Look;
use crate::diagnosis::remedy::Risk;
use crate::diagnosis::text::near;
use crate::preflight::issues::invalid;
use crate::preflight::manifests::{pointer_of, strict};
use crate::preflight::server;

/// Misspelt fields under the names that are meant.
pub(super) fn renamed(look: &Look<'_>) -> Option<Plan> {
    let meant = unknown(look)?.into_iter().filter_map(|field| {
        let name = field.meant?;
        Some((Part::Rename { document: look.document, pointer: pointer_of(&field.path), name: name.clone() }, name))
    });
    let (parts, names): (Vec<Part>, Vec<String>) = meant.unzip();
    let first = names.first()?;
    Some(Plan::new(format!("Write {first} as the kind has it"), Risk::Low, parts))
}

/// The object without the fields that the kind doesn't have.
pub(super) fn removed(look: &Look<'_>) -> Option<Plan> {
    let fields = unknown(look)?.into_iter().filter(|field| field.meant.is_none());
    let parts: Vec<Part> = fields.map(|field| look.field(pointer_of(&field.path), None)).collect();
    let title = "Leave out what the kind doesn't have";
    (!parts.is_empty()).then(|| Plan::new(title, Risk::Medium, parts))
}

fn unknown(look: &Look<'_>) -> Option<Vec<strict::Unknown>> {
    let told = look.message.contains("unknown field");
    told.then(|| strict::decode(look.object, look.version().minor).unknown)
}

/// The value as what the field takes: a number for a text of digits, a text for a number.
pub(super) fn retyped(look: &Look<'_>) -> Option<Plan> {
    let told = look.message.contains(" cannot be handled as a ");
    let fault = told.then(|| strict::decode(look.object, look.version().minor).fault)??;
    let pointer = pointer_of(&fault.path);
    let value = look.object.pointer(&pointer)?;
    let into = fault.message.rsplit(" of type ").next()?;
    let to = match value {
        Value::String(text) if into.starts_with("int") => json!(text.trim().parse::<i64>().ok()?),
        Value::String(text) if into == "bool" => json!(text.trim().parse::<bool>().ok()?),
        Value::Number(number) if into == "string" => json!(number.to_string()),
        Value::Bool(value) if into == "string" => json!(value.to_string()),
        _ => return None,
    };
    Some(Plan::new("Write the value as the type that the field has", Risk::Low, vec![look.field(pointer, Some(to))]))
}

/// A value that the field takes, where it is clear which is meant.
pub(super) fn supported(look: &Look<'_>) -> Option<Plan> {
    let mut parts = Vec::new();
    for (path, what) in invalid(look.message) {
        let Some((value, values)) =
            what.strip_prefix("Unsupported value: ").and_then(|rest| rest.split_once(": supported values: "))
        else {
            continue;
        };
        let (value, values) = (value.trim_matches('"'), values.split(", ").map(|value| value.trim_matches('"')));
        let values: Vec<&str> = values.collect();
        let same = values.iter().find(|one| one.eq_ignore_ascii_case(value)).copied();
        let meant = same.or_else(|| near(value, values.iter().copied()))?;
        parts.push(look.field(look.named(&path)?, Some(json!(meant))));
    }
    (!parts.is_empty()).then(|| Plan::new("Write a value that the field takes", Risk::Low, parts))
}

/// A version of the kind that the server has.
pub(super) fn version(look: &Look<'_>) -> Option<Plan> {
    look.message.strip_prefix("no matches for kind ")?;
    let version = server::served_versions(&look.key.kind, look.version()).into_iter().next()?;
    let title = format!("Write {} in a version that the server has", look.key.kind);
    Some(Plan::new(title, Risk::Low, vec![look.field("/apiVersion", Some(json!(version)))]))
}
