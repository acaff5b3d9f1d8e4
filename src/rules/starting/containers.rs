//! Why a pod's containers don't run, as far as the kubelet tells.

use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::remedy::{Change, Remedy, Risk};
use crate::model::component::Role;
use crate::model::pod::{Container, ContainerReason, ContainerStatus};
use crate::model::{Event, Kind, ObjectRef, Pod, Workload};
use crate::rules::attaching::placed::node_ref;
use crate::rules::drivers::driver_faults::meaning;
use crate::volumes::driver_words::{both_ends, essential, last_line};

/// What keeps a container from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Cause {
    /// Its image can't be had.
    Image,
    /// Something that its environment or its mounts name is missing.
    Config,
    /// The runtime can't make or start it.
    Start,
    /// It ends again and again.
    Crash,
}

/// A container that doesn't run.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) struct Fault<'p> {
    pub(in crate::rules) pod: &'p Pod,
    pub(in crate::rules) status: &'p ContainerStatus,
    pub(in crate::rules) init: bool,
    pub(in crate::rules) cause: Cause,
}

/// Reasons of a waiting container (`pkg/kubelet/images/types.go`, `pkg/kubelet/kuberuntime`, `pkg/kubelet/container`).
const REASONS: &[(&str, Cause)] = &[
    ("ErrImagePull", Cause::Image),
    ("ImagePullBackOff", Cause::Image),
    ("InvalidImageName", Cause::Image),
    ("ErrImageNeverPull", Cause::Image),
    ("ImageInspectError", Cause::Image),
    ("RegistryUnavailable", Cause::Image),
    ("SignatureValidationFailed", Cause::Image),
    ("CreateContainerConfigError", Cause::Config),
    ("CreateContainerError", Cause::Start),
    ("RunContainerError", Cause::Start),
    ("PreCreateHookError", Cause::Start),
    ("PreStartHookError", Cause::Start),
    ("PostStartHookError", Cause::Start),
    ("CrashLoopBackOff", Cause::Crash),
];

/// Begins what kubelets say while they wait before they pull an image again.
const BACK_OFF: &str = "Back-off pulling image \"";
/// Begins what kubelets say of an image that they could not pull.
const FAILED: &str = "Failed to pull image \"";

/// How long the words of a container may be in a title, in characters.
const IN_TITLE: usize = 170;

/// Restarts after which a container that has just ended counts as one that ends again and again.
const MANY_RESTARTS: i32 = 3;

/// How the kernel says that a program is for another architecture, and the label with a node's own.
const WRONG_ARCHITECTURE: &str = "exec format error";
const ARCHITECTURE: &str = "kubernetes.io/arch";
/// The label with the revision of the template that a set made a pod from (`k8s.io/api/apps/v1`, ControllerRevisionHashLabelKey).
const REVISION: &str = "controller-revision-hash";

/// How a container ended that could not even be started (`pkg/kubelet/kuberuntime`, containerd and CRI-O).
const NEVER_STARTED: &[&str] = &["StartError", "ContainerCannotRun"];

/// The containers of a pod that don't run, init containers before the others, since these wait for them.
pub(in crate::rules) fn faults(pod: &Pod) -> impl Iterator<Item = Fault<'_>> {
    let init = pod.status.init_container_statuses.iter().map(|status| (status, true));
    let all = init.chain(pod.status.container_statuses.iter().map(|status| (status, false)));
    all.filter(|(status, _)| !status.ready)
        .filter_map(move |(status, init)| cause(status).map(|cause| Fault { pod, status, init, cause }))
}

/// The first container of a pod that doesn't run.
pub(in crate::rules) fn fault(pod: &Pod) -> Option<Fault<'_>> {
    faults(pod).next()
}

/// Whether a pod has been on its node for longer than this many seconds, as far as that is known.
pub(in crate::rules) fn settled(cx: &Context<'_>, pod: &Pod, seconds: i64) -> bool {
    let since = pod.status.start_time.as_deref().unwrap_or(&pod.metadata.creation_timestamp).parse::<jiff::Timestamp>();
    match (cx.options.now.filter(|_| !cx.options.now_is_a_bound), since) {
        (Some(now), Ok(since)) => now.as_second() - since.as_second() > seconds,
        _ => true,
    }
}

/// Whether the fault keeps the pod from starting at all; where all its containers have run once, it runs unready.
pub(in crate::rules) fn keeps_from_starting(fault: &Fault<'_>) -> bool {
    fault.pod.status.phase == "Pending" || fault.cause == Cause::Start
}

fn cause(status: &ContainerStatus) -> Option<Cause> {
    let last = status.last_state.terminated.as_ref();
    if let Some(waiting) = &status.state.waiting {
        let cause = REASONS.iter().find(|(reason, _)| *reason == waiting.reason).map(|(_, cause)| *cause);
        let never = last.is_some_and(|ended| NEVER_STARTED.contains(&ended.reason.as_str()));
        return cause.map(|cause| if never && cause == Cause::Crash { Cause::Start } else { cause });
    }
    let ended = status.state.terminated.as_ref().is_some_and(|ended| ended.exit_code.is_some_and(|code| code != 0));
    (ended && status.restart_count >= MANY_RESTARTS).then_some(Cause::Crash)
}

