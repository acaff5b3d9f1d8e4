use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::scale_up;
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::obstacle_words::clause;
use crate::diagnosis::out::Out;
use crate::diagnosis::who::Who;
use crate::model::{Kind, ObjectRef};
use crate::scheduler::obstacle::amount;
use crate::scheduler::{Explanation, Fact};

crate::rules::declare_rule! {
    static RULE = {
        name: "exceeds-any-node",
        summary: "Pods ask for more of a resource than any node has in all.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        rejected_pods: true,
        stage: Obstacle,
        check: check,
    }
}

/// Groups of pods whose requests are shown.
const SHOWN: usize = 4;

/// The node that has most of a resource in all.
struct Largest<'a> {
    node: &'a str,
    allocatable: i64,
}

/// Pods of one controller with what each of them asks for.
struct Asking<'c, 'a> {
    group: &'c PodGroup<'a>,
    asked: i64,
    /// What else is in the way on the node that has most.
    besides: Vec<String>,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut largest = Largests::default();
    let mut by_resource: BTreeMap<String, Vec<Asking<'_, '_>>> = BTreeMap::new();
    for group in cx.blocked().filter(|group| !scale_up::comes(cx, group)) {
        let Some(explanation) = cx.scheduler.explain(group.lead()) else { continue };
        let known = group.pods.iter().all(|pod| out.known(&pod_ref(pod)));
        for name in cx.scheduler.requested(group.lead()) {
            let Some(top) = largest.of(cx, name).filter(|top| top.allocatable > 0 || !known) else { continue };
            if let Some((asked, besides)) = exceeding(&explanation, name, top) {
                by_resource.entry(name.to_owned()).or_default().push(Asking { group, asked, besides });
            }
        }
    }
    for (name, asking) in by_resource {
        if let Some(top) = largest.of(cx, &name) {
            out.add(finding(&name, top, &asking));
        }
    }
}

/// The nodes that have most, by resource; each is looked for once.
#[derive(Default)]
struct Largests<'a>(BTreeMap<String, Option<Largest<'a>>>);

impl<'a> Largests<'a> {
    fn of(&mut self, cx: &Context<'a>, name: &str) -> Option<&Largest<'a>> {
        self.0.entry(name.to_owned()).or_insert_with(|| largest(cx, name)).as_ref()
    }
}

/// The first by name of the nodes that have most; `None` where there is no node.
fn largest<'a>(cx: &Context<'a>, name: &str) -> Option<Largest<'a>> {
    let nodes = cx.snapshot.nodes.seen().iter().map(|node| node.metadata.name.as_str());
    let with = nodes.filter_map(|node| {
        let allocatable = cx.scheduler.amounts(node, name)?.allocatable;
        Some(Largest { node, allocatable })
    });
    with.min_by_key(|one| (Reverse(one.allocatable), one.node))
}

/// What is asked, where the scheduler finds it to be more than the node has in all, and what else is in the way there.
fn exceeding(explanation: &Explanation<'_>, resource: &str, top: &Largest<'_>) -> Option<(i64, Vec<String>)> {
    let mut found = None;
    let mut besides = Vec::new();
    for obstacle in explanation.node(top.node) {
        match &obstacle.fact {
            Fact::Resource { name, asked, allocatable, .. } if name == resource => {
                found = (asked > allocatable).then_some(*asked);
            }
            _ => besides.push(clause(&obstacle)),
        }
    }
    Some((found?, besides))
}

fn finding(name: &str, top: &Largest<'_>, asking: &[Asking<'_, '_>]) -> Finding {
    let pods: Vec<&str> = asking.iter().flat_map(|one| one.group.names()).collect();
    let fits = Who::new("pod", &pods).does("fit");
    let show = |value: i64| amount(name, value);
    let title = match top.allocatable {
        0 => format!("{fits} on no node: {} {name} asked, which no node offers", range(name, asking)),
        most => format!(
            "{fits} on no node: {} {name} asked, more than any node has in all (the largest, {}, has {})",
            range(name, asking),
            top.node,
            show(most)
        ),
    };
    let mut finding = RULE.finding(asking[0].group.subject(), title);
    finding.id = format!("{}/{name}", finding.id);
    for one in asking.iter().take(SHOWN) {
        let note = match one.besides.as_slice() {
            [] => format!("asked; nothing else is in the way on {}", top.node),
            besides => format!("asked; after this, next in the way on {}: {}", top.node, besides.join(", and ")),
        };
        let object = pod_ref(one.group.lead());
        finding = finding.evidence(object, "spec.containers[*].resources.requests", show(one.asked), note);
    }
    let node = ObjectRef::new(Kind::Node, "", top.node);
    let path = format!("status.allocatable[{name}]");
    finding = finding.evidence(node, path, show(top.allocatable), "no node has more in all, free or not");
    if asking.iter().any(|one| !one.group.verdict.unknown.is_empty()) {
        finding = finding.likely();
    }
    finding.explains_all(asking.iter().flat_map(|one| one.group.objects()))
}

/// `17`, or `17 to 64` where the pods differ.
fn range(name: &str, asking: &[Asking<'_, '_>]) -> String {
    let least = asking.iter().map(|one| one.asked).min().unwrap_or(0);
    let most = asking.iter().map(|one| one.asked).max().unwrap_or(0);
    let show = |value: i64| amount(name, value);
    if least == most { show(least) } else { format!("{} to {}", show(least), show(most)) }
}
