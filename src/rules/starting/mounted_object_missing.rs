use std::collections::BTreeMap;

use super::containers::{Cause, fault};
use crate::diagnosis::context::{Context, PlacedCase, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{capital, either, named, near};
use crate::model::{Kind, ObjectRef, Pod};
use crate::rules::attaching::placed::{MOUNT_PATIENCE, event_fact, failing, unread, volumes_of, wait_fact};
use crate::snapshot::Lookup;
use crate::volumes::mount_event::missing_object;
use crate::volumes::{MountEvent, MountFailure};

crate::rules::declare_rule! {
    static RULE = {
        name: "mounted-object-missing",
        summary: "A pod can't start because a config map or secret that it names is missing, or lacks a key.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [ConfigMap, Event, StatefulSet, Deployment, ReplicaSet, PersistentVolumeClaim, PersistentVolume, VolumeAttachment],
        stage: Start,
        check: check,
    }
}

/// A pod that names what isn't there.
struct Victim<'c, 'a> {
    pod: &'a Pod,
    case: Option<&'c PlacedCase<'a>>,
    facts: Vec<Evidence>,
}

/// The object that is missing, and, where it is there, what it lacks.
type Missing = (ObjectRef, Option<String>);

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::Event]));
    let mut missing: BTreeMap<Missing, Vec<Victim<'_, '_>>> = BTreeMap::new();
    told_by_events(cx, out, &mut missing);
    told_by_containers(cx, out, &mut missing);
    let unsure = told_by_volumes(cx, out, &mut missing);
    out.skip(cx.unread(&[Kind::ConfigMap]).filter(|_| unsure));
    for ((object, lack), victims) in missing {
        out.add(finding(cx, object, lack, &victims));
    }
}

fn object(kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::other(if kind == "secret" { "Secret" } else { "ConfigMap" }, namespace, name)
}

/// Whether a config map was made since the kubelet missed it.
fn is_there(cx: &Context<'_>, kind: &str, namespace: &str, name: &str) -> bool {
    kind == "configmap" && cx.snapshot.config_maps.get(namespace, name).found().is_some()
}

/// Whether the object was looked for: only config maps are, and only in dumps that have some.
fn looked_for(cx: &Context<'_>, object: &ObjectRef) -> bool {
    let maps = &cx.snapshot.config_maps;
    object.kind == "ConfigMap"
        && !maps.presumed()
        && !matches!(maps.get(&object.namespace, &object.name), Lookup::Unknown)
}

/// What the kubelet says of mounting.
fn told_by_events<'c, 'a>(cx: &'c Context<'a>, out: &Out<'_>, missing: &mut BTreeMap<Missing, Vec<Victim<'c, 'a>>>) {
    let tells =
        |failure: &MountFailure| matches!(failure, MountFailure::ObjectMissing { .. } | MountFailure::KeyMissing);
    for (case, event) in failing(cx, out, tells) {
        let namespace = &case.pod.metadata.namespace;
        let key = match &event.failure {
            MountFailure::ObjectMissing { kind, name } if is_there(cx, kind, namespace, name) => continue,
            MountFailure::ObjectMissing { kind, name } => (object(kind, namespace, name), None),
            _ => {
                let Some(object) = source_of(case.pod, event) else { continue };
                (object, Some(lacking_key(&event.message)))
            }
        };
        let victim = Victim { pod: case.pod, case: Some(case), facts: vec![event_fact(case, event)] };
        missing.entry(key).or_default().push(victim);
    }
}

/// The object behind the pod's volume that an event names.
fn source_of(pod: &Pod, event: &MountEvent) -> Option<ObjectRef> {
    let volume = pod.spec.volumes.iter().find(|volume| event.volume.as_ref() == Some(&volume.name))?;
    let namespace = &pod.metadata.namespace;
    match (&volume.config_map, &volume.secret) {
        (Some(source), _) => Some(object("configmap", namespace, &source.name)),
        (None, Some(source)) => Some(object("secret", namespace, &source.secret_name)),
        (None, None) => None,
    }
}

