//! The admission webhooks that see new pods and claims, and what stands behind each.

use serde::Serialize;

use super::{API_VERSION, FindingEntry};
use crate::admission::webhook::covers_creation;
use crate::admission::{Backend, Match, Request, backend, webhook};
use crate::diagnosis::{Manager, manager};
use crate::model::meta::Map;
use crate::model::webhook::Webhook;
use crate::model::{Kind, WebhookConfiguration};
use crate::snapshot::Snapshot;

/// The webhooks of a cluster that see new pods or claims.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Webhooks<'a> {
    /// `storagewhy.dev/v1`.
    pub api_version: &'static str,
    /// `Webhooks`.
    pub kind: &'static str,
    pub webhooks: Vec<WebhookEntry<'a>>,
    /// What is wrong with webhooks.
    pub findings: Vec<FindingEntry<'a>>,
    /// What could not be read.
    pub unread: Vec<String>,
}

/// One webhook.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WebhookEntry<'a> {
    /// `MutatingWebhookConfiguration` or `ValidatingWebhookConfiguration`.
    pub kind: &'static str,
    /// The configuration's name.
    pub configuration: &'a str,
    /// The webhook's name.
    pub name: &'a str,
    /// What it sees the creation of: `pods`, `persistentvolumeclaims`.
    pub sees: Vec<&'static str>,
    /// What happens to an object when the webhook can't be reached: `Fail` or `Ignore`.
    pub failure_policy: &'a str,
    /// How long the API server waits for it, in seconds.
    pub timeout_seconds: i32,
    /// Its service as `namespace/name`, or its URL.
    pub served_by: String,
    pub backend: BackendEntry,
    /// The namespaces for whose pods it is called, as far as the namespaces' labels say; null where they could not be
    /// read.
    pub namespaces: Option<Vec<&'a str>>,
    /// How many namespaces there are; null where they could not be read.
    pub of_namespaces: Option<usize>,
    /// Whether it is called only for objects with certain labels or under conditions.
    pub conditional: bool,
    /// The tools that own the configuration, the outermost first.
    pub managers: Vec<OwnerEntry>,
}

/// What answers behind a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum BackendEntry {
    /// The service has ready endpoints.
    Serves,
    /// There is no such service.
    NoService,
    /// The service has no ready endpoint.
    NoEndpoints,
    /// It is served outside of the cluster, or something could not be read.
    Unknown,
}

/// A tool that owns an object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OwnerEntry {
    /// `Helm` or `Argo CD`.
    pub tool: &'static str,
    /// The release or application.
    pub name: String,
    /// Empty where it isn't known.
    pub namespace: String,
    pub chart: Option<String>,
}

/// The kinds that the view rests on.
const KINDS: &[Kind] = &[
    Kind::MutatingWebhookConfiguration,
    Kind::ValidatingWebhookConfiguration,
    Kind::Service,
    Kind::EndpointSlice,
    Kind::Namespace,
];

/// The seconds that the API server waits where a webhook doesn't say.
const TIMEOUT: i32 = 10;

impl<'a> Webhooks<'a> {
    /// The webhooks of a snapshot with what the diagnosis found of them.
    pub fn new(snapshot: &'a Snapshot, findings: Vec<FindingEntry<'a>>) -> Self {
        let mutating = snapshot.mutating_webhooks.seen().iter();
        let mutating = mutating.flat_map(|found| entries(snapshot, Kind::MutatingWebhookConfiguration, found));
        let validating = snapshot.validating_webhooks.seen().iter();
        let validating = validating.flat_map(|found| entries(snapshot, Kind::ValidatingWebhookConfiguration, found));
        Self {
            api_version: API_VERSION,
            kind: "Webhooks",
            webhooks: mutating.chain(validating).collect(),
            findings,
            unread: super::unread(snapshot, KINDS),
        }
    }
}

