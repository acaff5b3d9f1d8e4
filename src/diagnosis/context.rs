//! What a rule sees: the snapshot, the verdicts on what is in scope, and indexes that are built once.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;

use super::Options;
use super::by_key::by_key;
use super::command;
use super::finding::Evidence;
use super::in_the_way::{InTheWay, PAIRS};
use super::index::Index;
use super::manager;
use super::on_demand::Demands;
use super::remedy::{Change, Manager, Step};
use super::text::natural_order;
use crate::admission::expand::{Source, template_of};
use crate::dependencies::Drivers;
use crate::model::claim::PROTECTION;
use crate::model::{Claim, Event, Kind, Meta, ObjectRef, Pod, StorageClass, Volume, Workload};
use crate::scheduler::{Outcome, PodVerdict, Scheduler};
use crate::snapshot::{History, Lookup, Problem, Scope, Snapshot};
use crate::volumes::{AttachProblem, AttachVerdict, ClaimVerdict, ProvisionerVerdict};

/// Seconds for which an object counts as new.
const FRESH: i64 = 60;

/// A pod in scope that has no node, with its verdict.
#[derive(Debug)]
pub struct PodCase<'a> {
    pub pod: &'a Pod,
    pub verdict: Arc<PodVerdict>,
}

/// Pods of one controller with the same verdict: one story.
#[derive(Debug)]
pub struct PodGroup<'a> {
    /// The controller's kind and name; `None` for a pod without one.
    pub owner: Option<ObjectRef>,
    /// Never empty; sorted as people count.
    pub pods: Vec<&'a Pod>,
    pub verdict: Arc<PodVerdict>,
}

/// A claim in scope that isn't bound, with its verdict.
#[derive(Debug)]
pub struct ClaimCase<'a> {
    pub claim: &'a Claim,
    pub verdict: ClaimVerdict,
    /// What the external provisioner of the claim's class does, where it has one.
    pub provisioning: Option<ProvisionerVerdict>,
}

/// A pod in scope that has a node and not yet its volumes, with what keeps them from it.
#[derive(Debug)]
pub struct PlacedCase<'a> {
    pub pod: &'a Pod,
    pub verdict: AttachVerdict,
    /// Seconds for which the pod has waited on its node, at least; `None` where that isn't known.
    pub waited: Option<i64>,
    /// Whether the time of the snapshot is known, so that the pod has not waited longer.
    exact: bool,
}

/// A workload in scope that has fewer pods than it wants.
#[derive(Debug)]
pub struct Shortfall<'a> {
    pub kind: Kind,
    pub meta: &'a Meta,
    pub(crate) source: Source<'a>,
    /// The pods that exist.
    pub pods: Vec<&'a Pod>,
    /// The names of those that don't, where the workload gives names (StatefulSets).
    pub missing: Vec<String>,
    /// How many don't exist.
    pub lacking: usize,
}

/// Everything that rules read.
pub struct Context<'a> {
    pub snapshot: &'a Snapshot,
    pub scheduler: &'a Scheduler<'a>,
    pub options: &'a Options,
    /// The one namespace that is looked at, where it is one.
    pub namespace: Option<&'a str>,
    /// Sorted by namespace and name.
    pub pods: Vec<PodCase<'a>>,
    pub groups: Vec<PodGroup<'a>>,
    pub claims: Vec<ClaimCase<'a>>,
    /// Every claim in scope, be it bound or not.
    pub(crate) all_claims: Vec<&'a Claim>,
    /// The volumes of claims in scope that are gone.
    pub(crate) released: Vec<&'a Volume>,
    /// Pods that have a node and not yet their volumes.
    pub placed: Vec<PlacedCase<'a>>,
    /// Every pod in scope that has a node, has not ended and isn't being deleted.
    pub assigned: Vec<&'a Pod>,
    pub shortfalls: Vec<Shortfall<'a>>,
    /// Kind and metadata of all that makes pods in scope.
    pub controllers: Vec<(Kind, &'a Meta)>,
    /// The StatefulSets in scope.
    pub(crate) sets: Vec<&'a Workload>,
    pub(crate) index: Index<'a>,
    /// The drivers of volumes, and what they are made of.
    pub(crate) drivers: Drivers<'a>,
    /// What was not read and rules looked for.
    pub(crate) demands: Demands,
    /// What is in the way of the pods that were asked about, with whether all nodes were looked at.
    pub(crate) ways: RefCell<HashMap<(ObjectRef, bool), Rc<InTheWay>>>,
}

