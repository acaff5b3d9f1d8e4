use super::placed::{OF_VERDICT, event_fact, unread, volume_words, volumes_of, wait_fact};
use crate::diagnosis::context::{Context, PlacedCase, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{capital, duration};
use crate::model::{Event, Kind, ObjectRef, Pod, Volume};
use crate::rules::drivers::driver::events_step;
use crate::volumes::MountFailure;

crate::rules::declare_rule! {
    static RULE = {
        name: "ownership-change-slow",
        summary: "The kubelet gives every file of a volume to the pod's group before the pod starts.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSINode, CSIDriver, Event, ReplicaSet, Deployment, StatefulSet, DaemonSet],
        stage: Failure,
        check: check,
    }
}

/// Seconds after which it counts, where only time ran out.
const PATIENCE: i64 = 300;
/// The kubelet's event while it changes files, every minute (`pkg/volume/volume_linux.go`, logWarning).
const PROGRESS: &str = "VolumePermissionChangeInProgress";
/// Seconds for which such an event tells of the present.
const PRESENT: i64 = 600;

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, OF_VERDICT));
    for case in &cx.placed {
        let group = group_of(case.pod).filter(|_| !out.explained(&pod_ref(case.pod)));
        let Some(group) = group else { continue };
        let said = progress(cx, case.pod);
        let timed_out = case.verdict.events.iter().any(|event| event.failure == MountFailure::TimedOut);
        let silent = case.verdict.problems.is_empty() && case.verdict.telling_events().next().is_none();
        let waits = silent && timed_out && case.verdict.unknown.is_empty() && case.waited_longer_than(PATIENCE);
        if let Some(volume) = changed_volume(cx, case).filter(|_| said.is_some() || waits) {
            out.add(finding(cx, case, volume, group, said));
        }
    }
}

/// The group to which every file is given, whatever the volume's root says.
fn group_of(pod: &Pod) -> Option<i64> {
    let context = pod.spec.security_context.as_ref()?;
    context.fs_group.filter(|_| context.fs_group_change_policy.as_deref() != Some("OnRootMismatch"))
}

/// The kubelet's word that it is at it.
fn progress<'a>(cx: &Context<'a>, pod: &Pod) -> Option<&'a Event> {
    let history = cx.history(Kind::Pod, &pod.metadata);
    let found = history.events().iter().rev().copied().find(|event| event.reason == PROGRESS);
    found.filter(|event| cx.age(event.last_seen()).is_none_or(|age| age < PRESENT))
}

/// The pod's volume whose files the kubelet changes (`pkg/volume/csi/csi_mounter.go`, supportsFSGroup).
fn changed_volume<'a>(cx: &Context<'a>, case: &PlacedCase<'_>) -> Option<&'a Volume> {
    let changes = |volume: &Volume| {
        let Some(csi) = &volume.spec.csi else { return volume.spec.local.is_some() };
        let driver = cx.snapshot.csi_drivers.get("", &csi.driver).found();
        let policy =
            driver.and_then(|driver| driver.spec.fs_group_policy.as_deref()).unwrap_or("ReadWriteOnceWithFSType");
        let once = volume.spec.access_modes.iter().any(|mode| mode == "ReadWriteOnce" || mode == "ReadWriteOncePod");
        policy == "File" || policy == "ReadWriteOnceWithFSType" && !csi.fs_type.is_empty() && once && !csi.read_only
    };
    let volumes = volumes_of(cx, case).into_iter().map(|(_, volume)| volume);
    volumes.into_iter().find(|volume| volume.volume_mode() == "Filesystem" && changes(volume))
}

fn finding(cx: &Context<'_>, case: &PlacedCase<'_>, volume: &Volume, group: i64, said: Option<&Event>) -> Finding {
    let (pod, node) = (&case.pod.metadata.name, &case.verdict.node);
    let waited = case.waited.map_or_else(String::new, |waited| format!(" for {}", duration(waited)));
    let what = capital(&volume_words(cx, case, &volume.metadata.name));
    let title = match said {
        Some(_) => format!(
            "The kubelet of node {node} is giving every file of {} to group {group} (fsGroup) before pod {pod} starts, which \
             has waited{waited}",
            volume_words(cx, case, &volume.metadata.name)
        ),
        None => format!(
            "{what} is there, and pod {pod} has waited{waited} on node {node}, probably because the kubelet first gives every \
             file of it to group {group} (fsGroup)"
        ),
    };
    let policy = case.pod.spec.security_context.as_ref().and_then(|context| context.fs_group_change_policy.clone());
    let policy = policy.unwrap_or_else(|| "not set".to_owned());
    let note = "without OnRootMismatch the kubelet goes through all files whenever a pod starts";
    let mut finding = RULE
        .finding(pod_ref(case.pod), title)
        .evidence(
            pod_ref(case.pod),
            "spec.securityContext.fsGroup",
            group.to_string(),
            "the group that files are given to",
        )
        .evidence(pod_ref(case.pod), "spec.securityContext.fsGroupChangePolicy", policy, note);
    finding.evidence.extend(said.map(|event| {
        let note = format!("what the kubelet says, last at {}", event.last_seen());
        Context::fact(pod_ref(case.pod), "events", event.message.clone(), note)
    }));
    if said.is_none() {
        finding.evidence.extend(case.verdict.events.iter().take(1).map(|event| event_fact(case, event)));
        let object = ObjectRef::new(Kind::PersistentVolume, "", &volume.metadata.name);
        finding = finding
            .evidence(object, "", "nothing is wrong with it", "no error of attaching or mounting stands")
            .likely();
    }
    finding.evidence.push(wait_fact(case));
    finding.explains(pod_ref(case.pod)).remedy(remedy(cx, case))
}

fn remedy(cx: &Context<'_>, case: &PlacedCase<'_>) -> Remedy {
    let reason = "how many files the volume has, and how far the kubelet is, can't be seen from here";
    let workload = cx
        .workload(case.pod)
        .filter(|(kind, _)| matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::ReplicaSet));
    let mut steps = vec![events_step(case.pod)];
    match workload {
        Some((kind, meta)) => {
            let context = serde_json::json!({"securityContext": {"fsGroupChangePolicy": "OnRootMismatch"}});
            let patch = serde_json::json!({"spec": {"template": {"spec": context}}});
            let what = format!(
                "Have {kind} {} change files only where the volume's root has another group (this starts its pods anew)",
                meta.name
            );
            steps.push(cx.patch(what, (kind, &meta.namespace, &meta.name), patch));
        }
        None => steps.push(Step::told("Make the pod anew with securityContext.fsGroupChangePolicy: OnRootMismatch")),
    }
    steps.push(Step::told("Or wait: the pod starts when all files are done"));
    Remedy::untried("Spare the kubelet the files that are right already", Risk::Medium, steps, reason)
}
