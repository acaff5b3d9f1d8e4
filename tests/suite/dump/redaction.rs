//! Snapshots with pseudonyms.

use std::collections::BTreeMap;

use serde_json::json;
use storagewhy::model::{Kind, Version};
use storagewhy::scheduler::{Scheduler, SchedulerConfig};
use storagewhy::snapshot::Snapshot;
use storagewhy::source::dump::{read, read_bytes, redact_names, write_snapshot};
use storagewhy::volumes::{VolumeController, VolumeMismatch};

use super::support::{objects, read_text};

/// A StatefulSet with its pod, claim, volume, node and class, `acme` wherever a name can stand.
fn story() -> Snapshot {
    let labels =
        json!({"app": "acme-vault", "app.kubernetes.io/instance": "acme", "kubernetes.io/hostname": "acme-node-1"});
    let selector = json!({"matchLabels": {"app": "acme-vault"},
        "matchExpressions": [{"key": "team", "operator": "In", "values": ["acme-team"]}]});
    let affinity = json!({"required": {"nodeSelectorTerms": [{"matchExpressions":
        [{"key": "topology.topolvm.io/node", "operator": "In", "values": ["acme-node-1"]}]}]}});
    let items = json!([
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "acme-vault", "namespace": "acme-prod",
            "annotations": {"meta.helm.sh/release-name": "acme", "acme.example/owner": "acme", "argocd.argoproj.io/tracking-id": "acme:apps/StatefulSet:acme-prod/acme-vault"}},
         "spec": {"selector": selector, "serviceName": "acme-vault", "template": {"metadata": {"labels": labels}},
            "volumeClaimTemplates": [{"metadata": {"name": "acmedata"}, "spec": {"storageClassName": "acme-fast"}}]}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "acme-vault-0", "namespace": "acme-prod", "labels": labels,
            "ownerReferences": [{"kind": "StatefulSet", "name": "acme-vault", "uid": "u1"}]},
         "spec": {"nodeSelector": {"disk": "acme-disk", "topology.kubernetes.io/zone": "eu-1a"},
            "tolerations": [{"key": "dedicated", "value": "acme-team", "effect": "NoSchedule"}],
            "volumes": [{"name": "acmedata", "persistentVolumeClaim": {"claimName": "acmedata-acme-vault-0"}},
                        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "acme-fast"}}}},
                        {"name": "acme-conf", "configMap": {"name": "acme-config"}},
                        {"name": "acme-tls", "secret": {"secretName": "acme-certificate"}}],
            "containers": [{"name": "acme", "resources": {"requests": {"topolvm.io/capacity": "1"}}}]},
         "status": {"containerStatuses": [{"name": "acme", "image": "registry.acme.example/acme/vault:1",
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting container=acme pod=acme-vault-0"}},
            "lastState": {"terminated": {"message": "acme-vault-0: no config map acme-config on acme-node-1"}}}],
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: persistentvolumeclaim \"acmedata-acme-vault-0\" not found. on acme-node-1."}]}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "acmedata-acme-vault-0", "namespace": "acme-prod",
            "annotations": {"volume.kubernetes.io/selected-node": "acme-node-1", "volume.kubernetes.io/storage-provisioner": "topolvm.io"}},
         "spec": {"storageClassName": "acme-fast", "volumeName": "pvc-acme"}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "acme-vault-0-scratch", "namespace": "acme-prod"}, "spec": {"storageClassName": ""}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pvc-acme"}, "spec": {"storageClassName": "acme-fast",
            "claimRef": {"namespace": "acme-prod", "name": "acmedata-acme-vault-0"}, "nodeAffinity": affinity,
            "csi": {"driver": "topolvm.io", "volumeHandle": "acme-handle"}}},
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "acme-node-1", "labels": {"kubernetes.io/hostname": "acme-node-1",
            "topology.topolvm.io/node": "acme-node-1", "topology.kubernetes.io/zone": "eu-1a", "disk": "acme-disk"}},
         "spec": {"providerID": "aws:///eu-1a/i-acme", "taints": [{"key": "dedicated", "value": "acme-team", "effect": "NoSchedule"}]},
         "status": {"allocatable": {"topolvm.io/capacity": "5", "cpu": "2"}, "volumesInUse": ["kubernetes.io/csi/topolvm.io^acme-handle"],
            "volumesAttached": [{"name": "kubernetes.io/csi/topolvm.io^acme-handle"}]}},
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "acme-fast"}, "provisioner": "topolvm.io",
            "volumeBindingMode": "WaitForFirstConsumer", "parameters": {"pool": "acme-pool"}},
        {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "acme-node-1"},
            "spec": {"drivers": [{"name": "topolvm.io", "nodeID": "acme-node-1", "topologyKeys": ["topology.topolvm.io/node"]}]}},
        {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "topolvm.io"}, "spec": {"storageCapacity": true}},
        {"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity", "metadata": {"name": "csisc-acme", "namespace": "kube-system"},
            "storageClassName": "acme-fast", "capacity": "5Gi", "nodeTopology": {"matchLabels": {"topology.topolvm.io/node": "acme-node-1"}}},
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "acme-quota", "namespace": "acme-prod"},
            "spec": {"hard": {"acme-fast.storageclass.storage.k8s.io/requests.storage": "5Gi"}}},
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "acme", "namespace": "acme-prod"},
            "spec": {"selector": selector}, "status": {"disruptedPods": {"acme-vault-0": "2026-01-01T00:00:00Z"}}},
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": "acme-hook"},
            "webhooks": [{"name": "pod.acme.example", "clientConfig": {"service": {"namespace": "acme-prod", "name": "acme-hook", "path": "/pod/mutate"}},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "acme-prod"}},
                "matchConditions": [{"name": "acme", "expression": "object.metadata.namespace == 'acme-prod'"}]}]},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "acme-scheduler", "namespace": "kube-system"}, "spec": {"schedulerName": "acme",
            "containers": [{"name": "acme-scheduler", "command": ["kube-scheduler", "--config=/etc/acme/secretly.yaml", "--feature-gates=DynamicResourceAllocation=false"]}]}},
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "acme-plugin", "namespace": "kube-system"}, "spec": {"template": {"spec": {
            "volumes": [{"name": "acme", "hostPath": {"path": "/var/lib/acme/kubelet/plugins/topolvm.io"}}],
            "containers": [
                {"name": "acme-registrar", "image": "registry.acme.example:5000/acme/csi-node-driver-registrar:v2.14.0-acme@sha256:0acme",
                 "args": ["--kubelet-registration-path=/var/lib/acme/kubelet/plugins/topolvm.io/csi.sock", "--acme=acme", "--csi-address=$(ACME)",
                    "--leader-election-namespace=acme-prod", "--http-endpoint=acme:80"], "env": [{"name": "ACME", "value": "/acme/acme.sock"}]},
                {"name": "acme", "image": "acme/acme:1", "command": ["/acme/acme", "--acme"], "args": ["--drivername=topolvm.io"],
                 "env": [{"name": "DRIVER_NAME", "value": "topolvm.io"}, {"name": "ACME_TOKEN", "value": "acme"}]}]}}}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"}, "spec": {"template": {"spec": {
            "containers": [{"name": "web", "image": "acme/web:1", "args": ["--token=acme"], "env": [{"name": "ACME", "value": "acme"}]}]}}}},
        {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "acme-vault-0.17a", "namespace": "acme-prod"},
            "involvedObject": {"kind": "Pod", "namespace": "acme-prod", "name": "acme-vault-0"}, "reason": "FailedScheduling",
            "message": "pod acme-prod/acme-vault-0: class \"acme-fast\", node acme-node-1: no"},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "acme-config", "namespace": "acme-prod",
            "labels": {"acme": "acme"}, "annotations": {"kubernetes.io/acme": "acme"}}, "data": {"acme": "acme"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "acme-broken", "namespace": "acme-prod"}, "spec": {"priority": "acme"}}
    ]);
    let header = json!({"apiVersion": "storagewhy.dev/v1", "kind": "Snapshot", "items": items,
        "coverage": [{"kind": "Pod", "scope": "namespaces", "namespaces": ["acme-prod"], "problem": "pods in acme-prod only"}]});
    read_text("s.json", &header.to_string())
}

