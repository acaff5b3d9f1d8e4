//! `ResourceQuota` (`apiserver/pkg/admission/plugin/resourcequota/controller.go`): what objects take of quotas, and whether
//! there is room for it.

use serde_json::Value;

use super::super::super::world::{Key, World};
use super::super::amount::Amount;
use super::super::json::{list, number, set, text, texts};
use super::super::kinds::Resource;
use super::super::pod::{Amounts, amounts};
use super::super::scope::matches_scope;
use super::super::usage::{missing, names_counted, usage};
use super::{Attributes, Stop};

/// A quota must have room for what an object takes.
///
/// # Errors
/// Where one has none, or its usage isn't known.
pub(crate) fn validate(cx: &Attributes<'_>, object: &Value) -> Result<(), Stop> {
    if cx.namespace.is_empty() || !counts_updates(cx, object) {
        return Ok(());
    }
    if !cx.world.read("ResourceQuota") {
        return Ok(());
    }
    let (taken, before) = (usage(cx.resource, object), cx.old.map(|old| usage(cx.resource, old)));
    for quota in cx.world.list("ResourceQuota", Some(cx.namespace)) {
        if !matches(cx.resource, quota, object) {
            continue;
        }
        let name = text(quota, "/metadata/name");
        let hard = amounts(quota, "/status/hard");
        let restricted = names_counted(cx.resource, hard.keys().map(String::as_str));
        if let Some(error) = missing(cx.resource, &restricted, object) {
            if !cx.world.read("LimitRange") {
                return Err(Stop::Unknown(format!(
                    "quota {name} asks for what a limit range may fill in ({error}), and limit ranges could not be read; \
                     `kubectl get limitranges -n {}` tells",
                    cx.namespace
                )));
            }
            return Err(cx.forbidden(object, &format!("failed quota: {name}: {error}")));
        }
        let used = amounts(quota, "/status/used");
        if restricted.iter().any(|resource| !used.contains_key(*resource)) {
            let error = format!("status unknown for quota: {name}, resources: {}", restricted.join(","));
            return Err(cx.forbidden(object, &error));
        }
        let same = cx.old.is_some_and(|old| matches(cx.resource, quota, old));
        let delta = if same { grown(&taken, before.as_ref()) } else { taken.clone() };
        if let Some(error) = exceeded(name, &delta, &used, &hard) {
            return Err(cx.forbidden(object, &error));
        }
    }
    Ok(())
}

/// Updates count only for claims and services, and for pods that begin or cease to have a deadline.
fn counts_updates(cx: &Attributes<'_>, object: &Value) -> bool {
    let Some(old) = cx.old else { return true };
    let bounded = |pod: &Value| number(pod, "/spec/activeDeadlineSeconds").is_some_and(|seconds| seconds >= 0);
    cx.is("", "PersistentVolumeClaim") || cx.is("", "Service") || cx.is("", "Pod") && bounded(old) != bounded(object)
}

/// What an update adds to what an object takes.
fn grown(taken: &Amounts, before: Option<&Amounts>) -> Amounts {
    let less = |name: &str, amount: Amount| {
        let before = before.and_then(|before| before.get(name)).copied().unwrap_or(Amount::ZERO);
        let rest = amount.minus(before);
        if rest.nanos < 0 { Amount::ZERO } else { rest }
    };
    taken.iter().map(|(name, amount)| (name.clone(), less(name, *amount))).collect()
}

fn exceeded(name: &str, delta: &Amounts, used: &Amounts, hard: &Amounts) -> Option<String> {
    let over = |resource: &&String| {
        let (Some(more), Some(most)) = (delta.get(*resource), hard.get(*resource)) else { return false };
        let now = used.get(*resource).copied().unwrap_or(Amount::ZERO);
        more.nanos != 0 && now.plus(*more).nanos > most.nanos
    };
    let over: Vec<&String> = delta.keys().filter(over).collect();
    if over.is_empty() {
        return None;
    }
    let shown = |amounts: &Amounts| {
        let shown = over.iter().filter_map(|name| Some(format!("{name}={}", amounts.get(*name)?)));
        shown.collect::<Vec<_>>().join(",")
    };
    Some(format!(
        "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
        shown(delta),
        shown(used),
        shown(hard)
    ))
}

/// Whether a quota is about an object: it counts something of its kind, and all of its scopes hold.
fn matches(resource: &Resource, quota: &Value, object: &Value) -> bool {
    let hard = amounts(quota, "/status/hard");
    !names_counted(resource, hard.keys().map(String::as_str)).is_empty() && in_scope(resource, quota, object)
}

fn in_scope(resource: &Resource, quota: &Value, object: &Value) -> bool {
    texts(quota, "/spec/scopes").into_iter().all(|scope| matches_scope(resource, object, scope, "Exists", &[]))
        && list(quota, "/spec/scopeSelector/matchExpressions").iter().all(|selector| {
            let (scope, operator) = (text(selector, "/scopeName"), text(selector, "/operator"));
            matches_scope(resource, object, scope, operator, &texts(selector, "/values"))
        })
}

/// Adds what an object takes to the usage of the quotas of its namespace, or takes it away.
pub(crate) fn charge(world: &mut World, resource: &Resource, object: &Value, sign: i64) {
    let namespace = text(object, "/metadata/namespace").to_owned();
    let taken = usage(resource, object);
    let quotas: Vec<Value> = world.list("ResourceQuota", Some(&namespace)).cloned().collect();
    for mut quota in quotas {
        if !matches(resource, &quota, object) {
            continue;
        }
        add(&mut quota, &taken, sign);
        let name = text(&quota, "/metadata/name").to_owned();
        world.put(Key { kind: "ResourceQuota".to_owned(), namespace: Some(namespace.clone()), name }, quota);
    }
}

