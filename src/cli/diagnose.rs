//! `diagnose`: why pods don't schedule and claims don't bind.

use clap::Args;

use super::engine::EngineArgs;
use super::exit::Exit;
use super::input::InputArgs;
use super::namespace::NamespaceArgs;
use super::scope::{self, SelectorArgs};
use super::target;
use super::terminal::{self, OutputArgs};
use crate::diagnosis::Options;
use crate::model::Kind;
use crate::report::{Report, human};

/// Explain why pods don't schedule and claims don't bind
///
/// Without objects, every pending pod and unbound claim of the namespace is explained. A workload stands for its pods
/// and claims, a class or volume for its claims and their pods.
///
/// `diagnose` is what is meant where no command is named: `kubectl storagewhy pod/vault-0`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DiagnoseArgs {
    /// TYPE/NAME …, or TYPE NAME …: pods, pvc, pv, sc, sts, deploy, rs, ds, jobs
    #[arg(value_name = "OBJECT")]
    pub(crate) objects: Vec<String>,
    #[command(flatten)]
    pub(crate) namespace: NamespaceArgs,
    #[command(flatten)]
    pub(crate) selector: SelectorArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Tell as well what can be lost: data, claims and classes, and by which command or event
    #[arg(long, help_heading = "Scope")]
    pub(crate) risks: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[cfg(feature = "own-rules")]
    #[command(flatten)]
    pub(crate) own: super::own::OwnRulesArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Show all facts of each cause, and whole error texts
    #[arg(short, long, help_heading = "Output")]
    pub(crate) verbose: bool,
    /// End with 0 whatever the report says
    #[arg(long, help_heading = "Output")]
    pub(crate) exit_zero: bool,
}

impl DiagnoseArgs {
    /// The rules beside the built-in ones.
    #[cfg(feature = "own-rules")]
    fn more_rules(&self) -> Result<crate::own::OwnRules, super::error::CliError> {
        self.own.load()
    }

    /// The rules beside the built-in ones: this build knows none.
    #[cfg(not(feature = "own-rules"))]
    fn more_rules(&self) -> Result<crate::diagnosis::more::NoMore, super::error::CliError> {
        Ok(crate::diagnosis::more::NoMore)
    }
}

/// Runs the command.
///
/// # Errors
/// Where the call is wrong, nothing could be read or the report can't be written.
pub(crate) fn run(args: &DiagnoseArgs) -> anyhow::Result<Exit> {
    let targets = target::parse(&args.objects)?;
    let more = args.more_rules()?;
    let mut input = args.input.read(&args.namespace, Kind::ALL)?;
    let scope = scope::resolve(&args.selector, &targets, &input)?;
    let options = Options { risks: args.risks, ..args.engine.options(args.output.for_programs())? };
    let diagnosis = input.diagnose(&more, &scope, &options);
    let report = Report::new(&input.snapshot, &scope, &diagnosis);
    terminal::write_document(&args.output, &report, |screen| {
        screen.show_all(args.verbose);
        human::write(&report, screen);
    })?;
    let exit = if args.exit_zero { Exit::Clear } else { report.status.into() };
    drop(report);
    // The process ends here; freeing a large snapshot object by object would take longer than most rules.
    std::mem::forget((input, diagnosis));
    Ok(exit)
}
