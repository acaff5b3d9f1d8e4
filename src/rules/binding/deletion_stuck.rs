use super::claim_being_deleted::{owner_of_finalizer, with_volume};
use crate::diagnosis::command::{describe, kubectl};
use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{either, named, names};
use crate::model::claim::PROTECTION;
use crate::model::volume::PROVISIONED_BY;
use crate::model::{Claim, Kind, Meta, ObjectRef, Pod, Volume};
use crate::snapshot::Lookup;
use crate::volumes::driver_words::essential;

crate::rules::declare_rule! {
    static RULE = {
        name: "deletion-stuck",
        summary: "A claim or a volume is being deleted for minutes, and what would end that fails or is gone.",
        severity: Warning,
        since: "0.1.0",
        needs: [PersistentVolume, PersistentVolumeClaim, Pod],
        reads: [Event, VolumeAttachment, CSIDriver, CSINode, Deployment, StatefulSet, DaemonSet],
        stage: Rest,
        check: check,
    }
}

/// Seconds that a deletion may take.
const PATIENCE: i64 = 600;

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    for volume in cx.snapshot.volumes.seen().iter().filter(|volume| to_be_deleted(volume) && in_scope(cx, volume)) {
        match volume_kept(cx, volume) {
            Some(why) => out.add(of_volume(cx, volume, why)),
            None => out.skip(cx.unread_anywhere(&[Kind::Event])),
        }
    }
    for claim in cx.snapshot.claims.seen().iter().filter(|claim| overdue(cx, &claim.metadata)) {
        let object = claim_ref(claim);
        let scope = cx.namespace.is_none_or(|namespace| namespace == claim.metadata.namespace);
        if scope && !out.tells_of(&object) && !out.known(&object) {
            of_claim(cx, claim).into_iter().for_each(|finding| out.add(finding));
        }
    }
}

/// Volumes belong to the namespace of the claim that they were made for.
fn in_scope(cx: &Context<'_>, volume: &Volume) -> bool {
    let of = volume.spec.claim_ref.as_ref().map(|claim| claim.namespace.as_str());
    cx.namespace.is_none_or(|namespace| of == Some(namespace))
}

fn overdue(cx: &Context<'_>, meta: &Meta) -> bool {
    meta.deletion_timestamp.as_deref().is_some_and(|since| cx.age(since).is_some_and(|age| age > PATIENCE))
}

/// Why a volume does not go.
enum Kept {
    /// What was said when it was to be deleted.
    Fails(String),
    /// The driver that deletes the disk is not in the cluster.
    NoDriver(String),
}

/// Whether the disk is to go, now that its claim is gone.
fn to_be_deleted(volume: &Volume) -> bool {
    volume.spec.persistent_volume_reclaim_policy == "Delete"
        && matches!(volume.status.phase.as_str(), "Released" | "Failed")
}

fn volume_kept(cx: &Context<'_>, volume: &Volume) -> Option<Kept> {
    if let Some(said) = failure(cx, volume) {
        return Some(Kept::Fails(said));
    }
    let driver = volume.metadata.annotations.get(PROVISIONED_BY).filter(|driver| !driver.starts_with("kubernetes.io/"));
    let gone = driver.filter(|driver| overdue(cx, &volume.metadata) && absent(cx, driver))?;
    Some(Kept::NoDriver(gone.clone()))
}

/// What the last attempt to delete the volume ended with (`pv_controller.go`, deleteVolume, and external-provisioner).
fn failure(cx: &Context<'_>, volume: &Volume) -> Option<String> {
    let history = cx.history(Kind::PersistentVolume, &volume.metadata);
    let failed = history.standing(|event| event.reason == "VolumeFailedDelete", |_| false);
    let event = failed.first().map(|event| event.message.as_str());
    event.map(essential).filter(|text| !text.is_empty())
}

/// Whether nothing shows that the driver is there.
fn absent(cx: &Context<'_>, driver: &str) -> bool {
    let kinds = [Kind::Pod, Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::CSINode];
    matches!(cx.snapshot.csi_drivers.get("", driver), Lookup::Absent)
        && cx.unread_anywhere(&kinds).is_none()
        && cx.index.nodes_with(driver).is_none()
        && cx.drivers.parts(driver).is_empty()
}

fn of_volume(cx: &Context<'_>, volume: &Volume, kept: Kept) -> Finding {
    let name = volume.metadata.name.as_str();
    let object = ObjectRef::new(Kind::PersistentVolume, "", name);
    let attached = attachments(cx, name);
    let (title, said, step) = match kept {
        Kept::Fails(said) => {
            let look = Step { command: describe(&object), ..Step::told("Read what its driver says of it") };
            (format!("Disk of volume {name} can't be deleted: {said}"), Some(said), look)
        }
        Kept::NoDriver(driver) => {
            let back = format!("Install driver {driver} again, so that it deletes the disk and lets the volume go");
            let title =
                format!("Volume {name} stays: driver {driver}, which deletes its disk, is not in the cluster any more");
            (title, None, Step::told(back))
        }
    };
    let note = "the disk is to go with its claim";
    let mut finding = RULE
        .finding(object.clone(), title)
        .evidence(object.clone(), "spec.persistentVolumeReclaimPolicy", "Delete", note)
        .evidence(object.clone(), "status.phase", volume.status.phase.clone(), "its claim is gone");
    if let Some(said) = said {
        finding = finding.evidence(object.clone(), "events", said, "what came of the last attempt");
    }
    finding.evidence.extend(finalizers(&object, &volume.metadata));
    for (attachment, node) in &attached {
        let of = ObjectRef::new(Kind::VolumeAttachment, "", attachment);
        finding =
            finding.evidence(of, "spec.nodeName", *node, "it is attached there, and an attached disk is not deleted");
    }
    let mut steps: Vec<Step> = attached.iter().map(|(attachment, node)| look_at(attachment, node)).collect();
    steps.push(step);
    let reason = "what its driver answers then is not known";
    finding
        .explains(object.clone())
        .remedy(Remedy::untried("Let the disk be deleted", Risk::Low, steps, reason))
        .with_remedies(by_hand(
            &object,
            &volume.metadata,
            "the disk stays at the storage's side and is yours to delete",
        ))
}

