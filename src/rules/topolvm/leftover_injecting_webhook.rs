use crate::admission::difference::extended_requests;
use crate::admission::injector::{Injector, topolvm_domain};
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk};
use crate::model::webhook::Webhook;
use crate::model::{Kind, ObjectRef, WebhookConfiguration};
use crate::rules::topolvm::extender::{extender_of, left_to_extender, offered};
use crate::rules::topolvm::webhook_off::{configuration, owner_words, webhook_off};

crate::rules::declare_rule! {
    static RULE = {
        name: "leftover-injecting-webhook",
        summary: "TopoLVM's webhook still adds its request to pods, though nothing serves that request any more.",
        severity: Warning,
        since: "0.1.0",
        needs: [Pod, Node, MutatingWebhookConfiguration, CSIDriver, Deployment, DaemonSet],
        stage: Rest,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    for configuration in cx.snapshot.mutating_webhooks.seen() {
        for (position, webhook) in configuration.webhooks.iter().enumerate() {
            let Some(driver) = webhook.name.strip_prefix("pod-hook.") else { continue };
            let resource = format!("{driver}/capacity");
            let told = out.tells_of(&crate::rules::topolvm::webhook_off::configuration(&configuration.metadata.name));
            if topolvm_domain(&resource).is_some() && !told && useless(cx, driver, &resource) {
                out.add(finding(cx, configuration, (position, webhook), driver, &resource));
            }
        }
    }
}

/// Whether nothing serves the request: no node, no extender that is known, and no pod with it was ever placed.
fn useless(cx: &Context<'_>, driver: &str, resource: &str) -> bool {
    let placed = || {
        let assigned = cx.snapshot.pods.seen().iter().filter(|pod| pod.assigned() && !pod.finished());
        assigned.into_iter().any(|pod| extended_requests(&pod.spec).iter().any(|found| found.resource == resource))
    };
    !offered(cx, resource)
        && !left_to_extender(cx, resource)
        && matches!(extender_of(cx, driver), Ok(None))
        && !placed()
}

fn finding(
    cx: &Context<'_>,
    config: &WebhookConfiguration,
    (position, webhook): (usize, &Webhook),
    driver: &str,
    resource: &str,
) -> Finding {
    let title = format!(
        "Webhook {} gives pods with unbound TopoLVM claims a request for {resource}, which nothing serves",
        webhook.name
    );
    let name = &config.metadata.name;
    let mut finding = RULE
        .finding(configuration(name), title)
        .evidence(configuration(name), format!("webhooks[{position}]"), webhook.name.clone(), "is still called")
        .evidence(
            ObjectRef::new(Kind::CSIDriver, "", driver),
            "",
            "no scheduler extender",
            format!(
                "no node offers {resource}, and no scheduler extender of TopoLVM exists: new pods will not be placed"
            ),
        );
    if let Some((owner, _)) = owner_words(cx, &config.metadata) {
        finding = finding.evidence(configuration(name), "metadata", owner, "owns the webhook");
    }
    let injector = Injector {
        configuration: name.clone(),
        position,
        siblings: config.webhooks.len(),
        webhook: webhook.name.clone(),
        service: None,
        named: true,
        doubt: None,
    };
    let (steps, _) = webhook_off(cx, &[injector]);
    let judged = cx.pods.iter().all(|case| case.verdict.unknown.is_empty());
    let reason = if judged { "no pod waits for it now" } else { "whether a pod waits for it is not known" };
    finding.remedy(Remedy::untried("Switch the webhook off", Risk::Low, steps, reason))
}
