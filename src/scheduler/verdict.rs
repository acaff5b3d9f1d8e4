//! What kube-scheduler decides of a pod.

use std::borrow::Cow;

use serde::Serialize;

use super::reason::Reason;

/// The outcome of one scheduling attempt on the state as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Outcome {
    /// No node takes the pod, or the attempt ends in an error.
    Unschedulable,
    /// Some node takes the pod.
    Schedulable,
    /// The pod has scheduling gates.
    SchedulingGated,
    /// The pod names a scheduler that is not kube-scheduler's.
    OtherScheduler,
    /// Facts that decide are missing.
    Unknown,
}

/// Why one node doesn't take the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeVerdict {
    pub name: String,
    /// The plugin that rejected the node, under its upstream name; empty where the node fits or nothing can be said.
    pub plugin: &'static str,
    /// The plugin's reasons, byte for byte; empty where the node fits or the reasons can't be known.
    pub reasons: Vec<Reason>,
    /// Whether evicting pods could help (upstream's status is not `UnschedulableAndUnresolvable`).
    pub resolvable: bool,
    /// Whether the node takes the pod; `None` where that can't be known.
    pub fits: Option<bool>,
}

impl NodeVerdict {
    /// The plugin's reasons, byte for byte.
    pub fn texts(&self) -> Vec<Cow<'_, str>> {
        self.reasons.iter().map(Reason::text).collect()
    }

    /// Whether the same is told of the node, whatever the facts behind it.
    pub fn told_as(&self, other: &NodeVerdict) -> bool {
        (&self.name, self.plugin, self.fits, self.resolvable)
            == (&other.name, other.plugin, other.fits, other.resolvable)
            && self.texts() == other.texts()
    }
}

/// A rejection before any node was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreFilterRejection {
    pub plugin: &'static str,
    /// The plugin's reasons; empty where missing facts hide them.
    pub reasons: Vec<Reason>,
    /// The text that the scheduler would write, or what hides it.
    pub message: String,
}

/// The verdict on one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodVerdict {
    pub outcome: Outcome,
    /// What kube-scheduler would write into the PodScheduled condition now; `None` where it would write nothing or
    /// where the text can't be known.
    pub message: Option<String>,
    /// Whether the attempt ends in an error (condition reason `SchedulerError`) and not in a rejection.
    pub error: bool,
    pub pre_filter: Option<PreFilterRejection>,
    /// One entry a node, sorted by name; empty where a PreFilter plugin rejected the pod.
    pub nodes: Vec<NodeVerdict>,
    /// The node that the scheduler has chosen already: the pod waits for its volumes there (PreBind).
    pub placed: Option<String>,
    /// The node on which preemption would make room, with the pods it would evict (`namespace/name`).
    pub preemption: Option<(String, Vec<String>)>,
    /// What was missing, one line each, sorted; empty where the verdict is certain.
    pub unknown: Vec<String>,
}

impl PodVerdict {
    /// A verdict with nothing but its outcome.
    pub fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            message: None,
            error: false,
            pre_filter: None,
            nodes: Vec::new(),
            placed: None,
            preemption: None,
            unknown: Vec::new(),
        }
    }
}
