//! The document of `preflight`.

use serde::Serialize;

use super::API_VERSION;
use super::diagnosis::{ClaimEntry, PodEntry, Report};
use super::finding::{FindingEntry, PlaceEntry, RemedyEntry};
use crate::preflight::dry_run::ServerResult;
use crate::preflight::issues::{Issue, Level, Suppression, UNREADABLE};
use crate::preflight::manifests::{Document, Role};
use crate::preflight::repairs::Refusal;
use crate::preflight::world::Key;
use crate::preflight::{
    self, Action, DocumentResult, Move, Place, Unjudged, Verdict, WorkloadResult, unjudged, why_unjudged,
};
use crate::source::manifests::ManifestFile;

/// What is said above the kinds that are not judged.
pub(crate) const NOT_JUDGED: &str = "Only whether the server takes it is judged";
/// What is said of hooks that do not run now.
pub(crate) const NOT_RUN: &str = "Not judged, since helm runs it neither on install nor on upgrade";

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
    /// Objects that are deleted.
    pub(crate) deletions: Vec<DeletionEntry<'a>>,
    /// Pods whose nodes are drained or lost, and where they go.
    pub(crate) moves: Vec<MoveEntry<'a>>,
    /// What can't be known, one line each.
    pub(crate) unknown: &'a [String],
    /// Every pod of the workloads that no node takes, as in the document of `diagnose`.
    pub(crate) pods: Vec<PodEntry<'a>>,
    /// Every claim of the workloads and documents that isn't bound in the end, or that a finding is about.
    pub(crate) claims: Vec<ClaimEntry<'a>>,
    /// The causes, the most severe first.
    pub(crate) findings: Vec<FindingEntry<'a>>,
    /// Kinds of the documents of which no more is judged than whether the server takes them.
    pub(crate) not_judged: Vec<NotJudgedEntry>,
    /// Hooks of helm that no install and no upgrade runs: nothing is made of them.
    pub(crate) not_run: Vec<NotRunEntry<'a>>,
    /// What is wrong, each at the place of a manifest at which it is to be put right.
    pub(crate) issues: Vec<IssueEntry<'a>>,
    /// The files, for formats that show lines of them.
    #[serde(skip)]
    pub(crate) files: &'a [ManifestFile],
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
    /// From 1.
    pub(crate) column: usize,
    /// The template of a Helm chart that it was rendered from; absent where nothing says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<&'a str>,
    /// Absent for what is part of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<RoleEntry>,
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
    /// What the server's words leave out; absent where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<&'a str>,
    /// The server's warnings.
    pub(crate) warnings: &'a [String],
    /// Why no more of it is judged than whether the server takes it; absent where more is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_judged: Option<&'static str>,
    /// What the server itself says; absent without `--server-dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<ServerEntry<'a>>,
}

/// An object, as `Kind namespace/name`.
pub(crate) fn called(kind: &str, namespace: Option<&str>, name: &str) -> String {
    let namespace = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("{kind} {namespace}{name}")
}

impl DocumentEntry<'_> {
    /// The object, as `Kind namespace/name`.
    pub(crate) fn object(&self) -> String {
        called(self.kind, self.namespace, self.name)
    }

    /// The workload that the document is.
    pub(crate) fn workload<'r, 'a>(&self, report: &'r Preflight<'a>) -> Option<&'r WorkloadEntry<'a>> {
        let mut workloads = report.workloads.iter();
        workloads.find(|one| one.kind == self.kind && one.namespace == self.namespace && one.name == self.name)
    }
}

/// What the server itself says of a document that it was sent as a write marked dry-run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ServerEntry<'a> {
    /// Null where it was not asked or did not say.
    pub(crate) admitted: Option<bool>,
    /// The server's words where it refuses the document, or why it was not asked or did not say; null for others.
    pub(crate) message: Option<&'a str>,
    /// Whether the document's `admitted` and `message` are the server's.
    pub(crate) decides: bool,
    /// Whether the server says otherwise than was worked out without it.
    pub(crate) differs: bool,
    /// Fields of the pods' spec that the server would store otherwise than was worked out: what webhooks made of them.
    pub(crate) changed: &'a [String],
}

