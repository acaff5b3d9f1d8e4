//! What the server finds wrong with an object (`pkg/apis/*/validation`), in its words and order.

mod affinity;
mod apps;
mod autoscaler;
mod batch;
mod claims;
mod container;
mod environment;
mod ingress;
mod internal;
mod limits;
mod meta;
mod metrics;
mod mounts;
mod names;
mod network;
mod network_policy;
mod others;
mod pod;
mod probes;
mod rbac;
mod resources;
mod schedule;
mod security;
mod selector;
mod service;
mod storage;
mod update;
mod volumes;

use serde_json::Value;

use super::field::{Errors, Path};
use super::json::number;
use super::kinds::Resource;

/// Checks a new object of a built-in kind. Of kinds that no pod, claim or volume depends on, mostly only the metadata is
/// checked.
pub(crate) fn create(resource: &Resource, object: &Value, minor: u32) -> Errors {
    let mut errors = Errors::default();
    checks(resource, object, minor, false, &mut errors);
    errors
}

/// Checks a changed object of a built-in kind, and what it was before.
pub(crate) fn update(resource: &Resource, object: &Value, old: &Value, minor: u32) -> Errors {
    let mut errors = Errors::default();
    update::check(resource, object, old, minor, &mut errors);
    errors
}

fn checks(resource: &Resource, object: &Value, minor: u32, update: bool, errors: &mut Errors) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") if update => pod::all(object, errors),
        ("", "Pod") => pod::create(object, errors),
        ("apps", "Deployment") => with_metadata(object, apps::deployment, errors),
        ("apps", "ReplicaSet") => with_metadata(object, apps::replica_set, errors),
        ("apps", "DaemonSet") => with_metadata(object, apps::daemon_set, errors),
        ("apps", "StatefulSet") => {
            with_metadata(object, |object, errors| apps::stateful_set(object, update, errors), errors);
        }
        ("", "ReplicationController") => with_metadata(object, apps::replication_controller, errors),
        ("batch", "Job") => batch::job(object, errors),
        ("batch", "CronJob") => batch::cron_job(object, update, errors),
        ("", "PersistentVolumeClaim") => claims::claim(object, errors),
        ("", "PersistentVolume") => storage::volume(object, errors),
        ("storage.k8s.io", "StorageClass") => storage::class(object, errors),
        ("", "Service") if update => service::common(object, errors),
        ("", "Service") => service::create(object, minor, errors),
        ("", "ResourceQuota") => limits::quota(object, errors),
        ("", "LimitRange") => limits::range(object, errors),
        ("policy", "PodDisruptionBudget") => others::disruption_budget(object, errors),
        ("scheduling.k8s.io", "PriorityClass") => others::priority_class(object, errors),
        ("node.k8s.io", "RuntimeClass") => others::runtime_class(object, errors),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler::autoscaler(object, None, minor, errors),
        ("networking.k8s.io", "NetworkPolicy") => network_policy::policy(object, None, minor, errors),
        ("networking.k8s.io", "Ingress") if resource.version != "v1" => {
            meta::validate(object, true, names::subdomain, errors)
        }
        ("networking.k8s.io", "Ingress") if update => ingress::ingress(object, minor, errors),
        ("networking.k8s.io", "Ingress") => ingress::create(object, minor, errors),
        ("networking.k8s.io", "IngressClass") => ingress::class(object, errors),
        ("", "Namespace") => others::namespace(object, errors),
        ("rbac.authorization.k8s.io", "Role") => rbac::role(object, minor, errors),
        ("rbac.authorization.k8s.io", "ClusterRole") => rbac::cluster_role(object, minor, errors),
        ("rbac.authorization.k8s.io", _) => rbac::binding(object, resource.namespaced, minor, errors),
        _ => meta::validate(object, resource.namespaced, names::subdomain, errors),
    }
}

fn with_metadata(object: &Value, check: impl Fn(&Value, &mut Errors), errors: &mut Errors) {
    apps::metadata(object, errors);
    check(object, errors);
}

/// `ValidateNonnegativeField`
fn nonnegative(holder: &Value, field: &str, path: &Path, errors: &mut Errors) {
    if let Some(number) = number(holder, &format!("/{field}")).filter(|number| *number < 0) {
        errors.invalid(&path.child(field), number, "must be greater than or equal to 0");
    }
}
