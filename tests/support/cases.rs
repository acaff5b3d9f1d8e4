//! Small clusters as YAML documents, for tests of the engine.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses another part")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "support for tests")]

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use storagewhy::diagnosis::{Finding, Options, Scope};
use storagewhy::engine::{Diagnosis, diagnose};
use storagewhy::snapshot::Snapshot;
use storagewhy::source::dump;

/// The folder of fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The YAML files of a folder, sorted.
pub fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// Reads a recording, or a fixture: a header document, then one document an object. One with a line `# base: NAME` states
/// only in what it differs from the cluster `tests/fixtures/base/NAME.yaml`: objects of its own, changes of others (as JSON merge patches),
/// and `{kind, metadata, absent: true}` for those that are not there.
pub fn load(path: &Path) -> Snapshot {
    if path.extension().is_none_or(|extension| extension != "yaml") {
        return dump::read(&path.to_string_lossy()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let text = std::fs::read_to_string(path).unwrap();
    let base = text.lines().take_while(|line| line.starts_with('#')).find_map(|line| line.strip_prefix("# base: "));
    let read = match base {
        None => dump::read(&path.to_string_lossy()),
        Some(base) => {
            let whole = changed(&fixtures().join(format!("base/{base}.yaml")), &text);
            dump::read_bytes(&path.to_string_lossy(), whole.as_bytes())
        }
    };
    read.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    documents.map(|document| Value::deserialize(document).unwrap()).filter(|document| !document.is_null()).collect()
}

fn changed(base: &Path, changes: &str) -> String {
    let mut objects = documents(&std::fs::read_to_string(base).unwrap());
    let key = |object: &Value| {
        let meta = &object["metadata"];
        (object["kind"].clone(), meta["namespace"].clone(), meta["name"].clone())
    };
    for change in documents(changes) {
        let place = objects.iter().position(|object| key(object) == key(&change));
        match (place, change["absent"] == true) {
            (Some(place), true) => drop(objects.remove(place)),
            (None, true) => panic!("the base has no {:?}", key(&change)),
            (Some(place), false) => json_patch::merge(&mut objects[place], &change),
            (None, false) => objects.push(change),
        }
    }
    objects.iter().map(|object| format!("---\n{}", serde_yaml::to_string(object).unwrap())).collect()
}

/// Diagnoses everything in a snapshot, at the time at which it was taken.
pub fn judge(snapshot: &Snapshot) -> Diagnosis {
    judge_with(snapshot, false)
}

/// The same, with what can be lost or without.
pub fn judge_with(snapshot: &Snapshot, risks: bool) -> Diagnosis {
    let now = snapshot.taken.as_ref().and_then(|taken| taken.parse().ok());
    diagnose(snapshot, &Scope::default(), &Options { now, risks, ..Options::default() })
}

/// The rules of the findings, in order.
pub fn rules(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis.findings.iter().map(|finding| &*finding.rule).collect()
}

/// A finding in full, for messages of failed tests.
pub fn show(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&format!("\n{:?} {}\n  {}\n", finding.severity, finding.id, finding.title));
        for evidence in &finding.evidence {
            text.push_str(&format!(
                "  - {} {}: {} ({})\n",
                evidence.object, evidence.path, evidence.value, evidence.note
            ));
        }
        for explained in &finding.explains {
            text.push_str(&format!("  > {explained:?}\n"));
        }
        for remedy in &finding.remedies {
            text.push_str(&format!("  = {}: {:?}\n", remedy.title, remedy.trial));
            for step in &remedy.steps {
                text.push_str(&format!("    {}\n      $ {:?}\n", step.what, step.command));
            }
        }
    }
    text
}
