//! Running and pending pods.

use serde_json::{Value, json};

use super::nodes::{HOSTNAME, NAMESPACES, ZONE};
use super::random::{Random, push, set};
use super::storage::delete;

/// What pods can refer to.
pub struct Surroundings<'a> {
    pub nodes: &'a [String],
    /// Claims in the namespace `app`.
    pub claims: &'a [String],
    /// Names that `schedulerName` can have.
    pub schedulers: &'a [&'a str],
    pub release: u32,
}

pub fn pods(random: &mut Random, around: &Surroundings<'_>) -> Vec<Value> {
    let mut pods = Vec::new();
    if !around.nodes.is_empty() {
        for place in 0..random.below(9) {
            pods.push(running(random, around, place));
        }
    }
    for place in 0..random.between(3, 8) {
        pods.push(pending(random, around, place));
    }
    pods
}

fn pod(random: &mut Random, name: &str) -> Value {
    let namespace = if random.chance(75) { "app" } else { random.pick(NAMESPACES) };
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace,
            "labels": { "app": random.pick(&["web", "db", "x"]), "version": random.pick(&["1", "2"]) } },
        "spec": {
            "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false,
            "containers": [{ "name": "main", "image": "example.com/image" }]
        }
    });
    if random.chance(8) {
        pod["metadata"].as_object_mut().unwrap().remove("labels");
    }
    pod
}

fn running(random: &mut Random, around: &Surroundings<'_>, place: usize) -> Value {
    let mut pod = pod(random, &format!("run{place}"));
    pod["spec"]["nodeName"] = if random.chance(3) { "gone".into() } else { random.pick(around.nodes).into() };
    requests(random, &mut pod, &["100m", "500m", "1", "2"], &["128Mi", "1Gi", "3Gi"]);
    if random.chance(50) {
        pod["spec"]["priorityClassName"] = random.pick(&["low", "low", "high", "polite"]).into();
    }
    if random.chance(20) {
        ports(random, &mut pod);
    }
    if random.chance(35) {
        claims(random, &mut pod, around);
    }
    if random.chance(15) {
        inline(random, &mut pod);
    }
    if random.chance(20) {
        let key = random.pick(&["podAntiAffinity", "podAntiAffinity", "podAffinity"]);
        let term = pod_term(random, around);
        push(&mut pod, &format!("spec/affinity/{key}/requiredDuringSchedulingIgnoredDuringExecution"), term);
    }
    if random.chance(15) {
        pod["spec"]["runtimeClassName"] = "sandboxed".into();
    }
    if around.release >= 34 && random.chance(8) {
        pod["spec"]["resources"] = json!({ "requests": { "cpu": "2", "memory": "3Gi" } });
        room_for_containers(&mut pod);
    }
    let phase = random.pick(&["Running", "Running", "Running", "Running", "Running", "Pending", "Succeeded", "Failed"]);
    let started = format!("2026-01-01T00:00:{:02}Z", random.below(60));
    pod["status"] = json!({ "phase": phase, "startTime": started,
        "conditions": [{ "type": "Ready", "status": if phase == "Running" { "True" } else { "False" } }] });
    if around.release >= 33 && random.chance(8) {
        resizing(random, &mut pod, around.release);
    }
    if random.chance(15) {
        pod["spec"]["terminationGracePeriodSeconds"] = 30.into();
    }
    if random.chance(7) {
        delete(&mut pod);
    }
    pod
}

