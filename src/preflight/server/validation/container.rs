//! Containers of pods and pod templates (`pkg/apis/core/validation`, validateContainerCommon and what stands around it).

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, empty, list, number, text};
use super::names::{label, port_name, port_number};
use super::volumes::Volumes;
use super::{environment, mounts, probes, resources, security};

/// What the containers of a pod have in common.
pub(super) struct Around<'p> {
    pub(super) volumes: &'p Volumes<'p>,
    /// Whether the pod uses the users of its node.
    pub(super) host_users: bool,
    /// `terminationGracePeriodSeconds`
    pub(super) grace: i64,
    /// The names of the pod's resource claims.
    pub(super) claims: BTreeSet<&'p str>,
}

/// `validateContainers`
pub(super) fn regular(containers: &[Value], path: &Path, around: &Around<'_>, errors: &mut Errors) {
    if containers.is_empty() {
        errors.required(path, "");
        return;
    }
    let mut names = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        let path = path.index(index);
        common(container, &path, around, errors);
        let name = text(container, "/name");
        if !names.insert(name) {
            errors.duplicate(&path.child("name"), name);
        }
        probes::all(container, &path, around.grace, errors);
        restart_policy(container, &path, errors);
    }
    host_ports(containers, path, errors);
}

/// `validateInitContainers`
pub(super) fn initial(containers: &[Value], regular: &[Value], path: &Path, around: &Around<'_>, errors: &mut Errors) {
    let mut names: BTreeSet<&str> = regular.iter().map(|container| text(container, "/name")).collect();
    for (index, container) in containers.iter().enumerate() {
        let place = path.index(index);
        common(container, &place, around, errors);
        restart_policy(container, &place, errors);
        let name = text(container, "/name");
        if names.contains(name) {
            errors.duplicate(&place.child("name"), name);
        } else if !name.is_empty() {
            names.insert(name);
        }
        host_ports(std::slice::from_ref(container), path, errors);
        if text(container, "/restartPolicy") == "Always" {
            probes::all(container, &place, around.grace, errors);
            continue;
        }
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if at(container, &format!("/{field}")).is_some() {
                let detail = "may not be set for init containers without restartPolicy=Always";
                errors.forbidden(&place.child(field), detail);
            }
        }
    }
}

fn restart_policy(container: &Value, path: &Path, errors: &mut Errors) {
    let policy = text(container, "/restartPolicy");
    let known = ["Always", "Never", "OnFailure"];
    if !policy.is_empty() && !known.contains(&policy) {
        errors.unsupported(&path.child("restartPolicy"), policy, &known);
    }
}

fn common(container: &Value, path: &Path, around: &Around<'_>, errors: &mut Errors) {
    let name = text(container, "/name");
    if name.is_empty() {
        errors.required(&path.child("name"), "");
    } else {
        errors.all_invalid(&path.child("name"), name, label(name));
    }
    if text(container, "/image").is_empty() {
        errors.required(&path.child("image"), "");
    }
    one_of(container, "terminationMessagePolicy", &["File", "FallbackToLogsOnError"], path, errors);
    ports(container, &path.child("ports"), errors);
    environment::validate(container, path, errors);
    mounts::validate(container, path, around.volumes, errors);
    one_of(container, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], path, errors);
    let empty = Value::Null;
    let own = at(container, "/resources").unwrap_or(&empty);
    resources::container(own, &path.child("resources"), errors);
    resource_claims(own, &path.child("resources").child("claims"), around, errors);
    resize_policy(container, &path.child("resizePolicy"), errors);
    security::container(container, &path.child("securityContext"), around.host_users, errors);
}

/// A field that has one of several values.
pub(super) fn one_of(object: &Value, field: &str, known: &[&str], path: &Path, errors: &mut Errors) {
    match text(object, &format!("/{field}")) {
        "" => errors.required(&path.child(field), ""),
        value if known.contains(&value) => {}
        value => errors.unsupported(&path.child(field), value, known),
    }
}

/// `validateContainerPorts`
fn ports(container: &Value, path: &Path, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for (index, port) in list(container, "/ports").iter().enumerate() {
        let path = path.index(index);
        let name = text(port, "/name");
        if !name.is_empty() {
            let wrong = port_name(name);
            if wrong.is_empty() && !names.insert(name) {
                errors.duplicate(&path.child("name"), name);
            }
            errors.all_invalid(&path.child("name"), name, wrong);
        }
        match number(port, "/containerPort").unwrap_or(0) {
            0 => errors.required(&path.child("containerPort"), ""),
            number => {
                port_number(number).iter().for_each(|wrong| errors.invalid(&path.child("containerPort"), number, wrong))
            }
        }
        let host = number(port, "/hostPort").unwrap_or(0);
        if host != 0 {
            port_number(host).iter().for_each(|wrong| errors.invalid(&path.child("hostPort"), host, wrong));
        }
        one_of(port, "protocol", &["SCTP", "TCP", "UDP"], &path, errors);
    }
}

/// `checkHostPortConflicts`
fn host_ports(containers: &[Value], path: &Path, errors: &mut Errors) {
    let mut taken = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        for (nth, port) in list(container, "/ports").iter().enumerate() {
            let host = number(port, "/hostPort").unwrap_or(0);
            if host == 0 {
                continue;
            }
            let key = format!("{}/{}/{host}", text(port, "/protocol"), text(port, "/hostIP"));
            if !taken.insert(key.clone()) {
                errors.duplicate(&path.index(index).child("ports").index(nth).child("hostPort"), key);
            }
        }
    }
}

/// `validateResourceClaimNames`
fn resource_claims(resources: &Value, path: &Path, around: &Around<'_>, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for (index, claim) in list(resources, "/claims").iter().enumerate() {
        let (path, name) = (path.index(index), text(claim, "/name"));
        if name.is_empty() {
            errors.required(&path, "");
            continue;
        }
        let request = text(claim, "/request");
        let shown = if request.is_empty() { name.to_owned() } else { format!("{name}/{request}") };
        if !names.insert(shown.clone()) {
            errors.duplicate(&path, shown);
        }
        if !around.claims.contains(name) {
            let known: Vec<&str> = around.claims.iter().copied().collect();
            let known = if known.is_empty() { " which is empty".to_owned() } else { format!(": {}", known.join(", ")) };
            errors.not_found_among(&path, name, &format!("must be one of the names in pod.spec.resourceClaims{known}"));
        }
    }
}

fn resize_policy(container: &Value, path: &Path, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for (index, policy) in list(container, "/resizePolicy").iter().enumerate() {
        let name = text(policy, "/resourceName");
        if !names.insert(name) {
            errors.duplicate(&path.index(index), name);
        }
        if !matches!(name, "" | "cpu" | "memory") {
            errors.unsupported(path, name, &["cpu", "memory"]);
        }
        let restart = text(policy, "/restartPolicy");
        if !matches!(restart, "" | "NotRequired" | "RestartContainer") {
            errors.unsupported(path, restart, &["NotRequired", "RestartContainer"]);
        }
    }
    if empty(container, "/resizePolicy") {
        return;
    }
    if names.contains("") {
        errors.required(path, "");
    }
}
