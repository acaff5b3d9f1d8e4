//! Tries remedies on a copy of the state: makes the changes, has the pods made anew, and judges them one after the
//! other, each with those before it in their places.

use std::cell::LazyCell;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::apply::{self, ApplyError};
use super::causes::causes;
use super::rollout::Stalled;
use crate::admission::expand::{ordinal_of, ordinals, stateful_set_pod};
use crate::admission::recreate::admit;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Evidence, Finding, Severity};
use crate::diagnosis::options::{Options, Scope};
use crate::diagnosis::remedy::{Remedy, Risk, Trial};
use crate::diagnosis::text::{count, either, named, natural_order};
use crate::model::claim::{BIND_COMPLETED, SELECTED_NODE};
use crate::model::node::Taint;
use crate::model::volume::ClaimReference;
use crate::model::{Claim, Kind, ObjectRef, Pod, Volume};
use crate::scheduler::{Outcome, PodVerdict, Scheduler, tolerates};
use crate::snapshot::Snapshot;
use crate::volumes::{VolumeController, published};

/// Remedies tried for one report; the findings that explain most come first.
const MAX_TRIALS: usize = 40;
/// Pods placed one after the other in one trial; the rest is judged together against what these leave.
const MAX_PLACED: usize = 12;
/// What all trials of a report may cost, in objects summed up for a scheduler.
const BUDGET: usize = 6_000_000;

/// The trials of one report.
pub(crate) struct Trials<'a> {
    pub(super) snapshot: &'a Snapshot,
    scheduler: &'a Scheduler<'a>,
    pub(super) options: &'a Options,
    left: usize,
    budget: usize,
}

/// The provisioner of classes that make no volumes.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// What is said where no cause is found after a trial.
const UNTOLD: &str = "what stands in the way then could not be told";
/// What a trial that costs too much is told of.
const TOO_LARGE: &str = "trying it would take too long on a cluster of this size";

/// A state in which scheduler and volume controller have nothing left to do for the victims.
pub(super) struct Settled {
    pub state: Snapshot,
    /// Names of the pods that got a node.
    pub placed: Vec<String>,
    pub blocked: Vec<ObjectRef>,
    /// Of the blocked pods those for which the scheduler would evict others.
    pub preempting: Vec<ObjectRef>,
    /// Of the blocked pods those that a node would take and drive out again, with the node.
    pub driven: Vec<(ObjectRef, String)>,
    /// Pods that had a node and wait for their volumes on it.
    pub starting: Vec<ObjectRef>,
    /// Pods of which it can't be told what becomes of them.
    pub open: Vec<ObjectRef>,
    /// Why it can't be told of one.
    pub unknown: Option<String>,
    /// The pod at which the workload of the victims stops, where all victims run.
    pub stalled: Option<Stalled>,
}

impl Settled {
    /// The victims that don't run, as far as it can be told.
    pub(super) fn left(&self) -> impl Iterator<Item = &ObjectRef> {
        self.blocked.iter().chain(&self.starting).chain(&self.open)
    }
}

/// What came of a trial.
enum Result {
    Placed,
    /// Pods have their nodes, and nothing that is known keeps them from their volumes.
    Starting(Vec<String>),
    Blocked {
        placed: Vec<String>,
        by: Vec<(String, Vec<String>)>,
        causes: Vec<String>,
        /// Pods of which it can't be told what becomes of them, and why.
        open: Option<(String, Vec<String>)>,
    },
    Unknown(String),
}

/// Which of several ways the scheduler takes where nothing decides: its scores and the order of its queue are not
/// foreseen, so what holds both ways is taken to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Of pods with the same priority those first that come first by name, on the first of their nodes by name.
    First,
    /// The last ones, on the last of their nodes.
    Last,
}

/// What the scheduler makes of a pod.
enum Judged {
    /// A node takes it.
    Placed(String),
    Blocked {
        preempts: bool,
    },
    /// It can't be told, and why.
    Open(String),
}

