//! What would become of manifests: the outcome first, then by document.

use std::collections::BTreeSet;

use super::alike::Alike;
use super::{Screen, Tone, finding, repair};
use crate::report::document::preflight::{
    DocumentEntry, EvictionEntry, IssueEntry, MoveEntry, NOT_JUDGED, NOT_RUN, Preflight, PreflightStatus, RoleEntry,
    ServerEntry, WorkloadEntry,
};

/// Writes the outcome, what is refused or blocked, and the causes.
pub(crate) fn write(report: &Preflight<'_>, screen: &mut Screen) {
    let tone = match report.status {
        PreflightStatus::Fits => Tone::Good,
        PreflightStatus::Blocked => Tone::Bad,
        PreflightStatus::Unknown => Tone::Heading,
    };
    screen.styled(tone, 0, &format!("{}.", report.summary()));
    let (mut told, alike) = (BTreeSet::new(), Alike::new(report));
    for (position, document) in report.documents.iter().enumerate() {
        if !alike.told_before(position) {
            write_document(report, document, &mut told, screen);
            alike.write(report, position, screen);
        }
    }
    write_asked(&report.documents, screen);
    write_moves(&report.moves, screen);
    for eviction in &report.evictions {
        screen.gap();
        screen.paragraph(0, &evicted(eviction));
    }
    write_manifests(report, screen);
    if !report.unknown.is_empty() {
        screen.gap();
        screen.styled(Tone::Heading, 0, "What can't be known:");
        report.unknown.iter().for_each(|line| screen.paragraph(2, line));
    }
    finding::write_plain(&report.findings, screen);
    write_left(report, screen);
}

/// What is wrong with the manifests themselves.
fn write_manifests(report: &Preflight<'_>, screen: &mut Screen) {
    let own = ["duplicate-field", "passed-over", "unknown-field"];
    let counts = |issue: &&IssueEntry<'_>| issue.suppressed.is_none() && own.contains(&issue.rule);
    let told: Vec<&IssueEntry<'_>> = report.issues.iter().filter(counts).collect();
    if !told.is_empty() {
        screen.gap();
        screen.styled(Tone::Heading, 0, "In the manifests:");
        for issue in told {
            let line = issue.line.map(|line| format!(":{line}")).unwrap_or_default();
            screen.paragraph(2, &format!("{}{line}: {}", issue.file, issue.message));
        }
    }
}

/// What does not count, and what is not judged.
fn write_left(report: &Preflight<'_>, screen: &mut Screen) {
    let known = report.issues.iter().filter(|issue| issue.suppressed.is_some()).count();
    if known > 0 {
        screen.gap();
        screen.paragraph(0, &format!("Known or allowed, and not counted: {known} of {}.", report.issues.len()));
    }
    if !report.not_judged.is_empty() {
        screen.gap();
        screen.styled(Tone::Faint, 0, &format!("{NOT_JUDGED}:"));
        for (kinds, reason) in report.not_judged_by_reason() {
            screen.item(2, "-", &format!("{kinds}: {reason}"));
        }
    }
    if !report.not_run.is_empty() {
        screen.gap();
        screen.styled(Tone::Faint, 0, &format!("{NOT_RUN}:"));
        report.not_run.iter().for_each(|hook| screen.item(2, "-", &hook.told()));
    }
}

