//! The words on a volume that does not grow.

use super::growth::{Growth, Said, State, operator_of};
use super::resizer::{Resizer, address, address_of_others};
use super::volume_not_grown::Case;
use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::text::{capital, duration, either, named};
use crate::model::component::Role;
use crate::model::{Claim, ObjectRef};
use crate::volumes::provision_failure::shortened;

/// How long what is said may be in a title, in characters.
const IN_TITLE: usize = 180;
/// Claims that are shown.
const SHOWN: usize = 3;

/// The object in which the cause lies.
pub(super) fn object(case: &Case<'_>) -> ObjectRef {
    match &case.resizer {
        Some(Resizer::Lacking(part) | Resizer::Down { part, .. } | Resizer::Deaf { part, .. }) => part.object(),
        _ => claim_ref(case.growth.claim),
    }
}

/// The cause in a sentence.
pub(super) fn title(cx: &Context<'_>, cases: &[Case<'_>]) -> String {
    let names: Vec<&str> = cases.iter().map(|case| case.growth.claim.metadata.name.as_str()).collect();
    let (lead, claims) = (&cases[0], named("claim", &names));
    let growth = &lead.growth;
    let sizes = sizes(growth, cases.len());
    match &growth.state {
        State::Infeasible { said, .. } => {
            let why = said.map_or_else(String::new, |said| format!(": {}", short(said)));
            let word = if operated_on_node(growth) { "the kubelet" } else { "its storage" };
            format!("{} can't grow, {word} refuses it for good: it {sizes}{why}", capital(&claims))
        }
        State::Failed(said) => {
            let it = either(cases.len(), "it", "each");
            format!("{} can't grow ({it} {sizes}): {}", capital(&claims), short(*said))
        }
        State::NeedsMount { pods, .. } => needs_mount(growth.claim, pods.is_empty(), &sizes),
        State::Stalled(condition) => {
            let age = condition.last_transition_time.as_deref().and_then(|since| cx.seconds_since(since));
            let span = age.map_or_else(String::new, |age| format!(" for {}", duration(age)));
            format!("{} has been growing{span} without an end: it {sizes}", capital(&claims))
        }
        State::Unanswered(_) => unanswered(lead, &claims, &sizes),
    }
}

fn operated_on_node(growth: &Growth<'_>) -> bool {
    matches!(growth.state, State::Infeasible { status, .. } if status.starts_with("Node"))
}

fn sizes(growth: &Growth<'_>, claims: usize) -> String {
    match claims {
        1 => format!("asks for {} and has {}", growth.asked, growth.has),
        _ => format!("asks for more than it has, as {} for {}", growth.has, growth.asked),
    }
}

fn short(said: Said<'_>) -> String {
    shortened(said.message(), IN_TITLE)
}

fn needs_mount(claim: &Claim, unused: bool, sizes: &str) -> String {
    let name = &claim.metadata.name;
    match (unused, operator_of(claim)) {
        (true, Some((kind, owner))) => format!(
            "The volume of claim {name} has grown, but its file system grows only when a pod mounts it, and the operator \
             of {kind} {owner} runs no pod that does: the claim {sizes}"
        ),
        (true, None) => format!(
            "The volume of claim {name} has grown, but its file system grows only when a pod mounts it, and none does: \
             the claim {sizes}"
        ),
        (false, _) => format!(
            "The volume of claim {name} has grown, but the file system in the pod that uses it has not: the claim {sizes}"
        ),
    }
}

fn unanswered(case: &Case<'_>, claims: &str, sizes: &str) -> String {
    let driver = case.growth.driver.unwrap_or_default();
    let more = format!("({claims} {sizes})");
    match &case.resizer {
        Some(Resizer::Deaf { part, container, .. }) => {
            let address = address(container).unwrap_or_default();
            format!(
                "{} can't grow the volumes of driver {driver}: its {} looks for the driver's socket at {address}, where \
                 nothing is mounted {more}",
                part.words(),
                container.name
            )
        }
        Some(Resizer::Lacking(part)) => format!(
            "Nobody grows the volumes of driver {driver}: {}, which makes them, has no csi-resizer {more}",
            part.words()
        ),
        Some(Resizer::Down { part, trouble }) => {
            format!("{}, whose csi-resizer grows the volumes of driver {driver}, {} {more}", part.words(), trouble.text)
        }
        Some(Resizer::Runs { part, container }) => format!(
            "{} {sizes}, and container {container} of {}, which is to grow the volume, has not begun",
            capital(claims),
            part.words()
        ),
        Some(Resizer::Unseen) => format!(
            "{} {sizes}, and nobody has begun to grow the volume: no csi-resizer of driver {driver} is seen",
            capital(claims)
        ),
        None => format!("{} {sizes}, and nobody grows the volume: it is not one of a CSI driver", capital(claims)),
    }
}

