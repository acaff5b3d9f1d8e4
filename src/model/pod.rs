//! Pods and pod templates.

use std::collections::BTreeMap;

use super::claim::ClaimSpec;
use super::kind::Object;
use super::lenient::model;
use super::meta::{Map, Meta};
use super::quantity::Quantity;
use super::selector::{LabelSelector, NodeSelector, NodeSelectorTerm};

/// Amounts by resource name.
pub type Resources = BTreeMap<String, Quantity>;

/// The scheduler that takes pods which name none.
pub const DEFAULT_SCHEDULER: &str = "default-scheduler";

impl Object for Pod {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut Meta {
        &mut self.metadata
    }

    /// Of command lines, images and environments only what tells the scheduler, a driver or a cloud provider stays, and
    /// the images of containers that wait.
    fn redact(&mut self) {
        self.metadata.redact();
        self.spec.keep_known();
        for status in self.status.container_statuses.iter_mut().chain(&mut self.status.init_container_statuses) {
            if status.state.waiting.is_none() {
                status.image = String::new();
            }
        }
    }

    /// Pods are most of a cluster, and a list of one grows to room for four.
    fn shrink(&mut self) {
        self.metadata.owner_references.shrink_to_fit();
        self.spec.containers.shrink_to_fit();
        self.spec.tolerations.shrink_to_fit();
        self.spec.volumes.shrink_to_fit();
        self.status.conditions.shrink_to_fit();
        self.status.container_statuses.shrink_to_fit();
    }
}

