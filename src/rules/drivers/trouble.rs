//! What keeps the workload that others rest on from running: a driver's controller, a cloud controller manager.

use super::driver::{events_step, log_step};
use crate::dependencies::Part;
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{named, names};
use crate::model::{Kind, Node, Pod};
use crate::rules::attaching::placed::node_ref;
use crate::rules::scheduling::no_node_fits::story;
use crate::rules::starting::containers::{Fault, faults, settled};
use crate::scheduler::Outcome;
use crate::volumes::driver_words::{both_ends, cause, essential, output};

/// How long what is said of a pod may be in a title, in characters.
const IN_TITLE: usize = 170;

/// How programs say that what they are let in with is refused, in lower case.
const REFUSED: &[&str] = &[
    "incorrect user name or password",
    "cannot complete login",
    "invalid credentials",
    "authentication failed",
    "401 unauthorized",
];
/// Labels that Kubernetes gave up, with those in their place: kubeadm's clusters lost `master` with 1.24.
const RENAMED: &[(&str, &str)] = &[("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")];

/// Why a workload that others rest on doesn't run.
pub(in crate::rules) struct Trouble<'a> {
    /// As the end of a sentence about the workload.
    pub(in crate::rules) text: String,
    pub(in crate::rules) facts: Vec<Evidence>,
    pub(in crate::rules) pods: Vec<&'a Pod>,
    pub(in crate::rules) remedy: Option<Remedy>,
}

/// What keeps the pods of a part from running; nothing while one has been at it for no longer than `patience` seconds.
pub(in crate::rules) fn trouble<'a>(
    cx: &Context<'a>,
    part: &Part<'a>,
    pods: &[&'a Pod],
    patience: i64,
) -> Option<Trouble<'a>> {
    if part.stopped() {
        return Some(Trouble {
            text: "is scaled to zero".to_owned(),
            facts: vec![Context::fact(part.object(), "spec.replicas", "0", "nobody runs it")],
            pods: Vec::new(),
            remedy: Some(start(cx, part)),
        });
    }
    let Some(pod) = pods.first().copied() else { return without_pods(cx, part) };
    if !settled(cx, pod, patience) {
        return None;
    }
    let (text, facts, remedy) = if pod.assigned() { unready(cx, part, pod) } else { unplaced(cx, part, pod) };
    Some(Trouble { text, facts, pods: pods.to_vec(), remedy })
}

/// What the makers of the controller's pods say where there are none.
fn without_pods<'a>(cx: &Context<'a>, part: &Part<'a>) -> Option<Trouble<'a>> {
    if let Some((text, facts, remedy)) = unmet_label(cx, part, None).filter(|_| part.kind == Kind::DaemonSet) {
        return Some(Trouble { text, facts, pods: Vec::new(), remedy });
    }
    let makers = part.makers(cx);
    let refusal = makers.iter().find_map(|maker| {
        let event = cx.events_of(maker).into_iter().rfind(|event| event.reason == "FailedCreate")?;
        Some(Context::fact(maker.clone(), "events", event.message.clone(), "why its pod is not made"))
    })?;
    let text = format!("has no pod: {}", essential(&refusal.value));
    Some(Trouble { text, facts: vec![refusal], pods: Vec::new(), remedy: None })
}

/// Why a placed pod of the controller isn't ready: the driver's own container tells more than its sidecars, which end
/// where it doesn't answer them.
fn unready(cx: &Context<'_>, part: &Part<'_>, pod: &Pod) -> (String, Vec<Evidence>, Option<Remedy>) {
    let all: Vec<Fault<'_>> = faults(pod).collect();
    let own = all.iter().find(|fault| !part.is_sidecar(&fault.status.name)).or(all.first());
    let node = &pod.spec.node_name;
    let lost = cx.snapshot.nodes.get("", node).found().is_some_and(|node| node.ready() == Some(false));
    match own {
        _ if lost => {
            let fact =
                Context::fact(node_ref(node), "status.conditions[Ready]", "not True", "the controller's pod is there");
            (format!("has its pod on node {node}, which is lost"), vec![fact], None)
        }
        Some(fault) => {
            let (meta, container) = (&pod.metadata, Some(fault.status.name.as_str()));
            let mut steps = vec![log_step("Read what the container says", part.namespace, &meta.name, container)];
            steps.extend(credentials(part, pod, &fault.said(cx).unwrap_or_default()));
            let remedy = Remedy::untried(
                "See why the controller does not run",
                Risk::Low,
                steps,
                "what it lacks is not in the API",
            );
            (format!("does not run: {}", fault.sentence(cx)), fault.facts(cx), Some(remedy))
        }
        None => {
            let object = pod_ref(pod);
            let event = cx.events_of(&object).into_iter().rfind(|event| event.kind == "Warning");
            let value = event.map_or("not ready".to_owned(), |event| {
                format!("{}: {}", event.reason, essential(output(cause(&event.message))))
            });
            let fact = Context::fact(object, "status.conditions[Ready]", value.clone(), "why its pod is not ready");
            let reason = "what its pod lacks is not in the API";
            let look =
                Remedy::untried("See why the controller does not run", Risk::Low, vec![events_step(pod)], reason);
            (format!("has no pod that is ready: {}", both_ends(&value, IN_TITLE)), vec![fact], Some(look))
        }
    }
}

