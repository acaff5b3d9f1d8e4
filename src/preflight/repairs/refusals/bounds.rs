//! Amounts that are out of the bounds of a LimitRange, or requests that are above their limit.

use serde_json::{Value, json};

use super::super::plan::{Part, Plan};
use super::look::Look;
use crate::diagnosis::remedy::Risk;
use crate::preflight::issues::invalid;
use crate::preflight::server::amount::Amount;
use crate::snapshot::edit::pointer_token;

const ENOUGH: &str = "if that is enough";

/// A limit as high as what is asked for.
pub(super) fn raised(look: &Look<'_>) -> Option<Plan> {
    let parts = above_limit(look)?.into_iter().map(|above| {
        let limits = above.requests.strip_suffix("requests").map(|resources| format!("{resources}limits"));
        limits.map(|limits| look.field(format!("{limits}/{}", above.resource), Some(json!(above.asked))))
    });
    let parts: Vec<Part> = parts.collect::<Option<_>>()?;
    (!parts.is_empty()).then(|| Plan::new("Raise the limit to what is asked for", Risk::Low, parts))
}

/// No more asked for than the limit.
pub(super) fn lowered(look: &Look<'_>) -> Option<Plan> {
    let parts = above_limit(look)?
        .into_iter()
        .map(|above| look.field_if(format!("{}/{}", above.requests, above.resource), Some(json!(above.limit)), ENOUGH));
    let parts: Vec<Part> = parts.collect();
    (!parts.is_empty()).then(|| Plan::new("Ask for no more than the limit", Risk::Medium, parts))
}

/// A request that is above its limit.
struct Above {
    /// Where the requests stand, as a JSON pointer.
    requests: String,
    resource: String,
    asked: String,
    limit: String,
}

/// `validateContainerResourceRequirements`: `must be less than or equal to cpu limit of 250m`.
fn above_limit(look: &Look<'_>) -> Option<Vec<Above>> {
    let mut found = Vec::new();
    for (path, what) in invalid(look.message) {
        let told = what
            .strip_prefix("Invalid value: \"")
            .and_then(|rest| rest.split_once("\": must be less than or equal to "));
        let Some((asked, (resource, limit))) =
            told.and_then(|(asked, rest)| Some((asked, rest.split_once(" limit of ")?)))
        else {
            continue;
        };
        let (requests, resource) = (look.named(&path)?, pointer_token(resource));
        found.push(Above { requests, resource, asked: asked.to_owned(), limit: limit.to_owned() });
    }
    Some(found)
}

/// What one bound asks for.
struct Bound<'m> {
    /// `maximum`, `minimum` or `ratio`.
    kind: &'m str,
    resource: &'m str,
    of: &'m str,
    bound: Amount,
}

/// The nearest amounts that the limit range allows.
pub(super) fn within(look: &Look<'_>) -> Option<Plan> {
    let bounds = bounds(look.message);
    let mut parts = Vec::new();
    for bound in &bounds {
        match bound.of {
            "PersistentVolumeClaim" => parts.extend(claim(look, bound)),
            "Container" => parts.extend(containers(look, bound)),
            "Pod" if look.containers().len() == 1 => parts.extend(containers(look, bound)),
            _ => {}
        }
    }
    let risk = if bounds.iter().any(|bound| bound.kind == "maximum") { Risk::Medium } else { Risk::Low };
    (!parts.is_empty()).then(|| Plan::new("Keep within the namespace's limit range", risk, parts))
}

/// The bounds that the words of `LimitRanger` name.
fn bounds(message: &str) -> Vec<Bound<'_>> {
    let Some((_, told)) = message.split_once(" is forbidden: ") else { return Vec::new() };
    let told = told.strip_prefix('[').and_then(|told| told.strip_suffix(']')).unwrap_or(told);
    told.split(", ").filter_map(bound).collect()
}

