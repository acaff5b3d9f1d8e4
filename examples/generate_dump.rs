//! Writes a large, realistic dump of a made-up cluster, for benchmarks: the same arguments always give the same bytes.
//!
//! `cargo run --example generate_dump -- --nodes 5000 --pods-per-node 10 --pending 100 --distinct 20 --seed 1 --output
//! big.json`

use std::fs::File;
use std::io::{self, BufWriter, Write};

use clap::Parser;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

#[derive(Parser)]
struct Arguments {
    /// Nodes, spread over three zones
    #[arg(long, default_value_t = 100)]
    nodes: usize,
    /// Running pods on each node
    #[arg(long, default_value_t = 10)]
    pods_per_node: usize,
    /// Pods that no node takes, or none yet
    #[arg(long, default_value_t = 10)]
    pending: usize,
    /// Kinds of need among the pending pods
    #[arg(long, default_value_t = 10)]
    distinct: usize,
    /// Pending pods of workloads of their own, with selectors and tolerations that differ, which have two causes between
    /// them: half of their claims ask for more than any node can hold, the other pods for more cpu than any node has
    #[arg(long, default_value_t = 0)]
    too_large: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write, compressed for a name in `.gz`; stdout where left out
    #[arg(long)]
    output: Option<String>,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let Some(path) = arguments.output.clone() else { return write(&arguments, io::stdout().lock()) };
    let file = File::create(&path)?;
    if !path.ends_with(".gz") {
        return write(&arguments, file);
    }
    let mut packed = GzEncoder::new(file, Compression::fast());
    write(&arguments, &mut packed)?;
    packed.finish().map(drop)
}

fn write(arguments: &Arguments, out: impl Write) -> io::Result<()> {
    let mut cluster = Cluster {
        out: BufWriter::with_capacity(1 << 16, out),
        random: Random(arguments.seed),
        written: 0,
        distinct: arguments.distinct.max(1),
    };
    cluster.out.write_all(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"metadata\":{},\"items\":[")?;
    cluster.basics()?;
    for node in 0..arguments.nodes {
        cluster.node(node)?;
        for pod in 0..arguments.pods_per_node {
            cluster.running(node, pod)?;
        }
    }
    for need in 0..cluster.distinct.min(arguments.pending) {
        cluster.workload(need, arguments.pending)?;
    }
    for pod in 0..arguments.pending {
        cluster.pending(pod)?;
    }
    for pod in 0..arguments.too_large {
        cluster.too_large(pod)?;
    }
    cluster.out.write_all(b"\n]}\n")?;
    cluster.out.flush()
}

/// `splitmix64`: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

const ZONES: [&str; 3] = ["eu-1a", "eu-1b", "eu-1c"];
const TEAMS: usize = 20;
const DISK: &str = "ebs.csi.aws.com";
const LOCAL: &str = "topolvm.io";
const TIME: &str = "2026-01-01T00:00:00Z";

/// What a node is for.
#[derive(Clone, Copy, PartialEq)]
enum Pool {
    General,
    Storage,
    Gpu,
}

impl Pool {
    fn of(node: usize) -> Self {
        match node % 20 {
            0 => Self::Gpu,
            1..=3 => Self::Storage,
            _ => Self::General,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Storage => "storage",
            Self::Gpu => "gpu",
        }
    }
}

struct Cluster<W: Write> {
    out: BufWriter<W>,
    random: Random,
    written: usize,
    distinct: usize,
}

fn zone(node: usize) -> &'static str {
    ZONES[node % ZONES.len()]
}

fn node_name(node: usize) -> String {
    format!("node-{node}")
}

fn team(number: usize) -> String {
    format!("team-{}", number % TEAMS)
}

