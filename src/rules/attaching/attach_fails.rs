use super::attach_facts::{attach_facts, attach_remedy, own_identity, twin};
use super::placed::{attachment_ref, event_fact, failing, node_of, stuck, unread, volume_ref, volume_words, wait_fact};
use crate::diagnosis::by_key::by_key;
use crate::diagnosis::context::{Context, PlacedCase, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{duration, named};
use crate::model::Kind;
use crate::model::component::Role;
use crate::model::{ObjectRef, Pod};
use crate::rules::drivers::driver::{controller_logs, events_step, helper_pods, plugin_log};
use crate::rules::drivers::driver_faults::{echoes, meaning, says_nothing};
use crate::rules::drivers::vsphere;
use crate::rules::provisioning::copies::{Copies, more_copies_than_nodes};
use crate::volumes::driver_words::{cause, essential};
use crate::volumes::migration::{MIGRATED_PLUGINS, csi_driver_of, in_tree_plugin, taken_over};
use crate::volumes::{AttachProblem, MountEvent, MountFailure};

crate::rules::declare_rule! {
    static RULE = {
        name: "attach-fails",
        summary: "A driver refuses to attach a volume to the node of a pod.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, Event, CSIDriver],
        stage: Failure,
        check: check,
    }
}

/// How drivers say that they found no place for a copy of the volume, or have none that works.
const SHORT_OF_PLACES: &[&str] = &["not scheduled", "cannot be scheduled", "is not ready for workloads"];

/// A failed attempt to attach.
struct Attempt<'c, 'a> {
    case: &'c PlacedCase<'a>,
    volume: &'c str,
    attachment: Option<&'c str>,
    message: &'c str,
    driver: String,
    /// The event that says why, where the attachment only has an echo of it.
    told: Option<&'c MountEvent>,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::VolumeAttachment]));
    let attempts = attempts(cx, out).into_iter();
    let stories = by_key(attempts.map(|attempt| ((attempt.driver.clone(), story(&attempt)), attempt)));
    for attempts in stories.values() {
        out.add(finding(cx, attempts));
    }
}

/// What attachments say of attempts, and events where attachments could not be read.
fn attempts<'c, 'a>(cx: &'c Context<'a>, out: &Out<'_>) -> Vec<Attempt<'c, 'a>> {
    let driver = |attachment: &str| {
        let found = cx.snapshot.attachments.get("", attachment).found();
        found.map(|found| found.spec.attacher.clone()).unwrap_or_default()
    };
    let mut attempts: Vec<Attempt<'_, '_>> = Vec::new();
    for stuck in stuck(cx, out) {
        if let AttachProblem::AttachError { volume, attachment, message, .. } = stuck.problem {
            let (driver, case) = (driver(attachment), stuck.case);
            let found = cx.snapshot.attachments.get("", attachment).found();
            let since = found.map_or("", |found| found.metadata.creation_timestamp.as_str());
            let told = Some(message).filter(|message| echoes(message)).and_then(|_| sibling(case, volume, since));
            let message = told.map_or(message.as_str(), |event| cause(&event.message));
            attempts.push(Attempt { case, volume, attachment: Some(attachment), message, driver, told });
        }
    }
    for (case, event) in failing(cx, out, |failure| *failure == MountFailure::Attach) {
        let Some(volume) = event.volume.as_deref() else { continue };
        let known = attempts.iter().any(|attempt| std::ptr::eq(attempt.case, case));
        if !known && !case.verdict.problems.iter().any(|problem| problem.volume() == Some(volume)) {
            let found = cx.snapshot.volumes.get("", volume).found();
            let driver = found.and_then(|found| found.spec.csi.as_ref()).map(|csi| csi.driver.clone());
            let told = if echoes(&event.message) { sibling(case, volume, "").unwrap_or(event) } else { event };
            let (message, driver) = (cause(&told.message), driver.unwrap_or_default());
            attempts.push(Attempt { case, volume, attachment: None, message, driver, told: Some(told) });
        }
    }
    attempts
}

/// The newest event of the pod that says more of the volume than that another attempt is not over; what was said before
/// the attachment was made is of an earlier one, and overtaken.
fn sibling<'c>(case: &'c PlacedCase<'_>, volume: &str, since: &str) -> Option<&'c MountEvent> {
    let mut own = case.verdict.events.iter().filter(|event| event.volume.as_deref() == Some(volume));
    own.find(|event| {
        event.failure == MountFailure::Attach && !echoes(&event.message) && event.last_seen.as_str() >= since
    })
}

/// The words without what is different for each volume.
fn story(attempt: &Attempt<'_, '_>) -> String {
    let own = [attempt.volume, attempt.attachment.unwrap_or("\0"), &attempt.case.verdict.node];
    let text = own.iter().fold(essential(attempt.message), |text, name| text.replace(name, "*"));
    let identifier = |word: &str| word.chars().filter(char::is_ascii_digit).count() >= 4;
    text.split_whitespace().map(|word| if identifier(word) { "*" } else { word }).collect::<Vec<_>>().join(" ")
}

fn finding(cx: &Context<'_>, attempts: &[Attempt<'_, '_>]) -> Finding {
    let first = &attempts[0];
    let driver = if first.driver.is_empty() { "The driver".to_owned() } else { format!("Driver {}", first.driver) };
    let (words, node) = (essential(first.message), &first.case.verdict.node);
    let volume = volume_words(cx, first.case, first.volume);
    let what = match attempts.len() {
        1 => format!("{volume} to node {node}"),
        more => format!("{more} volumes, {volume} to node {node} among them"),
    };
    let twin = Some(first).filter(|first| says_nothing(first.message)).and_then(|first| twin(cx, first.case));
    let copies = copies(cx, first);
    let title = if says_nothing(first.message) {
        let waited = first.case.waited.map_or_else(String::new, |waited| format!(" for {}", duration(waited)));
        let twin = twin.as_ref().map_or_else(String::new, |(twin, _)| {
            format!(", and node {} has the same machine identity as node {node}", twin.metadata.name)
        });
        format!("{driver} has not attached {what}{waited}; it says only that time ran out{twin}")
    } else if let Some(copies) = &copies {
        format!("{driver} can't attach {what}, because {}", copies.text)
    } else {
        format!("{driver} can't attach {what}: {words}")
    };
    let object = first.attachment.map_or_else(|| volume_ref(cx, first.case, first.volume), attachment_ref);
    let mut finding = RULE.finding(object, title);
    for attempt in attempts.iter().take(3) {
        if let Some(attachment) = attempt.attachment {
            let error = attach_error(cx, attachment).unwrap_or(attempt.message);
            let note =
                meaning(error).map_or_else(|| "the driver's own words".to_owned(), |it| format!("this means: {it}"));
            finding = finding.evidence(attachment_ref(attachment), "status.attachError", essential(error), note);
        }
        finding.evidence.extend(attempt.told.map(|event| told_fact(attempt, event)));
        finding.evidence.extend(vsphere::attach_facts(cx, attempt.case, attempt.message));
        finding.evidence.extend(attach_facts(cx, attempt.case, attempt.volume, attempt.message));
        finding.evidence.extend(before(cx, attempt));
        finding.evidence.extend(helpers(cx, attempt));
        finding.rests_on.extend(helper_pods(cx, attempt.volume).into_iter().filter(|pod| !pod.ready()).map(pod_ref));
        finding.evidence.push(wait_fact(attempt.case));
    }
    let mut remedies: Vec<Remedy> = attach_remedy(cx, first.case, first.volume, first.message).into_iter().collect();
    if let Some((_, fact)) = twin {
        finding.evidence.push(fact);
        finding = finding.likely();
        remedies.push(own_identity(node));
    }
    finding.evidence.extend(copies.as_ref().map(|copies| copies.fact.clone()));
    let finding = finding.explains_all(attempts.iter().map(|attempt| pod_ref(attempt.case.pod)));
    finding.with_remedies(remedies).with_remedies(copies.as_ref().map(fewer_copies)).remedy(look_further(cx, first))
}

/// What the attachment itself says.
fn attach_error<'a>(cx: &Context<'a>, attachment: &str) -> Option<&'a str> {
    let found = cx.snapshot.attachments.get("", attachment).found()?;
    found.status.attach_error.as_ref().map(|error| error.message.as_str())
}

