//! Nodes that are drained or lost: whether all that runs there finds a place again, with its volumes.

use std::collections::BTreeSet;

use super::placement::Placement;
use super::state::State;
use crate::model::node::{Taint, UNSCHEDULABLE_TAINT};
use crate::model::{Node, Pod, PodDisruptionBudget};
use crate::scheduler::Scheduler;

/// Marks the mirror of a pod that a kubelet runs by itself.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// What the eviction API says of a pod whose budget allows none (`pkg/registry/core/pod/storage/eviction.go`).
const BUDGET: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

/// Which nodes go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leaving {
    /// Nodes that are drained.
    pub(crate) drained: Vec<String>,
    /// The zones whose nodes are lost.
    pub(crate) zones: Vec<String>,
}

impl Leaving {
    pub(crate) fn is_empty(&self) -> bool {
        self.drained.is_empty() && self.zones.is_empty()
    }
}

/// What becomes of a pod whose node goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) from: String,
    /// Its successor, where something makes one.
    pub(crate) successor: Option<String>,
    /// The successor's node.
    pub(crate) to: Option<String>,
    /// Why it has none, or why the pod stays where it is.
    pub(crate) blocked: Option<String>,
}

/// The nodes that go, of those that there are; and the names that are none.
pub(crate) fn nodes(state: &State, leaving: &Leaving) -> (BTreeSet<String>, BTreeSet<String>, Vec<String>) {
    let in_zone = |node: &Node| {
        let labels = &node.metadata.labels;
        let zone = labels.get("topology.kubernetes.io/zone").or(labels.get("failure-domain.beta.kubernetes.io/zone"));
        zone.is_some_and(|zone| leaving.zones.contains(zone))
    };
    let all = state.snapshot.nodes.seen();
    let lost: BTreeSet<String> =
        all.iter().filter(|node| in_zone(node)).map(|node| node.metadata.name.clone()).collect();
    let there = |name: &&String| state.snapshot.nodes.get("", name).found().is_some();
    let drained: BTreeSet<String> = leaving.drained.iter().filter(there).cloned().collect();
    let mut unknown: Vec<String> = leaving.drained.iter().filter(|name| !there(name)).cloned().collect();
    let zone_there =
        |zone: &&String| all.iter().any(|node| node.metadata.labels.get("topology.kubernetes.io/zone") == Some(*zone));
    unknown.extend(leaving.zones.iter().filter(|zone| !zone_there(zone)).cloned());
    (drained, lost, unknown)
}

/// Takes nodes away: drained ones take no new pods, lost ones are gone.
pub(crate) fn close(state: &mut State, drained: &BTreeSet<String>, lost: &BTreeSet<String>) {
    for name in drained {
        let Some(node) = state.snapshot.nodes.get("", name).found() else { continue };
        let mut node = Node::clone(node);
        node.spec.unschedulable = true;
        if node.spec.taints.iter().all(|taint| taint.key != UNSCHEDULABLE_TAINT) {
            let (key, effect) = (UNSCHEDULABLE_TAINT.to_owned(), "NoSchedule".to_owned());
            node.spec.taints.push(Taint { key, effect, ..Taint::default() });
        }
        state.snapshot.nodes.insert(node);
    }
    for name in lost {
        state.snapshot.nodes.remove("", name);
        state.snapshot.csi_nodes.remove("", name);
    }
    state.openings += 1;
}

/// Moves the pods: those of lost nodes at once, those of drained ones one after the other, as their disruption budgets
/// let them go.
pub(crate) fn run(
    state: &mut State,
    placement: &mut Placement<'_>,
    drained: &BTreeSet<String>,
    lost: &BTreeSet<String>,
) -> Vec<Move> {
    let mut moves: Vec<Move> = on(state, lost).into_iter().map(|pod| leave(state, &pod)).collect();
    placement.pass(state);
    let mut going: Vec<(Pod, usize)> = Vec::new();
    for pod in on(state, drained) {
        if allowed(state, &pod, &going, &moves) {
            moves.push(leave(state, &pod));
            going.push((pod, moves.len() - 1));
            placement.pass(state);
        } else {
            moves.push(stays(&pod));
        }
    }
    moves
}

/// Fills in where the successors are.
pub(crate) fn tell(state: &State, scheduler: &Scheduler<'_>, moves: &mut [Move]) {
    for one in moves.iter_mut() {
        let successor = one.successor.as_ref().and_then(|name| state.snapshot.pods.get(&one.namespace, name).found());
        let Some(pod) = successor else { continue };
        if pod.assigned() {
            one.to = Some(pod.spec.node_name.clone());
        } else {
            let verdict = scheduler.judge(pod);
            let why = verdict.message.clone().unwrap_or_else(|| verdict.unknown.join("; "));
            one.blocked = Some(why);
        }
    }
}

/// The pods on nodes that a drain moves: not those of DaemonSets, and not mirrors.
fn on(state: &State, nodes: &BTreeSet<String>) -> Vec<Pod> {
    let daemon = |pod: &Pod| pod.metadata.controller().is_some_and(|owner| owner.kind == "DaemonSet");
    let pods = state.snapshot.pods.seen().iter();
    let pods = pods.filter(|pod| nodes.contains(&pod.spec.node_name) && !pod.finished() && !pod.metadata.deleting());
    let pods = pods.filter(|pod| !daemon(pod) && !pod.metadata.annotations.contains_key(MIRROR));
    let mut pods: Vec<Pod> = pods.map(|pod| Pod::clone(pod)).collect();
    pods.sort_by_cached_key(|pod| (pod.spec.node_name.clone(), state.age(pod)));
    pods
}

fn leave(state: &mut State, pod: &Pod) -> Move {
    let (namespace, name) = (pod.metadata.namespace.clone(), pod.metadata.name.clone());
    let successor = state.make_anew(pod);
    let blocked = successor.is_none().then(|| "nothing makes the pod anew".to_owned());
    Move { namespace, name, from: pod.spec.node_name.clone(), successor, to: None, blocked }
}

fn stays(pod: &Pod) -> Move {
    Move {
        namespace: pod.metadata.namespace.clone(),
        name: pod.metadata.name.clone(),
        from: pod.spec.node_name.clone(),
        successor: None,
        to: None,
        blocked: Some(BUDGET.to_owned()),
    }
}

/// Whether the pod's disruption budgets let it go: each allows so many, less those that have gone and have no place yet.
fn allowed(state: &State, pod: &Pod, going: &[(Pod, usize)], moves: &[Move]) -> bool {
    let waits = |position: &usize| {
        let one = moves.get(*position);
        let successor = one.and_then(|one| state.snapshot.pods.get(&one.namespace, one.successor.as_ref()?).found());
        successor.is_none_or(|pod| !pod.assigned())
    };
    let selects = |budget: &PodDisruptionBudget, pod: &Pod| {
        budget.spec.selector.as_ref().is_some_and(|selector| selector.matches(&pod.metadata.labels))
    };
    let budgets = state.snapshot.budgets.in_namespace(&pod.metadata.namespace).iter();
    budgets.filter(|budget| selects(budget, pod)).all(|budget| {
        let away = going.iter().filter(|(gone, position)| {
            gone.metadata.namespace == pod.metadata.namespace && selects(budget, gone) && waits(position)
        });
        i64::from(budget.status.disruptions_allowed) > i64::try_from(away.count()).unwrap_or(i64::MAX)
    })
}
