//! The scheduling framework: what plugins are, and how they filter nodes
//! (`pkg/scheduler/framework/runtime/framework.go`).

use std::collections::BTreeSet;

use super::cluster::{Cluster, NodeInfo, PodInfo};
use super::config::Profile;
use super::obstacle::{Obstacle, lead_with};
pub(crate) use super::status::{Code, Decision, Status};
use crate::model::Pod;

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

    /// All by which the plugin rejects the node; nothing where it takes the node or facts are missing.
    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle>;

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
    /// What stands behind a rejection at PreFilter.
    pub(crate) behind: for<'c> fn(&Cycle<'c>) -> Behind<'c>,
}

/// All by which a plugin rejects a pod before it looks at nodes, and what it would do with them then.
#[derive(Default)]
pub(crate) struct Behind<'c> {
    pub(crate) obstacles: Vec<Obstacle>,
    pub(crate) filter: Option<Box<dyn Filter<'c> + 'c>>,
}

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

/// A node's rejection with the plugin that gave it.
pub(crate) type Rejection = (&'static str, Status);

/// The nodes that were rejected, each with its rejection.
pub(crate) struct Rejections<'c> {
    cluster: &'c Cluster<'c>,
    by_position: Vec<Option<Rejection>>,
}

impl<'c> Rejections<'c> {
    pub(crate) fn new(cluster: &'c Cluster<'c>) -> Self {
        Self { cluster, by_position: vec![None; cluster.nodes.len()] }
    }

    pub(crate) fn insert(&mut self, position: usize, rejection: Rejection) {
        self.by_position[position] = Some(rejection);
    }

    pub(crate) fn len(&self) -> usize {
        self.all().count()
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

    /// All by which every plugin rejects the node, in the order of the plugins, and of each plugin's reasons.
    pub(crate) fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let rejecting = self.filters.iter().filter_map(|(_, filter)| Some((filter, filter.filter(node).err()?)));
        rejecting.flat_map(|(filter, status)| lead_with(&status.reasons, filter.obstacles(node))).collect()
    }

    /// How many plugins' reasons speak against the node: fewer than there are obstacles, as one reason can stand for
    /// several.
    pub(crate) fn reasons_against(&self, node: &NodeInfo<'c>) -> usize {
        let reasons = self.filters.iter().filter_map(|(_, filter)| Some(filter.filter(node).err()?.reasons.len()));
        reasons.sum()
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
