//! The three-way merge of `kubectl apply` (`apimachinery/pkg/util/strategicpatch`, CreateThreeWayMergePatch and what the
//! server makes of the patch): what is applied goes over what there is, and what was applied before and isn't any more goes.

use serde_json::{Map, Value};

use super::keys::{Strategy, Table};

/// Levels to which maps and lists are merged.
const DEPTH: usize = 64;

/// Merges what is applied into what there is. `original` is what was applied before.
pub(super) fn merge(original: &Value, modified: &Value, current: &Value, table: Table) -> Value {
    Merge { table, path: Vec::new() }.value(original, modified, current)
}

struct Merge<'m> {
    table: Table,
    path: Vec<&'m str>,
}

impl<'m> Merge<'m> {
    fn value(&mut self, original: &'m Value, modified: &'m Value, current: &Value) -> Value {
        match (modified, current) {
            (Value::Object(modified), Value::Object(current)) if self.path.len() < DEPTH => {
                Value::Object(self.map(original, modified, current))
            }
            _ => modified.clone(),
        }
    }

    fn map(
        &mut self,
        original: &'m Value,
        modified: &'m Map<String, Value>,
        current: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut merged = current.clone();
        for (name, value) in modified {
            if value.is_null() {
                merged.remove(name);
                continue;
            }
            self.path.push(name);
            let before = original.get(name).unwrap_or(&Value::Null);
            let value = match current.get(name).filter(|current| !current.is_null()) {
                Some(current) => self.field(before, value, current),
                None => value.clone(),
            };
            self.path.pop();
            merged.insert(name.clone(), value);
        }
        for name in original.as_object().into_iter().flat_map(Map::keys) {
            if modified.get(name).is_none_or(Value::is_null) {
                merged.remove(name);
            }
        }
        merged
    }

    fn field(&mut self, original: &'m Value, modified: &'m Value, current: &Value) -> Value {
        let strategy = self.table.strategy(&self.path);
        match (strategy, modified, current) {
            (Strategy::ByKey(key), Value::Array(modified), Value::Array(current)) => {
                Value::Array(self.elements(key, false, (original, modified), current))
            }
            (Strategy::ByKeyRetaining(key), Value::Array(modified), Value::Array(current)) => {
                Value::Array(self.elements(key, true, (original, modified), current))
            }
            (Strategy::Set, Value::Array(modified), Value::Array(current)) => {
                Value::Array(set(original, modified, current))
            }
            (Strategy::Retaining, ..) => retaining(modified, self.value(original, modified, current), current),
            (Strategy::Replaced, ..) => modified.clone(),
            _ => self.value(original, modified, current),
        }
    }

    /// Elements that are applied, in their order, and between them those that others have added.
    fn elements(
        &mut self,
        key: &str,
        retain: bool,
        (original, modified): (&'m Value, &'m [Value]),
        current: &[Value],
    ) -> Vec<Value> {
        let find = |list: &[Value], element: &Value| {
            let own = element.get(key)?;
            list.iter().position(|other| other.get(key) == Some(own))
        };
        let before = original.as_array().map_or(&[] as &[Value], Vec::as_slice);
        let mut applied = Vec::with_capacity(modified.len());
        self.path.push("*");
        for element in modified {
            let there = find(current, element).and_then(|place| current.get(place));
            let was = find(before, element).and_then(|place| before.get(place)).unwrap_or(&Value::Null);
            applied.push(match there {
                Some(there) if retain => retaining(element, self.value(was, element, there), there),
                Some(there) => self.value(was, element, there),
                None => element.clone(),
            });
        }
        self.path.pop();
        let others = current.iter().filter(|other| find(modified, other).is_none() && find(before, other).is_none());
        in_order(applied, others.cloned().collect(), |element| find(current, element))
    }
}

