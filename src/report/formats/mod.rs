//! The report of `preflight` for the tools that pipelines use, one file a format; all are drawn from its document.

pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod sarif;

use super::Untrusted;
use super::document::preflight::{IssueEntry, Preflight};
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

/// The issues that count.
fn counting<'r>(report: &'r Preflight<'_>) -> impl Iterator<Item = &'r IssueEntry<'r>> {
    report.issues.iter().filter(|issue| issue.suppressed.is_none())
}

/// The file of an issue as a path from where the run began, as far as it has one.
fn path<'p>(issue: &'p IssueEntry<'_>) -> &'p str {
    match issue.file {
        "-" => "stdin",
        file => file.strip_prefix("./").unwrap_or(file),
    }
}

/// Text on one line, without the characters that act on a terminal or a page.
fn plain(text: &str) -> String {
    Untrusted(text).to_string()
}
