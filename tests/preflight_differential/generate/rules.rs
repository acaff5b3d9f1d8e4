//! Quotas, bounds, pod security, budgets, and policies with CEL.

use serde_json::{Value, json};

use super::cluster::NAMESPACES;
use crate::case::Case;
use crate::random::Random;

/// Puts rules of admission into the case.
pub fn put(random: &mut Random, case: &mut Case) {
    if random.chance(25) {
        case.about.push("quota".to_owned());
        for place in 0..random.pick(&[1, 1, 2, 3]) {
            let quota = quota(random, place);
            if !quota["spec"]["scopes"].is_null() || !quota["spec"]["scopeSelector"].is_null() {
                case.about.push("quota with scopes".to_owned());
            }
            case.objects.push(quota);
        }
    }
    if random.chance(20) {
        case.about.push("limit range".to_owned());
        case.objects.push(limit_range(random));
    }
    if random.chance(25) {
        case.about.push("pod security".to_owned());
        let level = random.pick(&["baseline", "restricted", "restricted"]);
        let namespace = case.objects.iter_mut().find(|object| object["metadata"]["name"] == "app").unwrap();
        namespace["metadata"]["labels"] = json!({ "team": "app", "pod-security.kubernetes.io/enforce": level });
        if random.chance(30) {
            namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce-version"] =
                random.pick(&["v1.25", "latest"]).into();
        }
    }
    if random.chance(20) {
        case.about.push("budget".to_owned());
        case.objects.push(budget(random));
    }
    if random.chance(20) {
        case.about.push("policy".to_owned());
        let policies = policies(random);
        let place = random.below(policies.len());
        case.objects.extend(policy(&policies[place]));
    }
}

/// A quota, with scopes now and then.
pub fn quota(random: &mut Random, place: usize) -> Value {
    let mut quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": { "name": format!("quota{place}"), "namespace": random.pick(&["app", "app", "app", NAMESPACES[1]]) }, "spec": {}
    });
    let spec = &mut quota["spec"];
    match random.below(9) {
        7 => spec["hard"] = json!({ "services": "1", "services.nodeports": "0", "count/persistentvolumeclaims": "2" }),
        8 => {
            spec["hard"] = json!({ "requests.ephemeral-storage": "2Gi", "count/cronjobs.batch": "0", "count/daemonsets.apps": "1" })
        }
        0 => spec["hard"] = json!({ "pods": random.pick(&["2", "4", "8"]) }),
        1 => {
            spec["hard"] = json!({ "requests.cpu": random.pick(&["500m", "1", "4"]), "requests.memory": random.pick(&["1Gi", "4Gi"]) })
        }
        2 => spec["hard"] = json!({ "limits.cpu": "4", "limits.memory": "8Gi" }),
        3 => {
            spec["hard"] = json!({ "requests.storage": random.pick(&["5Gi", "20Gi"]), "persistentvolumeclaims": random.pick(&["1", "3"]) })
        }
        4 => {
            spec["hard"] = json!({ "lvm.storageclass.storage.k8s.io/requests.storage": random.pick(&["2Gi", "10Gi"]),
            "ebs.storageclass.storage.k8s.io/persistentvolumeclaims": "1" })
        }
        5 => {
            spec["hard"] = json!({ random.pick(&["count/deployments.apps", "count/statefulsets.apps", "count/jobs.batch", "count/replicasets.apps", "count/pods"]): random.pick(&["0", "1", "3"]) })
        }
        _ => spec["hard"] = json!({ "pods": random.pick(&["1", "3"]), "cpu": "2" }),
    }
    let of_pods = spec["hard"].as_object().unwrap().keys().all(|name| {
        ["pods", "cpu", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "count/pods"]
            .contains(&name.as_str())
    });
    let plain = spec["hard"].as_object().unwrap().keys().all(|name| matches!(name.as_str(), "pods" | "count/pods"));
    if of_pods && random.chance(60) {
        match random.below(5) {
            0 if plain => spec["scopes"] = json!(["BestEffort"]),
            0 | 1 => spec["scopes"] = json!(["NotBestEffort"]),
            2 => spec["scopes"] = json!([random.pick(&["Terminating", "NotTerminating"])]),
            3 => {
                let operator = random.pick(&["In", "NotIn"]);
                spec["scopeSelector"] = json!({ "matchExpressions": [
                    { "scopeName": "PriorityClass", "operator": operator, "values": random.some(&["high", "low"]) }
                ] });
            }
            _ => {
                spec["scopeSelector"] = json!({ "matchExpressions": [
                { "scopeName": random.pick(&["PriorityClass", "CrossNamespacePodAffinity"]), "operator": "Exists" }
            ] })
            }
        }
    }
    quota
}

/// Bounds of one sort.
pub fn limit_range(random: &mut Random) -> Value {
    let limit = match random.below(5) {
        0 => {
            json!({ "type": "Container", "default": { "cpu": "200m", "memory": "128Mi" }, "defaultRequest": { "cpu": "100m" } })
        }
        1 => json!({ "type": "Container", "max": { "cpu": random.pick(&["200m", "1"]), "memory": "512Mi" } }),
        2 => json!({ "type": "Pod", "max": { "cpu": "500m", "memory": "512Mi" }, "min": { "cpu": "60m" } }),
        3 => {
            json!({ "type": "PersistentVolumeClaim", "max": { "storage": random.pick(&["2Gi", "6Gi"]) }, "min": { "storage": "1Gi" } })
        }
        _ => json!({ "type": "Container", "maxLimitRequestRatio": { "cpu": "4" }, "default": { "cpu": "400m" } }),
    };
    json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "bounds", "namespace": "app" }, "spec": { "limits": [limit] } })
}

