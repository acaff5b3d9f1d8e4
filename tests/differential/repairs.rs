//! Repairs that the report calls tried, made on the real control plane by the commands that it prints.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use storagewhy::diagnosis::{Change, Finding, Options, Remedy, Scope, Severity, Trial};
use storagewhy::engine::diagnose;
use storagewhy::model::ObjectRef;

use super::cluster::Cluster;
use super::compare::{compare, read};
use super::observe::{Outcome, SENTINEL, dump, forget, judged, observe, scheduled_condition};
use crate::support::control_plane::ControlPlane;

/// What the scheduler says of claims for which no provisioner makes a volume here.
const UNBOUND: &str = "pod has unbound immediate PersistentVolumeClaims";
/// What nodes that take no pods are tainted with.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// How long scheduler and controllers may take after the commands, and once more after the scheduler was started anew:
/// it looks at pods that no event wakes only after five minutes (`scheduling_queue.go`, podMaxInUnschedulablePodsDuration).
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a cluster is made again for one repair.
const TIMES: usize = 5;

/// What came of the repairs of one cluster.
#[derive(Default)]
pub struct Repaired {
    pub carried_out: usize,
    /// Of them those after which another cause was foreseen.
    pub next: usize,
    /// Repairs that were left since the scheduler placed pods otherwise each time the cluster was made again.
    pub otherwise: usize,
    /// Repairs after which a victim was not placed or bound, with what is left.
    pub failed: Vec<String>,
}

/// Carries out the repairs of a cluster that are called tried. Clusters whose scheduler has an extender are left out:
/// what it answers to changed pods is its own.
pub fn repair(plane: &mut ControlPlane, cluster: &Cluster, list: &Value) -> Repaired {
    let mut result = Repaired::default();
    if cluster.configuration.rules.is_some() {
        return result;
    }
    let options = Options {
        kube_version: Some(plane.version.parse().unwrap()),
        scheduler_config: Some(cluster.configuration.parsed()),
        ..Options::default()
    };
    let findings = diagnose(&read(list), &Scope::default(), &options).findings;
    for (finding, remedy) in findings.iter().flat_map(tried) {
        if !as_judged(plane, cluster, list) {
            result.otherwise += 1;
            continue;
        }
        result.carried_out += 1;
        let done = carry_out(plane, cluster, remedy).and_then(|()| match &remedy.trial {
            Trial::NextBlocker { then, .. } => {
                result.next += 1;
                blocked_by(plane, cluster, finding, then)
            }
            _ => all_run(plane, cluster, finding),
        });
        plane.tell("scheduler stop");
        if let Err(left) = done {
            result.failed.push(format!("seed {}: {}: {}: {left}", cluster.seed, finding.id, remedy.title));
        }
    }
    result
}

/// Makes the cluster again until its pods are where they were when it was judged: among equal nodes the scheduler chooses
/// by chance.
fn as_judged(plane: &mut ControlPlane, cluster: &Cluster, list: &Value) -> bool {
    let wanted = nodes_of_pods(list);
    (0..TIMES).any(|_| matches!(observe(plane, cluster), Outcome::Settled(again) if nodes_of_pods(&again) == wanted))
}

fn nodes_of_pods(list: &Value) -> BTreeSet<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = list["items"].as_array().into_iter().flatten().filter(|item| item["kind"] == "Pod");
    let pods = items.map(|pod| {
        let meta = &pod["metadata"];
        (text(&meta["namespace"]), text(&meta["name"]), text(&pod["spec"]["nodeName"]))
    });
    pods.collect()
}

/// The repairs of a finding that are called tried, and those that only bring another cause to light.
fn tried(finding: &Finding) -> impl Iterator<Item = (&Finding, &Remedy)> {
    let own = finding.severity == Severity::Error && finding.victims().all(|victim| victim.name != SENTINEL);
    let tried = |remedy: &Remedy| matches!(remedy.trial, Trial::Schedules | Trial::NextBlocker { .. });
    let works = move |remedy: &&Remedy| tried(remedy) && remedy.steps.iter().all(|step| step.command.is_some());
    finding.remedies.iter().filter(works).filter(move |_| own).map(move |remedy| (finding, remedy))
}

