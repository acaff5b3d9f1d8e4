//! What the commands share that show what the cluster offers: the findings about the objects that they list.

use clap::Args;
use serde::Serialize;

use super::engine::EngineArgs;
use super::error::CliError;
use super::exit::Exit;
use super::input::InputArgs;
use super::namespace::NamespaceArgs;
use super::terminal::{self, OutputArgs};
use crate::diagnosis::{Scope, Severity};
use crate::engine::Diagnosis;
use crate::model::Kind;
use crate::report::document::FindingEntry;
use crate::report::human::Screen;
use crate::snapshot::Snapshot;

/// The flags of such a command.
#[derive(Clone, Debug, Args)]
pub(crate) struct OffersArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Show all facts of each cause, and the way back of each step
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
    /// End with 0 whatever the report says
    #[arg(long, help_heading = "Output")]
    exit_zero: bool,
}

impl OffersArgs {
    /// Reads and diagnoses the whole cluster.
    ///
    /// # Errors
    /// Where nothing could be read, or the engine's flags are wrong.
    pub(crate) fn diagnose(&self) -> Result<(Snapshot, Diagnosis), CliError> {
        let snapshot = self.input.read(&NamespaceArgs::all(), Kind::ALL)?.snapshot;
        let options = self.engine.options(false)?;
        let diagnosis = crate::engine::diagnose(&snapshot, &Scope::default(), &options);
        Ok((snapshot, diagnosis))
    }

    /// Writes the report: as a document for programs, or as `human` has it.
    ///
    /// # Errors
    /// Where it can't be written.
    pub(crate) fn write(&self, report: &impl Serialize, human: impl FnOnce(&mut Screen)) -> Result<(), CliError> {
        terminal::write_document(&self.output, report, |screen| {
            screen.show_all(self.verbose);
            human(screen);
        })
    }

    /// How the command ends.
    pub(crate) fn exit(&self, findings: &[FindingEntry], all_read: bool) -> Exit {
        let blocked = findings.iter().any(|finding| finding.severity == Severity::Error);
        match (blocked, all_read) {
            _ if self.exit_zero => Exit::Clear,
            (true, _) => Exit::Blocked,
            (false, false) => Exit::Incomplete,
            (false, true) => Exit::Clear,
        }
    }
}

/// The findings whose cause lies in an object of one of these kinds.
pub(crate) fn findings<'a>(diagnosis: &'a Diagnosis, kinds: &[Kind]) -> Vec<FindingEntry<'a>> {
    let of = |kind: &str| kinds.iter().any(|known| known.name() == kind);
    diagnosis.findings.iter().filter(|finding| of(&finding.object.kind)).map(FindingEntry::new).collect()
}
