//! Every obstacle's edit, tried: the obstacle is gone then, and what other plugins find is as it was.

use std::collections::{BTreeMap, BTreeSet};

use storagewhy::model::{Kind, Version};
use storagewhy::scheduler::{Fact, Obstacle, Scheduler, SchedulerConfig};
use storagewhy::snapshot::{Edit, Snapshot};

use super::generator::{self, Cluster};

/// The plugins that read what an edit changes.
fn readers(edit: &Edit) -> &'static [&'static str] {
    const VOLUMES: &[&str] = &["VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone"];
    const PLACED: &[&str] = &[
        "NodeName",
        "NodePorts",
        "NodeResourcesFit",
        "VolumeRestrictions",
        "NodeVolumeLimits",
        "PodTopologySpread",
        "InterPodAffinity",
    ];
    match edit {
        Edit::Delete { kind: Kind::Pod, .. } => PLACED,
        Edit::Create { kind: Kind::PersistentVolume | Kind::PersistentVolumeClaim, .. } => VOLUMES,
        Edit::Create { kind: Kind::CSIStorageCapacity, .. } => &["VolumeBinding"],
        Edit::Create { kind: Kind::CSINode, .. } => &["NodeVolumeLimits"],
        Edit::Create { kind, .. } | Edit::Delete { kind, .. } => panic!("no edit makes or deletes a {kind}"),
        Edit::Patch { kind, operations, .. } => {
            let paths = operations.as_array().unwrap().iter().map(|operation| operation["path"].as_str().unwrap());
            let all: Vec<&[&str]> = paths.map(|path| readers_of(*kind, path)).collect();
            all.iter().max_by_key(|readers| readers.len()).unwrap()
        }
    }
}

fn readers_of(kind: Kind, path: &str) -> &'static [&'static str] {
    let starts = |prefix: &str| path.starts_with(prefix);
    match kind {
        Kind::Node if starts("/spec/unschedulable") => &["NodeUnschedulable"],
        Kind::Node if starts("/status/allocatable") => &["NodeResourcesFit", "DynamicResources"],
        Kind::Node if starts("/status/declaredFeatures") => &["NodeDeclaredFeatures"],
        Kind::Node if starts("/metadata/labels") => &[
            "NodeAffinity",
            "VolumeBinding",
            "VolumeZone",
            "PodTopologySpread",
            "InterPodAffinity",
            "DynamicResources",
        ],
        Kind::Pod if starts("/spec/tolerations") => &["NodeUnschedulable", "TaintToleration", "PodTopologySpread"],
        Kind::Pod if starts("/spec/nodeSelector") || starts("/spec/affinity/nodeAffinity") => {
            &["NodeAffinity", "PodTopologySpread"]
        }
        Kind::Pod if starts("/spec/affinity") => &["InterPodAffinity"],
        Kind::Pod if starts("/spec/containers") || starts("/spec/initContainers") => &["NodePorts"],
        Kind::Pod if starts("/spec/topologySpreadConstraints") => &["PodTopologySpread"],
        Kind::Pod if starts("/spec/resourceClaims") => &["DynamicResources"],
        Kind::Pod if starts("/spec/volumes") => {
            &["VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone"]
        }
        Kind::Pod if starts("/spec/nodeName") => &[
            "NodeName",
            "NodePorts",
            "NodeResourcesFit",
            "VolumeRestrictions",
            "NodeVolumeLimits",
            "PodTopologySpread",
            "InterPodAffinity",
        ],
        Kind::PersistentVolumeClaim => &["VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone"],
        Kind::PersistentVolume if starts("/spec/nodeAffinity") => &["VolumeBinding"],
        Kind::PersistentVolume if starts("/metadata/labels") => &["VolumeBinding", "VolumeZone"],
        Kind::StorageClass => &["VolumeBinding"],
        Kind::CSINode => &["NodeVolumeLimits"],
        Kind::CSIStorageCapacity => &["VolumeBinding"],
        Kind::ResourceClaim => &["DynamicResources"],
        _ => panic!("no edit is known at {path} of {kind}"),
    }
}

