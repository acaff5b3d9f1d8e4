//! The document as YAML.

use std::io::{self, Write};

use serde::Serialize;

/// Writes a document.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_yaml::to_writer(&mut *out, document).map_err(io::Error::other)
}
