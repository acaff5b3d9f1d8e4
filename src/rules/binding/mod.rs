//! What keeps claims from being bound.

mod binding_not_finished;
mod claim_being_deleted;
mod claim_cannot_bind;
mod claim_gone_under_pod;
mod claim_not_found;
mod class_not_found;
mod remade;
mod selected_node_gone;
mod waiting_for_first_consumer;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[
    &class_not_found::RULE,
    &claim_not_found::RULE,
    &claim_being_deleted::RULE,
    &selected_node_gone::RULE,
    &claim_cannot_bind::RULE,
    &binding_not_finished::RULE,
    &claim_gone_under_pod::RULE,
    &waiting_for_first_consumer::RULE,
];
