//! When a dump that doesn't say so was taken: the newest time that its objects carry.

use jiff::Timestamp;

use super::Snapshot;
use crate::model::pod::Condition;

/// Seconds within which something in a running cluster is renewed: kubelets report every five minutes at least.
const TICK: i64 = 300;

/// The newest time of a snapshot: it was taken then or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    pub time: Timestamp,
    /// Whether Leases or kubelets' reports reach up to it: the snapshot was then taken minutes later at most. Without
    /// them the objects may all have stood still for days.
    pub ticks: bool,
}

impl Snapshot {
    /// The newest of the renewals of Leases, reports of kubelets, events, conditions and creations.
    pub fn newest(&self) -> Option<Newest> {
        let mut reports = Latest::default();
        let nodes = self.nodes.seen().iter().flat_map(|node| &node.status.conditions);
        nodes.for_each(|condition| reports.see_any([&condition.last_heartbeat_time, &condition.last_transition_time]));
        let periodic = reports.time.max(self.renewed);
        let time = self.newest_change().max(periodic)?;
        let ticks = periodic.is_some_and(|periodic| time.as_second() - periodic.as_second() <= TICK);
        Some(Newest { time, ticks })
    }

    fn newest_change(&self) -> Option<Timestamp> {
        let mut latest = Latest::default();
        self.each_meta(|meta| latest.see(&meta.creation_timestamp));
        self.events.seen().iter().for_each(|event| latest.see(event.last_seen()));
        for attachment in self.attachments.seen() {
            let errors = [&attachment.status.attach_error, &attachment.status.detach_error];
            errors.into_iter().flatten().for_each(|error| latest.see_any([&error.time]));
        }
        let mut conditions = |conditions: &[Condition]| {
            conditions.iter().for_each(|condition| latest.see_any([&condition.last_transition_time]));
        };
        self.pods.seen().iter().for_each(|pod| conditions(&pod.status.conditions));
        self.claims.seen().iter().for_each(|claim| conditions(&claim.status.conditions));
        for workloads in [&self.stateful_sets, &self.deployments, &self.replica_sets, &self.daemon_sets] {
            workloads.seen().iter().for_each(|workload| conditions(&workload.status.conditions));
        }
        latest.time
    }
}

/// The latest of many times. Only a text that sorts after all before it is parsed, for Kubernetes writes all alike.
#[derive(Default)]
struct Latest {
    text: String,
    time: Option<Timestamp>,
}

impl Latest {
    fn see_any<const N: usize>(&mut self, times: [&Option<String>; N]) {
        times.into_iter().flatten().for_each(|time| self.see(time));
    }

    fn see(&mut self, text: &str) {
        if text > self.text.as_str()
            && let Ok(time) = text.parse()
        {
            text.clone_into(&mut self.text);
            self.time = self.time.max(Some(time));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Newest;
    use crate::model::Kind;
    use crate::snapshot::{Builder, Scope};

    fn newest(objects: &[(Kind, Value)], renewed: Option<&str>) -> Option<Newest> {
        let mut builder = Builder::default();
        objects.iter().for_each(|(kind, object)| builder.add(*kind, object.clone()).unwrap());
        builder.renewed = renewed.map(|time| time.parse().unwrap());
        builder.build(&Scope::All).newest()
    }

    fn made(time: &str) -> (Kind, Value) {
        (Kind::PersistentVolumeClaim, json!({"metadata": {"name": "c", "creationTimestamp": time}}))
    }

    fn event(time: &str) -> (Kind, Value) {
        let metadata = json!({"name": "e", "creationTimestamp": "2026-01-01T00:00:00Z"});
        (Kind::Event, json!({"metadata": metadata, "lastTimestamp": time}))
    }

    fn node(heartbeat: &str) -> (Kind, Value) {
        let condition = json!({"type": "Ready", "lastHeartbeatTime": heartbeat});
        (Kind::Node, json!({"metadata": {"name": "n"}, "status": {"conditions": [condition]}}))
    }

    #[test]
    fn the_newest_of_all_times_counts_and_nonsense_does_not() {
        let at = |time: &str, ticks| Some(Newest { time: time.parse().unwrap(), ticks });
        let (old, new) = ("2026-01-02T03:00:00Z", "2026-01-02T04:00:00Z");
        assert_eq!(newest(&[made(old), event(new)], None), at(new, false));
        assert_eq!(newest(&[made(new), node(old)], None), at(new, false), "the kubelet has been silent for an hour");
        assert_eq!(newest(&[made(old), node(new)], None), at(new, true));
        assert_eq!(newest(&[made(old)], Some(new)), at(new, true));
        assert_eq!(newest(&[made("2026-01-02T04:01:00Z")], Some(new)), at("2026-01-02T04:01:00Z", true));
        assert_eq!(newest(&[made("yesterday"), event(old)], None), at(old, false));
        assert_eq!(newest(&[made("")], None), None);
    }
}
