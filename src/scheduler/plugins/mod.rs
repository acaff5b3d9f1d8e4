//! The default plugins, in upstream's order (`pkg/scheduler/apis/config/v1/default_plugins.go`), and their PreFilter
//! phase (`pkg/scheduler/framework/runtime/framework.go`).

pub(in crate::scheduler) mod default_preemption;
pub(in crate::scheduler) mod dynamic_resources;
pub(in crate::scheduler) mod inter_pod_affinity;
pub(in crate::scheduler) mod node_affinity;
pub(in crate::scheduler) mod node_declared_features;
pub(in crate::scheduler) mod node_name;
pub(in crate::scheduler) mod node_ports;
pub(in crate::scheduler) mod node_resources_fit;
pub(in crate::scheduler) mod node_unschedulable;
pub(in crate::scheduler) mod node_volume_limits;
pub(in crate::scheduler) mod pod_topology_spread;
pub(in crate::scheduler) mod taint_toleration;
pub(in crate::scheduler) mod volume_binding;
pub(in crate::scheduler) mod volume_restrictions;
pub(in crate::scheduler) mod volume_zone;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::pod::DEFAULT_SCHEDULER;
use crate::scheduler::config::{Point, Profile};
use crate::scheduler::framework::{Behind, Cycle, Filter, Plugin, PreFilter, Preparation, Prepared};
use crate::scheduler::obstacle::Obstacle;
use crate::scheduler::status::{Code, Status};

const fn plugin(name: &'static str, pre_filters: bool, prepare: for<'c> fn(&Cycle<'c>) -> PreFilter<'c>) -> Plugin {
    Plugin { name, prepare, pre_filters, behind: |_| Behind { obstacles: Vec::new(), filter: None } }
}

impl Plugin {
    /// A plugin that can reject a pod before it looks at nodes.
    const fn rejecting(mut self, behind: for<'c> fn(&Cycle<'c>) -> Behind<'c>) -> Self {
        self.behind = behind;
        self
    }
}

/// Every default filter plugin in the order in which filters run.
pub(crate) const PLUGINS: &[Plugin] = &[
    plugin(node_unschedulable::NAME, false, node_unschedulable::prepare),
    plugin(node_name::NAME, false, node_name::prepare),
    plugin(taint_toleration::NAME, false, taint_toleration::prepare),
    plugin(node_affinity::NAME, true, node_affinity::prepare).rejecting(node_affinity::behind),
    plugin(node_ports::NAME, true, node_ports::prepare),
    plugin(node_resources_fit::NAME, true, node_resources_fit::prepare),
    plugin(volume_restrictions::NAME, true, volume_restrictions::prepare).rejecting(volume_restrictions::behind),
    plugin(node_volume_limits::NAME, true, node_volume_limits::prepare),
    plugin(volume_binding::NAME, true, volume_binding::prepare).rejecting(volume_binding::behind),
    plugin(volume_zone::NAME, true, volume_zone::prepare).rejecting(volume_zone::behind),
    plugin(pod_topology_spread::NAME, true, pod_topology_spread::prepare),
    plugin(inter_pod_affinity::NAME, true, inter_pod_affinity::prepare),
    plugin(dynamic_resources::NAME, true, dynamic_resources::prepare).rejecting(dynamic_resources::behind),
    plugin(node_declared_features::NAME, true, node_declared_features::prepare),
];

/// The default plugins of an extension point, in upstream's order.
pub(crate) fn default_plugins(point: Point) -> Vec<String> {
    let names: Vec<&str> = match point {
        Point::PreFilter => PLUGINS.iter().filter(|plugin| plugin.pre_filters).map(|plugin| plugin.name).collect(),
        Point::Filter => PLUGINS.iter().map(|plugin| plugin.name).collect(),
        Point::PostFilter => vec![dynamic_resources::NAME, default_preemption::NAME],
    };
    names.into_iter().map(str::to_owned).collect()
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            scheduler_name: DEFAULT_SCHEDULER.to_owned(),
            pre_filter: default_plugins(Point::PreFilter),
            filter: default_plugins(Point::Filter),
            post_filter: default_plugins(Point::PostFilter),
            foreign_plugins: Vec::new(),
            added_affinity: None,
            ignored_resources: BTreeSet::new(),
            ignored_resource_groups: BTreeSet::new(),
            default_constraints: Vec::new(),
        }
    }
}

