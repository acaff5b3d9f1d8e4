//! Names and addresses that a pod is given (`pkg/apis/core/validation`, validatePodDNSConfig and ValidateHostAliases).

use std::net::IpAddr;

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, empty, list, text, texts};
use super::names::subdomain;

/// Addresses of name servers that a pod may have.
const SERVERS: usize = 3;
/// Domains that a pod may search.
const SEARCHES: usize = 32;
/// Bytes that these may have together.
const LENGTH: usize = 2048;

/// Checks how a pod resolves names.
pub(super) fn dns(spec: &Value, path: &Path, errors: &mut Errors) {
    let config = at(spec, "/dnsConfig");
    if text(spec, "/dnsPolicy") == "None" {
        match config {
            None => return errors.required(path, "must provide `dnsConfig` when `dnsPolicy` is None"),
            Some(config) if empty(config, "/nameservers") => {
                let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
                return errors.required(&path.child("nameservers"), detail);
            }
            Some(_) => {}
        }
    }
    let Some(config) = config else { return };
    let (servers, searches) = (texts(config, "/nameservers"), texts(config, "/searches"));
    if servers.len() > SERVERS {
        let detail = format!("must not have more than {SERVERS} nameservers");
        errors.invalid(&path.child("nameservers"), servers.clone(), &detail);
    }
    for (index, server) in servers.into_iter().enumerate() {
        address(server, &path.child("nameservers").index(index), errors);
    }
    if searches.len() > SEARCHES {
        let detail = format!("must not have more than {SEARCHES} search paths");
        errors.invalid(&path.child("searches"), searches.clone(), &detail);
    }
    if searches.join(" ").len() > LENGTH {
        let detail = format!("must not have more than {LENGTH} characters (including spaces) in the search list");
        errors.invalid(&path.child("searches"), searches, &detail);
    }
    for (index, option) in list(config, "/options").iter().enumerate() {
        if text(option, "/name").is_empty() {
            errors.required(&path.child("options").index(index), "must not be empty");
        }
    }
}

/// Checks the names that a pod knows by itself.
pub(super) fn aliases(spec: &Value, path: &Path, errors: &mut Errors) {
    for (index, alias) in list(spec, "/hostAliases").iter().enumerate() {
        let path = path.index(index);
        address(text(alias, "/ip"), &path.child("ip"), errors);
        for (nth, name) in texts(alias, "/hostnames").into_iter().enumerate() {
            errors.all_invalid(&path.child("hostnames").index(nth), name, subdomain(name));
        }
    }
}

fn address(text: &str, path: &Path, errors: &mut Errors) {
    if text.parse::<IpAddr>().is_err() {
        errors.invalid(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
}
