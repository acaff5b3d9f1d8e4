//! Security contexts (`pkg/apis/core/validation`, ValidateSecurityContext and validatePodSpecSecurityContext).

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, list, number, some_text, text, texts, truth};
use super::internal;
use super::names::in_range;
use super::volumes::descending;

/// The largest number of a user or group.
const MAX_ID: i64 = i32::MAX as i64;

fn ids(context: &Value, fields: &[&str], path: &Path, errors: &mut Errors) {
    for field in fields {
        if let Some(id) = number(context, &format!("/{field}")) {
            in_range(id, 0, MAX_ID).iter().for_each(|wrong| errors.invalid(&path.child(field), id, wrong));
        }
    }
}

/// Checks a container's own context.
pub(super) fn container(container: &Value, path: &Path, host_users: bool, errors: &mut Errors) {
    let Some(context) = at(container, "/securityContext") else { return };
    ids(context, &["runAsUser", "runAsGroup"], path, errors);
    if let Some(mount) = some_text(context, "/procMount") {
        if !matches!(mount, "Default" | "Unmasked") {
            errors.unsupported(&path.child("procMount"), mount, &["Default", "Unmasked"]);
        }
        if host_users && mount == "Unmasked" {
            errors.invalid(&path.child("procMount"), mount, "`hostUsers` must be false to use `Unmasked`");
        }
    }
    seccomp(context, &path.child("seccompProfile"), errors);
    if at(context, "/allowPrivilegeEscalation") == Some(&Value::Bool(false)) {
        let shown = internal::security_context(context).compact();
        if truth(context, "/privileged") {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.invalid_as(path, &shown, detail);
        }
        if texts(context, "/capabilities/add").contains(&"CAP_SYS_ADMIN") {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            errors.invalid_as(path, &shown, detail);
        }
    }
    app_armor(context, &path.child("appArmorProfile"), errors);
}

/// Checks a pod's context.
pub(super) fn pod(spec: &Value, path: &Path, errors: &mut Errors) {
    let Some(context) = at(spec, "/securityContext") else { return };
    ids(context, &["fsGroup", "runAsUser", "runAsGroup"], path, errors);
    for (index, group) in list(context, "/supplementalGroups").iter().enumerate() {
        let (path, id) = (path.child("supplementalGroups").index(index), group.as_i64().unwrap_or(0));
        in_range(id, 0, MAX_ID).iter().for_each(|wrong| errors.invalid(&path, id, wrong));
    }
    if truth(spec, "/shareProcessNamespace") && truth(spec, "/hostPID") {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.invalid(&path.child("shareProcessNamespace"), true, detail);
    }
    let choices: [(&str, &[&str]); 3] = [
        ("fsGroupChangePolicy", &["Always", "OnRootMismatch"]),
        ("supplementalGroupsPolicy", &["Merge", "Strict"]),
        ("seLinuxChangePolicy", &["MountOption", "Recursive"]),
    ];
    for (field, known) in choices {
        if let Some(value) = some_text(context, &format!("/{field}")).filter(|value| !known.contains(value)) {
            errors.unsupported(&path.child(field), value, known);
        }
    }
    sysctls(context, &path.child("sysctls"), errors);
    seccomp(context, &path.child("seccompProfile"), errors);
    app_armor(context, &path.child("appArmorProfile"), errors);
}

fn sysctls(context: &Value, path: &Path, errors: &mut Errors) {
    let mut names = std::collections::BTreeSet::new();
    for (index, sysctl) in list(context, "/sysctls").iter().enumerate() {
        let (path, name) = (path.index(index).child("name"), text(sysctl, "/name"));
        if name.is_empty() {
            errors.required(&path, "");
        } else if !sysctl_name(name) {
            let pattern = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
            errors.invalid(&path, name, &format!("must have at most 253 characters and match regex {pattern}"));
        } else if !names.insert(name) {
            errors.duplicate(&path, name);
        }
    }
}

/// `IsValidSysctlName`
fn sysctl_name(name: &str) -> bool {
    let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fit = |part: &str| {
        part.starts_with(small) && part.ends_with(small) && part.chars().all(|c| small(c) || matches!(c, '-' | '_'))
    };
    name.len() <= 253 && name.split(['.', '/']).all(fit)
}

/// `validateSeccompProfileField`
fn seccomp(context: &Value, path: &Path, errors: &mut Errors) {
    let Some(profile) = at(context, "/seccompProfile") else { return };
    match text(profile, "/type") {
        "" => errors.required(&path.child("type"), "type is required when seccompProfile is set"),
        "Localhost" | "RuntimeDefault" | "Unconfined" => {}
        other => errors.unsupported(&path.child("type"), other, &["Localhost", "RuntimeDefault", "Unconfined"]),
    }
    let (local, file) = (text(profile, "/type") == "Localhost", at(profile, "/localhostProfile"));
    let path = path.child("localhostProfile");
    match file {
        None if local => errors.required(&path, "must be set when seccomp type is Localhost"),
        Some(file) if local => descending(file.as_str().unwrap_or_default(), &path, errors),
        Some(_) => {
            let shown = internal::seccomp_profile(profile).compact();
            errors.invalid_as(&path, &shown, "can only be set when seccomp type is Localhost");
        }
        None => {}
    }
}

/// `ValidateAppArmorProfileField`
fn app_armor(context: &Value, path: &Path, errors: &mut Errors) {
    let Some(profile) = at(context, "/appArmorProfile") else { return };
    let file = some_text(profile, "/localhostProfile");
    let file_path = path.child("localhostProfile");
    match text(profile, "/type") {
        "Localhost" => match file.map(str::trim) {
            None | Some("") => errors.required(&file_path, "must be set when AppArmor type is Localhost"),
            Some(_) => {}
        },
        "RuntimeDefault" | "Unconfined" => {
            if let Some(file) = file {
                errors.invalid(&file_path, file, "can only be set when AppArmor type is Localhost");
            }
        }
        "" => errors.required(&path.child("type"), "type is required when appArmorProfile is set"),
        other => errors.unsupported(&path.child("type"), other, &["Localhost", "RuntimeDefault", "Unconfined"]),
    }
}
