//! Applies documents to a cluster, one after the other, and tells what came of them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::controllers::{autoscale, run_once};
use super::dry_run::{self, Foreseen};
use super::hints;
use super::judged::{DocumentResult, WORKLOADS, WorkloadResult, settle, workload};
use super::manifests::strict::Sent;
use super::manifests::{Document, strict};
use super::naming::Names;
use super::placement::{Draw, Eviction, Placement};
use super::places::Places;
use super::rehearsal::{self, Leaving, Move};
use super::removal;
use super::repairs::{self, Refusal, Standings};
use super::room::Asked;
use super::server::{self, Action, Outcome, Request};
use super::state::State;
use super::world::{Key, World};
use crate::diagnosis::{Change, Options, Scope};
use crate::engine::{self, Diagnosis};
use crate::model::selector::LabelSelector;
use crate::model::{Kind, ObjectRef};
use crate::scheduler::Scheduler;
use crate::snapshot::Snapshot;
use crate::source::dry_run::Answered;
use crate::source::manifests::ManifestFile;
use crate::source::raw::RawObjects;

/// What a preflight is given.
pub(crate) struct Input {
    pub(crate) snapshot: Snapshot,
    /// Objects as the server stores them: those of the kinds and namespaces that the documents can meet.
    pub(crate) raw: RawObjects,
    pub(crate) documents: Vec<Document>,
    /// The texts that the documents were read from.
    pub(crate) files: Vec<ManifestFile>,
    /// What was put into the documents in place of what the texts say.
    pub(crate) asked: Asked,
    /// The namespace of documents that name none.
    pub(crate) namespace: String,
    pub(crate) changes: Changes,
    pub(crate) options: Options,
    /// What the server itself said of each document, in their order; empty where it wasn't to be asked.
    pub(crate) answers: Vec<Answered>,
}

/// What is tried beside the documents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Objects that are deleted before the documents are applied.
    pub(crate) deleted: Vec<Document>,
    /// Whether what was applied before and is not among the documents goes in the end.
    pub(crate) prune: bool,
    /// What of that these labels must select.
    pub(crate) prune_selector: Option<LabelSelector>,
    /// Nodes that go in the end.
    pub(crate) leaving: Leaving,
}

impl Preflight {
    /// What tells where in the manifests findings point.
    pub(crate) fn places(&self) -> Places<'_> {
        Places {
            documents: &self.sources,
            results: &self.documents,
            snapshot: &self.snapshot,
            verdicts: &self.diagnosis.pods,
        }
    }
}

/// The answer as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fits,
    Blocked,
    Unknown,
}

/// What came of the documents.
pub(crate) struct Preflight {
    pub(crate) verdict: Verdict,
    /// The documents, in the order of what came of them.
    pub(crate) sources: Vec<Document>,
    /// The texts that the documents were read from.
    pub(crate) files: Vec<ManifestFile>,
    pub(crate) documents: Vec<DocumentResult>,
    pub(crate) workloads: Vec<WorkloadResult>,
    pub(crate) evictions: Vec<Eviction>,
    /// Objects that were deleted.
    pub(crate) deletions: Vec<Key>,
    /// Pods whose nodes went.
    pub(crate) moves: Vec<Move>,
    /// What can't be known, one line each.
    pub(crate) unknown: Vec<String>,
    /// The state in the end.
    pub(crate) snapshot: Snapshot,
    pub(crate) scope: Scope,
    pub(crate) diagnosis: Diagnosis,
    /// What ends what the server refuses.
    pub(crate) refusals: Vec<Refusal>,
}

/// What is tried, several times where chance decides.
pub(super) struct Trial<'a> {
    world: Cow<'a, World>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) documents: &'a [Document],
    pub(super) namespace: &'a str,
    changes: &'a Changes,
    pub(super) options: &'a Options,
    answers: Cow<'a, [Answered]>,
    now: String,
    /// Changes of the cluster that a repair makes first.
    pub(super) first: &'a [&'a Change],
    /// Objects that a repair deletes just before the documents are applied, and whether what they own stays.
    pub(super) gone: &'a [(&'a Key, bool)],
}

