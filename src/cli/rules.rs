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
pub(crate) struct RulesArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// The catalogue as a document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Catalogue {
    api_version: &'static str,
    kind: &'static str,
    rules: Vec<RuleEntry>,
}

/// A rule of the catalogue.
#[derive(Serialize)]
struct RuleEntry {
    name: &'static str,
    /// What the rule is about: the folder that it lies in.
    room: &'static str,
    summary: &'static str,
    severity: Severity,
    since: &'static str,
    /// The kinds without which the rule can't judge.
    needs: Vec<&'static str>,
}

/// Runs the command.
///
/// # Errors
/// Where stdout can't be written.
pub(crate) fn run(args: &RulesArgs) -> anyhow::Result<Exit> {
    let rules = ROOMS.iter().flat_map(|room| room.rules.iter().map(|rule| entry(room.name, rule))).collect();
    let catalogue = Catalogue { api_version: API_VERSION, kind: "Rules", rules };
    terminal::write_document(&args.output, &catalogue, |screen| human(&catalogue, screen))?;
    Ok(Exit::Clear)
}

fn entry(room: &'static str, rule: &Rule) -> RuleEntry {
    RuleEntry {
        name: rule.name,
        room,
        summary: rule.summary,
        severity: rule.severity,
        since: rule.since,
        needs: rule.needs.iter().map(|kind| kind.name()).collect(),
    }
}

fn human(catalogue: &Catalogue, screen: &mut Screen) {
    let mut room = "";
    let row = |rule: &RuleEntry| {
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
