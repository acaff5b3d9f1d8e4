//! Whether a webhook or policy is asked about a request.

use serde_json::{Value, json};

use super::super::super::cel::{Facts, Said, evaluate};
use super::super::super::json::{at, labels, list, text, texts, typed};
use super::super::super::kinds::versions;
use super::super::Attributes;
use crate::model::meta::Map;
use crate::model::selector::LabelSelector;

/// Whether something is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Asked {
    Yes,
    No,
    /// A condition has no value: the server's words.
    Fault(String),
    /// It can't be known: why.
    Unknown(String),
}

/// Webhooks and policies are never asked about themselves.
pub(super) fn exempt(cx: &Attributes<'_>) -> bool {
    cx.resource.group == "admissionregistration.k8s.io"
}

/// Whether a webhook is asked about a request.
pub(super) fn asked(cx: &Attributes<'_>, webhook: &Value, object: &Value) -> Asked {
    if !list(webhook, "/rules").iter().any(|rule| rule_matches(cx, webhook, rule, object)) {
        return Asked::No;
    }
    if !selected(cx, webhook, object) {
        return Asked::No;
    }
    conditions(list(webhook, "/matchConditions"), &Facts::new(cx, object))
}

/// Whether the constraints of a policy or binding hold for a request.
pub(in super::super) fn constraints(cx: &Attributes<'_>, constraints: &Value, object: &Value) -> bool {
    let any = |field: &str| list(constraints, field).iter().any(|rule| rule_matches(cx, constraints, rule, object));
    let included = at(constraints, "/resourceRules").is_none() || any("/resourceRules");
    included && !any("/excludeResourceRules") && selected(cx, constraints, object)
}

/// `matchConditions` (`webhook/matchconditions`), which are told nothing of the namespace: all must hold; one that doesn't outweighs one that has no value.
pub(in super::super) fn conditions(conditions: &[Value], facts: &Facts) -> Asked {
    let mut facts = facts.clone();
    facts.set(&["namespaceObject"], json!({}));
    let (mut faults, mut unknown) = (Vec::new(), None);
    for condition in conditions {
        let (name, expression) = (text(condition, "/name"), text(condition, "/expression"));
        match evaluate(expression, &facts) {
            Said::Truth(false) => return Asked::No,
            Said::Truth(true) => {}
            Said::Fault(why) => faults.push(format!("expression '{expression}' resulted in error: {why}")),
            Said::Unknown(why) => {
                unknown.get_or_insert(format!("its match condition {name} can't be evaluated here: {why}"));
            }
            Said::Text(_) | Said::Other(_) => {
                unknown.get_or_insert(format!("its match condition {name} is neither true nor false"));
            }
        }
    }
    match (unknown, super::super::super::field::aggregate(&faults)) {
        (Some(why), _) => Asked::Unknown(why),
        (None, Some(faults)) => Asked::Fault(faults),
        (None, None) => Asked::Yes,
    }
}

/// `rules.Matcher`; a rule for another version of the kind serves where the policy is to look for what is equivalent.
fn rule_matches(cx: &Attributes<'_>, holder: &Value, rule: &Value, object: &Value) -> bool {
    let has = |field: &str, value: &str| texts(rule, field).iter().any(|entry| *entry == "*" || *entry == value);
    let operation = if cx.old.is_some() { "UPDATE" } else { "CREATE" };
    let namespaced = cx.resource.namespaced;
    let scope = match text(rule, "/scope") {
        "Namespaced" => namespaced,
        "Cluster" => !namespaced,
        _ => true,
    };
    let resource = texts(rule, "/resources").into_iter().any(|entry| {
        let (main, sub) = entry.split_once('/').unwrap_or((entry, ""));
        (main == "*" || main == cx.resource.plural) && matches!(sub, "" | "*")
    });
    let version = if text(holder, "/matchPolicy") == "Exact" {
        has("/apiVersions", &cx.resource.version)
    } else {
        versions(cx.resource, cx.version).iter().any(|version| has("/apiVersions", version))
    };
    let names = texts(rule, "/resourceNames");
    let named = names.is_empty() || names.contains(&text(object, "/metadata/name"));
    scope && named && resource && version && has("/apiGroups", &cx.resource.group) && has("/operations", operation)
}

/// Whether the selectors for the namespace and the object select them.
fn selected(cx: &Attributes<'_>, holder: &Value, object: &Value) -> bool {
    let selector = |field: &str| at(holder, field).map(|selector| typed::<LabelSelector>(Some(selector)));
    if let Some(selector) = selector("/namespaceSelector").filter(|selector| !selector.is_empty())
        && !selector_of_namespace(cx, &selector, object)
    {
        return false;
    }
    let Some(selector) = selector("/objectSelector").filter(|selector| !selector.is_empty()) else { return true };
    selector.matches(&labels(object)) || cx.old.is_some_and(|old| selector.matches(&labels(old)))
}

/// A namespace is selected by its own labels, and what has none always.
fn selector_of_namespace(cx: &Attributes<'_>, selector: &LabelSelector, object: &Value) -> bool {
    let (name, own): (&str, Map) = if cx.is("", "Namespace") {
        (text(object, "/metadata/name"), labels(object))
    } else if cx.namespace.is_empty() {
        return true;
    } else {
        (cx.namespace, cx.namespace_object().map(labels).unwrap_or_default())
    };
    let mut own = own;
    own.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| name.to_owned());
    selector.matches(&own)
}
