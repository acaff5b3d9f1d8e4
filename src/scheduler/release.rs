//! What differs between releases of kube-scheduler, from 1.24 to 1.36: texts, and rules that changed.

use crate::model::version::Version;

const fn since(minor: u32) -> Version {
    Version::new(1, minor)
}

/// TaintToleration's text names the first taint that isn't tolerated.
pub(crate) fn names_untolerated_taint(version: Version) -> bool {
    version < since(34)
}

macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident: $minor:literal,)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name(version: Version) -> bool {
            version >= since($minor)
        }
    )*};
}

facts! {
    /// ReadWriteOncePod is enforced by default.
    enforces_read_write_once_pod: 27,
    /// VolumeZone looks claims up at PreFilter and rejects there.
    zone_pre_filters: 27,
    /// A beta zone label of a volume is compared with the node's general one.
    translates_zone_labels: 29,
    /// VolumeAttachments count towards a node's volume limit.
    counts_attachments: 29,
    /// Volume limits take every plugin of the list for migrated, without asking the CSINode's annotation.
    migrated_without_annotation: 36,
    /// Portworx volumes count as their CSI twins.
    migrates_portworx: 31,
    /// Claims and volumes must agree on the VolumeAttributesClass.
    compares_attributes_class: 34,
    /// A request above a node's allocatable can't be helped by preemption.
    allocatable_is_final: 34,
    /// Sidecars count with their requests.
    counts_sidecars: 29,
    /// Host ports of sidecars count.
    counts_sidecar_ports: 33,
    /// Pods that are being resized count with what the kubelet says.
    counts_resizes: 33,
    /// Pod-level requests replace the containers' sum.
    pod_level_resources: 34,
    /// Pod-level requests that are being resized count with what the kubelet says.
    pod_level_resizes: 36,
    /// A device class can stand for an extended resource.
    extended_resources_by_device_class: 36,
    /// Spread constraints know `minDomains` and `matchLabelKeys`, and count nothing for an empty selector.
    newer_spread: 27,
    /// Spread constraints have inclusion policies.
    spread_inclusion_policies: 26,
    /// DynamicResources is a default plugin.
    dynamic_resources: 34,
    /// Pods that are placed but not yet bound are nominated to their node (NominatedNodeNameForExpectation).
    nominates_placed: 35,
    /// NodeDeclaredFeatures is a default plugin.
    declared_features: 36,
    /// VolumeRestrictions has its newer text for a ReadWriteOncePod claim in use.
    newer_claim_in_use_text: 34,
    /// VolumeBinding has its newer text for a bound volume that can't be reached from the node.
    newer_volume_affinity_text: 33,
    /// A PreFilter rejection is told once and not for every node.
    pre_filter_message: 26,
    /// Nodes that PreFilter left out are told as such.
    tells_left_out_nodes: 32,
}

/// Whether the message of the PostFilter plugins gets a full stop of its own.
pub(crate) fn extra_full_stop(version: Version) -> bool {
    (since(26)..since(29)).contains(&version)
}
