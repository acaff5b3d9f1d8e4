use super::scale_up;
use crate::admission::expand::ordinal_of;
use crate::diagnosis::by_key::by_key;
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::manager::{chart_name, helm};
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{count, either, named, names};
use crate::diagnosis::who::Who;
use crate::model::selector::matches;
use crate::model::{Kind, Meta, ObjectRef, Pod, Workload};
use crate::scheduler::Reason;
use crate::scheduler::reasons::{InterPodAffinity, VolumeBinding};

crate::rules::declare_rule! {
    static RULE = {
        name: "anti-affinity-exhausts-nodes",
        summary: "Pods that must not share a node outnumber the nodes that are open to them.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        rejected_pods: true,
        stage: Cause,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    let lasting = cx.blocked().filter(|group| !scale_up::comes(cx, group));
    let exhausting = lasting.filter(|group| !taken(cx, group).is_empty() && !tied_by_volumes(group));
    for (owner, groups) in by_key(exhausting.map(|group| (group.subject(), group))) {
        out.add(finding(cx, owner, &groups));
    }
}

/// Whether bound volumes close every other node: more nodes don't help then, and the volumes are the cause.
fn tied_by_volumes(group: &PodGroup<'_>) -> bool {
    let closed = closed(group);
    let mut others = group.verdict.nodes.iter().filter(|node| !closed.contains(&node.name.as_str())).peekable();
    let by_volume = |reason: &Reason| match reason {
        Reason::VolumeBinding(reason) => matches!(reason, VolumeBinding::VolumeAffinity { .. }),
        _ => false,
    };
    others.peek().is_some() && others.all(|node| node.reasons.iter().any(by_volume))
}

/// Nodes that are searched for the pods that hold them.
const SEARCHED: usize = 50;

/// The nodes that anti-affinity alone closes.
fn closed<'g>(group: &'g PodGroup<'_>) -> Vec<&'g str> {
    let by_anti_affinity = group.verdict.nodes.iter().filter(|node| {
        node.reasons.iter().any(|reason| match reason {
            Reason::InterPodAffinity(reason) => *reason != InterPodAffinity::Affinity,
            _ => false,
        })
    });
    by_anti_affinity.map(|node| node.name.as_str()).collect()
}

/// Of the first of those nodes, the ones that a pod holds by a term on the host name, with that pod.
fn taken<'g, 'a>(cx: &'g Context<'a>, group: &'g PodGroup<'a>) -> Vec<(&'g str, &'g Pod)> {
    let nodes = closed(group).into_iter().take(SEARCHED);
    nodes.filter_map(|node| Some((node, holder(cx, group.lead(), node)?))).collect()
}

/// A pod on the node that excludes the pod, or is excluded by it, by a term on the host name.
fn holder<'g>(cx: &'g Context<'_>, pod: &Pod, node: &str) -> Option<&'g Pod> {
    cx.scheduler.pods_on(node).find(|other| excludes(pod, other) || excludes(other, pod))
}

fn excludes(owner: &Pod, other: &Pod) -> bool {
    owner.spec.anti_affinity_terms().iter().any(|term| {
        let same_namespace = owner.metadata.namespace == other.metadata.namespace;
        term.topology_key == "kubernetes.io/hostname"
            && (term.namespaces.contains(&other.metadata.namespace)
                || term.namespace_selector.is_some()
                || same_namespace && term.namespaces.is_empty())
            && matches(term.label_selector.as_ref(), &other.metadata.labels)
    })
}

fn finding(cx: &Context<'_>, owner: ObjectRef, groups: &[&PodGroup<'_>]) -> Finding {
    let pods: Vec<&str> = groups.iter().flat_map(|group| group.names()).collect();
    let lead = groups[0].lead();
    let taken = taken(cx, groups[0]);
    let nodes = closed(groups[0]);
    let title = format!(
        "{} must not share a node with {}, and {} {}",
        Who::new("pod", &pods),
        either(nodes.len(), "the pod that is there", "the pods that are there"),
        named("node", &nodes),
        either(nodes.len(), "is the only one open to them", "are the only ones open to them"),
    );
    let subject = owner.clone();
    let mut finding = RULE.finding(owner, title).evidence(
        pod_ref(lead),
        "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution",
        "topologyKey kubernetes.io/hostname",
        "at most one such pod a node, without exception",
    );
    for (node, holder) in taken.iter().take(5) {
        let value = format!("on node {node}");
        finding = finding.evidence(pod_ref(holder), "spec.nodeName", value, "holds the node against the others");
    }
    let closed = groups[0].verdict.nodes.len() - nodes.len();
    if closed > 0 {
        finding = finding.evidence(
            pod_ref(lead),
            "",
            format!("{} more", count(closed, "node")),
            "are closed to these pods for other reasons (see the nodes)",
        );
    }
    finding = with_order(cx, &subject, lead, finding);
    let victims: Vec<ObjectRef> = groups.iter().flat_map(|group| group.objects()).collect();
    finding.explains_all(victims).with_remedies(remedies(cx, lead, nodes.len(), pods.len()))
}

