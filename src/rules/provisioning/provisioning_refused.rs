use std::collections::BTreeMap;

use crate::admission::expand::claim_maker;
use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::named;
use crate::model::claim::SELECTED_NODE;
use crate::model::{Claim, Kind, ObjectRef, StorageClass};
use crate::rules::drivers::driver::{node_plugin, pod_on};
use crate::rules::drivers::needed_by_claims::wanting;
use crate::rules::drivers::vsphere::{self, VSPHERE};
use crate::volumes::{Decision, ProvisionProblem, ProvisionerVerdict};

crate::rules::declare_rule! {
    static RULE = {
        name: "provisioning-refused",
        summary: "A provisioner stops before it calls its driver, for what the claim, the class or the node says.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass],
        reads: [PersistentVolume, Event, CSINode, Node],
        stage: Obstacle,
        check: check,
    }
}

/// Seconds that a populator may take before a claim counts as forgotten by it.
const POPULATING: i64 = 600;

/// A claim with what stops its provisioner.
pub(super) struct Stopped<'c, 'a> {
    case: &'c ClaimCase<'a>,
    verdict: &'c ProvisionerVerdict,
    problem: &'c ProvisionProblem,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut stories: BTreeMap<(&str, String), Vec<Stopped<'_, '_>>> = BTreeMap::new();
    for case in cx.claims.iter().filter(|case| !out.explained(&claim_ref(case.claim))) {
        if let Some(stopped) = stopped(cx, case).filter(|_| wanting(cx, case).is_none()) {
            stories.entry((&stopped.verdict.driver, stopped.problem.to_string())).or_default().push(stopped);
        }
    }
    for (_, cases) in stories {
        out.add(finding(cx, &cases));
    }
}

/// What stops a claim's provisioner before it calls its driver.
pub(in crate::rules) fn stops<'c>(cx: &Context<'_>, case: &'c ClaimCase<'_>) -> Option<&'c ProvisionProblem> {
    stopped(cx, case).map(|stopped| stopped.problem)
}

/// The claim where its provisioner stops before it calls its driver. One whose driver has answered did not stop.
fn stopped<'c, 'a>(cx: &Context<'_>, case: &'c ClaimCase<'a>) -> Option<Stopped<'c, 'a>> {
    if !matches!(case.verdict.decision, Decision::ExternalProvisioning { .. }) {
        return None;
    }
    let verdict = case.provisioning.as_ref()?;
    let failure = verdict.report.as_ref().and_then(|report| report.failure.as_ref());
    if failure.is_some_and(|failure| failure.code.is_some()) {
        return None;
    }
    let problem = verdict.problem.as_ref()?;
    let stops = match problem {
        ProvisionProblem::NeedsPopulator { .. } => {
            cx.seconds_since(&case.claim.metadata.creation_timestamp).is_some_and(|seconds| seconds > POPULATING)
        }
        // A provisioner that has said nothing may not run at all; one without topology doesn't ask for nodes.
        ProvisionProblem::DriverOnNoNode => !verdict.failures.is_empty(),
        ProvisionProblem::NodeLacksLabels { node, .. } => {
            let known = cx.snapshot.nodes.get("", node).found().is_some();
            known && (verdict.report.is_some() || !events_read(cx, case.claim))
        }
        ProvisionProblem::CsiNodeMissing { .. }
        | ProvisionProblem::NoTopologyKey { .. }
        | ProvisionProblem::NotAllowed { .. }
        | ProvisionProblem::KeysOnNoNode { .. } => verdict.report.is_some() || !events_read(cx, case.claim),
        ProvisionProblem::Selector
        | ProvisionProblem::FsTypeTwice
        | ProvisionProblem::ZonesTwice
        | ProvisionProblem::SourceMissing { .. }
        | ProvisionProblem::SourceNotBound { .. }
        | ProvisionProblem::SourceDeleting { .. }
        | ProvisionProblem::SourceLarger { .. }
        | ProvisionProblem::SourceUnusable { .. }
        | ProvisionProblem::SourceMode { .. }
        | ProvisionProblem::AttributesClassMissing { .. }
        | ProvisionProblem::AttributesClassOfOther { .. } => true,
    };
    stops.then_some(Stopped { case, verdict, problem })
}

