//! kube-controller-manager's persistent volume controller: what it does with a claim, and the event that it emits
//! (`pkg/controller/volume/persistentvolume/pv_controller.go`, syncClaim).

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::matching::{VolumeIndex, access_modes, bound_to};
use super::migration::csi_driver_of;
use super::mismatch::Mismatch;
use super::verdict::{ClaimEvent, ClaimVerdict, Decision, Owner, VolumeMismatch};
use crate::model::claim::{BIND_COMPLETED, SELECTED_NODE};
use crate::model::{Claim, Quantity, StorageClass, Version, Volume};
use crate::snapshot::{Lookup, Snapshot};
use crate::volumes::ClaimPhase;

/// The first release that gives claims without a class the default one (RetroactiveDefaultStorageClass, beta in 1.26).
const ASSIGNS_DEFAULT_CLASS: Version = Version::new(1, 26);
/// The first release with the longer text of `ExternalProvisioning`.
const LONG_EXTERNAL_TEXT: Version = Version::new(1, 28);
/// The first release in which Portworx volumes are migrated and the last in-tree storage plugins are gone.
const ALL_MIGRATED: Version = Version::new(1, 31);

/// The PV controller's view of a snapshot, with the indexes that it needs. Made once per snapshot.
#[derive(Debug)]
pub struct VolumeController<'a> {
    snapshot: &'a Snapshot,
    version: Version,
    volumes: VolumeIndex<'a>,
    /// The default class, or that it can't be known.
    default_class: Result<Option<&'a str>, String>,
    /// Why volumes aren't for claims of which no volume knows, by what these ask for.
    passed_over: RefCell<HashMap<String, PassedOver>>,
}

/// Volumes with what keeps them from a claim, and how many were left out.
type PassedOver = (Arc<[VolumeMismatch]>, usize);

