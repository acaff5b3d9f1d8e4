//! One finding: the cause, the proof, the victims and the repairs.

use super::words::{NAMES, local, names, noun, plural};
use super::{Screen, Tone, repair};
use crate::diagnosis::looks::CHANGES_NOTHING;
use crate::diagnosis::remedy::NOTHING_WAITS;
use crate::diagnosis::{Confidence, Risk, Severity, Side};
use crate::report::document::{
    EvidenceEntry, ExplainedEntry, FindingEntry, ManagerEntry, ObjectEntry, PlaceEntry, RemedyEntry, StepEntry,
    TrialEntry,
};

/// Victims of a kind that are named where there are more than [`NAMES`].
const MANY: usize = 4;
/// Places in manifests that are written out.
const PLACES: usize = 5;
/// Facts that are written out.
const EVIDENCE: usize = 6;

/// The place of a finding among the causes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) position: usize,
    pub(super) of: usize,
}

/// What a finding is told within.
#[derive(Clone, Copy)]
pub(super) struct View<'r> {
    /// The namespace that needs no saying.
    pub(super) namespace: Option<&'r str>,
    /// All findings, to name those that hang under another.
    pub(super) findings: &'r [FindingEntry<'r>],
}

impl View<'_> {
    fn local(self, namespace: &str, name: &str) -> String {
        local(self.namespace, namespace, name)
    }
}

/// Writes findings one after the other, outside of a diagnosis.
pub(super) fn write_plain(findings: &[FindingEntry], screen: &mut Screen) {
    let view = View { namespace: None, findings };
    for finding in findings {
        match finding.severity {
            Severity::Error => write(view, finding, Place { position: 0, of: 1 }, screen),
            Severity::Warning => write_warning(view, finding, screen),
            Severity::Info => screen.toned(Tone::Faint, 0, "Normal:", finding.title),
        }
    }
}

/// Writes a cause in full.
pub(super) fn write(view: View, finding: &FindingEntry, place: Place, screen: &mut Screen) {
    screen.gap();
    let mark =
        if place.of > 1 { format!("Cause {} of {}:", place.position + 1, place.of) } else { "Cause:".to_owned() };
    screen.toned(Tone::Bad, 0, &mark, &sentence(finding));
    body(view, finding, screen);
}

/// Writes what is wrong without blocking anything.
pub(super) fn write_warning(view: View, finding: &FindingEntry, screen: &mut Screen) {
    screen.gap();
    screen.toned(Tone::Caution, 0, "Warning:", &sentence(finding));
    body(view, finding, screen);
}

/// Writes what is not broken and can be lost.
pub(super) fn write_risk(view: View, finding: &FindingEntry, screen: &mut Screen) {
    screen.gap();
    screen.toned(Tone::Caution, 0, "At risk:", &sentence(finding));
    body(view, finding, screen);
}

fn sentence(finding: &FindingEntry) -> String {
    match finding.confidence {
        Confidence::Certain => finding.title.to_owned(),
        Confidence::Likely => format!("{} (likely; see the evidence for what would settle it)", finding.title),
    }
}

fn body(view: View, finding: &FindingEntry, screen: &mut Screen) {
    places(finding, screen);
    screen.gap();
    let (first, others) = finding.remedies.split_at(until_command(finding));
    let smallest = smallest(finding);
    remedies(view, first, "What to do:", smallest, screen);
    let (objects, findings) = victims(view, finding, screen.wants_all());
    let mark = match (finding.class, finding.severity) {
        (Some(_), _) => "At stake:",
        (None, Severity::Error) => "Blocks",
        (None, _) => "Affects",
    };
    for line in objects {
        screen.item(2, mark, &line);
    }
    for title in findings {
        screen.item(2, "Explains:", &title);
    }
    evidence(view, finding, screen);
    remedies(view, others, if first.is_empty() { "What to do:" } else { "Or:" }, smallest, screen);
    if let Some(why) = finding.no_repair.filter(|_| screen.wants_all()) {
        screen.gap();
        screen.paragraph(2, &format!("No repair was found that works: {why}."));
    }
    screen.gap();
    screen.styled(Tone::Faint, 2, &format!("More: kubectl storagewhy explain {}", finding.rule));
}

