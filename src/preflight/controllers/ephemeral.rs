//! `pkg/controller/volume/ephemeral`: the claims of pods with generic ephemeral volumes.

use serde_json::{Value, json};

use super::pods::set;
use crate::preflight::fields::{list, name_of, namespace_of};
use crate::preflight::state::{Made, State, controlled_by};

/// Makes the claims that are missing; says whether any was made.
pub(super) fn sync(state: &mut State) -> bool {
    let pods = state.world.list("Pod", None).filter(|pod| {
        list(pod, "/spec/volumes").iter().any(|volume| volume.get("ephemeral").is_some_and(|source| !source.is_null()))
    });
    let missing: Vec<Value> = pods.flat_map(claims_of).collect();
    let mut changed = false;
    for claim in missing {
        let (namespace, name) = (namespace_of(&claim).to_owned(), name_of(&claim).to_owned());
        if state.snapshot.claims.get(&namespace, &name).found().is_none() {
            changed |= matches!(state.make(claim), Made::Stored(_));
        }
    }
    changed
}

fn claims_of(pod: &Value) -> Vec<Value> {
    let claim = |volume: &Value| {
        let template = volume.pointer("/ephemeral/volumeClaimTemplate")?;
        let mut claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {},
            "spec": template["spec"] });
        for field in ["labels", "annotations"] {
            if let Some(value) = template.pointer(&format!("/metadata/{field}")) {
                set(&mut claim, &["metadata", field], value.clone());
            }
        }
        let name = format!("{}-{}", name_of(pod), volume["name"].as_str()?);
        set(&mut claim, &["metadata", "name"], json!(name));
        set(&mut claim, &["metadata", "namespace"], json!(namespace_of(pod)));
        set(&mut claim, &["metadata", "ownerReferences"], controlled_by(pod));
        Some(claim)
    };
    list(pod, "/spec/volumes").iter().filter_map(claim).collect()
}
