use std::collections::BTreeMap;

use crate::admission::expand::claim_maker;
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{duration, either, named};
use crate::model::{Kind, ObjectRef, Quantity, VolumeSnapshot, VolumeSnapshotContent};
use crate::snapshot::Lookup;
use crate::volumes::Decision;
use crate::volumes::provision_failure::shortened;

crate::rules::declare_rule! {
    static RULE = {
        name: "restore-source-unready",
        summary: "A claim can't be restored, because of its volume snapshot.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass],
        reads: [PersistentVolume, Event, VolumeSnapshot, VolumeSnapshotContent, VolumeSnapshotClass],
        stage: Cause,
        check: check,
    }
}

/// Seconds within which the snapshot controller takes up a snapshot.
const UNTAKEN: i64 = 300;
/// Seconds within which the storage makes a snapshot.
const UNREADY: i64 = 1_800;
/// How long an error may be in a title, in characters.
const IN_TITLE: usize = 180;

/// What stops the restore, as `external-provisioner` checks it (`pkg/controller/controller.go`, getSnapshotSource).
#[derive(Clone)]
enum Fault {
    Missing,
    Deleting,
    /// Its controller or its driver says why there is none, with the field that says so.
    Failed {
        object: ObjectRef,
        message: String,
    },
    /// Nobody has taken it up for this many seconds.
    Untaken(i64),
    /// It has been in the making for this many seconds.
    Unready(i64),
    ContentMissing(String),
    OtherDriver {
        content: String,
        driver: String,
    },
    Larger(Quantity),
    OtherMode {
        content: String,
        mode: String,
    },
}

/// A claim with the snapshot that it is to be restored from.
struct Restore<'c, 'a> {
    case: &'c ClaimCase<'a>,
    driver: &'c str,
    snapshot: ObjectRef,
    fault: Fault,
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    let mut stories: BTreeMap<(String, String), Vec<Restore<'_, '_>>> = BTreeMap::new();
    for restore in cx.claims.iter().filter_map(|case| restore(cx, case)) {
        let key = (restore.snapshot.to_string(), restore.words());
        stories.entry(key).or_default().push(restore);
    }
    if stories.is_empty() && cx.claims.iter().any(|case| from_snapshot(case)) {
        out.skip(cx.unread(&[Kind::VolumeSnapshot]));
    }
    for (_, restores) in stories {
        out.add(finding(cx, &restores));
    }
}

fn from_snapshot(case: &ClaimCase<'_>) -> bool {
    let spec = &case.claim.spec;
    spec.data_source_ref.iter().chain(&spec.data_source).any(|source| source.kind == "VolumeSnapshot")
}

fn restore<'c, 'a>(cx: &Context<'a>, case: &'c ClaimCase<'a>) -> Option<Restore<'c, 'a>> {
    let Decision::ExternalProvisioning { provisioner, .. } = &case.verdict.decision else { return None };
    let spec = &case.claim.spec;
    let source =
        spec.data_source_ref.as_ref().or(spec.data_source.as_ref()).filter(|it| it.kind == "VolumeSnapshot")?;
    let own = case.claim.metadata.namespace.as_str();
    let namespace = source.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(own);
    let fault = match cx.volume_snapshot(namespace, &source.name) {
        Lookup::Found(found) => fault(cx, case, found, provisioner)?,
        Lookup::Absent if !cx.presumes_none(Kind::VolumeSnapshot) => Fault::Missing,
        Lookup::Absent | Lookup::Unknown => return None,
    };
    let snapshot = ObjectRef::new(Kind::VolumeSnapshot, namespace, &source.name);
    Some(Restore { case, driver: provisioner, snapshot, fault })
}

