//! Quotas and limit ranges (`pkg/apis/core/validation`, ValidateResourceQuota and ValidateLimitRange).

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::amount::Amount;
use super::super::field::{Errors, Path};
use super::super::json::{at, empty, entries, list, text, texts};
use super::super::pod::{Amounts, amounts};
use super::names::{label_key, subdomain};
use super::{meta, resources};

const SCOPES: &[&str] = &[
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];
const COMPUTE: &[&str] = &["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];

/// `ValidateResourceQuota`
pub(super) fn quota(object: &Value, errors: &mut Errors) {
    meta::validate(object, true, subdomain, errors);
    let path = Path::new("spec");
    for (name, value) in entries(object, "/spec/hard") {
        let path = path.child("hard").key(name);
        resources::in_quota(name, &path, errors);
        if let Some(amount) = Amount::of(value) {
            resources::quantity(name, amount, &path, errors);
        }
    }
    scopes(object, &path.child("scopes"), errors);
    selector(object, &path.child("scopeSelector").child("matchExpressions"), errors);
}

/// Names of the quota that its scope doesn't go with (`IsResourceQuotaScopeValidForResource`).
fn out_of_scope(object: &Value, scope: &str) -> usize {
    let fits = |name: &str| match scope {
        "BestEffort" => name == "pods",
        "VolumeAttributesClass" => matches!(name, "persistentvolumeclaims" | "requests.storage"),
        _ if SCOPES.contains(&scope) => name == "pods" || COMPUTE.contains(&name),
        _ => true,
    };
    let mut known = Errors::default();
    let judged = |name: &&str| {
        let before = known.len();
        resources::in_quota(name, &Path::new(""), &mut known);
        known.len() == before && !name.contains('/')
    };
    entries(object, "/spec/hard").map(|(name, _)| name).filter(judged).filter(|name| !fits(name)).count()
}

fn scopes(object: &Value, path: &Path, errors: &mut Errors) {
    let own = texts(object, "/spec/scopes");
    let shown = || at(object, "/spec/scopes").cloned().unwrap_or_default();
    for scope in &own {
        if !SCOPES.contains(scope) {
            errors.invalid(path, shown(), "unsupported scope");
        }
        if out_of_scope(object, scope) > 0 {
            errors.invalid(path, shown(), "unsupported scope applied to resource");
        }
    }
    conflicts(&own, path, &shown, errors);
}

fn conflicts(own: &[&str], path: &Path, shown: &dyn Fn() -> Value, errors: &mut Errors) {
    for (a, b) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if own.contains(&a) && own.contains(&b) {
            errors.invalid(path, shown(), "conflicting scopes");
        }
    }
}

fn selector(object: &Value, path: &Path, errors: &mut Errors) {
    let requirements = list(object, "/spec/scopeSelector/matchExpressions");
    for requirement in requirements {
        let (scope, operator) = (text(requirement, "/scopeName"), text(requirement, "/operator"));
        if !SCOPES.contains(&scope) {
            errors.invalid(&path.child("scopeName"), scope, "unsupported scope");
        }
        if out_of_scope(object, scope) > 0 {
            let shown = at(object, "/spec/scopeSelector").cloned().unwrap_or_default();
            errors.invalid(path, shown, "unsupported scope applied to resource");
        }
        if !matches!(scope, "PriorityClass" | "VolumeAttributesClass")
            && SCOPES.contains(&scope)
            && operator != "Exists"
        {
            let detail = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, \
                          ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or \
                          ResourceQuotaScopeCrossNamespacePodAffinity";
            errors.invalid(&path.child("operator"), operator, detail);
        }
        let none = empty(requirement, "/values");
        match operator {
            "In" | "NotIn" if none => {
                let detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.required(&path.child("values"), detail);
            }
            "Exists" | "DoesNotExist" if !none => {
                let shown = at(requirement, "/values").cloned().unwrap_or_default();
                let detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                errors.invalid(&path.child("values"), shown, detail);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.invalid(&path.child("operator"), other, "not a valid selector operator"),
        }
    }
    let own: Vec<&str> = requirements.iter().map(|requirement| text(requirement, "/scopeName")).collect();
    conflicts(&own, path, &|| at(object, "/spec/scopes").cloned().unwrap_or_default(), errors);
}

/// `ValidateLimitRange`
pub(super) fn range(object: &Value, errors: &mut Errors) {
    meta::validate(object, true, subdomain, errors);
    let mut kinds = BTreeSet::new();
    for (index, item) in list(object, "/spec/limits").iter().enumerate() {
        let (path, kind) = (Path::new("spec").child("limits").index(index), text(item, "/type"));
        let wrong = label_key(kind);
        if wrong.is_empty() && !kind.contains('/') && !matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim") {
            errors.invalid(&path.child("type"), kind, "must be a standard limit type or fully qualified");
        }
        errors.all_invalid(&path.child("type"), kind, wrong);
        if !kinds.insert(kind) {
            errors.duplicate(&path.child("type"), kind);
        }
        names(item, kind, &path, errors);
        amounts_agree(item, kind == "Pod", &path, errors);
    }
}

