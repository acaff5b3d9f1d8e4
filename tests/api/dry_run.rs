//! `preflight --server-dry-run`: what is sent, what is made of the answers, and that nothing but dry runs writes.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use storagewhy::model::Kind;

use super::SLACK;
use super::fake::{Answer, FakeApi, Request};
use super::preflight::{Run, preflight};

fn ask(api: &FakeApi, manifests: &[Value]) -> Run {
    preflight(api, manifests, &["--server-dry-run"])
}

fn writes(api: &FakeApi) -> Vec<Request> {
    api.requests().into_iter().filter(|request| request.method != "GET").collect()
}

/// Every write of a run has to be one that the server only tries.
fn assert_dry(api: &FakeApi) {
    for request in writes(api) {
        assert_eq!(request.query["dryRun"], "All", "{} {}", request.method, request.path);
        assert_eq!(request.query["fieldValidation"], "Strict");
        assert_eq!(request.query["fieldManager"], "kubectl-client-side-apply");
        assert!(["POST", "PATCH"].contains(&request.method.as_str()), "{}", request.method);
        assert!(!request.path.contains("secrets"), "{}", request.path);
    }
}

/// A cluster with a node, and a webhook that answers and of which nothing is known.
fn cluster() -> Vec<(Kind, Value)> {
    let amounts = json!({"cpu": "4", "memory": "8Gi", "pods": "110"});
    let node = |name: &str, disk: &str| json!({"metadata": {"name": name, "labels": {"disk": disk}}, "status": {"allocatable": amounts, "capacity": amounts}});
    let webhook = json!({"metadata": {"name": "hooks"}, "webhooks": [{"name": "hook.example.com", "failurePolicy": "Fail",
        "clientConfig": {"url": "https://hook.example.com"}, "sideEffects": "None", "rules": [{"operations": ["*"],
        "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["deployments", "pods", "persistentvolumeclaims"]}]}]});
    vec![
        (Kind::Namespace, json!({"metadata": {"name": "app"}, "status": {"phase": "Active"}})),
        (Kind::Node, node("plain", "hdd")),
        (Kind::MutatingWebhookConfiguration, webhook),
    ]
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "app"},
        "spec": {"containers": [{"name": "main", "image": "i"}]}})
}

fn class(name: &str) -> Value {
    json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}, "provisioner": "p"})
}

/// A server that takes whatever it is sent, with a change.
fn takes(change: impl Fn(&mut Value) + Send + Sync + 'static) -> FakeApi {
    FakeApi::start(cluster(), move |request| {
        (request.method == "POST").then(|| {
            let mut object: Value = serde_json::from_str(&request.body).unwrap();
            change(&mut object);
            Answer::Body(201, object.to_string())
        })
    })
}

fn answers(answer: Answer) -> FakeApi {
    FakeApi::start(cluster(), move |request| (request.method != "GET").then(|| answer.clone()))
}

fn status(code: u16, message: &str) -> Answer {
    Answer::Body(code, json!({"kind": "Status", "message": message, "code": code}).to_string())
}

#[test]
fn without_the_flag_nothing_is_written() {
    let api = takes(|_| {});
    let run = preflight(&api, &[pod("a"), class("c")], &[]);
    assert_eq!(writes(&api).len(), 0);
    assert!(run.document(0).get("server").is_none());
    assert_eq!(run.document(0)["admitted"], Value::Null);
    assert!(run.document(0)["message"].as_str().unwrap().contains("hook.example.com"));
}

#[test]
fn what_the_server_takes_is_known() {
    let api = takes(|_| {});
    let run = ask(&api, &[pod("a")]);
    assert_dry(&api);
    let sent = &writes(&api)[0];
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/api/v1/namespaces/app/pods"));
    let body: Value = serde_json::from_str(&sent.body).unwrap();
    let noted = body["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].as_str().unwrap();
    assert!(noted.contains("\"image\":\"i\""), "{noted}");
    assert_eq!((run.code, &run.document(0)["admitted"]), (0, &json!(true)), "{}", run.report);
    assert_eq!(run.server(0)["decides"], true);
    assert!(run.errors.contains("sends 1 of 1 documents to the server, as writes marked dry-run"), "{}", run.errors);
    assert!(run.errors.contains("admission webhooks see them"), "{}", run.errors);
}

#[test]
fn what_a_webhook_changed_is_told_and_judged() {
    let api = takes(|object| object["spec"]["nodeSelector"] = json!({"disk": "ssd"}));
    let run = ask(&api, &[pod("a")]);
    assert!(run.server(0)["changed"].as_array().unwrap().contains(&json!("spec.nodeSelector")), "{}", run.server(0));
    assert_eq!(run.code, 1, "no node has the label: {}", run.report["workloads"]);
    let blocked = run.report["workloads"][0]["blocked"].as_str().unwrap();
    assert!(blocked.contains("node affinity/selector"), "{blocked}");
}

#[test]
fn what_the_server_refuses_is_refused() {
    let denial = "admission webhook \"hook.example.com\" denied the request: \u{1b}[31mno";
    let api = answers(status(403, denial));
    let run = ask(&api, &[pod("a"), class("c")]);
    assert_dry(&api);
    assert_eq!(run.code, 1);
    assert_eq!((&run.document(0)["admitted"], &run.document(0)["message"]), (&json!(false), &json!(denial)));
    assert_eq!(run.server(0)["differs"], false, "nothing was foreseen");
    assert_eq!((&run.server(1)["differs"], &run.document(1)["admitted"]), (&json!(true), &json!(false)));
}

#[test]
fn what_exists_is_patched_with_what_changes() {
    let live = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "c", "uid": "u",
        "labels": {"b": "1"}}, "provisioner": "p", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"});
    let stored = live.clone();
    let api = FakeApi::start(cluster(), move |request| match request.method.as_str() {
        "GET" if request.path.ends_with("/storageclasses/c") => Some(Answer::Body(200, stored.to_string())),
        "PATCH" => Some(Answer::Body(200, stored.to_string())),
        _ => None,
    });
    let mut manifest = class("c");
    manifest["metadata"]["labels"] = json!({"a": "2"});
    let run = ask(&api, &[manifest]);
    assert_dry(&api);
    let sent = writes(&api);
    assert_eq!((sent.len(), sent[0].method.as_str()), (1, "PATCH"));
    assert_eq!(sent[0].header("content-type"), ["application/strategic-merge-patch+json"]);
    let body: Value = serde_json::from_str(&sent[0].body).unwrap();
    assert_eq!(body["metadata"]["labels"], json!({"a": "2"}));
    assert!(body.get("provisioner").is_none(), "{body}");
    assert_eq!(run.document(0)["action"], "update");
    assert_eq!(run.server(0)["admitted"], true);
}