fn judged(verdict: &PodVerdict, pod: &str, choice: Choice) -> Judged {
    let fits = || {
        let mut nodes = verdict.nodes.iter().filter(|node| node.fits == Some(true)).map(|node| node.name.clone());
        if choice == Choice::First { nodes.next() } else { nodes.next_back() }
    };
    match verdict.outcome {
        Outcome::Schedulable => Judged::Placed(verdict.placed.clone().or_else(fits).unwrap_or_default()),
        Outcome::Unschedulable | Outcome::SchedulingGated => Judged::Blocked { preempts: verdict.preemption.is_some() },
        Outcome::OtherScheduler => Judged::Open(format!("another scheduler decides about pod {pod}")),
        Outcome::Unknown => Judged::Open(verdict.unknown.join("; ")),
    }
}

impl<'a> Trials<'a> {
    pub(crate) fn new(context: &'a Context<'a>) -> Self {
        let Context { snapshot, scheduler, options, .. } = context;
        Self { snapshot, scheduler, options, left: MAX_TRIALS, budget: BUDGET }
    }

    /// Tries every remedy that isn't decided yet. One that leaves the cause in place is no remedy: it becomes a fact.
    pub(crate) fn run(&mut self, findings: &mut [Finding]) {
        for finding in findings {
            let victims: Vec<ObjectRef> = finding.victims().cloned().collect();
            let mut useless = Vec::new();
            let remedies = std::mem::take(&mut finding.remedies);
            for mut remedy in remedies {
                if remedy.trial != Trial::pending() {
                    finding.remedies.push(remedy);
                    continue;
                }
                match self.attempt(&remedy, &victims) {
                    Result::Placed => remedy.trial = Trial::Schedules,
                    Result::Starting(pods) => {
                        remedy.trial = Trial::NextBlocker { placed: pods.len(), then: attaching(&pods) };
                    }
                    Result::Unknown(reason) => remedy.trial = Trial::Untried(reason),
                    Result::Blocked { causes, by, .. } if causes.contains(&finding.id) => {
                        let text = by.first().map_or("", |(text, _)| text.as_str());
                        useless.push(useless_evidence(&finding.object, &remedy, text));
                        continue;
                    }
                    Result::Blocked { placed, by, open, .. } => {
                        remedy.trial = Trial::NextBlocker { placed: placed.len(), then: tell(&placed, &by, open) };
                    }
                }
                finding.remedies.push(remedy);
            }
            finding.evidence.extend(useless);
            finding.remedies.sort_by_key(rank);
        }
    }

    /// The repair with what comes next, where it ends the cause of the finding and not all that is in the way.
    pub(super) fn next_blocker(&mut self, finding: &Finding, mut remedy: Remedy) -> Option<Remedy> {
        let victims: Vec<ObjectRef> = finding.victims().cloned().collect();
        let Result::Blocked { placed, by, causes, open } = self.attempt(&remedy, &victims) else { return None };
        if causes.contains(&finding.id) || by.iter().any(|(text, _)| text == UNTOLD) {
            return None;
        }
        remedy.trial = Trial::NextBlocker { placed: placed.len(), then: tell(&placed, &by, open) };
        Some(remedy)
    }

    fn attempt(&mut self, remedy: &Remedy, victims: &[ObjectRef]) -> Result {
        if self.left == 0 {
            return Result::Unknown(format!("only {MAX_TRIALS} remedies are tried in one report"));
        }
        self.left -= 1;
        let mut state = self.snapshot.clone();
        for step in remedy.steps.iter().filter(|step| !step.later) {
            match apply::step(self.snapshot, &mut state, step) {
                Ok(()) => {}
                Err(ApplyError::Refused(text)) => {
                    return Result::Blocked {
                        placed: Vec::new(),
                        by: vec![(text, names(victims))],
                        causes: self.causes(&state, victims).into_iter().map(|finding| finding.id).collect(),
                        open: None,
                    };
                }
                Err(ApplyError::Unknown(reason)) => return Result::Unknown(reason),
            }
        }
        self.play(state, victims)
    }

