//! Why an assigned pod doesn't start for its volumes: what the attach-detach controller, the external-attacher and the
//! kubelet wait for (`pkg/controller/volume/attachdetach`, `pkg/volume/csi`).

use std::collections::HashMap;

use super::attach_verdict::{AttachProblem, AttachVerdict, NodeState, OtherPod};
use super::migration::{CsiIdentity, in_tree_plugin, inline_plugin, taken_over, translate, translate_inline};
use super::mount_event::MountEvent;
use crate::model::pod::PodVolume;
use crate::model::{Claim, Kind, Node, Object, ObjectRef, Pod, Volume, VolumeAttachment};
use crate::snapshot::{Lookup, Snapshot, Store};

/// Lets volumes be detached from a node that is known to be shut down.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// What the external-attacher puts on the attachments that it works on, followed by the driver's name.
const ATTACHER_FINALIZER: &str = "external-attacher/";

/// The attachments of a snapshot, with indexes; made once per snapshot.
#[derive(Debug)]
pub struct Attachments<'a> {
    snapshot: &'a Snapshot,
    /// Attachments by PersistentVolume.
    by_volume: HashMap<&'a str, Vec<&'a VolumeAttachment>>,
}

/// One volume of a pod, as far as attaching goes.
struct Subject<'s> {
    /// The name under which it is known.
    name: &'s str,
    claim: Option<&'s Claim>,
    volume: Option<&'s Volume>,
    driver: &'s str,
    handle: &'s str,
}