fn names(item: &Value, kind: &str, path: &Path, errors: &mut Errors) {
    let check = if matches!(kind, "Pod" | "Container") { resources::container_name } else { resources::any_name };
    for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        if kind == "Pod" && field.starts_with("default") {
            if !empty(item, &format!("/{field}")) {
                errors.forbidden(&path.child(field), "may not be specified when `type` is 'Pod'");
            }
            continue;
        }
        if kind == "PersistentVolumeClaim" && field == "maxLimitRequestRatio" {
            let bounds = ["/max/storage", "/min/storage"];
            if bounds.iter().all(|bound| at(item, bound).is_none()) {
                let detail = "either minimum or maximum storage value is required, but neither was provided";
                errors.required(&path.child("limits"), detail);
            }
        }
        for (name, _) in entries(item, &format!("/{field}")) {
            check(name, &path.child(field).key(name), errors);
        }
    }
}

fn amounts_agree(item: &Value, pod: bool, path: &Path, errors: &mut Errors) {
    let of = |field: &str| if pod && field.starts_with("/default") { Default::default() } else { amounts(item, field) };
    let (max, min, limit, request) = (of("/max"), of("/min"), of("/default"), of("/defaultRequest"));
    ratios(&of("/maxLimitRequestRatio"), &max, &min, path, errors);
    let names: BTreeSet<&String> =
        [&max, &min, &limit, &request].into_iter().flat_map(|amounts| amounts.keys()).collect();
    for name in names {
        let [max, min, limit, request] = [max.get(name), min.get(name), limit.get(name), request.get(name)];
        let checks = [
            (min, max, min, "min", "min value", "max value"),
            (min, request, request, "defaultRequest", "min value", "default request value"),
            (request, max, request, "defaultRequest", "default request value", "max value"),
            (request, limit, request, "defaultRequest", "default request value", "default limit value"),
            (min, limit, min, "default", "min value", "default value"),
            (limit, max, max, "default", "default value", "max value"),
        ];
        for (small, large, shown, field, small_name, large_name) in checks {
            let (Some(small), Some(large), Some(shown)) = (small, large, shown) else { continue };
            if small.nanos > large.nanos {
                let detail = format!("{small_name} {small} is greater than {large_name} {large}");
                errors.invalid(&path.child(field).key(name), shown.to_string(), &detail);
            }
        }
    }
}

/// A ratio is at least one, and not more than the bounds allow.
fn ratios(ratios: &Amounts, max: &Amounts, min: &Amounts, path: &Path, errors: &mut Errors) {
    let one = Amount::count(1).nanos;
    for (name, ratio) in ratios {
        let path = path.child("maxLimitRequestRatio").key(name);
        if ratio.nanos < one {
            errors.invalid(&path, ratio.to_string(), &format!("ratio {ratio} is less than 1"));
        }
        if let (Some(max), Some(min)) = (max.get(name), min.get(name)) {
            let most = max.nanos as f64 / min.nanos as f64;
            if ratio.nanos as f64 / one as f64 > most {
                errors.invalid(&path, ratio.to_string(), &format!("ratio {ratio} is greater than max/min = {most:.6}"));
            }
        }
    }
}
