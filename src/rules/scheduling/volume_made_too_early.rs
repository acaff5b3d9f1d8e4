use super::early_remedies::{self, waiting};
use super::no_node_fits;
use super::pinned::pinned;
use super::volume_reach::excluding_volumes;
use crate::diagnosis::context::{Context, PodGroup, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::in_the_way::{InTheWay, NodeSet};
use crate::diagnosis::looks;
use crate::diagnosis::out::Out;
use crate::diagnosis::text::{count, either, names};
use crate::diagnosis::who::Who;
use crate::model::claim::SELECTED_NODE;
use crate::model::selector::{TopologySelectorTerm, topologies_allow};
use crate::model::{Claim, Kind, ObjectRef, Pod, StorageClass};
use crate::scheduler::{Fact, Obstacle};
use crate::volumes::early::made_at_once;

crate::rules::declare_rule! {
    static RULE = {
        name: "volume-made-too-early",
        summary: "A class binds at once, and the volume that it got is where its pod can't run.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node, PersistentVolumeClaim, PersistentVolume, StorageClass],
        rejected_pods: true,
        stage: Failure,
        check: check,
    }
}

/// How far apart a claim and its pod are made that belong together, in seconds: the pod has then not run elsewhere before.
const TOGETHER: u64 = 600;

/// Nodes that a title names.
const NAMED: usize = 2;

/// A claim whose volume was made before a node was chosen, and keeps the pod from nodes that would take it.
pub(super) struct Early<'a> {
    pub(super) claim: &'a Claim,
    pub(super) class: &'a StorageClass,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    for group in cx.blocked() {
        if group.verdict.preemption.is_some() || group.pods.iter().all(|pod| out.known(&pod_ref(pod))) {
            continue;
        }
        let way = cx.in_the_way(group);
        if let Some(stuck) = stuck(cx, group.lead(), &way) {
            out.add(finding(cx, group, &way, &stuck));
        }
    }
}

/// The claims that alone keep a pod from some nodes.
struct Stuck<'a, 'w> {
    early: Vec<Early<'a>>,
    open: &'w NodeSet,
    /// Whether the pod was made with all of them, so that nothing is in their volumes yet.
    unused: bool,
}

fn stuck<'a, 'w>(cx: &Context<'a>, pod: &'a Pod, way: &'w InTheWay) -> Option<Stuck<'a, 'w>> {
    if !way.of_pod.is_empty() || way.sets.iter().any(|set| set.only_first) {
        return None;
    }
    let excluding = excluding_volumes(way).is_some();
    let told = |set: &'w NodeSet| {
        let early: Option<Vec<Early<'a>>> = set.obstacles.iter().map(|obstacle| of(cx, pod, obstacle)).collect();
        let early = early?;
        let unused = early.iter().all(|one| together(one.claim, pod));
        (excluding || unused).then_some(Stuck { early, open: set, unused })
    };
    way.sets.iter().find_map(told)
}

fn of<'a>(cx: &Context<'a>, pod: &Pod, obstacle: &Obstacle) -> Option<Early<'a>> {
    let (Fact::VolumeAffinity { claim, .. } | Fact::Zone { claim, .. }) = &obstacle.fact else { return None };
    let claim = cx.snapshot.claims.get(&pod.metadata.namespace, claim).found()?;
    Some(Early { claim, class: made_at_once(cx.snapshot, claim)? })
}

/// Whether a pod was made with its claim, so that it can't have used it elsewhere.
fn together(claim: &Claim, pod: &Pod) -> bool {
    let second = |time: &str| time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    let (claim, pod) = (second(&claim.metadata.creation_timestamp), second(&pod.metadata.creation_timestamp));
    claim.zip(pod).is_some_and(|(claim, pod)| claim.abs_diff(pod) <= TOGETHER)
}

fn finding(cx: &Context<'_>, group: &PodGroup<'_>, way: &InTheWay, stuck: &Stuck<'_, '_>) -> Finding {
    let Stuck { early, open, unused } = stuck;
    let mut classes: Vec<&str> = early.iter().map(|one| one.class.metadata.name.as_str()).collect();
    classes.dedup();
    let who = Who::new("pod", &group.names());
    let elsewhere = match pinned(way) {
        Some(_) if open.nodes.len() > NAMED => {
            format!("; {} elsewhere would take {}", count(open.nodes.len(), "node"), who.them())
        }
        Some(_) => format!("; {} would take {}", names(&open.nodes), who.them()),
        None => String::new(),
    };
    let title = format!(
        "{} on no node: {} {} {} at once, before a node is chosen, and {}{elsewhere}",
        who.does("fit"),
        either(classes.len(), "class", "classes"),
        names(&classes),
        either(classes.len(), "binds", "bind"),
        no_node_fits::story(cx, group),
    );
    let mut finding = RULE.finding(group.subject(), title).explains_all(group.objects());
    for Early { claim, class } in early {
        finding = with_class(cx, finding, (claim, class), open);
    }
    let finding = no_node_fits::with_nodes(way, finding);
    let finding = if group.verdict.unknown.is_empty() { finding } else { finding.likely() };
    let look = looks::closer(cx, vec![pod_ref(group.lead())]);
    let anew = if *unused { early_remedies::remedies(cx, group, early) } else { Vec::new() };
    finding.with_remedies(anew).with_remedies(look)
}

fn with_class(cx: &Context<'_>, finding: Finding, (claim, class): (&Claim, &StorageClass), open: &NodeSet) -> Finding {
    let of_class = ObjectRef::new(Kind::StorageClass, "", &class.metadata.name);
    let (name, driver) = (&claim.metadata.name, &class.provisioner);
    let others: Vec<&str> = waiting(cx, class).iter().map(|class| class.metadata.name.as_str()).collect();
    let others = match others.as_slice() {
        [] => "the mode of a class can't be changed, and no other class of the driver waits for pods".to_owned(),
        [one] => format!("class {one} would wait for the pod"),
        some => format!("classes {} would wait for the pod", names(some)),
    };
    let note =
        format!("the volume of claim {name} was made as soon as the claim was there, where {driver} liked; {others}");
    let never = "kube-scheduler chose no node before the volume was made";
    let finding = finding
        .evidence(claim_ref(claim), "spec.storageClassName", class.metadata.name.clone(), "the class of the claim")
        .evidence(of_class.clone(), "volumeBindingMode", "Immediate", note)
        .evidence(claim_ref(claim), "metadata.annotations", format!("no {SELECTED_NODE}"), never);
    let mut nodes = open.nodes.iter().filter_map(|name| cx.snapshot.nodes.get("", name).found());
    if nodes.any(|node| topologies_allow(&class.allowed_topologies, &node.metadata.labels)) {
        return finding;
    }
    let places: Vec<String> = class.allowed_topologies.iter().map(place).collect();
    finding.evidence(of_class, "allowedTopologies", places.join(" or "), "and the class allows volumes there alone")
}

/// A place that a class allows, such as `zone=a`.
fn place(term: &TopologySelectorTerm) -> String {
    let labels = term.match_label_expressions.iter();
    let labels: Vec<String> = labels.map(|label| format!("{}={}", label.key, label.values.join(" or "))).collect();
    labels.join(" and ")
}
