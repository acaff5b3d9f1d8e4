//! From a file's text to a rule, with everything checked that can be before there is a cluster.

use std::collections::BTreeSet;
use std::fmt;

use super::fields::can_have;
use super::file::{Example, FactEntry, RemedyEntry, RuleFile, StepEntry};
use super::language::{Flaw, Node, Origin, Program, Scope, Value, Variable, compile};
use super::place::{Way, locate};
use super::template::Template;
use crate::diagnosis::{Confidence, Risk, Severity};
use crate::model::Kind;

/// What stands before the names of own rules, so that they are never those of built-in ones.
const PREFIX: &str = "own/";
/// Facts, repairs, steps of a repair and examples that a rule may have, each.
const MANY: usize = 50;
/// Bytes of a name.
const NAME: usize = 60;
/// Bytes of a summary.
const SUMMARY: usize = 200;

/// A rule of one's own, ready to run.
#[derive(Clone, Debug)]
pub(crate) struct OwnRule {
    /// `own/NAME`
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) summary: String,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) kind: Kind,
    /// The expression as it was written.
    pub(crate) condition: String,
    pub(crate) when: Program,
    pub(crate) title: Template,
    pub(crate) evidence: Vec<Fact>,
    pub(crate) explains: Option<Program>,
    pub(crate) remedies: Vec<Repair>,
    pub(crate) examples: Vec<Example>,
    /// The kinds without which it can't judge.
    pub(crate) needs: Vec<Kind>,
}

/// A fact that a rule shows.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    /// The object; the one that is judged where it is `None`.
    pub(crate) object: Option<Program>,
    pub(crate) path: String,
    /// Reads the path from `it`.
    pub(crate) value: Program,
    pub(crate) note: Template,
}

/// A repair that a rule tells.
#[derive(Clone, Debug)]
pub(crate) struct Repair {
    pub(crate) title: Template,
    pub(crate) risk: Risk,
    pub(crate) steps: Vec<(Template, Option<Template>)>,
}

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// What is wrong with a part of a file.
struct Wrong {
    way: Vec<Way>,
    flaw: Flaw,
}

impl Wrong {
    fn at(way: &[Way], message: impl Into<String>) -> Self {
        Self { way: way.to_vec(), flaw: Flaw { at: 0, message: message.into() } }
    }
}

/// Reads a rule.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn load(file: &str, text: &str) -> Result<OwnRule, RuleError> {
    let error = |line, column, message: String| RuleError { file: file.to_owned(), line, column, message };
    let entry: RuleFile = serde_yaml::from_str(text).map_err(|wrong| {
        let (line, column) = wrong.location().map_or((1, 1), |at| (at.line(), at.column()));
        let message = wrong.to_string();
        let plain = message.rsplit_once(" at line ").map_or(message.as_str(), |(plain, _)| plain);
        error(line, column, plain.to_owned())
    })?;
    checked(file, entry).map_err(|wrong| {
        let (line, column) = locate(text, &wrong.way, wrong.flaw.at);
        error(line, column, wrong.flaw.message)
    })
}

fn checked(file: &str, entry: RuleFile) -> Result<OwnRule, Wrong> {
    let way = |name: &'static str| [Way::Field(name)];
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if entry.name.is_empty() || entry.name.len() > NAME || !entry.name.chars().all(plain) {
        return Err(Wrong::at(&way("name"), "a name has lower-case letters, digits and hyphens, at most 60"));
    }
    if entry.summary.trim().is_empty() || entry.summary.len() > SUMMARY {
        return Err(Wrong::at(&way("summary"), "a summary is a sentence of at most 200 bytes"));
    }
    let Some(kind) = Kind::named(&entry.kind) else {
        let message = match Kind::from_user(&entry.kind) {
            Some(kind) => format!("no kind `{}` is read: write {kind}", entry.kind),
            None => format!("no kind `{}` is read", entry.kind),
        };
        return Err(Wrong::at(&way("kind"), message));
    };
    few(&way("evidence"), entry.evidence.len())?;
    few(&way("remedies"), entry.remedies.len())?;
    few(&way("examples"), entry.examples.len())?;
    examples(&entry.examples)?;
    let scope = Scope { kind, it: None, has_field: &can_have };
    let when = expression(&way("when"), &entry.when, &scope)?;
    let title = text(&way("title"), &entry.title, &scope)?;
    if entry.title.trim().is_empty() {
        return Err(Wrong::at(&way("title"), "a title is a sentence"));
    }
    let facts = entry.evidence.iter().enumerate().map(|(position, fact)| evidence(position, fact, &scope));
    let evidence = facts.collect::<Result<Vec<_>, _>>()?;
    let explains = entry.explains.as_deref().map(|source| expression(&way("explains"), source, &scope)).transpose()?;
    let repairs = entry.remedies.iter().enumerate().map(|(position, repair)| remedy(position, repair, &scope));
    let remedies = repairs.collect::<Result<Vec<_>, _>>()?;
    let mut rule = OwnRule {
        name: format!("{PREFIX}{}", entry.name),
        file: file.to_owned(),
        summary: entry.summary.trim().to_owned(),
        severity: entry.severity.severity(),
        confidence: entry.confidence.confidence(),
        kind,
        condition: entry.when.trim().to_owned(),
        when,
        title,
        evidence,
        explains,
        remedies,
        examples: entry.examples,
        needs: Vec::new(),
    };
    rule.needs = needs(&rule);
    Ok(rule)
}

