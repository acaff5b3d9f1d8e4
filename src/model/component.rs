//! Containers that are known as a part of storage or of a cloud provider, by their image or by the program that they
//! run. Only of these, and of what runs beside them in a pod, do images and flags enter the model.

/// What a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Makes volumes for claims: external-provisioner, or a provisioner without CSI.
    Provisioner,
    /// external-attacher.
    Attacher,
    /// external-resizer.
    Resizer,
    /// external-snapshotter.
    Snapshotter,
    /// node-driver-registrar: tells the kubelet of the driver.
    Registrar,
    /// Stands beside a driver and does nothing that volumes wait for: a liveness probe, a health monitor.
    Beside,
    /// A driver's own program.
    Driver,
    /// What a driver runs for its volumes: a share manager, an instance manager, a mount pod.
    Helper,
    /// Keeps the data that drivers give out: an OSD, an engine, a satellite.
    Server,
    /// A cloud controller manager.
    Cloud,
}

impl Role {
    /// What people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Provisioner => "provisioner",
            Self::Attacher => "attacher",
            Self::Resizer => "resizer",
            Self::Snapshotter => "snapshotter",
            Self::Registrar => "registrar",
            Self::Beside => "sidecar",
            Self::Driver => "driver",
            Self::Helper => "helper",
            Self::Server => "storage server",
            Self::Cloud => "cloud controller manager",
        }
    }
}

/// A known container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    pub role: Role,
    /// The name that the driver has where nothing gives it another, or the scheme of the provider's `providerID`s; empty
    /// where it has none.
    pub name: &'static str,
}

/// The end of an image's repository, or a program, and what it is.
const KNOWN: &[(&str, Role, &str)] = &[
    ("csi-provisioner", Role::Provisioner, ""),
    ("csi-external-provisioner", Role::Provisioner, ""),
    ("csi-attacher", Role::Attacher, ""),
    ("csi-external-attacher", Role::Attacher, ""),
    ("csi-resizer", Role::Resizer, ""),
    ("csi-external-resizer", Role::Resizer, ""),
    ("csi-snapshotter", Role::Snapshotter, ""),
    ("csi-external-snapshotter", Role::Snapshotter, ""),
    ("node-driver-registrar", Role::Registrar, ""),
    ("livenessprobe", Role::Beside, ""),
    ("csi-external-health-monitor-controller", Role::Beside, ""),
    ("csi-vsphere/syncer", Role::Beside, "csi.vsphere.vmware.com"),
    ("csi-vsphere/driver", Role::Driver, "csi.vsphere.vmware.com"),
    ("vsphere-csi-driver", Role::Driver, "csi.vsphere.vmware.com"),
    ("aws-ebs-csi-driver", Role::Driver, "ebs.csi.aws.com"),
    ("aws-efs-csi-driver", Role::Driver, "efs.csi.aws.com"),
    ("azuredisk-csi", Role::Driver, "disk.csi.azure.com"),
    ("azurefile-csi", Role::Driver, "file.csi.azure.com"),
    ("gcp-compute-persistent-disk-csi-driver", Role::Driver, "pd.csi.storage.gke.io"),
    ("cinder-csi-plugin", Role::Driver, "cinder.csi.openstack.org"),
    ("cephcsi", Role::Driver, ""),
    ("nfsplugin", Role::Driver, "nfs.csi.k8s.io"),
    ("smbplugin", Role::Driver, "smb.csi.k8s.io"),
    ("topolvm", Role::Driver, "topolvm.io"),
    ("topolvm-with-sidecar", Role::Driver, "topolvm.io"),
    ("linstor-csi", Role::Driver, "linstor.csi.linbit.com"),
    ("piraeus-csi", Role::Driver, "linstor.csi.linbit.com"),
    ("zfs-driver", Role::Driver, "zfs.csi.openebs.io"),
    ("lvm-driver", Role::Driver, "local.csi.openebs.io"),
    ("mayastor-csi-controller", Role::Driver, "io.openebs.csi-mayastor"),
    ("mayastor-csi-node", Role::Driver, "io.openebs.csi-mayastor"),
    ("juicefs-csi-driver", Role::Driver, "csi.juicefs.com"),
    ("longhorn-manager", Role::Driver, "driver.longhorn.io"),
    ("longhorn-instance-manager", Role::Helper, "driver.longhorn.io"),
    ("longhorn-share-manager", Role::Helper, "driver.longhorn.io"),
    ("longhorn-engine", Role::Helper, "driver.longhorn.io"),
    ("juicedata/mount", Role::Helper, "csi.juicefs.com"),
    ("local-path-provisioner", Role::Provisioner, "rancher.io/local-path"),
    ("nfs-subdir-external-provisioner", Role::Provisioner, ""),
    ("nfs-client-provisioner", Role::Provisioner, ""),
    ("nfs-provisioner", Role::Provisioner, ""),
    ("provisioner-localpv", Role::Provisioner, "openebs.io/local"),
    ("ceph/ceph", Role::Server, ""),
    ("mayastor-io-engine", Role::Server, ""),
    ("piraeus-server", Role::Server, ""),
    ("cloud-provider-vsphere", Role::Cloud, "vsphere"),
    ("cpi/release/manager", Role::Cloud, "vsphere"),
    ("vsphere-cloud-controller-manager", Role::Cloud, "vsphere"),
    ("provider-aws/cloud-controller-manager", Role::Cloud, "aws"),
    ("aws-cloud-controller-manager", Role::Cloud, "aws"),
    ("azure-cloud-controller-manager", Role::Cloud, "azure"),
    ("openstack-cloud-controller-manager", Role::Cloud, "openstack"),
    ("cloud-controller-manager", Role::Cloud, ""),
];

