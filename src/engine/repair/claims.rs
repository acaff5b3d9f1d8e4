//! What can be done about a claim that gets no volume. Its spec can't be changed, and while it has no volume it holds no
//! data: it is made anew under its name.

use serde_json::{Value, json};

use super::plan::{Edit, Way};
use super::volumes::refitted;
use super::ways::At;
use crate::admission::expand::claim_maker;
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::remedy::{Change, Risk};
use crate::diagnosis::text::{names, near};
use crate::model::claim::{BIND_COMPLETED, ClaimStatus};
use crate::model::meta::Map;
use crate::model::quantity::short_bytes;
use crate::model::{Claim, Kind, Quantity, StorageClass, Volume};
use crate::snapshot::Snapshot;
use crate::volumes::{Decision, Mismatch, VolumeController};

/// Volumes that are looked at, the nearest first.
pub(super) const NEAREST: usize = 3;
const HOSTNAME: &str = "kubernetes.io/hostname";
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
pub(super) const REQUEST: &str = "/spec/resources/requests/storage";
const MEBIBYTE: i64 = 1 << 20;
/// Classes that are looked at.
pub(super) const CLASSES: usize = 3;

/// The ways in which the claim gets a volume: one that is there, or one of a class that makes them. Those of a claim
/// that can't be made anew change the volume or the class.
pub(super) fn ways(cx: &Context<'_>, state: &Snapshot, volumes: &VolumeController<'_>, claim: &Claim) -> Vec<Way> {
    let lost = claim.metadata.annotations.contains_key(BIND_COMPLETED);
    if claim.metadata.deleting() || claim.fully_bound() && !lost {
        return Vec::new();
    }
    let verdict = volumes.judge_with_volumes(claim);
    if verdict.binds_to.is_some() {
        return Vec::new();
    }
    if lost {
        return of_lost(cx, state, volumes, claim, &verdict.decision);
    }
    let mut ways = class_made(state, claim);
    let remade = can_be_remade(cx, claim);
    for near in verdict.volumes.iter().take(NEAREST) {
        let Some(volume) = state.volumes.get("", &near.name).found() else { continue };
        ways.extend(refitted(state, claim, volume, &near.mismatch));
        ways.extend(fitted(claim, volume, &near.mismatch).filter(|_| remade));
    }
    let of_name =
        matches!(verdict.decision, Decision::RequestedVolumeMissing { .. } | Decision::RequestedVolumeTaken { .. });
    ways.extend((of_name && remade).then(|| any_volume(claim)));
    if remade {
        ways.extend(other_classes(state, claim, false));
    }
    ways.sort_by_key(|way| way.cost);
    ways
}

/// A claim that has lost its volume, made anew as one that was never bound: for a free volume that is what it asks for, or
/// for one that is made. A volume that is there again under its name would be bound to the claim as it is
/// (`pv_controller.go`, syncBoundClaim).
fn of_lost(
    cx: &Context<'_>,
    state: &Snapshot,
    volumes: &VolumeController<'_>,
    claim: &Claim,
    decision: &Decision,
) -> Vec<Way> {
    let gone = match decision {
        Decision::LostVolume { volume } => format!("volume {volume}"),
        Decision::LostReference => "the volume that it had".to_owned(),
        _ => return Vec::new(),
    };
    if !cx.goes_at_once(claim) {
        return Vec::new();
    }
    let free = free_volume(volumes, claim).map(|volume| {
        let name = &claim.metadata.name;
        let what = format!("make lost claim {name} anew for free volume {volume}");
        let note = format!(
            "with what is on it; the data of {gone} does not come back so: where it matters, create that volume again for its \
             disk instead"
        );
        way(claim, unbound(claim), what, 6, Risk::High).note(note)
    });
    free.into_iter().chain(other_classes(state, claim, true)).collect()
}

/// The free volume that a claim would get if it had never been bound: the smallest that is what it asks for.
fn free_volume(volumes: &VolumeController<'_>, claim: &Claim) -> Option<String> {
    let mut anew = claim.clone();
    anew.metadata.annotations = kept_annotations(claim);
    anew.spec.volume_name.clear();
    anew.status = ClaimStatus { phase: "Pending".to_owned(), ..ClaimStatus::default() };
    let free = volumes.free_for(&anew).into_iter();
    let chosen = free.min_by_key(|volume| (volume.capacity().cloned(), &volume.metadata.name));
    chosen.map(|volume| volume.metadata.name.clone()).or_else(|| volumes.judge(&anew).binds_to)
}

/// What takes from a claim all that it has of having been bound.
fn unbound(claim: &Claim) -> Vec<Value> {
    let mut operations = Vec::new();
    if !claim.spec.volume_name.is_empty() {
        operations.push(json!({"op": "remove", "path": "/spec/volumeName"}));
    }
    if !claim.metadata.annotations.is_empty() {
        let kept = kept_annotations(claim);
        operations.push(json!({"op": "add", "path": "/metadata/annotations", "value": kept}));
    }
    operations
}

