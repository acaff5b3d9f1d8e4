//! What the volume controller and the provisioners make of claims: volumes that exist are bound, others are made, and
//! the capacity that drivers publish goes down.

use std::collections::BTreeSet;

use super::state::State;
use crate::dependencies::Drivers;
use crate::model::claim::{BIND_COMPLETED, BOUND_BY_CONTROLLER, SELECTED_NODE, STORAGE_PROVISIONER};
use crate::model::meta::Map;
use crate::model::selector::{NodeSelector, NodeSelectorTerm, Requirement};
use crate::model::volume::{ClaimReference, CsiSource, PROVISIONED_BY, VolumeNodeAffinity};
use crate::model::{Claim, Node, Pod, StorageClass, Volume};
use crate::snapshot::{Lookup, Snapshot};
use crate::volumes::{Decision, ProvisionProblem, Provisioners, VolumeController, published};

/// What the scheduler chose for a claim of a pod that it places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) claim: String,
    /// A volume that exists; `None` for one that is to be made on the node.
    pub(crate) volume: Option<String>,
}

/// What becomes of a claim.
enum Next {
    Bind {
        volume: String,
    },
    /// `doubt`: why it can't be known.
    Provision {
        doubt: Option<String>,
    },
    GiveClass {
        class: String,
    },
}

/// Carries out what the scheduler chose.
pub(crate) fn take(state: &mut State, namespace: &str, node: &str, chosen: &[Chosen]) {
    for choice in chosen {
        let Some(claim) = state.snapshot.claims.get(namespace, &choice.claim).found() else { continue };
        let mut claim = Claim::clone(claim);
        match &choice.volume {
            Some(volume) => bind(state, claim, volume),
            None => {
                claim.metadata.annotations.insert(SELECTED_NODE.to_owned(), node.to_owned());
                state.snapshot.claims.insert(claim);
                state.openings += 1;
            }
        }
    }
}

/// Whether the claims of a pod are bound, so that it can run where it is placed.
pub(crate) fn bound(snapshot: &Snapshot, pod: &Pod) -> bool {
    claims(snapshot, pod).all(|claim| claim.found().is_none_or(|claim| claim.fully_bound()))
}

/// Whether a kubelet finds the claims of a pod bound that it is given; of those that could not be read it is taken for granted.
pub(crate) fn mountable(snapshot: &Snapshot, pod: &Pod) -> bool {
    claims(snapshot, pod).all(|claim| match claim {
        Lookup::Found(claim) => claim.fully_bound(),
        Lookup::Absent => false,
        Lookup::Unknown => true,
    })
}

/// The claims of a pod's volumes.
fn claims<'s>(snapshot: &'s Snapshot, pod: &'s Pod) -> impl Iterator<Item = Lookup<'s, Claim>> {
    let names = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name));
    names.map(|name| snapshot.claims.get(&pod.metadata.namespace, &name))
}

/// Lets the controllers look at every claim that isn't bound; says whether anything changed.
pub(crate) fn sync(state: &mut State) -> bool {
    if state.volumes_seen == state.openings {
        return false;
    }
    let next = decide(state);
    let changed = !next.is_empty();
    for ((namespace, name), next) in next {
        let Some(claim) = state.snapshot.claims.get(&namespace, &name).found() else { continue };
        let mut claim = Claim::clone(claim);
        match next {
            Next::Bind { volume } => bind(state, claim, &volume),
            Next::Provision { doubt } => {
                state.unknown.extend(doubt);
                provision(state, claim);
            }
            Next::GiveClass { class } => {
                claim.spec.storage_class_name = Some(class);
                state.snapshot.claims.insert(claim);
            }
        }
    }
    state.volumes_seen = state.openings;
    if changed {
        state.openings += 1;
    }
    changed
}

