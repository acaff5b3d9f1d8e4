use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Remedy, Risk};
use crate::model::claim::SELECTED_NODE;
use crate::model::{Claim, Kind};
use crate::rules::attaching::placed::node_ref;
use crate::snapshot::Lookup;

crate::rules::declare_rule! {
    static RULE = {
        name: "selected-node-gone",
        summary: "A node was selected for a claim's volume and is gone, and nobody selects another.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, Node],
        reads: [Pod],
        stage: Cause,
        check: check,
    }
}

/// Seconds after which nobody is at work on the claim any more.
const PATIENCE: i64 = 120;

fn check(cx: &Context<'_>, out: &mut Causes) {
    out.skip(cx.unread(&[Kind::Pod]));
    for case in &cx.claims {
        let claim = case.claim;
        let waits = claim.spec.volume_name.is_empty() && claim.metadata.deletion_timestamp.is_none();
        let settled = cx.age(&claim.metadata.creation_timestamp).is_none_or(|age| age > PATIENCE);
        let Some(node) = claim.selected_node().filter(|_| waits && settled) else { continue };
        if matches!(cx.snapshot.nodes.get("", node), Lookup::Absent) && !cx.presumes_none(Kind::Node) {
            out.add(finding(cx, claim, node));
        }
    }
}

fn finding(cx: &Context<'_>, claim: &Claim, node: &str) -> Finding {
    let name = &claim.metadata.name;
    let path = format!("metadata.annotations[{SELECTED_NODE}]");
    let title = format!("Node {node} was selected for the volume of claim {name}, and is not in the cluster any more");
    let patch = serde_json::json!({"metadata": {"annotations": {SELECTED_NODE: null}}});
    let object = (Kind::PersistentVolumeClaim, claim.metadata.namespace.as_str(), name.as_str());
    let step = cx.patch("Take the node off the claim; the scheduler selects another", object, patch);
    RULE.finding(claim_ref(claim), title)
        .evidence(claim_ref(claim), path, node, "pods with this claim fit on that node alone until it is taken off")
        .evidence(node_ref(node), "", "not found", "the node that was selected")
        .explains(claim_ref(claim))
        .explains_all(cx.pending_users(claim).into_iter().map(pod_ref))
        .remedy(Remedy::new("Have another node selected", Risk::Low, vec![step]))
}
