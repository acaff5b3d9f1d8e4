//! What is free, by class and topology segment, and what pending claims ask.

use serde::Serialize;

use super::API_VERSION;
use crate::model::selector::LabelSelector;
use crate::model::{Claim, CsiStorageCapacity, Kind, Quantity, StorageClass};
use crate::snapshot::{Lookup, Snapshot};

/// The provisioner of classes whose volumes are made by hand.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// Room by class.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Capacity {
    /// `storagewhy.dev/v1`.
    pub api_version: &'static str,
    /// `Capacity`.
    pub kind: &'static str,
    /// The size that `fits` counts, in bytes; null where each class counts its largest pending claim.
    pub size_bytes: Option<i64>,
    pub classes: Vec<ClassCapacity>,
    /// What could not be read.
    pub unread: Vec<String>,
}

/// Room for the volumes of one class.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClassCapacity {
    pub name: String,
    pub provisioner: String,
    pub tracking: Tracking,
    /// One entry a CSIStorageCapacity of the class.
    pub segments: Vec<Segment>,
    /// The volumes of the class that no claim has.
    pub available: Volumes,
    /// The claims of the class that aren't bound.
    pub pending: Pending,
    /// The size that `fits` counts, in bytes; null where nothing was asked and no claim is pending.
    pub counted_bytes: Option<i64>,
    /// How many more volumes of that size fit in all segments; null where that isn't known.
    pub fits: Option<i64>,
}

/// Whether the scheduler knows of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Tracking {
    /// The driver publishes its room, and the scheduler counts on it.
    Tracked,
    /// The driver publishes no room, and the scheduler doesn't look at it.
    Untracked,
    /// There is no such CSIDriver.
    NoDriver,
    /// Volumes are made by hand.
    Static,
    /// The CSIDriver could not be read.
    Unknown,
}

/// The room in one topology segment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Segment {
    /// The labels of the nodes of the segment, such as `topology.topolvm.io/node=worker-1`; empty for every node.
    pub topology: String,
    /// The nodes of the segment; null where nodes could not be read.
    pub nodes: Option<Vec<String>>,
    /// What is free, in bytes; null where the driver doesn't say.
    pub free_bytes: Option<i64>,
    /// The largest single volume, in bytes: `maximumVolumeSize`, else what is free.
    pub largest_bytes: Option<i64>,
    /// How many more volumes of the counted size fit; null where that isn't known.
    pub fits: Option<i64>,
}

/// Volumes that no claim has.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Volumes {
    pub count: usize,
    pub largest_bytes: Option<i64>,
}

/// What unbound claims ask.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Pending {
    pub count: usize,
    pub total_bytes: i64,
    pub largest_bytes: Option<i64>,
}

impl Capacity {
    /// The room in a snapshot; pending claims are those of the namespace, or of all.
    pub fn new(snapshot: &Snapshot, namespace: Option<&str>, size: Option<&Quantity>) -> Self {
        let size = size.map(Quantity::value);
        let classes = snapshot.classes.seen().iter();
        Self {
            api_version: API_VERSION,
            kind: "Capacity",
            size_bytes: size,
            classes: classes.map(|class| ClassCapacity::new(snapshot, class, namespace, size)).collect(),
            unread: super::unread(snapshot, KINDS),
        }
    }
}

impl ClassCapacity {
    fn new(snapshot: &Snapshot, class: &StorageClass, namespace: Option<&str>, size: Option<i64>) -> Self {
        let name = &class.metadata.name;
        let pending = pending(snapshot, name, namespace);
        let counted = size.or(pending.largest_bytes);
        let capacities = snapshot.capacities.seen().iter().filter(|capacity| capacity.storage_class_name == *name);
        let mut segments: Vec<Segment> = capacities.map(|capacity| Segment::new(snapshot, capacity, counted)).collect();
        segments.sort_by(|a, b| a.topology.cmp(&b.topology));
        Self {
            name: name.clone(),
            provisioner: class.provisioner.clone(),
            tracking: tracking(snapshot, &class.provisioner),
            fits: counted.and_then(|_| segments.iter().map(|segment| segment.fits).sum()),
            segments,
            available: available(snapshot, name),
            pending,
            counted_bytes: counted,
        }
    }
}

