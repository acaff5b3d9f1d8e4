//! Tries repairs: the edited documents are applied anew to the first state, and what comes of them is held against what
//! came of the documents as they are.

use std::collections::BTreeMap;

use super::plan::{Plan, Sources};
use crate::diagnosis::{Finding, Remedy, Scope};
use crate::engine;
use crate::preflight::judged::{WORKLOADS, WorkloadResult};
use crate::preflight::manifests::Document;
use crate::preflight::places::Places;
use crate::preflight::run::{Played, Trial, Verdict, named};
use crate::preflight::world::Key;

/// What all tries may cost, in objects that each of them looks at: one on 2,000 nodes with 20,000 pods, where the search
/// for repairs of findings had nothing to do.
const BUDGET: usize = 45_000;
/// Tries of one report.
const MOST: usize = 80;
/// What a try that costs too much is told of.
const TOO_LARGE: &str = "trying it on the manifests would take too long on a cluster of this size";

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// All that it is for is admitted and fits; whether everything does.
    Works { fits: bool },
    /// It ends what was in the way, and something else is; how many more pods are placed, and what is in the way then.
    Next { placed: usize, then: String },
    /// It does not help: what stays in the way, or who has less than before.
    Useless(String),
    /// It was not tried, and why.
    Untried(String),
}

/// What became of the object of a document: the more, the better.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Refused,
    Unknown,
    /// Admitted, with so many pods placed; not all, or a claim has no volume.
    Short(i64),
    Good,
}

/// What became of all objects of documents, with what is in the way of those that don't fit.
#[derive(Debug, Default)]
pub(in crate::preflight) struct Standings {
    of: BTreeMap<Key, (Standing, String)>,
    evictions: usize,
}

impl Standings {
    pub(in crate::preflight) fn new(played: &Played) -> Self {
        let mut of = BTreeMap::new();
        let workloads: BTreeMap<&Key, &WorkloadResult> =
            played.workloads.iter().map(|workload| (&workload.key, workload)).collect();
        for document in &played.documents {
            let message = document.message.clone().unwrap_or_default();
            let workload = workloads.get(&document.key).copied();
            let standing = match (document.admitted, workload) {
                (Some(false), _) => (Standing::Refused, message),
                (None, _) => (Standing::Unknown, message),
                (Some(true), Some(workload)) if !workload.fits() => {
                    let why = workload.refused.clone().or(workload.blocked.clone()).or(workload.unknown.clone());
                    (Standing::Short(workload.placed), why.unwrap_or_default())
                }
                (Some(true), _) if played.claim_stuck(&document.key) => {
                    (Standing::Short(0), "the claim gets no volume".to_owned())
                }
                (Some(true), _) => (Standing::Good, String::new()),
            };
            of.insert(document.key.clone(), standing);
        }
        Self { of, evictions: played.evictions.iter().map(|eviction| eviction.victims.len()).sum() }
    }

    fn placed(&self, keys: &[Key]) -> i64 {
        let placed = keys.iter().filter_map(|key| match self.of.get(key)?.0 {
            Standing::Short(placed) => Some(placed),
            _ => None,
        });
        placed.sum()
    }
}

/// A try and what is left of it.
pub(super) struct Attempt {
    pub(super) proof: Proof,
    /// The edited documents, with the server's words where one of those that it is for is refused, or its pods are.
    pub(super) refused: Option<(Vec<Document>, usize, String)>,
}

/// Tries repairs of one report.
pub(super) struct Prover<'a, 't> {
    pub(super) trial: &'a Trial<'t>,
    pub(super) sources: Sources<'a>,
    pub(super) before: Standings,
    cost: usize,
    budget: usize,
    left: usize,
}

impl<'a, 't> Prover<'a, 't> {
    /// Tries against what was played; `pods` is how many there are in the end, and `searched` whether repairs were searched
    /// for already, which takes as long as a try.
    pub(super) fn new(
        trial: &'a Trial<'t>,
        sources: Sources<'a>,
        before: Standings,
        (pods, searched): (usize, bool),
    ) -> Self {
        let cost = trial.snapshot.nodes.seen().len() + pods + sources.documents.len();
        let budget = BUDGET.saturating_sub(if searched { cost } else { 0 });
        Self { trial, sources, before, cost, budget, left: MOST }
    }

    /// Whether tries are left.
    pub(super) fn able(&self) -> bool {
        self.left > 0 && self.budget >= self.cost
    }

