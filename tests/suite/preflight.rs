//! `preflight` from the outside: what becomes of manifests on small clusters.
#![allow(clippy::disallowed_methods, reason = "tests read and write files")]

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::run;

/// A cluster of these objects, and what `preflight` says of it.
struct Trial {
    folder: TempDir,
}

impl Trial {
    fn new(objects: &[Value], manifests: &[Value]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let all = [namespace("app")].iter().chain(objects).cloned().collect::<Vec<_>>();
        let dump = json!({"apiVersion": "storagewhy.dev/v1", "kind": "Snapshot", "coverage": "complete",
            "metadata": {"serverVersion": "v1.36.2", "taken": "2026-05-01T12:00:00Z"}, "items": all});
        fs::write(folder.path().join("dump.json"), dump.to_string()).expect("the dump can be written");
        let trial = Self { folder };
        trial.write("manifests.yaml", manifests);
        trial
    }

    fn write(&self, name: &str, manifests: &[Value]) {
        let text = manifests.iter().map(|one| format!("---\n{one}\n")).collect::<String>();
        fs::write(self.path(name), text).expect("the manifests can be written");
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// The exit code and the report; `args` come on top, in which `@FILE` is a file of the trial.
    fn report(&self, args: &[&str]) -> (i32, Value) {
        let (dump, manifests) = (self.path("dump.json"), self.path("manifests.yaml"));
        let args: Vec<String> =
            args.iter().map(|arg| arg.strip_prefix('@').map_or((*arg).to_owned(), |name| self.path(name))).collect();
        let mut all = vec!["preflight", "-n", "app", "--from", &dump, "-o", "json"];
        if !args.iter().any(|arg| arg == "--drain" || arg == "--without-zone") {
            all.extend(["-f", &manifests]);
        }
        all.extend(args.iter().map(String::as_str));
        let run = run(&all);
        let report = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
        (run.code.expect("an exit code"), report)
    }

    /// The exit code, the status, and of each workload its name and how many pods are wanted, made and placed.
    fn outcome(&self, args: &[&str]) -> String {
        let (code, report) = self.report(args);
        let workloads = report["workloads"].as_array().expect("workloads").iter();
        let counts = workloads.map(|one| {
            format!(
                " {} {}/{}/{}",
                one["name"].as_str().expect("a name"),
                one["desired"],
                one["created"],
                one["placed"]
            )
        });
        format!("{code} {}{}", report["status"].as_str().expect("a status"), counts.collect::<String>())
    }
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}, "status": {"phase": "Active"}})
}

fn node(name: &str, cpu: &str) -> Value {
    let amounts = json!({"cpu": cpu, "memory": "8Gi", "pods": "110", "ephemeral-storage": "50Gi"});
    let labels = json!({"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": &name[..1]});
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": amounts, "capacity": amounts, "conditions": [{"type": "Ready", "status": "True"}]}})
}

/// A pod template with what the server defaults.
fn template(app: &str, image: &str, cpu: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": image,
            "imagePullPolicy": "Always", "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}}],
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
        "securityContext": {}, "schedulerName": "default-scheduler"}})
}

fn workload(kind: &str, name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["selector"] = json!({"matchLabels": {"app": name}});
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "app", "uid": format!("u-{name}")},
        "spec": spec})
}

/// A running pod of a controller.
fn running(owner: (&str, &str), name: &str, node: &str, cpu: &str) -> Value {
    let app = owner.1.split("-old").next().unwrap_or_default();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "app", "uid": format!("u-{name}"),
            "creationTimestamp": "2026-05-01T10:00:00Z",
            "labels": {"app": app, "controller-revision-hash": format!("{app}-1")},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": owner.0, "name": owner.1,
                "uid": format!("u-{}", owner.1), "controller": true}]},
        "spec": {"nodeName": node, "schedulerName": "default-scheduler", "priority": 0, "containers": [{"name": "c",
            "image": "r/old", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}}]},
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-05-01T10:00:00Z"}]}})
}

