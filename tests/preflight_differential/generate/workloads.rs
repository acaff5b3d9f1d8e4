//! Workloads of every kind.

use serde_json::{Value, json};

use super::Surroundings;
use super::cluster::{HOSTNAME, NAMESPACES, ZONE};
use super::volumes::claim_spec;
use crate::case::Case;
use crate::random::{Random, push, set};

/// A workload of any kind.
pub fn workload(random: &mut Random, around: &Surroundings, name: &str) -> Value {
    match random.below(20) {
        0..6 => deployment(random, around, name),
        6..12 => stateful_set(random, around, name),
        12..14 => daemon_set(random, around, name),
        14..16 => job(random, around, name),
        16 => cron_job(random, around, name),
        17 => replica_set(random, around, name),
        _ => pod(random, around, name),
    }
}

/// Fills every node with pods of low priority, so that more important ones need their places.
pub fn fill(random: &mut Random, case: &mut Case, around: &Surroundings) {
    case.about.push("full nodes".to_owned());
    let cpu = random.pick(&["700m", "1", "1500m"]);
    let mut object = deployment(random, around, "filler");
    object["metadata"]["namespace"] = random.pick(&NAMESPACES).into();
    object["spec"]["replicas"] = (2 * around.nodes.len()).into();
    object["spec"]["template"]["spec"] = json!({ "terminationGracePeriodSeconds": 0, "priorityClassName": "low", "containers": [
        { "name": "main", "image": "example.com/image:1", "resources": { "requests": { "cpu": cpu, "memory": "64Mi" } } }
    ] });
    case.applied.insert(0, object);
}

/// What is special about a document, in words for the table of what was tried.
pub fn special(document: &Value) -> Vec<String> {
    let has = |pointer: &str| document.pointer(pointer).is_some_and(|value| !value.is_null());
    let is = |pointer: &str, value: &str| document.pointer(pointer).is_some_and(|found| found == value);
    let spec = match document["kind"].as_str() {
        Some("Pod") => "/spec",
        Some("CronJob") => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    };
    let all = [
        ("start ordinal", has("/spec/ordinals")),
        ("OnDelete", is("/spec/updateStrategy/type", "OnDelete")),
        ("partition", has("/spec/updateStrategy/rollingUpdate/partition")),
        ("indexed job", is("/spec/completionMode", "Indexed")),
        ("priority", has(&format!("{spec}/priorityClassName"))),
        ("Recreate", is("/spec/strategy/type", "Recreate")),
        ("runtime class", has(&format!("{spec}/runtimeClassName"))),
        ("claim templates", has("/spec/volumeClaimTemplates")),
        ("spread or affinity", has(&format!("{spec}/affinity")) || has(&format!("{spec}/topologySpreadConstraints"))),
        ("pod-level resources", has(&format!("{spec}/resources"))),
        ("deadline", has(&format!("{spec}/activeDeadlineSeconds"))),
    ];
    all.into_iter().filter(|(_, there)| *there).map(|(what, _)| what.to_owned()).collect()
}

fn meta(random: &mut Random, name: &str) -> Value {
    let namespace = if random.chance(80) { "app" } else { random.pick(&NAMESPACES) };
    json!({ "name": name, "namespace": namespace, "labels": { "app": name } })
}

/// A pod template.
fn template(random: &mut Random, around: &Surroundings, name: &str) -> Value {
    let mut container = json!({ "name": "main", "image": "example.com/image:1" });
    let cpu = random.pick(&["50m", "100m", "100m", "250m", "500m", "1"]);
    let memory = random.pick(&["32Mi", "64Mi", "256Mi", "1Gi"]);
    if random.chance(90) {
        container["resources"] = json!({ "requests": { "cpu": cpu, "memory": memory } });
    }
    if random.chance(30) {
        set(&mut container, "resources/limits", json!({ "cpu": "2", "memory": "2Gi" }));
    }
    let mut template = json!({
        "metadata": { "labels": { "app": name } },
        "spec": { "terminationGracePeriodSeconds": 0, "containers": [container] }
    });
    if random.chance(12) {
        let side = json!({ "name": "side", "image": "example.com/side:1", "resources": { "requests": { "cpu": "20m", "memory": "16Mi" } } });
        push(&mut template, "spec/containers", side);
    }
    if random.chance(10) {
        let mut first = json!({ "name": "first", "image": "example.com/first:1",
            "resources": { "requests": { "cpu": random.pick(&["100m", "2"]), "memory": "64Mi" } } });
        if random.chance(40) {
            first["restartPolicy"] = "Always".into();
        }
        push(&mut template, "spec/initContainers", first);
    }
    if around.release >= 34 && random.chance(5) {
        template["spec"]["resources"] = json!({ "requests": { "cpu": random.pick(&["1", "3"]), "memory": "2Gi" } });
    }
    if random.chance(6) {
        set(&mut template, "spec/containers/0/resources/requests/ephemeral-storage", random.pick(&["1Gi", "30Gi"]));
    }
    choices(random, around, &mut template, name);
    template
}

