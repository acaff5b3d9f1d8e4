//! A stand-in for external-provisioner and the drivers behind it: a driver provisions exactly where its CSIDriver object
//! exists.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use storagewhy::model::Quantity;

use crate::support::api::Api;

const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
const PAUSE: Duration = Duration::from_millis(100);

/// Provisions until it is dropped.
pub struct Provisioner {
    ended: Arc<AtomicBool>,
    worker: Option<JoinHandle<()>>,
}

impl Provisioner {
    pub fn start(kubeconfig: &Path) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let (path, end) = (kubeconfig.to_owned(), Arc::clone(&ended));
        let worker = thread::spawn(move || {
            let api = Api::connect(&path, None);
            while !end.load(Ordering::Relaxed) {
                tend(&api);
                thread::sleep(PAUSE);
            }
        });
        Self { ended, worker: Some(worker) }
    }
}

impl Drop for Provisioner {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.worker.take().map(JoinHandle::join);
    }
}

fn items(api: &Api, path: &str) -> Vec<Value> {
    api.get(path).ok().and_then(|list| list["items"].as_array().cloned()).unwrap_or_default()
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Makes what claims wait for, and deletes the volumes of claims that are gone.
fn tend(api: &Api) {
    for claim in items(api, "/api/v1/persistentvolumeclaims") {
        if text(&claim, "/spec/volumeName").is_empty() && !claim["metadata"]["annotations"][PROVISIONER].is_null() {
            provision(api, &claim);
        }
    }
    for volume in items(api, "/api/v1/persistentvolumes") {
        let made = volume["metadata"]["annotations"][PROVISIONED_BY].is_string();
        let delete = text(&volume, "/spec/persistentVolumeReclaimPolicy") == "Delete";
        if made && delete && text(&volume, "/status/phase") == "Released" {
            let path = format!("/api/v1/persistentvolumes/{}", text(&volume, "/metadata/name"));
            let _ = api.patch(&path, &json!({ "metadata": { "finalizers": null } }));
            let _ = api.delete(&path);
        }
    }
}

fn provision(api: &Api, claim: &Value) {
    let class_path = format!("/apis/storage.k8s.io/v1/storageclasses/{}", text(claim, "/spec/storageClassName"));
    let Ok(class) = api.get(&class_path) else { return };
    let driver = text(&class, "/provisioner").to_owned();
    let Ok(csi_driver) = api.get(&format!("/apis/storage.k8s.io/v1/csidrivers/{driver}")) else { return };
    let selected = claim["metadata"]["annotations"][SELECTED_NODE].as_str();
    if selected.is_none() && text(&class, "/volumeBindingMode") == "WaitForFirstConsumer" {
        return;
    }
    let node = selected.and_then(|name| api.get(&format!("/api/v1/nodes/{name}")).ok());
    if selected.is_some() && node.is_none() {
        return;
    }
    let segment = segment(api, &class, &driver, node.as_ref());
    let size = bytes(text(claim, "/spec/resources/requests/storage"));
    if let (Some(node), true) = (&node, csi_driver["spec"]["storageCapacity"] == true)
        && !take_capacity(api, text(&class, "/metadata/name"), node, size)
    {
        return reschedule(api, claim);
    }
    let _ = api.post("/api/v1/persistentvolumes", &volume(claim, &class, &driver, &segment));
}

/// The topology of a volume: that of its node, or what its class allows.
fn segment(api: &Api, class: &Value, driver: &str, node: Option<&Value>) -> Vec<(String, String)> {
    let nodes = items(api, "/apis/storage.k8s.io/v1/csinodes");
    let keys = |node: &Value| -> Vec<String> {
        let drivers = node["spec"]["drivers"].as_array().cloned().unwrap_or_default();
        let entry = drivers.into_iter().find(|entry| entry["name"] == driver);
        entry.and_then(|entry| serde_json::from_value(entry["topologyKeys"].clone()).ok()).unwrap_or_default()
    };
    let Some(node) = node else {
        let keyed = nodes.iter().any(|node| !keys(node).is_empty());
        let first = class["allowedTopologies"][0]["matchLabelExpressions"].as_array().filter(|_| keyed);
        let one = |one: &Value| Some((one["key"].as_str()?.to_owned(), one["values"][0].as_str()?.to_owned()));
        return first.into_iter().flatten().filter_map(one).collect();
    };
    let registered = nodes.iter().find(|csi| csi["metadata"]["name"] == node["metadata"]["name"]);
    let labels = &node["metadata"]["labels"];
    let keys = registered.map(keys).unwrap_or_default().into_iter();
    keys.filter_map(|key| Some((key.clone(), labels[&key].as_str()?.to_owned()))).collect()
}

fn bytes(amount: &str) -> i64 {
    Quantity::parse(amount).map(|amount| amount.value()).unwrap_or_default()
}

/// What the provisioner does where the driver says that its storage is exhausted: another node is to be selected.
fn reschedule(api: &Api, claim: &Value) {
    let (namespace, name) = (text(claim, "/metadata/namespace"), text(claim, "/metadata/name"));
    let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}");
    let _ = api.patch(&path, &json!({ "metadata": { "annotations": { SELECTED_NODE: null } } }));
}

/// Takes bytes from what is published for a node; `false` where there are fewer.
fn take_capacity(api: &Api, class: &str, node: &Value, size: i64) -> bool {
    for capacity in items(api, "/apis/storage.k8s.io/v1/csistoragecapacities") {
        let labels = capacity["nodeTopology"]["matchLabels"].as_object().cloned().unwrap_or_default();
        let here = labels.iter().all(|(key, value)| &node["metadata"]["labels"][key] == value);
        if text(&capacity, "/storageClassName") != class || !here || !capacity["capacity"].is_string() {
            continue;
        }
        let left = bytes(text(&capacity, "/capacity")) - size;
        if left < 0 {
            return false;
        }
        let (name, namespace) = (text(&capacity, "/metadata/name"), text(&capacity, "/metadata/namespace"));
        let path = format!("/apis/storage.k8s.io/v1/namespaces/{namespace}/csistoragecapacities/{name}");
        let mut patch = json!({ "capacity": left.to_string() });
        if let Some(most) = capacity["maximumVolumeSize"].as_str() {
            patch["maximumVolumeSize"] = bytes(most).min(left).to_string().into();
        }
        let _ = api.patch(&path, &patch);
    }
    true
}

fn volume(claim: &Value, class: &Value, driver: &str, segment: &[(String, String)]) -> Value {
    let meta = &claim["metadata"];
    let name = format!("pvc-{}", text(claim, "/metadata/uid"));
    let mut volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": { "name": name, "annotations": { PROVISIONED_BY: driver } },
        "spec": {
            "accessModes": claim["spec"]["accessModes"], "volumeMode": claim["spec"]["volumeMode"],
            "capacity": { "storage": claim["spec"]["resources"]["requests"]["storage"] },
            "claimRef": { "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": meta["namespace"],
                "name": meta["name"], "uid": meta["uid"] },
            "csi": { "driver": driver, "volumeHandle": name },
            "persistentVolumeReclaimPolicy": class["reclaimPolicy"], "storageClassName": claim["spec"]["storageClassName"]
        }
    });
    if !segment.is_empty() {
        let expressions = segment.iter().map(|(key, value)| json!({ "key": key, "operator": "In", "values": [value] }));
        let expressions: Vec<Value> = expressions.collect();
        volume["spec"]["nodeAffinity"] =
            json!({ "required": { "nodeSelectorTerms": [{ "matchExpressions": expressions }] } });
    }
    volume
}
