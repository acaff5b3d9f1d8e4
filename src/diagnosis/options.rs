//! What is asked, and what the facts don't say.

use jiff::Timestamp;

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
    /// The time at which the snapshot is judged.
    pub now: Option<Timestamp>,
    /// Whether the report has all that is in the way of every pod, as documents for programs do.
    pub obstacles: bool,
}

impl Options {
    /// The release to predict for: the one that was asked for, else the server's, else the newest. One out of reach is
    /// taken as the nearest that is known.
    pub fn version(&self, snapshot: &Snapshot) -> Version {
        let servers = || Version::named_by(snapshot.server_version.as_deref()?);
        self.kube_version.or_else(servers).unwrap_or_default().nearest_known()
    }

    /// The scheduler for a snapshot: with the configuration that was given, else with what the snapshot shows of it.
    pub(crate) fn scheduler<'a>(&self, snapshot: &'a Snapshot) -> Scheduler<'a> {
        let config = self.scheduler_config.clone().unwrap_or_else(|| presumed(snapshot));
        Scheduler::new(snapshot, self.version(snapshot), config)
    }
}
