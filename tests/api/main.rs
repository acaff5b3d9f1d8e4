//! Reading an API server, and every way in which it can fail: each run ends in time and says what it could not see.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod connecting;
mod demands;
mod dry_run;
mod fake;
mod preflight;
mod unread;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fake::{Answer, FakeApi, Request, page};
use serde_json::{Value, json};
use storagewhy::model::Kind;
use storagewhy::snapshot::{Lookup, Problem, Scope, Snapshot};
use storagewhy::source::SourceError;
use storagewhy::source::live::{self, Options, Wanted};

/// The deadline of runs that should not meet it, even on a loaded machine.
const PATIENT: Duration = Duration::from_secs(60);

/// The deadline of runs that should meet it.
const HURRIED: Duration = Duration::from_secs(4);

/// What a loaded machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(6);

fn all_kinds() -> Wanted {
    Wanted { kinds: Kind::ALL.to_vec(), namespace: Some("vault".to_owned()), ..Wanted::default() }
}

fn only(kinds: &[Kind]) -> Wanted {
    Wanted { kinds: kinds.to_vec(), ..Wanted::default() }
}

/// Reads, and holds the run to what every run must keep: the deadline, GET alone, and no secrets.
fn read_with(api: &FakeApi, options: &Options, wanted: &Wanted) -> Result<Snapshot, SourceError> {
    let start = Instant::now();
    let result = live::read(options, wanted, &|_| {});
    let limit = options.request_timeout.unwrap_or(live::DEFAULT_TIMEOUT) + SLACK;
    assert!(start.elapsed() < limit, "took {:?}", start.elapsed());
    for request in api.requests() {
        assert_eq!(request.method, "GET");
        let known = Kind::ALL.iter().any(|kind| kind.listed() && kind.plural() == request.resource());
        assert!(known || request.path == "/version", "{}", request.path);
        assert!(!request.path.contains("secrets") && !request.query.contains_key("watch"), "{}", request.path);
    }
    result
}

fn read(api: &FakeApi, wanted: &Wanted) -> Result<Snapshot, SourceError> {
    read_with(api, &api.options(PATIENT), wanted)
}

/// The message of a run that must fail, because nothing could be read, and its hint.
fn failure(api: &FakeApi) -> (String, String) {
    failure_within(PATIENT, api)
}

fn failure_within(deadline: Duration, api: &FakeApi) -> (String, String) {
    let error = read_with(api, &api.options(deadline), &all_kinds()).expect_err("nothing can be read");
    assert!(!error.usage, "{error}");
    (error.message.replace(&api.url(), "SERVER"), error.hint.unwrap_or_default())
}

fn object(namespace: &str, name: &str) -> Value {
    if namespace.is_empty() {
        json!({"metadata": {"name": name}})
    } else {
        json!({"metadata": {"namespace": namespace, "name": name}})
    }
}

fn cluster() -> Vec<(Kind, Value)> {
    vec![
        (Kind::Pod, object("vault", "vault-0")),
        (Kind::Pod, object("web", "web-0")),
        (Kind::Node, object("", "worker")),
        (Kind::PersistentVolumeClaim, object("vault", "data-vault-0")),
        (Kind::Event, object("vault", "vault-0.1")),
        (Kind::Event, object("web", "web-0.1")),
        (Kind::Event, object("default", "worker.1")),
    ]
}

fn at(resource: &'static str, answer: Answer) -> impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static {
    move |request| (request.resource() == resource).then(|| answer.clone())
}

fn problem(snapshot: &Snapshot, kind: Kind) -> Option<String> {
    snapshot.coverage().into_iter().find(|line| line.kind == kind).and_then(|line| line.problem)
}

/// Reads a cluster whose nodes fail, where everything else must still be there; gives the nodes' problem.
fn nodes_fail(answer: Answer) -> String {
    nodes_fail_within(PATIENT, answer)
}

fn nodes_fail_within(deadline: Duration, answer: Answer) -> String {
    let api = FakeApi::start(cluster(), at("nodes", answer));
    let snapshot = read_with(&api, &api.options(deadline), &all_kinds()).unwrap();
    assert!(snapshot.pods.get("vault", "vault-0").found().is_some());
    assert!(matches!(snapshot.nodes.get("", "other"), Lookup::Unknown));
    for kind in Kind::ALL.iter().filter(|kind| kind.listed() && !matches!(kind, Kind::Node | Kind::Event)) {
        assert_eq!(*snapshot.scope(*kind), Scope::All, "{kind}");
    }
    problem(&snapshot, Kind::Node).unwrap()
}

