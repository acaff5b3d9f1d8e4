//! What shows of TopoLVM's scheduler extender.

use std::collections::BTreeSet;

use crate::admission::injector::words;
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::model::{Kind, Meta, Workload};
use crate::scheduler::running;

/// Whether any node has the resource among its allocatable ones, be it none at all of it.
pub(in crate::rules) fn offered(cx: &Context<'_>, resource: &str) -> bool {
    cx.index.offers(resource)
}

/// Whether the scheduler's configuration, as far as it is known, leaves the resource to an extender.
pub(in crate::rules) fn left_to_extender(cx: &Context<'_>, resource: &str) -> bool {
    cx.scheduler.config().ignored_by_extenders().contains(resource)
}

/// What the scheduler's own pods say of its extenders, where the configuration isn't given.
pub(in crate::rules) fn with_scheduler_facts(cx: &Context<'_>, mut finding: Finding) -> Finding {
    if cx.options.scheduler_config.is_some() {
        return finding;
    }
    let mut told = BTreeSet::new();
    for scheduler in running(cx.snapshot) {
        let Some(flags) = scheduler.flags.as_ref().filter(|flags| told.insert((*flags).clone())) else { continue };
        let (value, note) = match flags.iter().find(|flag| flag.starts_with("--config")) {
            Some(flag) => (*flag, "runs with a configuration file; give it with --scheduler-config to be certain"),
            None => ("no --config", "runs without a configuration file, so it calls no extender"),
        };
        let path = format!("spec.containers[{}].command", scheduler.container);
        finding = finding.evidence(pod_ref(scheduler.pod), path, value, note);
    }
    finding
}

/// The workload of TopoLVM's scheduler extender, `topolvm-scheduler`; `Err` where workloads could not all be read.
pub(in crate::rules) fn extender_of<'a>(cx: &Context<'a>, driver: &str) -> Result<Option<(Kind, &'a Workload)>, ()> {
    let found = workloads_of(cx, driver).into_iter().find(|(_, workload)| {
        let meta = &workload.metadata;
        meta.name.ends_with("-scheduler")
            || meta.labels.get("app.kubernetes.io/component").is_some_and(|c| c == "scheduler")
    });
    let complete = cx.snapshot.deployments.complete() && cx.snapshot.daemon_sets.complete();
    if found.is_some() || complete { Ok(found) } else { Err(()) }
}

/// The workloads that look like a driver's own: their names, labels or namespace share a telling word with it.
pub(in crate::rules) fn workloads_of<'a>(cx: &Context<'a>, driver: &str) -> Vec<(Kind, &'a Workload)> {
    let wanted: Vec<String> = words(driver).collect();
    let fits = |meta: &Meta| {
        let label = |name: &str| meta.labels.get(name).map_or("", String::as_str);
        [
            meta.name.as_str(),
            &meta.namespace,
            label("app"),
            label("app.kubernetes.io/name"),
            label("app.kubernetes.io/instance"),
        ]
        .into_iter()
        .any(|name| words(name).any(|word| wanted.contains(&word)))
    };
    let snapshot = cx.snapshot;
    [
        (Kind::Deployment, &snapshot.deployments),
        (Kind::StatefulSet, &snapshot.stateful_sets),
        (Kind::DaemonSet, &snapshot.daemon_sets),
    ]
    .into_iter()
    .flat_map(|(kind, store)| store.seen().iter().map(move |workload| (kind, &**workload)))
    .filter(|(_, workload)| fits(&workload.metadata))
    .collect()
}
