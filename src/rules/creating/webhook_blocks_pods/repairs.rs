//! What to do about a webhook that nothing answers behind.

use super::{Suspect, server};
use crate::admission::injector::Injector;
use crate::dependencies::Part;
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step, Trial};
use crate::model::Kind;

/// The ways around the webhook; `circle` where it keeps its own server from being made.
pub(super) fn remedies(cx: &Context<'_>, suspect: &Suspect<'_>, circle: bool) -> Vec<Remedy> {
    let service = suspect.webhook.client_config.service.as_ref();
    let mut remedies = Vec::new();
    let server = service.and_then(|service| server(cx, service)).filter(|part| part.kind == Kind::Deployment);
    if let Some(stopped) = server.filter(Part::stopped) {
        remedies.push(start(cx, &stopped, suspect));
    }
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
        let (steps, known) = crate::rules::topolvm::webhook_off::webhook_off(cx, &[injector]);
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

/// Lets objects in unchecked while nothing answers, and closes again behind them.
fn fail_open(cx: &Context<'_>, suspect: &Suspect<'_>) -> Remedy {
    let policy = |policy: &str| Change::JsonPatch {
        kind: suspect.kind,
        namespace: String::new(),
        name: suspect.configuration.metadata.name.clone(),
        operations: serde_json::json!([
            {"op": "test", "path": format!("/webhooks/{}/name", suspect.position), "value": suspect.webhook.name},
            {"op": "add", "path": format!("/webhooks/{}/failurePolicy", suspect.position), "value": policy},
        ]),
    };
    let open = cx.step("Let pods in while nothing answers; they are not checked then", policy("Ignore"));
    let close = Step { later: true, ..cx.step("Once its server runs, close it again", policy("Fail")) };
    Remedy::new("Let the webhook fail open until its server runs", Risk::Medium, vec![open, close])
}

fn start(cx: &Context<'_>, server: &Part<'_>, suspect: &Suspect<'_>) -> Remedy {
    let service = suspect.webhook.client_config.service.as_ref();
    let slice = service.map(|service| {
        let object = serde_json::json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": format!("{}-trial", service.name), "namespace": service.namespace,
                "labels": {"kubernetes.io/service-name": service.name}},
            "endpoints": [{"conditions": {"ready": true}}]});
        Change::Create { kind: Kind::EndpointSlice, object, ask: None }
    });
    let step = cx.scale(format!("Start {} again", server.words()), server.key(), 1);
    Remedy::new("Start what serves the webhook", Risk::Low, vec![step.leading_to(slice.into_iter().collect())])
}
