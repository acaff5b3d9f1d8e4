//! Objects that are not part of what a release runs: hooks and tests of Helm and Argo CD.

use serde_json::Value;

/// What a document is to the tool that applies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A part of the release.
    Part,
    /// Runs before or after the release, or instead of being part of it.
    Hook,
    /// Runs when the release is tested.
    Test,
}

/// The role that the annotations of an object give it, and the annotation's value.
///
/// Upstream: `hookEvents` in helm `pkg/release/v1/util/manifest_sorter.go`; `test-success` is the name of `test` in charts
/// for Helm 2. In Argo CD `argocd.argoproj.io/hook` counts in the same way.
pub(super) fn role(object: &Value) -> (Role, &str) {
    let annotation = |name: &str| {
        let annotations = object.get("metadata").and_then(|metadata| metadata.get("annotations"));
        annotations.and_then(|annotations| annotations.get(name)).and_then(Value::as_str)
    };
    let Some(value) = annotation("helm.sh/hook").or_else(|| annotation("argocd.argoproj.io/hook")) else {
        return (Role::Part, "");
    };
    let events = || value.split(',').map(str::trim).filter(|event| !event.is_empty());
    let test =
        events().next().is_some() && events().all(|event| matches!(event, "test" | "test-success" | "test-failure"));
    (if test { Role::Test } else { Role::Hook }, value)
}

/// When helm runs a hook that it does not run now; `None` for all that an install or an upgrade makes.
///
/// Upstream: each event is run by its own command (`pkg/action`: `uninstall.go` and `rollback.go`), and hooks are no part of
/// what a release consists of (`pkg/releaseutil/manifest_sorter.go`, which reads the events without regard to case).
pub(super) fn later(object: &Value) -> Option<&str> {
    let value = object.pointer("/metadata/annotations/helm.sh~1hook").and_then(Value::as_str)?;
    let later = |event: &str| {
        let event = event.trim().to_ascii_lowercase();
        matches!(event.as_str(), "pre-delete" | "post-delete" | "pre-rollback" | "post-rollback")
    };
    value.split(',').all(later).then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hooks_of_deletion_and_rollback_alone_run_later() {
        let of = |value: &str| later(&json!({"metadata": {"annotations": {"helm.sh/hook": value}}})).is_some();
        assert!(
            ["pre-delete", "post-delete", "pre-rollback,Post-Rollback", "pre-delete, post-delete"].into_iter().all(of)
        );
        let now = ["pre-install", "post-upgrade", "pre-delete,pre-upgrade", "test", "crd-install", ""];
        assert!(!now.into_iter().any(of));
        assert_eq!(later(&json!({"metadata": {"annotations": {"argocd.argoproj.io/hook": "pre-delete"}}})), None);
        assert_eq!(later(&json!({"metadata": {}})), None);
    }
}
