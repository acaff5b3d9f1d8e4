use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::everywhere::everywhere;
use super::pinned::pinned;
use super::under_way::under_way;
use super::volume_remedies;
use crate::diagnosis::context::{Context, OWN_NAME, PodGroup, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::in_the_way::{InTheWay, NodeSet};
use crate::diagnosis::looks;
use crate::diagnosis::obstacle_words::clause;
use crate::diagnosis::out::Out;
use crate::diagnosis::text::{count, either, named, names};
use crate::diagnosis::who::Who;
use crate::model::{Kind, ObjectRef};
use crate::scheduler::obstacle::{NoVolume, amount};
use crate::scheduler::{Fact, Obstacle};

crate::rules::declare_rule! {
    static RULE = {
        name: "no-node-fits",
        summary: "No node takes the pods, for reasons that no other rule explains.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        rejected_pods: true,
        stage: Rest,
        check: check,
    }
}

/// Sets of nodes that a title tells; the evidence has more.
const IN_TITLE: usize = 3;
/// Facts of a finding about nodes.
const FACTS: usize = 16;
/// Reasons that are named of nodes that a title leaves out.
const CLOSED_BY: usize = 2;
/// A title gets no further set of nodes once it is as long, in bytes.
const LONG: usize = 260;

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let blocked = cx.blocked().filter(|group| !group.pods.iter().all(|pod| out.known(&pod_ref(pod))));
    let blocked: Vec<&PodGroup<'_>> = blocked.collect();
    let mut stories: BTreeMap<String, (Rc<InTheWay>, Vec<&PodGroup<'_>>)> = BTreeMap::new();
    let mut findings: Vec<(Finding, &PodGroup<'_>)> = Vec::new();
    for group in blocked {
        match under_way(cx, RULE.name, group) {
            Some(finding) => findings.push((finding, group)),
            None => {
                let way = cx.in_the_way(group);
                let story = told(cx, group, &way);
                stories.entry(story).or_insert_with(|| (way, Vec::new())).1.push(group);
            }
        }
    }
    for (story, (way, groups)) in stories {
        findings.push((finding(cx, groups[0].subject(), &story, &way, &groups), groups[0]));
    }
    let ids: Vec<String> = findings.iter().map(|(finding, _)| finding.id.clone()).collect();
    for (mut finding, group) in findings {
        if ids.iter().filter(|id| **id == finding.id).count() > 1 {
            finding.id = format!("{}/{}", finding.id, group.lead().metadata.name);
        }
        out.add(finding);
    }
}

/// Why the pods of a group wait, as the end of a sentence.
pub(in crate::rules) fn story(cx: &Context<'_>, group: &PodGroup<'_>) -> String {
    told(cx, group, &cx.in_the_way(group))
}

fn told(cx: &Context<'_>, group: &PodGroup<'_>, way: &InTheWay) -> String {
    let verdict = &group.verdict;
    if let Some((node, victims)) = &verdict.preemption {
        return format!("no node has room; {} will be evicted from node {node} for it", count(victims.len(), "pod"));
    }
    if cx.snapshot.nodes.seen().is_empty() && verdict.nodes.is_empty() && cx.snapshot.nodes.complete() {
        let presumed = cx.presumes_none(Kind::Node);
        return if presumed { "there is none in the dump" } else { "the cluster has no nodes" }.to_owned();
    }
    let told = if way.of_pod.is_empty() { of_nodes(cx, way) } else { of_pod(way) };
    match told {
        Some(text) if group.pods.len() > 1 => text.replace(&group.lead().metadata.name, OWN_NAME),
        Some(text) => text,
        None => verdict.message.clone().unwrap_or_else(|| "what the nodes lack is not known".to_owned()),
    }
}

/// What rejects the pod before any node is looked at; several plugins can find the same.
fn of_pod(way: &InTheWay) -> Option<String> {
    let mut clauses: Vec<String> = Vec::new();
    for obstacle in &way.of_pod {
        let clause = clause(obstacle);
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    }
    (!clauses.is_empty()).then(|| clauses.join("; "))
}

fn of_nodes(cx: &Context<'_>, way: &InTheWay) -> Option<String> {
    if let Some(told) = everywhere(cx, way).or_else(|| pinned(way).map(|pinned| pinned.told())) {
        return Some(told);
    }
    let mut parts: Vec<String> = Vec::new();
    let mut left: Vec<&NodeSet> = Vec::new();
    for set in &way.sets {
        let length: usize = parts.iter().map(String::len).sum();
        if parts.len() < IN_TITLE && length < LONG {
            parts.push(on_nodes(set, parts.is_empty()));
        } else {
            left.push(set);
        }
    }
    if !left.is_empty() {
        parts.push(closed(&left));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// `3 more nodes are closed (it is cordoned, and 2 other reasons)`.
fn closed(sets: &[&NodeSet]) -> String {
    let nodes: usize = sets.iter().map(|set| set.nodes.len()).sum();
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for (clause, size) in sets.iter().flat_map(|set| set.obstacles.iter().map(|it| (clause(it), set.nodes.len()))) {
        match reasons.iter_mut().find(|(known, _)| *known == clause) {
            Some((_, nodes)) => *nodes += size,
            None => reasons.push((clause, size)),
        }
    }
    reasons.sort_by_key(|(_, nodes)| Reverse(*nodes));
    let others = reasons.len().saturating_sub(CLOSED_BY);
    let mut told: Vec<String> = reasons.into_iter().take(CLOSED_BY).map(|(clause, _)| clause).collect();
    if others > 0 {
        told.push(count(others, "other reason"));
    }
    format!("{} more {} closed ({})", count(nodes, "node"), either(nodes, "is", "are"), told.join("; "))
}

/// `closest is worker-4, where only this is in the way: it is cordoned`, and of other nodes `3 nodes: it is cordoned`.
fn on_nodes(set: &NodeSet, closest: bool) -> String {
    let mut clauses: Vec<String> = Vec::new();
    for clause in set.obstacles.iter().map(clause) {
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    }
    let all = clauses.join(", and ");
    match (set.nodes.as_slice(), closest) {
        ([one], false) => format!("{one}: {all}"),
        (many, false) => format!("{}: {all}", count(many.len(), "node")),
        (nodes, true) => {
            let only = if clauses.len() == 1 { ", where only this is in the way" } else { "" };
            format!("closest {} {}{only}: {all}", either(nodes.len(), "is", "are"), names(nodes))
        }
    }
}

fn finding(cx: &Context<'_>, subject: ObjectRef, story: &str, way: &InTheWay, groups: &[&PodGroup<'_>]) -> Finding {
    let pods: Vec<&str> = groups.iter().flat_map(|group| group.names()).collect();
    let group = groups[0];
    let severity = if group.verdict.preemption.is_some() { Severity::Warning } else { Severity::Error };
    let who = Who::new("pod", &pods);
    let title = match group.verdict.pre_filter {
        Some(_) => format!("{who} can't be scheduled: {story}"),
        None => format!("{} on no node: {story}", who.does("fit")),
    };
    let mut finding = Finding::new(RULE.name, severity, subject, title);
    for obstacle in &way.of_pod {
        let note = format!("{}: {}", obstacle.reason.plugin(), obstacle.reason);
        finding = finding.evidence(obstacle.object.clone(), obstacle.path.clone(), obstacle.present.clone(), note);
    }
    finding = with_nodes(way, finding);
    if finding.evidence.is_empty() {
        let message = group.verdict.message.clone().unwrap_or_else(|| group.verdict.unknown.join("; "));
        finding = finding.evidence(pod_ref(group.lead()), "", message, "what the scheduler says");
    }
    if !group.verdict.unknown.is_empty() {
        finding = finding.likely();
    }
    let closest =
        pinned(way).and_then(|pinned| pinned.node()).or_else(|| way.closest().find_map(|set| set.nodes.first()));
    let closest = closest.filter(|_| way.of_pod.is_empty());
    let node = closest.map(|node| ObjectRef::new(Kind::Node, "", node));
    let look = looks::closer(cx, [pod_ref(group.lead()), finding.object.clone()].into_iter().chain(node).collect());
    let finding = volume_remedies::with_volumes(cx, way, finding);
    let finding = volume_remedies::with_age(cx, way, group.lead(), finding);
    finding
        .explains_all(groups.iter().flat_map(|group| group.objects()))
        .with_remedies(volume_remedies::remedies(cx, way, group.lead()))
        .with_remedies(look)
}

/// A fact for each obstacle of each set of nodes, the closest first, then who holds what is short there.
pub(super) fn with_nodes(way: &InTheWay, mut finding: Finding) -> Finding {
    let mut left = FACTS;
    for set in &way.sets {
        for obstacle in &set.obstacles {
            if left == 0 {
                break;
            }
            left -= 1;
            finding = with_obstacle(set, obstacle, finding);
        }
    }
    let closest = way.sets.first().into_iter().flat_map(|set| set.obstacles.iter().map(move |one| (set, one)));
    for (set, obstacle) in closest {
        finding = with_holders(set, obstacle, finding);
    }
    finding
}

fn with_obstacle(set: &NodeSet, obstacle: &Obstacle, finding: Finding) -> Finding {
    let who = named("node", &set.nodes);
    let note = format!("{who}: {} ({})", obstacle.reason, obstacle.reason.plugin());
    let value = match &obstacle.fact {
        Fact::VolumeAffinity { .. } | Fact::Zone { .. } | Fact::NoVolume { why: NoVolume::NotAllowed { .. }, .. } => {
            format!("{}; the node has {}", obstacle.wanted, obstacle.present)
        }
        _ => format!("{}, wanted: {}", obstacle.present, obstacle.wanted),
    };
    let object = match (&obstacle.fact, set.nodes.first()) {
        (Fact::Cordoned, Some(node)) => ObjectRef::new(Kind::Node, "", node),
        _ => obstacle.object.clone(),
    };
    finding.evidence(object, obstacle.path.clone(), value, note)
}

fn with_holders(set: &NodeSet, obstacle: &Obstacle, mut finding: Finding) -> Finding {
    let node = set.nodes.first().map_or("", String::as_str);
    if let Fact::Resource { name, holders, .. } = &obstacle.fact {
        for (pod, held) in holders {
            let note = format!("holds most of the {name} on {node}");
            finding = finding.evidence(pod.clone(), "spec.containers[*].resources.requests", amount(name, *held), note);
        }
    }
    finding
}
