//! The domains that a spread constraint counts.

use serde_json::{Value, json};

use super::{Constraint, Counts, PodTopologySpread, Reason};
use crate::model::Kind;
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::obstacle::{Fact, Obstacle, label_present, node_ref, patch, pod_ref};
use crate::snapshot::Edit;

/// Domains that a fact lists.
const DOMAINS: usize = 10;

impl<'c> PodTopologySpread<'c> {
    pub(super) fn against(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let constraints = self.constraints.iter().zip(&self.counts);
        constraints.filter_map(|(constraint, counts)| self.obstacle(constraint, counts, node)).collect()
    }

    fn obstacle(&self, constraint: &Constraint<'c>, counts: &Counts<'c>, node: &NodeInfo<'c>) -> Option<Obstacle> {
        let key = constraint.key;
        let Some(domain) = node.node.metadata.labels.get(key) else {
            return Some(Obstacle {
                reason: Reason::MissingLabel.into(),
                fact: Fact::SpreadLabel { key: key.to_owned() },
                object: node_ref(node.name()),
                path: format!("metadata.labels[{key}]"),
                wanted: "any value".to_owned(),
                present: label_present(None),
                edits: vec![self.relaxed(constraint, json!("ScheduleAnyway"), "whenUnsatisfiable")],
            });
        };
        let (count, smallest) = (counts.of(domain), counts.smallest(constraint.min_domains));
        let skew = count + i64::from(constraint.matches_self) - smallest;
        if !self.certain || skew <= constraint.max_skew {
            return None;
        }
        Some(Obstacle {
            reason: Reason::Skew.into(),
            object: pod_ref(self.pod),
            path: constraint
                .own
                .map_or_else(String::new, |own| format!("spec.topologySpreadConstraints[{own}].maxSkew")),
            wanted: format!("a skew of at most {} over {key}", constraint.max_skew),
            present: format!("{skew}: {domain} has {count}, the fewest have {smallest}"),
            fact: Fact::Spread {
                key: key.to_owned(),
                domain: domain.clone(),
                count,
                smallest,
                max_skew: constraint.max_skew,
                domains: counts.domains_by_count(),
            },
            edits: vec![self.relaxed(constraint, json!(skew), "maxSkew")],
        })
    }

    /// The constraint with another value; a soft one may not have minDomains (`pkg/apis/core/validation`). A default constraint, which the pod can't change, gives way to any of its own.
    fn relaxed(&self, constraint: &Constraint<'c>, value: Value, field: &str) -> Edit {
        let operations = match constraint.own {
            Some(own) => {
                let path = format!("/spec/topologySpreadConstraints/{own}/{field}");
                let mut operations = vec![json!({"op": "replace", "path": path, "value": value})];
                let set =
                    self.pod.spec.topology_spread_constraints.get(own).is_some_and(|one| one.min_domains.is_some());
                if field == "whenUnsatisfiable" && set {
                    let path = format!("/spec/topologySpreadConstraints/{own}/minDomains");
                    operations.push(json!({"op": "remove", "path": path}));
                }
                Value::Array(operations)
            }
            None => {
                let soft = json!({"maxSkew": 1, "topologyKey": constraint.key, "whenUnsatisfiable": "ScheduleAnyway"});
                json!([{"op": "add", "path": "/spec/topologySpreadConstraints", "value": [soft]}])
            }
        };
        patch(Kind::Pod, &self.pod.metadata, operations)
    }
}

impl Counts<'_> {
    /// The domains with their pods, the fewest first; not more than a person reads.
    fn domains_by_count(&self) -> Vec<(String, i64)> {
        let mut domains: Vec<(String, i64)> =
            self.shared.keys().map(|domain| ((*domain).to_owned(), self.of(domain))).collect();
        domains.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
        domains.truncate(DOMAINS);
        domains
    }
}
