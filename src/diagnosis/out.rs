//! What a rule writes, kept apart until the stage that it belongs to is over.

use super::finding::{Evidence, Finding};
use super::findings::Findings;
use crate::model::ObjectRef;

/// Whether others' errors explain an object, for helpers that serve rules of all stages.
pub(crate) trait Known {
    /// Whether an error explains the object.
    fn explained(&self, object: &ObjectRef) -> bool;
}

/// What a rule says that looks at no other finding.
#[derive(Debug, Default)]
pub struct Causes {
    pub(crate) written: Vec<Written>,
    pub(crate) skipped: Option<String>,
}

/// What a rule says that looks at the findings of the stages before.
#[derive(Debug)]
pub struct Out<'f> {
    findings: &'f Findings,
    pub(crate) own: Causes,
}

/// Something that a rule says.
#[derive(Debug)]
pub(crate) enum Written {
    Finding(Finding),
    /// What explains the first object explains the second as well.
    ExplainedWith(ObjectRef, ObjectRef),
    /// A fact for the error that explains the object.
    Note(ObjectRef, Evidence),
}

impl Causes {
    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.written.push(Written::Finding(finding));
    }

    /// Says that the rule could not judge everything, where there is a reason; the first one stays.
    pub fn skip(&mut self, reason: Option<String>) {
        self.skipped = self.skipped.take().or(reason);
    }
}

impl Known for Causes {
    fn explained(&self, _: &ObjectRef) -> bool {
        false
    }
}

impl Known for Out<'_> {
    fn explained(&self, object: &ObjectRef) -> bool {
        Out::explained(self, object)
    }
}

impl<'f> Out<'f> {
    pub(crate) fn new(findings: &'f Findings) -> Self {
        Self { findings, own: Causes::default() }
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.own.add(finding);
    }

    /// Says that the rule could not judge everything, where there is a reason; the first one stays.
    pub fn skip(&mut self, reason: Option<String>) {
        self.own.skip(reason);
    }

    /// Whether an error explains the object.
    pub fn explained(&self, object: &ObjectRef) -> bool {
        self.findings.explained(object)
    }

    /// Whether an error or a warning explains the object, or it waits for something that is under way.
    pub fn known(&self, object: &ObjectRef) -> bool {
        self.findings.known(object)
    }

    /// Whether a finding lies in the object.
    pub fn tells_of(&self, object: &ObjectRef) -> bool {
        self.findings.list().iter().any(|finding| finding.object == *object)
    }

    /// Whether a rule has found something in the object.
    pub fn told_by(&self, rule: &str, object: &ObjectRef) -> bool {
        self.findings.list().iter().any(|finding| finding.rule == rule && finding.object == *object)
    }

    /// Says that what explains `symptom` explains `object` as well; says whether an error does.
    pub fn explain_with(&mut self, symptom: &ObjectRef, object: &ObjectRef) -> bool {
        let known = self.findings.explained(symptom);
        if known {
            self.own.written.push(Written::ExplainedWith(symptom.clone(), object.clone()));
        }
        known
    }

    /// Adds a fact to the error that explains an object.
    pub fn note(&mut self, symptom: &ObjectRef, evidence: Evidence) {
        self.own.written.push(Written::Note(symptom.clone(), evidence));
    }
}
