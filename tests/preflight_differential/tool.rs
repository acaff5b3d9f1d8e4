//! Runs the tool on a case.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::case::{Case, manifests};

/// What the tool says of a case on the cluster as it was before.
///
/// # Errors
/// What is wrong with its exit code or report.
pub fn preflight(case: &Case, before: &Value, version: &str) -> Result<Value, String> {
    let folder = tempfile::Builder::new().prefix("storagewhy-").tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("before.json"), before.to_string()).unwrap();
    fs::write(path("manifests.yaml"), manifests(&case.documents)).unwrap();
    fs::write(path("deleted.yaml"), manifests(&case.deleted)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-storagewhy"));
    command.current_dir(folder.path()).args([
        "preflight",
        "--from",
        "before.json",
        "--kube-version",
        version,
        "-o",
        "json",
    ]);
    if !case.documents.is_empty() {
        command.args(["-f", "manifests.yaml"]);
    }
    if !case.deleted.is_empty() {
        command.args(["--delete", "deleted.yaml"]);
    }
    if let Some(labels) = &case.prune {
        command.arg("--prune");
        if !labels.is_empty() {
            command.args(["--prune-selector", labels]);
        }
    }
    let output = command.output().unwrap();
    let (code, errors) = (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
    let report: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {code:?}: {errors}"))?;
    let wanted = match report["status"].as_str() {
        Some("fits") => 0,
        Some("blocked") => 1,
        _ => 4,
    };
    if code == Some(wanted) { Ok(report) } else { Err(format!("exit code {code:?} where {wanted} is right: {errors}")) }
}
