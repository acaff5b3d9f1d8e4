//! Requests and limits (`pkg/apis/core/validation`, validateResourceRequirements).

use serde_json::Value;

use super::super::amount::Amount;
use super::super::field::{Errors, Path};
use super::super::pod::amounts;
use super::names::label_key;

/// `ValidateContainerResourceRequirements`
pub(super) fn container(resources: &Value, path: &Path, errors: &mut Errors) {
    requirements(resources, path, container_name, errors);
}

/// `validatePodResourceRequirements`
pub(super) fn pod(resources: &Value, path: &Path, errors: &mut Errors) {
    requirements(resources, path, pod_name, errors);
}

fn requirements(resources: &Value, path: &Path, name_check: fn(&str, &Path, &mut Errors), errors: &mut Errors) {
    let (limit_path, request_path) = (path.child("limits"), path.child("requests"));
    let (limits, requests) = (amounts(resources, "/limits"), amounts(resources, "/requests"));
    for (name, amount) in &limits {
        let path = limit_path.key(name);
        name_check(name, &path, errors);
        quantity(name, *amount, &path, errors);
        huge_pages(name, *amount, &path, errors);
    }
    for (name, amount) in &requests {
        let path = request_path.key(name);
        name_check(name, &path, errors);
        quantity(name, *amount, &path, errors);
        let shown = amount.to_string();
        match limits.get(name) {
            Some(limit) if amount != limit && !overcommittable(name) => {
                errors.invalid(&request_path, shown, &format!("must be equal to {name} limit of {limit}"));
            }
            Some(limit) if amount.nanos > limit.nanos => {
                errors.invalid(&request_path, shown, &format!("must be less than or equal to {name} limit of {limit}"));
            }
            None if !overcommittable(name) => {
                errors.required(&limit_path, "Limit must be set for non overcommitable resources");
            }
            _ => {}
        }
        huge_pages(name, *amount, &path, errors);
    }
    let mut names = limits.keys().chain(requests.keys());
    let computes = names.clone().any(|name| matches!(name.as_str(), "cpu" | "memory"));
    if !computes && names.any(|name| name.starts_with("hugepages-")) {
        errors.forbidden(path, "HugePages require cpu or memory");
    }
}

/// `ValidateResourceQuantityValue`
pub(super) fn quantity(name: &str, amount: Amount, path: &Path, errors: &mut Errors) {
    if amount.nanos < 0 {
        errors.invalid(path, amount.to_string(), "must be greater than or equal to 0");
    }
    if integer(name) && crate::model::quantity::milli_value(amount.nanos) % 1000 != 0 {
        errors.invalid(path, amount.to_string(), "must be an integer");
    }
}

fn huge_pages(name: &str, amount: Amount, path: &Path, errors: &mut Errors) {
    let Some(size) = name.strip_prefix("hugepages-") else { return };
    let Some(page) = Amount::parse(size).filter(|page| page.value() > 0) else { return };
    if amount.value() % page.value() != 0 {
        let detail = format!("{amount} is not positive integer multiple of {name}");
        errors.invalid(path, amount.to_string(), &detail);
    }
}

/// Resources of which more may be asked for than there is: those that Kubernetes itself knows, huge pages aside.
fn overcommittable(name: &str) -> bool {
    native(name) && !name.starts_with("hugepages-")
}

fn native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// `IsExtendedResourceName`
pub(super) fn extended(name: &str) -> bool {
    !native(name) && !name.starts_with("requests.") && label_key(&format!("requests.{name}")).is_empty()
}

fn integer(name: &str) -> bool {
    const COUNTS: &[&str] = &[
        "pods",
        "services",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    ];
    COUNTS.contains(&name) || extended(name)
}

fn name(name: &str, path: &Path, errors: &mut Errors) -> bool {
    let wrong = label_key(name);
    let fit = wrong.is_empty();
    errors.all_invalid(path, name, wrong);
    fit
}

const COMPUTE: &[&str] = &["cpu", "memory", "ephemeral-storage"];

