//! Runs the verdicts and the rules over a snapshot, ties symptoms to causes, and tries the remedies.

mod apply;
mod causes;
mod copies;
pub(crate) mod in_place;
mod obstacles;
mod presumption;
mod repair;
mod rollout;
mod select;
mod trial;

use std::sync::Arc;

use causes::{examine, rules};
use jiff::Timestamp;
pub use obstacles::PodObstacles;
use select::select;
use trial::Trials;

use crate::diagnosis::context::{ClaimCase, PlacedCase, claim_ref, pod_ref};
use crate::diagnosis::findings::ids_by_object;
use crate::diagnosis::looks;
use crate::diagnosis::more::{MoreRules, NoMore};
use crate::diagnosis::options::{Options, Scope};
use crate::diagnosis::release::Release;
use crate::diagnosis::{Finding, Severity};
use crate::model::ObjectRef;
use crate::rules::{Rule, Stage, find};
use crate::scheduler::{Outcome, PodVerdict};
use crate::snapshot::{Demand, Snapshot};
use crate::volumes::{AttachVerdict, ClaimPhase, ClaimVerdict, ProvisionerVerdict};

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
    /// The causes, the most severe first; then the risks, by what would be lost.
    pub findings: Vec<Finding>,
    /// Whether risks were looked for.
    pub risks: bool,
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
            || self.claims.iter().any(|(_, verdict, _)| verdict.phase == ClaimPhase::Unknown)
            || self.skipped.iter().any(|(rule, _)| !is_risk(rule))
    }
}

/// Diagnoses what is in scope. Risks are told where the options ask for them.
pub fn diagnose(snapshot: &Snapshot, scope: &Scope, options: &Options) -> Diagnosis {
    diagnose_by(&rules(options.risks), snapshot, scope, options)
}

/// The same by some rules; in which order they stand makes no difference within a stage.
pub fn diagnose_by(rules: &[&'static Rule], snapshot: &Snapshot, scope: &Scope, options: &Options) -> Diagnosis {
    diagnose_with(rules, &NoMore, snapshot, scope, options)
}

/// The same by some rules and more that come from elsewhere.
pub fn diagnose_with(
    rules: &[&'static Rule],
    more: &dyn MoreRules,
    snapshot: &Snapshot,
    scope: &Scope,
    options: &Options,
) -> Diagnosis {
    run((rules, more), snapshot, scope, options, |_| false).unwrap_or_default()
}

/// Diagnoses what is in scope, by more rules as well, unless causes depend on something that was not read.
///
/// # Errors
/// What is to be read first; the caller may go on without it.
pub fn diagnose_or_demand(
    more: &dyn MoreRules,
    snapshot: &Snapshot,
    scope: &Scope,
    options: &Options,
) -> Result<Diagnosis, Vec<Demand>> {
    run((&rules(options.risks), more), snapshot, scope, options, |demands| !demands.is_empty())
}

/// Diagnoses what is in scope, by more rules as well.
pub fn diagnose_and_more(more: &dyn MoreRules, snapshot: &Snapshot, scope: &Scope, options: &Options) -> Diagnosis {
    diagnose_with(&rules(options.risks), more, snapshot, scope, options)
}

/// The causes alone: no remedy is tried, and none is searched for.
pub(crate) fn causes_alone(snapshot: &Snapshot, scope: &Scope, options: &Options) -> Vec<Finding> {
    let options = &options.completed(snapshot, options.release(snapshot));
    causes::causes(snapshot, scope, options, &options.scheduler(snapshot))
}

/// What causes depend on and was not read.
pub fn demands(snapshot: &Snapshot, scope: &Scope, options: &Options) -> Vec<Demand> {
    run((&rules(options.risks), &NoMore), snapshot, scope, options, |_| true).err().unwrap_or_default()
}

/// Diagnoses, or stops at the causes and gives what was not read where `stop` says so.
fn run(
    rules: (&[&'static Rule], &dyn MoreRules),
    snapshot: &Snapshot,
    scope: &Scope,
    options: &Options,
    stop: impl Fn(&[Demand]) -> bool,
) -> Result<Diagnosis, Vec<Demand>> {
    let release = options.release(snapshot);
    let options = &options.completed(snapshot, release);
    let selection = select(snapshot, scope);
    let scheduler = options.scheduler(snapshot);
    examine(rules, &scheduler, snapshot, &selection, options, |context, skipped, findings| {
        let demands = context.demands.all();
        if stop(&demands) {
            return Err(demands);
        }
        let mut findings = findings.finish();
        presumption::settle(context, rules.0, scope, &mut findings);
        let mut trials = Trials::new(context);
        trials.run(&mut findings);
        repair::add(context, &mut trials, &mut findings);
        copies::keep(context, &mut findings);
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
        Ok(Diagnosis {
            pods: pods.collect(),
            obstacles: if options.obstacles { obstacles::of_pods(context) } else { Vec::new() },
            claims: claims.collect(),
            provisioning: context.claims.iter().filter_map(provisioning).collect(),
            attachments: context.placed.iter().filter(|case| attachment_told(case)).map(attachment).collect(),
            findings,
            risks: rules.0.iter().any(|rule| rule.stage == Stage::Risk),
            skipped,
            release,
            now: options.now,
        })
    })
}

/// Whether a rule tells what can be lost, which has no part in whether something is blocked.
fn is_risk(rule: &str) -> bool {
    find(rule).is_some_and(|rule| rule.stage == Stage::Risk)
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
