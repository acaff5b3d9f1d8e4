//! Writing our own snapshot format.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::own::{API_VERSION, BrokenEntry, CoverageEntry, KIND, SnapshotMeta};
use crate::model::Kind;
use crate::snapshot::Snapshot;
use crate::source::SourceError;

/// What stands before the items.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    api_version: &'a str,
    kind: &'a str,
    metadata: SnapshotMeta,
    coverage: Vec<CoverageEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<BrokenEntry>,
}

/// Writes a snapshot as one JSON document, one object a line. The same snapshot always gives the same bytes.
///
/// # Errors
/// Those of the writer.
pub fn write_snapshot(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let header = Header {
        api_version: API_VERSION,
        kind: KIND,
        metadata: SnapshotMeta {
            taken: snapshot.taken.clone(),
            renewed: snapshot.renewed.map(|renewed| renewed.to_string()),
            server_version: snapshot.server_version.clone(),
        },
        coverage: Kind::ALL.iter().map(|&kind| CoverageEntry::new(kind, snapshot.scope(kind))).collect(),
        unreadable: snapshot.broken().into_iter().map(BrokenEntry::new).collect(),
    };
    let header = serde_json::to_string(&header)?;
    write!(out, "{},\"items\":[", header.strip_suffix('}').unwrap_or(&header))?;
    let mut separator = "\n";
    snapshot.each_object::<io::Error>(|_, object| {
        out.write_all(separator.as_bytes())?;
        separator = ",\n";
        serde_json::to_writer(&mut *out, &object).map_err(io::Error::from)
    })?;
    out.write_all(b"\n]}\n")
}

/// Writes a snapshot to a file, compressed where its name ends in `.gz`.
///
/// # Errors
/// Where the file can't be written.
pub fn write_file(snapshot: &Snapshot, path: &str) -> Result<(), SourceError> {
    let failed = |error: io::Error| SourceError::unreadable(format!("{path}: {}", super::files::plain(&error)));
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    if path.ends_with(".gz") {
        let mut packed = GzEncoder::new(&mut file, Compression::default());
        write_snapshot(snapshot, &mut packed).and_then(|()| packed.finish().map(drop)).map_err(failed)?;
    } else {
        write_snapshot(snapshot, &mut file).map_err(failed)?;
    }
    file.flush().map_err(failed)
}
