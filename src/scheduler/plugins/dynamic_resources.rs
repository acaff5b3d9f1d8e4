//! `plugins/dynamicresources`, as far as objects tell: missing claims and classes, claims allocated elsewhere. What the
//! allocator would choose is unknown.

mod obstacles;

use std::borrow::Cow;

use crate::model::pod::PodResourceClaim;
use crate::model::version::Version;
use crate::model::{Meta, Pod, ResourceClaim};
use crate::scheduler::cluster::{Cluster, NodeInfo};
use crate::scheduler::framework::{Cycle, Decision, Filter, PreFilter, Status};
use crate::scheduler::obstacle::Obstacle;
use crate::scheduler::release;
use crate::scheduler::resources::{is_extended, requests};
use crate::snapshot::Lookup;
pub(crate) use obstacles::behind;

pub(crate) const NAME: &str = "DynamicResources";

/// Why the plugin rejects a node or the pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The claim of a template hasn't been made.
    ClaimNotMade { name: String },
    /// A claim is being deleted.
    ClaimDeleting { claim: String },
    /// A claim that the pod names doesn't exist.
    ClaimNotFound { claim: String },
    /// A claim has as many consumers as it may.
    ClaimInUse { claim: String },
    /// A claim asks in a way that the release doesn't know.
    UnknownRequest { namespace: String, claim: String, request: String },
    /// The device class of a claim's request doesn't exist.
    ClassNotFound { request: String, class: String },
    /// No device is there for a claim.
    CannotAllocate,
    /// The devices of a claim are elsewhere.
    NotOnNode,
}

impl Reason {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Reason::ClaimNotMade { name } => format!("resource claim {name} was not created yet").into(),
            Reason::ClaimDeleting { claim } => format!("resourceclaim {claim:?} is being deleted").into(),
            Reason::ClaimNotFound { claim } => format!("resourceclaim.resource.k8s.io {claim:?} not found").into(),
            Reason::ClaimInUse { .. } => "resourceclaim in use".into(),
            Reason::UnknownRequest { namespace, claim, request } => {
                format!("resource claim {namespace}/{claim}, request {request}: unknown request type").into()
            }
            Reason::ClassNotFound { request, class } => {
                format!("request {request}: device class {class} does not exist").into()
            }
            Reason::CannotAllocate => "cannot allocate all claims".into(),
            Reason::NotOnNode => "resourceclaim not available on the node".into(),
        }
    }
}

const NO_NEW_CLAIMS: &str = "no new claims to deallocate";
const STILL_NOT: &str = "still not schedulable";
/// A claim takes no more consumers than this (`resource.k8s.io`, ResourceClaimReservedForMaxSize).
const MAX_CONSUMERS: usize = 256;

#[derive(Clone)]
struct DynamicResources<'c> {
    pod: &'c Pod,
    version: Version,
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
    PreFilter::Filter(Box::new(DynamicResources { pod, version: cluster.version, claims, by_class, no_devices }))
}

/// The pod's claims, or why the scheduler doesn't even queue the pod (PreEnqueue, which leaves no condition).
pub(crate) fn claims<'c>(cluster: &'c Cluster<'c>, pod: &Pod) -> Result<Vec<&'c ResourceClaim>, Status> {
    let mut claims = Vec::new();
    for reference in &pod.spec.resource_claims {
        claims.extend(claim_of(cluster, pod, reference)?);
    }
    Ok(claims)
}

