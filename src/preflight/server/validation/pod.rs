//! Pods and pod templates (`pkg/apis/core/validation`, ValidatePodSpec).

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, empty, entries, list, number, some_text, text, truth};
use super::super::pod::{amounts, requests};
use super::container::{Around, one_of};
use super::names::{in_range, label, label_key, label_value, subdomain};
use super::{affinity, container, meta, network, resources, security, selector, volumes};

/// `ValidatePodCreate`
pub(super) fn create(object: &Value, errors: &mut Errors) {
    all(object, errors);
    let path = Path::new("spec");
    if !empty(object, "/spec/ephemeralContainers") {
        errors.forbidden(&path.child("ephemeralContainers"), "cannot be set on create");
    }
    if !text(object, "/spec/nodeName").is_empty() && !empty(object, "/spec/schedulingGates") {
        errors.forbidden(&path.child("nodeName"), "cannot be set until all schedulingGates have been cleared");
    }
}

/// `validatePodMetadataAndSpec`
pub(super) fn all(object: &Value, errors: &mut Errors) {
    meta::validate(object, true, subdomain, errors);
    let (path, empty_spec) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&empty_spec);
    self::spec(spec, Some(text(object, "/metadata/name")), &path, errors);
    tokens(spec, &path.child("volumes"), errors);
    for field in ["containers", "initContainers"] {
        for (index, container) in list(spec, &format!("/{field}")).iter().enumerate() {
            let image = text(container, "/image");
            if image.trim() != image {
                let path = path.child(field).index(index).child("image");
                errors.invalid(&path, image, "must not have leading or trailing whitespace");
            }
        }
    }
}

/// Tokens are those of a service account.
fn tokens(spec: &Value, path: &Path, errors: &mut Errors) {
    if !text(spec, "/serviceAccountName").is_empty() {
        return;
    }
    for (index, volume) in list(spec, "/volumes").iter().enumerate() {
        for (nth, source) in list(volume, "/projected/sources").iter().enumerate() {
            if at(source, "/serviceAccountToken").is_some() {
                let path =
                    path.index(index).child("projected").child("sources").index(nth).child("serviceAccountToken");
                errors.forbidden(&path, "must not be specified when serviceAccountName is not set");
            }
        }
    }
}

/// `ValidatePodTemplateSpec`
pub(super) fn template(template: &Value, path: &Path, errors: &mut Errors) {
    meta::labels(template, "/metadata/labels", &path.child("labels"), errors);
    meta::annotations(template, "/metadata/annotations", &path.child("annotations"), errors);
    let empty_spec = Value::Null;
    let spec = at(template, "/spec").unwrap_or(&empty_spec);
    self::spec(spec, None, &path.child("spec"), errors);
    if !empty(spec, "/ephemeralContainers") {
        errors.forbidden(
            &path.child("spec").child("ephemeralContainers"),
            "ephemeral containers not allowed in pod template",
        );
    }
}

/// `ValidatePodSpec`; the pod's name is given where it is one.
fn spec(spec: &Value, pod: Option<&str>, path: &Path, errors: &mut Errors) {
    let volumes = volumes::validate(spec, pod, &path.child("volumes"), errors);
    let claims: BTreeSet<&str> = list(spec, "/resourceClaims").iter().map(|claim| text(claim, "/name")).collect();
    let around = Around {
        volumes: &volumes,
        host_users: at(spec, "/hostUsers") != Some(&Value::Bool(false)),
        grace: number(spec, "/terminationGracePeriodSeconds").unwrap_or(30),
        claims,
    };
    let containers = list(spec, "/containers");
    container::regular(containers, &path.child("containers"), &around, errors);
    container::initial(list(spec, "/initContainers"), containers, &path.child("initContainers"), &around, errors);
    own_resources(spec, &path.child("resources"), errors);
    host_ports(spec, pod.is_some(), &path.child("containers"), errors);
    one_of(spec, "restartPolicy", &["Always", "OnFailure", "Never"], path, errors);
    one_of(spec, "dnsPolicy", &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], path, errors);
    meta::labels(spec, "/nodeSelector", &path.child("nodeSelector"), errors);
    security::pod(spec, &path.child("securityContext"), errors);
    affinity::validate(spec, &path.child("affinity"), errors);
    network::dns(spec, &path.child("dnsConfig"), errors);
    gates(spec, path, errors);
    spread(spec, &path.child("topologySpreadConstraints"), errors);
    names(spec, path, errors);
    tolerations(spec, &path.child("tolerations"), errors);
    network::aliases(spec, &path.child("hostAliases"), errors);
    classes(spec, path, errors);
}

