//! `TaintNodesByCondition` (`plugin/pkg/admission/nodetaint`).

use serde_json::{Value, json};

use super::super::json::{list, slot, text};
use super::Attributes;

/// A new node is tainted until its kubelet reports.
pub(super) fn admit(cx: &Attributes<'_>, object: &mut Value) {
    const KEY: &str = "node.kubernetes.io/not-ready";
    if !cx.creates("", "Node") || list(object, "/spec/taints").iter().any(|taint| text(taint, "/key") == KEY) {
        return;
    }
    if let Some(taints) = slot(object, &["spec", "taints"]) {
        let taint = json!({"key": KEY, "effect": "NoSchedule"});
        match taints.as_array_mut() {
            Some(taints) => taints.push(taint),
            None => *taints = json!([taint]),
        }
    }
}