    fn play(&mut self, state: Snapshot, victims: &[ObjectRef]) -> Result {
        let Some(Settled { state, placed, mut blocked, driven, starting, open, unknown, stalled, .. }) =
            self.settle_all(state, victims, Choice::First)
        else {
            return Result::Unknown(TOO_LARGE.to_owned());
        };
        if !starting.is_empty() {
            blocked.extend(self.kept_from_starting(&state, &starting));
        }
        match (blocked.is_empty(), unknown) {
            (true, None) if !starting.is_empty() => Result::Starting(names(&starting)),
            (true, None) => Result::Placed,
            (true, Some(reason)) => Result::Unknown(reason),
            (false, unknown) => {
                let open = unknown.map(|reason| (reason, names(&open)));
                let mut result = self.blocked(&state, placed, (&blocked, &driven), open);
                if let (Result::Blocked { by, .. }, Some(stalled)) = (&mut result, stalled) {
                    for (text, victims) in by {
                        *text = stalled.told(text);
                        victims.iter_mut().for_each(|victim| *victim = stalled.told(victim));
                    }
                }
                result
            }
        }
    }

    /// Lets scheduler and volume controller work on the state until every victim is placed or stuck; `None` when the
    /// budget is spent.
    pub(super) fn settle(&mut self, mut state: Snapshot, victims: &[ObjectRef], choice: Choice) -> Option<Settled> {
        bind_immediate(&mut state, victims);
        let (mut waiting, mut blocked, mut starting, mut driven) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for pod in pods_in_order(&state, victims, choice) {
            match bring_about(&mut state, pod) {
                Brought::Pending => waiting.push(pod),
                Brought::Refused => blocked.push(pod.clone()),
                Brought::Placed if begins_to_wait(&mut state, pod) => starting.push(pod.clone()),
                Brought::Gone | Brought::Placed => {}
            }
        }
        let (mut placed, mut preempting, mut open, mut unknown) = (Vec::new(), Vec::new(), Vec::new(), None);
        let mut next = 0;
        while next < waiting.len() {
            let round = self.judge(&state, &waiting[next..], choice, placed.len() < MAX_PLACED)?;
            for (pod, outcome) in waiting[next..].iter().zip(round) {
                next += 1;
                match outcome {
                    Judged::Placed(node) if driven_out(&state, pod, &node) => {
                        blocked.push((*pod).clone());
                        driven.push(((*pod).clone(), node));
                    }
                    Judged::Placed(node) if placed.len() < MAX_PLACED => match self.placed(&state, pod, &node)? {
                        Some(after) => {
                            placed.push(pod.name.clone());
                            state = after;
                        }
                        None => blocked.push((*pod).clone()),
                    },
                    Judged::Placed(_) => placed.push(pod.name.clone()),
                    Judged::Blocked { preempts } => {
                        blocked.push((*pod).clone());
                        preempting.extend(preempts.then(|| (*pod).clone()));
                    }
                    Judged::Open(reason) => {
                        open.push((*pod).clone());
                        unknown.get_or_insert(reason);
                    }
                }
            }
        }
        blocked.extend(unbound(&state, victims));
        Some(Settled { state, placed, blocked, preempting, driven, starting, open, unknown, stalled: None })
    }

    /// The state with a pod on a node, `Some(None)` where the node would not take the pod a second time: volumes that were
    /// free count by their own driver once they are bound, and the scheduler looks again whenever its binding fails half-way.
    /// `None` when the budget is spent.
    fn placed(&mut self, state: &Snapshot, pod: &ObjectRef, node: &str) -> Option<Option<Snapshot>> {
        let mut after = state.clone();
        if !place(&mut after, pod, node) {
            return Some(Some(after));
        }
        let mut again = after.clone();
        if let Some(found) = state.pods.get(&pod.namespace, &pod.name).found() {
            again.pods.insert(Pod::clone(found));
        }
        self.budget = self.budget.checked_sub(cost(state))?;
        let scheduler = self.scheduler.after(&again);
        let fits = again.pods.get(&pod.namespace, &pod.name).found().is_some_and(|pod| {
            let verdict = scheduler.judge(pod);
            verdict.nodes.iter().any(|one| one.name == node && one.fits == Some(true))
                || verdict.placed.as_deref() == Some(node)
        });
        Some(fits.then_some(after))
    }

