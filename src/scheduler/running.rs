//! What the cluster shows of the running scheduler: its pods' command lines, and what it must have been told, since it
//! asked an extender about pods that it would refuse by itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::config::{Extender, ManagedResource, SchedulerConfig};
use super::parse::{Written, parse};
use super::resources::is_extended;
use crate::model::Pod;
use crate::model::pod::{Container, DEFAULT_SCHEDULER};
use crate::snapshot::Snapshot;

/// The program's name in images, commands and labels.
const PROGRAM: &str = "kube-scheduler";

/// A pod that runs kube-scheduler.
#[derive(Debug)]
pub(crate) struct RunningScheduler<'a> {
    pub pod: &'a Pod,
    /// The container's position in the pod.
    pub container: usize,
    /// What its command line says of its configuration, such as `--config=/etc/kubernetes/scheduler.yaml`; `None` where
    /// the command line isn't shown.
    pub flags: Option<Vec<&'a str>>,
}

impl RunningScheduler<'_> {
    /// Whether it is known to run without a configuration file, and so without extenders and with one default profile.
    pub(crate) fn without_file(&self) -> bool {
        self.flags.as_ref().is_some_and(|flags| !flags.iter().any(|flag| flag.starts_with("--config")))
    }
}

/// The kube-schedulers that are shown; managed control planes show none.
pub(crate) fn running(snapshot: &Snapshot) -> Vec<RunningScheduler<'_>> {
    let pods = snapshot.pods.seen().iter().filter(|pod| pod.assigned() && !pod.finished());
    let schedulers = pods.filter_map(|pod| {
        let container = pod.spec.containers.iter().position(is_scheduler)?;
        Some(RunningScheduler { pod, container, flags: flags(&pod.spec.containers[container]) })
    });
    schedulers.collect()
}

fn is_scheduler(container: &Container) -> bool {
    container.name == PROGRAM || words(container).next().is_some_and(is_program)
}

fn is_program(word: &str) -> bool {
    word.rsplit('/').next() == Some(PROGRAM)
}

fn words(container: &Container) -> impl Iterator<Item = &str> {
    container.command.iter().chain(&container.args).map(String::as_str)
}

fn flags(container: &Container) -> Option<Vec<&str>> {
    words(container).any(is_program).then(|| words(container).filter(|word| word.starts_with("--")).collect())
}

/// Every resource that a node lists, be it none at all of it, or that a DeviceClass stands for.
pub(crate) fn offered(snapshot: &Snapshot) -> HashSet<&str> {
    let by_nodes = snapshot.nodes.seen().iter().flat_map(|node| node.status.allocatable.keys());
    let by_classes =
        snapshot.device_classes.seen().iter().filter_map(|class| class.spec.extended_resource_name.as_ref());
    by_nodes.chain(by_classes).map(String::as_str).collect()
}

/// The configuration where none is given: the default one, with an extender for the resources that the scheduler must
/// leave to one. No node offers them, an extender was asked about a pod that asks for them, and the scheduler has refused
/// no pod for them. That such a pod has a node proves nothing: it may have been given one without the scheduler.
pub(crate) fn presumed(snapshot: &Snapshot) -> SchedulerConfig {
    let left = left_to_extenders(snapshot);
    if left.is_empty() {
        return SchedulerConfig::default();
    }
    let managed = left.into_iter().map(|name| ManagedResource { name, ignored_by_scheduler: true }).collect();
    let extender = Extender { url: String::new(), filters: true, ignorable: false, managed_resources: managed };
    SchedulerConfig { extenders: vec![extender], ..SchedulerConfig::default() }
}

fn left_to_extenders(snapshot: &Snapshot) -> BTreeSet<String> {
    let (nodes, classes) = (&snapshot.nodes, &snapshot.device_classes);
    if !nodes.complete() || !classes.complete() || running(snapshot).iter().any(RunningScheduler::without_file) {
        return BTreeSet::new();
    }
    let offered = offered(snapshot);
    let mut passed: BTreeMap<&str, bool> = BTreeMap::new();
    let pods = snapshot.pods.seen().iter().filter(|pod| pod.spec.scheduler() == DEFAULT_SCHEDULER && !pod.finished());
    for pod in pods {
        let requests = pod.spec.containers.iter().flat_map(|container| container.resources.requests.keys());
        for resource in requests.filter(|name| is_extended(name) && !offered.contains(name.as_str())) {
            if let Some(pass) = lets_pass(pod, resource) {
                *passed.entry(resource).or_insert(true) &= pass;
            }
        }
    }
    passed.into_iter().filter(|(_, passed)| *passed).map(|(name, _)| name.to_owned()).collect()
}

