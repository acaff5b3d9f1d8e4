//! Every rule against small clusters, each a test of its own (`cargo test --test rules NAME`): those in which it must speak,
//! with the report as people see it beside them, and look-alikes in which it must not. The incidents of docs/catalogue.md
//! are told by the rules that their fixtures name (`# root: RULE`), and nothing else is told as a cause there.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/golden.rs"]
mod golden;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cases::{fixtures, judge, judge_with, load, rules, show, yaml_files};
use libtest_mimic::{Arguments, Trial};
use storagewhy::diagnosis::{Explained, Finding, Scope, Severity};
use storagewhy::engine::Diagnosis;
use storagewhy::report::Report;
use storagewhy::report::human::{self, Screen};
use storagewhy::rules::{REGISTRY, Stage, find};
use storagewhy::scheduler::Outcome;
use storagewhy::snapshot::Snapshot;
use storagewhy::volumes::ClaimPhase;

fn main() {
    let trials = REGISTRY.iter().flat_map(|rule| {
        let files = yaml_files(&fixtures().join("rules").join(rule.name));
        files.into_iter().map(move |path| {
            let name = format!("{}/{}", rule.name, path.file_stem().unwrap().to_string_lossy());
            Trial::test(name, move || {
                hold(rule.name, &path);
                Ok(())
            })
        })
    });
    let incidents = yaml_files(&fixtures().join("catalogue")).into_iter().map(|path| {
        let name = format!("catalogue/{}", path.file_stem().unwrap().to_string_lossy());
        Trial::test(name, move || {
            hold_incident(&path);
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.chain(incidents).collect()).exit();
}

fn is_risk(rule: &str) -> bool {
    find(rule).unwrap().stage == Stage::Risk
}

fn hold_incident(path: &Path) {
    let (snapshot, text) = (load(path), std::fs::read_to_string(path).unwrap());
    let diagnosis = judge(&snapshot);
    whatever_is_blocked_is_explained(&diagnosis);
    one_cause_is_told_once(&diagnosis);
    let wanted: Vec<&str> = asked(&text, "root");
    assert!(!wanted.is_empty(), "{}: no line `# root: RULE`", path.display());
    let shown = show(&diagnosis.findings);
    let told: BTreeSet<&str> = roots(&diagnosis).iter().map(|finding| &*finding.rule).collect();
    assert_eq!(told, wanted.iter().copied().collect(), "{shown}");
    for rule in wanted {
        speaks(rule, &text, &diagnosis);
    }
    looks_as_it_did(path, &snapshot, &diagnosis);
}

/// The errors and warnings that no other explains; where nothing is wrong, the information.
fn roots(diagnosis: &Diagnosis) -> Vec<&Finding> {
    if diagnosis.findings.iter().all(|finding| finding.severity == Severity::Info) {
        return diagnosis.findings.iter().collect();
    }
    let bad = || diagnosis.findings.iter().filter(|finding| finding.severity < Severity::Info);
    let explained: BTreeSet<&str> = bad()
        .flat_map(|finding| &finding.explains)
        .filter_map(|explained| match explained {
            Explained::Finding(id) => Some(id.as_str()),
            Explained::Object(_) => None,
        })
        .collect();
    bad().filter(|finding| !explained.contains(finding.id.as_str())).collect()
}

fn hold(rule: &str, path: &Path) {
    let (snapshot, text) = (load(path), std::fs::read_to_string(path).unwrap());
    let diagnosis = judge_with(&snapshot, is_risk(rule));
    whatever_is_blocked_is_explained(&diagnosis);
    one_cause_is_told_once(&diagnosis);
    if path.file_name().unwrap().to_string_lossy().starts_with("fires-") {
        speaks(rule, &text, &diagnosis);
        looks_as_it_did(path, &snapshot, &diagnosis);
    } else {
        is_silent(rule, &text, &diagnosis);
    }
}

/// What comments at the head of a fixture ask for.
fn asked<'t>(text: &'t str, what: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.strip_prefix("# ")?.strip_prefix(what)?.strip_prefix(": ")).collect()
}

fn speaks(rule: &str, text: &str, diagnosis: &Diagnosis) {
    let of_rule: Vec<&Finding> = diagnosis.findings.iter().filter(|finding| finding.rule == rule).collect();
    let shown = show(&diagnosis.findings);
    assert!(!of_rule.is_empty(), "{shown}");
    for finding in &of_rule {
        let is = [("severity", format!("{:?}", finding.severity)), ("confidence", format!("{:?}", finding.confidence))];
        for (what, is) in is {
            assert!(asked(text, what).iter().all(|wanted| is.eq_ignore_ascii_case(wanted)), "{what} {is}: {shown}");
        }
        is_a_sentence_with_proof(finding);
        assert_eq!(finding.risk.is_some(), is_risk(rule), "{}", finding.title);
    }
    for expected in asked(text, "says") {
        assert!(of_rule.iter().any(|finding| finding.title.contains(expected)), "{expected}\n{shown}");
    }
    for expected in asked(text, "proof") {
        let mut facts = of_rule.iter().flat_map(|finding| &finding.evidence);
        assert!(facts.any(|fact| fact.note.contains(expected) || fact.value.contains(expected)), "{expected}\n{shown}");
    }
}

fn is_silent(rule: &str, text: &str, diagnosis: &Diagnosis) {
    let told = rules(diagnosis);
    assert!(!told.contains(&rule), "{}", show(&diagnosis.findings));
    for instead in asked(text, "instead") {
        assert!(told.contains(&instead), "{}", show(&diagnosis.findings));
    }
}

fn is_a_sentence_with_proof(finding: &Finding) {
    let title = &finding.title;
    assert!(title.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit()), "{title}");
    assert!(!title.ends_with('.') && !title.contains('\n') && title.len() < 400, "{title}");
    assert!(!finding.evidence.is_empty(), "{title}: no evidence");
    assert!(finding.evidence.iter().all(|evidence| !evidence.note.is_empty()), "{title}");
    for remedy in &finding.remedies {
        assert_ne!(remedy.trial, storagewhy::diagnosis::Trial::pending(), "{title}: {}", remedy.title);
        assert!(!remedy.steps.is_empty(), "{title}: {}", remedy.title);
    }
}

