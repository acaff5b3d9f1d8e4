//! What the engine can't learn from the facts.

use clap::Args;

use super::error::CliError;
use super::terminal;
use crate::diagnosis;
use crate::model::version::Version;
use crate::scheduler::{self, SchedulerConfig};
use crate::source;

/// What the user knows and the facts don't say.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct EngineArgs {
    /// The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server's
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<Version>,
    /// The scheduler's KubeSchedulerConfiguration: profiles, plugins, extenders
    #[arg(long, value_name = "FILE")]
    scheduler_config: Option<String>,
}

impl EngineArgs {
    /// The release that the user named.
    pub(crate) fn asked_version(&self) -> Option<String> {
        self.kube_version.map(|version| version.to_string())
    }

    /// The engine's options. `obstacles` says whether the report has all of them.
    ///
    /// # Errors
    /// Where the scheduler's configuration can't be read.
    pub(crate) fn options(&self, obstacles: bool) -> Result<diagnosis::Options, CliError> {
        let scheduler_config = self.scheduler_config.as_deref().map(read_config).transpose()?;
        self.kube_version.iter().for_each(warn_of_distance);
        Ok(diagnosis::Options { kube_version: self.kube_version, scheduler_config, obstacles, ..Default::default() })
    }
}

/// Says so where the release that was asked for isn't known.
fn warn_of_distance(asked: &Version) {
    let followed = asked.nearest_known();
    if followed != *asked {
        let which = if followed < *asked { "newest" } else { "oldest" };
        terminal::warn(&format!(
            "Kubernetes {asked} is not known; verdicts and texts are those of {followed}, the {which} known"
        ));
    }
}

fn read_config(path: &str) -> Result<SchedulerConfig, CliError> {
    let text = source::read_text(path)?;
    scheduler::parse_config(&text).map_err(|error| {
        CliError::usage(format!("{path}: {error}")).hinted("give the file that kube-scheduler gets with --config")
    })
}
