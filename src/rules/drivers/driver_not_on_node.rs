use std::collections::BTreeMap;

use super::driver_absence::Absence;
use super::needed_by_claims::{lacking_everywhere, wanting};
use super::similar::similar_fact;
use crate::diagnosis::by_key::by_key;
use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::text::{capital, named, names};
use crate::model::{Claim, Kind, Node, ObjectRef, Pod};
use crate::rules::attaching::placed::{event_fact, failing, node_of, node_ref, stuck, unread, volume_words, wait_fact};
use crate::rules::provisioning::capacity::shortages;
use crate::scheduler::{Fact, Obstacle, Reason, reasons};
use crate::volumes::driver_words::essential;
use crate::volumes::migration::{in_tree_plugin, translate};
use crate::volumes::{AttachProblem, MountFailure};

crate::rules::declare_rule! {
    static RULE = {
        name: "driver-not-on-node",
        summary: "A node lacks the CSI driver of a volume that a pod needs there.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSINode, CSIDriver, DaemonSet, Deployment, StatefulSet, Event],
        rejected_pods: true,
        stage: Obstacle,
        check: check,
    }
}

/// Nodes of which the facts are told.
const SHOWN: usize = 4;

/// A driver that a node lacks, with the pods that need it there.
struct Gap<'a> {
    driver: String,
    node: &'a Node,
    pods: Vec<&'a Pod>,
    /// The volumes in words, with the facts about them.
    volumes: Vec<String>,
    facts: Vec<Evidence>,
    /// The claims whose volumes can't be made for want of the driver.
    claims: Vec<&'a Claim>,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::CSINode]));
    let mut gaps: BTreeMap<(String, String), Gap<'_>> = BTreeMap::new();
    of_placed_pods(cx, out, &mut gaps);
    if of_unplaced_pods(cx, out, &mut gaps) {
        out.skip(cx.unread(&[Kind::CSINode]));
    }
    of_claims(cx, out, &mut gaps);
    of_capacity(cx, out, &mut gaps);
    let absences = gaps.values().map(|gap| {
        let absence = Absence::of(cx, &gap.driver, gap.node);
        let object = absence.object(cx, &gap.driver, &gap.node.metadata.name);
        let cause = absence.cause(cx, &gap.driver, "that node");
        ((object, cause), (gap, absence))
    });
    for ((object, _), gaps) in by_key(absences) {
        out.add(finding(cx, object, &gaps));
    }
}

impl<'a> Gap<'a> {
    fn of<'g>(gaps: &'g mut BTreeMap<(String, String), Self>, driver: &str, node: &'a Node) -> &'g mut Self {
        let key = (driver.to_owned(), node.metadata.name.clone());
        gaps.entry(key).or_insert_with(|| Self {
            driver: driver.to_owned(),
            node,
            pods: Vec::new(),
            volumes: Vec::new(),
            facts: Vec::new(),
            claims: Vec::new(),
        })
    }

    fn add(&mut self, pod: &'a Pod, volume: String, facts: Vec<Evidence>) {
        if !self.pods.iter().any(|known| std::ptr::eq(*known, pod)) {
            self.pods.push(pod);
        }
        if !self.volumes.contains(&volume) {
            self.volumes.push(volume);
            self.facts.extend(facts);
        }
    }

    /// A claim that waits for the driver, with the pods that wait for the claim.
    fn add_claim(&mut self, cx: &Context<'a>, claim: &'a Claim, fact: Option<Evidence>) {
        if !self.claims.iter().any(|known| std::ptr::eq(*known, claim)) {
            self.claims.push(claim);
            self.facts.extend(fact);
        }
        for pod in cx.pending_users(claim) {
            self.add(pod, format!("the volume of claim {}", claim.metadata.name), Vec::new());
        }
    }
}

fn of_placed_pods<'a>(cx: &Context<'a>, out: &Out<'_>, gaps: &mut BTreeMap<(String, String), Gap<'a>>) {
    for stuck in stuck(cx, out) {
        let AttachProblem::DriverNotOnNode { volume, driver } = stuck.problem else { continue };
        let Some(node) = node_of(cx, stuck.case) else { continue };
        let mut facts = vec![wait_fact(stuck.case)];
        facts.extend(taken_over_fact(cx, volume, driver));
        facts.extend(stuck.case.verdict.telling_events().take(1).map(|it| event_fact(stuck.case, it)));
        Gap::of(gaps, driver, node).add(stuck.case.pod, stuck.volume(cx), facts);
    }
    for (case, event) in failing(cx, out, |failure| *failure == MountFailure::DriverNotOnNode) {
        let volume = event.volume.as_deref().and_then(|name| cx.snapshot.volumes.get("", name).found());
        let driver = volume.and_then(|volume| volume.spec.csi.as_ref()).map(|csi| csi.driver.as_str());
        let unread = cx.snapshot.csi_nodes.get("", &case.verdict.node).found().is_none();
        if let (Some(volume), Some(driver), Some(node), true) = (volume, driver, node_of(cx, case), unread) {
            let words = volume_words(cx, case, &volume.metadata.name);
            Gap::of(gaps, driver, node).add(case.pod, words, vec![event_fact(case, event), wait_fact(case)]);
        }
    }
}

