//! What the PostFilter plugins add to a message (`runtime/framework.go`, RunPostFilterPlugins).

use super::framework::{Cycle, Prepared, Rejections};
use super::plugins::default_preemption::{self, Preemption};
use super::plugins::dynamic_resources;
use super::release;

/// The PostFilter phase: its text, and the node that it nominates with the pods to evict.
#[derive(Default)]
pub(crate) struct PostFilter {
    pub(crate) text: String,
    pub(crate) nominates: Option<(String, Vec<String>)>,
    pub(crate) unknown: Vec<String>,
}

impl PostFilter {
    /// After a PreFilter plugin rejected the pod. DynamicResources, which runs first, then finds no state of its own
    /// unless its PreFilter had run; that error, `not found`, is all that is told. Where its own PreFilter rejected the
    /// pod the state has no claims.
    pub(crate) fn after_pre_filter(cycle: &Cycle<'_>, plugin: &str) -> Self {
        let order = &cycle.profile.pre_filter;
        let position = |wanted: &str| order.iter().position(|name| name == wanted);
        let own = position(dynamic_resources::NAME);
        let reached = own.is_some() && position(plugin) >= own;
        if runs_dynamic_resources(cycle) && !reached {
            return Self { text: "not found".to_owned(), ..Self::default() };
        }
        let claims = if plugin == dynamic_resources::NAME {
            dynamic_resources::nothing_to_deallocate(cycle.cluster.version)
        } else {
            dynamic_resources::post_filter(cycle.cluster, cycle.pod, false)
        };
        Self::run(cycle, None, &Rejections::new(cycle.cluster), claims)
    }

    /// After every node was rejected.
    pub(crate) fn after_filters<'c>(cycle: &Cycle<'c>, prepared: &Prepared<'c>, rejections: &Rejections<'c>) -> Self {
        let elsewhere = rejections.all().any(|(plugin, _)| *plugin == dynamic_resources::NAME);
        let claims = dynamic_resources::post_filter(cycle.cluster, cycle.pod, elsewhere);
        Self::run(cycle, Some(prepared), rejections, claims)
    }

    /// `claims` is what DynamicResources says. Where preemption finds a place that is all that is told, if anything.
    fn run<'c>(
        cycle: &Cycle<'c>,
        prepared: Option<&Prepared<'c>>,
        rejections: &Rejections<'c>,
        claims: Option<&str>,
    ) -> Self {
        let mut texts = Vec::new();
        if runs_dynamic_resources(cycle) {
            texts.extend(claims.map(str::to_owned));
        }
        if runs(cycle, default_preemption::NAME) {
            match default_preemption::preempt(cycle.cluster, cycle.pod, prepared, rejections) {
                Preemption::Nominates { node, victims } => {
                    let text = match release::tells_preemption(cycle.cluster.version) {
                        true => default_preemption::found(&node, victims.len()),
                        false => String::new(),
                    };
                    return Self { text, nominates: Some((node, victims)), ..Self::default() };
                }
                Preemption::Error(text) => return Self { text, ..Self::default() },
                Preemption::Unknown(unknown) => return Self { unknown, ..Self::default() },
                Preemption::Fails(text) => texts.push(text),
            }
        }
        Self { text: texts.join(", "), ..Self::default() }
    }
}

fn runs_dynamic_resources(cycle: &Cycle<'_>) -> bool {
    release::dynamic_resources(cycle.cluster.version) && runs(cycle, dynamic_resources::NAME)
}

fn runs(cycle: &Cycle<'_>, plugin: &str) -> bool {
    cycle.profile.post_filter.iter().any(|name| name == plugin)
}