impl<'a> PlacedCase<'a> {
    /// A case at a time; where that isn't known, the pod's newest event tells how long it has waited at least.
    pub(crate) fn new(pod: &'a Pod, verdict: AttachVerdict, options: &Options) -> Self {
        let time = |text: &str| text.parse::<Timestamp>().ok();
        let seen = verdict.events.iter().filter_map(|event| time(&event.last_seen)).max();
        let waited = options.now.max(seen).zip(verdict.since.as_deref().and_then(time));
        let waited = waited.map(|(until, since)| until.as_second() - since.as_second());
        Self { pod, verdict, waited, exact: options.now.is_some() && !options.now_is_a_bound && waited.is_some() }
    }

    /// Whether a problem has lasted longer than it may where all is well. One that doesn't end by itself counts where
    /// it isn't known for how long the pod has waited.
    pub fn stuck_on(&self, problem: &AttachProblem) -> bool {
        self.waited_longer_than(problem.patience()) || !self.exact && !problem.passing()
    }

    /// Whether it is not certain that the pod has waited no longer than this many seconds.
    pub(crate) fn may_have_waited(&self, seconds: i64) -> bool {
        !self.exact || self.waited.is_none_or(|waited| waited > seconds)
    }

    /// Whether the pod has waited longer than this many seconds, as far as that is known.
    pub fn waited_longer_than(&self, seconds: i64) -> bool {
        self.waited.is_some_and(|waited| waited > seconds)
    }
}

impl PodGroup<'_> {
    /// The pod that stands for all.
    pub fn lead(&self) -> &Pod {
        self.pods[0]
    }

    /// The pods' names.
    pub fn names(&self) -> Vec<&str> {
        self.pods.iter().map(|pod| pod.metadata.name.as_str()).collect()
    }

    /// The pods as objects.
    pub fn objects(&self) -> Vec<ObjectRef> {
        self.pods.iter().map(|pod| pod_ref(pod)).collect()
    }

    /// The controller, or the pod itself where it has none.
    pub fn subject(&self) -> ObjectRef {
        self.owner.clone().unwrap_or_else(|| pod_ref(self.lead()))
    }
}

