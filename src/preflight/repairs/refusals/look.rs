//! What a repair of a refusal is told: the server's words, the document, and what is there.

use serde_json::Value;

use super::super::plan::{Part, Sources};
use super::super::proof::Prover;
use crate::diagnosis::Options;
use crate::model::version::Version;
use crate::preflight::fields::{list, name_of, namespace_of, text};
use crate::preflight::issues::pod_spec;
use crate::preflight::judged::WorkloadResult;
use crate::preflight::manifests::{Document, pointer_of};
use crate::preflight::world::{Key, World};
use crate::snapshot::Snapshot;

/// A refusal and what it is about.
pub(super) struct Look<'a> {
    /// The document's position among those that were read.
    pub(super) document: usize,
    /// The object as the document has it now.
    pub(super) object: &'a Value,
    pub(super) key: &'a Key,
    pub(super) message: &'a str,
    pub(super) sources: Sources<'a>,
    /// What was stored before the documents were applied.
    pub(super) world: &'a World,
    pub(super) snapshot: &'a Snapshot,
    pub(super) options: &'a Options,
    pub(super) workload: Option<&'a WorkloadResult>,
}

impl<'a> Look<'a> {
    /// A document that was read.
    pub(super) fn new(
        prover: &Prover<'a, '_>,
        workloads: &'a [WorkloadResult],
        document: usize,
        message: &'a str,
    ) -> Option<Self> {
        let object = &prover.sources.documents.get(document)?.object;
        Self::of(prover, workloads, document, object, message)
    }

    /// One that was edited.
    pub(super) fn again(
        prover: &Prover<'a, '_>,
        workloads: &'a [WorkloadResult],
        object: &'a Value,
        edited: &Document,
        message: &'a str,
    ) -> Option<Self> {
        let named = |document: &Document| {
            let object = &document.object;
            (text(object, "/kind") == text(&edited.object, "/kind"))
                && name_of(object) == name_of(&edited.object)
                && namespace_of(object) == namespace_of(&edited.object)
        };
        let document = prover.sources.documents.iter().rposition(named)?;
        Self::of(prover, workloads, document, object, message)
    }

    fn of(
        prover: &Prover<'a, '_>,
        workloads: &'a [WorkloadResult],
        document: usize,
        object: &'a Value,
        message: &'a str,
    ) -> Option<Self> {
        let key = prover.sources.keys.get(document)?;
        Some(Self {
            document,
            object,
            key,
            message,
            sources: prover.sources,
            world: prover.trial.stored(),
            snapshot: prover.trial.snapshot,
            options: prover.trial.options,
            workload: workloads.iter().find(|workload| workload.key == *key),
        })
    }

    pub(super) fn version(&self) -> Version {
        self.options.version(self.snapshot)
    }

    /// The namespace of the object; empty where it has none.
    pub(super) fn namespace(&self) -> &str {
        self.key.namespace.as_deref().unwrap_or_default()
    }

    /// Where the pod's own `spec` stands in the document, as a JSON pointer.
    pub(super) fn pod_spec(&self) -> Option<String> {
        Some(pointer_of(pod_spec(&self.key.kind)?))
    }

    /// The containers in the document, with where they stand.
    pub(super) fn containers(&self) -> Vec<(String, &'a Value)> {
        let Some(spec) = self.pod_spec() else { return Vec::new() };
        let of = |field: &str| {
            let at = format!("{spec}/{field}");
            let all = list(self.object, &at).iter().enumerate();
            all.map(|(index, one)| (format!("{at}/{index}"), one)).collect::<Vec<_>>()
        };
        of("containers").into_iter().chain(of("initContainers")).collect()
    }

    /// Where the claim that the server speaks of stands in the document: the document itself, or a template of a set.
    pub(super) fn claim(&self) -> Option<String> {
        if self.key.kind == "PersistentVolumeClaim" {
            return Some(String::new());
        }
        let name = self.message.strip_prefix("persistentvolumeclaims \"")?.split('"').next()?;
        let templates = list(self.object, "/spec/volumeClaimTemplates");
        let made = |template: &Value| {
            let rest = name.strip_prefix(name_of(template)).and_then(|rest| rest.strip_prefix('-'));
            rest.and_then(|rest| rest.strip_prefix(self.key.name.as_str())).is_some()
        };
        let index = templates.iter().position(made)?;
        Some(format!("/spec/volumeClaimTemplates/{index}"))
    }

    /// A field of the document that gets a value, or goes.
    pub(super) fn field(&self, pointer: impl Into<String>, to: Option<Value>) -> Part {
        Part::Field { document: self.document, pointer: pointer.into(), to, note: String::new() }
    }

    /// The same with what must be so.
    pub(super) fn field_if(&self, pointer: impl Into<String>, to: Option<Value>, note: &str) -> Part {
        Part::Field { document: self.document, pointer: pointer.into(), to, note: note.to_owned() }
    }

    /// A path that the server names of the object, or of a pod that is made from it, as a JSON pointer of the document.
    pub(super) fn named(&self, path: &str) -> Option<String> {
        let own = self.message.starts_with(self.key.kind.as_str());
        let pod = self.message.starts_with("Pod ") && self.key.kind != "Pod";
        if pod {
            let inner = path.strip_prefix("spec.")?;
            return Some(format!("{}{}", self.pod_spec()?, pointer_of(inner)));
        }
        own.then(|| pointer_of(path))
    }

    /// The position of a document of a kind and name.
    pub(super) fn document_of(&self, kind: &str, name: &str) -> Option<usize> {
        self.sources.keys.iter().position(|key| key.kind == kind && key.name == name)
    }
}