fn own_resources(spec: &Value, path: &Path, errors: &mut Errors) {
    let Some(own) = at(spec, "/resources") else { return };
    if at(own, "/claims").is_some() {
        errors.forbidden(&path.child("claims"), "claims may not be set for Resources at pod-level");
    }
    resources::pod(own, path, errors);
    let pod = serde_json::json!({"spec": {"containers": at(spec, "/containers"), "initContainers": at(spec, "/initContainers")}});
    let asked = requests(&pod, false);
    for (name, amount) in amounts(own, "/requests") {
        if let Some(sum) = asked.get(&name).filter(|sum| sum.nanos > amount.nanos) {
            let detail = format!("must be greater than or equal to aggregate container requests of {sum}");
            errors.invalid(&path.child("requests").key(&name), amount.to_string(), &detail);
        }
    }
    let most = amounts(own, "/limits");
    for (index, container) in list(spec, "/containers").iter().enumerate() {
        for (name, limit) in amounts(container, "/resources/limits") {
            if let Some(most) = most.get(&name).filter(|most| limit.nanos > most.nanos) {
                let path = path.child("containers").index(index).key(&name).child("limits");
                errors.invalid(
                    &path,
                    limit.to_string(),
                    &format!("must be less than or equal to pod limits of {most}"),
                );
            }
        }
    }
}

/// `validatePodHostNetworkDeps`
fn host_ports(spec: &Value, pod: bool, path: &Path, errors: &mut Errors) {
    if !truth(spec, "/hostNetwork") {
        return;
    }
    for (index, container) in list(spec, "/containers").iter().enumerate() {
        for (nth, port) in list(container, "/ports").iter().enumerate() {
            let (host, own) = (number(port, "/hostPort").unwrap_or(0), number(port, "/containerPort").unwrap_or(0));
            if (pod || host != 0) && host != own {
                let path = path.index(index).child("ports").index(nth).child("hostPort");
                errors.invalid(&path, host, "must match `containerPort` when `hostNetwork` is true");
            }
        }
    }
}

fn gates(spec: &Value, path: &Path, errors: &mut Errors) {
    for (index, gate) in list(spec, "/readinessGates").iter().enumerate() {
        let kind = text(gate, "/conditionType");
        errors.all_invalid(&path.child("readinessGates").index(index).child("conditionType"), kind, label_key(kind));
    }
    let mut seen = BTreeSet::new();
    for (index, gate) in list(spec, "/schedulingGates").iter().enumerate() {
        let (path, name) = (path.child("schedulingGates").index(index), text(gate, "/name"));
        errors.all_invalid(&path, name, label_key(name));
        if !seen.insert(name) {
            errors.duplicate(&path, name);
        }
    }
}

/// `validateTopologySpreadConstraints`
fn spread(spec: &Value, path: &Path, errors: &mut Errors) {
    let constraints = list(spec, "/topologySpreadConstraints");
    for (index, constraint) in constraints.iter().enumerate() {
        let path = path.index(index);
        positive(constraint, "maxSkew", &path, errors);
        let (key, action) = (text(constraint, "/topologyKey"), text(constraint, "/whenUnsatisfiable"));
        if key.is_empty() {
            errors.required(&path.child("topologyKey"), "can not be empty");
        }
        if !matches!(action, "DoNotSchedule" | "ScheduleAnyway") {
            errors.unsupported(&path.child("whenUnsatisfiable"), action, &["DoNotSchedule", "ScheduleAnyway"]);
        }
        let mut later = constraints.iter().skip(index + 1);
        if later.any(|other| text(other, "/topologyKey") == key && text(other, "/whenUnsatisfiable") == action) {
            errors.duplicate(&path.child("{topologyKey, whenUnsatisfiable}"), format!("{{{key}, {action}}}"));
        }
        if let Some(domains) = number(constraint, "/minDomains") {
            positive(constraint, "minDomains", &path, errors);
            if action != "DoNotSchedule" {
                let detail = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
                errors.invalid(&path.child("minDomains"), domains, &detail);
            }
        }
        for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            if let Some(policy) =
                some_text(constraint, &format!("/{field}")).filter(|policy| !matches!(*policy, "Honor" | "Ignore"))
            {
                errors.unsupported(&path.child(field), policy, &["Honor", "Ignore"]);
            }
        }
        affinity::label_keys(constraint, &path, errors);
        if let Some(selector) = at(constraint, "/labelSelector") {
            selector::validate(selector, &path.child("labelSelector"), errors);
        }
    }
}