/// A resize that the kubelet has not finished, or has refused: of one container or of two, and of the pod as a whole.
fn resizing(random: &mut Random, pod: &mut Value, release: u32) {
    let status = |random: &mut Random, name: &str| {
        let (allocated, actual) = (cpu_and_memory(random, &["1", "2"]), cpu_and_memory(random, &["200m", "3"]));
        json!({ "name": name, "image": "example.com/image", "imageID": "", "ready": true, "restartCount": 0,
            "allocatedResources": allocated, "resources": { "requests": actual } })
    };
    push(pod, "status/containerStatuses", status(random, "main"));
    let whole = !pod["spec"]["resources"].is_null();
    if !whole && random.chance(50) {
        let second = json!({ "name": "second", "image": "example.com/image",
            "resources": { "requests": cpu_and_memory(random, &["100m", "2500m"]) } });
        push(pod, "spec/containers", second);
        push(pod, "status/containerStatuses", status(random, "second"));
    }
    if !whole && random.chance(30) {
        init_containers(random, pod);
        for container in pod["spec"]["initContainers"].as_array().cloned().unwrap_or_default() {
            push(pod, "status/initContainerStatuses", status(random, container["name"].as_str().unwrap()));
        }
    }
    if whole && release >= 36 {
        pod["status"]["resources"] = json!({ "requests": cpu_and_memory(random, &["500m", "3"]) });
        pod["status"]["allocatedResources"] = cpu_and_memory(random, &["1", "4"]);
    }
    if random.chance(50) {
        let reason = random.pick(&["Infeasible", "Deferred"]);
        push(pod, "status/conditions", json!({ "type": "PodResizePending", "status": "True", "reason": reason }));
    }
}

fn cpu_and_memory(random: &mut Random, cpu: &[&str]) -> Value {
    json!({ "cpu": random.pick(cpu), "memory": random.pick(&["256Mi", "1Gi"]) })
}

/// Half of the pods are plain, so that they come as far as the plugins that look at volumes.
fn pending(random: &mut Random, around: &Surroundings<'_>, place: usize) -> Value {
    let mut pod = pod(random, &format!("p{place}"));
    let plain = random.chance(50);
    let seldom = if plain { 5 } else { 1 };
    if plain {
        requests(random, &mut pod, &["100m", "200m"], &["64Mi"]);
    } else if random.chance(75) {
        requests(random, &mut pod, &["100m", "1", "2", "3", "9"], &["128Mi", "2Gi", "6Gi", "30Gi"]);
    }
    if random.chance(20 / seldom) {
        init_containers(random, &mut pod);
    }
    if random.chance(12) {
        pod["spec"]["runtimeClassName"] = "sandboxed".into();
    }
    if around.release >= 34 && random.chance(12) {
        pod["spec"]["resources"] = json!({ "requests": random.pick(&[
            json!({ "cpu": "3" }), json!({ "cpu": "500m", "memory": "5Gi" }), json!({ "memory": "1Gi" })
        ]) });
        room_for_containers(&mut pod);
    }
    if random.chance(15 / seldom) {
        ports(random, &mut pod);
    }
    if random.chance(if plain { 70 } else { 45 }) {
        claims(random, &mut pod, around);
    }
    if random.chance(15) {
        inline(random, &mut pod);
    }
    if random.chance(8) {
        ephemeral(random, &mut pod);
    }
    if pod["spec"]["runtimeClassName"].is_null() && random.chance(20 / seldom) {
        pod["spec"]["nodeSelector"] = random.pick(&[
            json!({ "disktype": "ssd" }),
            json!({ "disktype": "hdd", "pool": "db" }),
            json!({ ZONE: "a" }),
            json!({ ZONE: "" }),
        ]);
    }
    if random.chance(25 / seldom) {
        node_affinity(random, &mut pod, around.nodes);
    }
    for _ in 0..random.pick(&[0, 0, 1, 1, 2]) {
        let toleration = toleration(random);
        push(&mut pod, "spec/tolerations", toleration);
    }
    if random.chance(25 / seldom) {
        spread(random, &mut pod);
    }
    if random.chance(30 / seldom) {
        let key = random.pick(&["podAntiAffinity", "podAffinity"]);
        for _ in 0..random.between(1, 2) {
            let term = pod_term(random, around);
            push(&mut pod, &format!("spec/affinity/{key}/requiredDuringSchedulingIgnoredDuringExecution"), term);
        }
    }
    if random.chance(35) {
        pod["spec"]["priorityClassName"] = random.pick(&["high", "high", "higher", "low", "polite"]).into();
    }
    if random.chance(5) {
        pod["spec"]["preemptionPolicy"] = Value::Null;
    }
    if random.chance(4) {
        pod["spec"]["schedulingGates"] = json!([{ "name": "example.com/wait" }]);
    }
    if random.chance(15) {
        pod["spec"]["schedulerName"] = random.pick(around.schedulers).into();
    }
    if around.release >= 34 && random.chance(6) {
        device_claim(random, &mut pod);
    }
    if around.release >= 36 && random.chance(3) {
        let rule = json!({ "action": "RestartAllContainers", "exitCodes": { "operator": "In", "values": [42] } });
        set(&mut pod, "spec/containers/0/restartPolicy", "Never");
        set(&mut pod, "spec/containers/0/restartPolicyRules", json!([rule]));
    }
    if random.chance(2) {
        delete(&mut pod);
    }
    pod
}

