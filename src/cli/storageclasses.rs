//! `storageclasses`: the classes, what stands behind them, and what is wrong with them.

use clap::Args;

use super::engine::EngineArgs;
use super::error::CliError;
use super::exit::Exit;
use super::input::InputArgs;
use super::offers;
use super::scope::NamespaceArgs;
use super::terminal::{self, OutputArgs};
use crate::inventory::classes::StorageClasses;
use crate::model::Kind;
use crate::report::human;

/// Show the storage classes, what stands behind them, and what is wrong with them
#[derive(Clone, Debug, Args)]
pub(crate) struct StorageClassesArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// End with 0 whatever the report says
    #[arg(long, help_heading = "Output")]
    exit_zero: bool,
}

/// Runs the command.
///
/// # Errors
/// Where nothing could be read or the report can't be written.
pub(crate) fn run(args: &StorageClassesArgs) -> Result<Exit, CliError> {
    let input = args.input.read(&NamespaceArgs::all(), Kind::ALL)?;
    let diagnosis = offers::diagnose(&input, &args.engine)?;
    let of = [Kind::StorageClass, Kind::CSIDriver, Kind::CSINode, Kind::CSIStorageCapacity];
    let report = StorageClasses::new(&input.snapshot, offers::findings(&diagnosis, &of));
    terminal::write_document(&args.output, &report, |screen| human::classes::write(&report, screen))?;
    Ok(offers::exit(args.exit_zero, &report.findings, report.unread.is_empty()))
}
