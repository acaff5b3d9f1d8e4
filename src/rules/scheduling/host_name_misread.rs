use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{capital, either, named};
use crate::model::version::Version;
use crate::model::{Kind, Node, ObjectRef, Pod, Volume};
use crate::scheduler::Outcome;

crate::rules::declare_rule! {
    static RULE = {
        name: "host-name-misread",
        summary: "kube-scheduler takes the host name that a volume is for as the name of a node, and finds no such node.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node, PersistentVolumeClaim, PersistentVolume],
        reads: [CSINode],
        stage: Rest,
        check: check,
    }
}

/// The label that says which node a node is.
const HOSTNAME: &str = "kubernetes.io/hostname";
/// The first release that takes host names for names of nodes.
const MISREADS: Version = Version::new(1, 27);
/// The first release of which no patch does.
const READS_AGAIN: Version = Version::new(1, 32);

/// A bound volume for the host name of a node that has another name.
struct Misread<'a> {
    message: &'a str,
    volume: &'a Volume,
    node: &'a Node,
    host_name: &'a str,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let version = cx.options.version(cx.snapshot);
    if version < MISREADS || version >= READS_AGAIN {
        return;
    }
    for group in &cx.groups {
        if out.explained(&pod_ref(group.lead())) {
            continue;
        }
        match (misread(cx, group.lead()), group.verdict.outcome) {
            (Some(misread), Outcome::Schedulable) => out.add(finding(cx, group, &misread)),
            (Some(_), Outcome::Unknown) => out.skip(group.verdict.unknown.first().cloned()),
            _ => {}
        }
    }
}

/// Releases from 1.27 on take the host name in a volume's node affinity for the name of the node, until 1.32 and the last
/// patches of 1.29 to 1.31 (kubernetes/kubernetes#125398): where the two differ, no node is ever looked at.
fn misread<'a>(cx: &Context<'a>, pod: &'a Pod) -> Option<Misread<'a>> {
    let message = pod.condition("PodScheduled").filter(|it| it.status == "False")?.message.as_str();
    if !["[VolumeBinding]", "nodeinfo not found"].iter().any(|words| message.contains(words)) {
        return None;
    }
    let claims = cx.claims_of(pod).into_iter().filter_map(|(_, claim)| claim.found());
    let mut volumes =
        claims.filter_map(|claim| cx.snapshot.volumes.get("", &claim.spec.volume_name).found()).map(|volume| &**volume);
    volumes.find_map(|volume| {
        let terms = volume.required_node_affinity().into_iter().flat_map(|affinity| &affinity.node_selector_terms);
        let asked = terms.flat_map(|term| &term.match_expressions).filter(|asked| asked.key == HOSTNAME);
        asked.flat_map(|asked| &asked.values).find_map(|host_name| {
            let nodes = cx.snapshot.nodes.seen().iter().map(|node| &**node);
            let mut called = nodes.filter(|node| node.metadata.labels.get(HOSTNAME) == Some(host_name));
            let node = called.find(|node| node.metadata.name != *host_name)?;
            Some(Misread { message, volume, node, host_name })
        })
    })
}

fn finding(cx: &Context<'_>, group: &PodGroup<'_>, misread: &Misread<'_>) -> Finding {
    let Misread { message, volume, node, host_name } = misread;
    let (names, node, volume) = (group.names(), node.metadata.name.as_str(), volume.metadata.name.as_str());
    let title = format!(
        "{} {} not placed though node {node} would take {}: kube-scheduler {} takes {host_name}, the host name that \
         volume {volume} is for, for the name of a node",
        capital(&named("pod", &names)),
        either(names.len(), "is", "are"),
        either(names.len(), "it", "them"),
        cx.options.version(cx.snapshot),
    );
    let value = format!("{HOSTNAME}={host_name}");
    let (of_volume, of_node) =
        (ObjectRef::new(Kind::PersistentVolume, "", volume), ObjectRef::new(Kind::Node, "", node));
    let fault = format!("a known fault of releases {MISREADS} to 1.31 without their last patches");
    let said = "what the scheduler wrote; on the present state a node takes the pod";
    let steps = vec![
        Step::told("Upgrade kube-scheduler to 1.32, or to the last patch of 1.29, 1.30 or 1.31"),
        Step::told(format!("Or have the kubelet of node {node} register under {host_name} (--hostname-override)")),
    ];
    let reason = "a release of kube-scheduler is not a part of the state";
    RULE.finding(group.subject(), title)
        .likely()
        .evidence(of_volume, "spec.nodeAffinity.required", value.clone(), fault)
        .evidence(of_node, "metadata.labels", value, format!("the name of the node is another: {node}"))
        .evidence(pod_ref(group.lead()), "status.conditions[PodScheduled].message", *message, said)
        .explains_all(group.objects())
        .remedy(Remedy::untried("Use a kube-scheduler without the fault", Risk::Medium, steps, reason))
}
