//! One YAML document as a tree with places.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Span, StructureStyle, Tag};

use super::document::Region;
use super::scalar;
use super::tree::{Entry, Node, Shape};

/// How deep values may stand in each other.
pub(super) const DEEPEST: usize = 128;

/// Comments in a row.
const COMMENTS: usize = 100_000;

/// Where the tags of YAML stand.
const YAML: &str = "tag:yaml.org,2002:";

/// How many entries `<<` may put into the maps of one document.
const MERGED: usize = 1_000_000;

/// Where a text begins in its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) line: usize,
    /// From 1, in characters; counts for the first line alone.
    pub(super) column: usize,
}

impl Origin {
    fn place(self, mark: &Marker) -> (usize, usize) {
        let line = mark.line().max(1);
        let column = mark.col() + if line == 1 { self.column } else { 1 };
        (self.line + line - 1, column)
    }

    fn region(self, span: Span) -> Region {
        let ((line, column), (end_line, end_column)) = (self.place(&span.start), self.place(&span.end));
        Region { line, column, end_line, end_column }
    }
}

/// Why a document can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
    /// A map or list stands where a key must.
    pub(super) key: bool,
}

/// A comment and where its `#` stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) region: Region,
    /// The text behind `#`.
    pub(super) text: String,
}

/// What a text says.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The first document; kubectl reads no other, which can only follow a `...`.
    pub(super) root: Option<Arc<Node>>,
    /// Where a second document begins.
    pub(super) second: Option<Region>,
    /// The comments that `wanted` asked for.
    pub(super) comments: Vec<Comment>,
}

/// Reads the first document of a text.
///
/// # Errors
/// What is no YAML, or nests deeper or merges more than is read.
pub(super) fn read(text: &str, origin: Origin, wanted: fn(&str) -> bool) -> Result<Read, Fault> {
    let mut builder =
        Builder { text, origin, open: Vec::new(), anchors: HashMap::new(), merged: 0, read: Read::default() };
    let mut started = false;
    for event in Parser::new_from_str_with_options(text, options()) {
        let (event, span) = event.map_err(|error| {
            let (line, column) = origin.place(error.marker());
            Fault { line, column, message: error.info(), key: false }
        })?;
        match event {
            Event::Comment(text, _) => {
                if wanted(&text) {
                    let comment = Comment { region: origin.region(span), text: text.into_owned() };
                    builder.read.comments.push(comment);
                }
            }
            Event::DocumentStart(..) if started => {
                builder.read.second = Some(origin.region(span));
                break;
            }
            Event::DocumentStart(..) => started = true,
            other => builder.event(other, span)?,
        }
    }
    Ok(builder.read)
}

fn options() -> Options {
    let mut options = Options::default();
    options.max_buffered_comment_events = COMMENTS;
    options.flow_nesting_limit = DEEPEST;
    options.block_nesting_limit = DEEPEST;
    options
}

/// A map or list that is not closed yet.
struct Open {
    start: Span,
    anchor: usize,
    shape: Opened,
    flow: bool,
}

enum Opened {
    List(Vec<Arc<Node>>),
    Map(Vec<Entry>, Pending),
}

/// What a map waits for.
enum Pending {
    Key,
    Value(String, Region),
    Merge,
}

