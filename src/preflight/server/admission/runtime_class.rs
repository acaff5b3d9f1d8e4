//! `RuntimeClass` (`plugin/pkg/admission/runtimeclass`).

use serde_json::Value;

use super::super::field::quote;
use super::super::json::{at, default, empty, entries, list, set, slot, some_text, text};
use super::super::pod::amounts;
use super::{Attributes, Stop};

/// A new pod gets the overhead, nodes and tolerations of its runtime.
///
/// # Errors
/// Where the class is missing, or the pod says something else.
pub(super) fn admit(cx: &Attributes<'_>, object: &mut Value) -> Result<(), Stop> {
    let Some(class) = class(cx, object)? else { return Ok(()) };
    if let Some(overhead) = at(class, "/overhead/podFixed") {
        if !empty(object, "/spec/overhead") && amounts(object, "/spec/overhead") != amounts(class, "/overhead/podFixed")
        {
            return Err(
                cx.forbidden(object, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
            );
        }
        set(object, &["spec", "overhead"], overhead.clone());
    }
    for (key, value) in entries(class, "/scheduling/nodeSelector") {
        let (wanted, own) = (value.as_str().unwrap_or_default(), at(object, "/spec/nodeSelector"));
        if let Some(own) = own.and_then(|own| own.get(key)).and_then(Value::as_str).filter(|own| *own != wanted) {
            let error = format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {wanted}; pod.spec.nodeSelector[{key}] = {own}"
            );
            return Err(cx.forbidden(object, &error));
        }
        default(object, &["spec", "nodeSelector", key], value.clone());
    }
    for toleration in list(class, "/scheduling/tolerations") {
        if let Some(tolerations) = slot(object, &["spec", "tolerations"]) {
            match tolerations.as_array_mut() {
                Some(known) if known.contains(toleration) => {}
                Some(known) => known.push(toleration.clone()),
                None => *tolerations = Value::Array(vec![toleration.clone()]),
            }
        }
    }
    Ok(())
}

/// The overhead of a new pod is that of its runtime.
///
/// # Errors
/// Where it isn't.
pub(super) fn validate(cx: &Attributes<'_>, object: &Value) -> Result<(), Stop> {
    if !cx.creates("", "Pod") {
        return Ok(());
    }
    let class = class(cx, object)?;
    match class.filter(|class| at(class, "/overhead").is_some()) {
        Some(class) if amounts(object, "/spec/overhead") == amounts(class, "/overhead/podFixed") => Ok(()),
        Some(_) => {
            Err(cx.forbidden(object, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"))
        }
        None if at(object, "/spec/overhead").is_none() => Ok(()),
        None => Err(
            cx.forbidden(object, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
        ),
    }
}

fn class<'a>(cx: &Attributes<'a>, object: &Value) -> Result<Option<&'a Value>, Stop> {
    let Some(name) = some_text(object, "/spec/runtimeClassName").filter(|_| cx.creates("", "Pod")) else {
        return Ok(None);
    };
    match cx.world.get("RuntimeClass", None, name) {
        Some(class) => Ok(Some(class)),
        None if cx.world.read("RuntimeClass") => Err(cx.forbidden(
            object,
            &format!("pod rejected: RuntimeClass {} not found", quote(text(object, "/spec/runtimeClassName"))),
        )),
        None => Err(Stop::Unknown(format!(
            "runtime classes could not be read, so whether there is {name} is not known; `kubectl get runtimeclass {name}` tells"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    #[test]
    fn a_pod_gets_what_its_runtime_needs() {
        let world = world(&[
            json!({"kind": "RuntimeClass", "metadata": {"name": "kata"}, "overhead": {"podFixed": {"cpu": "250m"}},
            "scheduling": {"nodeSelector": {"kata": "yes"}, "tolerations": [{"key": "kata", "operator": "Exists"}]}}),
        ]);
        let pods = resource("v1", "Pod");
        let cx = creation(&world, &pods);
        let mut pod = json!({"metadata": {"name": "a"}, "spec": {"runtimeClassName": "kata"}});
        assert_eq!(admit(&cx, &mut pod), Ok(()));
        assert_eq!(pod["spec"]["overhead"], json!({"cpu": "250m"}));
        assert_eq!(pod["spec"]["nodeSelector"], json!({"kata": "yes"}));
        assert_eq!(pod["spec"]["tolerations"], json!([{"key": "kata", "operator": "Exists"}]));
        assert_eq!(validate(&cx, &pod), Ok(()));
        let mut pod =
            json!({"metadata": {"name": "a"}, "spec": {"runtimeClassName": "kata", "nodeSelector": {"kata": "no"}}});
        assert_eq!(
            refusal(admit(&cx, &mut pod)),
            "pods \"a\" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[kata] = yes; pod.spec.nodeSelector[kata] = no"
        );
        let mut pod = json!({"metadata": {"name": "a"}, "spec": {"runtimeClassName": "none"}});
        assert_eq!(
            refusal(admit(&cx, &mut pod)),
            "pods \"a\" is forbidden: pod rejected: RuntimeClass \"none\" not found"
        );
        let pod = json!({"metadata": {"name": "a"}, "spec": {"overhead": {"cpu": "1"}}});
        assert_eq!(
            refusal(validate(&cx, &pod)),
            "pods \"a\" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
        );
    }
}
