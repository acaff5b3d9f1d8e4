//! The workload that runs a driver's external provisioner, and how it is.

use crate::diagnosis::command;
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::remedy::Step;
use crate::diagnosis::text::{count, either, named};
use crate::model::selector::matches;
use crate::model::{Kind, ObjectRef, Pod, Workload};

use super::support::provisioner_of;

/// What runs a driver's provisioner.
pub(super) struct Runner<'a> {
    pub(super) kind: Kind,
    pub(super) workload: &'a Workload,
    /// Its unfinished pods.
    pub(super) pods: Vec<&'a Pod>,
    /// Whether the provisioner's own events name one of its pods; else it is recognised by its names.
    pub(super) certain: bool,
}

/// How the workload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It is scaled to zero.
    Stopped,
    /// A pod of it is ready.
    Ready,
    /// It has pods, and none is ready.
    Unready,
    /// It has no pod.
    Empty,
    /// Its pods could not be read.
    Unknown,
}

/// The workload that runs the provisioner of a driver: the one whose pod wrote its events, else one that looks like it.
pub(super) fn runner<'a>(cx: &Context<'a>, driver: &str) -> Option<Runner<'a>> {
    let found = by_events(cx, driver);
    let certain = found.is_some();
    let (kind, workload) = found.or_else(|| provisioner_of(cx, driver))?;
    let pods = cx.snapshot.pods.in_namespace(&workload.metadata.namespace).iter().map(|pod| &**pod);
    let own = |pod: &&Pod| !pod.finished() && matches(workload.spec.selector.as_ref(), &pod.metadata.labels);
    Some(Runner { kind, workload, pods: pods.filter(own).collect(), certain })
}

/// Hosts whose pods are looked for.
const HOSTS: usize = 4;

/// The component of a provisioner's events is `DRIVER_HOST_UUID`, and the host of a pod is its name.
fn by_events<'a>(cx: &Context<'a>, driver: &str) -> Option<(Kind, &'a Workload)> {
    let said = cx.snapshot.events.seen().iter().filter_map(|event| {
        let (host, _) = event.component().strip_prefix(driver)?.strip_prefix('_')?.rsplit_once('_')?;
        Some((event.last_seen(), host))
    });
    let mut hosts: Vec<(&str, &str)> = said.collect();
    hosts.sort_unstable();
    let mut hosts: Vec<&str> = hosts.into_iter().rev().map(|(_, host)| host).collect();
    hosts.dedup();
    hosts.into_iter().take(HOSTS).find_map(|host| {
        let pod = cx.snapshot.pods.seen().iter().find(|pod| pod.metadata.name == host && !pod.finished())?;
        let (kind, meta) = cx.workload(pod)?;
        let store = match kind {
            Kind::Deployment => &cx.snapshot.deployments,
            Kind::StatefulSet => &cx.snapshot.stateful_sets,
            Kind::DaemonSet => &cx.snapshot.daemon_sets,
            _ => return None,
        };
        Some((kind, &**store.get(&meta.namespace, &meta.name).found()?))
    })
}

impl<'a> Runner<'a> {
    pub(super) fn object(&self) -> ObjectRef {
        ObjectRef::new(self.kind, &self.workload.metadata.namespace, &self.workload.metadata.name)
    }

    pub(super) fn health(&self, cx: &Context<'_>) -> Health {
        if self.kind != Kind::DaemonSet && self.workload.replicas() == 0 {
            return Health::Stopped;
        }
        match self.pods.as_slice() {
            pods if pods.iter().any(|pod| pod.ready()) => Health::Ready,
            [] if cx.presumes_none(Kind::Pod) || !cx.snapshot.pods.covers(&self.workload.metadata.namespace) => {
                Health::Unknown
            }
            [] => Health::Empty,
            _ => Health::Unready,
        }
    }

    /// The container that provisions.
    pub(super) fn container(&self) -> Option<&'a str> {
        let containers = &self.workload.spec.template.spec.containers;
        let named = containers.iter().find(|container| container.name.contains("provisioner"));
        named.map(|container| container.name.as_str())
    }

    /// Adds how the workload is.
    pub(super) fn told(&self, cx: &Context<'_>, finding: Finding) -> Finding {
        let meta = &self.workload.metadata;
        let who = if self.certain { "runs the provisioner" } else { "looks like what runs the provisioner" };
        let value = match self.health(cx) {
            Health::Stopped => "scaled to zero".to_owned(),
            Health::Ready => {
                let ready: Vec<&str> =
                    self.pods.iter().filter(|pod| pod.ready()).map(|pod| pod.metadata.name.as_str()).collect();
                format!("{} {} ready", named("pod", &ready), either(ready.len(), "is", "are"))
            }
            Health::Unready => format!("{}, none of them ready", count(self.pods.len(), "pod")),
            Health::Empty => "no pod".to_owned(),
            Health::Unknown => "pods not read".to_owned(),
        };
        let account = &self.workload.spec.template.spec.service_account_name;
        let account = if account.is_empty() { String::new() } else { format!(", as service account {account}") };
        let note = format!("{who}{account}, in namespace {}", meta.namespace);
        finding.evidence(self.object(), "status", value, note)
    }

    /// Adds the trouble of the pods that isn't theirs alone to tell: which aren't ready, and why.
    pub(super) fn with_unready(&self, mut finding: Finding) -> Finding {
        for pod in self.pods.iter().filter(|pod| !pod.ready()).take(3) {
            let (path, value, note) = super::pod_not_ready::why_not_ready(pod);
            finding = finding.evidence(pod_ref(pod), path, value, note);
        }
        finding
    }

    /// The step that shows the provisioner's log.
    pub(super) fn look(&self) -> Step {
        let meta = &self.workload.metadata;
        let what = match self.container() {
            Some(container) => {
                format!("Read the log of container {container} of {} {}", self.kind, meta.name)
            }
            None => format!("Read the log of {} {}", self.kind, meta.name),
        };
        let command = command::logs(self.kind, &meta.namespace, &meta.name, self.container());
        Step { command, ..Step::told(what) }
    }
}
