//! Claims that a StatefulSet makes together with its pods.

use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Change, Step};
use crate::model::{Claim, Kind, Pod, Workload};

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
