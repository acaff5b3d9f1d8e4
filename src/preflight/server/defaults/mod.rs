//! What the server fills in where an object says nothing (`pkg/apis/*/v1/defaults.go`), as far as anything that is decided
//! later depends on it.

mod autoscaling;
mod core;
mod pod;
mod rbac;
mod storage;
mod workloads;

use serde_json::Value;

use super::kinds::Resource;

/// Fills in the defaults of an object of a built-in kind. Doing it again changes nothing.
pub(crate) fn apply(resource: &Resource, object: &mut Value) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pod::pod(object),
        ("", "PodTemplate") => pod::template(object, "/template"),
        ("apps" | "extensions", "Deployment") => workloads::deployment(object),
        ("apps", "StatefulSet") => workloads::stateful_set(object),
        ("apps" | "extensions", "DaemonSet") => workloads::daemon_set(object),
        ("apps" | "extensions", "ReplicaSet") => workloads::replica_set(object),
        ("", "ReplicationController") => workloads::replication_controller(object),
        ("batch", "Job") => workloads::job(object),
        ("batch", "CronJob") => workloads::cron_job(object),
        ("", "PersistentVolumeClaim") => storage::claim(object),
        ("", "PersistentVolume") => storage::volume(object),
        ("storage.k8s.io", "StorageClass") => storage::class(object),
        ("storage.k8s.io", "CSIDriver") => storage::driver(object),
        ("", "Service") => core::service(object),
        ("", "Namespace") => core::namespace(object),
        ("", "LimitRange") => core::limit_range(object),
        ("scheduling.k8s.io", "PriorityClass") => core::priority_class(object),
        ("networking.k8s.io", "NetworkPolicy") => core::network_policy(object),
        ("networking.k8s.io", "IngressClass") => core::ingress_class(object),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => {
            core::webhooks(object);
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => rbac::binding(object),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaling::autoscaler(object),
        _ => {}
    }
}
