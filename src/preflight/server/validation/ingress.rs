//! Ingresses and their classes (`pkg/apis/networking/validation`).

use std::net::IpAddr;

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, empty, entries, list, number, some_text, text, texts};
use super::meta;
use super::names::{label, label_1035, path_segment, port_name, port_number, subdomain, url_path, wildcard};

/// The annotation that named a class before there was a field.
const CLASS: &str = "kubernetes.io/ingress.class";
/// What paths of rules may not have in them, nor at their end.
const SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
const SUFFIXES: [&str; 2] = ["/..", "/."];
/// The most that a controller's name may have, in bytes.
const CONTROLLER: usize = 250;

/// `ValidateIngressCreate`
pub(super) fn create(object: &Value, minor: u32, errors: &mut Errors) {
    ingress(object, minor, errors);
    let annotation = entries(object, "/metadata/annotations").find(|(key, _)| *key == CLASS);
    let named = annotation.and_then(|(_, value)| value.as_str());
    let class = at(object, "/spec/ingressClassName").and_then(Value::as_str);
    if let (Some(named), Some(_)) = (named, class)
        && class != Some(named)
    {
        let path = Path::new("annotations").child(CLASS);
        errors.invalid(&path, named, "must match `ingressClassName` when both are specified");
    }
}

/// `validateIngress`
pub(super) fn ingress(object: &Value, minor: u32, errors: &mut Errors) {
    meta::validate(object, true, subdomain, errors);
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    if empty(spec, "/rules") && at(spec, "/defaultBackend").is_none() {
        let shown = at(spec, "/rules").cloned().unwrap_or_default();
        errors.invalid(&path, shown, "either `defaultBackend` or `rules` must be specified");
    }
    if let Some(own) = at(spec, "/defaultBackend") {
        backend(own, &path.child("defaultBackend"), minor, errors);
    }
    for (index, rule) in list(spec, "/rules").iter().enumerate() {
        self::rule(rule, &path.child("rules").index(index), minor, errors);
    }
    for (index, tls) in list(spec, "/tls").iter().enumerate() {
        let path = path.child("tls").index(index);
        for (nth, name) in texts(tls, "/hosts").into_iter().enumerate() {
            host(name, &path.child("hosts").index(nth), errors);
        }
        if let Some(name) = some_text(tls, "/secretName") {
            errors.all_invalid(&path.child("secretName"), name, subdomain(name));
        }
    }
    if let Some(name) = at(spec, "/ingressClassName").and_then(Value::as_str) {
        errors.all_invalid(&path.child("ingressClassName"), name, subdomain(name));
    }
}

/// A name of hosts, all below a domain where it begins with a star.
fn host(name: &str, path: &Path, errors: &mut Errors) {
    errors.all_invalid(path, name, if name.contains('*') { wildcard(name) } else { subdomain(name) });
}

/// `validateIngressRules`
fn rule(rule: &Value, path: &Path, minor: u32, errors: &mut Errors) {
    if let Some(name) = some_text(rule, "/host") {
        if name.parse::<IpAddr>().is_ok() {
            errors.invalid(&path.child("host"), name, "must be a DNS name, not an IP address");
        }
        host(name, &path.child("host"), errors);
    }
    let Some(http) = at(rule, "/http") else { return };
    let paths = path.child("http").child("paths");
    if empty(http, "/paths") {
        errors.required(&paths, "");
    }
    for (index, own) in list(http, "/paths").iter().enumerate() {
        http_path(own, &paths.index(index), minor, errors);
    }
}