fn fault(cx: &Context<'_>, case: &ClaimCase<'_>, snapshot: &VolumeSnapshot, driver: &str) -> Option<Fault> {
    if snapshot.metadata.deleting() {
        return Some(Fault::Deleting);
    }
    let status = &snapshot.status;
    let bound = status.bound_volume_snapshot_content_name.as_deref().filter(|name| !name.is_empty());
    let content = bound.map(|name| (name, cx.snapshot_content(name)));
    if let Some((name, Lookup::Absent)) = &content
        && !cx.presumes_none(Kind::VolumeSnapshotContent)
    {
        return Some(Fault::ContentMissing((*name).to_owned()));
    }
    let content = content.and_then(|(_, content)| content.found()).map(|content| &**content);
    if status.ready_to_use != Some(true) {
        return unready(cx, snapshot, content);
    }
    let size = status.restore_size.as_ref().filter(|size| case.claim.request().is_some_and(|asked| asked < size));
    content
        .and_then(|content| other_driver(content, driver))
        .or_else(|| size.cloned().map(Fault::Larger))
        .or_else(|| content.and_then(|content| other_mode(content, case.claim.volume_mode())))
}

fn unready(cx: &Context<'_>, snapshot: &VolumeSnapshot, content: Option<&VolumeSnapshotContent>) -> Option<Fault> {
    let meta = &snapshot.metadata;
    let own = snapshot
        .status
        .error
        .as_ref()
        .map(|error| (ObjectRef::new(Kind::VolumeSnapshot, &meta.namespace, &meta.name), error.message.clone()));
    let of_content = || {
        let content = content?;
        let error = content.status.error.as_ref()?;
        let object = ObjectRef::new(Kind::VolumeSnapshotContent, "", &content.metadata.name);
        Some((object, error.message.clone()))
    };
    if let Some((object, message)) = own.or_else(of_content) {
        return Some(Fault::Failed { object, message });
    }
    let age = cx.seconds_since(&meta.creation_timestamp)?;
    match snapshot.status.bound_volume_snapshot_content_name.is_some() {
        true => (age > UNREADY).then_some(Fault::Unready(age)),
        false => (age > UNTAKEN).then_some(Fault::Untaken(age)),
    }
}

fn other_driver(content: &VolumeSnapshotContent, driver: &str) -> Option<Fault> {
    let made_by = content.spec.driver.as_str();
    (!made_by.is_empty() && made_by != driver)
        .then(|| Fault::OtherDriver { content: content.metadata.name.clone(), driver: made_by.to_owned() })
}

/// A change of the mode that nobody allowed (KEP-3141).
fn other_mode(content: &VolumeSnapshotContent, wanted: &str) -> Option<Fault> {
    let mode = content.spec.source_volume_mode.as_deref().filter(|mode| !mode.is_empty() && *mode != wanted)?;
    (!content.mode_may_change())
        .then(|| Fault::OtherMode { content: content.metadata.name.clone(), mode: mode.to_owned() })
}

impl Restore<'_, '_> {
    /// As the end of a sentence about claims that can't be restored.
    fn words(&self) -> String {
        let claim = self.case.claim;
        let (name, namespace) = (&self.snapshot.name, &self.snapshot.namespace);
        let snapshot = format!("VolumeSnapshot {name}");
        match &self.fault {
            Fault::Missing => format!("there is no {snapshot} in namespace {namespace}"),
            Fault::Deleting => format!("{snapshot} is being deleted"),
            Fault::Failed { message, .. } => format!("{snapshot} is not ready: {}", shortened(message, IN_TITLE)),
            Fault::Untaken(age) => {
                format!("nobody has taken up {snapshot} for {}: a snapshot controller does that", duration(*age))
            }
            Fault::Unready(age) => format!("{snapshot} has not become ready for {}", duration(*age)),
            Fault::ContentMissing(content) => {
                format!("VolumeSnapshotContent {content} of {snapshot} doesn't exist")
            }
            Fault::OtherDriver { driver, .. } => {
                format!("{snapshot} is one of driver {driver}, and class {} is of {}", claim.class(), self.driver)
            }
            Fault::Larger(size) => {
                let asked = claim.request().map_or_else(|| "no size".to_owned(), ToString::to_string);
                format!("{snapshot} needs a volume of {size} at least, and {asked} is asked for")
            }
            Fault::OtherMode { mode, .. } => {
                format!("{snapshot} is of a volume in mode {mode}, and mode {} is asked for", claim.volume_mode())
            }
        }
    }

