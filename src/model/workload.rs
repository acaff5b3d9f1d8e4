//! Workloads: what makes pods.

use super::kind::Object;
use super::lenient::model;
use super::meta::Meta;
use super::pod::{ClaimTemplate, Condition, PodTemplate};
use super::selector::LabelSelector;

impl Object for Workload {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut Meta {
        &mut self.metadata
    }

    fn redact(&mut self) {
        self.metadata.redact();
        self.spec.template.spec.keep_known();
    }
}

impl Object for Job {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut Meta {
        &mut self.metadata
    }

    fn redact(&mut self) {
        self.metadata.redact();
        self.spec.template.spec.keep_known();
    }
}

model! {
    /// A StatefulSet, Deployment, ReplicaSet or DaemonSet.
    pub struct Workload {
        pub metadata: Meta,
        pub spec: WorkloadSpec,
        pub status: WorkloadStatus,
    }

    /// The parts of the spec that the kinds share, and the StatefulSet's own.
    pub struct WorkloadSpec {
        pub replicas: Option<i32>,
        pub selector: Option<LabelSelector>,
        pub template: PodTemplate,
        pub service_name: String,
        pub pod_management_policy: Option<String>,
        pub volume_claim_templates: Vec<ClaimTemplate>,
        pub persistent_volume_claim_retention_policy: Option<RetentionPolicy>,
        pub ordinals: Option<Ordinals>,
        pub min_ready_seconds: i32,
    }

    /// What happens to a StatefulSet's claims.
    pub struct RetentionPolicy {
        pub when_deleted: Option<String>,
        pub when_scaled: Option<String>,
    }

    /// Where ordinals start.
    pub struct Ordinals {
        pub start: i32,
    }

    /// The status counts.
    pub struct WorkloadStatus {
        pub replicas: i32,
        pub ready_replicas: i32,
        pub available_replicas: i32,
        pub desired_number_scheduled: i32,
        pub number_ready: i32,
        pub update_revision: String,
        pub conditions: Vec<Condition>,
    }

    /// A Job.
    pub struct Job {
        pub metadata: Meta,
        pub spec: JobSpec,
    }

    /// `job.spec`.
    pub struct JobSpec {
        pub template: PodTemplate,
        pub suspend: Option<bool>,
    }
}

impl Workload {
    /// Desired replicas, defaulted to 1.
    pub fn replicas(&self) -> i32 {
        self.spec.replicas.unwrap_or(1)
    }

    /// Whether a StatefulSet makes its pods one after the other (`OrderedReady`, the default).
    pub fn ordered(&self) -> bool {
        self.spec.pod_management_policy.as_deref() != Some("Parallel")
    }

    /// The first ordinal of a StatefulSet.
    pub fn first_ordinal(&self) -> i32 {
        self.spec.ordinals.as_ref().map_or(0, |ordinals| ordinals.start)
    }
}
