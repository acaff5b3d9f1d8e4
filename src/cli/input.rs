//! Where the facts come from: the cluster, a dump or an example.

use clap::Args;

use super::error::CliError;
use super::progress::Progress;
use super::{example, terminal};
use crate::snapshot::Snapshot;
use crate::source::dump;

/// Names of broken objects that are written out.
const BROKEN: usize = 5;

/// The source of facts.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a
    /// must-gather, a support bundle; - is standard input
    #[arg(long, value_name = "PATH", conflicts_with = "example")]
    pub(crate) from: Option<String>,
    /// Read an example that is built in: topolvm
    #[arg(long, value_name = "NAME")]
    pub(crate) example: Option<String>,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) snapshot: Snapshot,
    /// The namespace that is meant where the user names none; `None` for all.
    pub(crate) namespace: Option<String>,
}

impl InputArgs {
    /// Reads the facts. Objects that could not be understood are told on stderr.
    ///
    /// # Errors
    /// Where nothing could be read.
    pub(crate) fn read(&self) -> Result<Input, CliError> {
        let input = match (&self.from, &self.example) {
            (Some(from), _) => {
                let _progress = Progress::begin("reading the dump");
                Input { snapshot: dump::read(from)?, namespace: None }
            }
            (None, Some(name)) => Input { snapshot: example::read(name)?, namespace: None },
            (None, None) => return Err(CliError::usage("no input").hinted("name a dump with --from")),
        };
        warn_of_broken(&input.snapshot);
        Ok(input)
    }
}

fn warn_of_broken(snapshot: &Snapshot) {
    let broken = snapshot.broken();
    for object in broken.iter().take(BROKEN) {
        let name = if object.name.is_empty() { "without a name" } else { object.name.as_str() };
        terminal::warn(&format!("{} {name} left out: {} ({})", object.kind, object.error, object.origin));
    }
    if broken.len() > BROKEN {
        terminal::warn(&format!("… and {} more objects left out", broken.len() - BROKEN));
    }
}
