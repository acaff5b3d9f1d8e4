//! A pod made anew by its controller: the template, what admission does to it, and whether it may be created at all.

use serde_json::Value;

use super::difference::{InjectedResource, injected_resources};
use super::expand::{Template, template_of};
use super::injector::{Injector, Injectors, injectors};
use super::service::backend;
use super::webhook::{Match, Request, matches};
use super::{expand, topolvm};
use crate::model::pod::{Container, PodSpec, PodStatus};
use crate::model::{Kind, Pod};
use crate::snapshot::Snapshot;

/// Why no new pod comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CreateError {
    /// The API server refuses the pod, as things stand.
    Refused(String),
    /// It can't be known what the new pod looks like.
    Unknown(String),
}

/// The pod that its controller makes after the pod is deleted. What webhooks added is learnt from the difference
/// between the pod and its template in `original`; of that, the new pod gets what webhooks in `current` still add.
///
/// # Errors
/// Where the pod has no controller, where its template or the webhooks could not be read, and where a webhook that
/// can't be reached refuses the pod.
pub(crate) fn recreate(
    original: &Snapshot,
    current: &Snapshot,
    namespace: &str,
    name: &str,
) -> Result<Pod, CreateError> {
    let live = original.pods.get(namespace, name).found().or_else(|| current.pods.get(namespace, name).found());
    let Some(live) = live else {
        return Err(CreateError::Unknown(format!("pod {namespace}/{name} was not read")));
    };
    let (old, new) = (made_of(original, live)?, made_of(current, live)?);
    let mut kept = Pod::clone(live);
    for injection in injected_resources(&old, &live.spec) {
        if !still_injected(original, current, live, &injection)? {
            drop_resource(&mut kept.spec, &injection.resource, &old);
        }
    }
    let mut pod = merge(&kept, &old, &new)?;
    pod.metadata.creation_timestamp.clear();
    pod.metadata.deletion_timestamp = None;
    pod.status = PodStatus { phase: "Pending".to_owned(), ..PodStatus::default() };
    pod.spec.node_name.clear();
    admit(current, &mut pod)?;
    Ok(pod)
}

/// What the API server makes of the template of a pod's controller.
fn made_of(snapshot: &Snapshot, pod: &Pod) -> Result<PodSpec, CreateError> {
    let mut spec = found(template_of(snapshot, pod), pod)?.spec.clone();
    expand::default_requests(&mut spec);
    Ok(spec)
}

/// What admission does to a new pod that can be known without having seen it done.
///
/// # Errors
/// Where a webhook that can't be reached refuses the pod.
pub(crate) fn admit(snapshot: &Snapshot, pod: &mut Pod) -> Result<(), CreateError> {
    if let Some(refusal) = refusal(snapshot, Kind::Pod, pod) {
        return Err(CreateError::Refused(refusal));
    }
    topolvm::inject(snapshot, pod);
    Ok(())
}

/// Why the API server refuses to create the pod: a webhook that fails closed and can't be reached.
fn refusal(snapshot: &Snapshot, kind: Kind, pod: &Pod) -> Option<String> {
    let request = Request { kind, namespace: &pod.metadata.namespace, labels: &pod.metadata.labels };
    let all = snapshot.mutating_webhooks.seen().iter().chain(snapshot.validating_webhooks.seen());
    all.flat_map(|configuration| &configuration.webhooks)
        .find(|webhook| {
            webhook.fails_closed()
                && matches(webhook, request, snapshot) == Match::Yes
                && backend(&webhook.client_config, snapshot).fails()
        })
        .map(|webhook| format!("webhook {} refuses new pods: nothing answers behind it", webhook.name))
}

fn found<'a>(template: Template<'a>, pod: &Pod) -> Result<expand::Source<'a>, CreateError> {
    match template {
        Template::Found(source) => Ok(source),
        Template::NoController => {
            let name = &pod.metadata.name;
            Err(CreateError::Unknown(format!("pod {name} has no controller: deleting it does not bring it back")))
        }
        Template::Unknown(what) => Err(CreateError::Unknown(format!("{what} could not be read"))),
    }
}

