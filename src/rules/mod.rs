//! The rules: each tells one cause from its look-alikes. One file a rule, one page a rule, one table of all.

mod anti_affinity_exhausts_nodes;
mod attach_fails;
mod attach_limit_reached;
mod attach_unanswered;
mod attachment_stale;
mod binding_not_finished;
mod capacity;
mod capacity_not_published;
mod capacity_too_small;
mod change_refused;
mod claim_cannot_bind;
mod claim_gone_under_pod;
mod claim_not_found;
mod class_not_found;
mod container_cannot_start;
mod containers;
mod disk_not_visible;
mod driver;
mod driver_absence;
mod driver_controller_down;
mod driver_faults;
mod driver_nodes_closed;
mod driver_not_installed;
mod driver_not_on_node;
mod everywhere;
mod exceeds_any_node;
mod extender_decides;
mod extender_not_wired;
mod image_not_pulled;
mod injected;
mod leftover_injecting_webhook;
mod mount_fails;
mod mounted_object_missing;
mod no_node_fits;
mod node_lost;
mod node_without_provider_id;
mod ordered_pods_wait;
mod other_scheduler_missing;
mod other_scheduler_refuses;
mod others;
mod placed;
mod pod_not_judged;
mod pod_not_ready;
mod pods_not_created;
mod provisioning_fails;
mod provisioning_refused;
mod registry;
mod remade;
mod runner;
mod scheduler_config_unknown;
mod scheduling_gated;
mod stale_injected_request;
mod support;
mod unserved_injected_resource;
mod verdict_differs;
mod volume_out_of_reach;
mod volume_plugin_missing;
mod volume_used_elsewhere;
mod volumes_overdue;
mod waiting_for_first_consumer;
mod waiting_for_provisioner;
mod webhook_blocks_pods;

pub use registry::REGISTRY;

use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Severity;
use crate::diagnosis::findings::Findings;
use crate::model::Kind;

/// A rule: a pure function over the snapshot and the verdicts, with its page.
#[derive(Debug)]
pub struct Rule {
    /// The fault, in kebab case.
    pub name: &'static str,
    /// The fault in one sentence.
    pub summary: &'static str,
    /// The worst severity of its findings.
    pub severity: Severity,
    /// The release that brought the rule.
    pub since: &'static str,
    /// Where one of these kinds could not be read, the rule is silent and listed as skipped.
    pub needs: &'static [Kind],
    /// Kinds that the rule looks into as well: where one of them could not be read, it says what the rest proves.
    pub reads: &'static [Kind],
    /// Whether the rule is about pods that no node takes, so that it can't judge those without a certain verdict.
    pub rejected_pods: bool,
    /// The page that `explain` shows, in Markdown.
    pub page: &'static str,
    pub check: fn(&Context<'_>, &mut Findings),
}

/// Declares a rule: its page is `docs/rules/<name>.md`.
macro_rules! declare_rule {
    (static $id:ident = {
        name: $name:literal,
        summary: $summary:literal,
        severity: $severity:ident,
        since: $since:literal,
        needs: [$($kind:ident),* $(,)?],
        $(reads: [$($read:ident),* $(,)?],)?
        $(rejected_pods: $rejected:literal,)?
        check: $check:path $(,)?
    }) => {
        #[doc = $summary]
        pub(super) static $id: $crate::rules::Rule = $crate::rules::Rule {
            name: $name,
            summary: $summary,
            severity: $crate::diagnosis::finding::Severity::$severity,
            since: $since,
            needs: &[$($crate::model::Kind::$kind),*],
            reads: &[$($($crate::model::Kind::$read),*)?],
            rejected_pods: false $(|| $rejected)?,
            page: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules/", $name, ".md")),
            check: $check,
        };
    };
}
pub(crate) use declare_rule;

/// Ties findings that rest on each other, when all rules have run, and adds what others say of what they explain.
pub(crate) fn tie(cx: &Context<'_>, out: &mut Findings) {
    waiting_for_provisioner::tie(cx, out);
    others::note(cx, out);
}

/// The rule of this name.
pub fn find(name: &str) -> Option<&'static Rule> {
    REGISTRY.iter().copied().find(|rule| rule.name == name)
}