/// What proves it.
pub(super) fn facts(cx: &Context<'_>, cases: &[Case<'_>]) -> Vec<Evidence> {
    let mut facts = Vec::new();
    for case in cases.iter().take(SHOWN) {
        let (growth, of_claim) = (&case.growth, claim_ref(case.growth.claim));
        let note = format!("more than status.capacity.storage, {}", growth.has);
        facts.push(Context::fact(of_claim.clone(), "spec.resources.requests.storage", growth.asked.to_string(), note));
        facts.extend(state_facts(&growth.state, &of_claim));
    }
    facts.extend(volume_fact(cx, &cases[0].growth));
    facts.extend(owner_fact(&cases[0].growth));
    facts.extend(resizer_facts(&cases[0]));
    facts
}

fn state_facts(state: &State<'_>, claim: &ObjectRef) -> Vec<Evidence> {
    let said = |said: &Said<'_>| match said {
        Said::Event(event) => {
            let note = format!("{}, {} times, last at {}", event.reason, event.times(), event.last_seen());
            Context::fact(claim.clone(), "events", event.message.clone(), note)
        }
        Said::Condition(condition) => {
            let path = format!("status.conditions[{}]", condition.kind);
            Context::fact(claim.clone(), &path, condition.message.clone(), "why it does not grow")
        }
    };
    match state {
        State::Infeasible { status, said: why } => {
            let note = "the size that it asks for is not tried again";
            let status = Context::fact(claim.clone(), "status.allocatedResourceStatuses.storage", *status, note);
            [status].into_iter().chain(why.iter().map(said)).collect()
        }
        State::Failed(why) => vec![said(why)],
        State::NeedsMount { condition, pods } => {
            let since = condition.and_then(|condition| condition.last_transition_time.as_deref()).unwrap_or_default();
            let value = condition.map_or("NodeResizePending", |condition| condition.message.as_str());
            let path = match condition {
                Some(_) => "status.conditions[FileSystemResizePending]",
                None => "status.allocatedResourceStatuses.storage",
            };
            let note = if since.is_empty() { "the file system waits".to_owned() } else { format!("since {since}") };
            let pods = pods.iter().map(|pod| {
                let note = "it uses the claim: the driver may grow the file system only when it is mounted anew";
                Context::fact(pod_ref(pod), "status.phase", pod.status.phase.clone(), note)
            });
            [Context::fact(claim.clone(), path, value, note)].into_iter().chain(pods).collect()
        }
        State::Stalled(condition) => {
            let since = condition.last_transition_time.as_deref().unwrap_or_default();
            vec![Context::fact(claim.clone(), "status.conditions[Resizing]", "True", format!("since {since}"))]
        }
        State::Unanswered(event) => event
            .map(|event| Context::fact(claim.clone(), "events", event.message.clone(), event.reason.clone()))
            .into_iter()
            .collect(),
    }
}

fn volume_fact(cx: &Context<'_>, growth: &Growth<'_>) -> Option<Evidence> {
    let volume = cx.snapshot.volumes.get("", &growth.claim.spec.volume_name).found()?;
    let (size, State::NeedsMount { .. }) = (volume.capacity()?, &growth.state) else { return None };
    let object = ObjectRef::new(crate::model::Kind::PersistentVolume, "", &volume.metadata.name);
    Some(Context::fact(object, "spec.capacity.storage", size.to_string(), "the volume itself has grown"))
}

fn owner_fact(growth: &Growth<'_>) -> Option<Evidence> {
    let State::NeedsMount { pods, .. } = &growth.state else { return None };
    let (kind, name) = operator_of(growth.claim).filter(|_| pods.is_empty())?;
    let note = "its operator makes the pods, and may wait for the claim to have grown before it does";
    Some(Context::fact(claim_ref(growth.claim), "metadata.ownerReferences", format!("{kind} {name}"), note))
}

fn resizer_facts(case: &Case<'_>) -> Vec<Evidence> {
    match &case.resizer {
        Some(Resizer::Deaf { part, container, .. }) => {
            let (object, path) = part.place(&format!("containers[{}]", container.name));
            let address = address(container).unwrap_or_default();
            let note = match address_of_others(part, container) {
                Some(other) => format!("the other sidecars beside it have {other}"),
                None => "the path of the driver's socket".to_owned(),
            };
            let mounts: Vec<&str> = container.volume_mounts.iter().map(|mount| mount.mount_path.as_str()).collect();
            vec![
                Context::fact(object.clone(), &format!("{path}.args"), format!("--csi-address={address}"), note),
                Context::fact(object, &format!("{path}.volumeMounts"), mounts.join(", "), "all that it mounts"),
            ]
        }
        Some(Resizer::Lacking(part)) => {
            let (object, path) = part.place("containers");
            let names: Vec<&str> = part.spec.containers.iter().map(|container| container.name.as_str()).collect();
            vec![Context::fact(object, &path, names.join(", "), "a resizer may run elsewhere, where this can't see it")]
        }
        Some(Resizer::Down { part, trouble }) => {
            let (object, path) = part.place("containers");
            let container = part.container(Role::Resizer).unwrap_or_default();
            let own = Context::fact(object, &path, container, "it grows the volumes of the driver");
            trouble.facts.iter().cloned().chain([own]).collect()
        }
        Some(Resizer::Runs { .. } | Resizer::Unseen) | None => Vec::new(),
    }
}
