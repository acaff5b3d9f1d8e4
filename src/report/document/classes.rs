//! The storage classes, and what stands behind each.

use serde::Serialize;

use super::capacity::{Tracking, tracking};
use super::{API_VERSION, FindingEntry};
use crate::dependencies::Drivers;
use crate::model::{Kind, StorageClass};
use crate::snapshot::{Lookup, Snapshot};
use crate::volumes::migration::{csi_driver_of, taken_over};

/// The classes of a cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StorageClasses<'a> {
    /// `storagewhy.dev/v1`.
    pub api_version: &'static str,
    /// `StorageClasses`.
    pub kind: &'static str,
    pub classes: Vec<ClassEntry<'a>>,
    /// What is wrong with classes and drivers.
    pub findings: Vec<FindingEntry<'a>>,
    /// What could not be read.
    pub unread: Vec<String>,
}

/// One class.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClassEntry<'a> {
    pub name: &'a str,
    pub provisioner: &'a str,
    /// Whether claims that name no class are given this one.
    pub default: bool,
    /// `Immediate` or `WaitForFirstConsumer`.
    pub binding_mode: &'a str,
    pub reclaim_policy: &'a str,
    pub expandable: bool,
    /// What makes its volumes.
    pub made_by: Maker,
    /// The workload that runs the provisioner, such as `Deployment nfs/nfs-client-provisioner`, where one is recognised.
    pub workload: Option<String>,
    /// Whether its driver publishes what is free.
    pub tracking: Tracking,
    /// How many nodes have the driver, for an in-tree plugin the CSI driver that took it over; null where CSINodes could not be read.
    pub driver_nodes: Option<usize>,
    /// How many claims of the class are bound.
    pub bound: usize,
    /// How many claims of the class are not.
    pub unbound: usize,
}

