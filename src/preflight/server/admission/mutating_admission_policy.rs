//! `MutatingAdmissionPolicy` (`apiserver/pkg/admission/plugin/policy/mutating`).

use serde_json::Value;

use super::super::cel::Facts;
use super::super::json::{at, list, text};
use super::webhooks::{Asked, conditions, constraints, settles};
use super::{Attributes, Stop};

/// Lets policies change an object. What they make of it is not worked out here.
///
/// # Errors
/// Where one has a condition without a value and must not fail, or changes the object.
pub(super) fn admit(cx: &Attributes<'_>, object: &Value) -> Result<(), Stop> {
    if cx.resource.group == "admissionregistration.k8s.io" {
        return Ok(());
    }
    for policy in cx.world.list("MutatingAdmissionPolicy", None) {
        if !at(policy, "/spec/matchConstraints").is_some_and(|held| constraints(cx, held, object)) {
            continue;
        }
        let name = text(policy, "/metadata/name");
        let of_policy = |binding: &&Value| text(binding, "/spec/policyName") == name;
        for binding in cx.world.list("MutatingAdmissionPolicyBinding", None).filter(of_policy) {
            if !at(binding, "/spec/matchResources").is_none_or(|held| constraints(cx, held, object)) {
                continue;
            }
            match asked(cx, policy, object) {
                Asked::No => {}
                Asked::Fault(_) if text(policy, "/spec/failurePolicy") == "Ignore" => {}
                Asked::Fault(why) => {
                    let binding = text(binding, "/metadata/name");
                    return Err(Stop::Refused(format!(
                        "policy '{name}' with binding '{binding}' denied request: {why}"
                    )));
                }
                Asked::Unknown(why) => return Err(Stop::Unknown(format!("MutatingAdmissionPolicy {name}: {why}"))),
                Asked::Yes => {
                    return Err(Stop::Unknown(format!(
                        "MutatingAdmissionPolicy {name} changes the object in ways that are not worked out here; {}",
                        settles(cx)
                    )));
                }
            }
        }
    }
    Ok(())
}

/// Whether the conditions of a policy hold. Those that ask for variables or parameters are not worked out.
fn asked(cx: &Attributes<'_>, policy: &Value, object: &Value) -> Asked {
    let all = list(policy, "/spec/matchConditions");
    let more =
        |condition: &&Value| ["variables.", "params"].iter().any(|word| text(condition, "/expression").contains(word));
    match all.iter().find(more) {
        Some(condition) => {
            let name = text(condition, "/name");
            Asked::Unknown(format!(
                "its match condition {name} asks for variables or parameters, which are not worked out"
            ))
        }
        None => conditions(all, &Facts::new(cx, object)),
    }
}

#[cfg(all(test, feature = "own-rules"))]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    fn check(spec: Value) -> Result<(), Stop> {
        let mut policy = json!({"kind": "MutatingAdmissionPolicy", "metadata": {"name": "labels"}, "spec": {
            "failurePolicy": "Fail", "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                "operations": ["CREATE"], "resources": ["pods"]}]}}});
        json_patch::merge(&mut policy["spec"], &spec);
        let binding = json!({"kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": "all"},
            "spec": {"policyName": "labels"}});
        let world = world(&[policy, binding, json!({"kind": "Namespace", "metadata": {"name": "app"}})]);
        let pods = resource("v1", "Pod");
        admit(&creation(&world, &pods), &json!({"metadata": {"name": "web", "namespace": "app"}, "spec": {}}))
    }

    fn condition(expression: &str) -> Value {
        json!({"matchConditions": [{"name": "c", "expression": expression}]})
    }

    #[test]
    fn what_a_policy_makes_of_an_object_is_not_known() {
        assert!(matches!(check(json!({})), Err(Stop::Unknown(_))));
        assert!(matches!(check(condition("object.metadata.name == 'web'")), Err(Stop::Unknown(_))));
        assert!(matches!(check(condition("params.a == variables.b")), Err(Stop::Unknown(_))));
    }

    #[test]
    fn a_policy_that_is_not_asked_changes_nothing() {
        assert_eq!(check(condition("object.metadata.name == 'db'")), Ok(()));
        let elsewhere =
            json!([{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["*"]}]);
        assert_eq!(check(json!({"matchConstraints": {"resourceRules": elsewhere}})), Ok(()));
    }

    #[test]
    fn a_condition_without_a_value_fails_as_the_policy_says() {
        let mut spec = condition("object.spec.nodeName == 'a'");
        assert_eq!(
            refusal(check(spec.clone())),
            "policy 'labels' with binding 'all' denied request: expression 'object.spec.nodeName == 'a'' resulted in error: no \
             such key: nodeName"
        );
        spec["failurePolicy"] = "Ignore".into();
        assert_eq!(check(spec), Ok(()));
    }
}
