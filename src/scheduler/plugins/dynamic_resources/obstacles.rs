//! Which resource claims keep a pod from a node.

use serde_json::json;

use super::{DynamicResources, Reason, claim_of, usable};
use crate::model::{Kind, ObjectRef, Pod};
use crate::scheduler::cluster::NodeInfo;
use crate::scheduler::framework::{Behind, Cycle};
use crate::scheduler::obstacle::{Fact, Obstacle, node_ref, patch, pod_ref};
use crate::scheduler::reason::Reason as AnyReason;
use crate::scheduler::resources::requests;
use crate::snapshot::Edit;
use crate::snapshot::edit::pointer_token;

impl<'c> DynamicResources<'c> {
    pub(super) fn against(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        if self.no_devices {
            let lacking = self.by_class.iter().filter(|name| self.lacks(name, node));
            obstacles.extend(lacking.map(|name| self.extended(name, node)));
            let unallocated = self
                .claims
                .iter()
                .filter(|claim| claim.status.allocation.is_none() && !claim.spec.devices.requests.is_empty());
            obstacles.extend(unallocated.map(|claim| self.unallocated(&claim.metadata.name)));
        }
        let elsewhere = self.claims.iter().filter(|claim| {
            let selector = claim.status.allocation.as_ref().and_then(|allocation| allocation.node_selector.as_ref());
            selector.is_some_and(|selector| !selector.matches(node.name(), &node.node.metadata.labels))
        });
        obstacles.extend(elsewhere.map(|claim| Obstacle {
            reason: Reason::NotOnNode.into(),
            fact: Fact::ResourceClaim { name: claim.metadata.name.clone() },
            object: ObjectRef::new(Kind::ResourceClaim, &claim.metadata.namespace, &claim.metadata.name),
            path: "status.allocation.nodeSelector".to_owned(),
            wanted: format!("devices on {}", node.name()),
            present: "devices of other nodes".to_owned(),
            edits: vec![patch(
                Kind::ResourceClaim,
                &claim.metadata,
                json!([{"op": "remove", "path": "/status/allocation/nodeSelector"}]),
            )],
        }));
        obstacles
    }

    fn extended(&self, name: &str, node: &NodeInfo<'_>) -> Obstacle {
        let asked = requests(self.pod, self.version).of_resource(name);
        let path = format!("/status/allocatable/{}", pointer_token(name));
        let operations = match node.node.status.allocatable.is_empty() {
            true => json!([{"op": "add", "path": "/status/allocatable", "value": {name: asked.to_string()}}]),
            false => json!([{"op": "add", "path": path, "value": asked.to_string()}]),
        };
        Obstacle {
            reason: Reason::CannotAllocate.into(),
            fact: Fact::Devices { name: name.to_owned() },
            object: node_ref(node.name()),
            path: format!("status.allocatable[{name}]"),
            wanted: asked.to_string(),
            present: "no device in any ResourceSlice".to_owned(),
            edits: vec![patch(Kind::Node, &node.node.metadata, operations)],
        }
    }

    fn unallocated(&self, claim: &str) -> Obstacle {
        Obstacle {
            reason: Reason::CannotAllocate.into(),
            fact: Fact::Devices { name: claim.to_owned() },
            object: ObjectRef::new(Kind::ResourceClaim, &self.pod.metadata.namespace, claim),
            path: "spec.devices.requests".to_owned(),
            wanted: "a device".to_owned(),
            present: "no device in any ResourceSlice".to_owned(),
            edits: vec![without_claims(self.pod)],
        }
    }
}

/// Every resource claim that rejects the pod.
pub(crate) fn behind<'c>(cycle: &Cycle<'c>) -> Behind<'c> {
    let (cluster, pod) = (cycle.cluster, cycle.pod);
    let statuses = pod.spec.resource_claims.iter().filter_map(|reference| match claim_of(cluster, pod, reference) {
        Ok(claim) => usable(cluster, claim?, pod).err(),
        Err(status) => Some(status),
    });
    let obstacles = statuses.flat_map(|status| status.reasons).filter_map(|reason| obstacle(reason, pod));
    Behind { obstacles: obstacles.collect(), filter: None }
}

fn obstacle(reason: AnyReason, pod: &Pod) -> Option<Obstacle> {
    let AnyReason::DynamicResources(own) = &reason else { return None };
    let (fact, wanted, present) = match own {
        Reason::ClaimNotMade { name } => (claim(name), format!("resource claim for {name}"), "not made yet"),
        Reason::ClaimDeleting { claim: name } => (claim(name), format!("resource claim {name}"), "being deleted"),
        Reason::ClaimNotFound { claim: name } => (claim(name), format!("resource claim {name}"), "no such claim"),
        Reason::ClaimInUse { claim: name } => {
            (claim(name), format!("a place among the consumers of {name}"), "no place left")
        }
        Reason::UnknownRequest { claim: name, request, .. } => {
            (claim(name), format!("request {request} in a form that is known"), "another form")
        }
        Reason::ClassNotFound { request, class } => {
            let fact = Fact::DeviceClass { request: request.clone(), class: class.clone() };
            (fact, format!("device class {class}"), "no such class")
        }
        Reason::CannotAllocate | Reason::NotOnNode => return None,
    };
    Some(Obstacle {
        fact,
        wanted,
        present: present.to_owned(),
        object: pod_ref(pod),
        path: "spec.resourceClaims".to_owned(),
        edits: vec![without_claims(pod)],
        reason,
    })
}

fn claim(name: &str) -> Fact {
    Fact::ResourceClaim { name: name.to_owned() }
}

fn without_claims(pod: &Pod) -> Edit {
    patch(Kind::Pod, &pod.metadata, json!([{"op": "remove", "path": "/spec/resourceClaims"}]))
}
