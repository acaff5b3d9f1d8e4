mod certificate;

use std::collections::BTreeMap;

use self::certificate::{distrust, renew, with_injector};
use crate::admission::injector::Injector;
use crate::admission::{Backend, Match, Request, backend, webhook::matches};
use crate::dependencies::Part;
use crate::diagnosis::context::{Context, Shortfall};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step, Trial};
use crate::diagnosis::text::{either, named};
use crate::model::webhook::{ServiceReference, Webhook};
use crate::model::{Event, Kind, ObjectRef, WebhookConfiguration, Workload};
use crate::rules::drivers::trouble::trouble;
use crate::rules::topolvm::webhook_off::owner_words;

crate::rules::declare_rule! {
    static RULE = {
        name: "webhook-blocks-pods",
        summary: "A webhook that fails closed can't be reached, so pods can't even be created.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [
            MutatingWebhookConfiguration, ValidatingWebhookConfiguration, Service, EndpointSlice, Namespace, Event,
            StatefulSet, ReplicaSet, Deployment, DaemonSet,
        ],
        stage: Cause,
        check: check,
    }
}

/// Seconds within which a webhook's server may start before it counts as down.
const START: i64 = 60;

/// A webhook that may refuse pods.
struct Suspect<'a> {
    kind: Kind,
    configuration: &'a WebhookConfiguration,
    position: usize,
    webhook: &'a Webhook,
    backend: Backend,
}

/// The kinds that tell which webhooks are called, and whether anything answers.
const CALLS: [Kind; 5] = [
    Kind::MutatingWebhookConfiguration,
    Kind::ValidatingWebhookConfiguration,
    Kind::Service,
    Kind::EndpointSlice,
    Kind::Namespace,
];

fn check(cx: &Context<'_>, out: &mut Causes) {
    out.skip(cx.unread(&[Kind::StatefulSet, Kind::ReplicaSet, Kind::DaemonSet]));
    let suspects = suspects(cx);
    let mut by_webhook: BTreeMap<usize, Vec<(&Shortfall<'_>, Option<&Event>)>> = BTreeMap::new();
    for shortfall in &cx.shortfalls {
        let event = refusal(cx, shortfall);
        match suspects.iter().position(|suspect| blames(cx, suspect, shortfall, event)) {
            Some(position) => by_webhook.entry(position).or_default().push((shortfall, event)),
            None => {
                out.skip(cx.unread(&[Kind::Event]));
                if !held_by_order(cx, shortfall, event) {
                    out.skip(cx.unread_anywhere(&CALLS));
                }
            }
        }
    }
    for (position, victims) in by_webhook {
        out.add(finding(cx, &suspects[position], &victims));
    }
}

fn suspects<'a>(cx: &Context<'a>) -> Vec<Suspect<'a>> {
    let snapshot = cx.snapshot;
    let mutating = snapshot.mutating_webhooks.seen().iter().map(|c| (Kind::MutatingWebhookConfiguration, c));
    let validating = snapshot.validating_webhooks.seen().iter().map(|c| (Kind::ValidatingWebhookConfiguration, c));
    let mut suspects = Vec::new();
    for (kind, configuration) in mutating.chain(validating) {
        for (position, webhook) in configuration.webhooks.iter().enumerate() {
            if webhook.fails_closed() {
                let backend = backend(&webhook.client_config, snapshot);
                suspects.push(Suspect { kind, configuration, position, webhook, backend });
            }
        }
    }
    suspects
}

/// The last event in which the workload's controller says that a call to a webhook failed.
fn refusal<'a>(cx: &Context<'a>, shortfall: &Shortfall<'_>) -> Option<&'a Event> {
    let object = ObjectRef::new(shortfall.kind, &shortfall.meta.namespace, &shortfall.meta.name);
    let events = cx.events_of(&object).into_iter().rev();
    events.filter(|event| event.reason == "FailedCreate").find(|event| event.message.contains("failed calling webhook"))
}

/// Whether the webhook keeps the workload's pods from being made: nothing answers behind it and it is called for them,
/// or the controller's event names it.
fn blames(cx: &Context<'_>, suspect: &Suspect<'_>, shortfall: &Shortfall<'_>, event: Option<&Event>) -> bool {
    let named = event.is_some_and(|event| event.message.contains(&format!("\"{}\"", suspect.webhook.name)));
    let request = Request {
        kind: Kind::Pod,
        namespace: &shortfall.meta.namespace,
        labels: &shortfall.source.template.metadata.labels,
    };
    let called = matches(suspect.webhook, request, cx.snapshot);
    let excused = held_by_order(cx, shortfall, event) || event.is_none() && cx.fresh(shortfall.meta);
    match suspect.backend {
        Backend::NoService | Backend::NoEndpoints => (called == Match::Yes && !excused) || named,
        Backend::Serves => {
            named && event.is_some_and(|event| unknown_path(event) || distrust(&event.message).is_some())
        }
        Backend::Unknown(_) => named,
    }
}

