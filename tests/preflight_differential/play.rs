//! Plays a case on the real control plane.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::case::Case;
use super::kubectl::{apply, apply_all, prune};
use super::provisioner::Provisioner;
use super::settle::{ASKED, SHORT, items, quiet, settle};
use super::truth::{DocumentTruth, Truth, truth};
use super::webhook::Webhook;
use crate::support::api::{collection, path_of};
use crate::support::control_plane::{ControlPlane, Options, wait_for};

/// The scheduler's patience is short, so that what can't be bound is told soon. The texts are the same.
const SCHEDULER: &str = "apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
podInitialBackoffSeconds: 1
podMaxBackoffSeconds: 2
profiles:
- pluginConfig:
  - name: VolumeBinding
    args:
      bindTimeoutSeconds: 6
";

/// A control plane, and what stands in for the rest of a cluster.
pub struct Stage {
    pub plane: ControlPlane,
    _directory: tempfile::TempDir,
}

impl Stage {
    /// `None` where the user left such tests out.
    pub fn open() -> Option<Self> {
        let directory = tempfile::Builder::new().prefix("storagewhy-").tempdir().unwrap();
        let config = directory.path().join("scheduler.yaml");
        fs::write(&config, SCHEDULER).unwrap();
        let flags = vec!["--kubelet".to_owned(), format!("--scheduler-config={}", config.display())];
        let plane = ControlPlane::start(&Options { flags })?;
        Some(Self { plane, _directory: directory })
    }

    /// Makes the cluster, and gives every object that the tool may read, as a v1 List.
    ///
    /// # Errors
    /// What the API server refuses, or does not come to rest.
    pub fn set(&mut self, case: &Case) -> Result<Value, String> {
        self.plane.wipe();
        self.fill(case)?;
        let _around = self.around(case);
        apply_all(&self.plane, &case.applied);
        settle(&mut self.plane).map_err(|what| format!("before: {what}"))?;
        self.plane.tell("keep");
        Ok(dump(&self.plane))
    }

    /// Applies the manifests to the cluster that was set last, for the first time or `again`, and reads what came of them.
    ///
    /// # Errors
    /// What does not come to rest.
    pub fn play(&mut self, case: &Case, again: bool) -> Result<Truth, String> {
        if again {
            self.plane.tell("back");
        }
        let _around = self.around(case);
        quiet(&self.plane.api, SHORT)?;
        let mut gone: Vec<Value> = case.deleted.iter().filter(|object| self.there(object)).cloned().collect();
        let documents = self.apply(case)?;
        gone.extend(self.prune(case, &documents)?);
        settle(&mut self.plane)?;
        Ok(truth(&self.plane.api, documents, &gone))
    }

    /// What stands in for provisioners and webhooks.
    fn around(&self, case: &Case) -> (Provisioner, Option<Webhook>) {
        let webhook = case.webhooks.as_ref().map(|rules| Webhook::start(&self.plane, rules));
        (Provisioner::start(&self.plane.kubeconfig), webhook)
    }

    fn fill(&mut self, case: &Case) -> Result<(), String> {
        let mut objects = case.objects.clone();
        let mut deleted = Vec::new();
        for object in &mut objects {
            if object["metadata"].as_object_mut().is_some_and(|meta| meta.remove("deletionTimestamp").is_some()) {
                deleted.push((Method::DELETE, path_of(object), None));
            }
        }
        self.plane.api.create_all(&objects).map_err(|refusal| format!("refused: {refusal}"))?;
        self.plane.api.many(&deleted);
        wait_for("the quota controller counts", 20, || {
            let quotas = items(&self.plane.api, "/api/v1/resourcequotas");
            quotas.iter().all(|quota| quota["status"]["hard"] == quota["spec"]["hard"]).then_some(())
        });
        Ok(())
    }

    fn apply(&mut self, case: &Case) -> Result<Vec<DocumentTruth>, String> {
        let background = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
        for object in &case.deleted {
            self.plane.api.many(&[(Method::DELETE, path_of(object), Some(background.clone()))]);
        }
        if !case.deleted.is_empty() {
            quiet(&self.plane.api, Duration::from_secs(1))?;
        }
        let kept = |object: &Value| object["spec"]["persistentVolumeClaimRetentionPolicy"].is_null();
        let pause = if case.applied.iter().chain(&case.documents).all(kept) { SHORT } else { ASKED };
        let mut documents = Vec::new();
        for document in &case.documents {
            let applied = apply(&self.plane, document);
            let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            if applied.refused.is_none() && document["kind"] == "CronJob" {
                self.run_once(document);
            }
            let (kind, namespace) = (text("/kind").unwrap(), text("/metadata/namespace"));
            documents.push(DocumentTruth { kind, namespace, name: text("/metadata/name").unwrap(), applied });
            quiet(&self.plane.api, pause)?;
        }
        Ok(documents)
    }

