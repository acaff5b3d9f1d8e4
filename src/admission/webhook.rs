//! Which webhooks the API server calls for a request
//! (`staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/generic/webhook.go`, ShouldCallHook).

use crate::model::Kind;
use crate::model::meta::Map;
use crate::model::webhook::{Webhook, WebhookRule};
use crate::snapshot::Snapshot;

/// A CREATE of a namespaced object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) kind: Kind,
    pub(crate) namespace: &'a str,
    /// The new object's labels.
    pub(crate) labels: &'a Map,
}

/// Whether a webhook is called for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    Yes,
    No,
    /// It depends on something that can't be read here.
    Maybe(String),
}

impl Match {
    /// Whether the webhook may be called.
    pub(crate) fn possible(&self) -> bool {
        *self != Match::No
    }
}

/// Whether the API server calls the webhook for the request: namespace selector, object selector, rules and match
/// conditions, in upstream's order.
pub(crate) fn matches(webhook: &Webhook, request: Request<'_>, snapshot: &Snapshot) -> Match {
    let selects = |selector: &Option<crate::model::selector::LabelSelector>, labels: &Map| {
        selector.as_ref().is_none_or(|selector| selector.matches(labels))
    };
    if !covers_creation(webhook, request.kind) || !selects(&webhook.object_selector, request.labels) {
        return Match::No;
    }
    let namespace = match &webhook.namespace_selector {
        Some(selector) if !selector.is_empty() => namespace_labels(snapshot, request.namespace),
        _ => Some(Map::new()),
    };
    match namespace {
        None => return Match::Maybe(format!("the labels of namespace {} could not be read", request.namespace)),
        Some(labels) if !selects(&webhook.namespace_selector, &labels) => return Match::No,
        Some(_) => {}
    }
    match webhook.match_conditions.first() {
        Some(condition) => Match::Maybe(format!("its match condition {:?} is not evaluated here", condition.name)),
        None => Match::Yes,
    }
}

/// The namespace's labels; the API server adds its name to them.
fn namespace_labels(snapshot: &Snapshot, name: &str) -> Option<Map> {
    let mut labels = snapshot.labels_of_namespace(name)?;
    labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| name.to_owned());
    Some(labels)
}

/// Whether the rules of a webhook cover the creation of objects of a namespaced kind.
pub(crate) fn covers_creation(webhook: &Webhook, kind: Kind) -> bool {
    webhook.rules.iter().any(|rule| rule_matches(rule, kind))
}

/// Whether a rule covers the creation of objects of a namespaced kind. `pods/*` covers `pods` as well; `*` covers every
/// main resource.
fn rule_matches(rule: &WebhookRule, kind: Kind) -> bool {
    let has = |list: &[String], value: &str| list.iter().any(|entry| entry == "*" || entry == value);
    let scope = rule.scope.as_deref().unwrap_or("*");
    let resource = |entry: &String| {
        let (main, sub) = entry.split_once('/').unwrap_or((entry, ""));
        (main == "*" || main == kind.plural()) && (sub == "*" || sub.is_empty())
    };
    (scope == "*" || (scope == "Namespaced") == kind.namespaced())
        && has(&rule.operations, "CREATE")
        && has(&rule.api_groups, kind.group())
        && kind.versions().iter().any(|version| has(&rule.api_versions, version))
        && rule.resources.iter().any(resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::coverage::{Problem, Scope};

    fn snapshot(labels: &[(&str, &str)]) -> Snapshot {
        let mut builder = crate::snapshot::Builder::default();
        let labels: Map = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let namespace = serde_json::json!({"metadata": {"name": "app", "labels": labels}});
        builder.add(Kind::Namespace, namespace).unwrap();
        builder.build(&Scope::All)
    }

    fn webhook(value: serde_json::Value) -> Webhook {
        serde_json::from_value(value).unwrap()
    }

    fn hook(resources: &[&str]) -> serde_json::Value {
        serde_json::json!({"name": "hook.example.com", "rules": [{"operations": ["CREATE"], "apiGroups": [""],
            "apiVersions": ["v1"], "resources": resources}]})
    }

    fn check(value: serde_json::Value, labels: &[(&str, &str)]) -> Match {
        let pod_labels = Map::from([("app".to_owned(), "x".to_owned())]);
        let request = Request { kind: Kind::Pod, namespace: "app", labels: &pod_labels };
        matches(&webhook(value), request, &snapshot(labels))
    }

    #[test]
    fn resources_with_any_subresource_cover_the_resource_itself() {
        for (resources, expected) in [
            (["pods"], Match::Yes),
            (["pods/*"], Match::Yes),
            (["*"], Match::Yes),
            (["*/*"], Match::Yes),
            (["pods/status"], Match::No),
            (["*/status"], Match::No),
            (["persistentvolumeclaims"], Match::No),
        ] {
            assert_eq!(check(hook(&resources), &[]), expected, "{resources:?}");
        }
    }

    #[test]
    fn operations_groups_and_scope_count() {
        let with = |change: fn(&mut serde_json::Value)| {
            let mut value = hook(&["pods"]);
            change(&mut value["rules"][0]);
            check(value, &[])
        };
        assert_eq!(with(|rule| rule["operations"] = serde_json::json!(["UPDATE"])), Match::No);
        assert_eq!(with(|rule| rule["operations"] = serde_json::json!(["*"])), Match::Yes);
        assert_eq!(with(|rule| rule["apiGroups"] = serde_json::json!(["apps"])), Match::No);
        assert_eq!(with(|rule| rule["apiGroups"] = serde_json::json!(["*"])), Match::Yes);
        assert_eq!(with(|rule| rule["scope"] = "Cluster".into()), Match::No);
        assert_eq!(with(|rule| rule["scope"] = "Namespaced".into()), Match::Yes);
    }

    #[test]
    fn selectors_and_conditions_count() {
        let ignore = serde_json::json!({"matchExpressions": [
            {"key": "topolvm.io/webhook", "operator": "NotIn", "values": ["ignore"]}]});
        let mut value = hook(&["pods"]);
        value["namespaceSelector"] = ignore;
        assert_eq!(check(value.clone(), &[]), Match::Yes);
        assert_eq!(check(value.clone(), &[("topolvm.io/webhook", "ignore")]), Match::No);
        value["objectSelector"] = serde_json::json!({"matchLabels": {"app": "y"}});
        assert_eq!(check(value, &[]), Match::No);
        let mut value = hook(&["pods"]);
        value["matchConditions"] = serde_json::json!([{"name": "some", "expression": "true"}]);
        assert!(matches!(check(value, &[]), Match::Maybe(_)));
    }

    #[test]
    fn the_name_of_a_namespace_is_one_of_its_labels() {
        let mut value = hook(&["pods"]);
        value["namespaceSelector"] = serde_json::json!({"matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["app"]}]});
        assert_eq!(check(value, &[]), Match::No);
    }

    #[test]
    fn unread_namespace_labels_are_not_taken_for_none() {
        let mut value = hook(&["pods"]);
        value["namespaceSelector"] = serde_json::json!({"matchLabels": {"a": "b"}});
        let unread = crate::snapshot::Builder::default().build(&Scope::Nothing(Problem::Forbidden));
        let request = Request { kind: Kind::Pod, namespace: "app", labels: &Map::new() };
        assert!(matches!(matches(&webhook(value), request, &unread), Match::Maybe(_)));
    }
}
