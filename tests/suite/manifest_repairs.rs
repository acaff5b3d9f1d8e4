//! Repairs of manifests: what is printed is made in the text, at the place that is printed, and then what was promised holds.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read and write files and may panic")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Run, command, finish};
use crate::golden;

/// Folders with recordings of what a control plane did with manifests, with `:` between them.
const RECORDINGS: &str = "STORAGEWHY_PREFLIGHT";

/// A folder with a cluster and manifests.
struct Scene {
    folder: TempDir,
    version: String,
}

impl Scene {
    fn new(cluster: &[Value], manifests: &str) -> Self {
        let amounts = json!({"cpu": "2", "memory": "4Gi", "pods": "110"});
        let mut items = vec![
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}, "status": {"phase": "Active"}}),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n0", "labels": {"kubernetes.io/hostname": "n0"}},
             "status": {"allocatable": amounts, "capacity": amounts, "conditions": [{"type": "Ready", "status": "True"}]}}),
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard"},
             "provisioner": "x.example.com", "volumeBindingMode": "WaitForFirstConsumer"}),
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "x.example.com"}, "spec": {}}),
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "n0"},
             "spec": {"drivers": [{"name": "x.example.com", "nodeID": "n0", "topologyKeys": null}]}}),
        ];
        items.extend(cluster.iter().cloned());
        let dump = json!({"apiVersion": "storagewhy.dev/v1", "kind": "Snapshot", "coverage": "complete",
            "metadata": {"serverVersion": "v1.36.2", "taken": "2026-05-01T12:00:00Z"}, "items": items});
        Self::of(&dump, manifests, "v1.36.2")
    }

    fn of(dump: &Value, manifests: &str, version: &str) -> Self {
        let scene = Self { folder: TempDir::new().unwrap(), version: version.to_owned() };
        fs::write(scene.path("dump.json"), dump.to_string()).unwrap();
        fs::write(scene.path("m.yaml"), manifests).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Run {
        let base = ["preflight", "--from", "dump.json", "--kube-version", &self.version, "-f", "m.yaml"];
        finish(command(&[&base, args].concat()).current_dir(self.folder.path()).output().unwrap())
    }

    fn report(&self) -> Value {
        let run = self.run(&["-o", "json"]);
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr))
    }

    /// The cluster and the manifests with a repair made; `None` where a step of it can't be made here.
    fn repaired(&self, remedy: &Value) -> Option<Self> {
        let mut dump: Value = serde_json::from_str(&fs::read_to_string(self.path("dump.json")).unwrap()).unwrap();
        let text = fs::read_to_string(self.path("m.yaml")).unwrap();
        let mut edits = Vec::new();
        for step in remedy["steps"].as_array()? {
            match (&step["edit"], step["command"].as_str()) {
                (Value::Null, Some(command)) => run(&mut dump, command)?,
                (Value::Null, None) => {}
                (edit, _) => edits.push(edit.clone()),
            }
        }
        Some(Self::of(&dump, &edited(&text, &edits), &self.version))
    }

    /// The repair that was tried first, of all that is told.
    fn first(&self) -> Value {
        let report = self.report();
        let all = remedies(&report);
        let (_, remedy) = all.iter().find(|(_, remedy)| remedy["trial"] != "untried").expect("a repair").clone();
        remedy
    }

    /// Makes the first repair that has an edit of this kind, and sees that all fits then; gives the edit.
    fn settled_by(&self, op: &str) -> Value {
        let report = self.report();
        let of = |remedy: &Value| {
            let steps = remedy["steps"].as_array().unwrap().iter();
            remedy["trial"] == "schedules" && steps.clone().any(|step| step["edit"]["op"] == op)
        };
        let all = remedies(&report);
        let (_, remedy) = all.iter().find(|(_, remedy)| of(remedy)).unwrap_or_else(|| panic!("{report:#}"));
        assert_eq!(remedy["fits"], true, "{remedy:#}");
        let after = self.repaired(remedy).expect("its steps can be made").report();
        assert_eq!(after["status"], "fits", "{remedy:#}\n{after:#}");
        let mut edits = remedy["steps"].as_array().unwrap().iter().map(|step| &step["edit"]);
        edits.find(|edit| edit["op"] == op).unwrap().clone()
    }
}

