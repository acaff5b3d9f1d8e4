//! The document of `diagnose`.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::Serialize;

#[cfg(test)]
use crate::report::obstacles::NodeEntry;
use crate::report::obstacles::{ClosestEntry, NodeList, ObstacleEntry};

use super::API_VERSION;
use super::finding::FindingEntry;
use crate::diagnosis::{self, ReleaseSource};
use crate::engine::Diagnosis;
use crate::engine::PodObstacles;
use crate::model::{Kind, ObjectRef, Pod};
use crate::rules::{Stage, find};
use crate::scheduler::{NodeVerdict, Outcome, PodVerdict};
use crate::snapshot::{Coverage, Problem, Snapshot};
use crate::volumes::{
    AttachVerdict, ClaimEvent, ClaimPhase, ClaimVerdict, Intake, Mismatch, ProvisionerVerdict, VolumeMismatch,
};

/// Nodes that a report may hold before those of pods with one verdict are written once.
const MAX_NODES: usize = 20_000;

/// What is blocked, and why.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report<'a> {
    /// `storagewhy.dev/v1`.
    pub api_version: &'static str,
    /// `Report`.
    pub kind: &'static str,
    /// The outcome as the exit code tells it.
    pub status: Status,
    /// What was looked at.
    pub source: Source<'a>,
    /// How much of each kind was read, and why not all.
    pub coverage: Vec<CoverageEntry>,
    /// Every unassigned, unfinished pod in scope that isn't being deleted.
    pub pods: Vec<PodEntry<'a>>,
    /// Every claim in scope that isn't bound, or that a finding is about.
    pub claims: Vec<ClaimEntry<'a>>,
    /// Pods in scope that have a node and don't start for their volumes.
    pub attachments: Vec<AttachmentEntry<'a>>,
    /// The causes, the most severe first; then the risks, by what would be lost.
    pub findings: Vec<FindingEntry<'a>>,
    /// The rules that could not judge.
    pub skipped: Vec<SkippedEntry<'a>>,
}

/// The outcome of a diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Status {
    /// Nothing is blocked.
    Clear,
    /// Something is blocked.
    Blocked,
    /// Nothing was found blocked, but not all evidence could be read.
    Incomplete,
}

/// What was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Source<'a> {
    /// The server's version, such as `v1.36.2`; null where it isn't known.
    pub server_version: Option<&'a str>,
    /// The release whose behaviour and texts the verdicts follow, such as `1.36`.
    pub kube_version: String,
    /// How that release is known.
    pub kube_version_from: ReleaseSource,
    /// The time at which the facts are judged, RFC 3339: when they were read, for dumps that don't say so the newest
    /// time in them; null where nothing tells.
    pub judged_at: Option<String>,
    /// The namespace that was asked for; null for all.
    pub namespace: Option<&'a str>,
    /// The objects that were asked about by name; empty for all in scope.
    pub objects: &'a [ObjectRef],
    /// Whether what can be lost was looked for as well; absent where not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub risks: bool,
}

/// How much of a kind was read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CoverageEntry {
    /// The kind, such as `PersistentVolumeClaim`.
    pub kind: &'static str,
    /// How many objects were read; null where none could be.
    pub read: Option<usize>,
    /// Why not everything was read: `forbidden`, `not served`, `not in the dump` or another text; null where all was.
    pub problem: Option<String>,
    /// Whether the kind is taken for empty without proof, because a dump of a whole cluster holds no object of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub presumed: bool,
}

/// A pod that no node has taken yet.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PodEntry<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    /// What kube-scheduler decides now.
    #[cfg_attr(test, schemars(with = "OutcomeSchema"))]
    pub verdict: Outcome,
    /// The reason of the PodScheduled condition that kube-scheduler would write now.
    pub reason: Option<&'static str>,
    /// What kube-scheduler would write into the PodScheduled condition now, byte for byte; null where it would write
    /// nothing or where the text can't be known.
    pub message: Option<&'a str>,
    /// What the PodScheduled condition says at the moment; null where it says nothing.
    pub observed: Option<ObservedEntry<'a>>,
    /// The node that kube-scheduler has chosen already, where the pod waits for its volumes before it is bound; null for
    /// others.
    pub placed: Option<&'a str>,
    /// The plugin that rejected the pod before any node was looked at.
    pub pre_filter: Option<PreFilterEntry<'a>>,
    /// Every node, with what rejected it; empty where `nodesAs` names a pod.
    #[cfg_attr(test, schemars(with = "Vec<NodeEntry<'_>>"))]
    pub nodes: NodeList<'a>,
    /// An earlier pod of the report, as `namespace/name`, whose nodes are this one's as well, but for the obstacles, of
    /// which `closest` has the pod's own. Only in reports that would otherwise hold more than 20,000 nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes_as: Option<String>,
    /// The nodes with the fewest obstacles, by what is in the way there; null where it wasn't looked at.
    pub closest: Option<Vec<ClosestEntry<'a>>>,
    /// The node on which preemption would make room.
    pub preemption: Option<PreemptionEntry<'a>>,
    /// What was missing for a certain verdict.
    pub unknown: &'a [String],
    /// The ids of the findings about this pod.
    pub findings: &'a [String],
}

