use super::pods_not_created::{why, with_quota};
use crate::diagnosis::command;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::model::{Event, Kind, Meta, ObjectRef};

crate::rules::declare_rule! {
    static RULE = {
        name: "change-refused",
        summary: "A workload's controller can't carry out a change, although all its pods are there.",
        severity: Error,
        since: "0.1.0",
        needs: [Event],
        reads: [StatefulSet, Deployment, ReplicaSet, DaemonSet, Job, Pod, ResourceQuota],
        stage: Container,
        check: check,
    }
}

/// Seconds after which a failure that nothing repeats is past: controllers wait no longer between two attempts than the
/// 1,000 seconds of their work queues' limit (`client-go/util/workqueue`, DefaultTypedControllerRateLimiter).
const PAST: i64 = 1_200;

/// What a controller could not do.
struct Refused<'a> {
    event: &'a Event,
    verb: &'static str,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(cx.unread(&[
        Kind::Pod,
        Kind::StatefulSet,
        Kind::Deployment,
        Kind::ReplicaSet,
        Kind::DaemonSet,
        Kind::Job,
    ]));
    for (kind, meta) in &cx.controllers {
        let object = ObjectRef::new(*kind, &meta.namespace, &meta.name);
        if out.explained(&object) {
            continue;
        }
        if let Some(refused) = refused(cx, *kind, meta) {
            out.add(finding(cx, &object, &refused));
        }
    }
}

/// The last failure that stands. Pods that don't exist are another rule's.
fn refused<'a>(cx: &Context<'a>, kind: Kind, meta: &Meta) -> Option<Refused<'a>> {
    let history = cx.history(kind, meta);
    let lacks = cx.shortfalls.iter().any(|short| short.kind == kind && std::ptr::eq(short.meta, meta));
    let unseen = !cx.snapshot.pods.covers(&meta.namespace);
    let actions = [("FailedCreate", "SuccessfulCreate", "make"), ("FailedUpdate", "SuccessfulUpdate", "update")];
    let standing = actions
        .into_iter()
        .filter(|(failed, ..)| !((lacks || unseen) && *failed == "FailedCreate"))
        .filter_map(|(failed, done, verb)| {
            let events = history.standing(|event| event.reason == failed, |event| event.reason == done);
            Some(Refused { event: events.into_iter().next()?, verb })
        });
    standing.filter(|refused| !overtaken(cx, kind, meta, refused.event)).max_by_key(|refused| refused.event.last_seen())
}

/// Whether the failure is past: nothing has repeated it for longer than the controller waits, or a pod was made since.
fn overtaken(cx: &Context<'_>, kind: Kind, meta: &Meta, event: &Event) -> bool {
    let last = event.last_seen();
    let pods = cx.index.owned(kind.name(), &meta.namespace, &meta.name);
    cx.age(last).is_some_and(|age| age > PAST) || pods.iter().any(|pod| pod.metadata.creation_timestamp.as_str() > last)
}

fn finding(cx: &Context<'_>, object: &ObjectRef, refused: &Refused<'_>) -> Finding {
    let event = refused.event;
    let what = if event.message.to_lowercase().contains(" claim ") { "a claim" } else { "its pods" };
    let title = format!("{} {} can't {} {what}: {}", object.kind, object.name, refused.verb, why(&event.message));
    let times = if event.times() > 1 { format!("{} times, ", event.times()) } else { String::new() };
    let note = format!("what its controller says, {times}last at {}", event.last_seen());
    let finding = RULE.finding(object.clone(), title).evidence(object.clone(), "events", event.message.clone(), note);
    let finding = with_quota(cx, &event.message, &object.namespace, finding);
    finding.likely().explains(object.clone()).explains_all(claims_of_job(cx, object)).remedy(look(object))
}

/// The claims that a Job's pods would use: they wait for these pods.
fn claims_of_job(cx: &Context<'_>, object: &ObjectRef) -> Vec<ObjectRef> {
    let job = cx.snapshot.jobs.get(&object.namespace, &object.name).found().filter(|_| object.kind == Kind::Job.name());
    let volumes = job.into_iter().flat_map(|job| &job.spec.template.spec.volumes);
    let named = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
    named.map(|it| ObjectRef::new(Kind::PersistentVolumeClaim, &object.namespace, &it.claim_name)).collect()
}

fn look(object: &ObjectRef) -> Remedy {
    let kind = object.kind.to_lowercase();
    let command = command::kubectl(&["describe", &kind], &[&object.name], &[("-n", &object.namespace)]);
    let what = format!("See what the change was and who refuses it: the events of {} {}", object.kind, object.name);
    let step = Step { command, ..Step::told(what) };
    Remedy::untried(
        "Lift what refuses it, or take the change back",
        Risk::Low,
        vec![step],
        "admission is not run again here",
    )
}
