mod certificate;
mod repairs;

use std::collections::BTreeMap;

use self::certificate::{distrust, renew, with_injector};
use self::repairs::{remedies, taken_in};
use crate::admission::{Backend, Match, Request, backend, webhook::matches};
use crate::dependencies::Part;
use crate::diagnosis::context::{Context, Shortfall};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::text::{either, names};
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

impl Suspect<'_> {
    fn object(&self) -> ObjectRef {
        ObjectRef::new(self.kind, "", &self.configuration.metadata.name)
    }
}

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
    let service = suspect.webhook.client_config.service.as_ref();
    let unserved = victims.iter().any(|(_, event)| event.is_some_and(unknown_path));
    let distrusted =
        victims.iter().find_map(|(_, event)| distrust(&(*event)?.message)).filter(|_| !suspect.backend.fails());
    let why = match distrusted {
        Some(said) => format!("the API server does not accept the certificate of its server ({said})"),
        None => unanswered(cx, suspect, unserved),
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
    let mut finding = with_webhook(cx, suspect, title(cx, suspect, &why, victims));
    if let Some((_, trouble)) = &down {
        finding.evidence.extend(trouble.facts.iter().cloned());
    }
    if let Some((owner, _)) = owner_words(cx, &suspect.configuration.metadata) {
        finding = finding.evidence(suspect.object(), "metadata", owner, "owns the webhook");
    }
    for (shortfall, event) in victims {
        finding = with_victim(shortfall, *event, finding);
    }
    if !suspect.backend.fails() && !unserved && distrusted.is_none() {
        finding = finding.likely();
    }
    finding.evidence.extend(taken_in(cx, suspect).filter(|_| circle));
    if distrusted.is_some() {
        finding = with_injector(suspect, finding).remedy(renew(cx, suspect));
    }
    finding.with_remedies(remedies(cx, suspect, (circle, unserved)))
}

fn title(cx: &Context<'_>, suspect: &Suspect<'_>, why: &str, victims: &[(&Shortfall<'_>, Option<&Event>)]) -> String {
    let owners: Vec<String> =
        victims.iter().map(|(shortfall, _)| format!("{} {}", shortfall.kind, shortfall.meta.name)).collect();
    format!(
        "Webhook {} must approve new {} and {why}, so {} can't make {}",
        suspect.webhook.name,
        approves(cx, suspect, victims[0].0),
        names(&owners),
        either(victims.iter().map(|(shortfall, _)| shortfall.lacking).sum(), "its pod", "pods"),
    )
}

/// In which way nothing answers behind the webhook; `unserved` says that the server does not know the path.
fn unanswered(cx: &Context<'_>, suspect: &Suspect<'_>, unserved: bool) -> String {
    let service = suspect.webhook.client_config.service.as_ref();
    let place = service
        .map_or_else(|| "its URL".to_owned(), |service| format!("service {}/{}", service.namespace, service.name));
    match suspect.backend {
        Backend::NoService if cx.presumes_none(Kind::Service) => format!("{place} is not in the dump"),
        Backend::NoService => format!("{place} does not exist"),
        Backend::NoEndpoints => format!("{place} has no ready endpoint"),
        Backend::Serves | Backend::Unknown(_) if unserved => {
            let path = service.and_then(|service| service.path.as_deref()).unwrap_or("/");
            format!("{place} does not know path {path}")
        }
        Backend::Serves | Backend::Unknown(_) => "it can't be reached".to_owned(),
    }
}

/// The finding with what is known of the webhook and its service.
fn with_webhook(cx: &Context<'_>, suspect: &Suspect<'_>, title: String) -> Finding {
    let finding = RULE.finding(suspect.object(), title).evidence(
        suspect.object(),
        format!("webhooks[{}].failurePolicy", suspect.position),
        suspect.webhook.failure_policy.as_deref().unwrap_or("Fail"),
        "a pod is refused when the webhook can't be called",
    );
    let Some(service) = &suspect.webhook.client_config.service else { return finding };
    let value = match suspect.backend {
        Backend::NoService if cx.presumes_none(Kind::Service) => "not in the dump",
        Backend::NoService => "not found",
        Backend::NoEndpoints => "no ready endpoint",
        Backend::Serves => "has ready endpoints",
        Backend::Unknown(_) => "not known",
    };
    let reference = ObjectRef::new(Kind::Service, &service.namespace, &service.name);
    let finding = finding.evidence(reference.clone(), "", value, "the webhook is called through this service");
    if suspect.backend.fails() { finding.rests_on([reference]) } else { finding }
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
