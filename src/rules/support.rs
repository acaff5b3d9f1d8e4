//! What several rules share.

use std::collections::BTreeSet;

use crate::admission::injector::{Injector, topolvm_domain, words};
use crate::dependencies::Part;
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::manager::{argo, helm};
use crate::diagnosis::remedy::{Change, Step};
use crate::model::component::Role;
use crate::model::{Kind, Meta, ObjectRef, Pod, StorageClass, Workload};
use crate::scheduler::{NodeVerdict, Reason, running};

/// The provisioner of classes whose volumes are made by hand.
pub(super) const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// The nodes of a verdict that were rejected for a reason.
pub(super) fn rejected_for<'g>(group: &'g PodGroup<'_>, reason: &'g Reason) -> impl Iterator<Item = &'g NodeVerdict> {
    group.verdict.nodes.iter().filter(move |node| node.reasons.contains(reason))
}

/// Whether any node has the resource among its allocatable ones, be it none at all of it.
pub(super) fn offered(cx: &Context<'_>, resource: &str) -> bool {
    cx.index.offers(resource)
}

/// Whether the scheduler's configuration, as far as it is known, leaves the resource to an extender.
pub(super) fn left_to_extender(cx: &Context<'_>, resource: &str) -> bool {
    cx.scheduler.config().ignored_by_extenders().contains(resource)
}

/// What the scheduler's own pods say of its extenders, where the configuration isn't given.
pub(super) fn with_scheduler_facts(cx: &Context<'_>, mut finding: Finding) -> Finding {
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

/// A webhook configuration as an object of a report.
pub(super) fn configuration(name: &str) -> ObjectRef {
    ObjectRef::new(Kind::MutatingWebhookConfiguration, "", name)
}

/// Who owns an object, in words: `Helm release topolvm (namespace topolvm-system)`.
pub(super) fn owner_words(cx: &Context<'_>, meta: &Meta) -> Option<(String, String)> {
    let argo = argo(meta, cx.snapshot).map(|manager| format!("Argo CD application {}", manager.name));
    let helm = helm(meta).map(|manager| match manager.namespace.as_str() {
        "" => format!("Helm release {}", manager.name),
        namespace => format!("Helm release {} in namespace {namespace}", manager.name),
    });
    let words: Vec<String> = argo.into_iter().chain(helm).collect();
    let chart = meta.labels.get("helm.sh/chart").cloned().unwrap_or_default();
    (!words.is_empty()).then(|| (words.join(", "), chart))
}

/// The workloads that look like a driver's own: their names, labels or namespace share a telling word with it.
pub(super) fn workloads_of<'a>(cx: &Context<'a>, driver: &str) -> Vec<(Kind, &'a Workload)> {
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

/// The workload that runs a driver's external provisioner, one that is scaled to zero before others.
pub(super) fn provisioner_of<'a>(cx: &Context<'a>, driver: &str) -> Option<Part<'a>> {
    let mut found = cx.drivers.parts(driver);
    found.retain(|part| part.container(Role::Provisioner).is_some());
    found.sort_by_key(|part| !part.stopped());
    found.into_iter().next()
}

/// The workload of TopoLVM's scheduler extender, `topolvm-scheduler`; `Err` where workloads could not all be read.
pub(super) fn extender_of<'a>(cx: &Context<'a>, driver: &str) -> Result<Option<(Kind, &'a Workload)>, ()> {
    let found = workloads_of(cx, driver).into_iter().find(|(_, workload)| {
        let meta = &workload.metadata;
        meta.name.ends_with("-scheduler")
            || meta.labels.get("app.kubernetes.io/component").is_some_and(|c| c == "scheduler")
    });
    let complete = cx.snapshot.deployments.complete() && cx.snapshot.daemon_sets.complete();
    if found.is_some() || complete { Ok(found) } else { Err(()) }
}

/// The change that takes a webhook out of the cluster: its configuration, or its entry where there are others.
pub(super) fn remove_webhook(injector: &Injector) -> Change {
    remove_webhook_of(Kind::MutatingWebhookConfiguration, injector)
}

/// The same for a configuration of either kind.
pub(super) fn remove_webhook_of(kind: Kind, injector: &Injector) -> Change {
    let namespace = String::new();
    let name = injector.configuration.clone();
    if injector.siblings == 1 {
        return Change::Delete { kind, namespace, name };
    }
    let entry = format!("/webhooks/{}", injector.position);
    let operations = serde_json::json!([
        {"op": "test", "path": format!("{entry}/name"), "value": injector.webhook},
        {"op": "remove", "path": entry}]);
    Change::JsonPatch { kind, namespace, name, operations }
}

/// The three values of TopoLVM's chart that belong together: placement by storage capacity tracking.
const TRACKING_VALUES: [(&str, &str); 3] = [
    ("scheduler.enabled", "false"),
    ("controller.storageCapacityTracking.enabled", "true"),
    ("webhook.podMutatingWebhook.enabled", "false"),
];

