//! What vSphere's driver says, and where the rest of it stands (`kubernetes-sigs/vsphere-csi-driver`).

use super::driver::{log_step, sidecar};
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::{Context, PlacedCase};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::remedy::Step;
use crate::model::component::Role;
use crate::model::{Kind, ObjectRef, StorageClass, Volume};
use crate::rules::attaching::placed::{node_of, node_ref};

/// The driver's name.
pub(in crate::rules) const VSPHERE: &str = "csi.vsphere.vmware.com";
/// Begins the provider id of a machine of vSphere, which ends in the machine's UUID.
const PROVIDER: &str = "vsphere://";
/// Part of the name of the container that tells vCenter of volumes, takes over those of the in-tree plugin and defines the
/// driver's custom resources.
const SYNCER: &str = "syncer";
/// The account of the driver may not do something.
const NO_PERMISSION: &str = "NoPermission";

/// The kind in which the driver notes where a node stands, in lower case.
const TOPOLOGY: &str = "csinodetopology";
/// A claim for many nodes becomes a file volume.
const FILE_VOLUME: &str = "create file volume";

/// Words of the driver, and what they mean; the first that fits is told.
pub(super) const MEANINGS: &[(&str, &str)] = &[
    (
        "DeviceUnsupportedForVmVersion",
        "the virtual hardware version of the node's virtual machine is too old for such disks: upgrade its compatibility \
         (vSphere CSI needs hardware version 15 or later) while it is off",
    ),
    (NO_PERMISSION, "the driver's vCenter account lacks a privilege for this"),
    ("incorrect user name or password", "vCenter refuses the user name or password in the driver's configuration"),
    ("No Virtual Center hosts defined", "the driver's configuration names no vCenter"),
    (
        "failed to find VirtualMachine",
        "the driver does not know which virtual machine the node is: compare its providerID with the machine's UUID",
    ),
    (
        "node wasn't found",
        "the driver does not know which virtual machine the node is: compare its providerID with the machine's UUID",
    ),
    (
        FILE_VOLUME,
        "a claim for many nodes takes a file volume, which vSAN File Services must serve: block datastores can't hold it",
    ),
    (
        "datastore found for storagePolicy",
        "no datastore that all hosts of the cluster share satisfies the class's storage policy",
    ),
    (
        "get shared datastores",
        "no datastore is mounted on every host that the volume must be reachable from; hosts in maintenance, and those \
         without a node, count as well",
    ),
    (
        "No compatible datastore",
        "no datastore is mounted on every host that the volume must be reachable from and fits the class; hosts in \
         maintenance, and those without a node, count as well",
    ),
    (
        "Failed to retrieve datastore for vol",
        "vCenter's volume service (CNS) has lost where the disk lies: it was moved or restored outside of CNS",
    ),
    (
        "volumeMigrationService",
        "the driver has taken over a volume of the in-tree plugin, and vCenter's volume service (CNS) does not take its \
         disk: another path, no such disk, or one that is registered already",
    ),
];

/// What an attach error of the driver can be held against: how the cluster names the machine that it does not find.
pub(in crate::rules) fn attach_facts(cx: &Context<'_>, case: &PlacedCase<'_>, words: &str) -> Vec<Evidence> {
    if asks_for_machine(words) { machine(cx, case) } else { Vec::new() }
}

/// The two names of the node's machine: its provider id, and what the driver's plugin has registered it as.
fn machine(cx: &Context<'_>, case: &PlacedCase<'_>) -> Vec<Evidence> {
    let Some(node) = node_of(cx, case) else { return Vec::new() };
    let name = &node.metadata.name;
    let csi_node = cx.snapshot.csi_nodes.get("", name).found();
    let registered = csi_node.and_then(|csi_node| csi_node.driver(VSPHERE)).map(|driver| driver.node_id.as_str());
    let Some(uuid) = node.spec.provider_id.strip_prefix(PROVIDER) else { return Vec::new() };
    let note = "the machine's UUID as the cloud provider found it: vCenter must know a machine by it";
    let mut facts = vec![Context::fact(node_ref(name), "spec.providerID", node.spec.provider_id.clone(), note)];
    let uuid_like = |id: &&str| id.len() == uuid.len() && id.matches('-').count() == 4;
    if let Some(id) = registered.filter(uuid_like) {
        let same = id.eq_ignore_ascii_case(uuid) || swapped(id).is_some_and(|id| id.eq_ignore_ascii_case(uuid));
        let note = match same {
            true => "the driver's plugin on the node found the same",
            false => "the driver's plugin on the node found another: the machine was replaced or copied since",
        };
        facts.push(Context::fact(ObjectRef::new(Kind::CSINode, "", name), "spec.drivers[].nodeID", id, note));
    }
    facts
}

/// A UUID with the bytes of its first three fields the other way round, as firmware before virtual hardware version 13 has it.
fn swapped(uuid: &str) -> Option<String> {
    let mut fields = uuid.split('-').map(str::to_owned).collect::<Vec<_>>();
    for field in fields.iter_mut().take(3) {
        let bytes = field.as_bytes().chunks(2).rev().map(std::str::from_utf8);
        *field = bytes.collect::<Result<String, _>>().ok()?;
    }
    Some(fields.join("-"))
}

