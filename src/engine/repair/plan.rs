//! Changes that are to be made together, and the steps that make them.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde_json::Value;

use super::super::apply;
use super::claims::{self, REQUEST};
use super::lasting::lasting;
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::remedy::{Ask, Change, Remedy, Risk, Side, Size, Step, Trial};
use crate::diagnosis::text::{capital, count};
use crate::model::{Kind, ObjectRef, Pod, Quantity};
use crate::snapshot::Snapshot;
use crate::snapshot::edit::pointer_key;

/// What takes one thing out of the way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Way {
    /// What is done, as in `tolerate taint a=b:NoSchedule`.
    pub what: String,
    /// What must be so, or what comes with it; empty for nothing.
    pub note: String,
    pub change: Edit,
    /// The fields that change, weighted by what they can break.
    pub cost: u32,
    /// What is given up of what was asked for, in thousandths: of two that cost the same, the one that gives up less.
    pub given_up: u32,
    pub risk: Risk,
    /// Whether the cause stays where it is and the victims are led around it.
    pub evades: bool,
    /// The class that was taken for a claim, where another might do as well.
    pub class: Option<String>,
}

impl Way {
    pub(super) fn new(what: impl Into<String>, change: Edit, cost: u32, risk: Risk) -> Self {
        Self { what: what.into(), note: String::new(), change, cost, given_up: 0, risk, evades: false, class: None }
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// The way for which `rest` is left of what was asked for; it costs up to 4 more.
    pub(super) fn with_less(mut self, asked: i64, rest: i64) -> Self {
        let thousandths = asked.saturating_sub(rest).saturating_mul(1000) / asked.max(1);
        self.given_up = u32::try_from(thousandths.clamp(0, 1000)).unwrap_or(1000);
        self.cost += self.given_up / 250;
        self
    }

    pub(super) fn evading(mut self) -> Self {
        self.evades = true;
        self
    }

    pub(super) fn of_class(mut self, class: &str) -> Self {
        self.class = Some(class.to_owned());
        self
    }

    /// Where in a list the way takes something out: of several that were found in one state the last is taken out first,
    /// so that the others stay where they are. What takes nothing out comes before all of them.
    fn removes_at(&self) -> usize {
        let Edit::Anew { operations, .. } = &self.change else { return usize::MAX };
        operations.iter().find_map(place_in_list).unwrap_or(usize::MAX)
    }

    /// What is done, with the note.
    fn told(&self) -> String {
        if self.note.is_empty() { self.what.clone() } else { format!("{}, {}", self.what, self.note) }
    }
}

/// Whether one amount is smaller than another.
fn smaller(one: &Value, other: &Value) -> bool {
    let amount = |value: &Value| value.as_str().and_then(|text| Quantity::parse(text).ok());
    amount(one).zip(amount(other)).is_some_and(|(one, other)| one < other)
}

/// Which element of a list an operation removes.
fn place_in_list(operation: &Value) -> Option<usize> {
    let path = operation["path"].as_str().filter(|_| operation["op"] == "remove")?;
    path.rsplit('/').next()?.parse().ok()
}

/// Whether an operation gives one of these fields another value.
fn replaces(operation: &Value, fields: &[String]) -> bool {
    operation["op"] == "replace" && operation["path"].as_str().is_some_and(|path| fields.iter().any(|one| one == path))
}

/// What a way changes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    /// A pod or a claim, by JSON patch operations on it as it is; it can't be changed in place. In a plan a pod's workload
    /// stands for it.
    Anew { object: ObjectRef, operations: Vec<Value> },
    /// A claim that a StatefulSet makes, by operations on the set: its template, and then the claim anew.
    Template { set: ObjectRef, claim: ObjectRef, operations: Vec<Value> },
    /// An object that can be changed where it is, or that is made.
    Object(Change),
    /// The end of a pod that nothing makes anew.
    Stop(ObjectRef),
    /// The end of a pod of a workload that then wants no more than so many.
    Scale { workload: ObjectRef, replicas: u32, pod: ObjectRef },
}

impl Edit {
    pub(super) fn side(&self) -> Side {
        let claim = Kind::PersistentVolumeClaim.name();
        match self {
            Self::Anew { .. } | Self::Template { .. } => Side::Workload,
            Self::Object(change) if change.object().is_some_and(|object| object.kind == claim) => Side::Workload,
            Self::Object(_) | Self::Stop(_) | Self::Scale { .. } => Side::Cluster,
        }
    }

