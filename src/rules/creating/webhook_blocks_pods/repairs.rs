//! What to do about a webhook that nobody answers for.

use serde_json::json;

use super::Suspect;
use crate::admission::injector::Injector;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step, Trial};
use crate::diagnosis::text::named;
use crate::model::webhook::Webhook;
use crate::model::{Kind, ObjectRef, Workload};

pub(super) fn remedies(cx: &Context<'_>, suspect: &Suspect<'_>, (circle, unserved): (bool, bool)) -> Vec<Remedy> {
    let service = suspect.webhook.client_config.service.as_ref();
    let mut remedies = Vec::new();
    if let Some(workload) = service.and_then(|service| stopped_backend(cx, &service.namespace, &service.name)) {
        remedies.push(start(cx, workload, suspect));
    }
    remedies.extend(leave_out(cx, suspect).filter(|_| circle));
    if circle || suspect.kind == Kind::ValidatingWebhookConfiguration {
        remedies.push(fail_open(cx, suspect));
    }
    let injector = Injector {
        configuration: suspect.configuration.metadata.name.clone(),
        position: suspect.position,
        siblings: suspect.configuration.webhooks.len(),
        webhook: suspect.webhook.name.clone(),
        service: service.map(|service| (service.namespace.clone(), service.name.clone())),
        named: true,
        doubt: None,
    };
    if suspect.kind == Kind::MutatingWebhookConfiguration {
        let (mut steps, known) = crate::rules::topolvm::webhook_off::webhook_off(cx, &[injector]);
        if unserved {
            let told = Step::told(
                "Bring the webhook's configuration and its server to the same release: whoever upgraded one of them left the \
                 other",
            );
            steps.push(Step { later: true, ..told });
        }
        let mut off = Remedy::new("Switch the webhook off", Risk::Medium, steps);
        if let Err(reason) = known {
            off.trial = Trial::Untried(reason);
        }
        remedies.push(off);
    } else {
        let remove = crate::rules::topolvm::webhook_off::remove_webhook_of(suspect.kind, &injector);
        let step = cx.step(format!("Remove webhook {}", suspect.webhook.name), remove);
        remedies.push(Remedy::new("Remove the webhook, and with it what it checks", Risk::High, vec![step]));
    }
    remedies
}

/// The label by which the webhook leaves namespaces out, with the value that does it.
fn leaving_out(webhook: &Webhook) -> Option<(&str, &str)> {
    let selector = webhook.namespace_selector.as_ref()?;
    selector.match_expressions.iter().find_map(|requirement| match requirement.operator.as_str() {
        "NotIn" => Some((requirement.key.as_str(), requirement.values.first()?.as_str())),
        "DoesNotExist" => Some((requirement.key.as_str(), "true")),
        _ => None,
    })
}

/// Says that the namespace of the webhook's own server is not left out.
pub(super) fn taken_in(cx: &Context<'_>, suspect: &Suspect<'_>) -> Option<Evidence> {
    let (key, value) = leaving_out(suspect.webhook)?;
    let service = suspect.webhook.client_config.service.as_ref()?;
    let namespace = cx.snapshot.namespaces.get("", &service.namespace).found()?;
    let present = namespace.metadata.labels.get(key).map_or("not set", String::as_str);
    let object = ObjectRef::new(Kind::Namespace, "", &service.namespace);
    let note = format!("the webhook leaves out namespaces with {key}={value}, and its own server's is none of them");
    Some(Context::fact(object, &format!("metadata.labels[{key}]"), present, note))
}

/// Leaves the namespace of the webhook's server out of the webhook, so that it can start.
fn leave_out(cx: &Context<'_>, suspect: &Suspect<'_>) -> Option<Remedy> {
    let (key, value) = leaving_out(suspect.webhook)?;
    let service = suspect.webhook.client_config.service.as_ref()?;
    cx.snapshot.namespaces.get("", &service.namespace).found()?;
    let patch = json!({"metadata": {"labels": {key: value}}});
    let what = format!("Have the webhook leave out namespace {}, in which its server runs", service.namespace);
    let step = cx.patch(what, (Kind::Namespace, "", &service.namespace), patch);
    let step = step.leading_to(answering(suspect).into_iter().collect());
    Some(Remedy::new("Let the webhook's server start without it", Risk::Low, vec![step]))
}

/// That the webhook's service has a ready endpoint.
fn answering(suspect: &Suspect<'_>) -> Option<Change> {
    let service = suspect.webhook.client_config.service.as_ref()?;
    let object = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": format!("{}-trial", service.name), "namespace": service.namespace,
            "labels": {"kubernetes.io/service-name": service.name}},
        "endpoints": [{"conditions": {"ready": true}}]});
    Some(Change::Create { kind: Kind::EndpointSlice, object, ask: None })
}

/// Lets objects in unchecked while nothing answers, and closes again behind them.
fn fail_open(cx: &Context<'_>, suspect: &Suspect<'_>) -> Remedy {
    let policy = |policy: &str| Change::JsonPatch {
        kind: suspect.kind,
        namespace: String::new(),
        name: suspect.configuration.metadata.name.clone(),
        operations: json!([
            {"op": "test", "path": format!("/webhooks/{}/name", suspect.position), "value": suspect.webhook.name},
            {"op": "add", "path": format!("/webhooks/{}/failurePolicy", suspect.position), "value": policy},
        ]),
    };
    let open = cx.step("Let objects in while its server can't be called; they are not checked then", policy("Ignore"));
    let close = Step { later: true, ..cx.step("Once its server runs, close it again", policy("Fail")) };
    Remedy::new("Let the webhook fail open until its server runs", Risk::Medium, vec![open, close])
}

/// The Deployment behind a service, where it is scaled to zero.
fn stopped_backend<'a>(cx: &Context<'a>, namespace: &str, service: &str) -> Option<&'a Workload> {
    let service = cx.snapshot.services.get(namespace, service).found()?;
    let selects = |workload: &&std::sync::Arc<Workload>| {
        let labels = &workload.spec.template.metadata.labels;
        !service.spec.selector.is_empty()
            && service.spec.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let deployment = cx.snapshot.deployments.in_namespace(namespace).iter().find(selects)?;
    (deployment.replicas() == 0).then_some(deployment)
}

fn start(cx: &Context<'_>, workload: &Workload, suspect: &Suspect<'_>) -> Remedy {
    let meta = &workload.metadata;
    let what = format!("Start {} again", named("Deployment", &[&meta.name]));
    let step = cx.scale(what, (Kind::Deployment, &meta.namespace, &meta.name), 1);
    Remedy::new(
        "Start what serves the webhook",
        Risk::Low,
        vec![step.leading_to(answering(suspect).into_iter().collect())],
    )
}
