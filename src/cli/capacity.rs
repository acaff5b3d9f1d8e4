//! `capacity`: what is free, and how much more fits.

use clap::Args;

use super::exit::Exit;
use super::input::InputArgs;
use super::namespace::NamespaceArgs;
use super::terminal::{self, OutputArgs};
use crate::model::Quantity;
use crate::report::document::capacity::{self, Capacity};
use crate::report::human;

/// Show what is free by class and topology segment, and how much more fits
///
/// What is free is what drivers publish in CSIStorageCapacity objects. Pending claims are those of the namespace.
#[derive(Clone, Debug, Args)]
pub(crate) struct CapacityArgs {
    /// Count how many volumes of this size fit, such as 45Gi; by default the largest pending claim of each class
    #[arg(long, value_name = "SIZE", value_parser = size)]
    size: Option<Quantity>,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// End with 0 whatever the report says
    #[arg(long, help_heading = "Output")]
    exit_zero: bool,
}

fn size(text: &str) -> Result<Quantity, String> {
    match Quantity::parse(text) {
        Ok(size) if size.value() > 0 => Ok(size),
        Ok(_) => Err("a size is more than nothing".to_owned()),
        Err(error) => Err(format!("{error}; write it like 45Gi")),
    }
}

/// Runs the command.
///
/// # Errors
/// Where nothing could be read or the report can't be written.
pub(crate) fn run(args: &CapacityArgs) -> anyhow::Result<Exit> {
    let input = args.input.read(&args.namespace, capacity::KINDS)?;
    let report = Capacity::new(&input.snapshot, input.namespace.as_deref(), args.size.as_ref());
    terminal::write_document(&args.output, &report, |screen| human::capacity::write(&report, screen))?;
    Ok(if report.unread.is_empty() || args.exit_zero { Exit::Clear } else { Exit::Incomplete })
}