    fn object(&self) -> ObjectRef {
        match &self.fault {
            Fault::Deleting
            | Fault::Failed { .. }
            | Fault::Untaken(_)
            | Fault::Unready(_)
            | Fault::ContentMissing(_) => self.snapshot.clone(),
            Fault::Missing | Fault::OtherDriver { .. } | Fault::Larger(_) | Fault::OtherMode { .. } => {
                claim_ref(self.case.claim)
            }
        }
    }

    fn facts(&self) -> Vec<Evidence> {
        let (claim, snapshot) = (claim_ref(self.case.claim), self.snapshot.clone());
        let content = |name: &str| ObjectRef::new(Kind::VolumeSnapshotContent, "", name);
        let value = format!("VolumeSnapshot {}", self.snapshot.name);
        let mut facts = vec![Context::fact(claim.clone(), "spec.dataSource", value, "what it is to be restored from")];
        facts.extend(match &self.fault {
            Fault::Missing => Some(Context::fact(snapshot, "", "not found", "the snapshot that the claim names")),
            Fault::Deleting => {
                Some(Context::fact(snapshot, "metadata.deletionTimestamp", "set", "it is on its way out"))
            }
            Fault::Failed { object, message } => {
                Some(Context::fact(object.clone(), "status.error.message", message.clone(), "why it is not ready"))
            }
            Fault::Untaken(_) => {
                let note = "a snapshot controller sets it when it takes the snapshot up";
                Some(Context::fact(snapshot, "status.boundVolumeSnapshotContentName", "", note))
            }
            Fault::Unready(_) => Some(Context::fact(snapshot, "status.readyToUse", "not true", "the storage is at it")),
            Fault::ContentMissing(name) => {
                Some(Context::fact(content(name), "", "not found", "status.boundVolumeSnapshotContentName names it"))
            }
            Fault::OtherDriver { content: name, driver } => {
                Some(Context::fact(content(name), "spec.driver", driver.clone(), "who made the snapshot"))
            }
            Fault::Larger(size) => {
                let note = "a restored claim must ask for as much";
                Some(Context::fact(snapshot, "status.restoreSize", size.to_string(), note))
            }
            Fault::OtherMode { content: name, mode } => {
                let note = "the mode of the volume that the snapshot is of; no annotation allows another";
                Some(Context::fact(content(name), "spec.sourceVolumeMode", mode.clone(), note))
            }
        });
        match &self.fault {
            Fault::Larger(_) => facts.push(Context::fact(
                claim,
                "spec.resources.requests.storage",
                self.case.claim.request().map_or_else(String::new, ToString::to_string),
                "what the claim asks for",
            )),
            Fault::OtherMode { .. } => {
                facts.push(Context::fact(
                    claim,
                    "spec.volumeMode",
                    self.case.claim.volume_mode(),
                    "what the claim asks for",
                ));
            }
            _ => {}
        }
        facts
    }
}

fn finding(cx: &Context<'_>, restores: &[Restore<'_, '_>]) -> Finding {
    let names: Vec<&str> = restores.iter().map(|restore| restore.case.claim.metadata.name.as_str()).collect();
    let lead = &restores[0];
    let title =
        format!("{} can't be restored: {}", crate::diagnosis::text::capital(&named("claim", &names)), lead.words());
    let mut finding = RULE.finding(lead.object(), title);
    finding.evidence = lead.facts();
    let report = lead.case.provisioning.as_ref().and_then(|verdict| verdict.report.as_ref());
    if let Some(report) = report {
        let note = format!("what the provisioner says, last at {}", report.last_seen);
        finding = finding.evidence(claim_ref(lead.case.claim), "events", report.message.clone(), note);
    }
    if matches!(lead.fault, Fault::Untaken(_) | Fault::Unready(_)) {
        finding = finding.likely();
    }
    for restore in restores {
        finding = finding.explains(claim_ref(restore.case.claim));
        finding = finding.explains_all(cx.held_by(restore.case.claim).into_iter().map(pod_ref));
    }
    finding.remedy(remedy(cx, restores))
}

