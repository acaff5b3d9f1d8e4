//! Volumes that were made before a node was chosen for their pod.

use crate::model::claim::SELECTED_NODE;
use crate::model::volume::PROVISIONED_BY;
use crate::model::{Claim, StorageClass};
use crate::snapshot::Snapshot;

/// The class by which the volume of a bound claim was made at once, wherever its provisioner liked: its binding mode is
/// Immediate, so that the volume controller asks for the volume as soon as the claim is there, and kube-scheduler has never
/// written a node to the claim (`pkg/controller/volume/persistentvolume/pv_controller.go`, `syncUnboundClaim`).
pub(crate) fn made_at_once<'s>(state: &'s Snapshot, claim: &Claim) -> Option<&'s StorageClass> {
    let class = state.classes.get("", claim.class()).found().filter(|class| !class.waits_for_consumer())?;
    let volume = state.volumes.get("", &claim.spec.volume_name).found()?;
    let made = volume.metadata.annotations.contains_key(PROVISIONED_BY);
    (made && claim.fully_bound() && !claim.metadata.annotations.contains_key(SELECTED_NODE)).then_some(&**class)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fixture::{claim, claim_of, class, merged, snapshot, volume};
    use super::made_at_once;
    use crate::model::Kind;

    /// Whether a claim's volume was made at once, with this binding mode, and these annotations of claim and volume besides.
    fn early(mode: &str, of_claim: Value, of_volume: Value) -> bool {
        let bound = json!({
            "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
            "spec": {"volumeName": "v"},
            "status": {"phase": "Bound"},
        });
        let (_, bound) = claim("data", merged(bound, json!({"metadata": {"annotations": of_claim}})));
        let snapshot = snapshot(&[
            class("disk", json!({"volumeBindingMode": mode})),
            volume("v", json!({"metadata": {"annotations": of_volume}})),
            (Kind::PersistentVolumeClaim, bound),
        ]);
        made_at_once(&snapshot, &claim_of(&snapshot, "data")).is_some()
    }

    #[test]
    fn only_volumes_that_a_provisioner_made_without_a_node_are_early() {
        let made = json!({"pv.kubernetes.io/provisioned-by": "csi.example.com"});
        assert!(early("Immediate", json!({}), made.clone()));
        assert!(!early("WaitForFirstConsumer", json!({}), made.clone()));
        assert!(!early("Immediate", json!({}), json!({})));
        assert!(!early("Immediate", json!({"volume.kubernetes.io/selected-node": "n1"}), made));
    }
}
