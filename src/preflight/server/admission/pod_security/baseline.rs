//! The checks of the baseline level (`policy/check_*.go`), in the order of their names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::super::field::quote;
use super::super::super::json::{at, entries, list, number, some_text, text, texts, truth};
use super::checks::{Finding, Pod, finding, join, plural, several};

const CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Sysctls that are safe, with the release since which they are.
const SYSCTLS: &[(&str, u32)] = &[
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
];

/// All checks of the level; those that the restricted level replaces are left out where it is asked for.
pub(super) fn check(pod: &Pod<'_>, restricted: bool) -> Vec<Finding> {
    let kept = |replaced_since: u32, check: fn(&Pod<'_>) -> Option<Finding>| {
        if restricted && pod.minor >= replaced_since { None } else { check(pod) }
    };
    let findings = [
        app_armor(pod),
        kept(22, capabilities),
        host_namespaces(pod),
        kept(0, host_paths),
        host_ports(pod),
        if pod.minor >= 34 { probe_hosts(pod) } else { None },
        privileged(pod),
        kept(35, proc_mount),
        selinux(pod),
        kept(19, seccomp),
        sysctls(pod),
        host_process(pod),
    ];
    findings.into_iter().flatten().collect()
}

fn app_armor(pod: &Pod<'_>) -> Option<Finding> {
    const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
    let wrong = |kind: &str| !matches!(kind, "RuntimeDefault" | "Localhost");
    let mut setters = pod.setters("appArmorProfile", |profile| wrong(text(profile, "/type")));
    let mut values: Vec<String> = pod.values("appArmorProfile/type", wrong).into_iter().map(str::to_owned).collect();
    let allowed = |value: &str| value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
    let annotations: Vec<String> = entries(pod.object, "/metadata/annotations")
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
        .filter(|(key, value)| key.starts_with(PREFIX) && !allowed(value))
        .map(|(key, value)| format!("{key}={}", quote(value)))
        .collect();
    if !annotations.is_empty() {
        setters.push(plural("annotation", annotations.len()));
        values.extend(annotations);
    }
    if setters.is_empty() {
        return None;
    }
    let shown: Vec<&str> = values.iter().map(String::as_str).collect();
    let detail = format!("{} must not set AppArmor profile type to {}", setters.join(" and "), join(&shown));
    finding(&plural("forbidden AppArmor profile", values.len()), detail)
}

fn capabilities(pod: &Pod<'_>) -> Option<Finding> {
    let wrong = |container: &Value| -> Vec<String> {
        let added = texts(container, "/securityContext/capabilities/add").into_iter();
        added.filter(|name| !CAPABILITIES.contains(name)).map(str::to_owned).collect()
    };
    let containers = pod.named(|container| !wrong(container).is_empty());
    let names: BTreeSet<String> = pod.containers().flat_map(wrong).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if containers.is_empty() {
        return None;
    }
    let who = several("container", &containers);
    finding(
        "non-default capabilities",
        format!("{who} must not include {} in securityContext.capabilities.add", join(&names)),
    )
}

fn host_namespaces(pod: &Pod<'_>) -> Option<Finding> {
    let shared = ["hostNetwork", "hostPID", "hostIPC"].into_iter();
    let shared =
        shared.filter(|field| truth(pod.object, &format!("/spec/{field}"))).map(|field| format!("{field}=true"));
    let shared: Vec<String> = shared.collect();
    if shared.is_empty() { None } else { finding("host namespaces", shared.join(", ")) }
}

fn host_paths(pod: &Pod<'_>) -> Option<Finding> {
    let volumes = list(pod.object, "/spec/volumes").iter().filter(|volume| at(volume, "/hostPath").is_some());
    let volumes: Vec<&str> = volumes.map(|volume| text(volume, "/name")).collect();
    if volumes.is_empty() { None } else { finding("hostPath volumes", several("volume", &volumes)) }
}

fn host_ports(pod: &Pod<'_>) -> Option<Finding> {
    let ports = |container: &Value| -> Vec<String> {
        let ports = list(container, "/ports").iter().filter_map(|port| number(port, "/hostPort"));
        ports.filter(|port| *port != 0).map(|port| port.to_string()).collect()
    };
    let containers = pod.named(|container| !ports(container).is_empty());
    let numbers: BTreeSet<String> = pod.containers().flat_map(ports).collect();
    if containers.is_empty() {
        return None;
    }
    let numbers: Vec<String> = numbers.into_iter().collect();
    let detail = format!(
        "{} {} {} {}",
        several("container", &containers),
        uses(containers.len()),
        plural("hostPort", numbers.len()),
        numbers.join(", ")
    );
    finding("hostPort", detail)
}

fn probe_hosts(pod: &Pod<'_>) -> Option<Finding> {
    let hosts = |container: &Value| -> Vec<String> {
        let handlers = ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle/postStart", "lifecycle/preStop"];
        let hosts = handlers.into_iter().flat_map(|handler| {
            ["httpGet", "tcpSocket"]
                .into_iter()
                .filter_map(move |how| some_text(container, &format!("/{handler}/{how}/host")))
        });
        hosts.map(str::to_owned).collect()
    };
    let containers: BTreeSet<&str> = pod.named(|container| !hosts(container).is_empty()).into_iter().collect();
    let containers: Vec<&str> = containers.into_iter().collect();
    let hosts: BTreeSet<String> = pod.containers().flat_map(hosts).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    if containers.is_empty() {
        return None;
    }
    let detail = format!(
        "{} {} {} {}",
        several("container", &containers),
        uses(containers.len()),
        plural("probe or lifecycle host", hosts.len()),
        join(&hosts)
    );
    finding("probe or lifecycle host", detail)
}

