//! Claims that a StatefulSet makes together with its pods.

use crate::admission::expand::{ordinal_of, stateful_set_claims};
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Change, Step};
use crate::model::{Claim, Kind, Pod, Workload};

/// The StatefulSet of a pod that makes a claim of this name for it, with the claim as the set makes it.
pub(in crate::rules) fn maker<'a>(cx: &Context<'a>, pod: &Pod, claim: &str) -> Option<(&'a Workload, Claim)> {
    let owner = pod.metadata.controller().filter(|owner| owner.kind == "StatefulSet")?;
    let set = cx.snapshot.stateful_sets.get(&pod.metadata.namespace, &owner.name).found()?;
    let claims = stateful_set_claims(set, ordinal_of(&owner.name, &pod.metadata.name)?);
    claims.into_iter().find(|made| made.metadata.name == claim).map(|made| (&**set, made))
}

/// Deletes a pod, so that its StatefulSet makes the claims of its templates anew before it makes the pod.
pub(in crate::rules) fn recreate(cx: &Context<'_>, pod: &Pod, set: &Workload, claims: &[Claim]) -> Step {
    let (name, namespace) = (pod.metadata.name.clone(), pod.metadata.namespace.clone());
    let made: Vec<&str> = claims.iter().map(|claim| claim.metadata.name.as_str()).collect();
    let what = format!(
        "Delete pod {name}; StatefulSet {} makes {} anew, empty, and then the pod",
        set.metadata.name,
        crate::diagnosis::text::named("claim", &made)
    );
    let create = claims.iter().filter_map(|claim| {
        let object = serde_json::to_value(claim).ok()?;
        Some(Change::Create { kind: Kind::PersistentVolumeClaim, object, ask: None })
    });
    cx.step(what, Change::RecreatePods { namespace, names: vec![name] }).leading_to(create.collect())
}