/// The webhooks of a configuration that see new pods or claims.
fn entries<'a>(snapshot: &'a Snapshot, kind: Kind, configuration: &'a WebhookConfiguration) -> Vec<WebhookEntry<'a>> {
    let seen = |webhook: &Webhook| -> Vec<&'static str> {
        let kinds = [Kind::Pod, Kind::PersistentVolumeClaim].into_iter();
        kinds.filter(|kind| covers_creation(webhook, *kind)).map(Kind::plural).collect()
    };
    let owners = manager::managers(&configuration.metadata, snapshot);
    let entry = |webhook: &'a Webhook| WebhookEntry {
        kind: kind.name(),
        configuration: &configuration.metadata.name,
        name: &webhook.name,
        sees: seen(webhook),
        failure_policy: webhook.failure_policy.as_deref().unwrap_or("Fail"),
        timeout_seconds: webhook.timeout_seconds.unwrap_or(TIMEOUT),
        served_by: served_by(webhook),
        backend: backend_entry(&backend(&webhook.client_config, snapshot)),
        namespaces: namespaces(snapshot, webhook),
        of_namespaces: snapshot.namespaces.all().map(<[_]>::len),
        conditional: !webhook.match_conditions.is_empty()
            || webhook.object_selector.as_ref().is_some_and(|selector| !selector.is_empty()),
        managers: owners.iter().map(owner).collect(),
    };
    configuration.webhooks.iter().filter(|webhook| !seen(webhook).is_empty()).map(entry).collect()
}

fn served_by(webhook: &Webhook) -> String {
    match (&webhook.client_config.service, &webhook.client_config.url) {
        (Some(service), _) => format!("{}/{}", service.namespace, service.name),
        (None, url) => url.clone().unwrap_or_default(),
    }
}

fn backend_entry(backend: &Backend) -> BackendEntry {
    match backend {
        Backend::Serves => BackendEntry::Serves,
        Backend::NoService => BackendEntry::NoService,
        Backend::NoEndpoints => BackendEntry::NoEndpoints,
        Backend::Unknown(_) => BackendEntry::Unknown,
    }
}

/// The namespaces that the webhook's namespace selector lets in.
fn namespaces<'a>(snapshot: &'a Snapshot, webhook: &Webhook) -> Option<Vec<&'a str>> {
    let labels = Map::new();
    let kinds = [Kind::Pod, Kind::PersistentVolumeClaim];
    let without_objects = Webhook { object_selector: None, match_conditions: Vec::new(), ..webhook.clone() };
    let called = |namespace: &str| {
        let request = |kind| Request { kind, namespace, labels: &labels };
        kinds.iter().any(|kind| webhook::matches(&without_objects, request(*kind), snapshot) == Match::Yes)
    };
    let names = snapshot.namespaces.all()?.iter().map(|namespace| namespace.metadata.name.as_str());
    Some(names.filter(|name| called(name)).collect())
}

fn owner(manager: &Manager) -> OwnerEntry {
    OwnerEntry {
        tool: manager.tool,
        name: manager.name.clone(),
        namespace: manager.namespace.clone(),
        chart: manager.chart.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Builder, Scope};

    #[test]
    fn only_webhooks_that_see_new_pods_or_claims_are_shown() {
        let mut builder = Builder::default();
        let rule = |resource: &str, operation: &str| json!([{"operations": [operation], "apiGroups": ["*"], "apiVersions": ["*"], "resources": [resource]}]);
        let webhook = |name: &str, rules: serde_json::Value| {
            json!({
                "name": name,
                "rules": rules,
                "namespaceSelector": {"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]},
                "clientConfig": {"service": {"namespace": "sys", "name": "hook"}},
            })
        };
        let webhooks = [
            webhook("pods.example", rule("pods", "CREATE")),
            webhook("updates.example", rule("pods", "UPDATE")),
            webhook("claims.example", rule("persistentvolumeclaims", "*")),
            webhook("nodes.example", rule("nodes", "CREATE")),
        ];
        for (kind, object) in [
            (Kind::MutatingWebhookConfiguration, json!({"metadata": {"name": "hook"}, "webhooks": webhooks})),
            (Kind::Namespace, json!({"metadata": {"name": "app"}})),
            (Kind::Namespace, json!({"metadata": {"name": "sys", "labels": {"skip": "yes"}}})),
        ] {
            builder.add(kind, object).unwrap();
        }
        let snapshot = builder.build(&Scope::All);
        let report = Webhooks::new(&snapshot, Vec::new());
        let names: Vec<&str> = report.webhooks.iter().map(|webhook| webhook.name).collect();
        assert_eq!(names, ["pods.example", "claims.example"]);
        let first = &report.webhooks[0];
        assert_eq!((first.backend, first.served_by.as_str()), (BackendEntry::NoService, "sys/hook"));
        assert_eq!(first.namespaces.as_deref(), Some(&["app"][..]));
        assert_eq!(report.webhooks[1].namespaces.as_deref(), Some(&["app"][..]));
        assert_eq!((first.failure_policy, first.timeout_seconds, first.conditional), ("Fail", 10, false));
    }
}