/// What came of one try.
pub(super) struct Played {
    pub(super) state: State,
    pub(super) documents: Vec<DocumentResult>,
    pub(super) workloads: Vec<WorkloadResult>,
    pub(super) evictions: Vec<Eviction>,
    deletions: Vec<Key>,
    moves: Vec<Move>,
    pub(super) verdict: Verdict,
    /// Why a change of a repair could not be made.
    pub(super) failed: Option<String>,
    /// Whether chance had a part in it.
    tied: bool,
}

/// Nodes, pods and documents up to which chance is given several tries.
const SMALL: usize = 5_000;
/// The tries beside the first.
const DRAWS: [Draw; 6] = [Draw::Last, Draw::Seed(1), Draw::Seed(2), Draw::Seed(3), Draw::Seed(4), Draw::Seed(5)];
/// What is said where the tries differ.
const CHANCE: &str = "whether everything fits hangs on which of several equal nodes the scheduler takes; \
    this is what comes of it where it takes them badly";

/// Tries documents on a cluster.
pub(crate) fn run(input: Input) -> Preflight {
    let Input { snapshot, raw, documents, files, asked, namespace, changes, options, answers } = input;
    let options = Options { of_manifests: !documents.is_empty(), ..options };
    let now = options.now.or_else(|| snapshot.newest().map(|newest| newest.time));
    let trial = Trial {
        world: Cow::Owned(world(&snapshot, raw, &namespace)),
        snapshot: &snapshot,
        documents: &documents,
        namespace: &namespace,
        changes: &changes,
        options: &options,
        answers: Cow::Owned(answers),
        now: now.map_or_else(|| "1970-01-01T00:00:00Z".to_owned(), |now| now.to_string()),
        first: &[],
        gone: &[],
    };
    let played = trial.most_likely();
    let before = (played.verdict == Verdict::Blocked).then(|| Standings::new(&played));
    let mut outcome = finish(played, &snapshot, &options);
    if let Some(before) = before {
        repairs::add(&trial, &files, &asked, before, &mut outcome);
    }
    (outcome.sources, outcome.files) = (documents, files);
    outcome
}

