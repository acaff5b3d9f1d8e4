//! Healthy clusters of many kinds, each with something unusual in it: nothing is told as an error or a warning, in no
//! namespace. What is broken in one of them, or lasts too long, is told.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use storagewhy::diagnosis::{Finding, Options, Scope, Severity};
use storagewhy::engine::{Diagnosis, diagnose};
use storagewhy::model::Kind;
use storagewhy::report::Report;
use storagewhy::scheduler::parse_config;
use storagewhy::snapshot::{Problem, Scope as Read, Snapshot};

use crate::cases::{fixtures, load, show, yaml_files};

/// As many clusters there are at least.
const CLUSTERS: usize = 40;

static ALL: LazyLock<Vec<(PathBuf, Snapshot)>> = LazyLock::new(|| {
    let files = yaml_files(&fixtures().join("healthy"));
    files.into_iter().map(|path| (path.clone(), load(&path))).collect()
});

fn cluster(name: &str) -> Snapshot {
    ALL.iter().find(|(path, _)| path.file_stem().is_some_and(|stem| stem == name)).unwrap().1.clone()
}

fn judge(snapshot: &Snapshot, scope: &Scope, later: SignedDuration) -> Diagnosis {
    let taken: Timestamp = snapshot.taken.as_ref().unwrap().parse().unwrap();
    diagnose(snapshot, scope, &Options { now: Some(taken + later), ..Options::default() })
}

fn bad(diagnosis: &Diagnosis) -> Vec<Finding> {
    diagnosis.findings.iter().filter(|finding| finding.severity < Severity::Info).cloned().collect()
}

#[test]
fn nothing_is_wrong_in_any_of_them() {
    assert!(ALL.len() >= CLUSTERS, "{}", ALL.len());
    for (path, snapshot) in &*ALL {
        let diagnosis = judge(snapshot, &Scope::default(), SignedDuration::ZERO);
        assert!(bad(&diagnosis).is_empty(), "{}: {}", path.display(), show(&bad(&diagnosis)));
        let (blocked, uncertain) = (diagnosis.blocked(), diagnosis.uncertain());
        assert_eq!((blocked, uncertain), (false, false), "{}: {:?}", path.display(), diagnosis.skipped);
        let report = serde_json::to_value(Report::new(snapshot, &Scope::default(), &diagnosis)).unwrap();
        assert_eq!(report["status"], "clear", "{}", path.display());
    }
}

#[test]
fn nothing_is_wrong_in_a_namespace_of_them() {
    for (path, snapshot) in &*ALL {
        for namespace in snapshot.namespaces.seen() {
            let scope = Scope { namespace: Some(namespace.metadata.name.clone()), ..Scope::default() };
            let diagnosis = judge(snapshot, &scope, SignedDuration::ZERO);
            let told = bad(&diagnosis);
            assert!(told.is_empty(), "{} {}: {}", path.display(), namespace.metadata.name, show(&told));
            assert!(!diagnosis.blocked() && !diagnosis.uncertain(), "{} {scope:?}", path.display());
        }
    }
}

#[test]
fn nothing_is_wrong_half_a_minute_later() {
    for (path, snapshot) in &*ALL {
        let told = bad(&judge(snapshot, &Scope::default(), SignedDuration::from_secs(30)));
        assert!(told.is_empty(), "{}: {}", path.display(), show(&told));
    }
}

#[test]
fn what_cannot_be_read_is_no_error() {
    for (path, snapshot) in &*ALL {
        for kind in Kind::ALL {
            let blind = snapshot.clone().without(*kind, Read::Nothing(Problem::Forbidden));
            let diagnosis = judge(&blind, &Scope::default(), SignedDuration::ZERO);
            let errors = bad(&diagnosis).into_iter().filter(|finding| finding.severity == Severity::Error);
            let errors: Vec<Finding> = errors.collect();
            assert!(errors.is_empty(), "{} without {kind}: {}", path.display(), show(&errors));
        }
    }
}

/// What TopoLVM's documentation has kube-scheduler be given.
const EXTENDER: &str = "
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
extenders:
- urlPrefix: http://127.0.0.1:9251
  filterVerb: predicate
  prioritizeVerb: prioritize
  nodeCacheCapable: false
  managedResources:
  - {name: topolvm.io/capacity, ignoredByScheduler: true}
