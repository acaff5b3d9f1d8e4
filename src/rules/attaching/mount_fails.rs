use super::mount_facts::behind;
use super::placed::{
    attachment_ref, event_fact, failing, lacks_claim, node_of, unread, volume_ref, volume_words, wait_fact,
};
use crate::diagnosis::context::{Context, PlacedCase, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::capital;
use crate::model::component::Role;
use crate::model::{Kind, ObjectRef};
use crate::rules::drivers::driver::{controller_logs, events_step, plugin_log};
use crate::rules::drivers::driver_faults::{echoes, meaning, says_nothing};
use crate::snapshot::Lookup;
use crate::volumes::driver_words::{cause, essential};
use crate::volumes::{MountEvent, MountFailure};

crate::rules::declare_rule! {
    static RULE = {
        name: "mount-fails",
        summary: "A volume can't be mounted on the node of a pod, for a reason that no other rule explains.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSIDriver, Event],
        stage: Failure,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::Event]));
    for (case, newest) in failing(cx, out, tells) {
        let mut own = case.verdict.events.iter().filter(|event| tells(&event.failure));
        let event = own.find(|event| !echoes(cause(&event.message))).unwrap_or(newest);
        if !says_nothing(cause(&event.message)) && !lacks_claim(case) {
            out.add(finding(cx, case, event));
        }
    }
}

/// Whether the kubelet's failure is one of mounting itself.
fn tells(failure: &MountFailure) -> bool {
    match failure {
        MountFailure::Stage
        | MountFailure::SetUp
        | MountFailure::HostPath
        | MountFailure::VolumeMode
        | MountFailure::ClaimMisbound
        | MountFailure::UsedByAnotherPod
        | MountFailure::NodeAffinity
        | MountFailure::DriverNotOnNode
        | MountFailure::ClaimNotBound
        | MountFailure::ClaimDeleting
        | MountFailure::KeyMissing
        | MountFailure::ObjectMissing { .. }
        | MountFailure::Other => true,
        MountFailure::MultiAttach
        | MountFailure::NoAttacher
        | MountFailure::Attach
        | MountFailure::NotAttached
        | MountFailure::NoPlugin
        | MountFailure::TimedOut => false,
    }
}

fn finding(cx: &Context<'_>, case: &PlacedCase<'_>, event: &MountEvent) -> Finding {
    let (pod, node) = (&case.pod.metadata.name, &case.verdict.node);
    let words = essential(cause(&event.message));
    let volume = event.volume.as_deref();
    let what = volume.map_or_else(|| "A volume".to_owned(), |volume| capital(&volume_words(cx, case, volume)));
    let behind = behind(cx, case, volume, &event.message);
    let why = behind.why.as_deref().unwrap_or(&words);
    let title = format!("{what} can't be mounted for pod {pod} on node {node}: {why}");
    let mut finding = RULE.finding(pod_ref(case.pod), title);
    let mut fact = event_fact(case, event);
    if let Some(meaning) = meaning(&event.message) {
        fact.note = format!("{}; this means: {meaning}", fact.note);
    }
    finding.evidence.push(fact);
    finding.evidence.extend(behind.facts);
    let found = volume.and_then(|volume| cx.snapshot.volumes.get("", volume).found());
    if let (Some(volume), Some(found)) = (volume, found) {
        let attached =
            cx.snapshot.attachments.seen().iter().find(|it| {
                it.spec.node_name == *node && it.spec.source.persistent_volume_name.as_deref() == Some(volume)
            });
        if let Some(attached) = attached.filter(|it| it.status.attached) {
            let note = "attaching is done; what fails comes after it";
            finding = finding.evidence(attachment_ref(&attached.metadata.name), "status.attached", "true", note);
        }
        if let Some(csi) = &found.spec.csi {
            let object = volume_ref(cx, case, volume);
            finding = finding.evidence(object, "spec.csi.driver", csi.driver.clone(), "who mounts it on the node");
        }
    }
    finding.evidence.extend(lifecycle(cx, case, event));
    finding.evidence.push(wait_fact(case));
    let finding = if behind.why.is_some() { finding.likely() } else { finding };
    let remedies = behind.remedy.into_iter().chain(look_further(cx, case, volume));
    finding.explains(pod_ref(case.pod)).with_remedies(remedies)
}

/// What volumes a driver takes, where the kubelet says that it doesn't take the pod's inline one.
fn lifecycle(cx: &Context<'_>, case: &PlacedCase<'_>, event: &MountEvent) -> Option<Evidence> {
    let named = case.pod.spec.volumes.iter().find(|volume| event.volume.as_ref() == Some(&volume.name))?;
    let driver =
        &named.csi.as_ref().filter(|_| event.message.contains("volume mode \"Ephemeral\" not supported"))?.driver;
    let object = ObjectRef::new(Kind::CSIDriver, "", driver);
    let modes = match cx.snapshot.csi_drivers.get("", driver) {
        Lookup::Found(found) if found.spec.volume_lifecycle_modes.is_empty() => "Persistent (the default)".to_owned(),
        Lookup::Found(found) => found.spec.volume_lifecycle_modes.join(", "),
        Lookup::Absent => "no CSIDriver".to_owned(),
        Lookup::Unknown => return None,
    };
    let note = "a volume that the pod gives inline needs Ephemeral among these";
    Some(Context::fact(object, "spec.volumeLifecycleModes", modes, note))
}

fn look_further(cx: &Context<'_>, case: &PlacedCase<'_>, volume: Option<&str>) -> Option<Remedy> {
    let found = volume.and_then(|volume| cx.snapshot.volumes.get("", volume).found());
    let mut steps = vec![events_step(case.pod)];
    if let Some(csi) = found.and_then(|found| found.spec.csi.as_ref()) {
        steps.extend(node_of(cx, case).and_then(|node| plugin_log(cx, &csi.driver, node)));
        steps.extend(controller_logs(cx, &csi.driver, Role::Attacher));
    } else {
        steps.push(Step::told(format!("Read the log of the kubelet of node {}", case.verdict.node)));
    }
    let title = format!("Look at what is said on node {}", case.verdict.node);
    Some(Remedy::untried(title, Risk::Low, steps, "what the node answers is not known"))
}
