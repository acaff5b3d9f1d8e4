//! `pkg/controller/podautoscaler`: without metrics an autoscaler only keeps its target between its bounds.

use serde_json::{Value, json};

use super::pods::set;
use crate::preflight::fields::{deleting, namespace_of, number, text};
use crate::preflight::server::split;
use crate::preflight::state::{State, key_of};

/// Raises targets to their minimum and lowers them to their maximum; says whether any changed.
pub(crate) fn sync(state: &mut State) -> bool {
    let autoscalers: Vec<Value> = state.world.list("HorizontalPodAutoscaler", None).cloned().collect();
    autoscalers.iter().filter(|one| !deleting(one)).fold(false, |changed, one| scale(state, one) | changed)
}

fn scale(state: &mut State, autoscaler: &Value) -> bool {
    let target = |field: &str| text(autoscaler, &format!("/spec/scaleTargetRef/{field}"));
    let namespace = namespace_of(autoscaler);
    let Some(object) = state.world.get(target("kind"), Some(namespace), target("name")) else { return false };
    let of_apps = matches!(target("kind"), "Deployment" | "StatefulSet" | "ReplicaSet");
    if !of_apps || split(target("apiVersion")).0 != "apps" || deleting(object) {
        return false;
    }
    let replicas = number(object, "/spec/replicas").unwrap_or(1);
    let least = number(autoscaler, "/spec/minReplicas").unwrap_or(1);
    let most = number(autoscaler, "/spec/maxReplicas").unwrap_or(i64::MAX);
    let wanted = if replicas > most { most } else { replicas.max(least) };
    if replicas == 0 || wanted == replicas {
        return false;
    }
    let mut changed = object.clone();
    set(&mut changed, &["spec", "replicas"], json!(wanted));
    state.put(key_of(&changed), changed);
    true
}
