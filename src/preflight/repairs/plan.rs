//! What a repair does: commands for what is in the cluster, and changes of documents.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::diagnosis::command;
use crate::diagnosis::remedy::{Change, EditOp, ManifestEdit, Remedy, Risk, Size, Step, Trial};
use crate::model::ObjectRef;
use crate::preflight::fields::{kind_of, name_of, namespace_of};
use crate::preflight::manifests::{self, Document, FieldEdit, Op, Region, TextEdit};
use crate::preflight::room::Asked;
use crate::preflight::run::named;
use crate::preflight::world::Key;
use crate::snapshot::edit::{pointer_key, pointer_token};
use crate::source::manifests::ManifestFile;

/// The longest value that is told, in bytes.
const LONGEST: usize = 4096;

/// One thing that is done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// A step in the cluster, before the documents are applied.
    Command(Box<Step>),
    /// A field of a document at a JSON pointer becomes `to`, or goes. `note` says what must be so.
    Field { document: usize, pointer: String, to: Option<Value>, note: String },
    /// A field gets another name.
    Rename { document: usize, pointer: String, name: String },
    /// A new document before another one.
    Insert { before: usize, object: Value },
    /// A document goes before another one.
    Move { document: usize, before: usize },
    /// An object goes without what it owns, so that applying the document makes it anew.
    Orphan { document: usize, key: Key },
    /// An object goes with all that it owns, so that applying the document makes it anew.
    Delete { document: usize, key: Key },
}

/// Things that are done together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) title: String,
    pub(super) risk: Risk,
    pub(super) size: Option<Size>,
    pub(super) parts: Vec<Part>,
}

/// What documents are edited in: what was read, and the documents with their keys.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) files: &'a [ManifestFile],
    pub(super) documents: &'a [Document],
    pub(super) keys: &'a [Key],
    pub(super) asked: &'a Asked,
}

impl Plan {
    pub(super) fn new(title: impl Into<String>, risk: Risk, parts: Vec<Part>) -> Self {
        Self { title: title.into(), risk, size: None, parts }
    }

