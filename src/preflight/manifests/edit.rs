//! Changes of a manifest's text: where a field stands, and what is to stand there.

use serde_json::{Map, Value};

use super::document::{Document, Region};
use super::path::join;
use super::tree::{Entry, Node, Shape};
use super::write::{document, inline, lines_of_item, lines_of_member, member, string};
use crate::snapshot::edit::pointer_key;

/// What is done to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Op {
    Replace,
    Add,
    Remove,
}

/// A stretch of a manifest and the text that takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextEdit {
    /// Empty where nothing goes.
    pub(crate) region: Region,
    pub(crate) text: String,
}

/// A change of one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldEdit {
    pub(crate) op: Op,
    /// The field as it is after the change, such as `spec.volumeClaimTemplates[0].spec.storageClassName`.
    pub(crate) path: String,
    /// What stands there; `None` where it is added.
    pub(crate) from: Option<Value>,
    /// What is to stand there; `None` where it goes.
    pub(crate) to: Option<Value>,
    pub(crate) text: TextEdit,
}

/// What a node stands in.
#[derive(Clone, Copy)]
enum Holder<'n> {
    Entry(&'n Entry),
    /// The root or an item of a list.
    Other,
}

/// The values that are looked into when a value is told, with what aliases stand for, in bytes.
const TOLD: u64 = 64 << 10;

impl Document {
    /// What to change in the text so that the field at a JSON pointer is `to`, or goes. Fields above it that are not there
    /// come with it; `-` stands for a new item, which becomes the first. `None` where the text has no such place, or has it
    /// in a form that is not edited.
    pub(crate) fn edit(&self, pointer: &str, to: Option<&Value>) -> Option<FieldEdit> {
        let tree = self.tree.as_deref()?;
        let tokens = tokens(pointer);
        let write = Write { json: tree.flow };
        let (mut node, mut holder, mut path) = (tree, Holder::Other, String::new());
        for (depth, token) in tokens.iter().enumerate() {
            let rest = &tokens[depth + 1..];
            match &node.shape {
                Shape::Map(_) => {
                    path = member_path(&path, token);
                    let Some(entry) = node.entry(token) else {
                        let text = write.with_member(node, holder, token, &nested(rest, to?))?;
                        return Some(added(path, rest, to?, text));
                    };
                    if rest.is_empty() {
                        return write.member(node, entry, path, to);
                    }
                    (node, holder) = (&*entry.value, Holder::Entry(entry));
                }
                Shape::List(items) => {
                    let index = token.parse::<usize>().ok().filter(|index| *index < items.len());
                    path = format!("{path}[{}]", index.unwrap_or(0));
                    let Some(index) = index else {
                        let text = write.with_item(node, holder, &nested(rest, to?))?;
                        return Some(added(path, rest, to?, text));
                    };
                    if rest.is_empty() {
                        return write.item(items, index, holder, path, to);
                    }
                    (node, holder) = (&*items[index], Holder::Other);
                }
                Shape::Scalar(Value::Null) => {
                    let Holder::Entry(entry) = holder else { return None };
                    let text = write.in_place_of(entry, &nested(&tokens[depth..], to?))?;
                    return Some(added(path, &tokens[depth..], to?, text));
                }
                Shape::Scalar(_) => return None,
            }
        }
        None
    }

    /// What to put into the text to have another document before this one; `None` where it is no YAML document of its own.
    pub(crate) fn insert_before(&self, object: &Value) -> Option<TextEdit> {
        let tree = self.tree.as_deref().filter(|tree| !tree.flow)?;
        let place = start(tree.first());
        let alone = place.1 == 1 && self.whole;
        alone.then(|| TextEdit { region: at(place), text: format!("{}\n---\n", document(object)) })
    }

    /// What to change in the text so that a field has another name.
    pub(crate) fn rename(&self, pointer: &str, name: &str) -> Option<TextEdit> {
        let tree = self.tree.as_deref()?;
        let tokens = tokens(pointer);
        let (last, above) = tokens.split_last()?;
        let mut node = tree;
        for token in above {
            node = match &node.shape {
                Shape::Map(_) => &node.entry(token)?.value,
                Shape::List(items) => items.get(token.parse::<usize>().ok()?)?,
                Shape::Scalar(_) => return None,
            };
        }
        let taken = node.entry(name).is_some();
        let entry = node.entry(last).filter(|entry| !entry.merged && !taken)?;
        Some(TextEdit { region: entry.place, text: string(name, tree.flow) })
    }
}

