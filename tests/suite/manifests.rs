//! Manifests from the outside: what is read, where it is told, and the formats for pipelines.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read and write files and may panic")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Run, command, finish};
use crate::golden;

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: fits\nspec:\n  containers:\n  - name: c\n    image: i\n";

const SET: &str = "apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - name: c
        image: i
  volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      accessModes: [ReadWriteOnce]
      storageClassName: fats
      resources: {requests: {storage: 1Gi}}
";

/// A folder with a small cluster and manifests.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new(manifests: &[(&str, &str)]) -> Self {
        let scene = Self { folder: TempDir::new().unwrap() };
        let amounts = json!({"cpu": "2", "memory": "4Gi", "pods": "110"});
        let cluster = json!({
            "apiVersion": "storagewhy.dev/v1",
            "kind": "Snapshot",
            "metadata": {"serverVersion": "v1.36.2"},
            "coverage": "complete",
            "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}, "status": {"phase": "Active"}},
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n0", "labels": {"kubernetes.io/hostname": "n0"}},
             "status": {"allocatable": amounts, "capacity": amounts, "conditions": [{"type": "Ready", "status": "True"}]}},
            {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
             "provisioner": "x.example.com", "volumeBindingMode": "WaitForFirstConsumer"},
        ]});
        scene.write("cluster.json", &cluster.to_string());
        fs::create_dir(scene.path("m")).unwrap();
        for (name, text) in manifests {
            scene.write(&format!("m/{name}"), text);
        }
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let base = ["preflight", "--from", "cluster.json", "--kube-version", "1.36"];
        let mut command = command(&[&base, args].concat());
        command.current_dir(self.folder.path());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        finish(self.command(args).output().unwrap())
    }

    fn json(&self, args: &[&str]) -> (Option<i32>, Value) {
        let run = self.run(&[args, &["-o", "json"]].concat());
        (run.code, serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr)))
    }
}

/// Rule, file, line and whether it counts, of every issue.
fn issues(report: &Value) -> Vec<(String, String, u64, bool)> {
    let text = |issue: &Value, field: &str| issue[field].as_str().unwrap_or_default().to_owned();
    let issues = report["issues"].as_array().unwrap().iter();
    issues
        .map(|issue| {
            let counts = issue["suppressed"].is_null();
            (text(issue, "rule"), text(issue, "file"), issue["line"].as_u64().unwrap_or(0), counts)
        })
        .collect()
}

/// Manifests with one of each thing that can be wrong.
fn wrong() -> Scene {
    let unknown = POD.replace("name: fits", "name: typo").replace("image: i", "imagee: i");
    let twice = POD.replace("name: fits", "name: twice") + "  hostNetwork: false\n  hostNetwork: false\n";
    let hook = POD.replace("name: fits", "name: job\n  annotations: {helm.sh/hook: \"pre-install\"}");
    let several = format!("{POD}---\n{unknown}---\nname: {{{{ .Values.name }}}}\n---\n{twice}---\n{hook}");
    Scene::new(&[("1-several.yaml", &several), ("2-set.yaml", SET), ("3-broken.yaml", "a: [1\nb: 2\n")])
}

#[test]
fn what_is_wrong_is_told_at_its_line_and_the_rest_is_judged() {
    let (code, report) = wrong().json(&["-f", "m"]);
    let told = |rule: &str, file: &str, line| (rule.to_owned(), file.to_owned(), line, true);
    assert_eq!(
        issues(&report),
        [
            told("unreadable", "m/1-several.yaml", 19),
            told("unreadable", "m/3-broken.yaml", 2),
            told("unknown-field", "m/1-several.yaml", 17),
            told("duplicate-field", "m/1-several.yaml", 30),
            told("class-not-found", "m/2-set.yaml", 18),
        ]
    );
    assert_eq!(code, Some(2));
    assert_eq!(report["documents"].as_array().unwrap().len(), 5);
    assert_eq!(report["documents"][3]["role"], "hook");
    let set = &report["workloads"].as_array().unwrap().iter().find(|one| one["kind"] == "StatefulSet").unwrap();
    assert_eq!((set["created"].as_i64(), set["placed"].as_i64()), (Some(1), Some(0)));
    let unknown = report["issues"][2]["message"].as_str().unwrap();
    assert_eq!(unknown, "unknown field \"spec.containers[0].imagee\" (did you mean image?)");
}

