//! What is not broken and can be lost: by which command or event, and how to keep it.

mod claim_deletion_pending;
mod claims_deleted_with_release;
mod claims_deleted_with_set;
mod class_deleted_with_release;
mod data_deleted_with_claims;
mod data_left_in_released_volumes;
mod data_on_one_node;
mod data_without_snapshot;
mod held;
mod keep;
mod nodes;
mod release;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[
    &claim_deletion_pending::RULE,
    &data_deleted_with_claims::RULE,
    &claims_deleted_with_set::RULE,
    &claims_deleted_with_release::RULE,
    &data_on_one_node::RULE,
    &data_left_in_released_volumes::RULE,
    &data_without_snapshot::RULE,
    &class_deleted_with_release::RULE,
];
