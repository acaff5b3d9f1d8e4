//! Streams of JSON values, as kubectl tells them from YAML.
//!
//! Upstream: `YAMLOrJSONDecoder` in apimachinery `pkg/util/yaml/decoder.go`.

use serde_json::Value;

use super::yaml::Origin;

/// One value of a stream.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) origin: Origin,
    pub(super) value: Value,
}

/// What of a file is JSON.
#[derive(Debug, Default)]
pub(super) struct Stream<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    /// What follows and is read as YAML: its line, and the text.
    pub(super) rest: Option<(usize, &'a str)>,
    /// Where and why it ends early: line, column, message.
    pub(super) fault: Option<(usize, usize, String)>,
}

/// The values of a text that begins with `{`; `None` for other texts. A text that is no JSON behind its first value is
/// YAML; behind the second, an error.
pub(super) fn stream(text: &str) -> Option<Stream<'_>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut stream = Stream::default();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut places = Places::new(text);
    let mut end = 0;
    loop {
        let next = values.next();
        match next {
            None => break,
            Some(Ok(value)) => {
                let rest = text.get(end..).unwrap_or_default();
                let start = end + rest.len() - rest.trim_start().len();
                end = values.byte_offset();
                let origin = places.origin(start);
                stream.pieces.push(Piece { text: text.get(start..end).unwrap_or_default(), origin, value });
            }
            Some(Err(error)) if stream.pieces.len() > 1 => {
                stream.fault = Some((error.line(), error.column(), format!("invalid JSON: {error}")));
                break;
            }
            Some(Err(_)) => {
                let rest = text.get(end..).unwrap_or_default();
                let blank = rest.len() - rest.trim_start().len();
                let line = rest.get(..blank).and_then(|blank| blank.find('\n'));
                let start = end + line.map_or(blank, |at| at + 1);
                stream.rest = Some((places.origin(start).line, text.get(start..).unwrap_or_default()));
                break;
            }
        }
    }
    Some(stream)
}

/// Lines and columns of rising offsets.
struct Places<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    start: usize,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1, start: 0 }
    }

    fn origin(&mut self, offset: usize) -> Origin {
        let passed = self.text.get(self.at..offset).unwrap_or_default();
        self.line += passed.matches('\n').count();
        if let Some(last) = passed.rfind('\n') {
            self.start = self.at + last + 1;
        }
        self.at = offset;
        let before = self.text.get(self.start..offset).unwrap_or_default();
        Origin { line: self.line, column: before.chars().count() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_each_other_without_anything_between() {
        let stream = stream("{\"a\": 1}{\"b\":\n2}\n  {\"c\": 3}\n").unwrap();
        let told: Vec<_> =
            stream.pieces.iter().map(|piece| (piece.origin.line, piece.origin.column, piece.text)).collect();
        assert_eq!(told, [(1, 1, "{\"a\": 1}"), (1, 9, "{\"b\":\n2}"), (3, 3, "{\"c\": 3}")]);
        assert!(stream.rest.is_none() && stream.fault.is_none());
    }

    #[test]
    fn what_is_no_json_is_yaml_until_two_values_were_json() {
        assert_eq!(stream("{a: 1}\n").unwrap().rest, Some((1, "{a: 1}\n")));
        assert_eq!(stream("{\"a\": 1}\n---\nb: 2\n").unwrap().rest, Some((2, "---\nb: 2\n")));
        let two = stream("{}{}x").unwrap();
        assert_eq!((two.rest, two.fault.map(|fault| (fault.0, fault.1))), (None, Some((1, 5))));
        assert!(stream("a: 1").is_none());
    }
}