    /// The placed pods for which there is a cause in the state that keeps them from their volumes.
    fn kept_from_starting(&self, state: &Snapshot, pods: &[ObjectRef]) -> Vec<ObjectRef> {
        let causes = self.causes(state, pods);
        let errors = causes.iter().filter(|finding| finding.severity == Severity::Error);
        let told: BTreeSet<&ObjectRef> = errors.flat_map(Finding::victims).collect();
        pods.iter().filter(|pod| told.contains(pod)).cloned().collect()
    }

    /// The scheduler's decisions on pods, one after the other; with `one` no further than the first that it places, since
    /// that one changes the state for the others. `None` when the budget is spent.
    fn judge(&mut self, state: &Snapshot, pods: &[&ObjectRef], choice: Choice, one: bool) -> Option<Vec<Judged>> {
        self.budget = self.budget.checked_sub(cost(state))?;
        let scheduler = self.scheduler.after(state);
        let mut round = Vec::new();
        for object in pods {
            let judged = match state.pods.get(&object.namespace, &object.name).found() {
                Some(pod) => judged(&scheduler.judge(pod), &object.name, choice),
                None => Judged::Open(format!("pod {} is not there", object.name)),
            };
            let stop = one && matches!(judged, Judged::Placed(_));
            round.push(judged);
            if stop {
                break;
            }
        }
        Some(round)
    }

    fn causes(&self, state: &Snapshot, victims: &[ObjectRef]) -> Vec<Finding> {
        let scope = Scope { targets: victims.to_vec(), ..Scope::default() };
        causes(state, &scope, self.options, &self.scheduler.after(state))
    }

    /// What stands in the way of the victims that are left, by the finding that explains each.
    fn blocked(
        &mut self,
        state: &Snapshot,
        placed: Vec<String>,
        (blocked, driven): (&[ObjectRef], &[(ObjectRef, String)]),
        open: Option<(String, Vec<String>)>,
    ) -> Result {
        let findings = self.causes(state, blocked);
        let mut by: Vec<(String, Vec<String>)> = Vec::new();
        let mut told = BTreeSet::new();
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        for finding in errors.clone() {
            let explained: Vec<&ObjectRef> = finding.victims().collect();
            let victims = blocked.iter().filter(|object| explained.contains(object) && !told.contains(*object));
            let victims: Vec<&ObjectRef> = victims.collect();
            if !victims.is_empty() {
                by.push((finding.title.clone(), victims.iter().map(|object| object.name.clone()).collect()));
                told.extend(victims);
            }
        }
        for (pod, node) in driven {
            if told.insert(pod) {
                let text = format!("node {node} drives it out again: it does not tolerate a NoExecute taint there");
                by.push((text, vec![pod.name.clone()]));
            }
        }
        let untold: Vec<String> =
            blocked.iter().filter(|object| !told.contains(object)).map(|object| object.name.clone()).collect();
        if !untold.is_empty() {
            by.push((UNTOLD.to_owned(), untold));
        }
        Result::Blocked { placed, by, causes: errors.map(|finding| finding.id.clone()).collect(), open }
    }
}

/// What a scheduler for a state costs, in objects summed up.
fn cost(state: &Snapshot) -> usize {
    state.pods.seen().len() + 10 * state.nodes.seen().len() + 1
}

/// Remedies that help most come first, of those that help the safest; among equals the rule's order stays.
fn rank(remedy: &Remedy) -> (u8, Option<Risk>) {
    match &remedy.trial {
        Trial::Schedules => (0, Some(remedy.risk)),
        Trial::NextBlocker { placed: 1.., .. } => (1, None),
        Trial::Untried(_) => (2, None),
        Trial::NextBlocker { .. } => (3, None),
    }
}

fn useless_evidence(object: &ObjectRef, remedy: &Remedy, text: &str) -> Evidence {
    Evidence {
        object: object.clone(),
        path: String::new(),
        value: format!("tried: {}", remedy.title),
        note: format!("that alone does not help: {text}"),
    }
}

/// Pods and claims that are named in what came of a try; of more it is told how many, since what keeps them names them.
const NAMED: usize = 3;

