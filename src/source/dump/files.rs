//! From a path or a stream to the texts in it.

use std::io::{self, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::STDIN;
use super::collector::Collector;
use super::json;
use super::limits::{Budget, Limits, size};
use crate::source::SourceError;

/// Bytes that tell what a stream is.
const HEAD: u64 = 512;

/// Hands the texts of files to a collector.
pub(super) struct Reader<'a> {
    collector: &'a mut Collector,
    limits: &'a Limits,
    budget: Budget,
}

impl<'a> Reader<'a> {
    pub(super) fn new(collector: &'a mut Collector, limits: &'a Limits) -> Self {
        Self { collector, limits, budget: Budget::new(limits.total) }
    }

    /// Reads a path that the user gave.
    #[expect(clippy::disallowed_methods, reason = "the source of dumps reads files")]
    pub(super) fn path(&mut self, path: &str) -> Result<(), SourceError> {
        if path == "-" {
            return self.stream(STDIN, Box::new(io::stdin().lock()));
        }
        let failed = |error: io::Error| SourceError::unreadable(format!("{path}: {}", plain(&error)));
        self.stream(path, Box::new(std::fs::File::open(path).map_err(failed)?))
    }

    /// Reads one file: compressed or not, an archive or not.
    pub(super) fn stream<'r>(&mut self, name: &str, stream: Box<dyn Read + 'r>) -> Result<(), SourceError> {
        let failed = |error: io::Error| SourceError::unreadable(format!("{name}: {}", plain(&error)));
        let mut stream = BufReader::with_capacity(1 << 16, stream);
        let mut head = Vec::new();
        stream.by_ref().take(HEAD).read_to_end(&mut head).map_err(failed)?;
        let whole = Cursor::new(head.clone()).chain(stream);
        if head.starts_with(&[0x1f, 0x8b]) {
            let unpacked = self.budget.bound(MultiGzDecoder::new(whole));
            return self.stream(name, Box::new(unpacked));
        }
        let mut bytes = Vec::new();
        whole.take(self.limits.json + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > self.limits.json {
            return Err(SourceError::unreadable(format!(
                "{name}: larger than {}, the bound for JSON",
                size(self.limits.json)
            )));
        }
        let text =
            String::from_utf8(bytes).map_err(|_| SourceError::unreadable(format!("{name}: not a text in UTF-8")))?;
        json::read(self.collector, name, &text)
    }
}

/// The error's words without the operating system's number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.rfind(" (os error").map_or(text.as_str(), |end| &text[..end]);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
