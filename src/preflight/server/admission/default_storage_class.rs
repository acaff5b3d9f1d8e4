//! `DefaultStorageClass` (`plugin/pkg/admission/storage/storageclass/setdefault`).

use serde_json::Value;

use super::super::json::{at, set, text};
use super::{Attributes, class_of};

/// The annotations that make a class the default.
const MARKS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// A new claim that names no class gets the default one: the newest, and of those the first by name.
pub(super) fn admit(cx: &Attributes<'_>, object: &mut Value) {
    if !cx.creates("", "PersistentVolumeClaim") || class_of(object).is_some() {
        return;
    }
    let mut classes: Vec<&Value> = cx.world.list("StorageClass", None).filter(|class| is_default(class)).collect();
    classes.sort_by(|a, b| {
        let (newer, older) = (text(b, "/metadata/creationTimestamp"), text(a, "/metadata/creationTimestamp"));
        newer.cmp(older).then_with(|| text(a, "/metadata/name").cmp(text(b, "/metadata/name")))
    });
    if let Some(class) = classes.first() {
        set(object, &["spec", "storageClassName"], text(class, "/metadata/name"));
    }
}

fn is_default(class: &Value) -> bool {
    let annotations = at(class, "/metadata/annotations");
    MARKS.iter().any(|mark| annotations.and_then(|all| all.get(*mark)).and_then(Value::as_str) == Some("true"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, resource, world};
    use super::*;

    #[test]
    fn the_newest_default_is_taken() {
        let class = |name: &str, made: &str, default: &str| {
            json!({"kind": "StorageClass", "metadata": {"name": name, "creationTimestamp": made,
                "annotations": {"storageclass.kubernetes.io/is-default-class": default}}})
        };
        let world = world(&[
            class("old", "2026-01-01T00:00:00Z", "true"),
            class("new", "2026-02-01T00:00:00Z", "true"),
            class("no", "2026-03-01T00:00:00Z", "false"),
        ]);
        let claims = resource("v1", "PersistentVolumeClaim");
        let mut claim = json!({"spec": {}});
        admit(&creation(&world, &claims), &mut claim);
        assert_eq!(claim["spec"]["storageClassName"], "new");
        let mut claim = json!({"spec": {"storageClassName": ""}});
        admit(&creation(&world, &claims), &mut claim);
        assert_eq!(claim["spec"]["storageClassName"], "");
    }
}