impl Segment {
    fn new(snapshot: &Snapshot, capacity: &CsiStorageCapacity, size: Option<i64>) -> Self {
        let free = capacity.capacity.as_ref().map(Quantity::value);
        let largest = capacity.limit().map(Quantity::value);
        Self {
            topology: capacity.node_topology.as_ref().map(describe).unwrap_or_default(),
            nodes: nodes(snapshot, capacity.node_topology.as_ref()),
            free_bytes: free,
            largest_bytes: largest,
            fits: size.and_then(|size| fits(size, free, largest)),
        }
    }
}

/// How many volumes of a size fit. Room that is given without an amount, only with a largest size, can't be counted.
fn fits(size: i64, free: Option<i64>, largest: Option<i64>) -> Option<i64> {
    match (free, largest) {
        (_, Some(largest)) if largest < size => Some(0),
        (Some(free), _) if size > 0 => Some(free / size),
        _ => None,
    }
}

pub(super) fn tracking(snapshot: &Snapshot, provisioner: &str) -> Tracking {
    if provisioner == NO_PROVISIONER {
        return Tracking::Static;
    }
    match snapshot.csi_drivers.get("", provisioner) {
        Lookup::Found(driver) if driver.spec.storage_capacity == Some(true) => Tracking::Tracked,
        Lookup::Found(_) => Tracking::Untracked,
        Lookup::Absent => Tracking::NoDriver,
        Lookup::Unknown => Tracking::Unknown,
    }
}

