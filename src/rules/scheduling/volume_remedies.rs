//! What to do about volumes that no node reaches, and the volumes that a class without a provisioner has.

use serde_json::json;

use super::pinned::{DISK_PRESSURE, pinned};
use super::volume_reach::{HOSTNAME, renamed};
use crate::admission::expand::claim_maker;
use crate::diagnosis::command::describe;
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::in_the_way::InTheWay;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{named, names};
use crate::model::selector::Requirement;
use crate::model::{Kind, Meta, Node, ObjectRef, Pod, Volume, Workload};
use crate::rules::binding::recreate;
use crate::scheduler::obstacle::NoVolume;
use crate::scheduler::{Fact, Obstacle};
use crate::volumes::{Mismatch, VolumeMismatch};

/// The provisioner of classes whose volumes are made by hand.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
/// Volumes that are shown of a class.
const SHOWN: usize = 3;
/// Labels that cloud providers give nodes. Those of drivers come with the driver's plugin, and mean that it is there.
const ZONES: [&str; 2] = ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"];
/// Nodes that one remedy labels.
const LABELLED: usize = 5;
/// What the workload that publishes local volumes is called (sig-storage-local-static-provisioner's manifests and chart).
const DISCOVERY: [&str; 2] = ["local-volume-provisioner", "local-static-provisioner"];

/// Repairs of what is in the way of every node and lies in a label.
pub(super) fn remedies(cx: &Context<'_>, way: &InTheWay, pod: &Pod) -> Vec<Remedy> {
    let everywhere = way.everywhere();
    let tied = pinned(way).filter(|pinned| pinned.among_replicas(pod)).map(|pinned| pinned.claim());
    let mut remedies: Vec<Remedy> = everywhere.iter().filter_map(|obstacle| remedy(cx, obstacle)).collect();
    remedies.extend(pinned(way).and_then(|pinned| pinned.ailing()).map(well_again));
    remedies.extend(everywhere.iter().find_map(|obstacle| scratch(cx, obstacle)));
    remedies.extend(tied.and_then(|claim| anew(cx, pod, claim)));
    remedies
}

/// Kubelet and node controller take their taints off by themselves (`pkg/kubelet/eviction`, `pkg/controller/tainteviction`).
fn well_again((node, taint): (&str, &str)) -> Remedy {
    let (title, what) = if taint == DISK_PRESSURE {
        let what = format!("Free room on the disk of node {node}: images, logs, or what local volumes hold there");
        (format!("Make room on node {node}"), what)
    } else {
        let what = format!("Start node {node} or its kubelet again, or mend its network, by what it says");
        (format!("Bring node {node} back"), what)
    };
    let command = describe(&ObjectRef::new(Kind::Node, "", node));
    let look = Step { command, ..Step::told(format!("Read in the conditions of node {node} since when and why")) };
    let again = Step::told(format!("Taint {taint} then goes by itself, within minutes, and the volume is used again"));
    let reason = "what ails the node is not in the API";
    Remedy::untried(title, Risk::Low, vec![look, Step::told(what), again], reason)
}

/// A replica with a new claim, whose volume is made where the pod fits.
fn anew(cx: &Context<'_>, pod: &Pod, claim: &str) -> Option<Remedy> {
    let (set, _, made) = claim_maker(cx.snapshot, pod, claim)?;
    let class = cx.snapshot.classes.get("", made.class()).found()?;
    let free = |volume: &Volume| volume.class() == class.metadata.name && volume.status.phase == "Available";
    if class.provisioner == NO_PROVISIONER && !cx.snapshot.volumes.seen().iter().any(|volume| free(volume)) {
        return None;
    }
    let (kind, namespace) = (Kind::PersistentVolumeClaim, pod.metadata.namespace.clone());
    let what = format!(
        "Where {} has the data of claim {claim} elsewhere, as replicas do, delete the claim: its volume is given up",
        set.metadata.name
    );
    let delete = cx.step(what, Change::Delete { kind, namespace, name: claim.to_owned() });
    let title = format!("Give pod {} a new, empty claim {claim}", pod.metadata.name);
    Some(Remedy::new(title, Risk::High, vec![delete, recreate(cx, pod, set, &[made])]))
}

