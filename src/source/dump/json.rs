//! JSON files: one document or several one after the other, as `kubectl cluster-info dump` writes them.

use serde_json::value::RawValue;

use super::collector::{Collector, File, Locate};
use crate::source::SourceError;

/// Reads every document of a JSON text.
pub(super) fn read(collector: &mut Collector, name: &str, text: &str) -> Result<(), SourceError> {
    let mut lines = Lines { text, offset: 0, line: 1 };
    let mut file = File::new(name, &mut lines);
    let mut rest = text;
    let mut result = Ok(());
    loop {
        rest = without_logs(rest.trim_start());
        if rest.is_empty() {
            break;
        }
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match stream.next() {
            Some(Ok(document)) => collector.document(&mut file, document.get())?,
            Some(Err(error)) => {
                result = Err(error);
                break;
            }
            None => break,
        }
        rest = &rest[stream.byte_offset()..];
    }
    collector.end(file);
    if let Err(error) = result {
        let what = if error.is_eof() { "the JSON breaks off" } else { "invalid JSON" };
        let message = format!("{what} ({})", lines.describe(rest, &error));
        collector.gap(name, &message, text);
    }
    Ok(())
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
}

impl Lines<'_> {
    /// Line and column of an error within a part of the text.
    fn describe(&mut self, part: &str, error: &serde_json::Error) -> String {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len());
        if start < self.offset {
            (self.offset, self.line) = (0, 1);
        }
        self.line += self.text.as_bytes()[self.offset..start].iter().filter(|byte| **byte == b'\n').count();
        self.offset = start;
        let before = self.text.as_bytes()[..start].iter().rev().take_while(|byte| **byte != b'\n').count();
        let line = self.line + error.line().saturating_sub(1);
        let column = if error.line() == 1 { before + error.column() } else { error.column() };
        format!("line {line}, column {column}")
    }
}

impl Locate for Lines<'_> {
    fn place(&mut self, text: &str, error: &serde_json::Error) -> String {
        self.describe(text, error)
    }
}