/// The repairs of all that is wrong, with the issue that each is for.
fn remedies(report: &Value) -> Vec<(Value, Value)> {
    let findings = report["findings"].as_array().unwrap();
    let mut all = Vec::new();
    for issue in report["issues"].as_array().unwrap().iter().filter(|issue| issue["level"] == "error") {
        let finding = findings.iter().find(|finding| finding["id"] == issue["finding"]);
        let own = issue.get("remedies").or_else(|| finding.map(|finding| &finding["remedies"]));
        all.extend(own.and_then(Value::as_array).into_iter().flatten().map(|remedy| (issue.clone(), remedy.clone())));
    }
    all
}

/// The text with all edits made, the last place first.
fn edited(text: &str, edits: &[Value]) -> String {
    let mut text = text.to_owned();
    let place =
        |edit: &Value, fields: [&str; 2]| fields.map(|field| usize::try_from(edit[field].as_u64().unwrap()).unwrap());
    let mut edits = edits.to_vec();
    edits.dedup();
    // Of those that begin at the same place, what goes is taken away before something is put there.
    let places = |edit: &Value| (place(edit, ["line", "column"]), place(edit, ["endLine", "endColumn"]));
    edits.sort_by_key(|edit| std::cmp::Reverse(places(edit)));
    for edit in edits {
        if edit["op"] == "move" {
            text = moved(&text, &edit);
            continue;
        }
        let at = |fields| offset(&text, place(&edit, fields));
        let (start, end) = (at(["line", "column"]), at(["endLine", "endColumn"]));
        text.replace_range(start..end, edit["text"].as_str().unwrap());
    }
    text
}

/// The text with a document before another one.
fn moved(text: &str, edit: &Value) -> String {
    let parts: Vec<&str> = text.split("---\n").collect();
    let target = edit["to"].as_str().unwrap().rsplit(':').next().unwrap().parse::<u64>().unwrap();
    let part = |line: u64| text.lines().take(usize::try_from(line).unwrap()).filter(|line| *line == "---").count();
    let (from, to) = (part(edit["line"].as_u64().unwrap()), part(target));
    let mut parts = parts;
    let document = parts.remove(from);
    parts.insert(to, document);
    parts.iter().map(|part| part.trim_end()).collect::<Vec<_>>().join("\n---\n") + "\n"
}

fn offset(text: &str, [line, column]: [usize; 2]) -> usize {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &text[start..];
    start + rest.chars().take(column - 1).map(char::len_utf8).sum::<usize>()
}

/// Makes on a dump what a command makes in a cluster; `None` for commands that are not known here.
fn run(dump: &mut Value, command: &str) -> Option<()> {
    let (words, json) = match command.split_once(" -p '") {
        Some((words, json)) => (words, json.strip_suffix('\'')?),
        None => (command, ""),
    };
    let words: Vec<&str> = words.split(' ').collect();
    let items = dump["items"].as_array_mut()?;
    match words.as_slice() {
        ["kubectl", "apply", ..] => Some(()),
        ["kubectl", "create", "namespace", name] => {
            items.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name,
                "labels": {"kubernetes.io/metadata.name": name}}, "status": {"phase": "Active"}}));
            Some(())
        }
        ["kubectl", "delete", kind, "--cascade=orphan", name, "-n", namespace] => {
            let at = items.iter().position(|item| is(item, kind, name, namespace))?;
            let uid = items.remove(at)["metadata"]["uid"].clone();
            let owned = |item: &Value| item.pointer("/metadata/ownerReferences/0/uid") == Some(&uid);
            // The pods are the new set's as soon as it is there; here it finds none and makes its own.
            items.retain(|item| !owned(item));
            Some(())
        }
        ["kubectl", "delete", kind, name, "-n", namespace] => {
            let at = items.iter().position(|item| is(item, kind, name, namespace))?;
            let mut gone = vec![items.remove(at)["metadata"]["uid"].clone()];
            while let Some(uid) = gone.pop() {
                let owned = |item: &Value| item.pointer("/metadata/ownerReferences/0/uid") == Some(&uid);
                gone.extend(items.iter().filter(|item| owned(item)).map(|item| item["metadata"]["uid"].clone()));
                items.retain(|item| !owned(item));
            }
            Some(())
        }
        ["kubectl", "patch", kind, name, rest @ ..] => {
            let (namespace, form) = match rest {
                ["-n", namespace, form] => (*namespace, *form),
                [form] => ("", *form),
                _ => return None,
            };
            let item = items.iter_mut().find(|item| is(item, kind, name, namespace))?;
            let patch: Value = serde_json::from_str(json).ok()?;
            match form {
                "--type=merge" => json_patch::merge(item, &patch),
                _ => json_patch::patch(item, &serde_json::from_value::<json_patch::Patch>(patch).ok()?).ok()?,
            }
            if let Some(hard) = item.pointer("/spec/hard").cloned().filter(|_| item["kind"] == "ResourceQuota") {
                item["status"]["hard"] = hard;
            }
            Some(())
        }
        _ => None,
    }
}

