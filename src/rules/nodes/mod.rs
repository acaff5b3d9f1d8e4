//! What is wrong with nodes.

mod node_lost;
mod node_not_initialised;
mod node_without_provider_id;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[&node_lost::RULE, &node_not_initialised::RULE, &node_without_provider_id::RULE];
