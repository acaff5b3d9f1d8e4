//! What an object takes of quotas (`pkg/quota/v1/evaluator/core`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::admission::class_of;
use super::amount::Amount;
use super::json::{at, empty, list, number, text};
use super::kinds::Resource;
use super::pod::{Amounts, amounts, limits, requests};

/// Resources of pods that quotas count.
const POD: &[&str] = &[
    "count/pods",
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
];
/// Resources of which every container must say something where a quota counts them.
const COMPULSORY: &[&str] = &["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
const SERVICE: &[&str] = &["count/services", "services", "services.nodeports", "services.loadbalancers"];
const CLAIM: &[&str] = &["persistentvolumeclaims", "requests.storage"];
/// What stands between a class and what is counted of it.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";
/// Kinds that quotas count under their plain name as well.
const PLAIN: &[&str] = &["configmaps", "resourcequotas", "replicationcontrollers", "secrets"];

/// Of the names of a quota, those that objects of a kind take from.
pub(super) fn names_counted<'n>(resource: &Resource, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let count = format!("count/{}", resource.qualified());
    let counted = |name: &&str| match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => POD.contains(name) || name.starts_with("hugepages-") || of_pod(name),
        ("", "Service") => SERVICE.contains(name),
        ("", "PersistentVolumeClaim") => {
            *name == count
                || CLAIM.contains(name)
                || CLAIM.iter().any(|what| name.ends_with(&format!("{OF_CLASS}{what}")))
        }
        ("", _) if PLAIN.contains(&resource.plural.as_str()) => *name == count || *name == resource.plural,
        _ => *name == count,
    };
    names.filter(counted).collect()
}

/// Requests of huge pages and of extended resources.
fn of_pod(name: &str) -> bool {
    let Some(resource) = name.strip_prefix("requests.") else { return false };
    resource.starts_with("hugepages-")
        || resource.contains('/') && !resource.contains("kubernetes.io/")
        || resource.starts_with("deviceclass.resource.kubernetes.io/")
}

/// What an object takes.
pub(super) fn usage(resource: &Resource, object: &Value) -> Amounts {
    let mut taken = Amounts::from([(format!("count/{}", resource.qualified()), Amount::count(1))]);
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") if matches!(text(object, "/status/phase"), "Succeeded" | "Failed") => {}
        ("", "Pod") => taken.extend(compute(&requests(object, true), &limits(object, true))),
        ("", "PersistentVolumeClaim") => claim(object, &mut taken),
        ("", "Service") => service(object, &mut taken),
        ("", _) if PLAIN.contains(&resource.plural.as_str()) => {
            taken.insert(resource.plural.clone(), Amount::count(1));
        }
        _ => {}
    }
    taken
}

/// `podComputeUsageHelper`
fn compute(requests: &Amounts, limits: &Amounts) -> Amounts {
    let mut taken = Amounts::from([("pods".to_owned(), Amount::count(1))]);
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(amount) = requests.get(name) {
            taken.insert(name.to_owned(), *amount);
            taken.insert(format!("requests.{name}"), *amount);
        }
        if let Some(amount) = limits.get(name) {
            taken.insert(format!("limits.{name}"), *amount);
        }
    }
    for (name, amount) in requests {
        if name.starts_with("hugepages-") {
            taken.insert(name.clone(), *amount);
        }
        if of_pod(&format!("requests.{name}")) {
            taken.insert(format!("requests.{name}"), *amount);
        }
    }
    taken
}

fn claim(object: &Value, taken: &mut Amounts) {
    let class = class_of(object).filter(|class| !class.is_empty());
    let mut put = |what: &str, amount: Amount| {
        taken.insert(what.to_owned(), amount);
        if let Some(class) = class {
            taken.insert(format!("{class}{OF_CLASS}{what}"), amount);
        }
    };
    put("persistentvolumeclaims", Amount::count(1));
    let asked = amounts(object, "/spec/resources/requests").remove("storage");
    let allocated = amounts(object, "/status/allocatedResources").remove("storage");
    if let Some(asked) = asked {
        put("requests.storage", allocated.map_or(asked, |allocated| asked.max(allocated)));
    }
}

