//! How many volumes of which driver a node holds.

use std::collections::BTreeSet;

use serde_json::json;

use super::{NodeVolumeLimits, Reason, limits};
use crate::model::{CsiNode, Kind, ObjectRef};
use crate::scheduler::claim_obstacles;
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::obstacle::{Fact, Obstacle, patch};
use crate::scheduler::present_volumes::VolumeKey;
use crate::scheduler::reason::Reason as AnyReason;
use crate::snapshot::{Edit, Lookup};

impl<'c> NodeVolumeLimits<'c> {
    pub(super) fn against(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let own = match &*self.own {
            Ok(own) => own,
            Err(status) => return status.reasons.iter().filter_map(|reason| self.missing(reason)).collect(),
        };
        let csi_node = match self.cluster.snapshot.csi_nodes.get("", node.name()) {
            Lookup::Found(csi_node) => Some(&**csi_node),
            Lookup::Absent => None,
            Lookup::Unknown => return Vec::new(),
        };
        let new: BTreeSet<&VolumeKey> =
            own.iter().filter_map(|volume| volume.on(self.cluster.version, csi_node)).collect();
        let lacking = self.not_installed(&new, csi_node).flat_map(|status| status.reasons);
        let mut found: Vec<Obstacle> = lacking.filter_map(|reason| lacks(&reason, node.name(), csi_node)).collect();
        found.extend(csi_node.into_iter().flat_map(|csi_node| self.full(&new, node, csi_node)));
        found
    }

    fn full(&self, new: &BTreeSet<&VolumeKey>, node: &NodeInfo<'c>, csi_node: &CsiNode) -> Vec<Obstacle> {
        let Ok(present) = self.present(node, Some(csi_node)) else { return Vec::new() };
        let over = limits(Some(csi_node)).into_iter().filter_map(|(driver, limit)| {
            let wanted = new.iter().filter(|key| key.0 == driver && !present.of_pods.contains(**key)).count() as i64;
            let counted = present.counts.get(driver).copied().unwrap_or(0);
            let of_pods = present.of_pods.iter().filter(|(of, _)| of == driver).count() as i64;
            let full = Full { driver, limit, counted, attached: counted - of_pods, wanted };
            (wanted > 0 && counted + wanted > limit).then(|| full.obstacle(csi_node))
        });
        over.collect()
    }

    fn missing(&self, reason: &AnyReason) -> Option<Obstacle> {
        match reason {
            AnyReason::NodeVolumeLimits(Reason::ClaimNotFound { claim, .. }) => {
                Some(claim_obstacles::missing(reason.clone(), self.pod, claim))
            }
            _ => None,
        }
    }
}

/// A driver that isn't on a node.
fn lacks(reason: &AnyReason, node: &str, csi_node: Option<&CsiNode>) -> Option<Obstacle> {
    let AnyReason::NodeVolumeLimits(Reason::DriverNotInstalled { driver }) = reason else { return None };
    let entry = json!({"name": driver, "nodeID": node});
    let (present, edit) = match csi_node {
        Some(csi_node) if csi_node.spec.drivers.is_empty() => {
            let add = json!([{"op": "add", "path": "/spec", "value": {"drivers": [entry]}}]);
            ("none".to_owned(), patch(Kind::CSINode, &csi_node.metadata, add))
        }
        Some(csi_node) => {
            let names: Vec<&str> = csi_node.spec.drivers.iter().map(|there| there.name.as_str()).collect();
            let add = json!([{"op": "add", "path": "/spec/drivers/-", "value": entry}]);
            (names.join(", "), patch(Kind::CSINode, &csi_node.metadata, add))
        }
        None => {
            let object = json!({"metadata": {"name": node}, "spec": {"drivers": [entry]}});
            ("no CSINode".to_owned(), Edit::Create { kind: Kind::CSINode, object })
        }
    };
    Some(Obstacle {
        reason: reason.clone(),
        fact: Fact::DriverMissing { driver: driver.clone() },
        object: ObjectRef::new(Kind::CSINode, "", node),
        path: "spec.drivers".to_owned(),
        wanted: driver.clone(),
        present,
        edits: vec![edit],
    })
}

/// A driver whose volumes are too many for a node.
struct Full<'n> {
    driver: &'n str,
    limit: i64,
    counted: i64,
    attached: i64,
    wanted: i64,
}

impl Full<'_> {
    fn obstacle(&self, csi_node: &CsiNode) -> Obstacle {
        let Self { driver, limit, counted, attached, wanted } = *self;
        let position = csi_node.spec.drivers.iter().position(|entry| entry.name == driver).unwrap_or_default();
        let path = format!("/spec/drivers/{position}/allocatable/count");
        let raise = json!([{"op": "replace", "path": path, "value": counted + wanted}]);
        Obstacle {
            reason: Reason::Exceeded.into(),
            fact: Fact::VolumeLimit { driver: driver.to_owned(), limit, present: counted, attached, wanted },
            object: ObjectRef::new(Kind::CSINode, "", &csi_node.metadata.name),
            path: format!("spec.drivers[{position}].allocatable.count"),
            wanted: format!("room for {wanted} more of {driver}"),
            present: format!("{counted} of {limit} taken"),
            edits: vec![patch(Kind::CSINode, &csi_node.metadata, raise)],
        }
    }
}