fn bound(text: &str) -> Option<Bound<'_>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let amount = |word: &str| Amount::parse(word.trim_end_matches('.'));
    match words.as_slice() {
        [kind @ ("maximum" | "minimum"), resource, "usage", "per", of, "is", bound, ..] => {
            Some(Bound { kind, resource, of, bound: amount(bound)? })
        }
        [resource, "max", "limit", "to", "request", "ratio", "per", of, "is", bound, ..] => {
            Some(Bound { kind: "ratio", resource, of, bound: amount(bound)? })
        }
        _ => None,
    }
}

fn claim(look: &Look<'_>, bound: &Bound<'_>) -> Option<Part> {
    let pointer = format!("{}/spec/resources/requests/{}", look.claim()?, pointer_token(bound.resource));
    let asked = look.object.pointer(&pointer).and_then(Amount::of);
    let out = |asked: Amount| match bound.kind {
        "maximum" => asked.nanos > bound.bound.nanos,
        _ => asked.nanos < bound.bound.nanos,
    };
    asked.is_none_or(out).then(|| look.field_if(pointer, Some(json!(bound.bound.to_string())), ENOUGH))
}

fn containers(look: &Look<'_>, bound: &Bound<'_>) -> Vec<Part> {
    let parts = look.containers().into_iter().flat_map(|(at, container)| container_parts(look, &at, container, bound));
    parts.collect()
}

fn container_parts(look: &Look<'_>, at: &str, container: &Value, bound: &Bound<'_>) -> Vec<Part> {
    let resource = pointer_token(bound.resource);
    let of = |field: &str| container.pointer(&format!("/resources/{field}/{resource}")).and_then(Amount::of);
    let set = |field: &str, amount: &str| {
        look.field_if(format!("{at}/resources/{field}/{resource}"), Some(json!(amount)), ENOUGH)
    };
    let (request, limit, most) = (of("requests"), of("limits"), bound.bound);
    let shown = most.to_string();
    let mut parts = Vec::new();
    match bound.kind {
        "maximum" => {
            if limit.is_none_or(|limit| limit.nanos > most.nanos) {
                parts.push(set("limits", &shown));
            }
            if request.is_some_and(|request| request.nanos > most.nanos) {
                parts.push(set("requests", &shown));
            }
        }
        "minimum" => {
            if request.is_none_or(|request| request.nanos < most.nanos) {
                parts.push(set("requests", &shown));
            }
            if limit.is_some_and(|limit| limit.nanos < most.nanos) {
                parts.push(set("limits", &shown));
            }
        }
        _ => {
            let least = limit.and_then(|limit| share(limit, most, bound.resource));
            parts.extend(least.map(|least| set("requests", &least)));
        }
    }
    parts
}

/// The least request that a limit is no more than so many times of.
fn share(limit: Amount, ratio: Amount, resource: &str) -> Option<String> {
    let unit: i128 = if resource == "cpu" { 1_000_000 } else { 1_000_000_000 };
    let least = limit.nanos.checked_mul(1_000_000_000)?.checked_div(ratio.nanos)?;
    let units = least.checked_add(unit - 1)? / unit;
    Some(if resource == "cpu" { format!("{units}m") } else { units.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_from_the_servers_words() {
        let message = "pods \"a\" is forbidden: [minimum memory usage per Container is 2Gi, but request is 1Gi, maximum cpu usage \
                       per Container is 400m.  No limit is specified, cpu max limit to request ratio per Pod is 2, but provided \
                       ratio is 3.333333]";
        let told: Vec<String> = bounds(message)
            .iter()
            .map(|bound| format!("{} {} {} {}", bound.kind, bound.resource, bound.of, bound.bound))
            .collect();
        assert_eq!(told, ["minimum memory Container 2Gi", "maximum cpu Container 400m", "ratio cpu Pod 2"]);
        let limit = |text| Amount::parse(text).unwrap();
        assert_eq!(share(limit("1"), limit("3"), "cpu").as_deref(), Some("334m"));
        assert_eq!(share(limit("1Gi"), limit("2"), "memory").as_deref(), Some("536870912"));
    }
}
