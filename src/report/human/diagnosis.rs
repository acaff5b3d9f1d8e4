//! The whole report.

use std::collections::BTreeSet;

use super::words::{NAMES, count, local, names, noun, plural};
use super::{Screen, Tone, claims, finding, nodes, placed, unread};
use crate::diagnosis::Severity;
use crate::diagnosis::text::capital;
use crate::report::document::{ExplainedEntry, FindingEntry, Report, Status};
use crate::scheduler::Outcome;
use crate::volumes::ClaimPhase;

/// Causes that are named at the head.
const SUMMARY: usize = 5;

/// Writes the report on a diagnosis.
pub fn write(report: &Report, screen: &mut Screen) {
    let view = finding::View { namespace: report.source.namespace, findings: &report.findings };
    let (risks, roots): (Vec<&FindingEntry>, Vec<&FindingEntry>) =
        roots(report).into_iter().partition(|finding| finding.class.is_some());
    let of = |severity| roots.iter().copied().filter(move |finding| finding.severity == severity);
    let errors: Vec<&FindingEntry> = of(Severity::Error).collect();
    summary(&errors, screen);
    for (position, error) in errors.iter().enumerate() {
        finding::write(view, error, finding::Place { position, of: errors.len() }, screen);
    }
    let warnings = |screen: &mut Screen| of(Severity::Warning).for_each(|it| finding::write_warning(view, it, screen));
    let warnings_lead = errors.is_empty() && report.status == Status::Blocked && all_told(report);
    if errors.is_empty() {
        headline(report, warnings_lead, screen);
    }
    if warnings_lead {
        warnings(screen);
    }
    nodes::write(report, screen);
    claims::write(report, screen);
    placed::write(report, screen);
    if !warnings_lead {
        warnings(screen);
    }
    quiet(report, &of(Severity::Info).collect::<Vec<_>>(), screen);
    if report.source.risks {
        at_risk(report, view, &risks, screen);
    }
    unread::write(report, screen);
    if report.status != Status::Clear {
        unread::write_presumed(report, screen);
        unread::write_release(report, screen);
    }
}

/// What is not broken and can be lost, in the order of the document: data first.
fn at_risk(report: &Report, view: finding::View, risks: &[&FindingEntry], screen: &mut Screen) {
    let unjudged: Vec<String> = report
        .skipped
        .iter()
        .filter(|entry| entry.of_risks())
        .map(|entry| format!("{} ({})", entry.rule, entry.reason))
        .collect();
    screen.gap();
    match (risks.len(), unjudged.is_empty()) {
        (0, true) => screen.styled(Tone::Good, 0, "Nothing was found at risk."),
        (0, false) => screen.styled(Tone::Caution, 0, "Nothing was found at risk, but not every risk could be judged."),
        (number, _) => {
            let head = format!("{} of loss. None of this is broken now:", count(number, "risk"));
            screen.styled(Tone::Heading, 0, &head);
        }
    }
    risks.iter().for_each(|risk| finding::write_risk(view, risk, screen));
    if !unjudged.is_empty() {
        screen.gap();
        screen.toned(Tone::Caution, 0, "Risks not judged:", &names(&unjudged, NAMES));
    }
}

/// A line a cause, where there are several.
fn summary(errors: &[&FindingEntry], screen: &mut Screen) {
    if errors.len() < 2 {
        return;
    }
    screen.styled(Tone::Heading, 0, &format!("{} causes:", errors.len()));
    let shown = if errors.len() == SUMMARY + 1 { errors.len() } else { SUMMARY };
    for (position, error) in errors.iter().take(shown).enumerate() {
        screen.brief(Tone::Plain, 2, &format!("{}.", position + 1), error.title);
    }
    if errors.len() > shown {
        screen.styled(Tone::Faint, 2, &format!("… and {} more", errors.len() - shown));
    }
}

/// The findings that no other finding explains.
fn roots<'r>(report: &'r Report<'r>) -> Vec<&'r FindingEntry<'r>> {
    let explained: BTreeSet<&str> = report
        .findings
        .iter()
        .flat_map(|finding| &finding.explains)
        .filter_map(|explained| match explained {
            ExplainedEntry::Finding(id) => Some(*id),
            ExplainedEntry::Object(_) => None,
        })
        .collect();
    report.findings.iter().filter(|finding| !explained.contains(finding.id)).collect()
}

