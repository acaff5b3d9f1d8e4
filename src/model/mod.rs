//! What the engine needs of each Kubernetes kind, and nothing else.
//!
//! The types are lean on purpose: environment values, managed fields and the like don't enter them, so a snapshot
//! written from them is redacted by construction. Field names are those of the Kubernetes API.

pub(crate) mod access;
pub(crate) mod claim;
pub(crate) mod class;
pub mod component;
pub(crate) mod csi;
pub(crate) mod dra;
pub(crate) mod event;
mod flags;
pub(crate) mod kind;
pub(crate) mod lenient;
pub(crate) mod meta;
pub(crate) mod needs;
pub(crate) mod node;
pub mod pod;
pub(crate) mod policy;
pub mod quantity;
pub mod selector;
pub mod version;
pub(crate) mod volume;
pub(crate) mod volume_snapshot;
pub(crate) mod webhook;
pub(crate) mod workload;

pub use access::{Role, RoleBinding, ServiceAccount};
pub use claim::Claim;
pub use class::{StorageClass, VolumeAttributesClass};
pub use csi::{CsiDriver, CsiNode, CsiStorageCapacity, VolumeAttachment};
pub use dra::{DeviceClass, ResourceClaim, ResourceSlice};
pub use event::Event;
pub use kind::{Kind, Object};
pub use meta::{Meta, ObjectRef};
pub use node::Node;
pub use pod::Pod;
pub use policy::{
    ConfigMap, Endpoints, LimitRange, Namespace, PodDisruptionBudget, PriorityClass, ResourceQuota, Service,
};
pub use quantity::Quantity;
pub use version::Version;
pub use volume::Volume;
pub use volume_snapshot::{VolumeSnapshot, VolumeSnapshotClass, VolumeSnapshotContent};
pub use webhook::WebhookConfiguration;
pub use workload::{Job, Workload};