impl Trial<'_> {
    /// What is stored before the documents are applied.
    pub(super) fn stored(&self) -> &World {
        &self.world
    }

    /// The same with other documents, behind changes of the cluster.
    pub(super) fn with<'s>(
        &'s self,
        documents: &'s [Document],
        first: &'s [&'s Change],
        gone: &'s [(&'s Key, bool)],
    ) -> Trial<'s> {
        let Trial { snapshot, namespace, changes, options, .. } = *self;
        let (world, now) = (Cow::Borrowed(&*self.world), self.now.clone());
        let answers = self.answers_to(documents);
        Trial { world, snapshot, documents, namespace, changes, options, answers, now, first, gone }
    }

    /// What the server said of documents: nothing of those that it was not asked about as they are now.
    fn answers_to(&self, documents: &[Document]) -> Cow<'_, [Answered]> {
        let answer = |document: &Document| {
            let same = |asked: &Document| asked.object == document.object;
            let answer = self.documents.iter().position(same).and_then(|number| self.answers.get(number));
            answer.cloned().unwrap_or_else(|| Answered::silent("it was not asked about the document as edited"))
        };
        match self.answers.is_empty() {
            true => Cow::Borrowed(&[]),
            false => documents.iter().map(answer).collect(),
        }
    }

    /// What comes of it in most tries; where some fit and some don't, one that does not, as not known.
    pub(super) fn most_likely(&self) -> Played {
        let base = self.options.scheduler(self.snapshot);
        let first = self.play(&base, Draw::First);
        let size = self.snapshot.nodes.seen().len() + self.snapshot.pods.seen().len() + self.documents.len();
        if !first.tied || size > SMALL {
            return first;
        }
        let mut tries = vec![first];
        tries.extend(DRAWS.iter().map(|draw| self.play(&base, *draw)));
        let fits = tries.iter().filter(|one| one.verdict == Verdict::Fits).count();
        let differ = fits > 0 && tries.iter().any(|one| one.verdict == Verdict::Blocked);
        if differ {
            tries.retain(|one| one.verdict == Verdict::Blocked);
        }
        let alike = |one: &Played| tries.iter().filter(|other| other.told() == one.told()).count();
        let best = (0..tries.len()).max_by_key(|position| (alike(&tries[*position]), std::cmp::Reverse(*position)));
        let mut best = tries.swap_remove(best.unwrap_or(0));
        if differ {
            best.verdict = Verdict::Unknown;
            best.state.unknown.insert(CHANCE.to_owned());
        }
        best
    }

    fn play(&self, base: &Scheduler<'_>, draw: Draw) -> Played {
        let version = self.options.version(self.snapshot);
        let mut state = State::new(World::clone(&self.world), self.snapshot.clone(), version, self.now.clone());
        let failed = self.first.iter().find_map(|change| repairs::make(&mut state, change).err());
        for (key, orphan) in self.gone {
            match orphan {
                true => state.orphan(key),
                false => _ = removal::delete(&mut state, key),
            }
        }
        let start = state.snapshot.clone();
        let mut placement = Placement::new(base.after(&start), draw);
        let mut deletions = self.delete(&mut state);
        let mut calm = deletions.is_empty() || settle(&mut state, &mut placement);
        let mut documents = Vec::new();
        for (number, document) in self.documents.iter().enumerate() {
            let freed = !deletions.is_empty() || documents.iter().any(DocumentResult::updates);
            let answered = self.answers.get(number).map(|answered| (answered, freed));
            documents.push(apply(&mut state, document, self.namespace, answered));
            calm &= settle(&mut state, &mut placement);
        }
        let pruned = self.prune(&mut state, &documents);
        calm &= pruned.is_empty() || settle(&mut state, &mut placement);
        deletions.extend(pruned);
        while calm && autoscale(&mut state) {
            calm = settle(&mut state, &mut placement);
        }
        if !calm {
            state.unknown.insert("the controllers would not come to rest".to_owned());
        }
        let moves = self.rehearse(&mut state, draw);
        let workloads = judged(&state, self.snapshot, &base.after(&state.snapshot), &documents);
        let verdict = verdict(&state, &documents, &workloads, &moves);
        hints::add(self.documents, &mut documents, &workloads, version);
        let Placement { evictions, tied, .. } = placement;
        Played { state, documents, workloads, evictions, deletions, moves, verdict, failed, tied }
    }

    /// Deletes what is to go first; gives what was there.
    fn delete(&self, state: &mut State) -> Vec<Key> {
        let keys =
            self.changes.deleted.iter().map(|document| server::key(&state.world, &document.object, self.namespace));
        let keys: Vec<Key> = keys.collect();
        keys.into_iter().filter(|key| removal::delete(state, key)).collect()
    }

    /// Deletes what is pruned; gives what it was. kubectl prunes nothing where the server refused a document.
    fn prune(&self, state: &mut State, documents: &[DocumentResult]) -> Vec<Key> {
        let refused = |document: &DocumentResult| document.admitted == Some(false);
        if !self.changes.prune || documents.is_empty() || documents.iter().any(refused) {
            return Vec::new();
        }
        let keys: Vec<Key> = documents.iter().map(|document| document.key.clone()).collect();
        let selects = |object: &Value| {
            let labels = serde_json::from_value(object["metadata"]["labels"].clone()).unwrap_or_default();
            self.changes.prune_selector.as_ref().is_none_or(|selector| selector.matches(&labels))
        };
        let gone = removal::pruned(state, &keys, selects);
        gone.into_iter().filter(|key| removal::delete(state, key)).collect()
    }

    /// Has nodes go, where they are to.
    fn rehearse(&self, state: &mut State, draw: Draw) -> Vec<Move> {
        if self.changes.leaving.is_empty() {
            return Vec::new();
        }
        let (drained, lost, missing) = rehearsal::nodes(state, &self.changes.leaving);
        for name in missing {
            state.unknown.insert(format!("there is no node or zone {name}"));
        }
        rehearsal::close(state, &drained, &lost);
        let before = state.snapshot.clone();
        let mut placement = Placement::new(self.options.scheduler(&before), draw);
        let mut moves = rehearsal::run(state, &mut placement, &drained, &lost);
        settle(state, &mut placement);
        let now = state.snapshot.clone();
        rehearsal::tell(state, &self.options.scheduler(&now), &mut moves);
        moves
    }
}

impl Played {
    /// Whether a claim among the documents is neither bound nor waits for its first consumer, or that can't be known.
    pub(super) fn claim_stuck(&self, key: &Key) -> bool {
        claim_stuck(&self.state, key) != Stuck::No
    }

    /// What the report says of the outcome.
    fn told(&self) -> (Verdict, &[WorkloadResult]) {
        (self.verdict, &self.workloads)
    }
}

