//! `collect`: a snapshot that every command reads with `--from`.

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::error::CliError;
use super::exit::Exit;
use super::input::InputArgs;
use super::namespace::NamespaceArgs;
use super::terminal;
use crate::diagnosis::{Options, Scope};
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
    /// What else to leave out; names replaces the names of objects by pseudonyms
    #[arg(long, value_enum, value_name = "WHAT")]
    redact: Option<Redact>,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    input: InputArgs,
}

/// What is left out beyond what never enters a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Redact {
    /// The names of objects, namespaces and nodes, replaced by stable pseudonyms.
    Names,
}

/// Runs the command.
///
/// # Errors
/// Where nothing could be read or the snapshot can't be written.
pub(crate) fn run(args: &CollectArgs) -> anyhow::Result<Exit> {
    let mut input = args.input.read(&args.namespace, Kind::ALL)?;
    input.complete(&Scope { namespace: input.namespace.clone(), ..Scope::default() }, &Options::default());
    let mut snapshot = input.snapshot;
    if args.redact == Some(Redact::Names) {
        snapshot = dump::redact_names(&snapshot).context("can't replace the names")?;
    }
    match args.file.as_deref() {
        Some(path) if path != "-" => dump::write_file(&snapshot, path).map_err(CliError::from)?,
        _ => terminal::buffered(|out| dump::write_snapshot(&snapshot, out))?,
    }
    Ok(Exit::Clear)
}
