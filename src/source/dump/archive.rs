//! Archives. Their files are read from memory; nothing is ever written to disk.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::files::{Reader, failed};
use super::limits::size;
use crate::source::SourceError;

impl Reader<'_> {
    /// Reads the JSON and YAML files of a tar archive.
    pub(super) fn tar(&mut self, name: &str, stream: impl Read) -> Result<(), SourceError> {
        let damaged = |error: std::io::Error| {
            let what = failed(name, &error).message;
            if error.kind() == std::io::ErrorKind::Other && !what.contains("bound") {
                return SourceError::unreadable(format!("{name}: the tar archive is damaged or breaks off"));
            }
            SourceError::unreadable(what)
        };
        let mut archive = tar::Archive::new(stream);
        for entry in archive.entries().map_err(damaged)? {
            let entry = entry.map_err(damaged)?;
            self.count(name)?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if entry.header().entry_type().is_file() && self.wants(&path) {
                self.member(path.trim_start_matches("./"), Box::new(entry))?;
            }
        }
        Ok(())
    }

    /// Reads the JSON and YAML files of a zip archive.
    pub(super) fn zip(&mut self, name: &str, stream: impl Read) -> Result<(), SourceError> {
        let mut bytes = Vec::new();
        stream.take(self.limits.total + 1).read_to_end(&mut bytes).map_err(|error| failed(name, &error))?;
        if bytes.len() as u64 > self.limits.total {
            let bound = size(self.limits.total);
            return Err(SourceError::unreadable(format!("{name}: larger than {bound}, the bound for a whole dump")));
        }
        let damaged = |_| SourceError::unreadable(format!("{name}: the zip archive is damaged or breaks off"));
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        for index in 0..archive.len() {
            self.count(name)?;
            let path = archive.name_for_index(index).unwrap_or_default().to_owned();
            if path.ends_with('/') || !self.wants(&path) {
                continue;
            }
            match archive.by_index(index) {
                Ok(entry) if entry.is_file() => self.member(&path, Box::new(entry))?,
                Ok(_) => {}
                Err(error) => self.broken(&path, &std::io::Error::other(error.to_string()))?,
            }
        }
        Ok(())
    }
}