/// Where an in-tree volume is a driver's by migration.
fn taken_over_fact(cx: &Context<'_>, volume: &str, driver: &str) -> Option<Evidence> {
    let found = cx.snapshot.volumes.get("", volume).found()?;
    let plugin = in_tree_plugin(found)?;
    let note =
        format!("in-tree volumes of this kind are left to CSI driver {driver} since Kubernetes has migrated them");
    Some(Context::fact(ObjectRef::new(Kind::PersistentVolume, "", volume), "spec", plugin, note))
}

/// Pods that no node takes, where a node only lacks the label that the driver would give it. Its volume then doesn't
/// match, though the node may be in the right place. Says whether volumes keep any pod from a node.
fn of_unplaced_pods<'a>(cx: &Context<'a>, out: &Out<'_>, gaps: &mut BTreeMap<(String, String), Gap<'a>>) -> bool {
    let mut any = false;
    let volumes =
        |reason: &Reason| matches!(reason, Reason::VolumeBinding(reasons::VolumeBinding::VolumeAffinity { .. }));
    for group in cx.blocked() {
        if group.pods.iter().all(|pod| out.explained(&pod_ref(pod))) {
            continue;
        }
        for verdict in group.verdict.nodes.iter().filter(|node| node.reasons.iter().any(volumes)) {
            let Some(node) = cx.snapshot.nodes.get("", &verdict.name).found() else { continue };
            any = true;
            let obstacles = cx.scheduler.obstacles(group.lead(), &verdict.name);
            let labels: Option<Vec<Label>> =
                obstacles.iter().map(|obstacle| missing_label(cx, node, obstacle)).collect();
            for label in labels.into_iter().flatten() {
                let fact = label.fact(node);
                let gap = Gap::of(gaps, &label.driver, node);
                group.pods.iter().for_each(|pod| gap.add(pod, label.volume.clone(), vec![fact.clone()]));
            }
        }
    }
    any
}

/// Claims whose provisioner can't begin, because the chosen node, or every node, lacks the driver.
fn of_claims<'a>(cx: &Context<'a>, out: &Out<'_>, gaps: &mut BTreeMap<(String, String), Gap<'a>>) {
    for case in cx.claims.iter().filter(|case| !out.explained(&claim_ref(case.claim))) {
        let Some((driver, nodes)) = wanting(cx, case) else { continue };
        let said = case.provisioning.as_ref().and_then(|verdict| verdict.report.as_ref()).map(|report| {
            let said = essential(&report.message);
            Context::fact(claim_ref(case.claim), "events", said, "what the provisioner says for want of the driver")
        });
        for (place, node) in nodes.into_iter().enumerate() {
            Gap::of(gaps, &driver, node).add_claim(cx, case.claim, said.clone().filter(|_| place == 0));
        }
    }
}

/// Claims for which no capacity can be published, because the driver that would publish it is on no node.
fn of_capacity<'a>(cx: &Context<'a>, out: &Out<'_>, gaps: &mut BTreeMap<(String, String), Gap<'a>>) {
    for shortage in shortages(cx) {
        let known = shortage.group.pods.iter().all(|pod| out.explained(&pod_ref(pod)));
        if known || !shortage.unpublished.is_empty() || !shortage.small.is_empty() {
            continue;
        }
        let driver = &shortage.class.provisioner;
        let note = "the scheduler takes every node for full for which the driver publishes no capacity";
        let fact = Context::fact(ObjectRef::new(Kind::CSIDriver, "", driver), "spec.storageCapacity", "true", note);
        for (place, node) in lacking_everywhere(cx, driver).into_iter().flatten().enumerate() {
            let gap = Gap::of(gaps, driver, node);
            for (claim, _) in shortage.group.pods.iter().flat_map(|pod| cx.delayed_claims(pod)) {
                gap.add_claim(cx, claim, Some(fact.clone()).filter(|_| place == 0));
            }
        }
    }
}

/// A label of a driver's own that a volume asks for and a node lacks.
struct Label {
    driver: String,
    volume: String,
    key: String,
}

impl Label {
    fn fact(&self, node: &Node) -> Evidence {
        let Self { driver, volume, key } = self;
        let note = format!("{volume} asks for this label, which driver {driver} gives a node when it registers there");
        Context::fact(node_ref(&node.metadata.name), &format!("metadata.labels[{key}]"), "not there", note)
    }
}

