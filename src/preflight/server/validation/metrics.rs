//! What an autoscaler goes by (`pkg/apis/autoscaling/validation`, validateMetricSpec).

use serde_json::Value;

use super::super::amount::Amount;
use super::super::field::{Errors, Path};
use super::super::json::{at, number, text};
use super::autoscaler::{Named, reference};
use super::names::{label, path_segment};
use super::resources;

/// The types of metrics, each with the field that holds its source, in the order in which the server looks at them.
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("External", "external"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
];
/// The same types as the server lists them.
const TYPES: &[&str] = &["ContainerResource", "External", "Object", "Pods", "Resource"];

/// `validateMetricSpec`. Of several sources the server names those that don't belong there in any order.
pub(super) fn metric(metric: &Value, path: &Path, described: Named, errors: &mut Errors) {
    let kind = text(metric, "/type");
    if kind.is_empty() {
        errors.required(&path.child("type"), "must specify a metric source type");
    }
    if !TYPES.contains(&kind) {
        errors.unsupported(&path.child("type"), kind, TYPES);
    }
    let there = |field: &str| at(metric, &format!("/{field}"));
    let given: Vec<&str> = SOURCES.iter().map(|(_, field)| *field).filter(|field| there(field).is_some()).collect();
    if let Some((first, own)) = given.first().and_then(|first| Some((*first, there(first)?))) {
        source(first, own, &path.child(first), described, errors);
    }
    let expected = SOURCES.iter().find(|(name, _)| *name == kind).map_or("", |(_, field)| *field);
    if !expected.is_empty() && !given.contains(&expected) {
        errors.required(&path.child(expected), "must populate information for the given metric source");
    }
    for field in given.iter().filter(|field| given.len() > 1 && **field != expected) {
        errors.forbidden(&path.child(field), "must populate the given metric source only");
    }
}

fn source(field: &str, source: &Value, path: &Path, described: Named, errors: &mut Errors) {
    let nothing = Value::Null;
    match field {
        "object" => {
            let object = at(source, "/describedObject").unwrap_or(&nothing);
            reference(object, &path.child("describedObject"), described, errors);
            identifier(source, path, errors);
        }
        "external" | "pods" => identifier(source, path, errors),
        _ => resource(field, source, path, errors),
    }
    let path = path.child("target");
    target(at(source, "/target").unwrap_or(&nothing), &path, errors);
    let given = |field: &str| at(source, &format!("/target/{field}")).is_some();
    let (value, average, share) = (given("value"), given("averageValue"), given("averageUtilization"));
    let (averages, shares) = (path.child("averageValue"), path.child("averageUtilization"));
    match field {
        "object" if !value && !average => errors.required(&averages, "must set either a target value or averageValue"),
        "external" if !value && !average => {
            errors.required(&averages, "must set either a target value for metric or a per-pod target");
        }
        "external" if value && average => {
            let detail = "may not set both a target value for metric and a per-pod target";
            errors.forbidden(&path.child("value"), detail);
        }
        "pods" if !average => errors.required(&averages, "must specify a positive target averageValue"),
        "resource" | "containerResource" if !share && !average => {
            errors.required(&shares, "must set either a target raw value or a target utilization");
        }
        "resource" | "containerResource" if share && average => {
            errors.forbidden(&averages, "may not set both a target raw value and a target utilization");
        }
        _ => {}
    }
}

/// What a metric of a resource names.
fn resource(field: &str, source: &Value, path: &Path, errors: &mut Errors) {
    let of_container = field == "containerResource";
    match text(source, "/name") {
        "" => errors.required(&path.child("name"), "must specify a resource name"),
        name if of_container => resources::container_name(name, &path.child("name"), errors),
        _ => {}
    }
    match text(source, "/container") {
        _ if !of_container => {}
        "" => errors.required(&path.child("container"), "must specify a container"),
        name => errors.all_invalid(&path.child("container"), name, label(name)),
    }
}