#[test]
fn comments_and_a_baseline_take_what_is_known_out_of_account() {
    let allowed = SET.replace(
        "storageClassName",
        "# storagewhy: allow(class-not-found) made by another team\n      storageClassName",
    );
    let scene = Scene::new(&[("set.yaml", SET), ("allowed.yaml", &allowed.replace("name: db", "name: db2"))]);
    assert_eq!(scene.run(&["-f", "m/set.yaml"]).code, Some(1));
    let (code, report) = scene.json(&["-f", "m/allowed.yaml"]);
    assert_eq!(code, Some(0));
    assert_eq!(report["status"], "blocked");
    assert_eq!(report["issues"][0]["suppressed"], json!({"by": "comment", "reason": "made by another team"}));
    let before = scene.run(&["-f", "m/set.yaml", "-o", "json"]).stdout;
    scene.write("baseline.json", &before);
    let moved = format!("# moved\n{}", SET.replace("serviceName: db", "serviceName: db\n  replicas: 2"));
    scene.write("m/set.yaml", &moved);
    let (code, report) = scene.json(&["-f", "m/set.yaml", "--baseline", "baseline.json"]);
    assert_eq!((code, issues(&report)[0].3), (Some(0), false));
    scene.write("baseline.json", "{}");
    let run = scene.run(&["-f", "m/set.yaml", "--baseline", "baseline.json"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("baseline.json: it is no report of `preflight -o json`"), "{}", run.stderr);
}

#[test]
fn warnings_fail_where_they_are_asked_to() {
    let twice = format!("{POD}  hostNetwork: false\n  hostNetwork: false\n");
    let scene = Scene::new(&[("twice.yaml", &twice)]);
    assert_eq!(scene.run(&["-f", "m"]).code, Some(0));
    assert_eq!(scene.run(&["-f", "m", "--fail-on", "warning"]).code, Some(1));
}

#[test]
fn standard_input_lists_and_folders_in_folders_are_read() {
    let scene = Scene::new(&[("a/b/pod.yaml", POD)]);
    assert_eq!(scene.run(&["-f", "m"]).code, Some(2));
    assert_eq!(scene.json(&["-f", "m", "-R"]).1["documents"][0]["file"], "m/a/b/pod.yaml");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    ]});
    let mut command = scene.command(&["-f", "-", "-o", "json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(list.to_string().as_bytes()).unwrap();
    let run = finish(child.wait_with_output().unwrap());
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, report["documents"][0]["name"].as_str()), (Some(0), Some("a")), "{}", run.stderr);
}

#[test]
fn files_that_are_too_large_or_no_text_are_told_and_the_others_judged() {
    let scene = Scene::new(&[("good.yaml", POD)]);
    fs::File::create(scene.path("m/large.yaml")).unwrap().set_len(100 << 20).unwrap();
    fs::write(scene.path("m/latin.yaml"), b"a: 1\nb: caf\xe9\n").unwrap();
    fs::write(scene.path("m/binary.yaml"), b"\x7fELF\0\0").unwrap();
    let run = scene.run(&["-f", "m", "-o", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, report["documents"].as_array().unwrap().len()), (Some(2), 1));
    for line in [
        "m/large.yaml: larger than 32 MiB, the bound for manifests",
        "m/latin.yaml:2:7: the byte 0xe9 is not UTF-8",
        "m/binary.yaml:1:5: a zero byte: this is no text",
    ] {
        assert!(run.stderr.contains(line), "{line}: {}", run.stderr);
    }
}

