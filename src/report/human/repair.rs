//! Repairs that change manifests: each change with its place, what goes and what comes.

use serde_json::Value;

use super::{Screen, Tone};
use crate::diagnosis::{EditOp, Risk};
use crate::preflight::manifests;
use crate::report::document::{EditEntry, RemedyEntry, TrialEntry};

/// Lines of a value that are written out.
const LINES: usize = 16;
/// Repairs of one refusal that are written out, where not all are wanted.
const FIRST: usize = 2;

/// Whether a repair changes manifests, or was tried on them.
pub(super) fn of_manifests(remedy: &RemedyEntry<'_>) -> bool {
    remedy.fits.is_some() || remedy.steps.iter().any(|step| step.edit.is_some())
}

/// Writes the repairs of a refusal, or why there is none.
pub(super) fn write_all(remedies: &[RemedyEntry<'_>], none: Option<&str>, screen: &mut Screen) {
    let shown = if screen.wants_all() { remedies.len() } else { FIRST };
    for (position, remedy) in remedies.iter().take(shown).enumerate() {
        screen.gap();
        write(remedy, if position == 0 { "Repair" } else { "Or" }, 2, screen);
    }
    if let Some(why) = none {
        screen.paragraph(2, &format!("No repair was found that works: {why}."));
    }
}

/// Writes a repair with what came of trying it.
pub(super) fn write(remedy: &RemedyEntry<'_>, lead: &str, indent: usize, screen: &mut Screen) {
    screen.styled(Tone::Heading, indent, &format!("{lead} ({})", remedy.outcome()));
    if !remedy.steps.iter().any(|step| step.edit.is_none() && step.what.starts_with(remedy.title)) {
        screen.paragraph(indent + 2, &format!("{}.", remedy.title));
    }
    if let (TrialEntry::NextBlocker, Some(then)) = (remedy.trial, remedy.then) {
        screen.styled(Tone::Caution, indent + 2, &format!("Then: {then}"));
    }
    if let (TrialEntry::Untried, Some(why)) = (remedy.trial, remedy.then) {
        screen.styled(Tone::Caution, indent + 2, &format!("Not tried: {why}"));
    }
    match remedy.risk {
        Risk::Low => {}
        Risk::Medium => {
            screen.paragraph(indent + 2, "Risk: medium, it changes what runs, or what pods ask for.");
        }
        Risk::High => {
            screen.styled(Tone::Bad, indent + 2, "Risk: HIGH, it may lose data or stop more than the victim.");
        }
    }
    for step in &remedy.steps {
        match &step.edit {
            Some(edit) => change(edit, step.what, indent + 2, screen),
            None => {
                screen.paragraph(indent + 2, step.what);
                if let Some(command) = step.command {
                    screen.command(indent + 4, command);
                }
            }
        }
    }
    screen.gap();
}

fn change(edit: &EditEntry<'_>, what: &str, indent: usize, screen: &mut Screen) {
    let place = format!("{}:{}:{}", edit.file, edit.line, edit.column);
    let subject = if edit.path.is_empty() { edit.document } else { edit.path };
    screen.toned(Tone::Plain, indent, &place, subject);
    let inner = indent + 2;
    match edit.op {
        EditOp::Move => screen.toned(Tone::Good, inner, "+", &text(edit.to)),
        _ => {
            lines(edit.from, "-", Tone::Bad, inner, screen);
            lines(edit.to, "+", Tone::Good, inner, screen);
        }
    }
    if let Some((_, condition)) = what.split_once(", if ") {
        screen.styled(Tone::Faint, inner, &format!("if {condition}"));
    }
    if let Some(source) = edit.rendered() {
        screen.styled(Tone::Caution, inner, &source);
    }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn lines(value: Option<&Value>, mark: &str, tone: Tone, indent: usize, screen: &mut Screen) {
    let Some(value) = value else { return };
    let lines = manifests::lines(value);
    let more = lines.len().saturating_sub(LINES);
    for line in lines.iter().take(LINES) {
        screen.line(tone, &format!("{:indent$}{mark} {line}", ""));
    }
    if more > 0 {
        screen.line(Tone::Faint, &format!("{:indent$}{mark} … {more} lines more", ""));
    }
}
