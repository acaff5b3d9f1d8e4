//! Runs the verdicts and the rules over a snapshot.

use std::sync::Arc;

use jiff::Timestamp;

use super::Finding;
use crate::model::selector::LabelSelector;
use crate::model::version::Version;
use crate::model::{Kind, ObjectRef};
use crate::scheduler::PodVerdict;
use crate::snapshot::Snapshot;
use crate::volumes::ClaimVerdict;

/// What the diagnosis is about.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The namespace; `None` for all.
    pub namespace: Option<String>,
    /// The objects asked for; empty for everything in the namespace.
    pub targets: Vec<ObjectRef>,
    /// The labels that pods and claims must have.
    pub selector: Option<LabelSelector>,
}

/// What the snapshot doesn't say.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The release to predict for, where the snapshot doesn't say it or says it wrongly.
    pub kube_version: Option<Version>,
    /// The time at which the snapshot is judged.
    pub now: Option<Timestamp>,
}

/// The verdicts on what is in scope, and the causes.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// Every unassigned, unfinished pod in scope that isn't being deleted, with the ids of the findings about it.
    pub pods: Vec<(ObjectRef, Arc<PodVerdict>, Vec<String>)>,
    /// Every claim in scope that isn't bound or that a finding is about, with the ids of those findings.
    pub claims: Vec<(ObjectRef, ClaimVerdict, Vec<String>)>,
    /// The causes, the most severe first.
    pub findings: Vec<Finding>,
    /// Rules that could not judge, with the reason.
    pub skipped: Vec<(String, String)>,
}

/// Diagnoses what is in scope.
pub fn diagnose(snapshot: &Snapshot, scope: &Scope, _options: &Options) -> Diagnosis {
    let in_scope = |namespace: &str| scope.namespace.as_deref().is_none_or(|name| name == namespace);
    let pending = snapshot.pods.seen().iter().filter(|pod| !pod.assigned() && !pod.finished());
    let pods = pending.filter(|pod| !pod.metadata.deleting() && in_scope(&pod.metadata.namespace)).map(|pod| {
        let object = ObjectRef::new(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name);
        (object, Arc::new(PodVerdict::unknown("the scheduler's plugins")), Vec::new())
    });
    let claims = snapshot.claims.seen().iter().filter(|claim| claim.status.phase != "Bound");
    let claims = claims.filter(|claim| in_scope(&claim.metadata.namespace)).map(|claim| {
        let object = ObjectRef::new(Kind::PersistentVolumeClaim, &claim.metadata.namespace, &claim.metadata.name);
        (object, ClaimVerdict::unknown("the volume controller's checks"), Vec::new())
    });
    Diagnosis { pods: pods.collect(), claims: claims.collect(), ..Diagnosis::default() }
}
