//! `plugins/tainttoleration`: nodes with fewer taints that are better not met.

use super::normalized;
use crate::model::pod::Toleration;
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::Cycle;
use crate::scheduler::plugins::taint_toleration::tolerates;

const PREFER: &str = "PreferNoSchedule";

pub(super) fn scores<'c>(cycle: &Cycle<'c>, nodes: &[&NodeInfo<'c>]) -> Option<Vec<i64>> {
    let tolerations = cycle.pod.spec.tolerations.iter();
    let tolerations: Vec<&Toleration> =
        tolerations.filter(|one| one.effect.is_empty() || one.effect == PREFER).collect();
    let count = |node: &&NodeInfo<'c>| {
        let taints = node.node.spec.taints.iter().filter(|taint| taint.effect == PREFER);
        let met = taints.filter(|taint| !tolerations.iter().any(|one| tolerates(one, taint)));
        i64::try_from(met.count()).unwrap_or(i64::MAX)
    };
    Some(normalized(nodes.iter().map(count).collect(), true))
}
