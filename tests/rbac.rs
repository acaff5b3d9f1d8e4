//! `docs/rbac.yaml` on a real API server: its rights are enough, each of them is needed, and without one the report says
//! what it could not see and nothing false.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use storagewhy::model::Kind;
use support::control_plane::{ControlPlane, Options, Programs, wait_for};
use support::tools::{Run, Tools};

/// The role's file, as users apply it.
const MANIFEST: &str = include_str!("../docs/rbac.yaml");
/// The cluster to read: TopoLVM's webhook, its victims, and everything around them.
const CLUSTER: &str = include_str!("../docs/examples/topolvm.json");
/// What is read.
const WORDS: [&str; 5] = ["diagnose", "-n", "vault", "-o", "json"];
/// A fault that is true of this cluster as well. It is told by itself only where the cause of which it is a part can't
/// be told for want of these kinds.
const BESIDES: (&str, [&str; 2]) = ("leftover-injecting-webhook", ["PersistentVolumeClaim", "StorageClass"]);
/// How long a change of a role may take until the API server heeds it, in seconds.
const PATIENCE: u64 = 20;

/// A cluster that nothing changes, with a user `reader` of the role's group and a user `local` without any rights.
struct Cluster {
    plane: ControlPlane,
    tools: Tools,
}

impl Cluster {
    fn start() -> Option<Self> {
        Programs::find(&["kubectl"])?;
        let tokens = ["--token", "reader-token=reader,storagewhy-users", "--token", "local-token=local"];
        let still = ["--no-scheduler", "--no-controller-manager"];
        let flags = still.iter().chain(&tokens).map(|flag| (*flag).to_owned()).collect();
        let plane = ControlPlane::start(&Options { flags })?;
        let tools = Tools { programs: plane.programs.clone(), kubeconfig: plane.kubeconfig.clone() };
        let cluster = Self { plane, tools };
        cluster.fill();
        cluster.tools.apply_text(MANIFEST);
        Some(cluster)
    }

    /// Webhooks come last: they would be called for the pods.
    fn fill(&self) {
        let list: Value = serde_json::from_str(CLUSTER).unwrap();
        let there = ["default", "kube-system"];
        let objects = list["items"].as_array().unwrap().iter().cloned();
        let missing =
            objects.filter(|o| !(o["kind"] == "Namespace" && there.iter().any(|n| o["metadata"]["name"] == *n)));
        let (webhooks, others): (Vec<Value>, Vec<Value>) =
            missing.map(new_object).partition(|o| o["kind"] == "MutatingWebhookConfiguration");
        for objects in [others, webhooks] {
            self.plane.api.create_all(&objects).unwrap_or_else(|refusal| panic!("{refusal}"));
        }
    }

    fn diagnose(&self, user: Option<&str>) -> Report {
        let context = user.map(|user| ["--context", user]);
        let run = self.tools.storagewhy(&[&WORDS[..], context.as_ref().map_or(&[], |words| &words[..])].concat());
        Report::read(run)
    }

    /// The report of a user once exactly these kinds are forbidden.
    fn diagnose_without(&self, user: &str, forbidden: &[&str]) -> Report {
        wait_for(&format!("{forbidden:?} forbidden, and nothing else"), PATIENCE, || {
            Some(self.diagnose(Some(user)))
                .filter(|report| report.forbidden() == BTreeSet::from_iter(forbidden.iter().copied()))
        })
    }

    /// Sets the resources that the role may list.
    fn grant(&self, rules: &Value) {
        let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/storagewhy";
        self.plane.api.patch(path, &json!({ "rules": rules })).unwrap();
    }

    fn rules(&self) -> Value {
        self.plane.api.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/storagewhy").unwrap()["rules"].clone()
    }
}

/// An object as it is made: without what the server gives, and with what the example leaves out.
fn new_object(mut object: Value) -> Value {
    for field in ["uid", "resourceVersion", "generation", "creationTimestamp"] {
        object["metadata"].as_object_mut().unwrap().remove(field);
    }
    match object["kind"].as_str().unwrap() {
        "Service" => drop(object["spec"].as_object_mut().unwrap().remove("clusterIP")),
        "Event" => drop(object.as_object_mut().unwrap().remove("eventTime")),
        _ => {}
    }
    for spec in ["/spec", "/spec/template/spec"] {
        let Some(containers) = object.pointer_mut(&format!("{spec}/containers")) else { continue };
        for container in containers.as_array_mut().unwrap() {
            container["image"] = "image".into();
        }
    }
    object
}

/// A report with its exit code.
struct Report {
    code: i32,
    value: Value,
    text: String,
}

impl Report {
    fn read(run: Run) -> Self {
        let value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
        Self { code: run.code, value, text: run.undated() }
    }

    fn list(&self, field: &str) -> &[Value] {
        self.value[field].as_array().unwrap()
    }

    /// The kinds that could not be read.
    fn forbidden(&self) -> BTreeSet<&str> {
        let unread = self.list("coverage").iter().filter(|entry| !entry["problem"].is_null());
        unread.map(|entry| entry["kind"].as_str().unwrap()).collect()
    }

