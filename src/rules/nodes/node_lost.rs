mod repairs;

use std::collections::BTreeMap;

use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::text::{either, named};
use crate::model::{Claim, Kind, Node, ObjectRef, Pod};
use crate::rules::attaching::placed::{node_ref, stuck, unread};
use crate::volumes::{AttachProblem, NodeState};

crate::rules::declare_rule! {
    static RULE = {
        name: "node-lost",
        summary: "A node is lost, and what others wait for is still held there.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSIDriver, StatefulSet, ReplicaSet, Deployment],
        stage: Cause,
        check: check,
    }
}

/// What waits is told in so many clauses; the rest is counted.
const CLAUSES: usize = 3;
/// Seconds for which a kubelet may miss its heartbeats before pods that it is to start count as stuck.
const SILENT: i64 = 60;
/// Seconds in which a node that has joined becomes ready: its network comes with pods that must start there first.
const JOINS: i64 = 300;
/// Lets volumes be detached from a node, and its pods be deleted, once its machine is known to be off.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// Pods that wait for a lost node, and what is held there.
#[derive(Default)]
struct Loss<'a> {
    /// The pods that wait, with what they wait for as a clause.
    waiting: Vec<(&'a Pod, String)>,
    /// The pods on the node that hold it.
    holders: Vec<&'a Pod>,
    /// Attachments and claims that are held.
    held: Vec<ObjectRef>,
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    if !cx.snapshot.nodes.seen().iter().any(|node| is_lost(node)) {
        return;
    }
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::VolumeAttachment]));
    out.skip(cx.unread(&[Kind::StatefulSet]));
    let mut lost: BTreeMap<&str, Loss<'_>> = BTreeMap::new();
    volumes_elsewhere(cx, out, &mut lost);
    claims_for_one_pod(cx, &mut lost);
    pods_to_replace(cx, &mut lost);
    pods_that_start(cx, &mut lost);
    for (name, loss) in lost {
        if let Some(node) = cx.snapshot.nodes.get("", name).found() {
            out.add(finding(cx, node, loss));
        }
    }
}

/// A node that exists and whose kubelet is silent.
fn is_lost(node: &Node) -> bool {
    node.ready() == Some(false)
}

/// Placed pods whose volume is still attached to a lost node.
fn volumes_elsewhere<'a>(cx: &Context<'a>, out: &Causes, lost: &mut BTreeMap<&'a str, Loss<'a>>) {
    for stuck in stuck(cx, out) {
        let (node, state, attachment, pods) = match stuck.problem {
            AttachProblem::MultiAttach { node, state, attachment, pods, .. } => (node, state, attachment, &pods[..]),
            AttachProblem::StaleAttachment { node, state, attachment, .. } => (node, state, attachment, &[][..]),
            _ => continue,
        };
        let Some(found) = cx.snapshot.nodes.get("", node).found() else { continue };
        if !matches!(state, NodeState::NotReady | NodeState::OutOfService) {
            continue;
        }
        let loss = lost.entry(&found.metadata.name).or_default();
        let pod = &stuck.case.pod.metadata.name;
        let clause = format!("pod {pod} waits for {}, which is still attached to it", stuck.volume(cx));
        loss.waiting.push((stuck.case.pod, clause));
        loss.held.push(ObjectRef::new(Kind::VolumeAttachment, "", attachment));
        let found = pods.iter().filter_map(|other| cx.snapshot.pods.get(&other.pod.namespace, &other.pod.name).found());
        loss.holders.extend(found.map(|pod| &**pod));
    }
}

/// Pods without a node whose claim is for one pod only, which hangs on a lost node.
fn claims_for_one_pod<'a>(cx: &Context<'a>, lost: &mut BTreeMap<&'a str, Loss<'a>>) {
    for pod in cx.blocked().flat_map(|group| group.pods.iter().copied()) {
        let claims = cx.claims_of(pod).into_iter().filter_map(|(_, claim)| claim.found());
        for claim in claims.filter(|claim| claim.spec.access_modes.iter().any(|mode| mode == "ReadWriteOncePod")) {
            let Some((holder, node)) = holder_on_lost_node(cx, claim, pod) else { continue };
            let loss = lost.entry(&node.metadata.name).or_default();
            let clause =
                format!("pod {} waits for claim {}, which is for one pod only", pod.metadata.name, claim.metadata.name);
            loss.waiting.push((pod, clause));
            loss.holders.push(holder);
            loss.held.push(claim_ref(claim));
        }
    }
}

fn holder_on_lost_node<'a>(cx: &Context<'a>, claim: &Claim, pod: &Pod) -> Option<(&'a Pod, &'a Node)> {
    let users = cx.users_of(claim);
    users.into_iter().filter(|user| user.metadata.name != pod.metadata.name).find_map(|user| {
        let node = cx.snapshot.nodes.get("", &user.spec.node_name).found()?;
        is_lost(node).then_some((user, &**node))
    })
}

/// Pods of StatefulSets that should have ended on a lost node: the set makes no new one before they are gone.
fn pods_to_replace<'a>(cx: &Context<'a>, lost: &mut BTreeMap<&'a str, Loss<'a>>) {
    for set in cx.sets_in_scope() {
        for pod in cx.index.owned("StatefulSet", &set.metadata.namespace, &set.metadata.name).to_vec() {
            let Some(node) = cx.snapshot.nodes.get("", &pod.spec.node_name).found() else { continue };
            if is_lost(node) && past_deletion(cx, pod) {
                let loss = lost.entry(&node.metadata.name).or_default();
                loss.holders.push(pod);
                let clause = format!("StatefulSet {} makes no new one before it is gone", set.metadata.name);
                loss.waiting.push((pod, clause));
            }
        }
    }
}