fn positive(object: &Value, field: &str, path: &Path, errors: &mut Errors) {
    let number = number(object, &format!("/{field}")).unwrap_or(0);
    if number <= 0 {
        errors.invalid(&path.child(field), number, "must be greater than zero");
    }
}

fn names(spec: &Value, path: &Path, errors: &mut Errors) {
    for field in ["serviceAccountName", "nodeName"] {
        if let Some(name) = some_text(spec, &format!("/{field}")) {
            errors.all_invalid(&path.child(field), name, subdomain(name));
        }
    }
    if let Some(seconds) = number(spec, "/activeDeadlineSeconds") {
        let path = path.child("activeDeadlineSeconds");
        in_range(seconds, 1, i64::from(i32::MAX)).iter().for_each(|wrong| errors.invalid(&path, seconds, wrong));
    }
    for field in ["hostname", "subdomain"] {
        if let Some(name) = some_text(spec, &format!("/{field}")) {
            errors.all_invalid(&path.child(field), name, label(name));
        }
    }
}

/// `ValidateTolerations`
fn tolerations(spec: &Value, path: &Path, errors: &mut Errors) {
    for (index, toleration) in list(spec, "/tolerations").iter().enumerate() {
        let path = path.index(index);
        let (key, operator, value, effect) = (
            text(toleration, "/key"),
            text(toleration, "/operator"),
            text(toleration, "/value"),
            text(toleration, "/effect"),
        );
        if !key.is_empty() {
            errors.all_invalid(&path.child("key"), key, label_key(key));
        }
        if key.is_empty() && operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.invalid(&path.child("operator"), operator, detail);
        }
        if at(toleration, "/tolerationSeconds").is_some() && effect != "NoExecute" {
            errors.invalid(&path.child("effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
        }
        match operator {
            "" | "Equal" => {
                let wrong = label_value(value);
                if !wrong.is_empty() {
                    errors.invalid(&path.child("operator"), value, &wrong.join(";"));
                }
            }
            "Exists" if !value.is_empty() => {
                errors.invalid(&path.child("operator"), value, "value must be empty when `operator` is 'Exists'");
            }
            "Exists" => {}
            "Lt" | "Gt" => errors.unsupported(&path.child("operator"), operator, &["Equal", "Exists", "Lt", "Gt"]),
            other => errors.unsupported(&path.child("operator"), other, &["Equal", "Exists"]),
        }
        if !matches!(effect, "" | "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
            errors.unsupported(&path.child("effect"), effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"]);
        }
    }
}

fn classes(spec: &Value, path: &Path, errors: &mut Errors) {
    for field in ["priorityClassName", "runtimeClassName"] {
        if let Some(name) = some_text(spec, &format!("/{field}")) {
            errors.all_invalid(&path.child(field), name, subdomain(name));
        }
    }
    if let Some(policy) =
        some_text(spec, "/preemptionPolicy").filter(|policy| !matches!(*policy, "PreemptLowerPriority" | "Never"))
    {
        errors.unsupported(&path.child("preemptionPolicy"), policy, &["PreemptLowerPriority", "Never"]);
    }
    if let Some(os) = at(spec, "/os") {
        match text(os, "/name") {
            "" => errors.required(&path.child("os").child("name"), ""),
            "linux" | "windows" => {}
            other => errors.unsupported(&path.child("os"), other, &["linux", "windows"]),
        }
    }
    for (name, _) in entries(spec, "/overhead") {
        resources::container_name(name, &path.child("overhead").child("limits").key(name), errors);
    }
}