model! {
    /// A pod.
    pub struct Pod {
        pub metadata: Meta,
        pub spec: PodSpec,
        pub status: PodStatus,
    }

    /// The pod that a workload makes.
    pub struct PodTemplate {
        pub metadata: Meta,
        pub spec: PodSpec,
    }

    /// `pod.spec`.
    pub struct PodSpec {
        pub node_name: String,
        pub scheduler_name: String,
        pub priority: Option<i32>,
        pub priority_class_name: String,
        pub preemption_policy: Option<String>,
        pub host_network: bool,
        pub host_users: Option<bool>,
        pub runtime_class_name: Option<String>,
        pub service_account_name: String,
        pub security_context: Option<Box<PodSecurityContext>>,
        pub overhead: Resources,
        pub scheduling_gates: Vec<SchedulingGate>,
        pub node_selector: Map,
        pub affinity: Option<Affinity>,
        pub tolerations: Vec<Toleration>,
        pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
        pub volumes: Vec<PodVolume>,
        pub containers: Vec<Container>,
        pub init_containers: Vec<Container>,
        pub resources: Option<ResourceRequirements>,
        pub resource_claims: Vec<PodResourceClaim>,
    }

    /// `pod.spec.securityContext`, as far as it is about volumes.
    pub struct PodSecurityContext {
        /// The group that the files of volumes are given to.
        pub fs_group: Option<i64>,
        /// `Always` (the default) or `OnRootMismatch`.
        pub fs_group_change_policy: Option<String>,
    }

    /// An entry of `spec.schedulingGates`.
    pub struct SchedulingGate {
        pub name: String,
    }

    /// A container. Image, command line and environment are kept of drivers, cloud providers and kube-scheduler alone,
    /// and of these only what tells how they are set up (`flags.rs`).
    pub struct Container {
        pub name: String,
        /// With its tag, without its digest.
        pub image: String,
        pub command: Vec<String>,
        pub args: Vec<String>,
        pub env: Vec<EnvVar>,
        pub ports: Vec<ContainerPort>,
        pub volume_mounts: Vec<VolumeMount>,
        pub resources: ResourceRequirements,
        /// `Always` makes an init container a sidecar.
        pub restart_policy: Option<String>,
        pub restart_policy_rules: Vec<RestartPolicyRule>,
    }

    /// Where a container sees a volume; kept of drivers and cloud providers alone.
    pub struct VolumeMount {
        pub mount_path: String,
    }

    /// A variable of a container's environment; its value is empty where it comes from elsewhere.
    pub struct EnvVar {
        pub name: String,
        pub value: String,
    }

    /// A rule that says what a container's exit does.
    pub struct RestartPolicyRule {
        pub action: String,
    }

    /// A port of a container.
    pub struct ContainerPort {
        pub container_port: i32,
        pub host_port: i32,
        #[serde(rename = "hostIP")]
        pub host_ip: String,
        pub protocol: String,
    }

    /// Requests and limits.
    pub struct ResourceRequirements {
        pub requests: Resources,
        pub limits: Resources,
    }

    /// A pod's reference to a ResourceClaim.
    pub struct PodResourceClaim {
        pub name: String,
        pub resource_claim_name: Option<String>,
        pub resource_claim_template_name: Option<String>,
    }

    /// `spec.affinity`.
    pub struct Affinity {
        pub node_affinity: Option<NodeAffinity>,
        pub pod_affinity: Option<PodAffinity>,
        pub pod_anti_affinity: Option<PodAffinity>,
    }

    /// Node affinity.
    pub struct NodeAffinity {
        #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
        pub required: Option<NodeSelector>,
        /// What decides among the nodes that take the pod.
        #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
        pub preferred: Vec<PreferredNodes>,
    }

    /// Nodes that a pod prefers.
    pub struct PreferredNodes {
        pub weight: i32,
        pub preference: NodeSelectorTerm,
    }

    /// Pod affinity or anti-affinity.
    pub struct PodAffinity {
        #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
        pub required: Vec<PodAffinityTerm>,
        /// What decides among the nodes that take the pod.
        #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
        pub preferred: Vec<PreferredPods>,
    }

    /// Pods that a pod prefers, or rather not, to be near.
    pub struct PreferredPods {
        pub weight: i32,
        pub pod_affinity_term: PodAffinityTerm,
    }

    /// A term of pod (anti-)affinity.
    pub struct PodAffinityTerm {
        pub label_selector: Option<LabelSelector>,
        pub namespaces: Vec<String>,
        pub namespace_selector: Option<LabelSelector>,
        pub topology_key: String,
        pub match_label_keys: Vec<String>,
        pub mismatch_label_keys: Vec<String>,
    }

    /// A toleration.
    pub struct Toleration {
        pub key: String,
        pub operator: String,
        pub value: String,
        pub effect: String,
        pub toleration_seconds: Option<i64>,
    }

    /// A topology spread constraint.
    pub struct TopologySpreadConstraint {
        pub max_skew: i32,
        pub topology_key: String,
        pub when_unsatisfiable: String,
        pub label_selector: Option<LabelSelector>,
        pub min_domains: Option<i32>,
        pub node_affinity_policy: Option<String>,
        pub node_taints_policy: Option<String>,
        pub match_label_keys: Vec<String>,
    }

    /// A volume of a pod.
    pub struct PodVolume {
        pub name: String,
        pub persistent_volume_claim: Option<ClaimSource>,
        pub ephemeral: Option<Box<EphemeralSource>>,
        pub csi: Option<InlineCsi>,
        pub gce_persistent_disk: Option<GcePersistentDisk>,
        pub aws_elastic_block_store: Option<AwsElasticBlockStore>,
        pub azure_disk: Option<AzureDisk>,
        pub azure_file: Option<AzureFile>,
        pub cinder: Option<Cinder>,
        pub vsphere_volume: Option<VsphereVolume>,
        pub portworx_volume: Option<PortworxVolume>,
        pub iscsi: Option<Iscsi>,
        pub rbd: Option<Rbd>,
        pub flex_volume: Option<FlexVolume>,
        pub host_path: Option<HostPath>,
        pub config_map: Option<Box<ConfigMapSource>>,
        pub secret: Option<Box<SecretSource>>,
    }

    /// A volume with the keys of a config map.
    pub struct ConfigMapSource {
        pub name: String,
        /// Whether the pod starts without it.
        pub optional: bool,
    }

    /// A volume with the keys of a secret, of which only the name is known.
    pub struct SecretSource {
        pub secret_name: String,
        /// Whether the pod starts without it.
        pub optional: bool,
    }

    /// A volume that names a claim.
    pub struct ClaimSource {
        pub claim_name: String,
        pub read_only: bool,
    }

    /// A generic ephemeral volume.
    pub struct EphemeralSource {
        pub volume_claim_template: Option<ClaimTemplate>,
    }

    /// A claim that is made with its owner: a generic ephemeral volume's, or a StatefulSet's.
    pub struct ClaimTemplate {
        pub metadata: Meta,
        pub spec: ClaimSpec,
    }

    /// An inline CSI volume.
    pub struct InlineCsi {
        pub driver: String,
    }

    /// An inline GCE persistent disk.
    pub struct GcePersistentDisk {
        pub pd_name: String,
        pub read_only: bool,
        pub partition: i32,
    }

    /// An inline AWS EBS volume.
    pub struct AwsElasticBlockStore {
        #[serde(rename = "volumeID")]
        pub volume_id: String,
        pub read_only: bool,
        pub partition: i32,
    }

    /// An inline Azure disk.
    pub struct AzureDisk {
        pub disk_name: String,
        #[serde(rename = "diskURI")]
        pub disk_uri: String,
        /// `Shared`, `Dedicated` or `Managed`; only managed disks are migrated to CSI.
        pub kind: Option<String>,
    }

    /// An Azure file share.
    pub struct AzureFile {
        pub secret_name: String,
        /// Volumes only; pods take the secret of their own namespace.
        pub secret_namespace: Option<String>,
        pub share_name: String,
    }

    /// A Portworx volume.
    pub struct PortworxVolume {
        #[serde(rename = "volumeID")]
        pub volume_id: String,
    }

    /// An inline Cinder volume.
    pub struct Cinder {
        #[serde(rename = "volumeID")]
        pub volume_id: String,
    }

    /// An in-tree vSphere volume.
    pub struct VsphereVolume {
        pub volume_path: String,
    }

    /// An inline iSCSI volume.
    pub struct Iscsi {
        pub target_portal: String,
        pub iqn: String,
        pub lun: i32,
        pub read_only: bool,
    }

    /// An inline Ceph RBD image.
    pub struct Rbd {
        pub monitors: Vec<String>,
        pub image: String,
        pub pool: String,
        pub read_only: bool,
    }

    /// A FlexVolume.
    pub struct FlexVolume {
        pub driver: String,
    }

    /// A directory of the node.
    pub struct HostPath {
        pub path: String,
    }

    /// `pod.status`.
    pub struct PodStatus {
        pub phase: String,
        pub reason: String,
        pub message: String,
        pub nominated_node_name: String,
        pub start_time: Option<String>,
        pub conditions: Vec<Condition>,
        pub container_statuses: Vec<ContainerStatus>,
        pub init_container_statuses: Vec<ContainerStatus>,
        pub resources: Option<ResourceRequirements>,
        pub allocated_resources: Resources,
        pub resource_claim_statuses: Vec<ResourceClaimStatus>,
        pub extended_resource_claim_status: Option<ExtendedResourceClaimStatus>,
    }

    /// The name of the claim made for a pod's claim template.
    pub struct ResourceClaimStatus {
        pub name: String,
        pub resource_claim_name: Option<String>,
    }

    /// The claim that the scheduler made for extended resources.
    pub struct ExtendedResourceClaimStatus {
        pub resource_claim_name: String,
    }

    /// A condition of an object's status.
    pub struct Condition {
        #[serde(rename = "type")]
        pub kind: String,
        pub status: String,
        pub reason: String,
        pub message: String,
        pub last_transition_time: Option<String>,
        pub last_probe_time: Option<String>,
    }

    /// What the kubelet says of a container.
    pub struct ContainerStatus {
        pub name: String,
        /// The image, where the container waits.
        pub image: String,
        pub ready: bool,
        pub started: Option<bool>,
        pub restart_count: i32,
        pub state: ContainerState,
        pub last_state: ContainerState,
        pub resources: Option<ResourceRequirements>,
        pub allocated_resources: Resources,
    }

    /// A container's state.
    pub struct ContainerState {
        pub waiting: Option<ContainerReason>,
        pub running: Option<ContainerRunning>,
        pub terminated: Option<ContainerReason>,
    }

    /// Why a container waits or has ended.
    pub struct ContainerReason {
        pub reason: String,
        pub message: String,
        pub exit_code: Option<i32>,
    }

    /// A running container.
    pub struct ContainerRunning {
        pub started_at: Option<String>,
    }
}

