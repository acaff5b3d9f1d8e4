//! Objects as the server has them, for what is tried on a copy of the cluster.

use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::discovery;
use super::failure::Failure;
use super::request::Server;
use crate::source::raw::{RawFilter, RawObjects};

/// Lists that are read at a time.
const PARALLEL: usize = 6;
/// Objects a page.
const PAGE: u32 = 500;

/// A kind in the API: its version, its plural and its name.
type Listed = (&'static str, &'static str, &'static str);

/// Where admission policies stand.
const POLICIES: &str = "apis/admissionregistration.k8s.io/v1";

/// Kinds without a namespace.
const CLUSTER: [Listed; 14] = [
    ("api/v1", "namespaces", "Namespace"),
    ("apis/storage.k8s.io/v1", "storageclasses", "StorageClass"),
    ("apis/storage.k8s.io/v1", "csidrivers", "CSIDriver"),
    ("apis/storage.k8s.io/v1", "volumeattributesclasses", "VolumeAttributesClass"),
    ("apis/scheduling.k8s.io/v1", "priorityclasses", "PriorityClass"),
    ("apis/node.k8s.io/v1", "runtimeclasses", "RuntimeClass"),
    ("apis/networking.k8s.io/v1", "ingressclasses", "IngressClass"),
    (POLICIES, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
    (POLICIES, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    (POLICIES, "validatingadmissionpolicies", "ValidatingAdmissionPolicy"),
    (POLICIES, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
    (POLICIES, "mutatingadmissionpolicies", "MutatingAdmissionPolicy"),
    (POLICIES, "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding"),
    ("apis/rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole"),
];

/// Kinds that are read of the namespaces that matter.
const NAMESPACED: [Listed; 17] = [
    ("api/v1", "pods", "Pod"),
    ("api/v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    ("api/v1", "resourcequotas", "ResourceQuota"),
    ("api/v1", "limitranges", "LimitRange"),
    ("api/v1", "services", "Service"),
    ("api/v1", "serviceaccounts", "ServiceAccount"),
    ("apis/apps/v1", "deployments", "Deployment"),
    ("apis/apps/v1", "replicasets", "ReplicaSet"),
    ("apis/apps/v1", "statefulsets", "StatefulSet"),
    ("apis/apps/v1", "daemonsets", "DaemonSet"),
    ("apis/apps/v1", "controllerrevisions", "ControllerRevision"),
    ("apis/batch/v1", "jobs", "Job"),
    ("apis/batch/v1", "cronjobs", "CronJob"),
    ("apis/autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    ("apis/policy/v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    ("apis/networking.k8s.io/v1", "ingresses", "Ingress"),
    ("apis/networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
];

#[derive(Deserialize)]
struct List {
    kind: String,
    #[serde(default)]
    metadata: ListMeta,
    /// `null` is an empty list; a list without the field is not a list.
    #[serde(deserialize_with = "Option::deserialize")]
    items: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
struct ListMeta {
    #[serde(rename = "continue", default)]
    token: Option<String>,
}

/// Reads the objects.
pub(super) async fn read(server: &Server, deadline: Instant, filter: &RawFilter) -> RawObjects {
    let cluster = CLUSTER.iter().map(|listed| (*listed, format!("/{}/{}", listed.0, listed.1)));
    let spaces = filter.namespaces.iter().filter(|name| is_label(name));
    let namespaced = spaces.flat_map(|namespace| {
        NAMESPACED.iter().map(move |listed| (*listed, format!("/{}/namespaces/{namespace}/{}", listed.0, listed.1)))
    });
    let endpoints = ("apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice");
    let everywhere = [
        (("api/v1", "services", "Service"), "/api/v1/services".to_owned()),
        (endpoints, "/apis/discovery.k8s.io/v1/endpointslices".to_owned()),
    ];
    let jobs = cluster.chain(namespaced).chain(everywhere).map(|(listed, path)| async move {
        (
            listed.2,
            in_time(deadline, pages(server, listed, &path)).await.or_else(|failure| none_served(listed, failure)),
        )
    });
    let mut jobs = std::pin::pin!(futures::stream::iter(jobs).buffer_unordered(PARALLEL));
    let mut raw = RawObjects::default();
    while let Some((kind, result)) = jobs.next().await {
        raw.add(kind, result.ok());
    }
    for api_version in filter.custom.iter().filter(|version| is_api_version(version)) {
        let served = in_time(deadline, discovery::read(server, api_version)).await;
        raw.add(discovery::KIND, served.ok());
    }
    raw
}

async fn in_time(
    deadline: Instant,
    reading: impl Future<Output = Result<Vec<Value>, Failure>>,
) -> Result<Vec<Value>, Failure> {
    timeout_at(deadline, reading).await.unwrap_or_else(|_| Err(Failure::Interrupted("the deadline passed".to_owned())))
}

/// Of policies that a server is too old for, or doesn't serve, there are none.
fn none_served((version, ..): Listed, failure: Failure) -> Result<Vec<Value>, Failure> {
    if version == POLICIES && failure == Failure::NotFound { Ok(Vec::new()) } else { Err(failure) }
}

async fn pages(server: &Server, (version, _, kind): Listed, path: &str) -> Result<Vec<Value>, Failure> {
    let version = version.trim_start_matches("apis/").trim_start_matches("api/");
    let mut objects = Vec::new();
    let mut token = String::new();
    loop {
        let more = if token.is_empty() { String::new() } else { format!("&continue={}", encoded(&token)) };
        let text = server.get(&format!("{path}?limit={PAGE}{more}")).await?;
        let list: List = serde_json::from_str(&text).map_err(|error| Failure::Malformed(error.to_string()))?;
        if list.kind != format!("{kind}List") {
            return Err(Failure::Malformed(format!("it is not a {kind}List")));
        }
        for mut object in list.items.unwrap_or_default() {
            let named = object.pointer("/metadata/name").is_some_and(Value::is_string);
            let Some(fields) = object.as_object_mut().filter(|_| named) else {
                return Err(Failure::Malformed("an object has no name".to_owned()));
            };
            fields.insert("apiVersion".to_owned(), json!(version));
            fields.insert("kind".to_owned(), json!(kind));
            objects.push(object);
        }
        let next = list.metadata.token.unwrap_or_default();
        if next.is_empty() {
            return Ok(objects);
        }
        if next == token {
            return Err(Failure::Malformed("the list repeats a page".to_owned()));
        }
        token = next;
    }
}

/// Whether `group/version` can stand in a path.
fn is_api_version(text: &str) -> bool {
    let part = |part: &str| part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(in_name);
    text.split_once('/').is_some_and(|(group, version)| part(group) && part(version))
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '.'
}

/// Whether a name can stand in a path.
fn is_label(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// A token as a part of a query.
fn encoded(token: &str) -> String {
    token.bytes().fold(String::new(), |text, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text + &char::from(byte).to_string(),
        _ => text + &format!("%{byte:02X}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::needs::{NEEDS, PREFLIGHT};

    #[test]
    fn every_right_that_it_takes_is_in_the_tables() {
        for (version, plural, kind) in CLUSTER.iter().chain(&NAMESPACED) {
            let group = version.split('/').nth(1).filter(|_| version.starts_with("apis/")).unwrap_or_default();
            let always = NEEDS.iter().any(|need| (need.kind.group(), need.kind.plural()) == (group, plural));
            let besides = PREFLIGHT.iter().any(|one| (one.group, one.plural) == (group, plural));
            assert!(always != besides, "{kind}");
        }
    }

    #[test]
    fn versions_cannot_lead_to_other_paths() {
        assert!(is_api_version("cert-manager.io/v1"));
        for text in ["v1", "/v1", "a/", "../v1", "a/../secrets", "a/v1?watch", "a/v1/secrets", "a b/v1"] {
            assert!(!is_api_version(text), "{text}");
        }
    }
}