/// `validateHTTPIngressPath`
fn http_path(own: &Value, path: &Path, minor: u32, errors: &mut Errors) {
    let (way, field) = (text(own, "/path"), path.child("path"));
    let Some(kind) = at(own, "/pathType").and_then(Value::as_str) else {
        return errors.required(&path.child("pathType"), "pathType must be specified");
    };
    match kind {
        "Exact" | "Prefix" => {
            if !way.starts_with('/') {
                errors.invalid(&field, way, "must be an absolute path");
            }
            for part in SEQUENCES.iter().filter(|part| way.contains(**part)) {
                errors.invalid(&field, way, &format!("must not contain '{part}'"));
            }
            for part in SUFFIXES.iter().filter(|part| way.ends_with(**part)) {
                errors.invalid(&field, way, &format!("cannot end with '{part}'"));
            }
        }
        "ImplementationSpecific" if !way.is_empty() && !way.starts_with('/') => {
            errors.invalid(&field, way, "must be an absolute path");
        }
        "ImplementationSpecific" => {}
        other => {
            errors.unsupported(&path.child("pathType"), other, &["Exact", "ImplementationSpecific", "Prefix"]);
        }
    }
    let nothing = Value::Null;
    backend(at(own, "/backend").unwrap_or(&nothing), &path.child("backend"), minor, errors);
}

/// `validateIngressBackend`
fn backend(backend: &Value, path: &Path, minor: u32, errors: &mut Errors) {
    match (at(backend, "/resource"), at(backend, "/service")) {
        (Some(_), Some(_)) => errors.invalid(path, "", "cannot set both resource and service backends"),
        (Some(resource), None) => local(resource, &path.child("resource"), minor, errors),
        (None, Some(service)) => self::service(service, path, minor, errors),
        (None, None) => errors.invalid(path, "", "resource or service backend is required"),
    }
}

/// A service behind a rule; from 1.36 on its name may begin with a digit.
fn service(service: &Value, path: &Path, minor: u32, errors: &mut Errors) {
    let own = path.child("service");
    match text(service, "/name") {
        "" => errors.required(&own.child("name"), ""),
        name => {
            let wrong = if minor >= 36 { label(name) } else { label_1035(name) };
            errors.all_invalid(&own.child("name"), name, wrong);
        }
    }
    let (name, number) = (text(service, "/port/name"), number(service, "/port/number").unwrap_or(0));
    let port = own.child("port");
    match (name, number) {
        ("", 0) => errors.required(path, "port name or number is required"),
        ("", number) => {
            port_number(number).iter().for_each(|wrong| errors.invalid(&port.child("number"), number, wrong));
        }
        (name, 0) => errors.all_invalid(&port.child("name"), name, port_name(name)),
        _ => errors.invalid(path, "", "cannot set both port name & port number"),
    }
}

/// `validateIngressTypedLocalObjectReference`
fn local(object: &Value, path: &Path, minor: u32, errors: &mut Errors) {
    if let Some(group) = at(object, "/apiGroup").and_then(Value::as_str) {
        errors.all_invalid(&path.child("apiGroup"), group, subdomain(group));
    }
    for field in ["kind", "name"] {
        match text(object, &format!("/{field}")) {
            "" if minor < 34 => errors.required(&path.child(field), &format!("{field} is required")),
            "" => errors.required(&path.child(field), ""),
            value => errors.all_invalid(&path.child(field), value, path_segment(value)),
        }
    }
}

