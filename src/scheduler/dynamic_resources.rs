//! `plugins/dynamicresources`, as far as objects tell: missing claims and classes, claims allocated elsewhere. What the
//! allocator would choose is unknown.

use super::cluster::{Cluster, NodeInfo};
use super::framework::{Cycle, Decision, Filter, PreFilter, Status};
use super::release;
use super::resources::{is_extended, requests};
use crate::model::{Pod, ResourceClaim};
use crate::snapshot::Lookup;

pub(crate) const NAME: &str = "DynamicResources";
/// What PostFilter says of a pod without claims.
pub(crate) const NO_NEW_CLAIMS: &str = "no new claims to deallocate";
/// A claim takes no more consumers than this (`resource.k8s.io`, ResourceClaimReservedForMaxSize).
const MAX_CONSUMERS: usize = 256;

#[derive(Clone)]
struct DynamicResources<'c> {
    claims: Vec<&'c ResourceClaim>,
    /// Extended resources that a device class stands for.
    by_class: Vec<&'c str>,
    /// Whether no node offers any device.
    no_devices: bool,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    let (cluster, pod) = (cycle.cluster, cycle.pod);
    if !release::dynamic_resources(cluster.version) {
        return PreFilter::Skip;
    }
    let claims = match claims(cluster, pod) {
        Ok(claims) => claims,
        Err(status) => return PreFilter::Reject(status),
    };
    let by_class = extended_by_class(cluster, pod);
    if claims.is_empty() && by_class.is_empty() {
        return PreFilter::Skip;
    }
    for claim in &claims {
        if let Err(status) = usable(cluster, claim, pod) {
            return PreFilter::Reject(status);
        }
    }
    let no_devices = cluster.snapshot.resource_slices.all().is_some_and(<[_]>::is_empty);
    PreFilter::Filter(Box::new(DynamicResources { claims, by_class, no_devices }))
}

/// The pod's claims, or why the scheduler doesn't even queue the pod (PreEnqueue, which leaves no condition).
pub(crate) fn claims<'c>(cluster: &'c Cluster<'c>, pod: &Pod) -> Result<Vec<&'c ResourceClaim>, Status> {
    let mut claims = Vec::new();
    for reference in &pod.spec.resource_claims {
        let from_status = pod.status.resource_claim_statuses.iter().find(|status| status.name == reference.name);
        let name = match (&reference.resource_claim_name, from_status) {
            (Some(name), _) => name,
            (None, Some(status)) => match &status.resource_claim_name {
                Some(name) => name,
                None => continue,
            },
            (None, None) => {
                return Err(Status::unresolvable(format!("resource claim {} was not created yet", reference.name)));
            }
        };
        match cluster.snapshot.resource_claims.get(&pod.metadata.namespace, name) {
            Lookup::Found(claim) if claim.metadata.deleting() => {
                return Err(Status::unresolvable(format!("resourceclaim {name:?} is being deleted")));
            }
            Lookup::Found(claim) => claims.push(&**claim),
            Lookup::Absent => {
                return Err(Status::unresolvable(format!("resourceclaim.resource.k8s.io {name:?} not found")));
            }
            Lookup::Unknown => return Err(Status::unknown(format!("the ResourceClaim {name} could not be read"))),
        }
    }
    Ok(claims)
}

fn extended_by_class<'p>(cluster: &Cluster<'_>, pod: &'p Pod) -> Vec<&'p str> {
    if !release::extended_resources_by_device_class(cluster.version) {
        return Vec::new();
    }
    let wanted = requests(pod, cluster.version).scalars.into_iter().filter(|(_, amount)| *amount > 0);
    wanted.map(|(name, _)| name).filter(|name| is_extended(name) && stands_for(cluster, name)).collect()
}

/// Whether a device class stands for an extended resource.
pub(crate) fn stands_for(cluster: &Cluster<'_>, resource: &str) -> bool {
    cluster.snapshot.device_classes.seen().iter().any(|class| {
        class.spec.extended_resource_name.as_deref() == Some(resource)
            || resource.strip_prefix("deviceclass.resource.kubernetes.io/") == Some(&class.metadata.name)
    })
}