/// Whether it could be seen what the provisioner says of the claim.
fn events_read(cx: &Context<'_>, claim: &Claim) -> bool {
    cx.snapshot.events.covers(&claim.metadata.namespace) && !cx.snapshot.events.seen().is_empty()
}

fn finding(cx: &Context<'_>, cases: &[Stopped<'_, '_>]) -> Finding {
    let names: Vec<&str> = cases.iter().map(|stopped| stopped.case.claim.metadata.name.as_str()).collect();
    let lead = &cases[0];
    let driver = &lead.verdict.driver;
    let class = cx.snapshot.classes.get("", lead.case.claim.class()).found().map(|class| &**class);
    let what = match lead.problem {
        ProvisionProblem::NeedsPopulator { .. } => {
            format!("Provisioner {driver} leaves {} alone", named("claim", &names))
        }
        _ => format!("Provisioner {driver} can't begin with {}", named("claim", &names)),
    };
    let mut finding = RULE.finding(claim_ref(lead.case.claim), format!("{what}: {}", lead.problem));
    finding = with_facts(lead, class, finding);
    if let Some(report) = &lead.verdict.report {
        let note = format!("what the provisioner says, last at {}", report.last_seen);
        finding = finding.evidence(claim_ref(lead.case.claim), "events", report.message.clone(), note);
    }
    let open = lead.verdict.report.is_none() && hangs_on_nodes(lead.problem);
    if open || !lead.verdict.unknown.is_empty() || matches!(lead.problem, ProvisionProblem::NeedsPopulator { .. }) {
        finding = finding.likely();
    }
    for stopped in cases {
        finding = finding.explains(claim_ref(stopped.case.claim));
        finding = finding.explains_all(cx.held_by(stopped.case.claim).into_iter().map(pod_ref));
    }
    finding.remedy(remedy(cx, lead))
}

/// Whether the problem is one of drivers and nodes, and not of what the claim or class says.
fn hangs_on_nodes(problem: &ProvisionProblem) -> bool {
    matches!(
        problem,
        ProvisionProblem::CsiNodeMissing { .. }
            | ProvisionProblem::NoTopologyKey { .. }
            | ProvisionProblem::NodeLacksLabels { .. }
            | ProvisionProblem::NotAllowed { .. }
            | ProvisionProblem::DriverOnNoNode
            | ProvisionProblem::KeysOnNoNode { .. }
    )
}

