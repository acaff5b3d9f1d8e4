//! Findings while rules write them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::finding::{AtRisk, Confidence, Evidence, Explained, Finding, Loss, Near, Severity};
use super::out::{Causes, Written};
use super::remedy::Remedy;
use crate::model::ObjectRef;

/// What the rules of the stages so far have found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    by_id: HashMap<String, usize>,
    explained: HashMap<ObjectRef, Vec<usize>>,
}

impl Finding {
    /// A certain finding without evidence yet.
    pub fn new(
        rule: impl Into<Cow<'static, str>>,
        severity: Severity,
        object: ObjectRef,
        title: impl Into<String>,
    ) -> Self {
        let rule = rule.into();
        Self {
            id: format!("{rule}/{object}"),
            rule,
            severity,
            confidence: Confidence::Certain,
            title: title.into(),
            object,
            evidence: Vec::new(),
            explains: Vec::new(),
            remedies: Vec::new(),
            unrepaired: None,
            rests_on: Vec::new(),
            passing: false,
            risk: None,
        }
    }

    /// Says that the facts point to the cause without proving it.
    #[must_use]
    pub fn likely(mut self) -> Self {
        self.confidence = Confidence::Likely;
        self
    }

    /// Says that what the victims wait for is under way: they are not blocked, and no other rule need explain them.
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.passing = true;
        self
    }

    /// Says that nothing is wrong now, and what can be lost: the victims are what is at stake.
    #[must_use]
    pub fn at_risk(mut self, loss: Loss, near: Near) -> Self {
        self.risk = Some(AtRisk { loss, near });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn evidence(
        mut self,
        object: ObjectRef,
        path: impl Into<String>,
        value: impl Into<String>,
        note: impl Into<String>,
    ) -> Self {
        self.evidence.push(Evidence { object, path: path.into(), value: value.into(), note: note.into() });
        self
    }

    /// Adds a victim.
    #[must_use]
    pub fn explains(mut self, object: ObjectRef) -> Self {
        self.explains.push(Explained::Object(object));
        self
    }

    /// Adds victims.
    #[must_use]
    pub fn explains_all(mut self, objects: impl IntoIterator<Item = ObjectRef>) -> Self {
        self.explains.extend(objects.into_iter().map(Explained::Object));
        self
    }

    /// Says what the cause itself waits for, the nearest first.
    #[must_use]
    pub fn rests_on(mut self, objects: impl IntoIterator<Item = ObjectRef>) -> Self {
        self.rests_on.extend(objects);
        self
    }

    /// Adds a repair, which is tried later.
    #[must_use]
    pub fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedies.push(remedy);
        self
    }

    /// Adds repairs, the best first.
    #[must_use]
    pub fn with_remedies(mut self, remedies: impl IntoIterator<Item = Remedy>) -> Self {
        self.remedies.extend(remedies);
        self
    }

    /// The victims that are objects.
    pub fn victims(&self) -> impl Iterator<Item = &ObjectRef> {
        self.explains.iter().filter_map(|explained| match explained {
            Explained::Object(object) => Some(object),
            Explained::Finding(_) => None,
        })
    }
}

impl Findings {
    /// Adds a finding. One of the same rule on the same object takes its evidence, victims and remedies over.
    pub(crate) fn add(&mut self, mut finding: Finding) {
        let position = match self.by_id.get(&finding.id) {
            Some(position) => {
                let present = &mut self.list[*position];
                let new = |evidence: &Evidence| !present.evidence.contains(evidence);
                finding.evidence.retain(new);
                present.evidence.append(&mut finding.evidence);
                present.severity = present.severity.min(finding.severity);
                present.rests_on.append(&mut finding.rests_on);
                if present.remedies.is_empty() {
                    present.remedies = finding.remedies;
                }
                *position
            }
            None => {
                self.by_id.insert(finding.id.clone(), self.list.len());
                let explains = std::mem::take(&mut finding.explains);
                self.list.push(finding);
                finding = Finding { explains, ..self.list[self.list.len() - 1].clone() };
                self.list.len() - 1
            }
        };
        for explained in finding.explains {
            self.attach(position, explained);
        }
    }

