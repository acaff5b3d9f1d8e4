//! Clusters that are built in, to try the tool without one.

use super::error::CliError;
use crate::snapshot::Snapshot;
use crate::source::dump;

/// The examples by name.
const EXAMPLES: &[(&str, &[u8])] = &[("topolvm", include_bytes!("../../docs/examples/topolvm.json"))];

/// Reads an example.
///
/// # Errors
/// Where there is none of this name.
pub(crate) fn read(name: &str) -> Result<Snapshot, CliError> {
    match EXAMPLES.iter().find(|(known, _)| *known == name) {
        Some((known, bytes)) => Ok(dump::read_bytes(known, bytes)?),
        None => {
            let names: Vec<&str> = EXAMPLES.iter().map(|(known, _)| *known).collect();
            Err(CliError::usage(format!("there is no example `{name}`")).hinted(format!("try {}", names.join(", "))))
        }
    }
}
