//! What keeps volumes from growing.

mod growth;
mod repairs;
mod resizer;
mod template_not_followed;
mod volume_not_grown;
mod words;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[&volume_not_grown::RULE, &template_not_followed::RULE];