/// A Deployment with its ReplicaSet, as it runs.
fn rolled_out(name: &str, cpu: &str, replicas: usize, strategy: &Value) -> Vec<Value> {
    let template = template(name, "r/old", cpu);
    let mut deployment = workload("Deployment", name, json!({"replicas": replicas, "template": template}));
    deployment["spec"]["strategy"] = strategy.clone();
    let set_name = format!("{name}-old");
    let mut set = workload("ReplicaSet", &set_name, json!({"replicas": replicas, "template": template}));
    set["spec"]["selector"] = json!({"matchLabels": {"app": name}});
    set["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": name,
        "uid": format!("u-{name}"), "controller": true}]);
    let pods = (0..replicas).map(|pod| running(("ReplicaSet", &set_name), &format!("{set_name}-{pod}"), "a1", cpu));
    [deployment, set].into_iter().chain(pods).collect()
}

fn next(name: &str, cpu: &str, replicas: usize, strategy: &Value) -> Value {
    let mut deployment =
        workload("Deployment", name, json!({"replicas": replicas, "template": template(name, "r/new", cpu)}));
    deployment["metadata"]["uid"] = Value::Null;
    deployment["spec"]["strategy"] = strategy.clone();
    deployment
}

#[test]
fn a_rollout_whose_surge_has_no_room_stops_with_its_first_new_pod() {
    let surge = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    let mut cluster = rolled_out("web", "500m", 2, &surge);
    cluster.push(node("a1", "1"));
    let trial = Trial::new(&cluster, &[next("web", "500m", 2, &surge)]);
    assert_eq!(trial.outcome(&[]), "1 blocked web 2/1/0");
    let (_, report) = trial.report(&[]);
    let message = report["workloads"][0]["blocked"].as_str().expect("a message");
    assert!(message.contains("1 Insufficient cpu"), "{message}");
}

#[test]
fn a_rollout_takes_the_room_that_its_strategy_gives_back() {
    for strategy in [
        json!({"type": "Recreate"}),
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
    ] {
        let mut cluster = rolled_out("web", "500m", 2, &strategy);
        cluster.push(node("a1", "1"));
        let trial = Trial::new(&cluster, &[next("web", "500m", 2, &strategy)]);
        assert_eq!(trial.outcome(&[]), "0 fits web 2/2/2", "{strategy}");
    }
}

#[test]
fn the_template_that_runs_already_rolls_nothing() {
    let surge = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    let mut cluster = rolled_out("web", "500m", 2, &surge);
    cluster.push(node("a1", "1"));
    let mut same = next("web", "0.5", 2, &surge);
    same["spec"]["template"]["spec"]["containers"][0]["image"] = json!("r/old");
    assert_eq!(Trial::new(&cluster, &[same]).outcome(&[]), "0 fits web 2/2/2");
}

#[test]
fn sets_that_roll_on_delete_keep_their_pods_and_are_not_blocked() {
    let spec = |image: &str| {
        json!({"replicas": 1, "serviceName": "db", "updateStrategy": {"type": "OnDelete"},
            "template": template("db", image, "100m")})
    };
    let mut old = workload("StatefulSet", "db", spec("r/old"));
    old["status"] = json!({"currentRevision": "db-1", "updateRevision": "db-1", "replicas": 1});
    let cluster = [node("a1", "1"), old, running(("StatefulSet", "db"), "db-0", "a1", "100m")];
    let trial = Trial::new(&cluster, &[workload("StatefulSet", "db", spec("r/new"))]);
    assert_eq!(trial.outcome(&[]), "0 fits db 1/0/0");
    assert_eq!(trial.report(&[]).1["workloads"][0]["onDelete"], true);
}