    /// The fields of the object that are given another value.
    fn replaced(&self) -> Vec<String> {
        let (Self::Anew { operations, .. } | Self::Template { operations, .. }) = self else { return Vec::new() };
        let replaced = operations.iter().filter(|operation| operation["op"] == "replace");
        replaced.filter_map(|operation| operation["path"].as_str().map(str::to_owned)).collect()
    }

    /// What a field of the object is given.
    fn value(&self, field: &str) -> Option<&Value> {
        let (Self::Anew { operations, .. } | Self::Template { operations, .. }) = self else { return None };
        operations.iter().rfind(|operation| operation["path"] == field).map(|operation| &operation["value"])
    }

    fn of_volume(&self) -> bool {
        let volume = Kind::PersistentVolume.name();
        matches!(self, Self::Object(change) if change.object().is_some_and(|object| object.kind == volume))
    }

    /// In which order edits are made: nodes are opened when all else is as it should be, so that no other pod slips in
    /// between, and pods come last, since the scheduler looks at all the rest when they are new.
    fn order(&self) -> u8 {
        match self {
            Self::Stop(_) | Self::Scale { .. } => 0,
            Self::Object(Change::Uncordon { .. } | Change::Untaint { .. }) => 3,
            Self::Object(_) => 1,
            Self::Template { .. } => 2,
            Self::Anew { object, .. } if object.kind == Kind::PersistentVolumeClaim.name() => 2,
            Self::Anew { .. } => 4,
        }
    }

    /// The priority of the pod that is stopped: those that a victim could evict itself go first, so that it does not begin to
    /// between two steps.
    fn stopped_priority(&self, cx: &Context<'_>) -> i32 {
        let (Self::Stop(pod) | Self::Scale { pod, .. }) = self else { return 0 };
        cx.snapshot.pods.get(&pod.namespace, &pod.name).found().map_or(0, |pod| pod.priority())
    }
}

/// One thing that is done to an object.
#[derive(Clone, Debug, PartialEq)]
struct Deed {
    /// What is done, without and with the note.
    what: String,
    told: String,
    /// The fields that are given another value.
    replaced: Vec<String>,
    cost: u32,
    given_up: u32,
}

/// A request that a plan lowers.
pub(super) struct Lowered {
    /// The pod, or the workload that stands for it.
    pub object: ObjectRef,
    /// The container, by its place.
    pub container: usize,
    pub resource: String,
}

/// A change of the plan, with all that is done to its object.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    deeds: Vec<Deed>,
    change: Edit,
    risk: Risk,
    evades: bool,
    /// The class that was taken for a claim, where another might do as well.
    class: Option<String>,
    /// What is left to whoever makes the change.
    ask: Option<Ask>,
}

/// The place behind all edits that have one of their own.
const LAST: u8 = 5;
const CLASS: &str = "/spec/storageClassName";
/// Changes that a title tells.
const IN_TITLE: usize = 2;

impl Part {
    fn new(way: &Way, change: Edit) -> Self {
        let Way { what, cost, given_up, risk, evades, class, .. } = way;
        let (replaced, cost, given_up) = (change.replaced(), *cost, *given_up);
        let deed = Deed { what: what.clone(), told: way.told(), replaced, cost, given_up };
        let deeds = vec![deed];
        Self { deeds, change, risk: *risk, evades: *evades, class: class.clone(), ask: None }
    }

    fn cost(&self) -> u32 {
        self.deeds.iter().map(|deed| deed.cost).fold(0, u32::saturating_add)
    }

    /// Tells in one what a claim of that class is made for.
    fn tells(&mut self, class: &str, new: &Self) {
        let of_class = |text: &String| text.replacen(" anew for ", &format!(" anew for class {class} and "), 1);
        let before = self.cost();
        let told = |deed: &Deed| Deed { what: of_class(&deed.what), told: of_class(&deed.told), ..deed.clone() };
        self.deeds = new.deeds.iter().map(told).collect();
        if let Some(first) = self.deeds.first_mut() {
            first.cost = first.cost.saturating_add(before);
        }
    }