/// What a pod's condition says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ObservedEntry<'a> {
    pub reason: &'a str,
    pub message: &'a str,
    /// When the condition last changed its status, RFC 3339.
    pub since: Option<&'a str>,
}

/// A rejection before any node was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PreFilterEntry<'a> {
    pub plugin: &'a str,
    pub message: &'a str,
    /// All by which the pod is rejected whatever the node; null where it wasn't looked at.
    pub obstacles: Option<Vec<ObstacleEntry<'a>>>,
}

/// Room that eviction would make.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PreemptionEntry<'a> {
    pub node: &'a str,
    /// The pods that would be evicted, as `namespace/name`.
    pub victims: &'a [String],
}

/// A claim.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClaimEntry<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    /// `Bound`, `Pending`, `Lost` or `Unknown`.
    pub verdict: ClaimPhase,
    /// What the PV controller would emit now.
    pub event: Option<EventEntry<'a>>,
    /// The volume that the controller binds the claim to on its next sync.
    pub binds_to: Option<&'a str>,
    /// The volumes that could have been meant, of the claim's class or without an owner, with what keeps each from this
    /// claim.
    pub volumes: Vec<VolumeEntry<'a>>,
    /// How many volumes more don't match.
    pub volumes_left_out: usize,
    /// What the external provisioner that the class asks for does with the claim.
    pub provisioner: Option<&'a ProvisionerVerdict>,
    /// What was missing for a certain verdict.
    pub unknown: &'a [String],
    /// The ids of the findings about this claim.
    pub findings: &'a [String],
}

/// A pod that has a node and doesn't start for its volumes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AttachmentEntry<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    /// What the attach-detach controller, the attacher and the kubelet wait for.
    #[serde(flatten)]
    pub verdict: &'a AttachVerdict,
    /// The ids of the findings about this pod.
    pub findings: &'a [String],
}

/// An event of the PV controller.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EventEntry<'a> {
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub reason: &'a str,
    pub message: &'a str,
}

/// A volume that doesn't match a claim.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VolumeEntry<'a> {
    pub name: &'a str,
    /// Every check that fails, in words; the controller stops at the first.
    pub mismatch: Vec<String>,
    /// The same checks, with what decides each.
    pub facts: &'a [Mismatch],
}

/// A rule that could not judge.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SkippedEntry<'a> {
    pub rule: &'a str,
    pub reason: &'a str,
}

impl SkippedEntry<'_> {
    /// Whether the rule is about what can be lost.
    pub fn of_risks(&self) -> bool {
        find(self.rule).is_some_and(|rule| rule.stage == Stage::Risk)
    }
}

impl<'a> Report<'a> {
    /// The report on a diagnosis of a snapshot.
    pub fn new(snapshot: &'a Snapshot, scope: &'a diagnosis::Scope, diagnosis: &'a Diagnosis) -> Self {
        let mut report = Self {
            api_version: API_VERSION,
            kind: "Report",
            status: Status::Clear,
            source: Source {
                server_version: snapshot.server_version.as_deref(),
                kube_version: diagnosis.release.version.to_string(),
                kube_version_from: diagnosis.release.from,
                judged_at: diagnosis.now.map(|now| now.to_string()),
                namespace: scope.namespace.as_deref(),
                objects: &scope.targets,
                risks: diagnosis.risks,
            },
            coverage: coverage(snapshot),
            pods: pods(snapshot, diagnosis),
            claims: claims(diagnosis),
            attachments: diagnosis
                .attachments
                .iter()
                .map(|(pod, verdict, findings)| AttachmentEntry {
                    namespace: &pod.namespace,
                    name: &pod.name,
                    verdict,
                    findings,
                })
                .collect(),
            findings: diagnosis.findings.iter().map(FindingEntry::new).collect(),
            skipped: diagnosis.skipped.iter().map(|(rule, reason)| SkippedEntry { rule, reason }).collect(),
        };
        report.status = report.judge(diagnosis, victims_read(snapshot, scope));
        report
    }

