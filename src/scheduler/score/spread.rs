//! `plugins/podtopologyspread/scoring.go`: domains with fewer of the pods that are to be spread.

use std::collections::HashMap;

use super::MOST;
use crate::model::selector::{LabelSelector, Requirement};
use crate::model::{Node, Pod};
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::default_spread;
use crate::scheduler::framework::Cycle;
use crate::scheduler::plugins::{node_affinity, taint_toleration};

const HOSTNAME: &str = "kubernetes.io/hostname";

/// The constraints of pods that have none (`systemDefaultConstraints`), with their skew.
const DEFAULTS: [(&str, i32); 2] = [(HOSTNAME, 3), ("topology.kubernetes.io/zone", 5)];

/// A constraint that only ranks.
struct Soft {
    key: String,
    max_skew: i32,
    selector: Option<LabelSelector>,
    honors_affinity: bool,
    honors_taints: bool,
}

impl Soft {
    fn includes(&self, pod: &Pod, node: &Node) -> bool {
        (!self.honors_affinity || node_affinity::matches(&pod.spec, node))
            && (!self.honors_taints
                || taint_toleration::untolerated(&node.spec.taints, &pod.spec.tolerations).is_none())
    }

    fn count(&self, pod: &Pod, node: &NodeInfo<'_>) -> i64 {
        let Some(selector) = self.selector.as_ref().filter(|selector| !selector.is_empty()) else { return 0 };
        let same = node.pods.iter().filter(|info| {
            let meta = &info.pod.metadata;
            !meta.deleting() && meta.namespace == pod.metadata.namespace && selector.matches(&meta.labels)
        });
        i64::try_from(same.count()).unwrap_or(i64::MAX)
    }
}

/// The pod's own constraints, or those that every pod of a service or controller has, and whether they are its own.
fn constraints(cycle: &Cycle<'_>) -> (Vec<Soft>, bool) {
    let own = &cycle.pod.spec.topology_spread_constraints;
    if own.is_empty() && cycle.profile.default_constraints.is_empty() {
        return (defaults(cycle), false);
    }
    let soft = own.iter().filter(|constraint| constraint.when_unsatisfiable == "ScheduleAnyway");
    let soft = soft.map(|constraint| {
        let mut selector = constraint.label_selector.clone();
        for key in &constraint.match_label_keys {
            if let (Some(selector), Some(value)) = (&mut selector, cycle.pod.metadata.labels.get(key)) {
                let values = vec![value.clone()];
                selector.match_expressions.push(Requirement { key: key.clone(), operator: "In".to_owned(), values });
            }
        }
        Soft {
            key: constraint.topology_key.clone(),
            max_skew: constraint.max_skew,
            selector,
            honors_affinity: constraint.node_affinity_policy.as_deref() != Some("Ignore"),
            honors_taints: constraint.node_taints_policy.as_deref() == Some("Honor"),
        }
    });
    (soft.collect(), true)
}

fn defaults(cycle: &Cycle<'_>) -> Vec<Soft> {
    let selector = default_spread::selector(cycle).ok().filter(|selector| !selector.is_empty());
    let one = |selector: &LabelSelector, (key, max_skew): (&str, i32)| Soft {
        key: key.to_owned(),
        max_skew,
        selector: Some(selector.clone()),
        honors_affinity: true,
        honors_taints: false,
    };
    selector.iter().flat_map(|selector| DEFAULTS.iter().map(|default| one(selector, *default))).collect()
}

pub(super) fn scores<'c>(cycle: &Cycle<'c>, nodes: &[&NodeInfo<'c>]) -> Option<Vec<i64>> {
    let (constraints, all_keys) = constraints(cycle);
    if constraints.is_empty() {
        return None;
    }
    let labels = |node: &NodeInfo<'c>| -> &'c crate::model::meta::Map { &node.node.metadata.labels };
    let keyed = |node: &NodeInfo<'c>| {
        !all_keys || constraints.iter().all(|constraint| labels(node).contains_key(&constraint.key))
    };
    let scored: Vec<bool> = nodes.iter().map(|node| keyed(node)).collect();
    let counted = scored.iter().filter(|scored| **scored).count();
    let mut raw = vec![0.0; nodes.len()];
    for constraint in &constraints {
        let mut domains: HashMap<&str, i64> = HashMap::new();
        for (node, _) in nodes.iter().zip(&scored).filter(|(_, scored)| **scored) {
            domains.entry(labels(node).get(&constraint.key).map_or("", String::as_str)).or_default();
        }
        let per_node = constraint.key == HOSTNAME;
        if !per_node {
            let all = cycle.cluster.nodes.iter().filter(|node| keyed(node));
            for node in all.filter(|node| constraint.includes(cycle.pod, node.node)) {
                let domain = labels(node).get(&constraint.key).map_or("", String::as_str);
                if let Some(sum) = domains.get_mut(domain) {
                    *sum += constraint.count(cycle.pod, node);
                }
            }
        }
        let size = if per_node { counted } else { domains.len() };
        for (node, raw) in nodes.iter().zip(&mut raw) {
            let Some(value) = labels(node).get(&constraint.key) else { continue };
            let count = match per_node {
                true => constraint.count(cycle.pod, node),
                false => domains.get(value.as_str()).copied().unwrap_or(0),
            };
            *raw += weighted(count, constraint.max_skew, size);
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "as upstream")]
    let raw: Vec<Option<i64>> =
        raw.iter().zip(scored).map(|(raw, scored)| scored.then_some(raw.round() as i64)).collect();
    Some(normalize(&raw))
}

/// `scoreForCount` with `topologyNormalizingWeight`.
#[expect(clippy::cast_precision_loss, reason = "as upstream")]
fn weighted(count: i64, max_skew: i32, size: usize) -> f64 {
    (count as f64) * ((size + 2) as f64).ln() + f64::from(max_skew - 1)
}

fn normalize(raw: &[Option<i64>]) -> Vec<i64> {
    let most = raw.iter().flatten().max().copied().unwrap_or(0);
    let least = raw.iter().flatten().min().copied().unwrap_or(0);
    let share = |score: &Option<i64>| match score {
        None => 0,
        Some(_) if most == 0 => MOST,
        Some(score) => MOST * (most + least - score) / most,
    };
    raw.iter().map(share).collect()
}
