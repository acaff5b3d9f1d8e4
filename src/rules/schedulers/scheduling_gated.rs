use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{either, named, names};
use crate::diagnosis::who::Who;
use crate::model::{Kind, ObjectRef, Pod, Workload};
use crate::rules::topolvm::extender::workloads_of;

crate::rules::declare_rule! {
    static RULE = {
        name: "scheduling-gated",
        summary: "Pods are held back by scheduling gates, and nothing shows that their removal is under way.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [Deployment, StatefulSet, DaemonSet],
        stage: Cause,
        check: check,
    }
}

/// Pods whose gates are taken off one by one.
const SHOWN: usize = 10;

/// Kueue's gate, and the label without which it admits no pod (Kueue, `pkg/controller/constants`).
const KUEUE_GATE: &str = "kueue.x-k8s.io/admission";
const KUEUE_QUEUE: &str = "kueue.x-k8s.io/queue-name";

/// Whoever is to remove a gate.
enum Keeper<'a> {
    /// It runs, so that the gate is kept on purpose.
    Runs(Kind, &'a Workload),
    /// It doesn't run.
    Down(Kind, &'a Workload),
    /// Nothing looks like it.
    Unseen,
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    for group in cx.groups.iter().filter(|group| gated(group.lead())) {
        out.add(finding(cx, group));
    }
}

/// Whether gates hold the pod, whichever scheduler is to take it.
pub(in crate::rules) fn gated(pod: &Pod) -> bool {
    !pod.spec.scheduling_gates.is_empty()
}

fn gates(pod: &Pod) -> Vec<&str> {
    pod.spec.scheduling_gates.iter().map(|gate| gate.name.as_str()).collect()
}

/// The domain in a gate's name; empty where it has none.
fn domain(gate: &str) -> &str {
    gate.split_once('/').map_or("", |(domain, _)| domain)
}

/// The workload that looks like the owner of a gate's domain; one that runs before others.
fn keeper<'a>(cx: &Context<'a>, gate: &str) -> Keeper<'a> {
    let ready = |workload: &Workload| workload.status.ready_replicas.max(workload.status.number_ready) > 0;
    let found = workloads_of(cx, domain(gate));
    match found.iter().find(|(_, workload)| ready(workload)).or(found.first()) {
        Some((kind, workload)) if ready(workload) => Keeper::Runs(*kind, workload),
        Some((kind, workload)) => Keeper::Down(*kind, workload),
        None => Keeper::Unseen,
    }
}

/// Whether Kueue leaves the pod alone for good, because it is in no queue.
fn without_queue(pod: &Pod) -> bool {
    gates(pod).contains(&KUEUE_GATE) && !pod.metadata.labels.contains_key(KUEUE_QUEUE)
}

fn finding(cx: &Context<'_>, group: &PodGroup<'_>) -> Finding {
    let (pods, gates) = (group.names(), gates(group.lead()));
    let held = format!("{} held back by {}", Who::new("pod", &pods).does("are"), named("scheduling gate", &gates));
    let keepers = || gates.iter().map(|gate| keeper(cx, gate));
    let down = keepers()
        .find_map(|keeper| if let Keeper::Down(kind, workload) = keeper { Some((kind, workload)) } else { None });
    let runs = keepers().all(|keeper| matches!(keeper, Keeper::Runs(..)));
    let (pod, subject) = (group.lead(), group.subject());
    let finding = match down {
        _ if without_queue(pod) => in_no_queue(pod, subject, &held, either(pods.len(), "it names", "they name")),
        Some((kind, workload)) => held_by_stopped(kind, workload, &held),
        None if runs || cx.fresh(&pod.metadata) => Finding::new(RULE.name, Severity::Info, subject, held).passing(),
        None => Finding::new(RULE.name, Severity::Warning, subject, held),
    };
    let finding = finding.evidence(pod_ref(pod), "spec.schedulingGates", names(&gates), owner(&gates));
    let orphaned = finding.severity == Severity::Warning
        && !gates.contains(&KUEUE_GATE)
        && keepers().all(|keeper| matches!(keeper, Keeper::Unseen))
        && cx.unread_anywhere(&[Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet]).is_none();
    let finding = with_keepers(cx, &gates, finding).explains_all(group.objects());
    finding.with_remedies(orphaned.then(|| opened(cx, group)))
}

/// The gates taken off by hand.
fn opened(cx: &Context<'_>, group: &PodGroup<'_>) -> Remedy {
    let lead = &group.lead().metadata;
    let get = ["get", "pod", "-o", "yaml", "--show-managed-fields"];
    let command = kubectl(&get, &[&lead.name], &[("-n", &lead.namespace)]);
    let look =
        Step { command, ..Step::assumed("See who set the gates and is to remove them: the managed fields say so") };
    let operations = serde_json::json!([{"op": "remove", "path": "/spec/schedulingGates"}]);
    let steps = group.pods.iter().take(SHOWN).map(|pod| {
        let (namespace, name) = (pod.metadata.namespace.clone(), pod.metadata.name.clone());
        let what =
            format!("Where nobody is left to do so, take the gates off pod {name}: what they wait for is not awaited");
        cx.step(what, Change::JsonPatch { kind: Kind::Pod, namespace, name, operations: operations.clone() })
    });
    let steps = std::iter::once(look).chain(steps).collect();
    Remedy::new("Take the gates off by hand", Risk::High, steps)
}

fn owner(gates: &[&str]) -> String {
    match gates.iter().map(|gate| domain(gate)).find(|domain| !domain.is_empty()) {
        Some(domain) => format!("the scheduler looks at the pod once {domain}'s controller has removed the gate"),
        None => "the scheduler looks at the pod once whoever set the gate has removed it".to_owned(),
    }
}

fn in_no_queue(pod: &Pod, subject: ObjectRef, held: &str, names: &str) -> Finding {
    let title = format!("{held}, and {names} no queue, without which Kueue admits none");
    let path = format!("metadata.labels[{KUEUE_QUEUE}]");
    let note = "Kueue opens the gate once the pod's queue has room; a pod without a queue waits for good";
    Finding::new(RULE.name, Severity::Warning, subject, title).evidence(pod_ref(pod), path, "not set", note)
}

fn held_by_stopped(kind: Kind, workload: &Workload, held: &str) -> Finding {
    let meta = &workload.metadata;
    let title = format!("{held}, and {kind} {}, which looks like its owner, has no ready pod", meta.name);
    let object = ObjectRef::new(kind, &meta.namespace, &meta.name);
    RULE.finding(object, title).likely()
}

/// What is known of those who are to remove the gates.
fn with_keepers(cx: &Context<'_>, gates: &[&str], mut finding: Finding) -> Finding {
    for gate in gates {
        finding = match keeper(cx, gate) {
            Keeper::Runs(kind, workload) | Keeper::Down(kind, workload) => {
                let meta = &workload.metadata;
                let value = format!("{} ready", workload.status.ready_replicas.max(workload.status.number_ready));
                let note = format!("by its name the owner of gate {gate}");
                finding.evidence(ObjectRef::new(kind, &meta.namespace, &meta.name), "status", value, note)
            }
            Keeper::Unseen => match cx.unread_anywhere(&[Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet]) {
                Some(unread) => {
                    let note = format!("the owner of gate {gate} may be among what was not read");
                    let object = finding.object.clone();
                    finding.evidence(object, "", unread, note).likely()
                }
                None => finding,
            },
        };
    }
    finding
}
