//! `kubectl apply`, and the server's own words behind what kubectl says.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::api::path_of;
use crate::support::control_plane::ControlPlane;

/// What came of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// `create`, `update` or `none`.
    pub action: String,
    /// The server's `Status.message` where it refused the document, or kubectl's words where nothing was sent.
    pub refused: Option<String>,
}

/// Applies one object, as `kubectl apply --validate=strict` does. kubectl also sends patches that change nothing.
pub fn apply(plane: &ControlPlane, object: &Value) -> Applied {
    let path = path_of(object);
    let before = plane.api.get(&path).ok().map(lasting);
    let (done, log) = run(plane, &["apply", "--validate=strict", "-v=10", "-f", "-"], &object.to_string());
    let action = match before {
        None => "create",
        before if done && plane.api.get(&path).ok().map(lasting) == before => "none",
        Some(_) => "update",
    };
    Applied { action: action.to_owned(), refused: (!done).then(|| message(&log)) }
}

/// An object without what controllers write, and what the server counts.
fn lasting(mut object: Value) -> Value {
    object["status"] = Value::Null;
    for field in ["resourceVersion", "managedFields"] {
        object["metadata"][field] = Value::Null;
    }
    object["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = Value::Null;
    object
}

/// Applies objects at once. Those that the server refuses are not there then.
pub fn apply_all(plane: &ControlPlane, objects: &[Value]) {
    if !objects.is_empty() {
        run(plane, &["apply", "-f", "-"], &super::case::manifests(objects));
    }
}

/// Has kubectl delete what it applied before and is none of these objects, which it applies once more. `labels`: what that
/// must have, any where they are empty.
pub fn prune(plane: &ControlPlane, objects: &[Value], labels: &str) {
    let of: &[&str] = if labels.is_empty() { &["--all"] } else { &["-l", labels] };
    let words = [&["apply", "-f", "-", "--prune"], of].concat();
    run(plane, &words, &super::case::manifests(objects));
}

fn run(plane: &ControlPlane, words: &[&str], input: &str) -> (bool, String) {
    let mut command: Command = plane.command("kubectl");
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The last `Status.message` in kubectl's log, else what kubectl itself has to say.
fn message(log: &str) -> String {
    if let Some(start) = log.rfind("no matches for kind") {
        return log[start..].lines().next().unwrap_or_default().to_owned();
    }
    let lines: Vec<&str> = log.lines().collect();
    let bodies = lines.iter().enumerate().filter(|(_, line)| line.contains("\"Response Body\""));
    let bodies = bodies.filter_map(|(number, line)| match line.split_once("body=\"") {
        Some((_, quoted)) => serde_json::from_str::<String>(&format!("\"{quoted}")).ok(),
        None => lines.get(number + 1).map(|body| (*body).to_owned()),
    });
    let mut statuses = bodies.filter_map(|body| serde_json::from_str::<Value>(body.trim()).ok());
    let refused = statuses.rfind(|body| body["kind"] == "Status" && body["status"] == "Failure");
    refused.and_then(|status| status["message"].as_str().map(str::to_owned)).unwrap_or_else(|| {
        lines.iter().rev().find(|line| !line.starts_with('I')).copied().unwrap_or_default().to_owned()
    })
}
