//! What some words of clouds, of shares' servers and of mount programs mean.

/// Words, and what they mean; the first that fits is told.
pub(super) const MEANINGS: &[(&str, &str)] = &[
    (
        "you might need a /sbin/mount.",
        "the node lacks the mount program for this kind of file system, such as nfs-common or cifs-utils",
    ),
    (
        "conflicting SELinux labels",
        "pods on one node mount the volume with different SELinux labels, and it can have one only: give them the same \
         level, or set seLinuxChangePolicy: Recursive",
    ),
    (
        "AssumeRoleWithWebIdentity",
        "the driver can't take its role: the annotation of its service account must name the role (not a policy), and the \
         role's trust policy this service account; pods that ran before the annotation must be made anew",
    ),
    ("get credentials", "the driver gets no credentials from its cloud: no role, or no way to the metadata service"),
    (
        "failed to get an available volume",
        "EC2 made the volume and took it away at once, mostly because the driver's role may not use the key with which it \
         is to be encrypted (KMS)",
    ),
    (
        "InvalidVolume.NotFound",
        "the cloud has no such disk: it was deleted there, or belongs to another account or region",
    ),
    ("DiskNotFound", "the cloud has no such disk: it was deleted there"),
    ("InvalidInstanceID.NotFound", "the cloud has no such machine: the node was taken away there"),
    ("ZONE_RESOURCE_POOL_EXHAUSTED", "the cloud has no room for such disks in this zone for now"),
    ("InsufficientVolumeCapacity", "the cloud has no room for such disks in this zone for now"),
    ("AttachDiskWhileBeingDetached", "the disk is still being taken off a machine"),
    ("ExpiredToken", "the driver's credentials for its cloud have expired"),
    ("InvalidClientTokenId", "the cloud does not know the driver's credentials"),
    (
        "AADSTS",
        "Microsoft Entra refuses the driver's identity: a secret that has expired, or an identity that is not assigned",
    ),
    ("CustomerKeyHasBeenRevoked", "the key with which the disk is encrypted can't be used any more"),
    ("ZoneMismatch", "the disk and the machine are in different zones"),
    ("same availability zone", "the disk and the machine are in different zones"),
    (
        "disk type cannot be used by",
        "this kind of machine does not take this kind of disk: the class must name another",
    ),
    ("due to backoff condition", "the driver waits before it tries again; an earlier failure says why"),
    ("volume attachment is being deleted", "the driver still detaches the volume from this very node"),
    (
        "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
        "the disk is attached to another machine, whether or not Kubernetes knows of it",
    ),
    ("VolumeInUse", "the disk is attached to another machine, whether or not Kubernetes knows of it"),
    ("QuotaExceeded", "a quota of the cloud is used up"),
    (
        "Failed to resolve",
        "the file system's name is not in the DNS of the node's network: mostly the zone or the network has no mount target, \
         or DNS host names are off there; the file system's id is seldom wrong",
    ),
    ("mount error(2)", "the server has no such share"),
    ("mount error(115)", "the server does not answer on the port of the share: a firewall or a security group"),
    ("mount error(112)", "the server is down or can't be reached"),
    ("incorrect mount option", "the file system does not know one of the volume's mount options"),
    ("Protocol not supported", "the server does not speak the version that the volume's mount options ask for"),
    ("Stale file handle", "the server has the export no more, or under another identity: it must be mounted anew"),
];

/// The same for words that others may stand beside.
pub(super) const LAST: &[(&str, &str)] = &[
    ("write access", "the disk can be mounted for reading only"),
    ("write-protected", "the disk can be mounted for reading only"),
    ("cannot mount /dev/", "the disk can be mounted for reading only"),
];
