//! The engine on clusters recorded from a real control plane: whatever is blocked there has a cause, told once, and what
//! the scheduler wrote is what the verdict says.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::cases::{fixtures, show};
use flate2::read::GzDecoder;
use serde_json::Value;
use storagewhy::diagnosis::{Options, Scope, Severity};
use storagewhy::engine::{Diagnosis, diagnose};
use storagewhy::model::Kind;
use storagewhy::scheduler::Outcome;
use storagewhy::snapshot::{Builder, Scope as Read, Snapshot};
use storagewhy::volumes::ClaimPhase;

fn load(path: &Path) -> Snapshot {
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let recording: Value = serde_json::from_str(&text).unwrap();
    let mut builder = Builder::default();
    builder.server_version = recording["metadata"]["annotations"]["kubeVersion"].as_str().map(str::to_owned);
    for object in recording["items"].as_array().unwrap() {
        let api_version = object["apiVersion"].as_str().unwrap();
        if let Some(kind) = Kind::from_api(api_version, object["kind"].as_str().unwrap()) {
            builder.add(kind, object.clone()).unwrap();
        }
    }
    builder.build(&Read::All)
}

fn each(mut test: impl FnMut(&str, &Diagnosis)) {
    let mut paths: Vec<_> =
        std::fs::read_dir(fixtures().join("recorded")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 60);
    for path in paths {
        let diagnosis = diagnose(&load(&path), &Scope::default(), &Options::default());
        test(&path.file_name().unwrap().to_string_lossy(), &diagnosis);
    }
}

#[test]
fn every_blocked_pod_and_claim_of_a_recorded_cluster_has_its_cause() {
    each(|name, diagnosis| {
        for (pod, verdict, ids) in &diagnosis.pods {
            let causes = diagnosis.findings.iter().filter(|finding| ids.contains(&finding.id));
            let worst = causes.map(|finding| finding.severity).min();
            if verdict.outcome == Outcome::Unschedulable {
                assert!(worst.is_some_and(|worst| worst < Severity::Info), "{name}: {pod}: {verdict:?}");
            }
        }
        for (claim, verdict, ids) in &diagnosis.claims {
            let open = verdict.phase == ClaimPhase::Unknown
                || verdict.binds_to.is_some()
                || verdict.phase == ClaimPhase::Bound;
            assert!(open || !ids.is_empty(), "{name}: {claim}: {verdict:?}");
        }
    });
}

#[test]
fn what_the_scheduler_wrote_does_not_differ() {
    each(|name, diagnosis| {
        let differing = diagnosis.findings.iter().filter(|finding| finding.rule == "verdict-differs");
        let differing: Vec<_> = differing.cloned().collect();
        assert!(differing.is_empty(), "{name}: {}", show(&differing));
    });
}
