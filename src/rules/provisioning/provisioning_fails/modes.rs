//! Access modes that a driver refuses.

use super::Failing;
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::finding::Evidence;

/// Access modes for more than one node.
const SHARED: &[&str] = &["ReadWriteMany", "ReadOnlyMany"];
/// How drivers say that they can't do what the mode asks for.
const WORDS: &[&str] = &["file volume", "access mode", "accessmode", "multi_node", "multi-node", "volume capabilit"];

/// The mode for more than one node that the claim asks for and the driver's words are about.
pub(super) fn refused<'c>(failing: &Failing<'c, '_>) -> Option<&'c str> {
    let words = failing.failure.text.to_lowercase();
    let asked = failing.case.claim.spec.access_modes.iter().find(|mode| SHARED.contains(&mode.as_str()))?;
    WORDS.iter().any(|word| words.contains(word)).then_some(asked.as_str())
}

/// What the claim asks for, where that is what is refused.
pub(super) fn fact(failing: &Failing<'_, '_>) -> Option<Evidence> {
    refused(failing)?;
    let modes = failing.case.claim.spec.access_modes.join(", ");
    let note = "a volume for many nodes, which the driver makes of some storage only";
    Some(Context::fact(claim_ref(failing.case.claim), "spec.accessModes", modes, note))
}
