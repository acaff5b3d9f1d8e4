//! Which releases of kube-scheduler can have written what a cluster shows: some texts came or went with a release.

use std::collections::BTreeSet;

use super::parse::{counted, items, split_tail};
use super::plugins::{volume_binding, volume_restrictions};
use super::reason::Reason;
use super::release;
use crate::model::pod::DEFAULT_SCHEDULER;
use crate::model::version::Version;
use crate::snapshot::Snapshot;

/// Whether a release has the newer of two texts.
type IsNewer = fn(Version) -> bool;
/// How reasons start that PreFilter gives for the pod as a whole.
const PRE_FILTER: [&str; 2] = ["pod has unbound immediate PersistentVolumeClaims", "persistentvolumeclaim \""];
/// What DynamicResources' PostFilter says of a pod without claims.
const NOTHING_TO_DEALLOCATE: &str = "no new claims to deallocate";
/// How its other texts start.
const DEVICES: [&str; 4] = ["not found", "still not schedulable", "deallocation of", "deletion of"];

/// The releases, oldest first, that can have written what the default scheduler says of pods; `None` where its texts
/// tell nothing. After an upgrade older events stay for a while: what contradicts newer texts counts for nothing.
pub(crate) fn releases(snapshot: &Snapshot) -> Option<Vec<Version>> {
    let all = known().count();
    let mut left: Vec<Version> = known().collect();
    for message in messages(snapshot) {
        let Some(text) = Text::read(message) else { continue };
        let narrowed: Vec<Version> = left.iter().copied().filter(|version| text.fits(*version)).collect();
        if !narrowed.is_empty() {
            left = narrowed;
        }
    }
    (left.len() < all).then_some(left)
}

fn known() -> impl Iterator<Item = Version> {
    let Version { major, minor } = Version::NEWEST;
    (Version::OLDEST.minor..=minor).map(move |minor| Version::new(major, minor))
}

/// Every text once: conditions first, which hold the scheduler's last word on a pod, then events, the newest first.
fn messages(snapshot: &Snapshot) -> Vec<&str> {
    let pods = snapshot.pods.seen().iter().filter(|pod| pod.spec.scheduler() == DEFAULT_SCHEDULER);
    let said = pods.filter_map(|pod| pod.condition("PodScheduled")).filter(|condition| condition.status == "False");
    let mut events: Vec<_> = snapshot.events.seen().iter().filter(|event| event.reason == "FailedScheduling").collect();
    events.retain(|event| event.component() == DEFAULT_SCHEDULER);
    events.sort_by(|a, b| b.last_seen().cmp(a.last_seen()));
    let all = said.map(|condition| condition.message.as_str()).chain(events.iter().map(|event| event.message.as_str()));
    let mut seen = BTreeSet::new();
    all.filter(|message| seen.insert(*message)).collect()
}

/// A message, as far as it tells of its release.
struct Text<'m> {
    /// The reasons that are told with a number of nodes; `None` for a text about the pod as a whole.
    reasons: Option<Vec<&'m str>>,
    post_filter: &'m str,
}

impl<'m> Text<'m> {
    fn read(message: &'m str) -> Option<Self> {
        let (_, rest) = message.split_once(" nodes are available:")?;
        let (body, post_filter) = split_tail(rest.trim_start());
        let reasons = items(body).into_iter().map(|item| Some(counted(item)?.1)).collect();
        Some(Self { reasons, post_filter })
    }

    /// Whether the release can have written it, in its default configuration.
    fn fits(&self, version: Version) -> bool {
        let body = match &self.reasons {
            Some(reasons) => reasons.iter().all(|reason| reason_fits(reason, version)),
            None => release::pre_filter_message(version),
        };
        body && self.tail_fits(version)
    }

    fn tail_fits(&self, version: Version) -> bool {
        if self.post_filter.is_empty() {
            return true;
        }
        let speaks = release::dynamic_resources(version);
        let silent = !speaks || release::silent_without_deallocation(version);
        if self.post_filter.starts_with(NOTHING_TO_DEALLOCATE) {
            return speaks && !silent;
        }
        if DEVICES.iter().any(|start| self.post_filter.starts_with(start)) {
            return speaks;
        }
        silent && self.post_filter.ends_with("..") == release::extra_full_stop(version)
    }
}

