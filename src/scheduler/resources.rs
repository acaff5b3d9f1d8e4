//! Resource requests in the scheduler's units (`component-helpers/resource/helpers.go`, PodRequests, and
//! `pkg/scheduler/framework/types.go`, Resource).

use std::collections::BTreeMap;

use super::release;
use crate::model::pod::{Container, ContainerStatus, Pod, PodStatus, Resources};
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

    /// The resources of which there is some.
    pub(crate) fn names(&self) -> Vec<&'a str> {
        let basic = [("cpu", self.cpu), ("memory", self.memory), ("ephemeral-storage", self.ephemeral_storage)];
        let scalars = self.scalars.iter().map(|(name, amount)| (*name, *amount));
        basic.into_iter().chain(scalars).filter(|(_, amount)| *amount > 0).map(|(name, _)| name).collect()
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
pub(super) fn is_extended(name: &str) -> bool {
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

/// CPU and memory of a pod where containers that ask for none count with 100m and 200Mi, as nodes are ranked
/// (`pkg/scheduler/util/pod_resources.go`).
pub(crate) fn non_zero(pod: &Pod, version: Version) -> [i64; 2] {
    const DEFAULTS: [(&str, i128); 2] = [("cpu", 100_000_000), ("memory", (200 << 20) * 1_000_000_000)];
    let own = pod.spec.resources.as_ref().is_some_and(|own| own.requests.keys().any(|name| is_pod_level(name)));
    let mut sum = of_containers(pod, version, |container, _| {
        let mut amounts = asked(container);
        let told = &container.resources.requests;
        for (name, nanos) in DEFAULTS.iter().filter(|(name, _)| !own && !told.contains_key(*name)) {
            amounts.replace(name, *nanos);
        }
        amounts
    });
    replace_with_pod_level(pod, version, false, false, &mut sum);
    sum.add(&Amounts::of(&pod.spec.overhead));
    let totals = Totals::of(&sum);
    [totals.cpu, totals.memory]
}

/// Amounts in nano units by resource, each resource once. Pods name few.
#[derive(Clone, Debug, Default)]
struct Amounts<'a>(Vec<(&'a str, i128)>);

impl<'a> Amounts<'a> {
    fn of(resources: &'a Resources) -> Self {
        Self(resources.iter().map(|(name, quantity)| (name.as_str(), quantity.nanos())).collect())
    }

    fn get(&self, name: &str) -> i128 {
        self.0.iter().find(|(present, _)| *present == name).map_or(0, |(_, nanos)| *nanos)
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

fn pod_requests<'a>(pod: &'a Pod, version: Version, status: Option<&'a PodStatus>) -> Amounts<'a> {
    let infeasible = pod.condition("PodResizePending").is_some_and(|condition| condition.reason == "Infeasible");
    let mut sum = match status {
        None => of_containers(pod, version, |container, _| asked(container)),
        Some(status) if release::sums_resizes(version) => resized(pod, version, status, infeasible),
        Some(status) => of_containers(pod, version, |container, stays| match stays {
            true => effective(container, status, infeasible),
            false => asked(container),
        }),
    };
    replace_with_pod_level(pod, version, status.is_some(), infeasible, &mut sum);
    sum.add(&Amounts::of(&pod.spec.overhead));
    sum
}

fn asked(container: &Container) -> Amounts<'_> {
    Amounts::of(&container.resources.requests)
}

/// What a pod's containers need together, where `of` says what each of them does; it is told whether the container stays
/// for as long as the pod runs.
fn of_containers<'a>(pod: &'a Pod, version: Version, of: impl Fn(&'a Container, bool) -> Amounts<'a>) -> Amounts<'a> {
    let mut sum = Amounts::default();
    pod.spec.containers.iter().for_each(|container| sum.add(&of(container, true)));
    let mut side = Amounts::default();
    let mut peak = Amounts::default();
    for container in &pod.spec.init_containers {
        let sidecar = release::counts_sidecars(version) && container.sidecar();
        let mut candidate = of(container, sidecar);
        if sidecar {
            sum.add(&candidate);
            side.add(&candidate);
            candidate.clone_from(&side);
        } else {
            candidate.add(&side);
        }
        peak.raise(&candidate);
    }
    sum.raise(&peak);
    sum
}

