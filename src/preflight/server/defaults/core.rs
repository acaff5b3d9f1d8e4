//! Defaults of services, namespaces, limit ranges, priority classes, network policies and webhook configurations.

use serde_json::{Value, json};

use super::super::json::{at, default, empty, entries, list_mut, set, some_text, text};

pub(super) fn service(object: &mut Value) {
    default(object, &["spec", "sessionAffinity"], "None");
    default(object, &["spec", "type"], "ClusterIP");
    list_mut(object, "/spec/ports").for_each(|port| {
        default(port, &["protocol"], "TCP");
        if let Some(number) = at(port, "/port").cloned() {
            default(port, &["targetPort"], number);
        }
    });
    let kind = text(object, "/spec/type").to_owned();
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer")
        || kind == "ClusterIP" && !empty(object, "/spec/externalIPs")
    {
        default(object, &["spec", "externalTrafficPolicy"], "Cluster");
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer" | "ClusterIP") {
        default(object, &["spec", "internalTrafficPolicy"], "Cluster");
    }
    if kind == "LoadBalancer" {
        default(object, &["spec", "allocateLoadBalancerNodePorts"], true);
    }
}

pub(super) fn namespace(object: &mut Value) {
    if let Some(name) = some_text(object, "/metadata/name").map(str::to_owned) {
        set(object, &["metadata", "labels", "kubernetes.io/metadata.name"], name);
    }
    default(object, &["status", "phase"], "Active");
    if at(object, "/spec/finalizers").is_none() {
        set(object, &["spec", "finalizers"], json!(["kubernetes"]));
    }
}

/// `SetDefaults_LimitRangeItem`: defaults of containers from their bounds.
pub(super) fn limit_range(object: &mut Value) {
    list_mut(object, "/spec/limits").filter(|item| text(item, "/type") == "Container").for_each(|item| {
        for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let amounts: Vec<(String, Value)> =
                entries(item, &format!("/{from}")).map(|(name, value)| (name.to_owned(), value.clone())).collect();
            for (name, value) in amounts {
                default(item, &[to, &name], value);
            }
        }
    });
}

pub(super) fn priority_class(object: &mut Value) {
    default(object, &["preemptionPolicy"], "PreemptLowerPriority");
    default(object, &["value"], 0);
}

pub(super) fn network_policy(object: &mut Value) {
    if empty(object, "/spec/policyTypes") {
        let types = if empty(object, "/spec/egress") { json!(["Ingress"]) } else { json!(["Ingress", "Egress"]) };
        set(object, &["spec", "policyTypes"], types);
    }
    for rules in ["/spec/ingress", "/spec/egress"] {
        list_mut(object, rules).flat_map(|rule| list_mut(rule, "/ports")).for_each(|port| {
            default(port, &["protocol"], "TCP");
        });
    }
}

pub(super) fn ingress_class(object: &mut Value) {
    if at(object, "/spec/parameters").is_some() {
        default(object, &["spec", "parameters", "scope"], "Cluster");
    }
}

pub(super) fn webhooks(object: &mut Value) {
    let mutating = text(object, "/kind") == "MutatingWebhookConfiguration";
    list_mut(object, "/webhooks").for_each(|webhook| {
        default(webhook, &["failurePolicy"], "Fail");
        default(webhook, &["matchPolicy"], "Equivalent");
        default(webhook, &["namespaceSelector"], json!({}));
        default(webhook, &["objectSelector"], json!({}));
        default(webhook, &["timeoutSeconds"], 10);
        if mutating {
            default(webhook, &["reinvocationPolicy"], "Never");
        }
        list_mut(webhook, "/rules").for_each(|rule| default(rule, &["scope"], "*"));
        if let Some(service) = webhook.pointer_mut("/clientConfig/service").filter(|service| service.is_object()) {
            default(service, &["port"], 443);
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_bounds_of_containers_become_their_defaults() {
        let mut object = json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "1", "memory": "1Mi"}},
            {"type": "Pod", "max": {"cpu": "2"}}]}});
        limit_range(&mut object);
        let limits = &object["spec"]["limits"];
        assert_eq!(limits[0]["default"], json!({"cpu": "2"}));
        assert_eq!(limits[0]["defaultRequest"], json!({"cpu": "2", "memory": "1Mi"}));
        assert_eq!(limits[1], json!({"type": "Pod", "max": {"cpu": "2"}}));
    }

    #[test]
    fn a_network_policy_has_the_directions_and_protocols_that_it_leaves_out() {
        let mut object = json!({"spec": {"ingress": [{"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]}, {}],
            "egress": [{"ports": [{"port": 443}]}]}});
        network_policy(&mut object);
        let protocols =
            |rules: &str| object["spec"][rules][0]["ports"].as_array().unwrap().iter().map(|port| &port["protocol"]);
        assert!(protocols("ingress").eq(["TCP", "UDP"]) && protocols("egress").eq(["TCP"]), "{object}");
        assert_eq!(object["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
        let mut class = json!({"spec": {"parameters": {"kind": "P", "name": "p"}}});
        ingress_class(&mut class);
        assert_eq!(class["spec"]["parameters"]["scope"], "Cluster");
    }

    #[test]
    fn a_namespace_has_its_name_as_a_label() {
        let mut object = json!({"metadata": {"name": "app"}});
        namespace(&mut object);
        assert_eq!(object["metadata"]["labels"], json!({"kubernetes.io/metadata.name": "app"}));
    }
}
