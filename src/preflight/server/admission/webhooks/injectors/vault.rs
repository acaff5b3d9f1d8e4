//! What Vault's agent injector adds (vault-k8s, `agent-inject/agent`): an init container and a sidecar, with the resources
//! that the pod's annotations ask for, else those that the injector was started with.

use serde_json::{Value, json};

use super::super::super::super::json::{at, labels, list, set, slot, text};
use super::super::super::Attributes;
use super::{annotation, settles};

/// Where a resource of the agent comes from: field, resource, annotation, the injector's variable, and what it is elsewhere.
const RESOURCES: [(&str, &str, &str, &str, &str); 4] = [
    ("limits", "cpu", "agent-limits-cpu", "AGENT_INJECT_CPU_LIMIT", "500m"),
    ("limits", "memory", "agent-limits-mem", "AGENT_INJECT_MEM_LIMIT", "128Mi"),
    ("requests", "cpu", "agent-requests-cpu", "AGENT_INJECT_CPU_REQUEST", "250m"),
    ("requests", "memory", "agent-requests-mem", "AGENT_INJECT_MEM_REQUEST", "64Mi"),
];

/// Adds the agent to a pod that asks for it.
///
/// # Errors
/// Where the injector's settings could not be read.
pub(super) fn answer(cx: &Attributes<'_>, webhook: &Value, object: &mut Value) -> Result<(), String> {
    let said = |object: &Value, key: &str| annotation(object, &format!("vault.hashicorp.com/{key}")).map(str::to_owned);
    let truth = |value: Option<String>, otherwise: bool| {
        value.map_or(otherwise, |value| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"))
    };
    let done = said(object, "agent-inject-status").as_deref() == Some("injected");
    if !cx.is("", "Pod") || done || !truth(said(object, "agent-inject"), false) {
        return Ok(());
    }
    let Some(injector) = injector(cx, webhook) else {
        return Err(format!(
            "Vault adds its agent, and the deployment with its settings was not found; {}",
            settles(cx)
        ));
    };
    let mut resources = json!({});
    for (field, resource, key, variable, otherwise) in RESOURCES {
        let value =
            said(object, key).or_else(|| environment(injector, variable)).unwrap_or_else(|| otherwise.to_owned());
        if !value.is_empty() {
            set(&mut resources, &[field, resource], value);
        }
    }
    let image = said(object, "agent-image").or_else(|| environment(injector, "AGENT_INJECT_VAULT_IMAGE"));
    let container = |name: &str| {
        json!({"name": name, "image": image.as_deref().unwrap_or("hashicorp/vault"), "resources": resources,
            "imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "volumeMounts": [{"name": "home", "mountPath": "/home/vault"}, {"name": "vault-secrets", "mountPath": "/vault/secrets"}],
            "securityContext": {"runAsUser": 100, "runAsGroup": 1000, "runAsNonRoot": true, "readOnlyRootFilesystem": true,
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}})
    };
    if truth(said(object, "agent-pre-populate"), true) {
        push(object, "initContainers", container("vault-agent-init"));
    }
    if !truth(said(object, "agent-pre-populate-only"), false) {
        push(object, "containers", container("vault-agent"));
    }
    for name in ["home", "vault-secrets"] {
        push(object, "volumes", json!({"name": name, "emptyDir": {"medium": "Memory"}}));
    }
    set(object, &["metadata", "annotations", "vault.hashicorp.com/agent-inject-status"], "injected");
    Ok(())
}

fn push(object: &mut Value, field: &str, element: Value) {
    if let Some(elements) = slot(object, &["spec", field]) {
        match elements.as_array_mut() {
            Some(elements) => elements.push(element),
            None => *elements = json!([element]),
        }
    }
}

/// The deployment behind the webhook's service.
fn injector<'w>(cx: &Attributes<'w>, webhook: &Value) -> Option<&'w Value> {
    let (namespace, name) =
        (text(webhook, "/clientConfig/service/namespace"), text(webhook, "/clientConfig/service/name"));
    let service = cx.world.get("Service", Some(namespace), name)?;
    let selector = at(service, "/spec/selector")?.as_object()?;
    cx.world.list("Deployment", Some(text(service, "/metadata/namespace"))).find(|deployment| {
        let own = at(deployment, "/spec/template").map(labels).unwrap_or_default();
        !selector.is_empty() && selector.iter().all(|(key, value)| own.get(key).map(String::as_str) == value.as_str())
    })
}

fn environment(deployment: &Value, name: &str) -> Option<String> {
    let containers = list(deployment, "/spec/template/spec/containers").iter();
    let mut variables = containers.flat_map(|container| list(container, "/env"));
    variables.find(|variable| text(variable, "/name") == name).map(|variable| text(variable, "/value").to_owned())
}
