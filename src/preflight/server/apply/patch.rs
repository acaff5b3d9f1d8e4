//! A strategic merge patch that makes one object of another (`apimachinery/pkg/util/strategicpatch`).

use serde_json::{Map, Value, json};

use super::keys::{Strategy, Table};

/// Levels to which maps are compared; what differs below is sent whole.
const DEPTH: usize = 64;
/// What a map or list of a patch is to be, other than merged.
const DIRECTIVE: &str = "$patch";

/// The patch from what there is to what there should be; `None` where they are the same. Lists whose elements have keys are
/// sent whole, marked as replacements: what stands in them is what the elements come to.
pub(super) fn between(current: &Value, wanted: &Value, table: Table) -> Option<Value> {
    let (current, wanted) = (current.as_object()?, wanted.as_object()?);
    let patch = map(current, wanted, table, &mut Vec::new());
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn map<'p>(
    current: &'p Map<String, Value>,
    wanted: &'p Map<String, Value>,
    table: Table,
    path: &mut Vec<&'p str>,
) -> Map<String, Value> {
    let mut patch = Map::new();
    for (name, value) in wanted.iter().filter(|(name, value)| current.get(*name) != Some(*value)) {
        path.push(name);
        let strategy = table.strategy(path);
        match (strategy, current.get(name), value) {
            (Strategy::Usual, Some(Value::Object(before)), Value::Object(after)) if path.len() < DEPTH => {
                patch.insert(name.clone(), Value::Object(map(before, after, table, path)));
            }
            (Strategy::Retaining | Strategy::Replaced, _, Value::Object(after)) => {
                let mut whole = after.clone();
                whole.insert(DIRECTIVE.to_owned(), json!("replace"));
                patch.insert(name.clone(), Value::Object(whole));
            }
            (Strategy::ByKey(_) | Strategy::ByKeyRetaining(_), _, Value::Array(after)) => {
                let marked = std::iter::once(json!({ DIRECTIVE: "replace" })).chain(after.iter().cloned());
                patch.insert(name.clone(), marked.collect());
            }
            (Strategy::Set, Some(Value::Array(before)), Value::Array(after)) => set(&mut patch, name, before, after),
            _ => {
                patch.insert(name.clone(), value.clone());
            }
        }
        path.pop();
    }
    let gone = current.keys().filter(|name| !wanted.contains_key(*name));
    patch.extend(gone.map(|name| (name.clone(), Value::Null)));
    patch
}

/// What is new in a set, and what goes.
fn set(patch: &mut Map<String, Value>, name: &str, before: &[Value], after: &[Value]) {
    let without = |list: &[Value], other: &[Value]| -> Vec<Value> {
        list.iter().filter(|value| !other.contains(value)).cloned().collect()
    };
    let (gone, new) = (without(before, after), without(after, before));
    if !gone.is_empty() {
        patch.insert(format!("$deleteFromPrimitiveList/{name}"), Value::Array(gone));
    }
    if !new.is_empty() {
        patch.insert(name.to_owned(), Value::Array(new));
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::admission::kit::resource;
    use super::super::keys;
    use super::*;

    fn patch(kind: (&str, &str), current: &Value, wanted: &Value) -> Option<Value> {
        between(current, wanted, keys::of(&resource(kind.0, kind.1)))
    }

    #[test]
    fn only_what_changes_is_sent() {
        let current = json!({"metadata": {"name": "web", "labels": {"a": "1", "b": "2"}}, "spec": {"replicas": 1, "paused": true}});
        let wanted = json!({"metadata": {"name": "web", "labels": {"a": "1", "b": "3"}}, "spec": {"replicas": 2}});
        assert_eq!(
            patch(("apps/v1", "Deployment"), &current, &wanted),
            Some(json!({"metadata": {"labels": {"b": "3"}}, "spec": {"replicas": 2, "paused": null}}))
        );
        assert_eq!(patch(("apps/v1", "Deployment"), &current, &current), None);
    }

    #[test]
    fn lists_with_keys_are_replaced_and_sets_told_by_what_comes_and_goes() {
        let pod = ("v1", "Pod");
        let with = |containers: Value, finalizers: Value| json!({"metadata": {"finalizers": finalizers}, "spec": {"containers": containers}});
        let current = with(json!([{"name": "a", "image": "i"}, {"name": "b"}]), json!(["x/a", "x/b"]));
        let wanted = with(json!([{"name": "a", "image": "j"}]), json!(["x/b", "x/c"]));
        assert_eq!(
            patch(pod, &current, &wanted),
            Some(json!({
                "metadata": {"finalizers": ["x/c"], "$deleteFromPrimitiveList/finalizers": ["x/a"]},
                "spec": {"containers": [{"$patch": "replace"}, {"name": "a", "image": "j"}]}
            }))
        );
        let strategy = |kind: &str| json!({"spec": {"strategy": {"type": kind}}});
        assert_eq!(
            patch(("apps/v1", "Deployment"), &strategy("RollingUpdate"), &strategy("Recreate")),
            Some(json!({"spec": {"strategy": {"type": "Recreate", "$patch": "replace"}}}))
        );
    }
}
