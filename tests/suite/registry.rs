//! What holds for every rule: its page, its fixtures, its name.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use crate::cases::{fixtures, load, show, yaml_files};
use storagewhy::diagnosis::{Options, Scope, diagnose};
use storagewhy::rules::{REGISTRY, Rule, Stage, find};

const HEADINGS: [&str; 5] = ["What it means", "How it is recognised", "Look-alikes", "How to repair", "References"];

#[test]
fn every_page_has_the_fixed_headings_in_order_and_says_something_under_each() {
    for rule in REGISTRY.iter().copied() {
        let mut lines = rule.page.lines();
        assert_eq!(lines.next(), Some(format!("# {}", rule.name).as_str()));
        let headings: Vec<&str> = rule.page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, HEADINGS, "{}", rule.name);
        for part in rule.page.split("\n## ").skip(1) {
            assert!(part.lines().skip(1).any(|line| !line.trim().is_empty()), "{}: {part}", rule.name);
        }
        let references = rule.page.split("## References").nth(1).unwrap();
        assert!(references.contains("https://"), "{}", rule.name);
    }
}

#[test]
fn every_rule_has_a_cluster_in_which_it_speaks_and_a_look_alike() {
    for rule in REGISTRY.iter().copied() {
        let files = yaml_files(&fixtures().join("rules").join(rule.name));
        for prefix in ["fires-", "silent-"] {
            let named = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(prefix);
            assert!(files.iter().any(named), "{}: no fixture {prefix}*.yaml", rule.name);
        }
    }
}

#[test]
fn names_are_unique_kebab_case_and_nothing_is_left_over() {
    let names: BTreeSet<&str> = REGISTRY.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), REGISTRY.len());
    for rule in REGISTRY.iter().copied() {
        assert!(rule.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.name);
        assert!(rule.summary.ends_with('.') && rule.summary.len() < 120, "{}: {}", rule.name, rule.summary);
        assert!(rule.since.split('.').count() == 3, "{}", rule.name);
        assert_eq!(find(rule.name).map(|found| found.name), Some(rule.name));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, what) in [(root.join("docs/rules"), "page"), (fixtures().join("rules"), "fixtures")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(names.contains(name.as_str()), "{what} of no rule: {name}");
        }
    }
}

/// The rules stage by stage, each stage in another order.
fn shuffled(seed: usize) -> Vec<&'static Rule> {
    let stage = |stage: &Stage| {
        let mut rules: Vec<&Rule> = REGISTRY.iter().copied().filter(|rule| rule.stage == *stage).collect();
        rules.reverse();
        let by = seed % rules.len();
        rules.rotate_left(by);
        rules
    };
    Stage::ALL.iter().flat_map(stage).collect()
}

#[test]
fn the_order_of_rules_within_a_stage_makes_no_difference() {
    for rule in REGISTRY.iter() {
        for (seed, path) in yaml_files(&fixtures().join("rules").join(rule.name)).iter().enumerate() {
            let snapshot = load(path);
            let told = |rules: Option<Vec<&'static Rule>>| {
                let diagnosis = diagnose(&snapshot, &Scope::default(), &Options { rules, ..Options::default() });
                format!("{}{:?}", show(&diagnosis.findings), diagnosis.skipped)
            };
            assert_eq!(told(None), told(Some(shuffled(seed))), "{}", path.display());
        }
    }
}
