//! Manifests: documents with their place in the files they come from.

use serde_json::Value;

/// One object of a manifest.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// The file as the user named it, `-` for standard input.
    pub(crate) file: String,
    /// Line of the object's first key, from 1.
    pub(crate) line: usize,
    /// Column of the object's first key, from 1.
    pub(crate) column: usize,
    pub(crate) object: Value,
}
