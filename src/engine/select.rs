//! Which objects a diagnosis is about.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::admission::expand::{self, Source};
use crate::diagnosis::context::Shortfall;
use crate::diagnosis::index::Index;
use crate::diagnosis::options::Scope;
use crate::model::pod::PodTemplate;
use crate::model::volume::ClaimReference;
use crate::model::{Claim, Kind, Meta, ObjectRef, Pod, Volume, Workload};
use crate::snapshot::Snapshot;

/// Ordinals of a StatefulSet that are looked at.
const MAX_PODS: usize = 10_000;

/// Namespace and name.
type Name = (String, String);

/// The objects in scope.
pub(crate) struct Selection<'a> {
    /// The one namespace that is looked at, where it is one.
    pub(crate) namespace: Option<&'a str>,
    /// Unassigned, unfinished pods that aren't being deleted.
    pub(crate) pods: Vec<&'a Pod>,
    /// Assigned, unfinished pods that aren't being deleted.
    pub(crate) placed: Vec<&'a Pod>,
    /// Claims that aren't bound.
    pub(crate) claims: Vec<&'a Claim>,
    /// All claims.
    pub(crate) all_claims: Vec<&'a Claim>,
    /// Volumes whose claim is gone.
    pub(crate) released: Vec<&'a Volume>,
    /// Kind, namespace and name of the workloads in scope; `None` for all that the scope lets in.
    workloads: Option<BTreeSet<(Kind, String, String)>>,
    pub(crate) scope: &'a Scope,
}

/// Picks what the scope lets in.
pub(crate) fn select<'a>(snapshot: &'a Snapshot, scope: &'a Scope) -> Selection<'a> {
    let wanted = (!scope.targets.is_empty()).then(|| Wanted::of(snapshot, scope));
    let admits = |meta: &crate::model::Meta| {
        scope.namespace.as_ref().is_none_or(|namespace| *namespace == meta.namespace)
            && scope.selector.as_ref().is_none_or(|selector| selector.matches(&meta.labels))
    };
    let key = |meta: &crate::model::Meta| (meta.namespace.clone(), meta.name.clone());
    let live = |pod: &&Arc<Pod>| !pod.finished() && !pod.metadata.deleting();
    let pods = snapshot.pods.seen().iter().filter(live).filter(|pod| match &wanted {
        Some(wanted) => wanted.pods.contains(&key(&pod.metadata)),
        None => admits(&pod.metadata),
    });
    let (placed, pods): (Vec<&Pod>, Vec<&Pod>) = pods.map(|pod| &**pod).partition(|pod| pod.assigned());
    let claims = snapshot.claims.seen().iter().filter(|claim| match &wanted {
        Some(wanted) => wanted.claims.contains(&key(&claim.metadata)),
        None => admits(&claim.metadata),
    });
    let all_claims: Vec<&Claim> = claims.map(|claim| &**claim).collect();
    Selection {
        namespace: scope.namespace.as_deref(),
        pods,
        placed,
        claims: all_claims.iter().copied().filter(|claim| claim.status.phase != "Bound").collect(),
        all_claims,
        released: released(snapshot, scope, wanted.as_ref()),
        workloads: wanted.map(|wanted| wanted.workloads),
        scope,
    }
}

/// The released volumes that are asked for, or whose claim was in scope. Labels say nothing of them: their claims are gone.
fn released<'a>(snapshot: &'a Snapshot, scope: &Scope, wanted: Option<&Wanted>) -> Vec<&'a Volume> {
    let asked = |volume: &Volume, claim: &ClaimReference| match wanted {
        Some(wanted) => {
            let of_class = |target: &ObjectRef| target.kind == "StorageClass" && target.name == volume.class();
            wanted.claims.contains(&(claim.namespace.clone(), claim.name.clone())) || scope.targets.iter().any(of_class)
        }
        None => {
            scope.selector.is_none() && scope.namespace.as_ref().is_none_or(|namespace| *namespace == claim.namespace)
        }
    };
    let released = snapshot.volumes.seen().iter().filter(|volume| volume.status.phase == "Released");
    let asked = released.filter(|volume| volume.spec.claim_ref.as_ref().is_some_and(|claim| asked(volume, claim)));
    asked.map(|volume| &**volume).collect()
}

