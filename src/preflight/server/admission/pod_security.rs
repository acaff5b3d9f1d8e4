//! `PodSecurity` (`pod-security-admission`): the levels that the labels of a namespace ask for.

mod baseline;
mod checks;
mod restricted;

use serde_json::Value;

use super::super::field::quote;
use super::super::json::{at, number, text};
use super::{Attributes, Stop};
use checks::{Finding, Pod};

/// A policy that pods are held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// A level with the release whose checks it means; `None` for the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Policy {
    level: Level,
    version: Option<u32>,
}

impl Policy {
    const PRIVILEGED: Self = Self { level: Level::Privileged, version: None };

    fn shown(self) -> String {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        self.version.map_or_else(|| format!("{level}:latest"), |minor| format!("{level}:v1.{minor}"))
    }
}

/// Holds new pods to the level that is enforced, and warns of what is below the level that asks for warnings.
///
/// # Errors
/// What is violated.
pub(super) fn validate(cx: &Attributes<'_>, object: &Value, warnings: &mut Vec<String>) -> Result<(), Stop> {
    if cx.is("", "Namespace") {
        return labels_are_valid(cx, object);
    }
    let Some(place) = pod_place(cx) else { return Ok(()) };
    let Some(pod) = object.pointer(place).filter(|pod| at(pod, "/spec").is_some()) else { return Ok(()) };
    let pods = cx.is("", "Pod");
    if pods && cx.old.is_some_and(|old| images(old) == images(object)) {
        return Ok(());
    }
    let Some(namespace) = cx.namespace_object() else { return Ok(()) };
    let (enforce, warn) = policies(namespace);
    let newest = cx.version.minor;
    if pods && let Some(violation) = violation(enforce, pod, newest) {
        return Err(cx.forbidden(object, &format!("violates PodSecurity {violation}")));
    }
    if let Some(violation) = violation(warn, pod, newest) {
        warnings.push(format!("would violate PodSecurity {violation}"));
    }
    Ok(())
}

