//! What becomes of the other pods of a workload: a template is for all of them, so its controller replaces those that run
//! when a repair changes it, and a StatefulSet makes those that it still lacks.

use std::sync::Arc;

use super::apply::{self, ApplyError};
use super::trial::{Choice, Settled, Trials};
use crate::admission::expand::{ordinals, pod_name};
use crate::admission::recreate;
use crate::diagnosis::context::pod_ref;
use crate::model::workload::fence;
use crate::model::{Kind, ObjectRef, Pod, Workload};
use crate::snapshot::Snapshot;

/// Running pods of a workload that are replaced one after the other; the rest is replaced together.
const ONE_BY_ONE: usize = 12;
/// Pods that a StatefulSet still lacks and that are looked at.
const LACKING: usize = 40;
/// What the name of a pod ends with that a Deployment makes beside the one that it replaces.
const BESIDE: &str = "-beside";

/// How a controller replaces the pods that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replacing {
    /// All go, and then all come.
    Together,
    /// One goes, and then its successor comes.
    After,
    /// The successor comes while its predecessor runs.
    Before,
}

/// A pod that was not placed when its turn came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stalled {
    pub pod: ObjectRef,
    /// The pod that runs until then, where it is another.
    pub replaces: Option<ObjectRef>,
}

impl Stalled {
    /// A text about the pod as one that names what can be recognised: the successor has no name yet.
    pub(super) fn told(&self, text: &str) -> String {
        let Some(old) = &self.replaces else { return text.to_owned() };
        let (new, old) = (&self.pod.name, &old.name);
        text.replace(&format!("Pod {new}"), &format!("The pod that replaces {old}"))
            .replace(&format!("pod {new}"), &format!("the pod that replaces {old}"))
            .replace(new.as_str(), &format!("the successor of {old}"))
    }
}

impl Trials<'_> {
    /// Settles the victims, and then lets the controllers of what was changed do the same with the other pods of their
    /// workloads; one that has no node then is among the blocked. `None` when the budget is spent.
    pub(super) fn settle_all(&mut self, state: Snapshot, victims: &[ObjectRef], choice: Choice) -> Option<Settled> {
        let mut settled = self.settle(state, victims, choice)?;
        if settled.left().next().is_some() {
            return Some(settled);
        }
        for (kind, workload) in self.touched(&settled.state, victims) {
            let running = match self.template_changed(kind, &workload) {
                true => running(self.snapshot, &settled.state, kind, &workload, victims),
                false => Vec::new(),
            };
            let how = self.replacing(&settled.state, kind, &workload);
            self.replace(&mut settled, running, how, choice)?;
            let lacking = lacking(&settled.state, kind, &workload, victims);
            self.bring(&mut settled, &lacking, choice)?;
            if settled.left().next().is_some() {
                break;
            }
        }
        Some(settled)
    }

    /// The workloads whose templates a state changes, and the StatefulSets of the victims.
    fn touched(&self, state: &Snapshot, victims: &[ObjectRef]) -> Vec<(Kind, Arc<Workload>)> {
        let pods = victims.iter().filter_map(|pod| state.pods.get(&pod.namespace, &pod.name).found());
        let sets = pods.filter_map(|pod| {
            let owner = pod.metadata.controller().filter(|owner| owner.kind == "StatefulSet")?;
            state.stateful_sets.get(&pod.metadata.namespace, &owner.name).found()
        });
        let mut touched: Vec<(Kind, Arc<Workload>)> = Vec::new();
        for set in sets {
            if !touched.iter().any(|(_, other)| Arc::ptr_eq(other, set)) {
                touched.push((Kind::StatefulSet, Arc::clone(set)));
            }
        }
        for kind in [Kind::StatefulSet, Kind::ReplicaSet, Kind::DaemonSet] {
            let Some(store) = state.workloads(kind) else { continue };
            for workload in store.seen().iter().filter(|workload| self.template_changed(kind, workload)) {
                if !touched.iter().any(|(_, other)| Arc::ptr_eq(other, workload)) {
                    touched.push((kind, Arc::clone(workload)));
                }
            }
        }
        touched
    }

    fn template_changed(&self, kind: Kind, workload: &Arc<Workload>) -> bool {
        let meta = &workload.metadata;
        let before = self.snapshot.workloads(kind).and_then(|store| store.get(&meta.namespace, &meta.name).found());
        before.is_some_and(|before| {
            !Arc::ptr_eq(before, workload) && before.spec.template.spec != workload.spec.template.spec
        })
    }

    /// Manifests are applied anew in their trial, which rolls out what ran before them.
    fn replacing(&self, state: &Snapshot, kind: Kind, workload: &Workload) -> Replacing {
        if self.options.of_manifests {
            return Replacing::Together;
        }
        let meta = &workload.metadata;
        let owner = meta.controller().filter(|owner| kind == Kind::ReplicaSet && owner.kind == "Deployment");
        let deployment = owner.and_then(|owner| state.deployments.get(&meta.namespace, &owner.name).found());
        let Some(deployment) = deployment else { return Replacing::After };
        let strategy = &deployment.spec.strategy;
        if strategy.r#type.as_deref() == Some("Recreate") {
            return Replacing::Together;
        }
        let bounds = strategy.rolling_update.as_ref();
        let (surge, unavailable) = fence(
            bounds.map(|bounds| &bounds.max_surge),
            bounds.map(|bounds| &bounds.max_unavailable),
            i64::from(deployment.replicas()),
        );
        if surge > 0 && unavailable == 0 { Replacing::Before } else { Replacing::After }
    }

    fn replace(&mut self, settled: &mut Settled, pods: Vec<ObjectRef>, how: Replacing, choice: Choice) -> Option<()> {
        let alone = if how == Replacing::Together { 0 } else { pods.len().min(ONE_BY_ONE) };
        let (singly, together) = pods.split_at(alone);
        for pod in singly {
            if how == Replacing::Before {
                self.succeed(settled, pod, choice)?;
            } else {
                self.anew(settled, std::slice::from_ref(pod), choice)?;
            }
            if settled.left().next().is_some() {
                return Some(());
            }
        }
        self.anew(settled, together, choice)
    }

    /// Has the successor of a pod placed beside it, and the pod go then.
    fn succeed(&mut self, settled: &mut Settled, pod: &ObjectRef, choice: Choice) -> Option<()> {
        let mut next = match recreate(self.snapshot, &settled.state, &pod.namespace, &pod.name) {
            Ok(next) => next,
            Err(error) => {
                fail(settled, pod, error.into());
                return Some(());
            }
        };
        next.metadata.name.push_str(BESIDE);
        next.metadata.uid.push_str(BESIDE);
        let new = pod_ref(&next);
        apply::claims_of_volumes(&mut settled.state, &next);
        settled.state.pods.insert(next);
        self.bring(settled, std::slice::from_ref(&new), choice)?;
        if settled.left().next().is_some() {
            settled.stalled = Some(Stalled { pod: new, replaces: Some(pod.clone()) });
        } else {
            settled.state.remove(Kind::Pod, &pod.namespace, &pod.name);
        }
        Some(())
    }

    /// Has pods made anew under their names.
    fn anew(&mut self, settled: &mut Settled, pods: &[ObjectRef], choice: Choice) -> Option<()> {
        for pod in pods {
            settled.state.remove(Kind::Pod, &pod.namespace, &pod.name);
        }
        for pod in pods {
            if let Err(error) = apply::remade(self.snapshot, &mut settled.state, &pod.namespace, &pod.name) {
                fail(settled, pod, error);
                return Some(());
            }
        }
        self.bring(settled, pods, choice)
    }

    /// Settles other pods than the victims.
    fn bring(&mut self, settled: &mut Settled, pods: &[ObjectRef], choice: Choice) -> Option<()> {
        if pods.is_empty() || settled.left().next().is_some() {
            return Some(());
        }
        let after = self.settle(settled.state.clone(), pods, choice)?;
        settled.stalled = after.left().next().map(|pod| Stalled { pod: pod.clone(), replaces: None });
        settled.state = after.state;
        settled.blocked = after.blocked;
        settled.driven = after.driven;
        settled.preempting.extend(after.preempting);
        settled.open = after.open;
        settled.unknown = after.unknown;
        Some(())
    }
}

