mod facts;

use crate::diagnosis::by_key::by_key;
use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::named;
use crate::model::Claim;
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
struct Stopped<'c, 'a> {
    case: &'c ClaimCase<'a>,
    verdict: &'c ProvisionerVerdict,
    problem: &'c ProvisionProblem,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let open = cx.claims.iter().filter(|case| !out.explained(&claim_ref(case.claim)));
    let stopped = open.filter_map(|case| stopped(cx, case));
    let stories = by_key(stopped.map(|stopped| ((&stopped.verdict.driver, stopped.problem.to_string()), stopped)));
    for (_, cases) in stories {
        out.add(finding(cx, &cases));
    }
}

fn stopped<'c, 'a>(cx: &Context<'_>, case: &'c ClaimCase<'a>) -> Option<Stopped<'c, 'a>> {
    if !matches!(case.verdict.decision, Decision::ExternalProvisioning { .. }) {
        return None;
    }
    let verdict = case.provisioning.as_ref()?;
    let problem = verdict.problem.as_ref()?;
    let stops = match problem {
        ProvisionProblem::NeedsPopulator { .. } => {
            cx.seconds_since(&case.claim.metadata.creation_timestamp).is_some_and(|seconds| seconds > POPULATING)
        }
        // A provisioner that has said nothing may not run at all; one without topology doesn't ask for nodes.
        ProvisionProblem::DriverOnNoNode => !verdict.failures.is_empty(),
        ProvisionProblem::CsiNodeMissing { .. }
        | ProvisionProblem::NoTopologyKey { .. }
        | ProvisionProblem::NodeLacksLabels { .. }
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
    finding.evidence.extend(facts::facts(lead, class));
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
    finding.remedy(remedy(lead))
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

fn remedy(stopped: &Stopped<'_, '_>) -> Remedy {
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
    Remedy::untried(title, Risk::Low, vec![Step::told(what)], "what the provisioner answers then is not known")
}