/// `key a`, from `… references non-existent config key: a`.
fn lacking_key(message: &str) -> String {
    message.rsplit_once("key: ").map_or_else(|| "a key".to_owned(), |(_, key)| format!("key {key}"))
}

/// What the kubelet says of containers whose environment names the object.
fn told_by_containers<'c, 'a>(
    cx: &'c Context<'a>,
    out: &Out<'_>,
    missing: &mut BTreeMap<Missing, Vec<Victim<'c, 'a>>>,
) {
    for pod in cx.assigned.iter().copied() {
        let fault = fault(pod).filter(|fault| fault.cause == Cause::Config && !out.explained(&pod_ref(pod)));
        let Some(fault) = fault else { continue };
        let message = fault.status.state.waiting.as_ref().map_or("", |waiting| waiting.message.as_str());
        let Some((kind, name)) = missing_object(message) else { continue };
        if is_there(cx, kind, &pod.metadata.namespace, &name) {
            continue;
        }
        let key = (object(kind, &pod.metadata.namespace, &name), None);
        missing.entry(key).or_default().push(Victim { pod, case: None, facts: fault.facts(cx) });
    }
}

/// Config maps that a pod's volumes name and that are known not to be there, where no event says so. Says whether
/// there are some of which that isn't known.
fn told_by_volumes<'c, 'a>(
    cx: &'c Context<'a>,
    out: &Out<'_>,
    missing: &mut BTreeMap<Missing, Vec<Victim<'c, 'a>>>,
) -> bool {
    let mut unsure = false;
    for case in
        cx.placed.iter().filter(|case| case.waited_longer_than(MOUNT_PATIENCE) && !out.explained(&pod_ref(case.pod)))
    {
        let namespace = &case.pod.metadata.namespace;
        let sources =
            case.pod.spec.volumes.iter().filter_map(|volume| Some((&volume.name, volume.config_map.as_ref()?)));
        for (volume, source) in sources.filter(|(_, source)| !source.optional) {
            let key = (object("configmap", namespace, &source.name), None);
            let known =
                missing.get(&key).is_some_and(|victims| victims.iter().any(|it| std::ptr::eq(it.pod, case.pod)));
            let absent = cx.snapshot.config_maps.get(namespace, &source.name).is_absent();
            unsure |= !known && !looked_for(cx, &key.0);
            if known || !absent || !looked_for(cx, &key.0) {
                continue;
            }
            let path = format!("spec.volumes[{volume}].configMap.name");
            let fact = Context::fact(
                pod_ref(case.pod),
                &path,
                source.name.clone(),
                "the pod mounts it, and it is not optional",
            );
            missing.entry(key).or_default().push(Victim { pod: case.pod, case: Some(case), facts: vec![fact] });
        }
    }
    unsure
}

fn finding(cx: &Context<'_>, object: ObjectRef, lack: Option<String>, victims: &[Victim<'_, '_>]) -> Finding {
    let names: Vec<&str> = victims.iter().map(|victim| victim.pod.metadata.name.as_str()).collect();
    let near = lack.is_none().then(|| near_name(cx, &object)).flatten();
    let looked_for = looked_for(cx, &object);
    let (what, pods) = (format!("{} {}", object.kind, object.name), named("pod", &names));
    let title = match (&lack, near) {
        (Some(key), _) => format!("{what} has no {key}, and {pods} can't start without it"),
        (None, Some(near)) => format!("{what} does not exist (there is {near}), and {pods} can't start without it"),
        (None, None) if looked_for => format!("{what} does not exist, and {pods} can't start without it"),
        (None, None) => format!("{} can't start, because the kubelet does not find {what}", capital(&pods)),
    };
    let value = match &lack {
        Some(key) => format!("no {key}"),
        None if looked_for => "not found".to_owned(),
        None => "missing, as the kubelet says".to_owned(),
    };
    let note = format!("in namespace {}, where {pods} {} it", object.namespace, either(names.len(), "needs", "need"));
    let subject = if looked_for { object.clone() } else { pod_ref(victims[0].pod) };
    let mut finding = RULE.finding(subject, title);
    finding.id = format!("{}/{object}", RULE.name);
    finding = finding.evidence(object.clone(), "", value, note);
    if let Some(near) = near {
        let other = ObjectRef::other(&object.kind, &object.namespace, near);
        finding = finding.evidence(other, "", "exists", "its name is almost the same");
    }
    for victim in victims.iter().take(2) {
        finding.evidence.extend(victim.facts.iter().cloned());
        finding.evidence.extend(victim.case.into_iter().flat_map(|case| in_order(cx, case)));
        finding.evidence.extend(victim.case.map(wait_fact));
    }
    finding
        .explains_all(victims.iter().map(|victim| pod_ref(victim.pod)))
        .with_remedies(remedies(cx, &object, near, victims))
}

