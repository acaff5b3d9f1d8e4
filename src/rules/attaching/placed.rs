//! Placed pods that wait for their volumes, as the rules about them see them.

use crate::diagnosis::context::{Context, PlacedCase, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::out::Known;
use crate::diagnosis::text::duration;
use crate::model::{Claim, Kind, Node, ObjectRef, Volume};
use crate::volumes::{AttachProblem, MountEvent, MountFailure, NodeState};

/// Seconds after which a mount that fails is no longer one that the next attempt makes good.
pub(in crate::rules) const MOUNT_PATIENCE: i64 = 120;
/// Seconds of the attempts that follow each other quickly.
const FIRST_ATTEMPTS: i64 = 60;
/// Attempts that have failed alike.
const REPEATED: i64 = 3;

/// The kinds on which the verdict about a placed pod's volumes rests.
pub(in crate::rules) const OF_VERDICT: &[Kind] = &[
    Kind::PersistentVolumeClaim,
    Kind::PersistentVolume,
    Kind::VolumeAttachment,
    Kind::CSINode,
    Kind::CSIDriver,
    Kind::Event,
];

/// A placed pod and what keeps a volume from it.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) struct Stuck<'c, 'a> {
    pub(in crate::rules) case: &'c PlacedCase<'a>,
    pub(in crate::rules) problem: &'c AttachProblem,
}

/// What keeps volumes from placed pods for longer than it may, where no error explains the pod yet.
pub(in crate::rules) fn stuck<'c, 'a>(cx: &'c Context<'a>, out: &impl Known) -> Vec<Stuck<'c, 'a>> {
    let mut all = problems(cx, out);
    all.retain(|stuck| stuck.case.stuck_on(stuck.problem));
    all
}

/// The same without regard to time, for causes that waiting doesn't help.
pub(in crate::rules) fn problems<'c, 'a>(cx: &'c Context<'a>, out: &impl Known) -> Vec<Stuck<'c, 'a>> {
    let cases = cx.placed.iter().filter(|case| !out.explained(&pod_ref(case.pod)));
    cases.flat_map(|case| case.verdict.problems.iter().map(move |problem| Stuck { case, problem })).collect()
}

/// The newest event of each placed pod that tells of such a failure, where no error explains the pod yet.
pub(in crate::rules) fn failing<'c, 'a>(
    cx: &'c Context<'a>,
    out: &impl Known,
    wanted: impl Fn(&MountFailure) -> bool,
) -> Vec<(&'c PlacedCase<'a>, &'c MountEvent)> {
    let cases = cx.placed.iter().filter(|case| !out.explained(&pod_ref(case.pod)));
    let told = cases.filter_map(|case| {
        let mut events = case.verdict.events.iter().filter(|event| wanted(&event.failure)).peekable();
        let newest = *events.peek()?;
        has_tried(case, events).then_some((case, newest))
    });
    told.collect()
}

/// Why not everything about the volumes of placed pods could be read, where any wait for them.
pub(in crate::rules) fn unread(cx: &Context<'_>, kinds: &[Kind]) -> Option<String> {
    cx.unread(kinds).filter(|_| !cx.placed.is_empty())
}

/// Whether a claim of the pod is not there to be mounted: what else is said of it follows from that.
pub(in crate::rules) fn lacks_claim(case: &PlacedCase<'_>) -> bool {
    case.verdict.problems.iter().any(|problem| {
        let lacking = matches!(
            problem,
            AttachProblem::ClaimMissing { .. }
                | AttachProblem::ClaimNotBound { .. }
                | AttachProblem::ClaimDeleting { .. }
                | AttachProblem::VolumeMissing { .. }
        );
        lacking && case.stuck_on(problem)
    })
}

/// Whether the pod has waited longer than a few attempts take, as far as that is known. The first attempts follow each other
/// within seconds (`pkg/util/goroutinemap/exponentialbackoff`), so that their number alone shows nothing at first.
fn has_tried<'e>(case: &PlacedCase<'_>, mut events: impl Iterator<Item = &'e MountEvent>) -> bool {
    case.waited.is_none_or(|waited| waited > MOUNT_PATIENCE)
        || case.may_have_waited(FIRST_ATTEMPTS) && events.any(|event| event.count >= REPEATED)
}

