//! What can be lost: told where it is asked for, of what is in scope, behind the causes, and without a part in the outcome.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use crate::binary::run;
use crate::cases::{fixtures, judge, judge_with, load, show, yaml_files};
use storagewhy::diagnosis::{Finding, Loss, Options, Scope};
use storagewhy::engine::{Diagnosis, diagnose};
use storagewhy::model::selector::LabelSelector;
use storagewhy::model::{Kind, ObjectRef};
use storagewhy::report::{Report, human};
use storagewhy::rules::{ROOMS, Stage, find};
use storagewhy::snapshot::{Problem, Scope as Read, Snapshot};

const SET_SHRINKS: &str = "claims-deleted-with-set";
const ONE_NODE: &str = "data-on-one-node";
const RELEASED: &str = "data-left-in-released-volumes";
const CLASS: &str = "class-deleted-with-release";

/// Makes the change of a `kubectl patch` that a remedy prints.
fn patch(snapshot: &mut Snapshot, command: &str) {
    let (words, text) = command.split_once(" -p ").unwrap();
    let words: Vec<&str> = words.split(' ').collect();
    let text = text.trim_matches('\'');
    let kind = Kind::ALL.iter().copied().find(|kind| kind.name().eq_ignore_ascii_case(words[2])).unwrap();
    let names: Vec<&str> = words[3..].iter().copied().take_while(|word| !word.starts_with('-')).collect();
    let namespace = words.iter().position(|word| *word == "-n").map_or("", |at| words[at + 1]);
    for name in names {
        let mut object = snapshot.to_json(kind, namespace, name).unwrap();
        if words.contains(&"--type=json") {
            json_patch::patch(&mut object, &serde_json::from_str::<json_patch::Patch>(text).unwrap()).unwrap();
        } else {
            json_patch::merge(&mut object, &serde_json::from_str(text).unwrap());
        }
        snapshot.put_json(kind, object).unwrap();
    }
}

fn several() -> Snapshot {
    load(&fixtures().join("risks/several.yaml"))
}

fn told(scope: &Scope) -> Vec<String> {
    let diagnosis = diagnose(&several(), scope, &Options { risks: true, ..Options::default() });
    diagnosis.findings.iter().map(|finding| finding.rule.to_string()).collect()
}

fn of_targets(targets: &[ObjectRef]) -> Vec<String> {
    told(&Scope { targets: targets.to_vec(), ..Scope::default() })
}

#[test]
fn data_stands_first_then_claims_then_classes() {
    let diagnosis = judge_with(&several(), true);
    let losses: Vec<Option<Loss>> = diagnosis.findings.iter().map(|finding| Some(finding.risk?.loss)).collect();
    let wanted = [Loss::Data, Loss::Data, Loss::Claims, Loss::Class].map(Some);
    assert_eq!(losses, wanted, "{}", show(&diagnosis.findings));
}

#[test]
fn what_has_begun_stands_before_what_somebody_would_have_to_begin() {
    let mut snapshot = load(&fixtures().join("rules/data-deleted-with-claims/fires-class-default.yaml"));
    let going = load(&fixtures().join("rules/claim-deletion-pending/fires-plain-claim.yaml"));
    for (kind, namespace, name) in [
        (Kind::PersistentVolumeClaim, "app", "dump"),
        (Kind::PersistentVolume, "", "pvc-dump"),
        (Kind::Pod, "app", "dump-x7k2p"),
    ] {
        snapshot.put_json(kind, going.to_json(kind, namespace, name).unwrap()).unwrap();
    }
    let diagnosis = judge_with(&snapshot, true);
    let risks = diagnosis.findings.iter().filter(|finding| finding.risk.is_some());
    let risks: Vec<&str> = risks.map(|finding| &*finding.rule).collect();
    assert_eq!(risks, ["claim-deletion-pending", "data-deleted-with-claims"], "the other has more claims");
}

#[test]
fn causes_stand_before_all_risks() {
    let path = fixtures().join("rules/claim-deletion-pending/silent-told-as-cause.yaml");
    let diagnosis = judge_with(&load(&path), true);
    let risks: Vec<bool> = diagnosis.findings.iter().map(|finding| finding.risk.is_some()).collect();
    assert!(risks.is_sorted() && risks.contains(&true) && risks.contains(&false), "{}", show(&diagnosis.findings));
}

