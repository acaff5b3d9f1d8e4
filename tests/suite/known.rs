//! No rule says more than is known: each kind in turn is made unreadable, or left out of the dump, in every cluster in
//! which a rule speaks.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use crate::cases::{fixtures, judge, load, yaml_files};
use storagewhy::diagnosis::{Confidence, Finding, Severity};
use storagewhy::engine::Diagnosis;
use storagewhy::model::{Kind, ObjectRef};
use storagewhy::rules::{REGISTRY, Rule};
use storagewhy::snapshot::{Problem, Scope, Snapshot};

/// A cluster in which a rule speaks, and what is said of it without a kind.
struct Case {
    rule: &'static Rule,
    kind: Kind,
    /// The cluster in short, for messages.
    name: String,
    full: Arc<Diagnosis>,
    /// The kind can't be read.
    unread: Diagnosis,
    /// The dump of the whole cluster holds none.
    presumed: Diagnosis,
    /// There are none.
    empty: Diagnosis,
    /// The objects that others name as their controller.
    owners: BTreeSet<ObjectRef>,
}

/// Every rule in every cluster in which it speaks, without each kind in turn.
fn all() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let rules: Vec<&Rule> = REGISTRY.to_vec();
        let (some, others) = rules.split_at(rules.len() / 2);
        std::thread::scope(|scope| {
            let others = scope.spawn(|| others.iter().flat_map(|rule| of_rule(rule)).collect::<Vec<_>>());
            some.iter().flat_map(|rule| of_rule(rule)).chain(others.join().unwrap()).collect()
        })
    })
}

fn of_rule(rule: &'static Rule) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in yaml_files(&fixtures().join("rules").join(rule.name)) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if file.starts_with("fires-") {
            let snapshot = load(&path);
            let full = Arc::new(judge(&snapshot));
            let case = |kind: &Kind| Case {
                rule,
                kind: *kind,
                name: format!("{}/{file} without {kind}", rule.name),
                full: Arc::clone(&full),
                unread: judge(&snapshot.clone().without(*kind, Scope::Nothing(Problem::Forbidden))),
                presumed: judge(&snapshot.clone().without(*kind, Scope::Presumed)),
                empty: judge(&snapshot.clone().without(*kind, Scope::All)),
                owners: owners(&snapshot.clone().without(*kind, Scope::Presumed)),
            };
            cases.extend(Kind::ALL.iter().map(case));
        }
    }
    cases
}

/// What of a finding can't be known without a kind: evidence from its objects, that objects of it don't exist, or that
/// one is to blame. Objects that others name as their controller may be named.
fn overstated(finding: &Finding, kind: Kind, owners: &BTreeSet<ObjectRef>) -> Option<String> {
    let gone = |text: &str| {
        let text = text.to_lowercase();
        ["not found", "does not exist", "no longer exist", "is gone"].iter().any(|words| text.contains(words))
    };
    if finding.severity == Severity::Info {
        return None;
    }
    let of_kind = |object: &ObjectRef| object.kind == kind.name();
    let evidence = finding.evidence.iter().filter(|evidence| of_kind(&evidence.object));
    if let Some(evidence) = evidence.into_iter().find(|evidence| !evidence.path.is_empty() || gone(&evidence.value)) {
        return Some(format!("evidence of {} {}: {}", evidence.object, evidence.path, evidence.value));
    }
    let title = finding.title.to_lowercase();
    let certain = finding.confidence == Confidence::Certain;
    if certain && title.contains(&format!("no {}", kind.name().to_lowercase())) {
        return Some(format!("claims that there is no {kind}"));
    }
    let to_blame = of_kind(&finding.object) && !owners.contains(&finding.object);
    to_blame.then(|| format!("is about {}", finding.object))
}

/// The objects that others name as their controller.
fn owners(snapshot: &Snapshot) -> BTreeSet<ObjectRef> {
    let pods = snapshot.pods.seen().iter().map(|pod| &pod.metadata);
    let sets = snapshot.replica_sets.seen().iter().map(|set| &set.metadata);
    let owned = pods.chain(sets).filter_map(|meta| Some((meta, meta.controller()?)));
    owned.map(|(meta, owner)| ObjectRef::other(&owner.kind, &meta.namespace, &owner.name)).collect()
}