/// What a container is: by the program that it is told to run, else by its image, which may hold several programs. The image
/// names the driver where the program doesn't.
pub fn component(image: &str, program: &str) -> Option<Component> {
    let program = program_name(program);
    let known = |(_, role, name): &(&str, Role, &'static str)| Component { role: *role, name };
    let by_program = longest(|end| !program.is_empty() && end == program).map(known);
    let by_image = by_image(image).map(known);
    match (by_program, by_image) {
        (Some(program), Some(image)) if program.name.is_empty() => Some(Component { name: image.name, ..program }),
        (by_program, by_image) => by_program.or(by_image),
    }
}

/// The part of an image that tells what it is, with its tag: `csi-provisioner:v5.3.0`.
pub fn known_part(image: &str) -> Option<&str> {
    let (end, ..) = by_image(image)?;
    tagged(image).get(repository(image).len() - end.len()..)
}

fn by_image(image: &str) -> Option<&'static (&'static str, Role, &'static str)> {
    let repository = repository(image);
    longest(|end| repository.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with(['/', '-'])))
}

fn longest(fits: impl Fn(&str) -> bool) -> Option<&'static (&'static str, Role, &'static str)> {
    KNOWN.iter().filter(|(end, ..)| fits(end)).max_by_key(|(end, ..)| end.len())
}

/// A program without its folder and without the ending of Windows.
pub fn program_name(program: &str) -> &str {
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    name.strip_suffix(".exe").unwrap_or(name)
}

/// An image without its digest; with its tag.
pub fn tagged(image: &str) -> &str {
    image.split_once('@').map_or(image, |(tagged, _)| tagged)
}

/// An image without its tag and digest.
fn repository(image: &str) -> &str {
    let image = tagged(image);
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(image: &str, program: &str) -> Option<Role> {
        component(image, program).map(|component| component.role)
    }

    #[test]
    fn sidecars_are_known_from_whichever_registry_and_by_their_program() {
        for image in [
            "registry.k8s.io/sig-storage/csi-provisioner:v5.3.0",
            "rancher/mirrored-sig-storage-csi-provisioner:v5",
            "10.0.0.1:5000/csi-provisioner@sha256:0123",
            "quay.io/openshift/ose-csi-external-provisioner:v4.18",
        ] {
            assert_eq!(role(image, ""), Some(Role::Provisioner), "{image}");
        }
        assert_eq!(role("ghcr.io/topolvm/topolvm-with-sidecar:0.36.4", ""), Some(Role::Driver));
        assert_eq!(role("example.com/all-in-one:1", "/csi-attacher"), Some(Role::Attacher));
        let sidecar = component("ghcr.io/topolvm/topolvm-with-sidecar:0.36.4", "/csi-provisioner");
        assert_eq!(sidecar, Some(Component { role: Role::Provisioner, name: "topolvm.io" }));
        assert_eq!(role("example.com/all-in-one:1", "csi-node-driver-registrar.exe"), None);
        assert_eq!(role("", "C:\\bin\\node-driver-registrar.exe"), Some(Role::Registrar));
    }

    #[test]
    fn names_that_only_sound_like_it_are_none() {
        for image in ["example.com/csi-provisioner-dashboard:1", "example.com/mycsi/web:1", "csi", "topolvms:1", ""] {
            assert_eq!(role(image, ""), None, "{image}");
        }
    }

    #[test]
    fn a_longer_end_is_the_better_one() {
        let name = |image: &str| component(image, "").map(|component| component.name);
        assert_eq!(name("registry.k8s.io/provider-aws/cloud-controller-manager:v1.36.0"), Some("aws"));
        assert_eq!(name("digitalocean/digitalocean-cloud-controller-manager:v0.1"), Some(""));
    }
}
