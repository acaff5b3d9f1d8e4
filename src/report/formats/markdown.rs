//! Markdown for a comment on a pull request.

use std::io::{self, Write};

use super::{NOT_JUDGED, NOT_RUN, about, object, path, plain, repaired};
use crate::report::document::preflight::{IssueEntry, LevelEntry, Preflight, PreflightStatus, WorkloadEntry, called};

/// Rows of a table; pages of forges cut longer comments off.
const ROWS: usize = 100;

/// What a message may have, in characters.
const LONGEST: usize = 600;

/// Writes the outcome, what is wrong, and the workloads that lack pods.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write(report: &Preflight<'_>, out: &mut dyn Write) -> io::Result<()> {
    let sign = match report.status {
        PreflightStatus::Fits => "✅",
        PreflightStatus::Blocked => "❌",
        PreflightStatus::Unknown => "❔",
    };
    writeln!(out, "### {sign} storagewhy preflight\n\n{}.", report.summary())?;
    let (known, counting): (Vec<_>, Vec<_>) = report.issues.iter().partition(|issue| issue.suppressed.is_some());
    if !counting.is_empty() {
        issues(report, &counting, out)?;
    }
    let short = |workload: &&WorkloadEntry<'_>| workload.placed < workload.desired;
    let short: Vec<&WorkloadEntry<'_>> = report.workloads.iter().filter(short).collect();
    if !short.is_empty() {
        workloads(&short, out)?;
    }
    if !known.is_empty() {
        writeln!(out, "\n<details><summary>{} known or allowed</summary>", known.len())?;
        issues(report, &known, out)?;
        writeln!(out, "\n</details>")?;
    }
    not_judged(report, out)
}

/// The kinds of which no more is judged than whether the server takes them, and hooks that do not run now.
fn not_judged(report: &Preflight<'_>, out: &mut dyn Write) -> io::Result<()> {
    let left = report.not_judged_by_reason();
    let kinds = left.iter().map(|(kinds, reason)| format!("{}: {}", text(kinds), text(reason)));
    folded(NOT_JUDGED, kinds.collect(), out)?;
    folded(NOT_RUN, report.not_run.iter().map(|hook| text(&hook.told())).collect(), out)
}

/// Lines that can be unfolded; nothing where there are none.
fn folded(summary: &str, lines: Vec<String>, out: &mut dyn Write) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n<details><summary>{summary}</summary>\n")?;
    lines.iter().try_for_each(|line| writeln!(out, "- {line}"))?;
    writeln!(out, "\n</details>")
}

fn issues(report: &Preflight<'_>, issues: &[&IssueEntry<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n| | Where | Object | What |\n|---|---|---|---|")?;
    for issue in issues.iter().take(ROWS) {
        let sign = match issue.level {
            LevelEntry::Error => "❌",
            LevelEntry::Unknown => "❔",
            LevelEntry::Warning => "⚠️",
        };
        let line = issue.line.map(|line| format!(":{line}")).unwrap_or_default();
        let field = if issue.path.is_empty() { String::new() } else { format!("<br>{}", code(issue.path)) };
        let rule = match about(issue.rule) {
            Some(about) => format!("[{}]({})", issue.rule, about.page),
            None => code(issue.rule),
        };
        let reason = issue.suppressed.and_then(|why| why.reason).map(|why| format!("<br>Allowed: {}", text(why)));
        let place = code(&format!("{}{line}", path(issue)));
        let repair = repaired(report, issue);
        let repair = if repair.is_empty() { repair } else { format!("<br>{}", text(&repair)) };
        let what = format!("{rule}: {}{repair}{}", text(issue.message), reason.unwrap_or_default());
        writeln!(out, "| {sign} | {place}{field} | {} | {what} |", code(&object(issue)))?;
    }
    more(issues.len(), out)
}

fn workloads(workloads: &[&WorkloadEntry<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n| Workload | Wanted | Made | Placed |\n|---|---|---|---|")?;
    for workload in workloads.iter().take(ROWS) {
        let name = code(&called(workload.kind, workload.namespace, workload.name));
        writeln!(out, "| {name} | {} | {} | {} |", workload.desired, workload.created, workload.placed)?;
    }
    more(workloads.len(), out)
}

fn more(rows: usize, out: &mut dyn Write) -> io::Result<()> {
    if rows > ROWS { writeln!(out, "\n{} more.", rows - ROWS) } else { Ok(()) }
}

/// A text that no Markdown or HTML in it can change, and that calls nobody.
fn text(text: &str) -> String {
    let mut shown = String::new();
    let plain = plain(text);
    for c in plain.chars().take(LONGEST) {
        match c {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '@' => shown.push_str("&#64;"),
            '#' => shown.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '$' => shown.extend(['\\', c]),
            c => shown.push(c),
        }
    }
    if plain.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// A text as code in a table.
fn code(text: &str) -> String {
    let inner = plain(text).replace('`', "'").replace('|', "\\|");
    if inner.is_empty() { String::new() } else { format!("`{inner}`") }
}
