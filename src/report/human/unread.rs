//! What could not be read, and what could not be judged for want of it.

use super::words::{NAMES, names, plural};
use super::{Screen, Tone};
use crate::diagnosis::ReleaseSource;
use crate::model::needs::{NEEDS, ON_DEMAND};
use crate::report::document::{CoverageEntry, Report, SkippedEntry};

/// Kinds of which is said what is lost without them.
const LOSSES: usize = 6;

/// Kinds that are presumed empty and named.
const PRESUMED: usize = 6;

/// Writes the gaps, where there are any that matter.
pub(super) fn write(report: &Report, screen: &mut Screen) {
    let gaps: Vec<&CoverageEntry> = report.coverage.iter().filter(|entry| entry.problem.is_some()).collect();
    let unsure = report.pods.iter().any(|pod| !pod.unknown.is_empty())
        || report.claims.iter().any(|claim| !claim.unknown.is_empty());
    let skipped: Vec<&SkippedEntry> = report.skipped.iter().filter(|entry| !entry.of_risks()).collect();
    if skipped.is_empty() && !unsure && gaps.iter().all(|gap| gap.problem.as_deref() == Some("not served")) {
        return;
    }
    screen.gap();
    if !gaps.is_empty() {
        screen.toned(Tone::Caution, 0, "Not read:", &problems(&gaps));
        for (kind, lost) in losses(&gaps).iter().take(LOSSES) {
            screen.item(2, &format!("without {kind}:"), lost);
        }
    }
    if !skipped.is_empty() {
        let rules: Vec<String> = skipped.iter().map(|entry| format!("{} ({})", entry.rule, entry.reason)).collect();
        screen.toned(Tone::Caution, 0, "Not judged:", &names(&rules, NAMES));
    }
}

/// Writes the kinds that are taken for empty without proof.
pub(super) fn write_presumed(report: &Report, screen: &mut Screen) {
    let kinds = report.coverage.iter().filter(|entry| entry.presumed);
    let kinds: Vec<String> = kinds.map(|entry| plural(entry.kind)).collect();
    if !kinds.is_empty() {
        screen.gap();
        let shown = if screen.wants_all() { kinds.len() } else { PRESUMED };
        let kinds = format!("{}: the dump has none, which proves nothing", names(&kinds, shown));
        screen.toned(Tone::Faint, 0, "Presumed none:", &kinds);
    }
}

/// Writes how the release is known, where nothing says it.
pub(super) fn write_release(report: &Report, screen: &mut Screen) {
    let how = match report.source.kube_version_from {
        ReleaseSource::Given | ReleaseSource::Server => return,
        ReleaseSource::SchedulerTexts => "inferred from what kube-scheduler wrote",
        ReleaseSource::Kubelets => "inferred from the kubelets",
        ReleaseSource::Assumed => "assumed, because nothing tells the release",
    };
    screen.gap();
    let release = format!("Kubernetes {}, {how}; --kube-version sets another", report.source.kube_version);
    screen.toned(Tone::Faint, 0, "Release:", &release);
}

/// What can't be said for want of each kind. A kind that isn't served has no objects: nothing is lost.
fn losses(gaps: &[&CoverageEntry]) -> Vec<(String, String)> {
    let lost = gaps.iter().filter(|gap| gap.problem.as_deref() != Some("not served"));
    let always = |kind: &str| Some(NEEDS.iter().find(|need| need.kind.name() == kind)?.lost.to_owned());
    let on_demand = |kind: &str| {
        let one = ON_DEMAND.iter().find(|one| one.kind.name() == kind)?;
        Some(format!("it is not known {}", one.buys))
    };
    lost.filter_map(|gap| Some((plural(gap.kind), always(gap.kind).or_else(|| on_demand(gap.kind))?))).collect()
}

/// Writes the kinds of which not everything was read.
pub(super) fn write_kinds(kinds: &[String], screen: &mut Screen) {
    if !kinds.is_empty() {
        screen.gap();
        screen.toned(Tone::Caution, 0, "Not read:", &names(kinds, NAMES));
    }
}

/// The kinds by what kept them from being read; those of which a part was read are told apart.
fn problems(gaps: &[&CoverageEntry]) -> String {
    let mut groups: Vec<(&str, bool, Vec<String>)> = Vec::new();
    for gap in gaps {
        let (problem, partly) = (gap.problem.as_deref().unwrap_or_default(), gap.read.is_some_and(|read| read > 0));
        let kind = plural(gap.kind);
        match groups.iter_mut().find(|(other, part, _)| (*other, *part) == (problem, partly)) {
            Some((.., kinds)) => kinds.push(kind),
            None => groups.push((problem, partly, vec![kind])),
        }
    }
    let group = |(problem, partly, kinds): &(&str, bool, Vec<String>)| {
        let part = if *partly { "a part of " } else { "" };
        format!("{part}{} ({problem})", names(kinds, NAMES))
    };
    groups.iter().map(group).collect::<Vec<_>>().join("; ")
}