impl<'a> Attachments<'a> {
    /// Indexes a snapshot.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut by_volume: HashMap<&'a str, Vec<&'a VolumeAttachment>> = HashMap::new();
        for attachment in snapshot.attachments.seen() {
            if let Some(volume) = &attachment.spec.source.persistent_volume_name {
                by_volume.entry(volume).or_default().push(attachment);
            }
        }
        Self { snapshot, by_volume }
    }

    /// What keeps a pod's volumes from it. `None` where the pod isn't assigned, has ended, is being deleted, or has its
    /// volumes mounted.
    pub fn judge(&self, pod: &Pod) -> Option<AttachVerdict> {
        if !pod.assigned() || pod.finished() || pod.metadata.deleting() || pod.volumes_mounted() {
            return None;
        }
        let node = pod.spec.node_name.clone();
        let scheduled = pod.condition("PodScheduled").filter(|condition| condition.status == "True");
        let mut verdict = AttachVerdict {
            node_state: self.node_state(&node),
            node,
            since: scheduled
                .and_then(|condition| condition.last_transition_time.clone())
                .or_else(|| pod.status.start_time.clone()),
            problems: Vec::new(),
            events: Vec::new(),
            unknown: Vec::new(),
        };
        for volume in &pod.spec.volumes {
            self.volume(pod, volume, &mut verdict);
        }
        verdict.events = self.events(pod);
        if !self.snapshot.events.covers(&pod.metadata.namespace) || self.snapshot.events.presumed() {
            verdict.unknown.push("not all events could be read".to_owned());
        }
        verdict.unknown.sort();
        verdict.unknown.dedup();
        Some(verdict)
    }

    fn volume(&self, pod: &Pod, source: &PodVolume, verdict: &mut AttachVerdict) {
        let namespace = &pod.metadata.namespace;
        let Some(name) = source.claim_name(&pod.metadata.name) else {
            if self.taken_over(inline_plugin(source), &verdict.node)
                && let Some(CsiIdentity { driver, handle, .. }) = translate_inline(source, namespace)
            {
                let subject = Subject { name: &source.name, claim: None, volume: None, driver, handle: &handle };
                self.driver(&subject, verdict);
            } else if let Some(csi) = &source.csi {
                let (name, driver) = (source.name.as_str(), csi.driver.as_str());
                self.driver(&Subject { name, claim: None, volume: None, driver, handle: "" }, verdict);
            }
            return;
        };
        let claim = match sure(&self.snapshot.claims, namespace, &name) {
            Lookup::Found(claim) => claim,
            Lookup::Absent => return verdict.problems.push(AttachProblem::ClaimMissing { claim: name }),
            Lookup::Unknown => {
                return verdict.unknown.push(format!("PersistentVolumeClaim {namespace}/{name} could not be read"));
            }
        };
        if claim.metadata.deleting() {
            verdict.problems.push(AttachProblem::ClaimDeleting { claim: name.clone() });
        }
        if claim.status.phase != "Bound" || claim.spec.volume_name.is_empty() {
            return verdict.problems.push(AttachProblem::ClaimNotBound { claim: name });
        }
        match sure(&self.snapshot.volumes, "", &claim.spec.volume_name) {
            Lookup::Found(volume) => self.persistent_volume(claim, volume, verdict),
            Lookup::Absent => verdict
                .problems
                .push(AttachProblem::VolumeMissing { claim: name, volume: claim.spec.volume_name.clone() }),
            Lookup::Unknown => {
                verdict.unknown.push(format!("PersistentVolume {} could not be read", claim.spec.volume_name));
            }
        }
    }

    fn persistent_volume(&self, claim: &Claim, volume: &Volume, verdict: &mut AttachVerdict) {
        let translated = translate(volume).filter(|_| self.taken_over(in_tree_plugin(volume), &verdict.node));
        let affinity = match &translated {
            Some(identity) => identity.node_affinity.as_ref(),
            None => volume.required_node_affinity(),
        };
        if let (Some(affinity), Lookup::Found(node)) = (affinity, self.snapshot.nodes.get("", &verdict.node))
            && !affinity.matches("", &node.metadata.labels)
        {
            verdict.problems.push(AttachProblem::NodeAffinity { volume: volume.metadata.name.clone() });
        }
        let (driver, handle) = match (&volume.spec.csi, &translated) {
            (Some(csi), _) => (csi.driver.as_str(), csi.volume_handle.as_str()),
            (None, Some(identity)) => (identity.driver, identity.handle.as_str()),
            (None, None) => return,
        };
        let subject = Subject { name: &volume.metadata.name, claim: Some(claim), volume: Some(volume), driver, handle };
        self.driver(&subject, verdict);
        self.single_pod(&subject, verdict);
        self.attach(&subject, verdict);
    }

    /// Whether the node leaves the in-tree plugin's volumes to the CSI driver that took it over.
    fn taken_over(&self, plugin: Option<&str>, node: &str) -> bool {
        let (csi_node, node) =
            (self.snapshot.csi_nodes.get("", node).found(), self.snapshot.nodes.get("", node).found());
        plugin.is_some_and(|plugin| taken_over(plugin, csi_node.map(|it| &**it), node.map(|it| &**it)))
    }

    fn driver(&self, subject: &Subject<'_>, verdict: &mut AttachVerdict) {
        match sure(&self.snapshot.csi_nodes, "", &verdict.node) {
            Lookup::Found(node) if node.driver(subject.driver).is_some() => {}
            Lookup::Found(_) | Lookup::Absent => verdict.problems.push(AttachProblem::DriverNotOnNode {
                volume: subject.name.to_owned(),
                driver: subject.driver.to_owned(),
            }),
            Lookup::Unknown => verdict.unknown.push(format!("CSINode {} could not be read", verdict.node)),
        }
    }

    /// ReadWriteOncePod is enforced by the scheduler and, for pods that it didn't place, by the kubelet.
    fn single_pod(&self, subject: &Subject<'_>, verdict: &mut AttachVerdict) {
        let (Some(claim), Some(volume)) = (subject.claim, subject.volume) else { return };
        if volume.spec.access_modes != ["ReadWriteOncePod"] {
            return;
        }
        let pods = self.other_pods(claim, |pod| pod.spec.node_name == verdict.node && pod.volumes_mounted());
        if !pods.is_empty() {
            verdict.problems.push(AttachProblem::UsedByAnotherPod { volume: subject.name.to_owned(), pods });
        }
    }

    fn attach(&self, subject: &Subject<'_>, verdict: &mut AttachVerdict) {
        let attachments = self.by_volume.get(subject.name).map_or(&[][..], Vec::as_slice);
        match sure(&self.snapshot.csi_drivers, "", subject.driver) {
            Lookup::Found(driver) if driver.spec.attach_required == Some(false) => return,
            Lookup::Found(_) | Lookup::Absent => {}
            Lookup::Unknown if !attachments.is_empty() => {}
            Lookup::Unknown => {
                return verdict.unknown.push(format!("CSIDriver {} could not be read", subject.driver));
            }
        }
        let here = attachments.iter().find(|attachment| attachment.spec.node_name == verdict.node);
        if let Some(here) = here.filter(|attachment| attachment.status.attached) {
            return self.attached(subject, here, verdict);
        }
        let elsewhere = |attachment: &&&VolumeAttachment| {
            attachment.status.attached && attachment.spec.node_name != verdict.node && !multi_attach_allowed(subject)
        };
        let others: Vec<_> = attachments.iter().filter(elsewhere).collect();
        if !others.is_empty() {
            return others.into_iter().for_each(|attachment| self.elsewhere(subject, attachment, verdict));
        }
        if here.is_none() && (!self.snapshot.attachments.complete() || self.snapshot.attachments.presumed()) {
            return verdict.unknown.push("not all VolumeAttachments could be read".to_owned());
        }
        verdict.problems.push(not_attached(subject, here.copied(), verdict.since.as_deref()));
    }

    /// The kubelet waits until the node's status names the volume.
    fn attached(&self, subject: &Subject<'_>, attachment: &VolumeAttachment, verdict: &mut AttachVerdict) {
        let Lookup::Found(node) = self.snapshot.nodes.get("", &verdict.node) else { return };
        let name = unique_name(subject);
        if !node.status.volumes_attached.iter().any(|volume| volume.name == name) {
            let attachment = attachment.metadata.name.clone();
            verdict.problems.push(AttachProblem::NotReported { volume: subject.name.to_owned(), attachment });
        }
    }

    /// reportMultiAttachError.
    fn elsewhere(&self, subject: &Subject<'_>, attachment: &VolumeAttachment, verdict: &mut AttachVerdict) {
        let Some(claim) = subject.claim else { return };
        let node = attachment.spec.node_name.clone();
        let pods = self.other_pods(claim, |pod| pod.spec.node_name == node);
        let (volume, name) = (subject.name.to_owned(), attachment.metadata.name.clone());
        let state = self.node_state(&node);
        if !pods.is_empty() {
            return verdict.problems.push(AttachProblem::MultiAttach { volume, attachment: name, node, state, pods });
        }
        let namespace = &claim.metadata.namespace;
        if !self.snapshot.pods.covers(namespace) {
            return verdict.unknown.push(format!("not all pods of {namespace} could be read"));
        }
        let found = self.snapshot.nodes.get("", &node).found();
        verdict.problems.push(AttachProblem::StaleAttachment {
            volume,
            attachment: name,
            in_use: found.map(|node| node.status.volumes_in_use.contains(&unique_name(subject))),
            node,
            state,
            detaching: attachment.metadata.deleting(),
            detach_error: detach_error(attachment),
        });
    }

    fn other_pods(&self, claim: &Claim, on_node: impl Fn(&Pod) -> bool) -> Vec<OtherPod> {
        let pods = self.snapshot.pods.using(&claim.metadata.namespace, &claim.metadata.name).into_iter();
        let using = pods.filter(|pod| on_node(pod));
        using
            .map(|pod| OtherPod {
                pod: ObjectRef::new(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name),
                deleting: pod.metadata.deleting(),
            })
            .collect()
    }

    fn node_state(&self, name: &str) -> NodeState {
        match sure(&self.snapshot.nodes, "", name) {
            Lookup::Found(node) => match node.ready() {
                Some(true) => NodeState::Ready,
                Some(false) if out_of_service(node) => NodeState::OutOfService,
                Some(false) => NodeState::NotReady,
                None => NodeState::Unknown,
            },
            Lookup::Absent => NodeState::Gone,
            Lookup::Unknown => NodeState::Unknown,
        }
    }

    fn events(&self, pod: &Pod) -> Vec<MountEvent> {
        let meta = &pod.metadata;
        let events = self.snapshot.events.named(Kind::Pod.name(), &meta.namespace, &meta.name);
        let events = events.into_iter().filter_map(|event| MountEvent::read(event, pod));
        let mut events: Vec<MountEvent> = events.filter(|event| !self.over(event, &pod.spec.node_name)).collect();
        events.sort_by(|a, b| (&b.last_seen, &a.message).cmp(&(&a.last_seen, &b.message)));
        events
    }

    /// A volume that is attached to the pod's node has left its trouble with attaching behind.
    fn over(&self, event: &MountEvent, node: &str) -> bool {
        let Some(volume) = &event.volume else { return false };
        let attached = || self.by_volume.get(volume.as_str()).into_iter().flatten();
        let here = |attachment: &&VolumeAttachment| attachment.spec.node_name == node && attachment.status.attached;
        event.reason == "FailedAttachVolume" && attached().any(here)
    }
}

