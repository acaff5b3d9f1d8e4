//! What of a pod's node selector and affinity a node doesn't meet.

use serde_json::{Value, json};

use super::{NodeAffinity, Reason, named_nodes};
use crate::model::pod::PodSpec;
use crate::model::selector::{NearestTerm, NodeSelector, Requirement, Unmet};
use crate::model::{Kind, Pod};
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::{Behind, Cycle};
use crate::scheduler::obstacle::{
    Fact, LabelSource, Obstacle, label_path, label_present, node_ref, patch, pod_ref, wanted,
};
use crate::scheduler::reason::{LeftOut, Reason as AnyReason};
use crate::snapshot::Edit;
use crate::snapshot::edit::pointer_token;

const REQUIRED: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";

impl NodeAffinity<'_> {
    pub(super) fn against(&self, node: &NodeInfo<'_>) -> Vec<Obstacle> {
        let labels = &node.node.metadata.labels;
        let mut obstacles: Vec<Obstacle> = self.left_out(node).into_iter().collect();
        if let Some(added) = self.added {
            obstacles.extend(self.enforced(added, node));
        }
        for (key, value) in self.pod.spec.node_selector.iter().filter(|(key, value)| labels.get(*key) != Some(value)) {
            obstacles.push(self.selector(key, value, node));
        }
        let by_name = !obstacles.is_empty() && self.named_others(node);
        let nearest = self.pod.spec.required_node_affinity().and_then(|required| required.nearest(node.name(), labels));
        if let Some(nearest) = nearest {
            let unmet = nearest.unmet.iter().filter(|unmet| !(unmet.field && by_name));
            obstacles.extend(unmet.map(|unmet| self.term(&nearest, unmet, node)));
            if nearest.unmet.is_empty() {
                obstacles.push(self.no_term(node));
            }
        } else if self.pod.spec.required_node_affinity().is_some_and(|required| required.node_selector_terms.is_empty())
        {
            obstacles.push(self.no_term(node));
        }
        obstacles
    }

    /// Whether the affinity names nodes, and others than this one.
    fn named_others(&self, node: &NodeInfo<'_>) -> bool {
        let names = self.pod.spec.required_node_affinity().and_then(|r| named_nodes(&r.node_selector_terms));
        names.is_some_and(|names| !names.contains(node.name()))
    }

    fn left_out(&self, node: &NodeInfo<'_>) -> Option<Obstacle> {
        if !self.named_others(node) {
            return None;
        }
        let required = self.pod.spec.required_node_affinity()?;
        let names: Vec<String> = named_nodes(&required.node_selector_terms)?.into_iter().collect();
        let position = required.nearest(node.name(), &node.node.metadata.labels).map_or(0, |nearest| nearest.position);
        let term = required.node_selector_terms.get(position)?;
        let path = match term.match_expressions.is_empty() {
            true => REQUIRED.to_owned(),
            false => format!("{REQUIRED}/nodeSelectorTerms/{position}/matchFields"),
        };
        Some(Obstacle {
            reason: AnyReason::LeftOut(LeftOut { plugins: vec![super::NAME] }),
            object: pod_ref(self.pod),
            path: format!("{}.nodeSelectorTerms[{position}].matchFields", dotted(REQUIRED)),
            wanted: format!("metadata.name {}", names.join(", ")),
            present: node.name().to_owned(),
            fact: Fact::NodeNames { names },
            edits: vec![patch(Kind::Pod, &self.pod.metadata, json!([{"op": "remove", "path": path}]))],
        })
    }

    fn selector(&self, key: &str, value: &str, node: &NodeInfo<'_>) -> Obstacle {
        let present = node.node.metadata.labels.get(key).cloned();
        let path = format!("/spec/nodeSelector/{}", pointer_token(key));
        Obstacle {
            reason: Reason::Selector.into(),
            object: node_ref(node.name()),
            path: format!("metadata.labels[{key}]"),
            wanted: value.to_owned(),
            present: label_present(present.as_deref()),
            fact: Fact::Label {
                source: LabelSource::NodeSelector,
                requirement: Requirement {
                    key: key.to_owned(),
                    operator: "In".to_owned(),
                    values: vec![value.to_owned()],
                },
                present,
            },
            edits: vec![patch(Kind::Pod, &self.pod.metadata, json!([{"op": "remove", "path": path}]))],
        }
    }

    fn term(&self, nearest: &NearestTerm<'_>, unmet: &Unmet<'_>, node: &NodeInfo<'_>) -> Obstacle {
        let list = if unmet.field { "matchFields" } else { "matchExpressions" };
        let only = nearest.term.match_expressions.len() + nearest.term.match_fields.len() == 1;
        let path = match only {
            true => REQUIRED.to_owned(),
            false => format!("{REQUIRED}/nodeSelectorTerms/{}/{list}/{}", nearest.position, unmet.position),
        };
        let edit = patch(Kind::Pod, &self.pod.metadata, json!([{"op": "remove", "path": path}]));
        unmet_obstacle(Reason::Selector, LabelSource::NodeAffinity, unmet, node, edit)
    }

    /// A selector none of whose terms can match.
    fn no_term(&self, node: &NodeInfo<'_>) -> Obstacle {
        Obstacle {
            reason: Reason::Selector.into(),
            fact: Fact::NoTermMatches { source: LabelSource::NodeAffinity },
            object: pod_ref(self.pod),
            path: format!("{}.nodeSelectorTerms", dotted(REQUIRED)),
            wanted: "a term with a requirement".to_owned(),
            present: format!("terms that match no node, {} as little as others", node.name()),
            edits: vec![patch(Kind::Pod, &self.pod.metadata, json!([{"op": "remove", "path": REQUIRED}]))],
        }
    }

    /// The configuration's affinity can't be changed in the cluster; the node's labels can.
    fn enforced(&self, added: &NodeSelector, node: &NodeInfo<'_>) -> Vec<Obstacle> {
        let Some(nearest) = added.nearest(node.name(), &node.node.metadata.labels) else { return Vec::new() };
        let edit = patch(Kind::Node, &node.node.metadata, satisfying(&nearest.unmet, node));
        let obstacle =
            |unmet: &Unmet<'_>| unmet_obstacle(Reason::Enforced, LabelSource::Scheduler, unmet, node, edit.clone());
        nearest.unmet.iter().map(obstacle).collect()
    }
}