    /// Whether documents change.
    pub(super) fn edits(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Command(_)))
    }

    /// The changes that are made in the cluster before the documents are applied.
    pub(super) fn changes(&self) -> Vec<&Change> {
        let steps = self.parts.iter().filter_map(|part| match part {
            Part::Command(step) if !step.later => Some(step),
            _ => None,
        });
        steps.flat_map(|step| step.change.iter().chain(step.effects.iter().filter(|_| step.change.is_none()))).collect()
    }

    /// The objects that go first, and whether what they own stays.
    pub(super) fn gone(&self) -> Vec<(&Key, bool)> {
        let gone = self.parts.iter().filter_map(|part| match part {
            Part::Orphan { key, .. } => Some((key, true)),
            Part::Delete { key, .. } => Some((key, false)),
            _ => None,
        });
        gone.collect()
    }

    /// The plan with more parts; of two for the same field, or of two patches of the same fields, the later counts.
    pub(super) fn with(&self, more: Vec<Part>) -> Self {
        let mut plan = self.clone();
        for part in more {
            if let Part::Field { document, pointer, .. } = &part {
                plan.parts.retain(|one| {
                    !matches!(one, Part::Field { document: other, pointer: at, .. }
                        if other == document && (at == pointer || at.starts_with(&format!("{pointer}/"))))
                });
            }
            if let Some((of, fields)) = patched(&part) {
                plan.parts
                    .retain(|one| patched(one).is_none_or(|(other, before)| other != of || !before.is_subset(&fields)));
            }
            if !plan.parts.contains(&part) {
                plan.parts.push(part);
            }
        }
        plan
    }

    /// The changes of fields, those of one field that is not there together.
    fn fields(&self, sources: &Sources<'_>) -> Vec<(usize, String, Option<Value>, String)> {
        let mut found: Vec<(usize, String, Option<Value>, String)> = Vec::new();
        for part in &self.parts {
            let Part::Field { document, pointer, to, note } = part else { continue };
            let Some(object) = sources.documents.get(*document).map(|document| &document.object) else { continue };
            let (at, value) = match to {
                Some(to) => whole(object, pointer, to),
                None => (pointer.clone(), None),
            };
            let same = found.iter_mut().find(|(other, there, _, _)| other == document && *there == at);
            match (same, value) {
                (Some((_, _, Some(before), _)), Some(more)) => merge(before, more),
                (_, value) => found.push((*document, at, value, note.clone())),
            }
        }
        found
    }

    /// The changes of texts, by file; `None` where one can't be made.
    fn texts(&self, sources: &Sources<'_>) -> Option<BTreeMap<usize, Vec<TextEdit>>> {
        let mut texts: BTreeMap<usize, Vec<TextEdit>> = BTreeMap::new();
        let mut add = |document: &Document, edit: TextEdit| {
            let edits = texts.entry(document.source).or_default();
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        };
        for (document, pointer, to, _) in self.fields(sources) {
            let document = sources.documents.get(document)?;
            add(document, document.edit(&pointer, to.as_ref())?.text);
        }
        for part in &self.parts {
            match part {
                Part::Rename { document, pointer, name } => {
                    let document = sources.documents.get(*document)?;
                    add(document, document.rename(pointer, name)?);
                }
                Part::Insert { before, object } => {
                    let document = sources.documents.get(*before)?;
                    add(document, document.insert_before(object)?);
                }
                _ => {}
            }
        }
        Some(texts)
    }

    /// The documents as they are then, read anew from the changed texts.
    pub(super) fn documents(&self, sources: &Sources<'_>) -> Option<Vec<Document>> {
        let texts = self.texts(sources)?;
        let mut documents = Vec::new();
        let mut rest = sources.documents;
        for (source, file) in sources.files.iter().enumerate() {
            let (own, others) = rest.split_at(rest.partition_point(|document| document.source <= source));
            rest = others;
            let Some(edits) = texts.get(&source) else {
                documents.extend_from_slice(own);
                continue;
            };
            let text = file.text.as_ref().ok()?;
            let text = manifests::changed(text.strip_prefix('\u{feff}').unwrap_or(text), edits)?;
            let mut read = manifests::read(&[ManifestFile { text: Ok(text), ..file.clone() }]);
            sources.asked.put(&mut read.documents);
            for document in &mut read.documents {
                document.source = source;
            }
            documents.extend(read.documents);
        }
        for part in &self.parts {
            if let Part::Move { document, before } = part {
                let moved = documents.get(*document).filter(|_| texts.is_empty())?.clone();
                documents.remove(*document);
                documents.insert(*before, moved);
            }
        }
        Some(documents)
    }

    /// The plan as a repair; `None` where a change has no place in the texts.
    pub(super) fn remedy(&self, sources: &Sources<'_>, trial: Trial, fits: Option<bool>) -> Option<Remedy> {
        let mut steps: Vec<Step> = Vec::new();
        for part in &self.parts {
            if let Part::Command(step) = part {
                steps.push((**step).clone());
            }
        }
        for (index, pointer, to, note) in self.fields(sources) {
            let document = sources.documents.get(index)?;
            steps.push(field_step(sources, index, document.edit(&pointer, to.as_ref())?, &note)?);
        }
        let mut last = Vec::new();
        for part in &self.parts {
            match part {
                Part::Command(_) | Part::Field { .. } => {}
                Part::Rename { document, pointer, name } => steps.push(rename_step(sources, *document, pointer, name)?),
                Part::Insert { before, object } => steps.push(insert_step(sources, *before, object)?),
                Part::Move { document, before } => steps.push(move_step(sources, *document, *before)?),
                Part::Orphan { document, key } => last.extend(made_anew(sources, *document, key, true)?),
                Part::Delete { document, key } => last.extend(made_anew(sources, *document, key, false)?),
            }
        }
        steps.extend(last);
        let Self { title, risk, size, .. } = self.clone();
        Some(Remedy { title, risk, steps, trial, size, fits })
    }
}

