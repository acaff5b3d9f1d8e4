//! `ValidatingAdmissionPolicy` (`apiserver/pkg/admission/plugin/policy/validating`).

use serde_json::Value;

use super::super::cel::{Facts, Said, evaluate, variables};
use super::super::json::{at, list, some_text, text, texts};
use super::webhooks::{Asked, conditions, constraints};
use super::{Attributes, Stop};

/// What a policy says of a request.
enum Decision {
    /// It refuses: why.
    Deny(String),
    /// It can't be known: why.
    Unknown(String),
}

/// Lets policies refuse an object, or warn of it.
///
/// # Errors
/// Where one refuses it, or whether it does can't be known.
pub(super) fn validate(cx: &Attributes<'_>, object: &Value, warnings: &mut Vec<String>) -> Result<(), Stop> {
    if cx.resource.group == "admissionregistration.k8s.io" {
        return Ok(());
    }
    let mut denied: Option<String> = None;
    for policy in cx.world.list("ValidatingAdmissionPolicy", None) {
        if !at(policy, "/spec/matchConstraints").is_some_and(|held| constraints(cx, held, object)) {
            continue;
        }
        let name = text(policy, "/metadata/name");
        let of_policy = |binding: &&Value| text(binding, "/spec/policyName") == name;
        for binding in cx.world.list("ValidatingAdmissionPolicyBinding", None).filter(of_policy) {
            if !at(binding, "/spec/matchResources").is_none_or(|held| constraints(cx, held, object)) {
                continue;
            }
            let place =
                format!("ValidatingAdmissionPolicy '{name}' with binding '{}'", text(binding, "/metadata/name"));
            for decision in decide(cx, policy, binding, object) {
                match decision {
                    Decision::Unknown(why) => return Err(Stop::Unknown(format!("{place}: {why}"))),
                    Decision::Deny(message) => {
                        let actions = texts(binding, "/spec/validationActions");
                        if actions.contains(&"Deny") && denied.is_none() {
                            denied = Some(format!("{place} denied request: {message}"));
                        }
                        if actions.contains(&"Warn") {
                            let place = place.replacen(
                                "ValidatingAdmissionPolicy",
                                "Validation failed for ValidatingAdmissionPolicy",
                                1,
                            );
                            warnings.push(format!("{place}: {message}"));
                        }
                    }
                }
            }
        }
    }
    denied.map_or(Ok(()), |error| Err(cx.forbidden(object, &error)))
}

fn decide(cx: &Attributes<'_>, policy: &Value, binding: &Value, object: &Value) -> Vec<Decision> {
    let fails = text(policy, "/spec/failurePolicy") != "Ignore";
    let fault = |message: String| if fails { vec![Decision::Deny(message)] } else { Vec::new() };
    let mut facts = Facts::new(cx, object);
    if let Some(kind) = at(policy, "/spec/paramKind") {
        match parameters(cx, kind, binding) {
            Parameters::One(value) => facts.set(&["params"], value),
            Parameters::None => return Vec::new(),
            Parameters::Fault(why) => return fault(format!("failed to configure binding: {why}")),
            Parameters::Unknown(why) => return vec![Decision::Unknown(why)],
        }
    }
    match conditions(list(policy, "/spec/matchConditions"), &facts) {
        Asked::Yes => {}
        Asked::No => return Vec::new(),
        Asked::Fault(message) => return fault(message),
        Asked::Unknown(why) => return vec![Decision::Unknown(why)],
    }
    let mut decisions = Vec::new();
    for validation in list(policy, "/spec/validations") {
        let expression = text(validation, "/expression");
        let facts = match with_variables(policy, validation, &facts) {
            Ok(facts) => facts,
            Err(why) => return vec![Decision::Unknown(why)],
        };
        match evaluate(expression, &facts) {
            Said::Truth(true) => {}
            Said::Fault(why) => decisions.extend(fault(format!("expression '{expression}' resulted in error: {why}"))),
            Said::Unknown(why) => {
                decisions.push(Decision::Unknown(format!("`{expression}` can't be evaluated here: {why}")))
            }
            Said::Truth(false) | Said::Text(_) | Said::Other(_) => {
                decisions.push(Decision::Deny(message(validation, &facts)))
            }
        }
    }
    decisions
}

/// What is told of a validation that fails: its own expression for that, its message, or the expression itself.
fn message(validation: &Value, facts: &Facts) -> String {
    let own = some_text(validation, "/messageExpression").and_then(|expression| match evaluate(expression, facts) {
        Said::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty() && !text.contains('\n')),
        _ => None,
    });
    let fixed = || some_text(validation, "/message").map(|text| text.trim().to_owned());
    own.or_else(fixed).unwrap_or_else(|| format!("failed expression: {}", text(validation, "/expression").trim()))
}

