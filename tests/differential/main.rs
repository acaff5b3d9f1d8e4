//! The tool's verdicts against those of a real kube-scheduler and PV controller, on clusters that seeds make.
//!
//! The fixed seeds must agree. Fresh ones are shown, and don't fail. A difference is printed with a small cluster that
//! shows it, as files under target/differential.
//!
//! | variable | |
//! |---|---|
//! | `STORAGEWHY_KUBE=1.33` | another release of Kubernetes |
//! | `STORAGEWHY_DIFF_SEEDS=100..400` | only these seeds, which must all agree |
//! | `STORAGEWHY_DIFF_REPLAY=FILE` | only the cluster that an earlier run wrote to `…-cluster.json` |
//! | `STORAGEWHY_DIFF_REDUCE=0` | don't look for a small cluster |
//! | `STORAGEWHY_DIFF_REPAIRS=100..400` | only carry out the repairs of these seeds |
//!
//! The repairs that the report calls tried are carried out by the commands that it prints, on the clusters of a few seeds.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that reports"
)]

mod cluster;
mod compare;
mod configuration;
mod nodes;
mod observe;
mod pods;
mod random;
mod reduce;
mod repairs;
mod storage;
#[path = "../support"]
mod support {
    pub mod api;
    pub mod control_plane;
}

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use cluster::{Cluster, cluster};
use reduce::{Finding, reduce, run};
use repairs::repair;
use serde_json::Value;
use storagewhy::model::version::Version;
use support::control_plane::{ControlPlane, Options};

/// Seeds that must agree.
const FIXED: Range<u64> = 1..21;
/// Seeds whose repairs are carried out.
const REPAIRED: Range<u64> = 1..4;
/// How many seeds of the moment are shown.
const FRESH: u64 = 10;

#[test]
fn verdicts_are_those_of_the_real_control_plane() {
    let options = Options { flags: vec!["--no-scheduler".to_owned()] };
    let Some(plane) = ControlPlane::start(&options) else { return };
    let mut session = Session::new(plane);
    if let Ok(file) = env::var("STORAGEWHY_DIFF_REPLAY") {
        let replayed = Cluster::parse(&fs::read(file).unwrap());
        session.try_out(&replayed);
        return session.must_agree();
    }
    if let Ok(range) = env::var("STORAGEWHY_DIFF_SEEDS") {
        let (first, end) = range.split_once("..").expect("STORAGEWHY_DIFF_SEEDS is a range such as 100..400");
        session.seeds(first.parse().unwrap()..end.parse().unwrap());
        return session.must_agree();
    }
    if let Ok(range) = env::var("STORAGEWHY_DIFF_REPAIRS") {
        let (first, end) = range.split_once("..").expect("STORAGEWHY_DIFF_REPAIRS is a range such as 100..400");
        return session.repairs(first.parse().unwrap()..end.parse().unwrap());
    }
    session.seeds(FIXED);
    session.must_agree();
    if env::var_os("STORAGEWHY_KUBE").is_none() {
        session.repairs(REPAIRED);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    session.seeds(now..now + FRESH);
}

/// A run over many clusters.
struct Session {
    plane: ControlPlane,
    minor: u32,
    /// Clusters that settled.
    compared: usize,
    /// Clusters that did not settle, or that the API server refused.
    dropped: usize,
    different: Vec<u64>,
    texts: BTreeSet<String>,
}

impl Session {
    fn new(plane: ControlPlane) -> Self {
        let version: Version = plane.version.parse().unwrap();
        Self { plane, minor: version.minor, compared: 0, dropped: 0, different: Vec::new(), texts: BTreeSet::new() }
    }

    fn seeds(&mut self, seeds: Range<u64>) {
        for seed in seeds {
            self.try_out(&cluster(seed, self.minor));
        }
        println!("{} clusters compared, {} dropped, different: {:?}", self.compared, self.dropped, self.different);
        println!("texts seen: {}", self.texts.iter().map(String::as_str).collect::<Vec<_>>().join(" | "));
    }

    fn try_out(&mut self, cluster: &Cluster) {
        let (seed, begin) = (cluster.seed, Instant::now());
        let (list, result) = match run(&mut self.plane, cluster) {
            Ok(seen) => seen,
            Err(why) => {
                println!("seed {seed}: dropped: {why}");
                self.dropped += 1;
                return;
            }
        };
        self.compared += 1;
        let (verdicts, left_out) = (result.compared, result.left_out);
        println!("seed {seed}: {verdicts} verdicts, {left_out} left out, {:.1} s", begin.elapsed().as_secs_f32());
        self.texts.extend(result.texts);
        let Some(first) = result.differences.first().cloned() else { return };
        self.different.push(seed);
        for difference in &result.differences {
            println!("DIFFERENT in seed {seed}: {difference}");
        }
        let mut finding = Finding { cluster: cluster.clone(), list, difference: first };
        if env::var("STORAGEWHY_DIFF_REDUCE").as_deref() != Ok("0") {
            finding = reduce(&mut self.plane, finding);
            println!("reduced: {}", finding.difference);
        }
        write(&finding.cluster, &finding.list);
    }

    /// Every repair that is called tried must be one, and every next blocker the one that was foreseen.
    fn repairs(&mut self, seeds: Range<u64>) {
        let (mut carried_out, mut next, mut otherwise, mut failed) = (0, 0, 0, Vec::new());
        for seed in seeds {
            let cluster = cluster(seed, self.minor);
            let Ok((list, _)) = run(&mut self.plane, &cluster) else { continue };
            let repaired = repair(&mut self.plane, &cluster, &list);
            println!("seed {seed}: {} repairs carried out, {} failed", repaired.carried_out, repaired.failed.len());
            if !repaired.failed.is_empty() {
                repaired.failed.iter().for_each(|what| println!("FAILED in {what}"));
                write(&cluster, &list);
            }
            carried_out += repaired.carried_out;
            next += repaired.next;
            otherwise += repaired.otherwise;
            failed.extend(repaired.failed);
        }
        println!(
            "{carried_out} repairs carried out, {next} of them up to the next blocker, {} failed; {otherwise} left since \
             the scheduler chose otherwise",
            failed.len()
        );
        assert!(failed.is_empty(), "repairs that do not help: {failed:#?}");
    }

    fn must_agree(&self) {
        assert!(self.different.is_empty(), "the tool and Kubernetes differ on the seeds {:?}", self.different);
        assert!(self.compared > self.dropped, "{} of the clusters did not settle", self.dropped);
    }
}

/// Writes the cluster as it was made, and as it was seen.
fn write(cluster: &Cluster, list: &Value) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/differential");
    fs::create_dir_all(&folder).unwrap();
    let seed = cluster.seed;
    let (made, seen) = (folder.join(format!("{seed}-cluster.json")), folder.join(format!("{seed}-dump.json")));
    fs::write(&made, cluster.text()).unwrap();
    fs::write(&seen, serde_json::to_vec_pretty(list).unwrap()).unwrap();
    println!("replay it with STORAGEWHY_DIFF_REPLAY={}; as a dump: {}", made.display(), seen.display());
}
