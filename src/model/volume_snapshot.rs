//! Snapshots of volumes, with their classes and contents (`kubernetes-csi/external-snapshotter`, `client/apis/volumesnapshot/v1`).

use super::kind::has_meta;
use super::lenient::model;
use super::meta::Meta;
use super::quantity::Quantity;

has_meta!(VolumeSnapshot, VolumeSnapshotClass, VolumeSnapshotContent);

/// The annotation of the class that is taken where none is named.
const DEFAULT_CLASS: &str = "snapshot.storage.kubernetes.io/is-default-class";
/// The annotation without which a restored claim keeps its source's volume mode.
const MODE_CHANGE: &str = "snapshot.storage.kubernetes.io/allow-volume-mode-change";

model! {
    /// A snapshot of a claim's volume, or one that existed before.
    pub struct VolumeSnapshot {
        pub metadata: Meta,
        pub spec: VolumeSnapshotSpec,
        pub status: VolumeSnapshotStatus,
    }

    /// `volumeSnapshot.spec`.
    pub struct VolumeSnapshotSpec {
        pub source: VolumeSnapshotSource,
        pub volume_snapshot_class_name: Option<String>,
    }

    /// What the snapshot is of.
    pub struct VolumeSnapshotSource {
        pub persistent_volume_claim_name: Option<String>,
        pub volume_snapshot_content_name: Option<String>,
    }

    /// `volumeSnapshot.status`.
    pub struct VolumeSnapshotStatus {
        pub bound_volume_snapshot_content_name: Option<String>,
        pub ready_to_use: Option<bool>,
        /// The least size of a claim that is restored from it.
        pub restore_size: Option<Quantity>,
        pub error: Option<VolumeSnapshotError>,
    }

    /// What went wrong last.
    pub struct VolumeSnapshotError {
        pub message: String,
        /// RFC 3339.
        pub time: String,
    }

    /// A class of snapshots.
    pub struct VolumeSnapshotClass {
        pub metadata: Meta,
        pub driver: String,
        pub deletion_policy: String,
    }

    /// What a snapshot is bound to.
    pub struct VolumeSnapshotContent {
        pub metadata: Meta,
        pub spec: VolumeSnapshotContentSpec,
        pub status: VolumeSnapshotContentStatus,
    }

    /// `volumeSnapshotContent.spec`.
    pub struct VolumeSnapshotContentSpec {
        pub driver: String,
        pub deletion_policy: String,
        pub source_volume_mode: Option<String>,
    }

    /// `volumeSnapshotContent.status`.
    pub struct VolumeSnapshotContentStatus {
        pub ready_to_use: Option<bool>,
        pub error: Option<VolumeSnapshotError>,
    }
}

impl VolumeSnapshotClass {
    /// Whether the class is taken where a snapshot of a volume of its driver names none.
    pub fn is_default(&self) -> bool {
        self.metadata.annotations.get(DEFAULT_CLASS).is_some_and(|value| value == "true")
    }
}

impl VolumeSnapshotContent {
    /// Whether a claim of another mode than the source's may be made of it.
    pub fn mode_may_change(&self) -> bool {
        self.metadata.annotations.get(MODE_CHANGE).is_some_and(|value| value == "true")
    }
}
