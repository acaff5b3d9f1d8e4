//! What keeps pods from all nodes.

mod anti_affinity_exhausts_nodes;
mod early_remedies;
mod everywhere;
mod exceeds_any_node;
mod host_name_misread;
pub(super) mod no_node_fits;
pub(super) mod ordered_pods_wait;
mod pinned;
pub(super) mod scale_up;
mod under_way;
mod verdict_differs;
mod volume_made_too_early;
mod volume_reach;
mod volume_remedies;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[
    &anti_affinity_exhausts_nodes::RULE,
    &exceeds_any_node::RULE,
    &host_name_misread::RULE,
    &no_node_fits::RULE,
    &ordered_pods_wait::RULE,
    &verdict_differs::RULE,
    &volume_made_too_early::RULE,
];
