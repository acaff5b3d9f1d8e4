//! Whole-process figures on generated dumps: time and peak memory must grow no worse than linearly in nodes and pods,
//! and in nodes × distinct pending pods. Two causes of many pods must stay two, in a short report.
//!
//! `cargo bench --bench scale` prints the figures of this machine and fails where they grow faster, or where the
//! largest dump breaks the bounds of 3 seconds and 1 GB. Ratios are of processor time, which other programs on the machine
//! disturb little; `STORAGEWHY_SCALE_SECONDS` sets another bound for machines that are shared.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark measures processes and prints")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Nodes, pending pods, distinct needs among them.
const SIZES: [(usize, usize, usize); 4] = [(1000, 100, 20), (5000, 100, 20), (1000, 5000, 200), (5000, 5000, 200)];
const PODS_PER_NODE: usize = 10;
/// Rounds in which each size is run once, so that a slow minute of the machine is shared by all; the fastest counts.
const ROUNDS: usize = 3;
/// What noise and colder caches may add to a ratio: what grows with the square is far beyond it.
const TOLERANCE: f64 = 2.0;
/// What the kernel counts processor time in, in a second (`USER_HZ`, 100 on every Linux).
const TICKS: f64 = 100.0;
const MAX_SECONDS: f64 = 3.0;
const MAX_MEGABYTES: f64 = 1000.0;

/// Nodes of the cluster with two causes, and the pods that have them, each of a workload of its own.
const TWO_CAUSES: (usize, usize) = (2000, 200);
const MAX_FINDINGS: usize = 4;
const MAX_LINES: usize = 120;
const MAX_BYTES: usize = 8_000_000;

/// Nodes under the replicas that are tried, and the replicas.
const REPLICAS: (usize, [usize; 2]) = (2000, [1000, 10_000]);
/// What trying the fewer replicas may take, whole-process.
const MAX_PREFLIGHT_SECONDS: f64 = 2.0;
const MAX_PREFLIGHT_MEGABYTES: f64 = 500.0;
const SET: &str = "apiVersion: apps/v1
kind: StatefulSet
metadata: {name: preflight, namespace: team-0}
spec:
  replicas: REPLICAS
  serviceName: preflight
  selector: {matchLabels: {app: preflight}}
  template:
    metadata: {labels: {app: preflight}}
    spec:
      containers: [{name: c, image: i, resources: {requests: {cpu: 10m, memory: 16Mi}}}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: disk, resources: {requests: {storage: 1Gi}}}
";

struct Figure {
    seconds: f64,
    /// Of the processors, in seconds.
    processor: f64,
    megabytes: f64,
}

fn generate(nodes: usize, pending: usize, distinct: usize, too_large: usize) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scale-{nodes}-{pending}-{too_large}.json"));
    let numbers = [nodes, PODS_PER_NODE, pending, distinct, too_large, 1].map(|number| number.to_string());
    let flags = ["--nodes", "--pods-per-node", "--pending", "--distinct", "--too-large", "--seed"];
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--release", "--example", "generate_dump", "--", "--output"]).arg(&path);
    for (flag, number) in flags.into_iter().zip(numbers) {
        command.args([flag, &number]);
    }
    let status = command.status().unwrap_or_else(|error| panic!("cargo: {error}"));
    assert!(status.success(), "the generator failed");
    path
}

/// Diagnoses a dump once.
fn run(dump: &Path) -> Figure {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-storagewhy"));
    command.args(["diagnose", "-A", "-o", "json", "--exit-zero", "--from"]).arg(dump);
    measure(command)
}

/// Tries a set of so many replicas with claims on a dump, the fastest of some rounds.
fn preflight(dump: &Path, replicas: usize) -> Figure {
    let manifest = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("set-{replicas}.yaml"));
    std::fs::write(&manifest, SET.replace("REPLICAS", &replicas.to_string())).unwrap_or_else(|error| panic!("{error}"));
    let once = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-storagewhy"));
        command.args(["preflight", "-o", "json", "-f"]).arg(&manifest).arg("--from").arg(dump);
        measure(command)
    };
    (1..ROUNDS).fold(once(), |best, _| best.least(once()))
}

/// Runs the tool once; processor time and peak memory (the kernel's high-water mark) are read until the process ends.
fn measure(mut command: Command) -> Figure {
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("kubectl-storagewhy: {error}"));
    let folder = format!("/proc/{}", child.id());
    let (mut peak, mut ticks) = (0, 0);
    let status = loop {
        peak = peak.max(high_water_mark(&folder).unwrap_or(0));
        ticks = ticks.max(processor_ticks(&folder).unwrap_or(0));
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            Err(error) => panic!("kubectl-storagewhy: {error}"),
        }
    };
    assert!(status.success(), "{command:?}: {status}");
    let seconds = start.elapsed().as_secs_f64();
    let processor = if ticks > 0 { ticks as f64 / TICKS } else { seconds };
    Figure { seconds, processor, megabytes: peak as f64 / 1024.0 }
}

