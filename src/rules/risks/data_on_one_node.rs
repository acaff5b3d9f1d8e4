use std::collections::BTreeMap;

use super::held::{Held, claims_named, held};
use super::keep::FACTS;
use super::nodes::{Nodes, Place};
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Finding, Loss, Near};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{NOTHING_WAITS, Remedy, Risk, Step};
use crate::diagnosis::text::{count, either, names, natural_order};
use crate::model::{Kind, ObjectRef};

crate::rules::declare_rule! {
    static RULE = {
        name: "data-on-one-node",
        summary: "The data of claims is on one node alone, and is lost with it.",
        severity: Warning,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, PersistentVolume],
        reads: [Node, StatefulSet],
        stage: Risk,
        check: check,
    }
}

/// Keeps the cluster autoscaler from removing a node.
const KEEP_NODE: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";

/// The claims of a class by the node that has their data; the empty name stands for the node of the pod.
type ByNode<'a> = BTreeMap<&'a str, Vec<Held<'a>>>;

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let nodes = Nodes::new(cx);
    let mut by_class: BTreeMap<(&str, bool), ByNode<'_>> = BTreeMap::new();
    for one in held(cx) {
        let (pinned, node) = match nodes.place(one.volume) {
            Some(Place::Node(node)) => (true, node),
            Some(Place::OfThePod) => (false, ""),
            None => continue,
        };
        by_class.entry((one.volume.class(), pinned)).or_default().entry(node).or_default().push(one);
    }
    for ((class, pinned), by_node) in by_class {
        out.add(if pinned { on_nodes(class, by_node) } else { of_pods(class, by_node) });
    }
}

/// The class that the volumes are of, or the first volume where they have none.
fn object(class: &str, first: &Held<'_>) -> ObjectRef {
    if class.is_empty() { first.volume_ref() } else { ObjectRef::new(Kind::StorageClass, "", class) }
}

fn on_nodes(class: &str, by_node: ByNode<'_>) -> Finding {
    let mut by_node: Vec<(&str, Vec<Held<'_>>)> = by_node.into_iter().collect();
    by_node.sort_by(|(a, _), (b, _)| natural_order(a, b));
    let all: Vec<Held<'_>> = by_node.iter().flat_map(|(_, held)| held.iter().copied()).collect();
    let of_class = if class.is_empty() { String::new() } else { format!(" of class {class}") };
    let title = match by_node.as_slice() {
        [(node, held)] => format!(
            "Losing node {node} loses the data of {}: {}{of_class} {} on that node alone",
            claims_named(held),
            either(held.len(), "its volume", "their volumes"),
            either(held.len(), "is", "are"),
        ),
        several => {
            let counts: Vec<String> =
                several.iter().map(|(node, held)| format!("{node} ({})", count(held.len(), "claim"))).collect();
            format!(
                "Losing a node loses the data of the claims on it: volumes{of_class} are on one node each, {}",
                names(&counts)
            )
        }
    };
    let mut finding = RULE.finding(object(class, &all[0]), title);
    for (node, held) in by_node.iter().take(FACTS) {
        let claims: Vec<String> =
            held.iter().map(|one| format!("{}/{}", one.claim.metadata.namespace, one.name())).collect();
        let value = format!("{}: {}", count(held.len(), "claim"), names(&claims));
        let whose = either(held.len(), "its volume", "their volumes");
        let note = format!("no other node reaches {whose}: gone when the node fails, is replaced or is scaled away");
        finding = finding.evidence(ObjectRef::new(Kind::Node, "", node), "", value, note);
        if let Some(fact) = affinity(&held[0]) {
            let note = format!("the volume of claim {} is for node {node} alone", held[0].name());
            finding = finding.evidence(held[0].volume_ref(), "spec.nodeAffinity", fact, note);
        }
    }
    let nodes: Vec<&str> = by_node.iter().map(|(node, _)| *node).collect();
    finding.explains_all(all.iter().map(Held::claim_ref)).remedy(keep(&nodes)).at_risk(Loss::Data, Near::Possible)
}

/// The requirement by which a volume is for one node.
fn affinity(one: &Held<'_>) -> Option<String> {
    let term = one.volume.required_node_affinity()?.node_selector_terms.first()?;
    let requirement = term.match_expressions.iter().chain(&term.match_fields).find(|one| one.values.len() == 1)?;
    Some(format!("{} in [{}]", requirement.key, requirement.values.join(", ")))
}

fn of_pods(class: &str, by_node: ByNode<'_>) -> Finding {
    let all: Vec<Held<'_>> = by_node.into_values().flatten().collect();
    let title = format!(
        "The data of {} is lost with the node that it was written on: {} of whichever node the pod runs on",
        claims_named(&all),
        either(all.len(), "its volume is a folder (hostPath)", "their volumes are folders (hostPath)"),
    );
    let mut finding = RULE.finding(object(class, &all[0]), title);
    finding.id.push_str("/hostPath");
    for one in all.iter().take(FACTS) {
        let path = one.volume.spec.host_path.as_ref().map_or("", |host| host.path.as_str());
        let note = format!(
            "the folder of claim {}; only one that every node mounts from the same place would outlive a node, which can't \
             be seen from here",
            one.name()
        );
        finding = finding.evidence(one.volume_ref(), "spec.hostPath.path", path, note);
    }
    finding.explains_all(all.iter().map(Held::claim_ref)).remedy(keep(&[])).at_risk(Loss::Data, Near::Possible).likely()
}

fn keep(nodes: &[&str]) -> Remedy {
    let mut steps = vec![Step::told(
        "Keep a copy of the data elsewhere, by the application's own means, or have the application keep a replica on \
         another node",
    )];
    for some in nodes.chunks(100) {
        let annotate = |setting: &str| {
            let names: Vec<&str> = some.iter().copied().chain([setting]).collect();
            kubectl(&["annotate", "node", "--overwrite"], &names, &[])
        };
        steps.push(Step {
            command: annotate(&format!("{KEEP_NODE}=true")),
            undo: annotate(&format!("{KEEP_NODE}-")),
            ..Step::told("Where a cluster autoscaler removes nodes, have it leave these alone")
        });
    }
    Remedy::untried("Have the data in a second place", Risk::Low, steps, NOTHING_WAITS)
}
