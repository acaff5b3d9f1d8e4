//! What stands around a failure: the object that it names, the node that was chosen, the servers that keep the data.

use super::Failing;
use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::model::claim::SELECTED_NODE;
use crate::model::component::Role;
use crate::model::{Kind, ObjectRef, Pod};
use crate::rules::starting::containers::fault;
use crate::volumes::FailureCause;

/// Servers that are shown.
const SHOWN: usize = 3;

/// What the API server refused: who may not do what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Denial<'t> {
    pub(super) namespace: &'t str,
    pub(super) account: &'t str,
    pub(super) verb: &'t str,
    /// With its group: `csinodes.storage.k8s.io`.
    pub(super) resource: String,
}

/// Reads `User "system:serviceaccount:NS:NAME" cannot VERB resource "RESOURCE" in API group "GROUP" …`
/// (`apiserver/pkg/endpoints/handlers/responsewriters`, Forbidden).
pub(super) fn denial(message: &str) -> Option<Denial<'_>> {
    let (_, rest) = message.split_once("User \"system:serviceaccount:")?;
    let (user, rest) = rest.split_once("\" cannot ")?;
    let (namespace, account) = user.split_once(':')?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once('"')?;
    let group = rest.split_once("in API group \"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default();
    let resource = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    Some(Denial { namespace, account, verb, resource })
}

/// The node that the scheduler chose for the claim, where the storage has no room.
pub(super) fn full_node<'c>(failing: &Failing<'c, '_>) -> Option<&'c str> {
    let node = failing.case.claim.selected_node()?;
    (failing.failure.cause == FailureCause::NoRoom).then_some(node)
}

/// That the scheduler chose the node, and that it doesn't know where there is room.
pub(super) fn blind_choice(cx: &Context<'_>, driver: &str, failing: &Failing<'_, '_>) -> Vec<Evidence> {
    let Some(node) = full_node(failing) else { return at_once(cx, driver, failing).into_iter().collect() };
    let path = format!("metadata.annotations[{SELECTED_NODE}]");
    let claim = claim_ref(failing.case.claim);
    let mut facts = vec![Context::fact(claim, &path, node, "the node that the scheduler has chosen")];
    let found = cx.snapshot.csi_drivers.get("", driver).found();
    if found.is_some_and(|found| found.spec.storage_capacity != Some(true)) {
        let object = ObjectRef::new(Kind::CSIDriver, "", driver);
        let note = "the driver publishes no free capacity, so the scheduler does not know which nodes have room";
        facts.push(Context::fact(object, "spec.storageCapacity", "not true", note));
    }
    facts
}

/// That the class binds at once, so that the driver takes a node without knowing the pod.
fn at_once(cx: &Context<'_>, driver: &str, failing: &Failing<'_, '_>) -> Option<Evidence> {
    let class = cx.snapshot.classes.get("", failing.case.claim.class()).found()?;
    let room = failing.failure.cause == FailureCause::NoRoom;
    let note = "the driver itself chooses the node, since the scheduler is not asked first";
    let object = ObjectRef::new(Kind::StorageClass, "", &class.metadata.name);
    let mode = class.volume_binding_mode.as_deref().unwrap_or("Immediate");
    let at_once = room && !class.waits_for_consumer() && local(cx, driver);
    at_once.then(|| Context::fact(object, "volumeBindingMode", mode, note))
}

/// Whether each node is a place of its own for the driver: its topology has another value on every node.
pub(super) fn local(cx: &Context<'_>, driver: &str) -> bool {
    let entries = cx.snapshot.csi_nodes.seen().iter().filter_map(|it| Some((it, it.driver(driver)?)));
    let places: Vec<Option<&String>> = entries
        .filter_map(|(csi_node, entry)| {
            let node = cx.snapshot.nodes.get("", &csi_node.metadata.name).found()?;
            Some(entry.topology_keys.first().and_then(|key| node.metadata.labels.get(key)))
        })
        .collect();
    let mut known: Vec<&String> = places.iter().flatten().copied().collect();
    known.sort_unstable();
    known.dedup();
    known.len() > 1 && known.len() == places.len()
}

/// The pods that keep the driver's data and aren't ready, where the failure can be theirs: they run in the namespace of
/// the driver's provisioner.
pub(super) fn servers_down<'a>(cx: &Context<'a>, driver: &str, failing: &Failing<'_, '_>) -> Vec<&'a Pod> {
    let theirs = matches!(
        failing.failure.cause,
        FailureCause::Busy | FailureCause::Deadline | FailureCause::NoRoom | FailureCause::Unreachable
    );
    let Some(part) = super::super::runner::provisioner_of(cx, driver).filter(|_| theirs) else { return Vec::new() };
    let serves = |pod: &Pod| pod.spec.containers.iter().any(|container| container.role() == Some(Role::Server));
    let pods = cx.snapshot.pods.in_namespace(part.namespace).iter().map(|pod| &**pod);
    pods.filter(|pod| serves(pod) && !pod.finished() && !pod.ready()).collect()
}

/// The servers as facts.
pub(super) fn server_facts(cx: &Context<'_>, pods: &[&Pod]) -> Vec<Evidence> {
    let fact = |pod: &&Pod| {
        let state = match fault(pod) {
            Some(fault) => fault.sentence(cx),
            None if !pod.assigned() => "has no node".to_owned(),
            None => "not ready".to_owned(),
        };
        Context::fact(pod_ref(pod), "status", state, "it keeps data that the driver gives out")
    };
    pods.iter().take(SHOWN).map(fact).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_do_what_is_read_from_the_servers_words() {
        let text = "csinodes.storage.k8s.io is forbidden: User \"system:serviceaccount:acme:ctl\" cannot list resource \
                    \"csinodes\" in API group \"storage.k8s.io\" at the cluster scope";
        let expected =
            Denial { namespace: "acme", account: "ctl", verb: "list", resource: "csinodes.storage.k8s.io".to_owned() };
        assert_eq!(denial(text), Some(expected));
        assert_eq!(denial("User \"jane\" cannot list resource \"nodes\""), None);
    }
}
