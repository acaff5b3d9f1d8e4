//! GitLab's code quality report.
//!
//! Upstream: <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.

use std::io::{self, Write};

use serde::Serialize;

use super::{counting, object, path, plain, repaired};
use crate::report::document::preflight::{IssueEntry, LevelEntry, Preflight};
use crate::report::json;

#[derive(Serialize)]
struct Violation<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: &'a str,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

/// Writes the issues that count.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write(report: &Preflight<'_>, out: &mut dyn Write) -> io::Result<()> {
    let violations: Vec<Violation<'_>> =
        counting(report).map(|issue| violation(issue, &repaired(report, issue))).collect();
    json::write(&violations, out)
}

fn violation<'a>(issue: &'a IssueEntry<'a>, repair: &str) -> Violation<'a> {
    let repair = if repair.is_empty() { String::new() } else { format!(". {repair}") };
    let description = format!("{}: {}{repair}", object(issue), issue.message);
    Violation {
        description: plain(&description).trim_start_matches(": ").to_owned(),
        check_name: issue.rule,
        fingerprint: issue.fingerprint,
        severity: match issue.level {
            LevelEntry::Error => "critical",
            LevelEntry::Unknown => "info",
            LevelEntry::Warning => "minor",
        },
        location: Location { path: path(issue), lines: Lines { begin: issue.line.unwrap_or(1) } },
    }
}
