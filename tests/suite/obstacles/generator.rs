//! Small clusters with one pod that has trouble of several kinds at once, made from a seed.

use serde_json::{Value, json};
use storagewhy::model::pod::TopologySpreadConstraint;
use storagewhy::model::selector::{NodeSelector, NodeSelectorTerm, Requirement};
use storagewhy::model::{Kind, Version};
use storagewhy::scheduler::{Fact, Obstacle, SchedulerConfig};
use storagewhy::snapshot::{Builder, Scope, Snapshot};

pub(crate) const NAMESPACE: &str = "app";
pub(crate) const POD: &str = "p";
pub(crate) const NODES: [&str; 2] = ["n1", "n2"];

/// A cluster with what the scheduler is configured to do.
pub(crate) struct Cluster {
    pub(crate) seed: u64,
    pub(crate) snapshot: Snapshot,
    pub(crate) version: Version,
    pub(crate) config: SchedulerConfig,
}

/// Every kind of obstacle.
pub(crate) const KINDS: &[&str] = &[
    "NodeUnschedulable Unschedulable",
    "NodeName OtherNode",
    "TaintToleration Untolerated",
    "NodeAffinity Selector NodeSelector",
    "NodeAffinity Selector NodeAffinity",
    "NodeAffinity Enforced Scheduler",
    "NodeAffinity Conflict NodeAffinity",
    "LeftOut LeftOut",
    "NodePorts PortsTaken",
    "NodeResourcesFit TooManyPods",
    "NodeResourcesFit Insufficient",
    "VolumeRestrictions ClaimNotFound",
    "VolumeRestrictions ClaimInUse",
    "VolumeRestrictions DiskInUse",
    "NodeVolumeLimits Exceeded",
    "NodeVolumeLimits ClaimNotFound",
    "NodeVolumeLimits DriverNotInstalled",
    "VolumeBinding ClaimNotFound",
    "VolumeBinding EphemeralNotMade",
    "VolumeBinding ClaimLost",
    "VolumeBinding ClaimDeleting",
    "VolumeBinding NotOwner",
    "VolumeBinding Unbound",
    "VolumeBinding VolumeAffinity",
    "VolumeBinding NoVolume NoneMade",
    "VolumeBinding NoVolume NotAllowed",
    "VolumeBinding NoVolume SelectedElsewhere",
    "VolumeBinding NoSpace",
    "VolumeBinding VolumeMissing",
    "VolumeZone ClaimNameless",
    "VolumeZone ClaimNotFound",
    "VolumeZone NoVolumeNoClass",
    "VolumeZone VolumeNameless",
    "VolumeZone ClassNotFound",
    "VolumeZone VolumeNotFound",
    "VolumeZone Zone",
    "PodTopologySpread Skew",
    "PodTopologySpread MissingLabel",
    "InterPodAffinity Affinity",
    "InterPodAffinity AntiAffinity",
    "InterPodAffinity ExistingAntiAffinity",
    "DynamicResources ClaimNotMade",
    "DynamicResources ClaimDeleting",
    "DynamicResources ClaimNotFound",
    "DynamicResources ClaimInUse",
    "DynamicResources UnknownRequest",
    "DynamicResources ClassNotFound",
    "DynamicResources CannotAllocate",
    "DynamicResources NotOnNode",
    "NodeDeclaredFeatures Missing",
];

