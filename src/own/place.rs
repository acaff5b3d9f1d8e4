//! Where in a file a value stands.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A step on the way to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Field(&'static str),
    Item(usize),
}

/// Line and column, from 1, of a character of the value at the end of a way: `at` characters after its begin.
pub(crate) fn locate(text: &str, way: &[Way], at: usize) -> (usize, usize) {
    let found = Seeker { way }.deserialize(serde_yaml::Deserializer::from_str(text));
    let mark = found.err().and_then(|error| error.location());
    let Some((line, column)) = mark.map(|mark| (mark.line(), mark.column())) else { return (1, 1) };
    let lines: Vec<&str> = text.lines().collect();
    let head: String = lines.get(line.saturating_sub(1)).map(|text| from(text, column)).unwrap_or_default();
    match head.chars().next() {
        Some('|') => within_block(&lines, line, at).unwrap_or((line, column)),
        Some('>') | None => (line, column),
        Some(quote @ ('"' | '\'')) if closes(&head, quote) => (line, column + 1 + at),
        Some('"' | '\'') => (line, column),
        Some(_) => (line, column + at.min(head.chars().count())),
    }
}

fn from(text: &str, column: usize) -> String {
    text.chars().skip(column.saturating_sub(1)).collect()
}

/// Whether a quoted text ends on its line, and has nothing in it that is written longer than it is.
fn closes(head: &str, quote: char) -> bool {
    let inner = head.chars().skip(1).take_while(|c| *c != quote);
    head.chars().skip(1).any(|c| c == quote) && !inner.into_iter().any(|c| c == '\\')
}

/// The character of a literal block, whose lines stand below its mark, indented as the first of them is.
fn within_block(lines: &[&str], mark: usize, at: usize) -> Option<(usize, usize)> {
    let body = lines.get(mark..)?;
    let first = body.iter().find(|line| !line.trim().is_empty())?;
    let indent = first.chars().take_while(|c| *c == ' ').count();
    let mut left = at;
    for (number, line) in body.iter().enumerate() {
        let length = line.chars().count().saturating_sub(indent);
        if left <= length {
            return Some((mark + number + 1, indent + left + 1));
        }
        left -= length + 1;
    }
    None
}

/// Walks to a value and fails there, so that the parser says where it is.
#[derive(Clone, Copy)]
struct Seeker<'w> {
    way: &'w [Way],
}

impl<'de> DeserializeSeed<'de> for Seeker<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seeker<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value that is looked for")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Way::Field(name), way)) = self.way.split_first() else { return Err(A::Error::custom("here")) };
        while let Some(key) = map.next_key::<String>()? {
            if key == *name {
                return map.next_value_seed(Seeker { way });
            }
            map.next_value::<IgnoredAny>()?;
        }
        Err(A::Error::custom("not there"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((Way::Item(position), way)) = self.way.split_first() else { return Err(A::Error::custom("here")) };
        for _ in 0..*position {
            seq.next_element::<IgnoredAny>()?;
        }
        seq.next_element_seed(Seeker { way })?;
        Err(A::Error::custom("not there"))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(E::custom("here"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Way, locate};

    const TEXT: &str = "\
name: a
when: object.a == b
title: 'quoted text'
evidence:
  - path: x
  - path: spec.y
    note: |
      first line

      third line
folded: >-
  one
  two
";

    #[test]
    fn values_are_found_where_they_stand() {
        let field = Way::Field;
        for (way, at, place) in [
            (&[field("when")][..], 0, (2, 7)),
            (&[field("when")], 9, (2, 16)),
            (&[field("title")], 2, (3, 11)),
            (&[field("evidence"), Way::Item(1), field("path")], 0, (6, 11)),
            (&[field("evidence"), Way::Item(1), field("note")], 6, (8, 13)),
            (&[field("evidence"), Way::Item(1), field("note")], 12, (10, 7)),
            (&[field("folded")], 5, (11, 9)),
        ] {
            assert_eq!(locate(TEXT, way, at), place, "{way:?} {at}");
        }
    }
}
