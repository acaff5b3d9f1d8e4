//! From what is sent to what the server works with: nulls are dropped, and amounts have the server's form.

use serde_json::Value;

use super::amount::{Amount, FORMAT_WRONG};
use super::json::{at, list_mut, without_nulls};
use super::kinds::Resource;

/// Fields whose values are lists of resources, wherever they stand.
const LISTS: &[&str] =
    &["requests", "limits", "capacity", "hard", "used", "overhead", "podFixed", "allocatedResources"];

/// Decodes an object of a built-in kind.
///
/// # Errors
/// `Status.message` of what can't be decoded.
pub(crate) fn decode(resource: &Resource, object: &mut Value) -> Result<(), String> {
    without_nulls(object);
    let (kind, version) = (&resource.kind, &resource.version);
    canonical(resource, object)
        .map_err(|()| format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {FORMAT_WRONG}"))
}

fn canonical(resource: &Resource, object: &mut Value) -> Result<(), ()> {
    match resource.kind.as_str() {
        "LimitRange" => {
            for item in list_mut(object, "/spec/limits") {
                for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
                    amounts(item.get_mut(field))?;
                }
            }
            Ok(())
        }
        "ConfigMap" | "Secret" | "CustomResourceDefinition" => Ok(()),
        _ => walk(object, 0),
    }
}

/// Levels below which no amount stands in any kind.
const DEPTH: usize = 24;

fn walk(value: &mut Value, depth: usize) -> Result<(), ()> {
    if depth > DEPTH {
        return Ok(());
    }
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let of_class = name == "overhead" && field.get("podFixed").is_some();
                if LISTS.contains(&name.as_str()) && field.is_object() && !of_class {
                    amounts(Some(field))?;
                } else if name == "sizeLimit" {
                    one(field)?;
                } else if !matches!(
                    name.as_str(),
                    "annotations" | "labels" | "matchLabels" | "nodeSelector" | "parameters"
                ) {
                    walk(field, depth + 1)?;
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| walk(item, depth + 1)),
        _ => Ok(()),
    }
}

fn amounts(list: Option<&mut Value>) -> Result<(), ()> {
    list.and_then(Value::as_object_mut).map_or(Ok(()), |list| list.values_mut().try_for_each(one))
}

fn one(value: &mut Value) -> Result<(), ()> {
    if at(value, "").is_some() {
        *value = Amount::of(value).ok_or(())?.to_string().into();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::admission::kit::resource;
    use super::*;

    #[test]
    fn amounts_get_the_servers_form_and_nulls_go() {
        let pods = resource("v1", "Pod");
        let mut pod = json!({"metadata": {"labels": null, "annotations": {"requests": "x"}}, "spec": {"containers": [{"resources": {"requests": {"cpu": 0.5,
            "memory": "1024Mi"}}}], "volumes": [{"emptyDir": {"sizeLimit": "1000Mi"}}]}});
        assert_eq!(decode(&pods, &mut pod), Ok(()));
        assert_eq!(
            pod,
            json!({"metadata": {"annotations": {"requests": "x"}}, "spec": {"containers": [{"resources": {"requests": {"cpu": "500m",
            "memory": "1Gi"}}}], "volumes": [{"emptyDir": {"sizeLimit": "1000Mi"}}]}})
        );
        let mut pod = json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "one"}}}]}});
        assert_eq!(
            decode(&pods, &mut pod),
            Err("Pod in version \"v1\" cannot be handled as a Pod: quantities must match the regular expression \
                 '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                .to_owned())
        );
    }
}