";

#[test]
fn an_extender_is_no_cause_while_it_may_not_have_been_asked_yet() {
    let mut snapshot = cluster("topolvm-extender");
    let taken: Timestamp = snapshot.taken.as_ref().unwrap().parse().unwrap();
    let told = |snapshot: &Snapshot, seconds: i64| {
        let now = Some(taken + SignedDuration::from_secs(seconds));
        let scheduler_config = Some(parse_config(EXTENDER).unwrap());
        bad(&diagnose(snapshot, &Scope::default(), &Options { now, scheduler_config, ..Options::default() }))
    };
    assert_eq!(told(&snapshot, 0), []);
    unplace(&mut snapshot, "app", "db-2");
    patch(&mut snapshot, Kind::Pod, "app", "db-2", &json!({"metadata": {"creationTimestamp": taken.to_string()}}));
    assert_eq!(told(&snapshot, 2), []);
    assert!(told(&snapshot, 600).iter().any(|finding| finding.rule == "extender-decides"));
}

#[test]
fn each_says_first_what_is_unusual_there() {
    let mut said: BTreeSet<String> = BTreeSet::new();
    for (path, _) in &*ALL {
        let text = std::fs::read_to_string(path).unwrap();
        let first = text.lines().next().unwrap().strip_prefix("# ").unwrap().to_owned();
        assert!(first.len() > 60 && first.ends_with('.'), "{}: {first}", path.display());
        assert!(said.insert(first), "{} says what another says", path.display());
    }
}

/// What is done to a cluster.
type Harm = fn(&mut Snapshot);

/// Merges a patch into each object of a kind whose namespace and name begin so.
fn patch(snapshot: &mut Snapshot, kind: Kind, namespace: &str, name: &str, change: &Value) {
    for (namespace, name) in named(snapshot, kind, namespace, name) {
        let mut object = snapshot.to_json(kind, &namespace, &name).unwrap();
        json_patch::merge(&mut object, change);
        snapshot.put_json(kind, object).unwrap();
    }
}

/// Removes each object of a kind whose namespace and name begin so.
fn remove(snapshot: &mut Snapshot, kind: Kind, namespace: &str, name: &str) {
    for (namespace, name) in named(snapshot, kind, namespace, name) {
        assert!(snapshot.remove(kind, &namespace, &name));
    }
}

fn named(snapshot: &Snapshot, kind: Kind, namespace: &str, prefix: &str) -> Vec<(String, String)> {
    let of = |meta: &storagewhy::model::Meta| (meta.namespace.clone(), meta.name.clone());
    let all: Vec<(String, String)> = match kind {
        Kind::Node => snapshot.nodes.seen().iter().map(|it| of(&it.metadata)).collect(),
        Kind::Pod => snapshot.pods.seen().iter().map(|it| of(&it.metadata)).collect(),
        Kind::StorageClass => snapshot.classes.seen().iter().map(|it| of(&it.metadata)).collect(),
        Kind::Event => snapshot.events.seen().iter().map(|it| of(&it.metadata)).collect(),
        Kind::PersistentVolumeClaim => snapshot.claims.seen().iter().map(|it| of(&it.metadata)).collect(),
        _ => vec![(namespace.to_owned(), prefix.to_owned())],
    };
    let found: Vec<(String, String)> =
        all.into_iter().filter(|(its, name)| its == namespace && name.starts_with(prefix)).collect();
    assert!(!found.is_empty(), "no {kind} {namespace}/{prefix}");
    found
}

