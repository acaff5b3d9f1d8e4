use super::placed::{Stuck, attachment_ref, node_ref, stuck, unread, wait_fact};
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::count;
use crate::model::{Kind, ObjectRef};
use crate::volumes::AttachProblem;
use crate::volumes::driver_words::{essential, grpc_code};

crate::rules::declare_rule! {
    static RULE = {
        name: "attach-limit-reached",
        summary: "A node takes no further volume, though the scheduler believes that it does.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, CSINode, CSIDriver],
        stage: Obstacle,
        check: check,
    }
}

/// The gRPC code with which drivers refuse a volume for want of room (`ResourceExhausted`).
const RESOURCE_EXHAUSTED: i32 = 8;
/// Why kubelets end pods whose volumes the node does not take.
const REJECTED: &str = "VolumeAttachmentLimitExceeded";
/// How drivers that give no code say so.
const LIMIT: &[&str] = &[
    "max number of volumes",
    "maximum number of",
    "maximum volumes",
    "attachment limit",
    "attach limit",
    "limit exceeded",
    "too many volumes",
    "no free lun",
    "no available device",
    "missing scsi controller",
    "attachmentlimitexceeded",
    "maximum_persistent_disks",
    "cannot attach more than",
    "no free device",
];

/// How clouds say that they take no more calls for a while, which is no limit of volumes.
const THROTTLED: &[&str] = &["requestlimitexceeded", "request limit exceeded", "rate limit", "ratelimit", "throttl"];

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::VolumeAttachment]));
    for stuck in stuck(cx, out) {
        if let AttachProblem::AttachError { attachment, message, code, .. } = stuck.problem
            && is_limit(message, *code)
        {
            out.add(finding(cx, &stuck, attachment, message));
        }
    }
}

fn is_limit(message: &str, code: Option<i32>) -> bool {
    let text = message.to_lowercase();
    if THROTTLED.iter().any(|words| text.contains(words)) {
        return false;
    }
    code == Some(RESOURCE_EXHAUSTED)
        || grpc_code(message) == Some("ResourceExhausted")
        || LIMIT.iter().any(|words| text.contains(words))
}

fn finding(cx: &Context<'_>, stuck: &Stuck<'_, '_>, attachment: &str, message: &str) -> Finding {
    let node = stuck.node();
    let driver = cx.snapshot.attachments.get("", attachment).found().map(|found| found.spec.attacher.clone());
    let driver = driver.unwrap_or_default();
    let csi_node = cx.snapshot.csi_nodes.get("", node).found();
    let entry = csi_node.and_then(|csi_node| csi_node.driver(&driver));
    let limit = entry.and_then(|entry| entry.allocatable.as_ref()).and_then(|allocatable| allocatable.count);
    let here = cx.snapshot.attachments.seen().iter().filter(|it| it.spec.node_name == node);
    let attached = here.filter(|it| it.spec.attacher == driver && it.status.attached).count();
    let pod = &stuck.case.pod.metadata.name;
    let title = format!(
        "Node {node} takes no further volume of driver {driver}, which refuses {} for pod {pod}: {}",
        stuck.volume(cx),
        essential(message)
    );
    let object = match csi_node {
        Some(_) => ObjectRef::new(Kind::CSINode, "", node),
        None => node_ref(node),
    };
    let (value, note) = match limit {
        Some(limit) => {
            (limit.to_string(), "the scheduler believes that this many volumes of the driver fit on the node")
        }
        None => {
            ("not said".to_owned(), "the scheduler believes that the node takes any number of the driver's volumes")
        }
    };
    let mut finding = RULE
        .finding(object.clone(), title)
        .evidence(attachment_ref(attachment), "status.attachError", essential(message), "the driver's answer")
        .evidence(object, format!("spec.drivers[{driver}].allocatable.count"), value, note)
        .evidence(
            attachment_ref(attachment),
            "",
            format!("{} of the driver attached to node {node}", count(attached, "other volume")),
            "what else takes a slot, such as the machine's own disk or network cards, only the driver knows",
        );
    let late = limit.is_some_and(|limit| usize::try_from(limit).is_ok_and(|limit| attached >= limit));
    finding.evidence.extend(csi_node.filter(|_| late).map(|csi_node| {
        let note = "the node holds as many as its driver says by now, and had more placed on it: probably before the driver said \
                    so, for while it is not registered on a fresh node, any number seems to fit";
        let object = ObjectRef::new(Kind::CSINode, "", node);
        Context::fact(object, "metadata.creationTimestamp", csi_node.metadata.creation_timestamp.clone(), note)
    }));
    finding.evidence.extend(rejected(cx, stuck));
    finding.evidence.push(wait_fact(stuck.case));
    finding.explains(stuck.pod()).with_remedies(remedies(cx, stuck, &driver, late))
}

/// Earlier pods of the same controller that the kubelet turned away for the same reason
/// (`pkg/kubelet/volumemanager`, MutableCSINodeAllocatableCount).
fn rejected(cx: &Context<'_>, stuck: &Stuck<'_, '_>) -> Option<Evidence> {
    let own = stuck.case.pod.metadata.controller()?;
    let pods = cx.snapshot.pods.in_namespace(&stuck.case.pod.metadata.namespace).iter();
    let same = pods.filter(|pod| {
        pod.status.reason == REJECTED && pod.metadata.controller().is_some_and(|owner| owner.uid == own.uid)
    });
    let names: Vec<&str> = same.map(|pod| pod.metadata.name.as_str()).collect();
    let first = names.first()?;
    let object = ObjectRef::new(Kind::Pod, &stuck.case.pod.metadata.namespace, first);
    let note = format!(
        "{} of {} {} ended so: the kubelet turns pods away when the driver refuses, and their controller makes new ones",
        count(names.len(), "pod"),
        own.kind,
        own.name
    );
    Some(Context::fact(object, "status.reason", REJECTED, note))
}

fn remedies(cx: &Context<'_>, stuck: &Stuck<'_, '_>, driver: &str, late: bool) -> Vec<Remedy> {
    let node = stuck.node();
    let reason = "how many volumes the machine really takes is not known";
    let told = Step::told(format!(
        "Give the plugin of driver {driver} on the nodes (its DaemonSet, not its controller) the limit that the machine \
         really has; CSIDriver's nodeAllocatableUpdatePeriodSeconds keeps it up to date"
    ));
    let early = Step::told(
        "Keep pods off nodes on which the driver is not registered yet: a startup taint that the driver takes away, or \
         CSIDriver's preventPodSchedulingIfMissing",
    );
    let steps = if late { vec![early, told] } else { vec![told] };
    let lower = Remedy::untried("Correct the limit that the driver reports", Risk::Medium, steps, reason);
    let closed = serde_json::json!({"spec": {"unschedulable": true}});
    let close = Step {
        command: kubectl(&["cordon"], &[node], &[]),
        ..cx.patch(format!("Close node {node}"), (Kind::Node, "", node), closed)
    };
    let open = cx.step("Open the node again", Change::Uncordon { node: node.to_owned() });
    let pod = stuck.pod();
    let recreate = Change::RecreatePods { namespace: pod.namespace.clone(), names: vec![pod.name.clone()] };
    let steps = vec![
        close,
        cx.step(format!("Delete pod {}; the new one is placed elsewhere", pod.name), recreate),
        Step { later: true, ..open },
    ];
    let elsewhere = Remedy::new("Have the pod placed on another node", Risk::Low, steps);
    if stuck.case.pod.metadata.controller().is_some() { vec![lower, elsewhere] } else { vec![lower] }
}
