//! What a seed makes: a cluster that is there first, and what is then deleted from it and applied to it.

use serde_json::{Value, json};

/// A cluster and manifests.
#[derive(Clone, Default)]
pub struct Case {
    pub seed: u64,
    /// What it tries, a word or two each.
    pub about: Vec<String>,
    /// Objects that are posted first, with their status. Those with a `deletionTimestamp` are deleted after that.
    pub objects: Vec<Value>,
    /// Objects that kubectl applies after those.
    pub applied: Vec<Value>,
    /// Objects that are deleted when all is at rest.
    pub deleted: Vec<Value>,
    /// What is applied then, one after the other.
    pub documents: Vec<Value>,
    /// What the webhooks of the cluster answer, in the form of `control-plane webhook --rules`.
    pub webhooks: Option<Value>,
    /// Whether what was applied before and is no document is deleted in the end, and the labels that it must have (any
    /// where they are empty).
    pub prune: Option<String>,
}

impl Case {
    /// As a file that [`Case::parse`] reads.
    pub fn text(&self) -> String {
        let Self { seed, about, objects, applied, deleted, documents, webhooks, prune } = self;
        let value = json!({ "seed": seed, "about": about, "objects": objects, "applied": applied, "deleted": deleted,
            "documents": documents, "webhooks": webhooks, "prune": prune });
        serde_json::to_string_pretty(&value).unwrap()
    }

    /// Reads what [`Case::text`] wrote.
    pub fn parse(text: &[u8]) -> Self {
        let mut value: Value = serde_json::from_slice(text).unwrap();
        let mut list = |name: &str| serde_json::from_value(value[name].take()).unwrap_or_default();
        let (objects, applied) = (list("objects"), list("applied"));
        let (deleted, documents) = (list("deleted"), list("documents"));
        let about = serde_json::from_value(value["about"].take()).unwrap_or_default();
        let webhooks = Some(value["webhooks"].take()).filter(|rules| !rules.is_null());
        let seed = value["seed"].as_u64().unwrap_or_default();
        let prune = value["prune"].as_str().map(str::to_owned);
        Self { seed, about, objects, applied, deleted, documents, webhooks, prune }
    }

    /// The lists of objects, for what makes the case smaller.
    pub fn lists(&mut self) -> [&mut Vec<Value>; 4] {
        [&mut self.documents, &mut self.deleted, &mut self.applied, &mut self.objects]
    }
}

/// Objects as manifests of several documents.
pub fn manifests(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("---\n{object}\n")).collect()
}