fn tell(placed: &[String], by: &[(String, Vec<String>)], open: Option<(String, Vec<String>)>) -> String {
    let mut told = Vec::new();
    match placed {
        [] => {}
        [one] => told.push(format!("pod {one} is placed")),
        few if few.len() <= NAMED => told.push(format!("{} are placed", named("pod", few))),
        many => told.push(format!("{} are placed", count(many.len(), "pod"))),
    }
    told.extend(by.iter().map(|(text, victims)| {
        let stay = either(victims.len(), "stays", "stay");
        format!("then {} {stay} back: {text}", few(victims))
    }));
    told.extend(open.map(|(reason, pods)| format!("what becomes of {} is not known: {reason}", few(&pods))));
    told.join("; ")
}

/// Names, or how many there are of them.
fn few(list: &[String]) -> String {
    if list.len() <= NAMED { crate::diagnosis::text::names(list) } else { list.len().to_string() }
}

/// What pods wait for that were only kept from their volumes.
fn attaching(pods: &[String]) -> String {
    let wait = either(pods.len(), "waits", "wait");
    format!("{} {wait} for driver and kubelet to attach and mount the volumes", named("pod", pods))
}

fn names(objects: &[ObjectRef]) -> Vec<String> {
    objects.iter().map(|object| object.name.clone()).collect()
}

/// The pods in the order of the scheduler's queue: the most important first (`queuesort/priority_sort.go`).
fn pods_in_order<'v>(state: &Snapshot, victims: &'v [ObjectRef], choice: Choice) -> Vec<&'v ObjectRef> {
    let mut pods: Vec<&ObjectRef> = victims.iter().filter(|object| object.kind == Kind::Pod.name()).collect();
    pods.sort_by(|a, b| a.namespace.cmp(&b.namespace).then_with(|| natural_order(&a.name, &b.name)));
    if choice == Choice::Last {
        pods.reverse();
    }
    let priority =
        |pod: &ObjectRef| state.pods.get(&pod.namespace, &pod.name).found().map_or(0, |found| found.priority());
    pods.sort_by_cached_key(|pod| Reverse(priority(pod)));
    pods
}

enum Brought {
    /// The pod waits for a node.
    Pending,
    Placed,
    /// Nothing wants the pod any more.
    Gone,
    /// The API server refuses the pod.
    Refused,
}

/// Sees to it that the pod exists where its StatefulSet would make it once those before it are ready.
fn bring_about(state: &mut Snapshot, pod: &ObjectRef) -> Brought {
    if let Some(found) = state.pods.get(&pod.namespace, &pod.name).found() {
        return if found.assigned() { Brought::Placed } else { Brought::Pending };
    }
    let sets = state.stateful_sets.in_namespace(&pod.namespace).iter();
    let set = sets.filter_map(|set| Some((set.clone(), ordinal_of(&set.metadata.name, &pod.name)?)));
    let Some((set, ordinal)) = set.clone().find(|(set, ordinal)| ordinals(set).any(|wanted| wanted == *ordinal)) else {
        return Brought::Gone;
    };
    apply::make_claims(state, &set, &pod.name);
    let mut made = stateful_set_pod(state, &set, ordinal);
    match admit(state, &mut made) {
        Ok(()) => {
            state.pods.insert(made);
            Brought::Pending
        }
        Err(_) => Brought::Refused,
    }
}

/// Whether a pod is taken off a node at once, since it doesn't tolerate a NoExecute taint there
/// (`pkg/controller/tainteviction`): a scheduler without the plugin TaintToleration does not look at it.
fn driven_out(state: &Snapshot, pod: &ObjectRef, node: &str) -> bool {
    let Some(pod) = state.pods.get(&pod.namespace, &pod.name).found() else { return false };
    let Some(node) = state.nodes.get("", node).found() else { return false };
    let tolerated = |taint: &Taint| pod.spec.tolerations.iter().any(|one| tolerates(one, taint));
    node.spec.taints.iter().any(|taint| taint.effect == "NoExecute" && !tolerated(taint))
}

/// Has a placed pod that waits for its volumes forget for how long, since it waits for something else now; says whether
/// it is such a pod.
fn begins_to_wait(state: &mut Snapshot, pod: &ObjectRef) -> bool {
    let Some(found) = state.pods.get(&pod.namespace, &pod.name).found() else { return false };
    if found.volumes_mounted() {
        return false;
    }
    let mut fresh = Pod::clone(found);
    fresh.status.start_time = None;
    for condition in fresh.status.conditions.iter_mut().filter(|condition| condition.kind == "PodScheduled") {
        condition.last_transition_time = None;
    }
    state.pods.insert(fresh);
    true
}