    /// Gives a field the value that it has in a change of another claim of the same template.
    fn follows(&mut self, other: &Self, field: &str) {
        let Some(value) = other.change.value(field).cloned() else { return };
        let (Edit::Template { claim, operations, .. }, Edit::Template { claim: theirs, .. }) =
            (&mut self.change, &other.change)
        else {
            return;
        };
        for operation in operations.iter_mut().filter(|operation| operation["path"] == field) {
            operation["value"] = value.clone();
        }
        let (mine, theirs) = (format!("claim {} ", claim.name), format!("claim {} ", theirs.name));
        let own = |text: &String| text.replacen(&theirs, &mine, 1);
        let of_field = |deed: &&Deed| deed.replaced.iter().any(|one| one == field);
        let Some(deed) = other.deeds.iter().find(of_field) else { return };
        let deed = Deed { what: own(&deed.what), told: own(&deed.told), ..deed.clone() };
        self.deeds.iter_mut().filter(|deed| of_field(&&**deed)).for_each(|old| *old = deed.clone());
    }

    /// Whether the change is about a claim that its set makes later.
    fn made_later(&self, cx: &Context<'_>) -> bool {
        let Edit::Template { claim, .. } = &self.change else { return false };
        cx.snapshot.claims.get(&claim.namespace, &claim.name).found().is_none()
    }

    /// The end of pods that their set makes anew.
    fn recreated(set: ObjectRef) -> Self {
        let change = Edit::Anew { object: set, operations: Vec::new() };
        Self { deeds: Vec::new(), change, risk: Risk::Low, evades: false, class: None, ask: None }
    }
}

/// Changes that are made together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    parts: Vec<Part>,
}

impl Plan {
    pub(super) fn cost(&self) -> u32 {
        self.parts.iter().map(Part::cost).fold(0, u32::saturating_add)
    }

    /// What is given up of what was asked for, in thousandths.
    pub(super) fn given_up(&self) -> u32 {
        let deeds = self.parts.iter().flat_map(|part| &part.deeds);
        deeds.map(|deed| deed.given_up).fold(0, u32::saturating_add)
    }

    pub(super) fn changes(&self) -> usize {
        self.parts.iter().map(|part| part.deeds.len()).sum()
    }

    /// The plan with more changes, which were found in a state that the plan leads to; `None` where one can't be made.
    pub(super) fn with(&self, cx: &Context<'_>, state: &Snapshot, ways: &[Way]) -> Option<Self> {
        let mut plan = self.clone();
        let mut ways: Vec<&Way> = ways.iter().collect();
        ways.sort_by_key(|way| Reverse(way.removes_at()));
        let mut made = Vec::new();
        for way in ways {
            let change = lasting(cx, state, way.change.clone())?;
            if let Edit::Template { set, .. } = &change {
                plan.take(Part::recreated(set.clone()), &mut made);
            }
            if plan.takes_back(&change) || plan.makes(&change) {
                return None;
            }
            let risk = way.risk.max(claims::risk_of(cx, &way.change));
            let mut part = Part { risk, ..Part::new(way, change) };
            if !(plan.agrees(&mut part, smaller) && part.made_later(cx)) {
                plan.take(part, &mut made);
            }
        }
        (plan != *self).then_some(plan)
    }

    /// The plan with another size for a claim, and for all of its template.
    pub(super) fn of_size(&self, cx: &Context<'_>, state: &Snapshot, way: &Way) -> Option<Self> {
        let mut plan = self.clone();
        let mut part = Part::new(way, lasting(cx, state, way.change.clone())?);
        plan.agrees(&mut part, |_, _| false);
        plan.take(part, &mut Vec::new());
        Some(plan)
    }