fn budget(random: &mut Random) -> Value {
    let name = random.pick(&["old0", "old1"]);
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "budget", "namespace": "app" },
        "spec": { "selector": { "matchLabels": { "app": name } }, "maxUnavailable": random.pick(&[0, 1]) }
    })
}

/// What a policy is about: resource rules, the rest of its spec, what its binding does.
struct Policy {
    resources: Value,
    spec: Value,
    actions: Value,
}

fn policies(random: &mut Random) -> Vec<Policy> {
    let rule = |group: &str, resources: &[&str]| json!([{ "apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": resources }]);
    let deny = json!(["Deny"]);
    vec![
        Policy {
            resources: rule("apps", &["deployments", "statefulsets"]),
            spec: json!({ "validations": [{ "expression": format!("object.spec.replicas <= {}", random.pick(&[1, 2, 3])) }] }),
            actions: deny.clone(),
        },
        Policy {
            resources: rule("", &["pods"]),
            spec: json!({
                "validations": [{
                    "expression": "object.spec.containers.all(c, has(c.resources) && has(c.resources.limits) && 'memory' in c.resources.limits)",
                    "message": "every container needs a memory limit", "reason": "Invalid"
                }]
            }),
            actions: deny.clone(),
        },
        Policy {
            resources: rule("", &["persistentvolumeclaims"]),
            spec: json!({
                "variables": [{ "name": "class", "expression": "has(object.spec.storageClassName) ? object.spec.storageClassName : ''" }],
                "validations": [{ "expression": "variables.class != 'now'", "messageExpression": "'class ' + variables.class + ' is not for ' + object.metadata.name" }]
            }),
            actions: deny.clone(),
        },
        Policy {
            resources: rule("", &["pods"]),
            spec: json!({
                "matchConditions": [{ "name": "named", "expression": "object.metadata.?name.orValue('').startsWith('new')" }],
                "validations": [{ "expression": "quantity(object.spec.containers[0].resources.requests.cpu).isLessThan(quantity('1'))", "message": "too much" }]
            }),
            actions: deny.clone(),
        },
        Policy {
            resources: rule("apps", &["*"]),
            spec: json!({ "validations": [{ "expression": "namespaceObject.metadata.labels.team != 'shop'", "reason": "Forbidden" }] }),
            actions: json!(["Warn", "Audit"]),
        },
        Policy {
            resources: rule("", &["pods"]),
            spec: json!({ "failurePolicy": random.pick(&["Fail", "Ignore"]),
                "validations": [{ "expression": "object.spec.priorityClassName != 'high'" }] }),
            actions: deny.clone(),
        },
        Policy {
            resources: rule("", &["pods", "persistentvolumeclaims"]),
            spec: json!({
                "variables": [{ "name": "names", "expression": "has(object.spec.containers) ? object.spec.containers.map(c, c.image) : []" },
                    { "name": "first", "expression": "variables.names.filter(n, n.endsWith(':1'))" }],
                "validations": [{ "expression": "size(variables.first) == size(variables.names)",
                    "messageExpression": "variables.names.join(', ') + ' in ' + request.namespace" }]
            }),
            actions: deny.clone(),
        },
        Policy {
            resources: rule("apps", &["deployments", "statefulsets", "daemonsets"]),
            spec: json!({ "validations": [
                { "expression": "request.operation != 'UPDATE' || oldObject.spec.template.spec.containers[0].image == object.spec.template.spec.containers[0].image",
                    "message": "images stay" },
                { "expression": "object.metadata.name.matches('^[a-z]+[0-9]$')" }
            ] }),
            actions: deny.clone(),
        },
        Policy {
            resources: rule("", &["pods"]),
            spec: json!({
                "matchConditions": [{ "name": "owned", "expression": "has(object.metadata.ownerReferences)" },
                    { "name": "here", "expression": "namespaceObject.metadata.name == 'app'" }],
                "validations": [{ "expression": "object.spec.?nodeSelector[?'disktype'].orValue('ssd') in ['ssd', 'hdd'] && !has(object.spec.hostNetwork)" },
                    { "expression": "object.spec.containers.exists_one(c, c.name == 'main')", "reason": "RequestEntityTooLarge" }]
            }),
            actions: json!(["Deny", "Audit"]),
        },
        Policy {
            resources: rule("batch", &["jobs", "cronjobs"]),
            spec: json!({ "validations": [
                { "expression": "!has(object.spec.parallelism) || object.spec.parallelism <= object.spec.completions", "message": "  spaces around  " }
            ] }),
            actions: deny.clone(),
        },
        Policy {
            resources: rule("", &["pods"]),
            spec: json!({ "validations": [
                { "expression": "isQuantity('1Gi') && object.spec.containers.all(c, !has(c.resources.requests) || quantity(c.resources.requests.memory).compareTo(quantity('1Gi')) <= 0)",
                    "messageExpression": "'at most ' + string(quantity('1Gi').asInteger())" }
            ] }),
            actions: deny,
        },
    ]
}

fn policy(policy: &Policy) -> [Value; 2] {
    let mut spec = policy.spec.clone();
    spec["matchConstraints"] = json!({ "resourceRules": policy.resources });
    [
        json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": "rule" }, "spec": spec }),
        json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": "binding" }, "spec": { "policyName": "rule", "validationActions": policy.actions,
            "matchResources": { "namespaceSelector": { "matchLabels": { "team": "app" } } } } }),
    ]
}
