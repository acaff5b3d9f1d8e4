//! Claims that don't bind: what the controllers say, and why no volume matches.

use super::words::{NAMES, count, local, names};
use super::{Screen, Tone};
use crate::report::document::{ClaimEntry, Report};

/// Volumes of which the same is told that are named.
const VOLUMES: usize = 4;

/// The claims that won't bind by themselves, with what the PV controller says and why no volume matches.
pub(super) fn write(report: &Report, screen: &mut Screen) {
    let blocked: Vec<&ClaimEntry> = report.claims.iter().filter(|claim| claim.blocked()).collect();
    if blocked.is_empty() {
        return;
    }
    screen.gap();
    screen.styled(Tone::Heading, 0, "Claims that don't bind");
    for claim in blocked.iter().take(NAMES) {
        let says = claim
            .event
            .as_ref()
            .map_or_else(|| claim.verdict.to_string(), |event| format!("{}: {}", event.reason, event.message));
        screen.item(2, "-", &format!("{}: {says}", local(report.source.namespace, claim.namespace, claim.name)));
        mismatches(claim, screen);
        provisioner(claim, screen);
    }
    if blocked.len() > NAMES {
        screen.paragraph(2, &format!("… and {} more; -o json has them all", blocked.len() - NAMES));
    }
}

fn mismatches(claim: &ClaimEntry, screen: &mut Screen) {
    let mut groups: Vec<(&[String], Vec<&str>)> = Vec::new();
    for volume in &claim.volumes {
        match groups.iter_mut().find(|(mismatch, _)| *mismatch == volume.mismatch) {
            Some((_, volumes)) => volumes.push(volume.name),
            None => groups.push((&volume.mismatch, vec![volume.name])),
        }
    }
    for (mismatch, volumes) in groups.iter().take(NAMES) {
        let text = if mismatch.is_empty() { "matches".to_owned() } else { mismatch.join("; ") };
        screen.paragraph(6, &format!("{}: {text}", names(volumes, VOLUMES)));
    }
    if claim.volumes_left_out > 0 {
        screen.paragraph(6, &format!("{} more, of other claims or classes", count(claim.volumes_left_out, "volume")));
    }
}

/// What stops the provisioner, and what it last said of the claim.
fn provisioner(claim: &ClaimEntry, screen: &mut Screen) {
    let Some(verdict) = claim.provisioner else { return };
    if let Some(problem) = &verdict.problem {
        screen.paragraph(6, &format!("the provisioner of {} stops: {problem}", verdict.driver));
    }
    if let Some(report) = &verdict.report {
        screen.styled(Tone::Faint, 6, &format!("{} said: {}: {}", verdict.driver, report.reason, report.message));
    }
}
