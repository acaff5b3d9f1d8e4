//! Runs own rules over the objects in scope.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::facts::{Case, World};
use super::language::{Facts, Fault, Meter, Value, evaluate};
use super::load::{Fact, OwnRule, Repair};
use super::template::shown;
use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::out::Causes;
use crate::diagnosis::text::{count, names};
use crate::diagnosis::{Evidence, Finding, Remedy, Scope, Step};
use crate::model::{Kind, Meta, ObjectRef};

/// Steps that a rule may take over all objects: some seconds.
const STEPS: u64 = 100_000_000;
/// Findings of a rule that a report has.
const FINDINGS: usize = 200;
/// Objects that an expression may explain.
const VICTIMS: usize = 10_000;
/// Why the repairs of own rules are not tried.
const UNTRIED: &str = "it is advice of a rule of your own";

/// What a rule says of one object.
pub(super) struct Fired {
    pub(super) finding: Finding,
    /// The controller of the object, which stands for those that differ by their names alone.
    owner: Option<(String, String)>,
}

/// What a rule says of all objects.
#[derive(Default)]
pub(super) struct Said {
    pub(super) fired: Vec<Fired>,
    /// Objects that the rule could not judge, with the reason.
    pub(super) failed: Vec<(ObjectRef, String)>,
    /// Why it was not asked at all.
    pub(super) unread: Option<String>,
}

/// What rules say, each told once for the objects of one controller.
pub(super) fn causes(rules: &[&OwnRule], cx: &Context<'_>, scope: &Scope) -> Vec<(String, Causes)> {
    let wanted = Wanted::new(cx, scope);
    let said = judge(rules, cx, scope);
    let causes = rules.iter().zip(said).map(|(rule, mut said)| {
        let mut causes = Causes::default();
        said.fired.retain(|fired| wanted.admits(&fired.finding));
        said.failed.retain(|(object, _)| !wanted.narrow || wanted.objects.contains(object));
        causes.skip(said.unread.take().or_else(|| not_judged(&said.failed)));
        let findings = together(said.fired);
        let left = findings.len().saturating_sub(FINDINGS);
        findings.into_iter().take(FINDINGS).for_each(|finding| causes.add(finding));
        causes.skip((left > 0).then(|| format!("{} more are not told", count(left, "finding"))));
        (rule.name.clone(), causes)
    });
    causes.collect()
}

/// What each rule says of each object of its kind.
pub(super) fn judge(rules: &[&OwnRule], cx: &Context<'_>, scope: &Scope) -> Vec<Said> {
    let world = World::new(cx);
    let mut said: Vec<Said> = rules.iter().map(|_| Said::default()).collect();
    let mut meters: Vec<Meter> = rules.iter().map(|_| Meter::new(STEPS)).collect();
    for (rule, said) in rules.iter().zip(&mut said) {
        said.unread = cx.unread(&[rule.kind]);
    }
    let kinds: BTreeSet<Kind> = rules.iter().map(|rule| rule.kind).collect();
    for kind in kinds {
        for meta in in_scope(cx, scope, kind) {
            let Some(case) = Case::new(&world, kind, meta) else { continue };
            for ((rule, said), meter) in rules.iter().zip(&mut said).zip(&mut meters) {
                if rule.kind == kind && said.unread.is_none() {
                    meter.restart();
                    match of_object(rule, &case, meter) {
                        Ok(fired) => said.fired.extend(fired),
                        Err(fault) => said.failed.push((case.name.clone(), fault.to_string())),
                    }
                }
            }
        }
    }
    said
}

/// The objects of a kind that are judged.
fn in_scope<'c>(cx: &'c Context<'_>, scope: &Scope, kind: Kind) -> Vec<&'c Meta> {
    let narrow = !scope.targets.is_empty() || scope.selector.is_some();
    match kind {
        Kind::Pod => {
            let waiting = cx.pods.iter().map(|case| &case.pod.metadata);
            waiting.chain(cx.assigned.iter().map(|pod| &pod.metadata)).collect()
        }
        Kind::PersistentVolumeClaim if narrow => cx.claims.iter().map(|case| &case.claim.metadata).collect(),
        kind => {
            let metas = cx.snapshot.metas(kind).into_iter();
            let inside =
                |meta: &&Meta| !kind.namespaced() || cx.namespace.is_none_or(|namespace| namespace == meta.namespace);
            metas.filter(inside).collect()
        }
    }
}

/// What the report is about.
struct Wanted {
    /// Whether not everything is.
    narrow: bool,
    objects: HashSet<ObjectRef>,
}

impl Wanted {
    fn new(cx: &Context<'_>, scope: &Scope) -> Self {
        let narrow = !scope.targets.is_empty() || scope.selector.is_some();
        let mut objects: HashSet<ObjectRef> = HashSet::new();
        if narrow {
            objects.extend(scope.targets.iter().cloned());
            objects.extend(cx.pods.iter().map(|case| pod_ref(case.pod)));
            objects.extend(cx.assigned.iter().map(|pod| pod_ref(pod)));
            objects.extend(cx.claims.iter().map(|case| claim_ref(case.claim)));
        }
        Self { narrow, objects }
    }

    fn admits(&self, finding: &Finding) -> bool {
        !self.narrow || finding.victims().chain([&finding.object]).any(|object| self.objects.contains(object))
    }
}

/// Why a rule could not judge some objects.
fn not_judged(failed: &[(ObjectRef, String)]) -> Option<String> {
    let (object, reason) = failed.first()?;
    let more = match failed.len() - 1 {
        0 => String::new(),
        more => format!("; and {} more", count(more, "object")),
    };
    Some(format!("{object}: {reason}{more}"))
}

