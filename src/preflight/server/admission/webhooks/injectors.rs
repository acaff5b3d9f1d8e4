//! What mutating webhooks that are known make of an object. Of others nothing is known.

mod topolvm;
mod vault;

use serde_json::Value;

use super::super::super::Request;
use super::super::super::json::{at, text, truth};
use super::super::Attributes;

/// How what can't be known here is settled.
pub(in super::super) fn settles(cx: &Attributes<'_>) -> &'static str {
    match cx.request {
        Request::Create => "`kubectl create --dry-run=server` with such an object asks the server itself",
        Request::Apply | Request::ApplyUnhooked => "`preflight --server-dry-run` on the cluster asks the server itself",
    }
}

/// Makes of the object what the webhook makes of it.
///
/// # Errors
/// Why that can't be known, and what would settle it.
pub(super) fn answer(cx: &Attributes<'_>, webhook: &Value, object: &mut Value) -> Result<(), String> {
    let name = text(webhook, "/name");
    if name.contains("topolvm") {
        return topolvm::answer(cx, webhook, object);
    }
    if name.ends_with(".istio.io") && name.contains("sidecar-injector") {
        return istio(cx, object);
    }
    if name == "linkerd-proxy-injector.linkerd.io" {
        return linkerd(cx, object);
    }
    if name == "vault.hashicorp.com" {
        return vault::answer(cx, webhook, object);
    }
    Err(format!("it answers, and what it changes or refuses is not known here; {}", settles(cx)))
}

/// An annotation of an object.
fn annotation<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    at(object, "/metadata/annotations")?.get(key)?.as_str()
}

/// Istio leaves pods alone that say so, and pods on the network of their node.
fn istio(cx: &Attributes<'_>, object: &Value) -> Result<(), String> {
    const KEY: &str = "sidecar.istio.io/inject";
    let label = at(object, "/metadata/labels").and_then(|labels| labels.get(KEY)).and_then(Value::as_str);
    let said = label.or_else(|| annotation(object, KEY));
    if truth(object, "/spec/hostNetwork") || said.is_some_and(|said| matches!(said, "false" | "n" | "no" | "off")) {
        return Ok(());
    }
    let why = "Istio adds its sidecar, and what that asks for stands in the config map istio-sidecar-injector, which is not read here";
    Err(format!("{why}; {}", settles(cx)))
}

/// Linkerd adds its proxy where the pod or its namespace asks for it.
fn linkerd(cx: &Attributes<'_>, object: &Value) -> Result<(), String> {
    const KEY: &str = "linkerd.io/inject";
    let of_namespace = cx.namespace_object().and_then(|namespace| annotation(namespace, KEY));
    let said = annotation(object, KEY).or(of_namespace);
    if !cx.is("", "Pod") || truth(object, "/spec/hostNetwork") || !matches!(said, Some("enabled" | "ingress")) {
        return Ok(());
    }
    let why = "Linkerd adds its proxy, and what that asks for stands in the config map linkerd-config, which is not read here";
    Err(format!("{why}; {}", settles(cx)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::kit::{creation, resource, world};
    use super::*;

    fn answered(objects: &[Value], webhook: &str, mut pod: Value) -> Result<Value, String> {
        let world = world(objects);
        let pods = resource("v1", "Pod");
        let webhook = json!({"name": webhook, "clientConfig": {"service": {"namespace": "system", "name": "hook", "path": "/pod/mutate"}}});
        answer(&creation(&world, &pods), &webhook, &mut pod)?;
        Ok(pod)
    }

    fn pod(annotations: Value) -> Value {
        json!({"metadata": {"name": "a", "namespace": "app", "annotations": annotations}, "spec": {"containers": [{"name": "a"}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}})
    }

    #[test]
    fn meshes_add_nothing_to_pods_that_do_not_ask_for_it() {
        let plain = pod(json!({}));
        assert_eq!(answered(&[], "linkerd-proxy-injector.linkerd.io", plain.clone()), Ok(plain.clone()));
        assert!(
            answered(&[], "linkerd-proxy-injector.linkerd.io", pod(json!({"linkerd.io/inject": "enabled"}))).is_err()
        );
        assert!(answered(&[], "namespace.sidecar-injector.istio.io", plain).is_err());
        let out = pod(json!({"sidecar.istio.io/inject": "false"}));
        assert_eq!(answered(&[], "namespace.sidecar-injector.istio.io", out.clone()), Ok(out));
        assert!(answered(&[], "unheard.of", pod(json!({}))).is_err());
    }

    #[test]
    fn topolvm_marks_pods_whose_volumes_it_is_still_to_make() {
        let class = json!({"kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": "topolvm.io",
            "parameters": {"topolvm.io/device-class": "ssd"}});
        let claim = |phase: &str| {
            json!({"kind": "PersistentVolumeClaim", "metadata": {"namespace": "app", "name": "data"}, "status": {"phase": phase},
                "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}})
        };
        let marked = answered(&[class.clone(), claim("Pending")], "pod-hook.topolvm.io", pod(json!({}))).unwrap();
        assert_eq!(
            marked["spec"]["containers"][0]["resources"],
            json!({"requests": {"topolvm.io/capacity": "1"}, "limits": {"topolvm.io/capacity": "1"}})
        );
        assert_eq!(marked["metadata"]["annotations"], json!({"capacity.topolvm.io/ssd": "1073741824"}));
        let plain = pod(json!({}));
        assert_eq!(answered(&[class, claim("Bound")], "pod-hook.topolvm.io", plain.clone()), Ok(plain));
    }

    #[test]
    fn vault_adds_its_agent_as_the_pod_and_the_injector_say() {
        let plain = pod(json!({}));
        assert_eq!(answered(&[], "vault.hashicorp.com", plain.clone()), Ok(plain));
        let asks =
            pod(json!({"vault.hashicorp.com/agent-inject": "true", "vault.hashicorp.com/agent-requests-cpu": "50m"}));
        assert!(answered(&[], "vault.hashicorp.com", asks.clone()).is_err(), "its defaults are those of a deployment");
        let injector = json!({"kind": "Deployment", "metadata": {"namespace": "system", "name": "vault-agent-injector"}, "spec": {
            "template": {"metadata": {"labels": {"app": "injector"}}, "spec": {"containers": [{"name": "sidecar-injector",
            "env": [{"name": "AGENT_INJECT_MEM_REQUEST", "value": "32Mi"}]}]}}}});
        let service = json!({"kind": "Service", "metadata": {"namespace": "system", "name": "hook"}, "spec": {"selector": {"app": "injector"}}});
        let pod = answered(&[injector, service], "vault.hashicorp.com", asks).unwrap();
        assert_eq!(pod["spec"]["initContainers"][0]["name"], "vault-agent-init");
        assert_eq!(
            pod["spec"]["containers"][1]["resources"],
            json!({"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}})
        );
    }
}
