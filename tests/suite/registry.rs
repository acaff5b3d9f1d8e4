//! What holds for every rule: its page, its fixtures, its name.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use crate::cases::{fixtures, load, show, yaml_files};
use storagewhy::diagnosis::{Options, Scope};
use storagewhy::engine::diagnose_by;
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
            let told = |rules: &[&'static Rule]| {
                let diagnosis = diagnose_by(rules, &snapshot, &Scope::default(), &Options::default());
                format!("{}{:?}", show(&diagnosis.findings), diagnosis.skipped)
            };
            assert_eq!(told(&REGISTRY), told(&shuffled(seed)), "{}", path.display());
        }
    }
}

/// The folders of the source from above to below, as docs/architecture.md has them.
fn layers() -> Vec<String> {
    let page = include_str!("../../docs/architecture.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `src/")?.split_once("/`"));
    rows.map(|(folder, _)| folder.to_owned()).collect()
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn no_import_goes_up() {
    let layers = layers();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let place = |folder: &str| layers.iter().position(|layer| layer == folder);
    let mut folders = BTreeSet::new();
    for path in files {
        let inside = path.strip_prefix(&root).unwrap();
        let folder = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        if folder.ends_with(".rs") {
            continue;
        }
        let from = place(&folder).unwrap_or_else(|| panic!("docs/architecture.md does not tell of src/{folder}"));
        folders.insert(folder);
        let text = std::fs::read_to_string(&path).unwrap();
        for (_, rest) in text.match_indices("crate::").map(|(at, found)| text.split_at(at + found.len())) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let up = place(&name).is_some_and(|to| to < from);
            assert!(!up, "{} imports {name}, which stands above it", inside.display());
        }
    }
    assert_eq!(folders.len(), layers.len(), "docs/architecture.md tells of folders that are not there");
}

#[test]
fn the_rule_that_is_shown_as_an_example_is_the_one_that_runs() {
    let page = include_str!("../../docs/contributing.md");
    let shown = page.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(shown, include_str!("../../src/rules/starting/image_not_pulled.rs"));
    assert!(find("image-not-pulled").is_some_and(|rule| REGISTRY.iter().any(|other| std::ptr::eq(*other, rule))));
}