impl Fault<'_> {
    /// `init container a`, `container a`.
    pub(in crate::rules) fn container(&self) -> String {
        let kind = if self.init { "init container" } else { "container" };
        format!("{kind} {}", self.status.name)
    }

    /// What is wrong, as a sentence about the container.
    pub(in crate::rules) fn sentence(&self, cx: &Context<'_>) -> String {
        let container = self.container();
        let said = self.said(cx).map(|said| both_ends(&said, IN_TITLE));
        let with = |text: String| said.as_ref().map_or(text.clone(), |said| format!("{text}: {said}"));
        match self.cause {
            Cause::Image if self.status.image.is_empty() => with(format!("the image of {container} can't be had")),
            Cause::Image => with(format!("image {} of {container} can't be had", self.status.image)),
            Cause::Config => with(format!("{container} can't be configured")),
            Cause::Start => with(format!("{container} can't be started")),
            Cause::Crash => with(format!("{container} {}", self.ending())),
        }
    }

    /// `ends again and again, with exit code 1`.
    fn ending(&self) -> String {
        let memory = self.last().is_some_and(|ended| ended.reason == "OOMKilled");
        match (memory, self.last().and_then(|ended| ended.exit_code)) {
            (true, _) => "is killed again and again for want of memory (OOMKilled)".to_owned(),
            (false, Some(code)) => format!("ends again and again, with exit code {code}"),
            (false, None) => "ends again and again".to_owned(),
        }
    }

    /// Whether it ran and ended, so that its own words count.
    fn ended(&self) -> bool {
        self.status.state.waiting.as_ref().is_none_or(|waiting| waiting.reason == "CrashLoopBackOff")
    }

    /// How the container ended the last time.
    fn last(&self) -> Option<&ContainerReason> {
        self.status.state.terminated.as_ref().or(self.status.last_state.terminated.as_ref())
    }

    /// What the kubelet, or the container itself before it ended, says of it.
    pub(in crate::rules) fn said(&self, cx: &Context<'_>) -> Option<String> {
        if self.ended() {
            return self.last().and_then(|ended| last_line(&ended.message));
        }
        let message = self.status.state.waiting.as_ref()?.message.as_str();
        let message = if self.cause == Cause::Image { self.refusal(cx, message) } else { message.to_owned() };
        (!message.is_empty()).then(|| essential(&message))
    }

    /// Why an image can't be had. Newer kubelets say it of the container, older ones in an event alone.
    fn refusal(&self, cx: &Context<'_>, message: &str) -> String {
        let behind = |text: &str| text.split_once("\": ").map(|(_, cause)| cause.to_owned());
        if message.starts_with(BACK_OFF) {
            let told = behind(message).map(|cause| cause.trim_start_matches("ErrImagePull: ").to_owned());
            let failed = |event: &&Event| event.message.starts_with(FAILED);
            let event =
                || cx.events_of(&pod_ref(self.pod)).into_iter().rfind(failed).and_then(|event| behind(&event.message));
            return told.or_else(event).unwrap_or_default();
        }
        behind(message).filter(|_| message.starts_with(FAILED)).unwrap_or_else(|| message.to_owned())
    }

    /// The fault as facts: the state, and what was said.
    pub(in crate::rules) fn facts(&self, cx: &Context<'_>) -> Vec<Evidence> {
        let field = if self.init { "initContainerStatuses" } else { "containerStatuses" };
        let place = format!("status.{field}[{}]", self.status.name);
        let reason = match (&self.status.state.waiting, self.last()) {
            (Some(waiting), _) => waiting.reason.clone(),
            (None, Some(ended)) => ended.reason.clone(),
            (None, None) => String::new(),
        };
        let restarts = match self.status.restart_count {
            0 => String::new(),
            count => format!(", {count} restarts"),
        };
        let mut facts = vec![Context::fact(
            pod_ref(self.pod),
            &format!("{place}.state"),
            format!("{reason}{restarts}"),
            format!("what the kubelet says of {}", self.container()),
        )];
        facts.extend(self.revisions(cx));
        if let Some(said) = self.said(cx) {
            let (path, note) = match (self.cause, self.ended()) {
                (Cause::Crash, _) => {
                    (format!("{place}.lastState.terminated.message"), "its last words before it ended")
                }
                (_, true) => (format!("{place}.lastState.terminated.message"), "why it could not be started"),
                (_, false) => (format!("{place}.state.waiting.message"), "why, in the kubelet's words"),
            };
            facts.extend(self.architecture(cx, &said));
            let meaning = meaning(&said).filter(|_| self.cause == Cause::Crash && self.of_storage());
            let note = meaning.map_or(note.to_owned(), |meaning| format!("{note}; this means: {meaning}"));
            facts.push(Context::fact(pod_ref(self.pod), &path, said, note));
        }
        facts
    }

    /// The set whose template has changed since the pod was made, and which waits for the pod to be ready before it
    /// makes it anew (`pkg/controller/statefulset/stateful_set_control.go`, "forced rollback" in the documentation).
    fn left_behind<'a>(&self, cx: &Context<'a>) -> Option<&'a Workload> {
        let meta = &self.pod.metadata;
        let owner = meta.controller().filter(|owner| owner.kind == "StatefulSet")?;
        let set = cx.snapshot.stateful_sets.get(&meta.namespace, &owner.name).found()?;
        let (own, new) = (meta.labels.get(REVISION)?, &set.status.update_revision);
        (set.ordered() && !new.is_empty() && own != new).then_some(&**set)
    }

    /// That the pod is of an earlier template than its set's.
    fn revisions(&self, cx: &Context<'_>) -> Option<Evidence> {
        let set = self.left_behind(cx)?;
        let meta = &set.metadata;
        let own = self.pod.metadata.labels.get(REVISION)?;
        let note = format!(
            "the set's template has changed since it made the pod (of {own}), and it makes the pod anew only when that is \
             ready or gone"
        );
        let object = ObjectRef::new(Kind::StatefulSet, &meta.namespace, &meta.name);
        Some(Context::fact(object, "status.updateRevision", set.status.update_revision.clone(), note))
    }

    /// The pod made anew from the template that its set has now.
    pub(in crate::rules) fn made_anew(&self, cx: &Context<'_>) -> Option<Remedy> {
        let set = self.left_behind(cx)?;
        let meta = &self.pod.metadata;
        let change = Change::RecreatePods { namespace: meta.namespace.clone(), names: vec![meta.name.clone()] };
        let what = format!(
            "Delete pod {}: StatefulSet {} makes it anew from its present template, and does not do so by itself",
            meta.name, set.metadata.name
        );
        let reason = "whether the new pod starts is known only once it is there";
        Some(Remedy::untried("Let the set make the pod anew", Risk::Low, vec![cx.step(what, change)], reason))
    }

    /// Whether the pod is a part of a driver.
    fn of_storage(&self) -> bool {
        let roles = self.pod.spec.containers.iter().filter_map(Container::role);
        roles.into_iter().any(|role| role != Role::Cloud)
    }

    /// The architecture of the node, where the kernel doesn't know the program's.
    fn architecture(&self, cx: &Context<'_>, said: &str) -> Option<Evidence> {
        let node = cx.snapshot.nodes.get("", &self.pod.spec.node_name).found()?;
        let value = node.metadata.labels.get(ARCHITECTURE).filter(|_| said.contains(WRONG_ARCHITECTURE))?;
        let note = "the node's architecture, which the image is not made for";
        Some(Context::fact(node_ref(&node.metadata.name), &format!("metadata.labels[{ARCHITECTURE}]"), value, note))
    }
}

