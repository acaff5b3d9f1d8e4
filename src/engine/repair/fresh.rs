//! Claims that are made for a pod: one that is missing, or one of its own in place of a claim that it can't use. What
//! the old claim holds is left where it is.

use serde_json::{Value, json};

use super::claims::{NEAREST, fitting, makes};
use super::fewer::find;
use super::plan::{Edit, Way};
use super::pods::{change, told};
use super::ways::At;
use crate::admission::expand::claim_maker;
use crate::diagnosis::remedy::{Ask, Change, Risk};
use crate::diagnosis::text::{names, near};
use crate::model::claim::ClaimStatus;
use crate::model::{Claim, Kind, Meta, Quantity, StorageClass, Volume};

/// Classes that are looked at.
const CLASSES: usize = 3;
/// Where there are more volumes, those that are free are not looked at: each node asks anew.
const ALL_VOLUMES: usize = 200;
/// The longest name of a claim (`IsDNS1123Subdomain`).
const LONGEST: usize = 253;
const READ_WRITE_ONCE_POD: &str = "ReadWriteOncePod";

/// Gives the pod a new and empty claim, like the one that it can't use.
pub(super) fn own_claim(at: &At<'_, '_>, name: &str) -> Vec<Vec<Way>> {
    let Some(claim) = at.state.claims.get(&at.pod.metadata.namespace, name).found() else { return Vec::new() };
    let volumes = at.pod.spec.volumes.iter();
    let position = volumes
        .clone()
        .position(|volume| volume.persistent_volume_claim.is_some() && volume.claim_name("").as_deref() == Some(name));
    let Some(position) = position.filter(|_| claim_maker(at.cx.snapshot, at.pod, name).is_none()) else {
        return Vec::new();
    };
    let to = new_name(at, claim);
    let read = at.cx.snapshot.claims.get(&claim.metadata.namespace, &to).found().is_some();
    if to.len() > LONGEST || read || for_one_pod(claim) && several(at) {
        return Vec::new();
    }
    let path = format!("/spec/volumes/{position}/persistentVolumeClaim/claimName");
    let operations = vec![json!({"op": "replace", "path": path, "value": to})];
    let what = told(at, &format!("use claim {to} instead of {name}"));
    let used = Way::new(what, change(at.pod, operations), 3, Risk::Medium).evading();
    if at.state.claims.get(&claim.metadata.namespace, &to).found().is_some() {
        return vec![vec![used]];
    }
    let classes = classes(at, claim.class()).into_iter().map(|class| of_other_class(claim, &to, class));
    let made: Vec<Way> = classes.chain(for_volumes(at, claim, &to)).collect();
    made.into_iter().map(|way| vec![way, used.clone()]).collect()
}

/// A claim that several pods may share is shared again; one for a single pod is that pod's.
fn new_name(at: &At<'_, '_>, claim: &Claim) -> String {
    let name = &claim.metadata.name;
    match for_one_pod(claim) {
        true => {
            let owner = at.cx.workload(at.pod).map_or(&at.pod.metadata.name, |(_, meta)| &meta.name);
            format!("{name}-{owner}")
        }
        false => format!("{name}-new"),
    }
}

fn for_one_pod(claim: &Claim) -> bool {
    claim.spec.access_modes.iter().any(|mode| mode == READ_WRITE_ONCE_POD)
}

/// Whether the pod is one of several that have one template, and so the same claim.
fn several(at: &At<'_, '_>) -> bool {
    let Some((kind, meta)) = at.cx.workload(at.pod) else { return false };
    kind == Kind::DaemonSet || find(at.cx, kind, meta).is_some_and(|workload| workload.replicas() > 1)
}

/// The classes of which a driver that the cluster has makes volumes: the claim's own first.
fn classes<'s>(at: &At<'s, '_>, own: &str) -> Vec<&'s StorageClass> {
    let all = at.state.classes.seen().iter().filter(|class| makes(at.state, class));
    let mut all: Vec<&StorageClass> = all.map(|class| &**class).collect();
    all.sort_by_key(|class| (class.metadata.name != own, !class.waits_for_consumer()));
    all.truncate(CLASSES);
    all
}

