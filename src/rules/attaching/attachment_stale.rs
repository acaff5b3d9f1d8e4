use super::placed::{Stuck, attachment_ref, claim_of, node_ref, state_words, stuck, unread, wait_fact};
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::capital;
use crate::model::Kind;
use crate::model::component::Role;
use crate::rules::drivers::driver_faults::meaning;
use crate::rules::drivers::vsphere;
use crate::volumes::driver_words::essential;
use crate::volumes::{AttachProblem, NodeState};

crate::rules::declare_rule! {
    static RULE = {
        name: "attachment-stale",
        summary: "A volume still counts as attached where no pod uses it, and is not let go of.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSIDriver, Node],
        stage: Obstacle,
        check: check,
    }
}

/// An attachment that is in the way.
struct Stale<'p> {
    attachment: &'p str,
    node: &'p str,
    state: NodeState,
    detaching: bool,
    error: Option<&'p str>,
    in_use: Option<bool>,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::VolumeAttachment]));
    for stuck in stuck(cx, out) {
        let stale = match stuck.problem {
            AttachProblem::StaleAttachment { attachment, node, state, detaching, detach_error, in_use, .. } => Stale {
                attachment,
                node,
                state: *state,
                detaching: *detaching,
                error: detach_error.as_deref(),
                in_use: *in_use,
            },
            AttachProblem::AttachmentDeleting { attachment, detach_error, .. } => Stale {
                attachment,
                node: stuck.node(),
                state: stuck.case.verdict.node_state,
                detaching: true,
                error: detach_error.as_deref(),
                in_use: None,
            },
            _ => continue,
        };
        out.add(finding(cx, &stuck, &stale));
    }
}

fn finding(cx: &Context<'_>, stuck: &Stuck<'_, '_>, stale: &Stale<'_>) -> Finding {
    let object = attachment_ref(stale.attachment);
    let title = title(stuck, stale, &stuck.volume(cx));
    let mut finding = RULE.finding(object.clone(), title).evidence(
        object.clone(),
        "spec.nodeName",
        stale.node,
        "the volume may be on one node only, and counts as attached to this one",
    );
    let found = cx.snapshot.attachments.get("", stale.attachment).found();
    if let Some((found, since)) = found.and_then(|it| Some((it, it.metadata.deletion_timestamp.clone()?))) {
        let note = format!("it is being deleted, and waits for finalizer {}", found.metadata.finalizers.join(", "));
        finding = finding.evidence(object.clone(), "metadata.deletionTimestamp", since, note);
    }
    if let Some(error) = stale.error {
        let note = meaning(error)
            .map_or_else(|| "why the driver can't detach it".to_owned(), |it| format!("this means: {it}"));
        finding = finding.evidence(object, "status.detachError", essential(error), note);
    }
    if stale.state == NodeState::Gone {
        let note = "the driver asks for this node to detach from it";
        finding = finding.evidence(node_ref(stale.node), "", "not found", note);
    }
    if let Some(claim) = stuck.problem.volume().and_then(|volume| claim_of(cx, stuck.case, volume)) {
        finding = finding.evidence(claim_ref(claim), "status.phase", "Bound", "nothing is wrong with the claim");
    }
    finding.evidence.push(wait_fact(stuck.case));
    finding.explains(stuck.pod()).with_remedies(remedies(cx, stale))
}

fn title(stuck: &Stuck<'_, '_>, stale: &Stale<'_>, volume: &str) -> String {
    let (pod, node, why) = (&stuck.case.pod.metadata.name, stale.node, why(stale));
    match stale.state {
        NodeState::Gone => format!(
            "{} is still attached, on paper, to node {node}, which does not exist any more, so pod {pod} can't have it \
             on node {}: {why}",
            capital(volume),
            stuck.node(),
        ),
        _ if node == stuck.node() => format!(
            "The attachment of {volume} to node {node} is being deleted and does not go, so pod {pod} can't have it \
             there: {why}"
        ),
        state => format!(
            "{} is still attached to node {node}{}, where no pod uses it, so pod {pod} can't have it: {why}",
            capital(volume),
            state_words(state),
        ),
    }
}

/// What the attachment waits for.
fn why(stale: &Stale<'_>) -> String {
    match (stale.detaching, stale.error, stale.in_use) {
        (_, Some(error), _) => format!("the driver can't detach it: {}", essential(error)),
        (true, None, _) => "the driver is asked to detach it and has not answered".to_owned(),
        (false, None, Some(true)) => "the kubelet there says that it has it in use".to_owned(),
        (false, None, _) => "the attach controller has not asked the driver to detach it".to_owned(),
    }
}

fn remedies(cx: &Context<'_>, stale: &Stale<'_>) -> Vec<Remedy> {
    let (node, attachment) = (stale.node, stale.attachment);
    let driver = cx.snapshot.attachments.get("", attachment).found().map(|found| found.spec.attacher.clone());
    let driver = driver.unwrap_or_default();
    let mut logs = crate::rules::drivers::driver::controller_logs(cx, &driver, Role::Attacher);
    let reason = "what the driver answers is not known";
    if stale.state == NodeState::Gone && stale.detaching {
        let patch = serde_json::json!({"metadata": {"finalizers": null}});
        let change = Change::Patch {
            kind: Kind::VolumeAttachment,
            namespace: String::new(),
            name: attachment.to_owned(),
            patch,
        };
        let gone =
            Change::Delete { kind: Kind::VolumeAttachment, namespace: String::new(), name: attachment.to_owned() };
        let what = format!(
            "Once machine {node} is known to be off or gone, and the disk not attached to it any more (look where the \
             machines are managed), take the finalizer off the attachment, so that it goes"
        );
        let step = cx.step(what, change).leading_to(vec![gone]);
        return vec![Remedy::new("Let go of what is attached on paper only", Risk::High, vec![step])];
    }
    if logs.is_empty() {
        logs.push(Step::told(format!("Look at what the attacher of driver {driver} says")));
    }
    logs.extend(stale.error.into_iter().flat_map(|error| vsphere::looks(cx, None, error)));
    vec![Remedy::untried(format!("See why the volume is not detached from node {node}"), Risk::Low, logs, reason)]
}