/// What the targets of a scope stand for.
#[derive(Default)]
struct Wanted {
    pods: BTreeSet<Name>,
    claims: BTreeSet<Name>,
    workloads: BTreeSet<(Kind, String, String)>,
}

impl Wanted {
    fn of(snapshot: &Snapshot, scope: &Scope) -> Self {
        let mut wanted = Self::default();
        for target in &scope.targets {
            let Some(kind) = Kind::named(&target.kind) else { continue };
            wanted.add(snapshot, kind, &target.namespace, &target.name);
        }
        wanted.follow(snapshot);
        wanted
    }

    fn add(&mut self, snapshot: &Snapshot, kind: Kind, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        match kind {
            Kind::Pod => {
                if snapshot.pods.get(namespace, name).found().is_none() {
                    self.add_owner_of_missing(snapshot, namespace, name);
                }
                self.pods.insert(key);
            }
            Kind::PersistentVolumeClaim => {
                self.claims.insert(key);
            }
            Kind::PersistentVolume => {
                let volume = snapshot.volumes.get("", name).found();
                let claim = volume.and_then(|volume| volume.spec.claim_ref.as_ref());
                self.claims.extend(claim.map(|claim| (claim.namespace.clone(), claim.name.clone())));
            }
            Kind::StorageClass => {
                let of_class = snapshot.claims.seen().iter().filter(|claim| claim.class() == name);
                let names = of_class.map(|claim| (claim.metadata.namespace.clone(), claim.metadata.name.clone()));
                self.claims.extend(names);
            }
            Kind::StatefulSet | Kind::Deployment | Kind::ReplicaSet | Kind::DaemonSet | Kind::Job => {
                self.workloads.insert((kind, namespace.to_owned(), name.to_owned()));
            }
            _ => {}
        }
    }

    /// A pod that doesn't exist may be one that a StatefulSet is still to make.
    fn add_owner_of_missing(&mut self, snapshot: &Snapshot, namespace: &str, name: &str) {
        let sets = snapshot.stateful_sets.in_namespace(namespace).iter();
        let owner = sets.filter(|set| {
            expand::ordinal_of(&set.metadata.name, name)
                .is_some_and(|ordinal| expand::ordinals(set).any(|wanted| wanted == ordinal))
        });
        let names = owner.map(|set| (Kind::StatefulSet, namespace.to_owned(), set.metadata.name.clone()));
        self.workloads.extend(names);
    }

    /// Workloads stand for their pods, pods for their claims, claims for the pods that use them.
    fn follow(&mut self, snapshot: &Snapshot) {
        for set in snapshot.replica_sets.seen() {
            let meta = &set.metadata;
            let owner = meta.controller().filter(|owner| owner.kind == "Deployment");
            let of = owner.map(|owner| (Kind::Deployment, meta.namespace.clone(), owner.name.clone()));
            if of.is_some_and(|of| self.workloads.contains(&of)) {
                self.workloads.insert((Kind::ReplicaSet, meta.namespace.clone(), meta.name.clone()));
            }
        }
        let asked_claims = self.claims.clone();
        for set in snapshot.stateful_sets.seen() {
            let meta = &set.metadata;
            if self.workloads.contains(&(Kind::StatefulSet, meta.namespace.clone(), meta.name.clone())) {
                let claims = expand::ordinals(set).take(MAX_PODS).flat_map(|o| expand::stateful_set_claims(set, o));
                self.claims.extend(claims.map(|claim| (claim.metadata.namespace, claim.metadata.name)));
            }
        }
        for pod in snapshot.pods.seen().iter().filter(|pod| !pod.finished()) {
            let meta = &pod.metadata;
            let owned = meta.controller().is_some_and(|owner| {
                let kind = Kind::named(&owner.kind);
                kind.is_some_and(|kind| self.workloads.contains(&(kind, meta.namespace.clone(), owner.name.clone())))
            });
            let names = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&meta.name));
            let claims: Vec<Name> = names.map(|name| (meta.namespace.clone(), name)).collect();
            let key = (meta.namespace.clone(), meta.name.clone());
            if owned || self.pods.contains(&key) || claims.iter().any(|claim| asked_claims.contains(claim)) {
                self.pods.insert(key);
                self.claims.extend(claims);
            }
        }
    }
}

