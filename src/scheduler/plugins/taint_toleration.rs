//! `plugins/tainttoleration`: taints that keep pods away.

use std::borrow::Cow;

use serde_json::json;

use crate::model::node::Taint;
use crate::model::pod::Toleration;
use crate::model::version::Version;
use crate::model::{Kind, Pod};
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::{Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::obstacle::{Fact, Obstacle, node_ref, patch};
use crate::scheduler::release;

pub(crate) const NAME: &str = "TaintToleration";

/// Why the plugin rejects a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The first taint that isn't tolerated.
    Untolerated {
        key: String,
        value: String,
        effect: String,
        /// Whether the release's text names the taint.
        named: bool,
    },
}

impl Reason {
    fn untolerated(version: Version, taint: &Taint) -> Self {
        Reason::Untolerated {
            key: taint.key.clone(),
            value: taint.value.clone(),
            effect: taint.effect.clone(),
            named: release::names_untolerated_taint(version),
        }
    }

    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::Untolerated { named: false, .. } => "node(s) had untolerated taint(s)".into(),
            Reason::Untolerated { key, value, .. } => {
                format!("node(s) had untolerated taint {{{key}: {value}}}").into()
            }
        }
    }
}

#[derive(Clone)]
struct TaintToleration<'c> {
    pod: &'c Pod,
    version: Version,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    PreFilter::Filter(Box::new(TaintToleration { pod: cycle.pod, version: cycle.cluster.version }))
}

/// Whether a toleration covers a taint (`staging/src/k8s.io/api/core/v1/toleration.go`, ToleratesTaint).
pub(crate) fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    (toleration.effect.is_empty() || toleration.effect == taint.effect)
        && (toleration.key.is_empty() || toleration.key == taint.key)
        && match toleration.operator.as_str() {
            "" | "Equal" => toleration.value == taint.value,
            "Exists" => true,
            _ => false,
        }
}

/// The first taint that keeps the pod from being placed: only `NoSchedule` and `NoExecute` do.
pub(crate) fn untolerated<'n>(taints: &'n [Taint], tolerations: &[Toleration]) -> Option<&'n Taint> {
    taints.iter().find(|taint| hinders(taint, tolerations))
}

fn hinders(taint: &Taint, tolerations: &[Toleration]) -> bool {
    matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute")
        && !tolerations.iter().any(|toleration| tolerates(toleration, taint))
}

impl TaintToleration<'_> {
    fn obstacle(&self, node: &str, position: usize, taint: &Taint) -> Obstacle {
        let Taint { key, value, effect, .. } = taint.clone();
        let toleration = json!({"key": key, "operator": "Equal", "value": value, "effect": effect});
        let operation = match self.pod.spec.tolerations.is_empty() {
            true => json!([{"op": "add", "path": "/spec/tolerations", "value": [toleration]}]),
            false => json!([{"op": "add", "path": "/spec/tolerations/-", "value": toleration}]),
        };
        Obstacle {
            reason: Reason::untolerated(self.version, taint).into(),
            object: node_ref(node),
            path: format!("spec.taints[{position}]"),
            wanted: "a taint that the pod tolerates".to_owned(),
            present: taint.to_string(),
            fact: Fact::Taint { key, value, effect },
            edits: vec![patch(Kind::Pod, &self.pod.metadata, operation)],
        }
    }
}

impl<'c> Filter<'c> for TaintToleration<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        match untolerated(&node.node.spec.taints, &self.pod.spec.tolerations) {
            Some(taint) => Err(Status::unresolvable(Reason::untolerated(self.version, taint))),
            None => Ok(()),
        }
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let taints = node.node.spec.taints.iter().enumerate();
        let hindering = taints.filter(|(_, taint)| hinders(taint, &self.pod.spec.tolerations));
        hindering.map(|(position, taint)| self.obstacle(node.name(), position, taint)).collect()
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toleration(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
        Toleration {
            key: key.to_owned(),
            operator: operator.to_owned(),
            value: value.to_owned(),
            effect: effect.to_owned(),
            toleration_seconds: None,
        }
    }

    fn taint(key: &str, value: &str, effect: &str) -> Taint {
        Taint { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned(), time_added: None }
    }

    #[test]
    fn an_empty_key_with_exists_tolerates_everything() {
        assert!(tolerates(&toleration("", "Exists", "", ""), &taint("a", "b", "NoExecute")));
        assert!(!tolerates(&toleration("", "", "", ""), &taint("a", "b", "NoExecute")));
        assert!(!tolerates(&toleration("a", "Exists", "", "NoSchedule"), &taint("a", "b", "NoExecute")));
        assert!(tolerates(&toleration("a", "", "b", ""), &taint("a", "b", "NoExecute")));
        assert!(!tolerates(&toleration("a", "Gt", "1", ""), &taint("a", "2", "NoSchedule")), "an alpha operator");
    }

    #[test]
    fn only_hard_effects_keep_pods_away() {
        let taints = [taint("a", "", "PreferNoSchedule"), taint("b", "", "NoSchedule")];
        assert_eq!(untolerated(&taints, &[]).map(|taint| taint.key.as_str()), Some("b"));
        assert_eq!(untolerated(&taints[..1], &[]), None);
    }
}
