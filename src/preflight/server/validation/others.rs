//! The smaller kinds: disruption budgets, priority and runtime classes, autoscalers, namespaces.

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, list, number, some_text, text, truth};
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

/// `ValidateHorizontalPodAutoscaler`
pub(super) fn autoscaler(object: &Value, errors: &mut Errors) {
    meta::validate(object, true, subdomain, errors);
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    let (least, most) = (number(spec, "/minReplicas"), number(spec, "/maxReplicas").unwrap_or(0));
    if let Some(least) = least.filter(|least| *least < 1) {
        errors.invalid(&path.child("minReplicas"), least, "must be greater than or equal to 1");
    }
    match most {
        0 => errors.required(&path.child("maxReplicas"), "must be set and greater than 0"),
        most if most < 0 => errors.invalid(&path.child("maxReplicas"), most, "must be greater than or equal to 1"),
        _ => {}
    }
    if least.is_some_and(|least| most < least) {
        errors.invalid(&path.child("maxReplicas"), most, "must be greater than or equal to `minReplicas`");
    }
    let target = path.child("scaleTargetRef");
    for field in ["kind", "name"] {
        match text(spec, &format!("/scaleTargetRef/{field}")) {
            "" => errors.required(&target.child(field), ""),
            value => errors.all_invalid(&target.child(field), value, path_segment(value)),
        }
    }
    let version = text(spec, "/scaleTargetRef/apiVersion");
    if !version.contains('/') && text(spec, "/scaleTargetRef/kind") != "ReplicationController" {
        errors.invalid(&target.child("apiVersion"), version, "apiVersion must specify API group");
    }
    let outside = |metric: &Value| matches!(text(metric, "/type"), "Object" | "External");
    let metrics = list(spec, "/metrics");
    if least == Some(0) && !metrics.iter().any(outside) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.forbidden(&path.child("metrics"), detail);
    }
    for (index, metric) in metrics.iter().enumerate() {
        metric_type(metric, &path.child("metrics").index(index), errors);
    }
}

fn metric_type(metric: &Value, path: &Path, errors: &mut Errors) {
    let known = ["ContainerResource", "External", "Object", "Pods", "Resource"];
    match text(metric, "/type") {
        "" => errors.required(&path.child("type"), "must specify a metric source type"),
        kind if known.contains(&kind) => {}
        kind => errors.unsupported(&path.child("type"), kind, &known),
    }
}

/// `ValidateNamespace`
pub(super) fn namespace(object: &Value, errors: &mut Errors) {
    meta::validate(object, false, label, errors);
}
