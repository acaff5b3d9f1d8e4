//! What is read in a second round: by name, as far as it may be read, and never beyond what was asked for.

use serde_json::json;
use storagewhy::model::Kind;
use storagewhy::snapshot::{Demand, Lookup, Problem, Scope, Snapshot};
use storagewhy::source::live::Session;

use super::fake::{Answer, FakeApi, Request};
use super::{HURRIED, SLACK, cluster, only};

const ACCOUNT: &str = "/api/v1/namespaces/csi/serviceaccounts/ctl";

fn account() -> Answer {
    let object = json!({"kind": "ServiceAccount", "metadata": {"namespace": "csi", "name": "ctl",
        "annotations": {"eks.amazonaws.com/role-arn": "arn", "other": "x"}}});
    Answer::Body(200, object.to_string())
}

fn at(path: &'static str, answer: Answer) -> impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static {
    move |request| (request.path == path).then(|| answer.clone())
}

fn missing(request: &Request) -> Option<Answer> {
    request.path.contains("/ctl").then(|| Answer::status(404, "not found"))
}

/// A snapshot of the nodes, and then of what is demanded.
fn read(api: &FakeApi, demands: &[Demand]) -> Snapshot {
    let session = Session::open(&api.options(HURRIED)).unwrap();
    let mut snapshot = session.read(&only(&[Kind::Node]), &|_| {}).unwrap();
    session.more(&mut snapshot, demands, &|_| {});
    for request in api.requests() {
        assert_eq!(request.method, "GET");
        let lists = request.resource() == "configmaps" || request.path.contains("secrets");
        assert!(!lists, "{}", request.path);
    }
    snapshot
}

#[test]
fn an_object_is_read_by_its_name_and_others_stay_unknown() {
    let api = FakeApi::start(cluster(), at(ACCOUNT, account()));
    let snapshot = read(&api, &[Demand::one(Kind::ServiceAccount, "csi", "ctl")]);
    let found = snapshot.service_accounts.get("csi", "ctl").found().unwrap();
    assert_eq!(found.metadata.annotations.keys().collect::<Vec<_>>(), ["eks.amazonaws.com/role-arn"]);
    assert!(matches!(snapshot.service_accounts.get("csi", "other"), Lookup::Unknown));
    assert!(!snapshot.service_accounts.may_be_asked(Some(("csi", "ctl"))));
    assert!(snapshot.service_accounts.may_be_asked(Some(("csi", "other"))));
}

#[test]
fn what_was_looked_for_and_is_not_there_is_absent() {
    let api = FakeApi::start(cluster(), missing);
    let snapshot = read(&api, &[Demand::one(Kind::ServiceAccount, "csi", "ctl")]);
    assert!(snapshot.service_accounts.get("csi", "ctl").is_absent());
    assert!(matches!(snapshot.service_accounts.get("csi", "other"), Lookup::Unknown));
    assert!(snapshot.service_accounts.all().is_none());
}

#[test]
fn what_may_not_be_read_is_unknown_and_not_asked_for_again() {
    let api = FakeApi::start(cluster(), |request| request.path.contains("/ctl").then(|| Answer::forbidden(request)));
    let snapshot = read(&api, &[Demand::one(Kind::ServiceAccount, "csi", "ctl")]);
    assert!(matches!(snapshot.service_accounts.get("csi", "ctl"), Lookup::Unknown));
    assert_eq!(*snapshot.scope(Kind::ServiceAccount), Scope::Nothing(Problem::Forbidden));
    assert!(!snapshot.service_accounts.may_be_asked(Some(("csi", "other"))));
}

#[test]
fn all_of_a_kind_can_be_demanded() {
    let mut objects = cluster();
    objects.push((Kind::ClusterRoleBinding, json!({"metadata": {"name": "b"}})));
    let api = FakeApi::start(objects, |_| None);
    let snapshot = read(&api, &[Demand::all(Kind::ClusterRoleBinding)]);
    assert_eq!(snapshot.cluster_role_bindings.all().map(<[_]>::len), Some(1));
}

#[test]
fn a_name_that_leads_elsewhere_is_not_asked_for() {
    let api = FakeApi::start(cluster(), |_| None);
    let snapshot = read(&api, &[Demand::one(Kind::ServiceAccount, "csi", "../../secrets/password")]);
    assert!(api.requests().iter().all(|request| !request.path.contains("serviceaccounts")));
    assert!(snapshot.service_accounts.seen().is_empty());
}

#[test]
fn an_answer_of_another_kind_is_no_object() {
    let other = Answer::Body(200, json!({"kind": "Secret", "metadata": {"name": "ctl"}}).to_string());
    for answer in [other, Answer::page(200), Answer::Body(200, "{".to_owned()), Answer::Close] {
        let api = FakeApi::start(cluster(), at(ACCOUNT, answer));
        let snapshot = read(&api, &[Demand::one(Kind::ServiceAccount, "csi", "ctl")]);
        assert!(matches!(snapshot.service_accounts.get("csi", "ctl"), Lookup::Unknown));
        assert!(matches!(snapshot.scope(Kind::ServiceAccount), Scope::Nothing(Problem::Failed(_))));
    }
}

#[test]
fn a_server_that_hangs_in_the_second_round_costs_no_more_than_the_deadline() {
    let api = FakeApi::start(cluster(), at(ACCOUNT, Answer::Hang));
    let start = std::time::Instant::now();
    let snapshot = read(&api, &[Demand::one(Kind::ServiceAccount, "csi", "ctl")]);
    assert!(start.elapsed() < HURRIED + SLACK);
    assert!(matches!(snapshot.service_accounts.get("csi", "ctl"), Lookup::Unknown));
    assert!(!snapshot.nodes.seen().is_empty());
}