/// The annotations that are not the controllers' own.
fn kept_annotations(claim: &Claim) -> Map {
    let kept = claim.metadata.annotations.iter().filter(|(key, _)| !key.contains("kubernetes.io/"));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A new and empty volume in place of one that was on a node which is gone, and its data with it. The old volume is kept,
/// as far as the cluster knows it.
pub(super) fn given_up(at: &At<'_, '_>, claim: &str, volume: &str) -> Option<Way> {
    let claim = at.state.claims.get(&at.pod.metadata.namespace, claim).found()?;
    let volume = at.state.volumes.get("", volume).found()?;
    let affinity = volume.required_node_affinity()?;
    let nodes = at.cx.snapshot.nodes.all()?;
    let gone = !nodes.is_empty() && !nodes.iter().any(|node| affinity.matches("", &node.metadata.labels));
    let mut named = affinity.node_selector_terms.iter().flat_map(|term| &term.match_expressions);
    let of_one_node = named.any(|one| one.key == HOSTNAME && one.values.len() == 1);
    let makes =
        at.state.classes.get("", claim.class()).found().is_some_and(|class| class.provisioner != NO_PROVISIONER);
    let held = claim.metadata.deleting() || claim.metadata.controller().is_some() || at.cx.on_a_node(claim);
    if !gone || !of_one_node || !makes || held {
        return None;
    }
    let kept: serde_json::Map<String, Value> = serde_json::Map::new();
    let operations = vec![
        json!({"op": "remove", "path": "/spec/volumeName"}),
        json!({"op": "add", "path": "/metadata/annotations", "value": kept}),
    ];
    let (name, volume) = (&claim.metadata.name, &volume.metadata.name);
    let what = format!("make claim {name} anew and empty");
    let note = format!(
        "since the node that had the data of volume {volume} is gone: bring it back, or restore a backup, where the data matters"
    );
    Some(way(claim, operations, what, 9, Risk::High).note(note))
}

/// Whether a claim holds nothing, goes at once when it is deleted, and is nobody's to make again.
fn can_be_remade(cx: &Context<'_>, claim: &Claim) -> bool {
    !claim.fully_bound() && cx.goes_at_once(claim)
}

/// The least risk of a change: a claim that has a volume loses it when it is made anew.
pub(super) fn risk_of(cx: &Context<'_>, change: &Edit) -> Risk {
    let Edit::Anew { object, .. } = change else { return Risk::Low };
    let claim = cx.snapshot.claims.get(&object.namespace, &object.name).found();
    let bound = object.kind == Kind::PersistentVolumeClaim.name() && claim.is_some_and(|claim| claim.fully_bound());
    if bound { Risk::High } else { Risk::Low }
}

/// Whether a driver that the cluster has makes volumes of the class.
pub(super) fn makes(state: &Snapshot, class: &StorageClass) -> bool {
    state.csi_drivers.get("", &class.provisioner).found().is_some()
}

/// The class that the claim names and that isn't there, like one that is.
fn class_made(state: &Snapshot, claim: &Claim) -> Vec<Way> {
    let name = claim.class();
    if name.is_empty() || !state.classes.get("", name).is_absent() {
        return Vec::new();
    }
    let mut like: Vec<&StorageClass> =
        state.classes.seen().iter().map(|class| &**class).filter(|class| makes(state, class)).collect();
    like.sort_by_key(|class| strsim::osa_distance(&class.metadata.name, name));
    like.into_iter().take(CLASSES).map(|class| class_like(name, class)).collect()
}

fn class_like(name: &str, class: &StorageClass) -> Way {
    let like = &class.metadata.name;
    let change = Change::Copy {
        kind: Kind::StorageClass,
        namespace: String::new(),
        name: like.clone(),
        to: name.to_owned(),
        operations: Value::Array(Vec::new()),
    };
    let way = Way::new(format!("create class {name} as a copy of {like}"), Edit::Object(change), 3, Risk::Low);
    way.note(format!("if its driver {} makes the volumes that are meant", class.provisioner))
}

fn way(claim: &Claim, operations: Vec<Value>, what: String, cost: u32, risk: Risk) -> Way {
    Way::new(what, Edit::Anew { object: claim_ref(claim), operations }, cost, risk)
}

/// The claim as a free volume has it; `None` where the volume is at fault and not what the claim asks for.
fn fitted(claim: &Claim, volume: &Volume, mismatch: &[Mismatch]) -> Option<Way> {
    let (operations, told) = fitting(mismatch)?;
    let (name, volume) = (&claim.metadata.name, &volume.metadata.name);
    let what = format!("make claim {name} anew for {}", names(&told));
    let cost = 1 + 2 * told.len() as u32;
    Some(way(claim, operations, what, cost, Risk::Medium).note(format!("as volume {volume} has it")))
}

/// What has a claim ask for what a volume is, with the words for it; `None` where nothing is to be changed, and where the
/// volume is at fault.
pub(super) fn fitting(mismatch: &[Mismatch]) -> Option<(Vec<Value>, Vec<String>)> {
    let mut operations = Vec::new();
    let mut told = Vec::new();
    for one in mismatch {
        let (field, value, words) = match one {
            Mismatch::Capacity { present, .. } if !present.is_zero() => {
                (REQUEST, json!(present.to_string()), format!("{present} of storage"))
            }
            Mismatch::AccessModes { present, .. } if !present.is_empty() => {
                ("/spec/accessModes", json!(present), present.join(" and "))
            }
            Mismatch::VolumeMode { present, .. } => ("/spec/volumeMode", json!(present), format!("mode {present}")),
            Mismatch::Class { present, .. } if present.is_empty() => {
                ("/spec/storageClassName", json!(""), "no class".to_owned())
            }
            Mismatch::Class { present, .. } => ("/spec/storageClassName", json!(present), format!("class {present}")),
            Mismatch::Selector { .. } => {
                if !told.iter().any(|words| words == "any labels") {
                    operations.push(json!({"op": "remove", "path": "/spec/selector"}));
                    told.push("any labels".to_owned());
                }
                continue;
            }
            _ => return None,
        };
        operations.push(json!({"op": "add", "path": field, "value": value}));
        told.push(words);
    }
    (!operations.is_empty()).then_some((operations, told))
}

/// The claim in the size for which there is room, in bytes: the largest whole number of MiB.
pub(super) fn smaller(at: &At<'_, '_>, claim: &Claim, room: i64) -> Option<Way> {
    let size = whole(room);
    if !can_be_remade(at.cx, claim) || claim.request().is_none_or(|asked| size <= 0 || asked.value() <= size) {
        return None;
    }
    let asked = at_first(at, claim)?;
    let operations = vec![json!({"op": "replace", "path": REQUEST, "value": short(size)})];
    let name = &claim.metadata.name;
    let what = format!("make claim {name} anew for {} instead of {asked}", short(size));
    let way = way(claim, operations, what, 4, Risk::Medium).with_less(asked.value(), size);
    Some(way.note("if that is enough"))
}

/// Bytes in whole MiB.
pub(super) fn whole(bytes: i64) -> i64 {
    bytes / MEBIBYTE * MEBIBYTE
}

/// What a claim asks for before anything is changed; one that is not there is its set's template.
fn at_first(at: &At<'_, '_>, claim: &Claim) -> Option<Quantity> {
    let meta = &claim.metadata;
    if let Some(read) = at.cx.snapshot.claims.get(&meta.namespace, &meta.name).found() {
        return read.request().cloned();
    }
    claim_maker(at.cx.snapshot, at.pod, &meta.name)?.2.request().cloned()
}

fn short(bytes: i64) -> String {
    if bytes % (1024 * MEBIBYTE) == 0 {
        format!("{}Gi", bytes / (1024 * MEBIBYTE))
    } else {
        format!("{}Mi", bytes / MEBIBYTE)
    }
}

/// The claim without the name of a volume.
fn any_volume(claim: &Claim) -> Way {
    let operations = vec![json!({"op": "remove", "path": "/spec/volumeName"})];
    let Claim { metadata, spec, .. } = claim;
    let what = format!("make claim {} anew for any volume instead of {}", metadata.name, spec.volume_name);
    way(claim, operations, what, 3, Risk::Medium)
}

/// The claim for classes that make volumes: those first whose names are nearest to that of its own.
fn other_classes(state: &Snapshot, claim: &Claim, lost: bool) -> Vec<Way> {
    let others = classes_that_make(state).filter(|class| lost || class.metadata.name != claim.class());
    let mut others: Vec<&StorageClass> = others.collect();
    let meant = near(claim.class(), others.iter().map(|class| class.metadata.name.as_str())).map(str::to_owned);
    others.sort_by_key(|class| meant.as_ref() != Some(&class.metadata.name));
    others.into_iter().take(CLASSES).map(|class| of_class(claim, class, lost)).collect()
}

/// The classes of which a driver that the cluster has makes volumes, the default first.
pub(super) fn classes_that_make(state: &Snapshot) -> impl Iterator<Item = &StorageClass> {
    let classes = state.classes.seen().iter().map(|class| &**class).filter(|class| makes(state, class));
    let mut classes: Vec<&StorageClass> = classes.collect();
    classes.sort_by_key(|class| !class.is_default());
    classes.into_iter()
}

/// That the driver makes the volume is taken for granted, and said.
fn of_class(claim: &Claim, class: &StorageClass, lost: bool) -> Way {
    let (class, driver) = (&class.metadata.name, &class.provisioner);
    let mut operations = vec![json!({"op": "add", "path": "/spec/storageClassName", "value": class})];
    if claim.spec.selector.is_some() {
        operations.push(json!({"op": "remove", "path": "/spec/selector"}));
    }
    operations.extend(unbound(claim));
    let size = claim.request().map(|size| short_bytes(size.value())).unwrap_or_default();
    let name = &claim.metadata.name;
    let (what, cost, risk) = match lost {
        true => (format!("make lost claim {name} anew and empty, {size} of class {class}"), 10, Risk::High),
        false => (format!("make claim {name} anew, {size} of class {class}"), 4, Risk::Medium),
    };
    way(claim, operations, what, cost, risk).note(format!("if driver {driver} makes it")).of_class(class)
}
