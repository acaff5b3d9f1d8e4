//! The same report in the ways in which people ask for it.

use super::manifests::Vault;
use super::scene::{BY_EXTENDER, Scene};

#[test]
fn kubectl_runs_the_tool_as_its_plugin() {
    let Some(scene) = Scene::with_vault(BY_EXTENDER, Vault::ORDERED) else { return };
    let words = ["diagnose", "-n", "vault", "-o", "json"];
    let (alone, plugin) = (scene.tools.storagewhy(&words), scene.tools.plugin(&words));
    assert_eq!((alone.code, plugin.code), (1, 1), "{}", plugin.stderr);
    assert_eq!(without_coverage(&alone.undated()), without_coverage(&plugin.undated()));
    let screen = scene.tools.plugin(&["pod/vault-0", "-n", "vault"]);
    assert_eq!(screen.code, 1, "{}", screen.stderr);
    let first = screen.stdout.lines().next().unwrap_or_default().to_owned();
    assert!(screen.stdout.contains("topolvm.io/capacity"), "{first}");
    assert!(!screen.stdout.contains('\u{1b}'), "no colour where the output is piped");
}

/// A report without what was read: between two runs the cluster writes events.
fn without_coverage(report: &str) -> serde_json::Value {
    let mut report: serde_json::Value = serde_json::from_str(report).expect(report);
    report.as_object_mut().and_then(|fields| fields.remove("coverage")).expect("coverage");
    report
}
