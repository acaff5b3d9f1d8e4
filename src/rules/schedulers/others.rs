//! What other components say of pods and claims that are blocked: facts for the finding that explains them.

use std::collections::HashSet;

use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::findings::Findings;
use crate::diagnosis::text::duration;
use crate::model::{Event, Kind, Meta, ObjectRef};
use crate::rules::scheduling::scale_up::PROVISION_TIME;

/// Seconds after which what a component said, and has not said again, counts for nothing.
const PAST: i64 = 3_600;
/// Events of one object that are taken.
const TAKEN: usize = 3;

/// Adds to each error what other components than the scheduler, the volume controller and the provisioner say of what it
/// explains: of each component the last word, once for each error.
pub(in crate::rules) fn note(cx: &Context<'_>, out: &mut Findings) {
    let mut told: HashSet<(String, String)> = HashSet::new();
    for case in &cx.pods {
        let own = |event: &Event| event.component() == case.pod.spec.scheduler();
        note_of(cx, Kind::Pod, &case.pod.metadata, pod_ref(case.pod), own, &mut told, out);
    }
    for case in &cx.claims {
        let own = |event: &Event| {
            event.component() == "persistentvolume-controller" || event.reason.starts_with("Provisioning")
        };
        note_of(cx, Kind::PersistentVolumeClaim, &case.claim.metadata, claim_ref(case.claim), own, &mut told, out);
    }
}

fn note_of(
    cx: &Context<'_>,
    kind: Kind,
    meta: &Meta,
    object: ObjectRef,
    own: impl Fn(&Event) -> bool,
    told: &mut HashSet<(String, String)>,
    out: &mut Findings,
) {
    let Some(cause) = out.cause_of(&object).map(str::to_owned) else { return };
    for event in last_words(cx, kind, meta, own) {
        if told.insert((cause.clone(), event.component().to_owned())) {
            let note = format!("{}, last at {}", meaning(cx, event), event.last_seen());
            let (path, value) = ("events".to_owned(), event.message.clone());
            out.note(&object, Evidence { object: object.clone(), path, value, note });
        }
    }
}

/// The last word of each component that is still of use.
fn last_words<'a>(cx: &Context<'a>, kind: Kind, meta: &Meta, own: impl Fn(&Event) -> bool) -> Vec<&'a Event> {
    let history = cx.history(kind, meta);
    let mut components: HashSet<&str> = HashSet::new();
    let words =
        history.events().iter().rev().copied().filter(|event| !own(event) && components.insert(event.component()));
    let of_use = |event: &&Event| {
        let past = cx.age(event.last_seen()).is_some_and(|age| age > PAST);
        !past && (event.kind == "Warning" || scales(event))
    };
    words.filter(of_use).take(TAKEN).collect()
}

/// Whether the event says what whoever adds nodes does about the pod.
fn scales(event: &Event) -> bool {
    matches!(event.reason.as_str(), "NotTriggerScaleUp" | "TriggeredScaleUp" | "Nominated")
}

/// What mostly is wrong with nodes that are only imagined (cluster-autoscaler's FAQ, `--balancing-label` and node templates).
fn imagined(reasons: &str) -> &'static str {
    if reasons.contains("volume node affinity conflict") || reasons.contains("PersistentVolume's node affinity") {
        "; of a node group without nodes it knows a driver's topology labels only where the group says so (a node-template \
         label, such as tag k8s.io/cluster-autoscaler/node-template/label/KEY)"
    } else if reasons.contains("did not have enough free storage") {
        "; CSIStorageCapacity objects exist for real nodes only, so a group without nodes seems to have no storage: keep one \
         node in it, or make such an object for its topology label"
    } else {
        ""
    }
}

/// What the event means (cluster-autoscaler's `processors/status/eventing_scale_up_processor.go`, Karpenter's
/// `pkg/controllers/provisioning/scheduling/events.go`).
fn meaning(cx: &Context<'_>, event: &Event) -> String {
    let who = match event.component() {
        "" => "another component",
        component => component,
    };
    match event.reason.as_str() {
        "NotTriggerScaleUp" => format!(
            "{who} adds no node: none that its node groups could add would take the pod; the reasons are of those \
             imagined nodes, not of the cluster's{}",
            imagined(&event.message)
        ),
        "TriggeredScaleUp" => match cx.age(event.last_seen()).filter(|age| *age > PROVISION_TIME) {
            Some(age) => format!(
                "{who} began to add a node for it {} ago, and none has come that takes it: it gives a node {} \
                 (--max-node-provision-time), so look at its log and at the node group",
                duration(age),
                duration(PROVISION_TIME)
            ),
            None => format!("{who} is adding a node for it"),
        },
        "Nominated" => format!("{who} is bringing up a node for it"),
        "FailedScheduling" => format!("{who} finds no node that it could bring up for it"),
        reason => format!("{who} says so ({reason})"),
    }
}
