//! Roles and their bindings (`pkg/apis/rbac/validation`).

use serde_json::{Value, json};

use super::super::field::{Errors, Path};
use super::super::json::{at, empty, list, text};
use super::names::{path_segment, subdomain};
use super::{meta, selector};

/// The group of roles.
const GROUP: &str = "rbac.authorization.k8s.io";

/// The release from which on what has to be there is checked last and told without details: by rules that are generated
/// from the types (`zz_generated.validations.go`).
const GENERATED: u32 = 37;

/// `ValidateRole`
pub(super) fn role(object: &Value, minor: u32, errors: &mut Errors) {
    meta::validate(object, true, path_segment, errors);
    rules(object, true, minor, errors);
    verbs(object, minor, errors);
}

/// `ValidateClusterRole`
pub(super) fn cluster_role(object: &Value, minor: u32, errors: &mut Errors) {
    meta::validate(object, false, path_segment, errors);
    rules(object, false, minor, errors);
    if at(object, "/aggregationRule").is_some() {
        aggregation(object, errors);
    }
    verbs(object, minor, errors);
}

fn aggregation(object: &Value, errors: &mut Errors) {
    let path = Path::new("aggregationRule").child("clusterRoleSelectors");
    let selectors = list(object, "/aggregationRule/clusterRoleSelectors");
    if selectors.is_empty() {
        errors.required(&path, "at least one clusterRoleSelector required if aggregationRule is non-nil");
    }
    for (index, own) in selectors.iter().enumerate() {
        let before = errors.len();
        selector::validate(own, &path.index(index), errors);
        if errors.len() > before {
            errors.invalid(&path.index(index), Value::Null, "invalid label selector.");
        }
    }
}

/// `ValidateRoleBinding`, and `ValidateClusterRoleBinding` for bindings without a namespace.
pub(super) fn binding(object: &Value, namespaced: bool, minor: u32, errors: &mut Errors) {
    meta::validate(object, namespaced, path_segment, errors);
    let (path, reference) = (Path::new("roleRef"), |field: &str| text(object, &format!("/roleRef/{field}")));
    if reference("apiGroup") != GROUP {
        errors.unsupported(&path.child("apiGroup"), reference("apiGroup"), &[GROUP]);
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&reference("kind")) {
        errors.unsupported(&path.child("kind"), reference("kind"), kinds);
    }
    match reference("name") {
        "" if minor >= GENERATED => {}
        "" => errors.required(&path.child("name"), ""),
        name => errors.all_invalid(&path.child("name"), name, path_segment(name)),
    }
    let subjects = || list(object, "/subjects").iter().zip((0..).map(|index| Path::new("subjects").index(index)));
    for (subject, path) in subjects() {
        if minor < GENERATED && text(subject, "/name").is_empty() {
            errors.required(&path.child("name"), "");
        }
        self::subject(subject, namespaced, &path, errors);
    }
    if minor >= GENERATED {
        let nameless = subjects().filter(|(subject, _)| text(subject, "/name").is_empty());
        nameless.for_each(|(_, path)| errors.required(&path.child("name"), ""));
        if reference("name").is_empty() {
            errors.required(&path.child("name"), "");
        }
    }
}

/// What a binding may not change.
pub(super) fn binding_update(object: &Value, old: &Value, minor: u32, errors: &mut Errors) {
    let reference = |object: &Value, field: &str| text(object, &format!("/roleRef/{field}")).to_owned();
    let shown = |object: &Value| json!({"APIGroup": reference(object, "apiGroup"), "Kind": reference(object, "kind"), "Name": reference(object, "name")});
    if shown(object) != shown(old) {
        let detail = if minor < GENERATED { "cannot change roleRef" } else { "field is immutable" };
        errors.invalid(&Path::new("roleRef"), shown(object), detail);
    }
}

/// `ValidatePolicyRule`
fn rules(object: &Value, namespaced: bool, minor: u32, errors: &mut Errors) {
    for (index, rule) in list(object, "/rules").iter().enumerate() {
        let path = Path::new("rules").index(index);
        if minor < GENERATED && empty(rule, "/verbs") {
            errors.required(&path.child("verbs"), "verbs must contain at least one value");
        }
        let resources = ["apiGroups", "resources", "resourceNames"];
        if let Some(urls) = at(rule, "/nonResourceURLs").filter(|_| !empty(rule, "/nonResourceURLs")) {
            let path = path.child("nonResourceURLs");
            if namespaced {
                errors.invalid(&path, urls.clone(), "namespaced rules cannot apply to non-resource URLs");
            }
            if resources.iter().any(|field| !empty(rule, &format!("/{field}"))) {
                let detail = "rules cannot apply to both regular resources and non-resource URLs";
                errors.invalid(&path, urls.clone(), detail);
            }
            continue;
        }
        if empty(rule, "/apiGroups") {
            errors.required(&path.child("apiGroups"), "resource rules must supply at least one api group");
        }
        if empty(rule, "/resources") {
            errors.required(&path.child("resources"), "resource rules must supply at least one resource");
        }
    }
}

