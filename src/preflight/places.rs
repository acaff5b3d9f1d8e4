//! Where in the manifests a finding points.

use std::sync::Arc;

use super::issues::{pod_spec, scheduled};
use super::judged::DocumentResult;
use super::manifests::{Document, Region};
use crate::diagnosis::Finding;
use crate::model::meta::OwnerReference;
use crate::model::{Kind, ObjectRef};
use crate::preflight::fields::{list, name_of};
use crate::scheduler::PodVerdict;
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

/// What finds places: the documents with what they became, the state in the end, and the scheduler's verdicts on it.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) documents: &'a [Document],
    pub(crate) results: &'a [DocumentResult],
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) verdicts: &'a [(ObjectRef, Arc<PodVerdict>, Vec<String>)],
}

impl Places<'_> {
    /// Where a finding points: to the first of its facts that stands in a document, else to the field that the scheduler's
    /// words about a victim are about, else to the closest field to a fact that a document tells, else to the object that
    /// it is about, else to the first of its victims that comes from a document. What pods that are no victims have is
    /// nothing to put right.
    pub(crate) fn of_finding(&self, finding: &Finding) -> Option<Place> {
        let facts = facts(finding);
        let stands = |place: &Place| !place.path.is_empty() && self.stands(place);
        let first = facts.iter().filter_map(|(object, path)| self.of(object, path)).find(stands);
        let asked = || finding.victims().filter_map(|victim| self.asked(victim)).find(stands);
        let about = [(&finding.object, "")].into_iter().chain(finding.victims().map(|victim| (victim, "")));
        let closest = || facts.iter().copied().chain(about).find_map(|(object, path)| self.of(object, path));
        first.or_else(asked).or_else(closest)
    }

    /// The places of a finding: where it points, and the same field of each further document that brings victims, in the
    /// order of the documents.
    pub(crate) fn all_of_finding(&self, finding: &Finding) -> Vec<Place> {
        let mut places: Vec<Place> = self.of_finding(finding).into_iter().collect();
        let Some(first) = places.first().cloned() else { return places };
        let facts = facts(finding);
        let lead = facts.iter().find(|(object, path)| self.of(object, path).as_ref() == Some(&first));
        for victim in finding.victims() {
            let place = match lead {
                Some((object, path)) if object.kind == victim.kind => self.of(victim, path),
                Some(_) => None,
                None => self.asked(victim),
            };
            let known = |place: &Place| places.iter().any(|one| one.document == place.document);
            if let Some(place) = place.filter(|place| !known(place)) {
                places.push(place);
            }
        }
        places.sort_by_key(|place| place.document);
        places
    }

    /// The field of a pod that the scheduler's words about it are about.
    fn asked(&self, pod: &ObjectRef) -> Option<Place> {
        let (_, verdict, _) = self.verdicts.iter().find(|(object, ..)| object == pod)?;
        let Place { document: index, .. } = self.of(pod, "")?;
        let document = self.documents.get(index)?;
        let within = pod_spec(&self.results.get(index)?.key.kind)?;
        let path = scheduled(&document.object, within, verdict.message.as_deref()?)?;
        Some(Place { document: index, region: document.region(&path), path })
    }

    /// Whether the field itself stands in the document, and not only one above it.
    fn stands(&self, place: &Place) -> bool {
        self.documents.get(place.document).is_some_and(|document| document.field(&place.path).is_some())
    }

    /// The documents that a finding is about or whose objects it explains.
    pub(crate) fn victims(&self, finding: &Finding) -> Vec<usize> {
        let objects = finding.victims().chain([&finding.object]);
        objects.filter_map(|object| self.of(object, "")).map(|place| place.document).collect()
    }

    /// Where a field of an object comes from.
    pub(crate) fn of(&self, object: &ObjectRef, path: &str) -> Option<Place> {
        let (document, path) = self.source(&object.kind, &object.namespace, &object.name, path)?;
        let path = self.item(document, path);
        let region = self.documents.get(document)?.region(&path);
        Some(Place { document, path, region })
    }

    /// The path with its `[*]` as the first item that has the field, else as the list.
    fn item(&self, document: usize, path: String) -> String {
        /// More than any list of containers has.
        const ITEMS: usize = 100;
        let Some((list, rest)) = path.split_once("[*]") else { return path };
        let stands = |path: &String| self.documents.get(document).is_some_and(|one| one.field(path).is_some());
        let found = (0..ITEMS).map(|index| format!("{list}[{index}]{rest}")).find(stands);
        found.unwrap_or_else(|| list.to_owned())
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

/// What a finding rests on; what other pods than its victims have is nothing to put right.
fn facts(finding: &Finding) -> Vec<(&ObjectRef, &str)> {
    let mut facts: Vec<(&ObjectRef, &str)> =
        finding.evidence.iter().map(|fact| (&fact.object, fact.path.as_str())).collect();
    facts.retain(|(object, _)| {
        object.kind != Kind::Pod.name()
            || **object == finding.object
            || finding.victims().any(|victim| victim == *object)
    });
    facts
}

fn within(parent: &str, path: &str) -> String {
    if path.is_empty() { parent.to_owned() } else { format!("{parent}.{path}") }
}