/// What says where a pod goes, and what it may.
fn choices(random: &mut Random, around: &Surroundings, template: &mut Value, name: &str) {
    let spec = &mut template["spec"];
    if random.chance(18) {
        spec["priorityClassName"] = random.pick(&["high", "high", "low", "polite", "system-cluster-critical"]).into();
    }
    if random.chance(8) {
        spec["runtimeClassName"] = "sandboxed".into();
    }
    if random.chance(10) {
        spec["nodeSelector"] = random.pick(&[json!({ "disktype": "ssd" }), json!({ ZONE: "a" }), json!({ ZONE: "b" })]);
    }
    if random.chance(12) {
        let toleration = random.pick(&[
            json!({ "key": "dedicated", "operator": "Exists" }),
            json!({ "operator": "Exists" }),
            json!({ "key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule" }),
        ]);
        push(spec, "tolerations", toleration);
    }
    let own = json!({ "matchLabels": { "app": name } });
    if random.chance(12) {
        let key = random.pick(&[HOSTNAME, HOSTNAME, ZONE]);
        let kind = random.pick(&["podAntiAffinity", "podAntiAffinity", "podAffinity"]);
        let term = json!({ "topologyKey": key, "labelSelector": own });
        push(spec, &format!("affinity/{kind}/requiredDuringSchedulingIgnoredDuringExecution"), term);
    }
    if random.chance(12) {
        let constraint = json!({ "maxSkew": 1, "topologyKey": random.pick(&[HOSTNAME, ZONE]), "labelSelector": own,
            "whenUnsatisfiable": random.pick(&["DoNotSchedule", "DoNotSchedule", "ScheduleAnyway"]) });
        push(spec, "topologySpreadConstraints", constraint);
    }
    if random.chance(5) {
        let term = json!({ "topologyKey": ZONE, "labelSelector": { "matchLabels": { "app": "old0" } }, "namespaces": NAMESPACES });
        push(spec, "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution", term);
    }
    if random.chance(6) {
        let port = json!({ "containerPort": 8080, "hostPort": 8080 });
        push(spec, "containers/0/ports", port);
    }
    if random.chance(8) {
        let claim = json!({ "spec": claim_spec(random) });
        push(spec, "volumes", json!({ "name": "scratch", "ephemeral": { "volumeClaimTemplate": claim } }));
    }
    security(random, spec);
    if random.chance(3) && !around.nodes.is_empty() {
        spec["nodeName"] = random.pick(&around.nodes).into();
    }
}

/// What pod security looks at.
fn security(random: &mut Random, spec: &mut Value) {
    if random.chance(45) {
        let own = json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } });
        spec["securityContext"] = own;
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["securityContext"] =
                    json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } });
            }
        }
    }
    match random.below(40) {
        0 => spec["hostNetwork"] = true.into(),
        1 => set(spec, "containers/0/securityContext/privileged", true),
        2 => push(spec, "volumes", json!({ "name": "host", "hostPath": { "path": "/var/log" } })),
        3 => set(spec, "containers/0/securityContext/capabilities/add", json!(["NET_ADMIN"])),
        4 => set(spec, "containers/0/securityContext/runAsUser", 0),
        _ => {}
    }
    if spec["containers"][0]["securityContext"]["privileged"] == true {
        spec["containers"][0]["securityContext"].as_object_mut().unwrap().remove("allowPrivilegeEscalation");
    }
}

fn selector(name: &str) -> Value {
    json!({ "matchLabels": { "app": name } })
}

fn deployment(random: &mut Random, around: &Surroundings, name: &str) -> Value {
    let mut object = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(random, name), "spec": {
        "replicas": random.pick(&[1, 2, 2, 3, 4, 6]), "selector": selector(name), "template": template(random, around, name)
    } });
    match random.below(10) {
        0 | 1 => object["spec"]["strategy"] = json!({ "type": "Recreate" }),
        2..5 => {
            let rolling = json!({ "maxSurge": random.pick(&[json!(0), json!(1), json!("50%")]),
                "maxUnavailable": random.pick(&[json!(1), json!(2), json!("30%")]) });
            object["spec"]["strategy"] = json!({ "type": "RollingUpdate", "rollingUpdate": rolling });
        }
        _ => {}
    }
    if random.chance(10) {
        object["spec"].as_object_mut().unwrap().remove("replicas");
    }
    object
}

fn replica_set(random: &mut Random, around: &Surroundings, name: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta(random, name), "spec": {
        "replicas": random.pick(&[1, 2, 3]), "selector": selector(name), "template": template(random, around, name)
    } })
}

