//! Every rule against small clusters: those in which it must speak, and look-alikes in which it must not.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

#[path = "support/cases.rs"]
mod cases;

use std::collections::BTreeSet;
use std::path::Path;

use cases::{fixtures, judge, load, rules, show, yaml_files};
use storagewhy::diagnosis::{Diagnosis, Severity};
use storagewhy::model::{Kind, ObjectRef};
use storagewhy::rules::REGISTRY;
use storagewhy::scheduler::Outcome;

fn each(prefix: &str, mut test: impl FnMut(&'static str, &Path, &Diagnosis)) {
    for rule in REGISTRY.iter().copied() {
        for path in yaml_files(&fixtures().join("rules").join(rule.name)) {
            if path.file_name().unwrap().to_string_lossy().starts_with(prefix) {
                test(rule.name, &path, &judge(&load(&path)));
            }
        }
    }
}

#[test]
fn rules_speak_where_they_must() {
    each("fires-", |rule, path, diagnosis| {
        assert!(rules(diagnosis).contains(&rule), "{}: {}", path.display(), show(&diagnosis.findings));
    });
}

/// What a comment at the head of a fixture asks for.
fn asked<'t>(text: &'t str, what: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(what)?.strip_prefix(": "))
}

#[test]
fn rules_are_as_severe_and_as_certain_as_fixtures_ask() {
    each("fires-", |rule, path, diagnosis| {
        let text = std::fs::read_to_string(path).unwrap();
        for finding in diagnosis.findings.iter().filter(|finding| finding.rule == rule) {
            let is =
                [("severity", format!("{:?}", finding.severity)), ("confidence", format!("{:?}", finding.confidence))];
            for (what, is) in is {
                let wanted = asked(&text, what);
                let fits = wanted.is_none_or(|wanted| is.eq_ignore_ascii_case(wanted));
                assert!(fits, "{}: {what} {is}: {}", path.display(), show(std::slice::from_ref(finding)));
            }
        }
    });
}

#[test]
fn rules_say_what_decides() {
    each("fires-", |rule, path, diagnosis| {
        let text = std::fs::read_to_string(path).unwrap();
        for expected in text.lines().filter_map(|line| line.strip_prefix("# says: ")) {
            let mut of_rule = diagnosis.findings.iter().filter(|finding| finding.rule == rule);
            assert!(
                of_rule.any(|finding| finding.title.contains(expected)),
                "{}: {expected}\n{}",
                path.display(),
                show(&diagnosis.findings)
            );
        }
        for expected in text.lines().filter_map(|line| line.strip_prefix("# proof: ")) {
            let mut facts = diagnosis.findings.iter().filter(|it| it.rule == rule).flat_map(|it| &it.evidence);
            assert!(
                facts.any(|fact| fact.note.contains(expected) || fact.value.contains(expected)),
                "{}: {expected}\n{}",
                path.display(),
                show(&diagnosis.findings)
            );
        }
    });
}

#[test]
fn rules_are_silent_about_look_alikes_and_another_tells_the_cause() {
    each("silent-", |rule, path, diagnosis| {
        let told = rules(diagnosis);
        assert!(!told.contains(&rule), "{}: {}", path.display(), show(&diagnosis.findings));
        let text = std::fs::read_to_string(path).unwrap();
        if let Some(instead) = asked(&text, "instead") {
            assert!(told.contains(&instead), "{}: {}", path.display(), show(&diagnosis.findings));
        }
    });
}

#[test]
fn whatever_is_blocked_is_explained() {
    each("", |_, path, diagnosis| {
        for (pod, verdict, ids) in &diagnosis.pods {
            let causes = diagnosis.findings.iter().filter(|finding| ids.contains(&finding.id));
            let worst = causes.map(|finding| finding.severity).min();
            if verdict.outcome == Outcome::Unschedulable {
                assert!(
                    worst.is_some_and(|worst| worst < Severity::Info) || diagnosis.passes(ids),
                    "{}: {pod}: {}",
                    path.display(),
                    show(&diagnosis.findings)
                );
            }
        }
        for (claim, verdict, ids) in &diagnosis.claims {
            assert!(
                verdict.phase == "Bound" || verdict.phase == "Unknown" || !ids.is_empty(),
                "{}: {claim}",
                path.display()
            );
        }
    });
}

#[test]
fn one_cause_is_told_once() {
    each("", |_, path, diagnosis| {
        for (pod, ..) in &diagnosis.pods {
            let errors = diagnosis
                .findings
                .iter()
                .filter(|finding| finding.severity == Severity::Error && finding.victims().any(|victim| victim == pod));
            assert!(errors.count() <= 1, "{}: {pod}: {}", path.display(), show(&diagnosis.findings));
        }
        let ids: BTreeSet<&str> = diagnosis.findings.iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids.len(), diagnosis.findings.len(), "{}", path.display());
    });
}

#[test]
fn findings_are_sentences_about_named_objects() {
    each("fires-", |rule, path, diagnosis| {
        for finding in diagnosis.findings.iter().filter(|finding| finding.rule == rule) {
            let title = &finding.title;
            let context = format!("{}: {title}", path.display());
            assert!(title.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit()), "{context}");
            assert!(!title.ends_with('.') && !title.contains('\n') && title.len() < 400, "{context}");
            assert!(!finding.evidence.is_empty(), "{context}: no evidence");
            assert!(finding.evidence.iter().all(|evidence| !evidence.note.is_empty()), "{context}");
            for remedy in &finding.remedies {
                assert_ne!(remedy.trial, storagewhy::diagnosis::Trial::pending(), "{context}: {}", remedy.title);
                assert!(!remedy.steps.is_empty(), "{context}: {}", remedy.title);
            }
        }
    });
}

#[test]
fn a_diagnosis_of_one_object_names_the_same_cause() {
    let path = fixtures().join("story/as-it-happened-ordered.yaml");
    let snapshot = load(&path);
    let whole = judge(&snapshot);
    for object in [
        ObjectRef::new(Kind::Pod, "vault", "vault-0"),
        ObjectRef::new(Kind::Pod, "vault", "vault-2"),
        ObjectRef::new(Kind::PersistentVolumeClaim, "vault", "data-vault-0"),
        ObjectRef::new(Kind::StatefulSet, "vault", "vault"),
        ObjectRef::new(Kind::StorageClass, "", "topolvm-provisioner"),
    ] {
        let scope = storagewhy::diagnosis::Scope { targets: vec![object.clone()], ..Default::default() };
        let one = storagewhy::diagnosis::diagnose(&snapshot, &scope, &Default::default());
        if object.name != "vault-2" {
            assert_eq!(one.findings.first().map(|f| &f.id), whole.findings.first().map(|f| &f.id), "{object}");
        }
    }
}
