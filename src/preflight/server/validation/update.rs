//! What may not be changed (`pkg/apis/*/validation`, the functions that end in Update).

mod claim;
mod diff;
mod pod;
mod workloads;

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, number, text, texts};
use super::super::kinds::Resource;
use super::{autoscaler, network_policy, rbac};

/// What the server says of a field that may not be changed.
const IMMUTABLE: &str = "field is immutable";

/// Checks a changed object against what it was.
pub(super) fn check(resource: &Resource, object: &Value, old: &Value, minor: u32, errors: &mut Errors) {
    let whole = |errors: &mut Errors| super::checks(resource, object, minor, true, errors);
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet") => {
            whole(errors);
            immutable(object, old, &["spec", "selector"], errors);
        }
        ("apps", "DaemonSet") => {
            immutable(object, old, &["spec", "selector"], errors);
            whole(errors);
        }
        ("apps", "StatefulSet") => {
            whole(errors);
            workloads::stateful_set(object, old, minor, errors);
        }
        ("batch", "Job") => {
            whole(errors);
            workloads::job(object, old, minor, errors);
        }
        ("", "Pod") => {
            whole(errors);
            pod::update(object, old, minor, errors);
        }
        ("", "PersistentVolumeClaim") => {
            whole(errors);
            claim::claim(object, old, errors);
        }
        ("", "PersistentVolume") => {
            whole(errors);
            claim::volume(object, old, minor, errors);
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            whole(errors);
            rbac::binding_update(object, old, minor, errors);
        }
        ("storage.k8s.io", "StorageClass") => class(object, old, errors),
        ("storage.k8s.io", "CSIDriver") => {
            for field in ["attachRequired", "fsGroupPolicy", "volumeLifecycleModes"] {
                immutable(object, old, &["spec", field], errors);
            }
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            if number(object, "/value") != number(old, "/value") {
                errors.forbidden(&Path::new("value"), "may not be changed in an update.");
            }
            immutable(object, old, &["preemptionPolicy"], errors);
        }
        ("node.k8s.io", "RuntimeClass") => immutable(object, old, &["handler"], errors),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler::autoscaler(object, Some(old), minor, errors),
        ("networking.k8s.io", "NetworkPolicy") => network_policy::policy(object, Some(old), minor, errors),
        ("networking.k8s.io", "IngressClass") => {
            immutable(object, old, &["spec", "controller"], errors);
            whole(errors);
        }
        ("", "Service") => {
            service(object, old, errors);
            whole(errors);
        }
        ("", "ResourceQuota") => {
            whole(errors);
            quota(object, old, errors);
        }
        _ => whole(errors),
    }
}

/// `ValidateImmutableField`: the field is shown as it is to become.
fn immutable(object: &Value, old: &Value, path: &[&str], errors: &mut Errors) {
    let pointer = format!("/{}", path.join("/"));
    let (new, before) = (at(object, &pointer), at(old, &pointer));
    if !alike(new, before) {
        let path = path.iter().fold(Path::new(""), |path, step| path.child(step));
        errors.invalid(&path, new.cloned().unwrap_or_default(), IMMUTABLE);
    }
}

/// `Semantic.DeepEqual`: nothing and something empty are the same.
fn alike(a: Option<&Value>, b: Option<&Value>) -> bool {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(|field| alike(Some(field), None)),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    match (a.filter(|a| !a.is_null()), b.filter(|b| !b.is_null())) {
        (None, None) => true,
        (Some(one), None) | (None, Some(one)) => empty(one),
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            a.keys().chain(b.keys()).all(|name| alike(a.get(name), b.get(name)))
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(Some(a), Some(b)))
        }
        (Some(a), Some(b)) => a == b,
    }
}

/// `ValidateStorageClassUpdate`
fn class(object: &Value, old: &Value, errors: &mut Errors) {
    super::meta::validate(object, false, super::names::subdomain, errors);
    for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
        immutable(object, old, &[field], errors);
    }
}

