//! The binary from the outside: calls, exit codes, streams.
#![allow(clippy::disallowed_methods, reason = "tests read and write files")]

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Stdio;

use crate::binary::{Run, command, finish, run};
use tempfile::TempDir;

const EXAMPLE: &str = "docs/examples/topolvm.json";

/// A dump in a folder that goes away with it.
struct Dump {
    folder: TempDir,
}

impl Dump {
    fn new(text: &str) -> Self {
        let dump = Self { folder: TempDir::new().expect("a temporary folder") };
        fs::write(dump.path(), text).expect("the dump can be written");
        dump
    }

    /// A snapshot of a whole cluster that holds nothing but these objects.
    fn of(objects: &[serde_json::Value]) -> Self {
        let snapshot = serde_json::json!({
            "apiVersion": "storagewhy.dev/v1",
            "kind": "Snapshot",
            "metadata": {"serverVersion": "v1.36.2"},
            "coverage": "complete",
            "items": objects,
        });
        Self::new(&snapshot.to_string())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("dump.json")
    }

    fn run(&self, args: &[&str]) -> Run {
        let path = self.path();
        let from = ["--from", path.to_str().expect("a path in UTF-8")];
        run(&[args, &from].concat())
    }
}

fn node(name: &str) -> serde_json::Value {
    let amounts = serde_json::json!({"cpu": "2", "memory": "4Gi", "pods": "110"});
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"allocatable": amounts, "capacity": amounts, "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

fn pod(name: &str, cpu: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "app", "name": name, "labels": {"app": name}},
        "spec": {"schedulerName": "default-scheduler", "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]},
        "status": {"phase": "Pending"},
    })
}

#[test]
fn nothing_blocked_ends_with_0() {
    let run = Dump::of(&[node("a"), pod("small", "1")]).run(&[]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    assert!(run.stdout.starts_with("Nothing is blocked in any namespace."), "{}", run.stdout);
}

#[test]
fn something_blocked_ends_with_1_unless_told_otherwise() {
    let dump = Dump::of(&[node("a"), pod("large", "64")]);
    assert_eq!(dump.run(&[]).code, Some(1));
    assert_eq!(dump.run(&["-o", "json"]).code, Some(1));
    assert_eq!(dump.run(&["--exit-zero"]).code, Some(0));
}

#[test]
fn a_wrong_call_ends_with_2_and_says_what_is_wrong() {
    for (args, says) in [
        (&["--example", "nothing"][..], "there is no example `nothing`"),
        (&["pod/nobody", "--example", "topolvm"], "pods/nobody not found in any namespace"),
        (&["vault-0", "--example", "topolvm"], "`vault-0` is neither a command nor a type"),
        (&["secret/x", "--example", "topolvm"], "`secret` is neither a command nor a type"),
        (&["pod/", "--example", "topolvm"], "`pod/` is not TYPE/NAME"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["-o", "xml"], "xml"),
        (&["-l", "a b", "--example", "topolvm"], "`a b` is not a label requirement"),
        (&["--kube-version", "new", "--example", "topolvm"], "is not a Kubernetes version"),
        (&["--kube-version", "0.0", "--example", "topolvm"], "is not a Kubernetes version"),
        (&["--request-timeout", "soon"], "`soon` is not a duration"),
        (&["--from", EXAMPLE, "--example", "topolvm"], "cannot be used with"),
        (&["capacity", "--size", "0", "--example", "topolvm"], "a size is more than nothing"),
        (&["completion", "tcsh"], "tcsh"),
    ] {
        let run = run(args);
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(says), "{args:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{args:?}");
    }
}

#[test]
fn a_release_that_is_not_known_is_taken_as_the_nearest_and_said_so() {
    for (asked, followed) in [("1.99", "1.37, the newest known"), ("v1.19.2", "1.24, the oldest known")] {
        let run = run(&["--kube-version", asked, "--example", "topolvm", "-o", "json"]);
        assert_eq!(run.code, Some(1), "{asked}");
        assert!(run.stderr.contains(&format!("verdicts and texts are those of {followed}")), "{}", run.stderr);
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["source"]["kubeVersion"], followed[..4], "{asked}");
    }
    let known = run(&["--kube-version", "1.33", "--example", "topolvm"]);
    assert_eq!(known.stderr, "");
}

#[test]
fn a_server_whose_version_names_no_release_gets_the_newest_texts() {
    for version in ["v0.0.0-master+$Format:%H$", "v0.0.0", "latest"] {
        let dump = serde_json::json!({"apiVersion": "storagewhy.dev/v1", "kind": "Snapshot",
            "metadata": {"serverVersion": version}, "coverage": "complete", "items": [node("a"), pod("large", "64")]});
        let run = Dump::new(&dump.to_string()).run(&["-o", "json"]);
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["source"]["kubeVersion"], "1.37", "{version}");
        assert_eq!(report["source"]["serverVersion"], version);
    }
}

