//! The entries of findings, which every document about causes has.

use serde::Serialize;

use serde_json::Value;

use crate::diagnosis::{
    Confidence, EditOp, Evidence, Explained, Finding, Loss, Manager, ManifestEdit, Remedy, Risk, Severity, Size, Step,
    Trial,
};
use crate::model::ObjectRef;

/// One cause.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FindingEntry<'a> {
    /// Stable between runs: the rule and the object.
    pub id: &'a str,
    /// The rule; `explain` has its page.
    pub rule: &'a str,
    /// `risk` for what is not broken and can be lost; absent for causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<&'static str>,
    /// What can be lost; absent for causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    pub severity: Severity,
    pub confidence: Confidence,
    /// The cause in one sentence.
    pub title: &'a str,
    /// The object in which the cause lies.
    pub object: ObjectEntry<'a>,
    /// The facts that prove it.
    pub evidence: Vec<EvidenceEntry<'a>>,
    /// Findings (by id) and objects that are victims of this cause; of a risk, what is at stake.
    pub explains: Vec<ExplainedEntry<'a>>,
    /// What to do, the best first.
    pub remedies: Vec<RemedyEntry<'a>>,
    /// Why no repair that was tried works; null where one does, and where none was searched for.
    pub no_repair: Option<&'a str>,
    /// Where in the manifests the cause lies; absent where no manifest has a part in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceEntry<'a>>,
    /// Where else in the manifests the same is so; absent where that is nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_places: Vec<PlaceEntry<'a>>,
}

/// A stretch of a manifest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlaceEntry<'a> {
    pub file: &'a str,
    /// The field, such as `spec.volumeClaimTemplates[0].spec.storageClassName`; empty for the document as a whole.
    pub path: String,
    /// From 1, as all four.
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// An object.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ObjectEntry<'a> {
    pub kind: &'a str,
    /// Empty for cluster-scoped objects.
    pub namespace: &'a str,
    pub name: &'a str,
}

/// A fact.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EvidenceEntry<'a> {
    pub object: ObjectEntry<'a>,
    /// The field; empty for the object as a whole.
    pub path: &'a str,
    /// What stands there.
    pub value: &'a str,
    /// Why it matters.
    pub note: &'a str,
}

/// A victim of a cause.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ExplainedEntry<'a> {
    /// Another finding, by its id.
    Finding(&'a str),
    Object(ObjectEntry<'a>),
}

/// A repair.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RemedyEntry<'a> {
    pub title: &'a str,
    pub risk: Risk,
    /// How much it changes, and of what; null where a rule proposed it.
    pub size: Option<Size>,
    /// In the order in which to do them.
    pub steps: Vec<StepEntry<'a>>,
    /// What came of trying it on a copy of the state.
    pub trial: TrialEntry,
    /// The next blocker, or why the remedy was not tried; null where it was tried and everything is placed.
    pub then: Option<&'a str>,
    /// Whether all manifests fit then; absent where it was not tried on manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fits: Option<bool>,
}

/// What came of trying a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum TrialEntry {
    /// Every victim is placed or bound.
    Schedules,
    /// This cause is gone; another is in the way.
    NextBlocker,
    /// Not tried.
    Untried,
}

/// A step of a repair.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StepEntry<'a> {
    /// What is done.
    pub what: &'a str,
    /// The command that does it; null where there is none.
    pub command: Option<&'a str>,
    /// The tool that owns the object and would undo the step.
    pub undone_by: Option<ManagerEntry<'a>>,
    /// The command that takes the step back; null where nothing does.
    pub undo: Option<&'a str>,
    /// The change of a manifest; absent for what is done in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<EditEntry<'a>>,
}

/// A change of a manifest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EditEntry<'a> {
    pub op: EditOp,
    /// The file as it was named, `-` for standard input; the folder where a program rendered it.
    pub file: &'a str,
    /// The stretch that goes, from 1, the end being the place behind its last character; empty where nothing goes. Of a
    /// document that moves, where it begins.
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
    /// The text that takes the place of the stretch; null for a document that moves.
    pub text: Option<&'a str>,
    /// The object, as `Kind namespace/name`.
    pub document: &'a str,
    /// The field, such as `spec.volumeClaimTemplates[0].spec.storageClassName`; empty for the document as a whole.
    pub path: &'a str,
    /// What stands there; null where nothing does.
    pub from: Option<&'a Value>,
    /// What is to stand there, or where a document goes; null where nothing is.
    pub to: Option<&'a Value>,
    /// `helm` or `kustomize`, where that rendered the text: the change belongs into what it was rendered from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renderer: Option<&'static str>,
    /// The template of a Helm chart that the text was rendered from; absent where nothing says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<&'a str>,
}