fn stateful_set(random: &mut Random, around: &Surroundings, name: &str) -> Value {
    let mut object = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta(random, name), "spec": {
        "replicas": random.pick(&[1, 2, 3, 3, 4]), "selector": selector(name), "serviceName": name,
        "template": template(random, around, name)
    } });
    let spec = &mut object["spec"];
    for place in 0..random.pick(&[0, 1, 1, 1, 2]) {
        let own = json!({ "metadata": { "name": format!("data{place}") }, "spec": claim_spec(random) });
        push(spec, "volumeClaimTemplates", own);
        let mount = json!({ "name": format!("data{place}"), "mountPath": format!("/data{place}") });
        push(spec, "template/spec/containers/0/volumeMounts", mount);
    }
    if random.chance(30) {
        spec["podManagementPolicy"] = "Parallel".into();
        one_claim(spec);
    }
    match random.below(10) {
        0 => spec["updateStrategy"] = json!({ "type": "OnDelete" }),
        1 => {
            let partition = random.pick(&[1, 2]);
            spec["updateStrategy"] = json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": partition } });
        }
        2 if around.release >= 35 => {
            let most = random.pick(&[json!(1), json!(2), json!("50%")]);
            spec["updateStrategy"] = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": most } });
        }
        _ => {}
    }
    if random.chance(15) {
        spec["ordinals"] = json!({ "start": random.pick(&[1, 3, 10]) });
    }
    if random.chance(15) {
        spec["persistentVolumeClaimRetentionPolicy"] = json!({ "whenDeleted": random.pick(&["Delete", "Retain"]),
            "whenScaled": random.pick(&["Delete", "Retain"]) });
    }
    object
}

/// A set of so many pods, with a claim each, which the scheduler places: one that names its node never gets a volume that
/// waits for the scheduler.
pub fn with_claims(random: &mut Random, around: &Surroundings, name: &str, replicas: usize) -> Value {
    let mut object = stateful_set(random, around, name);
    set(&mut object, "metadata/namespace", "app");
    let spec = &mut object["spec"];
    spec["template"]["spec"].as_object_mut().unwrap().remove("nodeName");
    set(spec, "replicas", replicas);
    set(spec, "template/spec/containers/0/volumeMounts", json!([{ "name": "data", "mountPath": "/data" }]));
    set(spec, "volumeClaimTemplates", json!([{ "metadata": { "name": "data" }, "spec": claim_spec(random) }]));
    object
}

/// Leaves a set one claim a pod: the scheduler places pods that come at once before the capacity has gone down that the
/// first of them takes, and one that gets some of its volumes stays where they are.
fn one_claim(spec: &mut Value) {
    if let Some(templates) = spec["volumeClaimTemplates"].as_array_mut() {
        templates.truncate(1);
        spec["template"]["spec"]["containers"][0]["volumeMounts"].as_array_mut().unwrap().truncate(1);
    }
    if let Some(volumes) = spec["template"]["spec"]["volumes"].as_array_mut() {
        volumes.retain(|volume| volume["ephemeral"].is_null());
    }
}

fn daemon_set(random: &mut Random, around: &Surroundings, name: &str) -> Value {
    let mut object = json!({ "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta(random, name), "spec": {
        "selector": selector(name), "template": template(random, around, name)
    } });
    object["spec"]["template"]["spec"].as_object_mut().unwrap().remove("topologySpreadConstraints");
    match random.below(6) {
        0 => object["spec"]["updateStrategy"] = json!({ "type": "OnDelete" }),
        1 => {
            let surge = json!({ "maxSurge": 1, "maxUnavailable": 0 });
            object["spec"]["updateStrategy"] = json!({ "type": "RollingUpdate", "rollingUpdate": surge });
        }
        _ => {}
    }
    object
}

fn job_spec(random: &mut Random, around: &Surroundings, name: &str) -> Value {
    let mut own = template(random, around, name);
    own["spec"]["restartPolicy"] = random.pick(&["Never", "OnFailure"]).into();
    let mut spec = json!({ "template": own, "parallelism": random.pick(&[1, 2, 3, 5]) });
    if random.chance(70) {
        spec["completions"] = random.pick(&[1, 2, 4]).into();
    }
    if spec["completions"].is_number() && random.chance(50) {
        spec["completionMode"] = "Indexed".into();
        if random.chance(30) {
            spec["backoffLimitPerIndex"] = 1.into();
            set(&mut spec, "template/spec/restartPolicy", "Never");
        }
    }
    if random.chance(8) {
        spec["suspend"] = true.into();
    }
    spec
}

fn job(random: &mut Random, around: &Surroundings, name: &str) -> Value {
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": meta(random, name), "spec": job_spec(random, around, name) })
}

fn cron_job(random: &mut Random, around: &Surroundings, name: &str) -> Value {
    json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta(random, name), "spec": {
        "schedule": "0 0 1 1 *", "jobTemplate": { "spec": job_spec(random, around, name) }
    } })
}

fn pod(random: &mut Random, around: &Surroundings, name: &str) -> Value {
    let mut own = template(random, around, name);
    if random.chance(15) {
        own["spec"]["activeDeadlineSeconds"] = 3600.into();
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta(random, name), "spec": own["spec"] })
}