fn add(quota: &mut Value, taken: &Amounts, sign: i64) {
    let (hard, used) = (amounts(quota, "/status/hard"), amounts(quota, "/status/used"));
    for (name, amount) in taken.iter().filter(|(name, _)| hard.contains_key(*name)) {
        let now = used.get(name).copied().unwrap_or(Amount::ZERO);
        let then = if sign < 0 { now.minus(*amount) } else { now.plus(*amount) };
        let then = if then.nanos < 0 { Amount::ZERO } else { then };
        set(quota, &["status", "used", name], then.to_string());
    }
}

/// Makes a quota's status what its spec asks for, as the quota controller does: limits as they are set, and usage counted
/// over objects of its namespace.
pub(crate) fn count<'o>(quota: &mut Value, objects: impl Iterator<Item = (&'o Resource, &'o Value)>) {
    let hard = amounts(quota, "/spec/hard");
    set(quota, &["status"], serde_json::json!({}));
    for (name, amount) in &hard {
        set(quota, &["status", "hard", name], amount.to_string());
        set(quota, &["status", "used", name], "0");
    }
    for (resource, object) in objects {
        if matches(resource, quota, object) {
            add(quota, &usage(resource, object), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    fn quota(spec: Value, hard: Value, used: Value) -> Value {
        json!({"kind": "ResourceQuota", "metadata": {"name": "tight", "namespace": "app"}, "spec": spec,
            "status": {"hard": hard, "used": used}})
    }

    fn pod(resources: Value) -> Value {
        json!({"metadata": {"name": "a", "namespace": "app"}, "spec": {"containers": [{"name": "c", "resources": resources}]}})
    }

    fn check(quota: Value, pod: &Value) -> Result<(), Stop> {
        validate(&creation(&world(&[quota]), &resource("v1", "Pod")), pod)
    }

    #[test]
    fn what_goes_over_a_quota_is_told_with_what_is_left() {
        let tight =
            quota(json!({}), json!({"limits.cpu": "2500m", "pods": "5"}), json!({"limits.cpu": "2", "pods": "1"}));
        let object = pod(json!({"limits": {"cpu": "1250m"}}));
        assert_eq!(
            refusal(check(tight.clone(), &object)),
            "pods \"a\" is forbidden: exceeded quota: tight, requested: limits.cpu=1250m, used: limits.cpu=2, limited: limits.cpu=2500m"
        );
        assert_eq!(check(tight.clone(), &pod(json!({"limits": {"cpu": "500m"}}))), Ok(()));
        assert_eq!(
            refusal(check(tight, &pod(json!({})))),
            "pods \"a\" is forbidden: failed quota: tight: must specify limits.cpu for: c"
        );
        let unknown = quota(json!({}), json!({"pods": "5"}), json!({}));
        assert_eq!(
            refusal(check(unknown, &object)),
            "pods \"a\" is forbidden: status unknown for quota: tight, resources: pods"
        );
    }

    #[test]
    fn scopes_leave_pods_out() {
        let full = |spec: Value| quota(spec, json!({"pods": "1"}), json!({"pods": "1"}));
        let burst = pod(json!({"requests": {"cpu": "1"}}));
        assert!(check(full(json!({"scopes": ["NotBestEffort"]})), &burst).is_err());
        assert_eq!(check(full(json!({"scopes": ["BestEffort"]})), &burst), Ok(()));
        assert_eq!(check(full(json!({"scopes": ["Terminating"]})), &burst), Ok(()));
        let high = |operator: &str| {
            full(json!({"scopeSelector": {"matchExpressions": [
                {"scopeName": "PriorityClass", "operator": operator, "values": ["high"]}]}}))
        };
        let mut important = burst.clone();
        important["spec"]["priorityClassName"] = "high".into();
        assert!(check(high("In"), &important).is_err());
        assert_eq!(check(high("In"), &burst), Ok(()));
        assert_eq!(check(high("NotIn"), &important), Ok(()));
        assert!(check(high("NotIn"), &burst).is_err(), "a pod without class is not in it");
    }

    #[test]
    fn claims_count_by_class_as_well() {
        let claims = resource("v1", "PersistentVolumeClaim");
        let claim = json!({"metadata": {"name": "disk", "namespace": "app"},
            "spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "8Gi"}}}});
        let key = "gold.storageclass.storage.k8s.io/requests.storage";
        let mut world = world(&[quota(
            json!({}),
            json!({key: "10Gi", "persistentvolumeclaims": "3"}),
            json!({key: "0", "persistentvolumeclaims": "0"}),
        )]);
        assert_eq!(validate(&creation(&world, &claims), &claim), Ok(()));
        charge(&mut world, &claims, &claim, 1);
        assert_eq!(
            refusal(validate(&creation(&world, &claims), &claim)),
            format!(
                "persistentvolumeclaims \"disk\" is forbidden: exceeded quota: tight, requested: {key}=8Gi, used: {key}=8Gi, limited: {key}=10Gi"
            )
        );
        charge(&mut world, &claims, &claim, -1);
        assert_eq!(validate(&creation(&world, &claims), &claim), Ok(()));
    }

    #[test]
    fn any_kind_can_be_counted() {
        let sets = resource("apps/v1", "StatefulSet");
        let key = "count/statefulsets.apps";
        let world = world(&[quota(json!({}), json!({key: "1"}), json!({key: "1"}))]);
        let set = json!({"metadata": {"name": "two", "namespace": "app"}});
        assert_eq!(
            refusal(validate(&creation(&world, &sets), &set)),
            format!(
                "statefulsets.apps \"two\" is forbidden: exceeded quota: tight, requested: {key}=1, used: {key}=1, limited: {key}=1"
            )
        );
    }
}
