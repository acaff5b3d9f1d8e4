//! How far a claim that asks for more than it has come with it.

use crate::diagnosis::context::Context;
use crate::model::claim::{BETA_STORAGE_PROVISIONER, STORAGE_PROVISIONER};
use crate::model::pod::Condition;
use crate::model::{Claim, Event, Kind, Pod, Quantity};
use crate::snapshot::History;

/// Seconds within which a resizer may begin, a failure may pass, or a pod may come.
const PATIENCE: i64 = 300;
/// Seconds within which the kubelet may grow the file system of a volume that a pod uses.
const ON_NODE: i64 = 600;
/// Seconds within which the storage may be at it.
const AT_WORK: i64 = 1_800;
/// How often a failure is repeated before it counts whatever its age.
const REPEATED: i64 = 3;

/// What the resizer and the kubelet write where growing fails, and where it comes to an end.
const FAILED: &[&str] = &["VolumeResizeFailed", "FileSystemResizeFailed"];
const DONE: &[&str] = &["VolumeResizeSuccessful", "FileSystemResizeSuccessful", "FileSystemResizeRequired"];

/// A claim that asks for more than it has.
pub(super) struct Growth<'a> {
    pub(super) claim: &'a Claim,
    pub(super) asked: &'a Quantity,
    pub(super) has: &'a Quantity,
    /// The CSI driver of its volume, where it has one.
    pub(super) driver: Option<&'a str>,
    pub(super) state: State<'a>,
}

/// Why it does not have it.
pub(super) enum State<'a> {
    /// The driver has refused for good (`status.allocatedResourceStatuses`, KEP-1790).
    Infeasible { status: &'a str, said: Option<Said<'a>> },
    /// It is tried and fails.
    Failed(Said<'a>),
    /// The volume has grown and its file system waits for a node.
    NeedsMount { condition: Option<&'a Condition>, pods: Vec<&'a Pod> },
    /// The storage has been at it for long.
    Stalled(&'a Condition),
    /// Nobody has begun; with what the expand controller says.
    Unanswered(Option<&'a Event>),
}

/// What was said of a failure.
#[derive(Clone, Copy)]
pub(super) enum Said<'a> {
    Event(&'a Event),
    Condition(&'a Condition),
}

impl<'a> Said<'a> {
    pub(super) fn message(self) -> &'a str {
        match self {
            Self::Event(event) => &event.message,
            Self::Condition(condition) => &condition.message,
        }
    }
}

/// What keeps a claim from growing; nothing where it has what it asks for or is on its way.
pub(super) fn growth<'a>(cx: &Context<'a>, claim: &'a Claim) -> Option<Growth<'a>> {
    let (asked, has) = (claim.request()?, claim.status.capacity.get("storage")?);
    if claim.status.phase != "Bound" || claim.metadata.deleting() || asked <= has {
        return None;
    }
    let history = cx.history(Kind::PersistentVolumeClaim, &claim.metadata);
    let state = refused(cx, claim, &history)
        .or_else(|| on_node(cx, claim))
        .or_else(|| stalled(cx, claim))
        .or_else(|| unanswered(cx, claim, &history))?;
    Some(Growth { claim, asked, has, driver: driver(cx, claim), state })
}

fn refused<'a>(cx: &Context<'a>, claim: &'a Claim, history: &History<'a>) -> Option<State<'a>> {
    let said = said(cx, claim, history);
    match status(claim) {
        Some(status) if status.ends_with("Infeasible") => Some(State::Infeasible { status, said }),
        _ => said.filter(|said| lasting(cx, *said)).map(State::Failed),
    }
}

/// What was said last of a failure that nothing has ended: of the claim, or of a pod on whose node its file system grows.
fn said<'a>(cx: &Context<'a>, claim: &'a Claim, history: &History<'a>) -> Option<Said<'a>> {
    let failed = |event: &Event| FAILED.contains(&event.reason.as_str());
    let standing = history.standing(failed, |event| DONE.contains(&event.reason.as_str())).into_iter().next();
    let volume = claim.spec.volume_name.as_str();
    let of_volume = |event: &Event| failed(event) && !volume.is_empty() && event.message.contains(volume);
    let of_pods = || {
        let histories = cx.users_of(claim).into_iter().map(|pod| cx.history(Kind::Pod, &pod.metadata));
        histories.filter_map(|history| history.last(|event| of_volume(event))).next()
    };
    let error = || condition(claim, "ControllerResizeError").or_else(|| condition(claim, "NodeResizeError"));
    standing.or_else(of_pods).map(Said::Event).or_else(|| error().map(Said::Condition))
}