/// Whether an obstacle is the pod's, whatever the node.
pub(crate) fn own(obstacle: &Obstacle) -> bool {
    matches!(
        obstacle.fact,
        Fact::Claim { .. } | Fact::NoTermMatches { .. } | Fact::DeviceClass { .. } | Fact::ResourceClaim { .. }
    )
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// What is being made.
struct Making {
    nodes: Vec<Value>,
    pod: Value,
    objects: Vec<(Kind, Value)>,
    config: SchedulerConfig,
}

impl Making {
    fn new() -> Self {
        let node = |name: &str, zone: &str| {
            json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name,
                    "topology.kubernetes.io/zone": zone}},
                "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "20"}}})
        };
        let pod = json!({"metadata": {"namespace": NAMESPACE, "name": POD, "uid": "uid-p", "labels": {"app": "p"}},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}, "ports": []}],
                "volumes": [], "tolerations": [], "nodeSelector": {}, "topologySpreadConstraints": []}});
        let class = |name: &str, provisioner: &str, mode: &str| json!({"metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": mode});
        let objects = vec![
            (Kind::Namespace, json!({"metadata": {"name": NAMESPACE}})),
            (Kind::StorageClass, class("late", "csi.example.com", "WaitForFirstConsumer")),
            (Kind::StorageClass, class("by-hand", "kubernetes.io/no-provisioner", "WaitForFirstConsumer")),
            (Kind::StorageClass, class("tracked", "tracked.example.com", "WaitForFirstConsumer")),
            (Kind::StorageClass, class("at-once", "csi.example.com", "Immediate")),
            (Kind::CSIDriver, json!({"metadata": {"name": "tracked.example.com"}, "spec": {"storageCapacity": true}})),
        ];
        Self { nodes: vec![node("n1", "a"), node("n2", "b")], pod, objects, config: SchedulerConfig::default() }
    }

    fn node(&mut self, random: &mut Random) -> &mut Value {
        let position = random.below(2) as usize;
        &mut self.nodes[position]
    }

    fn volume(&mut self, source: Value) {
        let volumes = self.pod["spec"]["volumes"].as_array_mut().unwrap();
        let name = format!("v{}", volumes.len());
        let mut volume = source;
        volume["name"] = name.into();
        volumes.push(volume);
    }

    fn claim(&mut self, name: &str, class: &str, special: Value) {
        let mut claim = json!({"metadata": {"namespace": NAMESPACE, "name": name, "uid": format!("uid-{name}"),
                "annotations": {"own": "yes"}},
            "spec": {"storageClassName": class, "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "10Gi"}}},
            "status": {"phase": "Pending"}});
        merge(&mut claim, special);
        self.objects.push((Kind::PersistentVolumeClaim, claim));
        self.volume(json!({"persistentVolumeClaim": {"claimName": name}}));
    }

    fn bound(&mut self, name: &str, special: Value) {
        let mut volume = json!({"metadata": {"name": format!("pv-{name}"), "labels": {"own": "yes"}},
            "spec": {"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "late",
                "claimRef": {"namespace": NAMESPACE, "name": name, "uid": format!("uid-{name}")},
                "csi": {"driver": "csi.example.com", "volumeHandle": name}},
            "status": {"phase": "Bound"}});
        merge(&mut volume, special);
        self.objects.push((Kind::PersistentVolume, volume));
        self.claim(name, "late", bound_to(&format!("pv-{name}")));
    }

    fn other(&mut self, name: &str, node: &str, special: Value) {
        let mut pod = json!({"metadata": {"namespace": NAMESPACE, "name": name, "uid": format!("uid-{name}"),
                "labels": {"app": name}},
            "spec": {"nodeName": node, "containers": [{"name": "c"}]}, "status": {"phase": "Running"}});
        merge(&mut pod, special);
        self.objects.push((Kind::Pod, pod));
    }

    fn resource_claim(&mut self, name: &str, special: Value) {
        let mut claim = json!({"metadata": {"namespace": NAMESPACE, "name": name}});
        merge(&mut claim, special);
        self.objects.push((Kind::ResourceClaim, claim));
        self.refer(name, json!({"resourceClaimName": name}));
    }

    fn refer(&mut self, name: &str, mut reference: Value) {
        reference["name"] = name.into();
        match self.pod["spec"]["resourceClaims"].as_array_mut() {
            Some(claims) => claims.push(reference),
            None => self.pod["spec"]["resourceClaims"] = json!([reference]),
        }
    }

    fn required(&mut self, expressions: Value, fields: Value) {
        let terms = json!([{"matchExpressions": expressions, "matchFields": fields}]);
        merge(
            &mut self.pod["spec"],
            json!({"affinity": {"nodeAffinity":
            {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}),
        );
    }
}

fn bound_to(volume: &str) -> Value {
    json!({"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {"volumeName": volume}, "status": {"phase": "Bound"}})
}

fn merge(base: &mut Value, special: Value) {
    match (base, special) {
        (Value::Object(base), Value::Object(special)) => {
            special.into_iter().for_each(|(key, value)| merge(base.entry(key).or_insert(Value::Null), value));
        }
        (base, special) => *base = special,
    }
}

type Trouble = fn(&mut Making, &mut Random);

/// Each makes a kind of trouble, and bears being made beside the others.
const TROUBLES: &[Trouble] = &[
    |m, r| m.node(r)["spec"]["unschedulable"] = true.into(),
    |m, r| {
        m.node(r)["spec"]["taints"] = json!([{"key": "a", "value": "b", "effect": "NoSchedule"},
        {"key": "c", "effect": "NoExecute"}, {"key": "d", "effect": "PreferNoSchedule"}])
    },
    |m, _| m.pod["spec"]["nodeSelector"] = json!({"disk": "ssd", "example.com/pool": "x"}),
    |m, r| {
        m.node(r)["metadata"]["labels"]["rank"] = "3".into();
        m.required(
            json!([{"key": "rank", "operator": "Gt", "values": ["5"]}, {"key": "arch", "operator": "Exists"}]),
            json!([]),
        );
    },
    |m, _| m.required(json!([{"key": "arch", "operator": "In", "values": ["arm64", "amd64"]}]), json!([])),
    |m, r| {
        let fields = json!([{"key": "metadata.name", "operator": "In", "values": ["n3"]}]);
        let expressions = if r.chance(2) { json!([]) } else { json!([{"key": "arch", "operator": "Exists"}]) };
        m.required(expressions, fields);
    },
    |m, _| {
        m.required(
            json!([]),
            json!([{"key": "metadata.name", "operator": "In", "values": ["n1"]},
        {"key": "metadata.name", "operator": "In", "values": ["n2"]}]),
        )
    },
    |m, _| {
        let requirement =
            Requirement { key: "enforced".to_owned(), operator: "In".to_owned(), values: vec!["y".to_owned()] };
        let term = NodeSelectorTerm { match_expressions: vec![requirement], match_fields: Vec::new() };
        m.config.profiles[0].added_affinity = Some(NodeSelector { node_selector_terms: vec![term] });
    },
    |m, r| {
        m.pod["spec"]["containers"][0]["ports"] = json!([{"hostPort": 80}, {"hostPort": 53, "protocol": "UDP"}]);
        let node = NODES[r.below(2) as usize];
        m.other("port", node, json!({"spec": {"containers": [{"name": "c", "ports": [{"hostPort": 80}]}]}}));
    },
    |m, r| m.node(r)["status"]["allocatable"]["pods"] = "0".into(),
    |m, r| {
        let node = NODES[r.below(2) as usize];
        m.other(
            "eater",
            node,
            json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "3500m"}}}]}}),
        );
    },
    |m, _| {
        merge(
            &mut m.pod["spec"]["containers"][0]["resources"]["requests"],
            json!({"memory": "64Gi", "example.com/gpu": "1"}),
        )
    },
    |m, _| m.volume(json!({"persistentVolumeClaim": {"claimName": "missing"}})),
    |m, r| {
        m.bound("once", json!({}));
        m.objects.last_mut().unwrap().1["spec"]["accessModes"] = json!(["ReadWriteOncePod"]);
        let node = ["n1", "gone"][r.below(2) as usize];
        m.other(
            "holder",
            node,
            json!({"spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "once"}}]}}),
        );
    },
    |m, r| {
        let disk = json!({"gcePersistentDisk": {"pdName": "d"}});
        m.volume(disk.clone());
        let node = NODES[r.below(2) as usize];
        let mut volume = disk;
        volume["name"] = "v".into();
        m.other("disk", node, json!({"spec": {"volumes": [volume]}}));
    },
    |m, r| {
        m.bound("counted", json!({"spec": {"csi": {"driver": "limited.example.com", "volumeHandle": "h"}}}));
        let node = NODES[r.below(2) as usize];
        m.objects.push((
            Kind::CSINode,
            json!({"metadata": {"name": node}, "spec": {"drivers": [{"name": "other.example.com"},
            {"name": "limited.example.com", "allocatable": {"count": 0}}]}}),
        ));
    },
    |m, _| {
        m.bound("picky", json!({"spec": {"csi": {"driver": "picky.example.com", "volumeHandle": "h"}}}));
        m.objects.push((
            Kind::CSIDriver,
            json!({"metadata": {"name": "picky.example.com"}, "spec": {"preventPodSchedulingIfMissing": true}}),
        ));
    },
    |m, _| {
        m.volume(json!({"ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "late",
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}))
    },
    |m, _| {
        m.claim("lost", "late", bound_to("pv-gone"));
        m.objects.last_mut().unwrap().1["status"]["phase"] = "Lost".into();
    },
    |m, _| m.claim("going", "late", json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})),
    |m, _| {
        let position = m.pod["spec"]["volumes"].as_array().unwrap().len();
        m.volume(json!({"ephemeral": {"volumeClaimTemplate": {"spec": {}}}}));
        m.objects.push((
            Kind::PersistentVolumeClaim,
            json!({"metadata": {"namespace": NAMESPACE,
                "name": format!("{POD}-v{position}"), "uid": "uid-foreign"},
            "spec": {"storageClassName": "late", "resources": {"requests": {"storage": "1Gi"}}}}),
        ));
    },
    |m, _| m.claim("at-once", "at-once", json!({})),
    |m, _| m.claim("classless", "", json!({})),
    |m, _| m.claim("no-such-class", "nowhere", json!({})),
    |m, _| m.claim("asks", "late", json!({"spec": {"volumeName": "pv-asked"}})),
    |m, r| {
        let key = ["topology.kubernetes.io/zone", "rack"][r.below(2) as usize];
        let required =
            json!({"nodeSelectorTerms": [{"matchExpressions": [{"key": key, "operator": "In", "values": ["a"]}]}]});
        m.bound("zonal", json!({"spec": {"nodeAffinity": {"required": required}}}));
    },
    |m, _| m.claim("static", "by-hand", json!({"spec": {"selector": {"matchLabels": {"tier": "x"}}}})),
    |m, _| {
        let terms = json!([{"matchLabelExpressions": [{"key": "topology.kubernetes.io/zone", "values": ["c"]}]}]);
        m.objects.push((
            Kind::StorageClass,
            json!({"metadata": {"name": "elsewhere"}, "provisioner": "csi.example.com",
            "volumeBindingMode": "WaitForFirstConsumer", "allowedTopologies": terms}),
        ));
        m.claim("elsewhere", "elsewhere", json!({}));
    },
    |m, _| {
        m.claim("selected", "late", json!({"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "n9"}}}))
    },
    |m, r| {
        m.claim("large", "tracked", json!({"metadata": {"annotations": {}}}));
        let mut capacity = json!({"metadata": {"namespace": "s", "name": "c"}, "storageClassName": "tracked",
            "nodeTopology": {"matchLabels": {"kubernetes.io/hostname": "n1"}}, "capacity": "5Gi"});
        if r.chance(2) {
            capacity["maximumVolumeSize"] = "1Gi".into();
        }
        m.objects.push((Kind::CSIStorageCapacity, capacity));
    },
    |m, _| m.claim("dangling", "late", bound_to("pv-dangling")),
    |m, _| m.volume(json!({"persistentVolumeClaim": {"claimName": ""}})),
    |m, _| m.bound("labelled", json!({"metadata": {"labels": {"topology.kubernetes.io/zone": "b__c"}}})),
    |m, r| {
        let key = if r.chance(2) { "rack" } else { "topology.kubernetes.io/zone" };
        m.pod["spec"]["topologySpreadConstraints"] = json!([
            {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "p"}}},
            {"maxSkew": 1, "topologyKey": "soft", "whenUnsatisfiable": "ScheduleAnyway"}]);
        for number in 0..2 {
            m.other(&format!("spread-{number}"), "n1", json!({"metadata": {"labels": {"app": "p"}}}));
        }
    },
    |m, _| {
        m.config.profiles[0].default_constraints = vec![TopologySpreadConstraint {
            max_skew: 1,
            topology_key: "kubernetes.io/hostname".to_owned(),
            when_unsatisfiable: "DoNotSchedule".to_owned(),
            ..Default::default()
        }];
        m.objects.push((
            Kind::Service,
            json!({"metadata": {"namespace": NAMESPACE, "name": "s"}, "spec": {"selector": {"app": "p"}}}),
        ));
        for number in 0..2 {
            m.other(&format!("default-{number}"), "n2", json!({"metadata": {"labels": {"app": "p"}}}));
        }
    },
    |m, r| {
        let key = ["kubernetes.io/hostname", "rack"][r.below(2) as usize];
        let term = json!({"labelSelector": {"matchLabels": {"app": "friend"}}, "topologyKey": key});
        merge(
            &mut m.pod["spec"],
            json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}),
        );
        m.other("friend", "n1", json!({}));
    },
    |m, r| {
        let term = json!({"labelSelector": {"matchLabels": {"app": "foe"}}, "topologyKey": "kubernetes.io/hostname"});
        merge(
            &mut m.pod["spec"],
            json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}),
        );
        m.other("foe", NODES[r.below(2) as usize], json!({}));
    },
    |m, r| {
        let terms = json!([{"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "kubernetes.io/hostname"},
            {"labelSelector": {"matchLabels": {"app": "p"}}, "topologyKey": "kubernetes.io/hostname"}]);
        m.other(
            "hermit",
            NODES[r.below(2) as usize],
            json!({"spec": {"affinity": {"podAntiAffinity":
            {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}}),
        );
    },
    |m, _| m.refer("template", json!({"resourceClaimTemplateName": "t"})),
    |m, _| m.resource_claim("rc-going", json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})),
    |m, _| m.refer("rc-missing", json!({"resourceClaimName": "rc-missing"})),
    |m, _| {
        let consumers: Vec<Value> =
            (0..256).map(|number| json!({"name": format!("c{number}"), "uid": format!("u{number}")})).collect();
        m.resource_claim("rc-full", json!({"status": {"allocation": {}, "reservedFor": consumers}}));
    },
    |m, _| m.resource_claim("rc-odd", json!({"spec": {"devices": {"requests": [{"name": "r"}]}}})),
    |m, _| {
        m.resource_claim(
            "rc-class",
            json!({"spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "none"}}]}}}),
        )
    },
    |m, _| {
        m.objects.push((Kind::DeviceClass, json!({"metadata": {"name": "gpu"}})));
        m.resource_claim(
            "rc-waits",
            json!({"spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "gpu"}}]}}}),
        );
    },
    |m, _| {
        m.objects.push((
            Kind::DeviceClass,
            json!({"metadata": {"name": "ext"}, "spec": {"extendedResourceName": "example.com/ext"}}),
        ));
        m.pod["spec"]["containers"][0]["resources"]["requests"]["example.com/ext"] = "1".into();
    },
    |m, _| {
        let terms =
            json!([{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n2"]}]}]);
        m.resource_claim("rc-there", json!({"status": {"allocation": {"nodeSelector": {"nodeSelectorTerms": terms}}}}));
    },
    |m, _| merge(&mut m.pod["spec"], json!({"hostNetwork": true, "hostUsers": false})),
    |m, _| m.pod["spec"]["nodeName"] = "n2".into(),
];

/// Troubles of resource claims hide each other, those of node affinity overwrite each other, and a pod that names its
/// node is in its own way wherever pods count.
fn apart(troubles: &[usize], one: usize) -> bool {
    let last = TROUBLES.len() - 1;
    let about_devices = |position: usize| (39..last - 1).contains(&position);
    let about_affinity = |position: usize| (3..=6).contains(&position);
    !troubles.iter().any(|other| {
        about_devices(*other) && about_devices(one)
            || about_affinity(*other) && about_affinity(one)
            || *other == last && one > 6
            || one == last && *other > 6
    })
}

/// The cluster of a seed.
pub(crate) fn cluster(seed: u64) -> Cluster {
    let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut making = Making::new();
    let mut chosen = vec![seed as usize % TROUBLES.len()];
    for _ in 0..random.below(6) {
        let one = random.below(TROUBLES.len() as u64) as usize;
        if !chosen.contains(&one) && apart(&chosen, one) {
            chosen.push(one);
        }
    }
    chosen.sort_unstable();
    for trouble in chosen {
        TROUBLES[trouble](&mut making, &mut random);
    }
    let mut builder = Builder::default();
    let nodes = making.nodes.into_iter().map(|node| (Kind::Node, node));
    for (kind, object) in making.objects.into_iter().chain(nodes).chain([(Kind::Pod, making.pod)]) {
        builder.add(kind, object).unwrap();
    }
    Cluster { seed, snapshot: builder.build(&Scope::All), version: Version::NEWEST, config: making.config }
}