/// What a document is to the tool that applies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) enum RoleEntry {
    /// Runs before or after the release.
    Hook,
    /// Runs when the release is tested.
    Test,
}

/// A kind that is not judged.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct NotJudgedEntry {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    /// How many documents are of the kind.
    pub(crate) documents: usize,
    pub(crate) reason: &'static str,
}

/// A hook of helm that does not run now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct NotRunEntry<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: usize,
    /// The template of a chart that it was rendered from, as helm's comment says; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<&'a str>,
    pub(crate) kind: &'a str,
    /// As the document has it; null where it names none.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
    /// When helm runs it, as the annotation says.
    pub(crate) hook: &'a str,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct IssueEntry<'a> {
    /// The rule: one that `explain` has a page of, or one of those that `docs/ci.md` lists.
    pub(crate) rule: &'a str,
    pub(crate) level: LevelEntry,
    pub(crate) message: &'a str,
    /// The file as it was named, `-` for standard input.
    pub(crate) file: &'a str,
    /// From 1, as the columns; null where the whole file is meant.
    pub(crate) line: Option<usize>,
    pub(crate) column: Option<usize>,
    /// The place behind the last character.
    pub(crate) end_line: Option<usize>,
    pub(crate) end_column: Option<usize>,
    /// The object, as `Kind namespace/name`; empty where there is none.
    pub(crate) object: &'a str,
    /// Absent for what is part of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<RoleEntry>,
    /// The field; empty for the object as a whole.
    pub(crate) path: &'a str,
    /// The same from run to run, as long as rule, object and field are.
    pub(crate) fingerprint: &'a str,
    /// Why it does not count; null where it does.
    pub(crate) suppressed: Option<SuppressionEntry<'a>>,
    /// The finding that it tells, by its id, which has the repairs; absent for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finding: Option<&'a str>,
    /// What to do about what the server refuses, the best first; absent where there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) remedies: Vec<RemedyEntry<'a>>,
    /// Why no repair that was tried works; absent where one does, and where none was searched for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) no_repair: Option<&'a str>,
    /// Which refusal it tells: several issues may tell the same.
    #[serde(skip)]
    pub(crate) refusal: Option<usize>,
}

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) enum LevelEntry {
    /// Something is refused or has no place.
    Error,
    /// Whether it fits can't be known.
    Unknown,
    /// It fits, and something is wrong.
    Warning,
}

/// Why an issue does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SuppressionEntry<'a> {
    /// `comment` or `baseline`.
    pub(crate) by: &'static str,
    /// What the comment says; null for the baseline.
    pub(crate) reason: Option<&'a str>,
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
    /// Those of the placed ones that had no node before: how many more of the workload fit.
    pub(crate) more: i64,
    /// What the nodes lack that took pods of the workload, where one is not placed; null for others.
    pub(crate) ended_by: Option<&'a str>,
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

/// An object that goes.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DeletionEntry<'a> {
    pub(crate) kind: &'a str,
    /// Null for kinds without namespaces.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
}

/// A pod whose node goes.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct MoveEntry<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) from: &'a str,
    /// The node of its successor; null where it finds none.
    pub(crate) to: Option<&'a str>,
    /// Why it finds none, or why the pod stays; null for others.
    pub(crate) blocked: Option<&'a str>,
}

impl<'a> From<&'a Key> for DeletionEntry<'a> {
    fn from(key: &'a Key) -> Self {
        Self { kind: &key.kind, namespace: key.namespace.as_deref(), name: &key.name }
    }
}

impl<'a> From<&'a Move> for MoveEntry<'a> {
    fn from(one: &'a Move) -> Self {
        let (to, blocked) = (one.to.as_deref(), one.blocked.as_deref());
        Self { namespace: &one.namespace, name: &one.name, from: &one.from, to, blocked }
    }
}