    fn attach(&mut self, position: usize, explained: Explained) {
        if let Explained::Object(object) = &explained {
            let causes = self.explained.entry(object.clone()).or_default();
            if causes.contains(&position) {
                return;
            }
            causes.push(position);
        }
        self.list[position].explains.push(explained);
    }

    /// Says that what explains `symptom` explains `object` as well; says whether an error does.
    pub(crate) fn explain_with(&mut self, symptom: &ObjectRef, object: &ObjectRef) -> bool {
        let Some(position) = self.error_for(symptom) else { return false };
        self.attach(position, Explained::Object(object.clone()));
        true
    }

    /// Adds a fact to the error that explains an object.
    pub(crate) fn note(&mut self, symptom: &ObjectRef, evidence: Evidence) {
        if let Some(position) = self.error_for(symptom)
            && !self.list[position].evidence.contains(&evidence)
        {
            self.list[position].evidence.push(evidence);
        }
    }

    /// Hangs every error that rests on something which another error explains under that one: it is a symptom then, and
    /// the other explains what it did. Errors that rest on each other in a circle stay, and say so.
    /// `behind` tells what objects rest on in turn, the nearest first, themselves included.
    pub(crate) fn chain(&mut self, behind: impl Fn(&[ObjectRef]) -> Vec<ObjectRef>) {
        let roots: Vec<Option<usize>> = (0..self.list.len()).map(|symptom| self.root_of(symptom, &behind)).collect();
        let circles: Vec<Vec<usize>> = (0..roots.len()).map(|start| circle(&roots, start)).collect();
        for (symptom, circle) in circles.iter().enumerate() {
            match roots[symptom] {
                Some(_) if !circle.is_empty() => self.tell_circle(symptom, circle),
                Some(root) => self.hang(symptom, root),
                None if self.waits_for_itself(symptom, &behind) => self.tell_circle(symptom, &[symptom]),
                None => {}
            }
        }
    }

    /// The error about what an error rests on.
    fn root_of(&self, symptom: usize, behind: impl Fn(&[ObjectRef]) -> Vec<ObjectRef>) -> Option<usize> {
        let about = |at: &usize| *at != symptom && self.list[*at].severity == Severity::Error;
        let finding = Some(&self.list[symptom]).filter(|finding| finding.severity == Severity::Error)?;
        let explains = |object: &ObjectRef| self.explained.get(object).into_iter().flatten().copied().find(&about);
        if finding.rests_on.is_empty() {
            return None;
        }
        let objects = behind(&finding.rests_on);
        let lies_in = || (0..self.list.len()).filter(&about).find(|at| objects.contains(&self.list[*at].object));
        objects.iter().find_map(explains).or_else(lies_in)
    }

    /// Whether what an error rests on is among its own victims.
    fn waits_for_itself(&self, at: usize, behind: impl Fn(&[ObjectRef]) -> Vec<ObjectRef>) -> bool {
        let finding = &self.list[at];
        if finding.severity != Severity::Error || finding.rests_on.is_empty() {
            return false;
        }
        let objects = behind(&finding.rests_on);
        finding.victims().any(|victim| objects.contains(victim))
    }

    fn hang(&mut self, symptom: usize, root: usize) {
        self.list[symptom].severity = Severity::Warning;
        self.list[symptom].remedies.clear();
        let victims: Vec<ObjectRef> = self.list[symptom].victims().cloned().collect();
        for victim in victims {
            self.attach(root, Explained::Object(victim));
        }
        let id = self.list[symptom].id.clone();
        self.attach(root, Explained::Finding(id));
    }

