//! What keeps placed pods from starting.

mod container_cannot_start;
pub(super) mod containers;
mod image_not_pulled;
mod mounted_object_missing;
pub(super) mod pod_not_ready;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] =
    &[&mounted_object_missing::RULE, &image_not_pulled::RULE, &container_cannot_start::RULE, &pod_not_ready::RULE];