fn remedy(cx: &Context<'_>, restores: &[Restore<'_, '_>]) -> Remedy {
    let lead = &restores[0];
    let (name, namespace) = (lead.snapshot.name.as_str(), lead.snapshot.namespace.as_str());
    let claims = either(restores.len(), "the claim", "the claims");
    let show = |what: &str| Step {
        command: kubectl(&["describe", "volumesnapshot"], &[name], &[("-n", namespace)]),
        ..Step::told(what)
    };
    let (title, steps) = match &lead.fault {
        Fault::Missing => {
            let command = kubectl(&["get", "volumesnapshots", "--all-namespaces"], &[], &[]);
            let look =
                Step { command, ..Step::told("Look for the snapshot under another name or in another namespace") };
            let what =
                format!("Make snapshot {name} in namespace {namespace}, or make {claims} anew with one that is there");
            ("Name a snapshot that is there", vec![look, Step::told(what)])
        }
        Fault::Larger(size) => {
            ("Ask for enough", anew(cx, lead, "/spec/resources/requests/storage", &size.to_string()))
        }
        Fault::OtherMode { mode, .. } => ("Ask for the same mode", anew(cx, lead, "/spec/volumeMode", mode)),
        Fault::OtherDriver { driver, .. } => {
            let what = format!("Make {claims} anew with a class of driver {driver}");
            ("Restore with the snapshot's driver", vec![Step::told(what)])
        }
        Fault::Failed { message, .. } if message.contains("default snapshot class") => {
            ("Give the snapshot a class", classes(cx, lead))
        }
        Fault::Untaken(_) => {
            let command = kubectl(&["get", "deployments", "--all-namespaces"], &[], &[]);
            let what = "See that a snapshot-controller runs: the definitions of the kinds alone do nothing";
            ("Run the snapshot controller", vec![Step { command, ..Step::told(what) }])
        }
        Fault::Deleting | Fault::Failed { .. } | Fault::Unready(_) | Fault::ContentMissing(_) => {
            let what = format!("Repair what it says, or make {claims} anew with another snapshot");
            ("Make the snapshot ready", vec![show("Read the state and the events of the snapshot"), Step::told(what)])
        }
    };
    Remedy::untried(title, Risk::Low, steps, "what the provisioner answers then is not known")
}

/// The class that snapshots without one are to have.
fn classes(cx: &Context<'_>, lead: &Restore<'_, '_>) -> Vec<Step> {
    let all = cx.snapshot_classes().unwrap_or_default();
    let own: Vec<&str> =
        all.iter().filter(|class| class.driver == lead.driver).map(|class| class.metadata.name.as_str()).collect();
    match own.as_slice() {
        [one] => {
            let patch = serde_json::json!({"metadata": {"annotations": {
                "snapshot.storage.kubernetes.io/is-default-class": "true"}}});
            let what = format!("Make {one}, the one class of driver {}, the default", lead.driver);
            vec![cx.patch(what, (Kind::VolumeSnapshotClass, "", one), patch)]
        }
        [] => vec![Step::told(format!(
            "Create a VolumeSnapshotClass of driver {} and mark it as the default",
            lead.driver
        ))],
        many => vec![Step::told(format!("Mark one of {} as the default", named("class", many)))],
    }
}

/// The claim made anew with another value: what a claim without a volume asks for can't be changed.
fn anew(cx: &Context<'_>, lead: &Restore<'_, '_>, path: &str, value: &str) -> Vec<Step> {
    let meta = &lead.case.claim.metadata;
    let field = path.trim_start_matches("/spec/").replace('/', ".");
    let made = cx.users_of(lead.case.claim).iter().any(|pod| claim_maker(cx.snapshot, pod, &meta.name).is_some());
    if made || meta.controller().is_some() {
        let what = format!(
            "Let what makes claim {} ask for {field} {value}, and delete the claim, which has no volume yet",
            meta.name
        );
        return vec![Step::told(what)];
    }
    let (kind, namespace, name) = (Kind::PersistentVolumeClaim, meta.namespace.clone(), meta.name.clone());
    let operations = serde_json::json!([{"op": "add", "path": path, "value": value}]);
    let what = format!("Make claim {name} anew with {field} {value}; it has no volume yet");
    vec![cx.step(what, Change::Remake { kind, namespace, name, operations, ask: None })]
}