impl<'a> Preflight<'a> {
    /// The report on what came of manifests.
    pub(crate) fn new(outcome: &'a preflight::Preflight, issues: &'a [Issue]) -> Self {
        let report = Report::new(&outcome.snapshot, &outcome.scope, &outcome.diagnosis);
        Self {
            api_version: API_VERSION,
            kind: "Preflight",
            status: match outcome.verdict {
                Verdict::Fits if issues.iter().any(|issue| issue.rule == UNREADABLE) => PreflightStatus::Unknown,
                Verdict::Fits => PreflightStatus::Fits,
                Verdict::Blocked => PreflightStatus::Blocked,
                Verdict::Unknown => PreflightStatus::Unknown,
            },
            documents: outcome.sources.iter().zip(&outcome.documents).map(DocumentEntry::new).collect(),
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
            deletions: outcome.deletions.iter().map(DeletionEntry::from).collect(),
            moves: outcome.moves.iter().map(MoveEntry::from).collect(),
            unknown: &outcome.unknown,
            pods: report.pods,
            claims: report.claims,
            findings: placed(outcome, report.findings),
            not_judged: unjudged(&outcome.sources).into_iter().map(NotJudgedEntry::new).collect(),
            not_run: Vec::new(),
            issues: issues.iter().map(|issue| IssueEntry::new(issue, &outcome.refusals)).collect(),
            files: &outcome.files,
        }
    }

    /// The report with hooks of helm that do not run now.
    pub(crate) fn naming(mut self, later: &'a [Document]) -> Self {
        self.not_run = later.iter().filter_map(NotRunEntry::new).collect();
        self
    }
}

impl Preflight<'_> {
    /// The kinds that are not judged, by the reason: the kinds with how many documents are of each, then the reason.
    pub(crate) fn not_judged_by_reason(&self) -> Vec<(String, &'static str)> {
        let mut reasons: Vec<(String, &'static str)> = Vec::new();
        for NotJudgedEntry { kind, documents, reason, .. } in &self.not_judged {
            let told = format!("{documents} {kind}");
            match reasons.iter_mut().find(|(_, known)| known == reason) {
                Some((kinds, _)) => *kinds = format!("{kinds}, {told}"),
                None => reasons.push((told, reason)),
            }
        }
        reasons
    }

    /// The outcome in one line, without a full stop.
    pub(crate) fn summary(&self) -> String {
        let documents = self.documents.len();
        let of = |admitted| self.documents.iter().filter(|document| document.admitted == admitted).count();
        let (admitted, unknown) = (of(Some(true)), of(None));
        let desired: i64 = self.workloads.iter().map(|workload| workload.desired).sum();
        let placed: i64 = self.workloads.iter().map(|workload| workload.placed).sum();
        let status = match self.status {
            PreflightStatus::Fits => "Fits",
            PreflightStatus::Blocked => "Blocked",
            PreflightStatus::Unknown => "Not known",
        };
        let unknown = if unknown == 0 { String::new() } else { format!(" ({unknown} not known)") };
        let applied =
            format!("{admitted} of {documents} documents admitted{unknown}, {placed} of {desired} pods placed");
        let found = self.moves.iter().filter(|one| one.blocked.is_none()).count();
        match (documents, self.moves.len()) {
            (0, 0) => format!("{status}: no pod has to move"),
            (0, moves) => format!("{status}: {found} of {moves} pods find a place again"),
            (_, 0) => format!("{status}: {applied}"),
            (_, moves) => format!("{status}: {applied}, {found} of {moves} others find a place again"),
        }
    }
}

/// The findings with their places in the manifests.
fn placed<'a>(outcome: &'a preflight::Preflight, mut entries: Vec<FindingEntry<'a>>) -> Vec<FindingEntry<'a>> {
    let places = outcome.places();
    let place = |Place { document, path, region }: Place| {
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
        let mut all = places.all_of_finding(finding).into_iter().filter_map(place);
        entry.place = all.next();
        entry.more_places = all.collect();
    }
    entries
}

