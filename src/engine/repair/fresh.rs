//! Claims that are made for a pod: one that is missing, or one of its own in place of a claim that it can't use. What
//! the old claim holds is left where it is.

use serde_json::{Value, json};

use super::claims::makes;
use super::plan::{Edit, Way};
use super::pods::{change, told};
use super::ways::At;
use crate::admission::expand::claim_maker;
use crate::diagnosis::remedy::{Ask, Change, Risk};
use crate::diagnosis::text::near;
use crate::model::{Claim, Kind, StorageClass, Volume};

/// Classes that are looked at.
const CLASSES: usize = 3;
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
    if to.len() > LONGEST || read {
        return Vec::new();
    }
    let path = format!("/spec/volumes/{position}/persistentVolumeClaim/claimName");
    let operations = vec![json!({"op": "replace", "path": path, "value": to})];
    let what = told(at, &format!("use claim {to} instead of {name}"));
    let used = Way::new(what, change(at.pod, operations), 3, Risk::Medium).evading();
    if at.state.claims.get(&claim.metadata.namespace, &to).found().is_some() {
        return vec![vec![used]];
    }
    let classes = classes(at, claim.class());
    classes.into_iter().map(|class| vec![copied(claim, &to, class), used.clone()]).collect()
}

/// A claim that several pods may share is shared again; one for a single pod is that pod's.
fn new_name(at: &At<'_, '_>, claim: &Claim) -> String {
    let name = &claim.metadata.name;
    match claim.spec.access_modes.iter().any(|mode| mode == READ_WRITE_ONCE_POD) {
        true => {
            let owner = at.cx.workload(at.pod).map_or(&at.pod.metadata.name, |(_, meta)| &meta.name);
            format!("{name}-{owner}")
        }
        false => format!("{name}-new"),
    }
}

/// The classes of which a driver that the cluster has makes volumes: the claim's own first.
fn classes<'s>(at: &At<'s, '_>, own: &str) -> Vec<&'s StorageClass> {
    let all = at.state.classes.seen().iter().filter(|class| makes(at.state, class));
    let mut all: Vec<&StorageClass> = all.map(|class| &**class).collect();
    all.sort_by_key(|class| (class.metadata.name != own, !class.waits_for_consumer()));
    all.truncate(CLASSES);
    all
}

fn copied(claim: &Claim, to: &str, class: &StorageClass) -> Way {
    let (class, driver) = (&class.metadata.name, &class.provisioner);
    let mut operations = vec![json!({"op": "add", "path": "/spec/storageClassName", "value": class})];
    let spec = &claim.spec;
    let dropped = [
        ("volumeName", !spec.volume_name.is_empty()),
        ("selector", spec.selector.is_some()),
        ("dataSource", spec.data_source.is_some()),
        ("dataSourceRef", spec.data_source_ref.is_some()),
    ];
    for (field, there) in dropped {
        if there {
            operations.push(json!({"op": "remove", "path": format!("/spec/{field}")}));
        }
    }
    let name = &claim.metadata.name;
    let what = format!("create claim {to} of class {class}, empty and else like {name}");
    let change = Change::Copy {
        kind: Kind::PersistentVolumeClaim,
        namespace: claim.metadata.namespace.clone(),
        name: name.clone(),
        to: to.to_owned(),
        operations: Value::Array(operations),
    };
    let note = format!("if driver {driver} makes its volume; what {name} holds stays there");
    Way::new(what, Edit::Object(change), 6, Risk::Medium).note(note).evading()
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
    alternatives
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
    let size = volume.capacity().map(ToString::to_string).unwrap_or_default();
    let mut spec = json!({
        "accessModes": volume.spec.access_modes,
        "storageClassName": volume.class(),
        "volumeName": volume_name,
        "resources": {"requests": {"storage": size}},
    });
    if let Some(mode) = &volume.spec.volume_mode {
        spec["volumeMode"] = json!(mode);
    }
    let object = claim_object(&at.pod.metadata.namespace, name, &spec);
    let what = format!("create claim {name} for volume {volume_name}");
    let change = Change::Create { kind: Kind::PersistentVolumeClaim, object, ask: None };
    let way = Way::new(what, Edit::Object(change), 1, Risk::Low);
    ways.push(way.note("with the data that the earlier claim left"));
    ways
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
