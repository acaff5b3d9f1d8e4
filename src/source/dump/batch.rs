//! The items of a list, read on every core that there is.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::thread;

use serde_json::Value;
use serde_json::value::RawValue;

use super::document::{Document, Head};
use super::groups::Group;
use super::lease;
use crate::model::Kind;
use crate::snapshot::Builder;
use crate::source::raw::{self, RawFilter};

/// Items that are worth a thread of their own.
const WORTH_A_THREAD: usize = 1000;

/// Some items of a list, read.
#[derive(Debug, Default)]
pub(super) struct Batch<'t> {
    pub(super) builder: Builder,
    pub(super) group: Group,
    pub(super) objects: usize,
    pub(super) failures: Vec<Failure<'t>>,
    /// Kinds that are not read, of which there are objects.
    pub(super) others: BTreeSet<String>,
    /// Items that are lists themselves.
    pub(super) lists: Vec<Document<'t>>,
    /// Objects as they were written, of those that are wanted so.
    pub(super) raw: Vec<Value>,
}

/// An item that could not be decoded.
#[derive(Debug)]
pub(super) struct Failure<'t> {
    pub(super) text: &'t str,
    /// Its number in the list, from 1; 0 for what stands alone.
    pub(super) item: usize,
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) error: serde_json::Error,
}

/// Reads items; `kind` is that of a list whose items carry none. The batches are in the items' order.
pub(super) fn read<'t>(items: &[&'t RawValue], kind: Option<Kind>, raw: Option<&RawFilter>) -> Vec<Batch<'t>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(items.len() / WORTH_A_THREAD).max(1);
    let size = items.len().div_ceil(threads).max(1);
    let mut parts = items.chunks(size).enumerate().map(|(part, items)| (part * size + 1, items));
    let Some((_, first)) = parts.next() else { return Vec::new() };
    thread::scope(|scope| {
        let others: Vec<_> =
            parts.map(|(from, items)| scope.spawn(move || Batch::read(items, kind, from, raw))).collect();
        let mut batches = vec![Batch::read(first, kind, 1, raw)];
        batches.extend(
            others.into_iter().map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
        );
        batches
    })
}

impl<'t> Batch<'t> {
    fn read(items: &[&'t RawValue], kind: Option<Kind>, from: usize, raw: Option<&RawFilter>) -> Self {
        let mut batch = Self::default();
        for (item, value) in (from..).zip(items) {
            let text = value.get();
            match Head::parse(text) {
                Some(head) if head.is_list() => batch.lists.extend(Document::parse(text)),
                Some(head) => batch.object(text, &head, kind, item, raw),
                None => {}
            }
        }
        batch
    }

    /// Reads an object; `kind` is that of a list whose items carry none.
    pub(super) fn object(
        &mut self,
        text: &'t str,
        head: &Head<'_>,
        kind: Option<Kind>,
        item: usize,
        raw: Option<&RawFilter>,
    ) {
        let api_version = head.api_version.as_deref().unwrap_or_default();
        let known = head.kind.as_deref().map_or(kind, |kind| Kind::from_api(api_version, kind));
        if let Some(raw) = raw {
            self.keep(text, head, known, raw);
        }
        let Some(kind) = known else {
            let renewed = lease::renewed(api_version, head.kind.as_deref().unwrap_or_default(), text);
            self.builder.renewed = self.builder.renewed.max(renewed);
            if let Some(kind) = head.kind.as_deref().filter(|kind| !self.others.contains(*kind)) {
                self.others.insert(kind.to_owned());
            }
            return;
        };
        let name = head.name();
        let (namespace, name) = (name.namespace.unwrap_or_default(), name.name.unwrap_or_default());
        self.group.object(kind, &namespace, &name);
        match self.builder.add(kind, &mut serde_json::Deserializer::from_str(text)) {
            Ok(()) => self.objects += 1,
            Err(error) => self.failures.push(Failure { text, item, kind, namespace, name, error }),
        }
    }

    fn keep(&mut self, text: &str, head: &Head<'_>, known: Option<Kind>, raw: &RawFilter) {
        let Some(kind) = head.kind.as_deref().or(known.map(Kind::name)) else { return };
        let name = head.name();
        let (namespace, name) = (name.namespace.unwrap_or_default(), name.name.unwrap_or_default());
        if raw.keeps(kind, &namespace, &name) {
            self.raw.extend(raw::value(text, known));
        }
    }
}
