//! `DefaultTolerationSeconds` (`plugin/pkg/admission/defaulttolerationseconds`).

use serde_json::{Value, json};

use super::super::json::{list, slot, text};
use super::Attributes;

/// A pod that is new or changed stays five minutes on a node that is lost, where it says nothing else.
pub(super) fn admit(cx: &Attributes<'_>, object: &mut Value) {
    if !cx.is("", "Pod") {
        return;
    }
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if list(object, "/spec/tolerations").iter().any(|toleration| covers(toleration, key)) {
            continue;
        }
        let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
        if let Some(tolerations) = slot(object, &["spec", "tolerations"]) {
            match tolerations.as_array_mut() {
                Some(tolerations) => tolerations.push(toleration),
                None => *tolerations = json!([toleration]),
            }
        }
    }
}

fn covers(toleration: &Value, key: &str) -> bool {
    let (own, effect) = (text(toleration, "/key"), text(toleration, "/effect"));
    (own == key || own.is_empty()) && (effect == "NoExecute" || effect.is_empty())
}
