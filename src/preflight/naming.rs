//! Names that only the server gives: what is made up for them while manifests are tried tells nobody anything, so reports
//! show the workload and a number instead, `web-…-1`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::placement::Eviction;
use super::rehearsal::Move;
use crate::model::meta::Meta;
use crate::model::{Claim, Job, Kind, Object, ObjectRef, Pod, Volume, Workload};
use crate::snapshot::{Snapshot, Store};

/// Letters that the server appends to a base.
const APPENDED: usize = 5;

/// What stands for the names that were made up.
#[derive(Debug, Default)]
pub(super) struct Names {
    of: HashMap<(String, String), String>,
    /// The bases of generated names, by what stands for them.
    bases: BTreeMap<String, String>,
}

impl Names {
    /// Those of the pods, ReplicaSets and Jobs that controllers made beyond what was there before.
    pub(super) fn new(before: &Snapshot, after: &Snapshot) -> Self {
        let mut names = Self::default();
        let made = |kind: Kind, meta: &Meta| !before.contains(kind, &meta.namespace, &meta.name);
        let sets = after.replica_sets.seen().iter().map(|set| (Kind::ReplicaSet, "Deployment", &set.metadata));
        let jobs = after.jobs.seen().iter().map(|job| (Kind::Job, "CronJob", &job.metadata));
        let mut others: HashMap<(&str, &str), usize> = HashMap::new();
        for (kind, owner, meta) in sets.chain(jobs) {
            let Some(owner) = meta.controller().filter(|controller| controller.kind == owner) else { continue };
            names.bases.insert(format!("{}-", meta.name), owner.name.clone());
            if made(kind, meta) {
                let before = others.entry((meta.namespace.as_str(), owner.name.as_str())).or_default();
                let more = "…".repeat(*before);
                *before += 1;
                names.put(meta, format!("{}-…{more}", owner.name));
            }
        }
        let mut numbers: HashMap<(&str, String), usize> = HashMap::new();
        for pod in after.pods.seen() {
            let meta = &pod.metadata;
            let Some(owner) = meta.controller().filter(|owner| owner.kind != "StatefulSet" && owner.kind != "Node")
            else {
                continue;
            };
            if !made(Kind::Pod, meta) {
                continue;
            }
            let own = format!("{}-", owner.name);
            let base = names.bases.get(&own).unwrap_or(&owner.name).clone();
            names.bases.entry(own).or_insert_with(|| owner.name.clone());
            let number = numbers.entry((meta.namespace.as_str(), base.clone())).or_default();
            *number += 1;
            let name = format!("{base}-…-{number}");
            let ephemeral = pod.spec.volumes.iter().filter(|volume| volume.ephemeral.is_some());
            for (old, new) in ephemeral.filter_map(|one| Some((one.claim_name(&meta.name)?, one.claim_name(&name)?))) {
                names.of.insert((meta.namespace.clone(), old), new);
            }
            names.put(meta, name);
        }
        names
    }

    fn put(&mut self, meta: &Meta, name: String) {
        self.of.insert((meta.namespace.clone(), meta.name.clone()), name);
    }

    /// What stands for a name, or the name.
    pub(super) fn told(&self, namespace: &str, name: &str) -> String {
        self.find(namespace, name).unwrap_or(name).to_owned()
    }

    fn find(&self, namespace: &str, name: &str) -> Option<&str> {
        self.of.get(&(namespace.to_owned(), name.to_owned())).map(String::as_str)
    }

    /// The state with these names.
    pub(super) fn put_into(&self, state: &mut Snapshot) {
        if self.of.is_empty() {
            return;
        }
        renamed(&mut state.pods, |pod: &Pod| self.named(pod));
        renamed(&mut state.replica_sets, |set: &Workload| self.named(set));
        renamed(&mut state.jobs, |job: &Job| self.named(job));
        renamed(&mut state.claims, |claim: &Claim| self.named(claim));
        renamed(&mut state.volumes, |volume: &Volume| {
            let owner = volume.spec.claim_ref.as_ref()?;
            let name = self.find(&owner.namespace, &owner.name)?.to_owned();
            let mut volume = volume.clone();
            volume.spec.claim_ref.as_mut()?.name = name;
            Some(volume)
        });
    }

    /// An object with its name and those of its owners; `None` where they stay.
    fn named<T: Object + Clone>(&self, object: &T) -> Option<T> {
        let meta = object.meta();
        let own = self.find(&meta.namespace, &meta.name);
        let owner = |name: &str| self.find(&meta.namespace, name);
        if own.is_none() && !meta.owner_references.iter().any(|one| owner(&one.name).is_some()) {
            return None;
        }
        let mut object = object.clone();
        let renamed = object.meta_mut();
        if let Some(own) = own {
            own.clone_into(&mut renamed.name);
        }
        for reference in &mut renamed.owner_references {
            if let Some(name) = owner(&reference.name) {
                name.clone_into(&mut reference.name);
            }
        }
        Some(object)
    }

    /// A text of the server, in which the name of a pod that it refuses stands in quotes.
    pub(super) fn in_text(&self, text: &str) -> String {
        let quoted = |part: &str| {
            let (start, end) = part.split_at_checked(part.len().checked_sub(APPENDED)?)?;
            let letters = end.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
            self.bases.get(start).filter(|_| letters).map(|base| format!("{base}-…"))
        };
        let parts: Vec<String> = text.split('"').map(|part| quoted(part).unwrap_or_else(|| part.to_owned())).collect();
        parts.join("\"")
    }

    pub(super) fn of_evictions(&self, evictions: Vec<Eviction>) -> Vec<Eviction> {
        let told = |mut one: Eviction| {
            one.pod.1 = self.told(&one.pod.0, &one.pod.1);
            for victim in &mut one.victims {
                if let Some((namespace, name)) = victim.split_once('/') {
                    *victim = format!("{namespace}/{}", self.told(namespace, name));
                }
            }
            one
        };
        evictions.into_iter().map(told).collect()
    }

    pub(super) fn of_moves(&self, moves: Vec<Move>) -> Vec<Move> {
        let told = |mut one: Move| {
            one.successor = one.successor.map(|name| self.told(&one.namespace, &name));
            one
        };
        moves.into_iter().map(told).collect()
    }

    pub(super) fn of_target(&self, target: ObjectRef) -> ObjectRef {
        ObjectRef { name: self.told(&target.namespace, &target.name), ..target }
    }
}

fn renamed<T: Object>(store: &mut Store<T>, of: impl Fn(&T) -> Option<T>) {
    let mut any = false;
    let items = store.seen().iter().map(|item| match of(item) {
        Some(other) => {
            any = true;
            Arc::new(other)
        }
        None => Arc::clone(item),
    });
    let items: Vec<Arc<T>> = items.collect();
    if any {
        *store = Store::new(items, store.scope().clone(), store.broken().to_vec());
    }
}
