//! `preflight`: would these manifests be admitted, their pods placed and their claims bound?

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};

use super::engine::EngineArgs;
use super::error::CliError;
use super::exit::Exit;
use super::input::{InputArgs, Kept};
use super::terminal::{self, OutputArgs};
use crate::preflight::manifests::{self, Document, Manifests};
use crate::preflight::{Input, Preflight, Verdict};
use crate::report::document::preflight::Preflight as Report;
use crate::report::human;
use crate::source::manifests::{Inputs, Limits, read_manifests};
use crate::source::raw::RawFilter;

/// The namespace of manifests that name none, where the context names none.
const DEFAULT_NAMESPACE: &str = "default";

/// Tell whether manifests would be admitted, their pods placed and their claims bound
///
/// The manifests are tried on a copy of the cluster's state, one document after the other, as `kubectl apply` would
/// send them. Nothing is written to the cluster.
#[derive(Clone, Debug, Args)]
pub(crate) struct PreflightArgs {
    /// A file or folder of manifests; - is standard input (can be repeated)
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true)]
    filenames: Vec<String>,
    /// Read the folders in folders as well
    #[arg(short = 'R', long)]
    recursive: bool,
    /// The namespace of documents that name none [default: the context's]
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// What ends the run with another code than 0
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "unknown", help_heading = "Output")]
    fail_on: FailOn,
    #[command(flatten)]
    output: OutputArgs,
}

/// How bad an answer must be to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// What is blocked
    Error,
    /// The server's warnings as well
    Warning,
    /// What is blocked, and what can't be known
    Unknown,
}

/// Runs the command.
///
/// # Errors
/// Where the call is wrong, nothing could be read or the report can't be written.
pub(crate) fn run(args: &PreflightArgs) -> anyhow::Result<Exit> {
    let inputs = Inputs { files: args.filenames.clone(), recursive: args.recursive, ..Inputs::default() };
    let files = read_manifests(&inputs, &Limits::default()).map_err(CliError::from)?;
    let manifests = manifests::read(&files);
    tell_problems(&manifests);
    let default = args.input.current_namespace()?;
    let namespace = args.namespace.clone().or(default).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    let filter = filter(&manifests.documents, &namespace);
    let Kept { snapshot, objects, unread: unread_kinds } = args.input.read_keeping(filter)?;
    let options = args.engine.options(args.output.for_programs())?;
    let unread = !manifests.problems.is_empty();
    let outcome = crate::preflight::run(Input {
        snapshot,
        objects,
        unread: unread_kinds,
        documents: manifests.documents,
        namespace,
        options,
    });
    let report = Report::new(&outcome);
    terminal::write_document(&args.output, &report, |screen| human::preflight::write(&report, screen))?;
    let exit = if unread { Exit::Usage } else { exit(args.fail_on, &outcome) };
    drop(report);
    // The process ends here; freeing a large snapshot object by object would take longer than the answer.
    std::mem::forget(outcome);
    Ok(exit)
}

fn exit(fail_on: FailOn, outcome: &Preflight) -> Exit {
    let warned = || outcome.documents.iter().any(|document| !document.warnings.is_empty());
    match (outcome.verdict, fail_on) {
        (Verdict::Blocked, _) => Exit::Blocked,
        (_, FailOn::Warning) if warned() => Exit::Blocked,
        (Verdict::Unknown, FailOn::Unknown | FailOn::Warning) => Exit::Incomplete,
        _ => Exit::Clear,
    }
}

/// What could not be read of the manifests; the rest is judged all the same.
fn tell_problems(manifests: &Manifests) {
    for problem in &manifests.problems {
        let place = [problem.line, problem.column].into_iter().flatten().map(|place| format!(":{place}"));
        terminal::warn(&format!("{}{}: {}", problem.file, place.collect::<String>(), problem.message));
    }
}

/// The objects that documents can meet.
fn filter(documents: &[Document], namespace: &str) -> RawFilter {
    let text = |document: &Document, pointer: &str| {
        document.object.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    let mut namespaces: BTreeSet<String> = documents
        .iter()
        .map(|document| text(document, "/metadata/namespace"))
        .filter(|name| !name.is_empty())
        .collect();
    namespaces.insert(namespace.to_owned());
    let named = documents.iter().map(|document| (text(document, "/kind"), text(document, "/metadata/name"))).collect();
    RawFilter { namespaces, named }
}