    /// Whether an object exists that nothing deletes.
    fn there(&self, object: &Value) -> bool {
        self.plane.api.get(&path_of(object)).is_ok_and(|found| found["metadata"]["deletionTimestamp"].is_null())
    }

    /// Prunes where the case says so, and nothing was refused; gives what is gone then.
    fn prune(&self, case: &Case, documents: &[DocumentTruth]) -> Result<Vec<Value>, String> {
        let refused = documents.iter().any(|document| document.applied.refused.is_some());
        let Some(labels) = case.prune.as_ref().filter(|_| !refused) else { return Ok(Vec::new()) };
        quiet(&self.plane.api, ASKED)?;
        let before: Vec<&Value> = case.applied.iter().filter(|object| self.there(object)).collect();
        prune(&self.plane, &case.documents, labels);
        let gone: Vec<Value> = before.into_iter().filter(|object| !self.there(object)).cloned().collect();
        // What is in a namespace that goes is not asked for by itself.
        let inside = |object: &Value| {
            gone.iter()
                .any(|one| one["kind"] == "Namespace" && one["metadata"]["name"] == object["metadata"]["namespace"])
        };
        Ok(gone.iter().filter(|object| !inside(object)).cloned().collect())
    }

    /// Makes the Job that the CronJob would make if its time had come.
    fn run_once(&self, document: &Value) {
        let Ok(cron_job) = self.plane.api.get(&path_of(document)) else { return };
        let (meta, template) = (&cron_job["metadata"], &cron_job["spec"]["jobTemplate"]);
        let owner = json!({ "apiVersion": "batch/v1", "kind": "CronJob", "name": meta["name"], "uid": meta["uid"],
            "controller": true, "blockOwnerDeletion": true });
        let mut own = template["metadata"].clone();
        own["name"] = format!("{}-1", meta["name"].as_str().unwrap_or_default()).into();
        own["namespace"] = meta["namespace"].clone();
        own["ownerReferences"] = json!([owner]);
        let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": own, "spec": template["spec"] });
        if let Err(refusal) = self.plane.api.post(&collection(&job), &job) {
            let event = json!({
                "apiVersion": "v1", "kind": "Event", "reason": "FailedCreate", "message": format!("Error creating: {}", refusal.message),
                "metadata": { "generateName": "run-", "namespace": meta["namespace"] }, "lastTimestamp": meta["creationTimestamp"],
                "involvedObject": { "kind": "CronJob", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"] }
            });
            let _ = self.plane.api.post(&collection(&event), &event);
        }
    }
}

/// What is read for a snapshot of the tool, without secrets and configuration, and without the service accounts that the
/// control plane doesn't ask for: the version, the kind and the path of each list.
const LISTS: [(&str, &str); 36] = [
    ("v1", "Namespace"),
    ("v1", "Node"),
    ("v1", "Pod"),
    ("v1", "PersistentVolume"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Service"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("v1", "Event"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ControllerRevision"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("storage.k8s.io/v1", "CSIDriver"),
    ("storage.k8s.io/v1", "CSINode"),
    ("storage.k8s.io/v1", "CSIStorageCapacity"),
    ("storage.k8s.io/v1", "VolumeAttachment"),
    ("storage.k8s.io/v1", "VolumeAttributesClass"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("node.k8s.io/v1", "RuntimeClass"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicyBinding"),
    ("networking.k8s.io/v1", "IngressClass"),
];

/// The path of the objects of a workload kind.
pub fn collection_of(kind: &str, namespace: &str) -> String {
    let version = LISTS.iter().find(|(_, listed)| *listed == kind).unwrap().0;
    collection(&json!({ "apiVersion": version, "kind": kind, "metadata": { "namespace": namespace } }))
}

/// The cluster as a v1 List.
fn dump(plane: &ControlPlane) -> Value {
    let paths = LISTS.map(|(version, kind)| {
        let plural = collection(&json!({ "apiVersion": version, "kind": kind, "metadata": {} }));
        let plural = plural.replace("policys", "policies");
        (Method::GET, plural, None)
    });
    let answers = plane.api.many(&paths);
    let all = LISTS.iter().zip(answers).flat_map(|((version, kind), answer)| {
        let items = answer.ok().and_then(|list| list["items"].as_array().cloned()).unwrap_or_default();
        items.into_iter().map(move |mut item| {
            item["apiVersion"] = (*version).into();
            item["kind"] = (*kind).into();
            item["metadata"].as_object_mut().unwrap().remove("managedFields");
            item
        })
    });
    json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": all.collect::<Vec<_>>() })
}

/// A folder for files of this test.
pub fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/preflight-differential");
    fs::create_dir_all(&folder).unwrap();
    folder
}