impl<'a> Stuck<'_, 'a> {
    pub(in crate::rules) fn pod(&self) -> ObjectRef {
        pod_ref(self.case.pod)
    }

    pub(in crate::rules) fn node(&self) -> &str {
        &self.case.verdict.node
    }

    /// The volume in words, with its claim.
    pub(in crate::rules) fn volume(&self, cx: &Context<'a>) -> String {
        self.problem.volume().map_or_else(|| "a volume".to_owned(), |volume| volume_words(cx, self.case, volume))
    }
}

/// `volume pv of claim c`; `volume v` for one of the pod's own.
pub(in crate::rules) fn volume_words(cx: &Context<'_>, case: &PlacedCase<'_>, volume: &str) -> String {
    match claim_of(cx, case, volume) {
        Some(claim) => format!("volume {volume} of claim {}", claim.metadata.name),
        None => format!("volume {volume}"),
    }
}

/// The claim of the pod that is bound to a volume.
pub(in crate::rules) fn claim_of<'a>(cx: &Context<'a>, case: &PlacedCase<'_>, volume: &str) -> Option<&'a Claim> {
    let claims = cx.claims_of(case.pod).into_iter().filter_map(|(_, claim)| claim.found());
    claims.map(|claim| &**claim).find(|claim| claim.spec.volume_name == volume)
}

/// The volume as an object; the pod for one of its own.
pub(in crate::rules) fn volume_ref(cx: &Context<'_>, case: &PlacedCase<'_>, volume: &str) -> ObjectRef {
    match cx.snapshot.volumes.get("", volume).found() {
        Some(_) => ObjectRef::new(Kind::PersistentVolume, "", volume),
        None => pod_ref(case.pod),
    }
}

/// The PersistentVolumes of a pod, with their claims, in the order of its volumes.
pub(in crate::rules) fn volumes_of<'a>(cx: &Context<'a>, case: &PlacedCase<'_>) -> Vec<(&'a Claim, &'a Volume)> {
    let claims = cx.claims_of(case.pod).into_iter().filter_map(|(_, claim)| claim.found());
    claims
        .filter_map(|claim| Some((&**claim, &**cx.snapshot.volumes.get("", &claim.spec.volume_name).found()?)))
        .collect()
}

/// The node of a case, where it was read.
pub(in crate::rules) fn node_of<'a>(cx: &Context<'a>, case: &PlacedCase<'_>) -> Option<&'a Node> {
    cx.snapshot.nodes.get("", &case.verdict.node).found().map(|node| &**node)
}

/// A node as an object of a report.
pub(in crate::rules) fn node_ref(name: &str) -> ObjectRef {
    ObjectRef::new(Kind::Node, "", name)
}

/// An attachment as an object of a report.
pub(in crate::rules) fn attachment_ref(name: &str) -> ObjectRef {
    ObjectRef::new(Kind::VolumeAttachment, "", name)
}

/// The state of a node, as the end of a sentence about it; empty where nothing is wrong with it.
pub(in crate::rules) fn state_words(state: NodeState) -> &'static str {
    match state {
        NodeState::Ready | NodeState::Unknown => "",
        NodeState::NotReady => ", which is not ready",
        NodeState::OutOfService => ", which is out of service",
        NodeState::Gone => ", which does not exist any more",
    }
}

/// How long a pod has waited on its node, as a fact.
pub(in crate::rules) fn wait_fact(case: &PlacedCase<'_>) -> Evidence {
    let waited = case.waited.filter(|waited| *waited > 0);
    let waited = waited.map_or_else(String::new, |waited| format!(" for {}", duration(waited)));
    let value = format!("on node {}{waited}", case.verdict.node);
    Context::fact(pod_ref(case.pod), "spec.nodeName", value, "the pod was placed there and waits for its volumes")
}

/// An event as a fact.
pub(in crate::rules) fn event_fact(case: &PlacedCase<'_>, event: &MountEvent) -> Evidence {
    let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
    let note = format!(
        "what {} says of the pod",
        if event.reason == "FailedAttachVolume" { "the attach controller" } else { "the kubelet" }
    );
    let said = crate::volumes::driver_words::essential(&event.message);
    Context::fact(pod_ref(case.pod), "events", format!("{}{times}: {said}", event.reason), note)
}
