//! Kinds of which the cluster has objects, as objects of other kinds show. A dump without any has left them out.

use std::collections::BTreeSet;

use super::Snapshot;
use crate::model::claim::{BETA_STORAGE_PROVISIONER, STORAGE_PROVISIONER};
use crate::model::{Kind, Workload};

/// The annotation that the kubelet gives its node once a driver has registered there, together with the CSINode's entry
/// (`pkg/volume/csi/nodeinfomanager/nodeinfomanager.go`).
const NODE_ID: &str = "csi.volume.kubernetes.io/nodeid";
/// How a node names a volume that was attached by a driver.
const ATTACHED_BY_DRIVER: &str = "kubernetes.io/csi/";

impl Snapshot {
    /// The kinds that can't be empty. EndpointSlices always are among them: the API server has a slice of its own.
    pub(crate) fn implied(&self) -> BTreeSet<Kind> {
        let mut implied = BTreeSet::from([Kind::EndpointSlice]);
        self.each_meta(|meta| {
            let owners = meta.owner_references.iter().filter(|owner| owner.controller);
            implied.extend(owners.filter_map(|owner| Kind::from_api(&owner.api_version, &owner.kind)));
        });
        implied.extend(self.implied_by_pods());
        implied.extend(self.implied_by_storage());
        implied
    }

    fn implied_by_pods(&self) -> BTreeSet<Kind> {
        let mut implied = BTreeSet::new();
        for pod in self.pods.seen().iter().filter(|pod| pod.assigned() && !pod.finished()) {
            implied.insert(Kind::Node);
            let claims = pod.spec.volumes.iter().any(|volume| volume.claim_name(&pod.metadata.name).is_some());
            implied.extend((claims && pod.status.phase == "Running").then_some(Kind::PersistentVolumeClaim));
            let made = &pod.status.resource_claim_statuses;
            implied.extend(made.iter().any(|made| made.resource_claim_name.is_some()).then_some(Kind::ResourceClaim));
        }
        let workloads = [&self.stateful_sets, &self.replica_sets, &self.daemon_sets];
        let runs = |workload: &Workload| workload.status.replicas.max(workload.status.number_ready) > 0;
        let any = workloads.into_iter().any(|store| store.seen().iter().any(|workload| runs(workload)));
        implied.extend(any.then_some(Kind::Pod));
        implied
    }

    fn implied_by_storage(&self) -> BTreeSet<Kind> {
        let mut implied = BTreeSet::new();
        for claim in self.claims.seen() {
            let bound = claim.status.phase == "Bound" && !claim.spec.volume_name.is_empty();
            implied.extend(bound.then_some(Kind::PersistentVolume));
            let told = [STORAGE_PROVISIONER, BETA_STORAGE_PROVISIONER].into_iter();
            let class_was_read = told.into_iter().any(|key| claim.metadata.annotations.contains_key(key));
            implied.extend(class_was_read.then_some(Kind::StorageClass));
        }
        let taken = self.volumes.seen().iter().any(|volume| volume.status.phase == "Bound");
        implied.extend(taken.then_some(Kind::PersistentVolumeClaim));
        for node in self.nodes.seen() {
            let attached =
                node.status.volumes_attached.iter().any(|volume| volume.name.starts_with(ATTACHED_BY_DRIVER));
            implied.extend(attached.then_some(Kind::VolumeAttachment));
            implied.extend(node.metadata.annotations.contains_key(NODE_ID).then_some(Kind::CSINode));
        }
        implied
    }
}
