//! Service accounts, and who may do what: roles and their bindings.

use super::kind::{Object, has_meta};
use super::lenient::model;
use super::meta::Meta;

has_meta!(Role, RoleBinding);

/// Annotations in which clouds are told whom a service account stands for; no others are kept, but for those of the tools
/// that own it.
const KEPT: &[&str] = &[
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
    "argocd.argoproj.io/tracking-id",
];

impl Object for ServiceAccount {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut Meta {
        &mut self.metadata
    }

    fn redact(&mut self) {
        self.metadata.annotations.retain(|key, _| KEPT.contains(&key.as_str()));
    }
}

model! {
    /// A service account; the names of its secrets are not kept.
    pub struct ServiceAccount {
        pub metadata: Meta,
    }

    /// A Role or ClusterRole.
    pub struct Role {
        pub metadata: Meta,
        pub rules: Vec<PolicyRule>,
    }

    /// A rule of a role.
    pub struct PolicyRule {
        pub api_groups: Vec<String>,
        pub resources: Vec<String>,
        pub resource_names: Vec<String>,
        pub verbs: Vec<String>,
    }

    /// A RoleBinding or ClusterRoleBinding.
    pub struct RoleBinding {
        pub metadata: Meta,
        pub role_ref: RoleRef,
        pub subjects: Vec<Subject>,
    }

    /// The role that is bound.
    pub struct RoleRef {
        pub kind: String,
        pub name: String,
    }

    /// Whom it is bound to.
    pub struct Subject {
        pub kind: String,
        pub namespace: String,
        pub name: String,
    }
}

impl PolicyRule {
    /// Whether the rule lets objects of a resource be handled in this way (`pkg/apis/rbac/v1/evaluation_helpers.go`); of a
    /// subresource, `resource` is `resource/subresource`. Rules for single objects don't count.
    pub fn allows(&self, verb: &str, group: &str, resource: &str) -> bool {
        let has = |list: &[String], value: &str| list.iter().any(|one| one == "*" || one == value);
        let any_sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
        let resources = has(&self.resources, resource) || any_sub.is_some_and(|any| self.resources.contains(&any));
        has(&self.verbs, verb) && has(&self.api_groups, group) && resources && self.resource_names.is_empty()
    }
}

impl Subject {
    /// Whether a service account is meant, by its name or by a group that it belongs to
    /// (`staging/src/k8s.io/apiserver/pkg/authentication/serviceaccount/util.go`). A subject without a namespace takes
    /// that of its RoleBinding.
    pub fn is_account(&self, own_namespace: &str, namespace: &str, name: &str) -> bool {
        let of = if self.namespace.is_empty() { own_namespace } else { self.namespace.as_str() };
        match self.kind.as_str() {
            "ServiceAccount" => of == namespace && self.name == name,
            "Group" => {
                self.name == "system:serviceaccounts"
                    || self.name == "system:authenticated"
                    || self.name.strip_prefix("system:serviceaccounts:") == Some(namespace)
            }
            "User" => self.name == format!("system:serviceaccount:{namespace}:{name}"),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> PolicyRule {
        let all = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        PolicyRule { api_groups: all(groups), resources: all(resources), verbs: all(verbs), ..PolicyRule::default() }
    }

    #[test]
    fn a_subresource_is_not_its_resource() {
        let one = rule(&["storage.k8s.io"], &["volumeattachments"], &["patch"]);
        assert!(one.allows("patch", "storage.k8s.io", "volumeattachments"));
        assert!(!one.allows("patch", "storage.k8s.io", "volumeattachments/status"));
        assert!(!one.allows("patch", "", "volumeattachments"));
        assert!(rule(&["*"], &["*/status"], &["*"]).allows("patch", "storage.k8s.io", "volumeattachments/status"));
        assert!(rule(&["*"], &["*"], &["*"]).allows("list", "", "nodes/proxy"));
    }

    #[test]
    fn rules_for_single_objects_are_no_right_to_all() {
        let mut one = rule(&[""], &["nodes"], &["get"]);
        one.resource_names = vec!["a".to_owned()];
        assert!(!one.allows("get", "", "nodes"));
    }

    #[test]
    fn accounts_are_meant_by_name_and_by_group() {
        let subject = |kind: &str, namespace: &str, name: &str| Subject {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        assert!(subject("ServiceAccount", "csi", "ctl").is_account("", "csi", "ctl"));
        assert!(!subject("ServiceAccount", "default", "ctl").is_account("", "csi", "ctl"));
        assert!(subject("Group", "", "system:serviceaccounts:csi").is_account("", "csi", "ctl"));
        assert!(subject("User", "", "system:serviceaccount:csi:ctl").is_account("", "csi", "ctl"));
        assert!(!subject("User", "", "ctl").is_account("", "csi", "ctl"));
    }
}