/// What to do where a program says that its credentials are refused, by the secrets that its pod mounts.
fn credentials(part: &Part<'_>, pod: &Pod, said: &str) -> Option<Step> {
    let said = said.to_lowercase();
    let mounted = pod.spec.volumes.iter().filter_map(|volume| volume.secret.as_ref());
    let secrets: Vec<&str> = mounted.map(|secret| secret.secret_name.as_str()).collect();
    if secrets.is_empty() || !REFUSED.iter().any(|words| said.contains(words)) {
        return None;
    }
    let target = format!("{}/{}", part.kind.name().to_ascii_lowercase(), part.name);
    let command = kubectl(&["rollout", "restart"], &[&target], &[("-n", part.namespace)]);
    let what =
        format!("Correct the credentials in {}, which its pod mounts, then restart it", named("secret", &secrets));
    Some(Step { command, ..Step::told(what) })
}

/// Why no node takes the controller's pod: a label that no node has so, or what the scheduler says.
fn unplaced(cx: &Context<'_>, part: &Part<'_>, pod: &Pod) -> (String, Vec<Evidence>, Option<Remedy>) {
    if let Some(told) = unmet_label(cx, part, Some(pod)) {
        return told;
    }
    let group = PodGroup { owner: None, pods: vec![pod], verdict: cx.scheduler.judge(pod) };
    let observed = pod.condition("PodScheduled").map(|condition| condition.message.clone());
    let story = match observed.filter(|_| group.verdict.outcome != Outcome::Unschedulable) {
        Some(observed) => essential(&observed),
        None => story(cx, &group),
    };
    let fact = Context::fact(pod_ref(pod), "", story.clone(), "what keeps its pod from the nodes");
    (format!("has no running pod, because it can't be placed: {story}"), vec![fact], None)
}

/// A label that the node selector asks for, of the waiting pod or of the pods that a DaemonSet would make, and that no node
/// has so.
fn unmet_label(
    cx: &Context<'_>,
    part: &Part<'_>,
    pod: Option<&Pod>,
) -> Option<(String, Vec<Evidence>, Option<Remedy>)> {
    let nodes = cx.snapshot.nodes.all().filter(|nodes| !nodes.is_empty())?;
    let mut asked = pod.map_or(&part.spec.node_selector, |pod| &pod.spec.node_selector).iter();
    let (key, wanted) =
        asked.find(|(key, wanted)| !nodes.iter().any(|node| node.metadata.labels.get(*key) == Some(wanted)))?;
    let present = values_of(nodes, key);
    let others: Vec<String> = present.iter().map(|(node, value)| format!("{node} has {value:?}")).collect();
    let others = if others.is_empty() { "no node has the label at all".to_owned() } else { names(&others) };
    let text = format!(
        "has no running pod, because it asks for nodes with label {key}: {wanted:?}, which no node has ({others})"
    );
    let (object, path) = part.place(&format!("nodeSelector[{key}]"));
    let note = "its pods go to nodes with this label and value only";
    let mut facts = vec![Context::fact(object, &path, format!("{wanted:?}"), note)];
    let renamed = RENAMED.iter().find(|(old, _)| old == key).map(|(_, new)| *new).filter(|_| present.is_empty());
    let (meant, present) = renamed.map_or((key.as_str(), present), |new| (new, values_of(nodes, new)));
    facts.extend(present.iter().take(2).map(|(node, value)| {
        let path = format!("metadata.labels[{meant}]");
        let note = if meant == key { "the value that is there" } else { "the label that took its place" };
        Context::fact(node_ref(node), &path, format!("{value:?}"), note)
    }));
    let remedy = reselect(cx, part, pod, (key, meant), &present);
    Some((text, facts, remedy))
}

/// The nodes that have a label, with its value.
fn values_of<'n>(nodes: &'n [std::sync::Arc<Node>], key: &str) -> Vec<(&'n str, &'n str)> {
    let found = nodes.iter().filter_map(|node| Some((node.metadata.name.as_str(), node.metadata.labels.get(key)?)));
    found.map(|(node, value)| (node, value.as_str())).collect()
}

/// Asks for the value that nodes have, where they have but one; `meant` is the label in the place of `asked`.
fn reselect(
    cx: &Context<'_>,
    part: &Part<'_>,
    pod: Option<&Pod>,
    (asked, meant): (&str, &str),
    present: &[(&str, &str)],
) -> Option<Remedy> {
    part.workload?;
    let (_, value) = present.first().filter(|(_, first)| present.iter().all(|(_, value)| value == first))?;
    let selector = match meant == asked {
        true => serde_json::json!({meant: value}),
        false => serde_json::json!({asked: null, meant: value}),
    };
    let patch = serde_json::json!({"spec": {"template": {"spec": {"nodeSelector": selector}}}});
    let title = "Let the controller be placed";
    let what = match value.is_empty() {
        true => format!("Ask for the label that the nodes have, {meant} without a value"),
        false => format!("Ask for the value that the nodes have, {meant}={value}"),
    };
    let Some(meta) = pod.map(|pod| &pod.metadata) else {
        let step = cx.patch(what, part.key(), patch);
        return Some(Remedy::untried(title, Risk::Low, vec![step], "what its pods do then is not known"));
    };
    let what = format!("{what}; that the controller does its work once it runs is taken for granted");
    let step = cx.patch(what, part.key(), patch.clone());
    let set = meta.controller().filter(|owner| owner.kind == "ReplicaSet").map(|owner| Change::Patch {
        kind: Kind::ReplicaSet,
        namespace: meta.namespace.clone(),
        name: owner.name.clone(),
        patch,
    });
    let again = Change::RecreatePods { namespace: meta.namespace.clone(), names: vec![meta.name.clone()] };
    let step = step.leading_to(set.into_iter().chain([again]).collect());
    Some(Remedy::new(title, Risk::Low, vec![step]))
}

fn start(cx: &Context<'_>, part: &Part<'_>) -> Remedy {
    let step = cx.scale(format!("Start {} again", part.words()), part.key(), 1);
    Remedy::untried("Start the controller", Risk::Low, vec![step], "what the controller answers is not known")
}