/// That rules have verbs, where that is checked last.
fn verbs(object: &Value, minor: u32, errors: &mut Errors) {
    for (index, rule) in list(object, "/rules").iter().enumerate().filter(|_| minor >= GENERATED) {
        if empty(rule, "/verbs") {
            errors.required(&Path::new("rules").index(index).child("verbs"), "");
        }
    }
}

/// `ValidateRoleBindingSubject`, but for that it has a name
fn subject(subject: &Value, namespaced: bool, path: &Path, errors: &mut Errors) {
    let (name, group) = (text(subject, "/name"), text(subject, "/apiGroup"));
    match text(subject, "/kind") {
        "ServiceAccount" => {
            if !name.is_empty() {
                errors.all_invalid(&path.child("name"), name, subdomain(name));
            }
            if !group.is_empty() {
                errors.unsupported(&path.child("apiGroup"), group, &[""]);
            }
            if !namespaced && text(subject, "/namespace").is_empty() {
                errors.required(&path.child("namespace"), "");
            }
        }
        "User" | "Group" if group == GROUP => {}
        "User" | "Group" => errors.unsupported(&path.child("apiGroup"), group, &[GROUP]),
        kind => errors.unsupported(&path.child("kind"), kind, &["ServiceAccount", "User", "Group"]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::admission::kit::resource;
    use super::super::create;
    use super::*;

    fn told(kind: &str, mut object: Value) -> String {
        object["metadata"] = json!({"name": "a:b", "namespace": "app"});
        let resource = resource("rbac.authorization.k8s.io/v1", kind);
        create(&resource, &object, 37).message(&resource.group, &resource.kind, "a:b").unwrap_or_default()
    }

    #[test]
    fn rules_name_verbs_and_what_they_are_for() {
        for (rule, wrong) in [
            (json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}), ""),
            (
                json!({"verbs": ["get"], "nonResourceURLs": ["/x"]}),
                "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs",
            ),
            (json!({"apiGroups": [""], "resources": ["pods"]}), "rules[0].verbs: Required value"),
            (
                json!({"resources": ["pods"], "verbs": ["get"]}),
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
            ),
        ] {
            let said = told("Role", json!({"rules": [rule]}));
            assert!(if wrong.is_empty() { said.is_empty() } else { said.ends_with(wrong) }, "{said}");
        }
    }

    #[test]
    fn bindings_name_a_role_and_subjects_that_can_be() {
        let reference = |kind: &str| json!({"apiGroup": GROUP, "kind": kind, "name": "r"});
        for (kind, object, wrong) in [
            ("RoleBinding", json!({"roleRef": reference("Role")}), ""),
            (
                "ClusterRoleBinding",
                json!({"roleRef": reference("Role")}),
                "roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\"",
            ),
            (
                "RoleBinding",
                json!({"roleRef": reference("Role"), "subjects": [{"kind": "Robot", "name": "x"}]}),
                "subjects[0].kind: Unsupported value: \"Robot\": supported values: \"ServiceAccount\", \"User\", \"Group\"",
            ),
            (
                "ClusterRoleBinding",
                json!({"roleRef": reference("ClusterRole"), "subjects": [{"kind": "ServiceAccount", "name": "x"}]}),
                "subjects[0].namespace: Required value",
            ),
        ] {
            let said = told(kind, object);
            assert!(if wrong.is_empty() { said.is_empty() } else { said.ends_with(wrong) }, "{said}");
        }
    }

    #[test]
    fn a_binding_keeps_its_role() {
        let of = |name: &str| json!({"roleRef": {"apiGroup": GROUP, "kind": "Role", "name": name}});
        for (minor, detail) in [(36, "cannot change roleRef"), (37, "field is immutable")] {
            let mut errors = Errors::default();
            binding_update(&of("b"), &of("a"), minor, &mut errors);
            let said = errors.message(GROUP, "RoleBinding", "x").unwrap_or_default();
            assert!(said.ends_with(detail), "{said}");
        }
    }
}