impl Pod {
    /// Whether one of its volumes is the claim of this name in the pod's namespace.
    pub fn names_claim(&self, claim: &str) -> bool {
        let mut claims = self.spec.volumes.iter().filter_map(|volume| volume.claim_name(&self.metadata.name));
        claims.any(|name| name == claim)
    }

    /// The priority that admission gave the pod; 0 where it gave none.
    pub fn priority(&self) -> i32 {
        self.spec.priority.unwrap_or(0)
    }

    /// Whether the pod has ended: such pods count nowhere (`pkg/scheduler/scheduler.go`, newPodInformer).
    pub fn finished(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether the pod is placed on a node.
    pub fn assigned(&self) -> bool {
        !self.spec.node_name.is_empty()
    }

    /// What the kubelet says of the pod's containers, those that run first first.
    pub fn statuses(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.status.init_container_statuses.iter().chain(&self.status.container_statuses)
    }

    /// Whether the pod's volumes were mounted: the kubelet makes the sandbox, pulls images and starts containers only
    /// then (`pkg/kubelet/kubelet.go`, SyncPod).
    pub fn volumes_mounted(&self) -> bool {
        let sandbox = self.condition("PodReadyToStartContainers").is_some_and(|condition| condition.status == "True");
        let waits = |reason: &str| matches!(reason, "" | "ContainerCreating" | "PodInitializing");
        sandbox
            || self.statuses().any(|status| {
                status.state.running.is_some()
                    || status.state.terminated.is_some()
                    || status.last_state.terminated.is_some()
                    || status.restart_count > 0
                    || status.state.waiting.as_ref().is_some_and(|waiting| !waits(&waiting.reason))
            })
    }

    /// Whether the pod is ready to serve.
    pub fn ready(&self) -> bool {
        self.condition("Ready").is_some_and(|condition| condition.status == "True")
    }

    /// The condition of this type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.kind == kind)
    }
}