impl<'a> DocumentEntry<'a> {
    fn new((manifest, document): (&'a Document, &'a DocumentResult)) -> Self {
        Self {
            file: &document.file,
            line: document.line,
            column: manifest.column,
            template: manifest.template.as_deref(),
            role: RoleEntry::of(manifest.role().0),
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
            hint: document.hint.as_deref(),
            warnings: &document.warnings,
            server: document.server.as_ref().map(ServerEntry::new),
            not_judged: why_unjudged(manifest),
        }
    }
}

impl RoleEntry {
    fn of(role: Role) -> Option<Self> {
        match role {
            Role::Part => None,
            Role::Hook => Some(Self::Hook),
            Role::Test => Some(Self::Test),
        }
    }

    /// What stands behind an object that has the role.
    pub(crate) fn words(role: Option<Self>) -> &'static str {
        match role {
            None => "",
            Some(Self::Hook) => " (a hook)",
            Some(Self::Test) => " (a test)",
        }
    }
}

impl<'a> NotRunEntry<'a> {
    fn new(document: &'a Document) -> Option<Self> {
        let text = |pointer: &str| document.object.pointer(pointer).and_then(serde_json::Value::as_str);
        Some(Self {
            file: &document.file,
            line: document.line,
            template: document.template.as_deref(),
            kind: text("/kind").unwrap_or_default(),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name").unwrap_or_default(),
            hook: document.runs_later()?,
        })
    }

    /// The object with when it runs.
    pub(crate) fn told(&self) -> String {
        format!("{} ({})", called(self.kind, self.namespace, self.name), self.hook)
    }
}

impl<'a> ServerEntry<'a> {
    fn new(result: &'a ServerResult) -> Self {
        let ServerResult { admitted, message, decides, differs, changed } = result;
        Self { admitted: *admitted, message: message.as_deref(), decides: *decides, differs: *differs, changed }
    }
}

impl NotJudgedEntry {
    fn new(kind: Unjudged) -> Self {
        let Unjudged { api_version, kind, documents, reason } = kind;
        Self { api_version, kind, documents, reason }
    }
}

impl<'a> IssueEntry<'a> {
    fn new(issue: &'a Issue, refusals: &'a [Refusal]) -> Self {
        let region = issue.region;
        let refusal = issue.refusal.and_then(|index| refusals.get(index));
        Self {
            rule: &issue.rule,
            level: match issue.level {
                Level::Error => LevelEntry::Error,
                Level::Unknown => LevelEntry::Unknown,
                Level::Warning => LevelEntry::Warning,
            },
            message: &issue.message,
            file: &issue.file,
            line: region.map(|region| region.line),
            column: region.map(|region| region.column),
            end_line: region.map(|region| region.end_line),
            end_column: region.map(|region| region.end_column),
            object: &issue.object,
            role: RoleEntry::of(issue.role),
            path: &issue.path,
            fingerprint: &issue.fingerprint,
            suppressed: issue.suppression.as_ref().map(|suppression| match suppression {
                Suppression::Comment(reason) => SuppressionEntry { by: "comment", reason: Some(reason) },
                Suppression::Baseline => SuppressionEntry { by: "baseline", reason: None },
            }),
            finding: issue.finding.as_deref(),
            remedies: refusal
                .map(|refusal| refusal.remedies.iter().map(RemedyEntry::new).collect())
                .unwrap_or_default(),
            no_repair: refusal.and_then(|refusal| refusal.unrepaired.as_deref()),
            refusal: issue.refusal,
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
            more: workload.more,
            ended_by: workload.ended_by.as_deref(),
            refused: workload.refused.as_deref(),
            blocked: workload.blocked.as_deref(),
            on_delete: workload.on_delete,
        }
    }
}
