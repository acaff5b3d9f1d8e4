//! Where in the manifests a finding points.

use super::judged::DocumentResult;
use super::manifests::{Document, Region};
use crate::diagnosis::{Explained, Finding};
use crate::model::meta::OwnerReference;
use crate::model::{Kind, ObjectRef};
use crate::preflight::fields::{list, name_of};
use crate::snapshot::Snapshot;

/// A field of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its position among the documents.
    pub(crate) document: usize,
    /// The field; empty for the document as a whole.
    pub(crate) path: String,
    pub(crate) region: Region,
}

/// What finds places: the documents with what they became, and the state in the end.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) documents: &'a [Document],
    pub(crate) results: &'a [DocumentResult],
    pub(crate) snapshot: &'a Snapshot,
}

impl Places<'_> {
    /// Where a finding points: to the first of its facts that stands in a document, else to the closest field to one of
    /// an object that a document tells, else to the object that it is about, else to the first of its victims that comes
    /// from a document.
    pub(crate) fn of_finding(&self, finding: &Finding) -> Option<Place> {
        let facts = finding.evidence.iter().map(|fact| (&fact.object, fact.path.as_str()));
        let stands = |place: &Place| !place.path.is_empty() && self.stands(place);
        let first = facts.clone().filter_map(|(object, path)| self.of(object, path)).find(stands);
        if first.is_some() {
            return first;
        }
        let victims = finding.explains.iter().filter_map(|explained| match explained {
            Explained::Object(object) => Some((object, "")),
            Explained::Finding(_) => None,
        });
        let mut all = facts.chain([(&finding.object, "")]).chain(victims);
        all.find_map(|(object, path)| self.of(object, path))
    }

    /// Whether the field itself stands in the document, and not only one above it.
    fn stands(&self, place: &Place) -> bool {
        self.documents.get(place.document).is_some_and(|document| document.field(&place.path).is_some())
    }

    /// The documents that a finding is about or whose objects it explains.
    pub(crate) fn victims(&self, finding: &Finding) -> Vec<usize> {
        let explained = finding.explains.iter().filter_map(|explained| match explained {
            Explained::Object(object) => Some(object),
            Explained::Finding(_) => None,
        });
        let objects = explained.chain([&finding.object]);
        objects.filter_map(|object| self.of(object, "")).map(|place| place.document).collect()
    }

    /// Where a field of an object comes from.
    pub(crate) fn of(&self, object: &ObjectRef, path: &str) -> Option<Place> {
        let (document, path) = self.source(&object.kind, &object.namespace, &object.name, path)?;
        let region = self.documents.get(document)?.region(&path);
        Some(Place { document, path, region })
    }

    fn source(&self, kind: &str, namespace: &str, name: &str, path: &str) -> Option<(usize, String)> {
        if let Some(position) = self.position(kind, namespace, name) {
            return Some((position, path.to_owned()));
        }
        match kind {
            "Pod" => {
                let pod = self.snapshot.pods.get(namespace, name).found()?;
                self.owner(pod.metadata.controller()?, namespace, &within("spec.template", path))
            }
            "ReplicaSet" => {
                let set = self.snapshot.replica_sets.get(namespace, name).found()?;
                self.owner(set.metadata.controller()?, namespace, path)
            }
            "Job" => {
                let job = self.snapshot.jobs.get(namespace, name).found()?;
                self.owner(job.metadata.controller()?, namespace, &within("spec.jobTemplate", path))
            }
            "PersistentVolumeClaim" => self.claim_template(namespace, name, path),
            _ => None,
        }
    }

    fn owner(&self, owner: &OwnerReference, namespace: &str, path: &str) -> Option<(usize, String)> {
        self.source(&owner.kind, namespace, &owner.name, path)
    }

    /// The last document that gives an object.
    fn position(&self, kind: &str, namespace: &str, name: &str) -> Option<usize> {
        self.results.iter().rposition(|result| {
            let key = &result.key;
            key.kind == kind && key.name == name && key.namespace.as_deref().unwrap_or_default() == namespace
        })
    }

    /// The template of a StatefulSet's claim.
    fn claim_template(&self, namespace: &str, name: &str, path: &str) -> Option<(usize, String)> {
        let sets = self.results.iter().enumerate().filter(|(_, result)| {
            result.key.kind == Kind::StatefulSet.name() && result.key.namespace.as_deref() == Some(namespace)
        });
        for (position, result) in sets {
            let templates = list(&self.documents.get(position)?.object, "/spec/volumeClaimTemplates");
            let made = |template| {
                let rest = name.strip_prefix(name_of(template))?.strip_prefix('-')?;
                rest.strip_prefix(result.key.name.as_str())?.strip_prefix('-')?.parse::<u32>().ok()
            };
            if let Some(index) = templates.iter().position(|template| made(template).is_some()) {
                return Some((position, within(&format!("spec.volumeClaimTemplates[{index}]"), path)));
            }
        }
        None
    }
}

fn within(parent: &str, path: &str) -> String {
    if path.is_empty() { parent.to_owned() } else { format!("{parent}.{path}") }
}