    /// The plan without one of its parts, for each of them.
    pub(super) fn without_one(&self) -> impl Iterator<Item = Self> + '_ {
        let apart = |at: usize| {
            let parts = self.parts.iter().enumerate().filter(move |(other, _)| *other != at);
            Self { parts: parts.map(|(_, part)| part.clone()).collect() }
        };
        let several = self.parts.len() > 1;
        (0..self.parts.len()).filter(move |_| several).map(apart)
    }

    /// The part that has a claim made anew of a class that was chosen, and no more, with the place of the class.
    fn of_chosen_class(&self) -> Option<(usize, usize)> {
        let mut parts = self.parts.iter().enumerate().filter(|(_, part)| part.class.is_some());
        let (index, part) = parts.next().filter(|(_, part)| part.deeds.len() == 1)?;
        let Edit::Anew { operations, .. } = &part.change else { return None };
        let at = operations.iter().position(|one| one["path"] == CLASS)?;
        parts.next().is_none().then_some((index, at))
    }

    /// The claim that is made anew of a class that was chosen, where there is just one, and the class.
    pub(super) fn chosen_class(&self) -> Option<(&ObjectRef, &str)> {
        let part = &self.parts[self.of_chosen_class()?.0];
        let Edit::Anew { object, .. } = &part.change else { return None };
        Some((object, part.class.as_deref()?))
    }

    /// The plan with another class for that claim.
    pub(super) fn of_class(&self, class: &str) -> Self {
        let mut plan = self.clone();
        if let Some((index, at)) = self.of_chosen_class()
            && let Edit::Anew { operations, .. } = &mut plan.parts[index].change
        {
            operations[at]["value"] = class.into();
        }
        plan
    }

    /// The plan with the class of that claim left open: `ask` is given its place.
    pub(super) fn leaving_open(mut self, what: String, note: &str, ask: impl Fn(usize) -> Ask) -> Self {
        if let Some((index, at)) = self.of_chosen_class() {
            let part = &mut self.parts[index];
            let (replaced, cost) = (part.change.replaced(), part.cost());
            part.deeds = vec![Deed { told: format!("{what}, {note}"), what, replaced, cost, given_up: 0 }];
            part.ask = Some(ask(at));
        }
        self
    }

    /// The requests that the plan lowers.
    pub(super) fn lowered(&self) -> Vec<Lowered> {
        let mut lowered = Vec::new();
        for part in &self.parts {
            let Edit::Anew { object, operations } = &part.change else { continue };
            let paths = operations.iter().filter(|one| one["op"] != "remove").filter_map(|one| one["path"].as_str());
            lowered.extend(paths.filter_map(|path| {
                let (_, place) = path.split_once("/spec/containers/")?;
                let (container, resource) = place.split_once("/resources/requests/")?;
                let (container, resource) = (container.parse().ok()?, pointer_key(resource));
                Some(Lowered { object: object.clone(), container, resource })
            }));
        }
        lowered
    }

    /// The claims that the plan makes smaller, one for each template.
    pub(super) fn shrunk(&self) -> Vec<ObjectRef> {
        let mut sets: Vec<&ObjectRef> = Vec::new();
        let mut claims = Vec::new();
        for part in &self.parts {
            let (object, template) = match &part.change {
                Edit::Anew { object, .. } => (object, None),
                Edit::Template { set, claim, .. } => (claim, Some(set)),
                _ => continue,
            };
            let smaller = part.change.replaced().iter().any(|field| field.ends_with(REQUEST));
            if smaller && !template.is_some_and(|set| sets.contains(&set)) {
                sets.extend(template);
                claims.push(object.clone());
            }
        }
        claims
    }

    /// The size that the plan gives a claim.
    pub(super) fn size_of(&self, claim: &ObjectRef) -> Option<Quantity> {
        let own = self.parts.iter().find(|part| match &part.change {
            Edit::Anew { object, .. } => object == claim,
            Edit::Template { claim: other, .. } => other == claim,
            _ => false,
        })?;
        let field = own.change.replaced().into_iter().find(|field| field.ends_with(REQUEST))?;
        Quantity::parse(own.change.value(&field)?.as_str()?).ok()
    }

    /// Whether a change of a claim undoes another of the plan: what it leads to is reached without that one.
    fn takes_back(&self, change: &Edit) -> bool {
        let claim = Kind::PersistentVolumeClaim.name();
        let Edit::Anew { object, operations } = change else { return false };
        let same = |part: &&Part| matches!(&part.change, Edit::Anew { object: other, .. } if other == object);
        let Some(part) = self.parts.iter().find(same).filter(|_| object.kind == claim) else { return false };
        let Edit::Anew { operations: before, .. } = &part.change else { return false };
        operations.iter().any(|one| before.iter().any(|other| other["path"] == one["path"] && other != one))
    }

    /// Whether the plan itself makes the object that is to be made anew: it is made as it should be at once.
    fn makes(&self, change: &Edit) -> bool {
        let Edit::Anew { object, .. } = change else { return false };
        let made = |part: &Part| match &part.change {
            Edit::Object(made @ (Change::Copy { .. } | Change::Create { .. })) => {
                made.object().as_ref() == Some(object)
            }
            _ => false,
        };
        self.parts.iter().any(made)
    }

    /// Has the claims of one template get the same from it: what is new, unless `stays` says of two sizes that the first is
    /// kept. Says whether the template was changed in these fields before.
    fn agrees(&mut self, new: &mut Part, stays: fn(&Value, &Value) -> bool) -> bool {
        let mut before = false;
        for part in &mut self.parts {
            let (Edit::Template { set, claim, .. }, Edit::Template { set: other, claim: own, .. }) =
                (&part.change, &new.change)
            else {
                continue;
            };
            if set != other || claim == own {
                continue;
            }
            for field in new.change.replaced() {
                let Some(value) = part.change.value(&field).cloned() else { continue };
                let Some(wanted) = new.change.value(&field).cloned() else { continue };
                before = true;
                if value == wanted {
                    continue;
                }
                if field.ends_with(REQUEST) && stays(&value, &wanted) {
                    new.follows(part, &field);
                } else {
                    part.follows(new, &field);
                }
            }
        }
        before
    }

    /// What is done already is not done again. `made` has the operations that were found in the state in which the new ones
    /// were: one that takes an element out of a list, and that was made before, takes out another now.
    fn take(&mut self, new: Part, made: &mut Vec<Value>) {
        for part in &mut self.parts {
            match (&mut part.change, &new.change) {
                (Edit::Anew { object, operations }, Edit::Anew { object: other, operations: more })
                | (
                    Edit::Template { claim: object, operations, .. },
                    Edit::Template { claim: other, operations: more, .. },
                ) if object == other => {
                    let again = |operation: &&Value| match place_in_list(operation) {
                        Some(_) => made.contains(operation),
                        None => operations.contains(operation),
                    };
                    let more: Vec<Value> = more.iter().filter(|operation| !again(operation)).cloned().collect();
                    made.extend(more.iter().cloned());
                    if !more.is_empty() {
                        let fitted = more.iter().any(|operation| operation["path"] != REQUEST);
                        let again: Vec<String> = new.deeds.iter().flat_map(|deed| deed.replaced.clone()).collect();
                        operations.retain(|operation| !replaces(operation, &again));
                        operations.extend(more);
                        part.deeds.retain(|deed| deed.replaced.is_empty() || deed.replaced != again);
                        match part.class.take().filter(|_| fitted) {
                            Some(class) => part.tells(&class, &new),
                            None => part.deeds.extend(new.deeds),
                        }
                        part.evades |= new.evades;
                        part.risk = part.risk.max(new.risk);
                    }
                    return;
                }
                (one, other) if one == other => return,
                _ => {}
            }
        }
        if let Edit::Anew { operations, .. } | Edit::Template { operations, .. } = &new.change {
            made.extend(operations.iter().cloned());
        }
        self.parts.push(new);
    }

    fn steps(&self, cx: &Context<'_>, victims: &[ObjectRef]) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        let mut parts: Vec<&Part> = self.parts.iter().collect();
        let last = self.renews_claims(cx, victims);
        parts.sort_by_key(|part| {
            let order = if last && part.change.of_volume() { LAST } else { part.change.order() };
            (order, part.change.stopped_priority(cx))
        });
        let mut templates: Vec<(&ObjectRef, &Value)> = Vec::new();
        for part in parts {
            if let Edit::Template { set, operations, .. } = &part.change {
                let again = !operations.is_empty() && operations.iter().all(|one| templates.contains(&(set, one)));
                templates.extend(operations.iter().map(|one| (set, one)));
                steps.extend(of_template(cx, part, again)?);
            } else {
                steps.extend(made(cx, part, victims)?);
            }
        }
        steps.iter().all(|step| step.command.is_some()).then_some(steps)
    }

    /// Whether pods are made anew whose claims go with them: a volume that is opened to such a claim before would be taken
    /// by the old one.
    fn renews_claims(&self, cx: &Context<'_>, victims: &[ObjectRef]) -> bool {
        let claim = Kind::PersistentVolumeClaim.name();
        let renewed = |part: &Part| matches!(&part.change, Edit::Anew { object, .. } if object.kind != claim);
        let own_claims = |victim: &ObjectRef| {
            let pod = cx.snapshot.pods.get(&victim.namespace, &victim.name).found();
            pod.is_some_and(|pod| pod.spec.volumes.iter().any(|volume| volume.ephemeral.is_some()))
        };
        self.parts.iter().any(renewed) && victims.iter().any(own_claims)
    }

    /// The state with the changes made; `None` where one can't be.
    pub(super) fn made(&self, cx: &Context<'_>, victims: &[ObjectRef]) -> Option<Snapshot> {
        let mut state = cx.snapshot.clone();
        for step in self.steps(cx, victims)? {
            apply::step(cx.snapshot, &mut state, &step).ok()?;
        }
        Some(state)
    }

    /// Whether the plan leads the victims around the cause and leaves it where it is.
    pub(super) fn evades(&self) -> bool {
        self.parts.iter().any(|part| part.evades)
    }

    /// The plan as a repair that is still to be tried.
    pub(super) fn remedy(&self, cx: &Context<'_>, victims: &[ObjectRef]) -> Option<Remedy> {
        let risk = self.parts.iter().map(|part| part.risk).max().unwrap_or(Risk::Low);
        let waits = |part: &Part| matches!(part.change, Edit::Object(Change::AwaitEnd { .. }));
        let changes = !self.parts.iter().all(waits);
        let size = changes.then(|| Size { side: self.side(), weight: self.cost() });
        let steps = self.steps(cx, victims)?;
        Some(Remedy { title: self.title(cx), risk, steps, trial: Trial::pending(), size, fits: None })
    }

    /// All that is done, as long as it is short; else what comes first, and how much more.
    fn title(&self, cx: &Context<'_>) -> String {
        let mut parts: Vec<&Part> = self.parts.iter().collect();
        parts.sort_by_key(|part| (part.change.order(), part.change.stopped_priority(cx)));
        let what: Vec<String> = parts.iter().flat_map(|part| shortened(&part.deeds, |deed| &deed.what)).collect();
        let shown = if what.len() > IN_TITLE + 1 { IN_TITLE } else { what.len() };
        let told = what[..shown].join(", and ");
        match what.len() - shown {
            0 => capital(&told),
            more => capital(&format!("{told}, and {} more", count(more, "change"))),
        }
    }

    fn side(&self) -> Side {
        let mut sides = self.parts.iter().map(|part| part.change.side());
        let first = sides.next().unwrap_or(Side::Both);
        if sides.all(|side| side == first) { first } else { Side::Both }
    }
}

