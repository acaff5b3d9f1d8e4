//! The document of `preflight`.

use serde::Serialize;

use super::API_VERSION;
use super::diagnosis::{ClaimEntry, PodEntry, Report};
use super::finding::{FindingEntry, PlaceEntry};
use crate::diagnosis::Finding;
use crate::preflight::{self, Action, DocumentResult, Place, Verdict, WorkloadResult};

/// What would become of manifests.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Preflight<'a> {
    /// `storagewhy.dev/v1`.
    pub(crate) api_version: &'static str,
    /// `Preflight`.
    pub(crate) kind: &'static str,
    /// The outcome as the exit code tells it.
    pub(crate) status: PreflightStatus,
    /// Every document, in the order in which they are applied.
    pub(crate) documents: Vec<DocumentEntry<'a>>,
    /// Everything that makes pods among the documents that the server takes, each once.
    pub(crate) workloads: Vec<WorkloadEntry<'a>>,
    /// Pods that lose their nodes to pods of the manifests.
    pub(crate) evictions: Vec<EvictionEntry<'a>>,
    /// What can't be known, one line each.
    pub(crate) unknown: &'a [String],
    /// Every pod of the workloads that no node takes, as in the document of `diagnose`.
    pub(crate) pods: Vec<PodEntry<'a>>,
    /// Every claim of the workloads and documents that isn't bound in the end, or that a finding is about.
    pub(crate) claims: Vec<ClaimEntry<'a>>,
    /// The causes, the most severe first.
    pub(crate) findings: Vec<FindingEntry<'a>>,
}

/// The outcome of a preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) enum PreflightStatus {
    /// Every document is admitted, every pod placed, every claim bound or waiting for its first consumer.
    Fits,
    /// Something is refused or has no place.
    Blocked,
    /// Nothing is known to be in the way, but not everything can be known.
    Unknown,
}

/// What the server does with a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DocumentEntry<'a> {
    pub(crate) file: &'a str,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) kind: &'a str,
    /// Null for kinds without namespaces.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
    /// What `kubectl apply` comes down to: `create`, `update`, or `none` where nothing changes.
    pub(crate) action: &'static str,
    /// Null where it can't be known.
    pub(crate) admitted: Option<bool>,
    /// The server's words where it refuses the document, or why the answer isn't known; null for others.
    pub(crate) message: Option<&'a str>,
    /// The server's warnings.
    pub(crate) warnings: &'a [String],
}

/// What becomes of a workload.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WorkloadEntry<'a> {
    pub(crate) kind: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
    /// Pods that are wanted at a time.
    pub(crate) desired: i64,
    /// Pods of the newest revision that there are in the end.
    pub(crate) created: i64,
    /// Those of them with a node.
    pub(crate) placed: i64,
    /// The server's words to the controller whose pods or claims it refuses.
    pub(crate) refused: Option<&'a str>,
    /// kube-scheduler's message for the first pod that is not placed.
    pub(crate) blocked: Option<&'a str>,
    /// Whether pods of an older template stay until somebody deletes them (`OnDelete`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) on_delete: bool,
}

/// Pods that lose their node to another.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct EvictionEntry<'a> {
    /// The pod that comes, as `namespace/name`.
    pub(crate) pod: String,
    pub(crate) node: &'a str,
    /// The pods that go, as `namespace/name`.
    pub(crate) victims: &'a [String],
}

impl<'a> Preflight<'a> {
    /// The report on what came of manifests.
    pub(crate) fn new(outcome: &'a preflight::Preflight) -> Self {
        let report = Report::new(&outcome.snapshot, &outcome.scope, &outcome.diagnosis);
        Self {
            api_version: API_VERSION,
            kind: "Preflight",
            status: match outcome.verdict {
                Verdict::Fits => PreflightStatus::Fits,
                Verdict::Blocked => PreflightStatus::Blocked,
                Verdict::Unknown => PreflightStatus::Unknown,
            },
            documents: outcome.documents.iter().map(DocumentEntry::new).collect(),
            workloads: outcome.workloads.iter().map(WorkloadEntry::new).collect(),
            evictions: outcome
                .evictions
                .iter()
                .map(|eviction| EvictionEntry {
                    pod: format!("{}/{}", eviction.pod.0, eviction.pod.1),
                    node: &eviction.node,
                    victims: &eviction.victims,
                })
                .collect(),
            unknown: &outcome.unknown,
            pods: report.pods,
            claims: report.claims,
            findings: placed(outcome, report.findings),
        }
    }
}

/// The findings with their places in the manifests.
fn placed<'a>(outcome: &'a preflight::Preflight, mut entries: Vec<FindingEntry<'a>>) -> Vec<FindingEntry<'a>> {
    let places = outcome.places();
    let place = |finding: &Finding| {
        let Place { document, path, region } = places.of_finding(finding)?;
        Some(PlaceEntry {
            file: &outcome.sources.get(document)?.file,
            path,
            line: region.line,
            column: region.column,
            end_line: region.end_line,
            end_column: region.end_column,
        })
    };
    for (entry, finding) in entries.iter_mut().zip(&outcome.diagnosis.findings) {
        entry.place = place(finding);
    }
    entries
}

impl<'a> DocumentEntry<'a> {
    fn new(document: &'a DocumentResult) -> Self {
        Self {
            file: &document.file,
            line: document.line,
            kind: &document.key.kind,
            namespace: document.key.namespace.as_deref(),
            name: &document.key.name,
            action: match document.action {
                Action::Create => "create",
                Action::Update => "update",
                Action::None => "none",
            },
            admitted: document.admitted,
            message: document.message.as_deref(),
            warnings: &document.warnings,
        }
    }
}

impl<'a> WorkloadEntry<'a> {
    fn new(workload: &'a WorkloadResult) -> Self {
        Self {
            kind: &workload.key.kind,
            namespace: workload.key.namespace.as_deref(),
            name: &workload.key.name,
            desired: workload.desired,
            created: workload.created,
            placed: workload.placed,
            refused: workload.refused.as_deref(),
            blocked: workload.blocked.as_deref(),
            on_delete: workload.on_delete,
        }
    }
}