fn reason_fits(reason: &str, version: Version) -> bool {
    if reason.starts_with("node(s) had untolerated taint") {
        return reason.ends_with("taint(s)") != release::names_untolerated_taint(version);
    }
    if reason.starts_with("node(s) didn't satisfy plugin(s)") {
        return release::tells_left_out_nodes(version);
    }
    if PRE_FILTER.iter().any(|start| reason.starts_with(start)) {
        return !release::pre_filter_message(version);
    }
    let varies = variants().into_iter().find_map(|(is_newer, texts)| {
        let newer = texts.iter().position(|text| text.text() == reason)? == 1;
        Some(newer == is_newer(version))
    });
    varies.unwrap_or(true)
}

/// The reasons with an older and a newer text.
fn variants() -> [(IsNewer, [Reason; 2]); 2] {
    let texts = |of: fn(bool) -> Reason| [of(false), of(true)];
    [
        (release::newer_claim_in_use_text, texts(|newer| volume_restrictions::Reason::ClaimInUse { newer }.into())),
        (release::newer_volume_affinity_text, texts(|newer| volume_binding::Reason::VolumeAffinity { newer }.into())),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Kind;
    use crate::snapshot::{Builder, Scope};

    /// The minors of the first and the last release that can have written the conditions, and the events after them.
    fn range(conditions: &[&str], events: &[&str]) -> Option<(u32, u32)> {
        let mut builder = Builder::default();
        for (number, message) in conditions.iter().enumerate() {
            let condition = json!({"type": "PodScheduled", "status": "False", "message": message});
            let pod = json!({"metadata": {"name": format!("p{number}")}, "status": {"conditions": [condition]}});
            builder.add(Kind::Pod, pod).unwrap();
        }
        for (number, message) in events.iter().enumerate() {
            let event = json!({"metadata": {"name": format!("e{number}")}, "reason": "FailedScheduling",
                "message": message, "source": {"component": "default-scheduler"},
                "lastTimestamp": format!("2026-01-02T03:04:{:02}Z", 59 - number)});
            builder.add(Kind::Event, event).unwrap();
        }
        let snapshot = builder.build(&Scope::All);
        let found = releases(&snapshot)?;
        Some((found[0].minor, found[found.len() - 1].minor))
    }

    #[test]
    fn texts_that_came_or_went_bound_the_release() {
        let newest = Version::NEWEST.minor;
        let taint = "0/3 nodes are available: 3 node(s) had untolerated taint {a: b}. preemption: 0/3 nodes are \
                     available: 3 Preemption is not helpful for scheduling.";
        assert_eq!(range(&[&format!("{taint}.")], &[]), Some((26, 28)), "the doubled full stop");
        let zone = "0/2 nodes are available: 2 node(s) had volume node affinity conflict.";
        assert_eq!(range(&[zone], &[]), Some((24, 32)));
        assert_eq!(range(&["0/1 nodes are available: 1 node(s) had untolerated taint(s)."], &[]), Some((34, newest)));
        let unbound = "pod has unbound immediate PersistentVolumeClaims.";
        assert_eq!(range(&[&format!("0/3 nodes are available: 3 {unbound}")], &[]), Some((24, 25)));
        assert_eq!(range(&[&format!("0/3 nodes are available: {unbound} not found")], &[]), Some((34, newest)));
        let left_out = "0/2 nodes are available: 1 node(s) didn't satisfy plugin(s) [NodeAffinity], 1 Too many pods.";
        assert_eq!(range(&[left_out, zone], &[]), Some((32, 32)), "both together");
    }

    #[test]
    fn what_every_release_writes_tells_nothing() {
        for text in ["no nodes available to schedule pods", "0/2 nodes are available: 2 Insufficient cpu.", "", "0/"] {
            assert_eq!(range(&[text], &[]), None, "{text}");
        }
    }

    #[test]
    fn texts_from_before_an_upgrade_count_for_nothing() {
        let old = "0/2 nodes are available: 2 node(s) had volume node affinity conflict.";
        let new = "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity.";
        assert_eq!(range(&[new], &[old]).map(|(first, _)| first), Some(33));
        assert_eq!(range(&[], &[new, old]).map(|(first, _)| first), Some(33));
        assert_eq!(range(&[], &[old, new]).map(|(_, last)| last), Some(32));
    }
}
