//! A workload that is part of a driver.

use super::marks::{is_sidecar, role};
use crate::admission::injector::words;
use crate::model::component::Role;
use crate::model::meta::Map;
use crate::model::pod::PodSpec;
use crate::model::{Kind, ObjectRef, Pod, Workload};

/// What runs a part of a driver: a workload, or what makes pods whose workload was not read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) kind: Kind,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) labels: &'a Map,
    /// The pods' spec, as the workload or one of the pods has it.
    pub(crate) spec: &'a PodSpec,
    pub(crate) workload: Option<&'a Workload>,
    /// The pod that shows the part, where the workload was not read.
    shown_by: Option<&'a Pod>,
}

impl<'a> Part<'a> {
    /// A workload as a part.
    pub(crate) fn of(kind: Kind, workload: &'a Workload) -> Self {
        let meta = &workload.metadata;
        let spec = &workload.spec.template.spec;
        Self {
            kind,
            namespace: &meta.namespace,
            name: &meta.name,
            labels: &meta.labels,
            spec,
            workload: Some(workload),
            shown_by: None,
        }
    }

    /// What makes a pod, or the pod itself, where that was not read.
    pub(super) fn behind(pod: &'a Pod) -> Self {
        let maker = pod.metadata.controller().and_then(|owner| {
            let kind = Kind::named(&owner.kind).filter(|kind| *kind != Kind::Node)?;
            Some((kind, owner.name.as_str()))
        });
        let (kind, name) = maker.unwrap_or((Kind::Pod, &pod.metadata.name));
        let (namespace, labels) = (pod.metadata.namespace.as_str(), &pod.metadata.labels);
        Self { kind, namespace, name, labels, spec: &pod.spec, workload: None, shown_by: Some(pod) }
    }

    /// Whether both are the same object.
    pub(super) fn is(&self, other: &Part<'_>) -> bool {
        (self.kind, self.namespace, self.name) == (other.kind, other.namespace, other.name)
    }

    /// What names it: kind, namespace, name.
    pub(crate) fn key(&self) -> (Kind, &'a str, &'a str) {
        (self.kind, self.namespace, self.name)
    }

    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new(self.kind, self.namespace, self.name)
    }

    /// The object that shows a field of the pods' spec, with the field's path there.
    pub(crate) fn place(&self, field: &str) -> (ObjectRef, String) {
        match self.shown_by {
            Some(pod) => (ObjectRef::new(Kind::Pod, self.namespace, &pod.metadata.name), format!("spec.{field}")),
            None => (self.object(), format!("spec.template.spec.{field}")),
        }
    }

    /// Where the part's state is told of: nowhere, where the workload was not read.
    pub(crate) fn status_path(&self) -> &'static str {
        if self.workload.is_some() { "status" } else { "" }
    }

    /// `Deployment ebs-csi-controller`.
    pub(crate) fn words(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// Whether it is scaled to zero.
    pub(crate) fn stopped(&self) -> bool {
        self.kind != Kind::DaemonSet && self.workload.is_some_and(|workload| workload.replicas() == 0)
    }

    /// The name of the container that has a role.
    pub(crate) fn container(&self, wanted: Role) -> Option<&'a str> {
        let found = self.spec.containers.iter().find(|container| role(container) == Some(wanted));
        found.map(|container| container.name.as_str())
    }

    /// The driver's own container: the first that is none of the sidecars.
    pub(crate) fn driver_container(&self) -> Option<&'a str> {
        let own = self.spec.containers.iter().find(|container| !is_sidecar(container));
        own.or(self.spec.containers.first()).map(|container| container.name.as_str())
    }

    /// Whether a container of this name stands beside the driver's own.
    pub(crate) fn is_sidecar(&self, name: &str) -> bool {
        let mut containers = self.spec.containers.iter().chain(&self.spec.init_containers);
        containers.find(|container| container.name == name).is_some_and(is_sidecar)
    }

    /// The directory of the kubelet in which the part looks for it: what stands before `plugins_registry`, or before
    /// `plugins` and the driver's own folder.
    pub(crate) fn kubelet_folder(&self) -> Option<&'a str> {
        let paths = || self.spec.volumes.iter().filter_map(|volume| volume.host_path.as_ref());
        let before = |marker: &str| paths().find_map(|host| Some(host.path.split_once(marker)?.0));
        before("/plugins_registry").or_else(|| before("/plugins/")).filter(|folder| !folder.is_empty())
    }

    /// Whether the part's pods have the driver's directory on the node, `…/plugins/DRIVER`.
    pub(crate) fn has_socket(&self, driver: &str) -> bool {
        let paths = self.spec.volumes.iter().filter_map(|volume| volume.host_path.as_ref());
        let mut names = paths.filter_map(|host| host.path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next());
        names.any(|name| name == driver)
    }

    /// Whether the part tells the kubelet of a driver.
    pub(crate) fn registers(&self) -> bool {
        self.container(Role::Registrar).is_some()
    }

    /// How many telling words the part's names share with a driver's: those of its own name count most.
    pub(super) fn likeness(&self, driver: &str) -> usize {
        let wanted: Vec<String> = words(driver).collect();
        let shared = |name: &str| words(name).filter(|word| wanted.contains(word)).count();
        let label = |key: &str| shared(self.labels.get(key).map_or("", String::as_str));
        let labels = 2 * label("app.kubernetes.io/name") + label("app") + label("app.kubernetes.io/instance");
        3 * shared(self.name) + labels + shared(self.namespace)
    }
}