fn is(item: &Value, kind: &str, name: &str, namespace: &str) -> bool {
    let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    text("/kind").eq_ignore_ascii_case(kind)
        && text("/metadata/name") == name
        && text("/metadata/namespace") == namespace
}

/// Whether what was promised of a repair of an issue holds.
fn holds(issue: &Value, remedy: &Value, after: &Value) -> bool {
    let same = |other: &&Value| {
        other["rule"] == issue["rule"] && other["object"] == issue["object"] && other["message"] == issue["message"]
    };
    let still = after["issues"].as_array().unwrap().iter().any(|other| same(&other));
    match (remedy["trial"].as_str(), remedy["fits"].as_bool()) {
        (Some("schedules"), Some(true)) => after["status"] == "fits",
        _ => !still,
    }
}

#[test]
fn what_is_promised_of_repairs_holds_on_recordings() {
    let Ok(folders) = std::env::var(RECORDINGS) else { return };
    let (mut blocked, mut causes, mut with, mut made, mut left) = (0, 0, 0, 0, 0);
    for path in folders.split(':').flat_map(|folder| recordings(Path::new(folder))) {
        let case = recording(&path);
        let version = case["version"].as_str().unwrap();
        let scene = Scene::of(&case["before"], case["manifests"].as_str().unwrap(), version);
        let report = scene.report();
        if report["status"] != "blocked" {
            continue;
        }
        blocked += 1;
        let all = remedies(&report);
        let mut told: Vec<(&Value, bool)> = Vec::new();
        for (issue, remedy) in &all {
            let tried = remedy["trial"] != "untried";
            match told.iter_mut().find(|(message, _)| *message == &issue["message"]) {
                Some((_, any)) => *any |= tried,
                None => told.push((&issue["message"], tried)),
            }
        }
        causes += told.len();
        with += told.iter().filter(|(_, tried)| *tried).count();
        for (issue, remedy) in all.iter().filter(|(_, remedy)| remedy["fits"].is_boolean()) {
            match scene.repaired(remedy) {
                None => left += 1,
                Some(after) => {
                    made += 1;
                    let after = after.report();
                    assert!(holds(issue, remedy, &after), "{}: {remedy:#}\n{after:#}", path.display());
                }
            }
        }
    }
    println!(
        "{blocked} blocked, {causes} causes with repairs, {with} with one that was tried; {made} made and held, {left} left"
    );
    assert!(made > 30, "only {made} repairs were made");
}

fn recordings(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().is_some_and(|path| path.ends_with(".json.gz")));
    paths.sort();
    paths
}

fn recording(path: &Path) -> Value {
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

const SET: &str = "\
# Source: shop/templates/db.yaml
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - name: c
        image: i
        resources: {requests: {cpu: 100m}}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      accessModes: [ReadWriteOnce]
      storageClassName: 'standart' # fast enough
      resources: {requests: {storage: 1Gi}}
";

fn pod(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n{spec}  containers:\n  - name: c\n    image: i\n"
    )
}

#[test]
fn a_class_that_is_not_there_is_replaced_where_it_stands() {
    let scene = Scene::new(&[], SET);
    let edit = scene.settled_by("replace");
    assert_eq!(edit["path"], "spec.volumeClaimTemplates[0].spec.storageClassName");
    assert_eq!((&edit["line"], &edit["column"], &edit["endColumn"]), (&json!(21), &json!(25), &json!(35)));
    assert_eq!(
        (&edit["from"], &edit["to"], &edit["text"]),
        (&json!("standart"), &json!("standard"), &json!("standard"))
    );
    assert_eq!(edit["template"], "shop/templates/db.yaml");
}

