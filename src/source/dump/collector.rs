//! Sorts documents into objects, lists and headers, and gathers the objects.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

use super::batch::{self, Batch, Failure};
use super::document::Document;
use super::groups::{Group, Groups};
use super::limits::Limits;
use super::names::{kind_of_folder, kind_of_path};
use super::own::{self, BrokenEntry, Declared, SnapshotMeta};
use crate::model::Kind;
use crate::snapshot::{Broken, Builder, Problem, Scope, Snapshot};
use crate::source::SourceError;
use crate::source::raw::RawFilter;

/// What was skipped and is named, where nothing could be read.
const NAMED: usize = 4;

/// Gathers the objects of all files of a dump.
#[derive(Debug)]
pub(super) struct Collector {
    builder: Builder,
    groups: Groups,
    depth: usize,
    /// Whether a document of our own format was there.
    own: bool,
    /// Whether a header says that every kind was read.
    complete: bool,
    objects: usize,
    broken: usize,
    /// What could not be used, one line each.
    gaps: Vec<String>,
    /// Kinds that are not read, of which there are objects.
    others: BTreeSet<String>,
    /// Files whose names say that they hold no objects.
    passed: Vec<String>,
    /// Which objects are kept as they were written, and these.
    raw: (Option<RawFilter>, Vec<Value>),
}

/// Turns a place within a document's text into words.
pub(super) trait Locate {
    fn place(&mut self, text: &str, error: &serde_json::Error) -> String;
}

/// A file while its documents are read.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    /// What precedes the item in a position, such as `document 3`; empty where the file has one document.
    pub(super) document: String,
    pub(super) locate: &'a mut dyn Locate,
    plain: Group,
}

impl<'a> File<'a> {
    pub(super) fn new(name: &'a str, locate: &'a mut dyn Locate) -> Self {
        Self { name, document: String::new(), locate, plain: Group::plain(name) }
    }

    /// Where an object stands, such as `pods.yaml: document 3, item 17`.
    fn position(&mut self, text: &str, item: usize, error: &serde_json::Error) -> String {
        let item = if item == 0 { String::new() } else { format!("item {item}") };
        let parts = [self.document.clone(), item, self.locate.place(text, error)];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!("{}: {}", self.name, parts.join(", "))
    }
}