/// The field that decides, with what it holds.
fn with_facts(stopped: &Stopped<'_, '_>, class: Option<&StorageClass>, finding: Finding) -> Finding {
    let claim = stopped.case.claim;
    let of_claim = claim_ref(claim);
    let of_class = ObjectRef::new(Kind::StorageClass, "", claim.class());
    let source = |name: &str| ObjectRef::new(Kind::PersistentVolumeClaim, &claim.metadata.namespace, name);
    let chosen = format!("metadata.annotations[{SELECTED_NODE}]");
    let on_node = |finding: Finding, node: &str, note: &str| {
        finding.evidence(of_claim.clone(), chosen.clone(), node, "the node that the scheduler has chosen").evidence(
            ObjectRef::new(Kind::CSINode, "", node),
            "spec.drivers",
            stopped.verdict.driver.clone(),
            note,
        )
    };
    match stopped.problem {
        ProvisionProblem::Selector => {
            finding.evidence(of_claim, "spec.selector", "set", "only volumes that exist can be selected by labels")
        }
        ProvisionProblem::FsTypeTwice => {
            let value = "fstype and csi.storage.k8s.io/fstype";
            finding.evidence(of_class, "parameters", value, "the class may have one of the two")
        }
        ProvisionProblem::ZonesTwice => {
            finding.evidence(of_class, "parameters", "zone or zones", "not beside allowedTopologies")
        }
        ProvisionProblem::NeedsPopulator { group, kind } => {
            let value = format!("{kind}.{group}");
            let note = "the provisioner leaves this to a volume populator; none has made the volume";
            finding.evidence(of_claim, "spec.dataSourceRef", value, note)
        }
        ProvisionProblem::SourceMissing { name } => {
            finding.evidence(source(name), "", "not found", "the claim that is to be cloned")
        }
        ProvisionProblem::SourceNotBound { name, phase } => {
            finding.evidence(source(name), "status.phase", phase.clone(), "only a bound claim can be cloned")
        }
        ProvisionProblem::SourceDeleting { name } => {
            finding.evidence(source(name), "metadata.deletionTimestamp", "set", "the claim that is to be cloned")
        }
        ProvisionProblem::SourceLarger { name, requested, source: bytes } => finding
            .evidence(
                source(name),
                "spec.resources.requests.storage",
                crate::model::Quantity::bytes(*bytes).to_string(),
                "a clone must be at least as large",
            )
            .evidence(
                of_claim,
                "spec.resources.requests.storage",
                crate::model::Quantity::bytes(*requested).to_string(),
                "what the clone asks for",
            ),
        ProvisionProblem::SourceUnusable { name } => {
            finding.evidence(source(name), "spec.volumeName", "", "its volume must be bound and of the same driver")
        }
        ProvisionProblem::SourceMode { name } => {
            finding.evidence(source(name), "spec.volumeMode", "", format!("the clone asks for {}", claim.volume_mode()))
        }
        ProvisionProblem::CsiNodeMissing { node } => on_node(finding, node, "the node has no CSINode at all"),
        ProvisionProblem::NoTopologyKey { node, registered } => {
            let note = if *registered { "registered there without topology keys" } else { "not registered there" };
            on_node(finding, node, note)
        }
        ProvisionProblem::NodeLacksLabels { node, labels } => {
            let note = "the driver's topology keys ask for these labels";
            finding.evidence(ObjectRef::new(Kind::Node, "", node), "metadata.labels", labels.join(", "), note)
        }
        ProvisionProblem::NotAllowed { node } => {
            let allowed = class.map_or_else(String::new, allowed);
            finding.evidence(of_class, "allowedTopologies", allowed, "where volumes of the class may be made").evidence(
                ObjectRef::new(Kind::Node, "", node),
                "metadata.labels",
                "others",
                "the chosen node",
            )
        }
        ProvisionProblem::DriverOnNoNode => {
            let driver = ObjectRef::new(Kind::CSIDriver, "", &stopped.verdict.driver);
            finding.evidence(driver, "", "on no CSINode", "its node plugin registers it on each node")
        }
        ProvisionProblem::KeysOnNoNode { keys } => {
            let driver = ObjectRef::new(Kind::CSIDriver, "", &stopped.verdict.driver);
            finding.evidence(driver, "", keys.join(", "), "topology keys of the driver, which no node has as labels")
        }
        ProvisionProblem::AttributesClassMissing { name } | ProvisionProblem::AttributesClassOfOther { name, .. } => {
            finding.evidence(of_claim, "spec.volumeAttributesClassName", name.clone(), stopped.problem.to_string())
        }
    }
}

fn allowed(class: &StorageClass) -> String {
    let terms = class.allowed_topologies.iter().map(|term| {
        let all = term.match_label_expressions.iter().map(|one| format!("{} in ({})", one.key, one.values.join(", ")));
        all.collect::<Vec<_>>().join(" and ")
    });
    terms.collect::<Vec<_>>().join(", or ")
}

