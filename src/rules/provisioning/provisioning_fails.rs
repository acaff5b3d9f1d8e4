mod account;
mod modes;
mod repairs;
mod setting;
mod topology;
mod words;

use self::setting::{blind_choice, server_facts, servers_down};
use self::words::snapshot_event;
use super::copies::more_copies_than_nodes;
use super::outdated::{Outdated, Work, outdated};
use super::provisioning_refused::stops;
use super::runner::{Runner, busy_helpers, runner};
use crate::diagnosis::by_key::by_key;
use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::model::{Event, Kind, ObjectRef, StorageClass};
use crate::rules::drivers::driver_faults::meaning;
use crate::rules::drivers::named_parameters::named_parameters;
use crate::rules::drivers::vsphere;
use crate::scheduler::Outcome;
use crate::volumes::{Decision, FailureCause, ProvisionFailure, ProvisionerReport};

crate::rules::declare_rule! {
    static RULE = {
        name: "provisioning-fails",
        summary: "A provisioner says why it can't make a claim's volume.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass],
        reads: [CSINode, Event, Node, PersistentVolume],
        stage: Obstacle,
        check: check,
    }
}

/// Seconds for which a call that merely takes long, or is repeated, is no failure.
const PATIENCE: i64 = 300;
/// Claims whose failure is shown.
const SHOWN: usize = 3;

/// A claim with what its provisioner said.
struct Failing<'c, 'a> {
    case: &'c ClaimCase<'a>,
    report: ProvisionerReport,
    failure: ProvisionFailure,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let open = |case: &&ClaimCase<'_>| !out.explained(&claim_ref(case.claim)) && stops(cx, case).is_none();
    let failing = cx.claims.iter().filter(open).filter_map(|case| {
        let (driver, failing) = failing(cx, case)?;
        Some(((driver, case.claim.class(), story(&failing)), failing))
    });
    let stories = by_key(failing);
    let asked = |case: &&ClaimCase<'_>| matches!(case.verdict.decision, Decision::ExternalProvisioning { .. });
    if stories.is_empty() && cx.claims.iter().any(|case| asked(&case)) {
        out.skip(cx.unread(&[Kind::Event]));
    }
    for ((driver, class, _), failing) in stories {
        let class = cx.snapshot.classes.get("", class).found().map(|class| &**class);
        out.add(finding(cx, &driver, class, &failing));
    }
}

/// The provisioner and its failure, where one stands that isn't just a call which takes its time.
fn failing<'c, 'a>(cx: &Context<'a>, case: &'c ClaimCase<'a>) -> Option<(String, Failing<'c, 'a>)> {
    let (driver, report) = match (&case.verdict.decision, &case.provisioning) {
        (Decision::ExternalProvisioning { .. }, Some(verdict)) => {
            (verdict.driver.clone(), verdict.failures.first().and(verdict.report.clone())?)
        }
        (Decision::WaitForConsumer { .. }, Some(verdict)) if gave_node_back(cx, case) => {
            (verdict.driver.clone(), verdict.failures.first().and(verdict.report.clone())?)
        }
        (Decision::InTreeProvisioning { provisioner, .. }, _) => (provisioner.clone(), in_tree(cx, case)?),
        _ => return None,
    };
    let failure = report.failure.clone()?;
    let passing = failure.cause.echo() || failure.cause == FailureCause::Unreachable;
    let lasts = cx.seconds_since(&report.first_seen).is_none_or(|seconds| seconds > PATIENCE);
    (!passing || lasts).then_some((driver, Failing { case, report, failure }))
}

/// A claim from which the provisioner took the node again: the scheduler would place its pods anew at once, and the
/// same happens again.
fn gave_node_back(cx: &Context<'_>, case: &ClaimCase<'_>) -> bool {
    let pods = cx.pending_users(case.claim);
    let placeable = |outcome| matches!(outcome, Outcome::Schedulable);
    !pods.is_empty() && pods.iter().all(|pod| cx.verdict(pod).is_some_and(|verdict| placeable(verdict.outcome)))
}