impl<'a> Context<'a> {
    /// The groups of pods that can't be scheduled.
    pub fn blocked(&self) -> impl Iterator<Item = &PodGroup<'a>> {
        self.groups.iter().filter(|group| group.verdict.outcome == Outcome::Unschedulable)
    }

    /// What is in the way of the pods of a group, as the first of them has it.
    pub fn in_the_way(&self, group: &PodGroup<'_>) -> Rc<InTheWay> {
        let all = self.groups.len() * self.snapshot.nodes.seen().len() <= PAIRS;
        self.in_the_way_of(group.lead(), &group.verdict, all)
    }

    /// What is in the way of a pod, on all nodes or on those that tell.
    pub(crate) fn in_the_way_of(&self, pod: &Pod, verdict: &PodVerdict, all: bool) -> Rc<InTheWay> {
        let key = (pod_ref(pod), all);
        if let Some(known) = self.ways.borrow().get(&key) {
            return Rc::clone(known);
        }
        let explanation = self.scheduler.explain(pod);
        let way = explanation.map_or_else(InTheWay::default, |it| InTheWay::new(&it, verdict, all));
        let way = Rc::new(way);
        self.ways.borrow_mut().insert(key, Rc::clone(&way));
        way
    }

    /// Why not all objects of these kinds in the namespace in scope could be read, as `events: forbidden`.
    pub fn unread(&self, kinds: &[Kind]) -> Option<String> {
        let covered = |kind: Kind| match self.namespace {
            Some(namespace) => self.snapshot.scope(kind).covers(if kind.namespaced() { namespace } else { "" }),
            None => self.snapshot.scope(kind).covers_all(),
        };
        self.problem(kinds.iter().copied().find(|kind| !covered(*kind))?)
    }

    /// Of these kinds the first of which not all objects of the cluster could be read, and why. A kind that isn't served
    /// has none.
    pub fn unread_anywhere(&self, kinds: &[Kind]) -> Option<String> {
        let unread = |kind: &Kind| {
            let scope = self.snapshot.scope(*kind);
            !scope.covers_all() && scope.problem() != Some(&Problem::NotServed)
        };
        self.problem(kinds.iter().copied().find(unread)?)
    }

    fn problem(&self, kind: Kind) -> Option<String> {
        let problem = self.snapshot.scope(kind).problem()?;
        Some(format!("{}: {problem}", kind.plural()))
    }

    /// Whether only a presumption says that the cluster has no object of a kind: the dump holds none. What rests on it
    /// is told of the dump, never of the cluster.
    pub fn presumes_none(&self, kind: Kind) -> bool {
        *self.snapshot.scope(kind) == Scope::Presumed
    }

    /// The seconds since a time, RFC 3339, or more; `None` where the present is not known.
    pub fn age(&self, since: &str) -> Option<i64> {
        let since: Timestamp = since.parse().ok()?;
        Some(self.options.now?.as_second() - since.as_second())
    }

    /// Whether a time, RFC 3339, is less than a minute ago.
    pub fn just_now(&self, time: &str) -> bool {
        !self.options.now_is_a_bound && self.age(time).is_some_and(|age| age < FRESH)
    }

    /// Whether an object was made in the last minute, so that what it waits for may be on its way.
    pub fn fresh(&self, meta: &Meta) -> bool {
        self.just_now(&meta.creation_timestamp)
    }

    /// The claims that a pod names, in the order of its volumes.
    pub fn claims_of(&self, pod: &Pod) -> Vec<(String, Lookup<'a, Claim>)> {
        let names = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name));
        names.map(|name| (name.clone(), self.snapshot.claims.get(&pod.metadata.namespace, &name))).collect()
    }

    /// The claims of a pod that are not bound and wait for its placement, with their classes.
    pub fn delayed_claims(&self, pod: &Pod) -> Vec<(&'a Claim, &'a StorageClass)> {
        let found = self.claims_of(pod).into_iter().filter_map(|(_, claim)| claim.found());
        found
            .filter(|claim| !claim.fully_bound() && claim.spec.volume_name.is_empty())
            .filter_map(|claim| Some((&**claim, &**self.snapshot.classes.get("", claim.class()).found()?)))
            .filter(|(_, class)| class.waits_for_consumer())
            .collect()
    }

    /// The StatefulSets in scope.
    pub fn sets_in_scope(&self) -> &[&'a Workload] {
        &self.sets
    }

    /// The template that a pod was made from.
    pub(crate) fn template(&self, pod: &Pod) -> Option<Source<'a>> {
        template_of(self.snapshot, pod).found()
    }

    /// The object that a pod's life depends on: its workload, a Deployment before its ReplicaSet.
    pub fn workload(&self, pod: &Pod) -> Option<(Kind, &'a Meta)> {
        let source = self.template(pod)?;
        let deployment = source.meta.controller().filter(|owner| owner.kind == "Deployment");
        let deployment = deployment
            .and_then(|owner| self.snapshot.deployments.get(&source.meta.namespace, &owner.name).found())
            .map(|deployment| (Kind::Deployment, &deployment.metadata));
        Some(deployment.unwrap_or((source.kind, source.meta)))
    }

    /// Unfinished pods that use a claim.
    pub fn users_of(&self, claim: &Claim) -> Vec<&'a Pod> {
        self.snapshot.pods.using(&claim.metadata.namespace, &claim.metadata.name)
    }

    /// Whether a pod that has a node names the claim, though it may have ended.
    pub(crate) fn on_a_node(&self, claim: &Claim) -> bool {
        let Meta { namespace, name, .. } = &claim.metadata;
        self.snapshot.pods.in_namespace(namespace).iter().any(|pod| pod.assigned() && pod.names_claim(name))
    }

    /// Whether a claim goes at once when it is deleted, and is nobody's to make again. One that a pod on a node names stays
    /// until that pod is gone, though it may have ended (`pvc_protection_controller.go`); one of an ephemeral volume or of an
    /// operator comes back as it was.
    pub(crate) fn goes_at_once(&self, claim: &Claim) -> bool {
        let meta = &claim.metadata;
        let free = meta.deletion_timestamp.is_none() && meta.controller().is_none();
        let foreign = meta.finalizers.iter().any(|finalizer| finalizer != PROTECTION);
        free && !foreign && !self.on_a_node(claim)
    }

    /// The verdict on a pod in scope.
    pub fn verdict(&self, pod: &Pod) -> Option<&PodVerdict> {
        self.case(&pod.metadata.namespace, &pod.metadata.name).map(|case| &*case.verdict)
    }

    /// A pod in scope that has no node.
    pub(crate) fn pod_in_scope(&self, pod: &ObjectRef) -> Option<&'a Pod> {
        self.case(&pod.namespace, &pod.name).map(|case| case.pod)
    }

    fn case(&self, namespace: &str, name: &str) -> Option<&PodCase<'a>> {
        let of = |case: &PodCase<'a>| (case.pod.metadata.namespace.as_str(), case.pod.metadata.name.as_str());
        let position = self.pods.binary_search_by(|case| of(case).cmp(&(namespace, name))).ok()?;
        Some(&self.pods[position])
    }

    /// The pods in scope that can't go on because the claim isn't bound: those rejected before any node was looked at,
    /// and those that have a node and wait for the volume there.
    pub fn held_by(&self, claim: &Claim) -> Vec<&'a Pod> {
        let held = |pod: &&'a Pod| match self.verdict(pod) {
            Some(verdict) if verdict.pre_filter.is_some() => true,
            Some(_) => self.scheduler.waits_for_volumes_on(pod).is_some(),
            None => false,
        };
        self.pending_users(claim).into_iter().filter(held).collect()
    }

    /// The events about an object, oldest first.
    pub fn events_of(&self, object: &ObjectRef) -> Vec<&'a Event> {
        self.snapshot.events.named(&object.kind, &object.namespace, &object.name)
    }

    /// What was said of this very object, and not of an earlier one with its name.
    pub fn history(&self, kind: Kind, meta: &Meta) -> History<'a> {
        self.snapshot.events.about(kind, meta)
    }

    /// How many seconds ago a time (RFC 3339) was; `None` where it or the present isn't known.
    pub fn seconds_since(&self, time: &str) -> Option<i64> {
        let time: Timestamp = time.parse().ok()?;
        Some(self.options.now?.as_second() - time.as_second())
    }

    /// The pods in scope without a node that use one of the claims.
    pub fn pending_users(&self, claim: &Claim) -> Vec<&'a Pod> {
        self.users_of(claim).into_iter().filter(|pod| !pod.assigned()).collect()
    }

    /// A fact about an object.
    pub fn fact(object: ObjectRef, path: &str, value: impl Into<String>, note: impl Into<String>) -> Evidence {
        Evidence { object, path: path.to_owned(), value: value.into(), note: note.into() }
    }

    /// A step that makes a change, with its command and with the tool that would undo it.
    pub fn step(&self, what: impl Into<String>, change: Change) -> Step {
        let undone_by = change.object().and_then(|object| self.manager_of(&object));
        Step {
            what: what.into(),
            command: command::command(&change),
            change: Some(change),
            undone_by,
            ..Step::default()
        }
    }

    /// A step that merges a patch into an object.
    pub fn patch(&self, what: impl Into<String>, object: (Kind, &str, &str), patch: serde_json::Value) -> Step {
        let (kind, namespace, name) = object;
        self.step(what, Change::Patch { kind, namespace: namespace.to_owned(), name: name.to_owned(), patch })
    }

    /// A step that sets how many pods a workload has.
    pub fn scale(&self, what: impl Into<String>, workload: (Kind, &str, &str), replicas: u32) -> Step {
        self.patch(what, workload, serde_json::json!({"spec": {"replicas": replicas}}))
    }

    /// The outermost tool that owns an object. Pods belong to their workload, and their deletion is never undone.
    fn manager_of(&self, object: &ObjectRef) -> Option<Manager> {
        let kind = Kind::named(&object.kind).filter(|kind| *kind != Kind::Pod)?;
        let meta = self.snapshot.meta(kind, &object.namespace, &object.name)?;
        manager::managers(meta, self.snapshot).into_iter().next()
    }

    /// The step that deletes pods so that they are made anew, one for each namespace.
    pub fn recreate_steps<'p>(&self, pods: impl IntoIterator<Item = &'p ObjectRef>) -> Vec<Step> {
        let by_namespace = by_key(pods.into_iter().map(|pod| (pod.namespace.as_str(), pod.name.as_str())));
        let steps = by_namespace.into_iter().map(|(namespace, mut names)| {
            names.sort_by(|a, b| natural_order(a, b));
            names.dedup();
            let new = super::text::either(names.len(), "a new one", "new ones");
            let what = format!("Delete {}; the controller makes {new}", super::text::named("pod", &names));
            let names = names.into_iter().map(str::to_owned).collect();
            self.step(what, Change::RecreatePods { namespace: namespace.to_owned(), names })
        });
        steps.collect()
    }
}

