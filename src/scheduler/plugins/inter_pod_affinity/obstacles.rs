//! The pods that (anti-)affinity is about.

use std::collections::HashMap;

use serde_json::json;

use super::{InterPodAffinity, Reason, existing_term_matches, pair};
use crate::model::pod::PodAffinityTerm;
use crate::model::selector::LabelSelector;
use crate::model::{Kind, Node, ObjectRef, Pod};
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::obstacle::{Fact, Obstacle, label_present, patch, pod_ref};
use crate::snapshot::Edit;

const AFFINITY: &str = "/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution";
const ANTI_AFFINITY: &str = "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution";

/// Pods by the domain in which a term means them.
#[derive(Debug, Default)]
pub(super) struct Holders<'c> {
    /// By the position of the pod's term and the domain.
    affinity: HashMap<usize, Vec<(&'c Pod, &'c str)>>,
    anti_affinity: HashMap<(usize, &'c str), Vec<&'c Pod>>,
    /// By topology key and domain: pods whose anti-affinity means the pod.
    existing: HashMap<(&'c str, &'c str), Vec<&'c Pod>>,
}

impl<'c> InterPodAffinity<'c> {
    pub(super) fn against(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let mut obstacles = self.affinity_obstacles(node.node);
        obstacles.extend(self.anti_affinity_obstacles(node));
        obstacles.extend(self.existing_obstacles(node));
        obstacles
    }

