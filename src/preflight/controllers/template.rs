//! Pod templates: when two are the same, and the revisions that controllers name after them
//! (`pkg/controller/history`, `pkg/controller/deployment/util`).

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use serde_json::{Map, Value};

use crate::model::Quantity;
use crate::preflight::fields::{controlled, list, name_of, number, text, uid_of};
use crate::preflight::world::World;

/// The label by which ReplicaSets of a Deployment are told apart.
pub(super) const HASH: &str = "pod-template-hash";
/// The label by which pods of StatefulSets and DaemonSets tell their revision.
pub(crate) const REVISION: &str = "controller-revision-hash";

/// What pods of a StatefulSet or DaemonSet are made from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Revision {
    /// The label's value of pods from the newest template.
    pub(crate) update: String,
    pub(crate) template: Value,
    /// The same of the template that was rolled out before.
    pub(crate) current: String,
    pub(crate) current_template: Value,
}

/// Whether two templates make the same pods: the order of fields, empty lists and how amounts are written make no
/// difference, nor does the label that tells ReplicaSets apart.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    normal(a, false) == normal(b, false)
}

/// Members that are empty as well as absent.
const MAPS: [&str; 6] = ["labels", "annotations", "nodeSelector", "requests", "limits", "resources"];

fn normal(value: &Value, amounts: bool) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| *key != HASH).filter_map(|(key, value)| {
                let value = normal(value, amounts || matches!(key.as_str(), "requests" | "limits"));
                let empty = value.is_null()
                    || value.as_array().is_some_and(Vec::is_empty)
                    || MAPS.contains(&key.as_str()) && value.as_object().is_some_and(Map::is_empty);
                (!empty).then(|| (key.clone(), value))
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| normal(item, false)).collect()),
        Value::String(text) if amounts => amount(text).unwrap_or_else(|| value.clone()),
        Value::Number(number) if amounts => amount(&number.to_string()).unwrap_or_else(|| value.clone()),
        other => other.clone(),
    }
}

fn amount(text: &str) -> Option<Value> {
    Quantity::parse(text).ok().map(|quantity| Value::String(quantity.nanos().to_string()))
}

/// A label's value for a template.
pub(super) fn hash(template: &Value) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let text = normal(template, false).to_string();
    let mut number = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
    let radix = LETTERS.len() as u64;
    let letters = (0..10).map(|_| {
        let letter = LETTERS[usize::try_from(number % radix).unwrap_or_default()];
        number /= radix;
        char::from(letter)
    });
    letters.collect()
}

/// The revisions that StatefulSets and DaemonSets have, by the uid of the set.
pub(crate) fn first_revisions(world: &World) -> HashMap<String, Revision> {
    let sets = world.list("StatefulSet", None).chain(world.list("DaemonSet", None));
    sets.map(|set| (uid_of(set).to_owned(), first_revision(world, set))).collect()
}

fn first_revision(world: &World, set: &Value) -> Revision {
    let template = set["spec"]["template"].clone();
    let update = match text(set, "/status/updateRevision") {
        "" => newest(world, set).unwrap_or_else(|| hash(&template)),
        named => named.to_owned(),
    };
    let current = Some(text(set, "/status/currentRevision")).filter(|current| !current.is_empty());
    let current = current.map_or_else(|| update.clone(), str::to_owned);
    let current_template = revisions(world, set)
        .find(|revision| name_of(revision) == current)
        .map_or_else(|| template.clone(), |revision| revision["data"]["spec"]["template"].clone());
    Revision { update, template, current, current_template }
}

/// The ControllerRevisions of a set.
fn revisions<'w>(world: &'w World, set: &'w Value) -> impl Iterator<Item = &'w Value> {
    let namespace = text(set, "/metadata/namespace");
    world.list("ControllerRevision", Some(namespace)).filter(|revision| controlled(revision, uid_of(set)))
}

/// The label of a DaemonSet's newest revision.
fn newest(world: &World, set: &Value) -> Option<String> {
    let newest = revisions(world, set).max_by_key(|revision| number(revision, "/revision").unwrap_or(0))?;
    let label = newest.pointer("/metadata/labels").and_then(|labels| labels[REVISION].as_str());
    label.map(str::to_owned)
}

/// The revision of a set after its template may have changed. `named` gives the label's value of a template that no
/// ControllerRevision has.
pub(super) fn next(world: &World, set: &Value, before: Option<&Revision>, named: impl Fn(&str) -> String) -> Revision {
    let template = &set["spec"]["template"];
    let Some(before) = before else {
        let update = named(&hash(template));
        let template = template.clone();
        return Revision { current: update.clone(), current_template: template.clone(), update, template };
    };
    if same(template, &before.template) {
        return before.clone();
    }
    let known = revisions(world, set).find(|revision| same(&revision["data"]["spec"]["template"], template));
    let label = |revision: &Value| match text(set, "/kind") {
        "StatefulSet" => name_of(revision).to_owned(),
        _ => revision["metadata"]["labels"][REVISION].as_str().unwrap_or_default().to_owned(),
    };
    let update = known.map_or_else(|| named(&hash(template)), label);
    Revision { update, template: template.clone(), ..before.clone() }
}

/// The names of a set's claim templates, in order.
pub(super) fn claim_templates(set: &Value) -> &[Value] {
    list(set, "/spec/volumeClaimTemplates")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_differ_by_what_they_say_and_not_by_how() {
        let a = json!({"metadata": {"labels": {"app": "a", HASH: "x"}, "annotations": {}},
            "spec": {"volumes": [], "containers": [{"resources": {"requests": {"cpu": "500m"}}, "image": "i"}]}});
        let b = json!({"metadata": {"labels": {"app": "a"}, "creationTimestamp": null},
            "spec": {"containers": [{"image": "i", "resources": {"requests": {"cpu": "0.5"}}}]}});
        assert!(same(&a, &b));
        assert_eq!(hash(&a), hash(&b));
        let mut c = b.clone();
        c["spec"]["containers"][0]["image"] = json!("j");
        assert!(!same(&b, &c));
        let mut d = b.clone();
        d["spec"]["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
        assert!(!same(&b, &d));
    }

    #[test]
    fn a_new_template_is_a_new_revision_and_an_old_one_is_found_again() {
        let set = |image: &str| {
            json!({"kind": "StatefulSet", "metadata": {"name": "s", "uid": "u"},
            "spec": {"template": {"spec": {"containers": [{"image": image}]}}}})
        };
        let named = |hash: &str| format!("s-{hash}");
        let first = next(&World::default(), &set("a"), None, named);
        assert_eq!((first.update.as_str(), first.current.as_str()), (first.current.as_str(), first.update.as_str()));
        let second = next(&World::default(), &set("b"), Some(&first), named);
        assert_eq!(second.current, first.update);
        assert_ne!(second.update, first.update);
        assert_eq!(next(&World::default(), &set("b"), Some(&second), named), second);
    }
}
