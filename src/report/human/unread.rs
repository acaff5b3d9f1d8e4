//! What could not be read, and what could not be judged for want of it.

use super::words::{NAMES, count, names, plural};
use super::{Screen, Tone};
use crate::report::document::{CoverageEntry, Report};

/// Writes the gaps, where there are any that matter.
pub(super) fn write(report: &Report, screen: &mut Screen) {
    let gaps: Vec<&CoverageEntry> = report.coverage.iter().filter(|entry| entry.problem.is_some()).collect();
    let unsure = report.pods.iter().any(|pod| !pod.unknown.is_empty())
        || report.claims.iter().any(|claim| !claim.unknown.is_empty());
    if report.skipped.is_empty() && !unsure && gaps.iter().all(|gap| gap.problem.as_deref() == Some("not served")) {
        return;
    }
    screen.gap();
    if !gaps.is_empty() {
        screen.toned(Tone::Caution, 0, "Not read:", &problems(&gaps));
    }
    if !report.skipped.is_empty() {
        let rules: Vec<String> =
            report.skipped.iter().map(|entry| format!("{} ({})", entry.rule, entry.reason)).collect();
        let text = format!("{} could not judge: {}", count(rules.len(), "rule"), names(&rules, NAMES));
        screen.toned(Tone::Caution, 0, "Not judged:", &text);
    }
}

/// Writes the kinds of which not everything was read.
pub(super) fn write_kinds(kinds: &[String], screen: &mut Screen) {
    if !kinds.is_empty() {
        screen.gap();
        screen.toned(Tone::Caution, 0, "Not read:", &names(kinds, NAMES));
    }
}

/// The kinds by what kept them from being read.
fn problems(gaps: &[&CoverageEntry]) -> String {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for gap in gaps {
        let problem = gap.problem.as_deref().unwrap_or_default();
        let kind = plural(gap.kind);
        match groups.iter_mut().find(|(other, _)| *other == problem) {
            Some((_, kinds)) => kinds.push(kind),
            None => groups.push((problem, vec![kind])),
        }
    }
    let group = |(problem, kinds): &(&str, Vec<String>)| format!("{} ({problem})", names(kinds, NAMES));
    groups.iter().map(group).collect::<Vec<_>>().join("; ")
}