/// What a class asks of datastores.
pub(in crate::rules) fn class_facts(class: &StorageClass, words: &str) -> Vec<Evidence> {
    if class.provisioner != VSPHERE || !of_datastores(words) || words.contains(FILE_VOLUME) {
        return Vec::new();
    }
    let asks =
        |key: &str| ["storagepolicyname", "storagepolicyid", "datastoreurl"].contains(&key.to_lowercase().as_str());
    let found = class.parameters.iter().filter(|(key, _)| asks(key));
    let note = "a datastore that fits it must be shared by all hosts in question";
    let object = || ObjectRef::new(Kind::StorageClass, "", &class.metadata.name);
    found.map(|(key, value)| Context::fact(object(), &format!("parameters[{key}]"), value.clone(), note)).collect()
}

/// Where the driver says more of a failure.
pub(in crate::rules) fn looks(cx: &Context<'_>, volume: Option<&Volume>, words: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    if volume.is_some_and(|volume| volume.spec.vsphere_volume.is_some()) {
        let what = "See which volumes of the in-tree plugin the driver has registered, by their paths";
        let command = kubectl(&["get", "cnsvspherevolumemigrations.cns.vmware.com", "-o", "yaml"], &[], &[]);
        steps.push(Step { command, ..Step::told(what) });
        steps.extend(syncer_log(cx));
    }
    match words {
        _ if words.contains(NO_PERMISSION) => steps.push(privileges()),
        _ if asks_for_machine(words) => steps.push(know_again(cx)),
        _ if words.contains(FILE_VOLUME) => {}
        _ if of_datastores(words) => steps.push(Step::told(
            "See in vCenter which datastores are mounted on every host of the cluster, or of the zones that are named, hosts in \
             maintenance included, and which of these the class's storage policy takes",
        )),
        _ => {}
    }
    steps
}

fn asks_for_machine(words: &str) -> bool {
    words.contains("failed to find VirtualMachine") || words.contains("wasn't found")
}

fn of_datastores(words: &str) -> bool {
    words.to_lowercase().contains("datastore")
}

/// Has the driver's controller look for the machines anew: it keeps what it found when it started.
fn know_again(cx: &Context<'_>) -> Step {
    let part = sidecar(cx, VSPHERE, Role::Attacher).map(|(part, _)| part);
    let command = part.and_then(|part| {
        let target = format!("{}/{}", part.kind.name().to_ascii_lowercase(), part.name);
        kubectl(&["rollout", "restart"], &[&target], &[("-n", part.namespace)])
    });
    let what = "Look in vCenter for a machine with that UUID. Where there is one, restart the driver's controller, which keeps \
                what it knew of machines; where the machine has another UUID by now, delete the Node and let its kubelet \
                register it anew";
    Step { command, ..Step::told(what) }
}

/// What the driver's account must be allowed.
pub(in crate::rules) fn privileges() -> Step {
    Step::told(
        "Compare the roles of the driver's vCenter account with those that the driver asks for: Cns.Searchable on the \
         vCenter, Datastore.FileManagement on the datastores, Host.Config.Storage on the hosts, \
         VirtualMachine.Config.AddExistingDisk and AddRemoveDevice on the machines of the nodes, and read on all else, the \
         root included; the event of the refused call in vCenter names the object",
    )
}

/// Whether words are about the object in which the driver notes where a node stands.
pub(in crate::rules) fn about_topology(words: &str) -> bool {
    words.to_lowercase().contains(TOPOLOGY)
}

/// Where the driver says why a node has no topology, which its plugin on the node waits for: the syncer writes the zone and the
/// region of the machine into the node's CSINodeTopology, by the tags in vCenter.
pub(in crate::rules) fn topology_looks(cx: &Context<'_>, node: &str) -> Vec<Step> {
    let what = format!(
        "See what the driver makes of the topology of node {node}, and why (status.status, status.errorMessage)"
    );
    let command = kubectl(&["get", "csinodetopologies.cns.vmware.com", "-o", "yaml"], &[node], &[]);
    let tags = "Look in vCenter whether the machine, its host or its cluster has a tag of each category that the driver's \
                configuration names ([Labels] topology-categories)";
    [Step { command, ..Step::told(what) }].into_iter().chain(syncer_log(cx)).chain([Step::told(tags)]).collect()
}

/// The step that reads the log of the syncer.
fn syncer_log(cx: &Context<'_>) -> Option<Step> {
    let parts = cx.drivers.parts(VSPHERE).into_iter();
    let found = parts.filter_map(|part| {
        let syncer = part.spec.containers.iter().find(|container| container.name.contains(SYNCER))?;
        Some((part, syncer.name.as_str()))
    });
    let (part, container) = found.min_by_key(|(part, _)| part.name)?;
    let target = format!("{}/{}", part.kind.name().to_ascii_lowercase(), part.name);
    Some(log_step("Read what its syncer says", part.namespace, &target, Some(container)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firmware_may_turn_the_first_fields_of_a_uuid_round() {
        let turned = swapped("4237a5f0-3c1e-5f5b-8c6e-0f1b2c3d4e01");
        assert_eq!(turned.as_deref(), Some("f0a53742-1e3c-5b5f-8c6e-0f1b2c3d4e01"));
        assert_eq!(swapped("äöü-ß").as_deref(), Some("üöä-ß"));
    }
}