#[test]
fn what_cannot_be_read_ends_with_3() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().to_str().unwrap();
    for dump in [Dump::new(""), Dump::new("{\"kind\": \"List\", \"items\": [")] {
        let run = dump.run(&[]);
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
    let run = run(&["--from", empty]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let run = finish(command(&["--server", "http://127.0.0.1:1", "--request-timeout", "5s"]).output().unwrap());
    assert_eq!(run.code, Some(3), "{}", run.stderr);
}

#[test]
fn a_dump_without_the_deciding_facts_ends_with_4() {
    let run = Dump::new(&pod("alone", "1").to_string()).run(&[]);
    assert_eq!(run.code, Some(4), "{}", run.stdout);
    assert!(run.stdout.contains("not all evidence could be read"), "{}", run.stdout);
    assert!(run.stdout.contains("Not read:"), "{}", run.stdout);
}

#[test]
fn diagnose_is_meant_where_no_command_is_named() {
    let named = run(&["diagnose", "-n", "vault", "--example", "topolvm"]);
    for args in [&["-n", "vault", "--example", "topolvm"][..], &["--example", "topolvm", "-n", "vault", "diagnose"]] {
        assert_eq!(run(args).stdout, named.stdout, "{args:?}");
    }
}

#[test]
fn targets_and_labels_narrow_the_report() {
    let dump = Dump::of(&[node("a"), pod("one", "64"), pod("two", "64")]);
    let names = |args: &[&str]| -> Vec<String> {
        let run = dump.run(&[args, &["-o", "json"]].concat());
        let report: serde_json::Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
        let pods = report["pods"].as_array().unwrap().iter();
        pods.map(|pod| pod["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[]), ["one", "two"]);
    assert_eq!(names(&["pod/two"]), ["two"]);
    assert_eq!(names(&["po", "one", "two"]), ["one", "two"]);
    assert_eq!(names(&["-l", "app=one"]), ["one"]);
    assert_eq!(names(&["-n", "elsewhere"]), Vec::<String>::new());
    assert_eq!(names(&["-A"]), ["one", "two"]);
}

#[test]
fn a_name_that_is_not_there_is_answered_with_those_that_are() {
    let run = Dump::of(&[node("a"), pod("one", "1")]).run(&["pod/won", "-n", "app"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(run.stderr, "error: pods/won not found in namespace app\nhint: there are one\n");
}

#[test]
fn the_words_are_about_what_was_asked() {
    let dump = Dump::of(&[node("a"), pod("one", "1"), pod("two", "1"), pod("large", "64")]);
    let first = |args: &[&str]| dump.run(args).stdout.lines().next().unwrap_or_default().to_owned();
    assert_eq!(first(&["pod/one", "-n", "app"]), "Pod one is not blocked.");
    assert_eq!(first(&["pod/one", "pod/two"]), "Pods app/one, app/two are not blocked.");
    assert!(first(&["pod/large"]).starts_with("Cause: Pod large fits on no node"));
    assert_eq!(first(&["-l", "app=one"]), "Nothing is blocked in any namespace.");
}

#[test]
fn what_is_not_there_and_is_waited_for_can_be_asked_about() {
    let mut waiting = pod("one", "1");
    waiting["spec"]["volumes"] = serde_json::json!([{"name": "v", "persistentVolumeClaim": {"claimName": "gone"}}]);
    let claim = serde_json::json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"namespace": "app", "name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Pending"},
    });
    let dump = Dump::of(&[node("a"), waiting, claim]);
    let run = dump.run(&["pvc/gone"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("Pod one can't be scheduled: there is no claim gone"), "{}", run.stdout);
    let run = dump.run(&["sc/fast"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("names storage class fast, which does not exist"), "{}", run.stdout);
    assert_eq!(dump.run(&["pvc/other"]).code, Some(2));
}

#[test]
fn standard_input_is_a_dump() {
    let mut child = command(&["--from", "-", "-o", "json"])
        .stdin(fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/topolvm.json")).unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().code().is_some());
    assert_eq!(text, run(&["--example", "topolvm", "-o", "json"]).stdout);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for args in [&["--example", "topolvm", "-o", "json"][..], &["--help"], &["completion", "bash"]] {
        let mut child = command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn colour_is_used_only_where_it_is_asked_for_or_seen() {
    let args = ["--example", "topolvm"];
    assert!(!run(&args).stdout.contains('\u{1b}'), "a pipe is no terminal");
    let always = run(&["--example", "topolvm", "--color", "always"]);
    assert!(always.stdout.contains('\u{1b}'));
    let forced = finish(command(&args).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap());
    assert!(!forced.stdout.contains('\u{1b}'), "NO_COLOR wins");
    assert_eq!(anstream::adapter::strip_str(&always.stdout).to_string(), run(&args).stdout, "colour adds nothing else");
}

#[test]
fn text_of_the_cluster_cannot_act_on_the_terminal() {
    let hostile = "large\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}";
    let mut victim = pod(hostile, "64");
    victim["status"]["conditions"] = serde_json::json!([{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "\u{1b}[31mred\u{9b}0m",
    }]);
    let event = serde_json::json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "app", "name": "e"},
        "involvedObject": {"kind": "Pod", "namespace": "app", "name": hostile},
        "type": "Warning", "reason": "FailedScheduling", "message": "\u{1b}[2J",
    });
    let dump = Dump::of(&[node("a\u{1b}[31m"), victim, event]);
    for args in [&[][..], &["capacity"], &["storageclasses"], &["webhooks"], &["pod/nobody"]] {
        let run = dump.run(args);
        let bad = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
        assert!(!run.stdout.contains(bad) && !run.stderr.contains(bad), "{args:?}: {:?} {:?}", run.stdout, run.stderr);
    }
    assert!(dump.run(&[]).stdout.contains("large[2J]0;owned"));
}

#[test]
fn yaml_is_the_same_document_as_json() {
    let json: serde_json::Value = serde_json::from_str(&run(&["--example", "topolvm", "-o", "json"]).stdout).unwrap();
    let yaml: serde_json::Value = serde_yaml::from_str(&run(&["--example", "topolvm", "-o", "yaml"]).stdout).unwrap();
    assert_eq!(json, yaml);
    assert_eq!(json["apiVersion"], "storagewhy.dev/v1");
    assert_eq!(json["kind"], "Report");
}

#[test]
fn a_collected_snapshot_gives_the_same_report() {
    let folder = TempDir::new().unwrap();
    for name in ["snapshot.json", "snapshot.json.gz"] {
        let path = folder.path().join(name);
        let path = path.to_str().unwrap();
        let collected = run(&["collect", "--example", "topolvm", "-f", path]);
        assert_eq!((collected.code, collected.stdout.as_str()), (Some(0), ""), "{}", collected.stderr);
        for format in ["human", "json"] {
            let original = run(&["--example", "topolvm", "-o", format]);
            let again = run(&["--from", path, "-o", format]);
            assert_eq!((original.code, original.stdout), (again.code, again.stdout), "{name} {format}");
        }
    }
}

#[test]
fn a_snapshot_without_names_has_the_same_causes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("snapshot.json");
    let path = path.to_str().unwrap();
    let collected = run(&["collect", "--example", "topolvm", "--redact", "names", "-f", path]);
    assert_eq!(collected.code, Some(0), "{}", collected.stderr);
    assert!(!fs::read_to_string(path).unwrap().contains("vault"), "names are replaced");
    let rules = |args: &[&str]| -> Vec<String> {
        let report: serde_json::Value = serde_json::from_str(&run(&[args, &["-o", "json"]].concat()).stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    };
    let causes = rules(&["--example", "topolvm"]);
    assert!(!causes.is_empty());
    assert_eq!(rules(&["--from", path]), causes);
}

#[test]
fn kubectl_is_told_what_can_follow() {
    let answer = |words: &[&str]| run(&[&["__complete"], words].concat()).stdout;
    assert!(answer(&["dia"]).starts_with("diagnose\t"));
    assert!(answer(&["capacity", "--si"]).starts_with("--size\t"));
    assert!(answer(&["-o", ""]).contains("json\t"));
    assert!(answer(&["sta"]).contains("statefulsets\n"));
    assert_eq!(answer(&["--from", ""]), ":0\n", "the shell offers files");
    assert_eq!(answer(&["no-such"]), ":4\n");
    for words in [&[""][..], &["-n", "x", "diagnose", ""], &["explain", ""], &["completion", ""]] {
        let text = answer(words);
        assert!(text.lines().count() > 1 && text.ends_with(":4\n"), "{words:?}: {text}");
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    for args in [&["--help"][..], &["-h"], &["help", "capacity"], &["diagnose", "--help"], &["--version"]] {
        let run = run(args);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{args:?}");
        assert!(!run.stdout.is_empty());
    }
}

#[test]
fn reports_that_leave_something_out_show_it_with_verbose() {
    let pod = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "vault", "name": "more"},
        "spec": {"nodeSelector": {"disk": "fast"}, "containers": [{"name": "c", "image": "i"}]}});
    let file = Dump::new(&pod.to_string());
    let manifests = file.path().to_string_lossy().into_owned();
    let commands: [&[&str]; 4] = [
        &["diagnose", "--example", "topolvm"],
        &["webhooks", "--example", "topolvm"],
        &["storageclasses", "--example", "topolvm"],
        &["preflight", "--example", "topolvm", "-f", &manifests],
    ];
    for command in commands {
        let all: Vec<&str> = command.iter().copied().chain(["-v"]).collect();
        let (short, long) = (run(command), run(&all));
        assert_eq!(short.code, long.code, "{command:?}: {}", long.stderr);
        assert!(!long.stdout.contains("(-v)"), "{command:?}");
        assert!(short.stdout.len() <= long.stdout.len(), "{command:?}");
    }
}