fn fail(settled: &mut Settled, pod: &ObjectRef, error: ApplyError) {
    match error {
        ApplyError::Refused(_) => settled.blocked.push(pod.clone()),
        ApplyError::Unknown(reason) => {
            settled.open.push(pod.clone());
            settled.unknown.get_or_insert(reason);
        }
    }
    settled.stalled = Some(Stalled { pod: pod.clone(), replaces: None });
}

/// The pods of a workload that were there and run, as far as the change did not make them anew.
fn running(
    before: &Snapshot,
    state: &Snapshot,
    kind: Kind,
    workload: &Workload,
    victims: &[ObjectRef],
) -> Vec<ObjectRef> {
    let meta = &workload.metadata;
    let own = |pod: &Pod| {
        let owner = pod.metadata.controller();
        owner.is_some_and(|owner| owner.kind == kind.name() && owner.name == meta.name)
    };
    let pods = before.pods.in_namespace(&meta.namespace).iter();
    let running = pods.filter(|pod| own(pod) && pod.assigned() && !pod.finished() && !pod.metadata.deleting());
    let same = |pod: &&Arc<Pod>| {
        let now = state.pods.get(&pod.metadata.namespace, &pod.metadata.name).found();
        now.is_some_and(|now| Arc::ptr_eq(now, pod))
    };
    running.filter(same).map(|pod| pod_ref(pod)).filter(|pod| !victims.contains(pod)).collect()
}

/// The pods that a StatefulSet wants and that were not made yet.
fn lacking(state: &Snapshot, kind: Kind, set: &Workload, victims: &[ObjectRef]) -> Vec<ObjectRef> {
    if kind != Kind::StatefulSet {
        return Vec::new();
    }
    let namespace = &set.metadata.namespace;
    let wanted = ordinals(set).map(|ordinal| ObjectRef::new(Kind::Pod, namespace, &pod_name(set, ordinal)));
    let lacking = wanted.filter(|pod| state.pods.get(&pod.namespace, &pod.name).is_absent() && !victims.contains(pod));
    lacking.take(LACKING).collect()
}
