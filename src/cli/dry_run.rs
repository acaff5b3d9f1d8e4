//! `--server-dry-run`: the server itself is asked about the documents.

use clap::Args;

use super::progress::Progress;
use super::terminal;
use crate::preflight::{Input, dry_run};
use crate::source::dry_run::{Answered, Subject};
use crate::source::live::Session;

/// Whether the server is asked.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct DryRunArgs {
    /// Ask the server about every document as well, as `kubectl apply --dry-run=server` does: this sends writes to it
    /// that are marked dry-run. Nothing is stored, but admission webhooks see them
    #[arg(long, conflicts_with_all = ["from", "example"])]
    server_dry_run: bool,
}

impl DryRunArgs {
    /// Asks the server, where that is wanted, and puts its answers to what is tried.
    pub(crate) fn ask(&self, cluster: Option<&Session>, input: &mut Input) {
        let Some(cluster) = cluster.filter(|_| self.server_dry_run) else { return };
        let plan = dry_run::plan(input);
        let subjects: Vec<Subject> = plan.iter().filter_map(|one| one.as_ref().ok()).cloned().collect();
        terminal::warn(&format!(
            "--server-dry-run sends {} of {} documents to the server, as writes marked dry-run: nothing is stored, but \
             admission webhooks see them",
            subjects.len(),
            plan.len()
        ));
        let progress = Progress::begin("asking the server");
        let version = input.options.version(&input.snapshot);
        let patch = |number: usize, live: &_| dry_run::patch(subjects.get(number)?, live, version);
        let mut answers = cluster.dry_run(&subjects, &patch).into_iter();
        drop(progress);
        let answered = |one: Result<Subject, String>| match one {
            Ok(_) => answers.next().unwrap_or_else(|| Answered::silent("it was not asked")),
            Err(why) => Answered::silent(format!("not asked: {why}")),
        };
        input.answers = plan.into_iter().map(answered).collect();
        input.raw.objects.extend(input.answers.iter().filter_map(|answered| answered.live.clone()));
    }
}
