use std::collections::BTreeMap;

use super::outdated::{Work, outdated};
use super::runner::{Health, Runner, busy_helpers, runner};
use crate::diagnosis::by_key::by_key;
use crate::diagnosis::command;
use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::who::Who;
use crate::model::component::Role;
use crate::model::{Event, Kind, Pod};
use crate::rules::drivers::rights::{Lacking, lacking};
use crate::volumes::{Decision, Intake};

crate::rules::declare_rule! {
    static RULE = {
        name: "waiting-for-provisioner",
        summary: "Claims wait for a provisioner that is there but has not made the volume.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass],
        reads: [PersistentVolume, Event, Deployment, StatefulSet, DaemonSet],
        stage: Failure,
        check: check,
    }
}

/// Seconds after which a provisioner that has said nothing is no longer just about to begin.
const SILENT: i64 = 120;
/// Seconds after which one that has begun is no longer just at work.
const AT_WORK: i64 = 300;
/// Claims that are shown.
const SHOWN: usize = 3;

/// How far a claim has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// The provisioner has not had its time yet.
    Young,
    /// The volume controller has not handed the claim over.
    NotHandedOver,
    /// The provisioner has said nothing.
    Silent,
    /// The provisioner has begun and not come to an end.
    Begun,
}

/// A waiting claim.
struct Waiting<'c, 'a> {
    case: &'c ClaimCase<'a>,
    stage: Stage,
    /// The provisioner's `Provisioning`, where it has begun.
    begun: Option<&'a Event>,
    /// The volume controller's `ExternalProvisioning`.
    asked: Option<&'a Event>,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    for (driver, waiting) in waiting(cx, |case| !out.explained(&claim_ref(case.claim))) {
        let runner = runner(cx, driver);
        out.add(finding(cx, driver, runner.as_ref(), &waiting));
    }
}

/// The claims that wait for provisioners, by provisioner.
fn waiting<'c, 'a>(
    cx: &'c Context<'a>,
    wanted: impl Fn(&ClaimCase<'_>) -> bool,
) -> BTreeMap<&'c str, Vec<Waiting<'c, 'a>>> {
    let provisioner = |case: &'c ClaimCase<'a>| match &case.verdict.decision {
        Decision::ExternalProvisioning { provisioner, .. } | Decision::InTreeProvisioning { provisioner, .. } => {
            Some(provisioner.as_str())
        }
        _ => None,
    };
    let cases = cx.claims.iter().filter(|case| wanted(case));
    by_key(cases.filter_map(|case| Some((provisioner(case)?, judge(cx, case)))))
}

fn judge<'c, 'a>(cx: &Context<'a>, case: &'c ClaimCase<'a>) -> Waiting<'c, 'a> {
    let history = cx.history(Kind::PersistentVolumeClaim, &case.claim.metadata);
    let asked = history.last(|event| event.reason == "ExternalProvisioning");
    let begun = history.last(|event| event.reason == "Provisioning");
    let handed = case
        .provisioning
        .as_ref()
        .is_none_or(|verdict| !matches!(verdict.intake, Intake::NotAsked | Intake::AskedAnother { .. }));
    let age = match (begun, asked) {
        (Some(event), _) | (None, Some(event)) => cx.seconds_since(event.first_seen()),
        (None, None) => age(cx, case),
    };
    let patience = if begun.is_some() { AT_WORK } else { SILENT };
    let stage = match (age.is_some_and(|age| age > patience), begun) {
        (false, _) => Stage::Young,
        (true, Some(_)) => Stage::Begun,
        (true, None) if handed => Stage::Silent,
        (true, None) => Stage::NotHandedOver,
    };
    Waiting { case, stage, begun, asked }
}

/// Seconds for which the claim can have been waiting: since it was made or, where a node had to be chosen first, since
/// the oldest pod that waits for it was.
fn age(cx: &Context<'_>, case: &ClaimCase<'_>) -> Option<i64> {
    let made = case.claim.metadata.creation_timestamp.as_str();
    let pods = cx.pending_users(case.claim);
    let oldest = pods.iter().map(|pod| pod.metadata.creation_timestamp.as_str()).min();
    let since = match case.claim.selected_node() {
        Some(_) => oldest.unwrap_or_default().max(made),
        None => made,
    };
    cx.seconds_since(since)
}

