//! What keeps volumes from being made.

pub(super) mod capacity;
mod capacity_not_published;
mod capacity_too_small;
pub(super) mod copies;
mod outdated;
mod provisioning_fails;
pub(super) mod provisioning_refused;
mod restore_source_unready;
mod runner;
pub(super) mod waiting_for_provisioner;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[
    &restore_source_unready::RULE,
    &provisioning_refused::RULE,
    &provisioning_fails::RULE,
    &waiting_for_provisioner::RULE,
    &capacity_not_published::RULE,
    &capacity_too_small::RULE,
];