fn of_other_class(claim: &Claim, to: &str, class: &StorageClass) -> Way {
    let (class, driver) = (&class.metadata.name, &class.provisioner);
    let operations = vec![json!({"op": "add", "path": "/spec/storageClassName", "value": class})];
    let name = &claim.metadata.name;
    let what = format!("create claim {to} of class {class}, empty and else like {name}");
    let note = format!("if driver {driver} makes its volume; what {name} holds stays there");
    copied(claim, to, operations, what, 6).note(note)
}

/// The new claim as the nearest of the free volumes have it.
fn for_volumes(at: &At<'_, '_>, claim: &Claim, to: &str) -> Vec<Way> {
    if at.state.volumes.seen().len() > ALL_VOLUMES {
        return Vec::new();
    }
    let mut alike = claim.clone();
    alike.metadata = Meta { name: to.to_owned(), namespace: claim.metadata.namespace.clone(), ..Meta::default() };
    alike.spec.volume_name.clear();
    alike.spec.selector = None;
    alike.status = ClaimStatus::default();
    let near = at.volumes.judge_with_volumes(&alike).volumes;
    let fitted = near.iter().take(NEAREST).filter_map(|near| {
        let (operations, told) = fitting(&near.mismatch)?;
        let (name, cost) = (&claim.metadata.name, 9 + told.len() as u32);
        let what = format!("create claim {to} for {}, else like {name}", names(&told));
        let note = format!("as free volume {} has it; what {name} holds stays there", near.name);
        Some(copied(claim, to, operations, what, cost).note(note))
    });
    fitted.collect()
}

/// A claim like another, without what is in it.
fn copied(claim: &Claim, to: &str, mut operations: Vec<Value>, what: String, cost: u32) -> Way {
    let spec = &claim.spec;
    let changed: Vec<String> =
        operations.iter().filter_map(|operation| operation["path"].as_str()).map(str::to_owned).collect();
    let dropped = [
        ("volumeName", !spec.volume_name.is_empty()),
        ("selector", spec.selector.is_some()),
        ("dataSource", spec.data_source.is_some()),
        ("dataSourceRef", spec.data_source_ref.is_some()),
    ];
    for (field, _) in dropped.into_iter().filter(|(_, there)| *there) {
        let path = format!("/spec/{field}");
        if !changed.contains(&path) {
            operations.push(json!({"op": "remove", "path": path}));
        }
    }
    let change = Change::Copy {
        kind: Kind::PersistentVolumeClaim,
        namespace: claim.metadata.namespace.clone(),
        name: claim.metadata.name.clone(),
        to: to.to_owned(),
        operations: Value::Array(operations),
    };
    Way::new(what, Edit::Object(change), cost, Risk::Medium).evading()
}

/// Gives the pod the claim that it names and that isn't there: one that is meant, the volume of an earlier claim of the
/// name, or a new one.
pub(super) fn missing(at: &At<'_, '_>, name: &str) -> Vec<Vec<Way>> {
    let namespace = &at.pod.metadata.namespace;
    let meant = near(name, at.state.claims.in_namespace(namespace).iter().map(|claim| claim.metadata.name.as_str()));
    let mut alternatives: Vec<Vec<Way>> =
        meant.and_then(|meant| renamed(at, name, meant)).into_iter().map(|way| vec![way]).collect();
    let earlier = at.state.volumes.seen().iter().find(|volume| {
        let owner = volume.spec.claim_ref.as_ref();
        owner.is_some_and(|owner| owner.namespace == *namespace && owner.name == name)
    });
    if let Some(volume) = earlier {
        alternatives.push(again(at, name, volume));
    }
    let default = at.state.classes.seen().iter().find(|class| class.is_default());
    let classes = classes(at, default.map_or("", |class| &class.metadata.name));
    alternatives.extend(classes.into_iter().map(|class| vec![of_class(namespace, name, class)]));
    alternatives.extend(free_volumes(at).into_iter().map(|volume| vec![for_free(at, name, volume)]));
    alternatives
}

