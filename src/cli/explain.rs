//! `explain`: a rule's page.

use std::cmp::Reverse;

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
    #[cfg(feature = "own-rules")]
    #[command(flatten)]
    own: super::own::OwnRulesArgs,
    #[command(flatten)]
    color: ColorArgs,
}

/// Runs the command.
///
/// # Errors
/// Where there is no such rule, or stdout can't be written.
pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let text = match rules::find(&args.rule) {
        Some(rule) => rule.page.to_owned(),
        None => own_page(args)?.ok_or_else(|| unknown(&args.rule))?,
    };
    terminal::write_screen(&args.color, |screen| page(&text, screen))?;
    Ok(Exit::Clear)
}

/// The page of a rule of one's own: what its file says.
#[cfg(feature = "own-rules")]
fn own_page(args: &ExplainArgs) -> Result<Option<String>, CliError> {
    if !args.rule.starts_with("own/") {
        return Ok(None);
    }
    let rules = args.own.load()?;
    let page = rules.list().into_iter().find(|rule| rule.name == args.rule).map(|rule| {
        let crate::own::OwnRuleInfo { name, file, summary, kind, condition, .. } = rule;
        format!("# {name}\n\n{summary}\n\nIt stands in {file}.\n\n## When it speaks of a {kind}\n\n{condition}\n")
    });
    Ok(page)
}

#[cfg(not(feature = "own-rules"))]
fn own_page(_: &ExplainArgs) -> Result<Option<String>, CliError> {
    Ok(None)
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

/// The rules whose names are a slip away from a name, else those that share the most words with it.
fn alike(name: &str) -> Vec<&'static str> {
    let words: Vec<&str> = name.split('-').filter(|word| word.len() > 3).collect();
    let ranked = REGISTRY.iter().filter_map(|rule| {
        let slips = strsim::osa_distance(name, rule.name);
        let shared = words.iter().filter(|word| rule.name.contains(**word)).count();
        let near = slips <= name.len().min(rule.name.len()) / 3;
        (near || shared > 0).then_some((!near, if near { slips } else { 0 }, Reverse(shared), rule.name))
    });
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_unstable();
    let a_slip = ranked.first().is_some_and(|(far, ..)| !far);
    ranked.retain(|(far, ..)| !(a_slip && *far));
    ranked.into_iter().take(OFFERED).map(|(.., rule)| rule).collect()
}

fn unknown(name: &str) -> CliError {
    let alike = alike(name);
    let hint = match alike.as_slice() {
        [] => "`kubectl storagewhy rules` lists them".to_owned(),
        alike => format!("did you mean {}?", alike.join(" or ")),
    };
    CliError::usage(format!("there is no rule `{name}`")).hinted(hint)
}
