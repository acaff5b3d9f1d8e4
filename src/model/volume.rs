//! PersistentVolumes.

use super::claim::class_of;
use super::kind::Object;
use super::lenient::model;
use super::meta::Meta;
use super::pod::{
    AwsElasticBlockStore, AzureDisk, AzureFile, Cinder, FlexVolume, GcePersistentDisk, HostPath, PortworxVolume,
    Resources, VsphereVolume,
};
use super::quantity::Quantity;
use super::selector::NodeSelector;

impl Object for Volume {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut Meta {
        &mut self.metadata
    }

    /// Passwords among the mount options go: volumes of SMB shares may have some.
    fn redact(&mut self) {
        self.metadata.redact();
        for option in &mut self.spec.mount_options {
            *option = without_passwords(option);
        }
    }
}

/// `username=a,password=b` is kept as `username=a,password=…`.
pub(crate) fn without_passwords(option: &str) -> String {
    let part = |part: &str| match part.split_once('=') {
        Some((key, _)) if key.to_ascii_lowercase().contains("pass") => format!("{key}=…"),
        _ => part.to_owned(),
    };
    option.split(',').map(part).collect::<Vec<_>>().join(",")
}

/// Who made a volume for a claim; volumes that somebody made by hand have none.
pub(crate) const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

model! {
    /// A PersistentVolume.
    pub struct Volume {
        pub metadata: Meta,
        pub spec: VolumeSpec,
        pub status: VolumeStatus,
    }

    /// `persistentVolume.spec`.
    pub struct VolumeSpec {
        pub capacity: Resources,
        pub access_modes: Vec<String>,
        pub volume_mode: Option<String>,
        pub storage_class_name: String,
        pub volume_attributes_class_name: Option<String>,
        pub claim_ref: Option<ClaimReference>,
        pub persistent_volume_reclaim_policy: String,
        pub node_affinity: Option<VolumeNodeAffinity>,
        pub csi: Option<CsiSource>,
        pub aws_elastic_block_store: Option<AwsElasticBlockStore>,
        pub gce_persistent_disk: Option<GcePersistentDisk>,
        pub azure_disk: Option<AzureDisk>,
        pub azure_file: Option<AzureFile>,
        pub cinder: Option<Cinder>,
        pub vsphere_volume: Option<VsphereVolume>,
        pub portworx_volume: Option<PortworxVolume>,
        pub flex_volume: Option<FlexVolume>,
        pub local: Option<HostPath>,
        pub host_path: Option<HostPath>,
        pub nfs: Option<Nfs>,
        pub mount_options: Vec<String>,
    }

    /// The claim that a volume is bound or reserved for.
    pub struct ClaimReference {
        pub namespace: String,
        pub name: String,
        pub uid: String,
    }

    /// The nodes from which a volume can be reached.
    pub struct VolumeNodeAffinity {
        pub required: Option<NodeSelector>,
    }

    /// A CSI volume.
    pub struct CsiSource {
        pub driver: String,
        pub volume_handle: String,
        pub read_only: bool,
        pub fs_type: String,
        pub node_stage_secret_ref: Option<SecretReference>,
        pub node_publish_secret_ref: Option<SecretReference>,
    }

    /// The name of a secret; secrets themselves are never read.
    pub struct SecretReference {
        pub name: String,
        pub namespace: String,
    }

    /// An NFS export.
    pub struct Nfs {
        pub server: String,
        pub path: String,
    }

    /// `persistentVolume.status`.
    pub struct VolumeStatus {
        pub phase: String,
        pub reason: String,
        pub message: String,
    }
}

impl Volume {
    /// The class, as for claims; empty for none.
    pub fn class(&self) -> &str {
        class_of(&self.metadata, Some(&self.spec.storage_class_name))
    }

    /// The volume's size.
    pub fn capacity(&self) -> Option<&Quantity> {
        self.spec.capacity.get("storage")
    }

    /// `spec.volumeMode`, defaulted.
    pub fn volume_mode(&self) -> &str {
        self.spec.volume_mode.as_deref().unwrap_or("Filesystem")
    }

    /// The required node affinity.
    pub fn required_node_affinity(&self) -> Option<&NodeSelector> {
        self.spec.node_affinity.as_ref()?.required.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_among_mount_options_are_not_kept() {
        let mut volume = Volume::default();
        volume.spec.mount_options = vec!["username=a,Password=b".to_owned(), "vers=3.0".to_owned()];
        volume.redact();
        assert_eq!(volume.spec.mount_options, ["username=a,Password=…", "vers=3.0"]);
    }
}
