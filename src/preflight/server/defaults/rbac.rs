//! Defaults of bindings (`pkg/apis/rbac/v1/defaults.go`).

use serde_json::Value;

use super::super::json::{default, list_mut, text};

/// The group of roles, users and groups.
const GROUP: &str = "rbac.authorization.k8s.io";

/// `SetDefaults_RoleBinding`, and `SetDefaults_Subject` for its subjects.
pub(super) fn binding(object: &mut Value) {
    default(object, &["roleRef", "apiGroup"], GROUP);
    for subject in list_mut(object, "/subjects") {
        if matches!(text(subject, "/kind"), "User" | "Group") {
            default(subject, &["apiGroup"], GROUP);
        }
    }
}