#[cfg(unix)]
#[test]
fn charts_and_kustomizations_are_rendered_by_what_is_on_path() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new(&[]);
    let missing = scene.run(&["--chart", "chart", "--set", "a=b c"]);
    assert_eq!(missing.code, Some(2));
    let hint = "helm template chart --include-crds --kube-version 1.36 --set 'a=b c' | … -f -";
    assert!(missing.stderr.contains(hint), "{}", missing.stderr);
    let tool = |name: &str, text: &str| {
        let path = scene.path(&format!("bin/{name}"));
        scene.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{text}"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let echo = |what: &str| format!("echo \"$@\" >>args\n/bin/cat <<'EOF'\n---\n# Source: {what}\n{POD}EOF\n");
    tool("helm", &echo("chart/templates/pod.yaml"));
    tool("kustomize", "echo 'no such folder' >&2\nexit 1\n");
    let with_path = |args: &[&str]| {
        let mut command = scene.command(&[args, &["-o", "json"]].concat());
        finish(command.env("PATH", scene.path("bin")).output().unwrap())
    };
    let run = with_path(
        &[
            &["--chart", "chart", "--release", "r", "-n", "default", "--api-versions", "batch/v1/CronJob"][..],
            &["--values", "v.yaml", "--set", "a=b"],
        ]
        .concat(),
    );
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(report["documents"][0]["template"], "chart/templates/pod.yaml");
    let args = fs::read_to_string(scene.path("args")).unwrap();
    assert_eq!(
        args,
        "template r chart --include-crds --namespace default --kube-version 1.36 --api-versions batch/v1/CronJob \
         --values v.yaml --set a=b\n"
    );
    let failed = with_path(&["-k", "overlay"]);
    assert_eq!(failed.code, Some(2));
    assert!(failed.stderr.contains("`kustomize build overlay` failed: no such folder"), "{}", failed.stderr);
}

#[test]
fn sarif_has_regions_fingerprints_and_help_and_fits_its_schema() {
    let run = wrong().run(&["-f", "m", "-o", "sarif"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let sarif: Value = serde_json::from_str(&run.stdout).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sarif/sarif-schema-2.1.0.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    for part in ["run", "toolComponent"] {
        // The pattern of a field that is not written has a bracket too many.
        schema["definitions"][part]["properties"]["language"]["pattern"] = Value::from(".");
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&sarif).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let class = results.iter().find(|result| result["ruleId"] == "class-not-found").unwrap();
    let place = &class["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"], json!({"uri": "m/2-set.yaml", "uriBaseId": "SRCROOT"}));
    assert_eq!(place["region"], json!({"startLine": 18, "startColumn": 7, "endLine": 18, "endColumn": 29}));
    assert!(class["partialFingerprints"]["storagewhy/v1"].as_str().is_some_and(|print| print.len() == 16));
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["markdown"].as_str().is_some_and(|help| !help.is_empty()), "{rule}");
    }
}

#[test]
fn junit_is_read_back_with_a_case_for_each_document() {
    let run = wrong().run(&["-f", "m", "-o", "junit"]);
    assert_eq!(run.code, Some(2));
    let report = quick_junit::Report::deserialize_from_str(&run.stdout).unwrap();
    assert_eq!((report.tests, report.failures), (7, 4));
    let names: Vec<&str> = report.test_suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(names, ["m/1-several.yaml", "m/2-set.yaml", "m/3-broken.yaml"]);
    let hook = report.test_suites[0].test_cases.iter().find(|case| case.name.as_str() == "Pod default/job").unwrap();
    assert_eq!(hook.classname.as_ref().map(|name| name.as_str()), Some("Pod.hook"));
}

#[test]
fn annotations_code_quality_and_comments_look_as_they_did() {
    let scene = wrong();
    for (format, file) in
        [("github", "github.txt"), ("gitlab", "gitlab.json"), ("markdown", "markdown.md"), ("junit", "junit.xml")]
    {
        let text = scene.run(&["-f", "m", "-o", format]).stdout;
        golden::compare(&format!("tests/fixtures/preflight/formats/{file}"), &text);
    }
}

#[test]
fn text_of_manifests_can_not_break_out_of_a_format() {
    let name = "x]]>%0A::error::<script>|`@all\u{1b}[31m\u{202e}";
    let pod = POD.replace("name: fits", &format!("name: {}", json!(name)));
    let scene = Scene::new(&[("a,b:c.yaml", &pod)]);
    for format in ["github", "gitlab", "markdown", "junit", "sarif"] {
        let text = scene.run(&["-f", "m", "-o", format]).stdout;
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{format}: {text}");
    }
    let github = scene.run(&["-f", "m", "-o", "github"]).stdout;
    let commands = github.lines().filter(|line| line.starts_with("::")).count();
    assert_eq!(commands, github.lines().count());
    assert!(github.contains("file=m/a%2Cb%3Ac.yaml") && github.contains("x]]>%250A::error"), "{github}");
    let markdown = scene.run(&["-f", "m", "-o", "markdown"]).stdout;
    assert!(!markdown.contains("| `Pod default/x]]>%0A::error::<script>|"), "{markdown}");
}