/// Whether the time is over that a pod has to end.
fn past_deletion(cx: &Context<'_>, pod: &Pod) -> bool {
    let by = pod.metadata.deletion_timestamp.as_deref().map(str::parse::<jiff::Timestamp>);
    match (by, cx.options.now) {
        (Some(Ok(by)), Some(now)) => now > by,
        (Some(_), _) => true,
        (None, _) => false,
    }
}

/// Pods that have been placed on a lost node and never started there.
fn pods_that_start<'a>(cx: &Context<'a>, lost: &mut BTreeMap<&'a str, Loss<'a>>) {
    for case in cx.placed.iter().filter(|case| case.waited_longer_than(60)) {
        let node = cx.snapshot.nodes.get("", &case.verdict.node).found();
        let Some(node) = node.filter(|node| is_lost(node) && lasts(cx, node)) else { continue };
        let loss = lost.entry(&node.metadata.name).or_default();
        if !loss.waiting.iter().any(|(pod, _)| std::ptr::eq(*pod, case.pod)) {
            let clause = format!("pod {} was placed there, and nobody starts it", case.pod.metadata.name);
            loss.waiting.push((case.pod, clause));
        }
    }
}

/// Whether a node that is lost is neither one that has just joined nor one that has been silent for a moment.
fn lasts(cx: &Context<'_>, node: &Node) -> bool {
    let ready = node.status.conditions.iter().find(|condition| condition.kind == "Ready");
    let silent = ready.and_then(|ready| cx.age(ready.last_transition_time.as_deref()?));
    let joined = cx.age(&node.metadata.creation_timestamp);
    silent.is_none_or(|age| age > SILENT) && joined.is_none_or(|age| age > JOINS)
}

fn finding(cx: &Context<'_>, node: &Node, mut loss: Loss<'_>) -> Finding {
    loss.holders.sort_by_key(|pod| (&pod.metadata.namespace, &pod.metadata.name));
    loss.holders.dedup_by_key(|pod| (&pod.metadata.namespace, &pod.metadata.name));
    let name = &node.metadata.name;
    let mut clauses: Vec<&str> = loss.waiting.iter().map(|(_, clause)| clause.as_str()).collect();
    clauses.sort_unstable();
    clauses.dedup();
    let more = match clauses.len().saturating_sub(CLAUSES) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    clauses.truncate(CLAUSES);
    let title = format!("Node {name} is lost{}: {}{more}", holders_words(&loss), clauses.join("; "));
    let mut finding = RULE.finding(node_ref(name), title);
    finding.evidence.extend(node_facts(node));
    for object in loss.held.iter().take(5) {
        let note = if object.kind == "VolumeAttachment" {
            "the volume counts as attached to the lost node"
        } else {
            "a pod on the lost node has it"
        };
        finding = finding.evidence(object.clone(), "", format!("held on node {name}"), note);
    }
    for pod in loss.holders.iter().take(5) {
        let (value, note) = match &pod.metadata.deletion_timestamp {
            Some(by) => (format!("to be deleted by {by}"), "it can't be known to have ended while its node is silent"),
            None => ("not being deleted".to_owned(), "it counts as running until the node is back or given up"),
        };
        finding = finding.evidence(pod_ref(pod), "metadata.deletionTimestamp", value, note);
    }
    finding
        .explains_all(loss.waiting.iter().map(|(pod, _)| pod_ref(pod)))
        .with_remedies(repairs::remedies(cx, node, &loss))
}

fn holders_words(loss: &Loss<'_>) -> String {
    let leaving: Vec<&str> =
        loss.holders.iter().filter(|pod| pod.metadata.deleting()).map(|pod| pod.metadata.name.as_str()).collect();
    match leaving.len() {
        0 => String::new(),
        count => {
            format!(", and {} {} there without end", named("pod", &leaving), either(count, "terminates", "terminate"))
        }
    }
}

/// What the node's status and taints say.
fn node_facts(node: &Node) -> Vec<crate::diagnosis::Evidence> {
    let mut facts = Vec::new();
    if let Some(ready) = node.status.conditions.iter().find(|condition| condition.kind == "Ready") {
        let since = ready.last_transition_time.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
        let value = format!("Ready is {}{since}: {} {}", ready.status, ready.reason, ready.message);
        let note = "its kubelet has fallen silent, or says that it is not ready";
        facts.push(Context::fact(
            node_ref(&node.metadata.name),
            "status.conditions[Ready]",
            value.trim().to_owned(),
            note,
        ));
    }
    let taint = node.spec.taints.iter().find(|taint| taint.key == OUT_OF_SERVICE);
    let (value, note) = match taint {
        Some(_) => (OUT_OF_SERVICE, "its volumes are let go of at once, and its pods deleted"),
        None => (
            "not there",
            "without taint node.kubernetes.io/out-of-service nobody takes volumes off a node that may still write to them",
        ),
    };
    facts.push(Context::fact(node_ref(&node.metadata.name), &format!("spec.taints[{OUT_OF_SERVICE}]"), value, note));
    facts
}
