//! Kinds of which no more is judged than whether the server takes them, and why.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{kind_of, text};
use super::manifests::{Document, strict};

/// Kinds that pods, claims and their volumes depend on, or that are these.
const JUDGED: [&str; 27] = [
    "CSIDriver",
    "CSIStorageCapacity",
    "CronJob",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Job",
    "LimitRange",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "PriorityClass",
    "ReplicaSet",
    "ResourceQuota",
    "RuntimeClass",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

/// Documents of a kind that is not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unjudged {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) documents: usize,
    pub(crate) reason: &'static str,
}

/// Why no more of a document is judged than whether the server takes it; `None` where more is.
pub(crate) fn why_unjudged(document: &Document) -> Option<&'static str> {
    reason(text(&document.object, "/apiVersion"), kind_of(&document.object))
}

/// What of the documents is not judged, by kind.
pub(crate) fn unjudged(documents: &[Document]) -> Vec<Unjudged> {
    let mut kinds: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for document in documents {
        *kinds.entry((kind_of(&document.object), text(&document.object, "/apiVersion"))).or_default() += 1;
    }
    let entry = |((kind, api_version), documents): ((&str, &str), usize)| {
        let reason = reason(api_version, kind)?;
        Some(Unjudged { api_version: api_version.to_owned(), kind: kind.to_owned(), documents, reason })
    };
    kinds.into_iter().filter_map(entry).collect()
}

/// Whether more is judged of an object than whether the server takes it.
pub(super) fn judged(object: &Value) -> bool {
    reason(text(object, "/apiVersion"), kind_of(object)).is_none()
}

fn reason(api_version: &str, kind: &str) -> Option<&'static str> {
    match (built_in(api_version), kind) {
        (true, kind) if JUDGED.contains(&kind) => None,
        (true, "ConfigMap" | "Secret") => Some("whether containers find in it what they need to start is not judged"),
        (true, "ReplicationController") => Some("its pods are not made: use a Deployment"),
        (true, "ResourceClaim" | "ResourceClaimTemplate" | "ResourceSlice" | "DeviceClass") => {
            Some("devices are not judged")
        }
        (true, "MutatingAdmissionPolicy" | "MutatingAdmissionPolicyBinding") => {
            Some("what it makes of objects is not worked out")
        }
        (true, _) => Some("it has no part in making and placing pods or in binding claims"),
        (false, "Kustomization") if api_version.starts_with("kustomize.config.k8s.io/") => {
            Some("it is for kustomize: name its folder with -k")
        }
        (false, _) => Some("what the controller of this kind makes of it is not known"),
    }
}

/// Whether Kubernetes itself has the group.
pub(crate) fn built_in(api_version: &str) -> bool {
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    strict::knows_group(group) || matches!(group, "apiextensions.k8s.io" | "extensions" | "events.k8s.io")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn the_role_for_dry_runs_has_the_kinds_that_are_sent_and_no_others() {
        let role = include_str!("../../docs/rbac-dry-run.yaml");
        let listed = role.lines().filter_map(|line| line.strip_prefix("      - "));
        let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
        let plural = |kind: &str| {
            let name = kind.to_lowercase();
            match (name.strip_suffix('y'), name.ends_with('s')) {
                (Some(start), _) => format!("{start}ies"),
                (None, true) => format!("{name}es"),
                (None, false) => format!("{name}s"),
            }
        };
        assert_eq!(listed, JUDGED.iter().map(|kind| plural(kind)).collect());
    }

    #[test]
    fn kinds_that_are_not_judged_are_counted_with_the_reason() {
        let document = |api: &str, kind: &str| Document::new("m", 1, 1, json!({"apiVersion": api, "kind": kind}));
        let documents = [
            document("v1", "ConfigMap"),
            document("apps/v1", "Deployment"),
            document("policy/v1beta1", "PodDisruptionBudget"),
            document("v1", "ConfigMap"),
            document("example.com/v1", "Pod"),
        ];
        let told: Vec<_> = unjudged(&documents).into_iter().map(|one| (one.kind, one.documents, one.reason)).collect();
        assert_eq!(
            told,
            [
                ("ConfigMap".to_owned(), 2, "whether containers find in it what they need to start is not judged"),
                ("Pod".to_owned(), 1, "what the controller of this kind makes of it is not known"),
            ]
        );
    }
}
