//! How many replicas fit now, where not all do. To want fewer is no repair that was tried: whoever waits for the rest gives
//! them up.

use super::super::trial::Settled;
use super::more_nodes::{kept_out_by, room};
use crate::admission::expand::ordinal_of;
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Remedy, Risk};
use crate::diagnosis::text::{count, either};
use crate::model::{Kind, Meta, ObjectRef, Pod, Workload};
use crate::scheduler::{Fact, Obstacle};

/// The workload of all victims with as many replicas as fit; `None` where it is not what others have that is missing, where none fits,
/// and where its controller would take others than those that don't fit.
pub(super) fn proposed(cx: &Context<'_>, victims: &[ObjectRef], untouched: &Settled) -> Option<Remedy> {
    kept_out_by(cx, untouched, held)?;
    let pods = victims.iter().map(|victim| cx.snapshot.pods.get(&victim.namespace, &victim.name).found());
    let pods: Vec<&Pod> = pods.map(|pod| pod.map(|pod| &**pod)).collect::<Option<_>>()?;
    let (kind, meta) = cx.workload(pods.first()?)?;
    let same = |pod: &&Pod| cx.workload(pod).is_some_and(|(other, of)| other == kind && of.name == meta.name);
    if !pods.iter().all(same) {
        return None;
    }
    let left: Vec<&ObjectRef> = untouched.left().collect();
    let run = of_workload(cx, kind, meta).filter(|pod| !left.iter().any(|one| one.name == pod.metadata.name));
    let fit = u32::try_from(run.count()).ok().filter(|fit| *fit > 0)?;
    let wanted = replicas(cx, kind, meta)?;
    let surplus = usize::try_from(wanted.checked_sub(fit)?).ok()?;
    if surplus != left.len() || kind == Kind::StatefulSet && !last(cx, meta, &left, fit) {
        return None;
    }
    let title = format!("Scale {kind} {} to {fit}: as many as fit now", meta.name);
    let step = cx.scale(title.clone(), (kind, &meta.namespace, &meta.name), fit);
    let gone = format!(
        "{} {} up, if {fit} of {wanted} are enough",
        count(surplus, "pod"),
        either(surplus, "is given", "are given")
    );
    Some(Remedy::untried(title, Risk::Medium, vec![step], gone))
}

/// Whether an obstacle is that others hold what the pod needs.
fn held(obstacle: &Obstacle) -> bool {
    room(obstacle) || matches!(obstacle.fact, Fact::ClaimInUse { .. } | Fact::DiskInUse { .. })
}

/// A workload that says how many pods it wants.
pub(super) fn find<'a>(cx: &Context<'a>, kind: Kind, meta: &Meta) -> Option<&'a Workload> {
    let workloads = cx.snapshot.workloads(kind).filter(|_| kind != Kind::DaemonSet)?;
    workloads.get(&meta.namespace, &meta.name).found().map(|workload| &**workload)
}

fn replicas(cx: &Context<'_>, kind: Kind, meta: &Meta) -> Option<u32> {
    u32::try_from(find(cx, kind, meta)?.replicas()).ok()
}

fn of_workload<'c>(cx: &'c Context<'_>, kind: Kind, meta: &'c Meta) -> impl Iterator<Item = &'c Pod> {
    let pods = cx.snapshot.pods.in_namespace(&meta.namespace).iter().map(|pod| &**pod);
    let own = move |pod: &&Pod| cx.workload(pod).is_some_and(|(other, of)| other == kind && of.name == meta.name);
    pods.filter(|pod| !pod.finished() && !pod.metadata.deleting()).filter(own)
}

/// Whether the pods that don't fit are those that the set gives up first.
fn last(cx: &Context<'_>, meta: &Meta, left: &[&ObjectRef], fit: u32) -> bool {
    let first = find(cx, Kind::StatefulSet, meta).map_or(0, Workload::first_ordinal);
    let kept = i32::try_from(fit).ok().and_then(|fit| first.checked_add(fit));
    left.iter().all(|pod| ordinal_of(&meta.name, &pod.name).zip(kept).is_some_and(|(ordinal, kept)| ordinal >= kept))
}