/// The tokens of a JSON pointer (RFC 6901).
pub(crate) fn tokens(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(pointer_key).collect()
}

/// A member's path, with brackets around keys that have dots.
pub(crate) fn member_path(parent: &str, key: &str) -> String {
    if key.contains(['.', '/', '[', ']']) { format!("{parent}[{key}]") } else { join(parent, key) }
}

/// The path of what is added, with the fields that come along.
fn added(path: String, rest: &[String], to: &Value, text: TextEdit) -> FieldEdit {
    let path = rest.iter().fold(path, |path, token| match token.as_str() {
        "-" | "0" => format!("{path}[0]"),
        key => member_path(&path, key),
    });
    FieldEdit { op: Op::Add, path, from: None, to: Some(to.clone()), text }
}

/// A value within the fields and lists that lead to it.
fn nested(tokens: &[String], value: &Value) -> Value {
    tokens.iter().rev().fold(value.clone(), |value, token| match token.as_str() {
        "-" | "0" => Value::Array(vec![value]),
        key => Value::Object(Map::from_iter([(key.to_owned(), value)])),
    })
}

fn told(node: &Node) -> Option<Value> {
    node.value(&mut { TOLD }).ok()
}

/// How a document writes its values.
#[derive(Clone, Copy)]
struct Write {
    json: bool,
}

impl Write {
    /// Another value for an entry, or none.
    fn member(self, node: &Node, entry: &Entry, path: String, to: Option<&Value>) -> Option<FieldEdit> {
        let (op, text) = match to {
            Some(to) => (Op::Replace, self.value_of(entry, to)?),
            None => (Op::Remove, without_member(node, entry)?),
        };
        Some(FieldEdit { op, path, from: told(&entry.value), to: to.cloned(), text })
    }

    fn item(
        self,
        items: &[std::sync::Arc<Node>],
        index: usize,
        holder: Holder<'_>,
        path: String,
        to: Option<&Value>,
    ) -> Option<FieldEdit> {
        let item = &*items[index];
        let (op, text) = match to {
            Some(to) => (Op::Replace, TextEdit { region: whole(item)?, text: inline(to, self.json) }),
            None if items.len() == 1 => {
                let Holder::Entry(entry) = holder else { return None };
                (Op::Remove, self.in_place_of(entry, &Value::Array(Vec::new()))?)
            }
            None => (Op::Remove, without(items.iter().map(|item| (start(item.region), end(item))), index)?),
        };
        Some(FieldEdit { op, path, from: told(item), to: to.cloned(), text })
    }

    fn value_of(self, entry: &Entry, to: &Value) -> Option<TextEdit> {
        let region = entry.value.region;
        let own = (region.line, region.column) >= (entry.place.end_line, entry.place.end_column);
        let short = region.line == region.end_line && region.column < region.end_column;
        let scalars = matches!(entry.value.shape, Shape::Scalar(_)) && !to.is_array() && !to.is_object();
        if scalars && own && short {
            return Some(TextEdit { region, text: inline(to, self.json) });
        }
        self.in_place_of(entry, to)
    }

    /// The whole entry with another value, on one line.
    fn in_place_of(self, entry: &Entry, to: &Value) -> Option<TextEdit> {
        let end = end_of_entry(entry)?;
        let region = between(start(entry.place), end)?;
        Some(TextEdit { region, text: member(&entry.key, to, self.json) })
    }

    /// A map with one more member, before its first.
    fn with_member(self, node: &Node, holder: Holder<'_>, key: &str, value: &Value) -> Option<TextEdit> {
        let Shape::Map(entries) = &node.shape else { return None };
        let Some(first) = entries.iter().find(|entry| !entry.merged) else {
            let alone = Value::Object(Map::from_iter([(key.to_owned(), value.clone())]));
            return match holder {
                Holder::Entry(entry) if entries.is_empty() => self.in_place_of(entry, &alone),
                _ => None,
            };
        };
        let text = match node.flow {
            true => format!("{}, ", member(key, value, self.json)),
            false => below(&lines_of_member(key, value), first.place.column),
        };
        Some(TextEdit { region: at(start(first.place)), text })
    }