/// The steps that take webhooks out of the way for good: the chart's values where TopoLVM's chart owns them, else the
/// configuration itself. The error says why what comes of it can't be known.
pub(super) fn webhook_off(cx: &Context<'_>, injectors: &[Injector]) -> (Vec<Step>, Result<(), String>) {
    let mut steps = Vec::new();
    let mut known = Ok(());
    for injector in injectors {
        let meta = cx.snapshot.meta(Kind::MutatingWebhookConfiguration, "", &injector.configuration);
        let topolvm = injector
            .webhook
            .strip_prefix("pod-hook.")
            .filter(|domain| topolvm_domain(&format!("{domain}/capacity")).is_some());
        match (meta, topolvm) {
            (Some(meta), Some(driver)) if helm(meta).is_some() || argo(meta, cx.snapshot).is_some() => {
                let effects = tracking_effects(cx, driver).unwrap_or_else(|reason| {
                    known = Err(reason);
                    Vec::new()
                });
                steps.extend(chart_steps(cx, meta, injector, effects));
            }
            _ => {
                let what = format!("Remove webhook {}", injector.webhook);
                steps.push(cx.step(what, remove_webhook(injector)));
            }
        }
    }
    (steps, known)
}

fn chart_steps(cx: &Context<'_>, meta: &Meta, injector: &Injector, mut effects: Vec<Change>) -> Vec<Step> {
    let values: Vec<(String, String)> =
        TRACKING_VALUES.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let shown: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let shown = shown.join(", ");
    let argo = argo(meta, cx.snapshot);
    if let Some(helm) = helm(meta) {
        effects.push(remove_webhook(injector));
        let chart = helm.chart.as_deref().map_or("topolvm", crate::diagnosis::manager::chart_name).to_owned();
        let mut what = format!("Set {shown} in Helm release {}", helm.name);
        if let Some(argo) = &argo {
            what.push_str(&format!(
                "; make the same change in the source of Argo CD application {}, which undoes it otherwise",
                argo.name
            ));
        }
        let change = Change::HelmValues { release: helm.name, namespace: helm.namespace, chart, values, effects };
        return vec![Step { undone_by: argo, ..cx.step(what, change) }];
    }
    let application = argo.as_ref().map_or("", |argo| argo.name.as_str());
    let source = format!("Set {shown} in the source of Argo CD application {application} and let it sync");
    let by_hand = format!("Remove webhook {} at once, if the sync has not done it", injector.webhook);
    vec![Step::told(source).leading_to(effects), cx.step(by_hand, remove_webhook(injector))]
}

/// What switching TopoLVM's storage capacity tracking on leads to: the driver says so, and the provisioner publishes
/// what the nodes' annotations say is free. Nothing where it is on already.
fn tracking_effects(cx: &Context<'_>, driver: &str) -> Result<Vec<Change>, String> {
    let Some(found) = cx.snapshot.csi_drivers.get("", driver).found() else {
        return Err(format!("CSIDriver {driver} was not read, so what the driver would publish is not known"));
    };
    if found.spec.storage_capacity == Some(true) {
        return Ok(Vec::new());
    }
    let patch = serde_json::json!({"spec": {"storageCapacity": true}});
    let name = driver.to_owned();
    let mut effects = vec![Change::Patch { kind: Kind::CSIDriver, namespace: String::new(), name, patch }];
    let published = published_capacities(cx, driver);
    let classes: Vec<&str> = classes_of(cx, driver).map(|class| class.metadata.name.as_str()).collect();
    let present = cx.snapshot.capacities.seen().iter().any(|c| classes.contains(&c.storage_class_name.as_str()));
    if published.is_empty() && !present {
        return Err(format!(
            "no node carries an annotation capacity.{driver}/…, so what the provisioner would publish is not known"
        ));
    }
    if !present {
        effects.extend(published);
    }
    Ok(effects)
}

/// What makes a pod, a Deployment before its ReplicaSet; the pod itself where nothing does.
pub(super) fn owner_of(cx: &Context<'_>, pod: &Pod) -> ObjectRef {
    cx.workload(pod).map_or_else(|| pod_ref(pod), |(kind, meta)| ObjectRef::new(kind, &meta.namespace, &meta.name))
}

/// The classes of a driver.
pub(super) fn classes_of<'a>(cx: &Context<'a>, driver: &'a str) -> impl Iterator<Item = &'a StorageClass> {
    cx.snapshot.classes.seen().iter().map(|class| &**class).filter(move |class| class.provisioner == driver)
}

/// The capacity objects that TopoLVM's provisioner publishes, from the annotations that its node agent keeps
/// (TopoLVM, `internal/driver/controller.go`, GetCapacity).
pub(super) fn published_capacities(cx: &Context<'_>, driver: &str) -> Vec<Change> {
    let mut capacities = Vec::new();
    for class in classes_of(cx, driver) {
        let device_class = class.parameters.get(&format!("{driver}/device-class")).map_or("00default", String::as_str);
        let annotation = format!("capacity.{driver}/{device_class}");
        for node in cx.snapshot.nodes.seen() {
            let registered =
                cx.index.nodes_with(driver).is_some_and(|nodes| nodes.contains(node.metadata.name.as_str()));
            let topology = format!("topology.{driver}/node");
            let (Some(free), Some(segment), true) =
                (node.metadata.annotations.get(&annotation), node.metadata.labels.get(&topology), registered)
            else {
                continue;
            };
            let object = serde_json::json!({
                "apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity",
                "metadata": {"name": format!("csisc-{}-{}", class.metadata.name, node.metadata.name),
                    "namespace": "storagewhy-trial"},
                "storageClassName": class.metadata.name, "capacity": free,
                "nodeTopology": {"matchLabels": {topology: segment}}});
            capacities.push(Change::Create { kind: Kind::CSIStorageCapacity, object });
        }
    }
    capacities
}
