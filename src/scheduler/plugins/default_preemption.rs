//! `plugins/defaultpreemption` and `framework/preemption`: whether evicting pods of lower priority would make room.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Pod, PodDisruptionBudget};
use crate::scheduler::cluster::{Cluster, NodeInfo, PodInfo};
use crate::scheduler::framework::{Code, Move, Prepared, Rejections, Status};
use crate::scheduler::message::{Body, fit_error};
use crate::scheduler::nominated;

pub(crate) const NAME: &str = "DefaultPreemption";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";
/// Candidates sought: a tenth of the nodes where eviction may help, and at least this many.
const MIN_CANDIDATES: usize = 100;

/// Why eviction helps on no node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The node has no pod of lower priority.
    NoVictims,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::NoVictims => "No preemption victims found for incoming pod".into(),
        }
    }
}

/// What came of it.
pub(crate) enum Preemption {
    /// Evicting these pods (`namespace/name`) makes room on the node.
    Nominates { node: String, victims: Vec<String> },
    /// It doesn't help; the text says why.
    Fails(String),
    /// It ends in an error.
    Error(String),
    /// Missing facts decide.
    Unknown(Vec<String>),
}

/// A node on which evicting pods would make room.
struct Candidate<'c> {
    node: &'c str,
    victims: Vec<Arc<PodInfo<'c>>>,
    violations: usize,
}

/// What is told where evicting pods makes room.
pub(crate) fn found(node: &str, victims: usize) -> String {
    format!("preemption: found a potential placement for pod on node {node}, preempting {victims} victims")
}

/// Tries preemption after every node was rejected. `rejections` has the nodes with a status of their own; the others
/// can't be helped.
pub(crate) fn preempt<'c>(
    cluster: &'c Cluster<'c>,
    pod: &Pod,
    prepared: Option<&Prepared<'c>>,
    rejections: &Rejections<'_>,
) -> Preemption {
    if let Some(reason) = ineligible(cluster, pod, rejections) {
        return Preemption::Fails(format!("preemption: {reason}"));
    }
    let mut statuses: BTreeMap<&str, Status> = BTreeMap::new();
    let mut candidates = Vec::new();
    let mut errors = Vec::new();
    let potential: Vec<&NodeInfo<'c>> = cluster
        .nodes
        .iter()
        .enumerate()
        .filter(|(position, _)| rejections.at(*position).is_some_and(|(_, status)| status.code == Code::Unschedulable))
        .map(|(_, node)| &**node)
        .collect();
    let sought = (potential.len() / 10).max(MIN_CANDIDATES);
    for node in potential.into_iter().filter(|_| prepared.is_some()) {
        let Some(prepared) = prepared else { break };
        match victims(cluster, pod, prepared, node) {
            Ok(candidate) if candidate.victims.is_empty() => {
                errors.push(format!("expected at least one victim pod on node {:?}", node.name()));
            }
            Ok(candidate) => candidates.push(candidate),
            Err(status) if status.code == Code::Error => errors.push(status.text()),
            Err(status) => {
                statuses.insert(node.name(), status);
            }
        }
        if candidates.len() >= sought {
            break;
        }
    }
    match select(candidates) {
        Some(candidate) => nominate(&candidate),
        None if !errors.is_empty() => Preemption::Error(format!("preemption: {}", aggregate(&errors))),
        None => fails(cluster, &statuses),
    }
}

/// `utilerrors.Aggregate`: one error as it is, several in brackets.
fn aggregate(errors: &[String]) -> Cow<'_, str> {
    match errors {
        [one] => one.into(),
        several => format!("[{}]", several.join(", ")).into(),
    }
}

fn nominate(candidate: &Candidate<'_>) -> Preemption {
    let name = |info: &Arc<PodInfo<'_>>| format!("{}/{}", info.pod.metadata.namespace, info.pod.metadata.name);
    Preemption::Nominates { node: candidate.node.to_owned(), victims: candidate.victims.iter().map(name).collect() }
}

fn fails(cluster: &Cluster<'_>, statuses: &BTreeMap<&str, Status>) -> Preemption {
    let missing = statuses.values().filter(|status| status.code == Code::Unknown || status.partial);
    let missing: Vec<String> = missing.map(Status::text).collect();
    if !missing.is_empty() {
        return Preemption::Unknown(missing);
    }
    let mut reasons: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
    for reason in statuses.values().flat_map(|status| &status.reasons) {
        *reasons.entry(reason.text()).or_default() += 1;
    }
    let rest = cluster.nodes.len() - statuses.len();
    if rest > 0 {
        *reasons.entry(NOT_HELPFUL.into()).or_default() += rest;
    }
    let text = fit_error(cluster.version, cluster.nodes.len(), &Body::Reasons(reasons), "");
    Preemption::Fails(format!("preemption: {text}"))
}

fn ineligible(cluster: &Cluster<'_>, pod: &Pod, rejections: &Rejections<'_>) -> Option<&'static str> {
    if pod.spec.preemption_policy.as_deref() == Some("Never") {
        return Some("not eligible due to preemptionPolicy=Never.");
    }
    let nominated = pod.status.nominated_node_name.as_str();
    let node = cluster.node(nominated)?;
    let hopeless = rejections.of(nominated).is_none_or(|(_, status)| status.code == Code::Unresolvable);
    let waits = !hopeless
        && node.pods.iter().any(|info| info.pod.priority() < pod.priority() && evicted_by_scheduler(info.pod));
    waits.then_some("not eligible due to a terminating pod on the nominated node.")
}

