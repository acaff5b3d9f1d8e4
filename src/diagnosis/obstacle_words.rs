//! Obstacles in plain words.

use super::text::{count, names};
use crate::model::ObjectRef;
use crate::model::quantity::short_bytes;
use crate::model::selector::Requirement;
use crate::scheduler::obstacle::{ClaimTrouble, LabelSource, NoVolume, amount, wanted};
use crate::scheduler::{Fact, Obstacle};

/// What is in the way, as a clause that stands behind the name of the node: `label disktype is ssd, the pod asks sdd`.
pub(crate) fn clause(obstacle: &Obstacle) -> String {
    match &obstacle.fact {
        Fact::Cordoned => "it is cordoned".to_owned(),
        Fact::OtherNode { wanted } => format!("the pod names node {wanted}"),
        Fact::Taint { key, .. } => match condition(key) {
            Some(means) => format!("{means} (taint {key})"),
            None => format!("taint {} is not tolerated", obstacle.present),
        },
        Fact::Label { source, requirement, present } => label(*source, requirement, present.as_deref()),
        Fact::NodeNames { names: wanted } => format!("the pod's node affinity is for {} alone", names(wanted)),
        Fact::NoTermMatches { .. } => "the pod's node affinity matches no node at all".to_owned(),
        Fact::Port { holders, .. } => format!("host port {} is held by {}", obstacle.wanted, pods(holders)),
        Fact::Pods { allowed, .. } => format!("it has as many pods as it may ({allowed})"),
        Fact::Resource { name, asked, free, allocatable, .. } => resource(name, *asked, *free, *allocatable),
        Fact::ClaimInUse { claim, holders } => {
            let users: Vec<String> = holders.iter().map(|(pod, node)| format!("{} on {node}", pod.name)).collect();
            format!("ReadWriteOncePod claim {claim} is used by pod {}", names(&users))
        }
        Fact::DiskInUse { volume, holders } => format!("the disk of volume {volume} is held by {}", pods(holders)),
        Fact::VolumeLimit { driver, limit, present, wanted, .. } => format!(
            "the limit of {} of driver {driver} is reached ({present} there, {wanted} more asked)",
            count(usize::try_from(*limit).unwrap_or(0), "volume")
        ),
        Fact::DriverMissing { driver } => {
            format!("driver {driver} is not installed there, and its pods only go where it is")
        }
        Fact::Claim { claim, trouble } => claim_trouble(claim, trouble),
        Fact::VolumeAffinity { claim, volume, unmet } => {
            format!("volume {volume} of claim {claim} is for {}", affinity(unmet))
        }
        Fact::NoVolume { claim, class, why } => no_volume(claim, class, why, obstacle),
        Fact::NoSpace { claim, class, asked, free, maximum, .. } => {
            no_space(claim, class, *asked, free.as_ref(), maximum.as_ref())
        }
        Fact::VolumeMissing { claim, volume } => format!("claim {claim} is bound to volume {volume}, which is gone"),
        Fact::Zone { claim, volume, key, values, present } => format!(
            "volume {volume} of claim {claim} is in another zone ({key} must be {}, it is {})",
            values.join(" or "),
            present.as_deref().unwrap_or("missing")
        ),
        Fact::Spread { .. } | Fact::SpreadLabel { .. } => spread(&obstacle.fact),
        Fact::Affinity { .. } | Fact::AntiAffinity { .. } | Fact::ExistingAntiAffinity { .. } => {
            among_pods(&obstacle.fact)
        }
        Fact::Devices { name } => format!("no device is there for {name}"),
        Fact::ResourceClaim { name } => format!("resource claim {name}: {}", obstacle.present),
        Fact::DeviceClass { request, class } => {
            format!("request {request} asks for device class {class}, which does not exist")
        }
        Fact::Feature { name } => format!("its kubelet has not declared the feature {name}"),
    }
}

/// What the node controller's taints mean (`pkg/controller/nodelifecycle/node_lifecycle_controller.go`).
fn condition(taint: &str) -> Option<&'static str> {
    Some(match taint {
        "node.kubernetes.io/not-ready" => "it is not ready",
        "node.kubernetes.io/unreachable" => "its kubelet does not report any more",
        "node.kubernetes.io/disk-pressure" => "its disk is nearly full",
        "node.kubernetes.io/memory-pressure" => "its memory is nearly full",
        "node.kubernetes.io/pid-pressure" => "it has nearly no process ids left",
        "node.kubernetes.io/network-unavailable" => "its network is not set up",
        _ => return None,
    })
}

fn label(source: LabelSource, requirement: &Requirement, present: Option<&str>) -> String {
    let asks = match source {
        LabelSource::NodeSelector => "the pod's node selector asks",
        LabelSource::NodeAffinity => "the pod's node affinity asks",
        LabelSource::Scheduler => "the scheduler's configuration asks",
    };
    let is = present.map_or_else(|| "is missing".to_owned(), |value| format!("is {value}"));
    format!("label {} {is}, {asks} {}", requirement.key, wanted(requirement))
}

fn resource(name: &str, asked: i64, free: i64, allocatable: i64) -> String {
    let show = |value: i64| amount(name, value);
    match allocatable {
        0 => format!("it offers no {name} ({} asked)", show(asked)),
        _ if asked > allocatable => {
            format!("it is too small ({} {name} asked, {} in all)", show(asked), show(allocatable))
        }
        _ => format!(
            "too little {name} is free ({} asked, {} of {} free)",
            show(asked),
            show(free.max(0)),
            show(allocatable)
        ),
    }
}