fn privileged(pod: &Pod<'_>) -> Option<Finding> {
    let containers = pod.named(|container| truth(container, "/securityContext/privileged"));
    if containers.is_empty() {
        return None;
    }
    finding("privileged", format!("{} must not set securityContext.privileged=true", several("container", &containers)))
}

fn proc_mount(pod: &Pod<'_>) -> Option<Finding> {
    if pod.minor >= 35 && pod.own_users() { None } else { masked_proc(pod) }
}

/// Containers must leave `/proc` masked.
pub(super) fn masked_proc(pod: &Pod<'_>) -> Option<Finding> {
    let mount = |container: &Value| {
        some_text(container, "/securityContext/procMount").filter(|kind| *kind != "Default").map(str::to_owned)
    };
    let containers = pod.named(|container| mount(container).is_some());
    let kinds: BTreeSet<String> = pod.containers().filter_map(mount).collect();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    if containers.is_empty() {
        return None;
    }
    let who = several("container", &containers);
    finding("procMount", format!("{who} must not set securityContext.procMount to {}", join(&kinds)))
}

fn selinux(pod: &Pod<'_>) -> Option<Finding> {
    let engine = pod.minor >= 31;
    let wrong_type = |kind: &str| {
        !matches!(kind, "" | "container_t" | "container_init_t" | "container_kvm_t")
            && (!engine || kind != "container_engine_t")
    };
    let says = |options: &Value, field: &str| some_text(options, &format!("/{field}")).is_some();
    let wrong = |options: &Value| wrong_type(text(options, "/type")) || says(options, "user") || says(options, "role");
    let setters = pod.setters("seLinuxOptions", wrong);
    if setters.is_empty() {
        return None;
    }
    let types: Vec<&str> = pod.values("seLinuxOptions/type", wrong_type).into_iter().collect();
    let mut told: Vec<String> = (!types.is_empty()).then(|| several("type", &types)).into_iter().collect();
    for field in ["user", "role"] {
        if !pod.values(&format!("seLinuxOptions/{field}"), |value| !value.is_empty()).is_empty() {
            told.push(format!("{field} may not be set"));
        }
    }
    let who = setters.join(" and ");
    finding("seLinuxOptions", format!("{who} set forbidden securityContext.seLinuxOptions: {}", told.join("; ")))
}

fn seccomp(pod: &Pod<'_>) -> Option<Finding> {
    if pod.minor < 19 { seccomp_annotations(pod) } else { explicit_seccomp(pod) }
}

fn seccomp_annotations(pod: &Pod<'_>) -> Option<Finding> {
    let valid = |value: &str| matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/");
    let mut keys = vec!["seccomp.security.alpha.kubernetes.io/pod".to_owned()];
    keys.extend(
        pod.named(|_| true).iter().map(|name| format!("container.seccomp.security.alpha.kubernetes.io/{name}")),
    );
    let annotations = at(pod.object, "/metadata/annotations");
    let forbidden: BTreeSet<String> = keys
        .iter()
        .filter_map(|key| Some((key, annotations?.get(key)?.as_str()?)))
        .filter(|(_, value)| !valid(value))
        .map(|(key, value)| format!("{key}={}", quote(value)))
        .collect();
    if forbidden.is_empty() {
        return None;
    }
    let forbidden: Vec<String> = forbidden.into_iter().collect();
    finding("seccompProfile", format!("forbidden {} {}", plural("annotation", forbidden.len()), forbidden.join(", ")))
}

/// Profiles that are named must be safe ones.
pub(super) fn explicit_seccomp(pod: &Pod<'_>) -> Option<Finding> {
    let wrong = |kind: &str| !matches!(kind, "RuntimeDefault" | "Localhost");
    let setters = pod.setters("seccompProfile", |profile| wrong(text(profile, "/type")));
    if setters.is_empty() {
        return None;
    }
    let kinds: Vec<&str> = pod.values("seccompProfile/type", wrong).into_iter().collect();
    let who = setters.join(" and ");
    finding("seccompProfile", format!("{who} must not set securityContext.seccompProfile.type to {}", join(&kinds)))
}

fn sysctls(pod: &Pod<'_>) -> Option<Finding> {
    let safe = |name: &str| SYSCTLS.iter().any(|(known, since)| *known == name && *since <= pod.minor);
    let names = list(pod.object, "/spec/securityContext/sysctls").iter().map(|sysctl| text(sysctl, "/name"));
    let names: Vec<&str> = names.filter(|name| !safe(name)).collect();
    if names.is_empty() { None } else { finding("forbidden sysctls", names.join(", ")) }
}

fn host_process(pod: &Pod<'_>) -> Option<Finding> {
    let setters = pod.setters("windowsOptions", |options| truth(options, "/hostProcess"));
    if setters.is_empty() {
        return None;
    }
    let who = setters.join(" and ");
    finding("hostProcess", format!("{who} must not set securityContext.windowsOptions.hostProcess=true"))
}

fn uses(count: usize) -> &'static str {
    if count == 1 { "uses" } else { "use" }
}