#[test]
fn everything_is_read_where_nothing_fails() {
    let api = FakeApi::start(cluster(), |_| None);
    let wanted = Wanted { taken: Some("2026-01-02T03:04:05Z".to_owned()), ..all_kinds() };
    let snapshot = read(&api, &wanted).unwrap();
    assert_eq!(snapshot.server_version.as_deref(), Some("v1.36.2"));
    assert_eq!(snapshot.taken.as_deref(), Some("2026-01-02T03:04:05Z"));
    assert_eq!(snapshot.pods.seen().len(), 2);
    assert!(snapshot.nodes.complete());
    let pods = api.requests_for("pods");
    assert_eq!(pods.len(), 1);
    assert_eq!(pods[0].query["fieldSelector"], "status.phase!=Succeeded,status.phase!=Failed");
    assert_eq!(pods[0].query["limit"], "500");
}

#[test]
fn only_wanted_kinds_are_asked_for() {
    let api = FakeApi::start(cluster(), |_| None);
    let snapshot = read(&api, &only(&[Kind::Node, Kind::Node])).unwrap();
    let mut paths: Vec<String> = api.requests().into_iter().map(|request| request.path).collect();
    paths.sort();
    assert_eq!(paths, ["/api/v1/nodes", "/version"]);
    assert_eq!(*snapshot.scope(Kind::Pod), Scope::Nothing(Problem::NotRequested));
    assert!(matches!(snapshot.pods.get("vault", "vault-0"), Lookup::Unknown));
}

#[test]
fn events_are_read_for_the_namespace_and_for_cluster_scoped_objects() {
    let api = FakeApi::start(cluster(), |_| None);
    let snapshot = read(&api, &all_kinds()).unwrap();
    let names: Vec<&str> = snapshot.events.seen().iter().map(|event| event.metadata.name.as_str()).collect();
    assert_eq!(names, ["worker.1", "vault-0.1"]);
    let read_in = vec!["default".to_owned(), "vault".to_owned()];
    assert_eq!(*snapshot.scope(Kind::Event), Scope::Namespaces(read_in, Problem::NotRequested));
    let snapshot = read(&api, &only(&[Kind::Event])).unwrap();
    assert_eq!(snapshot.events.seen().len(), 3);
    assert_eq!(*snapshot.scope(Kind::Event), Scope::All);
}

#[test]
fn the_newest_events_are_kept_where_there_are_too_many() {
    let event = |number: usize| {
        let mut event = object("web", &format!("event-{number:05}"));
        event["lastTimestamp"] =
            json!(format!("2026-01-01T{:02}:{:02}:{:02}Z", number / 3600, number / 60 % 60, number % 60));
        (Kind::Event, event)
    };
    let api = FakeApi::start((0..20_100).map(event).collect(), |_| None);
    let snapshot = read(&api, &only(&[Kind::Event])).unwrap();
    assert_eq!(snapshot.events.seen().len(), 20_000);
    assert_eq!(snapshot.events.seen()[0].metadata.name, "event-00100");
    assert_eq!(problem(&snapshot, Kind::Event).as_deref(), Some("only the newest 20000 were kept"));
}

