//! Resource requests in the scheduler's units (`component-helpers/resource/helpers.go`, PodRequests, and
//! `pkg/scheduler/framework/types.go`, Resource).

use std::collections::BTreeMap;

use super::release;
use crate::model::pod::{Container, ContainerStatus, Pod, Resources};
use crate::model::quantity::{milli_value, sum, value};
use crate::model::version::Version;

/// Amounts in the units that the scheduler compares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals<'a> {
    /// Milli-CPU.
    pub(crate) cpu: i64,
    /// Bytes.
    pub(crate) memory: i64,
    /// Bytes.
    pub(crate) ephemeral_storage: i64,
    /// Whole units of every other resource that the scheduler counts.
    pub(crate) scalars: BTreeMap<&'a str, i64>,
}

impl<'a> Totals<'a> {
    /// The amounts of a node's allocatable.
    pub(crate) fn of_node(resources: &'a Resources) -> Self {
        Self::of(&Amounts::of(resources))
    }

    fn of(amounts: &Amounts<'a>) -> Self {
        let mut totals = Self::default();
        for &(name, nanos) in &amounts.0 {
            match name {
                "cpu" => totals.cpu = milli_value(nanos),
                "memory" => totals.memory = value(nanos),
                "ephemeral-storage" => totals.ephemeral_storage = value(nanos),
                "pods" => {}
                _ if is_scalar(name) => {
                    totals.scalars.insert(name, value(nanos));
                }
                _ => {}
            }
        }
        totals
    }

    /// Adds a pod's request.
    pub(crate) fn add(&mut self, other: &Totals<'a>) {
        self.combine(other, i64::saturating_add);
    }

    /// Takes a pod's request away.
    pub(crate) fn subtract(&mut self, other: &Totals<'a>) {
        self.combine(other, i64::saturating_sub);
    }

    fn combine(&mut self, other: &Totals<'a>, with: fn(i64, i64) -> i64) {
        self.cpu = with(self.cpu, other.cpu);
        self.memory = with(self.memory, other.memory);
        self.ephemeral_storage = with(self.ephemeral_storage, other.ephemeral_storage);
        for (name, amount) in &other.scalars {
            let entry = self.scalars.entry(name).or_default();
            *entry = with(*entry, *amount);
        }
    }

    /// The amount of one resource.
    pub(crate) fn of_resource(&self, name: &str) -> i64 {
        match name {
            "cpu" => self.cpu,
            "memory" => self.memory,
            "ephemeral-storage" => self.ephemeral_storage,
            name => self.scalars.get(name).copied().unwrap_or(0),
        }
    }

    /// Whether nothing at all is requested.
    pub(crate) fn is_empty(&self) -> bool {
        self.cpu == 0 && self.memory == 0 && self.ephemeral_storage == 0 && self.scalars.is_empty()
    }
}

/// Whether the scheduler counts the resource as a scalar: extended resources, huge pages, `kubernetes.io/` names and
/// attachable volumes (`pkg/scheduler/util/utils.go`, IsScalarResourceName).
pub(crate) fn is_scalar(name: &str) -> bool {
    is_extended(name) || is_native(name)
}

fn is_native(name: &str) -> bool {
    name.starts_with("hugepages-") || name.contains("kubernetes.io/") || name.starts_with("attachable-volumes-")
}

/// Whether the name is an extended resource's (`pkg/apis/core/v1/helper`, IsExtendedResourceName).
pub fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// The request of a pod that is to be scheduled: its status is never looked at.
pub(crate) fn requests<'a>(pod: &'a Pod, version: Version) -> Totals<'a> {
    Totals::of(&pod_requests(pod, version, None))
}

/// The request of a pod that has a node: what the kubelet has allocated or still gives counts as well.
pub(crate) fn usage<'a>(pod: &'a Pod, version: Version) -> Totals<'a> {
    let statuses = release::counts_resizes(version).then_some(&pod.status);
    Totals::of(&pod_requests(pod, version, statuses))
}

/// Amounts in nano units by resource, each resource once. Pods name few.
#[derive(Clone, Debug, Default)]
struct Amounts<'a>(Vec<(&'a str, i128)>);

