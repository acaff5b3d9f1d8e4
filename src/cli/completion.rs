//! `completion`: completion scripts for shells.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::exit::Exit;
use super::terminal;

/// The name under which a shell calls the program.
const PROGRAM: &str = "kubectl-storagewhy";

/// Write a completion script for a shell
///
/// For `kubectl storagewhy` put completions/kubectl_complete-storagewhy on PATH instead: kubectl calls it.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// Where stdout can't be written.
pub(crate) fn run(args: &CompletionArgs) -> anyhow::Result<Exit> {
    let script = script(args.shell);
    terminal::buffered(|out| out.write_all(&script))?;
    Ok(Exit::Clear)
}

/// The completion script for a shell.
pub(crate) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut script);
    script
}