/// A Deployment with a claim of its own and a set with a template, all without a class, where none is the default.
fn without_a_class() -> Scene {
    let set = SET.replace("      storageClassName: fats\n", "");
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: files}\nspec:\n  accessModes: [ReadWriteOnce]\n  \
                 resources: {requests: {storage: 1Gi}}\n";
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  \
               template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers: [{name: c, image: i}]\n      volumes:\n      \
               - {name: v, persistentVolumeClaim: {claimName: files}}\n";
    Scene::new(&[("all.yaml", &format!("{claim}---\n{web}---\n{set}"))])
}

#[test]
fn a_cause_is_told_at_every_document_that_has_it() {
    let scene = without_a_class();
    let (code, report) = scene.json(&["-f", "m"]);
    let told = |line| ("claim-cannot-bind".to_owned(), "m/all.yaml".to_owned(), line, true);
    assert_eq!((code, issues(&report)), (Some(1), vec![told(4), told(35)]));
    let places = |field: &str| report["findings"][0][field].clone();
    assert_eq!(places("place")["path"], "spec");
    assert_eq!(places("morePlaces")[0]["path"], "spec.volumeClaimTemplates[0].spec");
    let human = scene.run(&["-f", "m"]).stdout;
    assert!(
        human.contains("\n  In m/all.yaml:4, spec\n  In m/all.yaml:35, spec.volumeClaimTemplates[0].spec\n"),
        "{human}"
    );
}

#[test]
fn a_workload_that_waits_for_another_document_fails_in_junit_as_well() {
    let run = without_a_class().run(&["-f", "m", "-o", "junit"]);
    let report = quick_junit::Report::deserialize_from_str(&run.stdout).unwrap();
    assert_eq!((report.tests, report.failures), (3, 3), "{}", run.stdout);
    assert!(
        run.stdout.contains("0 of 1 pods placed: 0/1 nodes are available: pod has unbound immediate"),
        "{}",
        run.stdout
    );
}

#[test]
fn kinds_that_are_not_judged_and_hooks_are_named_in_every_format() {
    let hook =
        POD.replace("name: fits", "name: job\n  annotations: {helm.sh/hook: test}").replace("image: i", "imagee: i");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n";
    let scene = Scene::new(&[("a.yaml", &format!("{map}---\n{hook}"))]);
    let reason = "whether containers find in it what they need to start is not judged";
    for format in ["human", "json", "yaml", "sarif", "junit", "github", "markdown"] {
        let mut command = scene.command(&["-f", "m", "-o", format]);
        let text = finish(command.env("COLUMNS", "200").output().unwrap()).stdout;
        assert!(text.contains(reason) && text.contains("ConfigMap"), "{format}: {text}");
        let role =
            ["(a test)", "role: test", "\"role\": \"test\"", "\"Pod.test\""].iter().any(|role| text.contains(role));
        assert!(role, "{format}: {text}");
    }
    assert!(scene.run(&["-f", "m", "-o", "gitlab"]).stdout.contains("Pod default/job (a test): unknown field"));
}

/// A hook that asks for more than any node has, as helm renders it.
fn hook(events: &str) -> String {
    let annotated = format!("name: cleaner\n  annotations: {{helm.sh/hook: \"{events}\"}}");
    let asking = "image: i\n    resources: {requests: {memory: 300Gi}}";
    format!(
        "---\n# Source: shop/templates/cleaner.yaml\n{}",
        POD.replace("name: fits", &annotated).replace("image: i", asking)
    )
}