/// Puts a pod on a node, and its claims with it: what waits for a consumer takes the smallest volume that fits there, or
/// is provisioned there. Says whether a volume that was there is taken.
fn place(state: &mut Snapshot, pod: &ObjectRef, node: &str) -> bool {
    let Some(found) = state.pods.get(&pod.namespace, &pod.name).found() else { return false };
    let mut taken = false;
    let mut placed = Pod::clone(found);
    placed.spec.node_name = node.to_owned();
    let claims: Vec<String> = placed.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.name)).collect();
    state.pods.insert(placed);
    for name in claims {
        let Some(claim) = state.claims.get(&pod.namespace, &name).found() else { continue };
        if !claim.spec.volume_name.is_empty() || claim.selected_node().is_some() {
            continue;
        }
        let claim = Claim::clone(claim);
        match fitting_volume(state, &claim, node) {
            Some(volume) => {
                bind(state, claim, &volume);
                taken = true;
            }
            None => {
                let mut claim = claim;
                claim.metadata.annotations.insert(SELECTED_NODE.to_owned(), node.to_owned());
                spend(state, &claim, node);
                state.claims.insert(claim);
            }
        }
    }
    taken
}

/// Takes what a claim's volume needs from what its driver publishes where the volume is made.
fn spend(state: &mut Snapshot, claim: &Claim, node: &str) {
    let class = state.classes.get("", claim.class()).found().cloned();
    let node = state.nodes.get("", node).found().cloned();
    if let (Some(class), Some(node), Some(size)) = (class, node, claim.request()) {
        published::take(state, &class, &node, size.value());
    }
}

/// The smallest free volume that a claim which waits for its consumer can take on a node.
fn fitting_volume(state: &Snapshot, claim: &Claim, node: &str) -> Option<String> {
    let node = state.nodes.get("", node).found()?;
    let reachable = |volume: &&Volume| {
        volume.required_node_affinity().is_none_or(|affinity| affinity.matches("", &node.metadata.labels))
    };
    let controller = VolumeController::new(state);
    let free = controller.free_for(claim).into_iter().filter(reachable);
    free.min_by_key(|volume| (volume.capacity().cloned(), &volume.metadata.name)).map(|it| it.metadata.name.clone())
}

/// Gives claims without a class the default one, and binds what the volume controller would bind and what a provisioner
/// that is asked would provision.
fn bind_immediate(state: &mut Snapshot, victims: &[ObjectRef]) {
    for name in immediate_claims(state, victims) {
        let Some(claim) = state.claims.get(&name.0, &name.1).found() else { continue };
        let verdict = VolumeController::new(state).judge(claim);
        let mut claim = Claim::clone(claim);
        if let Some(class) = verdict.assigns_class {
            claim.spec.storage_class_name = Some(class);
            state.claims.insert(claim.clone());
        }
        let provisioned = verdict.event.as_ref().is_some_and(|event| event.reason == "ExternalProvisioning");
        let provisioned = provisioned && provisioner_known(state, claim.class());
        let Some(volume) = verdict.binds_to.or_else(|| provisioned.then(|| format!("pvc-{}", claim.metadata.uid)))
        else {
            continue;
        };
        bind(state, claim, &volume);
    }
}

/// Binds a claim to a volume, which is made where it isn't there.
fn bind(state: &mut Snapshot, mut bound: Claim, volume: &str) {
    volume.clone_into(&mut bound.spec.volume_name);
    bound.metadata.annotations.insert(BIND_COMPLETED.to_owned(), "yes".to_owned());
    "Bound".clone_into(&mut bound.status.phase);
    let mut taken = state.volumes.get("", volume).found().map_or_else(
        || {
            let mut new = Volume::default();
            volume.clone_into(&mut new.metadata.name);
            new.spec.capacity = bound.spec.resources.requests.clone();
            new.spec.access_modes = bound.spec.access_modes.clone();
            new.spec.storage_class_name = bound.class().to_owned();
            new
        },
        |found| Volume::clone(found),
    );
    let claim = &bound.metadata;
    taken.spec.claim_ref =
        Some(ClaimReference { namespace: claim.namespace.clone(), name: claim.name.clone(), uid: claim.uid.clone() });
    "Bound".clone_into(&mut taken.status.phase);
    state.volumes.insert(taken);
    state.claims.insert(bound);
}