/// What is done to one object, as one sentence that names it once.
fn joined(deeds: &[Deed]) -> String {
    shortened(deeds, |deed| &deed.told).collect::<Vec<_>>().join(", and ")
}

/// What is done to one object, which is named at first only: `have pod a do this`, `do that`.
fn shortened<'d>(deeds: &'d [Deed], told: fn(&Deed) -> &String) -> impl Iterator<Item = String> + 'd {
    let named = deeds.first().map(told).and_then(|first| {
        let words = [("make claim ", 3), ("have pod ", 3), ("have the pods of ", 6)];
        let (_, many) = words.into_iter().find(|(begin, _)| first.starts_with(begin))?;
        Some(first.split_inclusive(' ').take(many).collect::<String>())
    });
    let rest = move |(at, deed): (usize, &'d Deed)| {
        let text = told(deed);
        let short = named.as_deref().filter(|_| at > 0).and_then(|named| text.strip_prefix(named));
        short.unwrap_or(text).to_owned()
    };
    deeds.iter().enumerate().map(rest)
}

/// The steps of one change.
fn made(cx: &Context<'_>, part: &Part, victims: &[ObjectRef]) -> Option<Vec<Step>> {
    let what = &*capital(&joined(&part.deeds));
    let steps = match &part.change {
        Edit::Object(change) => vec![cx.step(what, change.clone())],
        Edit::Anew { object, operations } if object.kind != Kind::Pod.name() && part.ask.is_some() => {
            vec![cx.step(what, remake(object, operations, part.ask.clone())?)]
        }
        Edit::Anew { object, operations } => anew(cx, what, object, operations, victims)?,
        Edit::Template { .. } => of_template(cx, part, false)?,
        Edit::Stop(pod) => vec![cx.step(what, deleted(pod)?)],
        Edit::Scale { workload, replicas, pod } => {
            let object = (Kind::named(&workload.kind)?, workload.namespace.as_str(), workload.name.as_str());
            vec![cx.scale(what, object, *replicas).leading_to(vec![deleted(pod)?])]
        }
    };
    Some(steps)
}

