//! Annotations of GitHub Actions: workflow commands on standard output.
//!
//! Upstream: actions/toolkit `packages/core/src/command.ts` for what is escaped.

use std::io::{self, Write};

use super::{counting, left_out, object, path, plain, repaired};
use crate::report::document::preflight::{IssueEntry, LevelEntry, Preflight};

/// Writes a command for each issue that counts, and the outcome as a notice.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write(report: &Preflight<'_>, out: &mut dyn Write) -> io::Result<()> {
    for issue in counting(report) {
        writeln!(out, "{}", command(issue, &repaired(report, issue)))?;
    }
    let left: String = left_out(report).into_iter().map(|text| format!(". {text}")).collect();
    writeln!(out, "::notice title=storagewhy preflight::{}", data(&format!("{}{left}", report.summary())))
}

fn command(issue: &IssueEntry<'_>, repair: &str) -> String {
    let level = match issue.level {
        LevelEntry::Error => "error",
        LevelEntry::Unknown | LevelEntry::Warning => "warning",
    };
    let mut properties = vec![("file", path(issue).to_owned())];
    let place = [("line", issue.line), ("endLine", issue.end_line)];
    properties.extend(place.into_iter().filter_map(|(name, value)| Some((name, value?.to_string()))));
    if issue.line == issue.end_line {
        let columns = [("col", issue.column), ("endColumn", issue.end_column)];
        properties.extend(columns.into_iter().filter_map(|(name, value)| Some((name, value?.to_string()))));
    }
    properties.push(("title", format!("storagewhy: {}", issue.rule)));
    let properties: Vec<String> =
        properties.into_iter().map(|(name, value)| format!("{name}={}", property(&value))).collect();
    let object = if issue.object.is_empty() { String::new() } else { format!("{}: ", object(issue)) };
    let message = if repair.is_empty() { issue.message.to_owned() } else { format!("{}\n{repair}", issue.message) };
    let lines: Vec<String> = message.split('\n').map(data).collect();
    format!("::{level} {}::{}{}", properties.join(","), data(&object), lines.join("%0A"))
}

fn data(text: &str) -> String {
    plain(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
