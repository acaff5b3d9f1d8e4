//! Obstacles: on recorded clusters they begin as the scheduler's verdict does, and each one's edit removes it and
//! nothing else.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

mod edits;
mod generator;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;
use storagewhy::model::{Kind, Version};
use storagewhy::scheduler::{Outcome, Scheduler, SchedulerConfig};
use storagewhy::snapshot::{Builder, Scope, Snapshot};

/// The recordings of the repository, or those in the folder that `STORAGEWHY_RECORDINGS` names.
fn recordings() -> Vec<PathBuf> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recorded");
    let folder = std::env::var_os("STORAGEWHY_RECORDINGS").map_or_else(own, PathBuf::from);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn load(path: &Path, nominations: bool) -> (Snapshot, Version) {
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let recording: Value = serde_json::from_str(&text).unwrap();
    let mut builder = Builder::default();
    for object in recording["items"].as_array().unwrap() {
        let mut object = object.clone();
        if !nominations && object["kind"] == "Pod" {
            object["status"].as_object_mut().unwrap().remove("nominatedNodeName");
        }
        let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
        if let Some(kind) = Kind::from_api(version, kind) {
            builder.add(kind, object).unwrap();
        }
    }
    let version = recording["metadata"]["annotations"]["kubeVersion"].as_str();
    (builder.build(&Scope::All), version.map_or(Version::NEWEST, |version| version.parse().unwrap()))
}

fn check(path: &Path, nominations: bool) -> usize {
    let (snapshot, version) = load(path, nominations);
    let scheduler = Scheduler::new(&snapshot, version, SchedulerConfig::default());
    let mut pairs = 0;
    for pod in snapshot.pods.seen().iter().filter(|pod| !pod.assigned() && !pod.finished()) {
        let verdict = scheduler.judge(pod);
        let Some(explanation) = scheduler.explain(pod) else { continue };
        let place = |node: &str| format!("{}: pod {} on {node}", path.display(), pod.metadata.name);
        if let Some(rejection) = &verdict.pre_filter {
            let first = explanation.of_pod().first().unwrap_or_else(|| panic!("{}", place("no node")));
            assert_eq!(
                (first.reason.plugin(), first.reason.to_string()),
                (rejection.plugin, rejection.message.clone())
            );
        } else if verdict.outcome == Outcome::Unschedulable {
            assert!(explanation.of_pod().is_empty(), "{}", place("no node"));
        }
        for node in &verdict.nodes {
            pairs += 1;
            let obstacles = explanation.node(&node.name);
            let leading: Vec<String> =
                obstacles.iter().take(node.reasons.len()).map(|obstacle| obstacle.reason.to_string()).collect();
            let reasons: Vec<String> = node.reasons.iter().map(ToString::to_string).collect();
            assert_eq!(leading, reasons, "{}", place(&node.name));
            let plugins = obstacles.iter().take(node.reasons.len()).map(|obstacle| obstacle.reason.plugin());
            assert!(plugins.into_iter().all(|plugin| plugin == node.plugin), "{}", place(&node.name));
            if let Some(fits) = node.fits {
                assert_eq!(fits, obstacles.is_empty(), "{}: {obstacles:#?}", place(&node.name));
            }
            for obstacle in &obstacles {
                assert!(
                    !obstacle.wanted.is_empty() && !obstacle.present.is_empty(),
                    "{}: {obstacle:?}",
                    place(&node.name)
                );
            }
        }
    }
    pairs
}

#[test]
fn the_first_obstacles_are_those_of_the_verdict_and_a_node_without_any_takes_the_pod() {
    let pairs: usize = recordings().iter().flat_map(|path| [check(path, true), check(path, false)]).sum();
    assert!(pairs > 1_000, "only {pairs} pairs of pods and nodes");
}
