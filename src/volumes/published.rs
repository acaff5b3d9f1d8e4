//! The capacity that a driver publishes, which goes down by what is made (`CSIStorageCapacity`).

use crate::model::{Node, Quantity, StorageClass};
use crate::snapshot::Snapshot;

/// Takes bytes from what the driver publishes for the class where the node is, or gives them back.
pub(crate) fn take(state: &mut Snapshot, class: &StorageClass, node: &Node, bytes: i64) {
    let tracked = state.csi_drivers.get("", &class.provisioner).found();
    if tracked.is_none_or(|driver| driver.spec.storage_capacity != Some(true)) {
        return;
    }
    let of_node = state.capacities.seen().iter().filter(|capacity| {
        capacity.storage_class_name == class.metadata.name
            && capacity.node_topology.as_ref().is_some_and(|topology| topology.matches(&node.metadata.labels))
    });
    let changed: Vec<_> = of_node.map(|capacity| (**capacity).clone()).collect();
    for mut capacity in changed {
        let Some(present) = &capacity.capacity else { continue };
        let left = Quantity::bytes(present.value().saturating_sub(bytes).max(0));
        capacity.maximum_volume_size = capacity.maximum_volume_size.map(|most| most.min(left.clone()));
        capacity.capacity = Some(left);
        state.capacities.insert(capacity);
    }
}