/// CDI's importers need a second volume (containerized-data-importer's doc/scratch-space.md).
fn scratch(cx: &Context<'_>, obstacle: &Obstacle) -> Option<Remedy> {
    let Fact::NoVolume { claim, .. } = &obstacle.fact else { return None };
    let found = cx.snapshot.claims.get(&obstacle.object.namespace, claim).found()?;
    let of_cdi = found.metadata.labels.get("app").is_some_and(|app| app == "containerized-data-importer");
    let what = format!(
        "Name a class that makes volumes in spec.config.scratchSpaceStorageClass of the CDI object: claim {claim} is \
         the importer's room to work in, besides the claim of the disk"
    );
    let reason = "which class is meant is not known";
    (of_cdi && claim.ends_with("-scratch"))
        .then(|| Remedy::untried("Give CDI a class for its scratch space", Risk::Low, vec![Step::told(what)], reason))
}

fn remedy(cx: &Context<'_>, obstacle: &Obstacle) -> Option<Remedy> {
    match &obstacle.fact {
        Fact::Zone { volume, key, .. } => Some(without_label(cx, volume, key)),
        Fact::VolumeAffinity { volume, unmet, .. } => {
            if let Some((node, label)) = renamed(cx, unmet) {
                return unmet.first().and_then(|(asked, _)| host_name_back(cx, node, label, asked));
            }
            let [(requirement, _)] = unmet.as_slice() else { return None };
            match requirement.key.as_str() {
                HOSTNAME => Some(under_another_name(volume, requirement)),
                _ => Some(zone_label(cx, volume, requirement).unwrap_or_else(|| node_there(volume, requirement))),
            }
        }
        _ => None,
    }
}

/// Labels of a volume can be edited, and only kube-scheduler's VolumeZone heeds them.
fn without_label(cx: &Context<'_>, volume: &str, key: &str) -> Remedy {
    let patch = json!({"metadata": {"labels": {key: null}}});
    let what = format!("Take label {key} off volume {volume}, if its disk can be reached from where the nodes are");
    let step = cx.patch(what, (Kind::PersistentVolume, "", volume), patch);
    Remedy::new(format!("Take the old zone off volume {volume}"), Risk::Medium, vec![step])
}

/// The node's own label, unless other volumes were made for the host name that the node has now.
fn host_name_back(cx: &Context<'_>, node: &str, label: &str, asked: &Requirement) -> Option<Remedy> {
    let value = asked.values.first()?;
    let made_since = cx.snapshot.volumes.seen().iter().any(|volume| {
        let terms = volume.required_node_affinity().into_iter().flat_map(|affinity| &affinity.node_selector_terms);
        let mut asked = terms.flat_map(|term| &term.match_expressions).filter(|asked| asked.key == HOSTNAME);
        asked.any(|asked| asked.values.iter().any(|value| value == label))
    });
    if made_since {
        return None;
    }
    let what = format!(
        "Give node {node} label {HOSTNAME}={value} again instead of {label}: the kubelet takes it from \
         --hostname-override or the machine's name when it registers"
    );
    let step = cx.patch(what, (Kind::Node, "", node), json!({"metadata": {"labels": {HOSTNAME: value}}}));
    Some(Remedy::new(format!("Give node {node} its host name back"), Risk::Medium, vec![step]))
}

/// Where the machine is still there: the node affinity of a volume can't be changed.
fn under_another_name(volume: &str, asked: &Requirement) -> Remedy {
    let machine = names(&asked.values);
    let steps = vec![
        Step::told(format!("Bring node {machine} back under this name: the volume is used again at once")),
        Step::told(format!(
            "Or, where the same machine has another name now: set volume {volume} to Retain, then make it and its claim \
             anew for that name, with the same path or handle; a volume's node affinity can't be changed"
        )),
        Step::told("Or, where the data is lost or kept elsewhere: delete claim and pod, so that both are made anew"),
    ];
    Remedy::untried("Bring volume and node together", Risk::High, steps, "what became of the machine is not known")
}

fn node_there(volume: &str, asked: &Requirement) -> Remedy {
    let what = format!("Add a node with {asked}: volume {volume} is used from there, and its data is kept");
    let reason = "what the new node would be like is not known";
    Remedy::untried("Have a node where the volume is", Risk::Low, vec![Step::told(what)], reason)
}