fn remedy(cx: &Context<'_>, stopped: &Stopped<'_, '_>) -> Remedy {
    let reason = "what the provisioner answers then is not known";
    if let Some((title, step)) = without(cx, stopped) {
        return Remedy::untried(title, Risk::Low, vec![step], reason);
    }
    let name = &stopped.case.claim.metadata.name;
    let class = stopped.case.claim.class();
    let driver = &stopped.verdict.driver;
    let (title, what) = match stopped.problem {
        ProvisionProblem::Selector => (
            "Ask for a volume without a selector",
            format!("Make claim {name} anew without spec.selector, which can't be changed; it has no volume yet"),
        ),
        ProvisionProblem::FsTypeTwice | ProvisionProblem::ZonesTwice => (
            "Correct the class",
            format!("Make class {class} anew with one of the two: parameters of a class can't be changed"),
        ),
        ProvisionProblem::NeedsPopulator { group, kind } => {
            ("See to the populator", format!("Install the populator for {kind}.{group}, or read its log where it runs"))
        }
        ProvisionProblem::SourceMissing { name: source }
        | ProvisionProblem::SourceNotBound { name: source, .. }
        | ProvisionProblem::SourceDeleting { name: source }
        | ProvisionProblem::SourceLarger { name: source, .. }
        | ProvisionProblem::SourceUnusable { name: source }
        | ProvisionProblem::SourceMode { name: source } => (
            "Correct what is to be cloned",
            format!("See to claim {source}, or make claim {name} anew with a source that can be cloned"),
        ),
        ProvisionProblem::NoTopologyKey { node, registered: true } => (
            "Register the driver on the node anew",
            format!(
                "See that node {node} has a place in the driver's topology (its zone labels or tags), then restart the pod of \
                 {driver}'s node plugin there: it tells the kubelet of its topology only when it registers"
            ),
        ),
        ProvisionProblem::CsiNodeMissing { node } | ProvisionProblem::NoTopologyKey { node, .. } => (
            "Register the driver on the node",
            format!("See why the node plugin of {driver} has not registered on node {node}: it must run there"),
        ),
        ProvisionProblem::NodeLacksLabels { node, .. } => (
            "Label the node",
            format!(
                "See why node {node} lacks the labels: the cloud provider or the node plugin of {driver} sets them"
            ),
        ),
        ProvisionProblem::NotAllowed { .. } => (
            "Bring pod and class together",
            format!("Let the pod run where class {class} allows volumes, or make the class anew with other topologies"),
        ),
        ProvisionProblem::DriverOnNoNode | ProvisionProblem::KeysOnNoNode { .. } => {
            ("Register the driver", format!("See why the node plugin of {driver} registers on no node"))
        }
        ProvisionProblem::AttributesClassMissing { name: class }
        | ProvisionProblem::AttributesClassOfOther { name: class, .. } => (
            "Correct the attributes class",
            format!("Create VolumeAttributesClass {class} for driver {driver}, or let claim {name} name another"),
        ),
    };
    let mut steps = vec![Step::told(what)];
    steps.extend(register_anew(cx, stopped));
    Remedy::untried(title, Risk::Low, steps, reason)
}

/// The claim made anew without the field that is in the way, where no workload would make it with the same again.
fn without(cx: &Context<'_>, stopped: &Stopped<'_, '_>) -> Option<(&'static str, Step)> {
    let claim = stopped.case.claim;
    let meta = &claim.metadata;
    let (title, field, or) = match stopped.problem {
        ProvisionProblem::Selector => {
            ("Ask for a volume without a selector", "selector", "which can't be changed".to_owned())
        }
        ProvisionProblem::AttributesClassMissing { name } => (
            "Ask for a volume without an attributes class",
            "volumeAttributesClassName",
            format!("or create VolumeAttributesClass {name} for driver {}", stopped.verdict.driver),
        ),
        _ => return None,
    };
    let made = cx.users_of(claim).iter().any(|pod| claim_maker(cx.snapshot, pod, &meta.name).is_some());
    if made || meta.controller().is_some() {
        return None;
    }
    let (kind, namespace, name) = (Kind::PersistentVolumeClaim, meta.namespace.clone(), meta.name.clone());
    let operations = serde_json::json!([{"op": "remove", "path": format!("/spec/{field}")}]);
    let what = format!("Make claim {name} anew without spec.{field}, {or}; it has no volume yet");
    Some((title, cx.step(what, Change::Remake { kind, namespace, name, operations, ask: None })))
}

/// The steps that have the node plugin of a driver register anew with a topology.
fn register_anew(cx: &Context<'_>, stopped: &Stopped<'_, '_>) -> Vec<Step> {
    let ProvisionProblem::NoTopologyKey { node, registered: true } = stopped.problem else { return Vec::new() };
    let driver = &stopped.verdict.driver;
    let mut steps = match driver.as_str() {
        VSPHERE => vsphere::topology_looks(cx, node),
        _ => Vec::new(),
    };
    let found = cx.snapshot.nodes.get("", node).found();
    let plugin = found.and_then(|node| node_plugin(cx, driver, node)).and_then(|part| pod_on(cx, &part, node));
    steps.extend(plugin.map(|pod| {
        let (namespace, name) = (pod.metadata.namespace.clone(), pod.metadata.name.clone());
        cx.step(
            format!("Delete pod {name}; its DaemonSet makes a new one"),
            Change::Delete { kind: Kind::Pod, namespace, name },
        )
    }));
    steps
}