#[test]
fn finished_pods_are_read_where_a_claim_is_being_deleted() {
    let mut objects = cluster();
    let mut ending = object("web", "data-web-0");
    ending["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    objects.push((Kind::PersistentVolumeClaim, ending));
    let api = FakeApi::start(objects, |_| None);
    let asked = |wanted: &Wanted| {
        let before = api.requests_for("pods").len();
        assert_eq!(read(&api, wanted).unwrap().pods.seen().len(), 2);
        let paths = api.requests_for("pods").into_iter().skip(before).map(|request| request.path);
        paths.collect::<Vec<_>>()
    };
    let everywhere = Wanted { namespace: None, ..all_kinds() };
    assert_eq!(asked(&everywhere), ["/api/v1/pods", "/api/v1/namespaces/web/pods"]);
    assert_eq!(asked(&Wanted { namespace: Some("vault".to_owned()), ..all_kinds() }), ["/api/v1/pods"]);
}

#[test]
fn lists_are_read_page_by_page() {
    let pods = (0..1200).map(|number| (Kind::Pod, object("web", &format!("web-{number}")))).collect();
    let api = FakeApi::start(pods, |_| None);
    let snapshot = read(&api, &only(&[Kind::Pod])).unwrap();
    assert_eq!(snapshot.pods.all().unwrap().len(), 1200);
    assert_eq!(api.requests_for("pods").len(), 3);
}

#[test]
fn a_list_that_expires_between_pages_is_read_whole() {
    let pods = (0..1200).map(|number| (Kind::Pod, object("web", &format!("web-{number}")))).collect();
    let api = FakeApi::start(pods, |request| {
        let expired = request.query.get("continue").is_some_and(|token| token == "1000");
        expired.then(|| Answer::status(410, "the provided continue parameter is too old"))
    });
    let snapshot = read(&api, &only(&[Kind::Pod])).unwrap();
    assert_eq!(snapshot.pods.all().unwrap().len(), 1200);
    let requests = api.requests_for("pods");
    assert_eq!(requests.len(), 4);
    assert!(!requests[3].query.contains_key("limit"));
}

#[test]
fn a_list_that_always_expires_is_a_gap() {
    let pods = (0..1200).map(|number| (Kind::Pod, object("web", &format!("web-{number}")))).collect();
    let api = FakeApi::start(pods, |request| {
        let whole = request.resource() == "pods" && !request.query.contains_key("limit");
        (whole || request.query.contains_key("continue")).then(|| Answer::status(410, "too old"))
    });
    let snapshot = read(&api, &only(&[Kind::Pod, Kind::Node])).unwrap();
    assert_eq!(problem(&snapshot, Kind::Pod).as_deref(), Some("the list expired while it was read (410)"));
}

#[test]
fn a_server_that_repeats_a_page_is_left() {
    let endless = page(Kind::Node, &[&object("", "worker")], "again");
    assert_eq!(nodes_fail(Answer::Body(200, endless)), "the answer cannot be understood: the list repeats a page");
}

#[test]
fn a_later_page_that_fails_leaves_what_was_read_without_claiming_the_rest() {
    let pods = (0..600).map(|number| (Kind::Pod, object("web", &format!("web-{number}")))).collect();
    let api = FakeApi::start(pods, |request| request.query.contains_key("continue").then_some(Answer::Hang));
    let snapshot = read_with(&api, &api.options(HURRIED), &only(&[Kind::Pod])).unwrap();
    assert_eq!(snapshot.pods.seen().len(), 500);
    assert!(matches!(snapshot.pods.get("web", "web-599"), Lookup::Unknown));
}

#[test]
fn a_forbidden_kind_is_a_gap() {
    let api = FakeApi::start(cluster(), |request| (request.resource() == "nodes").then(|| Answer::forbidden(request)));
    let snapshot = read(&api, &all_kinds()).unwrap();
    assert_eq!(problem(&snapshot, Kind::Node).as_deref(), Some("forbidden"));
    assert_eq!(*snapshot.scope(Kind::Node), Scope::Nothing(Problem::Forbidden));
}

#[test]
fn a_kind_forbidden_in_the_cluster_is_read_in_the_namespace() {
    let api = FakeApi::start(cluster(), |request| {
        let refused = request.path != "/version" && request.namespace() != Some("vault");
        refused.then(|| Answer::forbidden(request))
    });
    let snapshot = read(&api, &all_kinds()).unwrap();
    let own = Scope::Namespaces(vec!["vault".to_owned()], Problem::Forbidden);
    assert_eq!(*snapshot.scope(Kind::Pod), own);
    assert_eq!(*snapshot.scope(Kind::Event), own);
    assert_eq!(*snapshot.scope(Kind::Node), Scope::Nothing(Problem::Forbidden));
    assert!(snapshot.pods.get("vault", "vault-0").found().is_some());
    assert!(snapshot.pods.get("vault", "vault-9").is_absent());
    assert!(matches!(snapshot.pods.get("web", "web-0"), Lookup::Unknown));
}

#[test]
fn a_server_that_forbids_everything_is_an_error_that_says_so() {
    let api = FakeApi::start(cluster(), |request| Some(Answer::forbidden(request)));
    let (message, hint) = failure(&api);
    let start = "the API server at SERVER forbids reading anything (403): ";
    assert!(message.starts_with(start) && message.contains("User \"eve\" cannot list it"), "{message}");
    assert!(hint.contains("docs/rbac.yaml"), "{hint}");
}

#[test]
fn refused_credentials_are_an_error_that_says_so() {
    let api = FakeApi::start(cluster(), |_| Some(Answer::status(401, "Unauthorized")));
    let (message, hint) = failure(&api);
    assert_eq!(message, "the API server at SERVER refused the credentials (401)");
    assert!(hint.contains("log in again"), "{hint}");
}

#[test]
fn an_older_version_is_read_where_the_newest_is_not_served() {
    let objects = vec![(Kind::VolumeAttributesClass, object("", "gold"))];
    let api = FakeApi::start(objects, |request| {
        let unserved =
            request.path.starts_with("/apis/storage.k8s.io/v1/") && request.resource().starts_with("volumeattr");
        unserved.then(Answer::not_served)
    });
    let snapshot = read(&api, &all_kinds()).unwrap();
    assert!(snapshot.attributes_classes.get("", "gold").found().is_some());
    assert!(snapshot.attributes_classes.complete());
}

#[test]
fn a_kind_that_is_not_served_is_unknown_not_absent() {
    assert_eq!(nodes_fail(Answer::not_served()), "not served");
}

#[test]
fn a_web_page_in_place_of_404_does_not_mean_not_served() {
    assert_eq!(nodes_fail(Answer::page(404)), "the server answered 404 with a web page, not with JSON");
}

#[test]
fn a_server_without_the_kubernetes_api_is_an_error() {
    let api = FakeApi::start(Vec::new(), |_| Some(Answer::not_served()));
    assert_eq!(failure(&api).0, "the server at SERVER serves none of the Kubernetes API (404)");
}

#[test]
fn a_passing_failure_is_tried_again() {
    let tries = AtomicUsize::new(0);
    let api = FakeApi::start(cluster(), move |request| {
        let first = request.resource() == "nodes" && tries.fetch_add(1, Ordering::SeqCst) < 2;
        first.then(|| Answer::status(503, "etcd has no leader"))
    });
    assert!(read(&api, &all_kinds()).unwrap().nodes.complete());
    assert_eq!(api.requests_for("nodes").len(), 3);
}

#[test]
fn a_broken_connection_is_tried_again() {
    let tries = AtomicUsize::new(0);
    let api = FakeApi::start(cluster(), move |request| {
        let first = request.resource() == "nodes" && tries.fetch_add(1, Ordering::SeqCst) == 0;
        first.then_some(Answer::Close)
    });
    assert!(read(&api, &all_kinds()).unwrap().nodes.complete());
}

#[test]
fn a_kind_that_always_fails_is_a_gap() {
    let text = nodes_fail(Answer::status(500, "etcdserver: request timed out"));
    assert_eq!(text, "the server answered 500: etcdserver: request timed out");
}

#[test]
fn a_server_that_always_fails_is_given_up_before_the_deadline() {
    for code in [500, 503] {
        let api = FakeApi::start(cluster(), move |_| Some(Answer::status(code, "leader changed")));
        let start = Instant::now();
        let (message, _) = failure(&api);
        assert!(message.ends_with(&format!("the server answered {code}: leader changed")), "{message}");
        assert!(start.elapsed() < PATIENT / 2, "{:?}", start.elapsed());
    }
}

#[test]
fn a_server_that_asks_to_wait_does_not_move_the_deadline() {
    let api = FakeApi::start(cluster(), |_| Some(Answer::Busy(3600)));
    let (message, _) = failure_within(HURRIED, &api);
    assert_eq!(message, "cannot read from the API server at SERVER: not read in full within 4 s");
}

#[test]
fn a_server_that_hangs_is_an_error_in_time() {
    let api = FakeApi::start(cluster(), |_| Some(Answer::Hang));
    let (message, hint) = failure_within(HURRIED, &api);
    assert_eq!(message, "cannot read from the API server at SERVER: the server said nothing for 2 s");
    assert!(hint.contains("--request-timeout"), "{hint}");
}

#[test]
fn a_kind_that_hangs_is_a_gap() {
    assert_eq!(nodes_fail_within(HURRIED, Answer::Hang), "the server said nothing for 2 s");
    assert_eq!(nodes_fail_within(HURRIED, Answer::Stall("{}".repeat(100))), "the server said nothing for 2 s");
}

#[test]
fn a_body_that_trickles_for_ever_is_cut_at_the_deadline() {
    assert_eq!(nodes_fail_within(HURRIED, Answer::Trickle), "not read in full within 4 s");
    let api = FakeApi::start(cluster(), |_| Some(Answer::Trickle));
    assert_eq!(
        failure_within(HURRIED, &api).0,
        "cannot read from the API server at SERVER: not read in full within 4 s"
    );
}

#[test]
fn a_version_that_hangs_does_not_hold_the_report() {
    let api = FakeApi::start(cluster(), at("version", Answer::Hang));
    let start = Instant::now();
    let snapshot = read(&api, &all_kinds()).unwrap();
    assert!(start.elapsed() < PATIENT / 3, "{:?}", start.elapsed());
    assert_eq!(snapshot.server_version, None);
    assert!(snapshot.nodes.complete());
}

#[test]
fn a_web_page_is_an_error_that_says_so() {
    for code in [200, 403] {
        let api = FakeApi::start(cluster(), move |_| Some(Answer::page(code)));
        let (message, hint) = failure(&api);
        let text = format!(
            "cannot read from the API server at SERVER: the server answered {code} with a web page, not with JSON"
        );
        assert_eq!(message, text);
        assert!(hint.contains("login page"), "{hint}");
    }
}

#[test]
fn redirects_are_not_followed() {
    let api = FakeApi::start(cluster(), |request| Some(Answer::Redirect(request.path.clone())));
    let (message, _) = failure(&api);
    assert_eq!(message, "cannot read from the API server at SERVER: the server answered 302, a redirect");
    assert!(api.requests().len() <= Kind::ALL.len() + 2);
}

#[test]
fn a_truncated_body_is_a_gap() {
    let body = page(Kind::Node, &[&object("", "worker")], "");
    let text = nodes_fail(Answer::Truncated(body.clone()));
    assert!(text.starts_with("the connection broke: "), "{text}");
    let text = nodes_fail(Answer::Body(200, body[..body.len() / 2].to_owned()));
    assert!(text.starts_with("the answer cannot be understood: EOF"), "{text}");
}

#[test]
fn an_answer_that_is_no_list_is_a_gap_not_an_empty_list() {
    for body in ["", "{}", "null", "[]", r#"{"kind":"NodeList"}"#] {
        let text = nodes_fail(Answer::Body(200, body.to_owned()));
        assert!(text.starts_with("the answer cannot be understood: "), "{body}: {text}");
    }
}

#[test]
fn an_answer_over_the_bound_is_a_gap_that_says_the_bound() {
    let large = page(Kind::Node, &[&json!({"metadata": {"name": "x".repeat(3 << 20)}})], "");
    for answer in [Answer::Body(200, large.clone()), Answer::gzip(&large)] {
        let api = FakeApi::start(cluster(), at("nodes", answer));
        let options = Options { largest_answer: Some(2 << 20), ..api.options(PATIENT) };
        let snapshot = read_with(&api, &options, &all_kinds()).unwrap();
        assert_eq!(problem(&snapshot, Kind::Node).as_deref(), Some("the answer is larger than 2 MiB"));
        assert!(snapshot.pods.complete());
    }
}

#[test]
fn compressed_answers_are_read() {
    let api = FakeApi::start(cluster(), at("nodes", Answer::gzip(&page(Kind::Node, &[&object("", "zipped")], ""))));
    let snapshot = read(&api, &all_kinds()).unwrap();
    assert!(snapshot.nodes.get("", "zipped").found().is_some());
    assert_eq!(api.requests_for("nodes")[0].header("accept-encoding"), ["gzip"]);
}

#[test]
fn one_bad_object_is_noted_and_the_others_are_read() {
    let mut objects = cluster();
    objects.push((Kind::Node, json!({"metadata": {"name": "odd", "labels": [1]}})));
    let snapshot = read(&FakeApi::start(objects, |_| None), &all_kinds()).unwrap();
    assert!(snapshot.nodes.get("", "worker").found().is_some());
    assert!(matches!(snapshot.nodes.get("", "odd"), Lookup::Unknown));
    assert!(snapshot.nodes.get("", "absent").is_absent());
    let broken = snapshot.nodes.broken();
    assert_eq!((broken[0].name.as_str(), broken[0].origin.as_str()), ("odd", "/api/v1/nodes"));
    assert_eq!(problem(&snapshot, Kind::Node).as_deref(), Some("1 object could not be read"));
}

#[test]
fn an_object_without_a_name_makes_every_name_unknown() {
    let mut objects = cluster();
    objects.push((Kind::Node, json!({"metadata": {}})));
    let snapshot = read(&FakeApi::start(objects, |_| None), &all_kinds()).unwrap();
    assert!(matches!(snapshot.nodes.get("", "other"), Lookup::Unknown));
}

#[test]
fn progress_tells_what_was_read() {
    let api = FakeApi::start(cluster(), |_| None);
    let told = std::cell::RefCell::new(Vec::new());
    live::read(&api.options(PATIENT), &only(&[Kind::Node]), &|text| told.borrow_mut().push(text.to_owned())).unwrap();
    assert_eq!(*told.borrow(), ["nodes: 1"]);
}
