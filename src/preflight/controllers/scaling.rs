//! A Deployment that is to have another count of pods (`pkg/controller/deployment/sync.go`, isScalingEvent and scale): its
//! ReplicaSets are scaled before anything is rolled.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::deployment::{Sets, available_of, fence, wanted};
use super::pods::set;
use crate::preflight::fields::text;
use crate::preflight::state::{State, key_of};

/// How many pods the Deployment was to have when a ReplicaSet was scaled last, and how many it could have then.
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MOST: &str = "deployment.kubernetes.io/max-replicas";

fn noted(replica_set: &Value, annotation: &str) -> Option<i64> {
    replica_set["metadata"]["annotations"][annotation].as_str()?.parse().ok()
}

/// The most pods that a Deployment may have.
fn most(deployment: &Value) -> i64 {
    let surge = if text(deployment, "/spec/strategy/type") == "Recreate" { 0 } else { fence(deployment).0 };
    wanted(deployment) + surge
}

/// Notes on a ReplicaSet what its Deployment is to have (`SetReplicasAnnotations`).
pub(super) fn note(deployment: &Value, replica_set: &mut Value) {
    for (annotation, count) in [(DESIRED, wanted(deployment)), (MOST, most(deployment))] {
        set(replica_set, &["metadata", "annotations", annotation], json!(count.to_string()));
    }
}

/// Sets how many pods a ReplicaSet has; says whether that is a change.
pub(super) fn scale(state: &mut State, deployment: &Value, replica_set: &Value, replicas: i64) -> bool {
    wanted(replica_set) != replicas && put(state, deployment, replica_set, replicas)
}

/// The same, with what is noted on it made what it is to be in any case.
fn put(state: &mut State, deployment: &Value, replica_set: &Value, replicas: i64) -> bool {
    let mut changed = replica_set.clone();
    set(&mut changed, &["spec", "replicas"], json!(replicas));
    note(deployment, &mut changed);
    let differs = changed != *replica_set;
    if differs {
        state.put(key_of(&changed), changed);
    }
    differs
}

/// Whether a ReplicaSet with pods was scaled last when the Deployment was to have another count of them.
pub(super) fn due(deployment: &Value, sets: &Sets) -> bool {
    let other = |set: &Value| noted(set, DESIRED).is_some_and(|desired| desired != wanted(deployment));
    sets.old.iter().chain(&sets.new).any(|set| wanted(set) > 0 && other(set))
}

/// Scales the ReplicaSets; says whether that changed anything.
pub(super) fn sync(state: &mut State, deployment: &Value, sets: &Sets) -> bool {
    let replicas = wanted(deployment);
    let mut active: Vec<&Value> = sets.old.iter().chain(&sets.new).filter(|set| wanted(set) > 0).collect();
    if let [] | [_] = active.as_slice() {
        let only = active.first().copied().or(sets.new.as_ref()).or(sets.old.last());
        return only.is_some_and(|only| scale(state, deployment, only, replicas));
    }
    let saturated = |new: &&Value| {
        wanted(new) == replicas && noted(new, DESIRED) == Some(replicas) && available_of(state, new) == replicas
    };
    if sets.new.as_ref().filter(saturated).is_some() {
        let old: Vec<&Value> = sets.old.iter().filter(|set| wanted(set) > 0).collect();
        return old.into_iter().fold(false, |changed, set| scale(state, deployment, set, 0) | changed);
    }
    if text(deployment, "/spec/strategy/type") == "Recreate" {
        return false;
    }
    let room = if replicas > 0 { most(deployment) } else { 0 } - active.iter().map(|set| wanted(set)).sum::<i64>();
    // The oldest come first; of those of one size the newest grow first, and the oldest shrink first.
    if room > 0 {
        active.reverse();
    }
    active.sort_by_key(|set| Reverse(wanted(set)));
    let mut sizes = proportions(deployment, &active, room);
    let added: i64 = sizes.iter().zip(&active).map(|(size, set)| size - wanted(set)).sum();
    if let Some(first) = sizes.first_mut() {
        *first = (*first + room - added).max(0);
    }
    active.iter().zip(sizes).fold(false, |changed, (set, size)| put(state, deployment, set, size) | changed)
}

/// The sizes of ReplicaSets that share what comes or goes (`GetReplicaSetProportion`).
fn proportions(deployment: &Value, active: &[&Value], room: i64) -> Vec<i64> {
    let mut added = 0;
    let size = |set: &&Value| {
        let size = wanted(set);
        let before = noted(set, MOST).filter(|before| *before > 0).unwrap_or_else(|| wanted(deployment).max(1));
        let share = match wanted(deployment) {
            0 => -size,
            _ => rounded(size.saturating_mul(most(deployment)), before) - size,
        };
        let share = if room > 0 { share.min(room - added) } else { share.max(room - added) };
        let share = if room == added { 0 } else { share };
        added += share;
        size + share
    };
    active.iter().map(size).collect()
}

/// A quotient of counts, to the nearest whole number.
fn rounded(count: i64, by: i64) -> i64 {
    count.saturating_mul(2).saturating_add(by).div_euclid(by.saturating_mul(2).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(replicas: i64) -> Value {
        json!({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}}})
    }

    fn replica_set(replicas: i64, most: i64) -> Value {
        json!({"metadata": {"annotations": {DESIRED: "10", MOST: most.to_string()}}, "spec": {"replicas": replicas}})
    }

    #[test]
    fn what_comes_is_shared_by_size() {
        // The example of the documentation: 8 and 5 of 10 with a surge of 3, scaled to 15.
        let (old, new) = (replica_set(8, 13), replica_set(5, 13));
        assert_eq!(proportions(&deployment(15), &[&old, &new], 5), [11, 7]);
        assert_eq!(proportions(&deployment(5), &[&old, &new], -5), [5, 3]);
        assert_eq!(proportions(&deployment(0), &[&old, &new], -13), [0, 0]);
    }

    #[test]
    fn a_deployment_is_scaled_where_it_wants_another_count_than_before() {
        let sets = |new: Option<Value>| Sets { new, old: vec![replica_set(0, 13)] };
        assert!(due(&deployment(15), &sets(Some(replica_set(8, 13)))));
        assert!(!due(&deployment(10), &sets(Some(replica_set(8, 13)))));
        assert!(!due(&deployment(15), &sets(None)), "those without pods don't count");
        assert!(!due(&deployment(15), &sets(Some(json!({"spec": {"replicas": 8}})))), "nothing is noted");
    }
}
