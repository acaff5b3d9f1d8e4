use std::collections::BTreeMap;

use super::reasons::{predicate, rejection, singular};
use crate::diagnosis::context::{Context, OWN_NAME, PodGroup, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::text::{capital, count, named, names};
use crate::model::quantity::short_bytes;
use crate::model::{Kind, Node, ObjectRef};
use crate::scheduler::{NodeVerdict, untolerated};

super::declare_rule! {
    static RULE = {
        name: "no-node-fits",
        summary: "No node takes the pods, for reasons that no other rule explains.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        check: check,
    }
}

/// Groups of nodes that are told apart in a finding.
const SHOWN: usize = 12;

fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut stories: BTreeMap<(ObjectRef, String), Vec<&PodGroup<'_>>> = BTreeMap::new();
    for group in cx.blocked() {
        if group.pods.iter().all(|pod| out.known(&pod_ref(pod))) {
            continue;
        }
        stories.entry((group.subject(), story(cx, group))).or_default().push(group);
    }
    let mut told: BTreeMap<ObjectRef, usize> = BTreeMap::new();
    for ((subject, story), groups) in stories {
        let number = told.entry(subject.clone()).or_default();
        *number += 1;
        let mut finding = finding(cx, subject, &story, &groups);
        if *number > 1 {
            finding.id = format!("{}/{number}", finding.id);
        }
        out.add(finding);
    }
}

/// Nodes with the same plugin and reason, by both.
fn by_reason<'g>(group: &'g PodGroup<'_>) -> BTreeMap<(&'static str, &'g str), Vec<&'g NodeVerdict>> {
    let mut groups: BTreeMap<(&'static str, &str), Vec<&NodeVerdict>> = BTreeMap::new();
    for node in &group.verdict.nodes {
        for reason in &node.reasons {
            groups.entry((node.plugin, reason)).or_default().push(node);
        }
    }
    groups
}

/// Why the pods of a group wait, as the end of a sentence.
fn story(cx: &Context<'_>, group: &PodGroup<'_>) -> String {
    let verdict = &group.verdict;
    if let Some((node, victims)) = &verdict.preemption {
        return format!("no node has room; {} will be evicted from node {node} for it", count(victims.len(), "pod"));
    }
    if let Some(pre_filter) = &verdict.pre_filter {
        let own = &group.lead().metadata.name;
        let text = rejection(&pre_filter.message);
        return if group.pods.len() > 1 { text.replace(own, OWN_NAME) } else { text };
    }
    if cx.snapshot.nodes.seen().is_empty() && verdict.nodes.is_empty() && cx.snapshot.nodes.complete() {
        return "the cluster has no nodes".to_owned();
    }
    if verdict.nodes.is_empty() {
        return verdict.message.clone().unwrap_or_else(|| "the scheduler can't say more".to_owned());
    }
    let mut parts: Vec<(usize, String)> = by_reason(group)
        .into_iter()
        .map(|((plugin, reason), nodes)| {
            let words = predicate(plugin, reason);
            let words = if nodes.len() == 1 { singular(&words) } else { words };
            (nodes.len(), format!("{} {words}", count(nodes.len(), "node")))
        })
        .collect();
    parts.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let parts: Vec<String> = parts.into_iter().map(|(_, part)| part).collect();
    match parts.as_slice() {
        [] => "what the nodes lack is not known".to_owned(),
        parts if parts.iter().any(|part| part.contains(',')) => parts.join("; "),
        parts => names(parts),
    }
}

fn finding(cx: &Context<'_>, subject: ObjectRef, story: &str, groups: &[&PodGroup<'_>]) -> Finding {
    let pods: Vec<&str> = groups.iter().flat_map(|group| group.names()).collect();
    let group = groups[0];
    let severity = if group.verdict.preemption.is_some() { Severity::Warning } else { Severity::Error };
    let what = if group.verdict.pre_filter.is_some() { "can't be scheduled" } else { "fits on no node" };
    let what = if pods.len() == 1 { what } else { what.strip_prefix("fits").map_or(what, |_| "fit on no node") };
    let title = format!("{} {what}: {story}", capital(&named("pod", &pods)));
    let mut finding = Finding::new(RULE.name, severity, subject, title);
    if let Some(pre_filter) = &group.verdict.pre_filter {
        let note = format!("what {} says before it looks at any node", pre_filter.plugin);
        finding = finding.evidence(pod_ref(group.lead()), "", pre_filter.message.clone(), note);
    }
    for ((plugin, reason), nodes) in by_reason(group).into_iter().take(SHOWN) {
        finding = with_nodes(cx, group, (plugin, reason), &nodes, finding);
    }
    if finding.evidence.is_empty() {
        let message = group.verdict.message.clone().unwrap_or_else(|| group.verdict.unknown.join("; "));
        finding = finding.evidence(pod_ref(group.lead()), "", message, "what the scheduler says");
    }
    if !group.verdict.unknown.is_empty() {
        finding = finding.likely();
    }
    finding.explains_all(groups.iter().flat_map(|group| group.objects()))
}

/// One fact for nodes with the same reason, with the figures of the first.
fn with_nodes(
    cx: &Context<'_>,
    group: &PodGroup<'_>,
    (plugin, reason): (&str, &str),
    nodes: &[&NodeVerdict],
    finding: Finding,
) -> Finding {
    let list: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let first = cx.snapshot.nodes.get("", list[0]).found();
    let object = ObjectRef::new(Kind::Node, "", list[0]);
    let who = if list.len() == 1 { String::new() } else { format!("{}: ", named("node", &list)) };
    let (path, value) = match (plugin, reason.strip_prefix("Insufficient ")) {
        ("NodeResourcesFit", Some(resource)) => ("status.allocatable", figures(cx, group, list[0], resource)),
        ("TaintToleration", _) => ("spec.taints", first.map_or_else(String::new, |node| taint(group, node))),
        ("NodeUnschedulable", _) => ("spec.unschedulable", "true".to_owned()),
        _ => ("", reason.to_owned()),
    };
    finding.evidence(object, path, value, format!("{who}{plugin}: {reason}"))
}

fn figures(cx: &Context<'_>, group: &PodGroup<'_>, node: &str, resource: &str) -> String {
    let Some(amounts) = cx.scheduler.amounts(node, resource) else { return String::new() };
    let asked = cx.scheduler.request(group.lead(), resource);
    let show = |amount: i64| match resource {
        "cpu" => format!("{amount}m"),
        "memory" | "ephemeral-storage" => short_bytes(amount),
        _ => amount.to_string(),
    };
    format!("asked {}, free {} of {}", show(asked), show(amounts.allocatable - amounts.used), show(amounts.allocatable))
}

fn taint(group: &PodGroup<'_>, node: &Node) -> String {
    let found = untolerated(&node.spec.taints, &group.lead().spec.tolerations);
    found.map_or_else(String::new, |taint| {
        let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
        format!("{}{value}:{}", taint.key, taint.effect)
    })
}
