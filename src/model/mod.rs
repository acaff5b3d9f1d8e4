//! What the engine needs of each Kubernetes kind, and nothing else.
//!
//! The types are lean on purpose: environment values, managed fields and the like don't enter them, so a snapshot
//! written from them is redacted by construction. Field names are those of the Kubernetes API.

pub mod claim;
pub mod class;
pub mod component;
pub mod csi;
pub mod dra;
pub mod event;
mod flags;
pub mod kind;
pub mod lenient;
pub mod meta;
pub mod needs;
pub mod node;
pub mod pod;
pub mod policy;
pub mod quantity;
pub mod selector;
pub mod version;
pub mod volume;
pub mod webhook;
pub mod workload;

pub use claim::Claim;
pub use class::{StorageClass, VolumeAttributesClass};
pub use csi::{CsiDriver, CsiNode, CsiStorageCapacity, VolumeAttachment};
pub use dra::{DeviceClass, ResourceClaim, ResourceSlice};
pub use event::Event;
pub use kind::{Kind, Object};
pub use meta::{Meta, ObjectRef, OwnerReference};
pub use node::Node;
pub use pod::Pod;
pub use policy::{
    ConfigMap, Endpoints, LimitRange, Namespace, PodDisruptionBudget, PriorityClass, ResourceQuota, Service,
};
pub use quantity::Quantity;
pub use version::Version;
pub use volume::Volume;
pub use webhook::WebhookConfiguration;
pub use workload::{Job, Workload};