#[test]
fn no_name_is_left() {
    let redacted = redact_names(&story()).unwrap();
    let mut bytes = Vec::new();
    write_snapshot(&redacted, &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let left: Vec<&str> = text.lines().filter(|line| line.contains("acme")).collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn what_belongs_together_stays_together() {
    let snapshot = redact_names(&story()).unwrap();
    let set = &snapshot.stateful_sets.seen()[0];
    let pod = snapshot.pods.seen().iter().find(|pod| pod.metadata.name.ends_with("-0")).unwrap();
    let scheduler = snapshot.pods.seen().iter().find(|pod| pod.metadata.name.ends_with("-scheduler")).unwrap();
    let [program, config, gates] = scheduler.spec.containers[0].command.as_slice() else { panic!("three words") };
    assert_eq!(
        (program.as_str(), gates.as_str()),
        ("kube-scheduler", "--feature-gates=DynamicResourceAllocation=false")
    );
    assert!(config.starts_with("--config=/") && config.contains(&scheduler.spec.scheduler_name), "{config}");
    assert!(!config.contains("secretly"), "{config}");
    let node = &snapshot.nodes.seen()[0];
    let class = &snapshot.classes.seen()[0];
    let volume = &snapshot.volumes.seen()[0];
    let namespace = pod.metadata.namespace.as_str();
    assert_eq!(pod.metadata.name, format!("{}-0", set.metadata.name));
    let template = &set.spec.volume_claim_templates[0];
    assert_eq!(template.spec.storage_class_name.as_ref(), Some(&class.metadata.name));
    let claim = snapshot.claims.get(namespace, &format!("{}-{}", template.metadata.name, pod.metadata.name));
    let claim = claim.found().unwrap();
    assert_eq!(pod.spec.volumes[0].claim_name(&pod.metadata.name).as_ref(), Some(&claim.metadata.name));
    let ephemeral = pod.spec.volumes[1].claim_name(&pod.metadata.name).unwrap();
    assert!(snapshot.claims.get(namespace, &ephemeral).found().is_some_and(|claim| claim.class().is_empty()));
    assert_eq!(claim.selected_node(), Some(node.metadata.name.as_str()));
    assert_eq!(claim.metadata.annotations["volume.kubernetes.io/storage-provisioner"], "topolvm.io");
    assert_eq!(claim.spec.volume_name, volume.metadata.name);
    assert_eq!(volume.spec.claim_ref.as_ref().unwrap().name, claim.metadata.name);
    assert!(volume.required_node_affinity().unwrap().matches(&node.metadata.name, &node.metadata.labels));
    assert!(snapshot.csi_nodes.get("", &node.metadata.name).found().unwrap().driver("topolvm.io").is_some());
    assert!(snapshot.capacities.seen()[0].node_topology.as_ref().unwrap().matches(&node.metadata.labels));
    assert_eq!(pod.spec.node_selector["topology.kubernetes.io/zone"], "eu-1a");
    assert_eq!(pod.spec.node_selector["disk"], node.metadata.labels["disk"]);
    assert_eq!(pod.spec.tolerations[0].value, node.spec.taints[0].value);
    assert!(
        set.spec
            .selector
            .as_ref()
            .unwrap()
            .match_labels
            .iter()
            .all(|(key, value)| pod.metadata.labels.get(key) == Some(value))
    );
    let event = &snapshot.events.seen()[0];
    for name in [&pod.metadata.name, &class.metadata.name, &node.metadata.name] {
        assert!(event.message.contains(name.as_str()), "{}", event.message);
    }
    let message = &pod.status.conditions[0].message;
    assert_eq!(
        *message,
        format!(
            "0/1 nodes are available: persistentvolumeclaim \"{}\" not found. on {}.",
            claim.metadata.name, node.metadata.name
        )
    );
    let handle = &volume.spec.csi.as_ref().unwrap().volume_handle;
    assert_eq!(node.status.volumes_in_use, [format!("kubernetes.io/csi/topolvm.io^{handle}")]);
    let quota = &snapshot.quotas.seen()[0].spec.hard;
    assert!(quota.contains_key(&format!("{}.storageclass.storage.k8s.io/requests.storage", class.metadata.name)));
    let broken = snapshot.broken();
    assert_eq!((broken.len(), broken[0].namespace.as_str()), (1, namespace));
    assert!(snapshot.pods.covers("elsewhere") == story().pods.covers("elsewhere"));
    assert_eq!(
        snapshot.scope(Kind::Pod),
        &storagewhy::snapshot::Scope::Namespaces(
            vec![namespace.to_owned()],
            storagewhy::snapshot::Problem::Failed(format!("pods in {namespace} only"))
        )
    );
}

#[test]
fn a_driver_is_still_recognised() {
    let snapshot = redact_names(&story()).unwrap();
    let plugin = &snapshot.daemon_sets.seen()[0].spec.template.spec;
    let [registrar, own] = plugin.containers.as_slice() else { panic!("two containers") };
    assert_eq!(registrar.role(), Some(storagewhy::model::component::Role::Registrar), "{}", registrar.image);
    assert_eq!(own.named_drivers().collect::<Vec<_>>(), ["topolvm.io", "topolvm.io"]);
    let path = &plugin.volumes[0].host_path.as_ref().unwrap().path;
    assert!(path.starts_with("/var/lib/") && path.ends_with("/kubelet/plugins/topolvm.io"), "{path}");
    assert_eq!(registrar.flag("kubelet-registration-path"), Some(format!("{path}/csi.sock").as_str()));
    assert!(registrar.flag("csi-address").is_some_and(|path| path.ends_with(".sock")));
    let web = &snapshot.deployments.seen()[0].spec.template.spec.containers[0];
    assert!(web.image.is_empty() && web.args.is_empty() && web.env.is_empty());
}

#[test]
fn two_redactions_differ() {
    let name = |snapshot: Snapshot| snapshot.nodes.seen()[0].metadata.name.clone();
    assert_ne!(name(redact_names(&story()).unwrap()), name(redact_names(&story()).unwrap()));
}

/// A message without the names and values in it.
fn nameless(message: &str) -> String {
    let mut parts = message.split('"');
    let mut text = parts.next().unwrap_or_default().to_owned();
    while let (Some(_), Some(rest)) = (parts.next(), parts.next()) {
        text = text + "_" + rest;
    }
    let mut inside = false;
    text.retain(|c| {
        inside = if c == '{' { true } else { inside && c != '}' };
        !inside
    });
    text
}

/// The verdict on every pending pod and unbound claim, by uid, without names.
fn verdicts(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let scheduler = Scheduler::new(snapshot, Version::NEWEST, SchedulerConfig::default());
    let controller = VolumeController::new(snapshot);
    let pods = snapshot.pods.seen().iter().filter(|pod| !pod.assigned() && !pod.finished());
    let pods = pods.map(|pod| {
        let verdict = scheduler.judge(pod);
        let mut nodes: Vec<String> = verdict
            .nodes
            .iter()
            .map(|node| {
                let reasons: Vec<String> = node.reasons.iter().map(|reason| nameless(&reason.text())).collect();
                format!("{} {reasons:?} {} {:?}", node.plugin, node.resolvable, node.fits)
            })
            .collect();
        nodes.sort();
        let rejection = verdict.pre_filter.as_ref().map(|rejection| nameless(&rejection.message));
        let evicted = verdict.preemption.as_ref().map(|(_, pods)| pods.len());
        let text = format!(
            "{:?} {} {rejection:?} {evicted:?} {} {nodes:#?}",
            verdict.outcome,
            verdict.error,
            verdict.unknown.len()
        );
        (pod.metadata.uid.clone(), text)
    });
    let claims = snapshot.claims.seen().iter().map(|claim| {
        let verdict = controller.judge(claim);
        let event = verdict.event.as_ref().map(|event| event.reason);
        let words = |volume: &VolumeMismatch| volume.mismatch.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut volumes: Vec<Vec<String>> = verdict.volumes.iter().map(words).collect();
        volumes.sort();
        (claim.metadata.uid.clone(), format!("{} {event:?} {} {volumes:#?}", verdict.phase, verdict.binds_to.is_some()))
    });
    pods.chain(claims).collect()
}

#[test]
fn recorded_clusters_get_the_same_verdicts() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recorded");
    let mut judged = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let snapshot = read(path.to_str().unwrap()).unwrap();
        let mut bytes = Vec::new();
        write_snapshot(&redact_names(&snapshot).unwrap(), &mut bytes).unwrap();
        let redacted = read_bytes("redacted.json", &bytes).unwrap();
        assert_ne!(objects(&snapshot), objects(&redacted));
        assert_eq!(snapshot.coverage(), redacted.coverage());
        let (before, after) = (verdicts(&snapshot), verdicts(&redacted));
        for (uid, verdict) in &before {
            assert_eq!(after.get(uid), Some(verdict), "{}: {uid}", path.display());
        }
        judged += before.len();
    }
    assert!(judged > 300, "{judged}");
}
