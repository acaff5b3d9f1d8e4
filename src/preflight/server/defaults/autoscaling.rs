//! Defaults of autoscalers (`pkg/apis/autoscaling/v2/defaults.go`).

use serde_json::{Value, json};

use super::super::json::{at, default, empty, set, text};

pub(super) fn autoscaler(object: &mut Value) {
    default(object, &["spec", "minReplicas"], 1);
    if text(object, "/apiVersion") == "autoscaling/v2" && empty(object, "/spec/metrics") {
        let metric = json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]);
        set(object, &["spec", "metrics"], metric);
    }
    if at(object, "/spec/behavior").is_some() {
        behavior(object);
    }
}

/// What an autoscaler that says something of its behaviour leaves open of it.
fn behavior(object: &mut Value) {
    let share = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
    default(object, &["spec", "behavior", "scaleUp", "stabilizationWindowSeconds"], 0);
    for (direction, policies) in [("scaleUp", json!([pods, share])), ("scaleDown", json!([share]))] {
        default(object, &["spec", "behavior", direction, "selectPolicy"], "Max");
        default(object, &["spec", "behavior", direction, "policies"], policies);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaviour_is_completed_where_there_is_some() {
        let of = |behavior: Value| {
            let mut object = json!({"apiVersion": "autoscaling/v2", "spec": {"behavior": behavior}});
            autoscaler(&mut object);
            object["spec"]["behavior"].take()
        };
        assert_eq!(of(Value::Null), Value::Null);
        let told = of(json!({"scaleDown": {"stabilizationWindowSeconds": 60, "policies": []}}));
        assert_eq!(told["scaleDown"], json!({"stabilizationWindowSeconds": 60, "policies": [], "selectPolicy": "Max"}));
        assert_eq!(told["scaleUp"]["policies"].as_array().map(Vec::len), Some(2));
        assert_eq!(told["scaleUp"]["stabilizationWindowSeconds"], 0);
    }
}
