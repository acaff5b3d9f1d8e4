//! What the cluster offers: pure views of a snapshot, each a document of its own.

pub mod capacity;
pub mod classes;
pub mod webhooks;

use crate::model::Kind;
use crate::snapshot::Snapshot;

/// The kinds of which not everything was read, each with the reason.
fn unread(snapshot: &Snapshot, kinds: &[Kind]) -> Vec<String> {
    let coverage = snapshot.coverage().into_iter().filter(|entry| kinds.contains(&entry.kind));
    coverage.filter_map(|entry| Some(format!("{} ({})", entry.kind.plural(), entry.problem?))).collect()
}