/// Stands for a pod's own name in a text that is told of several pods, such as `there is no claim data-*`.
pub(crate) const OWN_NAME: &str = "*";

/// A pod as an object of a report.
pub(crate) fn pod_ref(pod: &Pod) -> ObjectRef {
    ObjectRef::new(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name)
}

/// A claim as an object of a report.
pub(crate) fn claim_ref(claim: &Claim) -> ObjectRef {
    ObjectRef::new(Kind::PersistentVolumeClaim, &claim.metadata.namespace, &claim.metadata.name)
}

/// Groups pods by controller and by what the scheduler says of them.
pub(crate) fn group<'a>(pods: &[PodCase<'a>]) -> Vec<PodGroup<'a>> {
    type Key<'k> = (&'k str, Option<ObjectRef>, String);
    let mut groups: BTreeMap<Key<'_>, PodGroup<'a>> = BTreeMap::new();
    for case in pods {
        let meta = &case.pod.metadata;
        let owner = meta.controller().map(|owner| ObjectRef::other(&owner.kind, &meta.namespace, &owner.name));
        let alone = if owner.is_none() { meta.name.as_str() } else { "" };
        let story = signature(&case.verdict).replace(&meta.name, OWN_NAME);
        let key = (meta.namespace.as_str(), owner.clone(), format!("{alone}\n{story}"));
        let group = groups.entry(key).or_insert_with(|| PodGroup {
            owner,
            pods: Vec::new(),
            verdict: Arc::clone(&case.verdict),
        });
        group.pods.push(case.pod);
    }
    let mut groups: Vec<PodGroup<'a>> = groups.into_values().collect();
    for group in &mut groups {
        group.pods.sort_by(|a, b| natural_order(&a.metadata.name, &b.metadata.name));
    }
    groups
}

/// What makes two verdicts one story: the outcome and the text, or what is missing.
fn signature(verdict: &PodVerdict) -> String {
    match &verdict.message {
        Some(message) => format!("{:?} {message}", verdict.outcome),
        None => format!("{:?} {:?}", verdict.outcome, verdict.unknown),
    }
}