    /// Whether a repair is about workloads whose controllers are not played here, since no document is in their namespace:
    /// what the search saw of it then counts.
    pub(super) fn elsewhere(&self, remedy: &Remedy) -> bool {
        let objects = remedy.steps.iter().filter_map(|step| step.change.as_ref()?.object());
        let mut workloads = objects.filter(|object| WORKLOADS.contains(&object.kind.as_str()));
        let stored = self.trial.stored();
        workloads.any(|object| stored.get(&object.kind, Some(&object.namespace), &object.name).is_none())
    }

    /// Tries a plan for the objects of some documents; `rule` is what was found of them.
    pub(super) fn prove(&mut self, plan: &Plan, targets: &[usize], rule: Option<&str>) -> Attempt {
        let none = |proof| Attempt { proof, refused: None };
        if !self.able() {
            return none(Proof::Untried(TOO_LARGE.to_owned()));
        }
        let Some(documents) = plan.documents(&self.sources) else {
            return none(Proof::Useless("the text has it in a form that is not edited here".to_owned()));
        };
        self.left -= 1;
        self.budget -= self.cost;
        let (changes, gone) = (plan.changes(), plan.gone());
        let played = self.trial.with(&documents, &changes, &gone).most_likely();
        if let Some(why) = &played.failed {
            return none(Proof::Useless(why.clone()));
        }
        let keys: Vec<Key> = targets.iter().filter_map(|index| self.sources.keys.get(*index).cloned()).collect();
        let after = Standings::new(&played);
        let proof = self.compared(&after, &keys, &played, rule.map(|rule| (rule, documents.as_slice())));
        let refused = keys.iter().find_map(|key| {
            let index = played.documents.iter().rposition(|document| document.key == *key)?;
            let workload = played.workloads.iter().find(|workload| workload.key == *key);
            let message = played.documents.get(index)?.message.clone();
            Some((index, message.or_else(|| workload?.refused.clone())?))
        });
        Attempt { proof, refused: refused.map(|(index, message)| (documents, index, message)) }
    }

    fn compared(&self, after: &Standings, keys: &[Key], played: &Played, found: Option<(&str, &[Document])>) -> Proof {
        let worse = self.before.of.iter().find_map(|(key, (before, _))| {
            let (now, why) = after.of.get(key)?;
            (now < before).then(|| format!("{} has less then: {why}", named(key)))
        });
        if let Some(worse) = worse {
            return Proof::Useless(worse);
        }
        if after.evictions > self.before.evictions {
            return Proof::Useless("pods that run would be evicted".to_owned());
        }
        let standing = |of: &Standings, key: &Key| of.of.get(key).cloned();
        let left: Vec<(&Key, Standing, String)> = keys
            .iter()
            .filter_map(|key| {
                let missing = (Standing::Refused, "its document is gone".to_owned());
                let (standing, why) = standing(after, key).unwrap_or(missing);
                (standing != Standing::Good).then_some((key, standing, why))
            })
            .collect();
        let Some((first, now, why)) = left.first() else {
            return Proof::Works { fits: played.verdict == Verdict::Fits };
        };
        let then = format!("{}: {why}", named(first));
        let placed = after.placed(keys) - self.before.placed(keys);
        let further = match standing(&self.before, first) {
            Some((Standing::Refused, before)) if *now == Standing::Refused => before != *why,
            Some((before, _)) => before < *now,
            None => false,
        };
        let ended = || found.is_some_and(|(rule, documents)| !self.still_found(rule, documents, keys, played));
        if further || placed > 0 || left.len() < self.left_before(keys) || ended() {
            return Proof::Next { placed: usize::try_from(placed).unwrap_or(0), then };
        }
        Proof::Useless(then)
    }

    fn left_before(&self, keys: &[Key]) -> usize {
        keys.iter().filter(|key| self.before.of.get(*key).is_some_and(|(one, _)| *one != Standing::Good)).count()
    }

    /// Whether the same rule still finds something about one of the objects.
    fn still_found(&self, rule: &str, documents: &[Document], keys: &[Key], played: &Played) -> bool {
        let snapshot = &played.state.snapshot;
        let targets = played.workloads.iter().filter(|workload| keys.contains(&workload.key));
        let scope = Scope { targets: targets.map(|workload| workload.object()).collect(), ..Scope::default() };
        if scope.targets.is_empty() {
            return true;
        }
        let places = Places { documents, results: &played.documents, snapshot, verdicts: &[] };
        let ours = |index: usize| played.documents.get(index).is_some_and(|document| keys.contains(&document.key));
        let about = |finding: &Finding| places.victims(finding).into_iter().any(ours);
        let found = engine::causes_alone(snapshot, &scope, self.trial.options);
        found.iter().any(|finding| finding.rule == rule && about(finding))
    }
}
