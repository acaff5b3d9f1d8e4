//! The workload that runs a driver's external provisioner, and how it is.

use crate::dependencies::Part;
use crate::diagnosis::command;
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::remedy::Step;
use crate::diagnosis::text::{count, either, named};
use crate::model::component::Role;
use crate::model::{Claim, Kind, ObjectRef, Pod};
use crate::rules::drivers::driver::helper_pods;

/// What runs a driver's provisioner.
pub(in crate::rules) struct Runner<'a> {
    pub(in crate::rules) part: Part<'a>,
    /// Its unfinished pods.
    pub(in crate::rules) pods: Vec<&'a Pod>,
    /// Whether the provisioner's own events name one of its pods, or the workload itself names the driver.
    pub(in crate::rules) certain: bool,
}

/// How the workload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Health {
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

/// The pods that the provisioner has made to make a claim's volume, and that aren't ready; the volume is named after the
/// claim's uid (external-provisioner and sig-storage-lib-external-provisioner, `pvc-` + uid).
pub(in crate::rules) fn busy_helpers(cx: &Context<'_>, claim: &Claim) -> Vec<ObjectRef> {
    let pods = helper_pods(cx, &format!("pvc-{}", claim.metadata.uid));
    pods.into_iter().filter(|pod| !pod.ready()).map(pod_ref).collect()
}

/// The workload that runs the provisioner of a driver.
pub(in crate::rules) fn runner<'a>(cx: &Context<'a>, driver: &str) -> Option<Runner<'a>> {
    let part = provisioner_of(cx, driver)?;
    Some(Runner { part, pods: part.pods(cx), certain: cx.drivers.certain(&part, driver) })
}

impl<'a> Runner<'a> {
    pub(in crate::rules) fn object(&self) -> ObjectRef {
        self.part.object()
    }

    pub(in crate::rules) fn health(&self, cx: &Context<'_>) -> Health {
        if self.part.stopped() {
            return Health::Stopped;
        }
        match self.pods.as_slice() {
            pods if pods.iter().any(|pod| pod.ready()) => Health::Ready,
            [] if cx.presumes_none(Kind::Pod) || !cx.snapshot.pods.covers(self.part.namespace) => Health::Unknown,
            [] => Health::Empty,
            _ => Health::Unready,
        }
    }

    /// The container that provisions.
    pub(in crate::rules) fn container(&self) -> Option<&'a str> {
        self.part.container(Role::Provisioner)
    }

    /// Adds how the workload is.
    pub(in crate::rules) fn told(&self, cx: &Context<'_>, finding: Finding) -> Finding {
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
        let account = &self.part.spec.service_account_name;
        let account = if account.is_empty() { String::new() } else { format!(", as service account {account}") };
        let note = format!("{who}{account}, in namespace {}", self.part.namespace);
        finding.evidence(self.object(), self.part.status_path(), value, note)
    }

    /// Adds the trouble of the pods that isn't theirs alone to tell: which aren't ready, and why.
    pub(in crate::rules) fn with_unready(&self, mut finding: Finding) -> Finding {
        for pod in self.pods.iter().filter(|pod| !pod.ready()).take(3) {
            let (path, value, note) = crate::rules::starting::pod_not_ready::why_not_ready(pod);
            finding = finding.evidence(pod_ref(pod), path, value, note);
        }
        finding
    }

    /// The workload as `kubectl logs` takes it.
    pub(in crate::rules) fn target(&self) -> String {
        format!("{}/{}", self.part.kind.name().to_ascii_lowercase(), self.part.name)
    }

    /// The step that shows the provisioner's log.
    pub(in crate::rules) fn look(&self) -> Step {
        let part = &self.part;
        let what = match self.container() {
            Some(container) => format!("Read the log of container {container} of {}", part.words()),
            None => format!("Read the log of {}", part.words()),
        };
        let command = command::logs(part.kind, part.namespace, part.name, self.container());
        Step { command, ..Step::told(what) }
    }
}

/// The workload that runs a driver's external provisioner, one that is scaled to zero before others.
pub(in crate::rules) fn provisioner_of<'a>(cx: &Context<'a>, driver: &str) -> Option<Part<'a>> {
    let mut found = cx.drivers.parts(driver);
    found.retain(|part| part.container(Role::Provisioner).is_some());
    found.sort_by_key(|part| !part.stopped());
    found.into_iter().next()
}