/// The objects that the server stores, those that were read raw and what else the snapshot has of kinds with few. What was
/// read raw wherever it matters is known, however much of it the snapshot has.
pub(super) fn world(snapshot: &Snapshot, raw: RawObjects, namespace: &str) -> World {
    let mut world = World::default();
    for object in raw.objects {
        let key = server::key(&world, &object, namespace);
        world.put(key, object);
    }
    raw.unread.iter().for_each(|kind| world.failed(kind));
    for kind in Kind::ALL.iter().filter(|kind| !snapshot.complete(**kind) && !raw.read.contains(kind.name())) {
        world.cover_not(kind.name());
    }
    world
}

/// `answered` is what the server itself said of the document, and whether something before it may have given back what
/// quotas count.
fn apply(
    state: &mut State,
    document: &Document,
    namespace: &str,
    answered: Option<(&Answered, bool)>,
) -> DocumentResult {
    let asked = |request| server::request(&state.world, request, document.object.clone(), namespace, state.version);
    let answer = asked(Request::Apply);
    let mut key = server::key(&state.world, &document.object, namespace);
    let unserved = matches!(&answer.outcome, Outcome::Refused(message) if message.starts_with("no matches for kind"));
    let sent = if answer.action == Action::Create { Sent::Whole } else { Sent::Patch };
    let strict = strict::refusal(&document.object, state.version.minor, sent).filter(|_| !unserved);
    let outcome = strict.map_or(answer.outcome, Outcome::Refused);
    let (mut action, mut outcome, mut warnings, mut server) = (answer.action, outcome, answer.warnings, None);
    if let Some((answered, freed)) = answered {
        let plain = || asked(Request::ApplyUnhooked).outcome;
        let heeded = dry_run::heed(Foreseen { action, outcome, warnings, freed, plain: &plain }, answered);
        (action, outcome, warnings, server) = (heeded.action, heeded.outcome, heeded.warnings, Some(heeded.result));
    }
    let (admitted, message) = match outcome {
        Outcome::Admitted(object) => {
            if server.as_ref().is_none_or(|server| !server.decides) {
                state.note_unread(&answer.unread);
            }
            key = server::key(&state.world, &object, namespace);
            store(state, &key, action, *object);
            (Some(true), None)
        }
        Outcome::Refused(message) => (Some(false), Some(message)),
        Outcome::Unknown(why) => (None, Some(why)),
    };
    let (file, line) = (document.file.clone(), document.line);
    DocumentResult { file, line, key, action, admitted, message, hint: None, warnings, server }
}

fn store(state: &mut State, key: &Key, action: Action, object: Value) {
    match action {
        Action::Create => state.put_new(key.clone(), object),
        Action::Update => state.replace(key.clone(), object),
        Action::None => {}
    }
    if key.kind == "CronJob" {
        run_once(state, key);
    }
}

/// The workloads among the documents that the server took, each once.
fn judged(
    state: &State,
    before: &Snapshot,
    scheduler: &Scheduler<'_>,
    results: &[DocumentResult],
) -> Vec<WorkloadResult> {
    let mut seen = BTreeSet::new();
    let admitted = results.iter().filter(|result| result.admitted == Some(true));
    let keys = admitted.map(|result| &result.key).filter(|key| WORKLOADS.contains(&key.kind.as_str()));
    let keys: Vec<&Key> = keys.filter(|key| seen.insert(*key)).collect();
    keys.into_iter().filter_map(|key| workload(state, before, scheduler, key)).collect()
}

/// What the diagnosis of the end is about: the workloads, and the claims among the documents.
fn scope(state: &State, results: &[DocumentResult], workloads: &[WorkloadResult]) -> Scope {
    let mut targets: Vec<ObjectRef> = workloads.iter().map(WorkloadResult::object).collect();
    for workload in workloads.iter().filter(|workload| workload.key.kind == "CronJob") {
        let job = state.runs.get(&workload.key);
        let namespace = workload.key.namespace.as_deref().unwrap_or_default();
        targets.extend(job.map(|job| ObjectRef::new(Kind::Job, namespace, &job.name)));
    }
    let claims = results.iter().filter(|result| result.admitted == Some(true));
    let claims = claims.filter(|result| result.key.kind == Kind::PersistentVolumeClaim.name());
    targets.extend(claims.map(|result| {
        let namespace = result.key.namespace.as_deref().unwrap_or_default();
        ObjectRef::new(Kind::PersistentVolumeClaim, namespace, &result.key.name)
    }));
    Scope { targets, ..Scope::default() }
}