fn unmet_obstacle(reason: Reason, source: LabelSource, unmet: &Unmet<'_>, node: &NodeInfo<'_>, edit: Edit) -> Obstacle {
    Obstacle {
        reason: reason.into(),
        object: node_ref(node.name()),
        path: label_path(unmet),
        wanted: wanted(unmet.requirement),
        present: label_present(unmet.present.as_deref()),
        fact: Fact::Label { source, requirement: unmet.requirement.clone(), present: unmet.present.clone() },
        edits: vec![edit],
    }
}

/// Operations that give a node the labels that it lacks.
fn satisfying(unmet: &[Unmet<'_>], node: &NodeInfo<'_>) -> Value {
    let labels = &node.node.metadata.labels;
    let mut operations = Vec::new();
    if labels.is_empty() {
        operations.push(json!({"op": "add", "path": "/metadata/labels", "value": {}}));
    }
    for requirement in unmet.iter().filter(|unmet| !unmet.field).map(|unmet| unmet.requirement) {
        let path = format!("/metadata/labels/{}", pointer_token(&requirement.key));
        let bound = || requirement.values.first().and_then(|value| value.parse::<i64>().ok()).unwrap_or_default();
        let value = match requirement.operator.as_str() {
            "NotIn" | "DoesNotExist" => {
                operations.push(json!({"op": "remove", "path": path}));
                continue;
            }
            "Gt" => bound().saturating_add(1).to_string(),
            "Lt" => bound().saturating_sub(1).to_string(),
            _ => requirement.values.first().cloned().unwrap_or_default(),
        };
        operations.push(json!({"op": "add", "path": path, "value": value}));
    }
    Value::Array(operations)
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// Terms of which each names no node.
pub(crate) fn behind<'c>(cycle: &Cycle<'c>) -> Behind<'c> {
    Behind { obstacles: vec![conflict(cycle.pod, &cycle.pod.spec)], filter: None }
}

fn conflict(pod: &Pod, spec: &PodSpec) -> Obstacle {
    let terms = spec.required_node_affinity().map_or(0, |required| required.node_selector_terms.len());
    Obstacle {
        reason: Reason::Conflict.into(),
        fact: Fact::NoTermMatches { source: LabelSource::NodeAffinity },
        object: pod_ref(pod),
        path: format!("{}.nodeSelectorTerms", dotted(REQUIRED)),
        wanted: "a term that names a node".to_owned(),
        present: format!("{terms} that contradict themselves"),
        edits: vec![patch(Kind::Pod, &pod.metadata, json!([{"op": "remove", "path": REQUIRED}]))],
    }
}
