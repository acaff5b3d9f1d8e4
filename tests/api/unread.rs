//! `preflight` where the server doesn't let everything be read: what rests on it is not known, and nothing is said to fit.

use serde_json::{Value, json};
use storagewhy::model::Kind;

use super::fake::{Answer, FakeApi, Request, page};
use super::preflight::{Run, preflight};

fn cluster() -> Vec<(Kind, Value)> {
    let amounts = json!({"cpu": "4", "memory": "8Gi", "pods": "110"});
    let account = |name: &str| json!({"metadata": {"name": name, "namespace": "app"}});
    vec![
        (Kind::Namespace, json!({"metadata": {"name": "app"}, "status": {"phase": "Active"}})),
        (Kind::Node, json!({"metadata": {"name": "n"}, "status": {"allocatable": amounts, "capacity": amounts}})),
        (Kind::ServiceAccount, account("default")),
        (Kind::ServiceAccount, account("robot")),
        (
            Kind::StorageClass,
            json!({"metadata": {"name": "late", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "p", "volumeBindingMode": "WaitForFirstConsumer"}),
        ),
        (Kind::PriorityClass, json!({"metadata": {"name": "high"}, "value": 5})),
    ]
}

fn pod(more: &Value) -> Value {
    let mut spec = json!({"containers": [{"name": "main", "image": "i"}]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "app"}, "spec": spec})
}

fn claim() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "app"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
}

/// A run on a cluster of which the lists of a resource fail.
fn without(resource: &'static str, answer: Answer, manifests: &[Value]) -> Run {
    let api = FakeApi::start(cluster(), move |request| (request.resource() == resource).then(|| answer.clone()));
    preflight(&api, manifests, &["--request-timeout", "60s"])
}

fn told(run: &Run) -> String {
    format!("{} {}", run.report["unknown"], run.document(0)["message"])
}

#[test]
fn where_everything_is_read_it_fits() {
    for manifest in
        [pod(&json!({})), pod(&json!({"serviceAccountName": "robot", "priorityClassName": "high"})), claim()]
    {
        let api = FakeApi::start(cluster(), |_| None);
        let run = preflight(&api, &[manifest], &[]);
        assert_eq!((run.code, &run.report["status"]), (0, &json!("fits")), "{}", run.report);
    }
    let api = FakeApi::start(cluster(), |_| None);
    let run = preflight(&api, &[pod(&json!({"serviceAccountName": "nobody"}))], &[]);
    assert_eq!(
        run.document(0)["message"],
        "pods \"a\" is forbidden: error looking up service account app/nobody: serviceaccount \"nobody\" not found"
    );
}

#[test]
fn what_could_not_be_read_and_decides_is_not_known() {
    let plain = || pod(&json!({}));
    for (number, (resource, kind, manifest)) in [
        ("resourcequotas", "ResourceQuota", plain()),
        ("limitranges", "LimitRange", plain()),
        ("limitranges", "LimitRange", claim()),
        ("mutatingwebhookconfigurations", "MutatingWebhookConfiguration", plain()),
        ("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", claim()),
        ("validatingadmissionpolicies", "ValidatingAdmissionPolicy", plain()),
        ("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", plain()),
        ("mutatingadmissionpolicies", "MutatingAdmissionPolicy", plain()),
        ("namespaces", "namespace", plain()),
        ("priorityclasses", "PriorityClass", plain()),
        ("priorityclasses", "priority classes", pod(&json!({"priorityClassName": "high"}))),
        ("runtimeclasses", "runtime classes", pod(&json!({"runtimeClassName": "vm"}))),
        ("storageclasses", "StorageClass", claim()),
        ("serviceaccounts", "service accounts", pod(&json!({"serviceAccountName": "robot"}))),
    ]
    .into_iter()
    .enumerate()
    {
        let refusal = Answer::status(403, &format!("{resource} is forbidden: User \"eve\" cannot list it"));
        let others = [Answer::status(501, "no"), Answer::Body(200, "{}".to_owned()), Answer::page(200)];
        for answer in [refusal, others[number % others.len()].clone()] {
            let run = without(resource, answer.clone(), std::slice::from_ref(&manifest));
            assert_eq!(
                (run.code, &run.report["status"]),
                (4, &json!("unknown")),
                "{resource} {answer:?}: {}",
                run.report
            );
            assert!(told(&run).contains(kind), "{resource}: {}", told(&run));
        }
    }
}

#[test]
fn a_list_that_ends_too_early_is_not_taken_for_the_whole() {
    for fault in ["repeats", "breaks off", "has an object without a name"] {
        let api = FakeApi::start(cluster(), move |request: &Request| {
            (request.resource() == "resourcequotas" && request.namespace().is_some()).then(|| match fault {
                "repeats" => Answer::Body(200, page(Kind::ResourceQuota, &[], "again")),
                "breaks off" if request.query.contains_key("continue") => Answer::status(501, "no"),
                "breaks off" => Answer::Body(200, page(Kind::ResourceQuota, &[], "next")),
                _ => Answer::Body(200, page(Kind::ResourceQuota, &[&json!({"spec": {}})], "")),
            })
        });
        let run = preflight(&api, &[pod(&json!({}))], &[]);
        assert_eq!(run.code, 4, "{fault}: {}", run.report);
        assert!(told(&run).contains("ResourceQuota"), "{fault}: {}", told(&run));
    }
}

#[test]
fn what_could_not_be_read_and_does_not_decide_makes_no_difference() {
    for (resource, manifest) in [
        ("serviceaccounts", pod(&json!({}))),
        ("runtimeclasses", pod(&json!({}))),
        ("networkpolicies", pod(&json!({}))),
        ("priorityclasses", claim()),
    ] {
        let run = without(resource, Answer::status(501, "no"), &[manifest]);
        assert_eq!((run.code, &run.report["status"]), (0, &json!("fits")), "{resource}: {}", run.report);
    }
}

#[test]
fn what_may_be_read_in_the_namespace_alone_is_known_there() {
    let api = FakeApi::start(cluster(), |request| {
        let everywhere = request.namespace().is_none() && request.resource() == "resourcequotas";
        everywhere.then(|| Answer::forbidden(request))
    });
    let run = preflight(&api, &[pod(&json!({}))], &[]);
    assert_eq!((run.code, &run.report["status"]), (0, &json!("fits")), "{}", run.report);
}

#[test]
fn custom_kinds_are_those_that_the_server_says_it_serves() {
    let thing = |version: &str| json!({"apiVersion": format!("example.com/{version}"), "kind": "Thing", "metadata": {"name": "t"}});
    let served = json!({"kind": "APIResourceList", "groupVersion": "example.com/v1",
        "resources": [{"name": "things", "kind": "Thing", "namespaced": true}]});
    let answering = |answer: Option<Answer>| {
        FakeApi::start(cluster(), move |request| {
            (request.path == "/apis/example.com/v1").then(|| answer.clone()).flatten()
        })
    };
    let run = preflight(&answering(Some(Answer::Body(200, served.to_string()))), &[thing("v1"), thing("v2")], &[]);
    assert_eq!(run.document(0)["admitted"], true, "{}", run.document(0));
    assert_eq!(run.document(0)["namespace"], "app");
    assert_eq!(run.document(1)["message"], "no matches for kind \"Thing\" in version \"example.com/v2\"");
    for answer in [Answer::status(503, "no"), Answer::page(200), Answer::Body(200, "{}".to_owned())] {
        let run = preflight(&answering(Some(answer)), &[thing("v1")], &[]);
        assert_eq!((run.code, &run.document(0)["admitted"]), (4, &Value::Null), "{}", run.report);
    }
}