fn requests(random: &mut Random, pod: &mut Value, cpu: &[&str], memory: &[&str]) {
    let mut amounts = json!({ "cpu": random.pick(cpu) });
    if random.chance(60) {
        amounts["memory"] = random.pick(memory).into();
    }
    if random.chance(15) {
        amounts["ephemeral-storage"] = random.pick(&["1Gi", "10Gi", "40Gi"]).into();
    }
    let container = &mut pod["spec"]["containers"][0];
    if random.chance(8) {
        let (name, amount) = random.pick(&[
            ("example.com/gpu", "1"),
            ("example.com/gpu", "2"),
            ("topolvm.io/capacity", "1"),
            ("example.com/nothing", "1"),
            ("hugepages-2Mi", "32Mi"),
            ("example.com/gpu", "0"),
        ]);
        amounts[name] = amount.into();
        container["resources"]["limits"] = json!({ name: amount });
        if name.starts_with("hugepages") {
            amounts["memory"] = "128Mi".into();
        }
    }
    container["resources"]["requests"] = amounts;
    if random.chance(15) {
        let second = json!({ "name": "second", "image": "example.com/image",
            "resources": { "requests": { "cpu": "300m", "memory": "64Mi" } } });
        push(pod, "spec/containers", second);
    }
}

/// Pod-level requests may not be below those of the containers, so that theirs shrink.
fn room_for_containers(pod: &mut Value) {
    pod["spec"]["containers"].as_array_mut().unwrap().truncate(1);
    pod["spec"].as_object_mut().unwrap().remove("initContainers");
    pod["spec"]["containers"][0]["resources"] = json!({ "requests": { "cpu": "100m", "memory": "64Mi" } });
}

fn init_containers(random: &mut Random, pod: &mut Value) {
    let container = |name: &str, cpu: &str, memory: &str| json!({ "name": name, "image": "example.com/image", "resources": { "requests": { "cpu": cpu, "memory": memory } } });
    if random.chance(60) {
        let first = container("setup", random.pick(&["100m", "3"]), "3Gi");
        push(pod, "spec/initContainers", first);
    }
    if random.chance(50) {
        let mut sidecar = container("sidecar", random.pick(&["200m", "1500m"]), "1Gi");
        sidecar["restartPolicy"] = "Always".into();
        if random.chance(30) {
            sidecar["ports"] = json!([{ "containerPort": 8080, "hostPort": 8080 }]);
        }
        push(pod, "spec/initContainers", sidecar);
    }
    if random.chance(40) {
        let last = container("warm", random.pick(&["1", "2500m"]), "2Gi");
        push(pod, "spec/initContainers", last);
    }
}

fn ports(random: &mut Random, pod: &mut Value) {
    let number = random.pick(&[8080, 8080, 9090]);
    let mut port = json!({ "containerPort": number, "hostPort": number });
    if random.chance(30) {
        port["hostIP"] = random.pick(&["127.0.0.1", "10.0.0.1", "0.0.0.0"]).into();
    }
    if random.chance(30) {
        port["protocol"] = random.pick(&["UDP", "TCP"]).into();
    }
    push(pod, "spec/containers/0/ports", port);
    if random.chance(15) {
        pod["spec"]["hostNetwork"] = true.into();
    }
}

