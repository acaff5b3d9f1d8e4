//! How many more of a workload fit: its documents with another number of replicas, another size or another class.

use serde_json::{Value, json};

use super::fields::{kind_of, list};
use super::manifests::Document;

/// What is asked in place of what the documents say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) replicas: Option<u32>,
    /// Of claims.
    pub(crate) size: Option<String>,
    /// Of claims.
    pub(crate) class: Option<String>,
}

impl Asked {
    /// Writes it into the documents.
    pub(crate) fn put(&self, documents: &mut [Document]) {
        for object in documents.iter_mut().map(|document| &mut document.object) {
            let kind = kind_of(object).to_owned();
            match kind.as_str() {
                "Deployment" | "ReplicaSet" | "StatefulSet" => {
                    self.put_replicas(object);
                    let templates = list(object, "/spec/volumeClaimTemplates").len();
                    (0..templates).for_each(|index| {
                        let template = object.pointer_mut(&format!("/spec/volumeClaimTemplates/{index}"));
                        template.into_iter().for_each(|template| self.put_claim(template));
                    });
                }
                "PersistentVolumeClaim" => self.put_claim(object),
                _ => {}
            }
        }
    }

    fn put_replicas(&self, object: &mut Value) {
        if let (Some(replicas), Some(spec)) = (self.replicas, object.get_mut("spec").and_then(Value::as_object_mut)) {
            spec.insert("replicas".to_owned(), json!(replicas));
        }
    }

    fn put_claim(&self, claim: &mut Value) {
        let Some(spec) = claim.get_mut("spec").and_then(Value::as_object_mut) else { return };
        if let Some(class) = &self.class {
            spec.insert("storageClassName".to_owned(), json!(class));
        }
        if let Some(size) = &self.size {
            spec.insert("resources".to_owned(), json!({ "requests": { "storage": size } }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_sizes_and_classes_are_put_where_they_stand() {
        let set = json!({"kind": "StatefulSet", "spec": {"replicas": 1, "volumeClaimTemplates": [
            {"metadata": {"name": "data"}, "spec": {"storageClassName": "a"}}]}});
        let mut documents = [Document::new("f", 1, 1, set), Document::new("f", 9, 1, json!({"kind": "Pod"}))];
        let asked = Asked { replicas: Some(7), size: Some("45Gi".to_owned()), class: Some("b".to_owned()) };
        asked.put(&mut documents);
        let spec = &documents[0].object["spec"];
        assert_eq!(spec["replicas"], 7);
        assert_eq!(spec["volumeClaimTemplates"][0]["spec"]["storageClassName"], "b");
        assert_eq!(spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"], "45Gi");
        assert_eq!(documents[1].object, json!({"kind": "Pod"}));
    }
}