impl Collector {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            builder: Builder::default(),
            groups: Groups::default(),
            depth: limits.lists,
            own: false,
            complete: false,
            objects: 0,
            broken: 0,
            gaps: Vec::new(),
            others: BTreeSet::new(),
            passed: Vec::new(),
            raw: (None, Vec::new()),
        }
    }

    /// Keeps objects as they were written, beside.
    pub(super) fn keeping(mut self, raw: RawFilter) -> Self {
        self.raw.0 = Some(raw);
        self
    }

    /// The objects that were kept as they were written.
    pub(super) fn take_raw(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.raw.1)
    }

    /// Takes an array that is a document of its own: a support bundle's objects of the kind after which the file is
    /// named.
    pub(super) fn array(&mut self, file: &mut File<'_>, items: &[&RawValue]) -> Result<(), SourceError> {
        self.list(file, items, kind_of_path(file.name))
    }

    /// Takes one top-level document with its text.
    pub(super) fn document(
        &mut self,
        file: &mut File<'_>,
        text: &str,
        document: Document<'_>,
    ) -> Result<(), SourceError> {
        if let Some(version) = document.server_version() {
            self.builder.server_version.get_or_insert(version);
        }
        if document.kind() == own::KIND && document.api_version().starts_with(own::GROUP) {
            return self.snapshot(file, document);
        }
        if let Some(kind) = list_kind(&document) {
            let kind = kind.or_else(|| kind_of_path(file.name));
            return self.list(file, document.items.as_deref().unwrap_or_default(), kind);
        }
        let mut batch = Batch::default();
        batch.object(text, &document.head(), None, 0, self.raw.0.as_ref());
        let mut plain = std::mem::take(&mut file.plain);
        self.take(file, &mut plain, batch);
        file.plain = plain;
        Ok(())
    }

    /// Ends a file.
    pub(super) fn end(&mut self, file: File<'_>) {
        let Some(kind) = kind_of_folder(file.name) else { return self.groups.add(file.plain) };
        self.groups.add_to_folder(kind, file.plain);
    }

    fn list(&mut self, file: &mut File<'_>, items: &[&RawValue], kind: Option<Kind>) -> Result<(), SourceError> {
        let mut group = Group::list(file.name);
        if let (true, Some(kind)) = (items.is_empty(), kind) {
            group.empty(kind);
        }
        self.items(file, &mut group, items, kind, 1)?;
        self.groups.add(group);
        Ok(())
    }

    fn items(
        &mut self,
        file: &mut File<'_>,
        group: &mut Group,
        items: &[&RawValue],
        kind: Option<Kind>,
        depth: usize,
    ) -> Result<(), SourceError> {
        if depth > self.depth {
            let message = format!("{}: lists are nested deeper than {}, the bound", file.name, self.depth);
            return Err(SourceError::unreadable(message));
        }
        for part in batch::read(items, kind, self.raw.0.as_ref()) {
            for list in self.take(file, group, part) {
                let kind = list_kind(&list).flatten();
                let items = list.items.as_deref().unwrap_or_default();
                kind.filter(|_| items.is_empty()).into_iter().for_each(|kind| group.empty(kind));
                self.items(file, group, items, kind, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Takes what was read of some items; gives the lists among them.
    fn take<'t>(&mut self, file: &mut File<'_>, group: &mut Group, batch: Batch<'t>) -> Vec<Document<'t>> {
        self.objects += batch.objects;
        self.raw.1.extend(batch.raw);
        self.broken += batch.failures.len();
        self.builder.absorb(batch.builder);
        group.merge(batch.group);
        self.others.extend(batch.others);
        for failure in batch.failures {
            let Failure { text, item, kind, namespace, name, error } = failure;
            let origin = file.position(text, item, &error);
            self.builder.note(Broken { kind, namespace, name, origin, error: without_position(&error) });
        }
        batch.lists
    }

    fn snapshot(&mut self, file: &mut File<'_>, document: Document<'_>) -> Result<(), SourceError> {
        if document.api_version() != own::API_VERSION {
            let message = format!("{}: snapshots of {} can't be read", file.name, document.api_version());
            return Err(SourceError::unreadable(message).hinted("use a newer kubectl-storagewhy"));
        }
        self.own = true;
        let broken_header = |error| SourceError::unreadable(format!("{}: the snapshot's header: {error}", file.name));
        if let Some(text) = document.metadata {
            let meta: SnapshotMeta = serde_json::from_str(text.get()).map_err(broken_header)?;
            self.builder.taken = self.builder.taken.take().or(meta.taken);
            self.builder.renewed = self.builder.renewed.max(meta.renewed.and_then(|renewed| renewed.parse().ok()));
            self.builder.server_version = meta.server_version.or(self.builder.server_version.take());
        }
        let declared =
            document.coverage.map(|text| serde_json::from_str(text.get())).transpose().map_err(broken_header)?;
        let unreadable =
            document.unreadable.map(|text| serde_json::from_str(text.get())).transpose().map_err(broken_header)?;
        self.declare(declared.unwrap_or(Declared::Kinds(Vec::new())));
        let unreadable: Vec<BrokenEntry> = unreadable.unwrap_or_default();
        unreadable.into_iter().filter_map(BrokenEntry::read).for_each(|broken| self.builder.note(broken));
        let mut group = Group::list(file.name);
        self.items(file, &mut group, &document.items.unwrap_or_default(), None, 1)
    }

    fn declare(&mut self, declared: Declared) {
        match declared {
            Declared::Word(word) => self.complete |= word == "complete",
            Declared::Kinds(entries) => {
                let unread = Scope::Nothing(Problem::NotInDump);
                Kind::ALL.iter().for_each(|&kind| self.builder.cover(kind, unread.clone()));
                for (kind, scope) in entries.into_iter().filter_map(own::CoverageEntry::read) {
                    self.builder.cover(kind, scope);
                }
            }
        }
    }

    /// Notes that a file, or its rest, could not be used; `text` is what there is of it.
    pub(super) fn gap(&mut self, file: &str, error: &str, text: &str) {
        let reason = format!("{file}: {error}");
        let mentioned = kinds_mentioned(text);
        for &kind in &mentioned {
            self.groups.fail(kind, &reason);
        }
        if let Some(kind) = kind_of_path(file).filter(|_| mentioned.is_empty()) {
            self.groups.fail(kind, &reason);
        }
        self.groups.gap();
        self.gaps.push(reason);
    }

    /// Makes the snapshot.
    pub(super) fn finish(mut self, from: &str) -> Result<Snapshot, SourceError> {
        if self.objects == 0 && !self.own {
            return Err(self.nothing(from));
        }
        if self.complete && self.gaps.is_empty() {
            Kind::ALL.iter().for_each(|&kind| self.builder.cover(kind, Scope::All));
        }
        self.groups.cover(&mut self.builder);
        self.builder.warnings.append(&mut self.gaps);
        let snapshot = self.builder.build(&Scope::Nothing(Problem::NotInDump));
        Ok(if self.own { snapshot } else { self.groups.presume(snapshot) })
    }

    /// Notes a file that is passed over for its name.
    pub(super) fn pass(&mut self, file: &str) {
        self.passed.push(file.to_owned());
    }

    /// Why there is no snapshot, with what was skipped.
    fn nothing(&self, from: &str) -> SourceError {
        if let ([gap], true) = (self.gaps.as_slice(), self.passed.is_empty()) {
            return SourceError::unreadable(gap.clone());
        }
        let mut message = match self.broken {
            0 => format!("{from}: no Kubernetes objects found"),
            count => format!("{from}: none of its {count} objects could be read"),
        };
        for gap in self.gaps.iter().take(NAMED) {
            message.push_str(&format!("; {gap}"));
        }
        let kinds: Vec<&str> = self.others.iter().map(String::as_str).collect();
        let passed: Vec<&str> = self.passed.iter().map(String::as_str).collect();
        let more: Vec<&str> = self.gaps.iter().skip(NAMED).map(String::as_str).collect();
        for (what, list) in [("kinds that are not read", kinds), ("no YAML or JSON", passed), ("not usable", more)] {
            if !list.is_empty() {
                message.push_str(&format!("; skipped, {what}: {}", first(&list)));
            }
        }
        SourceError::unreadable(message)
            .hinted("give a snapshot of `collect`, or what `kubectl get … -A -o json` wrote")
    }
}

/// The first of a list, and how many more there are.
fn first(list: &[&str]) -> String {
    let named = list[..list.len().min(NAMED)].join(", ");
    match list.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// `Some(Some(kind))` for a typed list such as `PodList`, `Some(None)` for a list of anything.
fn list_kind(document: &Document<'_>) -> Option<Option<Kind>> {
    let item = document.kind().strip_suffix("List")?;
    Some(Kind::from_api(document.api_version(), item))
}

/// Every kind whose name stands as a `kind` in a text that could not be parsed.
fn kinds_mentioned(text: &str) -> Vec<Kind> {
    let words: std::collections::BTreeSet<&str> = text
        .match_indices("kind")
        .filter_map(|(at, word)| {
            let rest = text[at + word.len()..].trim_start_matches(['"', ':', ' ', '\'']);
            rest.split(|c: char| !c.is_ascii_alphanumeric()).next()
        })
        .collect();
    let named = |kind: &Kind| words.iter().any(|word| word.strip_suffix("List").unwrap_or(word) == kind.name());
    Kind::ALL.iter().copied().filter(named).collect()
}

/// The message without serde's own position, which counts from the object's start.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or(text.clone(), |end| text[..end].to_owned())
}
