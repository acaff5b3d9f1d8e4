//! Ingresses, their classes, network policies and autoscalers, with something wrong in them.

use serde_json::{Value, json};

use super::Surroundings;
use crate::case::Case;
use crate::random::{Random, set};

/// Puts one such document or two into the case; in every third case the objects are there already, as they are right.
pub fn put(random: &mut Random, case: &mut Case, around: &Surroundings) {
    case.about.push("spec that is wrong".to_owned());
    let sorts = sorts(around.release);
    for place in 0..random.pick(&[1, 2, 2]) {
        let name = format!("broken{place}");
        let (whole, wrong) = random.pick(&sorts);
        let mut document = named(&whole, &name);
        if random.chance(90) {
            for _ in 0..random.pick(&[1, 1, 2]) {
                let (path, value) = random.pick(&wrong);
                // An earlier value may have taken the place away.
                let holder = path.rsplit_once('/').map_or("", |(holder, _)| holder);
                let place = |path: &str| document.pointer(&format!("/{path}"));
                if place(path).is_some() || place(holder).is_some_and(Value::is_object) {
                    set(&mut document, path, value);
                }
            }
        }
        let place = random.below(case.documents.len() + 1);
        case.documents.insert(place, document);
        if case.seed.is_multiple_of(3) {
            case.applied.push(named(&whole, &name));
        }
    }
}

/// A case with every wrong value once, in new objects or in those that are `there` already.
pub fn all(release: u32, there: bool) -> Case {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } });
    let (mut documents, mut applied): (Vec<Value>, Vec<Value>) = Default::default();
    for (whole, wrong) in sorts(release) {
        for (path, value) in wrong {
            let right = named(&whole, &format!("broken{}", documents.len()));
            let mut document = right.clone();
            applied.push(right);
            set(&mut document, path, value);
            documents.push(document);
        }
    }
    let applied = if there { applied } else { Vec::new() };
    Case {
        about: vec!["every wrong value".to_owned()],
        objects: vec![namespace],
        applied,
        documents,
        ..Case::default()
    }
}

/// An object of each sort as it is right, and the values that are wrong in it. They are in the namespace `shop`, which has
/// no rules of admission.
fn sorts(release: u32) -> Vec<(Value, Wrong)> {
    vec![
        (ingress(), wrong_ingresses()),
        (policy(), wrong_policies()),
        (autoscaler(), wrong_autoscalers(release)),
        (autoscaler(), wrong_metrics()),
        (class(), wrong_classes()),
    ]
}

fn named(whole: &Value, name: &str) -> Value {
    let mut object = whole.clone();
    set(&mut object, "metadata/name", name);
    object
}

fn meta() -> Value {
    json!({ "namespace": "shop" })
}

fn class() -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {}, "spec": { "controller": "k8s.io/ingress" } })
}

fn wrong_classes() -> Wrong {
    ["ingress", "/x", "A/b", "a.b/c d", ""].map(|name| ("spec/controller", json!(name))).to_vec()
}

fn backend() -> Value {
    json!({ "service": { "name": "web", "port": { "number": 80 } } })
}

fn ingress() -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(), "spec": {
        "ingressClassName": "nginx", "tls": [{ "hosts": ["example.com"], "secretName": "tls" }],
        "rules": [{ "host": "example.com", "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend() }] } }] } })
}

fn policy() -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta(), "spec": {
        "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
        "ingress": [{ "from": [{ "podSelector": {} }], "ports": [{ "port": 80 }] }],
        "egress": [{ "to": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }] }] } })
}

fn autoscaler() -> Value {
    json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta(), "spec": {
        "minReplicas": 1, "maxReplicas": 3, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "none" },
        "metrics": [{ "type": "Resource", "resource": { "name": "cpu",
            "target": { "type": "Utilization", "averageUtilization": 80 } } }] } })
}

