//! What the volume controllers decide.

pub(crate) mod attach;
pub(crate) mod attach_verdict;
pub(crate) mod driver_words;
pub(crate) mod early;
mod matching;
pub(crate) mod migration;
pub(crate) mod mismatch;
pub(crate) mod mount_event;
pub(crate) mod provision_failure;
pub(crate) mod provisioner;
pub(crate) mod provisioner_verdict;
pub(crate) mod published;
pub(crate) mod pv_controller;
pub(crate) mod verdict;
mod wrapping;

pub use attach::Attachments;
pub use attach_verdict::{AttachProblem, AttachVerdict, NodeState, OtherPod};
pub use mismatch::Mismatch;
pub use mount_event::{MountEvent, MountFailure};
pub use provision_failure::{FailureCause, ProvisionFailure};
pub use provisioner::Provisioners;
pub use provisioner_verdict::{Intake, ProvisionProblem, ProvisionerReport, ProvisionerVerdict};
pub use pv_controller::VolumeController;
pub use verdict::{ClaimEvent, ClaimPhase, ClaimVerdict, Decision, Owner, VolumeMismatch};

#[cfg(test)]
pub(crate) mod fixture {
    //! Snapshots from JSON objects.

    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::model::{Claim, Kind};
    use crate::snapshot::{Builder, Lookup, Scope, Snapshot};

    /// A builder with these objects, each given as its kind and what is special about it.
    pub(crate) fn builder(objects: &[(Kind, Value)]) -> Builder {
        let mut builder = Builder::default();
        for (kind, object) in objects {
            builder.add(*kind, object.clone()).unwrap();
        }
        builder
    }

    /// Everything that there is in a cluster.
    pub(crate) fn snapshot(objects: &[(Kind, Value)]) -> Snapshot {
        builder(objects).build(&Scope::All)
    }

    /// The claim `app/NAME`.
    pub(crate) fn claim_of(snapshot: &Snapshot, name: &str) -> Arc<Claim> {
        let Lookup::Found(claim) = snapshot.claims.get("app", name) else { panic!("no claim {name}") };
        Arc::clone(claim)
    }

    /// `base` with the members of `special` over it, objects member by member; `null` takes a member away.
    pub(crate) fn merged(mut base: Value, special: Value) -> Value {
        merge(&mut base, special);
        base
    }

    fn merge(base: &mut Value, special: Value) {
        match (base, special) {
            (Value::Object(base), Value::Object(special)) => {
                for (key, value) in special {
                    if value.is_null() {
                        base.remove(&key);
                    } else {
                        merge(base.entry(key).or_insert(Value::Null), value);
                    }
                }
            }
            (base, special) => *base = special,
        }
    }

    /// A pending claim for 10Gi of class `disk`, with uid `uid-NAME`.
    pub(crate) fn claim(name: &str, special: Value) -> (Kind, Value) {
        let base = json!({
            "metadata": { "namespace": "app", "name": name, "uid": format!("uid-{name}") },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": "10Gi" } },
                "storageClassName": "disk"
            },
            "status": { "phase": "Pending" }
        });
        (Kind::PersistentVolumeClaim, merged(base, special))
    }

    /// An available volume of 10Gi and class `disk`.
    pub(crate) fn volume(name: &str, special: Value) -> (Kind, Value) {
        let base = json!({
            "metadata": { "name": name },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": { "storage": "10Gi" },
                "storageClassName": "disk",
                "csi": { "driver": "csi.example.com", "volumeHandle": name }
            },
            "status": { "phase": "Available" }
        });
        (Kind::PersistentVolume, merged(base, special))
    }

    /// A class of the provisioner `csi.example.com` that binds at once.
    pub(crate) fn class(name: &str, special: Value) -> (Kind, Value) {
        let base = json!({
            "metadata": { "name": name },
            "provisioner": "csi.example.com",
            "volumeBindingMode": "Immediate"
        });
        (Kind::StorageClass, merged(base, special))
    }

    /// As [`class`], waiting for the first consumer.
    pub(crate) fn waiting_class(name: &str) -> (Kind, Value) {
        class(name, json!({ "volumeBindingMode": "WaitForFirstConsumer" }))
    }

    /// A pod in `app` that uses the claims, on `node`, or nowhere where that is empty.
    pub(crate) fn pod(name: &str, claims: &[&str], node: &str, special: Value) -> (Kind, Value) {
        let volumes: Vec<Value> = claims
            .iter()
            .map(|claim| json!({ "name": claim, "persistentVolumeClaim": { "claimName": claim } }))
            .collect();
        let base = json!({
            "metadata": { "namespace": "app", "name": name, "uid": format!("uid-{name}") },
            "spec": { "nodeName": node, "volumes": volumes },
            "status": { "phase": "Pending" }
        });
        (Kind::Pod, merged(base, special))
    }
}
