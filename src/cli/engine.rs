//! What the engine can't learn from the facts.

use clap::Args;

use super::error::CliError;
use crate::diagnosis;
use crate::model::version::Version;
use crate::snapshot::Snapshot;

/// What the user knows and the facts don't say.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct EngineArgs {
    /// The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server's
    #[arg(long, value_name = "VERSION")]
    pub(crate) kube_version: Option<Version>,
}

impl EngineArgs {
    /// The engine's options. The facts are judged at the time at which they were read.
    ///
    /// # Errors
    /// Where the scheduler's configuration can't be read.
    pub(crate) fn options(&self, snapshot: &Snapshot) -> Result<diagnosis::Options, CliError> {
        let now = snapshot.taken.as_ref().and_then(|taken| taken.parse().ok());
        Ok(diagnosis::Options { kube_version: self.kube_version, now, ..diagnosis::Options::default() })
    }
}
