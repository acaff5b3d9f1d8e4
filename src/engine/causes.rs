//! The causes: what the rules say of the verdicts, stage by stage.

use std::cell::RefCell;

use super::select::{Selection, select};
use crate::dependencies::Drivers;
use crate::diagnosis::Finding;
use crate::diagnosis::context::{ClaimCase, Context, PlacedCase, PodCase, group};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::index::Index;
use crate::diagnosis::more::{MoreRules, NoMore};
use crate::diagnosis::on_demand::Demands;
use crate::diagnosis::options::{Options, Scope};
use crate::diagnosis::out::{Causes, Out};
use crate::model::Pod;
use crate::rules::{Check, REGISTRY, Rule, Stage};
use crate::scheduler::{NodeVerdict, Outcome, PodVerdict, Scheduler};
use crate::snapshot::Snapshot;
use crate::volumes::{Attachments, Provisioners, VolumeController};

/// The causes alone, without remedies tried: what a trial asks of the state that it has made, with a scheduler for it.
pub(crate) fn causes(snapshot: &Snapshot, scope: &Scope, options: &Options, scheduler: &Scheduler<'_>) -> Vec<Finding> {
    causes_by(&rules(false), snapshot, scope, options, scheduler)
}

/// The same by some rules.
pub(super) fn causes_by(
    rules: &[&'static Rule],
    snapshot: &Snapshot,
    scope: &Scope,
    options: &Options,
    scheduler: &Scheduler<'_>,
) -> Vec<Finding> {
    let selection = select(snapshot, scope);
    examine((rules, &NoMore), scheduler, snapshot, &selection, options, |_, _, findings| findings.finish())
}

/// All rules, with those about risks or without.
pub(super) fn rules(risks: bool) -> Vec<&'static Rule> {
    REGISTRY.iter().copied().filter(|rule| risks || rule.stage != Stage::Risk).collect()
}

/// Rules that did not run, with the reason.
type Skipped = Vec<(String, String)>;

/// Runs rules, built-in ones and more.
pub(super) fn examine<T>(
    (rules, more): (&[&'static Rule], &dyn MoreRules),
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
        all_claims: selection.all_claims.clone(),
        released: selection.released.clone(),
        placed: placed(snapshot, selection, options),
        assigned: selection.placed.clone(),
        shortfalls,
        controllers: selection.controllers(snapshot),
        sets: selection.sets(snapshot),
        index,
        drivers: Drivers::new(snapshot),
        demands: Demands::default(),
        ways: RefCell::default(),
    };
    let mut findings = Findings::default();
    let mut skipped = Skipped::new();
    let open = open_verdict(&context);
    for stage in Stage::ALL {
        if stage == Stage::Cause {
            add(more.causes(&context, selection.scope), &mut findings, &mut skipped);
        }
        for (rule, reason) in run(rules, stage, &context, &mut findings) {
            let reason = reason.or_else(|| open.clone().filter(|_| rule.rejected_pods));
            skipped.extend(reason.map(|reason| (rule.name.to_owned(), reason)));
        }
    }
    crate::rules::tie(&context, &mut findings);
    then(&context, skipped, findings)
}

/// Takes over what more rules say.
fn add(said: Vec<(String, Causes)>, findings: &mut Findings, skipped: &mut Skipped) {
    for (rule, mut causes) in said {
        skipped.extend(causes.skipped.take().map(|reason| (rule, reason)));
        findings.take(causes);
    }
}

/// Runs the rules of a stage, none of which sees what another of them says; tells why one could not judge everything.
fn run(
    rules: &[&'static Rule],
    stage: Stage,
    context: &Context<'_>,
    findings: &mut Findings,
) -> Vec<(&'static Rule, Option<String>)> {
    let rules = rules.iter().copied().filter(|rule| rule.stage == stage);
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
