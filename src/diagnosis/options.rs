//! What is asked, and what the facts don't say.

use jiff::Timestamp;

use super::release::Release;
use crate::model::ObjectRef;
use crate::model::selector::LabelSelector;
use crate::model::version::Version;
use crate::scheduler::{Scheduler, SchedulerConfig, presumed};
use crate::snapshot::Snapshot;

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
    /// The scheduler's configuration, where it is known.
    pub scheduler_config: Option<SchedulerConfig>,
    /// The time at which the snapshot is judged; by default the one at which it was taken, else the newest in it.
    pub now: Option<Timestamp>,
    /// Whether the report has all that is in the way of every pod, as documents for programs do.
    pub obstacles: bool,
    /// Whether what can be lost is told as well.
    pub risks: bool,
    /// Whether the snapshot may have been taken long after `now`, so that ages are more than they seem.
    pub now_is_a_bound: bool,
    /// Whether the victims come from manifests, so that a change of these is wanted also where one of the cluster works.
    pub of_manifests: bool,
}

impl Options {
    /// The release to predict for, and how it is known.
    pub fn release(&self, snapshot: &Snapshot) -> Release {
        Release::of(snapshot, self.kube_version)
    }

    /// The release to predict for.
    pub fn version(&self, snapshot: &Snapshot) -> Version {
        self.release(snapshot).version
    }

    /// The options with the release and the time that the snapshot tells, where they were not given.
    pub(crate) fn completed(&self, snapshot: &Snapshot, release: Release) -> Self {
        let taken = self.now.or_else(|| snapshot.taken.as_ref()?.parse().ok());
        let newest = if taken.is_none() { snapshot.newest() } else { None };
        Self {
            kube_version: Some(release.version),
            scheduler_config: self.scheduler_config.clone(),
            now: taken.or(newest.map(|newest| newest.time)),
            obstacles: self.obstacles,
            risks: self.risks,
            of_manifests: self.of_manifests,
            now_is_a_bound: self.now_is_a_bound || newest.is_some_and(|newest| !newest.ticks),
        }
    }

    /// The scheduler for a snapshot: with the configuration that was given, else with what the snapshot shows of it.
    pub(crate) fn scheduler<'a>(&self, snapshot: &'a Snapshot) -> Scheduler<'a> {
        let config = self.scheduler_config.clone().unwrap_or_else(|| presumed(snapshot));
        Scheduler::new(snapshot, self.version(snapshot), config)
    }
}
