//! `__complete`: what can follow a call, in the protocol in which kubectl asks its plugins: one candidate a line, a
//! tab before its description, and last a line with a colon and what the shell should make of it.

use clap::{Args, Command, CommandFactory};

use super::exit::Exit;
use super::{Cli, target, terminal};
use crate::rules::REGISTRY;

/// The shell offers the candidates and nothing else.
const NO_FILES: u8 = 4;
/// The shell offers files.
const FILES: u8 = 0;

/// Answer kubectl's question for completions
#[derive(Clone, Debug, Args)]
pub(crate) struct CompleteArgs {
    /// The words of the call so far; the last is the one to complete
    #[arg(value_name = "WORD", allow_hyphen_values = true, trailing_var_arg = true)]
    words: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// Where stdout can't be written.
pub(crate) fn run(args: &CompleteArgs) -> anyhow::Result<Exit> {
    let answer = answer(&Cli::command(), &args.words);
    terminal::buffered(|out| out.write_all(answer.as_bytes()))?;
    Ok(Exit::Clear)
}

/// What can stand in the place of the last word.
struct Answer {
    candidates: Vec<(String, String)>,
    directive: u8,
}

fn answer(root: &Command, words: &[String]) -> String {
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let answer = candidates(root, before, last);
    let mut text = String::new();
    for (value, about) in answer.candidates.iter().filter(|(value, _)| value.starts_with(last)) {
        text.push_str(&if about.is_empty() { format!("{value}\n") } else { format!("{value}\t{about}\n") });
    }
    text.push_str(&format!(":{}\n", answer.directive));
    text
}

fn candidates(root: &Command, before: &[String], last: &str) -> Answer {
    let named = before.iter().find_map(|word| root.find_subcommand(word).filter(|command| !command.is_hide_set()));
    let command = named.or_else(|| root.find_subcommand("diagnose")).unwrap_or(root);
    if let Some(values) = before.last().and_then(|flag| values_of(command, flag)) {
        return values;
    }
    if last.starts_with('-') {
        return Answer { candidates: flags(command), directive: NO_FILES };
    }
    match named.map(Command::get_name) {
        None => {
            let operands = before.iter().any(|word| !word.starts_with('-'));
            let commands = if operands { Vec::new() } else { subcommands(root) };
            Answer { candidates: commands.into_iter().chain(kinds()).collect(), directive: NO_FILES }
        }
        Some("diagnose") => Answer { candidates: kinds(), directive: NO_FILES },
        Some("explain") => Answer { candidates: rules(), directive: NO_FILES },
        Some("rules") if before.iter().any(|word| word == "test") => {
            Answer { candidates: Vec::new(), directive: FILES }
        }
        Some(_) => {
            let operands = possible_operands(command).into_iter().chain(subcommands(command));
            Answer { candidates: operands.collect(), directive: NO_FILES }
        }
    }
}

/// What can follow a flag that takes a value.
fn values_of(command: &Command, flag: &str) -> Option<Answer> {
    let is = |arg: &&clap::Arg| match flag.strip_prefix("--") {
        Some(name) => arg.get_long() == Some(name),
        None => flag.len() == 2 && flag.starts_with('-') && arg.get_short() == flag.chars().nth(1),
    };
    let arg = command.get_arguments().find(is).filter(|arg| arg.get_action().takes_values())?;
    let names = arg.get_value_names().unwrap_or_default();
    let file = names.iter().any(|name| matches!(name.as_str(), "FILE" | "PATH" | "DIR"));
    Some(Answer { candidates: possible(arg), directive: if file { FILES } else { NO_FILES } })
}

fn possible(arg: &clap::Arg) -> Vec<(String, String)> {
    let values = arg.get_possible_values();
    values.iter().map(|value| (value.get_name().to_owned(), about(value.get_help()))).collect()
}

fn possible_operands(command: &Command) -> Vec<(String, String)> {
    command.get_positionals().flat_map(possible).collect()
}

fn subcommands(root: &Command) -> Vec<(String, String)> {
    let shown = root.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(|command| (command.get_name().to_owned(), about(command.get_about()))).collect()
}

fn flags(command: &Command) -> Vec<(String, String)> {
    let long =
        command.get_arguments().filter_map(|arg| Some((format!("--{}", arg.get_long()?), about(arg.get_help()))));
    long.collect()
}

fn kinds() -> Vec<(String, String)> {
    target::KINDS.iter().map(|kind| (kind.plural().to_owned(), String::new())).collect()
}

fn rules() -> Vec<(String, String)> {
    REGISTRY.iter().map(|rule| (rule.name.to_owned(), rule.summary.to_owned())).collect()
}

fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}