fn claim_trouble(claim: &str, trouble: &ClaimTrouble) -> String {
    match trouble {
        ClaimTrouble::Missing => format!("there is no claim {claim}"),
        ClaimTrouble::NotMade => format!("its ephemeral claim {claim} has not been made"),
        ClaimTrouble::Lost { volume } => format!("claim {claim} is bound to volume {volume}, which is gone"),
        ClaimTrouble::Deleting { since } => format!("claim {claim} is being deleted since {since}"),
        ClaimTrouble::NotOwned { owner: Some(owner) } => format!("claim {claim} belongs to {owner}, not to the pod"),
        ClaimTrouble::NotOwned { owner: None } => format!("claim {claim} was not made for the pod"),
        ClaimTrouble::Unbound { volume, class, .. } => match (volume.as_str(), class.as_str()) {
            ("", "") => format!("claim {claim} is not bound, and has no class that would make a volume"),
            ("", class) => format!("claim {claim} of class {class} must be bound first and is not"),
            (volume, _) => format!("claim {claim} must be bound first and is not; it asks for volume {volume}"),
        },
        ClaimTrouble::Nameless => "a volume names no claim".to_owned(),
    }
}

/// Where a volume can be reached from, and what the node has there: `zone=a alone (here it is b)`.
fn affinity(unmet: &[(Requirement, Option<String>)]) -> String {
    if unmet.is_empty() {
        return "nodes that can't be".to_owned();
    }
    let asked: Vec<String> = unmet.iter().map(|(requirement, _)| requirement.to_string()).collect();
    let here: Vec<&str> = unmet.iter().map(|(_, present)| present.as_deref().unwrap_or("missing")).collect();
    format!("{} alone (here it is {})", asked.join(" and "), here.join(" and "))
}

fn no_volume(claim: &str, class: &str, why: &NoVolume, obstacle: &Obstacle) -> String {
    match why {
        NoVolume::NoneMade { elsewhere } if elsewhere.is_empty() => {
            format!("no volume of class {class} is free for claim {claim}, and none is made")
        }
        NoVolume::NoneMade { elsewhere } => {
            format!(
                "no volume of class {class} is free for claim {claim} ({} would fit on another node)",
                names(elsewhere)
            )
        }
        NoVolume::NotAllowed { .. } => format!(
            "class {class} of claim {claim} allows {} alone, and the node has {}",
            obstacle.wanted, obstacle.present
        ),
        NoVolume::SelectedElsewhere { node } => {
            format!("claim {claim} is for node {node} now, which was selected for it")
        }
    }
}

fn no_space(claim: &str, class: &str, asked: i64, free: Option<&i64>, maximum: Option<&i64>) -> String {
    let asked = short_bytes(asked);
    match (maximum, free) {
        (Some(maximum), _) => {
            format!(
                "claim {claim} asks for {asked} of class {class}, and a volume can have {} at most",
                short_bytes(*maximum)
            )
        }
        (None, Some(free)) => {
            format!("claim {claim} asks for {asked} of class {class}, and {} are free", short_bytes(*free))
        }
        (None, None) => format!("claim {claim} asks for {asked} of class {class}, for which no capacity is published"),
    }
}

fn spread(fact: &Fact) -> String {
    match fact {
        Fact::Spread { key, domain, count: here, smallest, max_skew, .. } => format!(
            "the pod's topology spread over {key} forbids it: {domain} has {here} of its pods, the fewest have \
             {smallest}, and maxSkew is {max_skew}"
        ),
        Fact::SpreadLabel { key } => format!("label {key}, which the pod's topology spread needs, is missing"),
        _ => String::new(),
    }
}

fn among_pods(fact: &Fact) -> String {
    match fact {
        Fact::Affinity { selector, key, domain, elsewhere } => {
            let place =
                domain.as_ref().map_or_else(|| format!("{key} (no such label)"), |domain| format!("{key}={domain}"));
            let mut domains: Vec<&str> = elsewhere.iter().map(|(_, domain)| domain.as_str()).collect();
            domains.sort_unstable();
            domains.dedup();
            let where_else = match domains.as_slice() {
                [] => "nor anywhere else".to_owned(),
                domains => format!("but in {}", names(domains)),
            };
            format!("the pod's affinity asks for a pod with {selector}, and none is in {place}, {where_else}")
        }
        Fact::AntiAffinity { key, domain, pods: there, .. } => {
            format!("the pod's anti-affinity keeps it from {}, which is in {key}={domain}", pods(there))
        }
        Fact::ExistingAntiAffinity { key, domain, pods: there } => {
            format!("the anti-affinity of {} keeps the pod out of {key}={domain}", pods(there))
        }
        _ => String::new(),
    }
}

/// `pod app/a`, `pods app/a and app/b`.
fn pods(objects: &[ObjectRef]) -> String {
    let list: Vec<String> = objects.iter().map(|pod| format!("{}/{}", pod.namespace, pod.name)).collect();
    match list.len() {
        0 => "a pod that is not known".to_owned(),
        _ => super::text::named("pod", &list),
    }
}