    fn judge(&self, diagnosis: &Diagnosis, victims_read: bool) -> Status {
        let blocked = diagnosis.blocked() || self.claims.iter().any(ClaimEntry::blocked);
        match (blocked, victims_read && !diagnosis.uncertain()) {
            (true, _) => Status::Blocked,
            (false, false) => Status::Incomplete,
            (false, true) => Status::Clear,
        }
    }
}

fn pods<'a>(snapshot: &'a Snapshot, diagnosis: &'a Diagnosis) -> Vec<PodEntry<'a>> {
    let nodes: usize = diagnosis.pods.iter().map(|(_, verdict, _)| verdict.nodes.len()).sum();
    let mut told = Told::default();
    let pods = diagnosis.pods.iter().enumerate().map(|(position, (pod, verdict, ids))| {
        let obstacles = diagnosis.obstacles.get(position).and_then(Option::as_ref);
        let first = if nodes > MAX_NODES { told.first(pod, verdict) } else { pod };
        let nodes_as = (!std::ptr::eq(first, pod)).then(|| format!("{}/{}", first.namespace, first.name));
        PodEntry::new(pod, verdict, obstacles, ids, observed(snapshot, pod), nodes_as)
    });
    pods.collect()
}

/// The pods whose nodes are written out, by what is written of them.
#[derive(Default)]
struct Told<'a> {
    by_verdict: HashMap<*const PodVerdict, &'a ObjectRef>,
    by_nodes: HashMap<u64, Vec<(&'a [NodeVerdict], &'a ObjectRef)>>,
}

impl<'a> Told<'a> {
    /// The first pod of which the same is written, or the pod itself.
    fn first(&mut self, pod: &'a ObjectRef, verdict: &'a Arc<PodVerdict>) -> &'a ObjectRef {
        if let Some(first) = self.by_verdict.get(&Arc::as_ptr(verdict)) {
            return first;
        }
        let nodes = verdict.nodes.as_slice();
        let mut hasher = DefaultHasher::new();
        nodes.iter().for_each(|node| (&node.name, node.plugin, node.fits, node.texts()).hash(&mut hasher));
        let alike = self.by_nodes.entry(hasher.finish()).or_default();
        let same = |others: &[NodeVerdict]| {
            others.len() == nodes.len() && others.iter().zip(nodes).all(|(other, node)| other.told_as(node))
        };
        let known = alike.iter().find(|(others, _)| same(others)).map(|(_, first)| *first);
        let first = known.unwrap_or_else(|| {
            alike.push((nodes, pod));
            pod
        });
        self.by_verdict.insert(Arc::as_ptr(verdict), first);
        first
    }
}

impl<'a> PodEntry<'a> {
    fn new(
        object: &'a ObjectRef,
        verdict: &'a PodVerdict,
        obstacles: Option<&'a PodObstacles>,
        findings: &'a [String],
        observed: Option<ObservedEntry<'a>>,
        nodes_as: Option<String>,
    ) -> Self {
        Self {
            namespace: &object.namespace,
            name: &object.name,
            verdict: verdict.outcome,
            reason: match verdict.outcome {
                Outcome::Unschedulable if verdict.error => Some("SchedulerError"),
                Outcome::Unschedulable => Some("Unschedulable"),
                Outcome::SchedulingGated => Some("SchedulingGated"),
                Outcome::Schedulable | Outcome::OtherScheduler | Outcome::Unknown => None,
            },
            message: verdict.message.as_deref(),
            observed,
            placed: verdict.placed.as_deref(),
            pre_filter: verdict.pre_filter.as_ref().map(|rejection| PreFilterEntry {
                plugin: rejection.plugin,
                message: &rejection.message,
                obstacles: obstacles.map(|obstacles| ObstacleEntry::list(&obstacles.of_pod)),
            }),
            nodes: NodeList { all: &verdict.nodes, obstacles, written: nodes_as.is_none() },
            nodes_as,
            closest: ClosestEntry::list(obstacles),
            preemption: verdict.preemption.as_ref().map(|(node, victims)| PreemptionEntry { node, victims }),
            unknown: &verdict.unknown,
            findings,
        }
    }
}

