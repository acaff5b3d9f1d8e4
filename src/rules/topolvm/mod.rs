//! What TopoLVM leaves behind.

pub(super) mod capacity;
pub(super) mod extender;
mod extender_not_wired;
mod injected;
mod leftover_injecting_webhook;
mod stale_injected_request;
mod unserved_injected_resource;
pub(super) mod webhook_off;

use super::Rule;

/// The room's rules.
pub(super) static RULES: &[&Rule] = &[
    &extender_not_wired::RULE,
    &unserved_injected_resource::RULE,
    &stale_injected_request::RULE,
    &leftover_injecting_webhook::RULE,
];