fn finding(cx: &Context<'_>, driver: &str, runner: Option<&Runner<'_>>, waiting: &[Waiting<'_, '_>]) -> Finding {
    let stage = waiting.iter().map(|one| one.stage).max().unwrap_or(Stage::Young);
    let health = runner.map(|runner| runner.health(cx));
    let severity = severity(cx, stage, health, waiting);
    let object = match (runner, health) {
        (Some(runner), Some(Health::Stopped | Health::Unready | Health::Empty)) if severity == Severity::Error => {
            runner.object()
        }
        _ => claim_ref(waiting.iter().max_by_key(|one| one.stage).unwrap_or(&waiting[0]).case.claim),
    };
    let asks = severity == Severity::Error && matches!(health, Some(Health::Ready));
    let too_old = runner.filter(|_| asks).and_then(|runner| outdated(cx, &runner.part, Work::Provisioning));
    let mut title = title(driver, runner, stage, health, waiting);
    if let Some(too_old) = &too_old {
        title.push_str(&format!("; {}", too_old.text));
    }
    let silent = runner.filter(|_| asks && stage == Stage::Silent && too_old.is_none());
    let lacking = silent.and_then(|runner| lacking(cx, &runner.part, Role::Provisioner));
    if let Some(lacking) = &lacking {
        title.push_str(&format!(": {}", lacking.words()));
    }
    let mut finding = Finding::new(RULE.name, severity, object, title);
    finding.evidence.extend(lacking.iter().flat_map(Lacking::facts));
    let seen_broken = matches!(health, Some(Health::Stopped | Health::Unready | Health::Empty));
    let unsure = waiting.iter().any(|one| !one.case.verdict.unknown.is_empty());
    if unsure || severity == Severity::Error && !seen_broken {
        finding = finding.likely();
    }
    if severity == Severity::Info {
        finding = finding.passing();
    }
    for one in waiting.iter().take(SHOWN) {
        finding = with_facts(cx, one, finding);
    }
    if let Some(runner) = runner.filter(|_| severity == Severity::Error) {
        finding = runner.told(cx, finding);
        finding = if health == Some(Health::Unready) { runner.with_unready(finding) } else { finding };
        if matches!(health, Some(Health::Unready | Health::Empty)) {
            finding = finding.rests_on([runner.object()]);
        }
    }
    finding.rests_on.extend(waiting.iter().take(SHOWN).flat_map(|one| busy_helpers(cx, one.case.claim)));
    for one in waiting {
        finding = finding.explains(claim_ref(one.case.claim));
        finding = finding.explains_all(cx.held_by(one.case.claim).into_iter().map(pod_ref));
    }
    finding.evidence.extend(too_old.as_ref().map(|it| it.fact.clone()));
    if let Some(too_old) = too_old {
        let reason = "what the provisioner answers is not known";
        let step = Step::told(too_old.cure);
        finding = finding.remedy(Remedy::untried("Upgrade the provisioner", Risk::Low, vec![step], reason));
    }
    let finding = finding.with_remedies(lacking.as_ref().map(Lacking::remedy));
    if severity == Severity::Error { finding.remedy(remedy(cx, driver, runner, health, stage)) } else { finding }
}

/// A provisioner at work is no trouble. Where the present isn't known, or only that it isn't earlier than what is seen,
/// neither is how long the claims wait.
fn severity(cx: &Context<'_>, stage: Stage, health: Option<Health>, waiting: &[Waiting<'_, '_>]) -> Severity {
    let held = || waiting.iter().any(|one| cx.held_by(one.case.claim).iter().any(|pod| refused(cx, pod)));
    let fresh = || waiting.iter().all(|one| cx.fresh(&one.case.claim.metadata));
    let undated = cx.options.now.is_none() || cx.options.now_is_a_bound;
    match (stage, health) {
        (_, Some(Health::Stopped)) | (Stage::NotHandedOver | Stage::Silent | Stage::Begun, _) => Severity::Error,
        (Stage::Young, _) if undated && !fresh() && held() => Severity::Warning,
        (Stage::Young, _) => Severity::Info,
    }
}

/// Whether the scheduler refuses the pod until the claim is bound.
fn refused(cx: &Context<'_>, pod: &Pod) -> bool {
    cx.verdict(pod).is_some_and(|verdict| verdict.pre_filter.is_some())
}

