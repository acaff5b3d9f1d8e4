//! What the strategy of pods makes of label keys (`pkg/registry/core/pod/strategy.go`, mutatePodAffinity and
//! applyMatchLabelKeys): the values of the pod's own labels become conditions of its selectors.

use serde_json::{Value, json};

use super::json::{at, labels, list_mut, slot, texts};
use crate::model::meta::Map;

/// Adds the conditions to the affinity terms and spread constraints of a pod.
pub(super) fn label_keys(object: &mut Value) {
    let own = labels(object);
    for kind in ["podAffinity", "podAntiAffinity"] {
        let place = format!("/spec/affinity/{kind}/");
        let required = format!("{place}requiredDuringSchedulingIgnoredDuringExecution");
        list_mut(object, &required).for_each(|term| apply(term, &own));
        let preferred = format!("{place}preferredDuringSchedulingIgnoredDuringExecution");
        list_mut(object, &preferred)
            .filter_map(|term| term.get_mut("podAffinityTerm"))
            .for_each(|term| apply(term, &own));
    }
    list_mut(object, "/spec/topologySpreadConstraints").for_each(|constraint| apply(constraint, &own));
}

fn apply(term: &mut Value, own: &Map) {
    if at(term, "/labelSelector").is_none() {
        return;
    }
    for (field, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        let keys: Vec<String> = texts(term, &format!("/{field}")).into_iter().map(str::to_owned).collect();
        for key in keys {
            let Some(value) = own.get(&key) else { continue };
            let condition = json!({"key": key, "operator": operator, "values": [value]});
            if let Some(conditions) = slot(term, &["labelSelector", "matchExpressions"]) {
                match conditions.as_array_mut() {
                    Some(conditions) => conditions.push(condition),
                    None => *conditions = json!([condition]),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_keys_become_conditions() {
        let mut pod = json!({"metadata": {"labels": {"hash": "1"}}, "spec": {"topologySpreadConstraints": [
            {"matchLabelKeys": ["hash", "none"], "labelSelector": {}}]}});
        label_keys(&mut pod);
        assert_eq!(
            pod["spec"]["topologySpreadConstraints"][0]["labelSelector"],
            json!({"matchExpressions": [{"key": "hash", "operator": "In", "values": ["1"]}]})
        );
    }
}
