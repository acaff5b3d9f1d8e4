//! What makes a volume grow.

use std::collections::BTreeSet;

use super::growth::{Growth, State};
use super::resizer::{Resizer, address_of_others};
use super::volume_not_grown::{CLAIM, Case};
use crate::diagnosis::command::{describe, kubectl};
use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::remedy::{Change, NOTHING_WAITS, Remedy, Risk, Step};
use crate::model::component::Role;
use crate::model::{Kind, Pod};
use crate::rules::drivers::driver::{controller_logs, log_step};

/// Why a growth isn't tried.
const UNKNOWN: &str = "what the driver answers then is not known";

/// How drivers say, in lower case, that they grow no volume which is attached.
const IN_USE: &[&str] = &["detach", "is attached", "currently attached", "in use", "in-use", "offline"];

fn in_use(said: &str) -> bool {
    let said = said.to_lowercase();
    IN_USE.iter().any(|words| said.contains(words))
}

/// The repairs of what claims share.
pub(super) fn repairs(cx: &Context<'_>, cases: &[Case<'_>]) -> Vec<Remedy> {
    let growth = &cases[0].growth;
    match &growth.state {
        State::Failed(said) if in_use(said.message()) => vec![unused(cx, growth)],
        State::Infeasible { .. } | State::Failed(_) => vec![smaller(cx, growth)],
        State::NeedsMount { pods, .. } if pods.is_empty() => vec![mount_once(cx, growth)],
        State::NeedsMount { pods, .. } => vec![restart(cx, pods)],
        State::Stalled(_) => vec![look(cx, growth)],
        State::Unanswered(_) => vec![of_resizer(cx, &cases[0])],
    }
}

fn of_resizer(cx: &Context<'_>, case: &Case<'_>) -> Remedy {
    let edit = |part: &crate::dependencies::Part<'_>, what: String| {
        let target = format!("{}/{}", part.kind.name().to_ascii_lowercase(), part.name);
        Step { command: kubectl(&["edit"], &[&target], &[("-n", part.namespace)]), ..Step::told(what) }
    };
    match &case.resizer {
        Some(Resizer::Deaf { part, container, .. }) => {
            let what = match address_of_others(part, container) {
                Some(other) => {
                    format!("Give container {} --csi-address={other}, as the other sidecars have", container.name)
                }
                None => format!("Give container {} the path at which it mounts the driver's socket", container.name),
            };
            let target = format!("{}/{}", part.kind.name().to_ascii_lowercase(), part.name);
            let log = log_step("Read what it says until then", part.namespace, &target, Some(&container.name));
            Remedy::untried("Show the resizer the driver's socket", Risk::Low, vec![log, edit(part, what)], UNKNOWN)
        }
        Some(Resizer::Lacking(part)) => {
            let what = "Add the csi-resizer sidecar, as the driver's chart or manifest can, or run the one that it has \
                        elsewhere";
            Remedy::untried("Run a resizer", Risk::Low, vec![edit(part, what.to_owned())], UNKNOWN)
        }
        Some(Resizer::Down { trouble, .. }) if trouble.remedy.is_some() => {
            trouble.remedy.clone().unwrap_or_else(|| look(cx, &case.growth))
        }
        _ => look(cx, &case.growth),
    }
}

/// Where to look: the claim, then the resizer and the driver.
fn look(cx: &Context<'_>, growth: &Growth<'_>) -> Remedy {
    let name = &growth.claim.metadata.name;
    let mut steps: Vec<Step> = describe(&claim_ref(growth.claim))
        .map(|command| Step { command: Some(command), ..Step::told(format!("Read the events of claim {name}")) })
        .into_iter()
        .collect();
    steps.extend(growth.driver.map_or_else(Vec::new, |driver| controller_logs(cx, driver, Role::Resizer)));
    Remedy::untried("See why it does not grow", Risk::Low, steps, crate::diagnosis::looks::CHANGES_NOTHING)
}