#[test]
fn ordered_sets_stop_at_the_first_pod_without_a_node_and_parallel_ones_do_not() {
    for (policy, outcome, waits) in
        [("OrderedReady", "1 blocked db 5/3/2", "db-9"), ("Parallel", "1 blocked db 5/5/2", "db-11")]
    {
        let spec = json!({"replicas": 5, "serviceName": "db", "podManagementPolicy": policy, "ordinals": {"start": 7},
            "template": template("db", "r/new", "500m")});
        let trial = Trial::new(&[node("a1", "1")], &[workload("StatefulSet", "db", spec)]);
        assert_eq!(trial.outcome(&[]), outcome);
        let (_, report) = trial.report(&[]);
        let pods = report["pods"].as_array().expect("pods");
        assert!(pods.iter().any(|pod| pod["name"] == waits), "ordinals start where they are told to");
    }
}

#[test]
fn an_autoscaler_raises_what_is_desired_to_its_minimum() {
    let autoscaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "namespace": "app"}, "spec": {"minReplicas": 3, "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
    let manifests = [next("web", "400m", 1, &json!({})), autoscaler];
    assert_eq!(Trial::new(&[node("a1", "1")], &manifests).outcome(&[]), "1 blocked web 3/3/2");
}

/// A driver that publishes this much on a node.
fn storage(node: &str, free: &str) -> Vec<Value> {
    vec![
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local"},
            "provisioner": "csi.example.com", "volumeBindingMode": "WaitForFirstConsumer"}),
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "csi.example.com"},
            "spec": {"storageCapacity": true}}),
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": node},
            "spec": {"drivers": [{"name": "csi.example.com", "nodeID": node, "topologyKeys": ["kubernetes.io/hostname"]}]}}),
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity",
            "metadata": {"name": "c", "namespace": "kube-system"}, "storageClassName": "local",
            "nodeTopology": {"matchLabels": {"kubernetes.io/hostname": node}}, "capacity": free}),
    ]
}

fn with_claims(replicas: usize, size: &str) -> Value {
    let claim = json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "storageClassName": "local", "resources": {"requests": {"storage": size}}}});
    workload(
        "StatefulSet",
        "db",
        json!({"replicas": replicas, "serviceName": "db", "podManagementPolicy": "Parallel",
        "template": template("db", "r/new", "10m"), "volumeClaimTemplates": [claim]}),
    )
}

#[test]
fn published_capacity_goes_down_as_pods_land() {
    let mut cluster = storage("a1", "25Gi");
    cluster.push(node("a1", "4"));
    let trial = Trial::new(&cluster, &[with_claims(3, "10Gi")]);
    assert_eq!(trial.outcome(&[]), "1 blocked db 3/3/2");
    let (_, report) = trial.report(&[]);
    let pending = report["claims"].as_array().expect("claims").iter().filter(|claim| claim["verdict"] == "Pending");
    assert_eq!(pending.count(), 1, "the others are bound");
}

#[test]
fn more_replicas_smaller_claims_and_other_classes_can_be_asked_for() {
    let mut cluster = storage("a1", "25Gi");
    cluster.push(node("a1", "4"));
    let trial = Trial::new(&cluster, &[with_claims(1, "10Gi")]);
    assert_eq!(trial.outcome(&["--replicas", "9"]), "1 blocked db 9/9/2");
    assert_eq!(trial.outcome(&["--replicas", "9", "--size", "5Gi"]), "1 blocked db 9/9/5");
    let (_, report) = trial.report(&["--replicas", "9"]);
    assert_eq!(report["workloads"][0]["more"], 2);
    assert_eq!(report["workloads"][0]["endedBy"], "node(s) did not have enough free storage");
    assert_eq!(trial.outcome(&["--class", "other"]), "1 blocked db 1/1/0");
}

#[test]
fn a_finding_points_at_the_field_of_the_manifest() {
    let trial = Trial::new(&[node("a1", "4")], &[with_claims(1, "10Gi")]);
    let (code, report) = trial.report(&[]);
    assert_eq!(code, 1);
    let findings = report["findings"].as_array().expect("findings");
    let missing = findings.iter().find(|finding| finding["rule"] == "class-not-found").expect("the class is missing");
    let path = missing["place"]["path"].as_str().expect("a path");
    assert!(path.starts_with("spec.volumeClaimTemplates[0]"), "{path}");
    assert_eq!(missing["place"]["line"], 2);
}

