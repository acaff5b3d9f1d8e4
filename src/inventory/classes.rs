//! The storage classes, and what stands behind each.

use serde::Serialize;

use super::capacity::{Tracking, tracking};
use crate::model::{Kind, StorageClass};
use crate::report::document::{API_VERSION, FindingEntry};
use crate::snapshot::Snapshot;

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
    /// Whether its driver publishes what is free.
    pub tracking: Tracking,
    /// How many nodes have the driver; null where CSINodes could not be read.
    pub driver_nodes: Option<usize>,
    /// How many claims of the class are bound.
    pub bound: usize,
    /// How many claims of the class are not.
    pub unbound: usize,
}

/// The kinds that the view rests on.
const KINDS: &[Kind] = &[Kind::StorageClass, Kind::CSIDriver, Kind::CSINode, Kind::PersistentVolumeClaim];

impl<'a> StorageClasses<'a> {
    /// The classes of a snapshot with what the diagnosis found of them.
    pub fn new(snapshot: &'a Snapshot, findings: Vec<FindingEntry<'a>>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "StorageClasses",
            classes: snapshot.classes.seen().iter().map(|class| ClassEntry::new(snapshot, class)).collect(),
            findings,
            unread: super::unread(snapshot, KINDS),
        }
    }
}

impl<'a> ClassEntry<'a> {
    fn new(snapshot: &Snapshot, class: &'a StorageClass) -> Self {
        let of_class = snapshot.claims.seen().iter().filter(|claim| claim.class() == class.metadata.name);
        let (bound, unbound) = of_class.partition::<Vec<_>, _>(|claim| claim.status.phase == "Bound");
        let has_driver = |nodes: &[std::sync::Arc<crate::model::csi::CsiNode>]| {
            nodes.iter().filter(|node| node.driver(&class.provisioner).is_some()).count()
        };
        Self {
            name: &class.metadata.name,
            provisioner: &class.provisioner,
            default: class.is_default(),
            binding_mode: class.volume_binding_mode.as_deref().unwrap_or("Immediate"),
            reclaim_policy: class.reclaim_policy.as_deref().unwrap_or("Delete"),
            expandable: class.allow_volume_expansion == Some(true),
            tracking: tracking(snapshot, &class.provisioner),
            driver_nodes: snapshot.csi_nodes.all().map(has_driver),
            bound: bound.len(),
            unbound: unbound.len(),
        }
    }
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
}
