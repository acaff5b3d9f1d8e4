//! MutatingAdmissionPolicies.

use serde_json::{Value, json};

use crate::case::Case;
use crate::random::Random;

/// What is told of cases in which a policy changes what nobody works out here.
pub const CHANGES: &str = "mutating policy that changes";

/// Puts a policy and its binding into the case.
pub fn put(random: &mut Random, case: &mut Case) {
    let label = "Object{metadata: Object.metadata{labels: {\"touched\": \"yes\"}}}";
    let faulty = "Object{metadata: Object.metadata{labels: {\"touched\": string(object.spec.nothing)}}}";
    let rule = |group: &str, resources: &[&str]| {
        json!([{ "apiGroups": [group], "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"], "resources": resources }])
    };
    let rules = random.pick(&[
        rule("", &["pods"]),
        rule("apps", &["deployments", "statefulsets"]),
        rule("", &["persistentvolumeclaims"]),
    ]);
    let change = |expression: &str| json!([{ "patchType": "ApplyConfiguration", "applyConfiguration": { "expression": expression } }]);
    let patch = json!([{ "patchType": "JSONPatch",
        "jsonPatch": { "expression": "[JSONPatch{op: \"add\", path: \"/metadata/labels/touched\", value: \"yes\"}]" } }]);
    let (what, conditions, mutations) = match random.below(6) {
        0 => (CHANGES, Value::Null, change(label)),
        1 if random.chance(50) => (CHANGES, Value::Null, change(faulty)),
        1 => (CHANGES, json!([{ "name": "always", "expression": "true" }]), patch),
        2 | 3 => (
            "mutating policy whose conditions don't match",
            condition("object.metadata.name == 'nobody'"),
            change(label),
        ),
        _ => ("mutating policy whose conditions fail", condition("object.spec.nothing == 'x'"), change(label)),
    };
    case.about.push(what.to_owned());
    let mut spec = json!({ "failurePolicy": random.pick(&["Fail", "Fail", "Ignore"]), "reinvocationPolicy": "Never",
        "matchConstraints": { "resourceRules": rules }, "mutations": mutations });
    if !conditions.is_null() {
        spec["matchConditions"] = conditions;
    }
    let kind = |kind: &str, name: &str, spec: Value| {
        json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": { "name": name }, "spec": spec })
    };
    let team = random.pick(&["app", "app", "shop"]);
    case.objects.extend([
        kind("MutatingAdmissionPolicy", "mutation", spec),
        kind(
            "MutatingAdmissionPolicyBinding",
            "mutations",
            json!({ "policyName": "mutation",
            "matchResources": { "namespaceSelector": { "matchLabels": { "team": team } } } }),
        ),
    ]);
}

fn condition(expression: &str) -> Value {
    json!([{ "name": "chosen", "expression": expression }])
}