fn decide(state: &State) -> Vec<((String, String), Next)> {
    let snapshot = &state.snapshot;
    let open = snapshot.claims.seen().iter().filter(|claim| !claim.fully_bound() && !claim.metadata.deleting());
    let open: Vec<&Claim> = open.map(|claim| &**claim).collect();
    if open.is_empty() {
        return Vec::new();
    }
    let controller = VolumeController::new(snapshot).with_version(state.version);
    let provisioners = Provisioners::new(snapshot);
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut next = |claim: &Claim| {
        let verdict = controller.judge(claim);
        if let Some(class) = verdict.assigns_class {
            return Some(Next::GiveClass { class });
        }
        match verdict.decision {
            Decision::Bind { volume } => taken.insert(volume.clone()).then_some(Next::Bind { volume }),
            Decision::ExternalProvisioning { provisioner, .. } => {
                let doubt = match maker(snapshot, &provisioner) {
                    Maker::There => None,
                    Maker::Absent => return None,
                    Maker::Unread => Some(format!(
                        "CSI drivers could not be read, so whether {provisioner} makes volumes is not known; \
                         `kubectl get csidrivers` tells"
                    )),
                };
                provisions(&provisioners, claim, &provisioner).then_some(Next::Provision { doubt })
            }
            Decision::InTreeProvisioning { provisioner, .. } => {
                let doubt = format!("whether {provisioner} makes volumes hangs on flags of kube-controller-manager");
                Some(Next::Provision { doubt: Some(doubt) })
            }
            _ => None,
        }
    };
    let key = |claim: &Claim| (claim.metadata.namespace.clone(), claim.metadata.name.clone());
    open.into_iter().filter_map(|claim| Some((key(claim), next(claim)?))).collect()
}

/// What is known of whom a class names to make volumes.
enum Maker {
    There,
    Absent,
    Unread,
}

/// A driver whose CSIDriver is there is taken to run; provisioners that are no CSI drivers have none, and show by the
/// volumes that they made or by their pods.
fn maker(snapshot: &Snapshot, provisioner: &str) -> Maker {
    match snapshot.csi_drivers.get("", provisioner) {
        Lookup::Found(_) => return Maker::There,
        Lookup::Unknown => return Maker::Unread,
        Lookup::Absent => {}
    }
    let registered = snapshot.csi_nodes.seen().iter().any(|node| node.driver(provisioner).is_some());
    let made = |volume: &Volume| {
        volume.spec.csi.is_none() && volume.metadata.annotations.get(PROVISIONED_BY).is_some_and(|by| by == provisioner)
    };
    let shows = || {
        snapshot.volumes.seen().iter().any(|volume| made(volume))
            || !Drivers::new(snapshot).parts(provisioner).is_empty()
    };
    if !registered && shows() { Maker::There } else { Maker::Absent }
}

/// Whether a driver that runs makes the volume.
fn provisions(provisioners: &Provisioners<'_>, claim: &Claim, provisioner: &str) -> bool {
    let mut asked = claim.clone();
    asked.metadata.annotations.insert(STORAGE_PROVISIONER.to_owned(), provisioner.to_owned());
    let problem = provisioners.judge(&asked).and_then(|verdict| verdict.problem);
    problem.is_none_or(|problem| of_topology(&problem))
}

/// What lies with the driver's registration, which a driver that runs gets over.
fn of_topology(problem: &ProvisionProblem) -> bool {
    matches!(
        problem,
        ProvisionProblem::DriverOnNoNode
            | ProvisionProblem::CsiNodeMissing { .. }
            | ProvisionProblem::NoTopologyKey { .. }
            | ProvisionProblem::KeysOnNoNode { .. }
            | ProvisionProblem::NodeLacksLabels { .. }
    )
}

fn bind(state: &mut State, mut claim: Claim, volume: &str) {
    let Some(volume) = state.snapshot.volumes.get("", volume).found() else { return };
    let mut volume = Volume::clone(volume);
    tie(&mut claim, &mut volume);
    state.snapshot.volumes.insert(volume);
    state.snapshot.claims.insert(claim);
    state.openings += 1;
}

/// Binds both sides to each other.
fn tie(claim: &mut Claim, volume: &mut Volume) {
    claim.spec.volume_name.clone_from(&volume.metadata.name);
    claim.metadata.annotations.insert(BIND_COMPLETED.to_owned(), "yes".to_owned());
    claim.metadata.annotations.insert(BOUND_BY_CONTROLLER.to_owned(), "yes".to_owned());
    "Bound".clone_into(&mut claim.status.phase);
    claim.status.capacity.clone_from(&volume.spec.capacity);
    claim.status.access_modes.clone_from(&volume.spec.access_modes);
    let meta = &claim.metadata;
    volume.spec.claim_ref =
        Some(ClaimReference { namespace: meta.namespace.clone(), name: meta.name.clone(), uid: meta.uid.clone() });
    "Bound".clone_into(&mut volume.status.phase);
}

