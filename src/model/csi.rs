//! CSI objects of `storage.k8s.io`.

use super::kind::has_meta;
use super::lenient::model;
use super::meta::Meta;
use super::quantity::Quantity;
use super::selector::LabelSelector;

has_meta!(CsiDriver, CsiNode, CsiStorageCapacity, VolumeAttachment);

model! {
    /// A CSIDriver.
    pub struct CsiDriver {
        pub metadata: Meta,
        pub spec: CsiDriverSpec,
    }

    /// `csiDriver.spec`.
    pub struct CsiDriverSpec {
        pub attach_required: Option<bool>,
        pub storage_capacity: Option<bool>,
        pub volume_lifecycle_modes: Vec<String>,
        /// `ReadWriteOnceWithFSType` (the default), `File` or `None`.
        pub fs_group_policy: Option<String>,
        pub prevent_pod_scheduling_if_missing: Option<bool>,
    }

    /// A CSINode: the drivers that a node's kubelet knows.
    pub struct CsiNode {
        pub metadata: Meta,
        pub spec: CsiNodeSpec,
    }

    /// `csiNode.spec`.
    pub struct CsiNodeSpec {
        pub drivers: Vec<CsiNodeDriver>,
    }

    /// A driver on a node.
    pub struct CsiNodeDriver {
        pub name: String,
        #[serde(rename = "nodeID")]
        pub node_id: String,
        pub topology_keys: Vec<String>,
        pub allocatable: Option<CsiNodeAllocatable>,
    }

    /// How many volumes of a driver a node takes.
    pub struct CsiNodeAllocatable {
        pub count: Option<i64>,
    }

    /// A CSIStorageCapacity: what is free for a class in a topology segment.
    pub struct CsiStorageCapacity {
        pub metadata: Meta,
        pub node_topology: Option<LabelSelector>,
        pub storage_class_name: String,
        pub capacity: Option<Quantity>,
        pub maximum_volume_size: Option<Quantity>,
    }

    /// A VolumeAttachment.
    pub struct VolumeAttachment {
        pub metadata: Meta,
        pub spec: VolumeAttachmentSpec,
        pub status: VolumeAttachmentStatus,
    }

    /// `volumeAttachment.spec`.
    pub struct VolumeAttachmentSpec {
        pub attacher: String,
        pub node_name: String,
        pub source: AttachmentSource,
    }

    /// What is attached.
    pub struct AttachmentSource {
        pub persistent_volume_name: Option<String>,
    }

    /// `volumeAttachment.status`.
    pub struct VolumeAttachmentStatus {
        pub attached: bool,
        pub attach_error: Option<VolumeError>,
        pub detach_error: Option<VolumeError>,
    }

    /// An error of the driver.
    pub struct VolumeError {
        pub time: Option<String>,
        pub message: String,
        pub error_code: Option<i32>,
    }
}

impl CsiStorageCapacity {
    /// The largest volume that fits: `maximumVolumeSize` where set, else `capacity`.
    pub fn limit(&self) -> Option<&Quantity> {
        self.maximum_volume_size.as_ref().or(self.capacity.as_ref())
    }
}

impl CsiNode {
    /// The driver's entry.
    pub fn driver(&self, name: &str) -> Option<&CsiNodeDriver> {
        self.spec.drivers.iter().find(|driver| driver.name == name)
    }
}