fn claims(random: &mut Random, pod: &mut Value, around: &Surroundings<'_>) {
    for place in 0..random.pick(&[1, 1, 1, 1, 2, 3]) {
        let claim = match around.claims {
            [] => "missing".to_owned(),
            _ if random.chance(4) => "missing".to_owned(),
            claims => random.pick(claims),
        };
        let mut volume = json!({ "name": format!("data{place}"), "persistentVolumeClaim": { "claimName": claim } });
        if random.chance(10) {
            set(&mut volume, "persistentVolumeClaim/readOnly", true);
        }
        push(pod, "spec/volumes", volume);
    }
    if random.chance(90) {
        set(pod, "metadata/namespace", "app");
    }
}

fn inline(random: &mut Random, pod: &mut Value) {
    let read_only = random.chance(30);
    let number = random.below(2);
    let monitors = random.some(&["m1", "m2"]);
    let mut volume = random.pick(&[
        json!({ "gcePersistentDisk": { "pdName": format!("disk{number}"), "readOnly": read_only } }),
        json!({ "awsElasticBlockStore": { "volumeID": format!("vol-{number}"), "readOnly": read_only } }),
        json!({ "iscsi": { "targetPortal": "10.0.0.1:3260", "iqn": "iqn.2001-04.com.example:disk", "lun": number, "readOnly": read_only } }),
        json!({ "rbd": { "monitors": monitors, "image": "image", "pool": "pool", "readOnly": read_only } }),
        json!({ "azureDisk": { "diskName": "d", "diskURI": "/subscriptions/s/inline", "kind": "Managed" } }),
        json!({ "csi": { "driver": "ebs.csi.aws.com" } }),
        json!({ "emptyDir": { "medium": "Memory", "sizeLimit": "1Gi" } }),
    ]);
    volume["name"] = "inline".into();
    push(pod, "spec/volumes", volume);
}

fn ephemeral(random: &mut Random, pod: &mut Value) {
    let template = json!({ "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": random.pick(&["lvm", "ebs", "now", "local", "nowhere"]),
        "resources": { "requests": { "storage": random.pick(&["5Gi", "60Gi"]) } }
    } });
    let name = random.pick(&["scratch", "scratch", "work"]);
    push(pod, "spec/volumes", json!({ "name": name, "ephemeral": { "volumeClaimTemplate": template } }));
}

fn requirement(random: &mut Random) -> Value {
    let (key, values) =
        random.pick(&[("disktype", ["ssd", "hdd"]), (ZONE, ["a", "b"]), ("pool", ["db", "web"]), ("rank", ["1", "7"])]);
    match random.below(8) {
        0 => json!({ "key": key, "operator": "Exists" }),
        1 => json!({ "key": key, "operator": "DoesNotExist" }),
        2 => json!({ "key": "rank", "operator": "Gt", "values": [random.pick(&["1", "5"])] }),
        3 => json!({ "key": "rank", "operator": "Lt", "values": ["5"] }),
        4 => json!({ "key": key, "operator": "NotIn", "values": [values[0]] }),
        _ => json!({ "key": key, "operator": "In", "values": random.some(&values) }),
    }
}

fn node_affinity(random: &mut Random, pod: &mut Value, nodes: &[String]) {
    let mut terms = Vec::new();
    for _ in 0..random.between(1, 2) {
        let mut term = json!({});
        if random.chance(25) && !nodes.is_empty() {
            let name = if random.chance(15) { "gone".to_owned() } else { random.pick(nodes) };
            let operator = random.pick(&["In", "In", "NotIn"]);
            term["matchFields"] = json!([{ "key": "metadata.name", "operator": operator, "values": [name] }]);
        }
        if random.chance(80) {
            let requirements: Vec<Value> = (0..random.between(1, 2)).map(|_| requirement(random)).collect();
            term["matchExpressions"] = requirements.into();
        }
        terms.push(term);
    }
    let path = "spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    set(pod, path, terms);
}

