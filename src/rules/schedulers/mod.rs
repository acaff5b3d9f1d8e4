//! Who decides about a pod, and what that one says.

mod extender_decides;
mod other_scheduler_missing;
mod other_scheduler_refuses;
pub(super) mod others;
mod pod_not_judged;
mod scheduler_config_unknown;
mod scheduling_gated;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[
    &other_scheduler_refuses::RULE,
    &other_scheduler_missing::RULE,
    &scheduling_gated::RULE,
    &extender_decides::RULE,
    &pod_not_judged::RULE,
    &scheduler_config_unknown::RULE,
];
