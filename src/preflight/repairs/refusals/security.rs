//! Pods that the namespace's level of pod security refuses.

use serde_json::{Value, json};

use super::super::plan::{Part, Plan};
use super::look::Look;
use crate::diagnosis::command;
use crate::diagnosis::remedy::{Change, Risk, Step};
use crate::model::Kind;
use crate::preflight::fields::text;

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const NOTE: &str = "if its image runs so";

/// What the server says of the pod, and the level.
fn violation<'m>(look: &Look<'m>) -> Option<(&'m str, &'m str)> {
    let (_, rest) = look.message.split_once("violates PodSecurity \"")?;
    let (policy, told) = rest.split_once("\": ")?;
    Some((policy.split(':').next()?, told))
}

/// The fields that the level asks for. What a pod is made for, such as folders of its node, is not taken from it.
pub(super) fn secured(look: &Look<'_>) -> Option<Plan> {
    let (level, told) = violation(look)?;
    let needed = [
        "hostPath volumes",
        "restricted volume types",
        "host namespaces",
        "hostPort",
        "hostProcess",
        "seLinuxOptions",
        "forbidden sysctls",
        "forbidden AppArmor profile",
        "non-default capabilities",
        "privileged (",
        "procMount",
        "probe or lifecycle host",
    ];
    if needed.iter().any(|word| told.contains(word)) {
        return None;
    }
    let spec = look.pod_spec()?;
    let mut parts = Vec::new();
    if told.contains("runAsNonRoot != true") {
        parts.push(look.field_if(format!("{spec}/securityContext/runAsNonRoot"), Some(json!(true)), NOTE));
    }
    if told.contains("seccompProfile") {
        let pointer = format!("{spec}/securityContext/seccompProfile/type");
        parts.push(look.field_if(pointer, Some(json!("RuntimeDefault")), NOTE));
    }
    if told.contains("runAsUser=0") {
        parts.extend(root(look, &format!("{spec}/securityContext/runAsUser")));
    }
    for (at, container) in look.containers() {
        parts.extend(container_parts(look, told, &format!("{at}/securityContext"), container));
    }
    (!parts.is_empty()).then(|| Plan::new(format!("Secure the pods as level {level} asks for"), Risk::Medium, parts))
}

/// Takes user 0 out.
fn root(look: &Look<'_>, pointer: &str) -> Option<Part> {
    (look.object.pointer(pointer)? == 0).then(|| look.field_if(pointer, None, NOTE))
}

fn container_parts(look: &Look<'_>, told: &str, at: &str, container: &Value) -> Vec<Part> {
    let own = container.get("securityContext").unwrap_or(&Value::Null);
    let mut parts = Vec::new();
    if told.contains("allowPrivilegeEscalation != false") && own["allowPrivilegeEscalation"] != false {
        parts.push(look.field_if(format!("{at}/allowPrivilegeEscalation"), Some(json!(false)), NOTE));
    }
    if told.contains("unrestricted capabilities") {
        let names = |list: &str| {
            let names = own["capabilities"][list].as_array().into_iter().flatten().filter_map(Value::as_str);
            names.collect::<Vec<&str>>()
        };
        if !names("drop").contains(&"ALL") {
            parts.push(look.field_if(format!("{at}/capabilities/drop"), Some(json!(["ALL"])), NOTE));
        }
        if names("add").iter().any(|name| *name != "NET_BIND_SERVICE") {
            let kept: Vec<&str> = names("add").into_iter().filter(|name| *name == "NET_BIND_SERVICE").collect();
            let to = (!kept.is_empty()).then(|| json!(kept));
            parts.push(look.field_if(format!("{at}/capabilities/add"), to, NOTE));
        }
    }
    if told.contains("runAsNonRoot != true") && own["runAsNonRoot"] == false {
        parts.push(look.field_if(format!("{at}/runAsNonRoot"), Some(json!(true)), NOTE));
    }
    if told.contains("seccompProfile") && text(own, "/seccompProfile/type") == "Unconfined" {
        parts.push(look.field_if(format!("{at}/seccompProfile/type"), Some(json!("RuntimeDefault")), NOTE));
    }
    if told.contains("runAsUser=0") {
        parts.extend(root(look, &format!("{at}/runAsUser")));
    }
    parts
}

/// A level that lets the pod in.
pub(super) fn lenient(look: &Look<'_>) -> Option<Plan> {
    let (level, told) = violation(look)?;
    let baseline =
        ["allowPrivilegeEscalation", "unrestricted capabilities", "runAsNonRoot", "runAsUser=0", "restricted volume"];
    let more = told
        .split("), ")
        .any(|one| !baseline.iter().any(|word| one.starts_with(word)) && !one.starts_with("seccompProfile"));
    let to = if level == "restricted" && !more { "baseline" } else { "privileged" };
    let name = look.namespace();
    let title = format!("Hold namespace {name} to level {to} only");
    if let Some(document) = look.document_of("Namespace", name) {
        let pointer = format!("/metadata/labels/{}", crate::snapshot::edit::pointer_token(ENFORCE));
        let note = "which holds for every pod of the namespace".to_owned();
        let part = Part::Field { document, pointer, to: Some(json!(to)), note };
        return Some(Plan::new(title, Risk::Medium, vec![part]));
    }
    let patch = json!({"metadata": {"labels": {ENFORCE: to}}});
    let change = Change::Patch { kind: Kind::Namespace, namespace: String::new(), name: name.to_owned(), patch };
    let what = format!("{title}, which holds for every pod of it");
    let step = Step { what, command: Some(command::command(&change)?), change: Some(change), ..Step::default() };
    Some(Plan::new(title, Risk::Medium, vec![Part::Command(Box::new(step))]))
}