#[test]
fn a_pod_of_higher_priority_names_whom_it_evicts() {
    let high = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"},
        "value": 1000});
    let mut cluster = rolled_out("web", "600m", 1, &json!({}));
    cluster.extend([node("a1", "1"), high]);
    let mut spec = template("vip", "r/new", "800m")["spec"].clone();
    spec["priorityClassName"] = json!("high");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "vip", "namespace": "app"}, "spec": spec});
    let trial = Trial::new(&cluster, &[pod]);
    assert_eq!(trial.outcome(&[]), "0 fits vip 1/1/1");
    let (_, report) = trial.report(&[]);
    assert_eq!(report["evictions"], json!([{"pod": "app/vip", "node": "a1", "victims": ["app/web-old-0"]}]));
}

#[test]
fn what_hangs_on_the_choice_among_equal_nodes_is_not_known() {
    let pod = |name: &str, cpu: &str, selector: Value| {
        let mut spec = template(name, "r/new", cpu)["spec"].clone();
        spec["nodeSelector"] = selector;
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "app"}, "spec": spec})
    };
    let nodes = [node("a1", "1"), node("b1", "1")];
    let any = pod("any", "500m", json!({}));
    let pinned = pod("pinned", "600m", json!({"kubernetes.io/hostname": "a1"}));
    assert_eq!(Trial::new(&nodes, &[any.clone(), pinned.clone()]).outcome(&[]), "4 unknown any 1/1/1 pinned 1/1/0");
    assert_eq!(Trial::new(&nodes, &[pinned, any]).outcome(&[]), "0 fits pinned 1/1/1 any 1/1/1");
}

#[test]
fn what_is_deleted_or_pruned_gives_its_room_back() {
    let mut cluster = rolled_out("old", "800m", 1, &json!({}));
    cluster[0]["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"});
    cluster.push(node("a1", "1"));
    let trial = Trial::new(&cluster, &[next("web", "500m", 1, &json!({}))]);
    assert_eq!(trial.outcome(&[]), "1 blocked web 1/1/0");
    trial.write("gone.yaml", &[next("old", "800m", 1, &json!({}))]);
    assert_eq!(trial.outcome(&["--delete", "@gone.yaml"]), "0 fits web 1/1/1");
    let (_, report) = trial.report(&["--prune"]);
    assert_eq!(report["status"], "fits");
    assert_eq!(report["deletions"], json!([{"kind": "Deployment", "namespace": "app", "name": "old"}]));
    assert_eq!(trial.report(&["--prune", "--prune-selector", "team=x"]).1["status"], "blocked");
}

#[test]
fn nothing_is_pruned_where_the_server_refuses_a_document() {
    let mut cluster = rolled_out("old", "800m", 1, &json!({}));
    cluster[0]["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"});
    cluster.push(node("a1", "1"));
    let mut wrong = next("wrong", "1m", 1, &json!({}));
    wrong["spec"]["replicas"] = json!(-1);
    let (_, report) = Trial::new(&cluster, &[next("web", "500m", 1, &json!({})), wrong]).report(&["--prune"]);
    assert_eq!(report["deletions"], json!([]));
    assert_eq!(report["workloads"][0]["placed"], 0, "the old pod keeps its place");
}

#[test]
fn namespaces_and_volumes_are_pruned_too() {
    let applied = |kind: &str, name: &str| {
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "annotations":
            {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}, "status": {"phase": "Active"}})
    };
    let mut inside = running(("ReplicaSet", "gone"), "gone-1", "a1", "800m");
    inside["metadata"]["namespace"] = "spare".into();
    let cluster = [applied("Namespace", "spare"), applied("PersistentVolume", "spare"), inside, node("a1", "1")];
    let trial = Trial::new(&cluster, &[next("web", "500m", 1, &json!({}))]);
    assert_eq!(trial.outcome(&[]), "1 blocked web 1/1/0");
    let (_, report) = trial.report(&["--prune"]);
    let gone = json!([{"kind": "Namespace", "namespace": null, "name": "spare"},
        {"kind": "PersistentVolume", "namespace": null, "name": "spare"}]);
    assert_eq!((&report["status"], &report["deletions"]), (&json!("fits"), &gone));
}

