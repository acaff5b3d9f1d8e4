//! What some words of drivers and of mount programs mean. The API shows no more of these faults than the words.

use super::cloud_faults;
use super::vsphere;

/// Words, and what they mean; the first that fits is told.
const MEANINGS: &[(&str, &str)] = &[
    (
        "Waiting for volume share",
        "the server that shares the volume (a share-manager pod in the driver's namespace) does not stay up",
    ),
    (
        "is still being used",
        "a client on another node still holds the image open: one that is lost must be fenced off first",
    ),
    ("is not ready for workloads", "the storage behind the driver has no healthy copy of the volume to offer"),
    ("not scheduled", "the storage behind the driver found no place for the volume's copies"),
    ("already exists", "an earlier call for the same volume has not ended; what it hangs on is the root"),
    (
        "bad option; for several filesystems",
        "the node lacks the mount program for this kind of file system, such as nfs-common or cifs-utils",
    ),
    (
        ".sock: connect: permission denied",
        "the container may not open the driver's socket: SELinux or AppArmor of the node confines it, or it runs as a user \
         that may not",
    ),
    (
        "volume mode \"Ephemeral\" not supported",
        "the driver takes no volumes that a pod gives inline: give the pod a claim, or a generic ephemeral volume \
         (spec.volumes[].ephemeral)",
    ),
    ("executable file not found", "the node lacks a program that the driver calls"),
    ("iscsiadm", "the node lacks the iSCSI initiator (open-iscsi), or it does not run"),
    (
        "bad superblock",
        "the file system on the disk can't be mounted: another type, damage, or a clone beside its source with the same UUID",
    ),
    ("access denied by server", "the server does not export the path to this node"),
    ("mount error(13)", "the share's credentials are refused"),
    ("UnauthorizedOperation", "the driver's cloud identity lacks the permission for this call"),
    ("AccessDenied", "the driver's cloud identity lacks the permission for this call"),
    ("AuthorizationFailed", "the driver's cloud identity lacks the permission for this call"),
    ("is not in zone", "the disk and the machine are in different zones"),
    (
        "missing configuration for cluster ID",
        "the driver's configuration does not know the cluster that the class names",
    ),
    ("empty monitor list", "the driver's configuration names no monitors for the cluster that the class names"),
    ("No such file or directory", "a path that the driver needs is not there on the node or the server"),
    ("dial tcp: lookup ", "the cluster's DNS does not answer, or does not know the name"),
    ("connection refused", "nothing answers at the address that the driver calls"),
    ("no route to host", "the node does not reach the storage"),
    ("i/o timeout", "the storage does not answer the driver in time"),
];

/// What a driver's words mean, where they are known.
pub(in crate::rules) fn meaning(words: &str) -> Option<&'static str> {
    vsphere::MEANINGS
        .iter()
        .chain(cloud_faults::MEANINGS)
        .chain(MEANINGS)
        .chain(cloud_faults::LAST)
        .find(|(known, _)| words.contains(known))
        .map(|(_, meaning)| *meaning)
}

/// Whether the words only say that time ran out, or that an earlier attempt has not ended: never the cause.
pub(in crate::rules) fn says_nothing(words: &str) -> bool {
    let text = words.to_lowercase();
    ["deadline exceeded", "deadlineexceeded", "timed out", "timedout", "timeout", "context canceled"]
        .iter()
        .any(|nothing| text.contains(nothing))
        && meaning(words).is_none()
}

/// Whether the words only say that another attempt is not over, or that time ran out: a sibling may say why.
pub(in crate::rules) fn echoes(words: &str) -> bool {
    says_nothing(words)
        || words.contains("due to backoff condition")
        || words.contains("already exists") && words.to_lowercase().contains("operation")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_only_say_that_time_ran_out_are_no_cause() {
        assert!(says_nothing("rpc error: code = DeadlineExceeded desc = context deadline exceeded"));
        assert!(says_nothing("timed out waiting for the condition"));
        assert!(!says_nothing("dial tcp 10.0.0.1:3260: i/o timeout"));
        assert!(!says_nothing("no slot"));
    }

    #[test]
    fn echoes_of_an_earlier_attempt_are_known() {
        assert!(echoes("ControllerPublish not permitted on node \"n1\" due to backoff condition"));
        assert!(echoes("an operation with the given Volume ID vol-1 already exists"));
        assert!(!echoes("file share already exists with other parameters"));
    }

    #[test]
    fn a_known_fault_is_told_what_it_means() {
        assert!(meaning("vim.fault.DeviceUnsupportedForVmVersion").is_some_and(|it| it.contains("hardware version")));
        assert_eq!(meaning("no slot"), None);
    }
}
