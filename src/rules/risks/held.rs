//! Claims in scope that hold a volume, with the StatefulSets that they were made for.

use std::collections::{HashMap, HashSet};

use crate::admission::expand::pod_name;
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::text::{either, named, names, natural_order};
use crate::model::{Claim, Kind, ObjectRef, Volume, Workload};

/// A claim and the volume that is bound to it.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) claim: &'a Claim,
    pub(super) volume: &'a Volume,
    /// The StatefulSet whose claim template gives this name, and the ordinal of the pod.
    pub(super) set: Option<(&'a Workload, i32)>,
}

impl Held<'_> {
    pub(super) fn claim_ref(&self) -> ObjectRef {
        claim_ref(self.claim)
    }

    pub(super) fn volume_ref(&self) -> ObjectRef {
        ObjectRef::new(Kind::PersistentVolume, "", &self.volume.metadata.name)
    }

    pub(super) fn name(&self) -> &str {
        &self.claim.metadata.name
    }

    /// Whether the StatefulSet wants the pod of the claim.
    pub(super) fn wanted(&self) -> bool {
        self.set.is_some_and(|(set, ordinal)| {
            let place = i64::from(ordinal) - i64::from(set.first_ordinal());
            (0..i64::from(set.replicas())).contains(&place)
        })
    }
}

/// The claims in scope that hold a volume, and those of the StatefulSets in scope, in the order in which people count.
/// Claims that go with their pod (ephemeral volumes) are left out.
pub(super) fn held<'a>(cx: &Context<'a>) -> Vec<Held<'a>> {
    let key = |claim: &'a Claim| (claim.metadata.namespace.as_str(), claim.metadata.name.as_str());
    let in_scope: HashSet<(&str, &str)> = cx.all_claims.iter().map(|claim| key(claim)).collect();
    let sets = Sets::new(cx);
    let sets_in_scope: HashSet<(&str, &str)> =
        cx.sets.iter().map(|set| (set.metadata.namespace.as_str(), set.metadata.name.as_str())).collect();
    let all = cx.snapshot.claims.seen().iter().filter_map(|claim| {
        let set = sets.of(claim);
        let of_set = |(set, _): (&Workload, i32)| {
            sets_in_scope.contains(&(set.metadata.namespace.as_str(), set.metadata.name.as_str()))
        };
        let asked = in_scope.contains(&key(claim)) || set.is_some_and(of_set);
        let volume = volume_of(cx, claim).filter(|_| asked && !ephemeral(claim, set))?;
        Some(Held { claim, volume, set })
    });
    let mut all: Vec<Held<'a>> = all.collect();
    all.sort_by(|a, b| {
        let namespaces = a.claim.metadata.namespace.cmp(&b.claim.metadata.namespace);
        namespaces.then_with(|| natural_order(a.name(), b.name()))
    });
    all
}

/// The volume that is bound to a claim by both sides.
pub(super) fn volume_of<'a>(cx: &Context<'a>, claim: &Claim) -> Option<&'a Volume> {
    let volume = cx.snapshot.volumes.get("", &claim.spec.volume_name).found()?;
    let back = volume.spec.claim_ref.as_ref()?;
    let mine = back.namespace == claim.metadata.namespace
        && back.name == claim.metadata.name
        && (back.uid.is_empty() || back.uid == claim.metadata.uid);
    mine.then_some(volume)
}

/// Whether a pod owns the claim from its beginning. A StatefulSet hands claims over to pods that it is about to end.
fn ephemeral(claim: &Claim, set: Option<(&Workload, i32)>) -> bool {
    let owner = claim.metadata.controller().filter(|owner| owner.kind == Kind::Pod.name());
    owner.is_some_and(|owner| set.is_none_or(|(set, ordinal)| pod_name(set, ordinal) != owner.name))
}

/// Whether a pod owns the claim: it goes with the pod, as it should.
pub(super) fn of_pod(claim: &Claim) -> bool {
    claim.metadata.controller().is_some_and(|owner| owner.kind == Kind::Pod.name())
}

/// The StatefulSets by namespace and by what the names of their claims begin with.
pub(super) struct Sets<'a>(HashMap<(&'a str, String), &'a Workload>);

impl<'a> Sets<'a> {
    pub(super) fn new(cx: &Context<'a>) -> Self {
        let of = |set: &'a Workload| {
            let meta = &set.metadata;
            let templates = set.spec.volume_claim_templates.iter();
            templates.map(move |one| ((meta.namespace.as_str(), format!("{}-{}", one.metadata.name, meta.name)), set))
        };
        Self(cx.snapshot.stateful_sets.seen().iter().flat_map(|set| of(set)).collect())
    }

    /// The set that a claim is named after, and the ordinal in the name.
    pub(super) fn of(&self, claim: &'a Claim) -> Option<(&'a Workload, i32)> {
        let (begin, digits) = claim.metadata.name.rsplit_once('-')?;
        let ordinal: i32 =
            digits.parse().ok().filter(|ordinal: &i32| *ordinal >= 0 && ordinal.to_string() == digits)?;
        let set = self.0.get(&(claim.metadata.namespace.as_str(), begin.to_owned()))?;
        Some((set, ordinal))
    }
}

/// `claims a and b`.
pub(super) fn claims_named(held: &[Held<'_>]) -> String {
    let list: Vec<&str> = held.iter().map(Held::name).collect();
    named("claim", &list)
}

/// What becomes of the data when claims go: `, and their data`, `, and the data of a`, or that the volumes stay.
pub(super) fn data_goes(held: &[Held<'_>]) -> String {
    let lost: Vec<&str> = held.iter().filter(|one| super::keep::goes_with_claim(one.volume)).map(Held::name).collect();
    match lost.len() {
        0 => format!("; {} and the data stay", either(held.len(), "its volume", "their volumes")),
        all if all == held.len() => format!(", and {} data", either(all, "its", "their")),
        _ => format!(", and the data of {}", names(&lost)),
    }
}
