//! Finds the subcommand among the words of a call, so that flags may stand anywhere and `diagnose` may be left out.

use std::ffi::{OsStr, OsString};

use clap::{ArgAction, Command};

/// The subcommand that is meant where none is named.
const DEFAULT: &str = "diagnose";

/// The subcommand whose words are another call's.
pub(crate) const COMPLETE: &str = "__complete";

/// Puts the subcommand before everything else. A call that only asks for help or the version stays as it is.
pub(crate) fn normalize(command: &Command, words: Vec<OsString>) -> Vec<OsString> {
    let mut words = words.into_iter();
    let Some(program) = words.next() else { return Vec::new() };
    let mut rest: Vec<OsString> = words.collect();
    if rest.first().is_some_and(|word| word == COMPLETE) {
        return std::iter::once(program).chain(rest).collect();
    }
    let first = first_operand(command, &rest);
    let named = first.is_some_and(|position| names_subcommand(command, &rest[position]));
    let subcommand = match first {
        Some(position) if named => rest.remove(position),
        None if rest.iter().any(|word| asks_about_the_tool(word)) => {
            rest.insert(0, program);
            return rest;
        }
        _ => DEFAULT.into(),
    };
    [program, subcommand].into_iter().chain(rest).collect()
}

fn names_subcommand(command: &Command, word: &OsStr) -> bool {
    word == "help" || word.to_str().is_some_and(|word| command.find_subcommand(word).is_some())
}

fn asks_about_the_tool(word: &OsStr) -> bool {
    ["-h", "--help", "-V", "--version"].iter().any(|flag| word == *flag)
}

/// The position of the first word that is neither a flag nor a flag's value.
fn first_operand(command: &Command, words: &[OsString]) -> Option<usize> {
    let mut position = 0;
    while let Some(word) = words.get(position) {
        let Some(text) = word.to_str() else { return Some(position) };
        match flag(text) {
            _ if text == "--" => return Some(position + 1).filter(|position| *position < words.len()),
            Some(flag) if takes_next_word(command, flag) => position += 2,
            Some(_) => position += 1,
            None => return Some(position),
        }
    }
    None
}

/// A flag as it is written; `-` alone is an operand.
fn flag(word: &str) -> Option<&str> {
    (word.starts_with('-') && word.len() > 1).then_some(word)
}

/// Whether the value of a flag is the word after it. Of joined short flags only the last can take one.
fn takes_next_word(command: &Command, flag: &str) -> bool {
    if let Some(name) = flag.strip_prefix("--") {
        return !name.contains('=') && takes_value(command, |arg| arg.get_long() == Some(name));
    }
    let mut letters = flag.chars().skip(1).peekable();
    while let Some(letter) = letters.next() {
        if takes_value(command, |arg| arg.get_short() == Some(letter)) {
            return letters.peek().is_none();
        }
    }
    false
}

fn takes_value(command: &Command, is: impl Fn(&clap::Arg) -> bool) -> bool {
    let takes = |arg: &clap::Arg| matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    command.get_subcommands().flat_map(Command::get_arguments).any(|arg| is(arg) && takes(arg))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn normalized(call: &str) -> String {
        let words = std::iter::once("tool").chain(call.split_whitespace()).map(OsString::from).collect();
        let words: Vec<String> =
            normalize(&Cli::command(), words).into_iter().skip(1).map(|word| word.into_string().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn diagnose_is_meant_where_no_command_is_named() {
        for (call, meant) in [
            ("", "diagnose"),
            ("pod/vault-0", "diagnose pod/vault-0"),
            ("-n vault", "diagnose -n vault"),
            ("-n diagnose", "diagnose -n diagnose"),
            ("-An capacity", "diagnose -An capacity"),
            ("--namespace=vault pods", "diagnose --namespace=vault pods"),
            ("-ojson -l app=x", "diagnose -ojson -l app=x"),
            ("--from - -o json", "diagnose --from - -o json"),
            ("pod webhooks", "diagnose pod webhooks"),
            ("-- pod/x", "diagnose -- pod/x"),
        ] {
            assert_eq!(normalized(call), meant, "{call}");
        }
    }

    #[test]
    fn a_named_command_comes_first_wherever_it_stands() {
        for (call, meant) in [
            ("diagnose pod/x", "diagnose pod/x"),
            ("-n vault diagnose pod/x", "diagnose -n vault pod/x"),
            ("-A --from dump.json diagnose", "diagnose -A --from dump.json"),
            ("--help", "--help"),
            ("-V", "-V"),
            ("help diagnose", "help diagnose"),
            ("diagnose --help", "diagnose --help"),
        ] {
            assert_eq!(normalized(call), meant, "{call}");
        }
    }
}