/// Names that need no domain (`IsStandardResourceName`).
fn standard(name: &str) -> bool {
    in_quotas(name) || name == "storage"
}

/// Names that quotas count and that need no domain (`IsStandardQuotaResourceName`).
fn in_quotas(name: &str) -> bool {
    let requested = name.strip_prefix("requests.");
    let huge = requested.unwrap_or(name).starts_with("hugepages-");
    let computes = requested.or_else(|| name.strip_prefix("limits.")).unwrap_or(name);
    huge || COMPUTE.contains(&computes) || requested == Some("storage") || !name.contains('/') && integer(name)
}

/// Names that containers may use (`validateContainerResourceName`).
pub(super) fn container_name(value: &str, path: &Path, errors: &mut Errors) {
    any_name(value, path, errors);
    if !value.contains('/') {
        if !COMPUTE.contains(&value) && !value.starts_with("hugepages-") {
            errors.invalid(path, value, "must be a standard resource for containers");
        }
    } else if !native(value) && !extended(value) {
        errors.invalid(path, value, "doesn't follow extended resource name standard");
    }
}

fn pod_name(value: &str, path: &Path, errors: &mut Errors) {
    if !matches!(value, "cpu" | "memory") && !value.starts_with("hugepages-") {
        errors.unsupported(path, value, &["cpu", "hugepages-", "memory"]);
    }
}

/// Names in a quota (`ValidateResourceQuotaResourceName`).
pub(super) fn in_quota(value: &str, path: &Path, errors: &mut Errors) {
    any_name(value, path, errors);
    if !value.contains('/') && !in_quotas(value) {
        errors.invalid(path, value, "must be a standard resource for quota");
    }
}

/// Names that any object may use (`validateResourceName`).
pub(super) fn any_name(value: &str, path: &Path, errors: &mut Errors) {
    if name(value, path, errors) && !value.contains('/') && !standard(value) {
        errors.invalid(path, value, "must be a standard resource type or fully qualified");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(resources: Value) -> String {
        let mut errors = Errors::default();
        container(&resources, &Path::new("r"), &mut errors);
        errors
            .message("", "Pod", "a")
            .map_or_else(String::new, |message| message.replacen("Pod \"a\" is invalid: ", "", 1))
    }

    #[test]
    fn requests_stay_below_limits() {
        assert_eq!(
            told(json!({"requests": {"cpu": "500m"}, "limits": {"cpu": "250m"}})),
            "r.requests: Invalid value: \"500m\": must be less than or equal to cpu limit of 250m"
        );
        assert_eq!(
            told(json!({"requests": {"example.com/gpu": "1"}, "limits": {"example.com/gpu": "2"}})),
            "r.requests: Invalid value: \"1\": must be equal to example.com/gpu limit of 2"
        );
        assert_eq!(
            told(json!({"requests": {"example.com/gpu": "1"}})),
            "r.limits: Required value: Limit must be set for non overcommitable resources"
        );
        assert_eq!(told(json!({"requests": {"cpu": "1"}, "limits": {"cpu": "1", "example.com/gpu": "1"}})), "");
    }

    #[test]
    fn amounts_and_names_must_be_fit() {
        assert_eq!(
            told(json!({"requests": {"memory": "-1Gi"}})),
            "r.requests[memory]: Invalid value: \"-1Gi\": must be greater than or equal to 0"
        );
        assert_eq!(
            told(json!({"limits": {"gpu": "1"}})),
            "[r.limits[gpu]: Invalid value: \"gpu\": must be a standard resource type or fully qualified, r.limits[gpu]: \
             Invalid value: \"gpu\": must be a standard resource for containers]"
        );
        assert_eq!(
            told(json!({"limits": {"example.com/gpu": "500m"}})),
            "r.limits[example.com/gpu]: Invalid value: \"500m\": must be an integer"
        );
        assert_eq!(
            told(json!({"limits": {"hugepages-2Mi": "4Mi"}, "requests": {"hugepages-2Mi": "4Mi"}})),
            "r: Forbidden: HugePages require cpu or memory"
        );
    }
}
