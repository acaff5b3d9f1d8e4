//! Dynamic resource allocation, as far as verdicts can be told from objects.

use super::kind::has_meta;
use super::lenient::model;
use super::meta::Meta;
use super::selector::NodeSelector;

has_meta!(ResourceClaim, ResourceSlice, DeviceClass);

model! {
    /// A ResourceClaim.
    pub struct ResourceClaim {
        pub metadata: Meta,
        pub spec: ResourceClaimSpec,
        pub status: ResourceClaimStatus,
    }

    /// `resourceClaim.spec`.
    pub struct ResourceClaimSpec {
        pub devices: DeviceClaim,
    }

    /// What devices are asked for.
    pub struct DeviceClaim {
        pub requests: Vec<DeviceRequest>,
    }

    /// One request.
    pub struct DeviceRequest {
        pub name: String,
        /// `v1beta1`'s place for the class.
        pub device_class_name: String,
        pub exactly: Option<ExactRequest>,
        pub first_available: Vec<SubRequest>,
    }

    /// A request for one kind of device.
    pub struct ExactRequest {
        pub device_class_name: String,
    }

    /// An alternative of a request.
    pub struct SubRequest {
        pub name: String,
        pub device_class_name: String,
    }

    /// `resourceClaim.status`.
    pub struct ResourceClaimStatus {
        pub allocation: Option<Allocation>,
        pub reserved_for: Vec<ResourceConsumer>,
    }

    /// Where a claim is allocated.
    pub struct Allocation {
        pub node_selector: Option<NodeSelector>,
    }

    /// Who uses a claim.
    pub struct ResourceConsumer {
        pub resource: String,
        pub name: String,
        pub uid: String,
    }

    /// A ResourceSlice.
    pub struct ResourceSlice {
        pub metadata: Meta,
        pub spec: ResourceSliceSpec,
    }

    /// `resourceSlice.spec`.
    pub struct ResourceSliceSpec {
        pub driver: String,
        pub node_name: Option<String>,
    }

    /// A DeviceClass.
    pub struct DeviceClass {
        pub metadata: Meta,
        pub spec: DeviceClassSpec,
    }

    /// `deviceClass.spec`.
    pub struct DeviceClassSpec {
        pub extended_resource_name: Option<String>,
    }
}