/// The steps that change a claim by its set's template; `again` where the template has been changed for another claim.
fn of_template(cx: &Context<'_>, part: &Part, again: bool) -> Option<Vec<Step>> {
    let Edit::Template { set, claim, operations } = &part.change else { return None };
    let what = &*capital(&joined(&part.deeds));
    let name = &claim.name;
    if operations.is_empty() {
        return Some(vec![cx.step(what, deleted(claim)?)]);
    }
    let template = Change::RemakeSet {
        namespace: set.namespace.clone(),
        name: set.name.clone(),
        operations: Value::Array(operations.clone()),
    };
    let words = format!("{what}: the set is replaced without its pods, since its claim templates can't be changed");
    let gone = match again {
        true => format!("{what}: delete it, and the set makes it anew, empty, from the new template"),
        false => format!("Delete claim {name} only then: the set makes it anew, empty, from the new template"),
    };
    let template = (!again).then(|| cx.step(words, template));
    let gone = match part.made_later(cx) {
        true => None,
        false => Some(cx.step(gone, deleted(claim)?)),
    };
    Some(template.into_iter().chain(gone).collect())
}

fn deleted(object: &ObjectRef) -> Option<Change> {
    let kind = Kind::named(&object.kind)?;
    Some(Change::Delete { kind, namespace: object.namespace.clone(), name: object.name.clone() })
}