/// The volume controller's own words on a claim that it provisions itself.
fn in_tree(cx: &Context<'_>, case: &ClaimCase<'_>) -> Option<ProvisionerReport> {
    let history = cx.history(Kind::PersistentVolumeClaim, &case.claim.metadata);
    let history = history.by(|component| component == "persistentvolume-controller");
    let failed = |event: &Event| event.reason == "ProvisioningFailed";
    let event = history.standing(failed, |event| event.reason == "ProvisioningSucceeded").into_iter().next()?;
    Some(ProvisionerReport {
        reason: event.reason.clone(),
        message: event.message.clone(),
        count: event.times(),
        first_seen: event.first_seen().to_owned(),
        last_seen: event.last_seen().to_owned(),
        outcome: None,
        failure: Some(ProvisionFailure::parse(&event.message)),
    })
}

/// What makes failures of several claims one story: the words without the claim's own names.
fn story(failing: &Failing<'_, '_>) -> String {
    let meta = &failing.case.claim.metadata;
    match &failing.failure.cause {
        cause @ (FailureCause::SecretMissing { .. }
        | FailureCause::SecretForbidden { .. }
        | FailureCause::SecretTemplate
        | FailureCause::NoNode
        | FailureCause::Snapshot { .. }
        | FailureCause::Webhook { .. }) => format!("{cause:?}"),
        _ if meta.uid.is_empty() => failing.failure.text.clone(),
        _ => failing.failure.text.replace(&meta.uid, "*").replace(&format!("/{}", meta.name), "/*"),
    }
}

fn finding(cx: &Context<'_>, driver: &str, class: Option<&StorageClass>, failing: &[Failing<'_, '_>]) -> Finding {
    let lead = &failing[0];
    let runner = runner(cx, driver);
    let too_old = too_old(cx, lead, runner.as_ref());
    let object = object(class, lead);
    let account = account::of_failure(cx, runner.as_ref(), lead);
    let named = account.as_ref().and_then(account::Account::words);
    let title = words::title(cx, driver, class, failing, too_old.as_ref(), named);
    let mut finding = RULE.finding(object, title);
    let foreign = class.is_some_and(|class| !topology::foreign_keys(cx, driver, class).is_empty());
    for one in failing.iter().take(SHOWN) {
        let note = match meaning(&one.failure.text).filter(|_| !foreign) {
            Some(meaning) => format!("{}; this means: {meaning}", said(&one.report)),
            None => said(&one.report),
        };
        finding = finding.evidence(claim_ref(one.case.claim), "events", one.failure.text.clone(), note);
    }
    finding.evidence.extend(began(lead));
    finding.evidence.extend(class.into_iter().flat_map(|class| named_parameters(class, &lead.failure.text)));
    finding.evidence.extend(class.into_iter().flat_map(|class| encryption(class, &lead.failure.text)));
    finding.evidence.extend(account.as_ref().and_then(account::Account::fact));
    finding = with_cause(cx, driver, class, lead, finding);
    finding.evidence.extend(too_old.as_ref().map(|it| it.fact.clone()));
    finding.evidence.extend(blind_choice(cx, driver, lead));
    if lead.failure.cause == FailureCause::NoRoom {
        finding.evidence.extend(class.and_then(|class| more_copies_than_nodes(cx, class)).map(|copies| copies.fact));
    }
    let servers = servers_down(cx, driver, lead);
    finding.evidence.extend(server_facts(cx, &servers));
    finding.rests_on.extend(servers.into_iter().map(pod_ref));
    if let Some(runner) = &runner {
        finding = runner.told(cx, finding);
    }
    if lead.failure.cause.echo() {
        finding = finding.likely();
    }
    finding.rests_on.extend(failing.iter().take(SHOWN).flat_map(|one| busy_helpers(cx, one.case.claim)));
    for one in failing {
        finding = finding.explains(claim_ref(one.case.claim));
        finding = finding.explains_all(cx.pending_users(one.case.claim).into_iter().map(pod_ref));
    }
    let role = account.zip(runner.as_ref()).and_then(|(account, runner)| account.remedy(runner));
    finding.with_remedies(role).with_remedies(repairs::remedies(cx, driver, class, lead, runner.as_ref(), too_old))
}

