//! Runs of `preflight` on an API server.

use std::process::Command;

use serde_json::Value;

use super::fake::FakeApi;

/// What a run said.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) report: Value,
    pub(crate) errors: String,
}

impl Run {
    /// What is said of a document.
    pub(crate) fn document(&self, number: usize) -> &Value {
        &self.report["documents"][number]
    }

    /// What the server itself said of it.
    pub(crate) fn server(&self, number: usize) -> &Value {
        &self.document(number)["server"]
    }
}

/// Runs the program on a cluster and manifests.
pub(crate) fn preflight(api: &FakeApi, manifests: &[Value], args: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifests.yaml");
    let text: String = manifests.iter().map(|one| format!("---\n{one}\n")).collect();
    std::fs::write(&path, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kubectl-storagewhy"))
        .args(["preflight", "-n", "app", "-o", "json", "-s", &api.url(), "-f", path.to_str().unwrap()])
        .args(args)
        .env_clear()
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"));
    Run { code: output.status.code().unwrap(), report, errors }
}
