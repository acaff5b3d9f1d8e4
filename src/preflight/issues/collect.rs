//! Collects what is wrong from the manifests and from what came of them.

use std::collections::HashMap;

use super::fields::{invalid, pod_spec, refused, scheduled};
use super::{Baseline, Issue, Level, Suppression, UNREADABLE};
use crate::diagnosis::Severity;
use crate::preflight::judged::{DocumentResult, WorkloadResult};
use crate::preflight::manifests::{Document, Problem, Region, Role, strict};
use crate::preflight::places::{Place, Places};
use crate::preflight::run::{Preflight, Verdict, named};

/// What is wrong: with the files, with each document in its order, and with what comes of them.
pub(crate) fn collect(
    (problems, passed_over): (&[Problem], &[Problem]),
    outcome: &Preflight,
    minor: u32,
    baseline: &Baseline,
) -> Vec<Issue> {
    let places = outcome.places();
    let mut collector = Collector { outcome, places, baseline, issues: Vec::new(), told: HashMap::new() };
    problems.iter().for_each(|problem| collector.problem(UNREADABLE, Level::Error, problem));
    passed_over.iter().for_each(|problem| collector.problem("passed-over", Level::Warning, problem));
    for (index, (document, result)) in outcome.sources.iter().zip(&outcome.documents).enumerate() {
        collector.document(index, document, result, minor);
    }
    let explained = collector.findings();
    for workload in outcome.workloads.iter().filter(|workload| !workload.fits()) {
        collector.workload(workload, &explained);
    }
    collector.issues
}

struct Collector<'a> {
    outcome: &'a Preflight,
    places: Places<'a>,
    baseline: &'a Baseline,
    issues: Vec<Issue>,
    /// How often an issue of the same rule, object and field was told.
    told: HashMap<String, usize>,
}

/// What an issue tells: a finding by its id, or a refusal by its position.
#[derive(Clone, Debug, Default)]
struct Because {
    finding: Option<String>,
    refusal: Option<usize>,
}