/// `validateUpgradeDowngradeClusterIPs`
fn service(object: &Value, old: &Value, errors: &mut Errors) {
    let outside = |service: &Value| text(service, "/spec/type") == "ExternalName";
    let headless = |service: &Value| texts(service, "/spec/clusterIPs") == ["None"];
    if outside(object) || outside(old) || headless(object) && headless(old) {
        return;
    }
    let addresses = |service: &Value| match texts(service, "/spec/clusterIPs") {
        addresses if !addresses.is_empty() => addresses.into_iter().map(str::to_owned).collect::<Vec<_>>(),
        _ => Some(text(service, "/spec/clusterIP").to_owned())
            .filter(|address| !address.is_empty())
            .into_iter()
            .collect(),
    };
    let (new, before) = (addresses(object), addresses(old));
    let first = text(object, "/spec/clusterIP");
    let path = Path::new("spec").child("clusterIPs").index(0);
    if let Some(was) = before.first() {
        match new.first() {
            None => errors.invalid(&path, Value::Array(Vec::new()), "primary clusterIP can not be unset"),
            Some(now) if now != was => errors.invalid(&path, new.clone(), "may not change once set"),
            Some(now) if !first.is_empty() && now != first => {
                let path = Path::new("spec").child("clusterIPs");
                errors.invalid(&path, new.clone(), "first value must match `clusterIP`");
            }
            Some(_) => {}
        }
    }
}

/// Scopes of a quota stay what they are.
fn quota(object: &Value, old: &Value, errors: &mut Errors) {
    let scopes = |quota: &Value| -> std::collections::BTreeSet<String> {
        texts(quota, "/spec/scopes").into_iter().map(str::to_owned).collect()
    };
    if scopes(object) != scopes(old) {
        let shown = at(object, "/spec/scopes").cloned().unwrap_or_default();
        errors.invalid(&Path::new("spec").child("scopes"), shown, IMMUTABLE);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::admission::kit::resource;
    use super::*;

    fn told(kind: (&str, &str), object: Value, old: Value) -> String {
        let mut errors = Errors::default();
        let resource = resource(kind.0, kind.1);
        check(&resource, &object, &old, 36, &mut errors);
        errors.message("", "X", "").map_or_else(String::new, |message| message.replacen("X \"\" is invalid: ", "", 1))
    }

    #[test]
    fn a_class_stays_what_it_is() {
        let class = |policy: &str, parameters: Value| json!({"metadata": {"name": "a"}, "provisioner": "p", "reclaimPolicy": policy, "parameters": parameters});
        assert_eq!(
            told(
                ("storage.k8s.io/v1", "StorageClass"),
                class("Retain", json!({"type": "gp3"})),
                class("Delete", json!({}))
            ),
            "[parameters: Invalid value: {\"type\":\"gp3\"}: field is immutable, reclaimPolicy: Invalid value: \"Retain\": field is immutable]"
        );
        assert_eq!(
            told(("storage.k8s.io/v1", "StorageClass"), class("Delete", json!({})), class("Delete", Value::Null)),
            ""
        );
    }

    #[test]
    fn a_priority_does_not_change() {
        let class = |value: i64| json!({"metadata": {"name": "a"}, "value": value});
        assert_eq!(
            told(("scheduling.k8s.io/v1", "PriorityClass"), class(2), class(1)),
            "value: Forbidden: may not be changed in an update."
        );
    }

    #[test]
    fn the_address_of_a_service_stays() {
        let service = |address: &str| {
            json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"type": "ClusterIP", "sessionAffinity": "None",
                "clusterIP": address, "clusterIPs": [address], "ports": [{"port": 1, "protocol": "TCP"}]}})
        };
        assert_eq!(
            told(("v1", "Service"), service("10.0.0.2"), service("10.0.0.1")),
            "spec.clusterIPs[0]: Invalid value: [\"10.0.0.2\"]: may not change once set"
        );
    }
}
