use super::placed::{attachment_ref, event_fact, failing, node_of, stuck, unread, volume_ref, volume_words, wait_fact};
use crate::diagnosis::by_key::by_key;
use crate::diagnosis::context::{Context, PlacedCase, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk};
use crate::diagnosis::text::{duration, named};
use crate::model::Kind;
use crate::model::component::Role;
use crate::model::{ObjectRef, Pod};
use crate::rules::drivers::driver::{controller_logs, events_step, helper_pods, plugin_log};
use crate::rules::drivers::driver_faults::{meaning, says_nothing};
use crate::volumes::driver_words::{cause, essential};
use crate::volumes::{AttachProblem, MountFailure};

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

/// A failed attempt to attach.
struct Attempt<'c, 'a> {
    case: &'c PlacedCase<'a>,
    volume: &'c str,
    attachment: Option<&'c str>,
    message: &'c str,
    driver: String,
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
            let driver = driver(attachment);
            attempts.push(Attempt { case: stuck.case, volume, attachment: Some(attachment), message, driver });
        }
    }
    for (case, event) in failing(cx, out, |failure| *failure == MountFailure::Attach) {
        let Some(volume) = event.volume.as_deref() else { continue };
        let known = attempts.iter().any(|attempt| std::ptr::eq(attempt.case, case));
        if !known && !case.verdict.problems.iter().any(|problem| problem.volume() == Some(volume)) {
            let found = cx.snapshot.volumes.get("", volume).found();
            let driver = found.and_then(|found| found.spec.csi.as_ref()).map(|csi| csi.driver.clone());
            let (message, driver) = (cause(&event.message), driver.unwrap_or_default());
            attempts.push(Attempt { case, volume, attachment: None, message, driver });
        }
    }
    attempts
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
    let title = if says_nothing(first.message) {
        let waited = first.case.waited.map_or_else(String::new, |waited| format!(" for {}", duration(waited)));
        format!("{driver} has not attached {what}{waited}; it says only that time ran out")
    } else {
        format!("{driver} can't attach {what}: {words}")
    };
    let object = first.attachment.map_or_else(|| volume_ref(cx, first.case, first.volume), attachment_ref);
    let mut finding = RULE.finding(object, title);
    for attempt in attempts.iter().take(3) {
        if let Some(attachment) = attempt.attachment {
            let note = meaning(attempt.message)
                .map_or_else(|| "the driver's own words".to_owned(), |it| format!("this means: {it}"));
            finding =
                finding.evidence(attachment_ref(attachment), "status.attachError", essential(attempt.message), note);
        }
        finding.evidence.extend(helpers(cx, attempt));
        finding.rests_on.extend(helper_pods(cx, attempt.volume).into_iter().filter(|pod| !pod.ready()).map(pod_ref));
        let told = attempt
            .case
            .verdict
            .telling_events()
            .find(|event| attempt.attachment.is_none() && event.failure == MountFailure::Attach);
        finding.evidence.extend(told.map(|event| event_fact(attempt.case, event)));
        finding.evidence.push(wait_fact(attempt.case));
    }
    if let Some(meaning) = meaning(first.message).filter(|_| first.attachment.is_none()) {
        finding = finding.evidence(pod_ref(first.case.pod), "", words, format!("this means: {meaning}"));
    }
    let finding = finding.explains_all(attempts.iter().map(|attempt| pod_ref(attempt.case.pod)));
    finding.remedy(look_further(cx, first))
}

/// Pods that are named after the volume: drivers have such ones serve it.
fn helpers(cx: &Context<'_>, attempt: &Attempt<'_, '_>) -> Vec<crate::diagnosis::Evidence> {
    helper_pods(cx, attempt.volume).into_iter().take(2).map(|pod| helper_fact(cx, pod)).collect()
}

fn helper_fact(cx: &Context<'_>, pod: &Pod) -> crate::diagnosis::Evidence {
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
    let title = format!("Look at what driver {} says of {}", attempt.driver, named("volume", &[attempt.volume]));
    Remedy::untried(title, Risk::Low, steps, "what the driver answers is not known")
}