/// Makes a volume for a claim, where its class and the node that was selected for it want it.
fn provision(state: &mut State, mut claim: Claim) {
    let Some(class) = state.snapshot.classes.get("", claim.class()).found().cloned() else { return };
    let node = claim.selected_node().and_then(|node| state.snapshot.nodes.get("", node).found()).cloned();
    let segment = segment(state, &class, node.as_deref());
    let mut volume = Volume::default();
    volume.metadata.name = format!("pvc-{}", claim.metadata.uid);
    volume.metadata.creation_timestamp.clone_from(&state.now);
    volume.metadata.annotations.insert(PROVISIONED_BY.to_owned(), class.provisioner.clone());
    volume.spec.capacity = claim.spec.resources.requests.clone();
    volume.spec.access_modes = claim.spec.access_modes.clone();
    volume.spec.volume_mode = claim.spec.volume_mode.clone();
    claim.class().clone_into(&mut volume.spec.storage_class_name);
    volume.spec.volume_attributes_class_name = claim.spec.volume_attributes_class_name.clone();
    volume.spec.persistent_volume_reclaim_policy = class.reclaim_policy.clone().unwrap_or_else(|| "Delete".to_owned());
    volume.spec.csi = Some(CsiSource {
        driver: class.provisioner.clone(),
        volume_handle: volume.metadata.name.clone(),
        ..CsiSource::default()
    });
    volume.spec.node_affinity = segment.as_ref().filter(|segment| !segment.is_empty()).map(affinity);
    if let (Some(node), Some(size)) = (&node, claim.request()) {
        published::take(&mut state.snapshot, &class, node, size.value());
    }
    tie(&mut claim, &mut volume);
    state.snapshot.volumes.insert(volume);
    state.snapshot.claims.insert(claim);
    state.openings += 1;
}

/// The topology of a new volume: that of the selected node, else the first that the class allows.
fn segment(state: &State, class: &StorageClass, node: Option<&Node>) -> Option<Map> {
    let drivers = |node: &str| state.snapshot.csi_nodes.get("", node).found();
    let Some(node) = node else {
        let keyed = state.snapshot.csi_nodes.seen().iter().filter_map(|node| node.driver(&class.provisioner));
        let keyed = keyed.filter(|driver| !driver.topology_keys.is_empty()).count() > 0;
        let term = class.allowed_topologies.first().filter(|_| keyed)?;
        let first = term.match_label_expressions.iter();
        return Some(first.filter_map(|one| Some((one.key.clone(), one.values.first()?.clone()))).collect());
    };
    let driver = drivers(&node.metadata.name)?.driver(&class.provisioner)?;
    let labels = &node.metadata.labels;
    Some(driver.topology_keys.iter().filter_map(|key| Some((key.clone(), labels.get(key)?.clone()))).collect())
}

/// Takes back the volume that was made for a claim, and gives back what it took of the published capacity.
pub(crate) fn unmake(state: &mut State, claim: &Claim) {
    let name = format!("pvc-{}", claim.metadata.uid);
    if claim.spec.volume_name != name || !state.snapshot.volumes.remove("", &name) {
        return;
    }
    let class = state.snapshot.classes.get("", claim.class()).found().cloned();
    let node = claim.selected_node().and_then(|node| state.snapshot.nodes.get("", node).found()).cloned();
    if let (Some(class), Some(node), Some(size)) = (class, node, claim.request()) {
        published::take(&mut state.snapshot, &class, &node, -size.value());
    }
}

fn affinity(segment: &Map) -> VolumeNodeAffinity {
    let requirement = |(key, value): (&String, &String)| Requirement {
        key: key.clone(),
        operator: "In".to_owned(),
        values: vec![value.clone()],
    };
    let term = NodeSelectorTerm {
        match_expressions: segment.iter().map(requirement).collect(),
        ..NodeSelectorTerm::default()
    };
    VolumeNodeAffinity { required: Some(NodeSelector { node_selector_terms: vec![term] }) }
}
