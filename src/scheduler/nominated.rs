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
    let nominated = cluster.nominated.get(node.name()).map_or(&[][..], Vec::as_slice);
    let coming: Vec<_> = nominated
        .iter()
        .filter(|info| info.pod.priority() >= pod.priority() && info.pod.metadata.uid != pod.metadata.uid)
        .collect();
    if !coming.is_empty() {
        let mut crowded = node.clone();
        let mut prepared = prepared.fork();
        for info in coming {
            crowded.add(info.clone());
            prepared.moved(info, &crowded, Move::Added);
        }
        prepared.filter(&crowded)?;
    }
    prepared.filter(node)
}
