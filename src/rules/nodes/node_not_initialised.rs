use crate::dependencies::Part;
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{capital, either, named, names};
use crate::model::component::Role;
use crate::model::{Kind, Node, ObjectRef};
use crate::rules::attaching::placed::node_ref;
use crate::rules::drivers::driver::{KeepsOff, keeps_off};
use crate::rules::drivers::driver::{log_step, tolerate_taints};
use crate::rules::drivers::trouble::{Trouble, trouble};
use crate::rules::drivers::vsphere::VSPHERE;
use crate::scheduler::Fact;

crate::rules::declare_rule! {
    static RULE = {
        name: "node-not-initialised",
        summary: "Nodes still carry the taint that their cloud provider takes off when it has initialised them.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        reads: [Deployment, ReplicaSet, StatefulSet, DaemonSet, Event],
        stage: Provider,
        check: check,
    }
}

/// The taint of kubelets that wait for a cloud provider (`k8s.io/cloud-provider/api/well_known_taints.go`).
const TAINT: &str = "node.cloudprovider.kubernetes.io/uninitialized";
/// Seconds within which a provider initialises a new node.
const PATIENCE: i64 = 300;
/// Seconds within which its own pods may start.
const START: i64 = 60;

/// What the cluster shows of the cloud controller manager.
enum Provider<'a> {
    Runs(Part<'a>),
    Down(Part<'a>, Trouble<'a>),
    /// Nothing in what was read looks like one.
    NotSeen,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let nodes: Vec<&Node> =
        cx.snapshot.nodes.seen().iter().map(|node| &**node).filter(|node| waits(cx, node)).collect();
    if nodes.is_empty() {
        return;
    }
    let held: Vec<&PodGroup<'_>> = cx.blocked().filter(|group| held_by_taint(cx, group)).collect();
    if held.is_empty() {
        return;
    }
    out.skip(cx.unread_anywhere(&[Kind::DaemonSet, Kind::Deployment]));
    let provider = provider(cx, &nodes);
    if let Provider::Down(part, _) = &provider {
        let parts = part.pods(cx).into_iter().map(pod_ref).chain(part.makers(cx));
        if let Some(known) = parts.into_iter().find(|object| out.explained(object)) {
            held.iter().flat_map(|group| group.objects()).for_each(|pod| {
                out.explain_with(&known, &pod);
            });
            taints(&nodes).for_each(|fact| out.note(&known, fact));
            return;
        }
    }
    out.add(finding(cx, &nodes, &held, provider));
}

/// Whether a node has waited for its provider for longer than that takes.
fn waits(cx: &Context<'_>, node: &Node) -> bool {
    let fresh = cx.age(&node.metadata.creation_timestamp).is_some_and(|age| age < PATIENCE);
    node.spec.taints.iter().any(|taint| taint.key == TAINT) && !fresh
}

/// Whether the taint is all that keeps the pods from some node.
fn held_by_taint(cx: &Context<'_>, group: &PodGroup<'_>) -> bool {
    let is_it = |fact: &Fact| matches!(fact, Fact::Taint { key, .. } if key == TAINT);
    let way = cx.in_the_way(group);
    way.of_pod.is_empty() && way.sets.iter().any(|set| set.obstacles.iter().all(|obstacle| is_it(&obstacle.fact)))
}

fn provider<'a>(cx: &Context<'a>, nodes: &[&'a Node]) -> Provider<'a> {
    let parts = cx.drivers.clouds();
    if let Some(part) = parts.iter().find(|part| part.pods(cx).iter().any(|pod| pod.ready())) {
        return Provider::Runs(*part);
    }
    let down = parts.iter().find_map(|part| Some(Provider::Down(*part, why_down(cx, part, nodes)?)));
    down.unwrap_or(Provider::NotSeen)
}

/// Why no pod of the provider is ready: a DaemonSet that does not tolerate the very taint waits for itself.
fn why_down<'a>(cx: &Context<'a>, part: &Part<'a>, nodes: &[&'a Node]) -> Option<Trouble<'a>> {
    let pods = part.pods(cx);
    let kept_off = || {
        nodes.iter().find_map(|node| match keeps_off(part, node) {
            Some(KeepsOff::Taints(taints)) if taints.iter().any(|taint| taint.key == TAINT) => Some(taints),
            _ => None,
        })
    };
    let placed = pods.iter().any(|pod| pod.assigned());
    let Some(taints) = kept_off().filter(|_| !placed && !part.stopped()) else {
        return trouble(cx, part, &pods, START);
    };
    let (object, path) = part.place("tolerations");
    let step = cx.step(format!("Let the pods of {} tolerate it", part.words()), tolerate_taints(part, &taints));
    Some(Trouble {
        text: format!("does not tolerate taint {TAINT}, which nobody else takes off: it waits for itself"),
        facts: vec![Context::fact(object, &path, "none for it", "its pods must run on nodes that wait for it")],
        pods,
        remedy: Some(Remedy::untried("Let the provider run", Risk::Low, vec![step], "what it does then is not known")),
    })
}