/// Runs the commands with the scheduler beside them.
fn carry_out(plane: &mut ControlPlane, cluster: &Cluster, remedy: &Remedy) -> Result<(), String> {
    let ending = ending(plane, remedy);
    plane.tell(&start(plane, cluster));
    for command in remedy.steps.iter().filter(|step| !step.later).filter_map(|step| step.command.as_ref()) {
        let mut shell = Command::new("timeout");
        shell
            .current_dir(plane.directory())
            .args(["20", "sh", "-ec", command])
            .env("PATH", plane.programs.search_path(&[]))
            .env("SIZE", "1Gi")
            .env("CLASS", last_choice(remedy))
            .env("KUBECONFIG", &plane.kubeconfig);
        let mut child = shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            stand_in(plane, &ending);
            thread::sleep(Duration::from_millis(100));
        }
        stand_in(plane, &ending);
        let output = child.wait_with_output().unwrap();
        if !output.status.success() {
            return Err(format!("{command}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
    }
    Ok(())
}

/// The last of the classes that a repair leaves open: the trial took another.
fn last_choice(remedy: &Remedy) -> &str {
    let asks = remedy.steps.iter().filter_map(|step| match &step.change {
        Some(Change::Remake { ask, .. }) => ask.as_ref(),
        _ => None,
    });
    asks.filter_map(|ask| ask.hint.rsplit([' ', ',']).next()).next().unwrap_or_default()
}

/// Whether every victim is placed or bound.
fn all_run(plane: &mut ControlPlane, cluster: &Cluster, finding: &Finding) -> Result<(), String> {
    let mut left = wait(plane, finding);
    if !left.is_empty() {
        plane.tell("scheduler stop");
        plane.tell(&start(plane, cluster));
        left = wait(plane, finding);
    }
    if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
}

/// Whether those victims wait that were foreseen, and no others, and the scheduler's message for each is the one that the
/// tool has for the state that came of it.
fn blocked_by(plane: &mut ControlPlane, cluster: &Cluster, finding: &Finding, then: &str) -> Result<(), String> {
    thread::sleep(PATIENCE / 4);
    plane.tell("scheduler stop");
    forget(&plane.api);
    plane.tell(&start(plane, cluster));
    judged(&plane.api)?;
    let list = dump(&plane.api);
    let version = plane.version.parse().unwrap();
    if let Some(difference) = compare(&list, version, &cluster.configuration.parsed()).differences.first() {
        return Err(format!("another verdict than the scheduler's: {difference}"));
    }
    let foreseen = |victim: &ObjectRef| then.split([' ', ',', ';', ':']).any(|word| word == victim.name);
    let shortened = then.contains(" more stay back");
    let wrong = finding.victims().filter(|victim| victim.kind == "Pod").find_map(|victim| {
        let waits = waiting(plane, victim)?;
        (!foreseen(victim) && !shortened).then_some(waits)
    });
    let runs = finding.victims().filter(|victim| foreseen(victim)).all(|victim| {
        let path = format!("/api/v1/namespaces/{}/pods/{}", victim.namespace, victim.name);
        plane.api.get(&path).is_ok_and(|pod| {
            pod["spec"]["nodeName"].is_string() && claims_of(plane, &pod).iter().all(|claim| coming(plane, claim))
        })
    });
    match (wrong, runs) {
        (Some(waits), _) => Err(format!("not foreseen: {waits}; foreseen: {then}")),
        (None, true) => Err(format!("nothing is in the way: {then}")),
        (None, false) => Ok(()),
    }
}

/// The victims that wait still when patience ends.
fn wait(plane: &ControlPlane, finding: &Finding) -> Vec<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let left: Vec<String> = finding.victims().filter_map(|victim| waiting(plane, victim)).collect();
        if left.is_empty() || Instant::now() > end {
            return left;
        }
        thread::sleep(Duration::from_millis(200));
    }
}

fn objects(plane: &ControlPlane, path: &str) -> Vec<Value> {
    plane.api.get(path).unwrap_or_default()["items"].as_array().cloned().unwrap_or_default()
}

/// The uids of the pods that end already, and are left at that unless the repair waits for them.
fn ending(plane: &ControlPlane, remedy: &Remedy) -> BTreeSet<String> {
    let awaited = |name: &Value| {
        let changes = remedy.steps.iter().filter_map(|step| step.change.as_ref());
        changes.into_iter().any(|change| matches!(change, Change::AwaitEnd { name: other, .. } if name == other))
    };
    let ends = |pod: &Value| pod["metadata"]["deletionTimestamp"].is_string() && !awaited(&pod["metadata"]["name"]);
    let uid = |pod: &Value| pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    objects(plane, "/api/v1/pods").iter().filter(|pod| ends(pod)).map(uid).collect()
}