    /// Says of an error that it waits for itself by way of others, and where the circle can be cut.
    fn tell_circle(&mut self, at: usize, circle: &[usize]) {
        let own = circle == [at];
        let way: Vec<String> = circle.iter().map(|at| self.list[*at].object.to_string()).collect();
        let cut = circle.iter().copied().find(|at| !self.list[*at].remedies.is_empty()).unwrap_or(at);
        let note = if own {
            "what it waits for waits for it in turn: the circle is cut here".to_owned()
        } else if cut == at {
            "each waits for the next, and the last for the first: the circle is cut here".to_owned()
        } else {
            format!("each waits for the next, and the last for the first: cut it at {}", self.list[cut].object)
        };
        let object = self.list[at].object.clone();
        self.list[at].evidence.push(Evidence { object, path: "circle".to_owned(), value: way.join(" → "), note });
    }

    /// The id of the error that explains the object.
    pub(crate) fn cause_of(&self, object: &ObjectRef) -> Option<&str> {
        self.error_for(object).map(|position| self.list[position].id.as_str())
    }

    /// Whether an error explains the object.
    pub(crate) fn explained(&self, object: &ObjectRef) -> bool {
        self.error_for(object).is_some()
    }

    /// Whether an error or a warning explains the object, or it waits for something that is under way.
    pub(crate) fn known(&self, object: &ObjectRef) -> bool {
        let known = |finding: &Finding| finding.severity < Severity::Info || finding.passing;
        let causes = self.explained.get(object);
        causes.is_some_and(|causes| causes.iter().any(|position| known(&self.list[*position])))
    }

    /// Takes over what a rule says.
    pub(crate) fn take(&mut self, said: Causes) {
        for written in said.written {
            match written {
                Written::Finding(finding) => self.add(finding),
                Written::ExplainedWith(symptom, object) => {
                    self.explain_with(&symptom, &object);
                }
                Written::Note(symptom, evidence) => self.note(&symptom, evidence),
            }
        }
    }

    fn error_for(&self, object: &ObjectRef) -> Option<usize> {
        let causes = self.explained.get(object)?;
        causes.iter().copied().find(|position| self.list[*position].severity == Severity::Error)
    }

    /// The findings so far.
    pub(crate) fn list(&self) -> &[Finding] {
        &self.list
    }

    /// The findings, ready for a report: evidence once, victims in order, causes before what they explain,
    /// and risks behind all causes.
    pub(crate) fn finish(self) -> Vec<Finding> {
        let mut list = self.list;
        for finding in &mut list {
            let mut seen = HashSet::new();
            finding.evidence.retain(|evidence| {
                seen.insert((evidence.object.clone(), evidence.path.clone(), evidence.value.clone()))
            });
            finding.explains.sort_by(compare);
        }
        list.sort_by(|a, b| {
            let key = |f: &Finding| (f.risk, f.severity, std::cmp::Reverse(f.explains.len()));
            key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
        });
        list
    }
}

/// The errors by which one rests on itself, from it on; empty where it does not.
fn circle(roots: &[Option<usize>], start: usize) -> Vec<usize> {
    let mut way = vec![start];
    let mut at = start;
    while let Some(next) = roots[at].filter(|_| way.len() <= roots.len()) {
        if next == start {
            return way;
        }
        way.push(next);
        at = next;
    }
    Vec::new()
}

fn compare(a: &Explained, b: &Explained) -> std::cmp::Ordering {
    match (a, b) {
        (Explained::Object(a), Explained::Object(b)) => (&a.kind, &a.namespace)
            .cmp(&(&b.kind, &b.namespace))
            .then_with(|| super::text::natural_order(&a.name, &b.name)),
        (a, b) => a.cmp(b),
    }
}