impl<'a> VolumeController<'a> {
    /// Indexes a snapshot. The release is the snapshot's, or the newest known where it doesn't say.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let version = snapshot.server_version.as_deref().and_then(Version::named_by).unwrap_or_default();
        Self {
            snapshot,
            version,
            volumes: VolumeIndex::new(snapshot.volumes.seen()),
            default_class: default_class(snapshot),
            passed_over: RefCell::default(),
        }
    }

    /// Predicts for another release than the snapshot's.
    #[must_use]
    pub fn with_version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// What the controller decides of a claim, without the list of volumes that don't match.
    pub fn judge(&self, claim: &Claim) -> ClaimVerdict {
        if claim.metadata.annotations.contains_key(BIND_COMPLETED) {
            self.bound(claim)
        } else if claim.spec.volume_name.is_empty() {
            self.unbound(claim, claim.class())
        } else {
            self.requested(claim)
        }
    }

    /// As [`Self::judge`], with the volumes that don't match a claim that stays pending. Goes through all volumes.
    pub fn judge_with_volumes(&self, claim: &Claim) -> ClaimVerdict {
        let mut verdict = self.judge(claim);
        if matches!(verdict.phase, ClaimPhase::Pending | ClaimPhase::Unknown) {
            let class = verdict.assigns_class.clone().unwrap_or_else(|| claim.class().to_owned());
            (verdict.volumes, verdict.volumes_left_out) = self.mismatches(claim, &class);
        }
        verdict
    }

    /// The free volumes that a claim which waits for a consumer could get, in no order.
    pub(crate) fn free_for(&self, claim: &Claim) -> Vec<&'a Volume> {
        let verdict = self.judge(claim);
        let class = verdict.assigns_class.as_deref().unwrap_or_else(|| claim.class());
        let pending = matches!(verdict.phase, ClaimPhase::Pending | ClaimPhase::Unknown);
        if !pending || !claim.spec.volume_name.is_empty() || !self.waits_for_consumer(class) {
            return Vec::new();
        }
        self.volumes.free(claim, class).collect()
    }

    fn waits_for_consumer(&self, class: &str) -> bool {
        self.snapshot.classes.get("", class).found().is_some_and(|class| class.waits_for_consumer())
    }

    fn mismatches(&self, claim: &Claim, class: &str) -> PassedOver {
        if !claim.spec.volume_name.is_empty() {
            let requested = self.snapshot.volumes.get("", &claim.spec.volume_name).found();
            let mismatch = requested.map(|volume| VolumeMismatch {
                name: volume.metadata.name.clone(),
                mismatch: requested_mismatch(volume, claim).into_iter().collect(),
            });
            return (mismatch.into_iter().collect(), 0);
        }
        let look = || {
            let (volumes, left_out) = self.volumes.mismatches(claim, class, self.waits_for_consumer(class));
            (Arc::from(volumes), left_out)
        };
        if self.volumes.reserves(claim) {
            return look();
        }
        let key = format!("{class}|{}", serde_json::to_string(&claim.spec).unwrap_or_default());
        self.passed_over.borrow_mut().entry(key).or_insert_with(look).clone()
    }

    /// syncUnboundClaim where the claim names no volume. `class` is the claim's, or the default that it is given.
    fn unbound(&self, claim: &Claim, class: &str) -> ClaimVerdict {
        let mut unknown = Vec::new();
        if !self.snapshot.volumes.complete() {
            unknown.push("not all volumes could be read, so one may match".to_owned());
        }
        let (object, class_unknown) = match self.snapshot.classes.get("", class) {
            Lookup::Found(object) => (Some(object), false),
            Lookup::Absent => (None, false),
            Lookup::Unknown => (None, !class.is_empty()),
        };
        if class_unknown {
            unknown.push(format!("StorageClass {class} could not be read"));
        }
        let delayed = object.is_some_and(|class| class.waits_for_consumer());
        if claim.spec.selector.as_ref().is_some_and(|selector| !selector.valid()) && self.volumes.any_with_modes(claim)
        {
            return self.verdict(claim, Decision::InvalidSelector, unknown);
        }
        if let Some(volume) = self.volumes.best(claim, class, delayed) {
            return self.verdict(claim, Decision::Bind { volume: volume.metadata.name.clone() }, unknown);
        }
        if !claim.has_class() && class.is_empty() && self.version >= ASSIGNS_DEFAULT_CLASS {
            match &self.default_class {
                Ok(Some(default)) => return self.with_default_class(claim, default),
                Ok(None) => {}
                Err(problem) => unknown.push(problem.clone()),
            }
        }
        let selected = claim.metadata.annotations.contains_key(SELECTED_NODE);
        let decision = match object {
            Some(object) if delayed && !selected => {
                if !self.snapshot.pods.covers(&claim.metadata.namespace) {
                    unknown.push(format!("not all pods of {} could be read", claim.metadata.namespace));
                }
                Decision::WaitForConsumer { class: object.metadata.name.clone(), pods: self.unscheduled(claim) }
            }
            Some(object) => self.provision(object),
            None if class.is_empty() => Decision::NoVolume,
            None if class_unknown => Decision::Undecided,
            None => Decision::ClassMissing { class: class.to_owned() },
        };
        self.verdict(claim, decision, unknown)
    }

    /// The sync after the one that wrote the default class into the claim.
    fn with_default_class(&self, claim: &Claim, default: &str) -> ClaimVerdict {
        let mut verdict = self.unbound(claim, default);
        verdict.assigns_class = Some(default.to_owned());
        verdict
    }

    /// syncUnboundClaim where the claim names its volume; the class's binding mode doesn't matter.
    fn requested(&self, claim: &Claim) -> ClaimVerdict {
        let name = claim.spec.volume_name.clone();
        let volume = match self.snapshot.volumes.get("", &name) {
            Lookup::Found(volume) => volume,
            Lookup::Absent => {
                return self.verdict(claim, Decision::RequestedVolumeMissing { volume: name }, Vec::new());
            }
            Lookup::Unknown => {
                return ClaimVerdict::unknown(&format!("PersistentVolume {name} could not be read"));
            }
        };
        let decision = match (requested_mismatch(volume, claim), owner(volume, claim)) {
            (None, _) => Decision::Bind { volume: name },
            (Some(_), Some(owner)) => Decision::RequestedVolumeTaken { volume: name, owner },
            (Some(why), None) => Decision::RequestedVolumeMismatch { volume: name, why },
        };
        self.verdict(claim, decision, Vec::new())
    }

    /// syncBoundClaim.
    fn bound(&self, claim: &Claim) -> ClaimVerdict {
        let name = claim.spec.volume_name.clone();
        if name.is_empty() {
            return self.verdict(claim, Decision::LostReference, Vec::new());
        }
        let decision = match self.snapshot.volumes.get("", &name) {
            Lookup::Found(volume) => match owner(volume, claim) {
                None => Decision::Bind { volume: name },
                Some(owner) if owner.uid == claim.metadata.uid => Decision::Bound,
                Some(owner) => Decision::Misbound { volume: name, owner },
            },
            Lookup::Absent => Decision::LostVolume { volume: name },
            Lookup::Unknown => {
                let mut verdict = ClaimVerdict::unknown(&format!("PersistentVolume {name} could not be read"));
                verdict.phase = known_phase(&claim.status.phase);
                return verdict;
            }
        };
        self.verdict(claim, decision, Vec::new())
    }

    /// provisionClaim up to the point where another component takes over.
    fn provision(&self, class: &StorageClass) -> Decision {
        let (name, provisioner) = (class.metadata.name.clone(), class.provisioner.clone());
        let in_tree = match provisioner.as_str() {
            "kubernetes.io/host-path" => true,
            "kubernetes.io/portworx-volume" | "kubernetes.io/rbd" => self.version < ALL_MIGRATED,
            "kubernetes.io/glusterfs" => self.version < Version::new(1, 26),
            _ => false,
        };
        if in_tree {
            Decision::InTreeProvisioning { class: name, provisioner }
        } else if let Some(driver) = csi_driver_of(&provisioner) {
            Decision::ExternalProvisioning { class: name, provisioner: driver.to_owned() }
        } else if provisioner.starts_with("kubernetes.io/") {
            Decision::NoPlugin { class: name, provisioner }
        } else {
            Decision::ExternalProvisioning { class: name, provisioner }
        }
    }

    /// findNonScheduledPodsByPVC: a pod that was never placed has no containers, so it counts as terminated when it is
    /// being deleted. Upstream's order is that of a map, which is random; here it is that of the names.
    fn unscheduled(&self, claim: &Claim) -> Vec<String> {
        let pods = self.snapshot.pods.using(&claim.metadata.namespace, &claim.metadata.name).into_iter();
        let waiting = pods.filter(|pod| !pod.assigned() && !pod.metadata.deleting());
        waiting.map(|pod| pod.metadata.name.clone()).collect()
    }

    fn verdict(&self, claim: &Claim, decision: Decision, mut unknown: Vec<String>) -> ClaimVerdict {
        if let Decision::InTreeProvisioning { provisioner, .. } = &decision {
            unknown.push(format!("whether kube-controller-manager provisions with {provisioner}"));
        }
        let binds_to = match &decision {
            Decision::Bind { volume } => Some(volume.clone()),
            _ => None,
        };
        let certain = unknown.is_empty();
        ClaimVerdict {
            phase: if certain { phase(&decision) } else { ClaimPhase::Unknown },
            event: certain.then(|| self.event(claim, &decision)).flatten(),
            binds_to: binds_to.filter(|_| certain),
            decision,
            assigns_class: None,
            volumes: Arc::default(),
            volumes_left_out: 0,
            unknown,
        }
    }

    /// The event of a decision. Those of lost claims are emitted once, when the phase changes.
    fn event(&self, claim: &Claim, decision: &Decision) -> Option<ClaimEvent> {
        let (kind, reason, message) = match decision {
            Decision::WaitForConsumer { pods, .. } => wait_event(pods),
            Decision::NoVolume => (
                "Normal",
                "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set".to_owned(),
            ),
            Decision::ClassMissing { class } => {
                ("Warning", "ProvisioningFailed", format!("storageclass.storage.k8s.io {class:?} not found"))
            }
            Decision::NoPlugin { provisioner, .. } => ("Warning", "ProvisioningFailed", self.no_plugin(provisioner)),
            Decision::ExternalProvisioning { provisioner, .. } => {
                ("Normal", "ExternalProvisioning", self.external(provisioner))
            }
            Decision::RequestedVolumeMismatch { volume, why } => {
                let why = why.upstream_text()?;
                ("Warning", "VolumeMismatch", format!("Cannot bind to requested volume {volume:?}: {why}"))
            }
            Decision::RequestedVolumeTaken { volume, .. } => {
                ("Warning", "FailedBinding", format!("volume {volume:?} already bound to a different claim."))
            }
            Decision::LostReference | Decision::LostVolume { .. } | Decision::Misbound { .. } => {
                return lost_event(decision).filter(|_| claim.status.phase != "Lost");
            }
            Decision::Bound
            | Decision::Bind { .. }
            | Decision::InTreeProvisioning { .. }
            | Decision::RequestedVolumeMissing { .. }
            | Decision::InvalidSelector
            | Decision::Undecided => return None,
        };
        Some(ClaimEvent { kind, reason, message })
    }

    /// FindProvisionablePluginByName: the controller has plugins that provision nothing.
    fn no_plugin(&self, provisioner: &str) -> String {
        let present = match provisioner {
            "kubernetes.io/nfs" => true,
            "kubernetes.io/csi" | "kubernetes.io/local-volume" => self.version < ALL_MIGRATED,
            _ => false,
        };
        if present {
            "no provisionable volume plugin matched".to_owned()
        } else {
            format!("no volume plugin matched name: {provisioner}")
        }
    }

    fn external(&self, provisioner: &str) -> String {
        if self.version < LONG_EXTERNAL_TEXT {
            return format!(
                "waiting for a volume to be created, either by external provisioner {provisioner:?} or manually created \
                 by system administrator"
            );
        }
        format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the \
             system administrator. If volume creation is delayed, please verify that the provisioner is running and \
             correctly registered."
        )
    }
}

