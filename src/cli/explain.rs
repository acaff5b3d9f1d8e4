//! `explain`: a rule's page.

use clap::Args;

use super::error::CliError;
use super::exit::Exit;
use super::terminal::{self, ColorArgs};
use crate::report::human::{Screen, Tone};
use crate::rules::{self, REGISTRY};

/// Names that are offered for one that isn't there.
const OFFERED: usize = 5;

/// Show a rule's page: what it means, how it is recognised, its look-alikes, how to repair it
#[derive(Clone, Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The rule, as reports and `rules` name it
    #[arg(value_name = "RULE")]
    rule: String,
    #[command(flatten)]
    color: ColorArgs,
}

/// Runs the command.
///
/// # Errors
/// Where there is no such rule, or stdout can't be written.
pub(crate) fn run(args: &ExplainArgs) -> Result<Exit, CliError> {
    let Some(rule) = rules::find(&args.rule) else { return Err(unknown(&args.rule)) };
    terminal::write_screen(&args.color, |screen| page(rule.page, screen))?;
    Ok(Exit::Clear)
}

/// The page is Markdown, written to be read as it is; headings stand out.
fn page(text: &str, screen: &mut Screen) {
    for line in text.lines() {
        match line.strip_prefix('#') {
            Some(_) => screen.line(Tone::Heading, line),
            None => screen.line(Tone::Plain, line),
        }
    }
}

fn unknown(name: &str) -> CliError {
    let words: Vec<&str> = name.split('-').filter(|word| word.len() > 3).collect();
    let alike = REGISTRY.iter().map(|rule| rule.name).filter(|rule| words.iter().any(|word| rule.contains(word)));
    let alike: Vec<&str> = alike.take(OFFERED).collect();
    let hint = match alike.as_slice() {
        [] => "`kubectl storagewhy rules` lists them".to_owned(),
        alike => format!("did you mean {}?", alike.join(" or ")),
    };
    CliError::usage(format!("there is no rule `{name}`")).hinted(hint)
}
