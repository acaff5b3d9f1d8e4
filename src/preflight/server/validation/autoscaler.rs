//! Autoscalers (`pkg/apis/autoscaling/validation`).

use serde_json::{Value, json};

use super::super::amount::Amount;
use super::super::field::{Errors, Path};
use super::super::json::{at, list, number, some_text, text};
use super::meta;
use super::metrics::metric;
use super::names::{path_segment, subdomain};

/// The release from which on the bounds are checked last and told without details, by rules that are generated from the
/// types (`zz_generated.validations.go`), and from which on the lower one may be 0.
const GENERATED: u32 = 37;
/// The longest period of a policy, in seconds.
const PERIOD: i64 = 1800;
/// The longest window of stabilisation, in seconds.
const WINDOW: i64 = 3600;

/// What the version of an object that is referred to must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Anything,
    /// The form of a version.
    Version,
    /// A group.
    Group,
}

/// `ValidateHorizontalPodAutoscaler`, and `ValidateHorizontalPodAutoscalerUpdate` where there is an old one.
pub(super) fn autoscaler(object: &Value, old: Option<&Value>, minor: u32, errors: &mut Errors) {
    meta::validate(object, true, subdomain, errors);
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    let to_zero = minor >= GENERATED || old.is_some_and(|old| number(old, "/spec/minReplicas") == Some(0));
    if minor < GENERATED {
        bounds(spec, i64::from(!to_zero), minor, &path, errors);
    }
    let (least, most) = (number(spec, "/minReplicas"), number(spec, "/maxReplicas").unwrap_or(0));
    if least.is_some_and(|least| most < least) {
        errors.invalid(&path.child("maxReplicas"), most, "must be greater than or equal to `minReplicas`");
    }
    let target = at(spec, "/scaleTargetRef").unwrap_or(&nothing);
    reference(target, &path.child("scaleTargetRef"), named(target, old, minor), errors);
    let metrics = metrics_of(text(object, "/apiVersion"), spec);
    let described = if minor < 34 { Named::Anything } else { Named::Version };
    for (index, own) in metrics.iter().enumerate() {
        metric(own, &path.child("metrics").index(index), described, errors);
    }
    let outside = |metric: &Value| matches!(text(metric, "/type"), "Object" | "External");
    if least == Some(0) && !metrics.iter().any(outside) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.forbidden(&path.child("metrics"), detail);
    }
    for direction in ["scaleUp", "scaleDown"] {
        if let Some(rules) = at(spec, &format!("/behavior/{direction}")) {
            scaling(rules, &path.child("behavior").child(direction), minor, errors);
        }
    }
    if minor >= GENERATED {
        bounds(spec, i64::from(!to_zero), minor, &path, errors);
    }
}

/// The bounds, each for itself.
fn bounds(spec: &Value, lowest: i64, minor: u32, path: &Path, errors: &mut Errors) {
    if let Some(least) = number(spec, "/minReplicas").filter(|least| *least < lowest) {
        errors.invalid(&path.child("minReplicas"), least, &format!("must be greater than or equal to {lowest}"));
    }
    let path = path.child("maxReplicas");
    match number(spec, "/maxReplicas").unwrap_or(0) {
        most if most < 1 && minor < 36 => errors.invalid(&path, most, "must be greater than 0"),
        0 if minor >= GENERATED => errors.required(&path, ""),
        0 => errors.required(&path, "must be set and greater than 0"),
        most if most < 0 => errors.invalid(&path, most, "must be greater than or equal to 1"),
        _ => {}
    }
}

/// What the version of the target must have: nothing in releases before 1.34, nor where it stays what it is.
fn named(target: &Value, old: Option<&Value>, minor: u32) -> Named {
    let same =
        |field: &str| old.is_some_and(|old| text(old, &format!("/spec/scaleTargetRef{field}")) == text(target, field));
    match text(target, "/kind") {
        _ if minor < 34 || same("/apiVersion") && same("/kind") => Named::Anything,
        "ReplicationController" => Named::Version,
        _ => Named::Group,
    }
}

/// The metrics of any version; those of `v2beta1`, which have another form, are not read.
fn metrics_of(api_version: &str, spec: &Value) -> Vec<Value> {
    match api_version {
        "autoscaling/v1" => {
            let most = at(spec, "/targetCPUUtilizationPercentage").into_iter();
            let target = |most| json!({"type": "Utilization", "averageUtilization": most});
            most.map(|most| json!({"type": "Resource", "resource": {"name": "cpu", "target": target(most)}})).collect()
        }
        "autoscaling/v2beta1" => Vec::new(),
        _ => list(spec, "/metrics").to_vec(),
    }
}

/// `ValidateCrossVersionObjectReference`
pub(super) fn reference(target: &Value, path: &Path, named: Named, errors: &mut Errors) {
    for field in ["kind", "name"] {
        match text(target, &format!("/{field}")) {
            "" => errors.required(&path.child(field), ""),
            value => errors.all_invalid(&path.child(field), value, path_segment(value)),
        }
    }
    let version = text(target, "/apiVersion");
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let path = path.child("apiVersion");
    if named != Named::Anything && version.matches('/').count() > 1 {
        errors.invalid(&path, version, &format!("unexpected GroupVersion string: {version}"));
    } else if named == Named::Group && group.is_empty() {
        errors.invalid(&path, version, "apiVersion must specify API group");
    }
}