fn lasting(cx: &Context<'_>, said: Said<'_>) -> bool {
    match said {
        Said::Condition(_) => true,
        Said::Event(event) => {
            event.times() >= REPEATED || cx.seconds_since(event.first_seen()).is_some_and(|age| age > PATIENCE)
        }
    }
}

/// A volume whose file system waits for a node: one that no pod uses, or one that a pod uses for longer than a kubelet
/// takes. Pods that have not started tell their own story.
fn on_node<'a>(cx: &Context<'a>, claim: &'a Claim) -> Option<State<'a>> {
    let condition = condition(claim, "FileSystemResizePending");
    if condition.is_none() && status(claim) != Some("NodeResizePending")
        || !cx.snapshot.pods.covers(&claim.metadata.namespace)
        || cx.presumes_none(Kind::Pod)
    {
        return None;
    }
    let pods = cx.users_of(claim);
    let since = condition.and_then(|condition| condition.last_transition_time.as_deref());
    let age = since.and_then(|since| cx.seconds_since(since));
    let running = |pod: &&Pod| pod.assigned() && pod.status.phase == "Running" && !pod.metadata.deleting();
    let lasts = match pods.is_empty() {
        true => age.is_none_or(|age| age > PATIENCE),
        false => pods.iter().all(running) && age.is_some_and(|age| age > ON_NODE),
    };
    lasts.then_some(State::NeedsMount { condition, pods })
}

fn stalled<'a>(cx: &Context<'_>, claim: &'a Claim) -> Option<State<'a>> {
    let condition = condition(claim, "Resizing")?;
    let age = cx.seconds_since(condition.last_transition_time.as_deref()?)?;
    (age > AT_WORK && condition_alone(claim)).then_some(State::Stalled(condition))
}

fn condition_alone(claim: &Claim) -> bool {
    condition(claim, "FileSystemResizePending").is_none() && status(claim) != Some("NodeResizePending")
}

/// A claim of which no resizer has said or set anything.
fn unanswered<'a>(cx: &Context<'a>, claim: &'a Claim, history: &History<'a>) -> Option<State<'a>> {
    let begun = ["Resizing", "FileSystemResizePending"].iter().any(|kind| condition(claim, kind).is_some());
    let grown = cx.snapshot.volumes.get("", &claim.spec.volume_name).found();
    let grown = grown.and_then(|volume| volume.capacity()).is_some_and(|size| Some(size) >= claim.request());
    let resizer = history.last(|event| event.component().contains("resizer")).is_some();
    if begun || grown || resizer || status(claim).is_some() {
        return None;
    }
    let event = history.last(|event| event.reason == "ExternalExpanding");
    let early = event.is_some_and(|event| cx.seconds_since(event.first_seen()).is_none_or(|age| age <= PATIENCE));
    (!early).then_some(State::Unanswered(event))
}

fn driver<'a>(cx: &Context<'a>, claim: &'a Claim) -> Option<&'a str> {
    match cx.snapshot.volumes.get("", &claim.spec.volume_name).found() {
        Some(volume) => volume.spec.csi.as_ref().map(|csi| csi.driver.as_str()),
        None => {
            let named = [STORAGE_PROVISIONER, BETA_STORAGE_PROVISIONER].iter();
            named.filter_map(|key| claim.metadata.annotations.get(*key)).map(String::as_str).next()
        }
    }
}

fn condition<'a>(claim: &'a Claim, kind: &str) -> Option<&'a Condition> {
    claim.status.conditions.iter().find(|condition| condition.kind == kind && condition.status == "True")
}

fn status(claim: &Claim) -> Option<&str> {
    claim.status.allocated_resource_statuses.get("storage").map(String::as_str).filter(|status| !status.is_empty())
}

/// What makes the pods of a claim and is of no kind that Kubernetes has: an operator's own.
pub(super) fn operator_of(claim: &Claim) -> Option<(&str, &str)> {
    let owner = claim.metadata.controller()?;
    Kind::named(&owner.kind).is_none().then_some((owner.kind.as_str(), owner.name.as_str()))
}

/// Whether pods use other claims of the same operator's object, so that it has not been stopped as a whole.
pub(super) fn siblings_run(cx: &Context<'_>, claim: &Claim) -> bool {
    let owner = |claim: &Claim| claim.metadata.controller().map(|owner| owner.uid.clone());
    let own = owner(claim);
    let others = cx.snapshot.claims.in_namespace(&claim.metadata.namespace).iter();
    let mut others = others.filter(|other| other.metadata.name != claim.metadata.name && owner(other) == own);
    own.is_some() && others.any(|other| !cx.users_of(other).is_empty())
}
