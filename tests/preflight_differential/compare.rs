//! What became of manifests beside what the tool says of them. What is compared, and what is not, is that of the recordings:
//! the random part of pod names in quotes and the order inside `is forbidden: [a, b]` are not, nor
//! are the patch that the server shows where it refuses one for its fields, and the uids that it draws.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use super::truth::{ClaimTruth, DocumentTruth, Truth, WorkloadTruth, of_server, told};

/// One thing on which the two don't agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Such as `placed of Deployment web`.
    pub subject: String,
    pub real: Vec<String>,
    pub ours: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  real: {}\n  ours: {}", self.subject, self.real.join(" | "), self.ours)
    }
}

/// How the two compare.
#[derive(Default)]
pub struct Comparison {
    pub compared: usize,
    /// Whether the tool says that it can't know.
    pub unknown: bool,
    pub differences: Vec<Difference>,
}

impl Comparison {
    fn check(&mut self, subject: String, real: Vec<String>, ours: String, same: bool) {
        self.compared += 1;
        if !same {
            let mut real = real;
            real.dedup();
            self.differences.push(Difference { subject, real, ours });
        }
    }

    /// Holds what the tool says against what was seen, in one run at least.
    fn one<T: PartialEq + fmt::Debug>(&mut self, subject: String, real: Vec<T>, ours: &T) {
        let same = real.contains(ours);
        self.check(subject, real.iter().map(|one| format!("{one:?}")).collect(), format!("{ours:?}"), same);
    }
}

/// Compares a report with what became of the manifests in several runs from the same state.
pub fn compare(report: &Value, runs: &[Truth]) -> Comparison {
    let status = report["status"].as_str().unwrap_or_default().to_owned();
    let mut result = Comparison { unknown: status == "unknown", ..Comparison::default() };
    let real = runs.iter().map(|run| if run.fits { "fits" } else { "blocked" }.to_owned());
    if !result.unknown {
        result.one("status".to_owned(), real.collect(), &status);
    }
    for place in 0..runs[0].documents.len() {
        let real: Vec<&DocumentTruth> = runs.iter().map(|run| &run.documents[place]).collect();
        document(&mut result, &report["documents"][place], &real);
    }
    if result.unknown {
        return result;
    }
    for workload in &runs[0].workloads {
        let same = |other: &&WorkloadTruth| {
            (&other.kind, &other.namespace, &other.name) == (&workload.kind, &workload.namespace, &workload.name)
        };
        let real: Vec<&WorkloadTruth> = runs.iter().filter_map(|run| run.workloads.iter().find(same)).collect();
        compare_workload(&mut result, report, &real);
    }
    claims(&mut result, report, runs);
    let deleted = |one: &Value| told(&json!({ "kind": one["kind"], "metadata": one }));
    let ours = report["deletions"].as_array().into_iter().flatten().map(deleted).collect();
    result.one("deleted".to_owned(), runs.iter().map(|run| run.gone.clone()).collect(), &ours);
    result
}

fn document(result: &mut Comparison, ours: &Value, real: &[&DocumentTruth]) {
    let subject = format!("{} {}", real[0].kind, real[0].name);
    let action = ours["action"].as_str().unwrap_or_default().to_owned();
    result.one(format!("action of {subject}"), real.iter().map(|one| one.applied.action.clone()).collect(), &action);
    let Some(admitted) = ours["admitted"].as_bool() else {
        result.unknown = true;
        return;
    };
    let real_ones = real.iter().map(|one| one.applied.refused.is_none()).collect();
    result.one(format!("admitted: {subject}"), real_ones, &admitted);
    let messages: Vec<String> = real.iter().filter_map(|one| one.applied.refused.clone()).collect();
    if !messages.is_empty() {
        let ours = ours["message"].as_str().unwrap_or_default();
        let plain = |text: &str| in_order(&without_uids(text));
        let alike = |real: &String| {
            let real = without_patch(real);
            match prints_go(&real) {
                true => plain(&without_structs(&real)) == plain(&without_structs(ours)),
                false => plain(&real) == plain(ours),
            }
        };
        let same = messages.iter().any(alike);
        result.check(format!("message of {subject}"), messages, ours.to_owned(), same);
    }
}

fn compare_workload(result: &mut Comparison, report: &Value, real: &[&WorkloadTruth]) {
    let WorkloadTruth { kind, namespace, name, .. } = real[0];
    let subject = format!("{kind} {name}");
    let all = report["workloads"].as_array().cloned().unwrap_or_default();
    let same = |one: &&Value| {
        one["kind"] == kind.as_str() && one["namespace"] == namespace.as_str() && one["name"] == name.as_str()
    };
    let Some(ours) = all.iter().find(same) else {
        result.check(subject, vec!["a workload".to_owned()], "none".to_owned(), false);
        return;
    };
    type Field = fn(&WorkloadTruth) -> i64;
    let counts: [(&str, Field); 3] =
        [("desired", |one| one.desired), ("created", |one| one.created), ("placed", |one| one.placed)];
    for (field, of) in counts {
        let own = ours[field].as_i64().unwrap_or(-1);
        result.one(format!("{field} of {subject}"), real.iter().map(|one| of(one)).collect(), &own);
    }
    let words = |field: &str| ours[field].as_str().map(|text| plain(of_server(text), name));
    for (field, said) in [("refused", words("refused")), ("blocked", words("blocked"))] {
        let of = |one: &&WorkloadTruth| {
            let texts = if field == "refused" { &one.refused } else { &one.blocked };
            texts.iter().map(|text| plain(text, name)).collect::<Vec<String>>()
        };
        let real: Vec<Vec<String>> = real.iter().map(of).collect();
        let same = real.iter().any(|texts| match &said {
            Some(said) => texts.contains(said),
            None => texts.is_empty(),
        });
        let real = real.iter().map(|texts| texts.join(" / ")).collect();
        result.check(format!("{field} of {subject}"), real, said.unwrap_or_default(), same);
    }
}

