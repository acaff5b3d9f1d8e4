//! The document as JSON.

use std::io::{self, Write};

use serde::Serialize;

/// Writes a document, indented and with a final line break.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    out.write_all(b"\n")
}
