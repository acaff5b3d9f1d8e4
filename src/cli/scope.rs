//! What a command is about: a namespace, all of them, some labels, some objects.

use std::collections::BTreeSet;

use clap::Args;

use super::error::CliError;
use super::input::Input;
use super::selector;
use super::target::Target;
use crate::diagnosis;
use crate::diagnosis::targets::{self, Missing};
use crate::model::selector::LabelSelector;
use crate::model::{Kind, ObjectRef};

/// Names that are offered in place of one that isn't there.
const OFFERED: usize = 5;

/// The namespace.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Scope")]
pub(crate) struct NamespaceArgs {
    /// The namespace; by default the context's, and every one of a dump
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Every namespace
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

/// The labels.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Scope")]
pub(crate) struct SelectorArgs {
    /// Only pods and claims with these labels, such as app=vault or 'tier in (db,cache)'
    #[arg(short = 'l', long, value_name = "LABELS", value_parser = selector::parse)]
    pub(crate) selector: Option<LabelSelector>,
}

impl NamespaceArgs {
    /// The namespace in scope, `None` for all.
    pub(crate) fn resolve(&self, default: Option<&str>) -> Option<String> {
        if self.all_namespaces {
            return None;
        }
        self.namespace.clone().or_else(|| default.map(str::to_owned))
    }
}

/// The scope of a diagnosis, with the pods and claims that the targets stand for.
///
/// # Errors
/// Where a target isn't there, or could not be looked for.
pub(crate) fn resolve(
    namespace: &NamespaceArgs,
    selector: &SelectorArgs,
    targets: &[Target],
    input: &Input,
) -> Result<diagnosis::Scope, CliError> {
    let namespace = namespace.resolve(input.namespace.as_deref());
    let selector = selector.selector.clone();
    if targets.is_empty() {
        return Ok(diagnosis::Scope { namespace, targets: Vec::new(), selector });
    }
    let mut objects = BTreeSet::new();
    for target in targets {
        objects.extend(expand(target, namespace.as_deref(), input)?);
    }
    if objects.is_empty() {
        let kinds: BTreeSet<&str> = targets.iter().map(|target| target.kind.plural()).collect();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        return Err(CliError::usage(format!("no {} {}", kinds.join(" or "), place(namespace.as_deref()))));
    }
    Ok(diagnosis::Scope { namespace: common_namespace(&objects), targets: objects.into_iter().collect(), selector })
}

fn expand(target: &Target, namespace: Option<&str>, input: &Input) -> Result<BTreeSet<ObjectRef>, CliError> {
    let name = target.name.as_deref();
    targets::expand(&input.snapshot, target.kind, name, namespace).map_err(|missing| {
        let place = if target.kind.namespaced() { format!(" {}", place(namespace)) } else { String::new() };
        let what = format!("{}/{}", target.kind.plural(), name.unwrap_or("*"));
        match missing {
            Missing::Absent => {
                let error = CliError::usage(format!("{what} not found{place}"));
                match offer(target.kind, namespace, input) {
                    Some(hint) => error.hinted(hint),
                    None => error,
                }
            }
            Missing::Unknown => {
                let problem = input.snapshot.scope(target.kind).problem().map(ToString::to_string);
                let problem = problem.unwrap_or_else(|| "some of them could not be understood".to_owned());
                CliError::unreadable(format!("can't look for {what}{place}: {problem}"))
            }
        }
    })
}

fn place(namespace: Option<&str>) -> String {
    namespace.map_or("in any namespace".to_owned(), |name| format!("in namespace {name}"))
}

/// What is there instead.
fn offer(kind: Kind, namespace: Option<&str>, input: &Input) -> Option<String> {
    let found = targets::expand(&input.snapshot, kind, None, namespace).ok()?;
    let names = found.iter().filter(|object| object.kind == kind.name()).map(|object| object.name.as_str());
    let names: Vec<&str> = names.take(OFFERED).collect();
    (!names.is_empty()).then(|| format!("there are {}", names.join(", ")))
}

fn common_namespace(objects: &BTreeSet<ObjectRef>) -> Option<String> {
    let namespaces: BTreeSet<&str> =
        objects.iter().map(|object| object.namespace.as_str()).filter(|namespace| !namespace.is_empty()).collect();
    let mut namespaces = namespaces.into_iter();
    match (namespaces.next(), namespaces.next()) {
        (Some(only), None) => Some(only.to_owned()),
        _ => None,
    }
}