/// The pods that find no place, and how many do.
fn write_moves(moves: &[MoveEntry<'_>], screen: &mut Screen) {
    let stuck: Vec<&MoveEntry<'_>> = moves.iter().filter(|one| one.blocked.is_some()).collect();
    if moves.is_empty() {
        return;
    }
    screen.gap();
    let found = moves.len() - stuck.len();
    screen.styled(Tone::Heading, 0, &format!("{found} of {} pods whose nodes go find a place again.", moves.len()));
    for one in stuck {
        let why = one.blocked.unwrap_or_default();
        screen.styled(Tone::Bad, 2, &format!("{}/{} on {}: {why}", one.namespace, one.name, one.from));
    }
}

/// Writes a document of which something is told. Repairs of several documents in one are told with the first.
fn write_document(
    report: &Preflight<'_>,
    document: &DocumentEntry<'_>,
    told: &mut BTreeSet<usize>,
    screen: &mut Screen,
) {
    let workload = document.workload(report);
    let short = workload.filter(|one| one.placed < one.desired || one.on_delete);
    let server = document.server.as_ref().filter(|server| server.differs || !server.changed.is_empty());
    if document.admitted == Some(true) && short.is_none() && document.warnings.is_empty() && server.is_none() {
        return;
    }
    screen.gap();
    let object = document.object();
    let heading = format!("{}:{} {object}{}", document.file, document.line, RoleEntry::words(document.role));
    screen.styled(Tone::Heading, 0, &heading);
    match (document.admitted, document.message) {
        (Some(false), Some(message)) => {
            screen.styled(Tone::Bad, 2, &format!("Refused: {message}"));
            write_place(report, document, &object, &["refused"], screen);
        }
        (None, Some(message)) => screen.paragraph(2, &format!("Not known: {message}")),
        _ => {}
    }
    document.warnings.iter().for_each(|warning| screen.paragraph(2, &format!("Warning: {warning}")));
    server.into_iter().for_each(|server| write_server(server, screen));
    if let Some(workload) = short {
        write_workload(workload, screen);
        write_place(report, document, &object, &["not-created", "not-placed"], screen);
    }
    if let Some(hint) = document.hint {
        screen.paragraph(2, &format!("Hint: {hint}"));
    }
    let issues = report.issues.iter().filter(|issue| issue.object == object && issue.file == document.file);
    for issue in issues.filter(|issue| issue.suppressed.is_none()) {
        if issue.refusal.is_some_and(|refusal| told.insert(refusal)) {
            let why_none = issue.no_repair.filter(|_| document.hint.is_none());
            repair::write_all(&issue.remedies, why_none, screen);
        }
    }
}

/// Where in the document the field stands that an issue of one of these rules is about.
fn write_place(
    report: &Preflight<'_>,
    document: &DocumentEntry<'_>,
    object: &str,
    rules: &[&str],
    screen: &mut Screen,
) {
    let about = |issue: &&IssueEntry<'_>| {
        issue.object == object && issue.file == document.file && rules.contains(&issue.rule) && !issue.path.is_empty()
    };
    for issue in report.issues.iter().filter(about) {
        let line = issue.line.map(|line| format!(":{line}")).unwrap_or_default();
        screen.paragraph(2, &format!("In {}{line}, {}", issue.file, issue.path));
    }
}

/// Where the server itself says otherwise.
fn write_server(server: &ServerEntry<'_>, screen: &mut Screen) {
    let says = match (server.admitted, server.decides, server.message) {
        (Some(true), true, _) => "takes this, though a refusal was foreseen".to_owned(),
        (Some(false), true, _) => "says so itself, though something else was foreseen".to_owned(),
        (Some(true), false, _) => "takes this by itself, without the documents before it".to_owned(),
        (_, _, message) => {
            format!("refuses this without the documents before it: {}", message.unwrap_or_default())
        }
    };
    if server.differs {
        screen.paragraph(2, &format!("The server, asked by a dry run, {says}."));
    }
    if !server.changed.is_empty() {
        screen.paragraph(2, &format!("Changed by the server, and judged so: {}.", server.changed.join(", ")));
    }
}

/// What the server was asked, and what not and why.
fn write_asked(documents: &[DocumentEntry<'_>], screen: &mut Screen) {
    let asked: Vec<_> = documents.iter().filter_map(|one| Some((one, one.server.as_ref()?))).collect();
    if asked.is_empty() {
        return;
    }
    let answered = asked.iter().filter(|(_, server)| server.admitted.is_some()).count();
    screen.gap();
    let heading = format!("The server itself answered for {answered} of {} documents (--server-dry-run).", asked.len());
    screen.styled(Tone::Heading, 0, &heading);
    for (document, server) in asked.iter().filter(|(_, server)| server.admitted.is_none()) {
        let why = server.message.unwrap_or_default();
        screen.paragraph(2, &format!("{}:{} {} {}: {why}", document.file, document.line, document.kind, document.name));
    }
}

fn write_workload(workload: &WorkloadEntry<'_>, screen: &mut Screen) {
    let WorkloadEntry { desired, created, placed, more, .. } = workload;
    screen.paragraph(2, &format!("{placed} of {desired} pods placed, {created} made."));
    if let Some(reason) = workload.ended_by.filter(|_| more != placed) {
        screen.paragraph(2, &format!("{more} of these are new; what ends it: {reason}"));
    }
    if let Some(refused) = workload.refused {
        screen.styled(Tone::Bad, 2, &format!("The server refuses the next: {refused}"));
    }
    if let Some(blocked) = workload.blocked {
        screen.styled(Tone::Bad, 2, &format!("No node takes the next: {blocked}"));
    }
    if workload.on_delete {
        screen.paragraph(2, "Pods of the older template stay until somebody deletes them (OnDelete).");
    }
}

fn evicted(eviction: &EvictionEntry<'_>) -> String {
    format!("Pod {} takes the place of {} on node {}.", eviction.pod, eviction.victims.join(", "), eviction.node)
}
