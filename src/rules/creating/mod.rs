//! What keeps pods from being made.

mod change_refused;
mod pods_not_created;
mod webhook_blocks_pods;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[&webhook_blocks_pods::RULE, &pods_not_created::RULE, &change_refused::RULE];