/// Whether what was injected would be injected again.
fn still_injected(
    original: &Snapshot,
    current: &Snapshot,
    pod: &Pod,
    injection: &InjectedResource,
) -> Result<bool, CreateError> {
    let before = match injectors(original, pod, &injection.resource) {
        Injectors::None => return Ok(false),
        Injectors::Unknown => {
            return Err(CreateError::Unknown("mutating webhook configurations could not be read".to_owned()));
        }
        Injectors::Some(list) => list,
    };
    let now = injectors(current, pod, &injection.resource);
    let is_there = |injector: &&Injector| now.list().iter().any(|other| other.webhook == injector.webhook);
    let left = before.iter().filter(is_there).count();
    if left > 0 && left < before.len() && !before[0].named {
        let resource = &injection.resource;
        return Err(CreateError::Unknown(format!(
            "several webhooks could add {resource}; which one does is not known"
        )));
    }
    Ok(left > 0)
}

fn drop_resource(spec: &mut PodSpec, resource: &str, template: &PodSpec) {
    let asked = |list: &[Container], name: &str| {
        list.iter().any(|container| container.name == name && container.resources.requests.contains_key(resource))
    };
    for (live, template) in
        [(&mut spec.containers, &template.containers), (&mut spec.init_containers, &template.init_containers)]
    {
        for container in live.iter_mut().filter(|container| !asked(template, &container.name)) {
            container.resources.requests.remove(resource);
            container.resources.limits.remove(resource);
        }
    }
}

/// The live pod with the changes that its template has seen since.
fn merge(live: &Pod, old: &PodSpec, new: &PodSpec) -> Result<Pod, CreateError> {
    if old == new {
        return Ok(live.clone());
    }
    let json = |spec: &PodSpec| serde_json::to_value(spec).map_err(|error| CreateError::Unknown(error.to_string()));
    let merged = transplant(json(old)?, json(&live.spec)?, json(new)?);
    let spec = serde_json::from_value(merged).map_err(|error| CreateError::Unknown(error.to_string()))?;
    Ok(Pod { spec, ..live.clone() })
}

/// Carries what changed from `old` to `live` over to `new`: fields one by one, list entries by their name.
fn transplant(old: Value, live: Value, new: Value) -> Value {
    if old == live {
        return new;
    }
    match (old, live, new) {
        (old, live, new) if old == new => live,
        (Value::Object(mut old), Value::Object(live), Value::Object(mut new)) => {
            let mut merged = serde_json::Map::new();
            for (key, value) in live {
                match (old.remove(&key), new.remove(&key)) {
                    (Some(old), Some(new)) => {
                        merged.insert(key, transplant(old, value, new));
                    }
                    (Some(_), None) => {}
                    (None, Some(new)) => {
                        merged.insert(key, new);
                    }
                    (None, None) => {
                        merged.insert(key, value);
                    }
                }
            }
            merged.extend(new.into_iter().filter(|(key, _)| !old.contains_key(key)));
            Value::Object(merged)
        }
        (Value::Array(old), Value::Array(live), Value::Array(new)) => Value::Array(transplant_list(&old, live, new)),
        (_, _, new) => new,
    }
}

fn transplant_list(old: &[Value], live: Vec<Value>, new: Vec<Value>) -> Vec<Value> {
    let same = |a: &Value, b: &Value| match (a.get("name"), b.get("name")) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    };
    let mut merged: Vec<Value> = Vec::new();
    for entry in new {
        let before = old.iter().find(|other| same(other, &entry));
        let alive = live.iter().find(|other| same(other, &entry));
        merged.push(match (before, alive) {
            (Some(before), Some(alive)) => transplant(before.clone(), alive.clone(), entry),
            _ => entry,
        });
    }
    for entry in live {
        if !old.iter().any(|other| same(other, &entry)) && !merged.iter().any(|other| same(other, &entry)) {
            merged.push(entry);
        }
    }
    merged
}