fn evicted_by_scheduler(pod: &Pod) -> bool {
    pod.metadata.deleting()
        && pod
            .condition("DisruptionTarget")
            .is_some_and(|condition| condition.status == "True" && condition.reason == "PreemptionByScheduler")
}

/// The pods to evict so that the pod fits (`default_preemption.go`, SelectVictimsOnNode): all pods of lower priority
/// go, then as many as possible come back, the most important first.
fn victims<'c>(
    cluster: &'c Cluster<'c>,
    pod: &Pod,
    prepared: &Prepared<'c>,
    node: &NodeInfo<'c>,
) -> Result<Candidate<'c>, Status> {
    let mut lower: Vec<_> = node.pods.iter().filter(|info| info.pod.priority() < pod.priority()).cloned().collect();
    if lower.is_empty() {
        return Err(Status::unresolvable(Reason::NoVictims));
    }
    let mut trial = Trial { cluster, pod, prepared: prepared.fork(), node: node.clone() };
    for info in &lower {
        trial.remove(info);
    }
    trial.fits()?;
    lower.sort_by(|a, b| importance(a.pod).cmp(&importance(b.pod)));
    let (violating, others) = split_by_budgets(cluster, lower);
    let mut victims = Vec::new();
    let mut violations = 0;
    let violating_count = violating.len();
    for (position, info) in violating.into_iter().chain(others).enumerate() {
        trial.add(&info);
        if trial.fits().is_err() {
            trial.remove(&info);
            violations += usize::from(position < violating_count);
            victims.push(info);
        }
    }
    victims.sort_by(|a, b| importance(a.pod).cmp(&importance(b.pod)));
    Ok(Candidate { node: node.name(), victims, violations })
}

/// Sorts the more important pod first: higher priority, then the one that runs longer; a pod that has not started
/// counts as started now (`pkg/scheduler/util/utils.go`, MoreImportantPod).
fn importance(pod: &Pod) -> (Reverse<i32>, bool, &str) {
    let start = pod.status.start_time.as_deref();
    (Reverse(pod.priority()), start.is_none(), start.unwrap_or_default())
}

/// A node on which pods are moved.
struct Trial<'c, 'p> {
    cluster: &'c Cluster<'c>,
    pod: &'p Pod,
    prepared: Prepared<'c>,
    node: NodeInfo<'c>,
}

impl<'c> Trial<'c, '_> {
    fn remove(&mut self, info: &Arc<PodInfo<'c>>) {
        self.node.remove(info);
        self.prepared.moved(info, &self.node, Move::Removed);
    }

    fn add(&mut self, info: &Arc<PodInfo<'c>>) {
        self.node.add(Arc::clone(info));
        self.prepared.moved(info, &self.node, Move::Added);
    }

    fn fits(&self) -> Result<(), Status> {
        nominated::filter(self.cluster, self.pod, &self.prepared, &self.node).map_err(|(_, status)| status)
    }
}

type Pods<'c> = Vec<Arc<PodInfo<'c>>>;

/// Splits pods into those whose eviction would break a disruption budget and the others, in their order.
fn split_by_budgets<'c>(cluster: &'c Cluster<'c>, pods: Pods<'c>) -> (Pods<'c>, Pods<'c>) {
    let budgets = cluster.snapshot.budgets.seen();
    let mut allowed: Vec<i32> = budgets.iter().map(|budget| budget.status.disruptions_allowed).collect();
    pods.into_iter().partition(|info| {
        let mut violated = false;
        for (budget, allowed) in budgets.iter().zip(&mut allowed) {
            if covers(budget, info.pod) {
                *allowed -= 1;
                violated |= *allowed < 0;
            }
        }
        violated
    })
}

fn covers(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    budget.metadata.namespace == pod.metadata.namespace
        && !pod.metadata.labels.is_empty()
        && budget
            .spec
            .selector
            .as_ref()
            .is_some_and(|selector| !selector.is_empty() && selector.matches(&pod.metadata.labels))
        && !budget.status.disrupted_pods.contains_key(&pod.metadata.name)
}

/// The candidate that costs least (`preemption.go`, pickOneNodeForPreemption).
fn select(candidates: Vec<Candidate<'_>>) -> Option<Candidate<'_>> {
    candidates.into_iter().min_by(|a, b| cost(a).cmp(&cost(b)))
}

fn cost<'v>(candidate: &'v Candidate<'_>) -> (usize, i32, i64, usize, Reverse<&'v str>) {
    let priorities = candidate.victims.iter().map(|info| info.pod.priority());
    let highest = priorities.clone().max().unwrap_or(i32::MIN);
    let sum = priorities.map(|priority| i64::from(priority) + i64::from(i32::MAX) + 1).sum();
    let most_important = candidate.victims.iter().filter(|info| info.pod.priority() == highest);
    let earliest = most_important.filter_map(|info| info.pod.status.start_time.as_deref()).min().unwrap_or_default();
    (candidate.violations, highest, sum, candidate.victims.len(), Reverse(earliest))
}