/// Where in the manifests it is to be put right.
fn places(finding: &FindingEntry, screen: &mut Screen) {
    let all: Vec<&PlaceEntry> = finding.place.iter().chain(&finding.more_places).collect();
    let shown = if screen.wants_all() { all.len() } else { PLACES };
    for PlaceEntry { file, line, path, .. } in all.iter().take(shown) {
        let field = if path.is_empty() { String::new() } else { format!(", {path}") };
        screen.paragraph(2, &format!("In {file}:{line}{field}"));
    }
    if all.len() > shown {
        screen.paragraph(2, &format!("… and at {} more places (-o json has them)", all.len() - shown));
    }
}

/// The victims, told once: a line a kind, and the titles of the findings that hang under this one.
fn victims(view: View, finding: &FindingEntry, all: bool) -> (Vec<String>, Vec<String>) {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    let mut titles = Vec::new();
    for explained in &finding.explains {
        match explained {
            ExplainedEntry::Object(object) => {
                let name = view.local(object.namespace, object.name);
                match groups.iter_mut().find(|(kind, _)| *kind == object.kind) {
                    Some((_, members)) => members.push(name),
                    None => groups.push((object.kind, vec![name])),
                }
            }
            ExplainedEntry::Finding(id) => symptoms(view, id, &mut titles),
        }
    }
    let group = |(kind, members): &(&str, Vec<String>)| {
        let kind = if members.len() == 1 { noun(kind).to_owned() } else { plural(kind) };
        let shown = if members.len() > NAMES && !all { MANY } else { members.len() };
        format!("{kind} {}", names(members, shown))
    };
    groups.sort_by_key(|(kind, _)| (*kind != "Pod", *kind != "PersistentVolumeClaim"));
    (groups.iter().map(group).collect(), titles)
}

/// The titles of a finding that hangs under another one, and of those that hang under it in turn.
fn symptoms(view: View, id: &str, titles: &mut Vec<String>) {
    let Some(finding) = view.findings.iter().find(|other| other.id == id) else { return };
    if titles.iter().any(|title| title == finding.title) {
        return;
    }
    titles.push(finding.title.to_owned());
    for explained in &finding.explains {
        if let ExplainedEntry::Finding(id) = explained {
            symptoms(view, id, titles);
        }
    }
}

fn evidence(view: View, finding: &FindingEntry, screen: &mut Screen) {
    if finding.evidence.is_empty() {
        return;
    }
    screen.gap();
    screen.styled(Tone::Heading, 2, "Evidence");
    let facts = finding.evidence.len();
    let shown = if screen.wants_all() { facts } else { EVIDENCE };
    for fact in finding.evidence.iter().take(shown) {
        screen.item(2, "-", &fact_line(view, fact));
        if !fact.note.is_empty() {
            screen.paragraph(6, fact.note);
        }
    }
    if facts > shown {
        screen.paragraph(4, &format!("… and {} more (-v)", facts - shown));
    }
}

fn fact_line(view: View, fact: &EvidenceEntry) -> String {
    let place = object(view, &fact.object);
    match (fact.path.is_empty(), fact.value.is_empty()) {
        (true, true) => place,
        (true, false) => format!("{place}: {}", fact.value),
        (false, true) => format!("{place} {}", fact.path),
        (false, false) => format!("{place} {}: {}", fact.path, fact.value),
    }
}

fn object(view: View, object: &ObjectEntry) -> String {
    format!("{} {}", noun(object.kind), view.local(object.namespace, object.name))
}

/// The number of remedies up to the first that has a command to run: what stands before the proof.
fn until_command(finding: &FindingEntry) -> usize {
    let has_one =
        |remedy: &RemedyEntry| remedy.steps.iter().any(|step| step.edit.is_some() || step.command.is_some_and(runs));
    finding.remedies.iter().position(has_one).map_or(finding.remedies.len(), |position| position + 1)
}

/// Whether a command is another program's than this one.
fn runs(command: &str) -> bool {
    !command.starts_with("kubectl storagewhy")
}

