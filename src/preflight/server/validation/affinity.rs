//! Affinity of pods (`pkg/apis/core/validation`, validateAffinity).

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, empty, entries, list, number, text, texts};
use super::names::{label, label_key, subdomain};
use super::selector;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Checks the affinity of a pod spec.
pub(super) fn validate(spec: &Value, path: &Path, errors: &mut Errors) {
    if let Some(node) = at(spec, "/affinity/nodeAffinity") {
        let path = path.child("nodeAffinity");
        if let Some(required) = at(node, &format!("/{REQUIRED}")) {
            node_selector(required, true, &path.child(REQUIRED), errors);
        }
        for (index, term) in list(node, &format!("/{PREFERRED}")).iter().enumerate() {
            let path = path.child(PREFERRED).index(index);
            weight(term, &path, errors);
            if let Some(preference) = at(term, "/preference") {
                node_term(preference, false, &path.child("preference"), errors);
            }
        }
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(affinity) = at(spec, &format!("/affinity/{kind}")) else { continue };
        let path = path.child(kind);
        for (index, term) in list(affinity, &format!("/{REQUIRED}")).iter().enumerate() {
            pod_term(term, &path.child(REQUIRED).index(index), errors);
        }
        for (index, term) in list(affinity, &format!("/{PREFERRED}")).iter().enumerate() {
            let path = path.child(PREFERRED).index(index);
            weight(term, &path, errors);
            pod_term(at(term, "/podAffinityTerm").unwrap_or(&Value::Null), &path.child("podAffinityTerm"), errors);
        }
    }
}

fn weight(term: &Value, path: &Path, errors: &mut Errors) {
    let weight = number(term, "/weight").unwrap_or(0);
    if !(1..=100).contains(&weight) {
        errors.invalid(&path.child("weight"), weight, "must be in the range 1-100");
    }
}

/// `ValidateNodeSelector`; values must be label values where that is asked for.
pub(super) fn node_selector(selector: &Value, strict: bool, path: &Path, errors: &mut Errors) {
    let path = path.child("nodeSelectorTerms");
    let terms = list(selector, "/nodeSelectorTerms");
    if terms.is_empty() {
        errors.required(&path, "must have at least one node selector term");
    }
    for (index, term) in terms.iter().enumerate() {
        node_term(term, strict, &path.index(index), errors);
    }
}

fn node_term(term: &Value, strict: bool, path: &Path, errors: &mut Errors) {
    for (index, requirement) in list(term, "/matchExpressions").iter().enumerate() {
        node_requirement(requirement, strict, &path.child("matchExpressions").index(index), errors);
    }
    for (index, requirement) in list(term, "/matchFields").iter().enumerate() {
        node_field(requirement, &path.child("matchFields").index(index), errors);
    }
}

fn node_requirement(requirement: &Value, strict: bool, path: &Path, errors: &mut Errors) {
    let count = list(requirement, "/values").len();
    let values = path.child("values");
    match text(requirement, "/operator") {
        "In" | "NotIn" if count == 0 => {
            errors.required(&values, "must be specified when `operator` is 'In' or 'NotIn'")
        }
        "Exists" | "DoesNotExist" if count > 0 => {
            errors.forbidden(&values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        "Gt" | "Lt" if count != 1 => {
            errors.required(&values, "must be specified single value when `operator` is 'Lt' or 'Gt'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => errors.invalid(&path.child("operator"), other, "not a valid selector operator"),
    }
    let key = text(requirement, "/key");
    errors.all_invalid(&path.child("key"), key, label_key(key));
    if strict {
        selector::values(requirement, path, errors);
    }
}

fn node_field(requirement: &Value, path: &Path, errors: &mut Errors) {
    match text(requirement, "/operator") {
        "In" | "NotIn" if list(requirement, "/values").len() != 1 => {
            let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            errors.required(&path.child("values"), detail);
        }
        "In" | "NotIn" => {}
        other => errors.invalid(&path.child("operator"), other, "not a valid selector operator"),
    }
    match text(requirement, "/key") {
        "metadata.name" => {
            for (index, value) in texts(requirement, "/values").into_iter().enumerate() {
                errors.all_invalid(&path.child("values").index(index), value, subdomain(value));
            }
        }
        other => errors.invalid(&path.child("key"), other, "not a valid field selector key"),
    }
}

fn pod_term(term: &Value, path: &Path, errors: &mut Errors) {
    for field in ["labelSelector", "namespaceSelector"] {
        if let Some(selector) = at(term, &format!("/{field}")) {
            selector::validate(selector, &path.child(field), errors);
        }
    }
    for name in texts(term, "/namespaces") {
        errors.all_invalid(&path.child("namespace"), name, label(name));
    }
    label_keys(term, path, errors);
    let key = text(term, "/topologyKey");
    if key.is_empty() {
        errors.required(&path.child("topologyKey"), "can not be empty");
    }
    errors.all_invalid(&path.child("topologyKey"), key, label_key(key));
}

/// `ValidateMatchLabelKeysAndMismatchLabelKeys`
pub(super) fn label_keys(term: &Value, path: &Path, errors: &mut Errors) {
    let selector = at(term, "/labelSelector");
    for field in ["matchLabelKeys", "mismatchLabelKeys"] {
        let keys = texts(term, &format!("/{field}"));
        if !keys.is_empty() && selector.is_none() {
            errors.forbidden(&path.child(field), "must not be specified when labelSelector is not set");
            continue;
        }
        for (index, key) in keys.into_iter().enumerate() {
            errors.all_invalid(&path.child(field).index(index), key, label_key(key));
        }
    }
    let (matching, mismatching) = (texts(term, "/matchLabelKeys"), texts(term, "/mismatchLabelKeys"));
    if let Some(selector) = selector {
        let mut known: BTreeSet<&str> = entries(selector, "/matchLabels").map(|(key, _)| key).collect();
        for key in list(selector, "/matchExpressions").iter().map(|requirement| text(requirement, "/key")) {
            let place = matching.iter().rposition(|matched| *matched == key);
            if let Some(index) = place.filter(|_| known.contains(key)) {
                errors.invalid(&path.index(index), key, "exists in both matchLabelKeys and labelSelector");
            }
            known.insert(key);
        }
    }
    for (index, key) in matching.into_iter().enumerate() {
        if mismatching.contains(&key) {
            let path = path.child("matchLabelKeys").index(index);
            errors.invalid(&path, key, "exists in both matchLabelKeys and mismatchLabelKeys");
        }
    }
}

/// `ValidateTopologySelectorTerm`, for the topologies of a class.
pub(super) fn topology_term(term: &Value, path: &Path, errors: &mut Errors) {
    let mut keys = BTreeSet::new();
    for (index, requirement) in list(term, "/matchLabelExpressions").iter().enumerate() {
        let path = path.child("matchLabelExpressions").index(index);
        if empty(requirement, "/values") {
            errors.required(&path.child("values"), "");
        }
        let mut values = BTreeSet::new();
        for (index, value) in texts(requirement, "/values").into_iter().enumerate() {
            if !values.insert(value) {
                errors.duplicate(&path.child("values").index(index), value);
            }
        }
        let key = text(requirement, "/key");
        errors.all_invalid(&path.child("key"), key, label_key(key));
        if !keys.insert(key) {
            errors.duplicate(&path.child("key"), key);
        }
    }
}