fn remake(object: &ObjectRef, operations: &[Value], ask: Option<Ask>) -> Option<Change> {
    Some(Change::Remake {
        kind: Kind::named(&object.kind)?,
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        operations: Value::Array(operations.to_vec()),
        ask,
    })
}

/// The steps that change a pod or a claim, or the template of its workload and then the victims among its pods.
fn anew(
    cx: &Context<'_>,
    what: &str,
    object: &ObjectRef,
    operations: &[Value],
    victims: &[ObjectRef],
) -> Option<Vec<Step>> {
    if object.kind == Kind::Pod.name() || object.kind == Kind::PersistentVolumeClaim.name() {
        return Some(vec![cx.step(what, remake(object, operations, None)?)]);
    }
    let of_workload = |pod: &&Pod| {
        cx.workload(pod).is_some_and(|(kind, meta)| {
            (kind.name(), &meta.namespace, &meta.name) == (object.kind.as_str(), &object.namespace, &object.name)
        })
    };
    let all = cx.pods.iter().map(|case| case.pod).chain(cx.placed.iter().map(|case| case.pod)).filter(of_workload);
    let pods: Vec<&Pod> = all.filter(|pod| victims.contains(&pod_ref(pod))).collect();
    let refs: Vec<ObjectRef> = pods.iter().map(|pod| pod_ref(pod)).collect();
    if refs.is_empty() {
        return None;
    }
    let again = cx.recreate_steps(&refs);
    if operations.is_empty() {
        return Some(again);
    }
    let after = |step: Step| Step { what: format!("{} from the changed template", step.what), ..step };
    let again: Vec<Step> = again.into_iter().map(after).collect();
    let kind = Kind::named(&object.kind)?;
    let patch = |kind: Kind, name: &str| Change::JsonPatch {
        kind,
        namespace: object.namespace.clone(),
        name: name.to_owned(),
        operations: Value::Array(operations.to_vec()),
    };
    let step = cx.step(what, patch(kind, &object.name));
    if kind != Kind::Deployment {
        return Some([step].into_iter().chain(again).collect());
    }
    let sets = pods.iter().filter_map(|pod| pod.metadata.controller()).map(|owner| owner.name.clone());
    let sets: BTreeSet<String> = sets.collect();
    let rollout = sets.iter().map(|set| patch(Kind::ReplicaSet, set)).chain(again.into_iter().filter_map(|s| s.change));
    Some(vec![step.leading_to(rollout.collect())])
}
