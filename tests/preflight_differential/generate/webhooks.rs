//! Webhooks: TopoLVM's, ones that answer what nobody can foretell, and one behind which nothing serves.

use serde_json::{Value, json};

use crate::case::Case;
use crate::random::Random;

/// Puts webhooks with a service behind them into the case.
pub fn put(random: &mut Random, case: &mut Case) {
    let known = random.chance(60);
    case.about.push(if known { "webhook of TopoLVM" } else { "webhook that answers" }.to_owned());
    case.objects.extend(service());
    let (kind, name, path) = match known {
        true => ("MutatingWebhookConfiguration", "pod-hook.topolvm.io", "/pod/mutate"),
        false => random.pick(&[
            ("ValidatingWebhookConfiguration", "deny.example.com", "/deny"),
            ("ValidatingWebhookConfiguration", "yes.example.com", "/yes"),
            ("MutatingWebhookConfiguration", "labels.example.com", "/labels"),
            ("MutatingWebhookConfiguration", "requests.example.com", "/requests"),
            ("ValidatingWebhookConfiguration", "down.example.com", "/down"),
        ]),
    };
    let mut hook = json!({
        "name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": random.pick(&["Fail", "Ignore"]),
        "clientConfig": { "service": { "namespace": "hooks", "name": "hook", "path": path, "port": 8443 } },
        "rules": [{ "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"] }]
    });
    match random.below(4) {
        0 => hook["namespaceSelector"] = json!({ "matchLabels": { "team": random.pick(&["app", "shop"]) } }),
        1 => {
            hook["objectSelector"] =
                json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["new0"] }] })
        }
        2 => {
            hook["matchConditions"] = json!([{ "name": "named", "expression": "object.metadata.labels.app == 'new0'" }])
        }
        _ => {}
    }
    if kind == "MutatingWebhookConfiguration" && random.chance(30) {
        hook["reinvocationPolicy"] = "IfNeeded".into();
    }
    case.objects.push(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": "hook" }, "webhooks": [hook]
    }));
    case.webhooks = Some(json!({
        "/deny": { "deny": "not on a Friday", "code": 403 },
        "/yes": {},
        "/labels": { "patch": [{ "op": "add", "path": "/metadata/labels/touched", "value": "yes" }] },
        "/requests": { "patch": [{ "op": "add", "path": "/spec/containers/0/resources", "value": { "requests": { "cpu": "300m" } } }] },
        "/down": { "status": 500 }
    }));
}

/// A service that is served, as far as anybody can see.
fn service() -> [Value; 3] {
    [
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "hooks" } }),
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "hook", "namespace": "hooks" },
            "spec": { "ports": [{ "name": "webhook", "port": 8443, "targetPort": 9443 }] } }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": { "name": "hook-1", "namespace": "hooks", "labels": { "kubernetes.io/service-name": "hook" } },
            "ports": [{ "name": "webhook", "port": 9443, "protocol": "TCP" }],
            "endpoints": [{ "addresses": ["10.9.8.7"], "conditions": { "ready": true } }]
        }),
    ]
}

/// A webhook behind which nothing serves.
pub fn put_silent(random: &mut Random, case: &mut Case) {
    let kind = random.pick(&["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]);
    let service = json!({ "namespace": "hooks", "name": "gone", "path": "/x" });
    let operations = random.pick(&[json!(["CREATE"]), json!(["CREATE", "UPDATE"])]);
    let resources =
        random.pick(&[json!(["pods"]), json!(["deployments", "statefulsets"]), json!(["persistentvolumeclaims"])]);
    case.objects.push(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": "gone" },
        "webhooks": [{
            "name": "gone.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "failurePolicy": random.pick(&["Fail", "Fail", "Ignore"]), "clientConfig": { "service": service },
            "namespaceSelector": { "matchLabels": { "team": random.pick(&["app", "shop"]) } },
            "rules": [{ "operations": operations, "apiGroups": ["", "apps"], "apiVersions": ["v1"], "resources": resources }]
        }]
    }));
}
