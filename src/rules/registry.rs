//! The table of all rules, in the order in which they run: causes that others hang under come first, and the rules
//! that take whatever is left come last.

use super::*;

/// Every rule.
pub static REGISTRY: &[&Rule] = &[
    &webhook_blocks_pods::RULE,
    &pods_not_created::RULE,
    &class_not_found::RULE,
    &driver_not_installed::RULE,
    &waiting_for_provisioner::RULE,
    &claim_cannot_bind::RULE,
    &extender_not_wired::RULE,
    &unserved_injected_resource::RULE,
    &stale_injected_request::RULE,
    &leftover_injecting_webhook::RULE,
    &capacity_not_published::RULE,
    &capacity_too_small::RULE,
    &driver_nodes_closed::RULE,
    &anti_affinity_exhausts_nodes::RULE,
    &other_scheduler_missing::RULE,
    &scheduling_gated::RULE,
    &extender_decides::RULE,
    &no_node_fits::RULE,
    &ordered_pods_wait::RULE,
    &pod_not_ready::RULE,
    &waiting_for_first_consumer::RULE,
    &verdict_differs::RULE,
    &scheduler_config_unknown::RULE,
];