fn claims(diagnosis: &Diagnosis) -> Vec<ClaimEntry<'_>> {
    let provisioning: BTreeMap<&ObjectRef, &ProvisionerVerdict> =
        diagnosis.provisioning.iter().map(|(claim, verdict)| (claim, verdict)).collect();
    let claims = diagnosis.claims.iter();
    claims.map(|(claim, v, ids)| ClaimEntry::new(claim, v, provisioning.get(claim).copied(), ids)).collect()
}

impl<'a> ClaimEntry<'a> {
    fn new(
        object: &'a ObjectRef,
        verdict: &'a ClaimVerdict,
        provisioner: Option<&'a ProvisionerVerdict>,
        findings: &'a [String],
    ) -> Self {
        let event =
            |event: &'a ClaimEvent| EventEntry { kind: event.kind, reason: event.reason, message: &event.message };
        let meant: Vec<&VolumeMismatch> = verdict.volumes.iter().filter(|volume| volume.could_be_meant()).collect();
        let volume = |volume: &'a VolumeMismatch| VolumeEntry {
            name: &volume.name,
            mismatch: volume.mismatch.iter().map(ToString::to_string).collect(),
            facts: &volume.mismatch,
        };
        Self {
            namespace: &object.namespace,
            name: &object.name,
            verdict: verdict.phase,
            event: verdict.event.as_ref().map(event),
            binds_to: verdict.binds_to.as_deref(),
            volumes_left_out: verdict.volumes_left_out + verdict.volumes.len() - meant.len(),
            volumes: meant.into_iter().map(volume).collect(),
            provisioner,
            unknown: &verdict.unknown,
            findings,
        }
    }

    /// Whether the claim stays as it is until somebody acts: it is lost, the controller found nothing to bind or nobody
    /// to provision, or the provisioner is stopped.
    pub fn blocked(&self) -> bool {
        let refused = |event: &EventEntry| event.kind == "Warning" || event.reason == "FailedBinding";
        let stopped =
            |provisioner: &ProvisionerVerdict| provisioner.intake == Intake::Takes && provisioner.problem.is_some();
        self.verdict == ClaimPhase::Lost
            || self.verdict == ClaimPhase::Pending
                && (self.event.as_ref().is_some_and(refused) || self.provisioner.is_some_and(stopped))
    }
}

/// Kinds for which the command had no use are left out, and of a dump those that it would have asked for only on demand;
/// what was left out by choice is no problem.
fn coverage(snapshot: &Snapshot) -> Vec<CoverageEntry> {
    let by_choice = |kind: Kind| match snapshot.scope(kind).problem() {
        Some(Problem::NotRequested) => true,
        Some(Problem::NotInDump) => !kind.listed(),
        _ => false,
    };
    let entries = snapshot.coverage().into_iter().filter(|entry| entry.read.is_some() || !by_choice(entry.kind));
    let entry = |entry: Coverage| CoverageEntry {
        kind: entry.kind.name(),
        read: entry.read,
        problem: entry.problem.filter(|_| !by_choice(entry.kind)),
        presumed: entry.presumed,
    };
    entries.map(entry).collect()
}

/// Whether pods and claims in scope were all read.
fn victims_read(snapshot: &Snapshot, scope: &diagnosis::Scope) -> bool {
    match scope.namespace.as_deref() {
        Some(namespace) => snapshot.pods.covers(namespace) && snapshot.claims.covers(namespace),
        None => snapshot.pods.complete() && snapshot.claims.complete(),
    }
}

fn observed<'a>(snapshot: &'a Snapshot, object: &ObjectRef) -> Option<ObservedEntry<'a>> {
    let pod: &Pod = snapshot.pods.get(&object.namespace, &object.name).found()?;
    let condition = pod.condition("PodScheduled").filter(|condition| condition.status == "False")?;
    Some(ObservedEntry {
        reason: &condition.reason,
        message: &condition.message,
        since: condition.last_transition_time.as_deref(),
    })
}

/// Describes [`Outcome`] in the schema.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(rename = "Outcome")]
#[expect(dead_code, reason = "only its schema is used")]
enum OutcomeSchema {
    Unschedulable,
    Schedulable,
    SchedulingGated,
    OtherScheduler,
    Unknown,
}