/// Whether an error or a warning tells of everything that is blocked.
fn all_told(report: &Report) -> bool {
    let told: BTreeSet<&str> =
        report.findings.iter().filter(|finding| finding.severity < Severity::Info).map(|finding| finding.id).collect();
    let tells = |ids: &[String]| ids.iter().any(|id| told.contains(id.as_str()));
    let held = |verdict| matches!(verdict, Outcome::Unschedulable | Outcome::SchedulingGated);
    report.pods.iter().filter(|pod| held(pod.verdict)).all(|pod| tells(pod.findings))
        && report.claims.iter().filter(|claim| claim.blocked()).all(|claim| tells(claim.findings))
}

/// What is said where no cause was found; `told` where warnings that follow tell everything.
fn headline(report: &Report, told: bool, screen: &mut Screen) {
    let place = || report.source.namespace.map_or("in any namespace".to_owned(), |name| format!("in namespace {name}"));
    let asked = asked(report);
    match report.status {
        Status::Clear => {
            let text = match &asked {
                Some((what, are)) => format!("{} {are} not blocked.", capital(what)),
                None => format!("Nothing is blocked {}.", place()),
            };
            screen.styled(Tone::Good, 0, &text);
        }
        Status::Blocked => {
            let about = match (&asked, report.source.namespace) {
                (Some((what, _)), _) => format!(" about {what}"),
                (None, Some(name)) => format!(" in namespace {name}"),
                (None, None) => String::new(),
            };
            let known = if told { "." } else { ". No rule knows the cause; this is what Kubernetes decides:" };
            screen.styled(Tone::Bad, 0, &format!("Something is blocked{about}{known}"));
        }
        Status::Incomplete => {
            let what = match &asked {
                Some((what, _)) => format!("Nothing was found to block {what}"),
                None => format!("Nothing was found blocked {}", place()),
            };
            screen.styled(Tone::Caution, 0, &format!("{what}, but not all evidence could be read."));
        }
    }
    if report.status != Status::Blocked {
        screen.paragraph(0, &checked(report));
    }
}

/// The objects that were asked about by name, and the verb for them.
fn asked(report: &Report) -> Option<(String, &'static str)> {
    let objects = report.source.objects;
    let mut kinds: Vec<&str> = objects.iter().map(|object| object.kind.as_str()).collect();
    kinds.dedup();
    let of_kind = |kind: &&str| {
        let same = objects.iter().filter(|object| object.kind == *kind);
        let list: Vec<String> =
            same.map(|object| local(report.source.namespace, &object.namespace, &object.name)).collect();
        let noun = if list.len() == 1 { noun(kind).to_owned() } else { plural(kind) };
        format!("{noun} {}", names(&list, NAMES))
    };
    let told: Vec<String> = kinds.iter().map(of_kind).collect();
    let are = if objects.len() == 1 { "is" } else { "are" };
    (!objects.is_empty()).then(|| (told.join(" and "), are))
}

fn checked(report: &Report) -> String {
    let read = |kind: &str| {
        let entry = report.coverage.iter().find(|entry| entry.kind == kind);
        entry.and_then(|entry| entry.read).unwrap_or_default()
    };
    format!(
        "Read {} ({} unassigned in scope), {} ({} in scope unbound or of note), {}, {} and {}.",
        count(read("Pod"), "pod"),
        report.pods.len(),
        count(read("PersistentVolumeClaim"), "claim"),
        report.claims.len(),
        count(read("PersistentVolume"), "volume"),
        count(read("Node"), "node"),
        count(read("StorageClass"), "class"),
    )
}

/// Normal waits: a line each.
fn quiet(report: &Report, infos: &[&FindingEntry], screen: &mut Screen) {
    let mut lines: Vec<String> = infos.iter().map(|finding| finding.title.to_owned()).collect();
    let waiting: Vec<String> = report
        .claims
        .iter()
        .filter(|claim| claim.findings.is_empty() && !claim.blocked())
        .filter(|claim| claim.verdict == ClaimPhase::Pending)
        .map(|claim| local(report.source.namespace, claim.namespace, claim.name))
        .collect();
    if !waiting.is_empty() {
        lines.push(format!("{} waiting as it should be: {}", count(waiting.len(), "claim"), names(&waiting, NAMES)));
    }
    if lines.is_empty() {
        return;
    }
    screen.gap();
    for line in lines.iter().take(NAMES) {
        screen.toned(Tone::Faint, 0, "Normal:", line);
    }
    if lines.len() > NAMES {
        screen.styled(Tone::Faint, 0, &format!("… and {} more", lines.len() - NAMES));
    }
}
