//! `LimitRanger` (`plugin/pkg/admission/limitranger`).

use serde_json::Value;

use super::super::amount::Amount;
use super::super::field::aggregate;
use super::super::json::{at, default, entries, list, list_mut, set, text};
use super::super::pod::{Amounts, amounts, limits, requests};
use super::{Attributes, Stop, deleting};
use crate::model::quantity::milli_value;

/// Amounts up to this are compared in thousandths (`resource.MaxMilliValue`).
const MAX_MILLI_VALUE: i64 = i64::MAX / 1000;

/// Fills in the defaults of the containers of a new pod.
pub(super) fn admit(cx: &Attributes<'_>, object: &mut Value) {
    if !cx.creates("", "Pod") {
        return;
    }
    let mut set_here = Vec::new();
    for range in cx.world.list("LimitRange", Some(cx.namespace)) {
        let (mut of_limits, mut of_requests) = (Vec::new(), Vec::new());
        for item in list(range, "/spec/limits").iter().filter(|item| text(item, "/type") == "Container") {
            of_requests.extend(entries(item, "/defaultRequest"));
            of_limits.extend(entries(item, "/default"));
        }
        for (containers, what) in [("/spec/containers", "container"), ("/spec/initContainers", "init container")] {
            for container in list_mut(object, containers) {
                let name = text(container, "/name").to_owned();
                for (kind, field, defaults) in [("request", "requests", &of_requests), ("limit", "limits", &of_limits)]
                {
                    let filled = fill(container, field, defaults);
                    if !filled.is_empty() {
                        set_here.push(format!("{} {kind} for {what} {name}", filled.join(", ")));
                    }
                }
            }
        }
    }
    if !set_here.is_empty() {
        let note = format!("LimitRanger plugin set: {}", set_here.join("; "));
        set(object, &["metadata", "annotations", "kubernetes.io/limit-ranger"], note);
    }
}

/// Fills in what a container doesn't say, and tells what that was.
fn fill(container: &mut Value, field: &str, defaults: &[(&str, &Value)]) -> Vec<String> {
    let mut latest = std::collections::BTreeMap::new();
    latest.extend(defaults.iter().copied());
    let missing = |name: &&str| at(container, "/resources").and_then(|own| own.get(field)?.get(*name)).is_none();
    let names: Vec<&str> = latest.keys().copied().filter(missing).collect();
    for name in &names {
        if let Some(value) = latest.get(name) {
            default(container, &["resources", field, name], (*value).clone());
        }
    }
    names.into_iter().map(str::to_owned).collect()
}

/// Holds pods and claims to the bounds of the namespace.
///
/// # Errors
/// What is out of bounds.
pub(super) fn validate(cx: &Attributes<'_>, object: &Value) -> Result<(), Stop> {
    let (pods, claims) = (cx.creates("", "Pod"), cx.is("", "PersistentVolumeClaim"));
    if !pods && !claims || cx.old.is_some_and(deleting) {
        return Ok(());
    }
    if !cx.world.read("LimitRange") {
        return Ok(());
    }
    for range in cx.world.list("LimitRange", Some(cx.namespace)) {
        let mut errors = Vec::new();
        for item in list(range, "/spec/limits") {
            if pods {
                pod(item, object, &mut errors);
            } else if text(item, "/type") == "PersistentVolumeClaim" {
                claim(item, object, &mut errors);
            }
        }
        if let Some(error) = aggregate(&errors) {
            return Err(cx.forbidden(object, &error));
        }
    }
    Ok(())
}

fn claim(item: &Value, claim: &Value, errors: &mut Vec<String>) {
    let asked = Asked {
        kind: "PersistentVolumeClaim",
        requests: amounts(claim, "/spec/resources/requests"),
        limits: Amounts::new(),
    };
    errors.extend(amounts(item, "/min").iter().filter_map(|(name, bound)| asked.below(name, *bound)));
    errors.extend(amounts(item, "/max").iter().filter_map(|(name, bound)| asked.request_above(name, *bound)));
}

