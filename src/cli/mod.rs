//! The command line: one file a subcommand, and what they share.

mod capacity;
mod collect;
mod complete;
mod completion;
mod connection;
mod diagnose;
mod dry_run;
mod duration;
mod engine;
mod error;
mod example;
mod exit;
mod explain;
mod gate;
mod input;
mod manifest_args;
mod namespace;
mod offers;
#[cfg(feature = "own-rules")]
mod own;
mod preflight;
mod progress;
mod rules;
#[cfg(feature = "own-rules")]
mod rules_test;
mod scope;
mod selector;
mod storageclasses;
mod target;
mod terminal;
mod webhooks;
mod what_if;
mod words;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Exit;

const EXAMPLES: &str = "\
Examples:
  kubectl storagewhy                   what is blocked in this namespace
  kubectl storagewhy -A                the same in all namespaces
  kubectl storagewhy pod/web-0 -n app  why this pod waits
  kubectl storagewhy pvc data-web-0    why this claim does not bind
  kubectl storagewhy --from DIR        a dump in place of the cluster
  kubectl storagewhy --example topolvm";

/// Explains why a volume can't bind and why a pod won't schedule, root cause first
///
/// It only reads: GET and LIST, never Secrets. What it proposes is printed, not run.
#[derive(Debug, Parser)]
#[command(name = "kubectl-storagewhy", bin_name = "kubectl storagewhy", version, max_term_width = 100,
    override_usage = "kubectl storagewhy [OBJECT]... [FLAGS]\n       kubectl storagewhy <COMMAND> [FLAGS]",
    after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Diagnose(diagnose::DiagnoseArgs),
    Preflight(Box<preflight::PreflightArgs>),
    Webhooks(webhooks::WebhooksArgs),
    #[command(name = "storageclasses", visible_alias = "sc")]
    StorageClasses(storageclasses::StorageClassesArgs),
    Capacity(capacity::CapacityArgs),
    Collect(collect::CollectArgs),
    Rules(rules::RulesArgs),
    Explain(explain::ExplainArgs),
    Completion(completion::CompletionArgs),
    #[command(name = "__complete", hide = true)]
    Complete(complete::CompleteArgs),
}

/// Runs a call, given as the words of its command line, the program's name first.
pub fn run(words: Vec<OsString>) -> Exit {
    let cli = match Cli::try_parse_from(words::normalize(&Cli::command(), words)) {
        Ok(cli) => cli,
        Err(answer) => return tell_answer(&answer),
    };
    match cli.command.run() {
        Ok(exit) => exit,
        Err(error) => {
            let exit = error::exit(&error);
            if exit != Exit::Clear {
                terminal::tell(&error);
            }
            exit
        }
    }
}

impl Command {
    fn run(&self) -> anyhow::Result<Exit> {
        match self {
            Command::Diagnose(args) => diagnose::run(args),
            Command::Preflight(args) => preflight::run(args),
            Command::Webhooks(args) => webhooks::run(args),
            Command::StorageClasses(args) => storageclasses::run(args),
            Command::Capacity(args) => capacity::run(args),
            Command::Collect(args) => collect::run(args),
            Command::Rules(args) => rules::run(args),
            Command::Explain(args) => explain::run(args),
            Command::Completion(args) => completion::run(args),
            Command::Complete(args) => complete::run(args),
        }
    }
}

/// Help and the version go to stdout and end well; what is wrong with a call goes to stderr.
fn tell_answer(answer: &clap::Error) -> Exit {
    let _ = answer.print();
    if answer.use_stderr() { Exit::Usage } else { Exit::Clear }
}