/// The object that a command merges a patch into, and the fields that this sets.
fn patched(part: &Part) -> Option<(ObjectRef, BTreeSet<String>)> {
    let Part::Command(step) = part else { return None };
    let change = step.change.as_ref()?;
    let Change::Patch { patch, .. } = change else { return None };
    let mut operations = Vec::new();
    leaves("", patch, &mut operations);
    let fields = operations.iter().filter_map(|operation| operation["path"].as_str()).map(str::to_owned).collect();
    Some((change.object()?, fields))
}

/// The operations that a merge patch comes down to.
pub(super) fn leaves(path: &str, patch: &Value, operations: &mut Vec<Value>) {
    match patch {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                leaves(&format!("{path}/{}", pointer_token(key)), value, operations);
            }
        }
        Value::Null => operations.push(json!({"op": "remove", "path": path})),
        value => operations.push(json!({"op": "add", "path": path, "value": value})),
    }
}

/// The outermost field of a pointer that is not there, or is empty, with all that comes along.
fn whole(object: &Value, pointer: &str, to: &Value) -> (String, Option<Value>) {
    let tokens: Vec<&str> = pointer.split('/').skip(1).collect();
    let mut at = String::new();
    for (depth, token) in tokens.iter().enumerate() {
        let parent = object.pointer(&at);
        let list = parent.is_some_and(Value::is_array);
        at = format!("{at}/{token}");
        if list && object.pointer(&at).is_none() {
            return (pointer.to_owned(), Some(to.clone()));
        }
        let open = match object.pointer(&at) {
            None | Some(Value::Null) => true,
            Some(Value::Object(fields)) => fields.is_empty(),
            Some(_) => false,
        };
        if open && depth + 1 < tokens.len() {
            let inner = tokens.iter().skip(depth + 1).rev().fold(to.clone(), |value, token| match *token {
                "-" => Value::Array(vec![value]),
                key => Value::Object(Map::from_iter([(pointer_key(key), value)])),
            });
            return (at, Some(inner));
        }
    }
    (pointer.to_owned(), Some(to.clone()))
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(fields), Value::Object(more)) => {
            for (key, value) in more {
                merge(fields.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// An edit that has the document's place and what is known of it.
fn edit_of(sources: &Sources<'_>, index: usize, op: EditOp, region: Region) -> Option<ManifestEdit> {
    let document = sources.documents.get(index)?;
    Some(ManifestEdit {
        op,
        file: document.file.clone(),
        line: region.line,
        column: region.column,
        end_line: region.end_line,
        end_column: region.end_column,
        text: None,
        document: named(sources.keys.get(index)?),
        path: String::new(),
        from: None,
        to: None,
        renderer: document.renderer,
        template: document.template.clone(),
    })
}

/// What is told of a value: those of Secrets are withheld, and long ones.
fn shown(document: &Document, value: Option<Value>) -> Option<Value> {
    let value = value?;
    let secret = kind_of(&document.object) == "Secret";
    let long = value.to_string().len() > LONGEST;
    Some(if secret || long { Value::String("…".to_owned()) } else { value })
}

fn field_step(sources: &Sources<'_>, index: usize, edit: FieldEdit, note: &str) -> Option<Step> {
    let document = sources.documents.get(index)?;
    let FieldEdit { op, path, from, to, text } = edit;
    let op = match op {
        Op::Replace => EditOp::Replace,
        Op::Add => EditOp::Add,
        Op::Remove => EditOp::Remove,
    };
    let to = shown(document, to);
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let told = match (op, &to) {
        (EditOp::Replace, Some(to)) => format!("Set {path} to {}", value(to)),
        (_, Some(to)) => format!("Add {path}: {}", value(to)),
        (_, None) => format!("Remove {path}"),
    };
    let what = if note.is_empty() { told } else { format!("{told}, {note}") };
    let own = edit_of(sources, index, op, text.region)?;
    let edit = ManifestEdit { path, from: shown(document, from), to, text: Some(text.text), ..own };
    Some(Step { what, edit: Some(edit), ..Step::default() })
}

fn rename_step(sources: &Sources<'_>, index: usize, pointer: &str, name: &str) -> Option<Step> {
    let document = sources.documents.get(index)?;
    let text = document.rename(pointer, name)?;
    let path = manifests::tokens(pointer).iter().fold(String::new(), |path, token| match token.parse::<usize>() {
        Ok(index) => format!("{path}[{index}]"),
        Err(_) => manifests::member_path(&path, token),
    });
    let old = manifests::tokens(pointer).pop()?;
    let what = format!("Rename {path} to {name}");
    let own = edit_of(sources, index, EditOp::Rename, text.region)?;
    let edit = ManifestEdit {
        path,
        from: Some(Value::String(old)),
        to: Some(Value::String(name.to_owned())),
        text: Some(text.text),
        ..own
    };
    Some(Step { what, edit: Some(edit), ..Step::default() })
}

fn insert_step(sources: &Sources<'_>, before: usize, object: &Value) -> Option<Step> {
    let document = sources.documents.get(before)?;
    let text = document.insert_before(object)?;
    let own = edit_of(sources, before, EditOp::Insert, text.region)?;
    let what = format!("Put {} before {}", told(object), own.document);
    let document = told(object);
    let edit = ManifestEdit { document, to: Some(object.clone()), text: Some(text.text), ..own };
    Some(Step { what, edit: Some(edit), ..Step::default() })
}

fn told(object: &Value) -> String {
    let namespace = Some(namespace_of(object)).filter(|namespace| !namespace.is_empty()).map(str::to_owned);
    named(&Key { kind: kind_of(object).to_owned(), namespace, name: name_of(object).to_owned() })
}

fn move_step(sources: &Sources<'_>, index: usize, before: usize) -> Option<Step> {
    let (document, target) = (sources.documents.get(index)?, sources.documents.get(before)?);
    let own = edit_of(sources, index, EditOp::Move, document.region(""))?;
    let place = format!("before {}:{}", target.file, target.line);
    let what = format!("Move {} {place}, {}", own.document, named(sources.keys.get(before)?));
    let edit = ManifestEdit { to: Some(Value::String(place)), ..own };
    Some(Step { what, edit: Some(edit), ..Step::default() })
}

/// The steps by which an object that can't be changed in place is made anew once its document is right.
fn made_anew(sources: &Sources<'_>, index: usize, key: &Key, orphan: bool) -> Option<Vec<Step>> {
    let document = sources.documents.get(index)?;
    let kind = key.kind.to_ascii_lowercase();
    let mut flags: Vec<(&str, &str)> = Vec::new();
    flags.extend(key.namespace.as_deref().map(|namespace| ("-n", namespace)));
    let words: &[&str] = if orphan { &["delete", &kind, "--cascade=orphan"] } else { &["delete", &kind] };
    let what = match orphan {
        true => format!("Delete {} without its pods, since this can't be changed in place", named(key)),
        false => format!("Delete {} with all that it owns, since this can't be changed in place", named(key)),
    };
    let delete = Step { what, command: command::kubectl(words, &[&key.name], &flags), later: true, ..Step::default() };
    delete.command.as_ref()?;
    let file = Some(document.file.as_str()).filter(|file| *file != "-" && document.renderer.is_none());
    let apply = file.and_then(|file| command::kubectl(&["apply"], &[], &[("-f", file)]));
    let what = match orphan {
        true => "Apply the manifests: it is made anew and takes its pods over",
        false => "Apply the manifests: it is made anew",
    };
    Some(vec![delete, Step { command: apply, later: true, ..Step::told(what) }])
}