fn usable(cluster: &Cluster<'_>, claim: &ResourceClaim, pod: &Pod) -> Result<(), Status> {
    if claim.status.allocation.is_some() {
        let consumers = &claim.status.reserved_for;
        let own = consumers.iter().any(|consumer| consumer.uid == pod.metadata.uid);
        return if consumers.len() < MAX_CONSUMERS || own {
            Ok(())
        } else {
            Err(Status::unresolvable("resourceclaim in use"))
        };
    }
    for request in &claim.spec.devices.requests {
        let exact = request.exactly.as_ref().map(|exactly| &exactly.device_class_name);
        let exact = exact.or((!request.device_class_name.is_empty()).then_some(&request.device_class_name));
        match exact {
            Some(class) => class_exists(cluster, class, &request.name)?,
            None if request.first_available.is_empty() => {
                let (namespace, name) = (&claim.metadata.namespace, &claim.metadata.name);
                let text = format!("resource claim {namespace}/{name}, request {}: unknown request type", request.name);
                return Err(Status::unresolvable(text));
            }
            None => {
                for sub in &request.first_available {
                    class_exists(cluster, &sub.device_class_name, &format!("{}/{}", request.name, sub.name))?;
                }
            }
        }
    }
    Ok(())
}

fn class_exists(cluster: &Cluster<'_>, class: &str, request: &str) -> Result<(), Status> {
    match cluster.snapshot.device_classes.get("", class) {
        Lookup::Found(_) => Ok(()),
        Lookup::Absent => Err(Status::unresolvable(format!("request {request}: device class {class} does not exist"))),
        Lookup::Unknown => Err(Status::unknown(format!("the DeviceClass {class} could not be read"))),
    }
}

impl<'c> Filter<'c> for DynamicResources<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        let lacks = |name: &&&str| node.allocatable.scalars.get(**name).is_none_or(|amount| *amount == 0);
        if self.by_class.iter().any(|name| lacks(&name)) {
            if self.no_devices {
                return Err(Status::unresolvable("cannot allocate all claims"));
            }
            return Err(Status::unknown("what devices the allocator would choose is not modelled"));
        }
        let unallocated = self.claims.iter().filter(|claim| claim.status.allocation.is_none());
        if unallocated.into_iter().any(|claim| !claim.spec.devices.requests.is_empty()) {
            if self.no_devices {
                return Err(Status::unresolvable("cannot allocate all claims"));
            }
            return Err(Status::unknown("what devices the allocator would choose is not modelled"));
        }
        let elsewhere = self.claims.iter().any(|claim| {
            let selector = claim.status.allocation.as_ref().and_then(|allocation| allocation.node_selector.as_ref());
            selector.is_some_and(|selector| !selector.matches(node.name(), &node.node.metadata.labels))
        });
        if elsewhere { Err(Status::unresolvable("resourceclaim not available on the node")) } else { Ok(()) }
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}

/// What DynamicResources' PostFilter adds to the message after the nodes were filtered.
pub(crate) fn post_filter(cluster: &Cluster<'_>, pod: &Pod, rejected_elsewhere: bool) -> &'static str {
    match claims(cluster, pod) {
        Ok(claims) if !claims.is_empty() => {
            let own = |claim: &ResourceClaim| match claim.status.reserved_for.as_slice() {
                [] => true,
                [only] => only.uid == pod.metadata.uid,
                _ => false,
            };
            if rejected_elsewhere && claims.iter().any(|claim| claim.status.allocation.is_some() && own(claim)) {
                "deallocation of ResourceClaim completed"
            } else {
                "still not schedulable"
            }
        }
        _ if !extended_by_class(cluster, pod).is_empty() => "still not schedulable",
        _ => NO_NEW_CLAIMS,
    }
}