/// `validateMetricIdentifier`
fn identifier(source: &Value, path: &Path, errors: &mut Errors) {
    let path = path.child("metric").child("name");
    match text(source, "/metric/name") {
        "" => errors.required(&path, "must specify a metric name"),
        name => errors.all_invalid(&path, name, path_segment(name)),
    }
}

/// `validateMetricTarget`
fn target(target: &Value, path: &Path, errors: &mut Errors) {
    let kind = text(target, "/type");
    if kind.is_empty() {
        errors.required(&path.child("type"), "must specify a metric target type");
    }
    if !matches!(kind, "Utilization" | "Value" | "AverageValue") {
        errors.invalid(&path.child("type"), kind, "must be either Utilization, Value, or AverageValue");
    }
    for field in ["value", "averageValue"] {
        let amount = at(target, &format!("/{field}")).and_then(Amount::of);
        if let Some(amount) = amount.filter(|amount| amount.nanos <= 0) {
            errors.invalid(&path.child(field), amount.to_string(), "must be positive");
        }
    }
    if let Some(share) = number(target, "/averageUtilization").filter(|share| *share < 1) {
        errors.invalid(&path.child("averageUtilization"), share, "must be greater than 0");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(own: Value) -> String {
        let mut errors = Errors::default();
        metric(&own, &Path::new("m"), Named::Version, &mut errors);
        errors.message("", "X", "").map_or_else(String::new, |message| message.replacen("X \"\" is invalid: ", "", 1))
    }

    #[test]
    fn a_metric_has_the_source_of_its_type_alone() {
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        assert_eq!(told(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}})), "");
        assert_eq!(
            told(json!({"type": "Resource"})),
            "m.resource: Required value: must populate information for the given metric source"
        );
        let both = json!({"type": "Resource", "resource": {"name": "cpu", "target": target},
            "pods": {"metric": {"name": "a"}, "target": {"type": "AverageValue", "averageValue": "1"}}});
        assert_eq!(told(both), "m.pods: Forbidden: must populate the given metric source only");
        assert_eq!(
            told(json!({})),
            "[m.type: Required value: must specify a metric source type, m.type: Unsupported value: \"\": supported values: \
             \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"]"
        );
    }

    #[test]
    fn targets_are_positive_and_of_one_kind() {
        let wrong = json!({"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Share", "averageUtilization": 0, "averageValue": "0"}}});
        assert_eq!(
            told(wrong),
            "[m.resource.target.type: Invalid value: \"Share\": must be either Utilization, Value, or AverageValue, \
             m.resource.target.averageValue: Invalid value: \"0\": must be positive, \
             m.resource.target.averageUtilization: Invalid value: 0: must be greater than 0, \
             m.resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization]"
        );
        let pods =
            json!({"type": "Pods", "pods": {"metric": {"name": "a/b"}, "target": {"type": "Value", "value": "1"}}});
        assert_eq!(
            told(pods),
            "[m.pods.metric.name: Invalid value: \"a/b\": may not contain '/', m.pods.target.averageValue: Required value: \
             must specify a positive target averageValue]"
        );
    }

    #[test]
    fn metrics_of_objects_and_containers_name_them() {
        let object = json!({"type": "Object", "object": {"metric": {"name": "a"}, "describedObject": {"kind": "Service"},
            "target": {"type": "Value"}}});
        assert_eq!(
            told(object),
            "[m.object.describedObject.name: Required value, m.object.target.averageValue: Required value: must set either a \
             target value or averageValue]"
        );
        let container = json!({"type": "ContainerResource", "containerResource": {"name": "gpu", "container": "Main",
            "target": {"type": "Utilization", "averageUtilization": 50}}});
        assert!(
            told(container)
                .starts_with("[m.containerResource.name: Invalid value: \"gpu\": must be a standard resource")
        );
    }
}