impl Case {
    /// What a diagnosis says that can't be known without the kind, one line each.
    fn overstatements(&self, diagnosis: &Diagnosis) -> Vec<String> {
        let of = |finding: &Finding| {
            let what = overstated(finding, self.kind, &self.owners)?;
            Some(format!("{}: {}: {what}", self.name, finding.id))
        };
        diagnosis.findings.iter().filter_map(of).collect()
    }

    /// The findings of the rule with their certainty.
    fn told(&self, diagnosis: &Diagnosis) -> Vec<(String, String, Confidence)> {
        let findings = diagnosis.findings.iter().filter(|finding| finding.rule == self.rule.name);
        findings.map(|finding| (finding.id.clone(), finding.title.clone(), finding.confidence)).collect()
    }
}

/// Whether two findings of a rule are about the same trouble.
fn same(a: &Finding, b: &Finding) -> bool {
    a.rule == b.rule && (a.id == b.id || a.victims().any(|victim| b.victims().any(|other| other == victim)))
}

fn assert_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn nothing_is_said_that_can_not_be_known_without_a_kind() {
    let of = |case: &Case| [&case.unread, &case.presumed].map(|diagnosis| case.overstatements(diagnosis)).concat();
    assert_none(all().iter().flat_map(of).collect());
}

#[test]
fn without_a_kind_a_rule_still_speaks_or_is_listed_as_skipped() {
    let mut faults = Vec::new();
    for case in all().iter().filter(|case| !case.unread.skipped.iter().any(|(name, _)| name == case.rule.name)) {
        let told = |finding: &&Finding| case.unread.findings.iter().any(|other| same(finding, other));
        let of_rule = case.full.findings.iter().filter(|finding| finding.rule == case.rule.name);
        let gone = of_rule.filter(|finding| !told(finding));
        faults.extend(gone.map(|finding| format!("{}: {} is silently gone", case.name, finding.id)));
    }
    assert_none(faults);
}

#[test]
fn what_a_rule_looks_into_is_declared() {
    let undeclared = all().iter().filter(|case| {
        let rule = case.rule;
        let declared = rule.needs.contains(&case.kind) || rule.reads.contains(&case.kind) || rule.rejected_pods;
        !declared && case.told(&case.full) != case.told(&case.unread)
    });
    assert_none(undeclared.map(|case| case.name.clone()).collect());
}

#[test]
fn a_dump_without_a_kind_leaves_nothing_certain_that_rests_on_it() {
    let mut faults = Vec::new();
    for case in all() {
        let certain = case.presumed.findings.iter().filter(|finding| finding.confidence == Confidence::Certain);
        let unproven = certain.filter(|finding| !case.unread.findings.iter().any(|other| same(finding, other)));
        faults.extend(unproven.map(|finding| format!("{}: {} is certain", case.name, finding.id)));
    }
    assert_none(faults);
}

#[test]
fn what_is_certain_without_a_kind_is_trouble_whatever_there_is_of_it() {
    let trouble = |finding: &&Finding| finding.severity < Severity::Info;
    let mut faults = Vec::new();
    for case in all() {
        let certain = case.unread.findings.iter().filter(trouble);
        for finding in certain.filter(|finding| finding.confidence == Confidence::Certain) {
            for (world, amount) in [(&*case.full, "all"), (&case.empty, "none")] {
                let about = |other: &Finding| {
                    let of = |finding: &Finding| -> BTreeSet<ObjectRef> {
                        finding.victims().chain([&finding.object]).cloned().collect()
                    };
                    !of(finding).is_disjoint(&of(other))
                };
                if !world.findings.iter().filter(trouble).any(about) {
                    faults.push(format!("{}: {} is certain, and wrong with {amount}", case.name, finding.id));
                }
            }
        }
    }
    assert_none(faults);
}