type Wrong = Vec<(&'static str, Value)>;

fn wrong_ingresses() -> Wrong {
    let path = "spec/rules/0/http/paths/0";
    let mut wrong = vec![
        ("metadata/annotations", json!({ "kubernetes.io/ingress.class": "traefik" })),
        ("metadata/name", json!("Not_A_Name")),
        ("spec", json!({})),
        ("spec", json!({ "rules": [] })),
        ("spec/defaultBackend", json!({})),
        ("spec/defaultBackend", json!({ "service": { "name": "web" } })),
        ("spec/defaultBackend", json!({ "service": { "name": "", "port": { "number": 70_000 } } })),
        ("spec/defaultBackend", json!({ "service": { "name": "1web", "port": { "number": 80 } } })),
        ("spec/defaultBackend", json!({ "service": { "name": "Web", "port": { "name": "Not_A_Name" } } })),
        ("spec/defaultBackend", json!({ "service": { "name": "web", "port": { "name": "http", "number": 80 } } })),
        ("spec/defaultBackend", json!({ "resource": { "kind": "", "name": "a/b", "apiGroup": "A" } })),
        ("spec/defaultBackend", json!({ "resource": { "kind": "A", "name": "b" }, "service": { "name": "c" } })),
        ("spec/ingressClassName", json!("Not_A_Name")),
        ("spec/ingressClassName", json!("")),
        ("spec/tls/0/hosts", json!(["*", "*.example.com", "Example.com"])),
        ("spec/tls/0/secretName", json!("Not_A_Name")),
        ("spec/rules/0/host", json!("10.0.0.1")),
        ("spec/rules/0/host", json!("*.*.com")),
        ("spec/rules/0/host", json!("*.example.com")),
        ("spec/rules/0/host", json!("example.com:80")),
        ("spec/rules/0/http", json!({ "paths": [] })),
        ("spec/rules/0/http", json!({})),
    ];
    let paths = [
        json!({ "path": "/", "backend": backend() }),
        json!({ "path": "/", "pathType": "Regex", "backend": {} }),
        json!({ "path": "", "pathType": "Exact", "backend": backend() }),
        json!({ "pathType": "ImplementationSpecific", "backend": backend() }),
        json!({ "path": "a", "pathType": "ImplementationSpecific", "backend": backend() }),
        json!({ "path": "a//b/../c%2Fd/..", "pathType": "Prefix", "backend": backend() }),
        json!({ "path": "/./a/.", "pathType": "Exact", "backend": { "service": { "name": "web", "port": {} } } }),
    ];
    wrong.extend(paths.into_iter().map(|value| (path, value)));
    wrong
}

fn wrong_policies() -> Wrong {
    let mut wrong = vec![
        ("spec/policyTypes", json!(["Both"])),
        ("spec/policyTypes", json!(["Ingress", "Egress", "Ingress"])),
        ("spec/podSelector", json!({ "matchLabels": { "a": "not a label" } })),
        (
            "spec/podSelector",
            json!({ "matchExpressions": [{ "key": "a", "operator": "In" }, { "key": "b", "operator": "Near" }] }),
        ),
        ("spec/ingress/0/from", json!([{}])),
        ("spec/ingress/0/from", json!([{ "namespaceSelector": {}, "podSelector": {} }])),
        ("spec/ingress/0/from", json!([{ "ipBlock": { "cidr": "10.0.0.0/8" }, "podSelector": {} }])),
        ("spec/ingress/0/from", json!([{ "ipBlock": {} }, { "ipBlock": { "cidr": "" } }])),
        (
            "spec/egress",
            json!([{ "to": [{ "ipBlock": { "cidr": "10.0.0.0/8", "except": ["10.0.0.0/8", "11.0.0.0/9", "10.1.0.0/16"] } }] }]),
        ),
        (
            "spec/egress",
            json!([{ "to": [{ "ipBlock": { "cidr": "::/0", "except": ["10.0.0.0/8", "2001:db8::1/64"] } }] }]),
        ),
        (
            "spec/egress",
            json!([{ "ports": [{ "port": 80 }], "to": [{ "podSelector": { "matchLabels": { "-": "a" } } }] }]),
        ),
    ];
    let blocks = [
        "10.0.0.1",
        "10.1.0.0/8",
        "10.0.0.0/33",
        "010.0.0.0/8",
        "10.0.0.0/08",
        "host/8",
        "::ffff:10.0.0.0/104",
        "FE80::/64",
        "::/129",
        "10.0.0.0/",
        " 10.0.0.0/8",
        "10.0.0.0/8 ",
    ];
    wrong.extend(blocks.iter().map(|block| ("spec/egress/0/to/0/ipBlock/cidr", json!(block))));
    let ports = [
        json!([{ "port": 0 }, { "port": 70_000, "endPort": 70_001 }]),
        json!([{ "port": "Not_A_Name" }, { "port": "80", "endPort": 90 }]),
        json!([{ "port": 80, "endPort": 70 }, { "endPort": 70 }]),
        json!([{ "protocol": "ICMP", "port": 80 }]),
        json!([{ "port": 80, "endPort": 90 }, { "protocol": "UDP" }]),
    ];
    wrong.extend(ports.into_iter().map(|value| ("spec/ingress/0/ports", value)));
    wrong
}

fn wrong_autoscalers(release: u32) -> Wrong {
    let mut wrong = vec![
        ("spec/minReplicas", json!(0)),
        ("spec/minReplicas", json!(-1)),
        ("spec/minReplicas", json!(9)),
        ("spec/maxReplicas", json!(0)),
        ("spec/maxReplicas", json!(-2)),
        ("spec/scaleTargetRef", json!({ "apiVersion": "v1", "kind": "Deployment", "name": "none" })),
        ("spec/scaleTargetRef", json!({ "kind": "Deployment", "name": "none" })),
        ("spec/scaleTargetRef", json!({ "apiVersion": "a/b/c", "kind": "", "name": "a/b" })),
        ("spec/scaleTargetRef", json!({ "apiVersion": "v1", "kind": "ReplicationController", "name": "none" })),
        ("spec/behavior", json!({ "scaleUp": { "policies": [] } })),
        ("spec/behavior", json!({ "scaleUp": { "stabilizationWindowSeconds": -1, "selectPolicy": "Most" } })),
        ("spec/behavior", json!({ "scaleDown": { "stabilizationWindowSeconds": 3601 } })),
        (
            "spec/behavior",
            json!({ "scaleDown": { "policies": [{ "type": "Nodes", "value": 0, "periodSeconds": 1801 }] } }),
        ),
        ("spec/behavior", json!({ "scaleDown": { "policies": [{ "type": "Pods", "value": 1, "periodSeconds": 0 }] } })),
        ("spec/behavior", json!({})),
        ("metadata/name", json!("Not_A_Name")),
    ];
    if release >= 35 {
        wrong.push(("spec/behavior", json!({ "scaleUp": { "tolerance": "-500m" } })));
    }
    wrong
}

fn wrong_metrics() -> Wrong {
    let of = |metric: Value| ("spec/metrics", json!([metric]));
    let share = json!({ "type": "Utilization", "averageUtilization": 80 });
    let resource = |target: Value| of(json!({ "type": "Resource", "resource": { "name": "cpu", "target": target } }));
    let metric = json!({ "name": "queue" });
    vec![
        of(json!({ "type": "Resource" })),
        of(json!({ "type": "Nothing", "resource": { "name": "cpu", "target": share } })),
        of(json!({ "type": "Pods", "resource": { "name": "cpu", "target": share } })),
        of(json!({ "type": "Resource", "resource": { "name": "cpu", "target": share },
            "pods": { "metric": metric, "target": { "type": "AverageValue", "averageValue": "1" } } })),
        of(json!({ "type": "Resource", "resource": { "name": "", "target": share } })),
        resource(json!({ "type": "Share", "averageUtilization": 0 })),
        resource(json!({ "type": "Utilization" })),
        resource(json!({ "type": "AverageValue", "averageValue": "0", "averageUtilization": 3 })),
        resource(json!({ "type": "AverageValue", "averageValue": "-1500m" })),
        of(
            json!({ "type": "Pods", "pods": { "metric": { "name": "a/b" }, "target": { "type": "Value", "value": "1" } } }),
        ),
        of(
            json!({ "type": "Pods", "pods": { "metric": {}, "target": { "type": "AverageValue", "averageValue": "1k" } } }),
        ),
        of(json!({ "type": "External", "external": { "metric": metric, "target": { "type": "Value" } } })),
        of(json!({ "type": "External", "external": { "metric": metric,
            "target": { "type": "Value", "value": "1", "averageValue": "2" } } })),
        of(
            json!({ "type": "Object", "object": { "metric": metric, "describedObject": { "kind": "Service", "apiVersion": "v1" },
            "target": { "type": "Value" } } }),
        ),
        of(json!({ "type": "Object", "object": { "metric": metric,
            "describedObject": { "kind": "a/b", "name": "x", "apiVersion": "a/b/c" }, "target": { "type": "Value", "value": "10" } } })),
        of(
            json!({ "type": "ContainerResource", "containerResource": { "name": "gpu", "container": "Main", "target": share } }),
        ),
        of(
            json!({ "type": "ContainerResource", "containerResource": { "name": "", "container": "", "target": share } }),
        ),
    ]
}
