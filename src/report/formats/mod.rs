//! The report of `preflight` for the tools that pipelines use, one file a format; all are drawn from its document.

pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod sarif;

use super::Untrusted;
use super::document::preflight::{IssueEntry, NOT_JUDGED, NOT_RUN, Preflight, RoleEntry};
use super::document::{EditEntry, RemedyEntry, TrialEntry};
use crate::preflight::issues::OWN;
use crate::rules;

/// Where the pages of rules are.
const PAGES: &str = "https://github.com/storagewhy/kubectl-storagewhy/blob/main/docs";

/// What is known of the rule of an issue.
struct About<'r> {
    summary: &'r str,
    /// What to do, in Markdown.
    help: &'r str,
    page: String,
}

fn about(rule: &str) -> Option<About<'static>> {
    if let Some(own) = OWN.iter().find(|own| own.name == rule) {
        let page = format!("{PAGES}/ci.md#{}", own.name);
        return Some(About { summary: own.summary, help: own.help, page });
    }
    let found = rules::find(rule)?;
    Some(About { summary: found.summary, help: found.page, page: format!("{PAGES}/rules/{}.md", found.name) })
}

/// What is not judged, one line each.
fn left_out(report: &Preflight<'_>) -> Vec<String> {
    let kinds = report.not_judged_by_reason().into_iter();
    let kinds = kinds.map(|(kinds, reason)| format!("{NOT_JUDGED}: {kinds}: {reason}"));
    kinds.chain(report.not_run.iter().map(|hook| format!("{NOT_RUN}: {}", hook.told()))).collect()
}

/// The issues that count.
fn counting<'r>(report: &'r Preflight<'_>) -> impl Iterator<Item = &'r IssueEntry<'r>> {
    report.issues.iter().filter(|issue| issue.suppressed.is_none())
}

/// The first repair of what an issue tells that was tried and helps.
fn repair<'r>(report: &'r Preflight<'_>, issue: &'r IssueEntry<'_>) -> Option<&'r RemedyEntry<'r>> {
    let finding = report.findings.iter().find(|finding| Some(finding.id) == issue.finding);
    let own = issue.remedies.iter().chain(finding.into_iter().flat_map(|finding| &finding.remedies));
    let mut edits = own.filter(|remedy| remedy.steps.iter().any(|step| step.edit.is_some() || step.command.is_some()));
    edits.find(|remedy| !matches!(remedy.trial, TrialEntry::Untried))
}

/// The repair of what an issue tells in one line; empty where there is none.
fn repaired(report: &Preflight<'_>, issue: &IssueEntry<'_>) -> String {
    let Some(remedy) = repair(report, issue) else { return String::new() };
    let steps: Vec<String> = remedy
        .steps
        .iter()
        .map(|step| match &step.edit {
            Some(edit) => changed(edit, step.what),
            None => step.command.unwrap_or(step.what).to_owned(),
        })
        .collect();
    format!("Repair ({}): {}", remedy.outcome(), steps.join("; "))
}

/// A change of a manifest in one line.
fn changed(edit: &EditEntry<'_>, what: &str) -> String {
    let place = format!("{}:{}:{}", file(edit.file), edit.line, edit.column);
    let rendered = edit.rendered().map(|told| format!(" ({})", told.trim_end_matches('.'))).unwrap_or_default();
    format!("{place}: {what}{rendered}")
}

/// The file of an issue as a path from where the run began, as far as it has one.
fn path<'p>(issue: &'p IssueEntry<'_>) -> &'p str {
    file(issue.file)
}

fn file(named: &str) -> &str {
    match named {
        "-" => "stdin",
        file => file.strip_prefix("./").unwrap_or(file),
    }
}

/// The object of an issue, with what it is to the tool that applies it.
fn object(issue: &IssueEntry<'_>) -> String {
    format!("{}{}", issue.object, RoleEntry::words(issue.role))
}

/// Text on one line, without the characters that act on a terminal or a page.
fn plain(text: &str) -> String {
    Untrusted(text).to_string()
}
