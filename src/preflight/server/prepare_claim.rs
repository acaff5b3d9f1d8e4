//! What the strategy of claims makes of their sources (`pkg/api/persistentvolumeclaim`).

use serde_json::Value;

use super::json::{at, empty, remove, set, text};

/// The two fields for a source of a claim's data are kept in step; the older one takes claims and snapshots alone, where it
/// didn't say something else before.
pub(super) fn data_source(object: &mut Value, old: Option<&Value>) {
    let known = match (text(object, "/spec/dataSource/apiGroup"), text(object, "/spec/dataSource/kind")) {
        ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot") => true,
        _ => {
            at(object, "/spec/dataSourceRef").is_some() || old.is_some_and(|old| at(old, "/spec/dataSource").is_some())
        }
    };
    if !known {
        remove(object, "/spec", "dataSource");
    }
    let (plain, reference) = (at(object, "/spec/dataSource").cloned(), at(object, "/spec/dataSourceRef").cloned());
    match (plain, reference) {
        (Some(source), None) => set(object, &["spec", "dataSourceRef"], source),
        (None, Some(source)) if empty(&source, "/namespace") => set(object, &["spec", "dataSource"], source),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sources_that_the_older_field_does_not_take_are_dropped() {
        let sourced = |field: &str, source: Value| {
            let mut claim = json!({"spec": {field: source}});
            data_source(&mut claim, None);
            claim["spec"].clone()
        };
        let claim = json!({"kind": "PersistentVolumeClaim", "name": "a"});
        assert_eq!(sourced("dataSource", claim.clone()), json!({"dataSource": claim, "dataSourceRef": claim}));
        assert_eq!(sourced("dataSource", json!({"kind": "Image", "name": "a"})), json!({}));
        let other = json!({"kind": "Image", "name": "a", "apiGroup": "example.com"});
        assert_eq!(sourced("dataSourceRef", other.clone()), json!({"dataSource": other, "dataSourceRef": other}));
    }
}