fn pod(item: &Value, pod: &Value, errors: &mut Vec<String>) {
    match text(item, "/type") {
        "Container" => {
            let containers = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
            for container in containers {
                let (requests, limits) =
                    (amounts(container, "/resources/requests"), amounts(container, "/resources/limits"));
                Asked { kind: "Container", requests, limits }.check(item, errors);
            }
        }
        "Pod" => Asked { kind: "Pod", requests: requests(pod, false), limits: limits(pod, false) }.check(item, errors),
        _ => {}
    }
}

/// What is held to bounds.
struct Asked {
    kind: &'static str,
    requests: Amounts,
    limits: Amounts,
}

impl Asked {
    fn check(&self, item: &Value, errors: &mut Vec<String>) {
        errors.extend(amounts(item, "/min").iter().filter_map(|(name, bound)| self.below(name, *bound)));
        errors.extend(amounts(item, "/max").iter().filter_map(|(name, bound)| self.above(name, *bound)));
        let ratios = amounts(item, "/maxLimitRequestRatio");
        errors.extend(ratios.iter().filter_map(|(name, bound)| self.apart(name, *bound)));
    }

    /// `minConstraint`
    fn below(&self, name: &str, bound: Amount) -> Option<String> {
        let told = format!("minimum {name} usage per {} is {bound}", self.kind);
        let Some(request) = self.requests.get(name) else { return Some(format!("{told}.  No request is specified")) };
        let limit = self.limits.get(name);
        let [asked, limited, least] = comparable([Some(*request), limit.copied(), Some(bound)]);
        if asked < least {
            return Some(format!("{told}, but request is {request}"));
        }
        limit.filter(|_| limited < least).map(|limit| format!("{told}, but limit is {limit}"))
    }

    /// `maxConstraint`
    fn above(&self, name: &str, bound: Amount) -> Option<String> {
        let told = format!("maximum {name} usage per {} is {bound}", self.kind);
        let Some(limit) = self.limits.get(name) else { return Some(format!("{told}.  No limit is specified")) };
        let request = self.requests.get(name);
        let [asked, limited, most] = comparable([request.copied(), Some(*limit), Some(bound)]);
        if limited > most {
            return Some(format!("{told}, but limit is {limit}"));
        }
        request.filter(|_| asked > most).map(|request| format!("{told}, but request is {request}"))
    }

    /// `maxRequestConstraint`
    fn request_above(&self, name: &str, bound: Amount) -> Option<String> {
        let told = format!("maximum {name} usage per {} is {bound}", self.kind);
        let Some(request) = self.requests.get(name) else { return Some(format!("{told}.  No request is specified")) };
        let [asked, _, most] = comparable([Some(*request), None, Some(bound)]);
        (asked > most).then(|| format!("{told}, but request is {request}"))
    }

    /// `limitRequestRatioConstraint`
    fn apart(&self, name: &str, bound: Amount) -> Option<String> {
        let told = format!("{name} max limit to request ratio per {} is {bound}", self.kind);
        let (request, limit) = (self.requests.get(name).copied(), self.limits.get(name).copied());
        let [asked, limited, _] = comparable([request, limit, Some(bound)]);
        if asked == 0 {
            return Some(format!("{told}, but no request is specified or request is 0"));
        }
        if limited == 0 {
            return Some(format!("{told}, but no limit is specified or limit is 0"));
        }
        let ratio = limited as f64 / asked as f64;
        let most = milli_value(bound.nanos) as f64;
        (ratio * 1000.0 > most).then(|| format!("{told}, but provided ratio is {ratio:.6}"))
    }
}