impl<'a> Selection<'a> {
    fn admits(&self, kind: Kind, meta: &Meta, template: &PodTemplate) -> bool {
        match &self.workloads {
            Some(names) => names.contains(&(kind, meta.namespace.clone(), meta.name.clone())),
            None => {
                let labels = &template.metadata.labels;
                self.scope.namespace.as_ref().is_none_or(|namespace| *namespace == meta.namespace)
                    && self.scope.selector.as_ref().is_none_or(|selector| selector.matches(labels))
            }
        }
    }

    /// The StatefulSets in scope.
    pub(crate) fn sets(&self, snapshot: &'a Snapshot) -> Vec<&'a Workload> {
        let sets = snapshot.stateful_sets.seen().iter().map(|set| &**set);
        sets.filter(|set| self.admits(Kind::StatefulSet, &set.metadata, &set.spec.template)).collect()
    }

    /// Kind and metadata of all that makes pods in scope.
    pub(crate) fn controllers(&self, snapshot: &'a Snapshot) -> Vec<(Kind, &'a Meta)> {
        let stores = [
            (Kind::StatefulSet, &snapshot.stateful_sets),
            (Kind::Deployment, &snapshot.deployments),
            (Kind::ReplicaSet, &snapshot.replica_sets),
            (Kind::DaemonSet, &snapshot.daemon_sets),
        ];
        let workloads = stores.into_iter().flat_map(|(kind, store)| store.seen().iter().map(move |one| (kind, one)));
        let workloads = workloads.map(|(kind, one)| (kind, &one.metadata, &one.spec.template));
        let jobs = snapshot.jobs.seen().iter().map(|job| (Kind::Job, &job.metadata, &job.spec.template));
        let all = workloads.chain(jobs).filter(|(kind, meta, template)| self.admits(*kind, meta, template));
        all.map(|(kind, meta, _)| (kind, meta)).collect()
    }

    /// The workloads in scope that have fewer pods than they want; none where pods could not be read.
    pub(crate) fn shortfalls(&self, snapshot: &'a Snapshot, index: &Index<'a>) -> Vec<Shortfall<'a>> {
        let stores = [
            (Kind::StatefulSet, &snapshot.stateful_sets),
            (Kind::ReplicaSet, &snapshot.replica_sets),
            (Kind::DaemonSet, &snapshot.daemon_sets),
        ];
        let mut shortfalls = Vec::new();
        for (kind, store) in stores {
            let admits = |one: &&Arc<Workload>| self.admits(kind, &one.metadata, &one.spec.template);
            for workload in store.seen().iter().filter(admits) {
                if snapshot.pods.covers(&workload.metadata.namespace) && !workload.metadata.deleting() {
                    shortfalls.extend(shortfall(kind, workload, index));
                }
            }
        }
        shortfalls
    }
}

fn shortfall<'a>(kind: Kind, workload: &'a Workload, index: &Index<'a>) -> Option<Shortfall<'a>> {
    let meta = &workload.metadata;
    let pods = index.owned(kind.name(), &meta.namespace, &meta.name).to_vec();
    let names: BTreeSet<&str> = pods.iter().map(|pod| pod.metadata.name.as_str()).collect();
    let missing: Vec<String> = match kind {
        Kind::StatefulSet => expand::ordinals(workload)
            .take(MAX_PODS)
            .map(|ordinal| expand::pod_name(workload, ordinal))
            .filter(|name| !names.contains(name.as_str()))
            .collect(),
        _ => Vec::new(),
    };
    let wanted = match kind {
        Kind::DaemonSet => workload.status.desired_number_scheduled,
        _ => workload.replicas(),
    };
    let lacking = match kind {
        Kind::StatefulSet => missing.len(),
        _ => usize::try_from(wanted).unwrap_or(0).saturating_sub(pods.len()),
    };
    let source = Source { kind, meta, spec: &workload.spec.template.spec, template: &workload.spec.template };
    (lacking > 0).then_some(Shortfall { kind, meta, source, pods, missing, lacking })
}