/// A config map of the namespace with almost the same name, where they are known. Secrets are never listed.
fn near_name<'a>(cx: &Context<'a>, object: &ObjectRef) -> Option<&'a str> {
    let maps = cx.snapshot.config_maps.in_namespace(&object.namespace).iter();
    let names = maps.map(|map| map.metadata.name.as_str());
    near(&object.name, names.filter(|_| object.kind == "ConfigMap"))
}

/// The pod's volumes that have nothing to do with it, though the kubelet lists them in the same breath.
fn in_order(cx: &Context<'_>, case: &PlacedCase<'_>) -> Vec<Evidence> {
    let node = &case.verdict.node;
    let troubled = |volume: &str| case.verdict.problems.iter().any(|problem| problem.volume() == Some(volume));
    let fine = volumes_of(cx, case).into_iter().filter(|(_, volume)| !troubled(&volume.metadata.name));
    fine.map(|(claim, volume)| {
        let here = cx.snapshot.attachments.seen().iter().any(|it| {
            it.spec.node_name == *node
                && it.status.attached
                && it.spec.source.persistent_volume_name.as_deref() == Some(volume.metadata.name.as_str())
        });
        let value = if here { format!("Bound, and attached to node {node}") } else { "Bound".to_owned() };
        Context::fact(claim_ref(claim), "status.phase", value, "the claim is in order and not the cause")
    })
    .collect()
}

fn remedies(cx: &Context<'_>, object: &ObjectRef, near: Option<&str>, victims: &[Victim<'_, '_>]) -> Vec<Remedy> {
    let reason = "what belongs into it is not known";
    let told = Step::told(format!(
        "Create {} {} in namespace {}, or have its maker do so",
        object.kind, object.name, object.namespace
    ));
    let create = Remedy::untried("Create what is missing", Risk::Low, vec![told], reason);
    let rename = near.and_then(|near| rename(cx, object, near, victims[0].pod));
    rename.into_iter().chain([create]).collect()
}

/// Names the config map that is there in the pod's workload.
fn rename(cx: &Context<'_>, object: &ObjectRef, near: &str, pod: &Pod) -> Option<Remedy> {
    let (kind, meta) = cx.workload(pod).filter(|(kind, _)| *kind != Kind::Job)?;
    let template = cx.template(pod)?;
    let names =
        |volume: &crate::model::pod::PodVolume| volume.config_map.as_ref().is_some_and(|map| map.name == object.name);
    let position = template.spec.volumes.iter().position(names)?;
    let path = format!("/spec/template/spec/volumes/{position}/configMap/name");
    let operations = serde_json::json!([
        {"op": "test", "path": path, "value": object.name},
        {"op": "replace", "path": path, "value": near}]);
    let change = Change::JsonPatch { kind, namespace: meta.namespace.clone(), name: meta.name.clone(), operations };
    let what = format!("Name {near} in {kind} {}, if that is the one that is meant", meta.name);
    let mut steps = vec![cx.step(what, change)];
    if kind == Kind::StatefulSet {
        let change =
            Change::RecreatePods { namespace: pod.metadata.namespace.clone(), names: vec![pod.metadata.name.clone()] };
        steps.push(cx.step(
            format!("Delete pod {}; a set does not replace a pod that never got ready", pod.metadata.name),
            change,
        ));
    }
    Some(Remedy::new(format!("Use {near}, if it holds what is needed"), Risk::Medium, steps))
}