/// Whether the server doesn't know what the provisioner asks it for, because the provisioner is too old.
fn too_old(cx: &Context<'_>, lead: &Failing<'_, '_>, runner: Option<&Runner<'_>>) -> Option<Outdated> {
    let unknown = lead.failure.text.contains("the server could not find the requested resource");
    outdated(cx, &runner.filter(|_| unknown)?.part, Work::Provisioning)
}

/// The first failure of an attempt that doesn't end: what came after is its echo.
fn began(lead: &Failing<'_, '_>) -> Option<Evidence> {
    let failures = &lead.case.provisioning.as_ref().filter(|_| lead.failure.cause.echo())?.failures;
    let first = failures.iter().min_by_key(|report| report.first_seen.as_str())?;
    let text = first.failure.as_ref()?.text.clone();
    let note = format!("what it said first, at {}: the later answers are its echo", first.first_seen);
    (text != lead.failure.text).then(|| Context::fact(claim_ref(lead.case.claim), "events", text, note))
}

/// Where the cause lies: in the class, else it is told at the claim.
fn object(class: Option<&StorageClass>, lead: &Failing<'_, '_>) -> ObjectRef {
    match (&lead.failure.cause, class) {
        (FailureCause::NoNode, Some(class)) if !class.waits_for_consumer() => class_ref(class),
        (FailureCause::SecretTemplate, Some(class)) => class_ref(class),
        _ => claim_ref(lead.case.claim),
    }
}

/// The parameters about encryption, where the cloud took a volume away that it had made.
fn encryption(class: &StorageClass, words: &str) -> Vec<Evidence> {
    let keys = ["encrypted", "kmsKeyId"].into_iter().filter(|_| words.contains("failed to get an available volume"));
    let found = keys.filter_map(|key| Some((key, class.parameters.get(key)?)));
    let note = "the role of the driver must be allowed to use the key (kms:CreateGrant, Decrypt, GenerateDataKeyWithoutPlaintext)";
    found
        .map(|(key, value)| Context::fact(class_ref(class), &format!("parameters[{key}]"), value.clone(), note))
        .collect()
}

fn class_ref(class: &StorageClass) -> ObjectRef {
    ObjectRef::new(Kind::StorageClass, "", &class.metadata.name)
}

fn said(report: &ProvisionerReport) -> String {
    let times = if report.count > 1 { format!("{} times, ", report.count) } else { String::new() };
    match report.first_seen.as_str() {
        first if first.is_empty() || first == report.last_seen => "what the provisioner says".to_owned(),
        first => format!("what the provisioner says, {times}from {first} to {}", report.last_seen),
    }
}

/// The fields that the cause points to.
fn with_cause(
    cx: &Context<'_>,
    driver: &str,
    class: Option<&StorageClass>,
    lead: &Failing<'_, '_>,
    mut finding: Finding,
) -> Finding {
    finding.evidence.extend(modes::fact(lead));
    finding.evidence.extend(class.into_iter().flat_map(|class| vsphere::class_facts(class, &lead.failure.text)));
    match (&lead.failure.cause, class) {
        (
            FailureCause::SecretMissing { .. } | FailureCause::SecretForbidden { .. } | FailureCause::SecretTemplate,
            Some(class),
        ) => {
            let secret = |key: &str| key.contains("provisioner-secret") || key.contains("provisionerSecret");
            for (key, value) in class.parameters.iter().filter(|(key, _)| secret(key)) {
                let note = "the class says which secret the provisioner takes";
                finding = finding.evidence(class_ref(class), format!("parameters[{key}]"), value.clone(), note);
            }
            finding
        }
        (FailureCause::NoNode, Some(class)) => {
            let mode = class.volume_binding_mode.as_deref().unwrap_or("Immediate");
            let note = "with WaitForFirstConsumer the scheduler chooses a node before the volume is made";
            finding.evidence(class_ref(class), "volumeBindingMode", mode, note)
        }
        (FailureCause::Topology, Some(class)) => {
            finding.evidence.extend(topology::facts(cx, driver, class));
            finding
        }
        (FailureCause::Snapshot { name }, _) => match snapshot_event(cx, lead, name) {
            Some(event) => {
                let note = format!("{} says of it: {}", event.component(), event.message);
                finding.evidence(claim_ref(lead.case.claim), "spec.dataSource", format!("VolumeSnapshot {name}"), note)
            }
            None => finding,
        },
        _ => finding,
    }
}
