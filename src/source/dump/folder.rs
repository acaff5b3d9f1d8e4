//! Folders, read recursively. Links are never followed, so nothing loops and nothing outside is read.

use std::path::{Path, PathBuf};

use super::files::{Reader, failed};
use crate::source::SourceError;

impl Reader<'_> {
    /// Reads the JSON and YAML files of a folder, in the order of their names.
    pub(super) fn folder(&mut self, root: &str) -> Result<(), SourceError> {
        self.enter(root, Path::new(root), "", 0)
    }

    #[expect(clippy::disallowed_methods, reason = "the source of dumps reads files")]
    fn enter(&mut self, root: &str, folder: &Path, prefix: &str, depth: usize) -> Result<(), SourceError> {
        if depth > self.limits.folders {
            let message = format!("{root}: folders are nested deeper than {}, the bound", self.limits.folders);
            return Err(SourceError::unreadable(message));
        }
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(failed(root, &error)),
            Err(error) => return self.broken(prefix, &error),
        };
        let mut found: Vec<(String, PathBuf, std::fs::FileType)> = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| failed(root, &error))?;
            self.count(root)?;
            let kind = entry.file_type().map_err(|error| failed(root, &error))?;
            found.push((entry.file_name().to_string_lossy().into_owned(), entry.path(), kind));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, path, kind) in found {
            let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if kind.is_dir() {
                self.enter(root, &path, &name, depth + 1)?;
            } else if kind.is_file() && self.wants(&name) {
                match std::fs::File::open(&path) {
                    Ok(file) => self.member(&name, Box::new(file))?,
                    Err(error) => self.broken(&name, &error)?,
                }
            }
        }
        Ok(())
    }
}