/// Whether the scheduler let the pod pass in spite of the resource: an extender, which is asked after all plugins, has
/// refused nodes. `None` where nothing tells.
fn lets_pass(pod: &Pod, resource: &str) -> Option<bool> {
    let said = pod.condition("PodScheduled").filter(|condition| condition.status == "False")?;
    let Written::Fit { reasons, .. } = parse(&said.message) else { return None };
    if reasons.contains_key(&format!("Insufficient {resource}")) {
        return Some(false);
    }
    (!foreign(&reasons).is_empty()).then_some(true)
}

/// The reasons of a message that are not the default plugins': an extender's, or those of a plugin from elsewhere.
pub(crate) fn foreign_reasons(message: &str) -> Vec<String> {
    match parse(message) {
        Written::Fit { reasons, .. } => foreign(&reasons),
        Written::NoNodes | Written::Error(_) => Vec::new(),
    }
}

fn foreign(reasons: &BTreeMap<String, usize>) -> Vec<String> {
    reasons.keys().filter(|reason| !of_a_plugin(reason)).cloned().collect()
}

/// Whether a reason starts as those of the default plugins do.
fn of_a_plugin(reason: &str) -> bool {
    let starts = ["node(s) ", "node ", "Insufficient ", "Too many pods", "cannot allocate all claims"];
    starts.iter().any(|start| reason.starts_with(start))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::Kind;
    use crate::snapshot::{Builder, Scope};

    fn snapshot(pods: &[Value]) -> Snapshot {
        let mut builder = Builder::default();
        let node = json!({"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "4", "example.com/gpu": "0"}}});
        builder.add(Kind::Node, node).unwrap_or_else(|error| panic!("{error}"));
        for pod in pods {
            builder.add(Kind::Pod, pod.clone()).unwrap_or_else(|error| panic!("{error}"));
        }
        builder.build(&Scope::All)
    }

    fn asking(name: &str, node: &str, resource: &str, message: &str) -> Value {
        json!({"metadata": {"name": name}, "spec": {"nodeName": node,
                "containers": [{"name": "c", "resources": {"requests": {resource: "1"}}}]},
            "status": {"conditions": [{"type": "PodScheduled", "status": if node.is_empty() { "False" } else { "True" },
                "message": message}]}})
    }

    fn scheduler(words: &[&str]) -> Value {
        json!({"metadata": {"name": "kube-scheduler-n", "namespace": "kube-system"}, "spec": {"nodeName": "n",
            "containers": [{"name": "kube-scheduler", "command": words}]}})
    }

    fn left(pods: &[Value]) -> Vec<String> {
        left_to_extenders(&snapshot(pods)).into_iter().collect()
    }

    #[test]
    fn an_extenders_refusal_shows_that_the_scheduler_leaves_the_resource_to_it() {
        let full = "0/2 nodes are available: 1 out of space, 1 node(s) had untolerated taint(s).";
        let asked = asking("a", "", "example.com/disk", full);
        assert_eq!(left(std::slice::from_ref(&asked)), ["example.com/disk"]);
        let refused = asking("b", "", "example.com/disk", "0/1 nodes are available: 1 Insufficient example.com/disk.");
        assert!(left(&[asked.clone(), refused]).is_empty(), "the scheduler counts it itself by now");
        assert!(left(&[asking("a", "", "example.com/gpu", full)]).is_empty(), "a node lists it");
        let tainted = "0/1 nodes are available: 1 node(s) had untolerated taint(s).";
        assert!(left(&[asking("a", "", "example.com/disk", tainted)]).is_empty(), "that tells nothing");
        assert!(left(&[asking("a", "n", "example.com/disk", "")]).is_empty(), "a node may come from elsewhere");
        assert!(left(&[asked.clone(), scheduler(&["kube-scheduler", "--leader-elect=true"])]).is_empty());
        let with_file = scheduler(&["/usr/local/bin/kube-scheduler", "--config=/etc/s.yaml"]);
        assert_eq!(left(&[asked, with_file]), ["example.com/disk"]);
    }

    #[test]
    fn of_the_command_line_only_what_configures_is_kept() {
        let found = |pod: Value| {
            let snapshot = snapshot(&[pod]);
            let found = running(&snapshot);
            found.iter().map(|s| (s.without_file(), s.flags.as_ref().map(|f| f.join(" ")))).collect::<Vec<_>>()
        };
        let words = ["kube-scheduler", "--kubeconfig=/etc/s.conf", "--config=/etc/s.yaml", "--feature-gates=A=true"];
        let flags = "--config=/etc/s.yaml --feature-gates=A=true".to_owned();
        assert_eq!(found(scheduler(&words)), [(false, Some(flags))]);
        assert_eq!(found(scheduler(&["/bin/kube-scheduler", "--leader-elect"])), [(true, Some(String::new()))]);
        assert_eq!(found(scheduler(&[])), [(false, None)]);
        assert!(found(asking("a", "n", "cpu", "")).is_empty());
    }
}