/// A map keeps what it isn't given only where nothing of it changes.
fn retaining(given: &Value, merged: Value, current: &Value) -> Value {
    let extra = |name: &String| given.get(name).is_none_or(Value::is_null);
    let gains = given.as_object().is_some_and(|given| given.keys().any(|name| current.get(name).is_none()));
    if merged == *current && !gains {
        return merged;
    }
    match merged {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(name, _)| !extra(name)).collect()),
        other => other,
    }
}

fn set(original: &Value, modified: &[Value], current: &[Value]) -> Vec<Value> {
    let before = original.as_array().map_or(&[] as &[Value], Vec::as_slice);
    let others = current.iter().filter(|other| !modified.contains(other) && !before.contains(other));
    in_order(modified.to_vec(), others.cloned().collect(), |element| current.iter().position(|other| other == element))
}

/// `mergeSortedSlice`: two lists as one, by the places that their elements had on the server where both had one.
fn in_order(left: Vec<Value>, right: Vec<Value>, place: impl Fn(&Value) -> Option<usize>) -> Vec<Value> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let first = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => place(l).zip(place(r)).is_some_and(|(l, r)| l < r),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return merged,
        };
        merged.extend(if first { left.next() } else { right.next() });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::admission::kit::resource;
    use super::super::keys;
    use super::*;

    fn merged(kind: (&str, &str), original: Value, modified: Value, current: Value) -> Value {
        merge(&original, &modified, &current, keys::of(&resource(kind.0, kind.1)))
    }

    #[test]
    fn a_strategy_that_changes_keeps_nothing_of_the_one_before() {
        let rolling = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        let recreate = json!({"spec": {"strategy": {"type": "Recreate"}}});
        let deployment = ("apps/v1", "Deployment");
        assert_eq!(merged(deployment, json!({}), recreate.clone(), rolling.clone()), recreate);
        let same = json!({"spec": {"strategy": {"type": "RollingUpdate"}}});
        assert_eq!(merged(deployment, json!({}), same, rolling.clone()), rolling);
    }

    #[test]
    fn a_volume_that_changes_its_source_loses_the_one_before() {
        let pod = ("v1", "Pod");
        let current = json!({"spec": {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "secret": {"secretName": "s", "defaultMode": 420}}]}});
        let modified = json!({"spec": {"volumes": [{"name": "a", "configMap": {"name": "c"}}, {"name": "b", "secret": {"secretName": "s"}}]}});
        assert_eq!(
            merged(pod, json!({}), modified, current),
            json!({"spec": {"volumes": [{"name": "a", "configMap": {"name": "c"}}, {"name": "b", "secret": {"secretName": "s", "defaultMode": 420}}]}})
        );
    }

    #[test]
    fn lists_without_a_key_are_replaced_and_sets_are_added_to() {
        let claim = ("v1", "PersistentVolumeClaim");
        let current = json!({"metadata": {"finalizers": ["kubernetes.io/pvc-protection", "old"]}, "spec": {"accessModes": ["A", "B"]}});
        let original = json!({"metadata": {"finalizers": ["old"]}});
        let modified = json!({"metadata": {"finalizers": ["mine"]}, "spec": {"accessModes": ["C"]}});
        assert_eq!(
            merged(claim, original, modified, current),
            json!({"metadata": {"finalizers": ["kubernetes.io/pvc-protection", "mine"]}, "spec": {"accessModes": ["C"]}})
        );
    }

    #[test]
    fn elements_of_lists_are_found_by_their_keys() {
        let current = json!({"spec": {"ports": [{"port": 80, "nodePort": 30000}, {"port": 81}]}});
        let original = json!({"spec": {"ports": [{"port": 80}, {"port": 81}]}});
        let modified = json!({"spec": {"ports": [{"port": 82}, {"port": 80}]}});
        assert_eq!(
            merged(("v1", "Service"), original, modified, current),
            json!({"spec": {"ports": [{"port": 82}, {"port": 80, "nodePort": 30000}]}})
        );
    }
}
