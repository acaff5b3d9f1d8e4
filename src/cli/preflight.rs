//! `preflight`: would these manifests be admitted, their pods placed and their claims bound?

use std::collections::BTreeSet;

use clap::Args;

use super::dry_run::DryRunArgs;
use super::engine::EngineArgs;
use super::exit::Exit;
use super::gate::GateArgs;
use super::input::{InputArgs, Kept};
use super::manifest_args::ManifestArgs;
use super::terminal;
use super::what_if::WhatIfArgs;
use crate::preflight::issues::collect;
use crate::preflight::manifests::{self, Document, Manifests};
use crate::preflight::{Input, built_in, run as try_on};
use crate::report::document::preflight::Preflight as Report;
use crate::source::raw::RawFilter;

/// The namespace of manifests that name none, where the context names none.
const DEFAULT_NAMESPACE: &str = "default";

/// Tell whether manifests would be admitted, their pods placed and their claims bound
///
/// The manifests are tried on a copy of the cluster's state, one document after the other, as `kubectl apply` would
/// send them. Nothing is written to the cluster; --server-dry-run sends writes that are marked dry-run.
#[derive(Clone, Debug, Args)]
pub(crate) struct PreflightArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    /// The namespace of documents that name none [default: the context's]
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    what_if: WhatIfArgs,
    #[command(flatten)]
    gate: GateArgs,
}

/// Runs the command.
///
/// # Errors
/// Where the call is wrong, nothing could be read or the report can't be written.
pub(crate) fn run(args: &PreflightArgs) -> anyhow::Result<Exit> {
    let baseline = args.gate.baseline()?;
    let files = match args.manifests.is_empty() && args.what_if.stands_alone() {
        true => Vec::new(),
        false => args.manifests.read(args.namespace.as_deref(), args.engine.asked_version())?,
    };
    let changes = args.what_if.changes()?;
    let mut manifests = manifests::read(&files);
    let asked = args.what_if.asked();
    asked.put(&mut manifests.documents);
    tell_problems(&manifests);
    let default = args.input.current_namespace()?;
    let namespace = args.namespace.clone().or(default).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    let filter = filter(manifests.documents.iter().chain(&changes.deleted), &namespace);
    let filter = RawFilter { volumes: changes.prune, ..filter };
    let Kept { snapshot, raw, cluster } = args.input.read_keeping(filter)?;
    let options = args.engine.options(args.gate.for_programs())?;
    let minor = options.version(&snapshot).minor;
    let Manifests { documents, later, problems, passed_over } = manifests;
    let mut input = Input { snapshot, raw, documents, files, asked, namespace, changes, options, answers: Vec::new() };
    args.dry_run.ask(cluster.as_ref(), &mut input);
    let outcome = try_on(input);
    let issues = collect((&problems, &passed_over), &outcome, minor, &baseline);
    let report = Report::new(&outcome, &issues).naming(&later);
    args.gate.write(&report)?;
    let exit = args.gate.exit(&outcome, &issues, !problems.is_empty());
    drop(report);
    // The process ends here; freeing a large snapshot object by object would take longer than the answer.
    std::mem::forget(outcome);
    Ok(exit)
}

/// What could not be read of the manifests; the rest is judged all the same.
fn tell_problems(manifests: &Manifests) {
    for problem in &manifests.problems {
        let place = [problem.line, problem.column].into_iter().flatten().map(|place| format!(":{place}"));
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        terminal::warn(&format!("{}{}: {}{hint}", problem.file, place.collect::<String>(), problem.message));
    }
}

/// The objects that documents can meet.
fn filter<'d>(documents: impl Iterator<Item = &'d Document> + Clone, namespace: &str) -> RawFilter {
    let text = |document: &Document, pointer: &str| {
        document.object.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    let mut namespaces: BTreeSet<String> = documents
        .clone()
        .map(|document| text(document, "/metadata/namespace"))
        .filter(|name| !name.is_empty())
        .collect();
    namespaces.insert(namespace.to_owned());
    let versions = documents.clone().map(|document| text(document, "/apiVersion"));
    let custom = versions.filter(|version| !built_in(version)).collect();
    let named = documents.map(|document| (text(document, "/kind"), text(document, "/metadata/name"))).collect();
    RawFilter { namespaces, named, custom, volumes: false }
}
