//! Why no repair was found.

use super::super::trial::Settled;
use super::search::{ALL_NODES, MOST_CHANGES, Search};
use super::ways::around;
use crate::diagnosis::obstacle_words::clause;
use crate::model::{Kind, Pod};
use crate::scheduler::Obstacle;
use crate::snapshot::Snapshot;

/// Obstacles that are told.
const TOLD: usize = 3;

impl Search<'_, '_> {
    /// What no change of objects takes out of the way of the first victim; where there is nothing of the kind, that the
    /// search went as far as it goes.
    pub(super) fn why_none(&self, untouched: &Settled) -> String {
        let state = &untouched.state;
        let Some(object) = untouched.left().next() else {
            return "what the victims wait for is no object that could be changed".to_owned();
        };
        let pod = state.pods.get(&object.namespace, &object.name).found();
        match pod.filter(|_| object.kind == Kind::Pod.name()) {
            Some(pod) if pod.assigned() => {
                format!(
                    "what {} waits for on its node lies with the driver, or comes along when it is placed anew",
                    object.name
                )
            }
            Some(pod) => self.nothing_around(state, pod).unwrap_or_else(further),
            None => format!("no class makes a volume for claim {}, and none that is there can be its", object.name),
        }
    }

    /// The obstacles on the node where fewest stay for good.
    fn nothing_around(&self, state: &Snapshot, pod: &Pod) -> Option<String> {
        let scheduler = self.cx.scheduler.after(state);
        let explanation = scheduler.explain(pod)?;
        let name = &pod.metadata.name;
        let volumes = self.volumes(state);
        let at = self.at(state, &volumes, pod);
        let stays = |node, obstacle: &&Obstacle| around(&at.on(node), obstacle).is_empty();
        if let Some(obstacle) = explanation.of_pod().first() {
            let stays = stays(None, &obstacle);
            return stays.then(|| format!("of pod {name} no change of objects ends this: {}", clause(obstacle)));
        }
        let nodes = explanation.nodes().take(ALL_NODES).map(|node| (node, explanation.node(node)));
        let staying = nodes.map(|(node, obstacles)| {
            let staying = obstacles.iter().filter(|obstacle| stays(Some(node), obstacle));
            (node, staying.map(clause).collect::<Vec<_>>())
        });
        let (node, clauses) = staying.min_by_key(|(_, clauses)| clauses.len())?;
        let told: Vec<&str> = clauses.iter().take(TOLD).map(String::as_str).collect();
        let told = told.join(", and ");
        (!clauses.is_empty())
            .then(|| format!("for pod {name}, even on node {node} no change of objects ends this: {told}"))
    }
}

fn further() -> String {
    format!("no set of up to {MOST_CHANGES} changes that was tried lets every victim run; more was not looked at")
}