/// `requestLimitEnforcedValues`: in thousandths where all of them are small enough.
fn comparable(amounts: [Option<Amount>; 3]) -> [i64; 3] {
    let values = amounts.map(|amount| amount.map_or(0, Amount::value));
    if values.iter().all(|value| *value <= MAX_MILLI_VALUE) {
        return amounts.map(|amount| amount.map_or(0, |amount| milli_value(amount.nanos)));
    }
    values
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    fn range(limits: Value) -> Value {
        json!({"kind": "LimitRange", "metadata": {"name": "bounds", "namespace": "app"}, "spec": {"limits": limits}})
    }

    fn check(limits: Value, resources: Value) -> Result<(), Stop> {
        let world = world(&[range(limits)]);
        let pods = resource("v1", "Pod");
        let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "resources": resources}]}});
        validate(&creation(&world, &pods), &pod)
    }

    #[test]
    fn bounds_have_the_servers_words() {
        for (limits, resources, error) in [
            (
                json!([{"type": "Container", "max": {"cpu": "400m"}}]),
                json!({"limits": {"cpu": "1000m"}}),
                "maximum cpu usage per Container is 400m, but limit is 1",
            ),
            (
                json!([{"type": "Container", "max": {"cpu": "400m"}}]),
                json!({}),
                "maximum cpu usage per Container is 400m.  No limit is specified",
            ),
            (
                json!([{"type": "Pod", "min": {"memory": "1Gi"}}]),
                json!({"requests": {"memory": "512Mi"}}),
                "minimum memory usage per Pod is 1Gi, but request is 512Mi",
            ),
            (
                json!([{"type": "Pod", "min": {"memory": "1Gi"}}]),
                json!({}),
                "minimum memory usage per Pod is 1Gi.  No request is specified",
            ),
            (
                json!([{"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}]),
                json!({"limits": {"cpu": "1"}, "requests": {"cpu": "300m"}}),
                "cpu max limit to request ratio per Container is 2, but provided ratio is 3.333333",
            ),
            (
                json!([{"type": "Container", "max": {"cpu": "1"}, "min": {"memory": "2Gi"}}]),
                json!({"limits": {"cpu": "2"}, "requests": {"memory": "1Gi"}}),
                "[minimum memory usage per Container is 2Gi, but request is 1Gi, maximum cpu usage per Container is 1, but limit is 2]",
            ),
        ] {
            assert_eq!(refusal(check(limits, resources)), format!("pods \"a\" is forbidden: {error}"));
        }
        let fits = json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "400m"}});
        assert_eq!(check(json!([{"type": "Container", "max": {"cpu": "400m"}}]), fits), Ok(()));
    }

    #[test]
    fn claims_are_held_to_their_size() {
        let world = world(&[range(json!([{"type": "PersistentVolumeClaim", "max": {"storage": "20Gi"}}]))]);
        let claims = resource("v1", "PersistentVolumeClaim");
        let claim = json!({"metadata": {"name": "data-0"}, "spec": {"resources": {"requests": {"storage": "30Gi"}}}});
        assert_eq!(
            refusal(validate(&creation(&world, &claims), &claim)),
            "persistentvolumeclaims \"data-0\" is forbidden: maximum storage usage per PersistentVolumeClaim is 20Gi, but request is 30Gi"
        );
    }

    #[test]
    fn defaults_are_filled_in_and_noted() {
        let world = world(&[range(
            json!([{"type": "Container", "default": {"cpu": "200m"}, "defaultRequest": {"cpu": "100m", "memory": "64Mi"}}]),
        )]);
        let pods = resource("v1", "Pod");
        let mut pod = json!({"metadata": {}, "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "500m"}}}]}});
        admit(&creation(&world, &pods), &mut pod);
        assert_eq!(
            pod["spec"]["containers"][0]["resources"],
            json!({"requests": {"cpu": "500m", "memory": "64Mi"}, "limits": {"cpu": "200m"}})
        );
        assert_eq!(
            pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
            "LimitRanger plugin set: memory request for container c; cpu limit for container c"
        );
    }
}
