//! `rules test`: whether own rules say of their examples what they should.

use clap::Args;
use serde::Serialize;

use super::error::CliError;
use super::exit::Exit;
use super::own;
use super::terminal::{self, OutputArgs};
use crate::own::{ExampleOutcome, try_examples};
use crate::report::document::API_VERSION;
use crate::report::human::{Screen, Tone};

/// Try the examples that rules of your own carry
#[derive(Clone, Debug, Args)]
pub(crate) struct RulesTestArgs {
    /// The folder of the rules
    #[arg(value_name = "DIR")]
    folder: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// The outcome as a document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    api_version: &'static str,
    kind: &'static str,
    passed: usize,
    failed: usize,
    examples: Vec<Entry>,
    /// Rules without an example.
    untested: Vec<String>,
}

/// What became of an example.
#[derive(Serialize)]
struct Entry {
    rule: String,
    file: String,
    example: String,
    passed: bool,
    /// How it differs from what was expected.
    differences: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// Where a rule is wrong, there is no example, or stdout can't be written.
pub(crate) fn run(args: &RulesTestArgs) -> anyhow::Result<Exit> {
    let rules = own::load(&args.folder)?;
    let examples: Vec<Entry> = try_examples(&rules).into_iter().map(entry).collect();
    if examples.is_empty() {
        return Err(CliError::usage(format!("the rules of {} have no examples", args.folder)).into());
    }
    let untested = rules.list().into_iter().filter(|rule| !examples.iter().any(|example| example.rule == rule.name));
    let untested = untested.map(|rule| rule.name.to_owned()).collect();
    let passed = examples.iter().filter(|example| example.passed).count();
    let failed = examples.len() - passed;
    let outcome = Outcome { api_version: API_VERSION, kind: "RulesTest", passed, failed, examples, untested };
    terminal::write_document(&args.output, &outcome, |screen| human(&outcome, screen))?;
    Ok(if failed == 0 { Exit::Clear } else { Exit::Blocked })
}

fn entry(outcome: ExampleOutcome) -> Entry {
    let ExampleOutcome { rule, file, example, differences } = outcome;
    Entry { rule, file, example, passed: differences.is_empty(), differences }
}

fn human(outcome: &Outcome, screen: &mut Screen) {
    for example in &outcome.examples {
        let (tone, word) = if example.passed { (Tone::Good, "ok:") } else { (Tone::Bad, "FAILED:") };
        screen.toned(tone, 0, word, &format!("{}: {}", example.rule, example.example));
        for difference in &example.differences {
            screen.item(2, "-", difference);
        }
    }
    screen.gap();
    for rule in &outcome.untested {
        screen.toned(Tone::Caution, 0, "No example:", rule);
    }
    screen.line(Tone::Plain, &format!("{} passed, {} failed", outcome.passed, outcome.failed));
}
