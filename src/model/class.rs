//! Storage classes and volume attributes classes.

use super::kind::has_meta;
use super::lenient::model;
use super::meta::{Map, Meta};
use super::selector::TopologySelectorTerm;

has_meta!(StorageClass, VolumeAttributesClass);

/// Marks the class that claims without one are given.
pub(crate) const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
/// The older spelling of [`DEFAULT_CLASS`].
pub(crate) const BETA_DEFAULT_CLASS: &str = "storageclass.beta.kubernetes.io/is-default-class";

model! {
    /// A StorageClass.
    pub struct StorageClass {
        pub metadata: Meta,
        pub provisioner: String,
        pub parameters: Map,
        pub reclaim_policy: Option<String>,
        pub volume_binding_mode: Option<String>,
        pub allow_volume_expansion: Option<bool>,
        pub mount_options: Vec<String>,
        pub allowed_topologies: Vec<TopologySelectorTerm>,
    }

    /// A VolumeAttributesClass.
    pub struct VolumeAttributesClass {
        pub metadata: Meta,
        pub driver_name: String,
    }
}

impl StorageClass {
    /// Whether binding waits for the first consumer.
    pub fn waits_for_consumer(&self) -> bool {
        self.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer")
    }

    /// Whether the class is marked as the default (`pkg/volume/util/storageclass.go`).
    pub fn is_default(&self) -> bool {
        [DEFAULT_CLASS, BETA_DEFAULT_CLASS]
            .iter()
            .any(|key| self.metadata.annotations.get(*key).is_some_and(|value| value == "true"))
    }
}