/// A set of two pods on a node, each with a claim, and what becomes of the claims.
fn set_with_claims(policy: &Value, controlled: bool) -> Vec<Value> {
    let claim_template = json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}});
    let mut set = workload(
        "StatefulSet",
        "db",
        json!({"replicas": 2, "serviceName": "db",
        "template": template("db", "r/old", "100m"), "volumeClaimTemplates": [claim_template]}),
    );
    set["spec"]["persistentVolumeClaimRetentionPolicy"] = policy.clone();
    let mut all = vec![set, node("a1", "4")];
    for ordinal in 0..2 {
        let name = format!("db-{ordinal}");
        let mut pod = running(("StatefulSet", "db"), &name, "a1", "100m");
        pod["spec"]["volumes"] =
            json!([{"name": "data", "persistentVolumeClaim": {"claimName": format!("data-{name}")}}]);
        let mut claim = claim_template["spec"].clone();
        claim["volumeName"] = format!("v{ordinal}").into();
        let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": claim,
            "metadata": {"name": format!("data-{name}"), "namespace": "app", "uid": format!("c{ordinal}"),
                "annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, "status": {"phase": "Bound"}});
        if controlled {
            claim["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db",
                "uid": "u-db", "controller": true}]);
        }
        all.extend([pod, claim]);
    }
    all.push(quota(json!({"persistentvolumeclaims": "2"})));
    all
}

#[test]
fn claims_go_with_a_set_where_it_says_so() {
    let late = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "late", "namespace": "app"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}});
    let admitted = |policy: Value, controlled: bool, replicas: Option<usize>| {
        let cluster = set_with_claims(&policy, controlled);
        let mut fewer = cluster[0].clone();
        fewer["metadata"].as_object_mut().expect("metadata").remove("uid");
        let documents = replicas.map(|replicas| {
            fewer["spec"]["replicas"] = json!(replicas);
            fewer.clone()
        });
        let documents: Vec<Value> = documents.into_iter().chain([late.clone()]).collect();
        let trial = Trial::new(&cluster, &documents);
        trial.write("gone.yaml", &cluster[..1]);
        let (_, report) = trial.report(if replicas.is_some() { &[] } else { &["--delete", "@gone.yaml"] });
        let last = report["documents"].as_array().and_then(|all| all.last()).expect("documents");
        last["admitted"].as_bool().expect("it is known")
    };
    let policy = |deleted: &str, scaled: &str| json!({"whenDeleted": deleted, "whenScaled": scaled});
    assert!(admitted(policy("Retain", "Delete"), false, Some(1)), "the claim of the pod that goes goes too");
    assert!(!admitted(policy("Delete", "Retain"), true, Some(1)), "it stays, for the set is still there");
    assert!(!admitted(policy("Delete", "Delete"), true, Some(2)), "nothing goes");
    assert!(admitted(policy("Delete", "Retain"), true, None), "claims go with the set");
    assert!(!admitted(policy("Retain", "Delete"), false, None), "claims stay behind the set");
}

#[test]
fn a_rollout_that_changes_the_size_too_first_has_more_of_the_old_pods() {
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    let mut cluster = rolled_out("web", "400m", 1, &strategy);
    let annotations =
        json!({"deployment.kubernetes.io/desired-replicas": "1", "deployment.kubernetes.io/max-replicas": "1"});
    cluster
        .iter_mut()
        .filter(|one| one["kind"] == "ReplicaSet")
        .for_each(|set| set["metadata"]["annotations"] = annotations.clone());
    cluster.push(node("a1", "1"));
    // Two of the old pods fit. The third waits, and is the first to make room for a new one, which waits as well.
    let outcome = Trial::new(&cluster, &[next("web", "450m", 3, &strategy)]).outcome(&[]);
    assert_eq!(outcome, "1 blocked web 3/1/0");
}