#[test]
fn what_is_defaulted_is_added() {
    let scene = Scene::new(&[], &SET.replace("      storageClassName: 'standart' # fast enough\n", ""));
    let edit = scene.settled_by("add");
    assert_eq!((&edit["from"], &edit["to"]), (&Value::Null, &json!("standard")));
    assert_eq!((&edit["line"], &edit["column"], &edit["endColumn"]), (&json!(20), &json!(7), &json!(7)));
}

#[test]
fn json_stays_json() {
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {
        "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}}}]}});
    let scene = Scene::new(&[], &set.to_string());
    assert_eq!(scene.settled_by("add")["text"], "\"storageClassName\": \"standard\", ");
}

#[test]
fn of_two_repairs_that_give_one_field_other_values_one_is_told() {
    let room = json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity", "metadata": {"name": "c", "namespace": "default"},
        "storageClassName": "standard", "nodeTopology": {"matchLabels": {"kubernetes.io/hostname": "n0"}}, "capacity": "700Mi"});
    let driver = json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "x.example.com"},
        "spec": {"storageCapacity": true}});
    let set = SET.replace("'standart'", "standard").replace("replicas: 2", "replicas: 1");
    let mut scene = Scene::new(&[room], &set);
    let mut dump: Value = serde_json::from_str(&fs::read_to_string(scene.path("dump.json")).unwrap()).unwrap();
    dump["items"].as_array_mut().unwrap().retain(|item| item["kind"] != "CSIDriver");
    dump["items"].as_array_mut().unwrap().push(driver);
    scene = Scene::of(&dump, &set, "v1.36.2");
    let report = scene.report();
    let all = remedies(&report);
    let path = "spec.volumeClaimTemplates[0].spec.resources.requests.storage";
    let edits = all.iter().flat_map(|(_, remedy)| remedy["steps"].as_array().unwrap().clone());
    let sizes: Vec<Value> =
        edits.filter(|step| step["edit"]["path"] == path).map(|step| step["edit"]["to"].clone()).collect();
    assert_eq!(sizes, [json!("700Mi")], "{all:#?}");
}

#[test]
fn what_no_node_has_is_no_longer_asked_for() {
    let scene = Scene::new(&[], &pod("a", "  nodeSelector:\n    disk: ssd\n    kubernetes.io/hostname: n0\n"));
    let edit = scene.settled_by("remove");
    assert_eq!((&edit["path"], &edit["from"]), (&json!("spec.nodeSelector.disk"), &json!("ssd")));
}

#[test]
fn misspelt_fields_are_renamed() {
    let edit = Scene::new(&[], &SET.replace("'standart'", "standard").replace("accessModes", "accesModes")).first();
    assert_eq!(edit["steps"][0]["edit"]["op"], "rename");
    let scene = Scene::new(&[], &pod("a", "  restartPolice: Never\n"));
    let edit = scene.settled_by("rename");
    assert_eq!(
        (&edit["from"], &edit["to"], &edit["line"]),
        (&json!("restartPolice"), &json!("restartPolicy"), &json!(6))
    );
}

#[test]
fn values_of_another_type_are_written_as_the_field_has_them() {
    let scene = Scene::new(&[], &SET.replace("'standart'", "standard").replace("replicas: 2", "replicas: \"2\""));
    let edit = scene.settled_by("replace");
    assert_eq!((&edit["path"], &edit["text"]), (&json!("spec.replicas"), &json!("2")));
}

#[test]
fn a_namespace_is_put_before_what_is_in_it_or_moves_there() {
    let inside = pod("a", "").replace("  name: a\n", "  name: a\n  namespace: shop\n");
    let scene = Scene::new(&[], &inside);
    assert_eq!(scene.first()["steps"][0]["command"], "kubectl create namespace shop");
    assert_eq!(scene.settled_by("insert")["document"], "Namespace shop");
    let late = format!("{inside}---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n");
    let edit = Scene::new(&[], &late).settled_by("move");
    assert_eq!((&edit["document"], &edit["to"]), (&json!("Namespace shop"), &json!("before m.yaml:1")));
}

