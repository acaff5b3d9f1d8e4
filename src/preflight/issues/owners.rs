//! Which document an object of the cluster comes from.

use std::collections::HashMap;

use serde_json::Value;

use super::fields::pod_spec;
use crate::model::ObjectRef;
use crate::preflight::manifests::Document;
use crate::preflight::world::Key;
use crate::snapshot::Snapshot;

/// The documents by what they make.
pub(super) struct Owners<'a> {
    snapshot: &'a Snapshot,
    documents: &'a [Document],
    /// The last document of each object.
    by_key: HashMap<(&'a str, &'a str, &'a str), usize>,
}

/// A document, and where in it the object stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) document: usize,
    /// The path of the object's root in the document; empty where the document is the object.
    pub(super) prefix: String,
}

impl<'a> Owners<'a> {
    /// The documents, with the key of each.
    pub(super) fn new(snapshot: &'a Snapshot, documents: &'a [Document], keys: impl Iterator<Item = &'a Key>) -> Self {
        let by_key = keys
            .enumerate()
            .map(|(index, key)| ((key.kind.as_str(), key.namespace.as_deref().unwrap_or_default(), key.name.as_str()), index))
            .collect();
        Self { snapshot, documents, by_key }
    }

    fn exact(&self, kind: &str, namespace: &str, name: &str) -> Option<usize> {
        let by_key: &HashMap<(&str, &str, &str), usize> = &self.by_key;
        by_key.get(&(kind, namespace, name)).copied()
    }

    /// Where an object comes from: its own document, or that of the workload that makes it.
    pub(super) fn place(&self, object: &ObjectRef) -> Option<Place> {
        let ObjectRef { kind, namespace, name } = object;
        if let Some(document) = self.exact(kind, namespace, name) {
            return Some(Place { document, prefix: String::new() });
        }
        match kind.as_str() {
            "Pod" => {
                let pod = self.snapshot.pods.get(namespace, name).found()?;
                let owner = pod.metadata.controller()?;
                let document = self.workload(&owner.kind, namespace, &owner.name)?;
                let kind = self.documents.get(document)?.object.get("kind")?.as_str()?;
                let prefix = pod_spec(kind)?.strip_suffix(".spec").unwrap_or_default().to_owned();
                Some(Place { document, prefix })
            }
            "PersistentVolumeClaim" => self.template(namespace, name),
            _ => Some(Place { document: self.workload(kind, namespace, name)?, prefix: String::new() }),
        }
    }

    /// The document of a workload, or of the one that makes it.
    fn workload(&self, kind: &str, namespace: &str, name: &str) -> Option<usize> {
        let maker = match kind {
            "ReplicaSet" => "Deployment",
            "Job" => "CronJob",
            _ => "",
        };
        let above = || self.exact(maker, namespace, name.rsplit_once('-')?.0);
        self.exact(kind, namespace, name).or_else(above)
    }

    /// The claim template of a `StatefulSet` that a claim is made from: claims are named `TEMPLATE-SET-ORDINAL`.
    fn template(&self, namespace: &str, claim: &str) -> Option<Place> {
        let (stem, ordinal) = claim.rsplit_once('-')?;
        ordinal.parse::<u32>().ok()?;
        let dashes = stem.match_indices('-').map(|(at, _)| stem.split_at(at));
        dashes.into_iter().find_map(|(template, set)| {
            let document = self.exact("StatefulSet", namespace, set.strip_prefix('-')?)?;
            let templates = self.documents.get(document)?.object.pointer("/spec/volumeClaimTemplates")?.as_array()?;
            let named = |one: &Value| one.pointer("/metadata/name").and_then(Value::as_str) == Some(template);
            let index = templates.iter().position(named)?;
            Some(Place { document, prefix: format!("spec.volumeClaimTemplates[{index}]") })
        })
    }
}