    fn holders(&self) -> &Holders<'c> {
        self.holders.get_or_init(|| {
            let mut holders = Holders::default();
            for node in &self.cluster.nodes {
                node.pods.iter().for_each(|info| self.hold(&mut holders, info.pod, node.node));
            }
            holders
        })
    }

    fn hold(&self, holders: &mut Holders<'c>, pod: &'c Pod, node: &'c Node) {
        for (position, term) in self.terms.affinity.iter().enumerate().filter(|(_, term)| term.matches(pod)) {
            if let Some((_, domain)) = pair(term.term, node) {
                holders.affinity.entry(position).or_default().push((pod, domain));
            }
        }
        for (position, term) in self.terms.anti_affinity.iter().enumerate().filter(|(_, term)| term.matches(pod)) {
            if let Some((_, domain)) = pair(term.term, node) {
                holders.anti_affinity.entry((position, domain)).or_default().push(pod);
            }
        }
        for term in pod.spec.anti_affinity_terms().iter().filter(|term| self.is_meant(term, pod)) {
            if let Some(pair) = pair(term, node) {
                let pods = holders.existing.entry(pair).or_default();
                if !pods.last().is_some_and(|last| std::ptr::eq(*last, pod)) {
                    pods.push(pod);
                }
            }
        }
    }

    /// Whether a term of another pod's anti-affinity means the pod to be scheduled.
    fn is_meant(&self, term: &PodAffinityTerm, owner: &Pod) -> bool {
        existing_term_matches(term, owner, self.pod, &self.terms.namespace_labels)
    }

    /// Pods of a dry run that are on the node: they count, and the cluster's nodes don't have them.
    fn guests<'n>(&'n self, node: &'n NodeInfo<'c>) -> impl Iterator<Item = &'c Pod> + 'n {
        let known = self.cluster.node(node.name());
        node.pods.iter().map(|info| info.pod).filter(move |pod| {
            known.is_some_and(|known| !known.pods.iter().any(|present| std::ptr::eq(present.pod, *pod)))
        })
    }

    fn affinity_obstacles(&self, node: &'c Node) -> Vec<Obstacle> {
        if self.affinity_holds(node) {
            return Vec::new();
        }
        let missing = self.terms.affinity.iter().enumerate().filter(|(_, term)| {
            let counted = pair(term.term, node).is_some_and(|pair| self.affinity.of(pair) > 0);
            !counted && (self.pods_complete || pair(term.term, node).is_none())
        });
        missing.map(|(position, term)| self.affinity_obstacle(position, term.term, node)).collect()
    }

    fn affinity_obstacle(&self, position: usize, term: &PodAffinityTerm, node: &Node) -> Obstacle {
        let domain = node.metadata.labels.get(&term.topology_key).cloned();
        let elsewhere = self.holders().affinity.get(&position).map_or(&[][..], Vec::as_slice);
        let elsewhere = elsewhere.iter().map(|(pod, domain)| (pod_ref(pod), (*domain).to_owned())).collect();
        let (key, selector) = (term.topology_key.clone(), selector_text(term));
        Obstacle {
            reason: Reason::Affinity.into(),
            object: pod_ref(self.pod),
            path: format!("spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[{position}]"),
            wanted: format!("a pod with {selector} in the same {key}"),
            present: match &domain {
                Some(domain) => format!("none in {key}={domain}"),
                None => format!("label {key}: {}", label_present(None)),
            },
            fact: Fact::Affinity { selector, key, domain, elsewhere },
            edits: vec![self.without(AFFINITY, position)],
        }
    }

    fn anti_affinity_obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        for (position, term) in self.terms.anti_affinity.iter().enumerate() {
            let Some((key, domain)) = pair(term.term, node.node) else { continue };
            if self.anti_affinity.of((key, domain)) <= 0 {
                continue;
            }
            let known = self.holders().anti_affinity.get(&(position, domain)).into_iter().flatten().copied();
            let pods: Vec<ObjectRef> =
                known.chain(self.guests(node).filter(|pod| term.matches(pod))).map(pod_ref).collect();
            if !pods.is_empty() {
                obstacles.push(self.anti_affinity_obstacle(position, term.term, domain, pods));
            }
        }
        obstacles
    }

    fn anti_affinity_obstacle(
        &self,
        position: usize,
        term: &PodAffinityTerm,
        domain: &str,
        pods: Vec<ObjectRef>,
    ) -> Obstacle {
        let (key, selector) = (term.topology_key.clone(), selector_text(term));
        Obstacle {
            reason: Reason::AntiAffinity.into(),
            object: pod_ref(self.pod),
            path: format!("spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[{position}]"),
            wanted: format!("no pod with {selector} in the same {key}"),
            present: present(&pods, &key, domain),
            fact: Fact::AntiAffinity { selector, key, domain: domain.to_owned(), pods },
            edits: vec![self.without(ANTI_AFFINITY, position)],
        }
    }

    fn existing_obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let labels = &node.node.metadata.labels;
        let counted = labels.iter().filter(|(key, value)| self.existing_anti_affinity.of((key, value)) > 0);
        counted.filter_map(|(key, domain)| self.existing_obstacle(key, domain, node)).collect()
    }

    fn existing_obstacle(&self, key: &str, domain: &str, node: &NodeInfo<'c>) -> Option<Obstacle> {
        let known = self.holders().existing.get(&(key, domain)).into_iter().flatten().copied();
        let meant = |pod: &&Pod| {
            pod.spec.anti_affinity_terms().iter().any(|term| term.topology_key == key && self.is_meant(term, pod))
        };
        let pods: Vec<&Pod> = known.chain(self.guests(node).filter(meant)).collect();
        let names: Vec<ObjectRef> = pods.iter().map(|pod| pod_ref(pod)).collect();
        let first = names.first()?.clone();
        Some(Obstacle {
            reason: Reason::ExistingAntiAffinity.into(),
            object: first,
            path: "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution".to_owned(),
            wanted: format!("no pod whose anti-affinity means the pod in the same {key}"),
            present: present(&names, key, domain),
            fact: Fact::ExistingAntiAffinity { key: key.to_owned(), domain: domain.to_owned(), pods: names },
            edits: pods.iter().map(|pod| self.disarmed(pod, key)).collect(),
        })
    }

    fn without(&self, list: &str, position: usize) -> Edit {
        let path = format!("{list}/{position}");
        patch(Kind::Pod, &self.pod.metadata, json!([{"op": "remove", "path": path}]))
    }

    /// Takes the terms with this key that mean the pod from another pod.
    fn disarmed(&self, pod: &Pod, key: &str) -> Edit {
        let terms = pod.spec.anti_affinity_terms().iter().enumerate().rev();
        let meant = terms.filter(|(_, term)| term.topology_key == key && self.is_meant(term, pod));
        let operations =
            meant.map(|(position, _)| json!({"op": "remove", "path": format!("{ANTI_AFFINITY}/{position}")}));
        patch(Kind::Pod, &pod.metadata, operations.collect())
    }
}

fn present(pods: &[ObjectRef], key: &str, domain: &str) -> String {
    let first = pods.first().map_or_else(String::new, |pod| format!("pod {}/{}", pod.namespace, pod.name));
    match pods.len() {
        0 | 1 => format!("{first} in {key}={domain}"),
        more => format!("{first} and {} more in {key}={domain}", more - 1),
    }
}

fn selector_text(term: &PodAffinityTerm) -> String {
    term.label_selector.as_ref().map_or_else(|| "no labels at all".to_owned(), LabelSelector::to_string)
}