#[test]
fn a_quota_is_kept_or_raised() {
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team", "namespace": "default"},
        "spec": {"hard": {"requests.cpu": "150m"}}, "status": {"hard": {"requests.cpu": "150m"}, "used": {"requests.cpu": "0"}}});
    let scene = Scene::new(&[quota], &SET.replace("'standart'", "standard"));
    let edit = scene.settled_by("replace");
    assert_eq!((&edit["path"], &edit["from"], &edit["to"]), (&json!("spec.replicas"), &json!(2), &json!(1)));
    let report = scene.report();
    let steps: Vec<Value> = remedies(&report).iter().map(|(_, remedy)| remedy["steps"][0].clone()).collect();
    assert_eq!((&steps[1]["edit"]["to"], steps.len()), (&json!("75m"), 3));
    assert!(steps[2]["command"].as_str().is_some_and(|command| command.contains("\"requests.cpu\":\"200m\"")));
}

#[test]
fn amounts_are_brought_within_a_limit_range() {
    let range = json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "bounds", "namespace": "default"},
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "80m"}, "min": {"memory": "1Gi"}}]}});
    let scene = Scene::new(&[range], &SET.replace("'standart'", "standard"));
    let remedy = scene.first();
    let values: Vec<&Value> = remedy["steps"].as_array().unwrap().iter().map(|step| &step["edit"]["to"]).collect();
    assert!(values.contains(&&json!("80m")), "{remedy:#}");
    assert_eq!(scene.repaired(&remedy).unwrap().report()["status"], "fits", "{remedy:#}");
}

#[test]
fn pods_are_secured_as_their_namespace_asks_for() {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "safe",
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}, "status": {"phase": "Active"}});
    let text = pod("a", "").replace("  name: a\n", "  name: a\n  namespace: safe\n");
    let scene = Scene::new(&[namespace], &text);
    let edit = scene.settled_by("add");
    assert_eq!(edit["to"], json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}));
}

/// A set as it runs, without its pods.
fn stored(class: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "default", "uid": "u"},
        "spec": {"serviceName": "db", "replicas": 2, "selector": {"matchLabels": {"app": "db"}},
            "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10, "updateStrategy": {"type": "RollingUpdate"},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "i",
                "resources": {"requests": {"cpu": "100m"}}}]}},
            "volumeClaimTemplates": [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class, "volumeMode": "Filesystem",
                    "resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Pending"}}]}})
}

#[test]
fn what_can_not_be_changed_in_place_is_left_or_made_anew() {
    let scene = Scene::new(&[stored("standard")], SET);
    let edit = scene.settled_by("replace");
    assert_eq!((&edit["from"], &edit["to"]), (&json!("standart"), &json!("standard")));
    let scene = Scene::new(&[stored("standart")], SET);
    let remedy = scene.first();
    let told: Vec<&Value> =
        remedy["steps"].as_array().unwrap().iter().map(|step| step.get("edit").unwrap_or(&step["command"])).collect();
    assert_eq!(told[0]["to"], "standard", "{remedy:#}");
    assert_eq!(*told[1], "kubectl delete statefulset --cascade=orphan db -n default");
    assert_eq!(*told[2], "kubectl apply -f m.yaml");
    assert_eq!(scene.repaired(&remedy).unwrap().report()["status"], "fits");
}

#[test]
fn values_of_secrets_are_withheld() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ntypo: hunter2\nstringdata:\n  password: hunter2\n";
    let scene = Scene::new(&[], text);
    for format in ["human", "json", "sarif", "markdown", "github", "gitlab", "junit"] {
        let told = scene.run(&["-o", format]).stdout;
        assert!(!told.contains("hunter2"), "{format}: {told}");
    }
    assert!(scene.run(&[]).stdout.contains("stringData"));
}

#[test]
fn sarif_has_changes_that_a_tool_can_make_in_files_alone() {
    let scene = Scene::new(&[], SET);
    let sarif: Value = serde_json::from_str(&scene.run(&["-o", "sarif"]).stdout).unwrap();
    let fix = &sarif["runs"][0]["results"][0]["fixes"][0]["artifactChanges"][0];
    assert_eq!(fix["artifactLocation"]["uri"], "m.yaml");
    let replacement = json!({"deletedRegion": {"startLine": 21, "startColumn": 25, "endLine": 21, "endColumn": 35},
        "insertedContent": {"text": "standard"}});
    assert_eq!(fix["replacements"], json!([replacement]));
}

#[test]
fn repairs_stand_before_the_evidence_and_fit_a_screen() {
    let text = Scene::new(&[], SET).run(&[]).stdout;
    golden::compare("tests/fixtures/preflight/repair.txt", &text);
    let block = text.split("  Repair (").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    assert!(block.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.find("standart\n").unwrap() < text.find("Evidence").unwrap());
}
