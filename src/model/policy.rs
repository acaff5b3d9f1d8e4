//! Namespaces, services, budgets, priorities, quotas, limits and config maps.

use super::kind::{Object, has_meta};
use super::lenient::model;
use super::meta::{Map, Meta};
use super::pod::{Condition, Resources};
use super::selector::LabelSelector;

has_meta!(Namespace, Service, Endpoints, PodDisruptionBudget, PriorityClass, ResourceQuota, LimitRange);

impl Object for ConfigMap {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut Meta {
        &mut self.metadata
    }

    /// Only the name stays.
    fn redact(&mut self) {
        let Meta { name, namespace, .. } = std::mem::take(&mut self.metadata);
        self.metadata = Meta { name, namespace, ..Meta::default() };
    }
}

model! {
    /// A namespace.
    pub struct Namespace {
        pub metadata: Meta,
    }

    /// A service.
    pub struct Service {
        pub metadata: Meta,
        pub spec: ServiceSpec,
    }

    /// `service.spec`.
    pub struct ServiceSpec {
        pub selector: Map,
        pub ports: Vec<ServicePort>,
        #[serde(rename = "clusterIP")]
        pub cluster_ip: String,
        #[serde(rename = "type")]
        pub kind: String,
    }

    /// A port of a service.
    pub struct ServicePort {
        pub name: String,
        pub port: i32,
    }

    /// An EndpointSlice.
    pub struct Endpoints {
        pub metadata: Meta,
        pub endpoints: Vec<Endpoint>,
    }

    /// An endpoint.
    pub struct Endpoint {
        pub conditions: EndpointConditions,
    }

    /// An endpoint's conditions.
    pub struct EndpointConditions {
        pub ready: Option<bool>,
    }

    /// A PodDisruptionBudget.
    pub struct PodDisruptionBudget {
        pub metadata: Meta,
        pub spec: BudgetSpec,
        pub status: BudgetStatus,
    }

    /// `podDisruptionBudget.spec`.
    pub struct BudgetSpec {
        pub selector: Option<LabelSelector>,
    }

    /// `podDisruptionBudget.status`.
    pub struct BudgetStatus {
        pub disruptions_allowed: i32,
        /// Pods whose eviction was already granted, with the time.
        pub disrupted_pods: Map,
        pub conditions: Vec<Condition>,
    }

    /// A PriorityClass.
    pub struct PriorityClass {
        pub metadata: Meta,
        pub value: i32,
        pub global_default: bool,
        pub preemption_policy: Option<String>,
    }

    /// A ResourceQuota.
    pub struct ResourceQuota {
        pub metadata: Meta,
        pub spec: QuotaSpec,
        pub status: QuotaStatus,
    }

    /// `resourceQuota.spec`.
    pub struct QuotaSpec {
        pub hard: Resources,
        pub scopes: Vec<String>,
    }

    /// `resourceQuota.status`.
    pub struct QuotaStatus {
        pub hard: Resources,
        pub used: Resources,
    }

    /// A LimitRange.
    pub struct LimitRange {
        pub metadata: Meta,
        pub spec: LimitRangeSpec,
    }

    /// `limitRange.spec`.
    pub struct LimitRangeSpec {
        pub limits: Vec<LimitRangeItem>,
    }

    /// A config map, of which only the name is kept.
    pub struct ConfigMap {
        pub metadata: Meta,
    }

    /// One limit.
    pub struct LimitRangeItem {
        #[serde(rename = "type")]
        pub kind: String,
        pub min: Resources,
        pub max: Resources,
        pub default: Resources,
        pub default_request: Resources,
    }
}
