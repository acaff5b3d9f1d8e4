//! Label selectors (`apimachinery/pkg/apis/meta/v1/validation`).

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{empty, list, text, texts};
use super::meta::labels;
use super::names::{label_key, label_value};

/// `ValidateLabelSelector`
pub(super) fn validate(selector: &Value, path: &Path, errors: &mut Errors) {
    labels(selector, "/matchLabels", &path.child("matchLabels"), errors);
    for (index, requirement) in list(selector, "/matchExpressions").iter().enumerate() {
        let path = path.child("matchExpressions").index(index);
        operator(requirement, &path, errors);
        let key = text(requirement, "/key");
        errors.all_invalid(&path.child("key"), key, label_key(key));
        values(requirement, &path, errors);
    }
}

fn operator(requirement: &Value, path: &Path, errors: &mut Errors) {
    match text(requirement, "/operator") {
        "In" | "NotIn" if empty(requirement, "/values") => {
            errors.required(&path.child("values"), "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" if !empty(requirement, "/values") => {
            errors
                .forbidden(&path.child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.invalid(&path.child("operator"), other, "not a valid selector operator"),
    }
}

/// The values of a requirement must be label values.
pub(super) fn values(requirement: &Value, path: &Path, errors: &mut Errors) {
    for (index, value) in texts(requirement, "/values").into_iter().enumerate() {
        errors.all_invalid(&path.child("values").index(index), value, label_value(value));
    }
}

/// Whether a selector says nothing.
pub(super) fn says_nothing(selector: &Value) -> bool {
    empty(selector, "/matchLabels") && empty(selector, "/matchExpressions")
}
