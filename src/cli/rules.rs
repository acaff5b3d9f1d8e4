//! `rules`: the catalogue.

use clap::Args;
use serde::Serialize;

use super::exit::Exit;
use super::terminal::{self, OutputArgs};
use crate::diagnosis::Severity;
use crate::report::document::API_VERSION;
use crate::report::human::Screen;
use crate::rules::{ROOMS, Rule};

/// List the causes that can be told
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RulesArgs {
    #[cfg(feature = "own-rules")]
    #[command(subcommand)]
    command: Option<RulesCommand>,
    #[cfg(feature = "own-rules")]
    #[command(flatten)]
    own: FromFolder,
    #[command(flatten)]
    output: OutputArgs,
}

/// What to do with rules beside listing them.
#[cfg(feature = "own-rules")]
#[derive(Clone, Debug, clap::Subcommand)]
enum RulesCommand {
    Test(super::rules_test::RulesTestArgs),
}

/// Rules of one's own.
#[cfg(feature = "own-rules")]
#[derive(Clone, Debug, Args)]
struct FromFolder {
    /// A folder whose rules are listed as well; by default storagewhy/rules in $XDG_CONFIG_HOME or ~/.config
    #[arg(long, value_name = "DIR")]
    from_dir: Option<String>,
}

/// The catalogue as a document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Catalogue<'r> {
    api_version: &'static str,
    kind: &'static str,
    rules: Vec<RuleEntry<'r>>,
}

/// A rule of the catalogue.
#[derive(Serialize)]
struct RuleEntry<'r> {
    name: &'r str,
    /// What the rule is about: the folder that it lies in, or `own`.
    room: &'static str,
    summary: &'r str,
    severity: Severity,
    /// The release that brought the rule; null for one of one's own.
    since: Option<&'static str>,
    /// The file of a rule of one's own; null for others.
    file: Option<&'r str>,
    /// The kinds without which the rule can't judge.
    needs: Vec<&'static str>,
}

/// Runs the command.
///
/// # Errors
/// Where an own rule is wrong, or stdout can't be written.
pub(crate) fn run(args: &RulesArgs) -> anyhow::Result<Exit> {
    #[cfg(feature = "own-rules")]
    if let Some(RulesCommand::Test(args)) = &args.command {
        return super::rules_test::run(args);
    }
    #[cfg(feature = "own-rules")]
    let own = super::own::load_or_default(args.own.from_dir.as_deref())?;
    let rules = ROOMS.iter().flat_map(|room| room.rules.iter().map(|rule| entry(room.name, rule)));
    #[cfg(feature = "own-rules")]
    let rules = rules.chain(own.list().into_iter().map(|rule| own_entry(&rule)));
    let rules: Vec<RuleEntry<'_>> = rules.collect();
    let catalogue = Catalogue { api_version: API_VERSION, kind: "Rules", rules };
    terminal::write_document(&args.output, &catalogue, |screen| human(&catalogue, screen))?;
    Ok(Exit::Clear)
}

fn entry(room: &'static str, rule: &Rule) -> RuleEntry<'static> {
    RuleEntry {
        name: rule.name,
        room,
        summary: rule.summary,
        severity: rule.severity,
        since: Some(rule.since),
        file: None,
        needs: rule.needs.iter().map(|kind| kind.name()).collect(),
    }
}

#[cfg(feature = "own-rules")]
fn own_entry<'r>(rule: &crate::own::OwnRuleInfo<'r>) -> RuleEntry<'r> {
    RuleEntry {
        name: rule.name,
        room: "own",
        summary: rule.summary,
        severity: rule.severity,
        since: None,
        file: Some(rule.file),
        needs: rule.needs.iter().map(|kind| kind.name()).collect(),
    }
}

fn human(catalogue: &Catalogue<'_>, screen: &mut Screen) {
    let mut room = "";
    let row = |rule: &RuleEntry<'_>| {
        let first = std::mem::replace(&mut room, rule.room) != rule.room;
        let about = if first { rule.room.to_owned() } else { String::new() };
        vec![about, rule.name.to_owned(), level(rule.severity).to_owned(), rule.summary.to_owned()]
    };
    let rows: Vec<Vec<String>> = catalogue.rules.iter().map(row).collect();
    screen.table(0, &["ABOUT", "RULE", "SEVERITY", "CAUSE"], &rows);
    screen.gap();
    screen.paragraph(0, "kubectl storagewhy explain RULE shows a rule's page.");
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}
