//! What admission added to a pod: the difference between the pod and its template.

use crate::model::Quantity;
use crate::model::pod::{Container, PodSpec, ResourceRequirements};

/// An extended resource that a container of the pod asks for and the template's container doesn't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InjectedResource {
    pub(crate) resource: String,
    /// Where the request stands, such as `spec.containers[0].resources.requests`.
    pub(crate) path: String,
    pub(crate) quantity: Quantity,
}

/// The extended resources that the pod asks for and its template doesn't. A limit in the template is a request of its pods.
pub(crate) fn injected_resources(template: &PodSpec, live: &PodSpec) -> Vec<InjectedResource> {
    let mut injected = Vec::new();
    for (field, live, template) in [
        ("containers", &live.containers, &template.containers),
        ("initContainers", &live.init_containers, &template.init_containers),
    ] {
        for (position, container) in live.iter().enumerate() {
            let original = template.iter().find(|original| original.name == container.name);
            injected.extend(added(container, original).map(|(resource, quantity)| InjectedResource {
                resource: resource.clone(),
                path: format!("spec.{field}[{position}].resources.requests"),
                quantity: quantity.clone(),
            }));
        }
    }
    injected
}

fn added<'a>(
    container: &'a Container,
    original: Option<&'a Container>,
) -> impl Iterator<Item = (&'a String, &'a Quantity)> {
    let given = |resources: &ResourceRequirements, name: &str| {
        resources.requests.contains_key(name) || resources.limits.contains_key(name)
    };
    let asked = move |name: &str| original.is_some_and(|original| given(&original.resources, name));
    container.resources.requests.iter().filter(move |(name, _)| is_extended(name) && !asked(name))
}

/// Every extended resource that a pod asks for, with where.
pub(crate) fn extended_requests(spec: &PodSpec) -> Vec<InjectedResource> {
    injected_resources(&PodSpec::default(), spec)
}

/// Whether the name is an extended resource's (`pkg/apis/core/v1/helper`, IsExtendedResourceName).
pub(crate) fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(value: serde_json::Value) -> PodSpec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_what_the_template_does_not_ask_for_is_injected() {
        let template = spec(serde_json::json!({"containers": [
            {"name": "a", "resources": {"requests": {"example.com/gpu": "1"}}}, {"name": "b"}]}));
        let live = spec(serde_json::json!({"containers": [
            {"name": "a", "resources": {"requests": {"example.com/gpu": "1", "topolvm.io/capacity": "1", "cpu": "1"}}},
            {"name": "b"},
            {"name": "sidecar", "resources": {"requests": {"example.com/net": "2"}}}]}));
        let injected = injected_resources(&template, &live);
        let names: Vec<_> = injected.iter().map(|i| (i.resource.as_str(), i.path.as_str())).collect();
        assert_eq!(
            names,
            [
                ("topolvm.io/capacity", "spec.containers[0].resources.requests"),
                ("example.com/net", "spec.containers[2].resources.requests")
            ]
        );
    }

    #[test]
    fn what_the_template_limits_is_no_injection() {
        let template = spec(serde_json::json!({"containers": [
            {"name": "a", "resources": {"limits": {"example.com/gpu": "1"}}}]}));
        let mut live = template.clone();
        crate::admission::expand::default_requests(&mut live);
        assert_eq!(live.containers[0].resources.requests, live.containers[0].resources.limits);
        assert!(injected_resources(&template, &live).is_empty());
    }

    #[test]
    fn defaults_of_cpu_and_memory_are_no_injection() {
        let template = spec(serde_json::json!({"containers": [{"name": "a"}]}));
        let live = spec(serde_json::json!({"containers": [
            {"name": "a", "resources": {"requests": {"cpu": "100m", "memory": "1Gi", "hugepages-2Mi": "2Mi"}}}]}));
        assert!(injected_resources(&template, &live).is_empty());
    }
}