/// Does what a kubelet and the node controller do: a pod on a node that is deleted goes once its containers have ended
/// (but for those that ended before), and a node that takes pods again loses the taint.
fn stand_in(plane: &ControlPlane, ending: &BTreeSet<String>) {
    for pod in objects(plane, "/api/v1/pods") {
        let (meta, name) = (&pod["metadata"], pod["metadata"]["name"].as_str().unwrap_or_default());
        let deleted = meta["deletionTimestamp"].is_string() && meta["finalizers"].is_null();
        let before = meta["uid"].as_str().is_some_and(|uid| ending.contains(uid));
        if deleted && !before && pod["spec"]["nodeName"].is_string() {
            let namespace = meta["namespace"].as_str().unwrap_or_default();
            let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
            let gone = json!({
                "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
                "preconditions": { "uid": meta["uid"] }
            });
            plane.api.many(&[(Method::DELETE, path, Some(gone))]);
        }
    }
    for node in objects(plane, "/api/v1/nodes") {
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        if node["spec"]["unschedulable"] != true && taints.iter().any(|taint| taint["key"] == UNSCHEDULABLE) {
            let name = node["metadata"]["name"].as_str().unwrap_or_default();
            kubectl(plane, &["taint", "node", name, &format!("{UNSCHEDULABLE}:NoSchedule-")]);
        }
    }
}

fn kubectl(plane: &ControlPlane, arguments: &[&str]) {
    let mut command = Command::new("kubectl");
    command.args(arguments).env("PATH", plane.programs.search_path(&[])).env("KUBECONFIG", &plane.kubeconfig);
    command.output().unwrap();
}

/// The command that starts the scheduler with the configuration that [`observe`] wrote for the cluster.
fn start(plane: &ControlPlane, cluster: &Cluster) -> String {
    let file = plane.directory().join("scheduler-config.yaml");
    if cluster.configuration.file.is_some() {
        format!("scheduler start {}", file.display())
    } else {
        "scheduler start".to_owned()
    }
}

/// Why a victim is not where it should be; `None` where it is placed or bound, or only waits for a provisioner or a
/// consumer.
fn waiting(plane: &ControlPlane, victim: &ObjectRef) -> Option<String> {
    let plural = match victim.kind.as_str() {
        "Pod" => "pods",
        "PersistentVolumeClaim" => "persistentvolumeclaims",
        _ => return None,
    };
    let path = format!("/api/v1/namespaces/{}/{plural}/{}", victim.namespace, victim.name);
    let Ok(object) = plane.api.get(&path) else { return Some(format!("{victim} is gone")) };
    let settled = if plural == "pods" { placed(plane, &object) } else { provided(plane, &object) };
    let message = scheduled_condition(&object).map_or("", |found| found["message"].as_str().unwrap_or_default());
    (!settled).then(|| format!("{victim} waits: {message}"))
}

/// Whether a pod has a node, or its claims have: it waits for its provisioner there.
fn placed(plane: &ControlPlane, pod: &Value) -> bool {
    if pod["spec"]["nodeName"].is_string() {
        return true;
    }
    let claims = claims_of(plane, pod);
    let chosen = |claim: &Value| {
        let node = claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"].as_str();
        node.is_some_and(|node| plane.api.get(&format!("/api/v1/nodes/{node}")).is_ok())
    };
    let message = scheduled_condition(pod).map_or("", |found| found["message"].as_str().unwrap_or_default());
    claims.iter().any(chosen) || message.contains(UNBOUND) && claims.iter().all(|claim| provided(plane, claim))
}

/// The claims of a pod, those of its ephemeral volumes included.
fn claims_of(plane: &ControlPlane, pod: &Value) -> Vec<Value> {
    let volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let claims = volumes.iter().filter_map(|volume| {
        let ephemeral =
            || Some(format!("{name}-{}", volume["ephemeral"].is_object().then(|| volume["name"].as_str())??));
        volume["persistentVolumeClaim"]["claimName"].as_str().map(str::to_owned).or_else(ephemeral)
    });
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let claims = claims.map(|claim| {
        let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{claim}");
        plane.api.get(&path).unwrap_or_default()
    });
    claims.collect()
}

/// Whether a claim of a pod that has a node is bound, or its provisioner knows the node.
fn coming(plane: &ControlPlane, claim: &Value) -> bool {
    let chosen = claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"].is_string();
    let class = claim["spec"]["storageClassName"].as_str().unwrap_or_default();
    let class = plane.api.get(&format!("/apis/storage.k8s.io/v1/storageclasses/{class}")).unwrap_or_default();
    provided(plane, claim)
        && (chosen || class["volumeBindingMode"] != "WaitForFirstConsumer" || claim["status"]["phase"] == "Bound")
}

/// Whether a claim is bound, or waits for its consumer or for an external provisioner.
fn provided(plane: &ControlPlane, claim: &Value) -> bool {
    let class = claim["spec"]["storageClassName"].as_str().unwrap_or_default();
    let class = plane.api.get(&format!("/apis/storage.k8s.io/v1/storageclasses/{class}")).unwrap_or_default();
    claim["status"]["phase"] == "Bound"
        || class["volumeBindingMode"] == "WaitForFirstConsumer"
        || claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"].is_string()
}