/// The weight of the smallest repair, where there are several to compare.
fn smallest(finding: &FindingEntry) -> Option<u32> {
    let sizes: Vec<u32> = finding.remedies.iter().filter_map(|remedy| Some(remedy.size?.weight)).collect();
    sizes.iter().min().copied().filter(|_| sizes.len() > 1)
}

fn remedies(view: View, remedies: &[RemedyEntry], first: &str, smallest: Option<u32>, screen: &mut Screen) {
    for (position, remedy) in remedies.iter().enumerate() {
        screen.gap();
        if repair::of_manifests(remedy) {
            let lead = if position == 0 && first != "Or:" { "Repair" } else { "Or" };
            repair::write(remedy, lead, 2, screen);
            continue;
        }
        let lead = if position == 0 { first } else { "Or:" };
        screen.toned(Tone::Heading, 2, lead, remedy.title);
        trial(remedy, smallest, screen);
        for (number, step) in remedy.steps.iter().enumerate() {
            let told = remedy.steps.len() == 1 && step.what == remedy.title;
            self::step(view, number, step, told, screen);
        }
        screen.gap();
    }
}

fn trial(remedy: &RemedyEntry, smallest: Option<u32>, screen: &mut Screen) {
    if remedy.then == Some(CHANGES_NOTHING) {
        return;
    }
    let risk = match remedy.risk {
        Risk::Low => "Risk: low.",
        Risk::Medium => "Risk: medium, it changes what runs, or what pods ask for.",
        Risk::High => "Risk: HIGH, it may lose data or stop more than the victim.",
    };
    let (tone, outcome) = match (remedy.trial, remedy.then) {
        (TrialEntry::Schedules, _) => (Tone::Good, "Tried on a copy of the state: every victim is placed.".to_owned()),
        (TrialEntry::NextBlocker, then) => (
            Tone::Caution,
            format!("Tried on a copy of the state: this cause is gone, and next: {}", then.unwrap_or("?")),
        ),
        (TrialEntry::Untried, Some(NOTHING_WAITS)) => (Tone::Faint, String::new()),
        (TrialEntry::Untried, reason) => (Tone::Caution, format!("Not tried: {}", reason.unwrap_or("no reason given"))),
    };
    let tone = if remedy.risk == Risk::High { Tone::Bad } else { tone };
    let stop = if remedy.size.is_some() && !outcome.ends_with('.') { "." } else { "" };
    let size = remedy.size.map(|size| {
        let of = match size.side {
            Side::Cluster => "It changes the cluster",
            Side::Workload => "It changes the workload",
            Side::Both => "It changes both cluster and workload",
        };
        let compared = if smallest == Some(size.weight) { ", and is the smallest change" } else { "" };
        format!(" {of}{compared}.")
    });
    screen.styled(tone, 4, format!("{risk} {outcome}{stop}{}", size.unwrap_or_default()).trim_end());
}

/// A step with its command; its words are left out where the remedy's title has just said them.
fn step(view: View, number: usize, step: &StepEntry, told: bool, screen: &mut Screen) {
    let mark = format!("{}.", number + 1);
    if !told {
        screen.item(4, &mark, step.what);
    }
    if let Some(command) = step.command {
        screen.command(6 + mark.len(), command);
        screen.gap();
    }
    if let Some(undo) = step.undo.filter(|_| screen.wants_all()) {
        screen.styled(Tone::Faint, 5 + mark.len(), "The way back:");
        screen.command(6 + mark.len(), undo);
        screen.gap();
    }
    if let Some(manager) = &step.undone_by {
        screen.styled(Tone::Caution, 5 + mark.len(), &undone(view, manager));
    }
}

fn undone(view: View, manager: &ManagerEntry) -> String {
    let name = view.local(manager.namespace, manager.name);
    let chart = manager.chart.map(|chart| format!(" (chart {chart})")).unwrap_or_default();
    match manager.tool {
        "Helm" => format!("Helm release {name}{chart} owns this: its next upgrade undoes a change made beside it."),
        "Argo CD" => {
            format!("Argo CD application {name} owns this: with self-heal on, it undoes the change; change its source.")
        }
        tool => format!("{tool} {name}{chart} owns this and may undo the change."),
    }
}
