//! Documents that one and the same thing is in the way of: told once.

use std::collections::{BTreeMap, BTreeSet};

use super::Screen;
use crate::report::document::preflight::{DocumentEntry, IssueEntry, Preflight, WorkloadEntry};

/// Documents that are listed behind the first; `-v` lists all.
const LISTED: usize = 6;

/// Which documents the same is in the way of, by the position of the first, and all of these others.
pub(super) struct Alike {
    others: BTreeMap<usize, Vec<usize>>,
    told: BTreeSet<usize>,
}

impl Alike {
    pub(super) fn new(report: &Preflight<'_>) -> Self {
        let mut firsts: BTreeMap<Refusal<'_>, usize> = BTreeMap::new();
        let mut others: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, document) in report.documents.iter().enumerate() {
            let Some(refusal) = refusal(report, document) else { continue };
            let head = *firsts.entry(refusal).or_insert(position);
            if head != position {
                others.entry(head).or_default().push(position);
            }
        }
        let told = others.values().flatten().copied().collect();
        Self { others, told }
    }

    /// Whether a document is told with one before it.
    pub(super) fn told_before(&self, position: usize) -> bool {
        self.told.contains(&position)
    }

    /// Lists the documents that the same is in the way of.
    pub(super) fn write(&self, report: &Preflight<'_>, position: usize, screen: &mut Screen) {
        let Some(others) = self.others.get(&position) else { return };
        let file = report.documents.get(position).map_or("", |document| document.file);
        let shown = if screen.wants_all() || others.len() <= LISTED + 1 { others.len() } else { LISTED };
        let documents = others.iter().take(shown).filter_map(|other| report.documents.get(*other));
        let mut listed: Vec<String> = documents.map(|document| place(report, document, file)).collect();
        if others.len() > shown {
            listed.push(format!("{} more (-v)", others.len() - shown));
        }
        screen.paragraph(2, &format!("The same for {}", listed.join(", ")));
    }
}

/// What is in the way of a document without the document's own name, and what is told with it.
type Refusal<'a> = (String, Option<&'a str>, Option<usize>, Option<&'a str>);

/// `None` for a document that nothing is in the way of, or of which more is told.
fn refusal<'a>(report: &'a Preflight<'_>, document: &'a DocumentEntry<'_>) -> Option<Refusal<'a>> {
    if !document.warnings.is_empty() || document.server.is_some() || document.role.is_some() {
        return None;
    }
    let (rule, message) = match document.admitted {
        Some(false) => ("refused", without_name(document.message?, document.name)),
        Some(true) => {
            let workload = document.workload(report).filter(|one| !one.on_delete && one.more == one.placed)?;
            match (workload.refused, workload.blocked) {
                (Some(refused), None) => ("not-created", refused.to_owned()),
                (None, Some(blocked)) => ("not-placed", blocked.to_owned()),
                _ => return None,
            }
        }
        None => return None,
    };
    let object = document.object();
    let own = |issue: &&IssueEntry<'_>| issue.object == object && issue.file == document.file && issue.rule == rule;
    let issue = report.issues.iter().find(own);
    let repaired = issue.and_then(|issue| issue.refusal.filter(|_| !issue.remedies.is_empty()));
    Some((format!("{rule} {message}"), document.hint, repaired, issue.and_then(|issue| issue.no_repair)))
}

/// The server's words without the name of what is refused, with which they begin; a namespace that is missing is another
/// object.
fn without_name(message: &str, name: &str) -> String {
    match message.starts_with("namespaces ") {
        true => message.to_owned(),
        false => message.replace(&format!("\"{name}\""), "\"\""),
    }
}

/// `Service db/web (:41)`, with the file where it is another, and for a workload with its pods.
fn place(report: &Preflight<'_>, document: &DocumentEntry<'_>, file: &str) -> String {
    let own = if document.file == file { "" } else { document.file };
    let pods = match document.workload(report) {
        Some(WorkloadEntry { placed, desired, .. }) => format!(", {placed} of {desired} pods placed"),
        None => String::new(),
    };
    format!("{} ({own}:{}{pods})", document.object(), document.line)
}