    /// A list with one more item, before its first.
    fn with_item(self, node: &Node, holder: Holder<'_>, value: &Value) -> Option<TextEdit> {
        let Shape::List(items) = &node.shape else { return None };
        let Some(first) = items.first() else {
            let Holder::Entry(entry) = holder else { return None };
            return self.in_place_of(entry, &Value::Array(vec![value.clone()]));
        };
        let (place, text) = match node.flow {
            true => (start(first.region), format!("{}, ", inline(value, self.json))),
            false => (start(node.region), below(&lines_of_item(value), node.region.column)),
        };
        Some(TextEdit { region: at(place), text })
    }
}

/// The map without an entry.
fn without_member(node: &Node, entry: &Entry) -> Option<TextEdit> {
    let Shape::Map(entries) = &node.shape else { return None };
    let own: Vec<&Entry> = entries.iter().filter(|entry| !entry.merged).collect();
    let index = own.iter().position(|one| std::ptr::eq(*one, entry))?;
    if own.len() == 1 && own.len() == entries.len() {
        let region = between(start(entry.place), end_of_entry(entry)?)?;
        return Some(TextEdit { region, text: if node.flow { String::new() } else { "{}".to_owned() } });
    }
    without(own.iter().map(|entry| (start(entry.place), end_of_entry(entry))), index)
}

/// What is taken away to have a row without one of its parts, each with its start and its end.
fn without(parts: impl Iterator<Item = (Spot, Option<Spot>)>, index: usize) -> Option<TextEdit> {
    let parts: Vec<(Spot, Option<Spot>)> = parts.collect();
    let (own, own_end) = *parts.get(index)?;
    let region = match parts.get(index + 1) {
        Some((next, _)) => between(own, *next)?,
        None => between(parts.get(index.checked_sub(1)?)?.1.unwrap_or(own), own_end?)?,
    };
    Some(TextEdit { region, text: String::new() })
}

/// A place in a text: line and column, from 1.
type Spot = (usize, usize);

fn start(region: Region) -> Spot {
    (region.line, region.column)
}

fn at(place: Spot) -> Region {
    Region { line: place.0, column: place.1, end_line: place.0, end_column: place.1 }
}

fn between(start: Spot, end: Spot) -> Option<Region> {
    (start <= end).then_some(Region { line: start.0, column: start.1, end_line: end.0, end_column: end.1 })
}

fn whole(node: &Node) -> Option<Region> {
    between(start(node.region), end(node)?)
}

/// The place behind the value of an entry; behind the colon where there is none. `None` where it stands elsewhere.
fn end_of_entry(entry: &Entry) -> Option<Spot> {
    let key = (entry.place.end_line, entry.place.end_column);
    let nothing = matches!(entry.value.shape, Shape::Scalar(Value::Null))
        && (entry.value.region.line, entry.value.region.column)
            == (entry.value.region.end_line, entry.value.region.end_column);
    if nothing {
        return Some((key.0, key.1 + 1));
    }
    end(&entry.value).filter(|end| *end > key)
}

/// The place behind a value; `None` where a text of several lines is the last of it: such a text may end below itself.
fn end(node: &Node) -> Option<Spot> {
    let own = (node.region.end_line, node.region.end_column);
    match &node.shape {
        Shape::Map(entries) if !node.flow => entries.iter().rfind(|entry| !entry.merged).and_then(end_of_entry),
        Shape::List(items) if !node.flow => items.last().and_then(|item| end(item)),
        Shape::Scalar(_) => Some(own).filter(|end| end.0 == node.region.line),
        Shape::Map(_) | Shape::List(_) => Some(own),
    }
}

/// Lines that are put before what stands at a column.
fn below(lines: &[String], column: usize) -> String {
    let indent = " ".repeat(column.saturating_sub(1));
    lines.iter().map(|line| format!("{line}\n{indent}")).collect()
}