/// What makes a pod, a Deployment before its ReplicaSet; the pod itself where nothing does.
pub(in crate::rules) fn owner_of(cx: &Context<'_>, pod: &Pod) -> ObjectRef {
    cx.workload(pod).map_or_else(|| pod_ref(pod), |(kind, meta)| ObjectRef::new(kind, &meta.namespace, &meta.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({ "metadata": { "name": "p" }, "status": status })).unwrap()
    }

    fn cause_of(state: Value) -> Option<Cause> {
        fault(&pod(json!({ "containerStatuses": [state] }))).map(|fault| fault.cause)
    }

    #[test]
    fn waiting_reasons_are_told_apart() {
        let waiting = |reason: &str| cause_of(json!({ "name": "a", "state": { "waiting": { "reason": reason } } }));
        assert_eq!(waiting("ImagePullBackOff"), Some(Cause::Image));
        assert_eq!(waiting("CreateContainerConfigError"), Some(Cause::Config));
        assert_eq!(waiting("CreateContainerError"), Some(Cause::Start));
        assert_eq!(waiting("CrashLoopBackOff"), Some(Cause::Crash));
        assert_eq!(waiting("ContainerCreating"), None);
    }

    #[test]
    fn a_container_that_ended_counts_once_it_has_done_so_often() {
        let ended = |code: i32, restarts: i32| {
            let state = json!({ "terminated": { "exitCode": code } });
            cause_of(json!({ "name": "a", "state": state, "restartCount": restarts }))
        };
        assert_eq!(ended(1, 3), Some(Cause::Crash));
        assert_eq!(ended(1, 1), None);
        assert_eq!(ended(0, 9), None, "a job that is done");
    }

    #[test]
    fn init_containers_come_first_and_what_is_ready_is_no_fault() {
        let status = json!({
            "initContainerStatuses": [{ "name": "i", "state": { "waiting": { "reason": "ErrImagePull" } } }],
            "containerStatuses": [{ "name": "a", "state": { "waiting": { "reason": "ImagePullBackOff" } } }]
        });
        let pod = self::pod(status);
        assert_eq!(fault(&pod).map(|fault| fault.container()).as_deref(), Some("init container i"));
        let ready = json!({ "name": "a", "ready": true, "state": { "waiting": { "reason": "ErrImagePull" } } });
        assert_eq!(cause_of(ready), None);
    }
}
