//! Rules that users write, from the outside: files, reports, exit codes, and texts that nobody should write.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read and write files and may panic")]

use std::fs;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};
use storagewhy::diagnosis::{Options, Severity};
use storagewhy::engine::{Diagnosis, diagnose_with};
use storagewhy::model::Kind;
use storagewhy::own::OwnRules;
use storagewhy::rules::REGISTRY;
use storagewhy::snapshot::{Builder, Problem, Scope, Snapshot};
use tempfile::TempDir;

use crate::binary::{Run, command, finish, run};

const EXAMPLES: &str = "docs/examples/rules";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn rule(kind: &str, when: &str, more: &str) -> String {
    let when = when.replace('\n', "\n  ");
    format!(
        "name: test\nsummary: A test.\nseverity: error\nkind: {kind}\nwhen: |\n  {when}\ntitle: of {{object.metadata.name}}\n{more}"
    )
}

fn pod(name: &str, owner: Option<&str>) -> Value {
    let owners: Vec<Value> = owner
        .map(|owner| json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": "u", "controller": true}))
        .into_iter()
        .collect();
    json!({"metadata": {"namespace": "app", "name": name, "ownerReferences": owners},
        "spec": {"schedulerName": "default-scheduler", "containers": [{"name": "c"}]}, "status": {"phase": "Pending"}})
}

fn cluster(pods: &[Value], unread: Option<Kind>) -> Snapshot {
    let mut builder = Builder::default();
    for pod in pods {
        builder.add(Kind::Pod, pod.clone()).unwrap();
    }
    builder.add(Kind::Namespace, json!({"metadata": {"name": "app"}})).unwrap();
    if let Some(kind) = unread {
        builder.cover(kind, Scope::Nothing(Problem::Forbidden));
    }
    builder.build(&Scope::All)
}

fn diagnose(text: &str, snapshot: &Snapshot) -> Diagnosis {
    let rules = OwnRules::load([("test.yaml", text)]).unwrap_or_else(|errors| panic!("{errors:?}"));
    diagnose_with(&REGISTRY, &rules, snapshot, &storagewhy::diagnosis::Scope::default(), &Options::default())
}

fn skipped(diagnosis: &Diagnosis) -> Option<&str> {
    diagnosis.skipped.iter().find(|(rule, _)| rule == "own/test").map(|(_, reason)| reason.as_str())
}

fn errors(text: &str) -> Vec<String> {
    OwnRules::load([("test.yaml", text)]).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn the_examples_of_the_documentation_hold() {
    let run = run(&["rules", "test", EXAMPLES]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.ends_with("5 passed, 0 failed\n"), "{}", run.stdout);
}

#[test]
fn an_example_that_does_not_hold_is_told_and_ends_with_1() {
    let cluster = "cluster: [{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: app}}]";
    let wrong = format!(
        "examples:\n- name: silent\n  {cluster}\n  fires: []\n- name: other title\n  {cluster}\n  fires: [{{object: Pod/app/a, title: of b}}]\n- name: nobody\n  {cluster}\n  fires: [{{object: Pod/app/a}}, {{object: Pod/app/b}}]\n"
    );
    let folder = folder(&[("a.yaml", &rule("Pod", "true", &wrong))]);
    let run = run(&["rules", "test", folder.path().to_str().unwrap(), "-o", "json"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let outcome: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&outcome["passed"], &outcome["failed"]), (&json!(0), &json!(3)));
    let said: Vec<&str> =
        outcome["examples"].as_array().unwrap().iter().map(|e| e["differences"][0].as_str().unwrap()).collect();
    assert_eq!(
        said,
        ["fires on Pod/app/a: \"of a\"", "says of Pod/app/a: \"of a\", and not \"of b\"", "is silent on Pod/app/b"]
    );
}

#[test]
fn rules_are_listed_beside_the_built_in_ones_and_explained() {
    let listed = run(&["rules", "--from-dir", EXAMPLES, "-o", "json"]);
    let catalogue: Value = serde_json::from_str(&listed.stdout).unwrap();
    let rules = catalogue["rules"].as_array().unwrap();
    assert_eq!(rules.len(), REGISTRY.len() + 3);
    let own = rules.iter().find(|rule| rule["name"] == "own/rack-gone").unwrap();
    assert_eq!((&own["room"], &own["since"], &own["severity"]), (&json!("own"), &Value::Null, &json!("error")));
    assert_eq!(own["needs"], json!(["Pod", "Node"]));
    let page = run(&["explain", "own/rack-gone", "--rules", EXAMPLES]);
    assert!(page.stdout.starts_with("# own/rack-gone\n") && page.stdout.contains("rack-gone.yaml"), "{}", page.stdout);
    assert_eq!(run(&["explain", "own/nothing", "--rules", EXAMPLES]).code, Some(2));
}

fn reported(rules: Option<&str>, home: Option<&str>) -> Run {
    let mut args = vec!["--example", "topolvm", "-o", "json"];
    args.extend(rules.into_iter().flat_map(|rules| ["--rules", rules]));
    let mut command = command(&args);
    home.into_iter().for_each(|home| {
        command.env("XDG_CONFIG_HOME", home);
    });
    finish(command.output().unwrap())
}

fn own_findings(run: &Run) -> usize {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == "own/test").count()
}

#[test]
fn the_default_folder_is_read_where_it_is_and_a_named_one_takes_its_place() {
    let home = TempDir::new().unwrap();
    let rules = home.path().join("storagewhy/rules");
    fs::create_dir_all(&rules).unwrap();
    let text = rule("Node", "true", "");
    fs::write(rules.join("a.yaml"), text.replace("error", "info")).unwrap();
    assert!(own_findings(&reported(None, home.path().to_str())) > 0);
    assert_eq!(own_findings(&reported(None, Some("/nonexistent"))), 0);
    assert_eq!(own_findings(&reported(Some(EXAMPLES), home.path().to_str())), 0);
}

#[test]
fn a_wrong_rule_ends_the_run_with_2_and_says_where() {
    let good = rule("Pod", "true", "");
    for (text, says) in [
        (good.replace("true", "object.metadata.name ==\n  1 +"), "bad.yaml:7:6: the expression ends too early"),
        (good.replace("true", "verdict.outcome == thing"), "bad.yaml:6:22: there is no variable `thing`"),
        (good.replace("true", "object.spec.hostPID"), "a snapshot keeps no field `spec.hostPID` of a Pod"),
        (good.replace("of {object", "of {objekt"), "bad.yaml:7:12: there is no variable `objekt`"),
        (good.replace("kind: Pod", "kind: pvc"), "bad.yaml:4:7: no kind `pvc` is read: write PersistentVolumeClaim"),
        (good.replace("name: test", "name: own/test"), "bad.yaml:1:7: a name has"),
        (format!("{good}colour: red\n"), "unknown field `colour`"),
        (good.replace("severity: error", "severity: grave"), "bad.yaml:3:11: "),
        ("{".to_owned(), "bad.yaml:"),
    ] {
        let folder = folder(&[("bad.yaml", &text)]);
        let run = reported(folder.path().to_str(), None);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{}", run.stderr);
        assert!(run.stderr.contains(says), "{says}: {}", run.stderr);
    }
    let twice = folder(&[("a.yaml", &good), ("b.yaml", &good), ("c.yaml", "x")]);
    let run = reported(twice.path().to_str(), None);
    assert!(run.stderr.contains("b.yaml:1:7: ") && run.stderr.contains("c.yaml:1:1: "), "{}", run.stderr);
    let empty = folder(&[("notes.txt", "x")]);
    assert!(reported(empty.path().to_str(), None).stderr.contains("has no rules"));
    assert_eq!(reported(Some("/nonexistent"), None).code, Some(2));
}

#[test]
fn an_own_error_explains_its_object_and_pods_of_one_controller_are_told_once() {
    let more = "evidence:\n- path: spec.containers[0].name\n- path: spec.nodeName\nremedies:\n- title: Do it\n  steps:\n  - what: Ask\n    command: echo {object.metadata.name}\n";
    let pods = [pod("web-a", Some("web")), pod("web-b", Some("web")), pod("alone", None)];
    let diagnosis = diagnose(&rule("Pod", "verdict.outcome == 'Unschedulable'", more), &cluster(&pods, None));
    let own: Vec<_> = diagnosis.findings.iter().filter(|finding| finding.rule == "own/test").collect();
    assert_eq!(own.len(), 2);
    let web = own.iter().find(|finding| finding.object.name == "web-a").unwrap();
    assert_eq!(web.title, "of web-a (and the same of 1 other pod of its controller)");
    assert_eq!((web.victims().count(), web.severity), (2, Severity::Error));
    let facts: Vec<&str> = web.evidence.iter().map(|fact| fact.value.as_str()).collect();
    assert_eq!(facts, ["c", "not set"]);
    assert_eq!(web.remedies[0].steps[0].command.as_deref(), Some("echo web-a"));
    assert!(diagnosis.blocked() && !diagnosis.findings.iter().any(|finding| finding.rule == "no-node-fits"));
}

#[test]
fn what_was_not_read_is_never_taken_for_absent() {
    let text = rule("Pod", "!find('StorageClass', 'fast').hasValue()", "");
    let read = diagnose(&text, &cluster(&[pod("a", None)], None));
    assert!(read.findings.iter().any(|finding| finding.rule == "own/test"));
    let unread = diagnose(&text, &cluster(&[pod("a", None)], Some(Kind::StorageClass)));
    assert!(!unread.findings.iter().any(|finding| finding.rule == "own/test"));
    assert_eq!(skipped(&unread), Some("Pod/app/a: storageclasses: forbidden"));
}

#[test]
fn a_rule_that_has_no_value_is_skipped_with_the_reason_and_the_others_go_on() {
    let text = rule("Pod", "object.spec.nodeName == 'a'", "");
    let diagnosis = diagnose(&text, &cluster(&[pod("a", None), pod("b", None)], None));
    let reason = skipped(&diagnosis).unwrap();
    assert!(
        reason.starts_with("Pod/app/a: there is no `nodeName`") && reason.ends_with("; and 1 object more"),
        "{reason}"
    );
    assert!(!diagnosis.findings.is_empty(), "built-in rules speak");
}

#[test]
fn hostile_rules_end_soon_and_are_told_as_not_judged() {
    let pods: Vec<Value> = (0..300).map(|number| pod(&format!("pod-{number}"), None)).collect();
    let snapshot = cluster(&pods, None);
    for when in [
        "objects('Pod').all(a, objects('Pod').all(b, objects('Pod').all(c, objects('Pod').all(d, a == a))))",
        "objects('Pod').map(a, objects('Pod').map(b, objects('Pod').map(c, [a, b, c]))).size() > 0",
        "objects('Pod').map(a, string(objects('Pod'))).join('').matches('(a*a*)*b')",
    ] {
        let begun = Instant::now();
        let diagnosis = diagnose(&rule("Namespace", when, ""), &snapshot);
        let reason = skipped(&diagnosis).unwrap_or_else(|| panic!("{when}"));
        assert!(reason.contains("it takes too long") || reason.contains("grow too large"), "{reason}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{when}: {:?}", begun.elapsed());
    }
}

#[test]
fn texts_of_rules_reach_the_screen_without_control_characters() {
    let text =
        rule("Node", "true", "").replace("title: of", "title: \"\\e[31mred\\u202e of").replace("name}", "name}\"");
    assert!(errors(&text)[0].contains("control character"), "{:?}", errors(&text));
    let text =
        rule("Node", "true", "").replace("A test.", "\"\\u202eA test.\"").replace("title: of", "title: \u{202e}of");
    let folder = folder(&[("a.yaml", &text)]);
    let path = folder.path().to_str().unwrap();
    for args in [&["rules", "--from-dir", path][..], &["--example", "topolvm", "--rules", path]] {
        assert!(!run(args).stdout.contains('\u{202e}'), "{args:?}");
    }
}

#[test]
fn yaml_that_explodes_is_refused() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (this, last) in ('b'..='k').zip('a'..) {
        text.push_str(&format!("{this}: &{this} [{}]\n", vec![format!("*{last}"); 9].join(", ")));
    }
    assert_eq!(errors(&text).len(), 1);
    assert_eq!(errors(&"[".repeat(100_000)).len(), 1);
    assert_eq!(errors(&format!("when: {}", "- ".repeat(10_000))).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_make_the_loader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = OwnRules::load([("x.yaml", &*text)]);
    }

    #[test]
    fn no_expression_makes_a_run_panic(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "object", ".", "metadata", "name", "[", "]", "(", ")", "'a'", "1", "0", "-", "+", "*", "/", "%", "==", "<", "&&", "||",
                "!", "?", ":", "in", "{", "}", ",", "x", ".all(x, ", ".map(x, ", ".filter(x, ", "has(", "objects('Pod')", "size(",
                "quantity(", "duration('1h')", "now", "verdict", "events", ".?", ".orValue(", "9223372036854775807", "1.5", "é", "\n",
            ]),
            0..14,
        ),
    ) {
        let text = rule("Pod", &words.concat(), "");
        if let Ok(rules) = OwnRules::load([("x.yaml", &*text)]) {
            let snapshot = cluster(&[pod("a", None)], None);
            diagnose_with(&[], &rules, &snapshot, &storagewhy::diagnosis::Scope::default(), &Options::default());
        }
    }

    #[test]
    fn a_rule_with_a_part_of_it_changed_never_panics(at in any::<prop::sample::Index>(), put in "\\PC{0,6}") {
        let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/rules/rack-gone.yaml")).unwrap();
        let chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        let changed: String = chars[..at].iter().copied().chain(put.chars()).chain(chars[at + 1..].iter().copied()).collect();
        let _ = OwnRules::load([("x.yaml", &*changed)]);
    }
}
