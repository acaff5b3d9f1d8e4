//! docs/catalogue.md, the rules and the fixtures hold together.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use crate::cases::{fixtures, yaml_files};
use storagewhy::rules::find;

/// A row: the incident, what happens, the rules (none: `–`), their fixtures or the reason.
fn rows() -> Vec<[&'static str; 4]> {
    let page = include_str!("../../docs/catalogue.md");
    let row = |line: &'static str| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let cells: [&str; 4] = cells.try_into().unwrap_or_else(|_| panic!("not four cells: {line}"));
        cells[0].chars().nth(1).is_some_and(|c| c.is_ascii_digit()).then_some(cells)
    };
    page.lines().filter_map(row).collect()
}

/// The fixtures by name, with the rules that they ask for.
fn incidents() -> BTreeMap<String, BTreeSet<String>> {
    let roots = |text: &str| text.lines().filter_map(|line| line.strip_prefix("# root: ")).map(str::to_owned).collect();
    let name = |path: &std::path::Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let files = yaml_files(&fixtures().join("catalogue"));
    files.iter().map(|path| (name(path), roots(&std::fs::read_to_string(path).unwrap()))).collect()
}

#[test]
fn every_incident_names_a_rule_with_a_fixture_or_a_reason() {
    let incidents = incidents();
    for [id, what, rules, place] in rows() {
        assert!(!what.is_empty() && !place.is_empty(), "{id}");
        if rules == "–" {
            assert!(!incidents.keys().any(|name| name.starts_with(id)), "{id} has a fixture and no rule");
            continue;
        }
        let rules: Vec<&str> = rules.split(", ").collect();
        let rooted: BTreeSet<&str> = place
            .split(", ")
            .flat_map(|name| {
                assert!(name.starts_with(id), "{id}: {name} is of another incident");
                incidents.get(name).unwrap_or_else(|| panic!("{id}: no tests/fixtures/catalogue/{name}.yaml"))
            })
            .map(String::as_str)
            .collect();
        assert_eq!(rooted, rules.iter().copied().collect(), "{id}: the fixtures' roots are others");
        assert!(rules.iter().all(|rule| find(rule).is_some()), "{id}: {rules:?}");
    }
}

#[test]
fn every_fixture_of_an_incident_stands_in_the_catalogue() {
    let named: BTreeSet<&str> = rows().iter().flat_map(|[_, _, _, place]| place.split(", ")).collect();
    for name in incidents().keys() {
        assert!(named.contains(name.as_str()), "{name} stands in no row of docs/catalogue.md");
    }
}