/// Attachments of a volume, with their nodes.
fn attachments<'c>(cx: &Context<'c>, volume: &str) -> Vec<(&'c str, &'c str)> {
    let of = cx.snapshot.attachments.seen().iter().map(|attachment| &**attachment);
    let of = of.filter(|it| it.spec.source.persistent_volume_name.as_deref() == Some(volume));
    of.map(|it| (it.metadata.name.as_str(), it.spec.node_name.as_str())).collect()
}

fn look_at(attachment: &str, node: &str) -> Step {
    let command = describe(&ObjectRef::new(Kind::VolumeAttachment, "", attachment));
    Step {
        command,
        ..Step::told(format!("See why attachment {attachment} on node {node} is still there, and end that"))
    }
}

/// A claim that something other than a running pod keeps.
fn of_claim(cx: &Context<'_>, claim: &Claim) -> Option<Finding> {
    let (object, meta) = (claim_ref(claim), &claim.metadata);
    let uses = |pod: &&Pod| pod.names_claim(&meta.name) && (pod.assigned() || pod.finished());
    let pods = cx.snapshot.pods.in_namespace(&meta.namespace).iter().map(|pod| &**pod);
    let (ended, running): (Vec<&Pod>, Vec<&Pod>) = pods.filter(uses).partition(|pod| pod.finished());
    let foreign: Vec<&str> = meta.finalizers.iter().map(String::as_str).filter(|name| *name != PROTECTION).collect();
    let ended_names: Vec<&str> = ended.iter().map(|pod| pod.metadata.name.as_str()).collect();
    let kept = match (running.is_empty(), ended_names.as_slice(), foreign.as_slice()) {
        (false, ..) | (true, [], []) => return None,
        (true, pods @ [_, ..], _) => {
            format!(
                "{}, which {} ended, still {} it",
                named("pod", pods),
                either(pods.len(), "has", "have"),
                either(pods.len(), "uses", "use")
            )
        }
        (true, [], foreign) => format!("finalizer {} keeps it", names(foreign)),
    };
    let mut finding = RULE.finding(object.clone(), format!("Claim {} is being deleted and stays: {kept}", meta.name));
    let since = meta.deletion_timestamp.clone().unwrap_or_default();
    finding = finding.evidence(object.clone(), "metadata.deletionTimestamp", since, "it goes once nothing keeps it");
    for pod in &ended {
        let note = "a pod that has ended counts until it is deleted";
        finding = finding.evidence(pod_ref(pod), "status.phase", pod.status.phase.clone(), note);
    }
    finding.evidence.extend(finalizers(&object, meta));
    finding.evidence.extend(foreign.iter().filter_map(|name| owner_of_finalizer(cx, &object, name)));
    let finding = with_volume(cx, claim, finding).explains(object.clone());
    if ended.is_empty() {
        return Some(finding.with_remedies(by_hand(&object, meta, "what its owner would have done is not done")));
    }
    let steps = ended.iter().map(|pod| {
        let (namespace, name) = (pod.metadata.namespace.clone(), pod.metadata.name.clone());
        let what = format!("Delete pod {name}, which has ended");
        cx.step(what, Change::Delete { kind: Kind::Pod, namespace, name })
    });
    let volume = cx.snapshot.volumes.get("", &claim.spec.volume_name).found();
    let goes_too = volume.is_some_and(|volume| volume.spec.persistent_volume_reclaim_policy == "Delete");
    let risk = if goes_too { Risk::High } else { Risk::Low };
    Some(finding.remedy(Remedy::untried("Let the claim go", risk, steps.collect(), "nothing waits for it")))
}

fn finalizers(object: &ObjectRef, meta: &Meta) -> Option<Evidence> {
    let list = meta.finalizers.join(", ");
    let note = "each is taken off by its owner, and the object stays until then";
    (!list.is_empty()).then(|| Context::fact(object.clone(), "metadata.finalizers", list, note))
}

/// The last resort.
pub(super) fn by_hand(object: &ObjectRef, meta: &Meta, but: &str) -> Option<Remedy> {
    if meta.finalizers.is_empty() || meta.deletion_timestamp.is_none() {
        return None;
    }
    let kind = object.kind.to_lowercase();
    let patch = r#"{"metadata":{"finalizers":null}}"#;
    let mut flags = vec![("--type", "merge"), ("-p", patch)];
    if !object.namespace.is_empty() {
        flags.insert(0, ("-n", &object.namespace));
    }
    let command = kubectl(&["patch", &kind], &[&object.name], &flags);
    let what = format!("Where their owner is gone for good, take the finalizers off: {but}");
    let reason = "whether their owner comes back is not known";
    Some(Remedy::untried("Let it go by hand", Risk::High, vec![Step { command, ..Step::told(what) }], reason))
}
