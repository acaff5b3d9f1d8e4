//! Default topology spread constraints of a profile (`defaultingType: List`): their selector comes from the services
//! and the controller of the pod (`plugins/helper/spread.go`, DefaultSelector).

use super::framework::{Cycle, Status};
use crate::model::pod::TopologySpreadConstraint;
use crate::model::selector::{LabelSelector, Requirement};

/// The hard default constraints with the selector they share; none where nothing selects the pod.
pub(crate) fn constraints<'c>(cycle: &Cycle<'c>) -> Result<(LabelSelector, Vec<&'c TopologySpreadConstraint>), Status> {
    let selector = selector(cycle)?;
    let hard = cycle.profile.default_constraints.iter().filter(|c| c.when_unsatisfiable == "DoNotSchedule");
    let list = if selector.is_empty() { Vec::new() } else { hard.collect() };
    Ok((selector, list))
}

/// The selector of the services and the controller of a pod.
pub(super) fn selector(cycle: &Cycle<'_>) -> Result<LabelSelector, Status> {
    let (pod, snapshot) = (cycle.pod, cycle.cluster.snapshot);
    let namespace = &pod.metadata.namespace;
    if !snapshot.services.covers(namespace) {
        return Err(Status::unknown("the services of the namespace could not be read"));
    }
    let mut merged = LabelSelector::default();
    for service in snapshot.services.in_namespace(namespace) {
        let wanted = &service.spec.selector;
        if !wanted.is_empty() && wanted.iter().all(|(key, value)| pod.metadata.labels.get(key) == Some(value)) {
            merged.match_labels.extend(wanted.clone());
        }
    }
    let Some(owner) = pod.metadata.controller() else { return Ok(merged) };
    let store = match owner.kind.as_str() {
        "ReplicaSet" => &snapshot.replica_sets,
        "StatefulSet" => &snapshot.stateful_sets,
        _ => return Ok(merged),
    };
    if let Some(workload) = store.get(namespace, &owner.name).found()
        && let Some(own) = &workload.spec.selector
    {
        let labels = own.match_labels.iter().map(|(key, value)| Requirement {
            key: key.clone(),
            operator: "In".to_owned(),
            values: vec![value.clone()],
        });
        merged.match_expressions.extend(labels);
        merged.match_expressions.extend(own.match_expressions.clone());
    }
    Ok(merged)
}