/// Some volumes that nobody has, the smallest first.
fn free_volumes<'s>(at: &At<'s, '_>) -> Vec<&'s Volume> {
    let all = at.state.volumes.seen().iter().map(|volume| &**volume);
    let mut free: Vec<&Volume> =
        all.filter(|volume| volume.spec.claim_ref.is_none() && !volume.metadata.deleting()).collect();
    free.sort_by_key(|volume| volume.capacity().map(Quantity::value));
    free.truncate(NEAREST);
    free
}

fn for_free(at: &At<'_, '_>, name: &str, volume: &Volume) -> Way {
    let volume_name = &volume.metadata.name;
    let what = format!("create claim {name} for free volume {volume_name}");
    let size = volume.capacity().map(ToString::to_string).unwrap_or_default();
    Way::new(what, Edit::Object(claim_for(at, name, volume)), 5, Risk::Low)
        .note(format!("if its {size} are meant for it"))
}

fn renamed(at: &At<'_, '_>, name: &str, meant: &str) -> Option<Way> {
    let position = at.pod.spec.volumes.iter().position(|volume| volume.claim_name("").as_deref() == Some(name))?;
    let path = format!("/spec/volumes/{position}/persistentVolumeClaim/claimName");
    let operations = vec![json!({"op": "replace", "path": path, "value": meant})];
    let way = Way::new(told(at, &format!("use claim {meant}")), change(at.pod, operations), 2, Risk::Low);
    Some(way.note(format!("if that is what {name} means")))
}

/// The claim for the volume that an earlier claim of the name left.
fn again(at: &At<'_, '_>, name: &str, volume: &Volume) -> Vec<Way> {
    let mut ways = Vec::new();
    let volume_name = &volume.metadata.name;
    if volume.spec.claim_ref.as_ref().is_some_and(|owner| !owner.uid.is_empty()) {
        let change = Change::JsonPatch {
            kind: Kind::PersistentVolume,
            namespace: String::new(),
            name: volume_name.clone(),
            operations: json!([{"op": "remove", "path": "/spec/claimRef/uid"}]),
        };
        let what = format!("let volume {volume_name} go to a new claim {name}");
        ways.push(Way::new(what, Edit::Object(change), 1, Risk::Low));
    }
    let what = format!("create claim {name} for volume {volume_name}");
    let way = Way::new(what, Edit::Object(claim_for(at, name, volume)), 1, Risk::Low);
    ways.push(way.note("with the data that the earlier claim left"));
    ways
}

/// A claim for just this volume.
fn claim_for(at: &At<'_, '_>, name: &str, volume: &Volume) -> Change {
    let size = volume.capacity().map(ToString::to_string).unwrap_or_default();
    let mut spec = json!({
        "accessModes": volume.spec.access_modes,
        "storageClassName": volume.class(),
        "volumeName": volume.metadata.name,
        "resources": {"requests": {"storage": size}},
    });
    if let Some(mode) = &volume.spec.volume_mode {
        spec["volumeMode"] = json!(mode);
    }
    let object = claim_object(&at.pod.metadata.namespace, name, &spec);
    Change::Create { kind: Kind::PersistentVolumeClaim, object, ask: None }
}

/// How large it has to be is for whoever makes it to say.
fn of_class(namespace: &str, name: &str, class: &StorageClass) -> Way {
    let (class, driver) = (&class.metadata.name, &class.provisioner);
    let spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": class,
        "resources": {"requests": {"storage": "1Gi"}},
    });
    let ask = Ask {
        pointer: "/spec/resources/requests/storage".to_owned(),
        variable: "SIZE",
        hint: format!("how much storage claim {name} needs, such as 10Gi"),
    };
    let object = claim_object(namespace, name, &spec);
    let what = format!("create claim {name} of class {class}, empty");
    let change = Change::Create { kind: Kind::PersistentVolumeClaim, object, ask: Some(ask) };
    let note = format!("of the size that it needs (tried with 1Gi), if driver {driver} makes its volume");
    Way::new(what, Edit::Object(change), 4, Risk::Low).note(note)
}

fn claim_object(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    })
}
