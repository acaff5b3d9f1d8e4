//! What the commands share that show what the cluster offers: the findings about the objects that they list.

use super::engine::EngineArgs;
use super::error::CliError;
use super::exit::Exit;
use super::input::Input;
use crate::diagnosis::{self, Diagnosis, Severity};
use crate::model::Kind;
use crate::report::document::FindingEntry;

/// Diagnoses the whole cluster.
///
/// # Errors
/// Where the engine's flags are wrong.
pub(crate) fn diagnose(input: &Input, engine: &EngineArgs) -> Result<Diagnosis, CliError> {
    Ok(diagnosis::diagnose(&input.snapshot, &diagnosis::Scope::default(), &engine.options(&input.snapshot)?))
}

/// The findings whose cause lies in an object of one of these kinds.
pub(crate) fn findings<'a>(diagnosis: &'a Diagnosis, kinds: &[Kind]) -> Vec<FindingEntry<'a>> {
    let of = |kind: &str| kinds.iter().any(|known| known.name() == kind);
    diagnosis.findings.iter().filter(|finding| of(&finding.object.kind)).map(FindingEntry::new).collect()
}

/// How such a command ends.
pub(crate) fn exit(exit_zero: bool, findings: &[FindingEntry], all_read: bool) -> Exit {
    let blocked = findings.iter().any(|finding| finding.severity == Severity::Error);
    match (blocked, all_read) {
        _ if exit_zero => Exit::Clear,
        (true, _) => Exit::Blocked,
        (false, false) => Exit::Incomplete,
        (false, true) => Exit::Clear,
    }
}