/// The ids of the causes about each object: those that lie in it or that it is a victim of.
pub(crate) fn ids_by_object(findings: &[Finding]) -> BTreeMap<ObjectRef, Vec<String>> {
    let mut ids: BTreeMap<ObjectRef, Vec<String>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.risk.is_none()) {
        let objects: HashSet<&ObjectRef> = finding.victims().chain([&finding.object]).collect();
        for object in objects {
            ids.entry(object.clone()).or_default().push(finding.id.clone());
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn pod(name: &str) -> ObjectRef {
        ObjectRef::new(Kind::Pod, "app", name)
    }

    fn finding(rule: &'static str, severity: Severity, victims: &[&str]) -> Finding {
        let object = ObjectRef::new(Kind::StorageClass, "", "fast");
        Finding::new(rule, severity, object, "t").explains_all(victims.iter().map(|name| pod(name)))
    }

    #[test]
    fn a_cause_is_told_once_with_all_its_victims() {
        let mut findings = Findings::default();
        findings.add(finding("class-not-found", Severity::Error, &["a-10", "a-2"]));
        findings.add(finding("class-not-found", Severity::Error, &["a-2", "a-3"]));
        assert!(findings.explain_with(&pod("a-3"), &pod("a-4")));
        let list = findings.finish();
        assert_eq!(list.len(), 1);
        let victims: Vec<_> = list[0].victims().map(|object| object.name.as_str()).collect();
        assert_eq!(victims, ["a-2", "a-3", "a-4", "a-10"]);
    }

    #[test]
    fn a_symptom_hangs_under_the_error_about_what_it_rests_on() {
        let mut findings = Findings::default();
        findings.add(finding("provisioner", Severity::Error, &["a"]).rests_on([pod("ctl")]));
        findings.chain(<[ObjectRef]>::to_vec);
        assert_eq!(findings.list()[0].severity, Severity::Error, "nothing explains it");
        let id = findings.list()[0].id.clone();
        let object = ObjectRef::new(Kind::ReplicaSet, "csi", "ctl");
        findings.add(Finding::new("no-node", Severity::Error, object, "t").explains(pod("ctl")));
        findings.chain(<[ObjectRef]>::to_vec);
        let list = findings.finish();
        assert_eq!((&*list[0].rule, list[1].severity), ("no-node", Severity::Warning));
        assert!(list[0].victims().any(|victim| *victim == pod("a")));
        assert!(list[0].explains.contains(&Explained::Finding(id)));
    }

    #[test]
    fn a_circle_is_told_as_one_and_nobody_in_it_is_a_mere_symptom() {
        let mut findings = Findings::default();
        findings.add(finding("webhook", Severity::Error, &["server"]).rests_on([pod("server")]));
        let lone = ObjectRef::new(Kind::Deployment, "app", "server");
        findings.add(Finding::new("volume", Severity::Error, lone, "t").explains(pod("server")).rests_on([pod("a")]));
        findings.add(finding("driver", Severity::Error, &["a"]).rests_on([pod("server")]));
        findings.chain(<[ObjectRef]>::to_vec);
        let list = findings.finish();
        assert!(list.iter().filter(|finding| finding.severity == Severity::Error).count() >= 2);
        assert!(list.iter().any(|finding| finding.evidence.iter().any(|fact| fact.path == "circle")));
    }

    #[test]
    fn information_explains_nothing_that_is_blocked() {
        let mut findings = Findings::default();
        findings.add(finding("waits", Severity::Info, &["a"]));
        assert!(!findings.explained(&pod("a")));
        assert!(!findings.explain_with(&pod("a"), &pod("b")));
    }

    #[test]
    fn errors_come_first_then_what_explains_most() {
        let mut findings = Findings::default();
        findings.add(finding("info", Severity::Info, &["a", "b", "c"]));
        findings.add(finding("small", Severity::Error, &["a"]));
        findings.add(finding("large", Severity::Error, &["a", "b"]));
        let rules: Vec<_> = findings.finish().into_iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, ["large", "small", "info"]);
    }
}
