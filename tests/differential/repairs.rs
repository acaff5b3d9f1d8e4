//! Repairs that the report calls tried, made on the real control plane by the commands that it prints.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use storagewhy::diagnosis::{Finding, Options, Remedy, Scope, Severity, Trial};
use storagewhy::engine::diagnose;
use storagewhy::model::ObjectRef;

use super::cluster::Cluster;
use super::compare::read;
use super::observe::{Outcome, SENTINEL, observe, scheduled_condition};
use crate::support::control_plane::ControlPlane;

/// What the scheduler says of claims for which no provisioner makes a volume here.
const UNBOUND: &str = "pod has unbound immediate PersistentVolumeClaims";
/// How long scheduler and controllers may take after the commands.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of the repairs of one cluster.
#[derive(Default)]
pub struct Repaired {
    pub carried_out: usize,
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
        let Outcome::Settled(_) = observe(plane, cluster) else { continue };
        result.carried_out += 1;
        if let Err(left) = carry_out(plane, cluster, finding, remedy) {
            result.failed.push(format!("seed {}: {}: {}: {left}", cluster.seed, finding.id, remedy.title));
        }
    }
    result
}

/// The repairs of a finding that are called tried.
fn tried(finding: &Finding) -> impl Iterator<Item = (&Finding, &Remedy)> {
    let own = finding.severity == Severity::Error && finding.victims().all(|victim| victim.name != SENTINEL);
    let works = |remedy: &&Remedy| remedy.trial == Trial::Schedules && remedy.steps.iter().all(|s| s.command.is_some());
    finding.remedies.iter().filter(works).filter(move |_| own).map(move |remedy| (finding, remedy))
}

fn carry_out(plane: &mut ControlPlane, cluster: &Cluster, finding: &Finding, remedy: &Remedy) -> Result<(), String> {
    plane.tell(&start(plane, cluster));
    for command in remedy.steps.iter().filter(|step| !step.later).filter_map(|step| step.command.as_ref()) {
        let mut shell = Command::new("timeout");
        shell
            .current_dir(plane.directory())
            .args(["20", "sh", "-ec", command])
            .env("PATH", plane.programs.search_path(&[]))
            .env("SIZE", "1Gi")
            .env("KUBECONFIG", &plane.kubeconfig);
        let output = shell.output().unwrap();
        if !output.status.success() {
            plane.tell("scheduler stop");
            return Err(format!("{command}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
    }
    let end = Instant::now() + PATIENCE;
    let left = loop {
        let left: Vec<String> = finding.victims().filter_map(|victim| waiting(plane, victim)).collect();
        if left.is_empty() || Instant::now() > end {
            break left;
        }
        thread::sleep(Duration::from_millis(200));
    };
    plane.tell("scheduler stop");
    if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
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
    let volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let claims = volumes.iter().filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let claims = claims.map(|claim| {
        let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{claim}");
        plane.api.get(&path).unwrap_or_default()
    });
    let claims: Vec<Value> = claims.collect();
    let chosen = |claim: &Value| {
        let node = claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"].as_str();
        node.is_some_and(|node| plane.api.get(&format!("/api/v1/nodes/{node}")).is_ok())
    };
    let message = scheduled_condition(pod).map_or("", |found| found["message"].as_str().unwrap_or_default());
    claims.iter().any(chosen) || message.contains(UNBOUND) && claims.iter().all(|claim| provided(plane, claim))
}

/// Whether a claim is bound, or waits for its consumer or for an external provisioner.
fn provided(plane: &ControlPlane, claim: &Value) -> bool {
    let class = claim["spec"]["storageClassName"].as_str().unwrap_or_default();
    let class = plane.api.get(&format!("/apis/storage.k8s.io/v1/storageclasses/{class}")).unwrap_or_default();
    claim["status"]["phase"] == "Bound"
        || class["volumeBindingMode"] == "WaitForFirstConsumer"
        || claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"].is_string()
}
