//! Probes and lifecycle hooks of containers (`pkg/apis/core/validation`, validateProbe, validateHandler).

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, empty, list, number, text};
use super::names::{header, port_name, port_number};

/// Checks the hooks and probes of a container that runs on.
pub(super) fn all(container: &Value, path: &Path, grace: i64, errors: &mut Errors) {
    for hook in ["postStart", "preStop"] {
        if let Some(handler) = at(container, &format!("/lifecycle/{hook}")) {
            self::handler(handler, &path.child("lifecycle").child(hook), grace, errors);
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = at(container, &format!("/{name}")) {
            self::probe(probe, name == "readinessProbe", &path.child(name), grace, errors);
        }
    }
}

fn probe(probe: &Value, readiness: bool, path: &Path, grace: i64, errors: &mut Errors) {
    handler(probe, path, grace, errors);
    for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        super::nonnegative(probe, field, path, errors);
    }
    let own_grace = number(probe, "/terminationGracePeriodSeconds");
    let grace_path = path.child("terminationGracePeriodSeconds");
    if let Some(seconds) = own_grace.filter(|seconds| *seconds <= 0) {
        errors.invalid(&grace_path, seconds, "must be greater than 0");
    }
    if let Some(seconds) = own_grace.filter(|_| readiness) {
        errors.invalid(&grace_path, seconds, "must not be set for readinessProbes");
    }
    let threshold = number(probe, "/successThreshold").unwrap_or(0);
    if !readiness && threshold != 1 {
        errors.invalid(&path.child("successThreshold"), threshold, "must be 1");
    }
}

/// `validateHandler`
fn handler(handler: &Value, path: &Path, grace: i64, errors: &mut Errors) {
    let mut any = false;
    for kind in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let Some(action) = at(handler, &format!("/{kind}")) else { continue };
        let path = path.child(kind);
        if any {
            errors.forbidden(&path, "may not specify more than 1 handler type");
            continue;
        }
        any = true;
        match kind {
            "exec" if empty(action, "/command") => errors.required(&path.child("command"), ""),
            "httpGet" => http_get(action, &path, errors),
            "tcpSocket" | "grpc" => port(action, &path.child("port"), errors),
            "sleep" => sleep(action, &path, grace, errors),
            _ => {}
        }
    }
    if !any {
        errors.required(path, "must specify a handler type");
    }
}

fn http_get(action: &Value, path: &Path, errors: &mut Errors) {
    if text(action, "/path").is_empty() {
        errors.required(&path.child("path"), "");
    }
    port(action, &path.child("port"), errors);
    let scheme = text(action, "/scheme");
    if !matches!(scheme, "HTTP" | "HTTPS") {
        errors.unsupported(&path.child("scheme"), scheme, &["HTTP", "HTTPS"]);
    }
    for name in list(action, "/httpHeaders").iter().map(|header| text(header, "/name")) {
        errors.all_invalid(&path.child("httpHeaders"), name, header(name));
    }
}

/// `ValidatePortNumOrName`
fn port(action: &Value, path: &Path, errors: &mut Errors) {
    match at(action, "/port") {
        Some(Value::String(name)) => errors.all_invalid(path, name, port_name(name)),
        port => {
            let number = port.and_then(Value::as_i64).unwrap_or(0);
            port_number(number).iter().for_each(|wrong| errors.invalid(path, number, wrong));
        }
    }
}

fn sleep(action: &Value, path: &Path, grace: i64, errors: &mut Errors) {
    let seconds = number(action, "/seconds").unwrap_or(0);
    if seconds < 0 || seconds > grace {
        let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.invalid(path, seconds, &detail);
    }
}
