//! Folders of rule files.

use std::fs;
use std::path::Path;

use super::{SourceError, read_text};

/// Files that a folder of rules may have.
const FILES: usize = 200;

/// Reads the rule files of a folder, those that end in .yaml or .yml, sorted by name: their paths and texts.
///
/// # Errors
/// Where the folder or a file of it can't be read, or there are more than 200: what named the folder is then wrong.
#[expect(clippy::disallowed_methods, reason = "a source reads files")]
pub fn read_rules(folder: &str) -> Result<Vec<(String, String)>, SourceError> {
    let failed = |error: std::io::Error| SourceError::usage(format!("can't read {folder}: {error}"));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let ends = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if ends && path.is_file() {
            paths.push(path);
        }
        if paths.len() > FILES {
            return Err(SourceError::usage(format!("{folder} has more than {FILES} rule files")));
        }
    }
    paths.sort();
    let read = |path: &Path| {
        let path = path.to_string_lossy().into_owned();
        let text = read_text(&path)?;
        Ok((path, text))
    };
    paths.iter().map(|path| read(path)).collect()
}
