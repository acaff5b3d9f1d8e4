//! The words of what a provisioner says.

use super::setting::{Denial, denial, full_node};
use super::{Failing, modes, topology};
use crate::diagnosis::context::Context;
use crate::diagnosis::text::{either, named};
use crate::model::{Claim, Event, ObjectRef, StorageClass};
use crate::rules::provisioning::copies::more_copies_than_nodes;
use crate::rules::provisioning::outdated::Outdated;
use crate::volumes::FailureCause;
use crate::volumes::provision_failure::shortened;

/// How long a provisioner's words may be in a title, in characters.
const IN_TITLE: usize = 180;

/// The cause in a sentence.
pub(super) fn title(
    cx: &Context<'_>,
    driver: &str,
    class: Option<&StorageClass>,
    failing: &[Failing<'_, '_>],
    too_old: Option<&Outdated>,
    account: Option<String>,
) -> String {
    let names: Vec<&str> = failing.iter().map(|one| one.case.claim.metadata.name.as_str()).collect();
    let claims = named("claim", &names);
    let lead = &failing[0];
    let class_name = lead.case.claim.class();
    let text = shortened(&lead.failure.text, IN_TITLE);
    let fails = format!("Provisioner {driver} can't make the volume of {claims}");
    if let Some(too_old) = too_old {
        return format!("{fails}: {}", too_old.text);
    }
    if let Some(account) = account {
        return format!("{fails}: {account}: {text}");
    }
    if let Some(mode) = modes::refused(lead) {
        return format!("{fails}, which is to be {mode}: {text}");
    }
    let foreign = class.map_or_else(Vec::new, |class| topology::foreign_keys(cx, driver, class));
    match &lead.failure.cause {
        FailureCause::Topology if !foreign.is_empty() => format!(
            "{fails}: class {class_name} allows it by {} alone, which the driver has on no node",
            named("topology key", &foreign)
        ),
        FailureCause::SecretMissing { namespace, name } => {
            format!("{fails}: it can't find secret {name} in namespace {namespace}, where class {class_name} has it")
        }
        FailureCause::SecretForbidden { namespace, name } => {
            format!("{fails}: it may not read secret {name} in namespace {namespace}, which class {class_name} names")
        }
        FailureCause::SecretTemplate => format!("{fails}: class {class_name} names its secrets wrongly: {text}"),
        FailureCause::NoNode if class.is_some_and(|class| !class.waits_for_consumer()) => format!(
            "Class {class_name} binds at once (Immediate), and provisioner {driver} needs a node first: {claims} {} \
             unbound",
            either(names.len(), "stays", "stay")
        ),
        FailureCause::Snapshot { name } => match snapshot_event(cx, lead, name) {
            Some(event) => {
                let why = shortened(&event.message, IN_TITLE);
                format!("{fails}: VolumeSnapshot {name} is not ready: {why}")
            }
            None => format!("{fails}: {text}"),
        },
        FailureCause::Webhook { name } => format!("{fails}: webhook {name} must approve it and can't be called"),
        FailureCause::Denied => format!("{fails}: the storage's side refuses the driver: {text}"),
        FailureCause::Quota => format!("{fails}: a quota of the storage is used up: {text}"),
        FailureCause::NoRoom => match (full_node(lead), class.and_then(|class| more_copies_than_nodes(cx, class))) {
            (_, Some(copies)) => format!("{fails}: {}: {text}", copies.text),
            (Some(node), None) => {
                format!("{fails} on node {node}, which the scheduler chose: the storage has no room for it: {text}")
            }
            (None, None) => format!("{fails}: the storage has no room for it: {text}"),
        },
        FailureCause::Forbidden => match denial(&lead.report.message) {
            Some(Denial { namespace, account, verb, resource }) => {
                format!("{fails}: service account {account} of namespace {namespace} may not {verb} {resource}")
            }
            None => format!("{fails}: {text}"),
        },
        FailureCause::Busy | FailureCause::Deadline => format!("{fails}: its attempts don't end: {text}"),
        FailureCause::AccessMode => match shared_modes(lead.case.claim).as_slice() {
            [] => format!("{fails}: it can't be used as the claim asks: {text}"),
            modes => format!("{fails}: the driver makes none for {}: {text}", modes.join(" and ")),
        },
        FailureCause::Size => {
            let size = lead.case.claim.request().map_or_else(|| "no size".to_owned(), ToString::to_string);
            format!("{fails}: the driver makes none of {size}: {text}")
        }
        FailureCause::NoNode
        | FailureCause::Topology
        | FailureCause::NotFound
        | FailureCause::Invalid
        | FailureCause::Unreachable
        | FailureCause::Other => format!("{fails}: {text}"),
    }
}

/// The modes of a claim with which pods on several nodes may use the file system on its volume.
pub(super) fn shared_modes(claim: &Claim) -> Vec<&str> {
    let shared = |mode: &&str| matches!(*mode, "ReadWriteMany" | "ReadOnlyMany") && claim.volume_mode() == "Filesystem";
    claim.spec.access_modes.iter().map(String::as_str).filter(shared).collect()
}

/// The last warning about the snapshot that the claim is made from: its controller tells why it isn't ready.
pub(super) fn snapshot_event<'a>(cx: &Context<'a>, lead: &Failing<'_, '_>, name: &str) -> Option<&'a Event> {
    cx.events_of(&snapshot_ref(lead, name)).into_iter().rfind(|event| event.kind == "Warning")
}

/// The snapshot that a claim is made from.
fn snapshot_ref(lead: &Failing<'_, '_>, name: &str) -> ObjectRef {
    let claim = lead.case.claim;
    let source = claim.spec.data_source_ref.as_ref().and_then(|source| source.namespace.as_deref());
    let namespace = source.filter(|namespace| !namespace.is_empty()).unwrap_or(&claim.metadata.namespace);
    ObjectRef::other("VolumeSnapshot", namespace, name)
}