fn toleration(random: &mut Random) -> Value {
    random.pick(&[
        json!({ "key": "dedicated", "operator": "Equal", "value": "db", "effect": "NoSchedule" }),
        json!({ "key": "dedicated", "operator": "Exists" }),
        json!({ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }),
        json!({ "operator": "Exists" }),
        json!({ "operator": "Exists", "effect": "NoExecute" }),
        json!({ "key": "node.kubernetes.io/unschedulable", "operator": "Exists" }),
        json!({ "key": "size", "value": "5" }),
        json!({ "key": "sandbox", "operator": "Exists", "effect": "NoSchedule" }),
    ])
}

fn selector(random: &mut Random) -> Value {
    random.pick(&[
        json!({ "matchLabels": { "app": "web" } }),
        json!({ "matchLabels": { "app": "db" } }),
        json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["web", "x"] }] }),
        json!({ "matchExpressions": [{ "key": "app", "operator": "Exists" }] }),
        json!({ "matchExpressions": [{ "key": "version", "operator": "NotIn", "values": ["1"] }] }),
        json!({}),
    ])
}

fn spread(random: &mut Random, pod: &mut Value) {
    let keys = random.some(&[ZONE, HOSTNAME, "disktype"]);
    for key in keys {
        let mut constraint = json!({
            "maxSkew": random.pick(&[1, 1, 2]), "topologyKey": key, "labelSelector": selector(random),
            "whenUnsatisfiable": random.pick(&["DoNotSchedule", "DoNotSchedule", "DoNotSchedule", "ScheduleAnyway"])
        });
        let hard = constraint["whenUnsatisfiable"] == "DoNotSchedule";
        if hard && random.chance(25) {
            constraint["minDomains"] = random.between(1, 4).into();
        }
        if random.chance(30) {
            constraint["nodeAffinityPolicy"] = random.pick(&["Honor", "Ignore"]).into();
        }
        if random.chance(30) {
            constraint["nodeTaintsPolicy"] = random.pick(&["Honor", "Ignore"]).into();
        }
        if random.chance(20) && !constraint["labelSelector"].to_string().contains("version") {
            constraint["matchLabelKeys"] = json!(["version"]);
        }
        if random.chance(5) {
            constraint.as_object_mut().unwrap().remove("labelSelector");
            constraint.as_object_mut().unwrap().remove("matchLabelKeys");
        }
        push(pod, "spec/topologySpreadConstraints", constraint);
    }
}

fn pod_term(random: &mut Random, around: &Surroundings<'_>) -> Value {
    let mut term = json!({
        "topologyKey": random.pick(&[HOSTNAME, HOSTNAME, ZONE, "disktype", "nowhere"]), "labelSelector": selector(random)
    });
    match random.below(10) {
        0 => term["namespaces"] = json!(random.some(NAMESPACES)),
        1 => term["namespaceSelector"] = json!({}),
        2 => term["namespaceSelector"] = json!({ "matchLabels": { "team": random.pick(&["a", "b"]) } }),
        3 => {
            term["namespaces"] = json!(["app"]);
            term["namespaceSelector"] = json!({ "matchExpressions": [{ "key": "tier", "operator": "Exists" }] });
        }
        _ => {}
    }
    let names_version = term["labelSelector"].to_string().contains("version");
    if random.chance(15) && !names_version && around.release >= 31 {
        let field = random.pick(&["matchLabelKeys", "mismatchLabelKeys"]);
        term[field] = json!(["version"]);
    }
    if random.chance(4) {
        for field in ["labelSelector", "matchLabelKeys", "mismatchLabelKeys"] {
            term.as_object_mut().unwrap().remove(field);
        }
    }
    term
}

fn device_claim(random: &mut Random, pod: &mut Value) {
    set(pod, "metadata/namespace", "app");
    let claim = random.pick(&["devices-fast", "devices-given", "devices-given", "devices-missing", "devices-not-made"]);
    pod["spec"]["resourceClaims"] = json!([{ "name": "device", "resourceClaimName": claim }]);
    set(pod, "spec/containers/0/resources/claims", json!([{ "name": "device" }]));
}
