//! What differs between releases of kube-scheduler, from 1.24 to 1.37: texts, and rules that changed.

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
    counts_attachments: 32,
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
    /// DynamicResources' PostFilter says nothing where it has nothing to deallocate.
    silent_without_deallocation: 37,
    /// A message tells that preemption found a place.
    tells_preemption: 37,
    /// A driver can ask that its pods only go where it is installed (VolumeLimitScaling).
    asks_for_installed_drivers: 37,
    /// What pods that are being resized count with is compared for the whole pod and not container by container.
    sums_resizes: 37,
    /// A PreFilter rejection is told once and not for every node.
    pre_filter_message: 26,
    /// Nodes that PreFilter left out are told as such.
    tells_left_out_nodes: 32,
}

/// Whether volume limits take an in-tree plugin for migrated without asking the CSINode's annotation: since its feature
/// gate is gone (`plugins/nodevolumelimits/utils.go`).
pub(crate) fn migrated_without_annotation(version: Version, plugin: &str) -> bool {
    match plugin {
        "kubernetes.io/cinder" => true,
        "kubernetes.io/aws-ebs" | "kubernetes.io/azure-disk" => version >= since(27),
        "kubernetes.io/gce-pd" => version >= since(28),
        "kubernetes.io/portworx-volume" => version >= since(36),
        _ => false,
    }
}

/// Whether the message of the PostFilter plugins gets a full stop of its own: `SeparatorFormat` in `types.go` puts one
/// after each part from v1.26.0 to v1.28.15, and has been gone since v1.29.0-alpha.1.
pub(crate) fn extra_full_stop(version: Version) -> bool {
    (since(26)..since(29)).contains(&version)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::migrated_without_annotation;
    use crate::model::Kind;
    use crate::model::version::Version;
    use crate::scheduler::{Scheduler, SchedulerConfig};
    use crate::snapshot::{Builder, Scope};

    type Objects = Vec<(Kind, Value)>;

    /// What the scheduler of a minor release says of pod `p`.
    fn message(minor: u32, objects: &Objects) -> String {
        let mut builder = Builder::default();
        for (kind, object) in objects {
            builder.add(*kind, object.clone()).unwrap_or_else(|error| panic!("{error}"));
        }
        let snapshot = builder.build(&Scope::All);
        let scheduler = Scheduler::new(&snapshot, Version::new(1, minor), SchedulerConfig::default());
        let pod = snapshot.pods.get("default", "p").found().unwrap_or_else(|| panic!("no pod"));
        scheduler.judge(pod).message.clone().unwrap_or_default()
    }

    fn node(cpu: &str) -> (Kind, Value) {
        let allocatable = json!({"cpu": cpu, "memory": "8Gi", "pods": "9"});
        (Kind::Node, json!({"metadata": {"name": "n"}, "status": {"allocatable": allocatable}}))
    }

    fn pod(name: &str, node: &str, priority: i32, cpu: &str) -> Value {
        json!({"metadata": {"name": name}, "spec": {"nodeName": node, "priority": priority,
            "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]}})
    }

    #[test]
    fn of_pods_without_resource_claims_dynamic_resources_spoke_from_1_34_to_1_36() {
        let objects = vec![node("1"), (Kind::Pod, pod("p", "", 0, "2"))];
        let told = "0/1 nodes are available: 1 Insufficient cpu.";
        let preemption = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
        for minor in [34, 35, 36] {
            assert_eq!(message(minor, &objects), format!("{told} no new claims to deallocate, {preemption}"));
        }
        assert_eq!(message(37, &objects), format!("{told} {preemption}"));
    }

    #[test]
    fn a_plugin_is_taken_for_migrated_since_its_gate_is_gone() {
        let first = |plugin: &str| (24..38).find(|minor| migrated_without_annotation(Version::new(1, *minor), plugin));
        assert_eq!(first("kubernetes.io/cinder"), Some(24));
        assert_eq!(first("kubernetes.io/aws-ebs"), Some(27));
        assert_eq!(first("kubernetes.io/gce-pd"), Some(28));
        assert_eq!(first("kubernetes.io/portworx-volume"), Some(36));
        assert_eq!(first("kubernetes.io/rbd"), None);
    }

    #[test]
    fn since_1_37_a_message_tells_where_preemption_makes_room() {
        let objects = vec![node("2"), (Kind::Pod, pod("low", "n", 0, "2")), (Kind::Pod, pod("p", "", 9, "1"))];
        assert_eq!(message(36, &objects), "0/1 nodes are available: 1 Insufficient cpu.");
        let found = "preemption: found a potential placement for pod on node n, preempting 1 victims";
        assert_eq!(message(37, &objects), format!("0/1 nodes are available: 1 Insufficient cpu. {found}"));
    }

    #[test]
    fn what_is_attached_counts_towards_the_limit_since_1_32() {
        let volume = |name: &str| {
            let source = json!({"driver": "d", "volumeHandle": name});
            (Kind::PersistentVolume, json!({"metadata": {"name": name}, "spec": {"csi": source}}))
        };
        let mut pod = pod("p", "", 0, "1");
        pod["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
        let drivers = json!([{"name": "d", "nodeID": "n", "allocatable": {"count": 1}}]);
        let objects = vec![
            node("2"),
            (Kind::Pod, pod),
            volume("own"),
            volume("other"),
            (Kind::CSINode, json!({"metadata": {"name": "n"}, "spec": {"drivers": drivers}})),
            (
                Kind::PersistentVolumeClaim,
                json!({"metadata": {"name": "c", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
                    "spec": {"volumeName": "own"}}),
            ),
            (
                Kind::VolumeAttachment,
                json!({"metadata": {"name": "a"}, "spec": {"attacher": "d", "nodeName": "n",
                    "source": {"persistentVolumeName": "other"}}}),
            ),
        ];
        assert_eq!(message(31, &objects), "");
        assert!(message(32, &objects).contains("1 node(s) exceed max volume count"));
    }

    #[test]
    fn since_1_37_a_driver_can_ask_to_be_installed() {
        let cluster = |asks: bool, drivers: Value| {
            let mut pod = pod("p", "", 0, "1");
            pod["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
            vec![
                node("2"),
                (Kind::Pod, pod),
                (Kind::CSINode, json!({"metadata": {"name": "n"}, "spec": {"drivers": drivers}})),
                (Kind::CSIDriver, json!({"metadata": {"name": "d"}, "spec": {"preventPodSchedulingIfMissing": asks}})),
                (
                    Kind::StorageClass,
                    json!({"metadata": {"name": "late"}, "provisioner": "d", "volumeBindingMode": "WaitForFirstConsumer"}),
                ),
                (Kind::PersistentVolumeClaim, json!({"metadata": {"name": "c"}, "spec": {"storageClassName": "late"}})),
            ]
        };
        let lacks = "0/1 nodes are available: 1 d CSI driver is not installed on the node. preemption: 0/1 nodes are \
                     available: 1 No preemption victims found for incoming pod.";
        assert_eq!(message(37, &cluster(true, json!([]))), lacks);
        assert_eq!(message(36, &cluster(true, json!([]))), "", "the field did nothing then");
        assert_eq!(message(37, &cluster(false, json!([]))), "", "the driver doesn't ask");
        assert_eq!(message(37, &cluster(true, json!([{"name": "d", "nodeID": "n"}]))), "", "it is installed");
    }
}