impl Collector<'_> {
    fn problem(&mut self, rule: &str, level: Level, problem: &Problem) {
        let region = problem.line.map(|line| {
            let column = problem.column.unwrap_or(1);
            Region { line, column, end_line: line, end_column: column }
        });
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let message = format!("{}{hint}", problem.message);
        let key = format!("{rule}|{}|{}", problem.file, problem.message);
        let fingerprint = self.fingerprint(key);
        let known = self.baseline.knows(&fingerprint);
        self.issues.push(Issue {
            rule: rule.to_owned(),
            level,
            message,
            file: problem.file.clone(),
            region,
            object: String::new(),
            role: Role::Part,
            path: String::new(),
            suppression: known.then_some(Suppression::Baseline),
            finding: None,
            refusal: None,
            fingerprint,
        });
    }

    /// Tells an issue of a field of a document that neither a finding nor a refusal is behind.
    fn tell(&mut self, index: usize, path: &str, rule: &str, level: Level, message: String) {
        self.tell_of(&Because::default(), (index, path), rule, level, message);
    }

    /// Tells an issue of a field of a document.
    fn tell_of(&mut self, because: &Because, (index, path): (usize, &str), rule: &str, level: Level, message: String) {
        let (Some(document), Some(result)) = (self.outcome.sources.get(index), self.outcome.documents.get(index))
        else {
            return;
        };
        let level = match (level, self.outcome.verdict) {
            (Level::Error, Verdict::Fits) => Level::Warning,
            (Level::Error, Verdict::Unknown) => Level::Unknown,
            _ => level,
        };
        let region = document.region(path);
        let object = named(&result.key);
        let fingerprint = self.fingerprint(format!("{rule}|{object}|{path}"));
        let comment = document.allowance(rule, region.line).map(|one| Suppression::Comment(one.reason.clone()));
        let known = self.baseline.knows(&fingerprint).then_some(Suppression::Baseline);
        self.issues.push(Issue {
            rule: rule.to_owned(),
            level,
            message,
            file: document.file.clone(),
            region: Some(region),
            object,
            role: document.role().0,
            path: path.to_owned(),
            fingerprint,
            suppression: comment.or(known),
            finding: because.finding.clone(),
            refusal: because.refusal,
        });
    }

    /// FNV-1a of the key; of equal ones the second and further differ.
    fn fingerprint(&mut self, key: String) -> String {
        let before = self.told.entry(key.clone()).and_modify(|count| *count += 1).or_insert(0);
        let text = if *before > 0 { format!("{key}|{before}") } else { key };
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{hash:016x}")
    }

    fn document(&mut self, index: usize, document: &Document, result: &DocumentResult, minor: u32) {
        for twice in &document.duplicates {
            let message = format!("duplicate field {:?}: kubectl takes the last and drops the others", twice.path);
            self.tell(index, &twice.path, "duplicate-field", Level::Warning, message);
        }
        for warning in &result.warnings {
            let path = warning.split_once(": ").map(|(path, _)| path).filter(|path| document.field(path).is_some());
            let forbidden = || warning.contains(" PodSecurity ").then(|| refused(&document.object, warning));
            let path = path.map(str::to_owned).or_else(forbidden).unwrap_or_default();
            self.tell(index, &path, "server-warning", Level::Warning, warning.clone());
        }
        let message = result.message.as_deref().unwrap_or_default();
        match result.admitted {
            Some(true) => {}
            None => self.tell(index, "", "not-known", Level::Unknown, message.to_owned()),
            Some(false) => self.refused(index, document, result, minor),
        }
    }

    fn refusal(&self, index: usize) -> Option<usize> {
        self.outcome.refusals.iter().position(|refusal| refusal.documents.contains(&index))
    }

    /// What the server refuses, field by field where it names them.
    fn refused(&mut self, index: usize, document: &Document, result: &DocumentResult, minor: u32) {
        let because = Because { finding: None, refusal: self.refusal(index) };
        let message = result.message.clone().unwrap_or_default();
        let hinted = |text: &str| match &result.hint {
            Some(hint) => format!("{text} ({hint})"),
            None => text.to_owned(),
        };
        let decoded = strict::decode(&document.object, minor);
        if let Some(fault) = decoded.fault {
            return self.tell_of(&because, (index, &fault.path), "refused", Level::Error, message);
        }
        if !decoded.unknown.is_empty() && message.contains("unknown field") {
            for field in decoded.unknown {
                let hint = field.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                let message = format!("unknown field {:?}{hint}", field.path);
                self.tell_of(&because, (index, &field.path), "unknown-field", Level::Error, message);
            }
            return;
        }
        let fields = invalid(&message);
        if fields.is_empty() {
            let path = refused(&document.object, &message);
            return self.tell_of(&because, (index, &path), "refused", Level::Error, hinted(&message));
        }
        for (path, what) in fields {
            self.tell_of(&because, (index, &path), "refused", Level::Error, hinted(&format!("{path}: {what}")));
        }
    }

    /// Tells the findings, and which documents they explain.
    fn findings(&mut self) -> Vec<usize> {
        let outcome = self.outcome;
        let mut explained = Vec::new();
        for finding in &outcome.diagnosis.findings {
            let level = match finding.severity {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
                Severity::Info => continue,
            };
            if level == Level::Error {
                explained.extend(self.places.victims(finding));
            }
            let mut places = self.places.all_of_finding(finding);
            if places.is_empty() {
                places.extend(self.unfit());
            }
            let because = Because { finding: Some(finding.id.clone()), refusal: None };
            for Place { document, path, .. } in places {
                self.tell_of(&because, (document, &path), &finding.rule, level, finding.title.clone());
            }
        }
        explained
    }

    /// The first workload that does not fit.
    fn unfit(&self) -> Option<Place> {
        let workload = self.outcome.workloads.iter().find(|workload| !workload.fits())?;
        self.places.of(&workload.object(), "")
    }

    /// What keeps a workload's pods from being made or placed, where no finding says it.
    fn workload(&mut self, workload: &WorkloadResult, explained: &[usize]) {
        let Some(Place { document: index, .. }) = self.places.of(&workload.object(), "") else { return };
        let Some(document) = self.outcome.sources.get(index) else { return };
        let prefix = pod_spec(&workload.key.kind).unwrap_or_default();
        if let Some(message) = &workload.refused {
            let fields = invalid(message);
            let path = match fields.first() {
                Some((path, _)) => path.replacen("spec", prefix, 1),
                None => refused(&document.object, message),
            };
            let mut findings = self.outcome.diagnosis.findings.iter();
            let finding = findings.find(|finding| self.places.victims(finding).contains(&index));
            let refusal = self.refusal(index);
            let finding = finding.filter(|_| refusal.is_none()).map(|finding| finding.id.clone());
            let because = Because { finding, refusal };
            return self.tell_of(&because, (index, &path), "not-created", Level::Error, message.clone());
        }
        if explained.contains(&index) {
            return;
        }
        match (&workload.unknown, &workload.blocked) {
            (Some(why), _) => self.tell(index, "", "not-known", Level::Unknown, why.clone()),
            (None, Some(message)) => {
                let path = scheduled(&document.object, prefix, message).unwrap_or_else(|| prefix.to_owned());
                self.tell(index, &path, "not-placed", Level::Error, message.clone());
            }
            (None, None) => {
                let message = format!("{} of {} pods are placed", workload.placed, workload.desired);
                self.tell(index, "spec", "not-placed", Level::Error, message);
            }
        }
    }
}
