//! The scopes of quotas (`pkg/quota/v1/evaluator/core`: podMatchesScopeFunc, pvcMatchesScopeFunc).

use serde_json::Value;

use super::json::{at, empty, list, number, some_text};
use super::kinds::Resource;
use super::pod::quality;

/// Whether an object is in a scope. Only pods have scopes, and claims that of their attributes.
pub(super) fn matches_scope(resource: &Resource, object: &Value, scope: &str, operator: &str, values: &[&str]) -> bool {
    match (resource.kind.as_str(), scope) {
        ("Pod", "Terminating") => ends(object),
        ("Pod", "NotTerminating") => !ends(object),
        ("Pod", "BestEffort") => quality(object) == "BestEffort",
        ("Pod", "NotBestEffort") => quality(object) != "BestEffort",
        ("Pod", "PriorityClass") => named(some_text(object, "/spec/priorityClassName"), operator, values),
        ("Pod", "CrossNamespacePodAffinity") => crosses_namespaces(object),
        ("PersistentVolumeClaim", "VolumeAttributesClass") => {
            let names = [
                "/spec/volumeAttributesClassName",
                "/status/currentVolumeAttributesClassName",
                "/status/modifyVolumeStatus/targetVolumeAttributesClassName",
            ];
            let names: Vec<&str> = names.iter().filter_map(|field| some_text(object, field)).collect();
            if names.is_empty() {
                return named(None, operator, values);
            }
            names.into_iter().any(|name| named(Some(name), operator, values))
        }
        _ => false,
    }
}

fn named(name: Option<&str>, operator: &str, values: &[&str]) -> bool {
    let within = name.is_some_and(|name| values.contains(&name));
    match operator {
        "In" => within,
        "NotIn" => !within,
        "Exists" => name.is_some(),
        "DoesNotExist" => name.is_none(),
        _ => false,
    }
}

/// Whether a pod has a deadline.
fn ends(pod: &Value) -> bool {
    number(pod, "/spec/activeDeadlineSeconds").is_some_and(|seconds| seconds >= 0)
}

fn crosses_namespaces(pod: &Value) -> bool {
    let crosses = |term: &Value| !empty(term, "/namespaces") || at(term, "/namespaceSelector").is_some();
    ["podAffinity", "podAntiAffinity"].into_iter().any(|affinity| {
        let terms =
            |when: &str| list(pod, &format!("/spec/affinity/{affinity}/{when}DuringSchedulingIgnoredDuringExecution"));
        terms("required").iter().any(crosses)
            || terms("preferred").iter().any(|term| at(term, "/podAffinityTerm").is_some_and(crosses))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::admission::kit::resource;
    use super::*;

    #[test]
    fn affinity_across_namespaces_is_a_scope() {
        let pods = resource("v1", "Pod");
        let pod = |term: Value| {
            json!({"spec": {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
                [{"weight": 1, "podAffinityTerm": term}]}}}})
        };
        let check = |pod: &Value| matches_scope(&pods, pod, "CrossNamespacePodAffinity", "Exists", &[]);
        assert!(check(&pod(json!({"namespaceSelector": {}}))));
        assert!(!check(&pod(json!({"topologyKey": "x"}))));
        assert!(!matches_scope(&resource("v1", "Service"), &json!({}), "BestEffort", "Exists", &[]));
    }
}
