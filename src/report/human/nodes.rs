//! What each node says to the pods, nodes and pods with the same answer grouped.

use std::collections::BTreeMap;

use super::words::{NAMES, count, local, names};
use super::{Screen, Tone};
use crate::report::document::{PodEntry, Report};
use crate::scheduler::{NodeVerdict, Outcome, Reason};

/// Groups of pods that are all written out; of more only the first few are.
const GROUPS: usize = 4;
const FEW: usize = 2;
/// Nodes that a row names.
const NODES: usize = 3;
/// Pods that a heading names.
const PODS: usize = 4;

/// Pods of which the same is to be said.
struct Group<'r> {
    pods: Vec<&'r PodEntry<'r>>,
}

impl<'r> Group<'r> {
    fn first(&self) -> &'r PodEntry<'r> {
        self.pods[0]
    }

    /// Pods with one verdict share its nodes, so that comparing the address is enough for most.
    fn takes(&self, pod: &PodEntry) -> bool {
        let first = self.first();
        first.verdict == pod.verdict
            && first.placed == pod.placed
            && first.message == pod.message
            && observed(first) == observed(pod)
            && (std::ptr::eq(first.nodes.all, pod.nodes.all) || first.nodes.all == pod.nodes.all)
    }
}

/// Writes a table for each group of pods.
pub(super) fn write(report: &Report, screen: &mut Screen) {
    let groups = groups(report);
    let shown = if groups.len() > GROUPS { FEW } else { groups.len() };
    for group in &groups[..shown] {
        write_group(report, group, screen);
    }
    if groups.len() > shown {
        let rest: usize = groups[shown..].iter().map(|group| group.pods.len()).sum();
        screen.gap();
        screen.paragraph(0, &format!("… and {} with other verdicts; -o json has them all", count(rest, "pod")));
    }
}

fn groups<'r>(report: &'r Report<'r>) -> Vec<Group<'r>> {
    let mut groups: Vec<Group> = Vec::new();
    for pod in report.pods.iter() {
        match groups.iter_mut().find(|group| group.takes(pod)) {
            Some(group) => group.pods.push(pod),
            None => groups.push(Group { pods: vec![pod] }),
        }
    }
    groups
}

/// What a pod that some node takes waits for, as the end of a sentence about it.
fn placeable(pod: &PodEntry<'_>, pods: usize) -> String {
    match pod.placed {
        Some(node) => {
            format!("placed on {node}, where {} for volumes", if pods == 1 { "it waits" } else { "they wait" })
        }
        None => format!("some node takes {} now", if pods == 1 { "it" } else { "them" }),
    }
}

fn write_group(report: &Report, group: &Group, screen: &mut Screen) {
    let pod = group.first();
    let members: Vec<String> =
        group.pods.iter().map(|pod| local(report.source.namespace, pod.namespace, pod.name)).collect();
    let subject = format!("{} {}", if members.len() == 1 { "Pod" } else { "Pods" }, names(&members, PODS));
    screen.gap();
    match pod.verdict {
        Outcome::Unschedulable => screen.styled(Tone::Heading, 0, &format!("{subject}, node by node")),
        Outcome::Schedulable => return screen.paragraph(0, &format!("{subject}: {}", placeable(pod, members.len()))),
        Outcome::SchedulingGated => return screen.paragraph(0, &format!("{subject}: held back by scheduling gates")),
        Outcome::OtherScheduler => return screen.paragraph(0, &format!("{subject}: left to another scheduler")),
        Outcome::Unknown => screen.styled(Tone::Heading, 0, &format!("{subject}: no certain verdict")),
    }
    if let Some(rejection) = &pod.pre_filter {
        screen.paragraph(
            2,
            &format!("{} rejects it before any node is looked at: {}", rejection.plugin, rejection.message),
        );
    }
    if !pod.nodes.all.is_empty() {
        screen.table(2, &["NODES", "PLUGIN", "REASON", "WHICH"], &rows(pod.nodes.all));
    }
    if let Some(preemption) = &pod.preemption {
        let victims = names(preemption.victims, NAMES);
        screen.paragraph(2, &format!("Preemption would make room on {} by evicting {victims}.", preemption.node));
    }
    for line in pod.unknown.iter().take(NAMES) {
        screen.item(2, "not known:", line);
    }
    messages(pod, screen);
}

/// A row for all nodes of which the same is told.
fn rows(nodes: &[NodeVerdict]) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for node in nodes {
        groups.entry((node.plugin, reason(node))).or_default().push(&node.name);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    let row = |((plugin, reason), members): ((&str, String), Vec<&str>)| {
        vec![members.len().to_string(), plugin.to_owned(), reason, names(&members, NODES)]
    };
    groups.into_iter().map(row).collect()
}

fn reason(node: &NodeVerdict) -> String {
    match (node.fits, node.reasons.is_empty()) {
        (Some(true), _) => "takes the pod".to_owned(),
        (_, false) => node.reasons.iter().map(Reason::text).collect::<Vec<_>>().join("; "),
        (Some(false), true) => "rejects the pod".to_owned(),
        (None, true) => "not known".to_owned(),
    }
}

/// What kube-scheduler would write now, and what it did write where that differs.
fn messages(pod: &PodEntry, screen: &mut Screen) {
    let observed = observed(pod);
    if let Some(message) = pod.message {
        let lead = if observed == Some(message) { "kube-scheduler says:" } else { "kube-scheduler would say now:" };
        screen.styled(Tone::Faint, 2, lead);
        screen.paragraph(4, message);
    }
    if observed.is_some() && observed != pod.message {
        let since = pod.observed.as_ref().and_then(|observed| observed.since);
        let since = since.map(|since| format!(" (since {since})")).unwrap_or_default();
        screen.styled(Tone::Faint, 2, &format!("The cluster says{since}:"));
        screen.paragraph(4, observed.unwrap_or_default());
    }
}

/// What the cluster says of the pod; empty texts say nothing.
fn observed<'r>(pod: &PodEntry<'r>) -> Option<&'r str> {
    pod.observed.as_ref().map(|observed| observed.message).filter(|message| !message.is_empty())
}
