//! Facts from files: our own snapshots, `kubectl get` output, folders and archives of such files, stdin.

mod archive;
mod batch;
mod collector;
mod document;
mod files;
mod folder;
mod groups;
mod json;
mod lease;
mod limits;
mod names;
mod own;
mod redact;
mod text;
mod write;
mod yaml;

pub use limits::Limits;
pub(super) use limits::size;
pub use redact::redact_names;
pub(super) use text::decode;
pub use write::{write_file, write_snapshot};

use collector::Collector;
use files::Reader;

use serde_json::Value;

use super::SourceError;
use super::raw::RawFilter;
use crate::snapshot::Snapshot;

/// The name under which stdin shows in messages.
const STDIN: &str = "standard input";

/// Reads a dump: a file, folder or archive, or stdin for `-`.
///
/// # Errors
/// Where there is no such path, nothing usable in it, or a bound is passed.
pub fn read(from: &str) -> Result<Snapshot, SourceError> {
    read_within(from, &Limits::default())
}

/// [`read`], with the objects that `raw` asks for as they were written.
///
/// # Errors
/// As for [`read`].
pub(crate) fn read_keeping(from: &str, raw: RawFilter) -> Result<(Snapshot, Vec<Value>), SourceError> {
    let limits = Limits::default();
    let mut collector = Collector::new(&limits).keeping(raw);
    Reader::new(&mut collector, &limits).path(from)?;
    let objects = collector.take_raw();
    Ok((collector.finish(if from == "-" { STDIN } else { from })?, objects))
}

/// [`read`] with other bounds.
///
/// # Errors
/// As for [`read`].
pub fn read_within(from: &str, limits: &Limits) -> Result<Snapshot, SourceError> {
    let mut collector = Collector::new(limits);
    Reader::new(&mut collector, limits).path(from)?;
    collector.finish(if from == "-" { STDIN } else { from })
}

/// Reads a dump that is in memory: any file that [`read`] takes. `name` shows in messages and can tell the kind of an
/// empty list.
///
/// # Errors
/// As for [`read`].
pub fn read_bytes(name: &str, bytes: &[u8]) -> Result<Snapshot, SourceError> {
    read_bytes_within(name, bytes, &Limits::default())
}

/// [`read_bytes`] with other bounds.
///
/// # Errors
/// As for [`read`].
pub fn read_bytes_within(name: &str, bytes: &[u8], limits: &Limits) -> Result<Snapshot, SourceError> {
    let mut collector = Collector::new(limits);
    Reader::new(&mut collector, limits).stream(name, Box::new(bytes))?;
    collector.finish(name)
}