/// Where the pod stands in an object.
fn pod_place(cx: &Attributes<'_>) -> Option<&'static str> {
    match (cx.resource.group.as_str(), cx.resource.kind.as_str()) {
        ("", "Pod") => Some(""),
        ("", "PodTemplate") => Some("/template"),
        ("", "ReplicationController")
        | ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job") => Some("/spec/template"),
        ("batch", "CronJob") => Some("/spec/jobTemplate/spec/template"),
        _ => None,
    }
}

fn images(pod: &Value) -> Vec<&str> {
    let containers = ["/spec/initContainers", "/spec/containers"].into_iter();
    containers
        .flat_map(|place| super::super::json::list(pod, place))
        .map(|container| text(container, "/image"))
        .collect()
}

/// What a pod violates of a policy, as the server tells it.
fn violation(policy: Policy, pod: &Value, newest: u32) -> Option<String> {
    let minor = policy.version.map_or(newest, |minor| minor.min(newest));
    let pod = Pod { object: pod, minor };
    let findings: Vec<Finding> = match policy.level {
        Level::Privileged => Vec::new(),
        Level::Baseline => baseline::check(&pod, false),
        Level::Restricted => {
            let mut findings = baseline::check(&pod, true);
            findings.extend(restricted::check(&pod));
            findings
        }
    };
    let told: Vec<String> = findings.iter().map(|finding| format!("{} ({})", finding.reason, finding.detail)).collect();
    (!told.is_empty()).then(|| format!("{}: {}", quote(&policy.shown()), told.join(", ")))
}

/// What the labels of a namespace ask to enforce and to warn of (`api/helpers.go`, PolicyToEvaluate).
fn policies(namespace: &Value) -> (Policy, Policy) {
    let label = |mode: &str| {
        let key = format!("/metadata/labels/pod-security.kubernetes.io~1{mode}");
        namespace.pointer(&key).and_then(Value::as_str)
    };
    let (mut enforce, mut warn) = (Policy::PRIVILEGED, Policy::PRIVILEGED);
    let enforced = label("enforce").map(level);
    if let Some(level) = enforced {
        enforce.level = level.unwrap_or(Level::Restricted);
    }
    enforce.version = label("enforce-version").and_then(version);
    warn.version = label("warn-version").and_then(version);
    match label("warn") {
        Some(name) => warn.level = level(name).unwrap_or(Level::Privileged),
        None => {
            if let Some(Some(level)) = enforced.filter(|level| *level > Some(Level::Privileged)) {
                warn.level = level;
                if label("warn-version").is_none() {
                    warn.version = enforce.version;
                }
            }
        }
    }
    (enforce, warn)
}

fn level(name: &str) -> Option<Level> {
    match name {
        "privileged" => Some(Level::Privileged),
        "baseline" => Some(Level::Baseline),
        "restricted" => Some(Level::Restricted),
        _ => None,
    }
}

/// The release of `v1.x`; `None` for `latest` and for what is neither.
fn version(text: &str) -> Option<u32> {
    let minor = text.strip_prefix("v1.")?;
    if minor.len() > 1 && minor.starts_with('0') || !minor.bytes().all(|b| b.is_ascii_digit()) {
        None
    } else {
        minor.parse().ok()
    }
}

/// A namespace's labels must name levels and versions.
fn labels_are_valid(cx: &Attributes<'_>, object: &Value) -> Result<(), Stop> {
    let mut errors = super::super::field::Errors::default();
    let path = super::super::field::Path::new("metadata").child("labels");
    for mode in ["enforce", "audit", "warn"] {
        let key = format!("pod-security.kubernetes.io/{mode}");
        let label =
            |key: &str| at(object, "/metadata/labels").and_then(|labels| labels.get(key)).and_then(Value::as_str);
        if let Some(name) = label(&key).filter(|name| level(name).is_none()) {
            errors.invalid(&path.key(&key), name, "must be one of privileged, baseline, restricted");
        }
        let key = format!("{key}-version");
        if let Some(name) = label(&key).filter(|name| *name != "latest" && version(name).is_none()) {
            errors.invalid(&path.key(&key), name, "must be \"latest\" or \"v1.x\"");
        }
    }
    errors
        .message("", &cx.resource.kind, text(object, "/metadata/name"))
        .map_or(Ok(()), |message| Err(Stop::Refused(message)))
}

/// Whether a user or port is given as the number.
fn is(value: &Value, pointer: &str, expected: i64) -> bool {
    number(value, pointer) == Some(expected)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    fn check(labels: Value, pod: &Value) -> (Result<(), Stop>, Vec<String>) {
        let world = world(&[json!({"kind": "Namespace", "metadata": {"name": "app", "labels": labels}})]);
        let pods = resource("v1", "Pod");
        let mut warnings = Vec::new();
        (validate(&creation(&world, &pods), pod, &mut warnings), warnings)
    }

    fn enforced(level: &str, pod: &Value) -> String {
        let message = refusal(check(json!({"pod-security.kubernetes.io/enforce": level}), pod).0);
        message.strip_prefix("pods \"p\" is forbidden: violates PodSecurity ").unwrap().to_owned()
    }

    #[test]
    fn a_plain_pod_is_not_restricted() {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "risky"}]}});
        assert_eq!(
            enforced("restricted", &pod),
            "\"restricted:latest\": allowPrivilegeEscalation != false (container \"risky\" must set \
             securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container \"risky\" must set \
             securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod or container \"risky\" must set \
             securityContext.runAsNonRoot=true), seccompProfile (pod or container \"risky\" must set \
             securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
        );
        assert_eq!(check(json!({"pod-security.kubernetes.io/enforce": "baseline"}), &pod), (Ok(()), vec![]));
        let (result, warnings) = check(json!({"pod-security.kubernetes.io/warn": "restricted"}), &pod);
        assert!(
            result.is_ok() && warnings[0].starts_with("would violate PodSecurity \"restricted:latest\": allowPriv")
        );
    }

    #[test]
    fn a_pod_that_reaches_into_the_host_is_not_baseline() {
        let pod = json!({"metadata": {"name": "p", "annotations": {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}},
            "spec": {"hostNetwork": true, "hostPID": true, "volumes": [{"name": "proc", "hostPath": {"path": "/proc"}},
                {"name": "sys", "hostPath": {"path": "/sys"}}],
            "securityContext": {"seLinuxOptions": {"type": "spc_t", "user": "u"}, "sysctls": [{"name": "net.core.somaxconn"}],
                "seccompProfile": {"type": "Unconfined"}, "windowsOptions": {"hostProcess": true}},
            "containers": [{"name": "a", "ports": [{"hostPort": 9100}], "livenessProbe": {"httpGet": {"host": "h"}},
                "securityContext": {"privileged": true, "procMount": "Unmasked", "capabilities": {"add": ["SYS_ADMIN"]}}}]}});
        assert_eq!(
            enforced("baseline", &pod),
            "\"baseline:latest\": forbidden AppArmor profile (annotation must not set AppArmor profile type to \
             \"container.apparmor.security.beta.kubernetes.io/a=\"unconfined\"\"), non-default capabilities (container \"a\" must \
             not include \"SYS_ADMIN\" in securityContext.capabilities.add), host namespaces (hostNetwork=true, hostPID=true), \
             hostPath volumes (volumes \"proc\", \"sys\"), hostPort (container \"a\" uses hostPort 9100), probe or lifecycle \
             host (container \"a\" uses probe or lifecycle host \"h\"), privileged (container \"a\" must not set \
             securityContext.privileged=true), procMount (container \"a\" must not set securityContext.procMount to \
             \"Unmasked\"), seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type \"spc_t\"; user may not be \
             set), seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\"), forbidden sysctls \
             (net.core.somaxconn), hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)"
        );
    }

    #[test]
    fn restricted_replaces_some_checks_of_baseline() {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"volumes": [{"name": "v", "hostPath": {}}, {"name": "n", "nfs": {}}],
            "securityContext": {"runAsUser": 0, "runAsNonRoot": false, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "a", "securityContext": {"allowPrivilegeEscalation": false, "runAsUser": 0,
                "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}}]}});
        assert_eq!(
            enforced("restricted", &pod),
            "\"restricted:latest\": unrestricted capabilities (container \"a\" must not include \"NET_ADMIN\" in \
             securityContext.capabilities.add), restricted volume types (volumes \"v\", \"n\" use restricted volume types \
             \"hostPath\", \"nfs\"), runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false), runAsUser=0 \
             (pod and container \"a\" must not set runAsUser=0)"
        );
    }

    #[test]
    fn an_older_version_of_a_level_has_its_own_checks() {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "livenessProbe": {"tcpSocket": {"host": "h"}}}]}});
        let labels = json!({"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/enforce-version": "v1.33"});
        assert_eq!(check(labels, &pod).0, Ok(()));
    }

    #[test]
    fn labels_must_name_levels() {
        let world = world(&[]);
        let namespaces = resource("v1", "Namespace");
        let namespace = json!({"metadata": {"name": "x", "labels": {"pod-security.kubernetes.io/enforce": "strict",
            "pod-security.kubernetes.io/warn-version": "1.30"}}});
        assert_eq!(
            refusal(validate(&creation(&world, &namespaces), &namespace, &mut Vec::new())),
            "Namespace \"x\" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": must be \
             one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: \
             \"1.30\": must be \"latest\" or \"v1.x\"]"
        );
    }
}