fn whatever_is_blocked_is_explained(diagnosis: &Diagnosis) {
    for (pod, verdict, ids) in &diagnosis.pods {
        let causes = diagnosis.findings.iter().filter(|finding| ids.contains(&finding.id));
        let told = causes.map(|finding| finding.severity).min().is_some_and(|worst| worst < Severity::Info);
        let blocked = verdict.outcome == Outcome::Unschedulable;
        assert!(!blocked || told || diagnosis.passes(ids), "{pod}: {}", show(&diagnosis.findings));
    }
    for (claim, verdict, ids) in &diagnosis.claims {
        assert!(matches!(verdict.phase, ClaimPhase::Bound | ClaimPhase::Unknown) || !ids.is_empty(), "{claim}");
    }
}

fn one_cause_is_told_once(diagnosis: &Diagnosis) {
    let errors = || diagnosis.findings.iter().filter(|finding| finding.severity == Severity::Error);
    for (pod, ..) in &diagnosis.pods {
        let about = errors().filter(|finding| finding.victims().any(|victim| victim == pod));
        assert!(about.count() <= 1, "{pod}: {}", show(&diagnosis.findings));
    }
    let ids: BTreeSet<&str> = diagnosis.findings.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(ids.len(), diagnosis.findings.len());
}

/// The report as people see it, at 80 columns.
fn looks_as_it_did(path: &Path, snapshot: &Snapshot, diagnosis: &Diagnosis) {
    let scope = Scope::default();
    let report = Report::new(snapshot, &scope, diagnosis);
    let mut screen = Screen::new(80);
    human::write(&report, &mut screen);
    let text = anstream::adapter::strip_str(&screen.finish()).to_string();
    let kept: PathBuf = path.with_extension("txt");
    golden::compare(kept.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_str().unwrap(), &text);
}