/// The variables that a validation names, and those that they name in turn.
fn with_variables(policy: &Value, validation: &Value, facts: &Facts) -> Result<Facts, String> {
    let own = format!("{} {}", text(validation, "/expression"), text(validation, "/messageExpression"));
    let mut wanted: Vec<String> = variables(&own).into_iter().map(str::to_owned).collect();
    let all = list(policy, "/spec/variables");
    // A variable can name only those that stand before it.
    for variable in all.iter().rev().filter(|variable| !text(variable, "/name").is_empty()) {
        if wanted.iter().any(|name| name == text(variable, "/name")) {
            wanted.extend(variables(text(variable, "/expression")).into_iter().map(str::to_owned));
        }
    }
    let mut facts = facts.clone();
    for variable in all.iter().filter(|variable| wanted.iter().any(|name| name == text(variable, "/name"))) {
        let (name, expression) = (text(variable, "/name"), text(variable, "/expression"));
        let value = match evaluate(expression, &facts) {
            Said::Truth(truth) => truth.into(),
            Said::Text(text) => text.into(),
            Said::Other(value) => value,
            Said::Fault(why) => return Err(format!("variable {name} has no value: {why}")),
            Said::Unknown(why) => return Err(format!("variable {name} can't be evaluated here: {why}")),
        };
        facts.set(&["variables", name], value);
    }
    Ok(facts)
}

/// What a policy is given.
enum Parameters {
    One(Value),
    /// There are none, and that is allowed.
    None,
    Fault(String),
    Unknown(String),
}

fn parameters(cx: &Attributes<'_>, kind: &Value, binding: &Value) -> Parameters {
    let (kind, reference) = (text(kind, "/kind"), at(binding, "/spec/paramRef"));
    let Some(reference) = reference else { return Parameters::One(Value::Null) };
    let Some(name) = some_text(reference, "/name") else {
        return Parameters::Unknown("its parameters are chosen by a selector, which is not followed here".to_owned());
    };
    let namespace = some_text(reference, "/namespace").or(Some(cx.namespace).filter(|namespace| !namespace.is_empty()));
    let found = cx.world.get(kind, namespace, name).or_else(|| cx.world.get(kind, None, name));
    match found {
        Some(object) => Parameters::One(object.clone()),
        None if !cx.world.read(kind) || kind == "ConfigMap" => {
            Parameters::Unknown(format!("its parameters ({kind} {name}) could not be read"))
        }
        None if text(reference, "/parameterNotFoundAction") == "Allow" => Parameters::None,
        None => Parameters::Fault("no params found for policy binding with `Deny` parameterNotFoundAction".to_owned()),
    }
}

#[cfg(all(test, feature = "own-rules"))]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    fn check(spec: Value, actions: Value) -> (Result<(), Stop>, Vec<String>) {
        let mut policy = json!({"kind": "ValidatingAdmissionPolicy", "metadata": {"name": "limits"}, "spec": {"failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]}}});
        json_patch::merge(&mut policy["spec"], &spec);
        let binding = json!({"kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "all"}, "spec": {"policyName": "limits",
            "validationActions": actions}});
        let world = world(&[policy, binding, json!({"kind": "Namespace", "metadata": {"name": "app"}})]);
        let deployments = resource("apps/v1", "Deployment");
        let object = json!({"metadata": {"name": "web", "namespace": "app"}, "spec": {"replicas": 9}});
        let mut warnings = Vec::new();
        (validate(&creation(&world, &deployments), &object, &mut warnings), warnings)
    }

    #[test]
    fn a_policy_refuses_in_its_own_words() {
        let few = json!({"validations": [{"expression": "object.spec.replicas <= 5"}]});
        let start = "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'limits' with binding 'all' denied request: ";
        assert_eq!(
            refusal(check(few.clone(), json!(["Deny"])).0),
            format!("{start}failed expression: object.spec.replicas <= 5")
        );
        assert_eq!(
            check(few, json!(["Warn"])),
            (
                Ok(()),
                vec![
                    "Validation failed for ValidatingAdmissionPolicy 'limits' with binding 'all': failed expression: \
                object.spec.replicas <= 5"
                        .to_owned()
                ]
            )
        );
        let told = json!({"variables": [{"name": "most", "expression": "5"}], "validations": [{"expression": "object.spec.replicas <= variables.most",
            "message": "too many", "messageExpression": "'at most ' + string(variables.most)"}]});
        assert_eq!(refusal(check(told, json!(["Deny"])).0), format!("{start}at most 5"));
        let wrong = json!({"validations": [{"expression": "object.spec.paused"}]});
        assert_eq!(
            refusal(check(wrong.clone(), json!(["Deny"])).0),
            format!("{start}expression 'object.spec.paused' resulted in error: no such key: paused")
        );
        let mut open = wrong;
        open["failurePolicy"] = "Ignore".into();
        assert_eq!(check(open, json!(["Deny"])).0, Ok(()));
    }

    #[test]
    fn what_does_not_match_is_not_judged() {
        let rules = json!({"matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods"]}]},
            "validations": [{"expression": "false"}]});
        assert_eq!(check(rules, json!(["Deny"])).0, Ok(()));
        let condition = json!({"matchConditions": [{"name": "c", "expression": "object.metadata.name == 'other'"}], "validations": [{"expression": "false"}]});
        assert_eq!(check(condition, json!(["Deny"])).0, Ok(()));
        let here = json!({"matchConditions": [{"name": "c", "expression": "namespaceObject.metadata.name == 'app'"}], "validations": [{"expression": "true"}]});
        assert!(refusal(check(here, json!(["Deny"])).0).ends_with("resulted in error: no such key: metadata"));
        let who = json!({"validations": [{"expression": "request.userInfo.username == 'x'"}]});
        assert!(matches!(check(who, json!(["Deny"])).0, Err(Stop::Unknown(_))));
    }
}
