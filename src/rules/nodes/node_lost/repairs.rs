//! What to do about a lost node: bring it back, or give it up.

use super::{Loss, OUT_OF_SERVICE};
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::model::{Kind, Node, Pod};

/// The ways to free what the node holds.
pub(super) fn remedies(cx: &Context<'_>, node: &Node, loss: &Loss<'_>) -> Vec<Remedy> {
    let name = &node.metadata.name;
    let back = Step::told(format!("Start node {name}, or its kubelet, again; what waits goes on by itself"));
    let unknown = "the state of the machine can't be seen from here";
    let mut remedies = vec![Remedy::untried(format!("Bring node {name} back"), Risk::Low, vec![back], unknown)];
    if !node.spec.taints.iter().any(|taint| taint.key == OUT_OF_SERVICE) {
        let title = format!("Give node {name} up once its machine is known to be off");
        remedies.push(Remedy::new(title, Risk::High, give_up(cx, node, loss)));
    }
    remedies
}

/// The steps that free what a lost node holds, in this order: the machine must be off first.
fn give_up(cx: &Context<'_>, node: &Node, loss: &Loss<'_>) -> Vec<Step> {
    let mut steps = vec![Step::assumed(format!(
        "Make sure that the machine of node {} is really off: shut it down, or cut its power. One that is only \
         unreachable may still write to the volumes",
        node.metadata.name
    ))];
    for (kind, namespace, name) in rivals(cx, loss) {
        let what =
            format!("Scale {kind} {name} to 0: its pod would compete for the claim with the one that is made anew");
        steps.push(cx.scale(what, (kind, &namespace, &name), 0));
    }
    let taint = |taint: &str| kubectl(&["taint", "node"], &[&node.metadata.name, taint], &[]);
    let given_up = cx.step("Only then give the node up: its pods are deleted and its volumes detached", out(node));
    steps.push(Step {
        command: taint(&format!("{OUT_OF_SERVICE}=nodeshutdown:NoExecute")),
        undo: taint(&format!("{OUT_OF_SERVICE}-")),
        ..given_up.leading_to(let_go(cx, node))
    });
    steps.push(Step {
        command: taint(&format!("{OUT_OF_SERVICE}-")),
        later: true,
        ..Step::told("Once the node is back and clean, take the taint away")
    });
    steps
}

fn out(node: &Node) -> Change {
    let taint = serde_json::json!({"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"});
    let (path, value) = match node.spec.taints.is_empty() {
        true => ("/spec/taints", serde_json::json!([taint])),
        false => ("/spec/taints/-", taint),
    };
    Change::JsonPatch {
        kind: Kind::Node,
        namespace: String::new(),
        name: node.metadata.name.clone(),
        operations: serde_json::json!([{"op": "add", "path": path, "value": value}]),
    }
}

/// What the taint leads to: the node's pods are deleted (`podgc/gc_controller.go`, gcTerminating), and its volumes detached
/// (`attachdetach/reconciler`).
fn let_go(cx: &Context<'_>, node: &Node) -> Vec<Change> {
    let name = &node.metadata.name;
    let delete = |kind, namespace: &str, name: &str| Change::Delete {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let pods = cx.snapshot.pods.seen().iter().filter(|pod| pod.spec.node_name == *name && pod.metadata.deleting());
    let pods = pods.map(|pod| delete(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name));
    let attachments = cx.snapshot.attachments.seen().iter().filter(|one| one.spec.node_name == *name);
    let attachments = attachments.map(|one| delete(Kind::VolumeAttachment, "", &one.metadata.name));
    pods.chain(attachments).collect()
}

/// Workloads of pods that wait for a claim which another controller's pod will take again as soon as it is free.
fn rivals(cx: &Context<'_>, loss: &Loss<'_>) -> Vec<(Kind, String, String)> {
    let owner = |pod: &Pod| pod.metadata.controller().map(|owner| (owner.kind.clone(), owner.name.clone()));
    let remade: Vec<_> =
        loss.holders.iter().filter(|pod| pod.metadata.deleting()).filter_map(|pod| owner(pod)).collect();
    let waiting =
        loss.waiting.iter().map(|(pod, _)| *pod).filter(|pod| {
            owner(pod).is_some_and(|own| !remade.is_empty() && !remade.contains(&own)) && !pod.assigned()
        });
    let mut found: Vec<(Kind, String, String)> = waiting
        .filter_map(|pod| cx.workload(pod))
        .filter(|(kind, _)| matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet))
        .map(|(kind, meta)| (kind, meta.namespace.clone(), meta.name.clone()))
        .collect();
    found.sort();
    found.dedup();
    found
}