impl<'a> Amounts<'a> {
    fn of(resources: &'a Resources) -> Self {
        Self(resources.iter().map(|(name, quantity)| (name.as_str(), quantity.nanos())).collect())
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut i128> {
        self.0.iter_mut().find(|(present, _)| *present == name).map(|(_, nanos)| nanos)
    }

    /// Adds the amounts to those of the same resources.
    fn add(&mut self, more: &Self) {
        self.combine(more, sum);
    }

    /// Raises the amounts to those of the same resources, where these are larger.
    fn raise(&mut self, other: &Self) {
        self.combine(other, i128::max);
    }

    fn combine(&mut self, other: &Self, with: fn(i128, i128) -> i128) {
        for &(name, nanos) in &other.0 {
            match self.get_mut(name) {
                Some(present) => *present = with(*present, nanos),
                None => self.0.push((name, nanos)),
            }
        }
    }

    fn replace(&mut self, name: &'a str, nanos: i128) {
        match self.get_mut(name) {
            Some(present) => *present = nanos,
            None => self.0.push((name, nanos)),
        }
    }
}

fn pod_requests<'a>(pod: &'a Pod, version: Version, status: Option<&'a crate::model::pod::PodStatus>) -> Amounts<'a> {
    let infeasible = pod.condition("PodResizePending").is_some_and(|condition| condition.reason == "Infeasible");
    let mut sum = Amounts::default();
    for container in &pod.spec.containers {
        let found = status.and_then(|status| find(&status.container_statuses, &container.name));
        sum.add(&effective(container, found, infeasible));
    }
    let sidecars = release::counts_sidecars(version);
    let mut side = Amounts::default();
    let mut peak = Amounts::default();
    for container in &pod.spec.init_containers {
        let candidate = if sidecars && container.sidecar() {
            let found = status.and_then(|status| find(&status.init_container_statuses, &container.name));
            let request = effective(container, found, infeasible);
            sum.add(&request);
            side.add(&request);
            side.clone()
        } else {
            let mut candidate = Amounts::of(&container.resources.requests);
            candidate.add(&side);
            candidate
        };
        peak.raise(&candidate);
    }
    sum.raise(&peak);
    replace_with_pod_level(pod, version, status.is_some(), infeasible, &mut sum);
    sum.add(&Amounts::of(&pod.spec.overhead));
    sum
}

fn find<'a>(statuses: &'a [ContainerStatus], name: &str) -> Option<&'a ContainerStatus> {
    statuses.iter().find(|status| status.name == name)
}

/// A container's request; one with a resize under way counts with the largest of what it asks, has and was given.
fn effective<'a>(container: &'a Container, status: Option<&'a ContainerStatus>, infeasible: bool) -> Amounts<'a> {
    let Some((status, resources)) = status.and_then(|status| Some((status, status.resources.as_ref()?))) else {
        return Amounts::of(&container.resources.requests);
    };
    let mut amounts = Amounts::of(&resources.requests);
    amounts.raise(&Amounts::of(&status.allocated_resources));
    if !infeasible {
        amounts.raise(&Amounts::of(&container.resources.requests));
    }
    amounts
}

/// Pod-level requests take the place of the containers' sum for CPU, memory and huge pages.
fn replace_with_pod_level<'a>(pod: &'a Pod, version: Version, running: bool, infeasible: bool, sum: &mut Amounts<'a>) {
    let Some(resources) = &pod.spec.resources else { return };
    if !release::pod_level_resources(version) {
        return;
    }
    let mut level = Amounts::of(&resources.requests);
    if let Some(status) = pod.status.resources.as_ref().filter(|_| running && release::pod_level_resizes(version)) {
        let mut amounts = Amounts::of(&status.requests);
        amounts.raise(&Amounts::of(&pod.status.allocated_resources));
        if !infeasible {
            amounts.raise(&level);
        }
        level = amounts;
    }
    for (name, nanos) in level.0 {
        if matches!(name, "cpu" | "memory") || name.starts_with("hugepages-") {
            sum.replace(name, nanos);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(json: serde_json::Value) -> Pod {
        serde_json::from_value(json).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn sidecars_add_to_the_sum_and_to_every_later_init_container() {
        let pod = pod(serde_json::json!({"spec": {
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "100m"}}}],
            "initContainers": [
                {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "200m"}}},
                {"name": "i", "resources": {"requests": {"cpu": "1"}}}]}}));
        assert_eq!(requests(&pod, Version::NEWEST).cpu, 1200);
        assert_eq!(requests(&pod, Version::new(1, 27)).cpu, 1000, "before sidecars it was an init container");
    }

    #[test]
    fn pod_level_requests_replace_the_sum_and_overhead_comes_on_top() {
        let pod = pod(serde_json::json!({"spec": {
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "2", "example.com/x": "3"}}}],
            "resources": {"requests": {"cpu": "500m", "ephemeral-storage": "9Gi"}},
            "overhead": {"cpu": "250m"}}}));
        let totals = requests(&pod, Version::NEWEST);
        assert_eq!((totals.cpu, totals.ephemeral_storage), (750, 0));
        assert_eq!(totals.scalars.get("example.com/x"), Some(&3));
    }

    #[test]
    fn a_running_pod_counts_with_the_largest_of_what_it_asks_has_and_was_given() {
        let mut value = serde_json::json!({"spec": {"containers": [
                {"name": "c", "resources": {"requests": {"cpu": "100m"}}}]},
            "status": {"containerStatuses": [{"name": "c", "resources": {"requests": {"cpu": "2"}},
                "allocatedResources": {"cpu": "1"}}]}});
        assert_eq!(usage(&pod(value.clone()), Version::NEWEST).cpu, 2000);
        assert_eq!(requests(&pod(value.clone()), Version::NEWEST).cpu, 100);
        value["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "9".into();
        value["status"]["conditions"] = serde_json::json!([{"type": "PodResizePending", "reason": "Infeasible"}]);
        assert_eq!(usage(&pod(value), Version::NEWEST).cpu, 2000, "an infeasible resize is not counted");
    }

    #[test]
    fn names_without_a_domain_that_are_not_native_are_ignored() {
        assert!(is_scalar("topolvm.io/capacity") && is_scalar("hugepages-2Mi") && is_scalar("x.kubernetes.io/y"));
        assert!(!is_scalar("gpu") && !is_scalar("requests.example.com/x"));
    }
}
