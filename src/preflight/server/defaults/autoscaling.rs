//! Defaults of autoscalers (`pkg/apis/autoscaling/v2/defaults.go`).

use serde_json::{Value, json};

use super::super::json::{default, empty, set, text};

pub(super) fn autoscaler(object: &mut Value) {
    default(object, &["spec", "minReplicas"], 1);
    if text(object, "/apiVersion") == "autoscaling/v2" && empty(object, "/spec/metrics") {
        let metric = json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]);
        set(object, &["spec", "metrics"], metric);
    }
}