/// Pods that exist are never held back by their StatefulSet; with a set people tend to think so.
fn with_order(cx: &Context<'_>, owner: &ObjectRef, lead: &Pod, finding: Finding) -> Finding {
    let Some(set) = stateful_set(cx, lead) else { return finding };
    let policy = if set.ordered() { "OrderedReady" } else { "Parallel" };
    let unready: Vec<&str> = earlier_unready(cx, set, lead);
    let reason = match (set.ordered(), unready.as_slice()) {
        (false, []) => "waiting does not help: the set makes all its pods at once".to_owned(),
        (true, []) => "waiting does not help: the pods exist, and the set holds back only pods that do not".to_owned(),
        (false, earlier) => format!(
            "the order of the set is not the reason, and waiting for {} does not help: the set makes all its pods at \
             once, and pods that exist are never held back",
            names(earlier)
        ),
        (true, earlier) => format!(
            "the order of the set is not the reason, and waiting for {} does not help: the set holds back only pods \
             that do not exist yet",
            names(earlier)
        ),
    };
    finding.evidence(owner.clone(), "spec.podManagementPolicy", policy, reason)
}

fn stateful_set<'a>(cx: &Context<'a>, pod: &Pod) -> Option<&'a Workload> {
    let owner = pod.metadata.controller().filter(|owner| owner.kind == "StatefulSet")?;
    cx.snapshot.stateful_sets.get(&pod.metadata.namespace, &owner.name).found().map(|set| &**set)
}

/// The pods of the set before this one that run without being ready.
fn earlier_unready<'c>(cx: &'c Context<'_>, set: &'c Workload, pod: &Pod) -> Vec<&'c str> {
    let name = &set.metadata.name;
    let own = ordinal_of(name, &pod.metadata.name);
    let siblings = cx.index.owned("StatefulSet", &set.metadata.namespace, name).iter();
    siblings
        .filter(|other| other.assigned() && !other.ready() && ordinal_of(name, &other.metadata.name) < own)
        .map(|other| other.metadata.name.as_str())
        .collect()
}

fn remedies(cx: &Context<'_>, lead: &Pod, open: usize, waiting: usize) -> Vec<Remedy> {
    let more =
        Step::told(format!("Add {} that the pods may use, or open existing ones to them", count(waiting, "node")));
    let reason = "what the new nodes would be like is not known";
    let mut remedies = vec![Remedy::untried("Add nodes", Risk::Low, vec![more], reason)];
    let Some((kind, meta)) = cx.workload(lead) else { return remedies };
    if let Some(set) = stateful_set(cx, lead) {
        let running = usize::try_from(set.replicas()).unwrap_or(0).saturating_sub(waiting).max(open.min(1));
        remedies.push(scale_down(cx, meta, running));
    }
    if let Some(remedy) = relax(cx, kind, meta, lead) {
        remedies.push(remedy);
    }
    remedies
}

fn scale_down(cx: &Context<'_>, meta: &Meta, replicas: usize) -> Remedy {
    let patch = serde_json::json!({"spec": {"replicas": replicas}});
    let (namespace, name) = (meta.namespace.clone(), meta.name.clone());
    let change = Change::Patch { kind: Kind::StatefulSet, namespace, name, patch };
    let step = cx.step(format!("Scale StatefulSet {} to {}", meta.name, count(replicas, "replica")), change);
    Remedy::new("Run fewer replicas", Risk::Medium, vec![step])
}

/// Drops the requirement. The pods that run carry it as well, so they are made anew with the others.
fn relax(cx: &Context<'_>, kind: Kind, meta: &Meta, lead: &Pod) -> Option<Remedy> {
    let patch = serde_json::json!({"spec": {"template": {"spec": {"affinity": {"podAntiAffinity":
        {"requiredDuringSchedulingIgnoredDuringExecution": null}}}}}});
    let (namespace, name) = (meta.namespace.clone(), meta.name.clone());
    let change = Change::Patch { kind, namespace, name, patch };
    let owner = lead.metadata.controller()?;
    let pods = cx.index.owned(&owner.kind, &lead.metadata.namespace, &owner.name);
    if kind != Kind::StatefulSet {
        let step = cx.step(format!("Drop the required anti-affinity from {kind} {}", meta.name), change);
        let reason = "the controller replaces the pods one after the other, in an order that is not known";
        return Some(Remedy::untried("Let the pods share a node", Risk::Medium, vec![step], reason));
    }
    let vault = helm(meta).filter(|helm| helm.chart.as_deref().map(chart_name) == Some("vault"));
    let step = match vault {
        Some(helm) => {
            let change = Change::HelmValues {
                release: helm.name.clone(),
                namespace: helm.namespace,
                chart: "vault".to_owned(),
                values: vec![("server.affinity".to_owned(), String::new())],
                effects: vec![change],
            };
            cx.step(format!("Set server.affinity to nothing in Helm release {}", helm.name), change)
        }
        None => cx.step(format!("Drop the required anti-affinity from {kind} {}", meta.name), change),
    };
    let all: Vec<ObjectRef> = pods.iter().map(|pod| pod_ref(pod)).collect();
    let steps = std::iter::once(step).chain(cx.recreate_steps(&all)).collect();
    Some(Remedy::new("Let the pods share a node: its loss then takes them all", Risk::High, steps))
}