/// What a process has used of the processors, in ticks; absent on other systems than Linux.
fn processor_ticks(folder: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("{folder}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// `VmHWM` in KiB; absent on other systems than Linux.
fn high_water_mark(folder: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("{folder}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

impl Figure {
    fn least(self, other: Self) -> Self {
        Self {
            seconds: self.seconds.min(other.seconds),
            processor: self.processor.min(other.processor),
            megabytes: self.megabytes.min(other.megabytes),
        }
    }
}

/// The least figures of each dump.
fn best(dumps: &[PathBuf]) -> Vec<Figure> {
    let round = || dumps.iter().map(|dump| run(dump)).collect::<Vec<_>>();
    let first = round();
    (1..ROUNDS).fold(first, |best, _| best.into_iter().zip(round()).map(|(a, b)| a.least(b)).collect())
}

/// What the report on the cluster with two causes breaks of its bounds.
fn two_causes() -> Vec<String> {
    let (nodes, pods) = TWO_CAUSES;
    let dump = generate(nodes, 0, 1, pods);
    let report = |format: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-storagewhy"));
        command.args(["diagnose", "-A", "--exit-zero", "--from"]).arg(&dump).args(format).env("COLUMNS", "80");
        let output = command.output().unwrap_or_else(|error| panic!("kubectl-storagewhy: {error}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let json = report(&["-o", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{error}"));
    let findings = value["findings"].as_array().map_or(0, Vec::len);
    let lines = report(&[]).iter().filter(|byte| **byte == b'\n').count();
    println!(
        "{pods} pods with two causes on {nodes} nodes: {findings} findings, {lines} lines, {} bytes of JSON",
        json.len()
    );
    let bounds = [("findings", findings, MAX_FINDINGS), ("lines", lines, MAX_LINES), ("bytes", json.len(), MAX_BYTES)];
    let over = bounds.into_iter().filter(|(_, is, most)| is > most);
    over.map(|(what, is, most)| format!("two causes: {is} {what}, at most {most}")).collect()
}

/// A bound in seconds, or the one that is set for machines that are shared.
fn bound(seconds: f64) -> f64 {
    std::env::var("STORAGEWHY_SCALE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(seconds)
}

/// What trying replicas breaks of its bounds.
fn replicas() -> Vec<String> {
    let (nodes, [few, many]) = REPLICAS;
    let dump = generate(nodes, 0, 1, 0);
    let (small, large) = (preflight(&dump, few), preflight(&dump, many));
    for (replicas, figure) in [(few, &small), (many, &large)] {
        println!("{replicas} replicas on {nodes} nodes: {:.2} s, {:.0} MB", figure.seconds, figure.megabytes);
    }
    let mut worse = Vec::new();
    if small.seconds > bound(MAX_PREFLIGHT_SECONDS) || small.megabytes > MAX_PREFLIGHT_MEGABYTES {
        worse.push(format!("{few} replicas must take less than {MAX_PREFLIGHT_SECONDS} s and 0.5 GB"));
    }
    #[expect(clippy::cast_precision_loss, reason = "both are small")]
    let factor = many as f64 / few as f64;
    if large.processor > small.processor * factor * TOLERANCE {
        worse.push(format!("{many} replicas take {:.1} × what {few} take", large.processor / small.processor));
    }
    worse
}

fn main() -> ExitCode {
    let dumps: Vec<PathBuf> =
        SIZES.iter().map(|(nodes, pending, distinct)| generate(*nodes, *pending, *distinct, 0)).collect();
    let figures = best(&dumps);
    println!("nodes  pods   pending  distinct  seconds  processor  peak MB");
    for ((nodes, pending, distinct), figure) in SIZES.into_iter().zip(&figures) {
        let pods = nodes * PODS_PER_NODE;
        println!(
            "{nodes:>5}  {pods:>5}  {pending:>7}  {distinct:>8}  {:>7.2}  {:>9.2}  {:>7.0}",
            figure.seconds, figure.processor, figure.megabytes
        );
    }
    let mut worse = Vec::new();
    for (small, large, factor) in [(0, 1, 5.0), (2, 3, 5.0), (0, 2, 10.0), (1, 3, 10.0)] {
        for (what, pick) in [("processor time", (|f| f.processor) as fn(&Figure) -> f64), ("memory", |f| f.megabytes)] {
            let ratio = pick(&figures[large]) / pick(&figures[small]);
            println!("{what}: {:?} is {ratio:.1} × {:?}", SIZES[large], SIZES[small]);
            if ratio > factor * TOLERANCE {
                worse.push(format!("{what} grows {ratio:.1} × where {factor} × is linear"));
            }
        }
    }
    worse.extend(two_causes());
    worse.extend(replicas());
    let largest = &figures[1];
    let most = bound(MAX_SECONDS);
    if largest.seconds > most || largest.megabytes > MAX_MEGABYTES {
        worse.push(format!("5,000 nodes and 50,000 pods must take less than {most} s and 1 GB"));
    }
    worse.iter().for_each(|line| println!("{line}"));
    if worse.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