fn wait_event(pods: &[String]) -> (&'static str, &'static str, String) {
    match pods {
        [] => {
            let message = "waiting for first consumer to be created before binding";
            ("Normal", "WaitForFirstConsumer", message.to_owned())
        }
        [pod] => ("Normal", "WaitForPodScheduled", format!("waiting for pod {pod} to be scheduled")),
        pods => ("Normal", "WaitForPodScheduled", format!("waiting for pods {} to be scheduled", pods.join(","))),
    }
}

fn lost_event(decision: &Decision) -> Option<ClaimEvent> {
    let (reason, message) = match decision {
        Decision::LostReference => {
            ("ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!")
        }
        Decision::LostVolume { .. } => {
            ("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
        }
        Decision::Misbound { .. } => {
            ("ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly")
        }
        _ => return None,
    };
    Some(ClaimEvent { kind: "Warning", reason, message: message.to_owned() })
}

fn phase(decision: &Decision) -> ClaimPhase {
    match decision {
        Decision::Bound | Decision::Bind { .. } => ClaimPhase::Bound,
        Decision::LostReference | Decision::LostVolume { .. } | Decision::Misbound { .. } => ClaimPhase::Lost,
        Decision::Undecided => ClaimPhase::Unknown,
        _ => ClaimPhase::Pending,
    }
}

/// A phase that the API server shows, where the facts for a better answer are missing.
fn known_phase(phase: &str) -> ClaimPhase {
    match phase {
        "Bound" => ClaimPhase::Bound,
        "Lost" => ClaimPhase::Lost,
        _ => ClaimPhase::Unknown,
    }
}

/// Why a claim can't have the volume that it names: reserved for another, else checkVolumeSatisfyClaim. A volume that is
/// reserved for the claim is taken without any check.
fn requested_mismatch(volume: &Volume, claim: &Claim) -> Option<Mismatch> {
    if volume.spec.claim_ref.is_some() {
        return if bound_to(volume, claim) { None } else { Mismatch::owner(volume, claim) };
    }
    let size = |quantity: Option<&Quantity>| quantity.map_or(0, Quantity::value);
    let attributes = |name: &Option<String>| name.clone().unwrap_or_default();
    let classes = [&volume.spec.volume_attributes_class_name, &claim.spec.volume_attributes_class_name].map(attributes);
    Some(if volume.metadata.deleting() {
        Mismatch::deletion(volume)
    } else if size(volume.capacity()) < size(claim.request()) {
        Mismatch::capacity(volume, claim)
    } else if volume.class() != claim.class() {
        Mismatch::class(volume, claim.class())
    } else if classes[0] != classes[1] {
        Mismatch::attributes_class(volume, claim)
    } else if volume.volume_mode() != claim.volume_mode() {
        Mismatch::volume_mode(volume, claim)
    } else if !claim.spec.access_modes.iter().all(|mode| volume.spec.access_modes.contains(mode)) {
        access_modes(volume, claim)
    } else {
        return None;
    })
}

/// The claim that a volume's `claimRef` names.
fn owner(volume: &Volume, claim: &Claim) -> Option<Owner> {
    let reference = volume.spec.claim_ref.as_ref()?;
    let same_name = reference.name == claim.metadata.name && reference.namespace == claim.metadata.namespace;
    Some(Owner {
        namespace: reference.namespace.clone(),
        name: reference.name.clone(),
        uid: reference.uid.clone(),
        same_name,
        phase: volume.status.phase.clone(),
    })
}

/// GetDefaultClass: the newest of those that are marked, then the first by name.
fn default_class(snapshot: &Snapshot) -> Result<Option<&str>, String> {
    let classes = snapshot.classes.all().ok_or("not all classes could be read, so one may be the default")?;
    let marked = classes.iter().filter(|class| class.is_default()).map(|class| &class.metadata);
    let newest = marked.min_by(|a, b| (&b.creation_timestamp, &a.name).cmp(&(&a.creation_timestamp, &b.name)));
    Ok(newest.map(|meta| meta.name.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::fixture::{builder, claim, claim_of, class, merged, pod, snapshot, volume, waiting_class};
    use super::*;
    use crate::model::Kind;
    use crate::snapshot::{Problem, Scope};

    type Object = (Kind, Value);

    fn judge(objects: &[Object]) -> ClaimVerdict {
        judge_at("v1.36.2", objects)
    }

    fn judge_at(version: &str, objects: &[Object]) -> ClaimVerdict {
        let mut snapshot = snapshot(objects);
        snapshot.server_version = Some(version.to_owned());
        VolumeController::new(&snapshot).judge(&claim_of(&snapshot, "c"))
    }

    /// Type, reason and message of a pending claim's event.
    fn event(objects: &[Object]) -> (&'static str, &'static str, String) {
        let verdict = judge(objects);
        assert_eq!((verdict.phase, verdict.unknown.len()), (ClaimPhase::Pending, 0), "{verdict:?}");
        let event = verdict.event.unwrap();
        (event.kind, event.reason, event.message)
    }

    fn completed(special: Value) -> Object {
        let done = json!({ "metadata": { "annotations": { BIND_COMPLETED: "yes" } }, "spec": { "volumeName": "v" },
                           "status": { "phase": "Bound" } });
        claim("c", merged(done, special))
    }

    fn claimed(name: &str, uid: Value) -> Object {
        volume("v", json!({ "spec": { "claimRef": { "namespace": "app", "name": name, "uid": uid } } }))
    }

    fn unclassed() -> Object {
        claim("c", json!({ "spec": { "storageClassName": null } }))
    }

    fn default_class_named(name: &str, created: &str) -> Object {
        let annotations = json!({ "storageclass.kubernetes.io/is-default-class": "true" });
        class(name, json!({ "metadata": { "creationTimestamp": created, "annotations": annotations } }))
    }

    #[test]
    fn a_waiting_class_waits_for_a_consumer() {
        let first = "waiting for first consumer to be created before binding";
        let alone = [waiting_class("disk"), claim("c", json!({}))];
        assert_eq!(event(&alone), ("Normal", "WaitForFirstConsumer", first.to_owned()));
        let with = |pods: &[Object]| event(&[&alone[..], pods].concat());
        let one = with(&[pod("p", &["c"], "", json!({}))]);
        assert_eq!(one, ("Normal", "WaitForPodScheduled", "waiting for pod p to be scheduled".to_owned()));
        let ephemeral = json!({ "spec": { "volumes": [{ "name": "c", "ephemeral": {} }] } });
        let two = with(&[pod("q", &["c", "c"], "", json!({})), pod("p", &["c", "other"], "", json!({}))]);
        assert_eq!(two.2, "waiting for pods p,q to be scheduled");
        let own = [waiting_class("disk"), claim("c", json!({})), claim("p-c", json!({})), pod("p", &[], "", ephemeral)];
        assert_eq!(event(&own).1, "WaitForFirstConsumer", "p uses p-c, not c");
        let mut elsewhere = pod("p", &["c"], "", json!({}));
        elsewhere.1["metadata"]["namespace"] = json!("other");
        for silent in [
            pod("p", &["c"], "node", json!({})),
            pod("p", &["c"], "", json!({ "status": { "phase": "Failed" } })),
            pod("p", &["c"], "", json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } })),
            pod("p", &["other"], "", json!({})),
            elsewhere,
        ] {
            assert_eq!(with(&[silent]).1, "WaitForFirstConsumer");
        }
    }

    #[test]
    fn a_selected_node_starts_provisioning_whatever_its_value() {
        let selected = json!({ "metadata": { "annotations": { SELECTED_NODE: "" } } });
        assert_eq!(event(&[waiting_class("disk"), claim("c", selected)]).1, "ExternalProvisioning");
    }

    #[test]
    fn without_a_class_nothing_is_provisioned() {
        let text = "no persistent volumes available for this claim and no storage class is set";
        let expected = ("Normal", "FailedBinding", text.to_owned());
        assert_eq!(event(&[unclassed(), class("disk", json!({}))]), expected, "no class is the default");
        let beta = json!({ "metadata": { "annotations": { "volume.beta.kubernetes.io/storage-class": "" } } });
        for chosen in [json!({ "spec": { "storageClassName": "" } }), beta] {
            let objects = [claim("c", chosen), default_class_named("default", "2026-01-01T00:00:00Z")];
            assert_eq!(event(&objects), expected, "an empty class is a choice");
        }
    }

    #[test]
    fn a_claim_without_class_is_given_the_newest_default_then_the_first_by_name() {
        let objects = [
            unclassed(),
            default_class_named("old", "2025-01-01T00:00:00Z"),
            default_class_named("new-b", "2026-01-01T00:00:00Z"),
            default_class_named("new-a", "2026-01-01T00:00:00Z"),
            class("newest", json!({ "metadata": { "creationTimestamp": "2026-06-01T00:00:00Z" } })),
        ];
        let verdict = judge(&objects);
        assert_eq!(verdict.assigns_class.as_deref(), Some("new-a"));
        assert_eq!(verdict.event.unwrap().reason, "ExternalProvisioning");
        let old_server = judge_at("v1.25.16", &objects);
        assert_eq!((old_server.assigns_class, old_server.event.unwrap().reason), (None, "FailedBinding"));
        let of_class = json!({ "spec": { "storageClassName": "new-a" } });
        let verdict = judge(&[&objects[..], &[volume("v", of_class)]].concat());
        assert_eq!(verdict.binds_to.as_deref(), Some("v"), "the next sync looks for volumes of the class");
        let classless = json!({ "spec": { "storageClassName": null } });
        let verdict = judge(&[&objects[..], &[volume("v", classless)]].concat());
        assert_eq!((verdict.assigns_class, verdict.binds_to.as_deref()), (None, Some("v")), "a match comes first");
    }

    #[test]
    fn provisioning_depends_on_the_class() {
        let text = "storageclass.storage.k8s.io \"disk\" not found".to_owned();
        assert_eq!(event(&[claim("c", json!({}))]), ("Warning", "ProvisioningFailed", text));
        let of =
            |provisioner: &str| event(&[class("disk", json!({ "provisioner": provisioner })), claim("c", json!({}))]);
        let none = "no volume plugin matched name: kubernetes.io/no-provisioner".to_owned();
        assert_eq!(of("kubernetes.io/no-provisioner"), ("Warning", "ProvisioningFailed", none));
        assert_eq!(of("kubernetes.io/nfs").2, "no provisionable volume plugin matched");
        assert_eq!(of("kubernetes.io/csi").2, "no volume plugin matched name: kubernetes.io/csi");
        let external = |name: &str| {
            let text = format!(
                "Waiting for a volume to be created either by the external provisioner '{name}' or manually by the \
                 system administrator. If volume creation is delayed, please verify that the provisioner is running \
                 and correctly registered."
            );
            ("Normal", "ExternalProvisioning", text)
        };
        assert_eq!(of("csi.example.com"), external("csi.example.com"));
        assert_eq!(of("kubernetes.io/aws-ebs"), external("ebs.csi.aws.com"));
        assert_eq!(of("kubernetes.io/portworx-volume"), external("pxd.portworx.com"));
    }

    #[test]
    fn older_releases_say_it_in_their_words() {
        let objects = [class("disk", json!({})), claim("c", json!({}))];
        let message = |version: &str| judge_at(version, &objects).event.unwrap().message;
        let old = "waiting for a volume to be created, either by external provisioner \"csi.example.com\" or manually \
                   created by system administrator";
        assert_eq!(message("v1.27.16"), old);
        assert!(message("v1.28.0").starts_with("Waiting for a volume to be created either by the external"));
        assert!(message("nonsense").starts_with("Waiting for a volume"), "the newest known where it can't be read");
        let csi = [class("disk", json!({ "provisioner": "kubernetes.io/csi" })), claim("c", json!({}))];
        let event = judge_at("v1.30.1", &csi).event.unwrap();
        assert_eq!(event.message, "no provisionable volume plugin matched");
    }

    #[test]
    fn what_the_controllers_own_plugins_do_is_unknown() {
        let of = |version: &str, provisioner: &str| {
            judge_at(version, &[class("disk", json!({ "provisioner": provisioner })), claim("c", json!({}))])
        };
        for (version, provisioner) in [
            ("v1.36.2", "kubernetes.io/host-path"),
            ("v1.30.0", "kubernetes.io/portworx-volume"),
            ("v1.30.0", "kubernetes.io/rbd"),
            ("v1.25.0", "kubernetes.io/glusterfs"),
        ] {
            let verdict = of(version, provisioner);
            assert_eq!(
                (verdict.phase, verdict.event, verdict.unknown.len()),
                (ClaimPhase::Unknown, None, 1),
                "{provisioner}"
            );
        }
        assert_eq!(of("v1.31.0", "kubernetes.io/rbd").event.unwrap().reason, "ProvisioningFailed");
    }

    #[test]
    fn a_named_volume_that_does_not_exist_is_waited_for_in_silence() {
        let named = claim("c", json!({ "spec": { "volumeName": "v" } }));
        for class in [class("disk", json!({})), waiting_class("disk")] {
            let verdict = judge(&[class, named.clone(), volume("other", json!({}))]);
            assert_eq!((verdict.phase, verdict.event), (ClaimPhase::Pending, None));
            assert_eq!(verdict.decision, Decision::RequestedVolumeMissing { volume: "v".to_owned() });
        }
    }

    #[test]
    fn a_named_free_volume_must_satisfy_the_claim() {
        let named = claim("c", json!({ "spec": { "volumeName": "v" } }));
        let deleting = json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } });
        for (special, why) in [
            (deleting, "the volume is marked for deletion \"v\""),
            (json!({ "spec": { "capacity": { "storage": "9Gi" } } }), "requested PV is too small"),
            (json!({ "spec": { "storageClassName": "x" } }), "storageClassName does not match"),
            (json!({ "spec": { "volumeAttributesClassName": "x" } }), "volumeAttributesClassName does not match"),
            (json!({ "spec": { "volumeMode": "Block" } }), "incompatible volumeMode"),
            (json!({ "spec": { "accessModes": ["ReadWriteMany"] } }), "incompatible accessMode"),
            (
                json!({ "spec": { "accessModes": [], "volumeMode": "Block", "storageClassName": "x" } }),
                "storageClassName does not match",
            ),
        ] {
            let message = format!("Cannot bind to requested volume \"v\": {why}");
            let objects = [waiting_class("disk"), named.clone(), volume("v", special)];
            assert_eq!(event(&objects), ("Warning", "VolumeMismatch", message));
        }
        let selector = json!({ "spec": { "volumeName": "v", "selector": { "matchLabels": { "a": "b" } } } });
        let failed = json!({ "status": { "phase": "Failed" } });
        let verdict = judge(&[waiting_class("disk"), claim("c", selector), volume("v", failed)]);
        let unchecked = "neither selector nor phase are checked";
        assert_eq!((verdict.phase, verdict.binds_to.as_deref()), (ClaimPhase::Bound, Some("v")), "{unchecked}");
    }

    #[test]
    fn a_named_volume_reserved_for_the_claim_is_taken_without_checks() {
        let named = claim("c", json!({ "spec": { "volumeName": "v" } }));
        for uid in [Value::Null, json!("uid-c")] {
            let mut reserved = claimed("c", uid);
            reserved.1["spec"]["volumeMode"] = json!("Block");
            reserved.1["spec"]["capacity"]["storage"] = json!("1Mi");
            reserved.1["spec"]["storageClassName"] = json!("x");
            assert_eq!(judge(&[named.clone(), reserved]).binds_to.as_deref(), Some("v"));
        }
    }

    #[test]
    fn a_named_volume_of_another_claim_is_refused() {
        let message = "volume \"v\" already bound to a different claim.".to_owned();
        let expected = ("Warning", "FailedBinding", message);
        let by_controller = json!({ "metadata": { "annotations": { "pv.kubernetes.io/bound-by-controller": "yes" } } });
        for special in [json!({}), by_controller] {
            let named = claim("c", merged(json!({ "spec": { "volumeName": "v" } }), special));
            assert_eq!(event(&[named.clone(), claimed("other", json!("uid-other"))]), expected);
            assert_eq!(event(&[named, claimed("c", json!("uid of an earlier claim"))]), expected);
        }
    }

    #[test]
    fn a_bound_claim_is_judged_by_its_volume() {
        let fine = judge(&[completed(json!({})), claimed("c", json!("uid-c"))]);
        assert_eq!((fine.phase, &fine.decision, &fine.event), (ClaimPhase::Bound, &Decision::Bound, &None));
        let again = judge(&[completed(json!({})), volume("v", json!({}))]);
        assert_eq!(
            (again.phase, again.binds_to.as_deref()),
            (ClaimPhase::Bound, Some("v")),
            "claimRef is written again"
        );
        let renamed = judge(&[completed(json!({})), claimed("renamed", json!("uid-c"))]);
        assert_eq!(renamed.phase, ClaimPhase::Bound, "only the uid counts");
    }

    #[test]
    fn a_bound_claim_is_lost_with_its_volume() {
        let lost = |objects: &[Object]| {
            let verdict = judge(objects);
            assert_eq!(
                (verdict.phase, verdict.event.as_ref().map(|event| event.kind)),
                (ClaimPhase::Lost, Some("Warning"))
            );
            verdict.event.map(|event| (event.reason, event.message)).unwrap()
        };
        let reference = lost(&[completed(json!({ "spec": { "volumeName": "" } }))]);
        let text = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
        assert_eq!(reference, ("ClaimLost", text.to_owned()));
        let gone = lost(&[completed(json!({}))]);
        let text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
        assert_eq!(gone, ("ClaimLost", text.to_owned()));
        let text = "Two claims are bound to the same volume, this one is bound incorrectly";
        for volume in [claimed("other", json!("uid-other")), claimed("c", Value::Null)] {
            assert_eq!(lost(&[completed(json!({})), volume]), ("ClaimMisbound", text.to_owned()));
        }
        let known = judge(&[completed(json!({ "status": { "phase": "Lost" } }))]);
        assert_eq!((known.phase, known.event), (ClaimPhase::Lost, None), "told once, when the phase changes");
    }

    #[test]
    fn the_phase_alone_proves_nothing() {
        let bound = claim("c", json!({ "status": { "phase": "Bound" }, "spec": { "volumeName": "v" } }));
        assert_eq!(judge(&[bound]).decision, Decision::RequestedVolumeMissing { volume: "v".to_owned() });
    }

    #[test]
    fn an_invalid_selector_ends_in_an_error_without_an_event() {
        let selector = json!({ "matchExpressions": [{ "key": "a", "operator": "In", "values": [] }] });
        let objects = [class("disk", json!({})), claim("c", json!({ "spec": { "selector": selector } }))];
        assert_eq!(event(&objects).1, "ExternalProvisioning", "no volume is compared");
        let verdict = judge(&[&objects[..], &[volume("v", json!({}))]].concat());
        assert!(matches!(verdict.decision, Decision::InvalidSelector), "{verdict:?}");
        assert_eq!((verdict.phase, verdict.event), (ClaimPhase::Pending, None));
    }

    #[test]
    fn what_could_not_be_read_is_unknown() {
        let objects = |claim: Object| [claim, waiting_class("disk"), pod("p", &["c"], "", json!({}))];
        let without = |kind: Kind, claim: Object| {
            let mut builder = builder(&objects(claim).into_iter().filter(|(k, _)| *k != kind).collect::<Vec<_>>());
            builder.cover(kind, Scope::Nothing(Problem::Forbidden));
            let snapshot = builder.build(&Scope::All);
            VolumeController::new(&snapshot).judge_with_volumes(&claim_of(&snapshot, "c"))
        };
        for kind in [Kind::PersistentVolume, Kind::StorageClass, Kind::Pod] {
            let verdict = without(kind, claim("c", json!({})));
            assert_eq!(
                (verdict.phase, &verdict.event, verdict.unknown.len()),
                (ClaimPhase::Unknown, &None, 1),
                "{kind}"
            );
        }
        let decision = without(Kind::PersistentVolume, claim("c", json!({}))).decision;
        let expected = Decision::WaitForConsumer { class: "disk".to_owned(), pods: vec!["p".to_owned()] };
        assert_eq!(decision, expected, "what follows from the facts that were read");
        assert_eq!(without(Kind::StorageClass, claim("c", json!({}))).decision, Decision::Undecided);
        assert_eq!(without(Kind::StorageClass, unclassed()).phase, ClaimPhase::Unknown, "one may be the default");
        let empty = claim("c", json!({ "spec": { "storageClassName": "" } }));
        assert_eq!(without(Kind::StorageClass, empty).phase, ClaimPhase::Pending, "no class matters");
        let named = claim("c", json!({ "spec": { "volumeName": "v" } }));
        assert_eq!(without(Kind::PersistentVolume, named).phase, ClaimPhase::Unknown);
        let bound = without(Kind::PersistentVolume, completed(json!({})));
        assert_eq!(
            (bound.phase, bound.event, bound.unknown.len()),
            (ClaimPhase::Bound, None, 1),
            "as the server shows it"
        );
    }

    #[test]
    fn with_some_volumes_unread_no_choice_is_certain() {
        let mut builder = builder(&[class("disk", json!({})), claim("c", json!({})), volume("v", json!({}))]);
        builder.cover(Kind::PersistentVolume, Scope::Nothing(Problem::NotInDump));
        let snapshot = builder.build(&Scope::All);
        let verdict = VolumeController::new(&snapshot).judge_with_volumes(&claim_of(&snapshot, "c"));
        assert_eq!((verdict.phase, verdict.binds_to), (ClaimPhase::Unknown, None));
        assert_eq!(verdict.decision, Decision::Bind { volume: "v".to_owned() });
    }

    fn any_volume() -> impl Strategy<Value = Value> {
        let size = prop_oneof![Just("5Gi"), Just("10Gi"), Just("20Gi")];
        let modes = prop_oneof![
            Just(json!(["ReadWriteOnce"])),
            Just(json!(["ReadWriteMany", "ReadWriteOnce"])),
            Just(json!(["ReadWriteMany"])),
        ];
        let reference = prop_oneof![
            3 => Just(Value::Null),
            1 => Just(json!({ "namespace": "app", "name": "c" })),
            1 => Just(json!({ "namespace": "app", "name": "d", "uid": "uid-d" })),
        ];
        let class = prop_oneof![3 => Just("disk"), 1 => Just("other")];
        (size, modes, reference, class).prop_map(|(size, modes, reference, class)| {
            json!({ "spec": { "capacity": { "storage": size }, "accessModes": modes, "claimRef": reference,
                              "storageClassName": class } })
        })
    }

    proptest! {
        #[test]
        fn the_order_of_objects_changes_nothing(
            volumes in prop::collection::vec(any_volume(), 0..8),
            waiting in any::<bool>(),
            pods in 0..4usize,
            order in any::<prop::sample::Index>(),
        ) {
            let mut objects = vec![if waiting { waiting_class("disk") } else { class("disk", json!({})) }];
            objects.push(claim("c", json!({})));
            objects.extend(volumes.into_iter().enumerate().map(|(n, special)| volume(&format!("v{n}"), special)));
            objects.extend((0..pods).map(|n| pod(&format!("p{n}"), &["c"], "", json!({}))));
            let mut turned = objects.clone();
            turned.rotate_left(order.index(objects.len()));
            turned.reverse();
            let [first, second] = [&objects, &turned].map(|objects| {
                let snapshot = snapshot(objects);
                VolumeController::new(&snapshot).judge_with_volumes(&claim_of(&snapshot, "c"))
            });
            prop_assert_eq!(&first, &second);
            // The index finds a volume exactly where one passes every check.
            let fits = first.volumes.iter().any(|volume| volume.mismatch.is_empty());
            prop_assert!(!fits, "a volume that fits is bound, not listed: {:?}", first);
        }
    }
}