/// One finding for the objects of a controller of which the same is told, but for their names.
fn together(fired: Vec<Fired>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut others: Vec<usize> = Vec::new();
    let mut by_story: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for Fired { mut finding, owner } in fired {
        let Some((kind, name)) = owner else {
            findings.push(finding);
            others.push(0);
            continue;
        };
        let story = finding.title.replace(&finding.object.name, "*");
        let owner = format!("{kind}/{}/{name}", finding.object.namespace);
        match by_story.get(&(owner.clone(), finding.object.kind.clone(), story.clone())) {
            Some(position) => {
                findings[*position].explains.append(&mut finding.explains);
                others[*position] += 1;
            }
            None => {
                by_story.insert((owner, finding.object.kind.clone(), story), findings.len());
                findings.push(finding);
                others.push(0);
            }
        }
    }
    for (finding, others) in findings.iter_mut().zip(others).filter(|(_, others)| *others > 0) {
        let noun = finding.object.kind.to_ascii_lowercase();
        finding.title = format!("{} (and the same of {} of its controller)", finding.title, more(others, &noun));
    }
    findings
}

fn more(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 other {noun}") } else { format!("{number} other {noun}s") }
}

/// What a rule says of an object, if anything.
fn of_object(rule: &OwnRule, case: &Case<'_, '_, '_>, meter: &mut Meter) -> Result<Option<Fired>, Fault> {
    case.world.take_presumed();
    match evaluate(&rule.when, case, meter)? {
        Value::Bool(true) => {}
        Value::Bool(false) => return Ok(None),
        value => return Err(Fault::wrong(format!("`when` yields a {} and not a bool", value.kind()))),
    }
    let mut finding = Finding::new(rule.name.clone(), rule.severity, case.name.clone(), rule.title.fill(case, meter)?);
    finding.confidence = rule.confidence;
    for fact in &rule.evidence {
        finding.evidence.push(evidence(fact, case, meter)?);
    }
    let victims = match &rule.explains {
        Some(program) => objects(&evaluate(program, case, meter)?)?,
        None => vec![case.name.clone()],
    };
    finding = finding.explains_all(victims);
    for repair in &rule.remedies {
        finding.remedies.push(remedy(repair, case, meter)?);
    }
    let finding = hedged(finding, &case.world.take_presumed());
    let owner = case.meta.controller().map(|owner| (owner.kind.clone(), owner.name.clone()));
    Ok(Some(Fired { finding, owner }))
}

fn evidence(fact: &Fact, case: &Case<'_, '_, '_>, meter: &mut Meter) -> Result<Evidence, Fault> {
    let object = match &fact.object {
        Some(program) => match evaluate(program, case, meter)? {
            Value::Optional(Some(object)) => Value::clone(&object),
            Value::Optional(None) => return Err(Fault::wrong("the object of a fact is not there")),
            object => object,
        },
        None => case.object.clone(),
    };
    let name = object_ref(&object).ok_or_else(|| Fault::wrong("the object of a fact is no object"))?;
    *case.it.borrow_mut() = Some(object);
    let value = match evaluate(&fact.value, case, meter) {
        Ok(value) => shown(&value, meter)?,
        Err(Fault::Wrong(_)) => "not set".to_owned(),
        Err(limit) => return Err(limit),
    };
    let note = fact.note.fill(case, meter)?;
    Ok(Evidence { object: name, path: fact.path.clone(), value, note })
}

fn remedy(repair: &Repair, case: &dyn Facts, meter: &mut Meter) -> Result<Remedy, Fault> {
    let mut steps = Vec::with_capacity(repair.steps.len());
    for (what, command) in &repair.steps {
        let command = command.as_ref().map(|command| command.fill_command(case, meter)).transpose()?;
        steps.push(Step { command: command.flatten(), ..Step::told(what.fill(case, meter)?) });
    }
    Ok(Remedy::untried(repair.title.fill(case, meter)?, repair.risk, steps, UNTRIED))
}

/// The objects that a value is: one, or a list of them.
fn objects(value: &Value) -> Result<Vec<ObjectRef>, Fault> {
    let one = |value: &Value| {
        let value = match value {
            Value::Optional(Some(value)) => value,
            value => value,
        };
        object_ref(value).ok_or_else(|| Fault::wrong(format!("`explains` yields a {} and not an object", value.kind())))
    };
    match value {
        Value::Optional(None) => Ok(Vec::new()),
        Value::List(items) if items.len() > VICTIMS => Err(Fault::wrong("`explains` yields too many objects")),
        Value::List(items) => items.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

fn object_ref(value: &Value) -> Option<ObjectRef> {
    let kind = Kind::named(value.field("kind")?.as_text()?)?;
    let metadata = value.field("metadata")?;
    let namespace = metadata.field("namespace").and_then(Value::as_text).unwrap_or_default();
    Some(ObjectRef::new(kind, namespace, metadata.field("name")?.as_text()?))
}

/// The finding, likely where it rests on kinds that were taken for empty without proof.
fn hedged(finding: Finding, presumed: &BTreeSet<Kind>) -> Finding {
    if presumed.is_empty() {
        return finding;
    }
    let lacking: Vec<String> = presumed.iter().map(|kind| format!("no {kind}")).collect();
    let plurals: Vec<&str> = presumed.iter().map(|kind| kind.plural()).collect();
    let note = format!(
        "so the cluster is taken to have none, which a dump can't prove: kubectl get {} -A tells",
        plurals.join(",")
    );
    let object = finding.object.clone();
    finding.likely().evidence(object, "", format!("{} in the dump", names(&lacking)), note)
}