#[test]
fn a_drain_moves_what_has_room_elsewhere_and_tells_what_stays() {
    let mut cluster = rolled_out("web", "400m", 2, &json!({}));
    cluster.extend([node("a1", "1"), node("b1", "500m")]);
    let trial = Trial::new(&cluster, &[]);
    let (code, report) = trial.report(&["--drain", "a1"]);
    let moves = report["moves"].as_array().expect("moves");
    assert_eq!((code, moves.len()), (1, 2));
    assert_eq!(moves.iter().filter(|one| one["to"] == "b1").count(), 1);
    let stuck = moves.iter().find(|one| one["to"].is_null()).expect("one finds no place");
    assert!(stuck["blocked"].as_str().is_some_and(|why| why.contains("Insufficient cpu")), "{stuck}");
    let told = run(&["preflight", "-n", "app", "--from", &trial.path("dump.json"), "--drain", "a1"]).stdout;
    assert!(told.starts_with("Blocked: 1 of 2 pods find a place again.\n"), "{told}");
    cluster.push(node("b2", "1"));
    assert_eq!(Trial::new(&cluster, &[]).report(&["--drain", "a1"]).0, 0);
}

#[test]
fn a_disruption_budget_keeps_pods_from_being_drained() {
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "b", "namespace": "app"}, "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 0}});
    let mut cluster = rolled_out("web", "400m", 1, &json!({}));
    cluster.extend([node("a1", "1"), node("b1", "1"), budget]);
    let (code, report) = Trial::new(&cluster, &[]).report(&["--drain", "a1"]);
    assert_eq!(code, 1);
    let why = report["moves"][0]["blocked"].as_str().expect("a reason");
    assert!(why.contains("disruption budget"), "{why}");
}

#[test]
fn a_lost_zone_leaves_pods_behind_whose_volumes_are_there() {
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "local",
            "csi": {"driver": "csi.example.com", "volumeHandle": "v"},
            "claimRef": {"namespace": "app", "name": "data-db-0", "uid": "u-claim"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a"]}]}]}}},
        "status": {"phase": "Bound"}});
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-db-0", "namespace": "app", "uid": "u-claim",
            "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "local", "volumeName": "v",
            "resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Bound"}});
    let mut pod = running(("StatefulSet", "db"), "db-0", "a1", "100m");
    pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}]);
    let mut cluster = storage("a1", "9Gi");
    cluster.extend([node("a1", "1"), node("b1", "1"), volume, claim, pod, with_claims(1, "1Gi")]);
    let (code, report) = Trial::new(&cluster, &[]).report(&["--without-zone", "a"]);
    assert_eq!(code, 1);
    let why = report["moves"][0]["blocked"].as_str().expect("a reason");
    assert!(why.contains("didn't match PersistentVolume's node affinity"), "{why}");
    assert_eq!(Trial::new(&cluster, &[]).report(&["--without-zone", "b"]).0, 0);
}

