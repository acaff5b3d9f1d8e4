//! What kustomize and helm render, where they are on PATH.

use std::io::{self, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;

use super::Fault;
use super::text::read;

/// What of a program's complaints is kept, in bytes.
const COMPLAINT: u64 = 64 << 10;

/// A folder with a `kustomization.yaml`.
#[derive(Clone, Debug, Default)]
pub struct Kustomization {
    pub folder: String,
}

/// A Helm chart and what it is rendered with.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    pub folder: String,
    /// The name of the release.
    pub release: Option<String>,
    pub namespace: Option<String>,
    /// Files with values, the strongest last.
    pub values: Vec<String>,
    /// Values as `NAME=VALUE`.
    pub set: Vec<String>,
    /// The version of Kubernetes that the chart is told, as `v1.36.2`.
    pub kube_version: Option<String>,
    /// What the chart is told that the server serves, beyond what helm knows, as `batch/v1/CronJob`.
    pub api_versions: Vec<String>,
}

impl Kustomization {
    /// What stands for the file in reports.
    pub(super) fn name(&self) -> String {
        self.folder.clone()
    }

    pub(super) fn render(&self, limit: u64) -> Result<String, Fault> {
        let own = ["kustomize", "build", &self.folder];
        let kubectl = ["kubectl", "kustomize", &self.folder];
        match run(&own, limit) {
            Err(Failure::Missing) => run(&kubectl, limit).map_err(|failure| failure.fault(&own)),
            done => done.map_err(|failure| failure.fault(&own)),
        }
    }
}

impl Chart {
    /// What stands for the file in reports.
    pub(super) fn name(&self) -> String {
        self.folder.clone()
    }

    pub(super) fn render(&self, limit: u64) -> Result<String, Fault> {
        let mut words = vec!["helm", "template"];
        words.extend(self.release.as_deref());
        words.extend([self.folder.as_str(), "--include-crds"]);
        let flags = [("--namespace", &self.namespace), ("--kube-version", &self.kube_version)];
        for (flag, value) in flags {
            words.extend(value.as_deref().into_iter().flat_map(|value| [flag, value]));
        }
        words.extend(self.api_versions.iter().flat_map(|version| ["--api-versions", version.as_str()]));
        words.extend(self.values.iter().flat_map(|file| ["--values", file.as_str()]));
        words.extend(self.set.iter().flat_map(|value| ["--set", value.as_str()]));
        run(&words, limit).map_err(|failure| failure.fault(&words))
    }
}

enum Failure {
    /// The program is not on PATH.
    Missing,
    Told(Fault),
}

impl Failure {
    fn fault(self, words: &[&str]) -> Fault {
        match self {
            Self::Missing => {
                let program = words.first().copied().unwrap_or_default();
                let hint = format!("run it where it is, and pipe its output: {} | … -f -", line(words));
                Fault::whole(format!("{program} is not on PATH")).hinted(hint)
            }
            Self::Told(fault) => fault,
        }
    }
}

/// The standard output of a program.
fn run(words: &[&str], limit: u64) -> Result<String, Failure> {
    let (program, arguments) = words.split_first().ok_or(Failure::Missing)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::Missing,
        _ => Failure::Told(Fault::whole(format!("can't run {program}: {error}"))),
    })?;
    let complaints = child.stderr.take().map(|stderr| thread::spawn(|| complaint(stderr)));
    let text = child.stdout.take().map_or_else(|| Ok(String::new()), |stdout| read(stdout, limit));
    if text.is_err() {
        end(&mut child);
    }
    let done = child.wait().map_err(|error| Failure::Told(Fault::whole(error.to_string())))?;
    let complaint = complaints.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let text = text.map_err(Failure::Told)?;
    if done.success() {
        return Ok(text);
    }
    let words = line(words);
    let fault = Fault::whole(if complaint.is_empty() {
        format!("`{words}` failed: {done}")
    } else {
        format!("`{words}` failed: {complaint}")
    });
    Err(Failure::Told(fault))
}

/// Ends a program that renders more than is read. One that has ended by itself needs no ending.
fn end(child: &mut Child) {
    drop(child.kill());
}

/// What a program complains of, in one line.
fn complaint(stderr: ChildStderr) -> String {
    let mut bytes = Vec::new();
    let mut kept = stderr.take(COMPLAINT);
    let read = kept.read_to_end(&mut bytes);
    let rest = io::copy(&mut kept.into_inner(), &mut io::sink());
    if read.is_err() || rest.is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

/// The words as a shell reads them.
fn line(words: &[&str]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    let quoted = |word: &&str| {
        if !word.is_empty() && word.chars().all(plain) {
            (*word).to_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}