/// Runs PreFilter: stops at the first rejection, intersects the node sets that plugins give.
pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> Preparation<'c> {
    let mut prepared = Prepared { filters: Vec::new(), among: None };
    let mut ready: BTreeMap<&'static str, Box<dyn Filter<'c> + 'c>> = BTreeMap::new();
    let mut missing: Option<(&'static str, Status)> = None;
    let without_pre_filter = PLUGINS.iter().filter(|plugin| !plugin.pre_filters);
    for plugin in named(&cycle.profile.pre_filter).chain(without_pre_filter) {
        match (plugin.prepare)(cycle) {
            PreFilter::Skip => {}
            PreFilter::Reject(status) if status.code == Code::Unknown => {
                missing.get_or_insert((plugin.name, status));
            }
            PreFilter::Reject(status) => return rejected_after(missing, plugin.name, status),
            PreFilter::Filter(filter) => {
                ready.insert(plugin.name, filter);
            }
            PreFilter::FilterAmong(filter, names) => {
                narrow(&mut prepared.among, names, plugin.name);
                ready.insert(plugin.name, filter);
            }
        }
    }
    if let Some((plugin, status)) = missing {
        return Preparation::Rejected { plugin, status };
    }
    for plugin in named(&cycle.profile.filter) {
        prepared.filters.extend(ready.remove(plugin.name).map(|filter| (plugin.name, filter)));
    }
    Preparation::Ready(prepared)
}

/// Runs PreFilter and does not stop: what rejects the pod, and the filters behind that.
pub(crate) fn prepare_all<'c>(cycle: &Cycle<'c>) -> (Vec<Obstacle>, Prepared<'c>) {
    let mut prepared = Prepared { filters: Vec::new(), among: None };
    let mut ready: BTreeMap<&'static str, Box<dyn Filter<'c> + 'c>> = BTreeMap::new();
    let mut obstacles = Vec::new();
    let without_pre_filter = PLUGINS.iter().filter(|plugin| !plugin.pre_filters);
    for plugin in named(&cycle.profile.pre_filter).chain(without_pre_filter) {
        let filter = match (plugin.prepare)(cycle) {
            PreFilter::Skip => None,
            PreFilter::Reject(_) => {
                let behind = (plugin.behind)(cycle);
                obstacles.extend(behind.obstacles);
                behind.filter
            }
            PreFilter::Filter(filter) => Some(filter),
            PreFilter::FilterAmong(filter, names) => {
                narrow(&mut prepared.among, names, plugin.name);
                Some(filter)
            }
        };
        if let Some(filter) = filter {
            ready.insert(plugin.name, filter);
        }
    }
    for plugin in named(&cycle.profile.filter) {
        prepared.filters.extend(ready.remove(plugin.name).map(|filter| (plugin.name, filter)));
    }
    (obstacles, prepared)
}

/// The plugins of these names that are modelled, in their order.
fn named(names: &[String]) -> impl Iterator<Item = &'static Plugin> {
    names.iter().filter_map(|name| PLUGINS.iter().find(|plugin| plugin.name == name))
}

/// A rejection is certain even where an earlier plugin couldn't tell, but its text isn't.
fn rejected_after<'c>(
    missing: Option<(&'static str, Status)>,
    plugin: &'static str,
    status: Status,
) -> Preparation<'c> {
    match missing {
        Some((_, unknown)) if status.code == Code::Error => Preparation::Rejected { plugin, status: unknown },
        Some((_, unknown)) => Preparation::Rejected { plugin, status: Status { partial: true, ..unknown } },
        None => Preparation::Rejected { plugin, status },
    }
}

fn narrow(among: &mut Option<(BTreeSet<String>, Vec<&'static str>)>, names: BTreeSet<String>, plugin: &'static str) {
    match among {
        Some((present, plugins)) => {
            present.retain(|name| names.contains(name));
            plugins.push(plugin);
        }
        None => *among = Some((names, vec![plugin])),
    }
}
