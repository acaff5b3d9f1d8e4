//! What a command is about: a namespace, all of them, some labels, some objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Args;

use super::error::CliError;
use super::input::Input;
use super::selector;
use super::target::Target;
use crate::diagnosis;
use crate::model::selector::LabelSelector;
use crate::model::{Kind, Object, ObjectRef, Pod, Workload};
use crate::snapshot::{Snapshot, Store};

/// Names that are offered in place of one that isn't there.
const OFFERED: usize = 5;

/// The labels.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Scope")]
pub(crate) struct SelectorArgs {
    /// Only pods and claims with these labels, such as app=vault or 'tier in (db,cache)'
    #[arg(short = 'l', long, value_name = "LABELS", value_parser = selector::parse)]
    pub(crate) selector: Option<LabelSelector>,
}

/// The scope of a diagnosis. What the targets stand for is the engine's to say.
///
/// # Errors
/// Where a target isn't there, or could not be looked for.
pub(crate) fn resolve(
    selector: &SelectorArgs,
    targets: &[Target],
    input: &Input,
) -> Result<diagnosis::Scope, CliError> {
    let mut objects = BTreeSet::new();
    for target in targets {
        objects.extend(find(target, input)?);
    }
    let scope = diagnosis::Scope {
        namespace: input.namespace.clone(),
        targets: objects.into_iter().collect(),
        selector: selector.selector.clone(),
    };
    if !targets.is_empty() && scope.targets.is_empty() {
        let kinds: BTreeSet<&str> = targets.iter().map(|target| target.kind.plural()).collect();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        return Err(CliError::usage(format!("no {} {}", kinds.join(" or "), place(input))));
    }
    Ok(scope)
}

/// The objects that a target names. A pod that a StatefulSet is still to make counts as there, and so does what pods or
/// claims wait for.
fn find(target: &Target, input: &Input) -> Result<Vec<ObjectRef>, CliError> {
    let all = objects(&input.snapshot, target.kind);
    let namespace = input.namespace.as_deref().filter(|_| target.kind.namespaced());
    let in_scope = all.iter().filter(|object| namespace.is_none_or(|namespace| object.namespace == namespace));
    let Some(name) = target.name.as_deref() else { return Ok(in_scope.cloned().collect()) };
    let found: Vec<ObjectRef> = in_scope.clone().filter(|object| object.name == name).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let expected = match target.kind {
        Kind::Pod => still_to_come(&input.snapshot, namespace, name),
        Kind::PersistentVolumeClaim => waited_for(&input.snapshot, namespace, name),
        Kind::StorageClass => class_asked_for(&input.snapshot, name),
        _ => Vec::new(),
    };
    if !expected.is_empty() {
        return Ok(expected);
    }
    let offered: Vec<&str> = in_scope.map(|object| object.name.as_str()).take(OFFERED).collect();
    Err(missing(target.kind, name, &offered, input))
}

/// Every object of a kind that can be asked for.
fn objects(snapshot: &Snapshot, kind: Kind) -> Vec<ObjectRef> {
    fn all<T: Object>(kind: Kind, store: &Store<T>) -> Vec<ObjectRef> {
        let object = |object: &Arc<T>| ObjectRef::new(kind, &object.meta().namespace, &object.meta().name);
        store.seen().iter().map(object).collect()
    }
    match kind {
        Kind::Pod => all(kind, &snapshot.pods),
        Kind::PersistentVolumeClaim => all(kind, &snapshot.claims),
        Kind::PersistentVolume => all(kind, &snapshot.volumes),
        Kind::StorageClass => all(kind, &snapshot.classes),
        Kind::StatefulSet => all(kind, &snapshot.stateful_sets),
        Kind::Deployment => all(kind, &snapshot.deployments),
        Kind::ReplicaSet => all(kind, &snapshot.replica_sets),
        Kind::DaemonSet => all(kind, &snapshot.daemon_sets),
        Kind::Job => all(kind, &snapshot.jobs),
        _ => Vec::new(),
    }
}

/// A pod that doesn't exist and that a StatefulSet wants.
fn still_to_come(snapshot: &Snapshot, namespace: Option<&str>, name: &str) -> Vec<ObjectRef> {
    let sets = snapshot.stateful_sets.seen().iter();
    let sets = sets.filter(|set| namespace.is_none_or(|namespace| set.metadata.namespace == namespace));
    let wants = |set: &Workload| {
        let ordinal =
            name.strip_prefix(&set.metadata.name).and_then(|rest| rest.strip_prefix('-')?.parse::<i32>().ok());
        let first = set.first_ordinal();
        ordinal.is_some_and(|ordinal| (first..first.saturating_add(set.replicas())).contains(&ordinal))
    };
    sets.filter(|set| wants(set)).map(|set| ObjectRef::new(Kind::Pod, &set.metadata.namespace, name)).collect()
}

/// A claim that isn't there and that pods name.
fn waited_for(snapshot: &Snapshot, namespace: Option<&str>, name: &str) -> Vec<ObjectRef> {
    let pods = snapshot.pods.seen().iter().filter(|pod| !pod.finished());
    let pods = pods.filter(|pod| namespace.is_none_or(|namespace| pod.metadata.namespace == namespace));
    let names = |pod: &Pod| {
        let claims = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name));
        claims.into_iter().any(|claim| claim == name)
    };
    let waiting: BTreeSet<&str> = pods.filter(|pod| names(pod)).map(|pod| pod.metadata.namespace.as_str()).collect();
    waiting.into_iter().map(|namespace| ObjectRef::new(Kind::PersistentVolumeClaim, namespace, name)).collect()
}

/// A class that isn't there and that unbound claims ask for.
fn class_asked_for(snapshot: &Snapshot, name: &str) -> Vec<ObjectRef> {
    let mut unbound = snapshot.claims.seen().iter().filter(|claim| claim.status.phase != "Bound");
    let asked = unbound.any(|claim| claim.class() == name);
    asked.then(|| ObjectRef::new(Kind::StorageClass, "", name)).into_iter().collect()
}

fn missing(kind: Kind, name: &str, offered: &[&str], input: &Input) -> CliError {
    let what = format!("{}/{name}", kind.plural());
    let place = if kind.namespaced() { format!(" {}", place(input)) } else { String::new() };
    let looked = match input.namespace.as_deref().filter(|_| kind.namespaced()) {
        Some(namespace) => input.snapshot.scope(kind).covers(namespace),
        None => input.snapshot.complete(kind),
    };
    if !looked {
        let problem = input.snapshot.scope(kind).problem().map(ToString::to_string);
        let problem = problem.unwrap_or_else(|| "some of them could not be understood".to_owned());
        return CliError::unreadable(format!("can't look for {what}{place}: {problem}"));
    }
    let error = CliError::usage(format!("{what} not found{place}"));
    if offered.is_empty() { error } else { error.hinted(format!("there are {}", offered.join(", "))) }
}

fn place(input: &Input) -> String {
    input.namespace.as_deref().map_or("in any namespace".to_owned(), |name| format!("in namespace {name}"))
}
