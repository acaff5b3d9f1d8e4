//! What becomes of a volume when its claim goes, and how its data is kept.

use super::held::Held;
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Evidence, Finding, Loss};
use crate::diagnosis::remedy::{NOTHING_WAITS, Remedy, Risk, Step};
use crate::diagnosis::text::{either, named};
use crate::model::Volume;
use crate::model::volume::PROVISIONED_BY;

/// Facts of one sort that a finding has; what is at stake is listed in full beside them.
pub(super) const FACTS: usize = 20;
/// Objects that one command changes.
const IN_ONE_COMMAND: usize = 100;

/// Takes the uid of the old claim out of a volume, which is then held for a new claim of the same name.
pub(super) const FREE: &str = r#"{"spec":{"claimRef":{"uid":null,"resourceVersion":null}}}"#;

/// Whether the volume's data goes when its claim is deleted: by its provisioner (Delete), which leaves volumes alone that
/// it has not made (`sig-storage-lib-external-provisioner/controller/controller.go`, shouldDelete), or by a pod that wipes
/// it (Recycle, which only NFS and hostPath have).
pub(super) fn goes_with_claim(volume: &Volume) -> bool {
    match volume.spec.persistent_volume_reclaim_policy.as_str() {
        "Delete" => volume.metadata.annotations.get(PROVISIONED_BY).is_some_and(|by| !by.is_empty()),
        "Recycle" => volume.spec.nfs.is_some() || volume.spec.host_path.is_some(),
        _ => false,
    }
}

/// Those whose data goes with their claim.
pub(super) fn lost<'h>(held: &[Held<'h>]) -> Vec<Held<'h>> {
    held.iter().copied().filter(|one| goes_with_claim(one.volume)).collect()
}

/// What is lost when claims go.
pub(super) fn loss(held: &[Held<'_>]) -> Loss {
    if lost(held).is_empty() { Loss::Claims } else { Loss::Data }
}

/// What the volume's reclaim policy does.
pub(super) fn policy_fact(held: &Held<'_>) -> Evidence {
    let volume = held.volume;
    let policy = volume.spec.persistent_volume_reclaim_policy.as_str();
    let by = volume.metadata.annotations.get(PROVISIONED_BY).map_or("", String::as_str);
    let name = held.name();
    let note = match (goes_with_claim(volume), policy) {
        (true, "Delete") => format!("{by} deletes the volume and its data when claim {name} goes"),
        (true, _) => format!("its data is wiped when claim {name} goes"),
        (false, "Delete") => format!("nobody deletes it when claim {name} goes: no provisioner has made it"),
        (false, _) => format!("the volume and its data stay when claim {name} goes"),
    };
    Context::fact(held.volume_ref(), "spec.persistentVolumeReclaimPolicy", policy, note)
}

/// The finding with what the reclaim policies of some volumes do.
pub(super) fn with_policies(mut finding: Finding, held: &[Held<'_>]) -> Finding {
    finding.evidence.extend(held.iter().take(FACTS).map(policy_fact));
    finding
}

/// Sets the volumes whose data would go to Retain; none where no data would.
pub(super) fn retain(cx: &Context<'_>, held: &[Held<'_>]) -> Option<Remedy> {
    let lost = lost(held);
    let mut steps = retain_steps(&lost);
    steps.extend(later_volumes(cx, &lost));
    let title = either(lost.len(), "Have the volume outlive its claim", "Have the volumes outlive their claims");
    (!lost.is_empty()).then(|| Remedy::untried(title, Risk::Low, steps, NOTHING_WAITS))
}

/// The steps that set volumes to Retain.
pub(super) fn retain_steps(held: &[Held<'_>]) -> Vec<Step> {
    let steps = held.chunks(IN_ONE_COMMAND).map(|some| {
        let volumes: Vec<&str> = some.iter().map(|one| one.volume.metadata.name.as_str()).collect();
        let policy = |policy: &str| format!(r#"{{"spec":{{"persistentVolumeReclaimPolicy":"{policy}"}}}}"#);
        let before = some.iter().all(|one| one.volume.spec.persistent_volume_reclaim_policy == "Delete");
        let what =
            format!("Set {} to Retain; what is not wanted any more is then deleted by hand", named("volume", &volumes));
        Step {
            command: patch_volumes(&volumes, &policy("Retain")),
            undo: before.then(|| patch_volumes(&volumes, &policy("Delete"))).flatten(),
            ..Step::told(what)
        }
    });
    steps.collect()
}

/// The command that merges a patch into volumes.
pub(super) fn patch_volumes(volumes: &[&str], patch: &str) -> Option<String> {
    kubectl(&["patch", "persistentvolume"], volumes, &[("--type", "merge"), ("-p", patch)])
}

/// Volumes that their class makes later have its policy again.
fn later_volumes(cx: &Context<'_>, lost: &[Held<'_>]) -> Option<Step> {
    let mut classes: Vec<&str> = lost.iter().map(|one| one.volume.class()).filter(|name| !name.is_empty()).collect();
    classes.sort_unstable();
    classes.dedup();
    classes.retain(|name| {
        let class = cx.snapshot.classes.get("", name).found();
        class.is_some_and(|class| class.reclaim_policy.as_deref().unwrap_or("Delete") == "Delete")
    });
    let (one, list) = (classes.len() == 1, crate::diagnosis::text::names(&classes));
    let (class, has) = if one { ("class", "has") } else { ("classes", "have") };
    let what = format!("Do the same with volumes that are made later: {class} {list} {has} reclaimPolicy Delete");
    (!classes.is_empty()).then(|| Step::told(what))
}
