//! What expressions see: objects and verdicts as values.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::language::{Facts, Fault, Value, Variable};
use crate::diagnosis::context::{ClaimCase, Context, PlacedCase};
use crate::model::{Kind, Meta, ObjectRef};
use crate::scheduler::{NodeVerdict, PodVerdict};
use crate::snapshot::{Problem, Scope};

/// Bytes that the lists of `objects()` may take in all.
const LISTS: u64 = 256 << 20;

/// A list that was asked for, by kind and namespace.
type Lists = BTreeMap<(Kind, Option<String>), Result<Value, Fault>>;

/// What all expressions of a run share.
pub(super) struct World<'c, 'a> {
    pub(super) cx: &'c Context<'a>,
    lists: RefCell<Lists>,
    room: Cell<u64>,
    /// The verdict that was turned into a value last: pods of a kind share theirs.
    last: RefCell<Option<(Arc<PodVerdict>, Value)>>,
    /// Kinds that the evaluation took for empty without proof.
    presumed: RefCell<BTreeSet<Kind>>,
}

/// What the expressions for one object see.
pub(super) struct Case<'w, 'c, 'a> {
    pub(super) world: &'w World<'c, 'a>,
    pub(super) kind: Kind,
    pub(super) name: ObjectRef,
    pub(super) meta: &'w Meta,
    pub(super) object: Value,
    verdict: OnceCell<Result<Value, Fault>>,
    events: OnceCell<Value>,
    /// The object that a fact is read from.
    pub(super) it: RefCell<Option<Value>>,
}

impl<'c, 'a> World<'c, 'a> {
    pub(super) fn new(cx: &'c Context<'a>) -> Self {
        Self {
            cx,
            lists: RefCell::default(),
            room: Cell::new(LISTS),
            last: RefCell::default(),
            presumed: RefCell::default(),
        }
    }

    /// The kinds that were taken for empty without proof since this was last asked.
    pub(super) fn take_presumed(&self) -> BTreeSet<Kind> {
        self.presumed.take()
    }

    /// An object with its type, and its size in bytes.
    pub(super) fn object(&self, kind: Kind, namespace: &str, name: &str) -> Option<(Value, u64)> {
        Some(Value::of_json(&self.cx.snapshot.to_typed_json(kind, namespace, name)?))
    }

    /// Whether everything of a kind was read, in a namespace or everywhere.
    fn covered(&self, kind: Kind, namespace: Option<&str>) -> Result<(), Fault> {
        let scope = self.cx.snapshot.scope(kind);
        if *scope == Scope::Presumed {
            self.presumed.borrow_mut().insert(kind);
        }
        let read = match namespace {
            Some(namespace) => self.cx.snapshot.covers(kind, namespace),
            None => self.cx.snapshot.complete(kind),
        };
        match scope.problem() {
            _ if read => Ok(()),
            Some(Problem::NotServed) => Ok(()),
            Some(problem) => Err(Fault::wrong(format!("{}: {problem}", kind.plural()))),
            None => Err(Fault::wrong(format!("{}: some could not be understood", kind.plural()))),
        }
    }

    fn list(&self, kind: Kind, namespace: Option<&str>) -> Result<Value, Fault> {
        self.covered(kind, namespace)?;
        let metas = self.cx.snapshot.metas(kind);
        let metas = metas.into_iter().filter(|meta| namespace.is_none_or(|namespace| meta.namespace == namespace));
        let mut items = Vec::new();
        for meta in metas {
            let Some((object, size)) = self.object(kind, &meta.namespace, &meta.name) else { continue };
            let left = self.room.get().checked_sub(size);
            let too_many = || Fault::wrong(format!("the {} are too many to look at them all", kind.plural()));
            self.room.set(left.ok_or_else(too_many)?);
            items.push(object);
        }
        Ok(Value::list(items))
    }

    fn pod_verdict(&self, verdict: &Arc<PodVerdict>) -> Value {
        if let Some((last, value)) = &*self.last.borrow()
            && Arc::ptr_eq(last, verdict)
        {
            return value.clone();
        }
        let value = Value::of_json(&of_pod(verdict)).0;
        *self.last.borrow_mut() = Some((Arc::clone(verdict), value.clone()));
        value
    }
}

impl<'w, 'c, 'a> Case<'w, 'c, 'a> {
    /// The case of an object, where it was read.
    pub(super) fn new(world: &'w World<'c, 'a>, kind: Kind, meta: &'w Meta) -> Option<Self> {
        let (object, _) = world.object(kind, &meta.namespace, &meta.name)?;
        let name = ObjectRef::new(kind, &meta.namespace, &meta.name);
        let (verdict, events) = (OnceCell::new(), OnceCell::new());
        Some(Self { world, kind, name, meta, object, verdict, events, it: RefCell::default() })
    }

