//! Runs the verdicts and the rules over a snapshot, ties symptoms to causes, and tries the remedies.

use std::sync::Arc;

use jiff::Timestamp;

use super::context::{ClaimCase, Context, PlacedCase, PodCase, claim_ref, group, pod_ref};
use super::findings::{Findings, ids_by_object};
use super::index::Index;
use super::looks;
use super::obstacles::{self, PodObstacles};
use super::options::{Options, Scope};
use super::out::{Causes, Out};
use super::presumption;
use super::release::Release;
use super::select::{Selection, select};
use super::trial::Trials;
use super::{Finding, Severity};
use crate::dependencies::Drivers;
use crate::model::{ObjectRef, Pod};
use crate::rules::{self, Check, Rule, Stage};
use crate::scheduler::{NodeVerdict, Outcome, PodVerdict, Scheduler};
use crate::snapshot::Snapshot;
use crate::volumes::{AttachVerdict, Attachments, ClaimVerdict, ProvisionerVerdict, Provisioners, VolumeController};

/// The verdicts on what is in scope, and the causes.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// Every unassigned, unfinished pod in scope that isn't being deleted, with the ids of the findings about it.
    pub pods: Vec<(ObjectRef, Arc<PodVerdict>, Vec<String>)>,
    /// What is in the way of those pods, in the same order; empty or `None` where it wasn't looked for.
    pub obstacles: Vec<Option<PodObstacles>>,
    /// Every claim in scope that isn't bound or that a finding is about, with the ids of those findings.
    pub claims: Vec<(ObjectRef, ClaimVerdict, Vec<String>)>,
    /// What an external provisioner does with those claims, where their class asks for one.
    pub provisioning: Vec<(ObjectRef, ProvisionerVerdict)>,
    /// Pods in scope that have a node and don't start for their volumes, with the ids of the findings about them.
    pub attachments: Vec<(ObjectRef, AttachVerdict, Vec<String>)>,
    /// The causes, the most severe first.
    pub findings: Vec<Finding>,
    /// Rules that could not judge, or not everything, with the reason.
    pub skipped: Vec<(String, String)>,
    /// The release that the verdicts follow.
    pub release: Release,
    /// The time at which the facts were judged, where it is known.
    pub now: Option<Timestamp>,
}

impl Diagnosis {
    /// Whether something is blocked: a pod that can't be scheduled or is held back, one that is placed and can't start
    /// or has waited for its volumes for too long, or a cause that blocks something which doesn't even exist yet.
    pub fn blocked(&self) -> bool {
        self.pods.iter().any(|(_, verdict, ids)| held(verdict.outcome) && !self.passes(ids))
            || self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether nothing but something that is under way keeps what these findings are about.
    pub fn passes(&self, ids: &[String]) -> bool {
        let mut causes = self.findings.iter().filter(|finding| ids.contains(&finding.id)).peekable();
        causes.peek().is_some() && causes.all(|cause| cause.passing && cause.severity == Severity::Info)
    }

    /// Whether facts were missing that could have changed the answer "nothing is blocked".
    pub fn uncertain(&self) -> bool {
        self.pods.iter().any(|(_, verdict, _)| verdict.outcome == Outcome::Unknown)
            || self.claims.iter().any(|(_, verdict, _)| verdict.phase == "Unknown")
            || !self.skipped.is_empty()
    }
}

/// Diagnoses what is in scope.
pub fn diagnose(snapshot: &Snapshot, scope: &Scope, options: &Options) -> Diagnosis {
    let release = options.release(snapshot);
    let options = &options.completed(snapshot, release);
    let selection = select(snapshot, scope);
    let scheduler = options.scheduler(snapshot);
    examine(&scheduler, snapshot, &selection, options, |context, skipped, findings| {
        let mut findings = findings.finish();
        presumption::settle(context, scope, &mut findings);
        Trials::new(context).run(&mut findings);
        looks::add(context, &mut findings);
        let ids = ids_by_object(&findings);
        let of = |object: &ObjectRef| ids.get(object).cloned().unwrap_or_default();
        let attachment = |case: &PlacedCase<'_>| {
            let object = pod_ref(case.pod);
            let ids = of(&object);
            (object, case.verdict.clone(), ids)
        };
        let pods = context.pods.iter().map(|case| {
            let object = pod_ref(case.pod);
            let ids = of(&object);
            (object, Arc::clone(&case.verdict), ids)
        });
        let claims = context.claims.iter().map(|case| {
            let object = claim_ref(case.claim);
            let ids = of(&object);
            (object, case.verdict.clone(), ids)
        });
        Diagnosis {
            pods: pods.collect(),
            obstacles: if options.obstacles { obstacles::of_pods(context) } else { Vec::new() },
            claims: claims.collect(),
            provisioning: context.claims.iter().filter_map(provisioning).collect(),
            attachments: context.placed.iter().filter(|case| attachment_told(case)).map(attachment).collect(),
            findings,
            skipped,
            release,
            now: options.now,
        }
    })
}

/// Whether a pod of this outcome stays without a node until something changes.
fn held(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Unschedulable | Outcome::SchedulingGated)
}

fn provisioning(case: &ClaimCase<'_>) -> Option<(ObjectRef, ProvisionerVerdict)> {
    Some((claim_ref(case.claim), case.provisioning.clone()?))
}

/// Whether anything keeps volumes from a placed pod.
fn attachment_told(case: &PlacedCase<'_>) -> bool {
    !case.verdict.problems.is_empty() || !case.verdict.events.is_empty()
}