    fn entry(&self, list: &str, name: &Value) -> Option<&Value> {
        self.list(list).iter().find(|entry| entry["name"] == *name)
    }

    /// Every text of the findings, but those of one rule, in which something is said to be missing.
    fn denials(&self, but: &str) -> BTreeSet<String> {
        let words = [
            "does not exist",
            "not found",
            "no mutating webhook",
            "no scheduler extender",
            "none of the",
            "no CSIStorageCapacity",
        ];
        let findings = self.list("findings").iter().filter(|finding| finding["rule"] != but);
        let evidence = findings.clone().flat_map(|finding| finding["evidence"].as_array().unwrap());
        let texts = findings.map(|finding| &finding["title"]).chain(evidence.flat_map(|e| [&e["value"], &e["note"]]));
        let texts = texts.map(|text| text.as_str().unwrap().to_owned());
        texts.filter(|text| words.iter().any(|word| text.contains(word))).collect()
    }
}

#[test]
fn the_role_is_enough_and_each_of_its_rights_is_needed() {
    let Some(cluster) = Cluster::start() else { return };
    let full = cluster.diagnose(None);
    assert_eq!(full.code, 1);
    let reader = cluster.diagnose_without("reader", &[]);
    assert_eq!(reader.text, full.text, "with the role's rights everything is seen");

    let rules = cluster.rules();
    let mut found = Vec::new();
    for kind in Kind::ALL.iter().filter(|kind| kind.listed()) {
        cluster.grant(&without(&rules, *kind));
        let report = cluster.diagnose_without("reader", &[kind.name()]);
        found.extend(falsehoods(&report, &full, kind.name()));
    }
    assert_eq!(found, Vec::<String>::new());
}

/// The rules without the right to list one kind.
fn without(rules: &Value, kind: Kind) -> Value {
    let mut rules = rules.clone();
    let mut removed = 0;
    for rule in rules.as_array_mut().unwrap() {
        if rule["apiGroups"] == json!([kind.group()]) {
            let resources = rule["resources"].as_array_mut().unwrap();
            let before = resources.len();
            resources.retain(|resource| resource != kind.plural());
            removed += before - resources.len();
        }
    }
    assert_eq!(removed, 1, "{}", kind.name());
    rules.as_array_mut().unwrap().retain(|rule| rule["resources"] != json!([]));
    rules
}

/// What a report says that it can't know. Whatever was not read: verdicts stay as they are with everything read or
/// become unknown, faults that are certain are those of the full report, and nothing is said to be missing that is
/// there.
fn falsehoods(report: &Report, full: &Report, unread: &str) -> Vec<String> {
    let mut found = Vec::new();
    if ![1, 4].contains(&report.code) {
        found.push(format!("exit code {}", report.code));
    }
    for (list, text) in [("pods", "message"), ("claims", "event")] {
        for entry in report.list(list) {
            let known = full.entry(list, &entry["name"]).unwrap_or(&Value::Null);
            let verdict = entry["verdict"] == "Unknown" || entry["verdict"] == known["verdict"];
            if !verdict || !(entry[text].is_null() || entry[text] == known[text]) {
                found.push(format!("{}: {} {}", entry["name"], entry["verdict"], entry[text]));
            }
        }
    }
    let besides = if BESIDES.1.contains(&unread) { BESIDES.0 } else { "" };
    let mut rules: Vec<&str> = full.list("findings").iter().filter_map(|finding| finding["rule"].as_str()).collect();
    rules.push(besides);
    let certain = |finding: &&Value| finding["severity"] != "info" && finding["confidence"] == "certain";
    let unknown = report
        .list("findings")
        .iter()
        .filter(certain)
        .filter(|finding| !rules.iter().any(|rule| finding["rule"] == *rule));
    found.extend(unknown.map(|finding| finding["title"].to_string()));
    found.extend(report.denials(besides).difference(&full.denials(besides)).cloned());
    found.into_iter().map(|falsehood| format!("without {unread}: {falsehood}")).collect()
}

#[test]
fn a_role_in_one_namespace_shows_that_namespace() {
    let Some(cluster) = Cluster::start() else { return };
    let full = cluster.diagnose(None);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "storagewhy", "namespace": "vault"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "storagewhy"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "local"}]
    });
    cluster.tools.apply(&[binding]);
    let report = wait_for("pods of the namespace are read", PATIENCE, || {
        let report = cluster.diagnose(Some("local"));
        (!report.list("pods").is_empty()).then_some(report)
    });
    assert_eq!(report.list("pods").len(), full.list("pods").len());
    assert_eq!(falsehoods(&report, &full, "what is outside of the namespace"), Vec::<String>::new());
    assert!(report.forbidden().contains("Node"));
}

#[test]
fn without_any_rights_the_run_ends_with_a_plain_error() {
    let Some(cluster) = Cluster::start() else { return };
    let run = cluster.tools.storagewhy(&[&WORDS[..], &["--context", "local"]].concat());
    assert!([3, 4].contains(&run.code), "{}: {}{}", run.code, run.stdout, run.stderr);
    assert!(format!("{}{}", run.stdout, run.stderr).contains("forbidden"), "{}{}", run.stdout, run.stderr);
}