/// A look-up that takes nothing for absent only because the dump holds no object of the kind.
fn sure<'s, T: Object>(store: &'s Store<T>, namespace: &str, name: &str) -> Lookup<'s, T> {
    match store.get(namespace, name) {
        Lookup::Absent if store.presumed() => Lookup::Unknown,
        found => found,
    }
}

fn out_of_service(node: &Node) -> bool {
    node.spec.taints.iter().any(|taint| taint.key == OUT_OF_SERVICE)
}

/// IsMultiAttachAllowed: a volume with no access mode, or with one for many nodes.
fn multi_attach_allowed(subject: &Subject<'_>) -> bool {
    subject.volume.is_none_or(|volume| {
        let modes = &volume.spec.access_modes;
        modes.is_empty() || modes.iter().any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany")
    })
}

/// The name under which a node's status has a CSI volume.
fn unique_name(subject: &Subject<'_>) -> String {
    format!("kubernetes.io/csi/{}^{}", subject.driver, subject.handle)
}

fn detach_error(attachment: &VolumeAttachment) -> Option<String> {
    attachment.status.detach_error.as_ref().map(|error| error.message.clone())
}

/// The state of the attachment for the pod's node, while it isn't attached.
fn not_attached(subject: &Subject<'_>, attachment: Option<&VolumeAttachment>, since: Option<&str>) -> AttachProblem {
    let (volume, driver) = (subject.name.to_owned(), subject.driver.to_owned());
    let Some(attachment) = attachment else {
        let since = since.unwrap_or_default().to_owned();
        return AttachProblem::NotAttached { volume, driver, attachment: None, since, attacher_seen: false };
    };
    let name = attachment.metadata.name.clone();
    if attachment.metadata.deleting() {
        let detach_error = detach_error(attachment);
        return AttachProblem::AttachmentDeleting { volume, attachment: name, detach_error };
    }
    if let Some(error) = &attachment.status.attach_error {
        return AttachProblem::AttachError {
            volume,
            attachment: name,
            message: error.message.clone(),
            code: error.error_code,
            time: error.time.clone(),
        };
    }
    AttachProblem::NotAttached {
        volume,
        driver,
        attachment: Some(name),
        since: attachment.metadata.creation_timestamp.clone(),
        attacher_seen: attachment.metadata.finalizers.iter().any(|name| name.starts_with(ATTACHER_FINALIZER)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fixture::{builder, claim, merged, pod, snapshot, volume};
    use super::*;
    use crate::snapshot::{Problem, Scope};
    use crate::volumes::MountFailure;

    type Object = (Kind, Value);

    const DRIVER: &str = "csi.example.com";

    fn judge_named(objects: &[Object], name: &str) -> Option<AttachVerdict> {
        let snapshot = snapshot(objects);
        let pod = snapshot.pods.get("app", name).found().unwrap();
        Attachments::new(&snapshot).judge(pod)
    }

    fn judge(objects: &[Object]) -> AttachVerdict {
        let mut turned = objects.to_vec();
        turned.reverse();
        let verdict = judge_named(objects, "p").unwrap();
        assert_eq!(judge_named(&turned, "p").as_ref(), Some(&verdict), "the order of objects doesn't matter");
        verdict
    }

    fn problems(objects: &[Object]) -> Vec<AttachProblem> {
        let verdict = judge(objects);
        assert!(verdict.unknown.is_empty(), "{verdict:?}");
        verdict.problems
    }

    fn node(name: &str, special: Value) -> Object {
        let ready = json!({ "conditions": [{ "type": "Ready", "status": "True" }] });
        (Kind::Node, merged(json!({ "metadata": { "name": name }, "status": ready }), special))
    }

    fn lost_node(name: &str, special: Value) -> Object {
        let silent = json!({ "status": { "conditions": [{ "type": "Ready", "status": "Unknown" }] } });
        node(name, merged(silent, special))
    }

    fn csi_node(name: &str) -> Object {
        let drivers = json!([{ "name": DRIVER, "nodeID": name, "topologyKeys": [] }]);
        (Kind::CSINode, json!({ "metadata": { "name": name }, "spec": { "drivers": drivers } }))
    }

    fn attachment(node: &str, special: Value) -> Object {
        let base = json!({
            "metadata": { "name": format!("csi-{node}"), "creationTimestamp": "2026-01-01T00:00:05Z" },
            "spec": { "attacher": DRIVER, "nodeName": node, "source": { "persistentVolumeName": "v" } },
            "status": { "attached": false }
        });
        (Kind::VolumeAttachment, merged(base, special))
    }

    fn attached(node: &str, special: Value) -> Object {
        attachment(node, merged(json!({ "status": { "attached": true } }), special))
    }

    /// The pod `p` on `n1` with the bound claim `c` and its volume `v`; nodes `n1` and `n2` have the driver.
    fn cluster() -> Vec<Object> {
        let bound = json!({ "spec": { "volumeName": "v" }, "status": { "phase": "Bound" } });
        let reference = json!({ "namespace": "app", "name": "c", "uid": "uid-c" });
        let placed =
            json!([{ "type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z" }]);
        vec![
            pod("p", &["c"], "n1", json!({ "status": { "conditions": placed } })),
            claim("c", bound),
            volume("v", json!({ "spec": { "claimRef": reference }, "status": { "phase": "Bound" } })),
            node("n1", json!({})),
            node("n2", json!({})),
            csi_node("n1"),
            csi_node("n2"),
        ]
    }

    fn with(objects: &[Object]) -> Vec<Object> {
        [&cluster()[..], objects].concat()
    }

    fn running(name: &str, claim: &str, node: &str, special: Value) -> Object {
        let status = json!({ "status": { "phase": "Running",
            "containerStatuses": [{ "name": "a", "state": { "running": {} } }] } });
        pod(name, &[claim], node, merged(status, special))
    }

    fn event(reason: &str, message: &str, special: Value) -> Object {
        let base = json!({
            "metadata": { "namespace": "app", "name": message },
            "involvedObject": { "kind": "Pod", "namespace": "app", "name": "p", "uid": "uid-p" },
            "type": "Warning", "reason": reason, "message": message, "count": 4,
            "lastTimestamp": "2026-01-01T00:10:00Z"
        });
        (Kind::Event, merged(base, special))
    }

    #[test]
    fn only_assigned_pods_of_which_no_container_started_are_judged() {
        let silent = |special: Value| {
            let mut objects = cluster();
            objects[0].1 = merged(objects[0].1.clone(), special);
            judge_named(&objects, "p").is_none()
        };
        let state = |state: Value| json!({ "status": { "containerStatuses": [state] } });
        assert!(silent(json!({ "spec": { "nodeName": "" } })));
        assert!(silent(json!({ "status": { "phase": "Succeeded" } })));
        assert!(silent(json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } })));
        assert!(silent(state(json!({ "state": { "running": {} } }))));
        assert!(silent(state(json!({ "state": { "waiting": { "reason": "CrashLoopBackOff" } }, "restartCount": 3 }))));
        assert!(silent(json!({ "status": { "initContainerStatuses": [{ "state": { "terminated": {} } }] } })));
        assert!(!silent(state(json!({ "state": { "waiting": { "reason": "ContainerCreating" } } }))));
        assert!(!silent(json!({})));
    }

    #[test]
    fn without_an_attachment_the_volume_is_not_attached() {
        let expected = |attachment: Option<&str>, since: &str, attacher_seen| AttachProblem::NotAttached {
            volume: "v".to_owned(),
            driver: DRIVER.to_owned(),
            attachment: attachment.map(str::to_owned),
            since: since.to_owned(),
            attacher_seen,
        };
        let placed = "2026-01-01T00:00:01Z";
        assert_eq!(problems(&cluster()), [expected(None, placed, false)]);
        assert_eq!(judge(&cluster()).since.as_deref(), Some(placed));
        let made = "2026-01-01T00:00:05Z";
        assert_eq!(problems(&with(&[attachment("n1", json!({}))])), [expected(Some("csi-n1"), made, false)]);
        let taken = json!({ "metadata": { "finalizers": ["external-attacher/csi-example-com"] } });
        assert_eq!(problems(&with(&[attachment("n1", taken)])), [expected(Some("csi-n1"), made, true)]);
    }

    #[test]
    fn a_driver_that_needs_no_attachment_has_none() {
        let driver = |required: bool| {
            (Kind::CSIDriver, json!({ "metadata": { "name": DRIVER }, "spec": { "attachRequired": required } }))
        };
        assert_eq!(problems(&with(&[driver(false)])), []);
        assert_eq!(problems(&with(&[driver(true)])).len(), 1);
    }

    #[test]
    fn the_drivers_error_is_kept() {
        let error = json!({ "status": { "attachError": { "message": "no slot", "errorCode": 8, "time": "t" } } });
        let expected = AttachProblem::AttachError {
            volume: "v".to_owned(),
            attachment: "csi-n1".to_owned(),
            message: "no slot".to_owned(),
            code: Some(8),
            time: Some("t".to_owned()),
        };
        assert_eq!(problems(&with(&[attachment("n1", error.clone())])), [expected]);
        let over = merged(error, json!({ "status": { "attached": true } }));
        let reported = json!({ "status": { "volumesAttached": [{ "name": "kubernetes.io/csi/csi.example.com^v" }] } });
        let mut objects = with(&[attachment("n1", over)]);
        objects[3] = node("n1", reported);
        assert_eq!(problems(&objects), [], "an old error of an attached volume");
    }

    #[test]
    fn an_attached_volume_must_be_in_the_nodes_status() {
        let expected = AttachProblem::NotReported { volume: "v".to_owned(), attachment: "csi-n1".to_owned() };
        assert_eq!(problems(&with(&[attached("n1", json!({}))])), [expected]);
    }

    #[test]
    fn an_attachment_that_is_being_deleted_is_waited_for() {
        let deleting = json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" },
                               "status": { "detachError": { "message": "busy" } } });
        let expected = AttachProblem::AttachmentDeleting {
            volume: "v".to_owned(),
            attachment: "csi-n1".to_owned(),
            detach_error: Some("busy".to_owned()),
        };
        assert_eq!(problems(&with(&[attachment("n1", deleting)])), [expected]);
    }

    #[test]
    fn a_volume_for_one_node_that_another_pod_uses_elsewhere_is_multi_attach() {
        let multi = |state, deleting| AttachProblem::MultiAttach {
            volume: "v".to_owned(),
            attachment: "csi-n2".to_owned(),
            node: "n2".to_owned(),
            state,
            pods: vec![OtherPod { pod: ObjectRef::new(Kind::Pod, "app", "q"), deleting }],
        };
        let other = running("q", "c", "n2", json!({}));
        let objects = with(&[attached("n2", json!({})), other.clone()]);
        assert_eq!(problems(&objects), [multi(NodeState::Ready, false)]);
        let mut lost = objects.clone();
        lost[4] = lost_node("n2", json!({}));
        let terminating = json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } });
        lost[8] = running("q", "c", "n2", terminating);
        assert_eq!(problems(&lost), [multi(NodeState::NotReady, true)], "a pod stuck on a lost node");
        let mut shared = objects.clone();
        shared[2].1["spec"]["accessModes"] = json!(["ReadWriteOnce", "ReadWriteMany"]);
        let waits = |objects: &[Object]| matches!(problems(objects)[..], [AttachProblem::NotAttached { .. }]);
        assert!(waits(&shared), "a volume for many nodes");
        assert!(waits(&with(&[attachment("n2", json!({})), other])), "not attached there");
    }

    #[test]
    fn an_attachment_that_no_pod_needs_is_stale() {
        let stale = |objects: &[Object]| match &problems(objects)[..] {
            [AttachProblem::StaleAttachment { state, detaching, detach_error, in_use, .. }] => {
                (*state, *detaching, detach_error.clone(), *in_use)
            }
            other => panic!("{other:?}"),
        };
        let there = attached("n2", json!({}));
        assert_eq!(stale(&with(std::slice::from_ref(&there))), (NodeState::Ready, false, None, Some(false)));
        let done = running("q", "c", "n2", json!({ "status": { "phase": "Succeeded" } }));
        let elsewhere = running("r", "c", "n3", json!({}));
        let unrelated = running("s", "d", "n2", json!({}));
        let objects = with(&[there.clone(), done, elsewhere, unrelated]);
        assert_eq!(stale(&objects).0, NodeState::Ready, "other pods don't hold it");
        let mut gone = with(&[]);
        gone.remove(4);
        let failing = json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" },
                              "status": { "detachError": { "message": "node wasn't found" } } });
        gone.push(attached("n2", failing));
        let error = Some("node wasn't found".to_owned());
        assert_eq!(stale(&gone), (NodeState::Gone, true, error, None));
        let mut shut_down = with(&[there]);
        let taint = json!({ "spec": { "taints": [{ "key": OUT_OF_SERVICE, "effect": "NoExecute" }] },
                            "status": { "volumesInUse": ["kubernetes.io/csi/csi.example.com^v"] } });
        shut_down[4] = lost_node("n2", taint);
        assert_eq!(stale(&shut_down), (NodeState::OutOfService, false, None, Some(true)));
    }

    #[test]
    fn the_driver_must_be_on_the_pods_node() {
        let mut objects = with(&[attached("n1", json!({}))]);
        objects.retain(|(kind, object)| *kind != Kind::CSINode || object["metadata"]["name"] != "n1");
        let expected = AttachProblem::DriverNotOnNode { volume: "v".to_owned(), driver: DRIVER.to_owned() };
        assert_eq!(problems(&objects)[0], expected);
        let bare = (Kind::CSINode, json!({ "metadata": { "name": "n1" } }));
        assert_eq!(problems(&[&objects[..], &[bare]].concat())[0], expected);
    }

    #[test]
    fn an_inline_volume_needs_its_driver_or_the_one_that_took_it_over() {
        let source = json!([{ "name": "disk", "awsElasticBlockStore": { "volumeID": "vol-1" } }]);
        let mut objects = cluster();
        objects[0] = pod("p", &[], "n1", json!({ "spec": { "volumes": source } }));
        let expected =
            AttachProblem::DriverNotOnNode { volume: "disk".to_owned(), driver: "ebs.csi.aws.com".to_owned() };
        assert_eq!(problems(&objects), [expected]);
        let inline = json!([{ "name": "disk", "csi": { "driver": "inline.example.com" } }]);
        objects[0] = pod("p", &[], "n1", json!({ "spec": { "volumes": inline } }));
        let expected =
            AttachProblem::DriverNotOnNode { volume: "disk".to_owned(), driver: "inline.example.com".to_owned() };
        assert_eq!(problems(&objects), [expected]);
        objects[0] = pod("p", &[], "n1", json!({ "spec": { "volumes": [{ "name": "cache" }] } }));
        assert_eq!(problems(&objects), []);
    }

    #[test]
    fn the_volume_must_be_reachable_from_the_node() {
        let term = json!([{ "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["a"] }] }]);
        let mut objects = with(&[]);
        objects[2].1["spec"]["nodeAffinity"] = json!({ "required": { "nodeSelectorTerms": term } });
        assert_eq!(problems(&objects)[0], AttachProblem::NodeAffinity { volume: "v".to_owned() });
        objects[3] = node("n1", json!({ "metadata": { "labels": { "zone": "a" } } }));
        assert_eq!(problems(&objects).len(), 1, "only the missing attachment");
    }

    #[test]
    fn a_pod_that_was_placed_past_the_scheduler_may_have_no_volume() {
        let first = |index: usize, object: Option<Object>| {
            let mut objects = cluster();
            match object {
                Some(object) => objects[index] = object,
                None => drop(objects.remove(index)),
            }
            problems(&objects)
        };
        assert_eq!(first(1, None), [AttachProblem::ClaimMissing { claim: "c".to_owned() }]);
        let pending = claim("c", json!({}));
        assert_eq!(first(1, Some(pending)), [AttachProblem::ClaimNotBound { claim: "c".to_owned() }]);
        let missing = AttachProblem::VolumeMissing { claim: "c".to_owned(), volume: "v".to_owned() };
        assert_eq!(first(2, None), [missing]);
        let deleting = claim(
            "c",
            json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" }, "spec": { "volumeName": "v" },
                    "status": { "phase": "Bound" } }),
        );
        assert_eq!(first(1, Some(deleting))[0], AttachProblem::ClaimDeleting { claim: "c".to_owned() });
        let mut nfs = cluster();
        nfs[2].1["spec"]["csi"] = Value::Null;
        nfs[2].1["spec"]["nfs"] = json!({ "server": "s", "path": "/" });
        assert_eq!(problems(&nfs), [], "nothing to attach");
    }

    #[test]
    fn a_volume_for_one_pod_is_held_by_the_pod_that_runs() {
        let mut objects = with(&[running("q", "c", "n1", json!({}))]);
        objects[2].1["spec"]["accessModes"] = json!(["ReadWriteOncePod"]);
        let used = AttachProblem::UsedByAnotherPod {
            volume: "v".to_owned(),
            pods: vec![OtherPod { pod: ObjectRef::new(Kind::Pod, "app", "q"), deleting: false }],
        };
        assert_eq!(problems(&objects)[0], used);
        objects[7] = running("q", "d", "n1", json!({}));
        assert!(!problems(&objects).contains(&used));
    }

    #[test]
    fn events_of_the_pod_are_told_the_newest_first_without_what_is_over() {
        let messages = |objects: &[Object]| -> Vec<String> {
            judge(objects).events.into_iter().map(|event| event.message).collect()
        };
        let attach = "AttachVolume.Attach failed for volume \"v\" : rpc error: code = Internal desc = x";
        let older = json!({ "lastTimestamp": "2026-01-01T00:05:00Z" });
        let events = [
            event("FailedAttachVolume", attach, older),
            event("FailedMount", "context deadline exceeded", json!({})),
            event("FailedScheduling", "0/3 nodes are available", json!({})),
            event("FailedMount", "of an earlier pod", json!({ "involvedObject": { "uid": "other" } })),
            event("FailedMount", "of another pod", json!({ "involvedObject": { "name": "q" } })),
        ];
        let objects = with(&events);
        assert_eq!(messages(&objects), ["context deadline exceeded", attach]);
        let telling: Vec<MountEvent> = judge(&objects).telling_events().cloned().collect();
        assert_eq!((telling.len(), &telling[0].failure, telling[0].count), (1, &MountFailure::Attach, 4));
        let now = [&objects[..], &[attached("n1", json!({}))]].concat();
        assert_eq!(messages(&now), ["context deadline exceeded"], "the volume is attached now");
    }

    #[test]
    fn what_could_not_be_read_is_said_and_no_problem() {
        let other = running("q", "c", "n2", json!({}));
        let all = with(&[attached("n2", json!({})), other]);
        for (kind, unread) in [
            (Kind::PersistentVolumeClaim, "PersistentVolumeClaim app/c could not be read"),
            (Kind::PersistentVolume, "PersistentVolume v could not be read"),
            (Kind::CSINode, "CSINode n1 could not be read"),
            (Kind::VolumeAttachment, "not all VolumeAttachments could be read"),
            (Kind::Event, "not all events could be read"),
        ] {
            let kept: Vec<Object> = all.iter().filter(|(k, _)| *k != kind).cloned().collect();
            let mut builder = builder(&kept);
            builder.cover(kind, Scope::Nothing(Problem::Forbidden));
            let snapshot = builder.build(&Scope::All);
            let pod = snapshot.pods.get("app", "p").found().unwrap();
            let verdict = Attachments::new(&snapshot).judge(pod).unwrap();
            assert_eq!(verdict.unknown, [unread], "{verdict:?}");
            assert!(verdict.problems.len() <= 1, "{verdict:?}");
        }
        for (objects, expected) in [(cluster(), 0), (all.clone(), 1)] {
            let mut builder = builder(&objects);
            builder.cover(Kind::CSIDriver, Scope::Nothing(Problem::Forbidden));
            let snapshot = builder.build(&Scope::All);
            let pod = snapshot.pods.get("app", "p").found().unwrap();
            let verdict = Attachments::new(&snapshot).judge(pod).unwrap();
            let told = (verdict.problems.len(), verdict.unknown.len());
            assert_eq!(told, (expected, 1 - expected), "a volume with an attachment needs one: {verdict:?}");
        }
        let mut builder = builder(&all[..8]);
        builder.cover(Kind::Pod, Scope::Nothing(Problem::Forbidden));
        let snapshot = builder.build(&Scope::All);
        let pod = snapshot.pods.get("app", "p").found().unwrap();
        let verdict = Attachments::new(&snapshot).judge(pod).unwrap();
        let unread = ["not all pods of app could be read"];
        assert_eq!((verdict.problems.len(), &verdict.unknown[..]), (0, &unread.map(str::to_owned)[..]), "not stale");
    }
}
