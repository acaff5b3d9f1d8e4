//! The scheduling framework: statuses, the two phases of filtering, and the plugins in upstream's order
//! (`pkg/scheduler/framework/runtime/framework.go`, `pkg/scheduler/apis/config/v1/default_plugins.go`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, NodeInfo, PodInfo};
use super::config::Profile;
use super::{
    dynamic_resources, inter_pod_affinity, node_affinity, node_declared_features, node_name, node_ports,
    node_resources_fit, node_unschedulable, node_volume_limits, pod_topology_spread, taint_toleration, volume_binding,
    volume_restrictions, volume_zone,
};
use crate::model::Pod;

/// How a plugin rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Evicting pods might help.
    Unschedulable,
    /// Evicting pods can't help.
    Unresolvable,
    /// The attempt ends with an error.
    Error,
    /// Facts that decide are missing; the reasons say which.
    Unknown,
}

/// A rejection by one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: Code,
    pub(crate) reasons: Vec<Cow<'static, str>>,
    /// Whether further reasons may exist that missing facts hide: the rejection is certain, its text isn't.
    pub(crate) partial: bool,
}

impl Status {
    pub(crate) fn unschedulable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Unschedulable, reasons: vec![reason.into()], partial: false }
    }

    pub(crate) fn unresolvable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Unresolvable, reasons: vec![reason.into()], partial: false }
    }

    pub(crate) fn error(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Error, reasons: vec![reason.into()], partial: false }
    }

    /// A missing fact, in one line such as `the CSIDriver topolvm.io could not be read`.
    pub(crate) fn unknown(what: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::Unknown, reasons: vec![what.into()], partial: false }
    }
}

/// A plugin's decision on one node.
pub(crate) type Decision = Result<(), Status>;

/// What a plugin says before nodes are looked at.
pub(crate) enum PreFilter<'c> {
    /// The plugin has nothing to do for the pod.
    Skip,
    /// The plugin filters nodes.
    Filter(Box<dyn Filter<'c> + 'c>),
    /// The plugin filters, and only these nodes can fit.
    FilterAmong(Box<dyn Filter<'c> + 'c>, BTreeSet<String>),
    /// No node can fit.
    Reject(Status),
}

/// A plugin made ready for one pod.
pub(crate) trait Filter<'c> {
    /// Whether the node takes the pod.
    fn filter(&self, node: &NodeInfo<'c>) -> Decision;

    /// A pod is taken off a node in a dry run, or put on it.
    fn moved(&mut self, _pod: &PodInfo<'c>, _node: &NodeInfo<'c>, _change: Move) {}

    /// A copy on which a dry run can move pods.
    fn fork(&self) -> Box<dyn Filter<'c> + 'c>;
}

/// What a dry run does with a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Added,
    Removed,
}

impl Move {
    /// What is added to counts.
    pub(crate) fn delta(self) -> i64 {
        match self {
            Move::Added => 1,
            Move::Removed => -1,
        }
    }
}

/// A pod with what it is judged against.
#[derive(Clone, Copy)]
pub(crate) struct Cycle<'c> {
    pub(crate) cluster: &'c Cluster<'c>,
    pub(crate) profile: &'c Profile,
    pub(crate) ignored_resources: &'c BTreeSet<String>,
    pub(crate) pod: &'c Pod,
}

/// A plugin: its upstream name and what it does at PreFilter.
pub(crate) struct Plugin {
    pub(crate) name: &'static str,
    pub(crate) prepare: for<'c> fn(&Cycle<'c>) -> PreFilter<'c>,
    /// Whether upstream's plugin has a PreFilter of its own.
    pub(crate) pre_filters: bool,
}