/// `ValidateIngressClass`, but for the parameters.
pub(super) fn class(object: &Value, errors: &mut Errors) {
    meta::validate(object, false, subdomain, errors);
    let (path, name) = (Path::new("spec").child("controller"), text(object, "/spec/controller"));
    if name.len() > CONTROLLER {
        errors.too_long(&path, CONTROLLER);
    }
    match name.split_once('/') {
        _ if name.is_empty() => errors.required(&path, ""),
        Some((host, way)) if !host.is_empty() && !way.is_empty() => {
            errors.all_invalid(&path, host, subdomain(host));
            errors.all_invalid(&path, way, url_path(way));
        }
        _ => errors.invalid(&path, name, "must be a domain-prefixed path (such as \"acme.io/foo\")"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(spec: &Value, minor: u32) -> String {
        let mut errors = Errors::default();
        let object =
            json!({"metadata": {"name": "a", "namespace": "b", "annotations": {CLASS: "nginx"}}, "spec": spec});
        create(&object, minor, &mut errors);
        errors.message("", "X", "").map_or_else(String::new, |message| message.replacen("X \"\" is invalid: ", "", 1))
    }

    fn with_path(path: Value) -> Value {
        json!({"rules": [{"http": {"paths": [path]}}]})
    }

    #[test]
    fn an_ingress_leads_somewhere() {
        assert_eq!(
            told(&json!({}), 37),
            "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"
        );
        assert_eq!(
            told(&json!({"defaultBackend": {"service": {"name": "web"}}}), 37),
            "spec.defaultBackend: Required value: port name or number is required"
        );
        assert_eq!(
            told(&json!({"defaultBackend": {"service": {"name": "1web", "port": {"number": 80, "name": "http"}}}}), 37),
            "spec.defaultBackend: Invalid value: \"\": cannot set both port name & port number"
        );
        let digit = json!({"defaultBackend": {"service": {"name": "1web", "port": {"number": 80}}}});
        assert_eq!(told(&digit, 36), "");
        assert!(
            told(&digit, 35).starts_with("spec.defaultBackend.service.name: Invalid value: \"1web\": a DNS-1035 label")
        );
        assert_eq!(
            told(&json!({"defaultBackend": {"resource": {}}}), 37),
            "[spec.defaultBackend.resource.kind: Required value, spec.defaultBackend.resource.name: Required value]"
        );
    }

    #[test]
    fn paths_are_absolute_and_say_how_they_match() {
        let service = json!({"service": {"name": "web", "port": {"number": 80}}});
        assert_eq!(
            told(&with_path(json!({"path": "/", "backend": {}})), 37),
            "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"
        );
        assert_eq!(
            told(&with_path(json!({"path": "a//b/..", "pathType": "Prefix", "backend": service})), 37),
            "[spec.rules[0].http.paths[0].path: Invalid value: \"a//b/..\": must be an absolute path, \
             spec.rules[0].http.paths[0].path: Invalid value: \"a//b/..\": must not contain '//', \
             spec.rules[0].http.paths[0].path: Invalid value: \"a//b/..\": cannot end with '/..']"
        );
        assert_eq!(
            told(&with_path(json!({"path": "/", "pathType": "Regex", "backend": {}})), 37),
            "[spec.rules[0].http.paths[0].pathType: Unsupported value: \"Regex\": supported values: \"Exact\", \
             \"ImplementationSpecific\", \"Prefix\", spec.rules[0].http.paths[0].backend: Invalid value: \"\": resource or \
             service backend is required]"
        );
        assert_eq!(told(&with_path(json!({"pathType": "ImplementationSpecific", "backend": service})), 37), "");
    }

    #[test]
    fn hosts_are_names() {
        let told = |host: &str| told(&json!({"rules": [{"host": host}]}), 37);
        assert_eq!(told("*.example.com"), "");
        assert_eq!(
            told("10.0.0.1"),
            "spec.rules[0].host: Invalid value: \"10.0.0.1\": must be a DNS name, not an IP address"
        );
        assert!(told("*").contains("a wildcard DNS-1123 subdomain must start with '*.', followed by"));
        assert!(told("Example.com").contains("a lowercase RFC 1123 subdomain must consist of"));
    }

    #[test]
    fn the_annotation_must_agree_with_the_field() {
        let spec = json!({"ingressClassName": "traefik", "rules": [{"host": "a"}], "tls": [{"hosts": ["b"], "secretName": "c"}]});
        assert_eq!(
            told(&spec, 37),
            "annotations.kubernetes.io/ingress.class: Invalid value: \"nginx\": must match `ingressClassName` when both are \
             specified"
        );
    }

    #[test]
    fn a_class_names_its_controller() {
        let told = |controller: &str| {
            let mut errors = Errors::default();
            class(&json!({"metadata": {"name": "a"}, "spec": {"controller": controller}}), &mut errors);
            errors.message("", "X", "").unwrap_or_default()
        };
        assert_eq!(told("k8s.io/ingress-nginx"), "");
        assert_eq!(told(""), "X \"\" is invalid: spec.controller: Required value");
        assert_eq!(
            told("nginx"),
            "X \"\" is invalid: spec.controller: Invalid value: \"nginx\": must be a domain-prefixed path (such as \"acme.io/foo\")"
        );
    }
}
