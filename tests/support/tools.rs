//! What a reader of a report has at hand: kubectl, helm, a shell, and the tool itself.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses another part")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "support for tests")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::control_plane::Programs;

/// The tool under test.
const TOOL: &str = env!("CARGO_BIN_EXE_kubectl-storagewhy");

/// The programs, for one cluster.
#[derive(Clone, Debug)]
pub struct Tools {
    pub programs: Programs,
    pub kubeconfig: PathBuf,
}

/// What a run of the tool gave.
#[derive(Clone, Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The report as JSON without the time at which it was made.
    pub fn undated(&self) -> String {
        self.stdout.lines().filter(|line| !line.trim_start().starts_with("\"judgedAt\":")).collect()
    }
}

impl Tools {
    /// Runs kubectl; panics where it fails.
    pub fn kubectl(&self, words: &[&str]) -> String {
        succeed(self.command("kubectl").args(words))
    }

    /// An object or list; `None` where there is no such object.
    pub fn get(&self, words: &[&str]) -> Option<Value> {
        let text = succeed(self.command("kubectl").arg("get").args(words).args(["--ignore-not-found", "-o", "json"]));
        (!text.is_empty()).then(|| serde_json::from_str(&text).unwrap())
    }

    /// Applies objects with kubectl.
    pub fn apply(&self, objects: &[Value]) {
        self.apply_text(&json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string());
    }

    /// Applies manifests as they are written.
    pub fn apply_text(&self, manifests: &str) {
        let mut command = self.command("kubectl");
        command.args(["apply", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(manifests.as_bytes()).unwrap();
        output_of(&command, child.wait_with_output().unwrap());
    }

    /// Runs helm; panics where it fails.
    pub fn helm(&self, words: &[&str]) -> String {
        succeed(self.command("helm").args(words))
    }

    /// Runs a printed command verbatim, as a reader pastes it into a shell, with CHART set; panics where it fails.
    pub fn paste(&self, command: &str, chart: &Path) -> String {
        succeed(self.command("bash").args(["-e", "-c", command]).env("CHART", chart))
    }

    /// Runs the tool.
    pub fn storagewhy(&self, words: &[&str]) -> Run {
        run(self.command(TOOL).args(words))
    }

    /// Runs the tool as a plugin of kubectl.
    pub fn plugin(&self, words: &[&str]) -> Run {
        run(self.command("kubectl").arg("storagewhy").args(words))
    }

    /// A program with our kubectl, helm and plugin first on PATH, and with nothing of the caller's own cluster.
    fn command(&self, program: &str) -> Command {
        let ours = self.programs.path(program);
        let mut command = if ours.exists() { Command::new(ours) } else { Command::new(program) };
        let home = self.kubeconfig.parent().unwrap();
        let path = self.programs.search_path(&[Path::new(TOOL).parent().unwrap()]);
        command.env("PATH", path).env("KUBECONFIG", &self.kubeconfig).env("HOME", home);
        command
    }
}

fn run(command: &mut Command) -> Run {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    output_of(command, output)
}

fn output_of(command: &Command, output: Output) -> String {
    let (out, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{errors}", output.status);
    out
}
