//! The documents, version 1: the types that JSON and YAML are written from, one file a command. Fields are added, never
//! renamed.

pub mod capacity;
pub mod classes;
mod diagnosis;
mod finding;
pub(crate) mod preflight;
pub mod webhooks;

pub use diagnosis::{
    AttachmentEntry, ClaimEntry, CoverageEntry, EventEntry, ObservedEntry, PodEntry, PreFilterEntry, PreemptionEntry,
    Report, SkippedEntry, Source, Status, VolumeEntry,
};
pub use finding::{
    EditEntry, EvidenceEntry, ExplainedEntry, FindingEntry, ManagerEntry, ObjectEntry, PlaceEntry, RemedyEntry,
    StepEntry, TrialEntry,
};

use crate::model::Kind;
use crate::snapshot::Snapshot;

/// The version of every document that the tool writes.
pub const API_VERSION: &str = "storagewhy.dev/v1";

/// The kinds of which not everything was read, each with the reason.
fn unread(snapshot: &Snapshot, kinds: &[Kind]) -> Vec<String> {
    let coverage = snapshot.coverage().into_iter().filter(|entry| kinds.contains(&entry.kind));
    coverage.filter_map(|entry| Some(format!("{} ({})", entry.kind.plural(), entry.problem?))).collect()
}

#[cfg(test)]
mod tests {
    use super::Report;
    use super::capacity::Capacity;
    use super::classes::StorageClasses;
    use super::preflight::Preflight;
    use super::webhooks::Webhooks;
    use crate::schema_file::compare;

    #[test]
    fn schemas_are_those_of_the_types() {
        compare::<Report>("report.v1.json");
        compare::<Capacity>("capacity.v1.json");
        compare::<StorageClasses>("storageclasses.v1.json");
        compare::<Webhooks>("webhooks.v1.json");
        compare::<Preflight<'_>>("preflight.v1.json");
    }
}