/// A tool that owns an object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ManagerEntry<'a> {
    /// `Helm` or `Argo CD`.
    pub tool: &'a str,
    /// The release or application.
    pub name: &'a str,
    /// Empty where it isn't known.
    pub namespace: &'a str,
    pub chart: Option<&'a str>,
}

impl<'a> FindingEntry<'a> {
    /// The entry of a finding.
    pub fn new(finding: &'a Finding) -> Self {
        Self {
            id: &finding.id,
            rule: &finding.rule,
            class: finding.risk.map(|_| "risk"),
            loss: finding.risk.map(|risk| risk.loss),
            severity: finding.severity,
            confidence: finding.confidence,
            title: &finding.title,
            object: ObjectEntry::new(&finding.object),
            evidence: finding.evidence.iter().map(EvidenceEntry::new).collect(),
            explains: finding.explains.iter().map(ExplainedEntry::new).collect(),
            remedies: finding.remedies.iter().map(RemedyEntry::new).collect(),
            no_repair: finding.unrepaired.as_deref(),
            place: None,
            more_places: Vec::new(),
        }
    }
}

impl<'a> ObjectEntry<'a> {
    /// The entry of an object.
    pub(in crate::report) fn new(object: &'a ObjectRef) -> Self {
        Self { kind: &object.kind, namespace: &object.namespace, name: &object.name }
    }
}

impl<'a> EvidenceEntry<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        Self {
            object: ObjectEntry::new(&evidence.object),
            path: &evidence.path,
            value: &evidence.value,
            note: &evidence.note,
        }
    }
}

impl<'a> ExplainedEntry<'a> {
    fn new(explained: &'a Explained) -> Self {
        match explained {
            Explained::Finding(id) => Self::Finding(id),
            Explained::Object(object) => Self::Object(ObjectEntry::new(object)),
        }
    }
}

impl<'a> RemedyEntry<'a> {
    pub(in crate::report) fn new(remedy: &'a Remedy) -> Self {
        let (trial, then) = match &remedy.trial {
            Trial::Schedules => (TrialEntry::Schedules, None),
            Trial::NextBlocker { then, .. } => (TrialEntry::NextBlocker, Some(then.as_str())),
            Trial::Untried(reason) => (TrialEntry::Untried, Some(reason.as_str())),
        };
        Self {
            title: &remedy.title,
            risk: remedy.risk,
            size: remedy.size,
            steps: remedy.steps.iter().map(StepEntry::new).collect(),
            trial,
            then,
            fits: remedy.fits,
        }
    }
}

impl RemedyEntry<'_> {
    /// What came of trying it on manifests, in a few words.
    pub(in crate::report) fn outcome(&self) -> &'static str {
        match (self.trial, self.fits) {
            (TrialEntry::Schedules, Some(true)) => "tried: everything fits then",
            (TrialEntry::Schedules, _) => "tried: this fits then, something else does not",
            (TrialEntry::NextBlocker, _) => "tried: it ends this, and something else comes up",
            (TrialEntry::Untried, _) => "not tried",
        }
    }
}

impl EditEntry<'_> {
    /// Where the change belongs if a program rendered the text.
    pub(in crate::report) fn rendered(&self) -> Option<String> {
        match (self.renderer, self.template) {
            (None, None) => None,
            (_, Some(template)) => {
                Some(format!("This is rendered from {template}: change it there, or in its values."))
            }
            (Some(program), None) => Some(format!("{program} rendered this: change what it was rendered from.")),
        }
    }
}

impl<'a> StepEntry<'a> {
    fn new(step: &'a Step) -> Self {
        let undone_by = step.undone_by.as_ref().map(ManagerEntry::new);
        let edit = step.edit.as_ref().map(EditEntry::new);
        Self { what: &step.what, command: step.command.as_deref(), undone_by, undo: step.undo.as_deref(), edit }
    }
}

impl<'a> EditEntry<'a> {
    fn new(edit: &'a ManifestEdit) -> Self {
        Self {
            op: edit.op,
            file: &edit.file,
            line: edit.line,
            column: edit.column,
            end_line: edit.end_line,
            end_column: edit.end_column,
            text: edit.text.as_deref(),
            document: &edit.document,
            path: &edit.path,
            from: edit.from.as_ref(),
            to: edit.to.as_ref(),
            renderer: edit.renderer,
            template: edit.template.as_deref(),
        }
    }
}

impl<'a> ManagerEntry<'a> {
    fn new(manager: &'a Manager) -> Self {
        let Manager { tool, name, namespace, chart } = manager;
        Self { tool, name, namespace, chart: chart.as_deref() }
    }
}
