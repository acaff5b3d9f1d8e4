//! The files in `docs/ci/`: what they run does what they say.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read and write files and may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value;

use crate::binary::{command, finish};

fn page(name: &str) -> (String, Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci").join(name);
    let text = fs::read_to_string(path).unwrap();
    let value = serde_yaml::from_str(&text).unwrap();
    (text, value)
}

/// A folder with a cluster and manifests, one of which names a class that is not there.
fn scene() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = serde_json::json!({
        "apiVersion": "storagewhy.dev/v1", "kind": "Snapshot", "metadata": {"serverVersion": "v1.36.2"},
        "coverage": "complete",
        "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}, "status": {"phase": "Active"}}],
    });
    fs::write(folder.path().join("cluster.json.gz"), snapshot.to_string()).unwrap();
    fs::create_dir(folder.path().join("manifests")).unwrap();
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  accessModes: [ReadWriteOnce]\n  \
                 storageClassName: fats\n  resources: {requests: {storage: 1Gi}}\n";
    fs::write(folder.path().join("manifests/claim.yaml"), claim).unwrap();
    folder
}

/// Runs a script in a folder, with the binary on PATH.
fn shell(program: &str, script: &str, folder: &Path, env: &BTreeMap<String, String>) -> (Option<i32>, String) {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_kubectl-storagewhy"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let output = Command::new(program)
        .args(["-e", "-c", script])
        .current_dir(folder)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("PATH", path)
        .envs(env)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

#[cfg(unix)]
#[test]
fn the_steps_of_the_action_annotate_summarize_and_write_sarif() {
    let folder = scene();
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let (_, action) = page("action.yml");
    let inputs = BTreeMap::from([
        ("manifests", "manifests"),
        ("snapshot", "cluster.json.gz"),
        ("namespace", "default"),
        ("fail-on", "unknown"),
    ]);
    let mut told = String::new();
    for step in action["runs"]["steps"].as_sequence().unwrap() {
        let mut env = BTreeMap::from([
            ("GITHUB_OUTPUT".to_owned(), inside("output")),
            ("GITHUB_STEP_SUMMARY".to_owned(), inside("summary")),
            ("RUNNER_TEMP".to_owned(), inside("")),
        ]);
        for (name, value) in step["env"].as_mapping().unwrap() {
            let input = value.as_str().unwrap().trim_start_matches("${{ inputs.").trim_end_matches(" }}");
            env.insert(name.as_str().unwrap().to_owned(), inputs[input].to_owned());
        }
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "an expression in a script can be broken out of: {script}");
        let (code, output) = shell("bash", script, folder.path(), &env);
        assert_eq!(code, Some(0), "{output}");
        told += &output;
    }
    assert!(told.contains("::error file=manifests/claim.yaml,line=6,"), "{told}");
    let output = fs::read_to_string(folder.path().join("output")).unwrap();
    assert!(output.starts_with("code=1\nfile=") && output.ends_with("preflight.sarif\n"), "{output}");
    assert!(fs::read_to_string(folder.path().join("summary")).unwrap().contains("class-not-found"));
    let sarif = fs::read_to_string(folder.path().join("preflight.sarif")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&sarif).unwrap()["version"], "2.1.0");
}

#[cfg(unix)]
#[test]
fn the_scripts_of_gitlab_and_tekton_report_and_stop() {
    let folder = scene();
    let mut env = BTreeMap::from([
        ("MANIFESTS".to_owned(), "manifests".to_owned()),
        ("SNAPSHOT".to_owned(), "cluster.json.gz".to_owned()),
        ("RESULT".to_owned(), folder.path().join("result").display().to_string()),
    ]);
    let (_, gitlab) = page("gitlab.yml");
    let lines = gitlab["preflight"]["script"].as_sequence().unwrap();
    let codes: Vec<Option<i32>> =
        lines.iter().map(|line| shell("sh", line.as_str().unwrap(), folder.path(), &env).0).collect();
    assert_eq!(codes, [Some(0), Some(0), Some(1)]);
    let quality = fs::read_to_string(folder.path().join("code-quality.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&quality).unwrap()[0]["check_name"], "class-not-found");
    assert!(fs::read_to_string(folder.path().join("junit.xml")).unwrap().contains("failures=\"1\""));
    let (_, tekton) = page("tekton-task.yaml");
    env.insert("UNUSED".to_owned(), String::new());
    let script = tekton["spec"]["steps"][0]["script"].as_str().unwrap();
    assert_eq!(shell("sh", script, folder.path(), &env).0, Some(1));
    assert_eq!(fs::read_to_string(folder.path().join("result")).unwrap(), "1");
}

#[cfg(unix)]
#[test]
fn the_hook_takes_the_files_that_a_commit_changes() {
    let folder = scene();
    let (_, config) = page("pre-commit-config.yaml");
    let hook = &config["repos"][0]["hooks"][0];
    let entry = hook["entry"].as_str().unwrap();
    fs::write(folder.path().join("manifests/two.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
        .unwrap();
    let script = format!("{entry} manifests/claim.yaml manifests/two.yaml");
    let (code, told) = shell("sh", &script, folder.path(), &BTreeMap::new());
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("of 2 documents admitted"), "{told}");
}

#[test]
fn the_job_of_argo_cd_has_no_field_that_the_server_does_not_know() {
    let folder = scene();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci/argocd-presync.yaml");
    let mut text = fs::read_to_string(path).unwrap();
    text = text.replace("generateName: storagewhy-preflight-", "name: storagewhy-preflight");
    fs::write(folder.path().join("job.yaml"), text).unwrap();
    let mut run = command(&["preflight", "-f", "job.yaml", "--from", "cluster.json.gz", "-o", "json"]);
    let run = finish(run.current_dir(folder.path()).output().unwrap());
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let document = &report["documents"][0];
    assert_eq!((&document["role"], &document["message"]), (&"hook".into(), &serde_json::Value::Null), "{}", run.stderr);
}

#[test]
fn the_page_tells_every_file_and_every_rule_of_manifests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/ci.md")).unwrap();
    for entry in fs::read_dir(root.join("docs/ci")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(page.contains(&format!("(ci/{name})")), "{name}");
    }
}
