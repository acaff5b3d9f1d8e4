//! `plugins/noderesources`: nodes that have more left, and whose CPU and memory are used alike.

use super::MOST;
use crate::model::version::Version;
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::Cycle;
use crate::scheduler::resources::{non_zero, requests};

/// The first release that ranks by how much the balance gains.
const GAIN: Version = Version::new(1, 35);

/// CPU and memory.
type Pair = [i64; 2];

fn allocatable(node: &NodeInfo<'_>) -> Pair {
    [node.allocatable.cpu, node.allocatable.memory]
}

/// LeastAllocated, in which a container that asks for nothing counts with 100m and 200Mi.
pub(super) fn least_allocated<'c>(cycle: &Cycle<'c>, nodes: &[&NodeInfo<'c>]) -> Option<Vec<i64>> {
    Some(nodes.iter().map(|node| left(cycle, node)).collect())
}

/// The share of CPU and memory that is left on a node once it has the pod.
pub(super) fn left(cycle: &Cycle<'_>, node: &NodeInfo<'_>) -> i64 {
    let version = cycle.cluster.version;
    let (own, present) = (non_zero(cycle.pod, version), node.non_zero(version));
    let asked = [present[0] + own[0], present[1] + own[1]];
    let there = allocatable(node);
    let left = asked.iter().zip(there).filter(|(_, there)| *there > 0);
    let shares: Vec<i64> =
        left.map(|(asked, there)| if *asked > there { 0 } else { (there - asked) * MOST / there }).collect();
    shares.iter().sum::<i64>().checked_div(i64::try_from(shares.len()).unwrap_or(0)).unwrap_or(0)
}

/// NodeResourcesBalancedAllocation; pods that ask for neither are not ranked by it.
pub(super) fn balanced<'c>(cycle: &Cycle<'c>, nodes: &[&NodeInfo<'c>]) -> Option<Vec<i64>> {
    let version = cycle.cluster.version;
    let own = requests(cycle.pod, version);
    let own = [own.cpu, own.memory];
    if own == [0, 0] {
        return None;
    }
    let score = |node: &&NodeInfo<'c>| {
        let before = [node.requested.cpu, node.requested.memory];
        let after = [before[0] + own[0], before[1] + own[1]];
        let with = balance(after, allocatable(node));
        match version >= GAIN {
            true => MOST / 2 + (MOST / 2 + with - balance(before, allocatable(node))) / 2,
            false => with,
        }
    };
    Some(nodes.iter().map(score).collect())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "as upstream")]
fn balance(asked: Pair, there: Pair) -> i64 {
    let shares = asked.iter().zip(there).filter(|(_, there)| *there > 0);
    let shares: Vec<f64> = shares.map(|(asked, there)| (*asked as f64 / there as f64).min(1.0)).collect();
    let deviation = match shares.as_slice() {
        [cpu, memory] => ((cpu - memory) / 2.0).abs(),
        _ => 0.0,
    };
    ((1.0 - deviation) * MOST as f64) as i64
}