/// Whether the server answered that it does not know the path that the webhook's configuration has.
fn unknown_path(event: &Event) -> bool {
    event.message.contains("the server could not find the requested resource")
}

/// Whether the pods may be missing only because the set goes on when an earlier one is ready.
fn held_by_order(cx: &Context<'_>, shortfall: &Shortfall<'_>, event: Option<&Event>) -> bool {
    event.is_none() && makes_one_by_one(cx, shortfall) && !shortfall.pods.is_empty()
}

fn makes_one_by_one(cx: &Context<'_>, shortfall: &Shortfall<'_>) -> bool {
    let set = cx.snapshot.stateful_sets.get(&shortfall.meta.namespace, &shortfall.meta.name).found();
    shortfall.kind == Kind::StatefulSet && set.is_none_or(|set| set.ordered())
}

/// What the webhook must approve: pods, or, where it isn't called for these, the claims that are made before them.
fn approves(cx: &Context<'_>, suspect: &Suspect<'_>, shortfall: &Shortfall<'_>) -> &'static str {
    let labels = &shortfall.source.template.metadata.labels;
    let request = Request { kind: Kind::Pod, namespace: &shortfall.meta.namespace, labels };
    if matches(suspect.webhook, request, cx.snapshot).possible() { "pods" } else { "claims" }
}

fn finding(cx: &Context<'_>, suspect: &Suspect<'_>, victims: &[(&Shortfall<'_>, Option<&Event>)]) -> Finding {
    let webhook = suspect.webhook;
    let service = webhook.client_config.service.as_ref();
    let place = service
        .map_or_else(|| "its URL".to_owned(), |service| format!("service {}/{}", service.namespace, service.name));
    let unserved = victims.iter().any(|(_, event)| event.is_some_and(unknown_path));
    let why = match suspect.backend {
        Backend::NoService if cx.presumes_none(Kind::Service) => format!("{place} is not in the dump"),
        Backend::NoService => format!("{place} does not exist"),
        Backend::NoEndpoints => format!("{place} has no ready endpoint"),
        Backend::Serves | Backend::Unknown(_) if unserved => {
            let path = service.and_then(|service| service.path.as_deref()).unwrap_or("/");
            format!("{place} does not know path {path}")
        }
        Backend::Serves | Backend::Unknown(_) => "it can't be reached".to_owned(),
    };
    let distrusted =
        victims.iter().find_map(|(_, event)| distrust(&(*event)?.message)).filter(|_| !suspect.backend.fails());
    let why = match distrusted {
        Some(said) => format!("the API server does not accept the certificate of its server ({said})"),
        None => why,
    };
    let server = service.filter(|_| suspect.backend == Backend::NoEndpoints).and_then(|service| server(cx, service));
    let down = server.as_ref().and_then(|part| Some((part, trouble(cx, part, &part.pods(cx), START)?)));
    let circle = server.as_ref().is_some_and(|part| waits_for_itself(cx, part, victims));
    let why = match &down {
        Some((part, _)) if circle => {
            format!("{why}, because it must approve the pods of {}, its own server, as well", part.words())
        }
        Some((part, trouble)) => format!("{why}, because {} {}", part.words(), trouble.text),
        None => why,
    };
    let owners: Vec<String> =
        victims.iter().map(|(shortfall, _)| format!("{} {}", shortfall.kind, shortfall.meta.name)).collect();
    let title = format!(
        "Webhook {} must approve new {} and {why}, so {} can't make {}",
        webhook.name,
        approves(cx, suspect, victims[0].0),
        crate::diagnosis::text::names(&owners),
        either(victims.iter().map(|(shortfall, _)| shortfall.lacking).sum(), "its pod", "pods"),
    );
    let object = ObjectRef::new(suspect.kind, "", &suspect.configuration.metadata.name);
    let mut finding = RULE.finding(object.clone(), title).evidence(
        object.clone(),
        format!("webhooks[{}].failurePolicy", suspect.position),
        webhook.failure_policy.as_deref().unwrap_or("Fail"),
        "a pod is refused when the webhook can't be called",
    );
    if let Some(service) = service {
        let value = match suspect.backend {
            Backend::NoService if cx.presumes_none(Kind::Service) => "not in the dump",
            Backend::NoService => "not found",
            Backend::NoEndpoints => "no ready endpoint",
            Backend::Serves => "has ready endpoints",
            Backend::Unknown(_) => "not known",
        };
        let reference = ObjectRef::new(Kind::Service, &service.namespace, &service.name);
        finding = finding.evidence(reference.clone(), "", value, "the webhook is called through this service");
        finding = if suspect.backend.fails() { finding.rests_on([reference]) } else { finding };
    }
    if let Some((_, trouble)) = &down {
        finding.evidence.extend(trouble.facts.iter().cloned());
    }
    if let Some((owner, _)) = owner_words(cx, &suspect.configuration.metadata) {
        finding = finding.evidence(object, "metadata", owner, "owns the webhook");
    }
    for (shortfall, event) in victims {
        finding = with_victim(shortfall, *event, finding);
    }
    if !suspect.backend.fails() && !unserved && distrusted.is_none() {
        finding = finding.likely();
    }
    if let Some(fact) = taken_in(cx, suspect).filter(|_| circle) {
        finding.evidence.push(fact);
    }
    if distrusted.is_some() {
        finding = with_injector(suspect, finding).remedy(renew(cx, suspect));
    }
    finding.with_remedies(remedies(cx, suspect, (circle, unserved)))
}

/// Whether the pods that serve the webhook are among those that it keeps from being made.
fn waits_for_itself(cx: &Context<'_>, server: &Part<'_>, victims: &[(&Shortfall<'_>, Option<&Event>)]) -> bool {
    let makers = server.makers(cx);
    let refused = |shortfall: &Shortfall<'_>| {
        makers.contains(&ObjectRef::new(shortfall.kind, &shortfall.meta.namespace, &shortfall.meta.name))
    };
    victims.iter().any(|(shortfall, _)| refused(shortfall))
}

fn with_victim(shortfall: &Shortfall<'_>, event: Option<&Event>, finding: Finding) -> Finding {
    let object = ObjectRef::new(shortfall.kind, &shortfall.meta.namespace, &shortfall.meta.name);
    let finding = match event {
        Some(event) => finding.evidence(object.clone(), "events", event.message.clone(), "what its controller says"),
        None => {
            let value = format!("{} of {} missing", shortfall.lacking, shortfall.lacking + shortfall.pods.len());
            finding.evidence(object.clone(), "spec.replicas", value, "these pods do not exist")
        }
    };
    let missing = shortfall.missing.iter().take(100);
    let pods = missing.map(|name| ObjectRef::new(Kind::Pod, &shortfall.meta.namespace, name));
    finding.explains(object).explains_all(pods)
}

fn remedies(cx: &Context<'_>, suspect: &Suspect<'_>, (circle, unserved): (bool, bool)) -> Vec<Remedy> {
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
fn taken_in(cx: &Context<'_>, suspect: &Suspect<'_>) -> Option<Evidence> {
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
    let patch = serde_json::json!({"metadata": {"labels": {key: value}}});
    let what = format!("Have the webhook leave out namespace {}, in which its server runs", service.namespace);
    let step = cx.patch(what, (Kind::Namespace, "", &service.namespace), patch);
    let step = step.leading_to(answering(suspect).into_iter().collect());
    Some(Remedy::new("Let the webhook's server start without it", Risk::Low, vec![step]))
}

/// That the webhook's service has a ready endpoint.
fn answering(suspect: &Suspect<'_>) -> Option<Change> {
    let service = suspect.webhook.client_config.service.as_ref()?;
    let object = serde_json::json!({
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
        operations: serde_json::json!([
            {"op": "test", "path": format!("/webhooks/{}/name", suspect.position), "value": suspect.webhook.name},
            {"op": "add", "path": format!("/webhooks/{}/failurePolicy", suspect.position), "value": policy},
        ]),
    };
    let open = cx.step("Let objects in while its server can't be called; they are not checked then", policy("Ignore"));
    let close = Step { later: true, ..cx.step("Once its server runs, close it again", policy("Fail")) };
    Remedy::new("Let the webhook fail open until its server runs", Risk::Medium, vec![open, close])
}

/// The workload behind a service, which serves the webhook.
fn server<'a>(cx: &Context<'a>, reference: &ServiceReference) -> Option<Part<'a>> {
    let service = cx.snapshot.services.get(&reference.namespace, &reference.name).found()?;
    let selector = &service.spec.selector;
    let stores = [
        (Kind::Deployment, &cx.snapshot.deployments),
        (Kind::StatefulSet, &cx.snapshot.stateful_sets),
        (Kind::DaemonSet, &cx.snapshot.daemon_sets),
    ];
    let selects = |workload: &&std::sync::Arc<Workload>| {
        let labels = &workload.spec.template.metadata.labels;
        !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let mut found = stores.into_iter().filter_map(|(kind, store)| {
        Some(Part::of(kind, store.in_namespace(&reference.namespace).iter().find(selects)?))
    });
    found.next()
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