#[test]
fn nothing_is_told_or_skipped_that_was_not_asked_for() {
    let snapshot = several();
    assert_eq!(judge(&snapshot).findings, []);
    let blind = snapshot.without(Kind::PersistentVolume, Read::Nothing(Problem::Forbidden));
    let of_risks = |diagnosis: &Diagnosis| {
        let rules = diagnosis.skipped.iter().map(|(rule, _)| find(rule).unwrap());
        rules.filter(|rule| rule.stage == Stage::Risk).count()
    };
    assert_eq!(of_risks(&judge(&blind)), 0);
    assert!(of_risks(&judge_with(&blind, true)) > 0);
}

#[test]
fn risks_and_what_hides_them_change_no_outcome() {
    for rule in ROOMS.iter().filter(|room| room.name == "risks").flat_map(|room| room.rules) {
        for path in yaml_files(&fixtures().join("rules").join(rule.name)) {
            let snapshot = load(&path);
            let blind = snapshot.clone().without(Kind::StatefulSet, Read::Nothing(Problem::Forbidden));
            for snapshot in [snapshot, blind] {
                let (off, on) = (judge(&snapshot), judge_with(&snapshot, true));
                assert_eq!((off.blocked(), off.uncertain()), (on.blocked(), on.uncertain()), "{}", path.display());
                let causes: Vec<&Finding> = on.findings.iter().filter(|finding| finding.risk.is_none()).collect();
                assert_eq!(causes, off.findings.iter().collect::<Vec<_>>(), "{}", path.display());
                let ids = |diagnosis: &Diagnosis| format!("{:?}{:?}", diagnosis.pods, diagnosis.claims);
                assert_eq!(ids(&off), ids(&on), "{}", path.display());
            }
        }
    }
}

#[test]
fn only_what_is_in_scope_is_told() {
    let all = vec![RELEASED, ONE_NODE, SET_SHRINKS, CLASS];
    let of = |namespace: &str| told(&Scope { namespace: Some(namespace.to_owned()), ..Scope::default() });
    assert_eq!(told(&Scope::default()), all);
    assert_eq!(of("app"), [ONE_NODE, SET_SHRINKS, CLASS]);
    assert_eq!(of("other"), [RELEASED]);
    assert_eq!(of("kube-system"), <[&str; 0]>::default());
    let claim = |name: &str| ObjectRef::new(Kind::PersistentVolumeClaim, "app", name);
    assert_eq!(of_targets(&[claim("data-db-0")]), [SET_SHRINKS, CLASS]);
    assert_eq!(of_targets(&[claim("data-db-1")]), [ONE_NODE, SET_SHRINKS, CLASS]);
    assert_eq!(of_targets(&[ObjectRef::new(Kind::Pod, "app", "db-0")]), [SET_SHRINKS, CLASS]);
    assert_eq!(of_targets(&[ObjectRef::new(Kind::StatefulSet, "app", "db")]), [ONE_NODE, SET_SHRINKS, CLASS]);
    assert_eq!(of_targets(&[ObjectRef::new(Kind::PersistentVolume, "", "pvc-old")]), [RELEASED]);
    assert_eq!(of_targets(&[ObjectRef::new(Kind::StorageClass, "", "gp3")]), all);
    let labelled = |value: &str| {
        let match_labels = [("app".to_owned(), value.to_owned())].into();
        let selector = LabelSelector { match_labels, ..LabelSelector::default() };
        told(&Scope { selector: Some(selector), ..Scope::default() })
    };
    assert_eq!(labelled("db"), [ONE_NODE, SET_SHRINKS, CLASS]);
    assert_eq!(labelled("web"), <[&str; 0]>::default());
}

#[test]
fn a_claim_alone_is_told_without_its_siblings() {
    let scope =
        Scope { targets: vec![ObjectRef::new(Kind::PersistentVolumeClaim, "app", "data-db-0")], ..Scope::default() };
    let diagnosis = diagnose(&several(), &scope, &Options { risks: true, ..Options::default() });
    let title = &diagnosis.findings[0].title;
    assert!(title.contains("data-db-0") && !title.contains("data-db-1"), "{title}");
}