/// The label that an obstacle is about, where the driver isn't on the node and would bring it.
fn missing_label(cx: &Context<'_>, node: &Node, obstacle: &Obstacle) -> Option<Label> {
    let Fact::VolumeAffinity { claim, volume, unmet } = &obstacle.fact else { return None };
    let found = cx.snapshot.volumes.get("", volume).found()?;
    let twin = translate(found).map(|twin| twin.driver.to_owned());
    let driver = found.spec.csi.as_ref().map(|csi| csi.driver.clone()).or(twin)?;
    let csi_node = cx.snapshot.csi_nodes.get("", &node.metadata.name).found()?;
    let registered = cx.snapshot.csi_nodes.seen().iter().filter_map(|other| other.driver(&driver));
    let keys: Vec<&str> = registered.flat_map(|entry| entry.topology_keys.iter().map(String::as_str)).collect();
    let own = |key: &str| keys.contains(&key) || keys.is_empty() && is_of_driver(key, &driver);
    let brings = |key: &str, present: &Option<String>| present.is_none() && own(key);
    let all = !unmet.is_empty() && unmet.iter().all(|(requirement, present)| brings(&requirement.key, present));
    let key = unmet.first().map(|(requirement, _)| requirement.key.clone())?;
    let volume = format!("volume {volume} of claim {claim}");
    (all && csi_node.driver(&driver).is_none()).then_some(Label { driver, volume, key })
}

/// Whether a topology key has the driver in its domain, as in `topology.ebs.csi.aws.com/zone` or `csi.hetzner.cloud/location`.
fn is_of_driver(key: &str, driver: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    domain == driver || domain.strip_prefix("topology.") == Some(driver)
}

fn finding(cx: &Context<'_>, object: ObjectRef, gaps: &[(&Gap<'_>, Absence<'_>)]) -> Finding {
    let (gap, absence) = &gaps[0];
    let mut nodes: Vec<&str> = gaps.iter().map(|(gap, _)| gap.node.metadata.name.as_str()).collect();
    nodes.sort_unstable();
    let cause = absence.cause(cx, &gap.driver, &named("node", &nodes));
    let title = capital(&format!("{cause}, so {}", outcome(gaps, &nodes)));
    let mut finding = RULE.finding(object, title);
    if matches!(absence, Absence::NotInstalled) {
        finding.evidence.extend(similar_fact(cx, &gap.driver));
    }
    for (gap, absence) in gaps.iter().take(SHOWN) {
        finding.evidence.extend(registered_fact(cx, gap));
        finding.evidence.extend(absence.facts(cx));
        finding.evidence.extend(gap.facts.iter().cloned());
    }
    let pods = gaps.iter().flat_map(|(gap, _)| gap.pods.iter().map(|pod| pod_ref(pod)));
    let claims = gaps.iter().flat_map(|(gap, _)| gap.claims.iter().map(|claim| claim_ref(claim)));
    let plugins = absence.victims(cx);
    let finding = if absence.certain(cx) { finding } else { finding.likely() };
    let remedy = absence.remedy(cx, &gap.driver, &gap.node.metadata.name);
    let rests_on = gaps.iter().filter_map(|(_, absence)| absence.stands_on());
    finding.explains_all(claims.chain(pods)).explains_all(plugins).rests_on(rests_on).remedy(remedy)
}

/// What comes of it: whose volume can't be made, or which pod can't have which volume.
fn outcome(gaps: &[(&Gap<'_>, Absence<'_>)], nodes: &[&str]) -> String {
    let absence = &gaps[0].1;
    let claims = once(gaps.iter().flat_map(|(gap, _)| &gap.claims).map(|claim| claim.metadata.name.as_str()));
    if !claims.is_empty() {
        return format!("{} can get no volume", named("claim", &claims));
    }
    let pods = once(gaps.iter().flat_map(|(gap, _)| &gap.pods).map(|pod| pod.metadata.name.as_str()));
    let volumes = once(gaps.iter().flat_map(|(gap, _)| gap.volumes.iter().map(String::as_str)));
    let place = match absence {
        Absence::NotInstalled => format!("on {}", named("node", nodes)),
        _ => "there".to_owned(),
    };
    format!("{} can't have {} {place}", named("pod", &pods), names(&volumes))
}

/// The names without those that came before, in their order.
fn once<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut kept: Vec<&str> = Vec::new();
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

/// Where the driver is registered, if not on the node; `None` where the node's CSINode was not read.
fn registered_fact(cx: &Context<'_>, gap: &Gap<'_>) -> Option<Evidence> {
    let (driver, node) = (&gap.driver, &gap.node.metadata.name);
    cx.snapshot.csi_nodes.get("", node).found()?;
    let mut nodes: Vec<&str> = cx.index.nodes_with(driver).into_iter().flatten().copied().collect();
    nodes.sort_unstable();
    let note = match nodes.as_slice() {
        [] => format!("the kubelet of node {node} does not know the driver, and no other node's does"),
        nodes => {
            format!("the kubelet of node {node} does not know the driver; it is registered on {}", named("node", nodes))
        }
    };
    Some(Context::fact(ObjectRef::new(Kind::CSINode, "", node), "spec.drivers", format!("not {driver}"), note))
}
