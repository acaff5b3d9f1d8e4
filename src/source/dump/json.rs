//! JSON files: one document or several one after the other, as `kubectl cluster-info dump` writes them.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::collector::{Collector, File, Locate};
use super::document::Document;
use crate::source::SourceError;

/// Reads every document of a JSON text.
pub(super) fn read(collector: &mut Collector, name: &str, text: &str) -> Result<(), SourceError> {
    let mut lines = Lines::new(text);
    let mut file = File::new(name, &mut lines);
    let mut rest = text;
    let mut result = Ok(());
    loop {
        rest = without_logs(rest.trim_start());
        if rest.is_empty() {
            break;
        }
        match next(collector, &mut file, rest)? {
            Ok(length) => rest = &rest[length..],
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    collector.end(file);
    if let Err(error) = result {
        let what = if error.is_eof() { "the JSON breaks off" } else { "invalid JSON" };
        let message = format!("{what} ({})", lines.describe(rest, &error));
        collector.gap(name, &message, text);
    }
    Ok(())
}

/// Hands the first document of a text on; gives its length, or why it is no JSON.
fn next(
    collector: &mut Collector,
    file: &mut File<'_>,
    text: &str,
) -> Result<Result<usize, serde_json::Error>, SourceError> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Document<'_>>();
    if text.starts_with('{')
        && let Some(Ok(document)) = stream.next()
    {
        let length = stream.byte_offset();
        return collector.document(file, &text[..length], document).map(|()| Ok(length));
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Vec<&RawValue>>();
    if let Some(Ok(items)) = stream.next() {
        let length = stream.byte_offset();
        return collector.array(file, &items).map(|()| Ok(length));
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    match stream.next() {
        Some(Err(error)) => Ok(Err(error)),
        _ => Ok(Ok(stream.byte_offset())),
    }
}

/// Whether a text starts with a whole JSON document.
pub(super) fn starts_with_document(text: &str) -> bool {
    matches!(serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>().next(), Some(Ok(_)))
}

/// What stands after the container logs that `kubectl cluster-info dump` writes between its documents.
fn without_logs(mut text: &str) -> &str {
    const START: &str = "==== START logs for container";
    const END: &str = "==== END logs for container";
    while text.starts_with(START) {
        let Some(end) = text.find(END) else { return "" };
        let rest = &text[end..];
        text = rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
    }
    text
}

/// Counts lines up to places that are asked for in ascending order.
struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
    /// Where the line starts.
    start: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, offset: 0, line: 1, start: 0 }
    }

    /// Line and column of an error within a part of the text.
    fn describe(&mut self, part: &str, error: &serde_json::Error) -> String {
        let target = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len());
        if target < self.offset {
            *self = Self::new(self.text);
        }
        for (index, _) in
            self.text.as_bytes()[self.offset..target].iter().enumerate().filter(|(_, byte)| **byte == b'\n')
        {
            self.line += 1;
            self.start = self.offset + index + 1;
        }
        self.offset = target;
        let line = self.line + error.line().saturating_sub(1);
        let column = if error.line() == 1 { target - self.start + error.column() } else { error.column() };
        format!("line {line}, column {column}")
    }
}

impl Locate for Lines<'_> {
    fn place(&mut self, text: &str, error: &serde_json::Error) -> String {
        self.describe(text, error)
    }
}