/// `validateScalingRules`
fn scaling(rules: &Value, path: &Path, minor: u32, errors: &mut Errors) {
    let window = path.child("stabilizationWindowSeconds");
    match number(rules, "/stabilizationWindowSeconds") {
        Some(seconds) if seconds < 0 => errors.invalid(&window, seconds, "must be greater than or equal to zero"),
        Some(seconds) if seconds > WINDOW => {
            errors.invalid(&window, seconds, &format!("must be less than or equal to {WINDOW}"));
        }
        _ => {}
    }
    let known = ["Disabled", "Max", "Min"];
    if let Some(choice) = some_text(rules, "/selectPolicy").filter(|choice| !known.contains(choice)) {
        errors.unsupported(&path.child("selectPolicy"), choice, &known);
    }
    let policies = list(rules, "/policies");
    if policies.is_empty() {
        errors.required(&path.child("policies"), "must specify at least one Policy");
    }
    for (index, own) in policies.iter().enumerate() {
        policy(own, &path.child("policies").index(index), errors);
    }
    let tolerance = at(rules, "/tolerance").and_then(Amount::of).filter(|amount| minor >= 35 && amount.nanos < 0);
    if let Some(amount) = tolerance {
        errors.invalid(&path.child("tolerance"), amount.to_string(), "must be greater than or equal to 0");
    }
}

/// `validateScalingPolicy`
fn policy(policy: &Value, path: &Path, errors: &mut Errors) {
    let kind = text(policy, "/type");
    if !matches!(kind, "Percent" | "Pods") {
        errors.unsupported(&path.child("type"), kind, &["Percent", "Pods"]);
    }
    for field in ["value", "periodSeconds"] {
        let number = number(policy, &format!("/{field}")).unwrap_or(0);
        if number <= 0 {
            errors.invalid(&path.child(field), number, "must be greater than zero");
        } else if field == "periodSeconds" && number > PERIOD {
            errors.invalid(&path.child(field), number, &format!("must be less than or equal to {PERIOD}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(minor: u32, spec: &Value, old: Option<&Value>) -> String {
        let object = |spec: &Value| {
            let mut object = json!({"apiVersion": "autoscaling/v2", "metadata": {"name": "a", "namespace": "b"},
                "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
            spec.as_object().unwrap().iter().for_each(|(field, value)| object["spec"][field] = value.clone());
            object
        };
        let mut errors = Errors::default();
        autoscaler(&object(spec), old.map(object).as_ref(), minor, &mut errors);
        errors.message("", "X", "").map_or_else(String::new, |message| message.replacen("X \"\" is invalid: ", "", 1))
    }

    #[test]
    fn bounds_are_told_as_each_release_tells_them() {
        let spec = json!({"minReplicas": -1, "maxReplicas": 0, "scaleTargetRef": {"apiVersion": "v1", "kind": "Deployment", "name": "web"}});
        assert_eq!(
            told(36, &spec, None),
            "[spec.minReplicas: Invalid value: -1: must be greater than or equal to 1, spec.maxReplicas: Required value: \
             must be set and greater than 0, spec.scaleTargetRef.apiVersion: Invalid value: \"v1\": apiVersion must specify \
             API group]"
        );
        assert_eq!(
            told(37, &spec, None),
            "[spec.scaleTargetRef.apiVersion: Invalid value: \"v1\": apiVersion must specify API group, spec.minReplicas: \
             Invalid value: -1: must be greater than or equal to 0, spec.maxReplicas: Required value]"
        );
        assert_eq!(
            told(33, &spec, None),
            "[spec.minReplicas: Invalid value: -1: must be greater than or equal to 1, spec.maxReplicas: Invalid value: 0: \
             must be greater than 0]"
        );
        assert_eq!(
            told(37, &json!({"minReplicas": 4}), None),
            "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"
        );
    }

    #[test]
    fn a_target_without_a_group_is_taken_where_it_is_there_already() {
        let spec = json!({"scaleTargetRef": {"apiVersion": "a/b/c", "kind": "Deployment", "name": "web"}});
        let wrong = "spec.scaleTargetRef.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c";
        assert_eq!(told(37, &spec, None), wrong);
        assert_eq!(told(37, &spec, Some(&spec)), "");
        assert_eq!(told(37, &spec, Some(&json!({}))), wrong);
        assert_eq!(told(33, &spec, None), "");
    }

    #[test]
    fn none_of_them_scales_to_zero_by_resources() {
        let wrong = "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero \
                     replicas";
        assert_eq!(told(37, &json!({"minReplicas": 0}), None), wrong);
        assert_eq!(
            told(36, &json!({"minReplicas": 0}), None),
            format!("[spec.minReplicas: Invalid value: 0: must be greater than or equal to 1, {wrong}]")
        );
        let external = json!([{"type": "External", "external": {"metric": {"name": "queue"},
            "target": {"type": "Value", "value": "30"}}}]);
        assert_eq!(told(37, &json!({"minReplicas": 0, "metrics": external}), None), "");
    }

    #[test]
    fn behaviour_has_policies_within_bounds() {
        let behavior = json!({"scaleUp": {"stabilizationWindowSeconds": 4000, "selectPolicy": "Most", "policies": [],
            "tolerance": "-1"}, "scaleDown": {"policies": [{"type": "Nodes", "value": 0, "periodSeconds": 1801}]}});
        assert_eq!(
            told(37, &json!({"behavior": behavior}), None),
            "[spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600, \
             spec.behavior.scaleUp.selectPolicy: Unsupported value: \"Most\": supported values: \"Disabled\", \"Max\", \"Min\", \
             spec.behavior.scaleUp.policies: Required value: must specify at least one Policy, \
             spec.behavior.scaleUp.tolerance: Invalid value: \"-1\": must be greater than or equal to 0, \
             spec.behavior.scaleDown.policies[0].type: Unsupported value: \"Nodes\": supported values: \"Percent\", \"Pods\", \
             spec.behavior.scaleDown.policies[0].value: Invalid value: 0: must be greater than zero, \
             spec.behavior.scaleDown.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800]"
        );
    }
}
