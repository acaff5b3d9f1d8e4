//! From a path or a stream to the texts in it.

use std::io::{self, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::collector::Collector;
use super::limits::{Budget, Limits, size};
use super::names::is_candidate;
use super::text::decode;
use super::{STDIN, json, yaml};
use crate::source::SourceError;

/// Bytes that tell what a stream is.
const HEAD: u64 = 512;
/// Where a tar archive says that it is one.
const TAR_MAGIC: std::ops::Range<usize> = 257..262;
/// How often a file may be compressed over.
const MAX_COMPRESSED: usize = 3;

/// Hands the texts of files to a collector.
pub(super) struct Reader<'a> {
    collector: &'a mut Collector,
    pub(super) limits: &'a Limits,
    /// What may still be read of texts.
    texts: Budget,
    /// What may still come out of decompressors, files that are passed over included.
    unpacked: Budget,
    files: usize,
    /// The bytes of the file that is read, as far as its text is that long.
    expected: u64,
}

/// What a stream starts as.
enum Format {
    Gzip,
    Tar,
    Zip,
    Text,
}

impl Format {
    fn of(name: &str, head: &[u8]) -> Self {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ if head.get(TAR_MAGIC) == Some(b"ustar") => Self::Tar,
            _ if name.ends_with(".tar") || name.ends_with(".tgz") => Self::Tar,
            _ => Self::Text,
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(collector: &'a mut Collector, limits: &'a Limits) -> Self {
        let (texts, unpacked) = (Budget::new(limits.total), Budget::new(limits.unpacked));
        Self { collector, limits, texts, unpacked, files: 0, expected: 0 }
    }

    /// Reads a path that the user gave.
    #[expect(clippy::disallowed_methods, reason = "the source of dumps reads files")]
    pub(super) fn path(&mut self, path: &str) -> Result<(), SourceError> {
        if path == "-" {
            return self.stream(STDIN, Box::new(io::stdin().lock()));
        }
        if std::path::Path::new(path).is_dir() {
            return self.folder(path);
        }
        let file = std::fs::File::open(path).map_err(|error| failed(path, &error))?;
        self.expected = file.metadata().map_or(0, |metadata| metadata.len());
        self.stream(path, Box::new(file))
    }

    /// Reads one file: compressed or not, an archive or not.
    pub(super) fn stream<'r>(&mut self, name: &str, stream: Box<dyn Read + 'r>) -> Result<(), SourceError> {
        self.layer(name, stream, 0)
    }

    fn layer<'r>(&mut self, name: &str, stream: Box<dyn Read + 'r>, depth: usize) -> Result<(), SourceError> {
        let (head, whole) = peek(stream).map_err(|error| failed(name, &error))?;
        match Format::of(name, &head) {
            Format::Gzip if depth == MAX_COMPRESSED => {
                Err(SourceError::unreadable(format!("{name}: compressed more than {depth} times over")))
            }
            Format::Gzip => self.layer(name, Box::new(self.unpacked.bound(MultiGzDecoder::new(whole))), depth + 1),
            Format::Tar => self.tar(name, whole),
            Format::Zip => self.zip(name, whole),
            Format::Text => self.text(name, whole),
        }
    }

    /// Reads a file of a folder or archive; what is wrong with it doesn't spoil the others.
    pub(super) fn member<'r>(&mut self, name: &str, stream: Box<dyn Read + 'r>) -> Result<(), SourceError> {
        let (head, whole) = match peek(stream) {
            Ok(parts) => parts,
            Err(error) => return self.broken(name, &error),
        };
        match Format::of("", &head) {
            Format::Gzip => self.text(name, self.unpacked.bound(MultiGzDecoder::new(whole))),
            _ => self.text(name, whole),
        }
    }

    /// Whether a file of a folder or archive can hold objects; one that can't is noted as passed over.
    pub(super) fn wants(&mut self, name: &str) -> bool {
        let wanted = is_candidate(name);
        if !wanted {
            self.collector.pass(name);
        }
        wanted
    }

    /// Counts a file of a folder or archive.
    pub(super) fn count(&mut self, container: &str) -> Result<(), SourceError> {
        self.files += 1;
        if self.files <= self.limits.files {
            return Ok(());
        }
        let message = format!("{container}: more than {} files, the bound for a dump", self.limits.files);
        Err(SourceError::unreadable(message))
    }

    fn text(&mut self, name: &str, stream: impl Read) -> Result<(), SourceError> {
        let mut stream = self.texts.bound(stream);
        let expected = std::mem::take(&mut self.expected).min(self.limits.json);
        let mut bytes = Vec::with_capacity(usize::try_from(expected + 1).unwrap_or(0));
        let mut fill = |bytes: &mut Vec<u8>, bound: u64| {
            let more = (bound + 1).saturating_sub(bytes.len() as u64);
            stream.by_ref().take(more).read_to_end(bytes)
        };
        if let Err(error) = fill(&mut bytes, self.limits.yaml) {
            return self.broken(name, &error);
        }
        let json = looks_like_json(&bytes);
        let (bound, format) = if json { (self.limits.json, "JSON") } else { (self.limits.yaml, "YAML") };
        if let Err(error) = fill(&mut bytes, bound) {
            return self.broken(name, &error);
        }
        if bytes.len() as u64 > bound {
            self.collector.gap(name, &format!("larger than {}, the bound for {format}", size(bound)), "");
            return Ok(());
        }
        match decode(bytes) {
            Err(message) => self.collector.gap(name, message, ""),
            Ok(text) if text.trim().is_empty() => self.collector.gap(name, "the file is empty", ""),
            Ok(text) => return self.documents(name, &text),
        }
        Ok(())
    }

    fn documents(&mut self, name: &str, text: &str) -> Result<(), SourceError> {
        let lower = name.to_ascii_lowercase();
        let lower = lower.strip_suffix(".gz").unwrap_or(&lower);
        let yaml = lower.ends_with(".yaml") || lower.ends_with(".yml");
        let json = text.trim_start().starts_with(['{', '[']) && (!yaml || json::starts_with_document(text));
        if json || lower.ends_with(".json") {
            return json::read(self.collector, name, text);
        }
        yaml::read(self.collector, name, text, self.limits)
    }

    pub(super) fn broken(&mut self, name: &str, error: &io::Error) -> Result<(), SourceError> {
        if self.texts.spent() || self.unpacked.spent() {
            return Err(failed(name, error));
        }
        self.collector.gap(name, &plain(error), "");
        Ok(())
    }
}

/// The first bytes of a stream, and the stream with them.
fn peek<'r>(stream: Box<dyn Read + 'r>) -> io::Result<(Vec<u8>, Box<dyn Read + 'r>)> {
    let mut stream = BufReader::with_capacity(1 << 16, stream);
    let mut head = Vec::new();
    stream.by_ref().take(HEAD).read_to_end(&mut head)?;
    let whole = Cursor::new(head.clone()).chain(stream);
    Ok((head, Box::new(whole)))
}

fn looks_like_json(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    wide || matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

pub(super) fn failed(name: &str, error: &io::Error) -> SourceError {
    SourceError::unreadable(format!("{name}: {}", plain(error)))
}

/// The error in our words.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.rfind(" (os error").map_or(text.as_str(), |end| &text[..end]);
    match text {
        "corrupt deflate stream" => "the compressed data is damaged".to_owned(),
        _ if error.kind() == io::ErrorKind::UnexpectedEof => "the data breaks off".to_owned(),
        _ => {
            let mut letters = text.chars();
            letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
        }
    }
}