fn few(way: &[Way], count: usize) -> Result<(), Wrong> {
    if count > MANY { Err(Wrong::at(way, format!("there are more than {MANY}"))) } else { Ok(()) }
}

fn examples(examples: &[Example]) -> Result<(), Wrong> {
    for (position, example) in examples.iter().enumerate() {
        let now = example.now.as_ref().filter(|now| now.parse::<jiff::Timestamp>().is_err());
        if now.is_some() {
            let way = [Way::Field("examples"), Way::Item(position), Way::Field("now")];
            return Err(Wrong::at(&way, "a time is written as 2026-01-31T12:00:00Z"));
        }
    }
    Ok(())
}

fn expression(way: &[Way], source: &str, scope: &Scope<'_>) -> Result<Program, Wrong> {
    compile(source, scope).map_err(|flaw| Wrong { way: way.to_vec(), flaw })
}

fn text(way: &[Way], source: &str, scope: &Scope<'_>) -> Result<Template, Wrong> {
    Template::parse(source, scope).map_err(|flaw| Wrong { way: way.to_vec(), flaw })
}

fn evidence(position: usize, fact: &FactEntry, scope: &Scope<'_>) -> Result<Fact, Wrong> {
    let way = |name: &'static str| [Way::Field("evidence"), Way::Item(position), Way::Field(name)];
    let object = fact.object.as_deref().map(|source| expression(&way("object"), source, scope)).transpose()?;
    let of_it = object.as_ref().map_or_else(|| Some(Origin::object(scope.kind)), |object| object.origin.clone());
    let with_it = Scope { it: Some(of_it), ..*scope };
    let path = fact.path.trim();
    let value = compile(&format!("it.{path}"), &with_it);
    let value = value.map_err(|flaw| Wrong {
        way: way("path").to_vec(),
        flaw: Flaw { at: flaw.at.saturating_sub("it.".len()), message: flaw.message },
    })?;
    if !is_path(&value.node) {
        return Err(Wrong::at(&way("path"), "a path has fields and elements alone, such as spec.containers[0].image"));
    }
    let note = text(&way("note"), &fact.note, scope)?;
    Ok(Fact { object, path: path.to_owned(), value, note })
}

/// Whether an expression does nothing but go from `it` to a field.
fn is_path(node: &Node) -> bool {
    match node {
        Node::Variable(Variable::It) => true,
        Node::Field(of, _) => is_path(of),
        Node::At(of, at) => is_path(of) && matches!(&**at, Node::Literal(Value::Text(_) | Value::Int(_))),
        _ => false,
    }
}

fn remedy(position: usize, entry: &RemedyEntry, scope: &Scope<'_>) -> Result<Repair, Wrong> {
    let way = |name: &'static str| vec![Way::Field("remedies"), Way::Item(position), Way::Field(name)];
    few(&way("steps"), entry.steps.len())?;
    let steps = entry.steps.iter().enumerate().map(|(number, step)| {
        let mut at = way("steps");
        at.push(Way::Item(number));
        self::step(&at, step, scope)
    });
    let steps = steps.collect::<Result<Vec<_>, _>>()?;
    Ok(Repair { title: text(&way("title"), &entry.title, scope)?, risk: entry.risk.risk(), steps })
}

fn step(way: &[Way], step: &StepEntry, scope: &Scope<'_>) -> Result<(Template, Option<Template>), Wrong> {
    let at = |name: &'static str| [way, &[Way::Field(name)]].concat();
    let what = text(&at("what"), &step.what, scope)?;
    let command = step
        .command
        .as_deref()
        .map(|source| Template::parse_command(source, scope).map_err(|flaw| Wrong { way: at("command"), flaw }));
    Ok((what, command.transpose()?))
}

/// The kinds that a rule can't do without: its own, and what its condition looks up.
fn needs(rule: &OwnRule) -> Vec<Kind> {
    let mut kinds: BTreeSet<Kind> = rule.when.kinds.clone();
    kinds.extend(rule.title.programs().chain(&rule.explains).flat_map(|program| program.kinds.iter().copied()));
    kinds.remove(&rule.kind);
    std::iter::once(rule.kind).chain(kinds).collect()
}
