use std::collections::BTreeMap;

use super::driver::classes_of;
use super::similar::{similar, similar_fact};
use crate::admission::injector::words;
use crate::dependencies::Part;
use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::names;
use crate::model::class::StorageClass;
use crate::model::volume::PROVISIONED_BY;
use crate::model::{Kind, ObjectRef};

use crate::snapshot::Lookup;
use crate::volumes::Decision;

crate::rules::declare_rule! {
    static RULE = {
        name: "driver-not-installed",
        summary: "A storage class names a provisioner of which the cluster shows no sign.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass, CSIDriver, CSINode],
        reads: [Pod, PersistentVolume, Deployment, StatefulSet, DaemonSet, Event],
        stage: Cause,
        check: check,
    }
}

/// The kinds among which a sign of a driver would be.
const SIGNS: [Kind; 5] = [Kind::PersistentVolume, Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::Event];

fn check(cx: &Context<'_>, out: &mut Causes) {
    let mut by_driver: BTreeMap<&str, Vec<&ClaimCase<'_>>> = BTreeMap::new();
    for case in &cx.claims {
        match asked(cx, case) {
            Ok(Some(provisioner)) => by_driver.entry(provisioner).or_default().push(case),
            Ok(None) => {}
            Err(unread) => out.skip(Some(unread)),
        }
    }
    for (driver, cases) in by_driver {
        if absent(cx, driver) {
            out.add(finding(cx, driver, &cases));
        }
    }
}

/// The provisioner whose turn it is: the volume controller waits for it, or the claim waits for a pod that exists. The
/// error says what was not read.
fn asked<'c>(cx: &'c Context<'_>, case: &'c ClaimCase<'_>) -> Result<Option<&'c str>, String> {
    match &case.verdict.decision {
        Decision::ExternalProvisioning { provisioner, .. } => Ok(Some(provisioner)),
        Decision::WaitForConsumer { class, .. } => {
            let class = cx.snapshot.classes.get("", class).found().map(|class| class.provisioner.as_str());
            let external = class.filter(|name| !name.starts_with("kubernetes.io/") && !name.is_empty());
            match (external, cx.pending_users(case.claim).is_empty(), cx.unread(&[Kind::Pod])) {
                (Some(driver), true, Some(unread)) if absent(cx, driver) => Err(unread),
                (external, unused, _) => Ok(external.filter(|_| !unused)),
            }
        }
        _ => Ok(None),
    }
}

/// Whether nothing in the cluster shows that the provisioner was ever there. Provisioners that aren't CSI drivers have
/// no CSIDriver; they show by the volumes that they made, by their pods or by their events.
fn absent(cx: &Context<'_>, driver: &str) -> bool {
    let snapshot = cx.snapshot;
    let registered = cx.index.nodes_with(driver).is_some();
    let made_volumes = || {
        snapshot
            .volumes
            .seen()
            .iter()
            .any(|v| v.metadata.annotations.get(PROVISIONED_BY).is_some_and(|by| by == driver))
    };
    let wrote_events = || snapshot.events.seen().iter().any(|event| event.component().starts_with(driver));
    matches!(snapshot.csi_drivers.get("", driver), Lookup::Absent)
        && !registered
        && !made_volumes()
        && cx.drivers.parts(driver).is_empty()
        && !wrote_events()
}

/// Claims that name no class get the newest of several default ones (`pkg/volume/util/storageclass.go`).
fn one_of_several_defaults(cx: &Context<'_>, class: &StorageClass) -> Option<Evidence> {
    let marked: Vec<&StorageClass> =
        cx.snapshot.classes.seen().iter().map(|class| &**class).filter(|class| class.is_default()).collect();
    let created = &class.metadata.creation_timestamp;
    let newest = marked.iter().all(|other| other.metadata.creation_timestamp <= *created);
    (class.is_default() && marked.len() > 1 && newest).then(|| {
        let others: Vec<&str> = marked.iter().map(|other| other.metadata.name.as_str()).collect();
        let note = format!(
            "it is the newest of {} default classes ({}): claims that name none get it",
            marked.len(),
            names(&others)
        );
        let object = ObjectRef::new(Kind::StorageClass, "", &class.metadata.name);
        Context::fact(object, "metadata.creationTimestamp", created.clone(), note)
    })
}

/// The class that names the driver, or the in-tree provisioner that Kubernetes leaves to it.
fn class_of<'a>(cx: &Context<'a>, driver: &'a str, cases: &[&ClaimCase<'_>]) -> Option<&'a StorageClass> {
    let own = cases.iter().find_map(|case| cx.snapshot.classes.get("", case.claim.class()).found());
    classes_of(cx, driver).next().or(own.map(|class| &**class))
}

