//! Workloads: what makes pods.

use serde_json::Value;

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
        pub strategy: DeploymentStrategy,
    }

    /// How a Deployment replaces its pods.
    pub struct DeploymentStrategy {
        pub r#type: Option<String>,
        pub rolling_update: Option<RollingUpdate>,
    }

    /// How many pods there may be beside those that are wanted, and how many fewer: a number or a share.
    pub struct RollingUpdate {
        pub max_surge: Value,
        pub max_unavailable: Value,
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

/// How many pods more, and how many fewer, a rollout may have than the `replicas` that are wanted
/// (`pkg/controller/deployment/util/deployment_util.go`, ResolveFenceposts; what is not given is a quarter).
pub(crate) fn fence(surge: Option<&Value>, unavailable: Option<&Value>, replicas: i64) -> (i64, i64) {
    let quarter = Value::String("25%".to_owned());
    let bound = |value: Option<&Value>, up: bool| {
        scaled(value, replicas, up).unwrap_or_else(|| scaled(Some(&quarter), replicas, up).unwrap_or(0))
    };
    match (bound(surge, true), bound(unavailable, false)) {
        (0, 0) => (0, 1),
        (surge, unavailable) => (surge, unavailable.min(replicas)),
    }
}

/// A count that is given as a number or as a share of `total` (`apimachinery/pkg/util/intstr`,
/// GetScaledValueFromIntOrPercent).
pub(crate) fn scaled(value: Option<&Value>, total: i64, up: bool) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => {
            let share: i64 = text.strip_suffix('%')?.parse().ok()?;
            let product = share.saturating_mul(total);
            Some(if up { product.saturating_add(99).div_euclid(100) } else { product.div_euclid(100) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_are_rounded_as_asked() {
        let of = |value: Value, up| scaled(Some(&value), 3, up);
        assert_eq!((of(json!("25%"), true), of(json!("25%"), false)), (Some(1), Some(0)));
        assert_eq!((of(json!(2), true), of(json!("x"), true), scaled(None, 3, true)), (Some(2), None, None));
    }

    #[test]
    fn a_rollout_may_always_do_one_step() {
        let of = |surge: Value, unavailable: Value, replicas| fence(Some(&surge), Some(&unavailable), replicas);
        assert_eq!(fence(None, None, 3), (1, 0));
        assert_eq!(fence(None, None, 4), (1, 1));
        assert_eq!(of(json!(0), json!("25%"), 3), (0, 1));
        assert_eq!(of(json!(0), json!(5), 3), (0, 3));
    }
}
