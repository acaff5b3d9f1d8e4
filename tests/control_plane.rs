//! The control plane that other tests use, itself, and dry runs that it answers.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

mod support {
    pub mod api;
    pub mod control_plane;
    pub mod tools;
}

use serde_json::{Value, json};
use support::control_plane::{ControlPlane, Options, wait_for};
use support::tools::Tools;

#[test]
fn a_cluster_is_filled_judged_by_its_scheduler_and_emptied() {
    let Some(mut plane) = ControlPlane::start(&Options::default()) else { return };
    let amounts = json!({ "cpu": "1", "memory": "1Gi", "pods": "10" });
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "small" },
        "status": { "allocatable": amounts, "capacity": amounts }
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "big", "namespace": "default" },
        "spec": { "containers": [{ "name": "main", "image": "i", "resources": { "requests": { "cpu": "2" } } }] }
    });
    plane.api.create_all(&[pod, node]).unwrap();
    let message = wait_for("a condition", 20, || {
        let pod = plane.api.get("/api/v1/namespaces/default/pods/big").unwrap();
        pod["status"]["conditions"][0]["message"].as_str().map(str::to_owned)
    });
    assert!(message.contains("Insufficient cpu"), "{message}");
    assert!(plane.kubectl(&["get", "nodes"]).contains("small"));
    plane.tell("scheduler stop");
    plane.wipe();
    let nodes = plane.api.get("/api/v1/nodes").unwrap();
    assert_eq!(nodes["items"], json!([]));
}

/// One object of each kind of workload, with defaults of every sort to be filled in.
fn workloads() -> Vec<Value> {
    let spec = json!({
        "containers": [{"name": "main", "image": "i:1", "ports": [{"containerPort": 80}], "readinessProbe": {"httpGet": {"port": 80}},
            "env": [{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}], "resources": {"limits": {"cpu": "1000m"}}}],
        "volumes": [{"name": "a", "configMap": {"name": "a"}}, {"name": "b", "hostPath": {"path": "/"}}, {"name": "c", "projected":
            {"sources": [{"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}}]
    });
    let mut ending = spec.clone();
    ending["restartPolicy"] = "Never".into();
    let template = |spec: &Value| json!({"metadata": {"labels": {"app": "web"}}, "spec": spec});
    let apps = |kind: &str| {
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": kind.to_lowercase(), "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template(&spec)}})
    };
    let mut objects: Vec<Value> = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"].map(apps).into();
    objects.push(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": "default"}, "spec": spec}),
    );
    objects.push(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "namespace": "default"},
        "spec": {"template": template(&ending)}}));
    objects.push(
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cron", "namespace": "default"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template(&ending)}}}}),
    );
    objects
}

/// The report of a preflight that asks the server about objects.
fn asked(plane: &ControlPlane, objects: &[Value]) -> Value {
    let path = plane.directory().join("manifests.json");
    std::fs::write(&path, json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()).unwrap();
    let tools = Tools { programs: plane.programs.clone(), kubeconfig: plane.kubeconfig.clone() };
    let run = tools.storagewhy(&["preflight", "--server-dry-run", "-o", "json", "-f", path.to_str().unwrap()]);
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr))
}

/// A policy that gives Deployments another scheduler, in force.
fn policy() -> [Value; 2] {
    let rule = json!({"operations": ["CREATE", "UPDATE"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]});
    let expression = "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{schedulerName: \"other\"}}}}";
    let version = "admissionregistration.k8s.io/v1";
    [
        json!({"apiVersion": version, "kind": "MutatingAdmissionPolicy", "metadata": {"name": "other"}, "spec": {
            "reinvocationPolicy": "Never", "matchConstraints": {"resourceRules": [rule]},
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}]}}),
        json!({"apiVersion": version, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": "other"}, "spec": {"policyName": "other"}}),
    ]
}

#[test]
fn a_server_that_is_asked_by_dry_runs_says_what_was_foreseen_and_stores_nothing() {
    let Some(plane) = ControlPlane::start(&Options { flags: vec!["--no-scheduler".to_owned()] }) else { return };
    let stored = || plane.kubectl(&["get", "deploy,rs,sts,ds,pods,jobs,cronjobs", "-A", "-o", "name"]);
    let mut wrong = workloads().remove(0);
    wrong["metadata"]["name"] = "wrong".into();
    wrong["spec"]["replicas"] = (-1).into();
    let mut objects = workloads();
    objects.push(wrong);
    let report = asked(&plane, &objects);
    for document in report["documents"].as_array().unwrap() {
        let (right, server) = (document["name"] != "wrong", &document["server"]);
        assert_eq!((&document["admitted"], &server["admitted"]), (&json!(right), &json!(right)), "{document}");
        // The server runs without the plugin that names an account.
        let named = |path: &&Value| path.as_str().is_some_and(|path| path.starts_with("spec.serviceAccount"));
        let changed: Vec<&Value> = server["changed"].as_array().unwrap().iter().filter(|path| !named(path)).collect();
        assert_eq!((&server["differs"], changed.is_empty()), (&json!(false), true), "{document}");
    }
    assert_eq!(stored(), "");

    let minor: u32 = plane.version.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap();
    if minor < 36 {
        return; // Mutating policies are stable from 1.36 on.
    }
    plane.api.create_all(&workloads()[..1]).unwrap();
    plane.api.create_all(&policy()).unwrap();
    let mut changed = workloads().remove(0);
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2".into();
    let document = wait_for("the policy to be in force", 30, || {
        let document = asked(&plane, std::slice::from_ref(&changed))["documents"][0].clone();
        (document["server"]["changed"] != json!([])).then_some(document)
    });
    assert_eq!(document["action"], "update");
    assert_eq!((&document["admitted"], &document["server"]["decides"]), (&json!(true), &json!(true)), "{document}");
    assert_eq!(document["server"]["changed"], json!(["spec.template.spec.schedulerName"]));
    let path = "/apis/apps/v1/namespaces/default/deployments/deployment";
    let live = plane.api.get(path).unwrap();
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "i:1");
}