fn told_fact(attempt: &Attempt<'_, '_>, event: &MountEvent) -> Evidence {
    let mut fact = event_fact(attempt.case, event);
    if attempt.attachment.is_some() {
        fact.note.push_str(&format!(", last at {}", event.last_seen));
    }
    if let Some(meaning) = meaning(&event.message) {
        fact.note.push_str(&format!("; this means: {meaning}"));
    }
    fact
}

/// What a volume of an in-tree plugin is to its driver, and to the node.
fn before(cx: &Context<'_>, attempt: &Attempt<'_, '_>) -> Vec<Evidence> {
    let Some(volume) = cx.snapshot.volumes.get("", attempt.volume).found() else { return Vec::new() };
    let Some(plugin) = in_tree_plugin(volume) else { return Vec::new() };
    let node = &attempt.case.verdict.node;
    let csi_node = cx.snapshot.csi_nodes.get("", node).found();
    let left = taken_over(plugin, csi_node.map(|it| &**it), node_of(cx, attempt.case));
    let driver = csi_driver_of(plugin).unwrap_or_default();
    let source = match &volume.spec.vsphere_volume {
        Some(disk) => format!("vsphereVolume: {}", disk.volume_path),
        None => plugin.to_owned(),
    };
    let note = match left {
        true => format!("a volume of in-tree plugin {plugin}, which the node leaves to CSI driver {driver}"),
        false => format!("a volume of in-tree plugin {plugin}, which the node has not left to CSI driver {driver}"),
    };
    let mut facts = vec![Context::fact(volume_ref(cx, attempt.case, attempt.volume), "spec", source, note)];
    if !left && let Some(list) = csi_node.and_then(|csi_node| csi_node.metadata.annotations.get(MIGRATED_PLUGINS)) {
        let path = format!("metadata.annotations[{MIGRATED_PLUGINS}]");
        let note = format!("{plugin} is not among them: the kubelet's release, or its feature gates, decide");
        facts.push(Context::fact(ObjectRef::new(Kind::CSINode, "", node), &path, list.clone(), note));
    }
    facts
}

