//! What keeps pods from being made.

mod change_refused;
mod controllers_stopped;
mod pods_not_created;
mod webhook_blocks_pods;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] =
    &[&controllers_stopped::RULE, &webhook_blocks_pods::RULE, &pods_not_created::RULE, &change_refused::RULE];
