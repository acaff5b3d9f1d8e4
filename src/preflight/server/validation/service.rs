//! Services (`pkg/apis/core/validation`, validateService).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::field::{Errors, Path};
use super::super::json::{at, empty, list, number, some_text, text};
use super::container::one_of;
use super::meta;
use super::names::{label, label_1035, label_key, port_name, port_number, subdomain};

/// `ValidateServiceCreate`; from 1.36 on names may begin with a digit.
pub(super) fn create(object: &Value, minor: u32, errors: &mut Errors) {
    meta::validate(object, true, if minor >= 36 { label } else { label_1035 }, errors);
    common(object, errors);
}

/// `validateService`
pub(super) fn common(object: &Value, errors: &mut Errors) {
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    let (kind, headless) = (text(spec, "/type"), text(spec, "/clusterIP") == "None");
    if empty(spec, "/ports") && !headless && kind != "ExternalName" {
        errors.required(&path.child("ports"), "");
    }
    if headless && matches!(kind, "LoadBalancer" | "NodePort") {
        let detail = format!("may not be set to 'None' for {kind} services");
        errors.invalid(&path.child("clusterIPs").index(0), "None", &detail);
    }
    if kind == "ExternalName" {
        match text(spec, "/externalName").trim_end_matches('.') {
            "" => errors.required(&path.child("externalName"), ""),
            name => errors.all_invalid(&path.child("externalName"), name, subdomain(name)),
        }
    }
    ports(spec, &path.child("ports"), errors);
    meta::labels(spec, "/selector", &path.child("selector"), errors);
    one_of(spec, "sessionAffinity", &["ClientIP", "None"], &path, errors);
    one_of(spec, "type", &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"], &path, errors);
    twice(spec, kind, &path.child("ports"), errors);
    traffic(spec, kind, &path, errors);
}

fn ports(spec: &Value, path: &Path, errors: &mut Errors) {
    let all = list(spec, "/ports");
    let mut names = BTreeSet::new();
    for (index, port) in all.iter().enumerate() {
        let path = path.index(index);
        match text(port, "/name") {
            "" if all.len() > 1 => errors.required(&path.child("name"), ""),
            "" => {}
            name => {
                errors.all_invalid(&path.child("name"), name, label(name));
                if !names.insert(name) {
                    errors.duplicate(&path.child("name"), name);
                }
            }
        }
        let own = number(port, "/port").unwrap_or(0);
        port_number(own).iter().for_each(|wrong| errors.invalid(&path.child("port"), own, wrong));
        one_of(port, "protocol", &["SCTP", "TCP", "UDP"], &path, errors);
        let target = path.child("targetPort");
        match at(port, "/targetPort") {
            Some(Value::String(name)) => errors.all_invalid(&target, name, port_name(name)),
            number => {
                let number = number.and_then(Value::as_i64).unwrap_or(own);
                port_number(number).iter().for_each(|wrong| errors.invalid(&target, number, wrong));
            }
        }
        if let Some(protocol) = some_text(port, "/appProtocol") {
            errors.all_invalid(&path.child("appProtocol"), protocol, label_key(protocol));
        }
    }
}

fn twice(spec: &Value, kind: &str, path: &Path, errors: &mut Errors) {
    let all = list(spec, "/ports");
    let node_port = |port: &Value| number(port, "/nodePort").unwrap_or(0);
    for (index, _) in all.iter().enumerate().filter(|(_, port)| kind == "ClusterIP" && node_port(port) != 0) {
        errors.forbidden(&path.index(index).child("nodePort"), "may not be used when `type` is 'ClusterIP'");
    }
    let (mut node_ports, mut own) = (BTreeSet::new(), BTreeSet::new());
    for (index, port) in all.iter().enumerate().filter(|(_, port)| node_port(port) != 0) {
        if !node_ports.insert((text(port, "/protocol"), node_port(port))) {
            errors.duplicate(&path.index(index).child("nodePort"), node_port(port));
        }
    }
    for (index, port) in all.iter().enumerate() {
        let number = number(port, "/port").unwrap_or(0);
        if !own.insert((text(port, "/protocol"), number)) {
            let shown = json!({"AppProtocol": null, "Name": "", "NodePort": 0, "Port": number, "Protocol": text(port, "/protocol"),
                "TargetPort": 0});
            errors.duplicate(&path.index(index), shown);
        }
    }
}

fn traffic(spec: &Value, kind: &str, path: &Path, errors: &mut Errors) {
    let balancer = kind == "LoadBalancer";
    if at(spec, "/allocateLoadBalancerNodePorts").is_some() && !balancer {
        let detail = "may only be used when `type` is 'LoadBalancer'";
        errors.forbidden(&path.child("allocateLoadBalancerNodePorts"), detail);
    }
    let class = path.child("loadBalancerClass");
    match some_text(spec, "/loadBalancerClass") {
        Some(_) if !balancer => errors.forbidden(&class, "may only be used when `type` is 'LoadBalancer'"),
        Some(name) => errors.all_invalid(&class, name, label_key(name)),
        None => {}
    }
    let outside = matches!(kind, "LoadBalancer" | "NodePort") || kind == "ClusterIP" && !empty(spec, "/externalIPs");
    let external = text(spec, "/externalTrafficPolicy");
    if !outside && !external.is_empty() {
        let detail = "may only be set for externally-accessible services";
        errors.invalid(&path.child("externalTrafficPolicy"), external, detail);
    } else if outside {
        one_of(spec, "externalTrafficPolicy", &["Cluster", "Local"], path, errors);
    }
    let internal = text(spec, "/internalTrafficPolicy");
    if !internal.is_empty() && !matches!(internal, "Cluster" | "Local") {
        errors.unsupported(&path.child("internalTrafficPolicy"), internal, &["Cluster", "Local"]);
    }
}
