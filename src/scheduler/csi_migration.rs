//! Which in-tree volumes the scheduler takes for their CSI twins. VolumeBinding and NodeVolumeLimits ask differently
//! (`plugins/volumebinding/binder.go` and `plugins/nodevolumelimits/utils.go`, isCSIMigrationOn).

use super::release;
use crate::model::CsiNode;
use crate::model::version::Version;

const MIGRATED_PLUGINS: &str = "storage.alpha.kubernetes.io/migrated-plugins";

/// Whether the scheduler knows of the plugin's migration at all; its list is shorter than the PV controller's.
fn known(version: Version, plugin: &str) -> bool {
    match plugin {
        "kubernetes.io/aws-ebs" | "kubernetes.io/gce-pd" | "kubernetes.io/azure-disk" | "kubernetes.io/cinder" => true,
        "kubernetes.io/portworx-volume" => release::migrates_portworx(version),
        _ => false,
    }
}

/// VolumeBinding's question: the node's kubelet must have announced the migration.
pub(crate) fn announced(version: Version, csi_node: &CsiNode, plugin: &str) -> bool {
    let list = csi_node.metadata.annotations.get(MIGRATED_PLUGINS);
    known(version, plugin) && list.is_some_and(|list| list.split(',').any(|name| name == plugin))
}

/// NodeVolumeLimits' question: where there is a CSINode it takes most migrations for granted.
pub(crate) fn counts(version: Version, csi_node: Option<&CsiNode>, plugin: &str) -> bool {
    csi_node.is_some_and(|csi_node| {
        announced(version, csi_node, plugin) || release::migrated_without_annotation(version, plugin)
    })
}
