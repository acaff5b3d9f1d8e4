//! Pods that no node takes now and for which time may do: what they wait for is being made, or is leaving.

use std::collections::BTreeSet;

use super::scale_up::{self, PROVISION_TIME, ScaleUp};
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::text::{capital, duration, either, named};
use crate::model::{Kind, Pod};
use crate::scheduler::obstacle::ClaimTrouble;
use crate::scheduler::{Fact, Obstacle, Outcome};

/// Seconds after the end of its grace period at which a pod that is still there does not end by itself.
const OVERDUE: i64 = 60;
/// Facts of a finding.
const SHOWN: usize = 8;

/// What the pods of a group wait for; `None` where it is not under way for each of them.
pub(super) fn under_way(cx: &Context<'_>, rule: &'static str, group: &PodGroup<'_>) -> Option<Finding> {
    let made = claims_are_made(cx, rule, group).or_else(|| room_is_made(cx, rule, group));
    made.or_else(|| node_is_added(cx, rule, group))
}

fn told(rule: &'static str, group: &PodGroup<'_>, what: &str) -> Finding {
    let names = group.names();
    let title = format!("{} {} for {what}", capital(&named("pod", &names)), either(names.len(), "waits", "wait"));
    Finding::new(rule, Severity::Info, group.subject(), title).explains_all(group.objects()).passing()
}

/// Pods of less than a minute whose ephemeral claims the controller is about to make
/// (`pkg/controller/volume/ephemeral/controller.go`).
fn claims_are_made(cx: &Context<'_>, rule: &'static str, group: &PodGroup<'_>) -> Option<Finding> {
    let way = cx.in_the_way(group);
    let not_made =
        |it: &Obstacle| matches!(&it.fact, Fact::Claim { trouble, .. } if matches!(trouble, ClaimTrouble::NotMade));
    if way.of_pod.is_empty() || !way.of_pod.iter().all(not_made) {
        return None;
    }
    if !group.pods.iter().all(|pod| cx.fresh(&pod.metadata)) {
        return None;
    }
    let mut finding = told(rule, group, "the claims of ephemeral volumes, which are made after the pod");
    for obstacle in way.of_pod.iter().take(SHOWN) {
        let note = "it was made less than a minute ago";
        finding = finding.evidence(obstacle.object.clone(), obstacle.path.clone(), obstacle.present.clone(), note);
    }
    Some(finding)
}

/// Pods for which kube-scheduler has preempted others, and which fit once those that are ending are gone.
fn room_is_made(cx: &Context<'_>, rule: &'static str, group: &PodGroup<'_>) -> Option<Finding> {
    let nodes: BTreeSet<&str> = group.pods.iter().map(|pod| pod.status.nominated_node_name.as_str()).collect();
    if nodes.contains("") {
        return None;
    }
    let ending = |pod: &Pod| nodes.contains(pod.spec.node_name.as_str()) && !pod.finished() && ends_by_itself(cx, pod);
    let leaving: Vec<&Pod> = cx.snapshot.pods.seen().iter().map(|pod| &**pod).filter(|pod| ending(pod)).collect();
    if leaving.is_empty() {
        return None;
    }
    let mut without = cx.snapshot.clone();
    for pod in &leaving {
        without.remove(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name);
    }
    let then = cx.scheduler.after(&without);
    if !group.pods.iter().all(|pod| then.judge(pod).outcome == Outcome::Schedulable) {
        return None;
    }
    let nodes: Vec<&str> = nodes.into_iter().collect();
    let names: Vec<&str> = leaving.iter().map(|pod| pod.metadata.name.as_str()).collect();
    let leaves = either(names.len(), "leaves", "leave");
    let mut finding =
        told(rule, group, &format!("room on {}, which {} {leaves}", named("node", &nodes), named("pod", &names)));
    for pod in group.pods.iter().take(SHOWN) {
        let (node, note) = (pod.status.nominated_node_name.as_str(), "where kube-scheduler has made room for it");
        finding = finding.evidence(pod_ref(pod), "status.nominatedNodeName", node, note);
    }
    for pod in leaving.iter().take(SHOWN) {
        let by = pod.metadata.deletion_timestamp.clone().unwrap_or_default();
        finding = finding.evidence(pod_ref(pod), "metadata.deletionTimestamp", by, "until when it may take to end");
    }
    Some(finding)
}

/// Pods for which cluster-autoscaler has begun to add nodes, as long as it gives them to come up. They are blocked now, and
/// whether the nodes come is not known.
fn node_is_added(cx: &Context<'_>, rule: &'static str, group: &PodGroup<'_>) -> Option<Finding> {
    if !scale_up::comes(cx, group) {
        return None;
    }
    let begun: Vec<(&Pod, ScaleUp<'_>)> =
        group.pods.iter().filter_map(|pod| Some((*pod, ScaleUp::of(cx, pod)?))).collect();
    let groups: BTreeSet<&str> = begun.iter().flat_map(|(_, scale_up)| scale_up.groups()).collect();
    let groups: Vec<&str> = groups.into_iter().collect();
    let ago = begun.iter().filter_map(|(_, scale_up)| scale_up.age).max().map(|age| duration(age.max(0)))?;
    let of = if groups.is_empty() { String::new() } else { format!(" of {}", named("group", &groups)) };
    let names = group.names();
    let title = format!(
        "{} {} on no node now, and {} for a new one{of}, which cluster-autoscaler began to add {ago} ago",
        capital(&named("pod", &names)),
        either(names.len(), "fits", "fit"),
        either(names.len(), "waits", "wait"),
    );
    let mut finding = Finding::new(rule, Severity::Warning, group.subject(), title).explains_all(group.objects());
    for (pod, scale_up) in begun.iter().take(SHOWN) {
        let note = format!(
            "last at {}; a node is given {} to come up unless --max-node-provision-time says otherwise",
            scale_up.event.last_seen(),
            duration(PROVISION_TIME)
        );
        finding = finding.evidence(pod_ref(pod), "events", scale_up.event.message.clone(), note);
    }
    Some(finding)
}

/// Whether a pod is being deleted and its grace period lasts, or has ended just now.
fn ends_by_itself(cx: &Context<'_>, pod: &Pod) -> bool {
    let by = pod.metadata.deletion_timestamp.as_deref();
    !cx.options.now_is_a_bound && by.and_then(|by| cx.age(by)).is_some_and(|age| age <= OVERDUE)
}
