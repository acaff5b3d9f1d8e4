//! Filters with the pods that are nominated to a node (`runtime/framework.go`, RunFilterPluginsWithNominatedPods).

use super::cluster::{Cluster, NodeInfo};
use super::framework::{Move, Prepared, Rejection};
use crate::model::Pod;

/// Runs the filters on a node, first as if the pods nominated to it with the same or a higher priority were there.
pub(crate) fn filter<'c>(
    cluster: &'c Cluster<'c>,
    pod: &Pod,
    prepared: &Prepared<'c>,
    node: &NodeInfo<'c>,
) -> Result<(), Rejection> {
    if let Some((prepared, crowded)) = crowded(cluster, pod, prepared, node) {
        prepared.filter(&crowded)?;
    }
    prepared.filter(node)
}

/// The node as if those pods were there, with filters that have seen them come; `None` where there are none.
pub(crate) fn crowded<'c>(
    cluster: &'c Cluster<'c>,
    pod: &Pod,
    prepared: &Prepared<'c>,
    node: &NodeInfo<'c>,
) -> Option<(Prepared<'c>, NodeInfo<'c>)> {
    let goes_first = |other: &Pod| other.priority() >= pod.priority() && other.metadata.uid != pod.metadata.uid;
    let mut coming = cluster.nominated.get(node.name())?.iter().filter(|info| goes_first(info.pod)).peekable();
    coming.peek()?;
    let (mut prepared, mut crowded) = (prepared.fork(), node.clone());
    for info in coming {
        crowded.add(info.clone());
        prepared.moved(info, &crowded, Move::Added);
    }
    Some((prepared, crowded))
}
