//! What keeps volumes from placed pods.

mod attach_facts;
mod attach_fails;
mod attach_limit_reached;
mod attach_unanswered;
mod attachment_stale;
mod disk_not_visible;
mod mount_facts;
mod mount_fails;
mod ownership_change_slow;
pub(super) mod placed;
mod volume_out_of_reach;
mod volume_plugin_missing;
mod volume_used_elsewhere;
mod volumes_overdue;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[
    &attachment_stale::RULE,
    &volume_used_elsewhere::RULE,
    &volume_out_of_reach::RULE,
    &attach_limit_reached::RULE,
    &attach_fails::RULE,
    &attach_unanswered::RULE,
    &disk_not_visible::RULE,
    &volume_plugin_missing::RULE,
    &mount_fails::RULE,
    &ownership_change_slow::RULE,
    &volumes_overdue::RULE,
];