fn service(object: &Value, taken: &mut Amounts) {
    let ports = list(object, "/spec/ports");
    let balancer = text(object, "/spec/type") == "LoadBalancer";
    let spared = at(object, "/spec/allocateLoadBalancerNodePorts") == Some(&Value::Bool(false));
    let node_ports = match text(object, "/spec/type") {
        "NodePort" => ports.len(),
        "LoadBalancer" if !spared => ports.len(),
        "LoadBalancer" => ports.iter().filter(|port| number(port, "/nodePort").unwrap_or(0) != 0).count(),
        _ => 0,
    };
    let count = |number: usize| Amount::count(i64::try_from(number).unwrap_or(i64::MAX));
    taken.insert("services".to_owned(), count(1));
    taken.insert("services.nodeports".to_owned(), count(node_ports));
    taken.insert("services.loadbalancers".to_owned(), count(usize::from(balancer)));
}

/// What a pod's containers must say and don't, in the server's words.
pub(super) fn missing(resource: &Resource, restricted: &[&str], object: &Value) -> Option<String> {
    let pods = resource.group.is_empty() && resource.kind == "Pod";
    if !pods || !empty(object, "/spec/resources/requests") || !empty(object, "/spec/resources/limits") {
        return None;
    }
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for container in list(object, "/spec/containers").iter().chain(list(object, "/spec/initContainers")) {
        let said = compute(&amounts(container, "/resources/requests"), &amounts(container, "/resources/limits"));
        for name in restricted.iter().filter(|name| COMPULSORY.contains(name) && !said.contains_key(**name)) {
            missing.entry(name).or_default().insert(text(container, "/name"));
        }
    }
    let told = missing
        .into_iter()
        .map(|(name, containers)| format!("{name} for: {}", containers.into_iter().collect::<Vec<_>>().join(",")));
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| format!("must specify {}", told.join("; ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::admission::kit::resource;
    use super::*;

    #[test]
    fn what_services_take_depends_on_their_type() {
        let services = resource("v1", "Service");
        let taken = |spec: Value| usage(&services, &json!({"spec": spec}));
        let ports = json!([{"port": 1}, {"port": 2, "nodePort": 30000}]);
        assert_eq!(taken(json!({"type": "NodePort", "ports": ports}))["services.nodeports"], Amount::count(2));
        let balancer = taken(json!({"type": "LoadBalancer", "ports": ports, "allocateLoadBalancerNodePorts": false}));
        assert_eq!(balancer["services.nodeports"], Amount::count(1));
        assert_eq!(balancer["services.loadbalancers"], Amount::count(1));
        assert_eq!(taken(json!({"type": "ClusterIP", "ports": ports}))["services.nodeports"], Amount::count(0));
    }

    #[test]
    fn several_containers_and_resources_are_told_together() {
        let pods = resource("v1", "Pod");
        let pod =
            json!({"spec": {"containers": [{"name": "b"}, {"name": "a", "resources": {"requests": {"cpu": "1"}}}]}});
        assert_eq!(
            missing(&pods, &["limits.memory", "requests.cpu", "pods"], &pod).unwrap(),
            "must specify limits.memory for: a,b; requests.cpu for: b"
        );
    }

    #[test]
    fn extended_resources_are_counted_by_what_is_requested() {
        let pods = resource("v1", "Pod");
        let pod = json!({"spec": {"containers": [{"resources": {"requests": {"example.com/gpu": "2"}}}]}});
        assert_eq!(usage(&pods, &pod)["requests.example.com/gpu"], Amount::count(2));
        assert_eq!(
            names_counted(&pods, ["requests.example.com/gpu", "requests.storage"].into_iter()),
            ["requests.example.com/gpu"]
        );
    }
}
