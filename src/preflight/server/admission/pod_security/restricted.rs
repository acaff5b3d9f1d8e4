//! The checks that the restricted level adds (`policy/check_*.go`), in the order of their names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::super::json::{at, list, text, texts};
use super::baseline::{explicit_seccomp, masked_proc};
use super::checks::{Finding, Pod, finding, join, plural, several};
use super::is;

/// Volumes that every pod may have.
const VOLUMES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
/// Volumes that are known by name beside those.
const OTHERS: &[&str] = &[
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
];

/// The checks that the level adds.
pub(super) fn check(pod: &Pod<'_>) -> Vec<Finding> {
    let linux = pod.minor < 25 || !pod.windows();
    let users = pod.minor >= 35 && pod.own_users();
    let when = |applies: bool, check: fn(&Pod<'_>) -> Option<Finding>| if applies { check(pod) } else { None };
    let findings = [
        when(pod.minor >= 8 && linux, escalation),
        when(pod.minor >= 22 && linux, capabilities),
        when(pod.minor >= 35, masked_proc),
        volumes(pod),
        when(!users, non_root),
        when(pod.minor >= 23 && !users, user),
        when(pod.minor >= 19 && linux, seccomp),
    ];
    findings.into_iter().flatten().collect()
}

fn escalation(pod: &Pod<'_>) -> Option<Finding> {
    let allowed =
        |container: &Value| at(container, "/securityContext/allowPrivilegeEscalation") != Some(&Value::Bool(false));
    let containers = pod.named(allowed);
    if containers.is_empty() {
        return None;
    }
    let who = several("container", &containers);
    finding(
        "allowPrivilegeEscalation != false",
        format!("{who} must set securityContext.allowPrivilegeEscalation=false"),
    )
}

fn capabilities(pod: &Pod<'_>) -> Option<Finding> {
    let keeps = pod.named(|container| !texts(container, "/securityContext/capabilities/drop").contains(&"ALL"));
    let added = |container: &Value| -> Vec<String> {
        let added = texts(container, "/securityContext/capabilities/add").into_iter();
        added.filter(|name| *name != "NET_BIND_SERVICE").map(str::to_owned).collect()
    };
    let adds = pod.named(|container| !added(container).is_empty());
    let mut told = Vec::new();
    if !keeps.is_empty() {
        told.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", several("container", &keeps)));
    }
    if !adds.is_empty() {
        let names: BTreeSet<String> = pod.containers().flat_map(added).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let who = several("container", &adds);
        told.push(format!("{who} must not include {} in securityContext.capabilities.add", join(&names)));
    }
    if told.is_empty() { None } else { finding("unrestricted capabilities", told.join("; ")) }
}

fn volumes(pod: &Pod<'_>) -> Option<Finding> {
    let has = |volume: &Value, source: &&&str| at(volume, &format!("/{source}")).is_some();
    let volumes = list(pod.object, "/spec/volumes").iter();
    let wrong: Vec<&Value> = volumes.filter(|volume| !VOLUMES.iter().any(|source| has(volume, &source))).collect();
    if wrong.is_empty() {
        return None;
    }
    let kind = |volume: &&Value| OTHERS.iter().find(|source| has(volume, source)).copied().unwrap_or("unknown");
    let kinds: BTreeSet<&str> = wrong.iter().map(kind).collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    let names: Vec<&str> = wrong.iter().map(|volume| text(volume, "/name")).collect();
    let detail = format!(
        "{} {} {} {}",
        several("volume", &names),
        if names.len() == 1 { "uses" } else { "use" },
        plural("restricted volume type", kinds.len()),
        join(&kinds)
    );
    finding("restricted volume types", detail)
}

fn non_root(pod: &Pod<'_>) -> Option<Finding> {
    const REASON: &str = "runAsNonRoot != true";
    let setters = pod.setters("runAsNonRoot", |value| *value == Value::Bool(false));
    if !setters.is_empty() {
        return finding(REASON, format!("{} must not set securityContext.runAsNonRoot=false", setters.join(" and ")));
    }
    if at(pod.object, "/spec/securityContext/runAsNonRoot") == Some(&Value::Bool(true)) {
        return None;
    }
    let containers = pod.named(|container| at(container, "/securityContext/runAsNonRoot").is_none());
    if containers.is_empty() {
        return None;
    }
    finding(REASON, format!("pod or {} must set securityContext.runAsNonRoot=true", several("container", &containers)))
}

fn user(pod: &Pod<'_>) -> Option<Finding> {
    let setters = pod.setters("runAsUser", |value| is(value, "", 0));
    if setters.is_empty() {
        None
    } else {
        finding("runAsUser=0", format!("{} must not set runAsUser=0", setters.join(" and ")))
    }
}

fn seccomp(pod: &Pod<'_>) -> Option<Finding> {
    if let Some(found) = explicit_seccomp(pod) {
        return Some(found);
    }
    if at(pod.object, "/spec/securityContext/seccompProfile").is_some() {
        return None;
    }
    let containers = pod.named(|container| at(container, "/securityContext/seccompProfile").is_none());
    if containers.is_empty() {
        return None;
    }
    let who = several("container", &containers);
    finding(
        "seccompProfile",
        format!("pod or {who} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\""),
    )
}