fn provisioner_known(state: &Snapshot, class: &str) -> bool {
    let class = state.classes.get("", class).found();
    class.is_some_and(|class| state.csi_drivers.get("", &class.provisioner).found().is_some())
}

/// The unbound claims among the victims, and of the pods among them, whose class doesn't wait for a consumer.
fn immediate_claims(state: &Snapshot, victims: &[ObjectRef]) -> BTreeSet<(String, String)> {
    let mut names = BTreeSet::new();
    for victim in victims {
        if victim.kind == Kind::PersistentVolumeClaim.name() {
            names.insert((victim.namespace.clone(), victim.name.clone()));
        } else if let Some(pod) = state.pods.get(&victim.namespace, &victim.name).found() {
            let claims = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&victim.name));
            names.extend(claims.map(|claim| (victim.namespace.clone(), claim)));
        }
    }
    names.retain(|(namespace, name)| {
        state.claims.get(namespace, name).found().is_some_and(|claim| {
            let waits = state.classes.get("", claim.class()).found().is_some_and(|class| class.waits_for_consumer());
            !(claim.fully_bound() || waits && claim.spec.volume_name.is_empty())
        })
    });
    names
}

/// The claims among the victims that are still neither bound nor waiting for a pod or provisioner that will see to them.
fn unbound(state: &Snapshot, victims: &[ObjectRef]) -> Vec<ObjectRef> {
    let claims = victims.iter().filter(|object| object.kind == Kind::PersistentVolumeClaim.name());
    let mut stuck = immediate_claims(state, &claims.clone().cloned().collect::<Vec<_>>());
    let controller = LazyCell::new(|| VolumeController::new(state));
    let hopeless = |object: &&ObjectRef| {
        let claim = state.claims.get(&object.namespace, &object.name).found();
        let waits = claim.filter(|claim| needs_volume_that_exists(state, claim));
        waits.is_some_and(|claim| controller.free_for(claim).is_empty())
    };
    let hopeless: Vec<&ObjectRef> = claims.clone().filter(hopeless).collect();
    stuck.extend(hopeless.into_iter().map(|object| (object.namespace.clone(), object.name.clone())));
    claims.filter(|object| stuck.contains(&(object.namespace.clone(), object.name.clone()))).cloned().collect()
}

/// Whether a claim waits for its consumer and needs a volume that is there, since its class makes none.
fn needs_volume_that_exists(state: &Snapshot, claim: &Claim) -> bool {
    let waits = !claim.fully_bound() && claim.spec.volume_name.is_empty() && claim.selected_node().is_none();
    let class = state.classes.get("", claim.class()).found();
    let makes_none = class.is_some_and(|class| class.waits_for_consumer() && class.provisioner == NO_PROVISIONER);
    waits && makes_none
}

#[cfg(test)]
mod tests {
    use super::tell;

    #[test]
    fn what_cannot_be_foreseen_is_told_beside_what_is_in_the_way() {
        let pods = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let by = [("the claim is gone".to_owned(), pods(&["web-1"]))];
        let open = Some(("another scheduler decides about pod web-2".to_owned(), pods(&["web-2"])));
        assert_eq!(
            tell(&pods(&["web-0"]), &by, open),
            "pod web-0 is placed; then web-1 stays back: the claim is gone; what becomes of web-2 is not known: another \
             scheduler decides about pod web-2"
        );
        let many = pods(&["a-0", "a-1", "a-2", "a-3"]);
        let by = [("claims a-0, a-1 and 2 more are too large".to_owned(), many.clone())];
        assert_eq!(
            tell(&many, &by, None),
            "4 pods are placed; then 4 stay back: claims a-0, a-1 and 2 more are too large"
        );
    }
}
