//! Nodes that cluster-autoscaler is adding for pods that no node takes.

use crate::diagnosis::context::{Context, PodGroup};
use crate::model::{Event, Kind, Pod};

/// Seconds that cluster-autoscaler gives a node to come up (`--max-node-provision-time`, `config/flags/flags.go`).
pub(in crate::rules) const PROVISION_TIME: i64 = 900;
/// Where cluster-autoscaler tells what becomes of its node groups (`--status-config-map-name`).
const STATUS: &str = "cluster-autoscaler-status";
const NAMESPACE: &str = "kube-system";

/// A scale-up that was begun for a pod.
#[derive(Clone, Copy)]
pub(super) struct ScaleUp<'a> {
    pub(super) event: &'a Event,
    /// Seconds since it was begun; `None` where the present isn't known.
    pub(super) age: Option<i64>,
}

impl<'a> ScaleUp<'a> {
    /// The scale-up that was begun for a pod, unless the autoscaler has said since that it adds no node or that its node
    /// group can't grow (`processors/status/eventing_scale_up_processor.go`, `clusterstate/clusterstate.go`).
    pub(super) fn of(cx: &Context<'a>, pod: &Pod) -> Option<Self> {
        let history = cx.history(Kind::Pod, &pod.metadata);
        let says = |event: &&&Event| matches!(event.reason.as_str(), "TriggeredScaleUp" | "NotTriggerScaleUp");
        let event = history.events().iter().rfind(says).copied()?;
        let scale_up = Self { event, age: cx.age(event.last_seen()).filter(|_| !cx.options.now_is_a_bound) };
        let failed = |other: &Event| {
            matches!(other.reason.as_str(), "FailedToScaleUpGroup" | "ScaleUpTimedOut")
                && other.last_seen() >= event.last_seen()
                && scale_up.groups().any(|group| other.message.contains(group))
        };
        let mut status = cx.snapshot.events.named("ConfigMap", NAMESPACE, STATUS).into_iter();
        (event.reason == "TriggeredScaleUp" && !status.any(failed)).then_some(scale_up)
    }

    /// The groups that grow, of `pod triggered scale-up: [{GROUP 3->4 (max: 10)}]`.
    pub(super) fn groups(&self) -> impl Iterator<Item = &'a str> {
        let parts = self.event.message.split('{').skip(1);
        parts.filter_map(|part| part.split([' ', '}']).next()).filter(|group| !group.is_empty())
    }

    fn comes(&self) -> bool {
        self.age.is_some_and(|age| age <= PROVISION_TIME)
    }
}

/// Whether a node may still come for every pod of a group.
pub(super) fn comes(cx: &Context<'_>, group: &PodGroup<'_>) -> bool {
    group.pods.iter().all(|pod| ScaleUp::of(cx, pod).is_some_and(|scale_up| scale_up.comes()))
}