/// Nodes whose zone is the one that the volume asks for, written in another form.
fn zone_label(cx: &Context<'_>, volume: &str, asked: &Requirement) -> Option<Remedy> {
    let [value] = asked.values.as_slice() else { return None };
    if !ZONES.contains(&asked.key.as_str()) {
        return None;
    }
    let same = |have: &str| have != value && (ends_with(value, have) || ends_with(have, value));
    let zone = |node: &&Node| {
        let labels = &node.metadata.labels;
        labels.iter().any(|(key, have)| key.ends_with("/zone") && (have == value && *key != asked.key || same(have)))
    };
    let nodes: Vec<&Node> = cx.snapshot.nodes.seen().iter().map(|node| &**node).filter(zone).collect();
    if nodes.is_empty() || nodes.len() > LABELLED || asked.operator != "In" {
        return None;
    }
    let label = |node: &Node| {
        let name = node.metadata.name.as_str();
        let what = format!("Give node {name}, if it is in what was {value}, the label that volume {volume} asks for");
        cx.patch(what, (Kind::Node, "", name), json!({"metadata": {"labels": {&asked.key: value}}}))
    };
    let steps = nodes.iter().map(|node| label(node)).collect();
    let called: Vec<&str> = nodes.iter().map(|node| node.metadata.name.as_str()).collect();
    let title = format!("Label {} with the zone as the volume has it", named("node", &called));
    Some(Remedy::new(title, Risk::Medium, steps))
}

/// `westeurope-1` ends with zone `1`.
fn ends_with(long: &str, short: &str) -> bool {
    long.strip_suffix(short).is_some_and(|rest| rest.ends_with('-'))
}

/// A claim that a StatefulSet of its pod found when it was made, with the volume of an earlier set.
pub(super) fn with_age(cx: &Context<'_>, way: &InTheWay, pod: &Pod, mut finding: Finding) -> Finding {
    for obstacle in way.everywhere() {
        let Fact::VolumeAffinity { claim, .. } = &obstacle.fact else { continue };
        let Some((set, ..)) = claim_maker(cx.snapshot, pod, claim) else { continue };
        let Some(kept) = cx.snapshot.claims.get(&pod.metadata.namespace, claim).found() else { continue };
        let (old, new) = (&kept.metadata.creation_timestamp, &set.metadata.creation_timestamp);
        if old < new && !old.is_empty() {
            let note = format!(
                "the claim is older than StatefulSet {} (of {new}): it stayed when an earlier set was deleted, with the \
                 place and the data of that one",
                set.metadata.name
            );
            finding = finding.evidence(claim_ref(kept), "metadata.creationTimestamp", old.clone(), note);
        }
    }
    finding
}

/// The volumes of a class that makes none, with what keeps them from the claim, and what publishes such volumes.
pub(super) fn with_volumes(cx: &Context<'_>, way: &InTheWay, mut finding: Finding) -> Finding {
    let mut told: Vec<(&ObjectRef, &str)> = Vec::new();
    for obstacle in way.closest().flat_map(|set| &set.obstacles) {
        let Fact::NoVolume { class, why: NoVolume::NoneMade { .. }, .. } = &obstacle.fact else { continue };
        if !told.contains(&(&obstacle.object, class)) {
            told.push((&obstacle.object, class));
            finding = with_class(cx, &obstacle.object, class, finding);
        }
    }
    finding
}

fn with_class(cx: &Context<'_>, claim: &ObjectRef, class: &str, mut finding: Finding) -> Finding {
    let of_class = |name: &str| cx.snapshot.volumes.get("", name).found().is_some_and(|it| it.class() == class);
    let case = cx.claims.iter().find(|case| claim_ref(case.claim) == *claim);
    let volumes = case.into_iter().flat_map(|case| case.verdict.volumes.iter());
    let waits = |volume: &&VolumeMismatch| volume.mismatch != [Mismatch::LeftToScheduler];
    for volume in volumes.filter(|volume| of_class(&volume.name)).filter(waits).take(SHOWN) {
        let why: Vec<String> = volume.mismatch.iter().map(ToString::to_string).collect();
        let object = ObjectRef::new(Kind::PersistentVolume, "", &volume.name);
        let field = volume.mismatch.first().map_or("", Mismatch::field);
        let note = format!("why volume {} is not for claim {}", volume.name, claim.name);
        finding = finding.evidence(object, field, why.join("; "), note);
    }
    if !cx.snapshot.volumes.seen().iter().any(|volume| volume.class() == class)
        && let Some(discovery) = discovery(cx)
    {
        let object = ObjectRef::new(Kind::DaemonSet, &discovery.namespace, &discovery.name);
        let note = "it publishes what is mounted under its discovery folder, not plain folders, and only for the \
                    classes of its configuration: its log says what it finds";
        finding =
            finding.evidence(object, "", format!("{} has published no volume of class {class}", discovery.name), note);
    }
    finding
}

/// The workload that publishes local volumes.
fn discovery<'c>(cx: &Context<'c>) -> Option<&'c Meta> {
    let sets = cx.snapshot.daemon_sets.seen().iter().map(|set: &std::sync::Arc<Workload>| &set.metadata);
    sets.into_iter().find(|meta| DISCOVERY.iter().any(|name| meta.name.contains(name)))
}