    fn verdict(&self) -> Result<Value, Fault> {
        let cx = self.world.cx;
        let of =
            |meta: &Meta| (meta.namespace.as_str(), meta.name.as_str()) == (&*self.name.namespace, &*self.name.name);
        match self.kind {
            Kind::Pod => {
                let place = |case: &crate::diagnosis::context::PodCase<'_>| {
                    let meta = &case.pod.metadata;
                    (meta.namespace.as_str(), meta.name.as_str()).cmp(&(&*self.name.namespace, &*self.name.name))
                };
                if let Some(case) = cx.pods.binary_search_by(place).ok().and_then(|at| cx.pods.get(at)) {
                    return Ok(self.world.pod_verdict(&case.verdict));
                }
                Ok(Value::of_json(&of_placed(cx.placed.iter().find(|case| of(&case.pod.metadata)))).0)
            }
            Kind::PersistentVolumeClaim => {
                Ok(Value::of_json(&of_claim(cx.claims.iter().find(|case| of(&case.claim.metadata)))).0)
            }
            _ => Err(Fault::wrong("only pods and claims have a verdict")),
        }
    }

    fn events(&self) -> Value {
        let events = self.world.cx.events_of(&self.name);
        let json = events.iter().filter_map(|event| serde_json::to_value(event).ok());
        Value::list(json.map(|json| Value::of_json(&json).0).collect())
    }
}

impl Facts for Case<'_, '_, '_> {
    fn variable(&self, variable: Variable) -> Result<Value, Fault> {
        match variable {
            Variable::Object => Ok(self.object.clone()),
            Variable::Verdict => self.verdict.get_or_init(|| self.verdict()).clone(),
            Variable::Events => {
                self.world.covered(Kind::Event, Some(&self.name.namespace))?;
                Ok(self.events.get_or_init(|| self.events()).clone())
            }
            Variable::Now => {
                let now = self.world.cx.options.now.map(Value::Time);
                now.ok_or_else(|| Fault::wrong("the time of the facts is not known"))
            }
            Variable::It => Ok(self.it.borrow().clone().unwrap_or(Value::Null)),
        }
    }

    fn objects(&self, kind: Kind, namespace: Option<&str>) -> Result<Value, Fault> {
        let key = (kind, namespace.map(str::to_owned));
        if let Some(list) = self.world.lists.borrow().get(&key) {
            self.world.covered(kind, namespace)?;
            return list.clone();
        }
        let list = self.world.list(kind, namespace);
        self.world.lists.borrow_mut().insert(key, list.clone());
        list
    }

    fn find(&self, kind: Kind, namespace: &str, name: &str) -> Result<Option<Value>, Fault> {
        match self.world.cx.snapshot.has(kind, namespace, name) {
            Some(true) => Ok(self.world.object(kind, namespace, name).map(|(value, _)| value)),
            Some(false) | None => {
                self.world.covered(kind, Some(namespace))?;
                Ok(None)
            }
        }
    }
}

/// The verdict on a pod without a node.
fn of_pod(verdict: &PodVerdict) -> Json {
    let node = |node: &NodeVerdict| {
        let mut entry = json!({"name": node.name, "plugin": node.plugin, "reasons": node.texts()});
        if let (Some(fits), Some(entry)) = (node.fits, entry.as_object_mut()) {
            entry.insert("fits".to_owned(), fits.into());
        }
        entry
    };
    let mut json = json!({
        "outcome": verdict.outcome,
        "message": verdict.message.as_deref().unwrap_or_default(),
        "nodes": verdict.nodes.iter().map(node).collect::<Vec<_>>(),
        "unknown": verdict.unknown,
        "volumes": [],
    });
    if let Some(object) = json.as_object_mut() {
        let plugin = verdict.pre_filter.as_ref().map(|rejection| rejection.plugin.into());
        object.extend(plugin.map(|plugin: Json| ("rejectedBy".to_owned(), plugin)));
        object.extend(verdict.placed.clone().map(|node| ("placed".to_owned(), node.into())));
    }
    json
}

/// The verdict on a pod that has a node, with what it waits for there.
fn of_placed(case: Option<&PlacedCase<'_>>) -> Json {
    let problems = case.and_then(|case| serde_json::to_value(&case.verdict.problems).ok());
    json!({"outcome": "Placed", "message": "", "nodes": [], "unknown": [], "volumes": problems.unwrap_or_else(|| json!([]))})
}

/// The verdict on a claim; one that is bound has none of its own.
fn of_claim(case: Option<&ClaimCase<'_>>) -> Json {
    let Some(case) = case else {
        return json!({"phase": "Bound", "reason": "", "message": "", "volumes": [], "unknown": []});
    };
    let event = case.verdict.event.as_ref();
    let volume = |volume: &crate::volumes::VolumeMismatch| {
        let reasons: Vec<String> = volume.mismatch.iter().map(ToString::to_string).collect();
        json!({"name": volume.name, "reasons": reasons})
    };
    let mut json = json!({
        "phase": case.verdict.phase,
        "reason": event.map_or("", |event| event.reason),
        "message": event.map_or("", |event| event.message.as_str()),
        "volumes": case.verdict.volumes.iter().map(volume).collect::<Vec<_>>(),
        "unknown": case.verdict.unknown,
    });
    if let Some(object) = json.as_object_mut() {
        object.extend(case.verdict.binds_to.clone().map(|volume| ("bindsTo".to_owned(), volume.into())));
        let provisioner = case.provisioning.as_ref().and_then(|verdict| serde_json::to_value(verdict).ok());
        object.extend(provisioner.map(|provisioner| ("provisioner".to_owned(), provisioner)));
    }
    json
}
