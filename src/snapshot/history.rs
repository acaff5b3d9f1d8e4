//! Events as a history: what was said of each object, in the order of time.

use std::sync::Arc;

use super::Store;
use super::store::{Referrers, hash};
use crate::model::{Event, Kind, Meta};

/// What was said of one object, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History<'a> {
    events: Vec<&'a Event>,
}

impl Store<Event> {
    /// Every event about objects of this name, be they gone, oldest first; of kinds outside the model as well.
    pub fn named(&self, kind: &str, namespace: &str, name: &str) -> Vec<&Event> {
        let key = (kind, namespace, name);
        self.referring(key, by_object).filter(|event| object(event) == key).collect()
    }

    /// What was said of this very object: not of an earlier one with its name.
    pub fn about(&self, kind: Kind, meta: &Meta) -> History<'_> {
        let mut events = self.named(kind.name(), &meta.namespace, &meta.name);
        events.retain(|event| concerns(event, meta));
        History { events }
    }
}

fn by_object(events: &[Arc<Event>]) -> Referrers {
    let mut referrers = Referrers::default();
    for (position, event) in events.iter().enumerate() {
        referrers.entry(hash(object(event))).or_default().push(position);
    }
    for positions in referrers.values_mut() {
        positions.sort_by(|a, b| order(&events[*a]).cmp(&order(&events[*b])));
    }
    referrers
}

/// Kind, namespace and name of what an event is about.
fn object(event: &Event) -> (&str, &str, &str) {
    let object = &event.involved_object;
    (&object.kind, &object.namespace, &object.name)
}

/// Whether an event is about the object that there is now. One without a uid is where it was seen since the object was
/// made.
fn concerns(event: &Event, meta: &Meta) -> bool {
    match event.involved_object.uid.as_str() {
        "" => second(event.last_seen()) >= second(&meta.creation_timestamp),
        uid => meta.uid.is_empty() || uid == meta.uid,
    }
}

/// By time; of one second's events the warning is the later one: it ends the attempt that the other began.
fn order(event: &Event) -> (&str, bool, &str) {
    let seen = event.last_seen();
    (second(seen), event.kind == "Warning", seen)
}

/// A time to the second: events carry fractions or don't, by the API that they were written with.
pub(crate) fn second(time: &str) -> &str {
    time.get(..19).unwrap_or(time)
}

impl<'a> History<'a> {
    /// The events, oldest first.
    pub fn events(&self) -> &[&'a Event] {
        &self.events
    }

    /// Only what some components said.
    #[must_use]
    pub fn by(mut self, component: impl Fn(&str) -> bool) -> Self {
        self.events.retain(|event| component(event.component()));
        self
    }

    /// The failures that stand, the newest first: those that nothing which ends them came after. What ends a failure may
    /// do so within the same second.
    pub fn standing(&self, failed: impl Fn(&Event) -> bool, ends: impl Fn(&Event) -> bool) -> Vec<&'a Event> {
        let ended = self.last(ends).map(|event| second(event.last_seen()));
        let failures = self.events.iter().rev().copied().filter(|event| failed(event));
        failures.filter(|event| ended.is_none_or(|ended| second(event.last_seen()) > ended)).collect()
    }

    /// The newest event of some sort.
    pub fn last(&self, wanted: impl Fn(&Event) -> bool) -> Option<&'a Event> {
        self.events.iter().rev().copied().find(|event| wanted(event))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Builder, Scope, Snapshot};

    fn snapshot(events: &[serde_json::Value]) -> Snapshot {
        let mut builder = Builder::default();
        for (number, event) in events.iter().enumerate() {
            let mut event = event.clone();
            event["metadata"] = json!({ "name": format!("e{number}"), "namespace": "app" });
            builder.add(Kind::Event, event).unwrap();
        }
        builder.build(&Scope::All)
    }

    fn event(reason: &str, time: &str, uid: &str) -> serde_json::Value {
        let kind = if reason.ends_with("Failed") { "Warning" } else { "Normal" };
        json!({ "involvedObject": { "kind": "PersistentVolumeClaim", "namespace": "app", "name": "c", "uid": uid },
                "type": kind, "reason": reason, "lastTimestamp": format!("2026-01-01T00:00:{time}Z"),
                "source": { "component": "p" } })
    }

    fn meta() -> Meta {
        let mut meta = Meta { name: "c".to_owned(), namespace: "app".to_owned(), ..Meta::default() };
        meta.uid = "new".to_owned();
        meta.creation_timestamp = "2026-01-01T00:00:10Z".to_owned();
        meta
    }

    fn standing(events: &[serde_json::Value]) -> Vec<String> {
        let snapshot = snapshot(events);
        let history = snapshot.events.about(Kind::PersistentVolumeClaim, &meta());
        let failed = history.standing(|event| event.reason == "Failed", |event| event.reason == "Succeeded");
        failed.iter().map(|event| event.last_seen()[17..].trim_end_matches('Z').to_owned()).collect()
    }

    #[test]
    fn the_next_attempt_ends_no_failure_and_success_does() {
        let began = |time: &str| event("Began", time, "new");
        let failed = |time: &str| event("Failed", time, "new");
        let succeeded = |time: &str| event("Succeeded", time, "new");
        assert_eq!(standing(&[failed("20"), began("20"), began("30")]), ["20"]);
        assert_eq!(standing(&[failed("25"), failed("20"), began("15")]), ["25", "20"], "newest first");
        assert_eq!(standing(&[failed("20"), succeeded("20")]), [""; 0]);
        assert_eq!(standing(&[failed("20"), succeeded("25"), failed("30")]), ["30"]);
    }

    #[test]
    fn what_was_said_of_an_earlier_object_of_the_name_is_no_evidence() {
        assert_eq!(standing(&[event("Failed", "20", "old")]), [""; 0]);
        assert_eq!(standing(&[event("Failed", "05", "")]), [""; 0], "before the object was made");
        assert_eq!(standing(&[event("Failed", "20", "")]), ["20"]);
    }

    #[test]
    fn fractions_of_a_second_decide_nothing() {
        let mut exact = event("Failed", "20", "new");
        exact["lastTimestamp"] = json!(null);
        exact["series"] = json!({ "count": 3, "lastObservedTime": "2026-01-01T00:00:20.900000Z" });
        assert_eq!(standing(&[event("Succeeded", "20", "new"), exact]), [""; 0]);
    }
}
