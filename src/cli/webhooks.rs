//! `webhooks`: the admission webhooks that see new pods and claims.

use clap::Args;

use super::engine::EngineArgs;
use super::error::CliError;
use super::exit::Exit;
use super::input::InputArgs;
use super::offers;
use super::scope::NamespaceArgs;
use super::terminal::{self, OutputArgs};
use crate::inventory::webhooks::Webhooks;
use crate::model::Kind;
use crate::report::human;

/// Show the admission webhooks that see new pods and claims, and what is wrong with them
#[derive(Clone, Debug, Args)]
pub(crate) struct WebhooksArgs {
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
pub(crate) fn run(args: &WebhooksArgs) -> Result<Exit, CliError> {
    let input = args.input.read(&NamespaceArgs::all(), Kind::ALL)?;
    let diagnosis = offers::diagnose(&input, &args.engine)?;
    let of = [Kind::MutatingWebhookConfiguration, Kind::ValidatingWebhookConfiguration];
    let report = Webhooks::new(&input.snapshot, offers::findings(&diagnosis, &of));
    terminal::write_document(&args.output, &report, |screen| human::webhooks::write(&report, screen))?;
    Ok(offers::exit(args.exit_zero, &report.findings, report.unread.is_empty()))
}
