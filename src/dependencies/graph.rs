//! What rests on what, asked object by object: nothing is worked out for objects that nobody asks about.

use std::collections::VecDeque;

use super::drivers::Drivers;
use crate::admission::webhook::matches;
use crate::admission::{Backend, Match, Request, backend};
use crate::model::claim::Claim;
use crate::model::webhook::Webhook;
use crate::model::{Kind, ObjectRef, Pod, Volume, Workload};
use crate::scheduler::running;
use crate::snapshot::{Lookup, Snapshot};

/// How far a chain is followed, in objects.
const FARTHEST: usize = 64;

/// What is known of an object that another rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It is there and does its work, as far as its state says.
    Sound,
    /// It is there and doesn't: a pod that isn't ready, a claim that isn't bound, a workload without a ready pod.
    Broken,
    /// It was looked for and isn't there.
    Absent,
    /// It was not read.
    Unknown,
}

/// Something that an object rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) to: ObjectRef,
    pub(crate) standing: Standing,
}

/// The dependencies between the objects of a snapshot: pod → node, claims, priority class, resource claims and scheduler; claim
/// → volume or class; class and volume → driver → its workloads → their pods, and the webhooks that see these → their services →
/// the workloads behind; node → cloud provider.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    snapshot: &'a Snapshot,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot }
    }

    /// What an object rests on, the nearest first; nothing for kinds of which that isn't known.
    pub(crate) fn rests_on(&self, drivers: &Drivers<'_>, object: &ObjectRef) -> Vec<Edge> {
        let (namespace, name) = (object.namespace.as_str(), object.name.as_str());
        let Some(kind) = Kind::named(&object.kind) else { return Vec::new() };
        match kind {
            Kind::Pod => self.of_pod(namespace, name),
            Kind::PersistentVolumeClaim => self.of_claim(namespace, name),
            Kind::StorageClass => {
                let class = self.snapshot.classes.get("", name).found();
                class.map(|class| self.driver(&class.provisioner)).into_iter().collect()
            }
            Kind::PersistentVolume => {
                let csi = self.snapshot.volumes.get("", name).found().and_then(|volume| volume.spec.csi.as_ref());
                csi.map(|csi| self.driver(&csi.driver)).into_iter().collect()
            }
            Kind::CSIDriver => {
                drivers.parts(name).iter().map(|part| self.workload(part.kind, part.namespace, part.name)).collect()
            }
            Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet => {
                self.of_workload(kind, namespace, name)
            }
            Kind::MutatingWebhookConfiguration | Kind::ValidatingWebhookConfiguration => self.of_webhooks(kind, name),
            Kind::Service => self.of_service(namespace, name),
            Kind::Node => {
                drivers.clouds().iter().map(|part| self.workload(part.kind, part.namespace, part.name)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Everything that some objects rest on by way of what is not sound, themselves first, the nearest first.
    pub(crate) fn broken_behind(&self, drivers: &Drivers<'_>, objects: &[ObjectRef]) -> Vec<ObjectRef> {
        let mut met: Vec<ObjectRef> = Vec::new();
        let mut next: VecDeque<ObjectRef> = objects.iter().cloned().collect();
        while let Some(object) = next.pop_front().filter(|_| met.len() < FARTHEST) {
            if met.contains(&object) {
                continue;
            }
            let unsound = |edge: &Edge| matches!(edge.standing, Standing::Broken | Standing::Absent);
            next.extend(self.rests_on(drivers, &object).into_iter().filter(unsound).map(|edge| edge.to));
            met.push(object);
        }
        met
    }

    fn of_pod(&self, namespace: &str, name: &str) -> Vec<Edge> {
        let Some(pod) = self.snapshot.pods.get(namespace, name).found() else { return Vec::new() };
        let node = Some(pod.spec.node_name.as_str()).filter(|node| !node.is_empty());
        let node = node.map(|node| {
            let standing = standing(&self.snapshot.nodes.get("", node), |node| node.ready() == Some(true));
            Edge { to: ObjectRef::new(Kind::Node, "", node), standing }
        });
        let claims = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(name)).map(|claim| {
            let standing = standing(&self.snapshot.claims.get(namespace, &claim), |claim| claim.fully_bound());
            Edge { to: ObjectRef::new(Kind::PersistentVolumeClaim, namespace, &claim), standing }
        });
        let needs = self.needs_of(pod);
        node.into_iter().chain(claims).chain(needs).collect()
    }

    /// What a pod names beside its volumes, and who places it.
    fn needs_of(&self, pod: &Pod) -> Vec<Edge> {
        let class = Some(pod.spec.priority_class_name.as_str()).filter(|class| !class.is_empty());
        let class = class.map(|class| {
            let standing = standing(&self.snapshot.priority_classes.get("", class), |_| true);
            Edge { to: ObjectRef::new(Kind::PriorityClass, "", class), standing }
        });
        let namespace = pod.metadata.namespace.as_str();
        let claims = pod.spec.resource_claims.iter().filter_map(|claim| claim.resource_claim_name.as_deref());
        let claims = claims.map(|claim| {
            let standing = standing(&self.snapshot.resource_claims.get(namespace, claim), |_| true);
            Edge { to: ObjectRef::new(Kind::ResourceClaim, namespace, claim), standing }
        });
        let schedulers = running(self.snapshot).into_iter().filter(|_| !pod.assigned()).map(|scheduler| {
            let meta = &scheduler.pod.metadata;
            let standing = if scheduler.pod.ready() { Standing::Sound } else { Standing::Broken };
            Edge { to: ObjectRef::new(Kind::Pod, &meta.namespace, &meta.name), standing }
        });
        class.into_iter().chain(claims).chain(schedulers).collect()
    }

    fn of_claim(&self, namespace: &str, name: &str) -> Vec<Edge> {
        let Some(claim) = self.snapshot.claims.get(namespace, name).found() else { return Vec::new() };
        match claim.spec.volume_name.as_str() {
            "" => self.class(claim).into_iter().collect(),
            volume => {
                let standing =
                    standing(&self.snapshot.volumes.get("", volume), |volume: &Volume| volume.status.phase == "Bound");
                vec![Edge { to: ObjectRef::new(Kind::PersistentVolume, "", volume), standing }]
            }
        }
    }

    /// The class of a claim without a volume: it does its work only once the claim has one.
    fn class(&self, claim: &Claim) -> Option<Edge> {
        let class = Some(claim.class()).filter(|class| !class.is_empty())?;
        let standing = standing(&self.snapshot.classes.get("", class), |_| false);
        Some(Edge { to: ObjectRef::new(Kind::StorageClass, "", class), standing })
    }

    /// A driver need not have an object of its own; its parts tell whether it works.
    fn driver(&self, name: &str) -> Edge {
        Edge { to: ObjectRef::new(Kind::CSIDriver, "", name), standing: Standing::Broken }
    }

    fn of_workload(&self, kind: Kind, namespace: &str, name: &str) -> Vec<Edge> {
        let mut edges = self.makes(kind, namespace, name);
        edges.extend(self.webhooks(kind, namespace, name));
        edges
    }

    /// The ReplicaSets and pods that a workload makes.
    fn makes(&self, kind: Kind, namespace: &str, name: &str) -> Vec<Edge> {
        let sets = self.snapshot.replica_sets.in_namespace(namespace).iter().filter(|set| {
            let owner = set.metadata.controller();
            kind == Kind::Deployment && owner.is_some_and(|owner| owner.kind == "Deployment" && owner.name == name)
        });
        let sets = sets.map(|set| self.workload(Kind::ReplicaSet, namespace, &set.metadata.name));
        let pods = self.pods(kind, namespace, name).map(|pod| Edge {
            to: ObjectRef::new(Kind::Pod, namespace, &pod.metadata.name),
            standing: if pod.ready() { Standing::Sound } else { Standing::Broken },
        });
        sets.chain(pods).collect()
    }

    /// The webhooks that must approve a workload's pods.
    fn webhooks(&self, kind: Kind, namespace: &str, name: &str) -> Vec<Edge> {
        let Some(workload) = self.snapshot.workloads(kind).and_then(|store| store.get(namespace, name).found()) else {
            return Vec::new();
        };
        let labels = &workload.spec.template.metadata.labels;
        let request = || Request { kind: Kind::Pod, namespace, labels };
        let mutating = self.snapshot.mutating_webhooks.seen().iter().map(|it| (Kind::MutatingWebhookConfiguration, it));
        let validating =
            self.snapshot.validating_webhooks.seen().iter().map(|it| (Kind::ValidatingWebhookConfiguration, it));
        let mut edges = Vec::new();
        for (kind, configuration) in mutating.chain(validating) {
            let mut called = configuration
                .webhooks
                .iter()
                .filter(|webhook| webhook.fails_closed() && matches(webhook, request(), self.snapshot) == Match::Yes);
            if let Some(standing) = called.by_ref().map(|webhook| self.answers(webhook)).max() {
                edges.push(Edge { to: ObjectRef::new(kind, "", &configuration.metadata.name), standing });
            }
        }
        edges
    }

    /// Whether anything answers for a webhook.
    fn answers(&self, webhook: &Webhook) -> Standing {
        match backend(&webhook.client_config, self.snapshot) {
            Backend::Serves => Standing::Sound,
            Backend::NoEndpoints | Backend::NoService => Standing::Broken,
            Backend::Unknown(_) => Standing::Unknown,
        }
    }

    /// The services behind a configuration's webhooks.
    fn of_webhooks(&self, kind: Kind, name: &str) -> Vec<Edge> {
        let store = match kind {
            Kind::MutatingWebhookConfiguration => &self.snapshot.mutating_webhooks,
            _ => &self.snapshot.validating_webhooks,
        };
        let webhooks = store.get("", name).found().into_iter().flat_map(|found| &found.webhooks);
        let services = webhooks.filter_map(|webhook| {
            let service = webhook.client_config.service.as_ref()?;
            let standing = match backend(&webhook.client_config, self.snapshot) {
                Backend::NoService => Standing::Absent,
                _ => self.answers(webhook),
            };
            Some(Edge { to: ObjectRef::new(Kind::Service, &service.namespace, &service.name), standing })
        });
        services.collect()
    }

    /// The unfinished pods that a workload makes; those of a Deployment whose ReplicaSets were not read by their labels.
    fn pods<'s>(&'s self, kind: Kind, namespace: &'s str, name: &'s str) -> impl Iterator<Item = &'s Pod> {
        let pods = self.snapshot.pods.in_namespace(namespace).iter().map(|pod| &**pod).filter(|pod| !pod.finished());
        let unread = kind == Kind::Deployment && self.snapshot.replica_sets.in_namespace(namespace).is_empty();
        let found = self.snapshot.workloads(kind).and_then(|store| store.get(namespace, name).found());
        let selector = found.and_then(|workload| workload.spec.selector.as_ref()).filter(|_| unread);
        pods.filter(move |pod| {
            let own = pod.metadata.controller().is_some_and(|owner| owner.kind == kind.name() && owner.name == name);
            own || selector.is_some_and(|selector| !selector.is_empty() && selector.matches(&pod.metadata.labels))
        })
    }

    /// A workload: sound while a pod of it is ready.
    fn workload(&self, kind: Kind, namespace: &str, name: &str) -> Edge {
        let to = ObjectRef::new(kind, namespace, name);
        let Some(store) = self.snapshot.workloads(kind) else { return Edge { to, standing: Standing::Unknown } };
        let serves = |_: &Workload| match kind {
            Kind::Deployment => self.makes(kind, namespace, name).iter().any(|edge| edge.standing == Standing::Sound),
            _ => self.pods(kind, namespace, name).any(Pod::ready),
        };
        let standing = standing(&store.get(namespace, name), serves);
        Edge { to, standing }
    }

    fn of_service(&self, namespace: &str, name: &str) -> Vec<Edge> {
        let Some(service) = self.snapshot.services.get(namespace, name).found() else { return Vec::new() };
        let selector = &service.spec.selector;
        let selects = |workload: &&std::sync::Arc<Workload>| {
            let labels = &workload.spec.template.metadata.labels;
            !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        let stores = [
            (Kind::Deployment, &self.snapshot.deployments),
            (Kind::StatefulSet, &self.snapshot.stateful_sets),
            (Kind::DaemonSet, &self.snapshot.daemon_sets),
        ];
        let found = stores.into_iter().flat_map(|(kind, store)| {
            store.in_namespace(namespace).iter().filter(selects).map(move |workload| (kind, workload))
        });
        found.map(|(kind, workload)| self.workload(kind, namespace, &workload.metadata.name)).collect()
    }
}

fn standing<T>(lookup: &Lookup<'_, T>, sound: impl Fn(&T) -> bool) -> Standing {
    match lookup {
        Lookup::Found(object) if sound(object) => Standing::Sound,
        Lookup::Found(_) => Standing::Broken,
        Lookup::Absent => Standing::Absent,
        Lookup::Unknown => Standing::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Builder, Scope};

    fn cluster(ready: &str) -> Snapshot {
        let mut builder = Builder::default();
        let owner = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "nfs", "controller": true}]);
        let provisioner = json!({"name": "p", "image": "registry.k8s.io/sig-storage/nfs-subdir-external-provisioner:v4",
            "env": [{"name": "PROVISIONER_NAME", "value": "example.com/nfs"}]});
        for (kind, object) in [
            (Kind::StorageClass, json!({"metadata": {"name": "nfs"}, "provisioner": "example.com/nfs"})),
            (
                Kind::PersistentVolumeClaim,
                json!({"metadata": {"namespace": "app", "name": "data"}, "spec": {"storageClassName": "nfs"}}),
            ),
            (
                Kind::Pod,
                json!({"metadata": {"namespace": "app", "name": "web"},
                    "spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}}),
            ),
            (
                Kind::Deployment,
                json!({"metadata": {"namespace": "nfs", "name": "nfs"},
                    "spec": {"template": {"spec": {"containers": [provisioner]}}}}),
            ),
            (Kind::ReplicaSet, json!({"metadata": {"namespace": "nfs", "name": "nfs-1", "ownerReferences": owner}})),
            (
                Kind::Pod,
                json!({"metadata": {"namespace": "nfs", "name": "nfs-1-a", "ownerReferences":
                        [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "nfs-1", "controller": true}]},
                    "status": {"conditions": [{"type": "Ready", "status": ready}]}}),
            ),
        ] {
            builder.add(kind, object).unwrap();
        }
        builder.build(&Scope::All)
    }

    fn behind(snapshot: &Snapshot) -> Vec<String> {
        let drivers = Drivers::new(snapshot);
        let start = [ObjectRef::new(Kind::Pod, "app", "web")];
        let found = Graph::new(snapshot).broken_behind(&drivers, &start);
        found.iter().map(|object| format!("{}/{}", object.kind, object.name)).collect()
    }

    #[test]
    fn a_pod_rests_on_the_pod_of_its_claims_provisioner() {
        let way = [
            "Pod/web",
            "PersistentVolumeClaim/data",
            "StorageClass/nfs",
            "CSIDriver/example.com/nfs",
            "Deployment/nfs",
            "ReplicaSet/nfs-1",
            "Pod/nfs-1-a",
        ];
        assert_eq!(behind(&cluster("False")), way);
    }

    #[test]
    fn what_is_sound_is_not_followed() {
        assert_eq!(behind(&cluster("True")).last().map(String::as_str), Some("CSIDriver/example.com/nfs"));
    }
}
