//! Small text files that a flag names.

use std::fs::File;
use std::io::{self, Read};

use super::SourceError;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// Reads a text file.
///
/// # Errors
/// Where the file can't be read, is larger than 4 MiB, or isn't UTF-8: the flag that named it is then wrong.
#[expect(clippy::disallowed_methods, reason = "a source reads files")]
pub fn read_text(path: &str) -> Result<String, SourceError> {
    let failed = |error: io::Error| SourceError::usage(format!("can't read {path}: {}", plain(&error)));
    let mut text = String::new();
    File::open(path).map_err(failed)?.take(LARGEST + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > LARGEST {
        return Err(SourceError::usage(format!("{path} is larger than 4 MiB")));
    }
    Ok(text)
}

fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::InvalidData => "it is not text".to_owned(),
        _ => error.to_string(),
    }
}
