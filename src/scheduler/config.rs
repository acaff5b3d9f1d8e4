//! What is known of the running scheduler's configuration (`KubeSchedulerConfiguration`).

use std::collections::BTreeSet;

use crate::model::Pod;
use crate::model::pod::TopologySpreadConstraint;
use crate::model::selector::NodeSelector;

/// The parts of a `KubeSchedulerConfiguration` that decide about filtering.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerConfig {
    pub profiles: Vec<Profile>,
    pub extenders: Vec<Extender>,
}

/// One profile: a scheduler name with its plugins.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub scheduler_name: String,
    /// The plugins that run at PreFilter, in order.
    pub pre_filter: Vec<String>,
    /// The plugins that run at Filter, in order.
    pub filter: Vec<String>,
    /// The plugins that run at PostFilter, in order.
    pub post_filter: Vec<String>,
    /// Enabled plugins that this tool doesn't know: with one of them no verdict is certain.
    pub foreign_plugins: Vec<String>,
    /// `NodeAffinityArgs.addedAffinity`, its required part.
    pub added_affinity: Option<NodeSelector>,
    /// `NodeResourcesFitArgs.ignoredResources`.
    pub ignored_resources: BTreeSet<String>,
    /// `NodeResourcesFitArgs.ignoredResourceGroups`.
    pub ignored_resource_groups: BTreeSet<String>,
    /// `PodTopologySpreadArgs.defaultConstraints` where `defaultingType` is `List`.
    pub default_constraints: Vec<TopologySpreadConstraint>,
}

/// A scheduler extender.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extender {
    pub url: String,
    pub filters: bool,
    pub ignorable: bool,
    pub managed_resources: Vec<ManagedResource>,
}

/// A resource that an extender manages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedResource {
    pub name: String,
    pub ignored_by_scheduler: bool,
}

/// An extension point that decides about filtering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    PreFilter,
    Filter,
    PostFilter,
}

impl Extender {
    fn manages(&self, pod: &Pod) -> bool {
        let mut containers = pod.spec.containers.iter().chain(&pod.spec.init_containers);
        self.managed_resources.is_empty()
            || containers.any(|container| {
                let names = container.resources.requests.keys().chain(container.resources.limits.keys());
                names.into_iter().any(|name| self.managed_resources.iter().any(|managed| managed.name == *name))
            })
    }
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self { profiles: vec![Profile::default()], extenders: Vec::new() }
    }
}

impl SchedulerConfig {
    /// The position of the profile that the pod asks for.
    pub(crate) fn position(&self, pod: &Pod) -> Option<usize> {
        self.profiles.iter().position(|profile| profile.scheduler_name == pod.spec.scheduler())
    }

    /// The extender that is asked about the pod once a node has passed the filters: it manages everything, or a resource
    /// that a container names.
    pub fn extender(&self, pod: &Pod) -> Option<&Extender> {
        self.extenders.iter().find(|extender| extender.filters && extender.manages(pod))
    }

    /// The resources that extenders have NodeResourcesFit ignore. Where there is one, they replace every profile's
    /// own list (`pkg/scheduler/scheduler.go`, buildExtenders).
    pub fn ignored_by_extenders(&self) -> BTreeSet<String> {
        self.extenders
            .iter()
            .flat_map(|extender| &extender.managed_resources)
            .filter(|resource| resource.ignored_by_scheduler)
            .map(|resource| resource.name.clone())
            .collect()
    }
}