/// Time for a driver that grows only volumes which no node has.
fn unused(cx: &Context<'_>, growth: &Growth<'_>) -> Remedy {
    let owners: BTreeSet<(Kind, String)> = cx
        .users_of(growth.claim)
        .into_iter()
        .filter_map(|pod| cx.workload(pod))
        .map(|(kind, meta)| (kind, meta.name.clone()))
        .filter(|(kind, _)| matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet))
        .collect();
    let (claim, namespace) = (&growth.claim.metadata.name, growth.claim.metadata.namespace.as_str());
    let stop = |(kind, name): &(Kind, String)| {
        cx.scale(
            format!("Stop {kind} {name}, which uses the volume; note how many pods it has"),
            (*kind, namespace, name),
            0,
        )
    };
    let mut steps: Vec<Step> = owners.iter().map(stop).collect();
    if steps.is_empty() {
        steps.push(Step::told("Stop the pods that use the volume"));
    }
    steps.push(Step::told(format!("Start them again when the events of claim {claim} say that it has grown")));
    Remedy::untried("Let it grow while nothing uses it", Risk::Medium, steps, UNKNOWN)
}

/// Room in the storage, or a smaller wish (KEP-1790, RecoverVolumeExpansionFailure).
fn smaller(cx: &Context<'_>, growth: &Growth<'_>) -> Remedy {
    let mut remedy = look(cx, growth);
    let what = format!(
        "Make room or lift the limit that is told; or let claim {} ask for less again: more than the {} that it has, in \
         Kubernetes 1.34 and later or with the gate RecoverVolumeExpansionFailure",
        growth.claim.metadata.name, growth.has
    );
    remedy.steps.push(Step::told(what));
    Remedy { title: "Make room, or ask for less".to_owned(), ..remedy }
}

/// Makes the pods anew, so that the volume is mounted anew.
fn restart(cx: &Context<'_>, pods: &[&Pod]) -> Remedy {
    let objects: Vec<_> =
        pods.iter().filter(|pod| pod.metadata.controller().is_some()).map(|pod| pod_ref(pod)).collect();
    let mut steps = cx.recreate_steps(&objects);
    if steps.is_empty() {
        steps.push(Step::told(
            "Delete the pod that uses the claim and make it again: the file system grows at the mount",
        ));
    }
    Remedy::untried("Mount the volume anew", Risk::Medium, steps, NOTHING_WAITS)
}

/// A pod that mounts the volume once, and goes.
fn mount_once(cx: &Context<'_>, growth: &Growth<'_>) -> Remedy {
    let meta = &growth.claim.metadata;
    let name: String = format!("grow-{}", meta.name).chars().take(63).collect();
    let name = name.trim_end_matches(['-', '.']).to_owned();
    let block = growth.claim.volume_mode() == "Block";
    let place = match block {
        true => ("volumeDevices", serde_json::json!([{"name": "data", "devicePath": "/dev/data"}])),
        false => ("volumeMounts", serde_json::json!([{"name": "data", "mountPath": "/data"}])),
    };
    let object = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": meta.namespace, "name": name},
        "spec": {
            "containers": [{"name": "wait", "image": "registry.k8s.io/pause:3.10", place.0: place.1}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": meta.name}}],
        },
    });
    let create = Change::Create { kind: Kind::Pod, object, ask: None };
    let what = "Start the workload that uses the claim; where it waits for the claim itself, run a short-lived pod that mounts it";
    let until = format!("jsonpath={{.status.capacity.storage}}={}", growth.asked);
    let target = format!("{}/{}", CLAIM.name().to_ascii_lowercase(), meta.name);
    let wait = kubectl(&["wait"], &[&target], &[("-n", &meta.namespace), ("--for", &until), ("--timeout", "5m")]);
    let end = kubectl(&["delete", "pod"], &[&name], &[("-n", &meta.namespace)]);
    let steps = vec![
        cx.step(what, create),
        Step { command: wait, ..Step::told(format!("Wait until claim {} has grown", meta.name)) },
        Step { command: end, ..Step::told("Take the pod away again, so that the workload can have the volume") },
    ];
    Remedy::untried("Mount the volume once", Risk::Low, steps, "what the kubelet does is not known")
}