#[test]
fn documents_tell_risks_from_causes() {
    let snapshot = several();
    let (scope, diagnosis) = (Scope::default(), judge_with(&snapshot, true));
    let document = serde_json::to_value(Report::new(&snapshot, &scope, &diagnosis)).unwrap();
    assert_eq!((&document["status"], &document["source"]["risks"]), (&"clear".into(), &true.into()));
    assert_eq!((&document["findings"][0]["class"], &document["findings"][0]["loss"]), (&"risk".into(), &"data".into()));
    let path = fixtures().join("rules/claim-being-deleted/fires-finalizer.yaml");
    let (snapshot, diagnosis) = (load(&path), judge(&load(&path)));
    let document = serde_json::to_value(Report::new(&snapshot, &scope, &diagnosis)).unwrap();
    let finding = document["findings"][0].as_object().unwrap();
    assert!(!finding.contains_key("class") && !finding.contains_key("loss"), "{finding:?}");
    assert!(!document["source"].as_object().unwrap().contains_key("risks"));
}

#[test]
fn each_remedy_of_patches_ends_the_risk_or_saves_the_data() {
    let mut tried = 0;
    for rule in
        ["data-deleted-with-claims", SET_SHRINKS, "claims-deleted-with-release", CLASS, "claim-deletion-pending"]
    {
        for path in yaml_files(&fixtures().join("rules").join(rule)) {
            let snapshot = load(&path);
            for finding in judge_with(&snapshot, true).findings.iter().filter(|finding| finding.rule == rule) {
                for remedy in &finding.remedies {
                    let commands = remedy.steps.iter().filter_map(|step| step.command.as_deref());
                    let patches: Vec<&str> = commands.filter(|command| command.starts_with("kubectl patch")).collect();
                    let mut after = snapshot.clone();
                    patches.iter().for_each(|command| patch(&mut after, command));
                    let left = judge_with(&after, true);
                    let same = left.findings.iter().find(|other| other.id == finding.id);
                    let begun = rule == "claim-deletion-pending";
                    let better = same.is_none_or(|same| {
                        let (before, after) = (finding.risk.unwrap().loss, same.risk.unwrap().loss);
                        after > before || begun && after > Loss::Data
                    });
                    assert!(patches.is_empty() || better, "{}: {}", path.display(), show(&left.findings));
                    tried += patches.len();
                }
            }
        }
    }
    assert!(tried > 20, "{tried}");
}

fn shown(snapshot: &Snapshot) -> String {
    let (scope, diagnosis) = (Scope::default(), judge_with(snapshot, true));
    let mut screen = human::Screen::new(80);
    human::write(&Report::new(snapshot, &scope, &diagnosis), &mut screen);
    anstream::adapter::strip_str(&screen.finish()).to_string()
}

#[test]
fn that_nothing_is_at_risk_is_said_and_what_could_not_be_judged() {
    let snapshot = load(&fixtures().join("base/kept-data.yaml"));
    let text = shown(&snapshot);
    assert!(text.contains("Nothing was found at risk.\n"), "{text}");
    let text = shown(&snapshot.without(Kind::StatefulSet, Read::Nothing(Problem::Forbidden)));
    assert!(text.contains("Nothing was found at risk, but not every risk could be judged."), "{text}");
    assert!(text.contains("Risks not judged: claims-deleted-with-set (statefulsets: forbidden)"), "{text}");
    assert_eq!(text.matches("claims-deleted-with-set").count(), 1, "{text}");
}

#[test]
fn the_command_line_asks_for_risks() {
    let path = fixtures().join("base/kept-data.yaml");
    let path = path.to_str().unwrap();
    let (off, on) = (run(&["--from", path]), run(&["--from", path, "--risks"]));
    assert_eq!((off.code, on.code), (Some(0), Some(0)), "{}", on.stderr);
    assert!(!off.stdout.contains("at risk") && on.stdout.contains("at risk"), "{}", on.stdout);
    let shown = run(&["explain", ONE_NODE]);
    assert!(shown.code == Some(0) && shown.stdout.contains("--risks"), "{}", shown.stderr);
}
