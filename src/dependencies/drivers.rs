//! The drivers of volumes, recognised by what their pods show: sidecars, the names that flags, variables and sockets give,
//! and the provisioner's events. Words in names are the last resort.

use std::collections::{HashMap, HashSet};

use super::marks::{Marks, role};
use super::part::Part;
use crate::model::component::Role;
use crate::model::{Kind, Pod, Workload};
use crate::snapshot::Snapshot;

/// How a part is known to be a driver's, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    /// It names the driver, or the driver's events name its pod.
    Named,
    /// It has a driver's sidecars and stands beside the driver's named parts, and beside no other driver's.
    Beside,
    /// It has a driver's sidecars, and its names share a word with the driver's.
    Alike,
    /// Only its names share a word with the driver's.
    Words,
}

/// The parts of all drivers.
#[derive(Debug)]
pub(crate) struct Drivers<'a> {
    /// Workloads that are marked as a part of some driver, with their marks.
    marked: Vec<(Part<'a>, Marks<'a>)>,
    /// The others.
    plain: Vec<Part<'a>>,
    /// Workloads that run a cloud controller manager.
    clouds: Vec<Part<'a>>,
}

impl<'a> Drivers<'a> {
    /// Looks through all workloads, and all pods of which the workload was not read.
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let known = known(snapshot);
        let mut by_events = by_events(snapshot, &known);
        let mut drivers = Self { marked: Vec::new(), plain: Vec::new(), clouds: Vec::new() };
        for part in workloads(snapshot).chain(orphans(snapshot)) {
            if part.container(Role::Cloud).is_some() {
                drivers.clouds.push(part);
                continue;
            }
            let mut marks = Marks::of(part.spec, &known);
            let said = by_events.remove(&(part.kind, part.namespace, part.name)).unwrap_or_default();
            marks.marked |= !said.is_empty();
            marks.drivers.extend(said);
            if marks.marked { drivers.marked.push((part, marks)) } else { drivers.plain.push(part) }
        }
        drivers
    }

    /// What runs cloud controller managers.
    pub(crate) fn clouds(&self) -> &[Part<'a>] {
        &self.clouds
    }

    /// What a driver is made of, the surest parts first.
    pub(crate) fn parts(&self, driver: &str) -> Vec<Part<'a>> {
        let named: HashSet<&str> =
            self.marked.iter().filter(|(_, marks)| names(marks, driver)).map(|(part, _)| part.namespace).collect();
        let tied = |(part, marks): &(Part<'a>, Marks<'a>)| Some((self.tie(part, marks, driver, &named)?, *part));
        let mut found: Vec<(Tie, Part<'a>)> = self.marked.iter().filter_map(tied).collect();
        let around: HashSet<&str> = found.iter().map(|(_, part)| part.namespace).collect();
        let near = |part: &&Part<'a>| around.is_empty() || around.contains(part.namespace);
        let alike = self.plain.iter().filter(near).filter(|part| part.likeness(driver) > 0);
        found.extend(alike.map(|part| (Tie::Words, *part)));
        found.sort_by_key(|(tie, part)| (*tie, std::cmp::Reverse(part.likeness(driver))));
        found.into_iter().map(|(_, part)| part).collect()
    }

    /// What runs a provisioner, with the name of the driver that it gives or that its pods' events have.
    pub(crate) fn provisioners(&self) -> Vec<(Part<'a>, &'a str)> {
        let own = self.marked.iter().filter(|(part, _)| part.container(Role::Provisioner).is_some());
        own.flat_map(|(part, marks)| marks.drivers.iter().map(|name| (*part, *name))).collect()
    }

    /// Whether a part names the driver, or the driver's events name its pods.
    pub(crate) fn certain(&self, part: &Part<'_>, driver: &str) -> bool {
        self.marked.iter().any(|(known, marks)| known.is(part) && names(marks, driver))
    }

    fn tie(&self, part: &Part<'_>, marks: &Marks<'_>, driver: &str, named: &HashSet<&str>) -> Option<Tie> {
        if names(marks, driver) {
            return Some(Tie::Named);
        }
        if !marks.drivers.is_empty() {
            return None;
        }
        if marks.sure && named.contains(part.namespace) && !self.others_in(part.namespace, driver) {
            return Some(Tie::Beside);
        }
        (part.likeness(driver) > 0).then_some(Tie::Alike)
    }

    /// Whether parts of a namespace name another driver.
    fn others_in(&self, namespace: &str, driver: &str) -> bool {
        let here = self.marked.iter().filter(|(part, _)| part.namespace == namespace);
        here.into_iter().any(|(_, marks)| !marks.drivers.is_empty() && !names(marks, driver))
    }
}