/// A text with changes made, none of which may reach into another; `None` where one does, or where its place is not there.
pub(crate) fn changed(text: &str, edits: &[TextEdit]) -> Option<String> {
    let mut starts = vec![0];
    starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
    let offset = |line: usize, column: usize| {
        let start = *starts.get(line.checked_sub(1)?)?;
        let end = starts.get(line).copied().unwrap_or(text.len());
        let line = text.get(start..end)?;
        let mut places = line.char_indices().map(|(at, _)| at).chain([line.len()]);
        Some(start + places.nth(column.checked_sub(1)?)?)
    };
    let place = |edit: &TextEdit| {
        let Region { line, column, end_line, end_column } = edit.region;
        Some((offset(line, column)?, offset(end_line, end_column)?))
    };
    let mut places: Vec<((usize, usize), &TextEdit)> =
        edits.iter().map(|edit| Some((place(edit)?, edit))).collect::<Option<_>>()?;
    places.sort_by_key(|(place, _)| *place);
    let mut changed = String::with_capacity(text.len());
    let mut done = 0;
    for ((start, end), edit) in places {
        changed.push_str(text.get(done..start)?);
        changed.push_str(&edit.text);
        done = end;
    }
    changed.push_str(text.get(done..)?);
    Some(changed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::preflight::manifests::read;
    use crate::source::manifests::ManifestFile;

    fn document_of(text: &str) -> Document {
        let text = Ok(text.to_owned());
        let mut manifests = read(&[ManifestFile { name: "f".to_owned(), renderer: None, text }]);
        assert_eq!(manifests.problems, []);
        manifests.documents.pop().unwrap()
    }

    /// The text with the edit made; what it then says is what the edit promises.
    fn edited(text: &str, pointer: &str, to: Option<Value>) -> String {
        let before = document_of(text);
        let edit = before.edit(pointer, to.as_ref()).unwrap_or_else(|| panic!("{pointer}"));
        let after = changed(text, &[edit.text]).unwrap();
        let mut expected = before.object;
        set(&mut expected, &tokens(pointer), to);
        assert_eq!(document_of(&after).object, expected, "{after}");
        after
    }

    fn set(object: &mut Value, tokens: &[String], to: Option<Value>) {
        let (last, above) = tokens.split_last().unwrap();
        let pointer: String = above.iter().map(|token| format!("/{}", token.replace('/', "~1"))).collect();
        let parent = object.pointer_mut(&pointer);
        match (parent, to) {
            (Some(Value::Object(fields)), Some(to)) => _ = fields.insert(last.clone(), to),
            (Some(Value::Object(fields)), None) => _ = fields.remove(last),
            (Some(Value::Array(items)), Some(to)) if last == "-" => items.insert(0, to),
            (Some(Value::Array(items)), Some(to)) => items[last.parse::<usize>().unwrap()] = to,
            (Some(Value::Array(items)), None) => _ = items.remove(last.parse().unwrap()),
            (_, Some(to)) => {
                let nested = if last == "-" { json!([to]) } else { json!({ last: to }) };
                set(object, above, Some(nested));
            }
            (_, None) => panic!("nothing to remove"),
        }
    }

    const SET: &str = "\
# the set
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, labels: {\"a/b\": 'x', c: y}}
spec:
  # how many
  replicas: 3   # three
  template:
    spec:
      containers:
      - name: a
        resources:
          requests: {cpu: 500m}
      - name: b
        resources:
        # nothing asked
        args: [x, y, z]
      nodeSelector:
        arch: arm64
      tolerations: []
      empty:
      text: |
        line
        line
  volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes:
        - ReadWriteOnce
      storageClassName: fast
      resources:
        requests:
          storage: 10Gi
";

    #[test]
    fn values_are_replaced_where_they_stand() {
        let class = "/spec/volumeClaimTemplates/0/spec/storageClassName";
        let edit = document_of(SET).edit(class, Some(&json!("standard"))).unwrap();
        assert_eq!(edit.text.region, Region { line: 31, column: 25, end_line: 31, end_column: 29 });
        assert_eq!((edit.from, edit.to, edit.op), (Some(json!("fast")), Some(json!("standard")), Op::Replace));
        assert_eq!(edit.path, "spec.volumeClaimTemplates[0].spec.storageClassName");
        assert!(edited(SET, class, Some(json!("yes"))).contains("storageClassName: \"yes\"\n"));
        assert!(edited(SET, "/spec/replicas", Some(json!(1))).contains("replicas: 1   # three\n"));
        edited(SET, "/metadata/labels/a~1b", Some(json!("12")));
        edited(SET, "/spec/template/spec/containers/0/resources/requests/cpu", Some(json!("1")));
        edited(SET, "/spec/volumeClaimTemplates/0/spec/accessModes", Some(json!(["ReadWriteMany"])));
        edited(SET, "/spec/template/spec/containers/1/args/1", Some(json!("w")));
        assert_eq!(document_of(SET).edit("/spec/template/spec/text", Some(&json!("short"))), None);
        edited(SET, "/spec/template/spec/empty", Some(json!("full")));
    }

    #[test]
    fn fields_are_added_with_those_above_them() {
        let spec = "/spec/template/spec";
        let memory = edited(SET, &format!("{spec}/containers/0/resources/requests/memory"), Some(json!("1Gi")));
        assert!(memory.contains("requests: {memory: 1Gi, cpu: 500m}"));
        let context = format!("{spec}/containers/0/securityContext");
        let context = edited(SET, &context, Some(json!({"capabilities": {"drop": ["ALL"]}})));
        let added = "      - securityContext:\n          capabilities:\n            drop:\n              - ALL\n        name: a\n";
        assert!(context.contains(added), "{context}");
        edited(SET, &format!("{spec}/containers/1/resources/requests/cpu"), Some(json!("1")));
        edited(SET, &format!("{spec}/tolerations/-"), Some(json!({"key": "a", "operator": "Exists"})));
        edited(SET, &format!("{spec}/empty/inner"), Some(json!({"x": [1]})));
        edited(SET, &format!("{spec}/affinity/nodeAffinity"), Some(json!({"x": [1]})));
        edited(SET, "/spec/volumeClaimTemplates/0/spec/accessModes/-", Some(json!("ReadOnlyMany")));
        edited(SET, &format!("{spec}/containers/1/args/-"), Some(json!("w")));
        edited(SET, "/spec/updateStrategy/type", Some(json!("OnDelete")));
        edited(SET, "/metadata/namespace", Some(json!("app")));
    }

    #[test]
    fn fields_and_items_go() {
        for pointer in [
            "/spec/replicas",
            "/spec/template/spec/empty",
            "/spec/template/spec/tolerations",
            "/spec/template/spec/nodeSelector",
            "/spec/template/spec/nodeSelector/arch",
            "/spec/template/spec/containers/0/resources/requests/cpu",
            "/spec/template/spec/containers/0/resources",
            "/spec/template/spec/containers/1",
            "/spec/template/spec/containers/1/args/0",
            "/spec/template/spec/containers/1/args/2",
            "/spec/template/spec/containers/1/resources",
            "/spec/volumeClaimTemplates/0/spec/resources",
            "/spec/volumeClaimTemplates/0/spec/accessModes/0",
            "/spec/volumeClaimTemplates",
            "/metadata/labels/c",
            "/metadata/labels/a~1b",
            "/metadata/labels",
        ] {
            edited(SET, pointer, None);
        }
        assert!(edited(SET, "/spec/template/spec/containers/0", None).contains("      - name: b\n"));
    }

    #[test]
    fn json_stays_json() {
        let text = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {\"a\": \"x\", \"l\": [1, 2]}}\n";
        for (pointer, to) in [
            ("/spec/a", Some(json!("y"))),
            ("/spec/b", Some(json!({"c": "d"}))),
            ("/spec/l/-", Some(json!("z"))),
            ("/spec/l/1", None),
            ("/spec/a", None),
        ] {
            let after = edited(text, pointer, to);
            assert!(serde_json::from_str::<Value>(&after).is_ok(), "{after}");
        }
    }

    #[test]
    fn keys_are_renamed() {
        let set = document_of(SET);
        let edit = set.rename("/spec/volumeClaimTemplates/0/spec/storageClassName", "x").unwrap();
        assert!(changed(SET, &[edit]).unwrap().contains("      x: fast\n"));
        assert_eq!(set.rename("/spec/replicas", "template"), None);
    }

    #[test]
    fn changes_that_meet_or_lie_outside_are_refused() {
        let edit = |line, column, end_column, text: &str| TextEdit {
            region: Region { line, column, end_line: line, end_column },
            text: text.to_owned(),
        };
        assert_eq!(changed("ab\ncd", &[edit(2, 2, 3, "x"), edit(1, 1, 1, "y")]).as_deref(), Some("yab\ncx"));
        assert_eq!(changed("ab\ncd", &[edit(1, 1, 3, "x"), edit(1, 2, 3, "y")]), None);
        assert_eq!(changed("ab", &[edit(3, 1, 1, "x")]), None);
        assert_eq!(changed("ab", &[edit(1, 9, 9, "x")]), None);
    }
}
