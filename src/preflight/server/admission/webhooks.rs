//! Webhooks that the server calls for a request: which (`apiserver/pkg/admission/plugin/webhook/generic`), and what comes of
//! the call.

mod call;
mod injectors;
mod matching;

use serde_json::Value;

use super::super::Request;
use super::super::json::{list, text};
use super::{Attributes, Stop};
use call::Backend;
pub(super) use injectors::settles;
pub(super) use matching::{Asked, conditions, constraints};

/// Kinds of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Mutating,
    Validating,
}

/// Calls the webhooks of a sort in their order: configurations by name.
///
/// # Errors
/// Where one can't be called and has to be, or may change or refuse the object in ways that can't be known.
pub(super) fn call(cx: &Attributes<'_>, sort: Sort, object: &mut Value) -> Result<(), Stop> {
    let kind = match sort {
        Sort::Mutating => "MutatingWebhookConfiguration",
        Sort::Validating => "ValidatingWebhookConfiguration",
    };
    if matching::exempt(cx) || cx.request == Request::ApplyUnhooked {
        return Ok(());
    }
    let mut unknown = None;
    for configuration in cx.world.list(kind, None) {
        for webhook in list(configuration, "/webhooks") {
            match one(cx, sort, webhook, object) {
                Ok(()) => {}
                Err(Stop::Refused(message)) => return Err(Stop::Refused(message)),
                Err(Stop::Unknown(why)) => {
                    let place = text(configuration, "/metadata/name");
                    let name = text(webhook, "/name");
                    let told = format!("webhook {name} of {kind} {place} is asked: {why}");
                    // A mutating webhook may change what later ones and the checks see.
                    if sort == Sort::Mutating {
                        return Err(Stop::Unknown(told));
                    }
                    unknown.get_or_insert(told);
                }
            }
        }
    }
    unknown.map_or(Ok(()), |why| Err(Stop::Unknown(why)))
}

fn one(cx: &Attributes<'_>, sort: Sort, webhook: &Value, object: &mut Value) -> Result<(), Stop> {
    let open = text(webhook, "/failurePolicy") == "Ignore";
    match matching::asked(cx, webhook, object) {
        Asked::No => return Ok(()),
        Asked::Yes => {}
        Asked::Fault(_) if open => return Ok(()),
        Asked::Fault(message) => return Err(cx.forbidden(object, &message)),
        Asked::Unknown(why) => return Err(Stop::Unknown(why)),
    }
    match call::backend(cx, webhook) {
        Backend::Fails(_) if open => Ok(()),
        Backend::Fails(why) => Err(Stop::Refused(call::failed(webhook, &why))),
        Backend::Unknown(_) if open && leaves_alone(cx, sort, webhook, object) => Ok(()),
        Backend::Unknown(why) => Err(Stop::Unknown(why)),
        Backend::Serves if sort == Sort::Validating => {
            Err(Stop::Unknown(format!("it answers, and what it refuses is not known here; {}", settles(cx))))
        }
        Backend::Serves => injectors::answer(cx, webhook, object).map_err(Stop::Unknown),
    }
}