fn taints<'n>(nodes: &'n [&Node]) -> impl Iterator<Item = Evidence> + 'n {
    nodes.iter().take(2).map(|node| {
        let id = match node.spec.provider_id.as_str() {
            "" => "no providerID".to_owned(),
            id => format!("providerID {id}"),
        };
        let note = format!("its kubelet leaves the node to a cloud provider, which has not initialised it ({id})");
        Context::fact(node_ref(&node.metadata.name), "spec.taints", TAINT, note)
    })
}

fn finding(cx: &Context<'_>, nodes: &[&Node], held: &[&PodGroup<'_>], provider: Provider<'_>) -> Finding {
    let list: Vec<&str> = nodes.iter().map(|node| node.metadata.name.as_str()).collect();
    let pods: Vec<&str> = held.iter().flat_map(|group| group.names()).collect();
    let waiting = format!("{} {} initialised", named("node", &list), either(list.len(), "is not", "are not"));
    let fits = format!("{} {} on no node", named("pod", &pods), either(pods.len(), "fits", "fit"));
    let new = |object: ObjectRef, title: String| RULE.finding(object, title);
    let mut finding = match &provider {
        Provider::Down(part, trouble) => new(
            part.object(),
            format!("{}, which initialises nodes, {}, so {waiting} and {fits}", part.words(), trouble.text),
        ),
        Provider::Runs(part) => {
            let title = format!(
                "{}: {}, which does that, runs and has not done it, so {fits}",
                capital(&waiting),
                part.words()
            );
            new(node_ref(list[0]), title).likely()
        }
        Provider::NotSeen => {
            let title =
                format!("{}: no cloud controller manager that does that was seen, so {fits}", capital(&waiting));
            new(node_ref(list[0]), title).likely()
        }
    };
    finding.evidence.extend(taints(nodes));
    match provider {
        Provider::Down(_, trouble) => {
            finding.evidence.extend(trouble.facts);
            finding = finding.explains_all(trouble.pods.iter().map(|pod| pod_ref(pod)));
            finding.remedies.extend(trouble.remedy);
        }
        Provider::Runs(part) => finding = read_log(cx, &part, finding),
        Provider::NotSeen => finding = not_seen(cx, finding),
    }
    finding.explains_all(held.iter().flat_map(|group| group.objects()))
}

/// What the provider makes of a machine only its log says.
fn read_log(cx: &Context<'_>, part: &Part<'_>, finding: Finding) -> Finding {
    let pods: Vec<&str> = part.pods(cx).iter().map(|pod| pod.metadata.name.as_str()).collect();
    let (object, path) = part.place("containers");
    let note = format!("it runs as {}; only its log says what it makes of the nodes", names(&pods));
    let container = part.container(Role::Cloud);
    let target = pods.first().copied().unwrap_or_default();
    let steps = vec![
        log_step("Read what it says of the nodes", part.namespace, target, container),
        Step::told(
            "Look for a login that fails, a machine that it does not find or finds twice (name, UUID), and addresses that \
             it can't tell",
        ),
    ];
    let reason = "what the provider answers is not in the API";
    finding.evidence(object, path, container.unwrap_or_default(), note).remedy(Remedy::untried(
        "See why it does not initialise them",
        Risk::Low,
        steps,
        reason,
    ))
}

/// The cloud controller manager that the cluster is in want of, as far as its drivers tell.
fn wanted(cx: &Context<'_>) -> &'static str {
    let vsphere = cx.snapshot.csi_drivers.get("", VSPHERE).found().is_some() || !cx.drivers.parts(VSPHERE).is_empty();
    if vsphere { "that of vSphere (CPI, vsphere-cloud-controller-manager)" } else { "the one of the cloud" }
}

fn not_seen(cx: &Context<'_>, finding: Finding) -> Finding {
    let command = kubectl(&["get", "daemonsets,deployments", "-A", "-o", "wide"], &[], &[]);
    let steps = vec![
        Step { command, ..Step::told("Look for the cloud controller manager; managed clusters run it elsewhere") },
        Step::told(format!("Install {}, or start the kubelets without --cloud-provider=external", wanted(cx))),
    ];
    let reason = "who should initialise the nodes is not known";
    let object = finding.object.clone();
    let note = "none was recognised by its image or program; where it runs outside of the cluster, that proves nothing";
    finding.evidence(object, "", "no cloud controller manager", note).remedy(Remedy::untried(
        "Have the nodes initialised",
        Risk::Low,
        steps,
        reason,
    ))
}
