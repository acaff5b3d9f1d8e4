//! YAML files: every document becomes a JSON text and then goes the way of JSON.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess};
use serde_json::{Map, Value};

use super::collector::{Collector, File, Locate};
use super::document::Document;
use super::limits::{Limits, size};
use crate::source::SourceError;

/// How much larger than the largest file its values may be once aliases are written out.
const UNFOLDING: u64 = 16;
/// What a value takes in memory beside its text.
const VALUE: u64 = 32;

/// How deep `[` and `{` may stand in each other. The parser's time grows with their depth, and it gives up at 128.
const MAX_FLOW: usize = 256;

/// Reads every document of a YAML text, up to the first syntax error: behind one the parser finds no way on.
pub(super) fn read(collector: &mut Collector, name: &str, text: &str, limits: &Limits) -> Result<(), SourceError> {
    if flow_depth(text) > MAX_FLOW {
        let message = format!("brackets are nested deeper than {MAX_FLOW}, the bound for YAML");
        collector.gap(name, &message, text);
        return Ok(());
    }
    let mut nowhere = Nowhere;
    let mut file = File::new(name, &mut nowhere);
    let several = text.starts_with("---") || text.contains("\n---");
    let bound = limits.yaml.saturating_mul(UNFOLDING);
    let left = Cell::new(bound);
    let mut failure = None;
    for (index, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
        if several {
            file.document = format!("document {}", index + 1);
        }
        match (Node { left: &left, bound }).deserialize(document) {
            Ok(value) => {
                let text = value.to_string();
                if let Some(document) = Document::parse(&text) {
                    collector.document(&mut file, &text, document)?;
                }
            }
            Err(error) => {
                failure = Some(format!("invalid YAML: {error}"));
                break;
            }
        }
    }
    collector.end(file);
    if let Some(failure) = failure {
        collector.gap(name, &failure, text);
    }
    Ok(())
}

/// How deep flow collections nest, found without parsing: a bracket opens one where a value can start. Text in block
/// scalars can only make it look deeper.
fn flow_depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    for line in text.lines() {
        let mut value_may_start = true;
        for word in line.split_inclusive([' ', '[', '{', ']', '}', ',', ':', '-', '?']) {
            let (body, end) = word.split_at(word.len() - word.chars().next_back().map_or(0, char::len_utf8));
            let properties = body.is_empty() || body.starts_with(['&', '!']);
            value_may_start &= properties;
            match end {
                "[" | "{" if value_may_start => depth += 1,
                "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            value_may_start = value_may_start && end == " " || matches!(end, "[" | "{" | "," | ":" | "-" | "?");
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// Objects of YAML files are found by document and item.
struct Nowhere;

impl Locate for Nowhere {
    fn place(&mut self, _: &str, _: &serde_json::Error) -> String {
        String::new()
    }
}

/// Builds a value while it counts what aliases unfold to. Keys become strings and `<<` is merged, as kubectl does.
#[derive(Clone, Copy)]
struct Node<'a> {
    left: &'a Cell<u64>,
    bound: u64,
}

impl Node<'_> {
    fn spend<E: de::Error>(self, text: usize) -> Result<(), E> {
        let left = self.left.get().checked_sub(VALUE + text as u64);
        let message = || E::custom(format!("its aliases unfold to more than {}, the bound for YAML", size(self.bound)));
        self.left.set(left.ok_or_else(message)?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.spend(0).map(|()| Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.spend(0).map(|()| value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.spend(0).map(|()| value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.spend(0).map(|()| value.into())
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        self.spend(0)?;
        Ok(serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.spend(value.len()).map(|()| value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.spend(0)?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.spend(0)?;
        let mut fields = Map::new();
        while let Some((key, value)) = access.next_entry_seed(self, self)? {
            let key = if let Value::String(text) = key { text } else { key.to_string() };
            fields.insert(key, value);
        }
        merge(&mut fields);
        Ok(Value::Object(fields))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        let (Tag, value) = access.variant()?;
        value.newtype_variant_seed(self)
    }
}

/// A tag of a value; it is left out.
struct Tag;

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Tag)
    }
}

/// Puts the fields of `<<` beside the others, which win; of several maps the earlier wins.
fn merge(fields: &mut Map<String, Value>) {
    let maps = match fields.remove("<<") {
        Some(Value::Object(map)) => vec![Value::Object(map)],
        Some(Value::Array(maps)) => maps,
        _ => return,
    };
    for map in maps {
        let Value::Object(map) = map else { continue };
        for (key, value) in map {
            fields.entry(key).or_insert(value);
        }
    }
}
