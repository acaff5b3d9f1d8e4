//! SARIF 2.1.0, for code scanning and editors.
//!
//! Upstream: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html>.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{about, file, left_out, object, path, plain, repair};
use crate::report::document::preflight::{IssueEntry, LevelEntry, Preflight};
use crate::report::document::{EditEntry, RemedyEntry};
use crate::report::json;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Lines of a manifest that are shown with an issue.
const CONTEXT: usize = 12;
/// What ends a line to YAML and not to everybody.
const BREAKS: [char; 4] = ['\r', '\u{85}', '\u{2028}', '\u{2029}'];
/// What a line may have that is shown, in bytes.
const LONGEST: usize = 500;

/// Writes every issue, those that don't count as suppressed.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write(report: &Preflight<'_>, out: &mut dyn Write) -> io::Result<()> {
    json::write(&document(report), out)
}

fn document(report: &Preflight<'_>) -> Value {
    let mut indices: BTreeMap<&str, usize> = BTreeMap::new();
    for issue in &report.issues {
        let next = indices.len();
        indices.entry(issue.rule).or_insert(next);
    }
    let mut names: Vec<(&str, usize)> = indices.iter().map(|(name, index)| (*name, *index)).collect();
    names.sort_by_key(|(_, index)| *index);
    let rules: Vec<Value> = names.into_iter().map(|(name, _)| rule(name)).collect();
    let results: Vec<Value> =
        report.issues.iter().map(|issue| result(report, issue, indices.get(issue.rule))).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "storagewhy",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "automationDetails": {"id": "storagewhy/preflight/"},
            "invocations": [invocation(report)],
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"SRCROOT": {"description": {"text": "Where the run began."}}},
            "results": results,
            "properties": {"status": report.status, "summary": report.summary()},
        }],
    })
}

/// The run, with what it did not judge.
fn invocation(report: &Preflight<'_>) -> Value {
    let note = |text: String| json!({"level": "note", "message": {"text": plain(&text)}});
    let mut invocation = json!({"executionSuccessful": true});
    let notes: Vec<Value> = left_out(report).into_iter().map(note).collect();
    if !notes.is_empty() {
        invocation["toolExecutionNotifications"] = notes.into();
    }
    invocation
}

fn rule(name: &str) -> Value {
    let mut rule = json!({"id": name, "name": pascal(name)});
    if let Some(about) = about(name) {
        rule["shortDescription"] = json!({"text": about.summary});
        rule["fullDescription"] = json!({"text": about.summary});
        rule["help"] = json!({"text": about.summary, "markdown": about.help});
        rule["helpUri"] = about.page.into();
    }
    rule
}

/// `class-not-found` as `ClassNotFound`.
fn pascal(name: &str) -> String {
    let words = name.split(['-', '/']).map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

fn result(report: &Preflight<'_>, issue: &IssueEntry<'_>, index: Option<&usize>) -> Value {
    let level = match issue.level {
        LevelEntry::Error => "error",
        LevelEntry::Unknown => "note",
        LevelEntry::Warning => "warning",
    };
    let object = if issue.object.is_empty() { String::new() } else { format!("{}: ", object(issue)) };
    let mut result = json!({
        "ruleId": issue.rule,
        "ruleIndex": index,
        "level": level,
        "message": {"text": plain(&format!("{object}{}", issue.message))},
        "locations": [location(report, issue)],
        "partialFingerprints": {"storagewhy/v1": issue.fingerprint},
    });
    if let Some(fix) = repair(report, issue).and_then(fix) {
        result["fixes"] = json!([fix]);
    }
    if let Some(why) = issue.suppressed {
        let kind = if why.by == "comment" { "inSource" } else { "external" };
        let mut suppression = json!({"kind": kind, "status": "accepted"});
        suppression["justification"] = why.reason.unwrap_or("It is in the baseline.").into();
        result["suppressions"] = json!([suppression]);
    }
    result
}

/// A repair that is nothing but changes of files, as changes that a tool can make.
fn fix(remedy: &RemedyEntry<'_>) -> Option<Value> {
    let edits: Vec<&EditEntry<'_>> = remedy.steps.iter().map(|step| step.edit.as_ref()).collect::<Option<_>>()?;
    let mut changes: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for edit in edits {
        if edit.renderer.is_some() || edit.file == "-" {
            return None;
        }
        changes.entry(file(edit.file)).or_default().push(json!({
            "deletedRegion": {"startLine": edit.line, "startColumn": edit.column, "endLine": edit.end_line,
                "endColumn": edit.end_column},
            "insertedContent": {"text": edit.text?},
        }));
    }
    let changes = changes.into_iter();
    let changes = changes.map(|(path, all)| json!({"artifactLocation": artifact(path), "replacements": all}));
    let description = format!("{} ({})", remedy.title, remedy.outcome());
    Some(json!({"description": {"text": plain(&description)}, "artifactChanges": changes.collect::<Vec<_>>()}))
}

fn artifact(path: &str) -> Value {
    let mut artifact = json!({"uri": uri(path)});
    if !path.starts_with('/') {
        artifact["uriBaseId"] = "SRCROOT".into();
    }
    artifact
}

fn location(report: &Preflight<'_>, issue: &IssueEntry<'_>) -> Value {
    let artifact = artifact(path(issue));
    let mut physical = Map::from_iter([("artifactLocation".to_owned(), artifact)]);
    let places = [
        ("startLine", issue.line),
        ("startColumn", issue.column),
        ("endLine", issue.end_line),
        ("endColumn", issue.end_column),
    ];
    let region: Map<String, Value> =
        places.into_iter().filter_map(|(name, place)| Some((name.to_owned(), place?.into()))).collect();
    if !region.is_empty() {
        physical.insert("region".to_owned(), Value::Object(region));
        physical.extend(context(report, issue).map(|context| ("contextRegion".to_owned(), context)));
    }
    let mut location = json!({"physicalLocation": physical});
    if !issue.object.is_empty() {
        let name =
            if issue.path.is_empty() { issue.object.to_owned() } else { format!("{} {}", issue.object, issue.path) };
        location["logicalLocations"] = json!([{"fullyQualifiedName": plain(&name), "kind": "resource"}]);
    }
    location
}

/// The lines around an issue, which viewers show; none of what may hold Secrets or acts on who reads it.
fn context(report: &Preflight<'_>, issue: &IssueEntry<'_>) -> Option<Value> {
    let first = issue.line?.saturating_sub(1).max(1);
    let count = issue.end_line?.saturating_sub(first) + 2;
    let file = report.files.iter().find(|file| file.name == issue.file)?;
    if issue.object.is_empty() || issue.object.starts_with("Secret ") || count > CONTEXT {
        return None;
    }
    let text = file.text.as_ref().ok().filter(|text| !text.replace("\r\n", "\n").contains(BREAKS))?;
    let lines: Vec<&str> = text.lines().skip(first - 1).take(count).collect();
    let last = first + lines.len().checked_sub(1)?;
    lines
        .iter()
        .all(|line| line.len() <= LONGEST && plain(line) == *line)
        .then(|| json!({"startLine": first, "endLine": last, "snippet": {"text": lines.join("\n")}}))
}

/// A path as an URI: what may not stand in one is percent-encoded.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}
