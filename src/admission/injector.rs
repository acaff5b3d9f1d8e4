//! Who adds an extended resource to pods.

use crate::model::{Kind, Pod, WebhookConfiguration};
use crate::snapshot::Snapshot;

use super::webhook::{Match, Request, matches};

/// Words that say nothing about whose webhook or resource it is.
const COMMON_WORDS: &[&str] = &[
    "io",
    "com",
    "org",
    "net",
    "dev",
    "sh",
    "app",
    "apps",
    "k8s",
    "kubernetes",
    "x-k8s",
    "svc",
    "csi",
    "example",
    "webhook",
    "webhooks",
    "hook",
    "pod",
    "pods",
    "pod-hook",
    "mutate",
    "mutating",
    "inject",
    "injector",
    "controller",
    "system",
    "operator",
    "admission",
    "cluster",
    "local",
    "resource",
    "resources",
    "capacity",
    "default",
    "driver",
];

/// A webhook that may add a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Injector {
    /// The MutatingWebhookConfiguration.
    pub(crate) configuration: String,
    /// The webhook's position in it.
    pub(crate) position: usize,
    /// How many webhooks the configuration holds.
    pub(crate) siblings: usize,
    /// The webhook's name.
    pub(crate) webhook: String,
    /// The namespace and name of its service; empty where it has a URL.
    pub(crate) service: Option<(String, String)>,
    /// Whether its name says that the resource is its own.
    pub(crate) named: bool,
    /// Why it may not be called, where that isn't certain.
    pub(crate) doubt: Option<String>,
}

/// The webhooks that may have added a resource to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Injectors {
    /// None is called for such pods.
    None,
    /// These, the ones whose names fit the resource, or else every one that is called.
    Some(Vec<Injector>),
    /// The configurations could not be read.
    Unknown,
}

impl Injectors {
    /// The webhooks; empty where there is none or where they could not be read.
    pub(crate) fn list(&self) -> &[Injector] {
        match self {
            Injectors::Some(list) => list,
            Injectors::None | Injectors::Unknown => &[],
        }
    }
}

/// The webhooks that may have added the resource to the pod. TopoLVM's resource is added by TopoLVM's webhook alone;
/// for others every mutating webhook that is called for the pod is a candidate unless names tell.
pub(crate) fn injectors(snapshot: &Snapshot, pod: &Pod, resource: &str) -> Injectors {
    let request = Request { kind: Kind::Pod, namespace: &pod.metadata.namespace, labels: &pod.metadata.labels };
    let called = called(snapshot, request);
    let named: Vec<Injector> = called
        .iter()
        .filter(|(configuration, injector)| fits(resource, configuration, injector))
        .map(|(_, injector)| Injector { named: true, ..injector.clone() })
        .collect();
    if !named.is_empty() {
        return Injectors::Some(named);
    }
    if !snapshot.mutating_webhooks.complete() {
        return Injectors::Unknown;
    }
    let others: Vec<Injector> = called.into_iter().map(|(_, injector)| injector).collect();
    if others.is_empty() || topolvm_domain(resource).is_some() { Injectors::None } else { Injectors::Some(others) }
}

/// The mutating webhooks that may be called for a request, in the API server's order.
fn called<'a>(snapshot: &'a Snapshot, request: Request<'_>) -> Vec<(&'a WebhookConfiguration, Injector)> {
    let mut called = Vec::new();
    for configuration in snapshot.mutating_webhooks.seen() {
        for (position, webhook) in configuration.webhooks.iter().enumerate() {
            let matched = matches(webhook, request, snapshot);
            if !matched.possible() {
                continue;
            }
            let service = webhook.client_config.service.as_ref();
            let injector = Injector {
                configuration: configuration.metadata.name.clone(),
                position,
                siblings: configuration.webhooks.len(),
                webhook: webhook.name.clone(),
                service: service.map(|service| (service.namespace.clone(), service.name.clone())),
                named: false,
                doubt: if let Match::Maybe(doubt) = matched { Some(doubt) } else { None },
            };
            called.push((&**configuration, injector));
        }
    }
    called
}

/// The driver name of TopoLVM, where the resource is the one that its webhook adds; the older one was `cybozu.com`'s.
pub(crate) fn topolvm_domain(resource: &str) -> Option<&'static str> {
    match resource {
        "topolvm.io/capacity" => Some("topolvm.io"),
        "topolvm.cybozu.com/capacity" => Some("topolvm.cybozu.com"),
        _ => None,
    }
}

/// Whether a webhook's name, its configuration's or its service's says that the resource is its own.
fn fits(resource: &str, configuration: &WebhookConfiguration, injector: &Injector) -> bool {
    let domain = resource.split('/').next().unwrap_or_default();
    if let Some(domain) = topolvm_domain(resource) {
        return injector.webhook == format!("pod-hook.{domain}");
    }
    let (namespace, service) = injector.service.as_ref().map_or(("", ""), |(namespace, name)| (namespace, name));
    injector.webhook == domain
        || injector.webhook.ends_with(&format!(".{domain}"))
        || words(resource).any(|word| {
            [injector.webhook.as_str(), &configuration.metadata.name, service, namespace]
                .into_iter()
                .any(|name| words(name).any(|other| other == word))
        })
}

/// The telling words of a name: lower-case parts of at least three letters.
pub(crate) fn words(name: &str) -> impl Iterator<Item = String> {
    let parts = name.split(['.', '/', '-', '_', ':']).map(str::to_ascii_lowercase);
    parts.filter(|part| part.len() > 2 && !COMMON_WORDS.contains(&part.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Builder;
    use crate::snapshot::coverage::{Problem, Scope};

    fn snapshot(names: &[&str]) -> Snapshot {
        let mut builder = Builder::default();
        for name in names {
            let configuration = serde_json::json!({"metadata": {"name": format!("{name}-configuration")}, "webhooks": [
                {"name": name, "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
                    "resources": ["pods"]}]}]});
            builder.add(Kind::MutatingWebhookConfiguration, configuration).unwrap();
        }
        builder.build(&Scope::All)
    }

    fn found(snapshot: &Snapshot, resource: &str) -> Vec<String> {
        injectors(snapshot, &Pod::default(), resource).list().iter().map(|i| i.webhook.clone()).collect()
    }

    #[test]
    fn a_webhook_is_known_by_the_words_of_its_resource() {
        let snapshot = snapshot(&["sidecar-injector.istio.io", "pod-hook.topolvm.io", "net.fabric.acme.com"]);
        assert_eq!(found(&snapshot, "topolvm.io/capacity"), ["pod-hook.topolvm.io"]);
        assert_eq!(found(&snapshot, "acme.com/lane"), ["net.fabric.acme.com"]);
        assert_eq!(found(&snapshot, "other.org/thing").len(), 3, "nothing tells which");
    }

    #[test]
    fn another_webhook_is_not_blamed_for_the_resource_of_topolvm() {
        let snapshot = snapshot(&["sidecar-injector.istio.io"]);
        assert_eq!(injectors(&snapshot, &Pod::default(), "topolvm.io/capacity"), Injectors::None);
    }

    #[test]
    fn unread_configurations_are_not_taken_for_none() {
        let unread = Builder::default().build(&Scope::Nothing(Problem::Forbidden));
        assert_eq!(injectors(&unread, &Pod::default(), "topolvm.io/capacity"), Injectors::Unknown);
    }
}
