//! `collect`: a snapshot that every command reads with `--from`.

use clap::Args;

use super::error::CliError;
use super::exit::Exit;
use super::input::InputArgs;
use super::scope::NamespaceArgs;
use super::terminal;
use crate::model::Kind;
use crate::source::dump;

/// Write a redacted snapshot that every command reads with --from
///
/// It holds what `diagnose` reads of the same scope, and gives the same report. Secrets, environment values, managed
/// fields and the last applied manifest are never in it.
#[derive(Clone, Debug, Args)]
pub(crate) struct CollectArgs {
    /// The file to write, compressed where it ends in .gz; by default standard output
    #[arg(short, long, value_name = "FILE")]
    file: Option<String>,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    input: InputArgs,
}

/// Runs the command.
///
/// # Errors
/// Where nothing could be read or the snapshot can't be written.
pub(crate) fn run(args: &CollectArgs) -> Result<Exit, CliError> {
    let snapshot = args.input.read(&args.namespace, Kind::ALL)?.snapshot;
    match args.file.as_deref() {
        Some(path) if path != "-" => dump::write_file(&snapshot, path)?,
        _ => terminal::buffered(|out| dump::write_snapshot(&snapshot, out))?,
    }
    Ok(Exit::Clear)
}