fn claims(result: &mut Comparison, report: &Value, runs: &[Truth]) {
    let listed = |claim: &ClaimTruth| {
        let mut listed = report["claims"].as_array().into_iter().flatten();
        let same = |one: &&Value| one["namespace"] == claim.namespace.as_str() && one["name"] == claim.name.as_str();
        listed.find(same).is_none_or(|one| one["verdict"] == "Bound")
    };
    let groups: BTreeSet<(&str, &str)> =
        runs[0].claims.iter().map(|claim| (claim.namespace.as_str(), claim.among.as_str())).collect();
    for (namespace, among) in groups {
        let of = |claim: &&ClaimTruth| claim.namespace == namespace && claim.among == among;
        let ours = runs[0].claims.iter().filter(of).filter(|claim| listed(claim)).count();
        let real = |run: &Truth| run.claims.iter().filter(of).filter(|claim| claim.bound).count();
        result.one(format!("bound: claim {among}"), runs.iter().map(real).collect(), &ours);
    }
}

/// A text without the uids that the server draws.
fn without_uids(text: &str) -> String {
    const LENGTH: usize = 36;
    let uid = |part: &str| {
        part.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let (mut plain, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let found = rest.get(..LENGTH).is_some_and(uid);
        plain.push(if found { '*' } else { first });
        rest = &rest[if found { LENGTH } else { first.len_utf8() }..];
    }
    plain
}

const VALUE: &str = "Invalid value: ";

/// Whether a text has structs as Go prints them (`v1.LabelSelector{…}`), with addresses of memory in them: releases before
/// 1.34 do that.
fn prints_go(text: &str) -> bool {
    let typed = |rest: &str| {
        rest.split_once('{').is_some_and(|(name, _)| {
            name.contains('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || ".*&".contains(c))
        })
    };
    text.split(VALUE).skip(1).any(typed)
}

/// A text in which structs have no fields.
fn without_structs(text: &str) -> String {
    let Some((before, rest)) = text.split_once(VALUE) else { return text.to_owned() };
    let go = rest.find('{').filter(|at| rest[..*at].chars().all(|c| c.is_ascii_alphanumeric() || ".*&".contains(c)));
    let end = go.and_then(|at| end_of_struct(&rest[at..]).map(|end| at + end));
    match end {
        Some(end) => format!("{before}{VALUE}{{}}{}", without_structs(&rest[end..])),
        None => format!("{before}{VALUE}{}", without_structs(rest)),
    }
}

/// Where the struct ends that a text begins with; braces within quotes don't count.
fn end_of_struct(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (place, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return Some(place + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// A text without the patch that the server shows.
fn without_patch(text: &str) -> String {
    let shown = "\"\" is invalid: patch: Invalid value: \"";
    match text.trim_start().strip_prefix(shown).and_then(|rest| rest.split_once("]\": ")) {
        Some((_, error)) => format!("{shown}…\": {error}"),
        None => text.to_owned(),
    }
}

/// A text without what is random in it.
fn plain(text: &str, name: &str) -> String {
    let start = format!("\"{name}-");
    let mut parts = text.split(start.as_str());
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(['"', ' ']).unwrap_or(part.len());
        let quoted = part[end..].starts_with('"');
        plain.push_str(&start);
        plain.push_str(if quoted { "*" } else { "" });
        plain.push_str(if quoted { &part[end..] } else { part });
    }
    in_order(&plain)
}

/// The members of an aggregate error, in one order.
fn in_order(text: &str) -> String {
    let Some((before, rest)) = text.split_once(" is forbidden: [") else { return text.to_owned() };
    let Some((members, after)) = rest.rsplit_once(']') else { return text.to_owned() };
    let mut members: Vec<&str> = members.split(", ").collect();
    members.sort_unstable();
    format!("{before} is forbidden: [{}]{after}", members.join(", "))
}

#[test]
fn structs_as_go_prints_them_are_those_of_json() {
    let go =
        "x is invalid: [a: Invalid value: v1.S{A:\"}\\\"{\", B:(*int)(0xc0)}: no, b: Invalid value: \"s\": nor this]";
    let json = "x is invalid: [a: Invalid value: {\"a\":{\"b\":1}}: no, b: Invalid value: \"s\": nor this]";
    assert!(prints_go(go) && !prints_go(json));
    assert_eq!(without_structs(go), without_structs(json));
    assert_ne!(without_structs(go), without_structs(&json.replace("nor this", "other")));
}