impl PodSpec {
    /// The scheduler that should place the pod.
    pub fn scheduler(&self) -> &str {
        if self.scheduler_name.is_empty() { DEFAULT_SCHEDULER } else { &self.scheduler_name }
    }

    /// The required node affinity.
    pub fn required_node_affinity(&self) -> Option<&NodeSelector> {
        self.affinity.as_ref()?.node_affinity.as_ref()?.required.as_ref()
    }

    /// The required terms of pod affinity.
    pub fn affinity_terms(&self) -> &[PodAffinityTerm] {
        let terms = self.affinity.as_ref().and_then(|affinity| affinity.pod_affinity.as_ref());
        terms.map_or(&[], |terms| &terms.required)
    }

    /// The node affinity's preferences.
    pub fn preferred_nodes(&self) -> &[PreferredNodes] {
        let affinity = self.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
        affinity.map_or(&[], |affinity| &affinity.preferred)
    }

    /// The preferences of pod affinity, and those of pod anti-affinity.
    pub fn preferred_pods(&self) -> (&[PreferredPods], &[PreferredPods]) {
        match &self.affinity {
            Some(affinity) => (
                affinity.pod_affinity.as_ref().map_or(&[][..], |affinity| &affinity.preferred),
                affinity.pod_anti_affinity.as_ref().map_or(&[][..], |affinity| &affinity.preferred),
            ),
            None => (&[], &[]),
        }
    }

    /// The required terms of pod anti-affinity.
    pub fn anti_affinity_terms(&self) -> &[PodAffinityTerm] {
        let terms = self.affinity.as_ref().and_then(|affinity| affinity.pod_anti_affinity.as_ref());
        terms.map_or(&[], |terms| &terms.required)
    }
}

impl PodAffinityTerm {
    /// The keys of the labels that the term asks pods for.
    pub fn label_keys(&self) -> impl Iterator<Item = &str> {
        let more = self.match_label_keys.iter().chain(&self.mismatch_label_keys).map(String::as_str);
        self.label_selector.iter().flat_map(LabelSelector::keys).chain(more)
    }
}

impl TopologySpreadConstraint {
    /// The keys of the labels that the constraint asks pods for.
    pub fn label_keys(&self) -> impl Iterator<Item = &str> {
        let more = self.match_label_keys.iter().map(String::as_str);
        self.label_selector.iter().flat_map(LabelSelector::keys).chain(more)
    }
}

impl Container {
    pub(super) fn keep_scheduler_flags(&mut self) {
        let program = |word: &str| word.rsplit('/').next() == Some("kube-scheduler");
        let first = self.command.first().or(self.args.first());
        let scheduler = self.name == "kube-scheduler" || first.is_some_and(|word| program(word));
        let flags = ["--config", "--feature-gates"];
        let flag = |word: &str| flags.contains(&word.split_once('=').map_or(word, |(flag, _)| flag));
        for list in [&mut self.command, &mut self.args] {
            list.retain(|word| scheduler && (program(word) || flag(word)));
        }
    }

    /// Whether an init container keeps running beside the others.
    pub fn sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }
}

impl PodVolume {
    /// The claim that the volume uses: a named one, or the one made for an ephemeral volume.
    pub fn claim_name(&self, pod: &str) -> Option<String> {
        match (&self.persistent_volume_claim, &self.ephemeral) {
            (Some(claim), _) => Some(claim.claim_name.clone()),
            (None, Some(_)) => Some(format!("{pod}-{}", self.name)),
            (None, None) => None,
        }
    }
}