/// The largest of what the containers ask for together, what was allocated to them and what they have; the pod's own
/// figures take the place of the containers' where the kubelet gives both (AggregateContainerRequests).
fn resized<'a>(pod: &'a Pod, version: Version, status: &'a PodStatus, infeasible: bool) -> Amounts<'a> {
    let given = status.resources.as_ref().map(|resources| &resources.requests);
    let given = given.filter(|given| release::pod_level_resizes(version) && !given.is_empty());
    let (mut sum, actual) = match given.filter(|_| !status.allocated_resources.is_empty()) {
        Some(given) => (Amounts::of(&status.allocated_resources), Amounts::of(given)),
        None => (
            of_containers(pod, version, |container, _| first_of(container, status, infeasible, &[allocated])),
            of_containers(pod, version, |container, _| first_of(container, status, infeasible, &[actuated, allocated])),
        ),
    };
    sum.raise(&actual);
    if !infeasible {
        sum.raise(&of_containers(pod, version, |container, _| asked(container)));
    }
    sum
}

type Figure = fn(&ContainerStatus) -> Option<&Resources>;

fn allocated(status: &ContainerStatus) -> Option<&Resources> {
    Some(&status.allocated_resources).filter(|resources| !resources.is_empty())
}

fn actuated(status: &ContainerStatus) -> Option<&Resources> {
    status.resources.as_ref().map(|resources| &resources.requests).filter(|requests| !requests.is_empty())
}

/// The first of the figures that the kubelet gives of a container, else its request, unless that can't be met.
fn first_of<'a>(container: &'a Container, status: &'a PodStatus, infeasible: bool, figures: &[Figure]) -> Amounts<'a> {
    let status = find(status, &container.name);
    let known = status.and_then(|status| figures.iter().find_map(|figure| figure(status)));
    match known {
        Some(resources) => Amounts::of(resources),
        None if infeasible => Amounts::default(),
        None => asked(container),
    }
}

fn find<'a>(status: &'a PodStatus, name: &str) -> Option<&'a ContainerStatus> {
    let mut statuses = status.container_statuses.iter().chain(&status.init_container_statuses);
    statuses.find(|status| status.name == name)
}

/// What a container counts with before 1.37: one with a resize under way with the largest of what it asks, has and was
/// given.
fn effective<'a>(container: &'a Container, status: &'a PodStatus, infeasible: bool) -> Amounts<'a> {
    let status = find(status, &container.name);
    let Some((status, resources)) = status.and_then(|status| Some((status, status.resources.as_ref()?))) else {
        return asked(container);
    };
    let mut amounts = Amounts::of(&resources.requests);
    amounts.raise(&Amounts::of(&status.allocated_resources));
    if !infeasible {
        amounts.raise(&asked(container));
    }
    amounts
}

/// Pod-level requests take the place of the containers' sum for CPU, memory and huge pages.
fn replace_with_pod_level<'a>(pod: &'a Pod, version: Version, running: bool, infeasible: bool, sum: &mut Amounts<'a>) {
    let Some(asked) = pod.spec.resources.as_ref().map(|resources| &resources.requests) else { return };
    if !release::pod_level_resources(version) || !asked.keys().any(|name| is_pod_level(name)) {
        return;
    }
    let mut level = Amounts::of(asked);
    if let Some(status) = pod.status.resources.as_ref().filter(|_| running && release::pod_level_resizes(version)) {
        let mut amounts = Amounts::of(&status.requests);
        amounts.raise(&Amounts::of(&pod.status.allocated_resources));
        if !infeasible {
            amounts.raise(&level);
        }
        level = amounts;
    }
    let names: Vec<&str> = match release::sums_resizes(version) {
        true => level.0.iter().map(|(name, _)| *name).collect(),
        false => asked.keys().map(String::as_str).collect(),
    };
    for name in names.into_iter().filter(|name| is_pod_level(name)) {
        sum.replace(name, level.get(name));
    }
}

fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(json: Value) -> Pod {
        serde_json::from_value(json).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn sidecars_add_to_the_sum_and_to_every_later_init_container() {
        let pod = pod(json!({"spec": {
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "100m"}}}],
            "initContainers": [
                {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "200m"}}},
                {"name": "i", "resources": {"requests": {"cpu": "1"}}}]}}));
        assert_eq!(requests(&pod, Version::NEWEST).cpu, 1200);
        assert_eq!(requests(&pod, Version::new(1, 27)).cpu, 1000, "before sidecars it was an init container");
    }

    #[test]
    fn pod_level_requests_replace_the_sum_and_overhead_comes_on_top() {
        let pod = pod(json!({"spec": {
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "2", "example.com/x": "3"}}}],
            "resources": {"requests": {"cpu": "500m", "ephemeral-storage": "9Gi"}},
            "overhead": {"cpu": "250m"}}}));
        let totals = requests(&pod, Version::NEWEST);
        assert_eq!((totals.cpu, totals.ephemeral_storage), (750, 0));
        assert_eq!(totals.scalars.get("example.com/x"), Some(&3));
    }

    #[test]
    fn a_running_pod_counts_with_the_largest_of_what_it_asks_has_and_was_given() {
        let mut value = json!({"spec": {"containers": [
                {"name": "c", "resources": {"requests": {"cpu": "100m"}}}]},
            "status": {"containerStatuses": [{"name": "c", "resources": {"requests": {"cpu": "2"}},
                "allocatedResources": {"cpu": "1"}}]}});
        assert_eq!(usage(&pod(value.clone()), Version::NEWEST).cpu, 2000);
        assert_eq!(requests(&pod(value.clone()), Version::NEWEST).cpu, 100);
        value["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "9".into();
        value["status"]["conditions"] = json!([{"type": "PodResizePending", "reason": "Infeasible"}]);
        assert_eq!(usage(&pod(value), Version::NEWEST).cpu, 2000, "an infeasible resize is not counted");
    }

    #[test]
    fn resizes_of_several_containers_are_summed_up_before_they_are_compared() {
        let container = |name: &str, cpu: &str| json!({"name": name, "resources": {"requests": {"cpu": cpu}}});
        let given = |name: &str, cpu: &str| json!({"name": name, "resources": {"requests": {"cpu": cpu}}, "allocatedResources": {"cpu": cpu}});
        let pod = pod(json!({"spec": {"containers": [container("grows", "2"), container("shrinks", "1")]},
            "status": {"containerStatuses": [given("grows", "1"), given("shrinks", "2")]}}));
        assert_eq!(usage(&pod, Version::new(1, 37)).cpu, 3000);
        assert_eq!(usage(&pod, Version::new(1, 36)).cpu, 4000);
    }

    #[test]
    fn an_init_container_counts_with_what_it_was_given_since_1_37() {
        let pod = pod(json!({"spec": {"initContainers": [{"name": "i", "resources": {"requests": {"cpu": "1"}}}]},
            "status": {"initContainerStatuses": [{"name": "i", "allocatedResources": {"cpu": "3"}}]}}));
        assert_eq!(usage(&pod, Version::new(1, 37)).cpu, 3000);
        assert_eq!(usage(&pod, Version::new(1, 36)).cpu, 1000);
    }

    #[test]
    fn pod_level_figures_of_the_kubelet_replace_the_containers_where_both_are_known() {
        let given = json!({"cpu": "5", "memory": "1Gi"});
        let mut value = json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"memory": "2Gi"}}}],
                "resources": {"requests": {"cpu": "4"}}},
            "status": {"resources": {"requests": given}, "allocatedResources": given}});
        let totals = |value: &Value, minor| {
            let pod = pod(value.clone());
            let totals = usage(&pod, Version::new(1, minor));
            (totals.cpu, totals.memory >> 30)
        };
        assert_eq!(totals(&value, 37), (5000, 1), "what the kubelet gives the pod stands for every resource");
        assert_eq!(totals(&value, 36), (5000, 2), "only for those that the pod asks for");
        value["status"]["conditions"] = json!([{"type": "PodResizePending", "reason": "Infeasible"}]);
        value["spec"]["resources"]["requests"]["cpu"] = json!("9");
        assert_eq!(totals(&value, 37), (5000, 1), "an infeasible resize is not counted");
    }

    #[test]
    fn names_without_a_domain_that_are_not_native_are_ignored() {
        assert!(is_scalar("topolvm.io/capacity") && is_scalar("hugepages-2Mi") && is_scalar("x.kubernetes.io/y"));
        assert!(!is_scalar("gpu") && !is_scalar("requests.example.com/x"));
    }
}