fn verdict(state: &State, documents: &[DocumentResult], workloads: &[WorkloadResult], moves: &[Move]) -> Verdict {
    let (stuck, unsure) = claims_stuck(state, documents);
    let blocked = documents.iter().any(|document| document.admitted == Some(false))
        || workloads.iter().any(|workload| !workload.fits() && workload.unknown.is_none())
        || moves.iter().any(|one| one.blocked.is_some())
        || stuck;
    let open = documents.iter().any(|document| document.admitted.is_none())
        || workloads.iter().any(|workload| !workload.fits())
        || unsure
        || !state.unknown.is_empty();
    match (blocked, open) {
        (true, _) => Verdict::Blocked,
        (false, true) => Verdict::Unknown,
        (false, false) => Verdict::Fits,
    }
}

fn finish(played: Played, before: &Snapshot, options: &Options) -> Preflight {
    let Played { mut state, documents, mut workloads, evictions, deletions, moves, verdict, .. } = played;
    let names = Names::new(before, &state.snapshot);
    let mut scope = scope(&state, &documents, &workloads);
    scope.targets = scope.targets.into_iter().map(|target| names.of_target(target)).collect();
    names.put_into(&mut state.snapshot);
    let (evictions, moves) = (names.of_evictions(evictions), names.of_moves(moves));
    for workload in &mut workloads {
        workload.refused = workload.refused.as_deref().map(|text| names.in_text(text));
    }
    let moved = moves.iter().filter(|one| one.blocked.is_some());
    let moved = moved.filter_map(|one| Some(ObjectRef::new(Kind::Pod, &one.namespace, one.successor.as_ref()?)));
    scope.targets.extend(moved);
    let diagnosis = match scope.targets.is_empty() {
        true => Diagnosis::default(),
        false => engine::diagnose(&state.snapshot, &scope, options),
    };
    let mut unknown: Vec<String> = state.unknown.iter().cloned().collect();
    let of = |workload: &WorkloadResult| Some(format!("{}: {}", workload.object(), workload.unknown.clone()?));
    unknown.extend(workloads.iter().filter_map(of));
    let snapshot = state.snapshot;
    Preflight {
        verdict,
        sources: Vec::new(),
        files: Vec::new(),
        documents,
        workloads,
        evictions,
        deletions,
        moves,
        unknown,
        snapshot,
        scope,
        diagnosis,
        refusals: Vec::new(),
    }
}

/// Whether a claim among the documents is neither bound nor waits for its first consumer, and whether that can't be known of
/// one, since not all classes or volumes could be read.
fn claims_stuck(state: &State, documents: &[DocumentResult]) -> (bool, bool) {
    let claims = documents.iter().filter(|document| document.admitted == Some(true));
    let claims: Vec<Stuck> = claims.map(|document| claim_stuck(state, &document.key)).collect();
    (claims.contains(&Stuck::Yes), claims.contains(&Stuck::Unknown))
}

/// Whether a claim is neither bound nor waits for its first consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stuck {
    Yes,
    No,
    /// Not all classes or volumes could be read.
    Unknown,
}

fn claim_stuck(state: &State, key: &Key) -> Stuck {
    if key.kind != Kind::PersistentVolumeClaim.name() {
        return Stuck::No;
    }
    let namespace = key.namespace.as_deref().unwrap_or_default();
    let Some(claim) = state.snapshot.claims.get(namespace, &key.name).found() else { return Stuck::No };
    let (classes, volumes) = (&state.snapshot.classes, &state.snapshot.volumes);
    let class = classes.get("", claim.class()).found();
    if claim.fully_bound() || class.is_some_and(|class| class.waits_for_consumer()) {
        return Stuck::No;
    }
    let hidden = class.is_none() && !classes.complete() || !volumes.complete();
    if hidden { Stuck::Unknown } else { Stuck::Yes }
}

/// The object of a document, as `Kind namespace/name`.
pub(crate) fn named(key: &Key) -> String {
    let namespace = key.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("{} {namespace}{}", key.kind, key.name)
}
