//! What the scheduler's reasons mean, in plain words.

use super::support::{ANTI_AFFINITY, NOT_ENOUGH_STORAGE};

/// A predicate for nodes that a plugin rejected for a reason: `have too little cpu free`.
pub(super) fn predicate(plugin: &str, reason: &str) -> String {
    if let Some(resource) = reason.strip_prefix("Insufficient ") {
        return format!("have too little {resource} free");
    }
    if reason.starts_with("node(s) had untolerated taint") || reason.starts_with("node(s) had taint") {
        return "have taints that the pod does not tolerate".to_owned();
    }
    if reason.starts_with("node(s) didn't satisfy plugin(s)") {
        return "do not match the pod's node affinity by name".to_owned();
    }
    if reason.starts_with("node(s) didn't match pod topology spread constraints") {
        return match reason.ends_with("(missing required label)") {
            true => "lack a label that the pod's topology spread needs".to_owned(),
            false => "would break the pod's topology spread".to_owned(),
        };
    }
    let plain = match reason {
        "node(s) were unschedulable" => "are cordoned",
        "node(s) didn't match the requested node name" => "are not the one that the pod names",
        "node(s) didn't match Pod's node affinity/selector" => "do not match the pod's node selector or node affinity",
        "node(s) didn't match scheduler-enforced node affinity" => "are left out by the scheduler's configuration",
        "node(s) didn't have free ports for the requested pod ports" => "have the pod's host port taken",
        "Too many pods" => "have as many pods as they may",
        "node(s) exceed max volume count" => "hold as many volumes of the driver as they can",
        "node(s) had no available disk" => "have a pod that holds the same disk",
        "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
        | "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod" => {
            "can't have the pod: another pod uses its ReadWriteOncePod claim"
        }
        "node(s) didn't match PersistentVolume's node affinity" | "node(s) had volume node affinity conflict" => {
            "can't reach the pod's volume (its node affinity names others)"
        }
        "node(s) didn't find available persistent volumes to bind" => {
            "have no volume for the pod's claims, and none is made there"
        }
        "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)" => {
            "can't have the pod: a claim is bound to a volume that is gone"
        }
        "node(s) had no available volume zone" => "are in another zone than the pod's volume",
        "node(s) didn't match pod affinity rules" => "run no pod that the pod's affinity asks for",
        "node(s) didn't match Pod's required features" => "lack a feature that the pod needs",
        "cannot allocate all claims" => "have no devices for the pod's resource claims",
        _ if reason == NOT_ENOUGH_STORAGE => "have too little storage published for the pod's claims",
        _ if reason == ANTI_AFFINITY[0] => "run a pod that the pod's anti-affinity forbids",
        _ if reason == ANTI_AFFINITY[1] => "run a pod whose anti-affinity forbids this one",
        _ => return format!("are rejected by {plugin}: {reason}"),
    };
    plain.to_owned()
}

/// The predicate for one node: `has` for `have`, and so on.
pub(super) fn singular(predicate: &str) -> String {
    let (verb, rest) = predicate.split_once(' ').unwrap_or((predicate, ""));
    let verb = match verb {
        "have" => "has",
        "are" => "is",
        "do" => "does",
        "run" => "runs",
        "lack" => "lacks",
        "hold" => "holds",
        other => other,
    };
    let rest = rest.replace("as they may", "as it may").replace("as they can", "as it can");
    format!("{verb} {rest}")
}

/// A PreFilter rejection in plain words, as the end of "Pod x can't be placed: …".
pub(super) fn rejection(message: &str) -> String {
    let quoted = || message.split('"').nth(1).unwrap_or_default();
    if message.starts_with("persistentvolumeclaim") {
        if message.ends_with("not found") {
            return format!("claim {} does not exist", quoted());
        }
        if message.ends_with("is being deleted") {
            return format!("claim {} is being deleted", quoted());
        }
        if message.contains("bound to non-existent") {
            return format!("claim {} is bound to a volume that is gone", quoted());
        }
    }
    if message.starts_with("waiting for ephemeral volume controller") {
        return format!("its ephemeral claim {} has not been made", quoted());
    }
    if message.starts_with("persistentvolume ") && message.ends_with("not found") {
        return format!("volume {} does not exist", quoted());
    }
    if message == super::support::UNBOUND_IMMEDIATE {
        return "a claim that must be bound first is not bound".to_owned();
    }
    message.to_owned()
}