/// The claim of one reference; `None` where its template needs none.
fn claim_of<'c>(
    cluster: &'c Cluster<'c>,
    pod: &Pod,
    reference: &PodResourceClaim,
) -> Result<Option<&'c ResourceClaim>, Status> {
    let from_status = pod.status.resource_claim_statuses.iter().find(|status| status.name == reference.name);
    let name = match (&reference.resource_claim_name, from_status) {
        (Some(name), _) => name,
        (None, Some(status)) => match &status.resource_claim_name {
            Some(name) => name,
            None => return Ok(None),
        },
        (None, None) => return Err(Status::unresolvable(Reason::ClaimNotMade { name: reference.name.clone() })),
    };
    match cluster.snapshot.resource_claims.get(&pod.metadata.namespace, name) {
        Lookup::Found(claim) if claim.metadata.deleting() => {
            Err(Status::unresolvable(Reason::ClaimDeleting { claim: name.clone() }))
        }
        Lookup::Found(claim) => Ok(Some(claim)),
        Lookup::Absent => Err(Status::unresolvable(Reason::ClaimNotFound { claim: name.clone() })),
        Lookup::Unknown => Err(Status::unknown(format!("the ResourceClaim {name} could not be read"))),
    }
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
            Err(Status::unresolvable(Reason::ClaimInUse { claim: claim.metadata.name.clone() }))
        };
    }
    for request in &claim.spec.devices.requests {
        let exact = request.exactly.as_ref().map(|exactly| &exactly.device_class_name);
        let exact = exact.or((!request.device_class_name.is_empty()).then_some(&request.device_class_name));
        match exact {
            Some(class) => class_exists(cluster, class, &request.name)?,
            None if request.first_available.is_empty() => {
                let Meta { namespace, name, .. } = claim.metadata.clone();
                let request = request.name.clone();
                return Err(Status::unresolvable(Reason::UnknownRequest { namespace, claim: name, request }));
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
        Lookup::Absent => {
            let (request, class) = (request.to_owned(), class.to_owned());
            Err(Status::unresolvable(Reason::ClassNotFound { request, class }))
        }
        Lookup::Unknown => Err(Status::unknown(format!("the DeviceClass {class} could not be read"))),
    }
}

impl<'c> DynamicResources<'c> {
    fn lacks(&self, name: &str, node: &NodeInfo<'c>) -> bool {
        node.allocatable.scalars.get(name).is_none_or(|amount| *amount == 0)
    }
}

impl<'c> Filter<'c> for DynamicResources<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        if self.by_class.iter().any(|name| self.lacks(name, node)) {
            if self.no_devices {
                return Err(Status::unresolvable(Reason::CannotAllocate));
            }
            return Err(Status::unknown("what devices the allocator would choose is not modelled"));
        }
        let unallocated = self.claims.iter().filter(|claim| claim.status.allocation.is_none());
        if unallocated.into_iter().any(|claim| !claim.spec.devices.requests.is_empty()) {
            if self.no_devices {
                return Err(Status::unresolvable(Reason::CannotAllocate));
            }
            return Err(Status::unknown("what devices the allocator would choose is not modelled"));
        }
        let elsewhere = self.claims.iter().any(|claim| {
            let selector = claim.status.allocation.as_ref().and_then(|allocation| allocation.node_selector.as_ref());
            selector.is_some_and(|selector| !selector.matches(node.name(), &node.node.metadata.labels))
        });
        if elsewhere { Err(Status::unresolvable(Reason::NotOnNode)) } else { Ok(()) }
    }

    fn obstacles(&self, node: &NodeInfo<'c>) -> Vec<Obstacle> {
        self.against(node)
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}

/// What DynamicResources' PostFilter says of a pod without claims; `None` where it says nothing.
pub(crate) fn nothing_to_deallocate(version: Version) -> Option<&'static str> {
    (!release::silent_without_deallocation(version)).then_some(NO_NEW_CLAIMS)
}

/// What DynamicResources' PostFilter adds to the message after the nodes were filtered; `None` where it says nothing.
pub(crate) fn post_filter(cluster: &Cluster<'_>, pod: &Pod, rejected_elsewhere: bool) -> Option<&'static str> {
    let still_not = (!release::silent_without_deallocation(cluster.version)).then_some(STILL_NOT);
    match claims(cluster, pod) {
        Ok(claims) if !claims.is_empty() => {
            let own = |claim: &ResourceClaim| match claim.status.reserved_for.as_slice() {
                [] => true,
                [only] => only.uid == pod.metadata.uid,
                _ => false,
            };
            if rejected_elsewhere && claims.iter().any(|claim| claim.status.allocation.is_some() && own(claim)) {
                Some("deallocation of ResourceClaim completed")
            } else {
                still_not
            }
        }
        _ if !extended_by_class(cluster, pod).is_empty() => still_not,
        _ => nothing_to_deallocate(cluster.version),
    }
}