impl<W: Write> Cluster<W> {
    /// Writes an object; what every object has is added.
    fn object(&mut self, api_version: &str, kind: &str, mut object: Value) -> io::Result<()> {
        self.out.write_all(if self.written == 0 { b"\n" } else { b",\n" })?;
        self.written += 1;
        let number = self.written;
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        object["metadata"]["uid"] = format!("00000000-0000-4000-8000-{number:012x}").into();
        object["metadata"]["resourceVersion"] = (1000 + number).to_string().into();
        object["metadata"]["creationTimestamp"] = TIME.into();
        serde_json::to_writer(&mut self.out, &object)?;
        Ok(())
    }

    /// What every cluster has, and the classes and drivers of this one.
    fn basics(&mut self) -> io::Result<()> {
        let system = ["kube-system", "kube-public", "kube-node-lease", "default"].map(str::to_owned);
        for name in system.into_iter().chain((0..TEAMS).map(team)) {
            let labels = json!({"kubernetes.io/metadata.name": name});
            self.object("v1", "Namespace", json!({"metadata": {"name": name, "labels": labels}}))?;
        }
        for (name, value) in [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)] {
            let class = json!({"metadata": {"name": name}, "value": value});
            self.object("scheduling.k8s.io/v1", "PriorityClass", class)?;
        }
        let service =
            json!({"metadata": {"name": "kubernetes", "namespace": "default"}, "spec": {"type": "ClusterIP"}});
        self.object("v1", "Service", service)?;
        let slice = json!({"metadata": {"name": "kubernetes", "namespace": "default"}, "endpoints": []});
        self.object("discovery.k8s.io/v1", "EndpointSlice", slice)?;
        for (name, capacity) in [(DISK, false), (LOCAL, true)] {
            let driver =
                json!({"metadata": {"name": name}, "spec": {"attachRequired": !capacity, "storageCapacity": capacity}});
            self.object("storage.k8s.io/v1", "CSIDriver", driver)?;
        }
        let waits = "WaitForFirstConsumer";
        for (name, provisioner, mode) in [
            ("disk", DISK, waits),
            ("local", LOCAL, waits),
            ("at-once", DISK, "Immediate"),
            ("static", "kubernetes.io/no-provisioner", waits),
        ] {
            let class = json!({"metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": mode, "reclaimPolicy": "Delete"});
            self.object("storage.k8s.io/v1", "StorageClass", class)?;
        }
        Ok(())
    }

    fn node(&mut self, node: usize) -> io::Result<()> {
        let (name, pool) = (node_name(node), Pool::of(node));
        let mut labels = json!({
            "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name,
            "topology.kubernetes.io/zone": zone(node), "topology.kubernetes.io/region": "eu-1",
            "node.kubernetes.io/instance-type": "m5.4xlarge", "pool": pool.name(),
            "topology.ebs.csi.aws.com/zone": zone(node),
        });
        let mut taints = Vec::new();
        let mut resources = json!({"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "200Gi"});
        let mut drivers = vec![json!({"name": DISK, "nodeID": format!("i-{node:08x}"),
            "topologyKeys": ["topology.ebs.csi.aws.com/zone"], "allocatable": {"count": 25}})];
        if pool == Pool::Gpu {
            taints.push(json!({"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}));
            resources["nvidia.com/gpu"] = "4".into();
        }
        if pool == Pool::Storage {
            labels["topology.topolvm.io/node"] = name.clone().into();
            drivers.push(json!({"name": LOCAL, "nodeID": name, "topologyKeys": ["topology.topolvm.io/node"]}));
            self.capacity(node)?;
        }
        let condition = |kind: &str, status: &str| {
            json!({"type": kind, "status": status, "reason": format!("Kubelet{kind}"),
            "message": "kubelet reports", "lastHeartbeatTime": TIME, "lastTransitionTime": TIME})
        };
        let conditions = [
            condition("MemoryPressure", "False"),
            condition("DiskPressure", "False"),
            condition("PIDPressure", "False"),
            condition("Ready", "True"),
        ];
        let images: Vec<Value> = (0..20)
            .map(|image| json!({"names": [format!("registry.example/app-{image}:1.0")], "sizeBytes": 100_000_000}))
            .collect();
        self.object("v1", "Node", json!({
            "metadata": {"name": name, "labels": labels}, "spec": {"taints": taints, "providerID": format!("aws:///{}/i-{node:08x}", zone(node))},
            "status": {"allocatable": resources, "capacity": resources, "conditions": conditions, "images": images,
                "nodeInfo": {"kubeletVersion": "v1.36.2", "osImage": "Linux", "architecture": "amd64"}},
        }))?;
        self.object("storage.k8s.io/v1", "CSINode", json!({"metadata": {"name": name}, "spec": {"drivers": drivers}}))
    }

    fn capacity(&mut self, node: usize) -> io::Result<()> {
        let free = 1 + self.random.below(40);
        self.object("storage.k8s.io/v1", "CSIStorageCapacity", json!({
            "metadata": {"name": format!("csisc-{node}"), "namespace": "kube-system"}, "storageClassName": "local",
            "nodeTopology": {"matchLabels": {"topology.topolvm.io/node": node_name(node)}}, "capacity": format!("{free}Gi"),
        }))
    }

    /// A running pod: a third have a disk, a few keep away from their like or spread over zones.
    fn running(&mut self, node: usize, pod: usize) -> io::Result<()> {
        let number = node * 1000 + pod;
        let app = format!("app-{}", self.random.below(500));
        let (namespace, name) = (team(pod), format!("{app}-{number}"));
        let selector = json!({"matchLabels": {"app": app}});
        let mut volumes = Vec::new();
        if self.random.percent(30) {
            volumes.push(json!({"name": "data", "persistentVolumeClaim": {"claimName": format!("data-{name}")}}));
            self.bound(&namespace, &format!("data-{name}"), node)?;
        }
        let mut spec = self.pod_spec(volumes);
        if self.random.percent(3) {
            let own = json!({"matchLabels": {"app": app, "instance": name}});
            spec["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                [{"labelSelector": own, "topologyKey": "kubernetes.io/hostname"}]}});
        }
        if self.random.percent(3) {
            spec["topologySpreadConstraints"] = json!([{"maxSkew": 5, "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}]);
        }
        spec["nodeName"] = node_name(node).into();
        let ready =
            |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": TIME, "lastProbeTime": null});
        let status = json!({"phase": "Running", "startTime": TIME, "podIP": "10.0.0.1", "hostIP": "10.1.0.1", "qosClass": "Burstable",
            "conditions": [ready("Initialized"), ready("Ready"), ready("ContainersReady"), ready("PodScheduled")],
            "containerStatuses": [{"name": "main", "ready": true, "started": true, "restartCount": 0, "image": "registry.example/app-1:1.0",
                "imageID": "registry.example/app-1@sha256:0000000000000000000000000000000000000000000000000000000000000000",
                "state": {"running": {"startedAt": TIME}}, "lastState": {}}]});
        let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": app, "uid": format!("owner-{app}"), "controller": true, "blockOwnerDeletion": true}]);
        let labels = json!({"app": app, "instance": name, "app.kubernetes.io/managed-by": "Helm", "pod-template-hash": "5d4c8f7b9"});
        self.object(
            "v1",
            "Pod",
            json!({"metadata": {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": owner},
            "spec": spec, "status": status}),
        )
    }

    /// What every pod's spec has.
    fn pod_spec(&mut self, mut volumes: Vec<Value>) -> Value {
        let cpu = format!("{}m", 100 + 50 * self.random.below(10));
        let memory = format!("{}Mi", 128 + 64 * self.random.below(20));
        let mut mounts: Vec<Value> =
            volumes.iter().map(|volume| json!({"name": volume["name"], "mountPath": "/data"})).collect();
        mounts.push(json!({"name": "kube-api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true}));
        volumes.push(json!({"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]}}));
        let environment: Vec<Value> =
            (0..8).map(|n| json!({"name": format!("SETTING_{n}"), "value": "a value of some length"})).collect();
        let probe = json!({"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3});
        json!({
            "containers": [{"name": "main", "image": "registry.example/app-1:1.0", "imagePullPolicy": "IfNotPresent", "env": environment,
                "ports": [{"containerPort": 8080, "protocol": "TCP"}], "volumeMounts": mounts, "livenessProbe": probe, "readinessProbe": probe,
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": "2Gi"}}}],
            "volumes": volumes, "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
            "serviceAccountName": "default", "terminationGracePeriodSeconds": 30, "priority": 0, "preemptionPolicy": "PreemptLowerPriority",
            "enableServiceLinks": true, "securityContext": {},
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
                {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        })
    }

    /// A claim with the volume it is bound to, attached to a node.
    fn bound(&mut self, namespace: &str, claim: &str, node: usize) -> io::Result<()> {
        let volume = format!("pvc-{namespace}-{claim}");
        let terms = json!([{"matchExpressions": [{"key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": [zone(node)]}]}]);
        self.object("v1", "PersistentVolumeClaim", json!({
            "metadata": {"name": claim, "namespace": namespace, "finalizers": ["kubernetes.io/pvc-protection"], "annotations": {
                "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
                "volume.kubernetes.io/storage-provisioner": DISK, "volume.kubernetes.io/selected-node": node_name(node)}},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}, "storageClassName": "disk",
                "volumeMode": "Filesystem", "volumeName": volume},
            "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "10Gi"}},
        }))?;
        self.object("v1", "PersistentVolume", json!({
            "metadata": {"name": volume, "annotations": {"pv.kubernetes.io/provisioned-by": DISK}},
            "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "10Gi"}, "storageClassName": "disk", "volumeMode": "Filesystem",
                "persistentVolumeReclaimPolicy": "Delete", "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim},
                "csi": {"driver": DISK, "volumeHandle": format!("vol-{volume}")}, "nodeAffinity": {"required": {"nodeSelectorTerms": terms}}},
            "status": {"phase": "Bound"},
        }))?;
        self.object("storage.k8s.io/v1", "VolumeAttachment", json!({
            "metadata": {"name": format!("csi-{volume}")},
            "spec": {"attacher": DISK, "nodeName": node_name(node), "source": {"persistentVolumeName": volume}}, "status": {"attached": true},
        }))
    }

    /// The StatefulSet of the pods with one need.
    fn workload(&mut self, need: usize, pending: usize) -> io::Result<()> {
        let app = format!("need-{need}");
        let replicas = (pending + self.distinct - 1 - need) / self.distinct;
        let labels = json!({"app": app});
        let spec = self.need(need, None);
        self.object("apps/v1", "StatefulSet", json!({"metadata": {"name": app, "namespace": team(need)}, "spec": {
            "replicas": replicas, "podManagementPolicy": "Parallel", "serviceName": app, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec}}, "status": {"replicas": replicas}}))
    }

    /// A pending pod. Pods whose numbers leave the same rest have the same need, each with claims of its own.
    fn pending(&mut self, pod: usize) -> io::Result<()> {
        let (need, ordinal) = (pod % self.distinct, pod / self.distinct);
        let (app, namespace) = (format!("need-{need}"), team(need));
        let name = format!("{app}-{ordinal}");
        let claim = format!("data-{name}");
        self.claim(need, &namespace, &claim)?;
        let spec = self.need(need, Some(&claim));
        let owner = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": app, "uid": format!("owner-{app}"), "controller": true}]);
        let labels = json!({"app": app, "apps.kubernetes.io/pod-index": ordinal.to_string(), "statefulset.kubernetes.io/pod-name": name});
        let conditions =
            json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": TIME}]);
        self.object(
            "v1",
            "Pod",
            json!({"metadata": {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": owner},
            "spec": spec, "status": {"phase": "Pending", "conditions": conditions, "qosClass": "Burstable"}}),
        )
    }

    /// A pod of a workload of its own, every second with a claim of more than any node can hold, the others with more cpu
    /// than any node has. Which nodes they may use otherwise differs from pod to pod.
    fn too_large(&mut self, pod: usize) -> io::Result<()> {
        let (app, namespace) = (format!("large-{pod}"), team(pod));
        let with_claim = pod.is_multiple_of(2);
        let claim = format!("data-{app}");
        let volume = with_claim.then(|| json!({"name": "data", "persistentVolumeClaim": {"claimName": claim}}));
        let mut spec = self.pod_spec(volume.into_iter().collect());
        let cpu = if with_claim { "200m".to_owned() } else { format!("{}", 17 + pod % 40) };
        spec["containers"][0]["resources"]["requests"] = json!({"cpu": cpu, "memory": "256Mi"});
        match pod / 2 % 4 {
            0 => spec["nodeSelector"] = json!({"topology.kubernetes.io/zone": ZONES[pod / 8 % 3]}),
            1 => spec["nodeSelector"] = json!({"pool": "storage"}),
            2 => spec["tolerations"] = json!([{"key": "dedicated", "operator": "Exists"}]),
            _ => {}
        }
        if with_claim {
            self.object("v1", "PersistentVolumeClaim", json!({
                "metadata": {"name": claim, "namespace": namespace, "finalizers": ["kubernetes.io/pvc-protection"]},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": format!("{}Gi", 100 + pod)}},
                    "storageClassName": "local", "volumeMode": "Filesystem"},
                "status": {"phase": "Pending"}}))?;
        }
        let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": app, "uid": format!("owner-{app}"), "controller": true}]);
        let conditions =
            json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": TIME}]);
        self.object("v1", "Pod", json!({
            "metadata": {"name": format!("{app}-0"), "namespace": namespace, "labels": {"app": app}, "ownerReferences": owner},
            "spec": spec, "status": {"phase": "Pending", "conditions": conditions, "qosClass": "Burstable"}}))
    }

    /// The spec of the pods with a need: eight sorts, told apart further by their requests.
    fn need(&mut self, need: usize, claim: Option<&str>) -> Value {
        let (sort, step) = (need % 8, need / 8);
        let with_claim = matches!(sort, 1..=4);
        let volume = claim
            .filter(|_| with_claim)
            .map(|claim| json!({"name": "data", "persistentVolumeClaim": {"claimName": claim}}));
        let mut spec = self.pod_spec(volume.into_iter().collect());
        let requests = &mut spec["containers"][0]["resources"]["requests"];
        *requests = json!({"cpu": format!("{}m", 200 + 10 * step), "memory": "256Mi"});
        let own = json!({"matchLabels": {"app": format!("need-{need}")}});
        match sort {
            0 => requests["cpu"] = format!("{}", 17 + step).into(),
            5 => requests["topolvm.io/capacity"] = (1 + step).to_string().into(),
            6 => {
                spec["nodeSelector"] = json!({"pool": "gpu"});
                spec["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms":
                    [{"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": [ZONES[step % 3], "eu-1d"]}]}]}}});
            }
            7 => {
                spec["nodeSelector"] = json!({"kubernetes.io/hostname": node_name(0)});
                spec["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                    [{"labelSelector": own, "topologyKey": "kubernetes.io/hostname"}]}});
                spec["topologySpreadConstraints"] = json!([{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
                    "whenUnsatisfiable": "DoNotSchedule", "labelSelector": own}]);
            }
            _ => {}
        }
        spec
    }

    /// The claim of a pending pod, for the sorts that have one: too large for any node, waiting, unbound, missing.
    fn claim(&mut self, need: usize, namespace: &str, name: &str) -> io::Result<()> {
        let (class, size) = match need % 8 {
            1 => ("local", 100 + need),
            2 => ("static", 10 + need),
            3 => ("at-once", 10 + need),
            _ => return Ok(()),
        };
        self.object(
            "v1",
            "PersistentVolumeClaim",
            json!({
                "metadata": {"name": name, "namespace": namespace, "finalizers": ["kubernetes.io/pvc-protection"]},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": format!("{size}Gi")}},
                    "storageClassName": class, "volumeMode": "Filesystem"},
                "status": {"phase": "Pending"},
            }),
        )
    }
}
