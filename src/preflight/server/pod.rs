//! What a pod asks for, summed over its containers (`component-helpers/resource/helpers.go`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::amount::Amount;
use super::json::{at, entries, list, text};

/// Amounts by resource.
pub(crate) type Amounts = BTreeMap<String, Amount>;

/// The amounts in a list of resources at a pointer. What is no amount is left out: it was refused before.
pub(crate) fn amounts(value: &Value, pointer: &str) -> Amounts {
    entries(value, pointer).filter_map(|(name, value)| Some((name.to_owned(), Amount::of(value)?))).collect()
}

/// What a pod asks for. The overhead is what the server adds for the pod's runtime.
pub(crate) fn requests(pod: &Value, with_overhead: bool) -> Amounts {
    let mut total = containers(pod, "/resources/requests");
    own(pod, "/spec/resources/requests", &mut total);
    if with_overhead {
        add(&mut total, &amounts(pod, "/spec/overhead"));
    }
    total
}

/// What a pod is limited to. Overhead counts only where there is a limit.
pub(crate) fn limits(pod: &Value, with_overhead: bool) -> Amounts {
    let mut total = containers(pod, "/resources/limits");
    own(pod, "/spec/resources/limits", &mut total);
    if with_overhead {
        for (name, amount) in amounts(pod, "/spec/overhead") {
            if let Some(limit) = total.get_mut(&name).filter(|limit| limit.nanos != 0) {
                *limit = limit.plus(amount);
            }
        }
    }
    total
}

/// What the pod itself says goes before what its containers say.
fn own(pod: &Value, pointer: &str, total: &mut Amounts) {
    let own = amounts(pod, pointer).into_iter();
    total.extend(own.filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-")));
}

/// The containers together, or the largest step of the initialisation where that is more.
fn containers(pod: &Value, pointer: &str) -> Amounts {
    let mut total = Amounts::new();
    for container in list(pod, "/spec/containers") {
        add(&mut total, &amounts(container, pointer));
    }
    let (mut sidecars, mut steps) = (Amounts::new(), Amounts::new());
    for container in list(pod, "/spec/initContainers") {
        let asked = amounts(container, pointer);
        let step = if text(container, "/restartPolicy") == "Always" {
            add(&mut total, &asked);
            add(&mut sidecars, &asked);
            sidecars.clone()
        } else {
            let mut step = asked;
            add(&mut step, &sidecars);
            step
        };
        largest(&mut steps, &step);
    }
    largest(&mut total, &steps);
    total
}

fn add(total: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = total.get(name).map_or(*amount, |sum| sum.plus(*amount));
        total.insert(name.clone(), sum);
    }
}

fn largest(total: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        let most = total.get(name).map_or(*amount, |most| most.max(*amount));
        total.insert(name.clone(), most);
    }
}

/// The quality of service of a pod (`pkg/apis/core/v1/helper/qos`, ComputePodQOS).
pub(crate) fn quality(pod: &Value) -> &'static str {
    let counts = |name: &str, amount: &Amount| matches!(name, "cpu" | "memory") && amount.nanos > 0;
    let (mut asked, mut limited) = (Amounts::new(), Amounts::new());
    let mut guaranteed = true;
    let own = at(pod, "/spec/resources").filter(|own| own.as_object().is_some_and(|own| !own.is_empty()));
    let holders: Vec<&Value> = match own {
        Some(_) => Vec::new(),
        None => list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers")).collect(),
    };
    let mut take = |requests: Amounts, limits: Amounts| {
        add(&mut asked, &requests.into_iter().filter(|(name, amount)| counts(name, amount)).collect());
        let limits: Amounts = limits.into_iter().filter(|(name, amount)| counts(name, amount)).collect();
        guaranteed &= limits.len() == 2;
        add(&mut limited, &limits);
    };
    match own {
        Some(_) => take(amounts(pod, "/spec/resources/requests"), amounts(pod, "/spec/resources/limits")),
        None => holders
            .into_iter()
            .for_each(|holder| take(amounts(holder, "/resources/requests"), amounts(holder, "/resources/limits"))),
    }
    if asked.is_empty() && limited.is_empty() {
        "BestEffort"
    } else if guaranteed && asked == limited {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(amounts: &Amounts) -> Vec<String> {
        amounts.iter().map(|(name, amount)| format!("{name}={amount}")).collect()
    }

    #[test]
    fn the_largest_step_and_the_sidecars_count() {
        let pod = json!({"spec": {"overhead": {"cpu": "50m"}, "containers": [{"resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}}}],
            "initContainers": [{"restartPolicy": "Always", "resources": {"requests": {"cpu": "200m"}}},
                {"resources": {"requests": {"cpu": "300m", "memory": "1Gi"}}}]}});
        assert_eq!(shown(&requests(&pod, true)), ["cpu=550m", "memory=1Gi"]);
        assert_eq!(shown(&limits(&pod, true)), ["memory=1Gi"]);
    }

    #[test]
    fn quality_of_service_depends_on_cpu_and_memory() {
        let pod = |resources: Value| json!({"spec": {"containers": [{"resources": resources}]}});
        assert_eq!(quality(&pod(json!({}))), "BestEffort");
        assert_eq!(quality(&pod(json!({"requests": {"example.com/gpu": "1"}}))), "BestEffort");
        assert_eq!(quality(&pod(json!({"requests": {"cpu": "1"}}))), "Burstable");
        let both = json!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(quality(&pod(json!({"requests": both, "limits": both}))), "Guaranteed");
    }
}
