//! Drivers of volumes: there, running, registered.

mod cloud_faults;
pub(super) mod driver;
pub(super) mod driver_absence;
mod driver_controller_down;
pub(super) mod driver_faults;
mod driver_nodes_closed;
mod driver_not_installed;
mod driver_not_on_node;
mod kubelet_folder;
pub(super) mod named_parameters;
pub(super) mod needed_by_claims;
pub(super) mod rights;
mod similar;
pub(super) mod trouble;
pub(super) mod vsphere;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[
    &driver_not_installed::RULE,
    &driver_controller_down::RULE,
    &driver_not_on_node::RULE,
    &driver_nodes_closed::RULE,
];