fn provisioner_note(driver: &str, provisioner: &str) -> String {
    match provisioner == driver {
        true => "claims of the class wait for it".to_owned(),
        false => format!(
            "in-tree provisioners of this kind were taken out of Kubernetes; claims of the class wait for {driver}"
        ),
    }
}

fn finding(cx: &Context<'_>, driver: &str, cases: &[&ClaimCase<'_>]) -> Finding {
    let class = class_of(cx, driver, cases);
    let provisioner = class.map_or(driver, |class| class.provisioner.as_str());
    let class = class.map_or("", |class| class.metadata.name.as_str());
    let unread: Vec<String> = SIGNS.iter().filter_map(|kind| cx.unread_anywhere(&[*kind])).collect();
    let among = if unread.is_empty() { "in the cluster" } else { "that was read" };
    let others = alike(cx, driver);
    let other = others.first().map_or_else(String::new, |(part, name)| format!("; {} provides {name}", part.words()));
    let title = if provisioner == driver {
        format!("Storage class {class} names provisioner {driver}, and nothing {among} provides it{other}")
    } else {
        format!(
            "Storage class {class} names in-tree provisioner {provisioner}, which Kubernetes leaves to CSI driver {driver}, and \
             nothing {among} provides that"
        )
    };
    let object = ObjectRef::new(Kind::StorageClass, "", class);
    let mut finding = RULE
        .finding(object.clone(), title)
        .evidence(object.clone(), "provisioner", provisioner, provisioner_note(driver, provisioner))
        .evidence(
            object.clone(),
            "",
            "no sign of the provisioner",
            "no CSIDriver has its name, no CSINode lists it, no volume was made by it, and no workload looks like it",
        );
    finding.evidence.extend(similar_fact(cx, driver));
    for (part, name) in &others {
        let (object, path) = part.place("containers");
        finding = finding.evidence(object, path, *name, "the provisioner that it is, with a name that is alike");
    }
    if !unread.is_empty() {
        finding = finding.evidence(object, "", format!("not read: {}", names(&unread)), "a sign may be among these");
    }
    if !driver.contains("csi") || !unread.is_empty() {
        finding = finding.likely();
    }
    finding.evidence.extend(classes_of(cx, driver).find_map(|class| one_of_several_defaults(cx, class)));
    for case in cases {
        finding = finding.explains(claim_ref(case.claim));
        finding = finding.explains_all(cx.held_by(case.claim).into_iter().map(pod_ref));
    }
    for remedy in others.iter().filter_map(|(_, name)| rename(cx, classes_of(cx, driver).next()?, name)) {
        finding = finding.remedy(remedy);
    }
    let mut steps =
        vec![Step::told(format!("Install the driver that provides {driver}, or correct the class's provisioner"))];
    steps.extend(similar(cx, driver).map(|other| {
        Step::told(format!(
            "Where {other} is the driver that is meant: a class's provisioner can't be changed, so make another class that \
             names it, and the claims anew with that class"
        ))
    }));
    finding.remedy(Remedy::untried("Install the driver", Risk::Low, steps, "what the driver would offer is not known"))
}

/// Provisioners that run and whose names share a telling word with the one that is asked for, with their names, the likest
/// first.
fn alike<'a>(cx: &Context<'a>, driver: &str) -> Vec<(Part<'a>, &'a str)> {
    let shared = |name: &str| {
        let wanted: Vec<String> = words(driver).collect();
        words(name).filter(|word| wanted.contains(word)).count()
    };
    let mut found: Vec<(Part<'_>, &str)> =
        cx.drivers.provisioners().into_iter().filter(|(_, name)| *name != driver && shared(name) > 0).collect();
    found.sort_by_key(|(_, name)| std::cmp::Reverse(shared(name)));
    found.truncate(1);
    found
}

/// The class made anew with another provisioner, which can't be changed in place; claims that wait for it go on by
/// themselves.
fn rename(cx: &Context<'_>, class: &StorageClass, provisioner: &str) -> Option<Remedy> {
    let name = &class.metadata.name;
    let mut object = cx.snapshot.to_json(Kind::StorageClass, "", name)?;
    object["apiVersion"] = "storage.k8s.io/v1".into();
    object["kind"] = "StorageClass".into();
    object["metadata"] = serde_json::json!({"name": name, "annotations": class.metadata.annotations});
    object["provisioner"] = provisioner.into();
    let delete = Change::Delete { kind: Kind::StorageClass, namespace: String::new(), name: name.clone() };
    let create = Change::Create { kind: Kind::StorageClass, object, ask: None };
    let steps = vec![
        cx.step(
            format!("Delete class {name}: its provisioner can't be changed, and volumes don't depend on it"),
            delete,
        ),
        cx.step(format!("Create class {name} again with provisioner {provisioner}"), create),
    ];
    let reason = "what that provisioner answers is not known";
    Some(Remedy::untried("Name the provisioner that runs", Risk::Medium, steps, reason))
}