/// Whether a webhook that is known changes nothing of an object, so that it makes no difference whether it answers.
fn leaves_alone(cx: &Attributes<'_>, sort: Sort, webhook: &Value, object: &Value) -> bool {
    let mut tried = object.clone();
    sort == Sort::Mutating && injectors::answer(cx, webhook, &mut tried).is_ok() && tried == *object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    fn configuration(kind: &str, webhook: Value) -> Value {
        let mut whole = json!({"name": "policy.example.com", "failurePolicy": "Fail", "timeoutSeconds": 10,
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["pods"], "scope": "*"}],
            "clientConfig": {"service": {"namespace": "shop", "name": "guard", "path": "/check", "port": 443}}});
        json_patch::merge(&mut whole, &webhook);
        json!({"kind": kind, "metadata": {"name": "policy"}, "webhooks": [whole]})
    }

    fn service(ready: bool) -> Vec<Value> {
        vec![
            json!({"kind": "Service", "metadata": {"namespace": "shop", "name": "guard"},
                "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.9", "ports": [{"port": 443}]}}),
            json!({"kind": "EndpointSlice", "metadata": {"namespace": "shop", "name": "guard-1",
                "labels": {"kubernetes.io/service-name": "guard"}}, "endpoints": [{"addresses": ["1.1.1.1"], "conditions": {"ready": ready}}]}),
            json!({"kind": "Namespace", "metadata": {"name": "app", "labels": {"team": "a"}}}),
        ]
    }

    fn asked(sort: Sort, kind: &str, webhook: Value, others: Vec<Value>) -> Result<(), Stop> {
        let mut objects = others;
        objects.push(configuration(kind, webhook));
        let world = world(&objects);
        let pods = resource("v1", "Pod");
        let mut pod =
            json!({"metadata": {"name": "a", "namespace": "app", "labels": {"x": "y"}}, "spec": {"containers": [{}]}});
        call(&creation(&world, &pods), sort, &mut pod)
    }

    const FAILED: &str = "Internal error occurred: failed calling webhook \"policy.example.com\": failed to call webhook: Post \
         \"https://guard.shop.svc:443/check?timeout=10s\": ";

    #[test]
    fn a_webhook_that_nothing_serves_stops_what_it_is_asked_about() {
        let mutating = |webhook: Value, others| asked(Sort::Mutating, "MutatingWebhookConfiguration", webhook, others);
        assert_eq!(refusal(mutating(json!({}), vec![])), format!("{FAILED}service \"guard\" not found"));
        assert_eq!(
            refusal(mutating(json!({}), service(false))),
            format!("{FAILED}dial tcp 10.0.0.9:443: connect: connection refused")
        );
        assert_eq!(mutating(json!({"failurePolicy": "Ignore"}), vec![]), Ok(()));
        assert!(matches!(mutating(json!({}), service(true)), Err(Stop::Unknown(_))));
        let url = json!({"clientConfig": {"service": null, "url": "https://x"}});
        assert!(matches!(mutating(url, vec![]), Err(Stop::Unknown(_))));
        let port = json!({"clientConfig": {"service": {"port": 8443, "path": null}}});
        assert_eq!(
            refusal(mutating(port, service(true))),
            "Internal error occurred: failed calling webhook \"policy.example.com\": failed to call webhook: Post \
             \"https://guard.shop.svc:8443/?timeout=10s\": no service port 8443 found for service \"guard\""
        );
    }

    #[test]
    fn a_webhook_is_asked_only_where_it_matches() {
        let check = |webhook: Value| asked(Sort::Validating, "ValidatingWebhookConfiguration", webhook, service(false));
        for webhook in [
            json!({"rules": [{"operations": ["UPDATE"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["pods"], "scope": "*"}]}),
            json!({"rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["pods"], "scope": "Cluster"}]}),
            json!({"rules": [{"operations": ["*"], "apiGroups": ["apps"], "apiVersions": ["*"], "resources": ["*"]}]}),
            json!({"namespaceSelector": {"matchLabels": {"team": "b"}}}),
            json!({"namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["app"]}]}}),
            json!({"objectSelector": {"matchLabels": {"x": "z"}}}),
        ] {
            assert_eq!(check(webhook.clone()), Ok(()), "{webhook}");
        }
        for webhook in [
            json!({"rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["v1"], "resources": ["*/*"]}]}),
            json!({"namespaceSelector": {"matchLabels": {"team": "a"}}}),
            json!({"objectSelector": {"matchLabels": {"x": "y"}}}),
        ] {
            assert!(matches!(check(webhook.clone()), Err(Stop::Refused(_))), "{webhook}");
        }
    }

    #[cfg(feature = "own-rules")]
    #[test]
    fn conditions_are_evaluated() {
        let check = |expression: &str| {
            let webhook = json!({"matchConditions": [{"name": "c", "expression": expression}]});
            asked(Sort::Validating, "ValidatingWebhookConfiguration", webhook, service(false))
        };
        assert_eq!(check("object.metadata.namespace == 'payments'"), Ok(()));
        assert!(
            matches!(check("object.metadata.namespace == 'app'"), Err(Stop::Refused(message)) if message.contains("dial tcp"))
        );
        assert!(matches!(check("request.userInfo.username == 'x'"), Err(Stop::Unknown(_))));
    }
}