/// What tells one kind of obstacle from another: the plugin's reason without its figures and names, and the fact's kind.
pub(crate) fn kind(obstacle: &Obstacle) -> String {
    let name = |debug: String| debug.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
    let reason = format!("{:?}", obstacle.reason);
    let inner = reason.split_once('(').map_or("", |(_, rest)| rest).trim_end_matches(')');
    let detail = match &obstacle.fact {
        Fact::NoVolume { why, .. } => name(format!("{why:?}")),
        Fact::Label { source, .. } | Fact::NoTermMatches { source } => format!("{source:?}"),
        _ => String::new(),
    };
    format!("{} {} {detail}", name(reason.clone()), name(inner.to_owned())).trim_end().to_owned()
}

fn identity(obstacle: &Obstacle) -> (String, String) {
    (kind(obstacle), obstacle.topic())
}

/// Everything in the way of the pod on the node, the pod's own obstacles first.
fn all(snapshot: &Snapshot, cluster: &Cluster, node: &str) -> Option<Vec<Obstacle>> {
    let scheduler = Scheduler::new(snapshot, cluster.version, cluster.config.clone());
    let pod = snapshot.pods.get(generator::NAMESPACE, generator::POD).found()?;
    let explanation = scheduler.explain(pod)?;
    Some(explanation.of_pod().iter().cloned().chain(explanation.node(node)).collect())
}

fn of_others(obstacles: &[Obstacle], readers: &BTreeSet<&str>) -> Vec<Obstacle> {
    let others = obstacles.iter().filter(|obstacle| !readers.contains(obstacle.reason.plugin()));
    let mut others: Vec<Obstacle> = others.cloned().collect();
    others.iter_mut().for_each(|obstacle| obstacle.edits.clear());
    others
}

fn try_edit(cluster: &Cluster, node: &str, before: &[Obstacle], obstacle: &Obstacle) {
    let mut edited = cluster.snapshot.clone();
    for edit in &obstacle.edits {
        edited.edit(edit).unwrap_or_else(|error| panic!("{obstacle:#?}: {error}"));
    }
    let after = all(&edited, cluster, node).unwrap_or_default();
    let gone = after.iter().all(|other| identity(other) != identity(obstacle));
    assert!(gone, "seed {}: the edit does not remove it on {node}: {obstacle:#?}\n{after:#?}", cluster.seed);
    let readers: BTreeSet<&str> = obstacle.edits.iter().flat_map(readers).copied().collect();
    let (was, is) = (of_others(before, &readers), of_others(&after, &readers));
    assert_eq!(was, is, "seed {}: on {node}, after {obstacle:#?}", cluster.seed);
}

#[test]
fn the_least_edit_of_an_obstacle_removes_it_and_leaves_what_other_plugins_find() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..1_200 {
        let cluster = generator::cluster(seed);
        let mut of_pod = BTreeSet::new();
        for node in generator::NODES {
            let before = all(&cluster.snapshot, &cluster, node).unwrap();
            for obstacle in &before {
                if generator::own(obstacle) && !of_pod.insert(identity(obstacle)) {
                    continue;
                }
                *seen.entry(kind(obstacle)).or_default() += 1;
                try_edit(&cluster, node, &before, obstacle);
            }
        }
    }
    for expected in generator::KINDS {
        let times = seen.remove(*expected).unwrap_or(0);
        assert!(times >= 20, "{expected} came up {times} times");
    }
    assert!(seen.is_empty(), "kinds that the test does not know: {seen:?}");
}

#[test]
fn releases_that_look_at_nodes_first_have_the_same_obstacles_there() {
    for seed in 0..60 {
        let mut cluster = generator::cluster(seed);
        cluster.version = Version::new(1, 26);
        for node in generator::NODES {
            for obstacle in &all(&cluster.snapshot, &cluster, node).unwrap() {
                let before = all(&cluster.snapshot, &cluster, node).unwrap();
                try_edit(&cluster, node, &before, obstacle);
            }
        }
    }
}

#[test]
fn a_pod_of_another_scheduler_has_no_obstacles() {
    let cluster = generator::cluster(1);
    let mut pod = (**cluster.snapshot.pods.get(generator::NAMESPACE, generator::POD).found().unwrap()).clone();
    pod.spec.scheduler_name = "elsewhere".to_owned();
    let scheduler = Scheduler::new(&cluster.snapshot, Version::NEWEST, SchedulerConfig::default());
    assert!(scheduler.explain(&pod).is_none());
    assert!(scheduler.obstacles(&pod, generator::NODES[0]).is_empty());
}
