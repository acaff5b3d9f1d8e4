use std::collections::BTreeMap;

use crate::diagnosis::context::{Context, PodGroup, claim_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::either;
use crate::diagnosis::who::Who;
use crate::model::node::{Taint, UNSCHEDULABLE_TAINT};
use crate::model::{Kind, Node, ObjectRef, StorageClass};
use crate::scheduler::untolerated;

crate::rules::declare_rule! {
    static RULE = {
        name: "driver-nodes-closed",
        summary: "The only nodes with the driver of a claim's class are tainted or cordoned.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node, StorageClass, CSINode],
        rejected_pods: true,
        stage: Cause,
        check: check,
    }
}

/// The plugins that keep pods off nodes which are closed to them.
const CLOSING: [&str; 2] = ["NodeUnschedulable", "TaintToleration"];

fn check(cx: &Context<'_>, out: &mut Causes) {
    let mut found: BTreeMap<(String, Vec<&str>), Finding> = BTreeMap::new();
    for group in cx.blocked() {
        for (claim, class) in cx.delayed_claims(group.lead()) {
            let Some(nodes) = closed(cx, group, &class.provisioner) else { continue };
            let key = (class.provisioner.clone(), nodes.iter().map(|node| node.metadata.name.as_str()).collect());
            let finding = found.remove(&key).unwrap_or_else(|| finding(cx, class, &nodes, group));
            let claims = group.pods.iter().flat_map(|pod| cx.delayed_claims(pod));
            let claims = claims.filter(|(_, other)| other.metadata.name == class.metadata.name);
            let claims: Vec<ObjectRef> = claims.map(|(claim, _)| claim_ref(claim)).chain([claim_ref(claim)]).collect();
            found.insert(key, finding.explains_all(group.objects()).explains_all(claims));
        }
    }
    for finding in found.into_values() {
        out.add(finding);
    }
}

/// The nodes with the driver, where each of them is closed to the pod.
fn closed<'a>(cx: &Context<'a>, group: &PodGroup<'_>, driver: &str) -> Option<Vec<&'a Node>> {
    let with_driver = cx.index.nodes_with(driver)?;
    let mut nodes = Vec::new();
    for node in &group.verdict.nodes {
        if with_driver.contains(node.name.as_str()) {
            CLOSING.contains(&node.plugin).then_some(())?;
            nodes.push(&**cx.snapshot.nodes.get("", &node.name).found()?);
        }
    }
    let elsewhere = nodes.len() < group.verdict.nodes.len();
    (!nodes.is_empty() && elsewhere).then_some(nodes)
}

/// The driver's CSIDriver, or the class where there is none or none was read.
fn subject(cx: &Context<'_>, class: &StorageClass) -> ObjectRef {
    match cx.snapshot.csi_drivers.get("", &class.provisioner).found() {
        Some(driver) => ObjectRef::new(Kind::CSIDriver, "", &driver.metadata.name),
        None => ObjectRef::new(Kind::StorageClass, "", &class.metadata.name),
    }
}

fn finding(cx: &Context<'_>, class: &StorageClass, nodes: &[&Node], group: &PodGroup<'_>) -> Finding {
    let driver = &class.provisioner;
    let names: Vec<&str> = nodes.iter().map(|node| node.metadata.name.as_str()).collect();
    let cordoned = nodes.iter().all(|node| node.spec.unschedulable);
    let how = if cordoned { "cordoned" } else { "closed to the pods by taints or cordoning" };
    let (who, place) = (Who::new("node", &names), either(names.len(), "the only node", "the only nodes"));
    let title = format!("{who}, {place} with driver {driver}, {} {how}", who.verb("are"));
    let mut finding = RULE.finding(subject(cx, class), title);
    for node in nodes.iter().take(10) {
        let object = ObjectRef::new(Kind::Node, "", &node.metadata.name);
        finding = match untolerated(&node.spec.taints, &group.lead().spec.tolerations) {
            _ if node.spec.unschedulable => {
                finding.evidence(object, "spec.unschedulable", "true", "the node is cordoned")
            }
            Some(taint) => finding.evidence(object, "spec.taints", taint_text(taint), "the pods do not tolerate it"),
            None => finding,
        };
    }
    finding.with_remedies(remedies(cx, nodes))
}

fn taint_text(taint: &Taint) -> String {
    let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
    format!("{}{value}:{}", taint.key, taint.effect)
}

fn remedies(cx: &Context<'_>, nodes: &[&Node]) -> Vec<Remedy> {
    let cordoned: Vec<&&Node> = nodes.iter().filter(|node| node.spec.unschedulable).collect();
    let uncordon = cordoned.iter().map(|node| {
        let patch = serde_json::json!({"spec": {"unschedulable": null, "taints": remaining_taints(node)}});
        let name = node.metadata.name.clone();
        let change = Change::Patch { kind: Kind::Node, namespace: String::new(), name, patch };
        cx.step(format!("Uncordon node {}, if it may take pods again", node.metadata.name), change)
    });
    let steps: Vec<Step> = uncordon.collect();
    let mut remedies = Vec::new();
    if !steps.is_empty() {
        remedies.push(Remedy::new("Uncordon", Risk::Medium, steps));
    }
    if cordoned.len() < nodes.len() {
        let told = Step::told("Let the pods tolerate the taints, or take the taints off the nodes, if that is meant");
        let reason = "whether the taints are meant to keep these pods away is not known";
        remedies.push(Remedy::untried("Open the nodes to the pods", Risk::Medium, vec![told], reason));
    }
    remedies
}

/// The node's taints without the one that cordoning adds; `null` where none is left.
fn remaining_taints(node: &Node) -> serde_json::Value {
    let left: Vec<&Taint> = node.spec.taints.iter().filter(|taint| taint.key != UNSCHEDULABLE_TAINT).collect();
    if left.is_empty() { serde_json::Value::Null } else { serde_json::json!(left) }
}