fn names(marks: &Marks<'_>, driver: &str) -> bool {
    marks.drivers.contains(&driver)
}

/// The names of drivers that the cluster knows.
fn known(snapshot: &Snapshot) -> HashSet<&str> {
    let objects = snapshot.csi_drivers.seen().iter().map(|driver| driver.metadata.name.as_str());
    let on_nodes = snapshot.csi_nodes.seen().iter().flat_map(|node| &node.spec.drivers);
    let of_classes = snapshot.classes.seen().iter().map(|class| class.provisioner.as_str());
    let of_volumes = snapshot.volumes.seen().iter().filter_map(|volume| volume.spec.csi.as_ref());
    let named = objects.chain(on_nodes.map(|driver| driver.name.as_str())).chain(of_classes);
    named.chain(of_volumes.map(|csi| csi.driver.as_str())).filter(|name| !name.is_empty()).collect()
}

/// The workloads that were read.
fn workloads(snapshot: &Snapshot) -> impl Iterator<Item = Part<'_>> {
    let stores = [
        (Kind::Deployment, &snapshot.deployments),
        (Kind::StatefulSet, &snapshot.stateful_sets),
        (Kind::DaemonSet, &snapshot.daemon_sets),
    ];
    stores.into_iter().flat_map(|(kind, store)| store.seen().iter().map(move |workload| Part::of(kind, workload)))
}

/// What makes the pods that have a driver's marks and whose workload was not read, once each.
fn orphans(snapshot: &Snapshot) -> impl Iterator<Item = Part<'_>> {
    let mut met = HashSet::new();
    let pods = snapshot.pods.seen().iter().filter(|pod| !pod.finished());
    let marked = pods.filter(|pod| pod.spec.containers.iter().any(|container| role(container).is_some()));
    let parts = marked.filter(|pod| workload_of(snapshot, pod).is_none()).map(|pod| Part::behind(pod));
    parts.filter(move |part| met.insert((part.kind, part.namespace, part.name)))
}

/// The workload of a pod that was read, a Deployment before its ReplicaSet.
fn workload_of<'a>(snapshot: &'a Snapshot, pod: &Pod) -> Option<(Kind, &'a Workload)> {
    let namespace = &pod.metadata.namespace;
    let owner = pod.metadata.controller()?;
    let found = |kind, store: &'a crate::snapshot::Store<Workload>, name: &str| {
        store.get(namespace, name).found().map(|found| (kind, &**found))
    };
    match owner.kind.as_str() {
        "DaemonSet" => found(Kind::DaemonSet, &snapshot.daemon_sets, &owner.name),
        "StatefulSet" => found(Kind::StatefulSet, &snapshot.stateful_sets, &owner.name),
        "ReplicaSet" => {
            let set = snapshot.replica_sets.get(namespace, &owner.name).found();
            let of_set = set.and_then(|set| set.metadata.controller()).map(|owner| owner.name.as_str());
            let by_name = owner.name.rsplit_once('-').map(|(name, _)| name);
            found(Kind::Deployment, &snapshot.deployments, of_set.or(by_name)?)
        }
        _ => None,
    }
}

/// Workloads whose pods wrote a driver's events: the component of a provisioner's events is `DRIVER_HOST_UUID`, and the
/// host of a pod is its name (`sigs.k8s.io/sig-storage-lib-external-provisioner/controller`, NewProvisionController).
fn by_events<'a>(
    snapshot: &'a Snapshot,
    known: &HashSet<&'a str>,
) -> HashMap<(Kind, &'a str, &'a str), HashSet<&'a str>> {
    let mut hosts: HashMap<&str, HashSet<&'a str>> = HashMap::new();
    for event in snapshot.events.seen() {
        let Some((driver, host)) = writer(event.component()) else { continue };
        if let Some(driver) = known.get(driver) {
            hosts.entry(host).or_default().insert(driver);
        }
    }
    let mut found: HashMap<(Kind, &str, &str), HashSet<&str>> = HashMap::new();
    if hosts.is_empty() {
        return found;
    }
    for pod in snapshot.pods.seen() {
        let Some(drivers) = hosts.get(pod.metadata.name.as_str()) else { continue };
        if let Some((kind, workload)) = workload_of(snapshot, pod) {
            let key = (kind, workload.metadata.namespace.as_str(), workload.metadata.name.as_str());
            found.entry(key).or_default().extend(drivers);
        }
    }
    found
}

/// The driver and the host in the component of an event.
fn writer(component: &str) -> Option<(&str, &str)> {
    component.rsplit_once('_')?.0.rsplit_once('_')
}
