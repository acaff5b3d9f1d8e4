use crate::diagnosis::by_key::by_key;
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::named;
use crate::model::Kind;
use crate::model::{Node, VolumeAttachment};
use crate::rules::attaching::placed::{Stuck, attachment_ref, node_of, node_ref, problems, unread, wait_fact};
use crate::rules::drivers::vsphere::VSPHERE;
use crate::volumes::AttachProblem;
use crate::volumes::driver_words::essential;

crate::rules::declare_rule! {
    static RULE = {
        name: "node-without-provider-id",
        summary: "A driver can't find the machine of a node that has no provider id.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSIDriver],
        stage: Obstacle,
        check: check,
    }
}

/// Has the cloud controller manager look at a node.
const UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized=true:NoSchedule";
/// What drivers call the machine of a node.
const MACHINE: &[&str] =
    &["virtualmachine", "virtual machine", "instance", "server", "node", "vm", "provider id", "providerid"];
/// How they say that there is none.
const NOT_FOUND: &[&str] =
    &["not found", "n't found", "not find", "doesn't exist", "does not exist", "no such", "empty", "not set"];

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::VolumeAttachment]));
    let unattached = problems(cx, out)
        .into_iter()
        .filter(|stuck| matches!(stuck.problem, AttachProblem::AttachError { .. } | AttachProblem::NotAttached { .. }));
    let without_id = unattached.filter_map(|stuck| {
        let node = node_of(cx, stuck.case).filter(|node| node.spec.provider_id.is_empty())?;
        Some((node.metadata.name.as_str(), stuck))
    });
    for (name, stuck) in by_key(without_id) {
        let Some(node) = cx.snapshot.nodes.get("", name).found() else { continue };
        let failed = failure(cx, node);
        let others: Vec<&str> = cx
            .snapshot
            .nodes
            .seen()
            .iter()
            .filter(|other| !other.spec.provider_id.is_empty())
            .map(|other| other.metadata.name.as_str())
            .collect();
        if let Some((attachment, error)) = failed
            && (!others.is_empty() || looks_up_provider_ids(&attachment.spec.attacher))
        {
            let of_driver = |stuck: &Stuck<'_, '_>| driver(cx, stuck).is_some_and(|it| it == attachment.spec.attacher);
            let victims: Vec<Stuck<'_, '_>> = stuck.into_iter().filter(of_driver).collect();
            if !victims.is_empty() {
                out.add(finding(cx, node, attachment, error, &others, &victims));
            }
        }
    }
}

/// Whether the driver is known to find the machines of nodes by their provider ids, so that the lack of it counts even
/// where no node has one (vsphere-csi-driver, `pkg/common/cns-lib/node`, RegisterNode).
fn looks_up_provider_ids(driver: &str) -> bool {
    driver == VSPHERE
}

/// The driver that is to attach the volume.
fn driver<'c>(cx: &'c Context<'_>, stuck: &'c Stuck<'_, '_>) -> Option<&'c str> {
    match stuck.problem {
        AttachProblem::NotAttached { driver, .. } => Some(driver),
        AttachProblem::AttachError { attachment, .. } => {
            cx.snapshot.attachments.get("", attachment).found().map(|found| found.spec.attacher.as_str())
        }
        _ => None,
    }
}

/// An attachment to the node that failed because the driver doesn't find the machine.
fn failure<'a>(cx: &Context<'a>, node: &Node) -> Option<(&'a VolumeAttachment, &'a str)> {
    let here = cx.snapshot.attachments.seen().iter().filter(|it| it.spec.node_name == node.metadata.name);
    here.filter(|it| !it.status.attached).find_map(|attachment| {
        let error = attachment.status.attach_error.as_ref()?;
        let text = error.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        (says(MACHINE) && says(NOT_FOUND)).then_some((&**attachment, error.message.as_str()))
    })
}

fn finding(
    cx: &Context<'_>,
    node: &Node,
    failed: &VolumeAttachment,
    error: &str,
    others: &[&str],
    stuck: &[Stuck<'_, '_>],
) -> Finding {
    let name = &node.metadata.name;
    let mut pods: Vec<&str> = stuck.iter().map(|stuck| stuck.case.pod.metadata.name.as_str()).collect();
    pods.dedup();
    let driver = &failed.spec.attacher;
    let title = format!(
        "Node {name} has no providerID{}, so driver {driver} does not find its machine and {name} cannot attach volumes, \
         for which {} waits",
        if others.is_empty() { ", nor has any other" } else { "" },
        named("pod", &pods)
    );
    let note = match others {
        [] => "no node has one: no cloud provider has initialised them".to_owned(),
        others => format!("{} {} one", named("node", others), if others.len() == 1 { "has" } else { "have" }),
    };
    let finding = RULE.finding(node_ref(name), title);
    let mut finding = if others.is_empty() { finding.likely() } else { finding }
        .evidence(node_ref(name), "spec.providerID", "not set", note)
        .evidence(attachment_ref(&failed.metadata.name), "status.attachError", essential(error), "the driver's answer");
    finding.evidence.extend(stuck.iter().take(3).map(|stuck| wait_fact(stuck.case)));
    finding.explains_all(stuck.iter().map(Stuck::pod)).remedy(remedy(cx, name, others.is_empty()))
}

fn remedy(cx: &Context<'_>, node: &str, nobody: bool) -> Remedy {
    let initialise = Step {
        what: "Have the cloud controller manager look at the node again; it takes the taint off once it has set the \
               providerID"
            .to_owned(),
        command: kubectl(&["taint", "node"], &[node, UNINITIALIZED], &[]),
        ..Step::default()
    };
    let install = (nobody && cx.drivers.clouds().is_empty()).then(|| Step {
        command: kubectl(&["get", "daemonsets,deployments", "-A", "-o", "wide"], &[], &[]),
        ..Step::told("No cloud controller manager was seen: look for it, and install the cloud's where there is none")
    });
    let mut steps: Vec<Step> = install.into_iter().collect();
    steps.extend([
        initialise,
        Step::told(
            "If the providerID stays empty, read the log of the cloud controller manager: it does not find the machine either",
        ),
        Step::told("Restart the driver's controller, and its pod on the node, if they keep to the old state"),
    ]);
    let reason = "what the cloud controller manager finds is not known";
    Remedy::untried("Have the node's providerID set", Risk::Medium, steps, reason)
}