const fn plugin(name: &'static str, pre_filters: bool, prepare: for<'c> fn(&Cycle<'c>) -> PreFilter<'c>) -> Plugin {
    Plugin { name, prepare, pre_filters }
}

/// Every default filter plugin in the order in which filters run.
pub(crate) const PLUGINS: &[Plugin] = &[
    plugin(node_unschedulable::NAME, false, node_unschedulable::prepare),
    plugin(node_name::NAME, false, node_name::prepare),
    plugin(taint_toleration::NAME, false, taint_toleration::prepare),
    plugin(node_affinity::NAME, true, node_affinity::prepare),
    plugin(node_ports::NAME, true, node_ports::prepare),
    plugin(node_resources_fit::NAME, true, node_resources_fit::prepare),
    plugin(volume_restrictions::NAME, true, volume_restrictions::prepare),
    plugin(node_volume_limits::NAME, true, node_volume_limits::prepare),
    plugin(volume_binding::NAME, true, volume_binding::prepare),
    plugin(volume_zone::NAME, true, volume_zone::prepare),
    plugin(pod_topology_spread::NAME, true, pod_topology_spread::prepare),
    plugin(inter_pod_affinity::NAME, true, inter_pod_affinity::prepare),
    plugin(dynamic_resources::NAME, true, dynamic_resources::prepare),
    plugin(node_declared_features::NAME, true, node_declared_features::prepare),
];

/// The plugins that filter for a pod, made ready.
pub(crate) struct Prepared<'c> {
    pub(crate) filters: Vec<(&'static str, Box<dyn Filter<'c> + 'c>)>,
    /// The nodes that can fit, where a plugin narrowed them, with the plugins that did.
    pub(crate) among: Option<(BTreeSet<String>, Vec<&'static str>)>,
}

/// The outcome of the PreFilter phase.
pub(crate) enum Preparation<'c> {
    Ready(Prepared<'c>),
    Rejected { plugin: &'static str, status: Status },
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

/// A node's rejection with the plugin that gave it.
pub(crate) type Rejection = (&'static str, Status);

/// The nodes that were rejected, each with its rejection.
pub(crate) struct Rejections<'c> {
    cluster: &'c Cluster<'c>,
    by_position: Vec<Option<Rejection>>,
    count: usize,
}

impl<'c> Rejections<'c> {
    pub(crate) fn new(cluster: &'c Cluster<'c>) -> Self {
        Self { cluster, by_position: vec![None; cluster.nodes.len()], count: 0 }
    }

    pub(crate) fn insert(&mut self, position: usize, rejection: Rejection) {
        self.count += usize::from(self.by_position[position].is_none());
        self.by_position[position] = Some(rejection);
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn at(&self, position: usize) -> Option<&Rejection> {
        self.by_position[position].as_ref()
    }

    pub(crate) fn of(&self, node: &str) -> Option<&Rejection> {
        self.at(self.cluster.position(node)?)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Rejection> {
        self.by_position.iter().flatten()
    }
}

impl<'c> Prepared<'c> {
    /// Runs the filters on a node in order, up to the first rejection. Where a filter can't tell, later ones are asked
    /// whether they reject for certain: the rejection's plugin is then known to be one of several.
    pub(crate) fn filter(&self, node: &NodeInfo<'c>) -> Result<(), Rejection> {
        let mut missing: Option<Rejection> = None;
        for (name, filter) in &self.filters {
            match filter.filter(node) {
                Ok(()) => {}
                Err(status) if status.code == Code::Unknown => {
                    missing.get_or_insert((*name, status));
                }
                Err(status) => {
                    return match missing {
                        None => Err((name, status)),
                        Some((_, unknown)) if status.code == Code::Error => Err((name, unknown)),
                        Some((_, unknown)) => Err((REJECTED_FOR_CERTAIN, unknown)),
                    };
                }
            }
        }
        missing.map_or(Ok(()), Err)
    }

    /// Every plugin that rejects the node, not only the first.
    pub(crate) fn filter_all(&self, node: &NodeInfo<'c>) -> Vec<Rejection> {
        self.filters.iter().filter_map(|(name, filter)| Some((*name, filter.filter(node).err()?))).collect()
    }

    /// A copy on which a dry run can move pods.
    pub(crate) fn fork(&self) -> Prepared<'c> {
        Prepared {
            filters: self.filters.iter().map(|(name, filter)| (*name, filter.fork())).collect(),
            among: self.among.clone(),
        }
    }

    /// Tells every filter of a pod that a dry run moved.
    pub(crate) fn moved(&mut self, pod: &PodInfo<'c>, node: &NodeInfo<'c>, change: Move) {
        for (_, filter) in &mut self.filters {
            filter.moved(pod, node, change);
        }
    }
}

/// Stands for the plugin of a node that is rejected for certain while an earlier plugin's answer is missing.
pub(crate) const REJECTED_FOR_CERTAIN: &str = "";