/// What makes the volumes of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "driver")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Maker {
    /// A CSI driver of the provisioner's name.
    Csi,
    /// The CSI driver that took over the in-tree plugin.
    Migrated(&'static str),
    /// The same, and that driver is not installed.
    MigratedToNothing(&'static str),
    /// A plugin that is a part of Kubernetes.
    InTree,
    /// A provisioner of its own, without CSI.
    External,
    /// Nobody: volumes are made by hand.
    Hand,
    /// It could not be read whether there is a CSI driver of this name.
    Unknown,
}

/// The kinds that the view rests on.
const KINDS: &[Kind] = &[Kind::StorageClass, Kind::CSIDriver, Kind::CSINode, Kind::PersistentVolumeClaim];

impl<'a> StorageClasses<'a> {
    /// The classes of a snapshot with what the diagnosis found of them.
    pub fn new(snapshot: &'a Snapshot, findings: Vec<FindingEntry<'a>>) -> Self {
        let drivers = Drivers::new(snapshot);
        let classes = snapshot.classes.seen();
        Self {
            api_version: API_VERSION,
            kind: "StorageClasses",
            classes: classes.iter().map(|class| ClassEntry::new(snapshot, &drivers, class)).collect(),
            findings,
            unread: super::unread(snapshot, KINDS),
        }
    }
}

impl<'a> ClassEntry<'a> {
    fn new(snapshot: &Snapshot, drivers: &Drivers<'_>, class: &'a StorageClass) -> Self {
        let of_class = snapshot.claims.seen().iter().filter(|claim| claim.class() == class.metadata.name);
        let (bound, unbound) = of_class.partition::<Vec<_>, _>(|claim| claim.status.phase == "Bound");
        let has_driver = |nodes: &[std::sync::Arc<crate::model::csi::CsiNode>]| {
            let driver = csi_driver_of(&class.provisioner).unwrap_or(&class.provisioner);
            nodes.iter().filter(|node| node.driver(driver).is_some()).count()
        };
        let workload = drivers.parts(&class.provisioner).into_iter().next();
        let driver_nodes = snapshot.csi_nodes.all().map(has_driver);
        let made_by = match maker(snapshot, &class.provisioner) {
            Maker::Unknown if workload.is_some() && driver_nodes == Some(0) => Maker::External,
            made_by => made_by,
        };
        Self {
            name: &class.metadata.name,
            provisioner: &class.provisioner,
            default: class.is_default(),
            binding_mode: class.volume_binding_mode.as_deref().unwrap_or("Immediate"),
            reclaim_policy: class.reclaim_policy.as_deref().unwrap_or("Delete"),
            expandable: class.allow_volume_expansion == Some(true),
            made_by,
            workload: workload.map(|part| format!("{} {}/{}", part.kind, part.namespace, part.name)),
            tracking: tracking(snapshot, &class.provisioner),
            driver_nodes,
            bound: bound.len(),
            unbound: unbound.len(),
        }
    }
}

fn maker(snapshot: &Snapshot, provisioner: &str) -> Maker {
    let tracking = tracking(snapshot, provisioner);
    if let Some(driver) = csi_driver_of(provisioner).filter(|_| migrated(snapshot, provisioner)) {
        let on_nodes = snapshot.csi_nodes.seen().iter().any(|node| node.driver(driver).is_some());
        let absent = matches!(snapshot.csi_drivers.get("", driver), Lookup::Absent) && !snapshot.csi_drivers.presumed();
        return if absent && !on_nodes { Maker::MigratedToNothing(driver) } else { Maker::Migrated(driver) };
    }
    match tracking {
        Tracking::Static => Maker::Hand,
        _ if provisioner.starts_with("kubernetes.io/") => Maker::InTree,
        Tracking::Tracked | Tracking::Untracked => Maker::Csi,
        Tracking::NoDriver if snapshot.csi_drivers.presumed() => Maker::Unknown,
        Tracking::NoDriver => Maker::External,
        Tracking::Unknown => Maker::Unknown,
    }
}

/// Whether nodes leave the in-tree plugin to a CSI driver.
fn migrated(snapshot: &Snapshot, plugin: &str) -> bool {
    let nodes = snapshot.nodes.seen();
    let csi_node = |name: &str| snapshot.csi_nodes.get("", name).found().map(|node| &**node);
    nodes.is_empty() || nodes.iter().any(|node| taken_over(plugin, csi_node(&node.metadata.name), Some(node)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Builder, Scope};

    #[test]
    fn a_class_says_what_stands_behind_it() {
        let mut builder = Builder::default();
        for (kind, object) in [
            (
                Kind::StorageClass,
                json!({
                    "metadata": {
                        "name": "lvm",
                        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                    },
                    "provisioner": "topolvm.io",
                    "volumeBindingMode": "WaitForFirstConsumer",
                }),
            ),
            (
                Kind::CSINode,
                json!({"metadata": {"name": "a"}, "spec": {"drivers": [{"name": "topolvm.io", "nodeID": "a"}]}}),
            ),
            (Kind::CSINode, json!({"metadata": {"name": "b"}})),
            (
                Kind::PersistentVolumeClaim,
                json!({
                    "metadata": {"namespace": "app", "name": "x"},
                    "spec": {"storageClassName": "lvm"},
                    "status": {"phase": "Pending"},
                }),
            ),
        ] {
            builder.add(kind, object).unwrap();
        }
        let snapshot = builder.build(&Scope::All);
        let classes = StorageClasses::new(&snapshot, Vec::new());
        let class = &classes.classes[0];
        assert!(class.default && !class.expandable);
        assert_eq!((class.binding_mode, class.reclaim_policy), ("WaitForFirstConsumer", "Delete"));
        assert_eq!((class.driver_nodes, class.bound, class.unbound), (Some(1), 0, 1));
        assert_eq!(class.tracking, Tracking::NoDriver);
    }

    #[test]
    fn what_makes_the_volumes_is_told_without_a_csi_driver_too() {
        let class = |name: &str, provisioner: &str| {
            (Kind::StorageClass, json!({"metadata": {"name": name}, "provisioner": provisioner}))
        };
        let provisioner = json!({"name": "p", "image": "registry.k8s.io/sig-storage/nfs-subdir-external-provisioner:v4",
            "env": [{"name": "PROVISIONER_NAME", "value": "example.com/nfs"}]});
        let mut builder = Builder::default();
        for (kind, object) in [
            class("a-nfs", "example.com/nfs"),
            class("b-ebs", "kubernetes.io/aws-ebs"),
            class("c-disk", "kubernetes.io/azure-disk"),
            class("d-hand", "kubernetes.io/no-provisioner"),
            (Kind::CSIDriver, json!({"metadata": {"name": "disk.csi.azure.com"}})),
            (
                Kind::Deployment,
                json!({"metadata": {"namespace": "nfs", "name": "nfs"},
                    "spec": {"template": {"spec": {"containers": [provisioner]}}}}),
            ),
        ] {
            builder.add(kind, object).unwrap();
        }
        let snapshot = builder.build(&Scope::All);
        let classes = StorageClasses::new(&snapshot, Vec::new());
        let made_by: Vec<Maker> = classes.classes.iter().map(|class| class.made_by).collect();
        assert_eq!(
            made_by,
            [
                Maker::External,
                Maker::MigratedToNothing("ebs.csi.aws.com"),
                Maker::Migrated("disk.csi.azure.com"),
                Maker::Hand,
            ]
        );
        assert_eq!(classes.classes[0].workload.as_deref(), Some("Deployment nfs/nfs"));
    }
}
