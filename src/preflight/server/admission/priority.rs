//! `Priority` (`plugin/pkg/admission/priority`).

use serde_json::Value;

use super::super::json::{at, number, set, some_text, text, truth};
use super::{Attributes, Stop};

/// The priority of a new pod comes from its class, or from the class that is the default.
///
/// # Errors
/// Where the class is missing, or the pod says something else.
pub(super) fn admit(cx: &Attributes<'_>, object: &mut Value) -> Result<(), Stop> {
    if !cx.creates("", "Pod") {
        return Ok(());
    }
    let named = some_text(object, "/spec/priorityClassName");
    let class = match named {
        Some(name) => match cx.world.get("PriorityClass", None, name) {
            Some(class) => Some(class),
            None if matches!(name, "system-node-critical" | "system-cluster-critical") => None,
            None if cx.world.read("PriorityClass") => {
                return Err(cx.forbidden(object, &format!("no PriorityClass with name {name} was found")));
            }
            None => {
                return Err(Stop::Unknown(format!(
                    "priority classes could not be read, so whether there is {name} is not known; \
                     `kubectl get priorityclass {name}` tells"
                )));
            }
        },
        None => global_default(cx),
    };
    let system = match named {
        Some("system-node-critical") => 2_000_001_000,
        Some("system-cluster-critical") => 2_000_000_000,
        _ => 0,
    };
    let value = class.map_or(system, |class| number(class, "/value").unwrap_or(0));
    if let Some(given) = number(object, "/spec/priority").filter(|given| *given != value) {
        let error = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {value} from the given PriorityClass name"
        );
        return Err(cx.forbidden(object, &error));
    }
    let policy =
        class.and_then(|class| some_text(class, "/preemptionPolicy")).unwrap_or("PreemptLowerPriority").to_owned();
    if let Some(given) = some_text(object, "/spec/preemptionPolicy").filter(|given| *given != policy) {
        let error = format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller \
             computed {policy} from the given PriorityClass name"
        );
        return Err(cx.forbidden(object, &error));
    }
    let name = class.map(|class| text(class, "/metadata/name").to_owned());
    set(object, &["spec", "priority"], value);
    set(object, &["spec", "preemptionPolicy"], policy);
    if let Some(name) = name {
        set(object, &["spec", "priorityClassName"], name);
    }
    Ok(())
}

/// The class with the lowest value of those that are the default.
fn global_default<'a>(cx: &Attributes<'a>) -> Option<&'a Value> {
    let defaults = cx.world.list("PriorityClass", None).filter(|class| truth(class, "/globalDefault"));
    defaults.min_by_key(|class| number(class, "/value").unwrap_or(0))
}

/// One class at most is the default.
///
/// # Errors
/// Where there is another already.
pub(super) fn validate(cx: &Attributes<'_>, object: &Value) -> Result<(), Stop> {
    if !cx.is("scheduling.k8s.io", "PriorityClass") || !truth(object, "/globalDefault") {
        return Ok(());
    }
    let Some(other) = global_default(cx) else { return Ok(()) };
    let (name, own) = (text(other, "/metadata/name"), at(object, "/metadata/name").and_then(Value::as_str));
    if cx.old.is_some() && own == Some(name) {
        return Ok(());
    }
    let error = format!("PriorityClass {name} is already marked as default. Only one default can exist");
    Err(cx.forbidden(object, &error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    fn class(name: &str, value: i64, default: bool) -> Value {
        json!({"kind": "PriorityClass", "metadata": {"name": name}, "value": value, "globalDefault": default,
            "preemptionPolicy": "Never"})
    }

    #[test]
    fn the_class_decides_and_must_be_there() {
        let pods = resource("v1", "Pod");
        let world = world(&[class("high", 1000, false), class("usual", 10, true)]);
        let cx = creation(&world, &pods);
        let mut pod = json!({"metadata": {"name": "a"}, "spec": {"priorityClassName": "high"}});
        assert_eq!(admit(&cx, &mut pod), Ok(()));
        assert_eq!((&pod["spec"]["priority"], &pod["spec"]["preemptionPolicy"]), (&json!(1000), &json!("Never")));
        let mut pod = json!({"metadata": {"name": "a"}, "spec": {}});
        assert_eq!(admit(&cx, &mut pod), Ok(()));
        assert_eq!((&pod["spec"]["priority"], &pod["spec"]["priorityClassName"]), (&json!(10), &json!("usual")));
        let mut pod = json!({"metadata": {"generateName": "a-"}, "spec": {"priorityClassName": "platinum"}});
        assert_eq!(
            refusal(admit(&cx, &mut pod)),
            "pods \"a-\" is forbidden: no PriorityClass with name platinum was found"
        );
        let mut pod = json!({"metadata": {"name": "a"}, "spec": {"priorityClassName": "high", "priority": 5}});
        assert_eq!(
            refusal(admit(&cx, &mut pod)),
            "pods \"a\" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission \
             controller computed 1000 from the given PriorityClass name"
        );
    }

    #[test]
    fn there_is_one_default_at_most() {
        let classes = resource("scheduling.k8s.io/v1", "PriorityClass");
        let world = world(&[class("usual", 10, true)]);
        assert_eq!(
            refusal(validate(&creation(&world, &classes), &class("other", 1, true))),
            "priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass usual is already marked as default. \
             Only one default can exist"
        );
    }
}