fn title(
    driver: &str,
    runner: Option<&Runner<'_>>,
    stage: Stage,
    health: Option<Health>,
    waiting: &[Waiting<'_, '_>],
) -> String {
    let names: Vec<&str> = waiting.iter().map(|one| one.case.claim.metadata.name.as_str()).collect();
    let who = Who::new("claim", &names);
    let (waits, them) = (who.does("wait"), who.them());
    let whose = |runner: &Runner<'_>, what: &str| {
        format!("{waits} for provisioner {driver}, whose {} {what}", runner.part.words())
    };
    match (runner, health, stage) {
        (Some(runner), Some(Health::Stopped), _) => whose(runner, "is scaled to zero"),
        (_, _, Stage::Young) => format!("{waits} for provisioner {driver} to make the volume"),
        (Some(runner), Some(Health::Unready), _) => whose(runner, "has no ready pod"),
        (Some(runner), Some(Health::Empty), _) => whose(runner, "has no pod"),
        (_, _, Stage::NotHandedOver) => {
            format!("{} not been handed to provisioner {driver} by the volume controller", who.does("have"))
        }
        (_, _, Stage::Silent) => {
            format!("{waits} for provisioner {driver}, which has said nothing of {them}")
        }
        (_, _, Stage::Begun) => {
            format!("{waits} for provisioner {driver}, which began with {them} and has come to no end")
        }
    }
}

fn with_facts(cx: &Context<'_>, one: &Waiting<'_, '_>, mut finding: Finding) -> Finding {
    let object = claim_ref(one.case.claim);
    if let Some(node) = one.case.claim.selected_node() {
        finding = finding.evidence(
            object.clone(),
            "metadata.annotations[volume.kubernetes.io/selected-node]",
            node,
            "the scheduler has chosen this node, and the pod waits there for the volume",
        );
    }
    if let Some(event) = one.begun {
        let note = format!("the provisioner began, first at {}, and has reported no failure", event.first_seen());
        return finding.evidence(object, "events", event.message.clone(), note);
    }
    match one.asked {
        Some(event) => {
            let note = format!(
                "the volume controller waits for the provisioner since {}, and the provisioner has said nothing",
                event.first_seen()
            );
            finding.evidence(object, "events", format!("{}, {} times", event.reason, event.times()), note)
        }
        None => {
            let note = match cx.unread(&[Kind::Event]) {
                None => "no volume has been made, and the provisioner has reported no failure",
                Some(_) => "no volume has been made; events, which would tell a failure, were not read",
            };
            finding.evidence(object, "status.phase", "Pending", note)
        }
    }
}

fn remedy(cx: &Context<'_>, driver: &str, runner: Option<&Runner<'_>>, health: Option<Health>, stage: Stage) -> Remedy {
    let reason = "what the provisioner answers is not known";
    match (runner, health) {
        (Some(runner), Some(Health::Stopped)) => {
            Remedy::untried("Start the provisioner", Risk::Low, vec![start(cx, runner)], reason)
        }
        (Some(runner), Some(Health::Unready | Health::Empty)) => {
            let look = format!("See why {} has no ready pod", runner.part.words());
            Remedy::untried("Get the provisioner to run", Risk::Low, vec![Step::told(look), runner.look()], reason)
        }
        _ if stage == Stage::NotHandedOver => {
            let look = "See whether kube-controller-manager runs, and what its log says of the claim";
            Remedy::untried("See to the volume controller", Risk::Low, vec![Step::told(look)], reason)
        }
        (runner, _) => {
            let look = runner.map_or_else(
                || Step::told(format!("Find the workload that provisions as {driver}, and read its log")),
                Runner::look,
            );
            Remedy::untried("See why the provisioner is silent", Risk::Low, vec![look, causes(driver, runner)], reason)
        }
    }
}

/// What mostly keeps a running provisioner from its work.
fn causes(driver: &str, runner: Option<&Runner<'_>>) -> Step {
    let command = runner.and_then(|runner| command::kubectl(&["get", "leases"], &[], &[("-n", runner.part.namespace)]));
    let what = format!(
        "Look there for its leader lock (a Lease or Endpoints in its own namespace that its Role must let it get and \
         update), for what RBAC forbids it, and for the name that it provisions as: it must be {driver}"
    );
    Step { command, ..Step::told(what) }
}

fn start(cx: &Context<'_>, runner: &Runner<'_>) -> Step {
    cx.scale(format!("Start {} again", runner.part.words()), runner.part.key(), 1)
}
