//! PersistentVolumeClaims.

use super::kind::has_meta;
use super::lenient::model;
use super::meta::{Map, Meta};
use super::pod::{Condition, ResourceRequirements, Resources};
use super::quantity::Quantity;
use super::selector::LabelSelector;

/// The annotation that names a class; it wins over `spec.storageClassName`, even when empty.
pub(crate) const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// Says that binding is complete; the scheduler trusts it, not the phase.
pub(crate) const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// Says that the PV controller chose the other side.
pub(crate) const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// The node that the scheduler chose for a claim to be provisioned.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Keeps a claim while a pod uses it, one that has ended included (`pkg/controller/volume/pvcprotection`).
pub(crate) const PROTECTION: &str = "kubernetes.io/pvc-protection";
/// Who should provision the claim.
pub(crate) const STORAGE_PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
/// The older spelling of [`STORAGE_PROVISIONER`].
pub(crate) const BETA_STORAGE_PROVISIONER: &str = "volume.beta.kubernetes.io/storage-provisioner";

has_meta!(Claim);

model! {
    /// A PersistentVolumeClaim.
    pub struct Claim {
        pub metadata: Meta,
        pub spec: ClaimSpec,
        pub status: ClaimStatus,
    }

    /// `persistentVolumeClaim.spec`.
    pub struct ClaimSpec {
        pub access_modes: Vec<String>,
        pub selector: Option<LabelSelector>,
        pub resources: ResourceRequirements,
        pub volume_name: String,
        pub storage_class_name: Option<String>,
        pub volume_mode: Option<String>,
        pub volume_attributes_class_name: Option<String>,
        pub data_source: Option<DataSource>,
        pub data_source_ref: Option<DataSource>,
    }

    /// What a new volume is filled from.
    pub struct DataSource {
        pub api_group: Option<String>,
        pub kind: String,
        pub name: String,
        pub namespace: Option<String>,
    }

    /// `persistentVolumeClaim.status`.
    pub struct ClaimStatus {
        pub phase: String,
        pub access_modes: Vec<String>,
        pub capacity: Resources,
        pub conditions: Vec<Condition>,
        pub allocated_resources: Resources,
        pub allocated_resource_statuses: Map,
        pub current_volume_attributes_class_name: Option<String>,
    }
}

impl Claim {
    /// The class by the rule of `component-helpers/storage/volume/helpers.go`; empty for none.
    pub fn class(&self) -> &str {
        class_of(&self.metadata, self.spec.storage_class_name.as_deref())
    }

    /// Whether the claim chose a class, be it the empty one, and so is never given the default.
    pub fn has_class(&self) -> bool {
        self.metadata.annotations.contains_key(BETA_CLASS) || self.spec.storage_class_name.is_some()
    }

    /// The requested storage.
    pub fn request(&self) -> Option<&Quantity> {
        self.spec.resources.requests.get("storage")
    }

    /// Bound in the scheduler's eyes: `volumeName` and the bind-completed annotation, whatever the phase says.
    pub fn fully_bound(&self) -> bool {
        !self.spec.volume_name.is_empty() && self.metadata.annotations.contains_key(BIND_COMPLETED)
    }

    /// The node that the scheduler chose.
    pub fn selected_node(&self) -> Option<&str> {
        self.metadata.annotations.get(SELECTED_NODE).map(String::as_str)
    }

    /// `spec.volumeMode`, defaulted.
    pub fn volume_mode(&self) -> &str {
        self.spec.volume_mode.as_deref().unwrap_or("Filesystem")
    }
}

/// The class of a claim or volume: the beta annotation when present, else the field, else empty.
pub(crate) fn class_of<'a>(meta: &'a Meta, field: Option<&'a str>) -> &'a str {
    meta.annotations.get(BETA_CLASS).map_or(field.unwrap_or_default(), String::as_str)
}