#[test]
fn a_pod_whose_volume_nobody_makes_is_not_placed() {
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
        "provisioner": "example.com/disks", "volumeBindingMode": "WaitForFirstConsumer"});
    let mut pod = running(("Pod", "p"), "p", "", "100m");
    pod["metadata"] = json!({"name": "p", "namespace": "app"});
    pod["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
    pod["spec"].as_object_mut().expect("a spec").remove("priority");
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "app"},
        "spec": {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let with = |more: &[Value]| {
        let cluster: Vec<Value> = [node("a1", "1"), class.clone()].iter().chain(more).cloned().collect();
        Trial::new(&cluster, &[claim.clone(), pod.clone()])
    };
    let alone = with(&[]);
    assert_eq!(alone.outcome(&[]), "1 blocked p 1/1/0");
    assert_eq!(
        alone.report(&[]).1["workloads"][0]["blocked"],
        "running PreBind plugin \"VolumeBinding\": binding volumes: context deadline exceeded"
    );
    let driver = json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "example.com/disks"}, "spec": {}});
    assert_eq!(with(&[driver]).outcome(&[]), "0 fits p 1/1/1");
    let made = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "other",
            "annotations": {"pv.kubernetes.io/provisioned-by": "example.com/disks"}},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "fast",
            "nfs": {"server": "s", "path": "/"}, "claimRef": {"namespace": "x", "name": "y", "uid": "z"}}});
    assert_eq!(with(&[made]).outcome(&[]), "0 fits p 1/1/1", "what has made volumes is there, CSI driver or not");
}

#[test]
fn a_suspended_job_wants_no_pods() {
    let spec = json!({"suspend": true, "parallelism": 2, "template": {"spec": {"restartPolicy": "Never",
        "containers": [{"name": "c", "image": "i"}]}}});
    let job =
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "app"}, "spec": spec});
    assert_eq!(Trial::new(&[node("a1", "1")], &[job]).outcome(&[]), "0 fits j 0/0/0");
}

fn quota(hard: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "app"},
        "spec": {"hard": hard}, "status": {"hard": hard}})
}

#[test]
fn a_controller_that_was_refused_comes_after_the_others() {
    let recreate = json!({"type": "Recreate"});
    let mut cluster = rolled_out("web", "100m", 1, &recreate);
    let mut set = workload(
        "StatefulSet",
        "db",
        json!({"replicas": 2, "serviceName": "db", "template": template("db", "i", "100m")}),
    );
    set["status"] = json!({"currentRevision": "db-1", "updateRevision": "db-1", "replicas": 0});
    let mut quota = quota(json!({"pods": "1"}));
    quota["status"]["used"] = json!({"pods": "1"});
    cluster.extend([node("a1", "1"), set.clone(), quota]);
    set["metadata"]["uid"] = Value::Null;
    set["metadata"]["labels"] = json!({"more": "labels"});
    let trial = Trial::new(&cluster, &[set, next("web", "100m", 1, &recreate)]);
    assert_eq!(trial.outcome(&[]), "1 blocked db 2/0/0 web 1/1/1");
}

#[test]
fn a_claim_that_is_refused_does_not_keep_the_others_of_its_pod() {
    let claim = |name: &str, size: &str| {
        json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "x",
            "resources": {"requests": {"storage": size}}}})
    };
    let spec = json!({"replicas": 1, "serviceName": "db", "template": template("db", "i", "100m"),
        "volumeClaimTemplates": [claim("big", "8Gi"), claim("small", "1Gi")]});
    let mut quota = quota(json!({"requests.storage": "5Gi"}));
    quota["status"]["used"] = json!({"requests.storage": "0"});
    let trial = Trial::new(&[node("a1", "1"), quota], &[workload("StatefulSet", "db", spec)]);
    let refused = trial.report(&[]).1["workloads"][0]["refused"].clone();
    assert_eq!(
        refused,
        "persistentvolumeclaims \"big-db-0\" is forbidden: exceeded quota: q, requested: requests.storage=8Gi, used: \
         requests.storage=1Gi, limited: requests.storage=5Gi"
    );
}

#[test]
fn what_a_webhook_makes_of_the_pods_of_a_controller_is_not_known() {
    let rules = json!([{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]);
    let hook = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "hook"}, "webhooks": [{"name": "hook.example.com", "rules": rules,
            "clientConfig": {"url": "https://hook.example.com"}}]});
    let mut set = workload("DaemonSet", "all", json!({"template": template("all", "i", "100m")}));
    set["metadata"]["uid"] = Value::Null;
    let deployment = next("web", "100m", 1, &json!({"type": "Recreate"}));
    for (manifest, name) in [(set, "all"), (deployment, "web")] {
        let trial = Trial::new(&[node("a1", "1"), hook.clone()], &[manifest]);
        assert_eq!(trial.outcome(&[]), format!("4 unknown {name} 1/0/0"));
    }
}