/// A selector in the words of `kubectl -l`.
fn describe(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let expressions = selector.match_expressions.iter().map(|requirement| match requirement.operator.as_str() {
        "In" if requirement.values.len() == 1 => format!("{}={}", requirement.key, requirement.values[0]),
        "Exists" => requirement.key.clone(),
        operator => {
            format!("{} {} ({})", requirement.key, operator.to_ascii_lowercase(), requirement.values.join(","))
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}

/// The nodes that a segment has; a capacity without a selector is reachable from none
/// (`pkg/scheduler/framework/plugins/volumebinding/binder.go`, nodeHasAccess).
fn nodes(snapshot: &Snapshot, selector: Option<&LabelSelector>) -> Option<Vec<String>> {
    let nodes = snapshot.nodes.all()?.iter();
    let selected = nodes.filter(|node| selector.is_some_and(|selector| selector.matches(&node.metadata.labels)));
    Some(selected.map(|node| node.metadata.name.clone()).collect())
}

fn available(snapshot: &Snapshot, class: &str) -> Volumes {
    let free = snapshot.volumes.seen().iter().filter(|volume| {
        volume.class() == class && volume.status.phase == "Available" && volume.spec.claim_ref.is_none()
    });
    let sizes: Vec<i64> = free.map(|volume| volume.capacity().map_or(0, Quantity::value)).collect();
    Volumes { count: sizes.len(), largest_bytes: sizes.into_iter().max() }
}

fn pending(snapshot: &Snapshot, class: &str, namespace: Option<&str>) -> Pending {
    let in_scope = |claim: &Claim| namespace.is_none_or(|namespace| claim.metadata.namespace == namespace);
    let claims = snapshot.claims.seen().iter();
    let claims = claims.filter(|claim| claim.class() == class && claim.status.phase == "Pending" && in_scope(claim));
    let sizes: Vec<i64> = claims.map(|claim| claim.request().map_or(0, Quantity::value)).collect();
    Pending {
        count: sizes.len(),
        total_bytes: sizes.iter().fold(0, |total, size| total.saturating_add(*size)),
        largest_bytes: sizes.into_iter().max(),
    }
}

/// The kinds that the figures rest on.
pub const KINDS: &[Kind] = &[
    Kind::StorageClass,
    Kind::CSIStorageCapacity,
    Kind::CSIDriver,
    Kind::PersistentVolumeClaim,
    Kind::PersistentVolume,
    Kind::Node,
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Builder, Problem, Scope};

    fn snapshot(capacity: serde_json::Value) -> Snapshot {
        let mut builder = Builder::default();
        let capacity = {
            let mut object = json!({
                "metadata": {"namespace": "sys", "name": "c1"},
                "storageClassName": "lvm",
                "nodeTopology": {"matchLabels": {"node": "a"}},
            });
            object.as_object_mut().unwrap().extend(capacity.as_object().unwrap().clone());
            object
        };
        let claim = |name: &str, size: &str, phase: &str| {
            json!({
                "metadata": {"namespace": "app", "name": name},
                "spec": {"storageClassName": "lvm", "resources": {"requests": {"storage": size}}},
                "status": {"phase": phase},
            })
        };
        for (kind, object) in [
            (Kind::StorageClass, json!({"metadata": {"name": "lvm"}, "provisioner": "topolvm.io"})),
            (Kind::CSIDriver, json!({"metadata": {"name": "topolvm.io"}, "spec": {"storageCapacity": true}})),
            (Kind::CSIStorageCapacity, capacity),
            (Kind::Node, json!({"metadata": {"name": "a", "labels": {"node": "a"}}})),
            (Kind::Node, json!({"metadata": {"name": "b", "labels": {"node": "b"}}})),
            (Kind::PersistentVolumeClaim, claim("one", "10Gi", "Pending")),
            (Kind::PersistentVolumeClaim, claim("two", "45Gi", "Pending")),
            (Kind::PersistentVolumeClaim, claim("three", "90Gi", "Bound")),
        ] {
            builder.add(kind, object).unwrap();
        }
        builder.build(&Scope::All)
    }

    fn only(capacity: &Capacity) -> &ClassCapacity {
        assert_eq!(capacity.classes.len(), 1);
        &capacity.classes[0]
    }

    #[test]
    fn the_largest_pending_claim_is_counted_where_no_size_is_asked() {
        let report = Capacity::new(&snapshot(json!({"capacity": "100Gi"})), None, None);
        let class = only(&report);
        assert_eq!(class.tracking, Tracking::Tracked);
        assert_eq!((class.pending.count, class.pending.total_bytes), (2, 55 << 30));
        assert_eq!((class.counted_bytes, class.fits), (Some(45 << 30), Some(2)));
        let segment = &class.segments[0];
        assert_eq!((segment.topology.as_str(), segment.nodes.as_deref()), ("node=a", Some(&["a".to_owned()][..])));
    }

    #[test]
    fn a_volume_above_the_maximum_size_fits_nowhere_however_much_is_free() {
        let size = Quantity::parse("20Gi").unwrap();
        let report = Capacity::new(
            &snapshot(json!({"capacity": "100Gi", "maximumVolumeSize": "15Gi"})),
            Some("app"),
            Some(&size),
        );
        assert_eq!(only(&report).fits, Some(0));
        assert_eq!(only(&report).segments[0].largest_bytes, Some(15 << 30));
    }

    #[test]
    fn room_without_an_amount_is_not_counted() {
        let report = Capacity::new(&snapshot(json!({"maximumVolumeSize": "50Gi"})), Some("other"), None);
        assert_eq!(only(&report).pending.count, 0);
        assert_eq!((only(&report).counted_bytes, only(&report).fits), (None, None));
        let size = Quantity::parse("45Gi").unwrap();
        assert_eq!(only(&Capacity::new(&snapshot(json!({"maximumVolumeSize": "50Gi"})), None, Some(&size))).fits, None);
    }

    #[test]
    fn what_was_not_read_is_said() {
        let report = Capacity::new(&Builder::default().build(&Scope::Nothing(Problem::Forbidden)), None, None);
        assert!(report.classes.is_empty());
        assert_eq!(report.unread.len(), KINDS.len());
        assert!(report.unread.contains(&"csistoragecapacities (forbidden)".to_owned()), "{:?}", report.unread);
    }
}