fn cordon_all(snapshot: &mut Snapshot) {
    let taints = json!([{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]);
    patch(snapshot, Kind::Node, "", "", &json!({"spec": {"unschedulable": true, "taints": taints}}));
}

fn leave_alone(_: &mut Snapshot) {}

/// A pod loses its node, as if it were made anew.
fn unplace(snapshot: &mut Snapshot, namespace: &str, name: &str) {
    let change = json!({"spec": {"nodeName": null}, "status": null});
    patch(snapshot, Kind::Pod, namespace, name, &change);
}

/// Each harm, after how many minutes it is looked at, and the rule that tells it as an error.
const HARMS: &[(&str, Harm, i64, &str)] = &[
    ("eks-unused-claims", |it| remove(it, Kind::StorageClass, "", "gp3"), 0, "class-not-found"),
    ("cinder-nodes-join", cordon_all, 0, "no-node-fits"),
    ("rook-ephemeral", leave_alone, 5, "no-node-fits"),
    ("gke-preemption", leave_alone, 5, "no-node-fits"),
    ("topolvm-scale-up", leave_alone, 30, "waiting-for-provisioner"),
    ("rook-first-seconds", leave_alone, 30, "provisioning-fails"),
    ("cinder-ordered-start", leave_alone, 60, "attach-unanswered"),
    ("eks-detaching", leave_alone, 30, "attachment-stale"),
    (
        "aks-kueue",
        |it| {
            remove(it, Kind::Pod, "kueue-system", "");
            let none = json!({"spec": {"replicas": 0}, "status": {"replicas": 0, "readyReplicas": 0}});
            patch(it, Kind::Deployment, "kueue-system", "kueue-controller-manager", &none);
        },
        30,
        "scheduling-gated",
    ),
    ("aks-upgrade", leave_alone, 30, "attachment-stale"),
    (
        "local-static",
        |it| {
            unplace(it, "work", "es-0");
            patch(it, Kind::Node, "", "n1", &json!({"spec": {"unschedulable": true}}));
        },
        0,
        "no-node-fits",
    ),
    (
        "aks-full-of-disks",
        |it| {
            let volumes = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "not-made-yet"}}]);
            patch(it, Kind::Pod, "line", "fresh", &json!({"spec": {"volumes": volumes}}));
        },
        0,
        "claim-not-found",
    ),
    (
        "rook-first-seconds",
        |it| {
            let waits = json!({"waiting": {"reason": "CrashLoopBackOff"}});
            let down = json!({"status": {
                "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
                "containerStatuses": [{"name": "csi-provisioner", "restartCount": 9, "state": waits, "ready": false}],
            }});
            patch(it, Kind::Pod, "rook-ceph", "csi-rbdplugin-provisioner", &down);
        },
        30,
        "driver-controller-down",
    ),
    (
        "webhooks-served",
        |it| {
            remove(it, Kind::Pod, "istio-system", "istiod");
            remove(it, Kind::Pod, "mesh", "web");
            let slice = it.endpoints.seen().iter().find(|it| it.metadata.name.starts_with("istiod")).unwrap();
            let name = slice.metadata.name.clone();
            patch(it, Kind::EndpointSlice, "istio-system", &name, &json!({"endpoints": []}));
        },
        0,
        "webhook-blocks-pods",
    ),
    (
        "second-scheduler",
        |it| {
            remove(it, Kind::Pod, "volcano-system", "");
            for name in ["train-w-0", "train-w-1", "train-w-2"] {
                remove(it, Kind::Pod, "work", name);
            }
            remove(it, Kind::Event, "work", "train-w-0");
        },
        30,
        "other-scheduler-missing",
    ),
    (
        "topolvm-extender",
        |it| {
            unplace(it, "app", "db-2");
            let command = json!(["kube-scheduler", "--kubeconfig=/etc/kubernetes/scheduler.conf"]);
            let containers = json!([{"name": "kube-scheduler", "command": command}]);
            patch(it, Kind::Pod, "kube-system", "kube-scheduler", &json!({"spec": {"containers": containers}}));
        },
        0,
        "extender-not-wired",
    ),
];

#[test]
fn what_is_broken_in_one_or_lasts_too_long_is_told() {
    let mut untold = String::new();
    for (name, harm, minutes, rule) in HARMS {
        let mut snapshot = cluster(name);
        harm(&mut snapshot);
        let diagnosis = judge(&snapshot, &Scope::default(), SignedDuration::from_mins(*minutes));
        let mut errors = diagnosis.findings.iter().filter(|finding| finding.severity == Severity::Error);
        if !diagnosis.blocked() || !errors.any(|it| it.rule == *rule) {
            untold.push_str(&format!("\n{name}: {rule}{}", show(&diagnosis.findings)));
        }
    }
    assert!(untold.is_empty(), "{untold}");
}
