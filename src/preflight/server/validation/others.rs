//! The smaller kinds: disruption budgets, priority and runtime classes, namespaces.

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, number, some_text, text, truth};
use super::apps::{at_most_all, count_or_percent};
use super::names::{label, path_segment, subdomain};
use super::{meta, resources, selector};

/// The highest priority that a class of one's own may have.
const HIGHEST: i64 = 1_000_000_000;

/// `ValidatePodDisruptionBudget`
pub(super) fn disruption_budget(object: &Value, errors: &mut Errors) {
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    if at(spec, "/minAvailable").is_some() && at(spec, "/maxUnavailable").is_some() {
        let shown = serde_json::json!({"MinAvailable": at(spec, "/minAvailable"), "Selector": at(spec, "/selector"),
            "MaxUnavailable": at(spec, "/maxUnavailable"), "UnhealthyPodEvictionPolicy": at(spec, "/unhealthyPodEvictionPolicy")});
        errors.invalid(&path, shown, "minAvailable and maxUnavailable cannot be both set");
    }
    for field in ["minAvailable", "maxUnavailable"] {
        count_or_percent(spec, field, &path, errors);
        at_most_all(spec, field, &path, errors);
    }
    if let Some(own) = at(spec, "/selector") {
        selector::validate(own, &path.child("selector"), errors);
    }
    let known = ["AlwaysAllow", "IfHealthyBudget"];
    if let Some(policy) = some_text(spec, "/unhealthyPodEvictionPolicy").filter(|policy| !known.contains(policy)) {
        errors.unsupported(&path.child("unhealthyPodEvictionPolicy"), policy, &known);
    }
    meta::validate(object, true, path_segment, errors);
}

/// `ValidatePriorityClass`
pub(super) fn priority_class(object: &Value, errors: &mut Errors) {
    meta::validate(object, false, subdomain, errors);
    let (name, value) = (text(object, "/metadata/name"), number(object, "/value").unwrap_or(0));
    if name.starts_with("system-") {
        let known = match name {
            "system-node-critical" => Some(2_000_001_000),
            "system-cluster-critical" => Some(2_000_000_000),
            _ => None,
        };
        let error = match known {
            None => format!("{name} is not a known system priority class"),
            Some(known) if known != value => format!("value of {name} PriorityClass must be {known}"),
            Some(_) if truth(object, "/globalDefault") => {
                format!("globalDefault of {name} PriorityClass must be false")
            }
            Some(_) => String::new(),
        };
        if !error.is_empty() {
            let detail =
                format!("priority class names with 'system-' prefix are reserved for system use only. error: {error}");
            errors.forbidden(&Path::new("metadata").child("name"), &detail);
        }
    } else if value > HIGHEST {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        errors.forbidden(&Path::new("value"), &detail);
    }
    let policy = text(object, "/preemptionPolicy");
    if !matches!(policy, "" | "PreemptLowerPriority" | "Never") {
        errors.unsupported(&Path::new("preemptionPolicy"), policy, &["PreemptLowerPriority", "Never"]);
    }
}

/// `ValidateRuntimeClass`
pub(super) fn runtime_class(object: &Value, errors: &mut Errors) {
    meta::validate(object, false, subdomain, errors);
    match text(object, "/handler") {
        "" => errors.required(&Path::new("handler"), ""),
        handler => errors.all_invalid(&Path::new("handler"), handler, label(handler)),
    }
    if let Some(overhead) = at(object, "/overhead/podFixed") {
        let limits = serde_json::json!({"limits": overhead});
        resources::container(&limits, &Path::new("overhead"), errors);
    }
    meta::labels(object, "/scheduling/nodeSelector", &Path::new("scheduling").child("nodeSelector"), errors);
}

/// `ValidateNamespace`
pub(super) fn namespace(object: &Value, errors: &mut Errors) {
    meta::validate(object, false, label, errors);
}