#[test]
fn nothing_is_sent_of_kinds_that_are_not_judged_nor_of_what_the_server_can_not_try() {
    let api = takes(|_| {});
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": "hush"}});
    let new = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}});
    let mut inside = pod("inside");
    inside["metadata"]["namespace"] = json!("new");
    let path = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "../secrets/s"}});
    let run = ask(
        &api,
        &[secret, new, inside, path, json!({"apiVersion": "example.com/v1", "kind": "X", "metadata": {"name": "x"}})],
    );
    assert_dry(&api);
    let sent: Vec<String> = writes(&api).into_iter().map(|request| request.path).collect();
    assert_eq!(sent, ["/api/v1/namespaces"]);
    assert!(!api.requests().iter().any(|request| request.path.contains("secrets") || request.body.contains("hush")));
    let why = |number: usize| run.server(number)["message"].as_str().unwrap();
    assert_eq!(why(0), "not asked: only kinds that pods, claims and volumes depend on are sent");
    assert_eq!(why(2), "not asked: Namespace new comes or goes before it, which the server can't try");
    assert_eq!(why(3), "its name can't stand in a request");
    assert_eq!(run.server(2)["admitted"], Value::Null);
}

#[test]
fn a_server_that_does_not_answer_leaves_what_was_not_known() {
    let forbidden =
        "pods is forbidden: User \"eve\" cannot create resource \"pods\" in API group \"\" in the namespace \"app\"";
    for (answer, why) in [
        (status(403, forbidden), "the request is forbidden"),
        (status(400, "admission webhook \"hook.example.com\" does not support dry run"), "does not support dry run"),
        (status(500, "etcdserver: request timed out"), "the server answered 500"),
        (Answer::page(403), "a web page"),
        (Answer::page(200), "cannot be understood"),
        (Answer::Body(201, "{}".to_owned()), "it is about"),
        (Answer::Body(201, pod("other").to_string()), "it is about `Pod other`"),
        (Answer::Redirect("https://elsewhere.example.com/".to_owned()), "a redirect"),
        (Answer::Truncated(pod("a").to_string()), "the connection broke"),
        (Answer::Close, "the connection broke"),
    ] {
        let api = answers(answer.clone());
        let run = ask(&api, &[pod("a")]);
        assert_dry(&api);
        assert_eq!(writes(&api).len(), 1, "a write is sent once");
        assert_eq!((run.code, &run.document(0)["admitted"]), (4, &Value::Null), "{answer:?}");
        let message = run.server(0)["message"].as_str().unwrap();
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn a_server_that_hangs_ends_with_the_deadline() {
    for answer in [Answer::Hang, Answer::Stall(pod("a").to_string()), Answer::Trickle] {
        let api = answers(answer);
        let start = Instant::now();
        let run = preflight(&api, &[pod("a"), pod("b")], &["--server-dry-run", "--request-timeout", "4s"]);
        assert!(start.elapsed() < std::time::Duration::from_secs(4) + SLACK, "{:?}", start.elapsed());
        assert_eq!((run.code, &run.server(1)["admitted"]), (4, &Value::Null));
    }
}

#[test]
fn a_server_whose_release_is_not_known_is_sent_nothing() {
    for version in [json!({"gitVersion": "v1.11.3"}), json!({"gitVersion": "none"}), json!({})] {
        let api = FakeApi::start(cluster(), move |request| {
            (request.path == "/version").then(|| Answer::Body(200, version.to_string()))
        });
        let run = ask(&api, &[pod("a")]);
        assert_eq!(writes(&api).len(), 0);
        assert!(run.server(0)["message"].as_str().unwrap().contains("1.18 or later"), "{}", run.report);
    }
}

#[test]
fn what_can_not_be_read_is_not_written() {
    let api =
        FakeApi::start(cluster(), |request| request.path.ends_with("/pods/a").then(|| Answer::forbidden(request)));
    let run = ask(&api, &[pod("a")]);
    assert_eq!(writes(&api).len(), 0);
    assert_eq!(run.server(0)["message"], "whether it exists could not be read: forbidden");
}

#[test]
fn snapshots_can_not_be_asked() {
    let output = Command::new(env!("CARGO_BIN_EXE_kubectl-storagewhy"))
        .args(["preflight", "--server-dry-run", "--from", "/nonexistent", "-f", "/nonexistent"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