/// The causes alone, without remedies tried: what a trial asks of the state that it has made, with a scheduler for it.
pub(crate) fn causes(snapshot: &Snapshot, scope: &Scope, options: &Options, scheduler: &Scheduler<'_>) -> Vec<Finding> {
    let selection = select(snapshot, scope);
    examine(scheduler, snapshot, &selection, options, |_, _, findings| findings.finish())
}

/// Rules that did not run, with the reason.
type Skipped = Vec<(String, String)>;

fn examine<T>(
    scheduler: &Scheduler<'_>,
    snapshot: &Snapshot,
    selection: &Selection<'_>,
    options: &Options,
    then: impl FnOnce(&Context<'_>, Skipped, Findings) -> T,
) -> T {
    let volumes = VolumeController::new(snapshot).with_version(options.version(snapshot));
    let pods: Vec<PodCase<'_>> =
        selection.pods.iter().map(|pod| PodCase { pod, verdict: scheduler.judge(pod) }).collect();
    let index = Index::new(snapshot);
    let shortfalls = selection.shortfalls(snapshot, &index);
    let context = Context {
        snapshot,
        scheduler,
        options,
        namespace: selection.namespace,
        groups: group(&pods),
        pods,
        claims: claims(snapshot, selection, &volumes),
        placed: placed(snapshot, selection, options),
        assigned: selection.placed.clone(),
        shortfalls,
        controllers: selection.controllers(snapshot),
        sets: selection.sets(snapshot),
        index,
        drivers: Drivers::new(snapshot),
    };
    let mut findings = Findings::default();
    let mut skipped = Skipped::new();
    let open = open_verdict(&context);
    for stage in Stage::ALL {
        for (rule, reason) in run(stage, &context, &mut findings) {
            let reason = reason.or_else(|| open.clone().filter(|_| rule.rejected_pods));
            skipped.extend(reason.map(|reason| (rule.name.to_owned(), reason)));
        }
    }
    rules::tie(&context, &mut findings);
    then(&context, skipped, findings)
}

/// Runs the rules of a stage, none of which sees what another of them says; tells why one could not judge everything.
fn run(stage: Stage, context: &Context<'_>, findings: &mut Findings) -> Vec<(&'static Rule, Option<String>)> {
    let rules = context.options.rules().iter().copied().filter(|rule| rule.stage == stage);
    let mut said: Vec<_> = rules.map(|rule| (rule, said(rule, context, findings))).collect();
    said.sort_by_key(|(rule, _)| rule.name);
    let take = |(rule, said): (&'static Rule, Result<Causes, String>)| match said {
        Ok(mut said) => {
            let skipped = said.skipped.take();
            findings.take(said);
            (rule, skipped)
        }
        Err(missing) => (rule, Some(missing)),
    };
    said.into_iter().map(take).collect()
}

/// What a rule says, or why it can't be asked.
fn said(rule: &Rule, context: &Context<'_>, findings: &Findings) -> Result<Causes, String> {
    if let Some(missing) = context.unread(rule.needs) {
        return Err(missing);
    }
    Ok(match rule.check {
        Check::Cause(check) => {
            let mut out = Causes::default();
            check(context, &mut out);
            out
        }
        Check::Later(check) => {
            let mut out = Out::new(findings);
            check(context, &mut out);
            out.own
        }
    })
}

fn claims<'a>(snapshot: &'a Snapshot, selection: &Selection<'a>, volumes: &VolumeController<'_>) -> Vec<ClaimCase<'a>> {
    if selection.claims.is_empty() {
        return Vec::new();
    }
    let provisioners = Provisioners::new(snapshot);
    let cases = selection.claims.iter().map(|claim| ClaimCase {
        claim,
        verdict: volumes.judge_with_volumes(claim),
        provisioning: provisioners.judge(claim),
    });
    cases.collect()
}

fn placed<'a>(snapshot: &'a Snapshot, selection: &Selection<'a>, options: &Options) -> Vec<PlacedCase<'a>> {
    let waiting: Vec<&Pod> = selection.placed.iter().copied().filter(|pod| !pod.volumes_mounted()).collect();
    if waiting.is_empty() {
        return Vec::new();
    }
    let attachments = Attachments::new(snapshot);
    waiting.into_iter().filter_map(|pod| Some(PlacedCase::new(pod, attachments.judge(pod)?, options))).collect()
}

/// Why rules can't tell what keeps a pod from the nodes: some fact was not read. Pods that an extender decides about are
/// another matter.
fn open_verdict(context: &Context<'_>) -> Option<String> {
    let unexplained = |verdict: &PodVerdict| {
        let silent = |node: &NodeVerdict| node.plugin.is_empty() && node.fits != Some(true);
        verdict.pre_filter.as_ref().is_none_or(|pre_filter| pre_filter.reasons.is_empty())
            && (verdict.nodes.is_empty() || verdict.nodes.iter().any(silent))
    };
    let open = context.pods.iter().find(|case| {
        let rejected = matches!(case.verdict.outcome, Outcome::Unknown | Outcome::Unschedulable);
        rejected && unexplained(&case.verdict) && context.scheduler.extender(case.pod).is_none()
    });
    let open = open.and_then(|case| Some((case.pod, case.verdict.unknown.first()?)));
    open.map(|(pod, unknown)| format!("pod {}/{}: {unknown}", pod.metadata.namespace, pod.metadata.name))
}
