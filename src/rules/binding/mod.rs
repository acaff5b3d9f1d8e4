//! What keeps claims from being bound.

mod binding_not_finished;
mod claim_being_deleted;
mod claim_cannot_bind;
mod claim_gone_under_pod;
mod claim_not_found;
mod class_not_found;
mod deletion_stuck;
mod ephemeral_claim_taken;
mod remade;
mod selected_node_gone;
mod unbound_words;
mod waiting_for_first_consumer;

pub(super) use remade::recreate;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[
    &class_not_found::RULE,
    &claim_not_found::RULE,
    &claim_being_deleted::RULE,
    &ephemeral_claim_taken::RULE,
    &selected_node_gone::RULE,
    &claim_cannot_bind::RULE,
    &binding_not_finished::RULE,
    &claim_gone_under_pod::RULE,
    &deletion_stuck::RULE,
    &waiting_for_first_consumer::RULE,
];