#[test]
fn hooks_that_helm_runs_neither_on_install_nor_on_upgrade_are_named_and_not_judged() {
    let with = |hook: &str| Scene::new(&[("a.yaml", &format!("# Source: shop/templates/pod.yaml\n{POD}{hook}"))]);
    let scene = with(&hook("pre-delete,post-rollback"));
    let (code, report) = scene.json(&["-f", "m"]);
    assert_eq!((code, &report["status"]), (Some(0), &"fits".into()));
    assert_eq!(report["documents"].as_array().unwrap().len(), 1);
    let told = &report["notRun"][0];
    assert_eq!((&told["name"], &told["hook"]), (&"cleaner".into(), &"pre-delete,post-rollback".into()));
    for format in ["human", "yaml", "sarif", "junit", "github", "markdown"] {
        let mut command = scene.command(&["-f", "m", "-o", format]);
        let text = finish(command.env("COLUMNS", "200").output().unwrap()).stdout;
        assert!(text.contains("cleaner") && text.contains("pre-delete"), "{format}: {text}");
    }
    for events in ["pre-delete,pre-upgrade", "post-install", "test"] {
        let (code, report) = with(&hook(events)).json(&["-f", "m"]);
        assert_eq!((code, &report["notRun"]), (Some(1), &serde_json::json!([])), "{events}");
    }
}

#[test]
fn kubectl_makes_hooks_like_everything_else() {
    let plain = hook("pre-delete").replace("# Source: shop/templates/cleaner.yaml\n", "");
    let (code, report) = Scene::new(&[("a.yaml", &format!("{POD}{plain}"))]).json(&["-f", "m"]);
    assert_eq!((code, report["documents"].as_array().unwrap().len()), (Some(1), 2));
}

#[test]
fn names_that_only_the_server_gives_are_told_as_the_workload_and_a_number() {
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  \
        selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
        spec: {containers: [{name: c, image: i, resources: {requests: {memory: 300Gi}}}]}\n";
    let set = web.replace("kind: Deployment", "kind: StatefulSet").replace("name: web", "name: db");
    let job =
        web.replace("kind: Deployment", "kind: Job").replace("apps/v1", "batch/v1").replace("name: web", "name: once");
    let job = job
        .replace("  replicas: 2\n  selector: {matchLabels: {app: web}}\n", "")
        .replace("spec: {c", "spec: {restartPolicy: Never, c");
    let scene = Scene::new(&[("a.yaml", &format!("{web}---\n{set}---\n{job}"))]);
    let (_, report) = scene.json(&["-f", "m"]);
    let told = report["findings"].to_string();
    for name in ["web-…-1", "web-…-2", "db-0", "once-…-1"] {
        assert!(told.contains(name), "{name}: {told}");
    }
    let pods: Vec<&str> = report["pods"].as_array().unwrap().iter().map(|pod| pod["name"].as_str().unwrap()).collect();
    assert_eq!(pods, ["db-0", "once-…-1", "web-…-1", "web-…-2"]);
    let known = ["web-…", "once-…", "db-0", "db-1"];
    let words = told.split(|letter: char| !letter.is_alphanumeric() && letter != '-' && letter != '…');
    let made_up = words.filter(|word| ["web-", "once-", "db-"].iter().any(|start| word.starts_with(start)));
    assert!(made_up.into_iter().all(|word| known.iter().any(|name| word.starts_with(name))), "{told}");
}

#[test]
fn pods_without_room_point_at_the_container_that_asks_for_it() {
    let pod = format!("{POD}  - name: big\n    image: i\n    resources: {{requests: {{memory: 3Gi}}}}\n");
    let scene = Scene::new(&[("1.yaml", &pod), ("2.yaml", &pod.replace("name: fits", "name: second"))]);
    let (_, report) = scene.json(&["-f", "m"]);
    assert_eq!(issues(&report), [("no-node-fits".to_owned(), "m/2.yaml".to_owned(), 11, true)]);
    assert_eq!(report["issues"][0]["path"], "spec.containers[1].resources.requests[memory]");
}

#[test]
fn sarif_shows_the_lines_around_an_issue_but_not_those_of_secrets() {
    let typo = |kind: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\ndatas: {{a: c2VjcmV0}}\n");
    let scene = Scene::new(&[("map.yaml", &typo("ConfigMap")), ("secret.yaml", &typo("Secret"))]);
    let sarif: Value = serde_json::from_str(&scene.run(&["-f", "m", "-o", "sarif"]).stdout).unwrap();
    let of =
        |index: usize| sarif["runs"][0]["results"][index]["locations"][0]["physicalLocation"]["contextRegion"].clone();
    let text = "metadata: {name: a}\ndatas: {a: c2VjcmV0}";
    assert_eq!(of(0), json!({"startLine": 3, "endLine": 4, "snippet": {"text": text}}));
    assert_eq!(of(1), Value::Null);
}
