//! Taking webhooks out of the way, TopoLVM's with the chart's values that belong together.

use crate::admission::injector::{Injector, topolvm_domain};
use crate::diagnosis::context::Context;
use crate::diagnosis::manager::{argo, helm};
use crate::diagnosis::remedy::{Change, Step};
use crate::model::{Kind, Meta, ObjectRef};
use crate::rules::drivers::driver::classes_of;

/// A webhook configuration as an object of a report.
pub(in crate::rules) fn configuration(name: &str) -> ObjectRef {
    ObjectRef::new(Kind::MutatingWebhookConfiguration, "", name)
}

/// Who owns an object, in words: `Helm release topolvm (namespace topolvm-system)`.
pub(in crate::rules) fn owner_words(cx: &Context<'_>, meta: &Meta) -> Option<(String, String)> {
    let argo = argo(meta, cx.snapshot).map(|manager| format!("Argo CD application {}", manager.name));
    let helm = helm(meta).map(|manager| match manager.namespace.as_str() {
        "" => format!("Helm release {}", manager.name),
        namespace => format!("Helm release {} in namespace {namespace}", manager.name),
    });
    let words: Vec<String> = argo.into_iter().chain(helm).collect();
    let chart = meta.labels.get("helm.sh/chart").cloned().unwrap_or_default();
    (!words.is_empty()).then(|| (words.join(", "), chart))
}

/// The change that takes a webhook out of the cluster: its configuration, or its entry where there are others.
pub(in crate::rules) fn remove_webhook(injector: &Injector) -> Change {
    remove_webhook_of(Kind::MutatingWebhookConfiguration, injector)
}

/// The same for a configuration of either kind.
pub(in crate::rules) fn remove_webhook_of(kind: Kind, injector: &Injector) -> Change {
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
pub(in crate::rules) fn webhook_off(cx: &Context<'_>, injectors: &[Injector]) -> (Vec<Step>, Result<(), String>) {
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
    vec![Step::assumed(source).leading_to(effects), cx.step(by_hand, remove_webhook(injector))]
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

/// The capacity objects that TopoLVM's provisioner publishes, from the annotations that its node agent keeps
/// (TopoLVM, `internal/driver/controller.go`, GetCapacity).
pub(in crate::rules) fn published_capacities(cx: &Context<'_>, driver: &str) -> Vec<Change> {
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
            capacities.push(Change::Create { kind: Kind::CSIStorageCapacity, object, ask: None });
        }
    }
    capacities
}
