//! Reading dumps.

use storagewhy::model::Kind;
use storagewhy::snapshot::Scope;
use storagewhy::source::dump::read_bytes;

#[test]
fn a_list_of_everything_in_a_cluster_is_complete() {
    let text = r#"{"apiVersion":"v1","kind":"List","items":[
        {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system"}},
        {"apiVersion":"scheduling.k8s.io/v1","kind":"PriorityClass","metadata":{"name":"system-node-critical"}},
        {"apiVersion":"v1","kind":"Service","metadata":{"name":"kubernetes","namespace":"default"}},
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"app"},"spec":{"priority":7}}]}"#;
    let snapshot = read_bytes("cluster.json", text.as_bytes()).unwrap();
    assert_eq!(snapshot.pods.get("app", "p").found().unwrap().spec.priority, Some(7));
    assert!(snapshot.nodes.get("", "n").is_absent());
    assert_eq!(snapshot.scope(Kind::Pod), &Scope::All);
}