#[test]
fn what_is_in_the_way_of_several_documents_is_told_once() {
    let map = |namespace: &str, name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": name}});
    let set = |name: &str, cpu: &str| {
        workload("Deployment", name, json!({"replicas": 1, "template": template(name, "i", cpu)}))
    };
    let mut manifests: Vec<Value> = (1..=12).map(|index| map("lost", &format!("m{index}"))).collect();
    manifests.extend([map("gone", "other"), set("large", "3"), set("larger", "4"), set("small", "1")]);
    let trial = Trial::new(&[node("a1", "2")], &manifests);
    let (dump, path) = (trial.path("dump.json"), trial.path("manifests.yaml"));
    let text = |more: &[&str]| {
        let mut all = vec!["preflight", "-n", "app", "--from", &dump, "-f", &path];
        all.extend(more);
        run(&all).stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let short = text(&[]);
    assert_eq!(short.matches("namespaces \"lost\" not found").count(), 1, "{short}");
    assert!(short.contains("The same for ConfigMap lost/m2 (:4), "), "{short}");
    assert!(short.contains("ConfigMap lost/m7 (:14), 5 more (-v)"), "{short}");
    assert_eq!(short.matches("namespaces \"gone\" not found").count(), 1, "{short}");
    assert!(short.contains("The same for Deployment app/larger (:30, 0 of 1 pods placed)"), "{short}");
    assert!(text(&["-v"]).contains("ConfigMap lost/m12 (:24)"));
}

#[test]
fn a_service_account_of_another_namespace_is_pointed_at() {
    let account = |namespace: &str| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": "runner"}});
    let mut set = workload("Deployment", "web", json!({"replicas": 1, "template": template("web", "i", "1")}));
    set["spec"]["template"]["spec"]["serviceAccountName"] = json!("runner");
    let hint = |accounts: &[Value]| {
        let manifests: Vec<Value> = accounts.iter().chain([&set]).cloned().collect();
        let other =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": "app", "name": "default"}});
        let (code, report) = Trial::new(&[namespace("system"), node("a1", "2"), other], &manifests).report(&[]);
        (code, report["documents"][manifests.len() - 1]["hint"].as_str().unwrap_or_default().to_owned())
    };
    let (code, told) = hint(&[account("system")]);
    assert_eq!(code, 1);
    assert!(told.contains("ServiceAccount runner for namespace system, "), "{told}");
    assert!(
        told.ends_with("manifests.yaml:2, and pods use accounts of their own namespace alone, which is app here"),
        "{told}"
    );
    assert_eq!(hint(&[account("app")]), (0, String::new()));
    assert_eq!(hint(&[]), (1, String::new()));
}

#[test]
fn a_pod_with_a_node_of_its_own_is_ready_only_with_its_volumes() {
    let class = |mode: &str| {
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "disk"},
            "provisioner": "disk.example.com", "volumeBindingMode": mode})
    };
    let driver =
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "disk.example.com"}});
    let claim = json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "disk",
        "resources": {"requests": {"storage": "1Gi"}}}});
    let mut set = json!({"replicas": 3, "serviceName": "db", "template": template("db", "i", "100m")});
    set["template"]["spec"]["nodeName"] = json!("a1");
    set["volumeClaimTemplates"] = json!([claim]);
    let outcome = |mode: &str| {
        Trial::new(&[node("a1", "2"), driver.clone(), class(mode)], &[workload("StatefulSet", "db", set.clone())])
            .outcome(&[])
    };
    assert_eq!(outcome("Immediate"), "0 fits db 3/3/3");
    assert_eq!(outcome("WaitForFirstConsumer"), "1 blocked db 3/1/1");
}
