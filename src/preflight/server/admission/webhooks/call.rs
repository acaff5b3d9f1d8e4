//! Whether anything answers behind a webhook, and what the server says where nothing does
//! (`apiserver/pkg/util/webhook`, `pkg/util/proxy`, ResolveCluster).

use serde_json::Value;

use super::super::super::field::quote;
use super::super::super::json::{at, list, number, text, truth};
use super::super::Attributes;

/// What stands behind a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Backend {
    Serves,
    /// A call fails: how.
    Fails(String),
    /// It can't be known: why.
    Unknown(String),
}

/// What stands behind a webhook.
pub(super) fn backend(cx: &Attributes<'_>, webhook: &Value) -> Backend {
    let Some(reference) = at(webhook, "/clientConfig/service") else {
        return Backend::Unknown("it is served at a URL, which is not called here".to_owned());
    };
    let (namespace, name) = (text(reference, "/namespace"), text(reference, "/name"));
    let Some(service) = cx.world.get("Service", Some(namespace), name) else {
        return match cx.world.read("Service") {
            true => Backend::Fails(format!("service {} not found", quote(name))),
            false => {
                Backend::Unknown("services could not be read, so whether anything serves it is not known".to_owned())
            }
        };
    };
    let port = number(reference, "/port").unwrap_or(443);
    match (text(service, "/spec/type"), text(service, "/spec/clusterIP")) {
        ("ExternalName", _) => Backend::Unknown("its service stands for a name outside the cluster".to_owned()),
        (_, "None") => Backend::Fails("cannot route to service with ClusterIP \"None\"".to_owned()),
        _ if !list(service, "/spec/ports").iter().any(|own| number(own, "/port") == Some(port)) => {
            Backend::Fails(format!("no service port {port} found for service {}", quote(name)))
        }
        (_, address) => endpoints(cx, namespace, name, address, port),
    }
}

/// A service whose address isn't known yet gets one that nobody can foretell.
fn endpoints(cx: &Attributes<'_>, namespace: &str, name: &str, address: &str, port: i64) -> Backend {
    let of_service = |slice: &&Value| {
        slice.pointer("/metadata/labels/kubernetes.io~1service-name").and_then(Value::as_str) == Some(name)
    };
    let ready = |endpoint: &Value| at(endpoint, "/conditions/ready").is_none() || truth(endpoint, "/conditions/ready");
    let mut slices = cx.world.list("EndpointSlice", Some(namespace)).filter(of_service);
    if slices.any(|slice| list(slice, "/endpoints").iter().any(ready)) {
        return Backend::Serves;
    }
    if !cx.world.read("EndpointSlice") && !cx.world.is_new("Service", Some(namespace), name) {
        let why = "endpoint slices could not be read, so whether anything serves it is not known; \
                   `kubectl get endpointslices` tells";
        return Backend::Unknown(why.to_owned());
    }
    let address = if address.is_empty() { "…" } else { address };
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    Backend::Fails(format!("dial tcp {address}:{port}: connect: connection refused"))
}

/// `Status.message` of a request for which a webhook had to be called and couldn't.
pub(super) fn failed(webhook: &Value, why: &str) -> String {
    let service = |field: &str| text(webhook, &format!("/clientConfig/service/{field}"));
    let port = number(webhook, "/clientConfig/service/port").unwrap_or(443);
    let seconds = number(webhook, "/timeoutSeconds").unwrap_or(10);
    let path = format!("/{}", service("path").trim_matches('/'));
    let url = format!("https://{}.{}.svc:{port}{path}?timeout={seconds}s", service("name"), service("namespace"));
    let name = quote(text(webhook, "/name"));
    format!(
        "Internal error occurred: failed calling webhook {name}: failed to call webhook: Post {}: {why}",
        quote(&url)
    )
}
