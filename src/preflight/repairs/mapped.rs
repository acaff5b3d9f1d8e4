//! A repair of the search as changes of documents: what it does to objects that come from a document is done there, and
//! what it does to others stays a command.

use serde_json::{Value, json};

use super::plan::{Part, Plan, Sources, leaves};
use crate::diagnosis::remedy::{Change, Remedy, Step};
use crate::engine::in_place;
use crate::model::{Kind, ObjectRef};
use crate::preflight::places::Places;
use crate::preflight::run::named;
use crate::preflight::world::Key;
use crate::snapshot::Snapshot;
use crate::snapshot::edit::{pointer_key, pointer_token};

/// What a repair is taken apart with.
pub(super) struct Mapper<'a> {
    pub(super) sources: Sources<'a>,
    pub(super) places: Places<'a>,
    /// The state before the documents were applied.
    pub(super) before: &'a Snapshot,
}

/// What becomes of a step.
enum Mapped {
    /// It stays as it is.
    Stays,
    /// There is nothing to do: what it is about is made anew by the documents.
    Falls,
    Parts(Vec<Part>),
}

impl Mapper<'_> {
    /// The repair as a plan.
    ///
    /// # Errors
    /// Why it can't be told as changes of the documents.
    pub(super) fn plan(&self, remedy: &Remedy) -> Result<Plan, String> {
        let mut plan = Plan::new(remedy.title.clone(), remedy.risk, Vec::new());
        plan.size = remedy.size;
        let (mut claims, mut later) = (false, Vec::new());
        for step in &remedy.steps {
            match self.step(step)? {
                Mapped::Stays if recreates(step) => later.push(Part::Command(Box::new(step.clone()))),
                Mapped::Stays => plan = plan.with(vec![Part::Command(Box::new(step.clone()))]),
                Mapped::Falls => {}
                Mapped::Parts(parts) => {
                    claims |= matches!(
                        step.change,
                        Some(Change::Remake { kind: Kind::PersistentVolumeClaim, .. } | Change::RemakeSet { .. })
                    );
                    plan = plan.with(parts);
                }
            }
        }
        if !plan.edits() {
            plan = plan.with(later);
        }
        if plan.parts.is_empty() {
            return Err("what it changes is made anew by the manifests".to_owned());
        }
        if claims && let Some(title) = self.title(&plan) {
            plan.title = title;
        }
        Ok(plan)
    }

    fn step(&self, step: &Step) -> Result<Mapped, String> {
        if step.later || step.assumed {
            return Ok(Mapped::Stays);
        }
        let Some(change) = &step.change else {
            let mut parts = Vec::new();
            for effect in &step.effects {
                match self.change(effect, step)? {
                    Mapped::Parts(more) => parts.extend(more),
                    Mapped::Falls => {}
                    Mapped::Stays => return Ok(Mapped::Stays),
                }
            }
            return match parts.is_empty() {
                true => Err("it is no change of a manifest".to_owned()),
                false => Ok(Mapped::Parts(parts)),
            };
        };
        self.change(change, step)
    }

    fn change(&self, change: &Change, step: &Step) -> Result<Mapped, String> {
        match change {
            Change::Delete { kind, namespace, name } | Change::Keep { kind, namespace, name } => {
                Ok(if self.was(*kind, namespace, name) { Mapped::Stays } else { Mapped::Falls })
            }
            Change::AwaitEnd { namespace, name } => {
                Ok(if self.was(Kind::Pod, namespace, name) { Mapped::Stays } else { Mapped::Falls })
            }
            Change::RecreatePods { namespace, names } => {
                let there = names.iter().any(|name| self.was(Kind::Pod, namespace, name));
                Ok(if there { Mapped::Stays } else { Mapped::Falls })
            }
            Change::Patch { kind, namespace, name, patch } => {
                let mut operations = Vec::new();
                leaves("", patch, &mut operations);
                self.object((*kind, namespace, name), &Value::Array(operations), step)
            }
            Change::JsonPatch { kind, namespace, name, operations }
            | Change::Remake { kind, namespace, name, operations, .. } => {
                self.object((*kind, namespace, name), operations, step)
            }
            Change::RemakeSet { namespace, name, operations } => {
                self.object((Kind::StatefulSet, namespace, name), operations, step)
            }
            Change::Copy { kind, namespace, name, to, operations } => {
                self.copied((*kind, namespace, name), to, operations)
            }
            Change::Create { kind, object, .. } => self.made(*kind, object, step),
            Change::Untaint { .. } | Change::Uncordon { .. } | Change::HelmValues { .. } => Ok(Mapped::Stays),
        }
    }

    /// An object that is made: where the documents make it, what is other of it there.
    fn made(&self, kind: Kind, object: &Value, step: &Step) -> Result<Mapped, String> {
        let field = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
        let (namespace, name) = (field("namespace"), field("name"));
        let Some(live) = self.places.snapshot.to_json(kind, namespace, name) else { return Ok(Mapped::Stays) };
        if self.source(&ObjectRef::new(kind, namespace, name)).is_none() {
            return Ok(Mapped::Stays);
        }
        let mut operations = Vec::new();
        leaves("/spec", &object["spec"], &mut operations);
        operations.retain(|operation| {
            let path = operation["path"].as_str().unwrap_or_default();
            operation["op"] == "add" && live.pointer(path) != Some(&operation["value"])
        });
        self.object((kind, namespace, name), &Value::Array(operations), step)
    }

    /// Whether an object was there before the documents.
    fn was(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        self.before.contains(kind, namespace, name)
    }

    /// A JSON patch of an object: of its document, where it has one.
    fn object(&self, of: (Kind, &str, &str), operations: &Value, step: &Step) -> Result<Mapped, String> {
        let (kind, namespace, name) = of;
        let object = ObjectRef::new(kind, namespace, name);
        let Some((document, prefix)) = self.source(&object) else {
            return match self.was(kind, namespace, name) {
                true => Ok(Mapped::Stays),
                false => Err(format!("{object} is made only when the manifests are applied")),
            };
        };
        let live = self.places.snapshot.to_json(kind, namespace, name).unwrap_or_default();
        let operations = operations.as_array().map_or(&[][..], Vec::as_slice);
        let note = condition(&step.what);
        let mut parts = Vec::new();
        for operation in operations {
            if let Some((pointer, to)) = self.operation(document, &prefix, operation, &live)? {
                parts.push(Part::Field { document, pointer, to, note: note.clone() });
            }
        }
        Ok(if parts.is_empty() { Mapped::Falls } else { Mapped::Parts(parts) })
    }

    /// The document of an object and where in it the object stands, as a JSON pointer.
    fn source(&self, object: &ObjectRef) -> Option<(usize, String)> {
        let place = self.places.of(object, "")?;
        let pointer = match place.path.as_str() {
            "" => String::new(),
            path => {
                let path = path.replace('[', ".").replace(']', "");
                path.split('.').map(|step| format!("/{}", pointer_token(step))).collect()
            }
        };
        Some((place.document, pointer))
    }

    /// An operation on an object as one on its document: `None` where the document has it already.
    fn operation(
        &self,
        document: usize,
        prefix: &str,
        operation: &Value,
        live: &Value,
    ) -> Result<Option<(String, Option<Value>)>, String> {
        let path = operation["path"].as_str().unwrap_or_default();
        let own = path.starts_with("/metadata/annotations") || operation["op"] == "test";
        if own {
            return Ok(None);
        }
        let source = self.sources.documents.get(document).map(|document| &document.object);
        let written = source.and_then(|object| object.pointer(prefix)).unwrap_or(&Value::Null);
        if !alike(written, live, path) {
            return Err(format!("the manifest does not have what stands at {path}"));
        }
        let there = written.pointer(path).filter(|value| !value.is_null());
        let pointer = format!("{prefix}{path}");
        if operation["op"] == "remove" {
            return Ok(there.map(|_| (pointer, None)));
        }
        let to = &operation["value"];
        let empty = to.as_object().is_some_and(serde_json::Map::is_empty) || to.as_array().is_some_and(Vec::is_empty);
        let same = there == Some(to) || there.is_none() && empty;
        Ok((!same).then(|| (pointer, Some(to.clone()))))
    }

    /// An object like another: a document of its own, where the other has one.
    fn copied(&self, of: (Kind, &str, &str), to: &str, operations: &Value) -> Result<Mapped, String> {
        let (kind, namespace, name) = of;
        let object = ObjectRef::new(kind, namespace, name);
        let Some((document, prefix)) = self.source(&object) else { return Ok(Mapped::Stays) };
        let source = self.sources.documents.get(document).filter(|_| prefix.is_empty());
        let Some(source) = source else { return Err(format!("{object} is made from a template")) };
        let mut new = source.object.clone();
        new["metadata"] = match source.object.pointer("/metadata/namespace") {
            Some(namespace) => json!({"name": to, "namespace": namespace}),
            None => json!({ "name": to }),
        };
        let operations = operations.as_array().map_or(&[][..], Vec::as_slice);
        let fits = |operation: &&Value| {
            let path = operation["path"].as_str().unwrap_or_default();
            operation["op"] != "remove" || new.pointer(path).is_some()
        };
        let operations: Vec<&Value> = operations.iter().filter(fits).collect();
        in_place::json_patch(&mut new, &json!(operations))?;
        Ok(Mapped::Parts(vec![Part::Insert { before: document, object: new }]))
    }

    /// What is done to the documents, where the search speaks of objects that are there.
    fn title(&self, plan: &Plan) -> Option<String> {
        let told = plan.parts.iter().find_map(|part| match part {
            Part::Field { document, pointer, to, .. } => {
                let key: &Key = self.sources.keys.get(*document)?;
                let field = pointer_key(pointer.rsplit('/').next().unwrap_or_default());
                let value = to.as_ref().map(|to| to.as_str().map_or_else(|| to.to_string(), str::to_owned));
                Some(match value.filter(|value| value.len() <= 40) {
                    Some(value) => format!("Set {field} of {} to {value}", named(key)),
                    None if to.is_some() => format!("Set {field} of {}", named(key)),
                    None => format!("Remove {field} of {}", named(key)),
                })
            }
            _ => None,
        })?;
        let edits = plan.parts.iter().filter(|part| !matches!(part, Part::Command(_))).count();
        Some(if edits > 1 { format!("{told}, and {} more", edits - 1) } else { told })
    }
}

fn recreates(step: &Step) -> bool {
    matches!(step.change, Some(Change::RecreatePods { .. }))
}

/// The condition in the words of a step, such as `if driver d makes it`.
fn condition(what: &str) -> String {
    let Some((_, told)) = what.split_once(", if ") else { return String::new() };
    format!("if {}", told.split([':', ';']).next().unwrap_or_default())
}

/// Whether the elements of lists along a path are the same in what is written and in what became of it.
fn alike(written: &Value, live: &Value, path: &str) -> bool {
    let mut at = String::new();
    for token in path.split('/').skip(1) {
        let list = written.pointer(&at).is_some_and(Value::is_array);
        at = format!("{at}/{token}");
        if list && token != "-" {
            let (Some(one), Some(other)) = (written.pointer(&at), live.pointer(&at)) else { return false };
            let same = |field: &str| match (one.get(field), other.get(field)) {
                (Some(one), Some(other)) => one == other || one.is_object() || one.is_array(),
                _ => true,
            };
            let named = ["name", "key", "topologyKey", "containerPort", "operator", "type"];
            if !named.iter().all(|field| same(field)) {
                return false;
            }
        }
    }
    true
}