/// That the class asks for more copies than there are nodes, where the driver says that it found no place for them.
fn copies(cx: &Context<'_>, attempt: &Attempt<'_, '_>) -> Option<Copies> {
    let volume = cx.snapshot.volumes.get("", attempt.volume).found()?;
    let class = cx.snapshot.classes.get("", &volume.spec.storage_class_name).found()?;
    let short = SHORT_OF_PLACES.iter().any(|words| attempt.message.contains(words));
    more_copies_than_nodes(cx, class).filter(|_| short)
}

/// As many copies as there are nodes.
fn fewer_copies(copies: &Copies) -> Remedy {
    let what = format!(
        "Add nodes to the storage, or ask for fewer copies: {}. A volume that exists keeps the number that it was made \
         with; change it where the storage keeps its volumes, and the class for new ones",
        copies.text
    );
    let reason = "what the storage does then is not known";
    Remedy::untried("Ask for no more copies than there are nodes", Risk::Low, vec![Step::told(what)], reason)
}

/// Pods that are named after the volume: drivers have such ones serve it.
fn helpers(cx: &Context<'_>, attempt: &Attempt<'_, '_>) -> Vec<Evidence> {
    helper_pods(cx, attempt.volume).into_iter().take(2).map(|pod| helper_fact(cx, pod)).collect()
}

fn helper_fact(cx: &Context<'_>, pod: &Pod) -> Evidence {
    let node = &pod.spec.node_name;
    let mut state = match crate::rules::starting::containers::fault(pod) {
        Some(fault) => fault.sentence(cx),
        None if pod.ready() => "ready".to_owned(),
        None => "not ready".to_owned(),
    };
    if !node.is_empty() {
        state.push_str(&format!(" on node {node}"));
    }
    if let Some(by) = &pod.metadata.deletion_timestamp {
        state.push_str(&format!(", made at {} and being deleted at {by}", pod.metadata.creation_timestamp));
    }
    let object: ObjectRef = pod_ref(pod);
    Context::fact(object, "status", state, "the driver serves the volume with this pod")
}

/// Where to look, since the API shows no more than the driver's words.
fn look_further(cx: &Context<'_>, attempt: &Attempt<'_, '_>) -> Remedy {
    let mut steps = vec![events_step(attempt.case.pod)];
    steps.extend(controller_logs(cx, &attempt.driver, Role::Attacher));
    steps.extend(node_of(cx, attempt.case).and_then(|node| plugin_log(cx, &attempt.driver, node)));
    let volume = cx.snapshot.volumes.get("", attempt.volume).found();
    steps.extend(vsphere::looks(cx, volume.map(|it| &**it), attempt.message));
    let who = if attempt.driver.is_empty() { "the attacher".to_owned() } else { format!("driver {}", attempt.driver) };
    let title = format!("Look at what {who} says of {}", named("volume", &[attempt.volume]));
    Remedy::untried(title, Risk::Low, steps, "what the driver answers is not known")
}