struct Builder<'t> {
    text: &'t str,
    origin: Origin,
    open: Vec<Open>,
    anchors: HashMap<usize, Arc<Node>>,
    merged: usize,
    read: Read,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag, span),
            Event::SequenceStart(style, anchor, _) => self.start(span, anchor, style, Opened::List(Vec::new())),
            Event::MappingStart(style, anchor, _) => {
                self.start(span, anchor, style, Opened::Map(Vec::new(), Pending::Key))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.fault(span, "the value of an anchor contains itself"));
                };
                self.put(node, span)
            }
            _ => Ok(()),
        }
    }

    fn fault(&self, span: Span, message: impl Into<String>) -> Fault {
        let (line, column) = self.origin.place(&span.start);
        Fault { line, column, message: message.into(), key: false }
    }

    fn start(&mut self, span: Span, anchor: usize, style: StructureStyle, shape: Opened) -> Result<(), Fault> {
        if let Some(Open { shape: Opened::Map(_, Pending::Key), .. }) = self.open.last() {
            return Err(Fault { key: true, ..self.fault(span, "a map or list can't be a key") });
        }
        self.open.push(Open { start: span, anchor, shape, flow: style == StructureStyle::Flow });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let shape = match open.shape {
            Opened::List(items) => Shape::List(items),
            Opened::Map(entries, _) => Shape::Map(entries),
        };
        let region = self.origin.region(Span::new(open.start.start, span.end));
        let depth = 1 + match &shape {
            Shape::List(items) => items.iter().map(|item| item.depth).max(),
            Shape::Map(entries) => entries.iter().map(|entry| entry.value.depth).max(),
            Shape::Scalar(_) => None,
        }
        .unwrap_or(0);
        if depth > DEEPEST {
            return Err(self.fault(open.start, format!("values are nested deeper than {DEEPEST}")));
        }
        let node = Arc::new(Node { region, shape, flow: open.flow, depth });
        if open.anchor != 0 {
            self.anchors.insert(open.anchor, Arc::clone(&node));
        }
        self.put(node, open.start)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        span: Span,
    ) -> Result<(), Fault> {
        let written = span.byte_range().and_then(|range| self.text.get(range)).unwrap_or_default();
        if style == ScalarStyle::DoubleQuoted && escapes_slash(written) {
            return Err(self.fault(span, "found unknown escape character"));
        }
        let plain = style == ScalarStyle::Plain;
        let binary = tag.as_ref().is_some_and(|tag| tag.suffix_in_namespace(YAML).as_deref() == Some("binary"));
        let tag = tag.as_ref().map(|tag| tag.core_suffix().unwrap_or(if binary { "binary" } else { "other" }));
        let region = self.origin.region(span);
        if let Some(Open { shape: Opened::Map(_, pending @ Pending::Key), .. }) = self.open.last_mut()
            && anchor == 0
        {
            if text == "<<" && (plain && tag.is_none() || tag == Some("merge")) {
                *pending = Pending::Merge;
                return Ok(());
            }
            let Some(key) = scalar::key(text, plain, tag) else {
                return Err(self.fault(span, format!("`{text}` can't be a key")));
            };
            *pending = Pending::Value(key, region);
            return Ok(());
        }
        let value = scalar::value(text, plain, tag).map_err(|message| self.fault(span, message))?;
        let node = Arc::new(Node { region, shape: Shape::Scalar(value), flow: false, depth: 0 });
        if anchor != 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        self.put(node, span)
    }

    /// Puts a value where it belongs: the root, an item, a key or a member.
    fn put(&mut self, node: Arc<Node>, span: Span) -> Result<(), Fault> {
        let region = self.origin.region(span);
        let Some(open) = self.open.last_mut() else {
            self.read.root = Some(node);
            return Ok(());
        };
        let (entries, pending) = match &mut open.shape {
            Opened::List(items) => {
                items.push(node);
                return Ok(());
            }
            Opened::Map(entries, pending) => (entries, pending),
        };
        match std::mem::replace(pending, Pending::Key) {
            Pending::Value(key, place) => {
                entries.push(Entry { key: key.into(), place, value: node, merged: false });
                Ok(())
            }
            Pending::Merge => match merge(&node, MERGED.saturating_sub(self.merged)) {
                Ok(more) => {
                    self.merged += more.len();
                    entries.extend(more);
                    Ok(())
                }
                Err(message) => Err(self.fault(span, message)),
            },
            Pending::Key => match key_of(&node) {
                Some(key) => {
                    *pending = Pending::Value(key, region);
                    Ok(())
                }
                None => Err(Fault { key: true, ..self.fault(span, "a map or list can't be a key") }),
            },
        }
    }
}

/// Whether a quoted text has `\/` in it, which YAML 1.1 doesn't know.
fn escapes_slash(written: &str) -> bool {
    let mut letters = written.chars();
    while let Some(letter) = letters.next() {
        if letter == '\\' && letters.next() == Some('/') {
            return true;
        }
    }
    false
}

/// The entries that `<<` brings, the weakest first; no more than `left`.
fn merge(node: &Node, left: usize) -> Result<Vec<Entry>, &'static str> {
    const WRONG: &str = "map merge requires map or sequence of maps as the value";
    let maps: Vec<&Node> = match &node.shape {
        Shape::List(items) => items.iter().rev().map(AsRef::as_ref).collect(),
        Shape::Map(_) | Shape::Scalar(_) => vec![node],
    };
    let mut merged = Vec::new();
    for map in maps {
        let Shape::Map(entries) = &map.shape else { return Err(WRONG) };
        if entries.len() > left.saturating_sub(merged.len()) {
            return Err("`<<` merges too much");
        }
        merged.extend(entries.iter().map(|entry| Entry { merged: true, ..entry.clone() }));
    }
    Ok(merged)
}

/// The key that a scalar is which an alias stands for.
fn key_of(node: &Node) -> Option<String> {
    match &node.shape {
        Shape::Scalar(serde_json::Value::String(text)) => Some(text.clone()),
        Shape::Scalar(serde_json::Value::Null) | Shape::List(_) | Shape::Map(_) => None,
        Shape::Scalar(other) => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Documents as texts of JSON, each with what `YAMLToJSON` of sigs.k8s.io/yaml 1.6.0, which kubectl reads with, makes of it
    /// (`-` where that is an error).
    const MEASURED: &str = include_str!("measured.txt");

    #[test]
    fn documents_are_read_as_kubectl_reads_them() {
        let mut wrong = Vec::new();
        for (text, expected) in MEASURED.lines().filter_map(|line| line.split_once('\t')) {
            let text: String = serde_json::from_str(text).unwrap();
            let read = read(&text, Origin { line: 1, column: 1 }, |_| false);
            let value = read.ok().and_then(|read| read.root).and_then(|root| root.value(&mut u64::MAX.clone()).ok());
            let told = value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string);
            let same = match (serde_json::from_str::<Value>(expected).ok(), value) {
                (None, None) => true,
                (Some(expected), Some(value)) => {
                    expected == value
                        || expected
                            .get("a")
                            .and_then(Value::as_f64)
                            .is_some_and(|number| value.get("a").and_then(Value::as_f64) == Some(number))
                }
                _ => false,
            };
            if !same {
                wrong.push(format!("{text:?}: {told} and not {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
