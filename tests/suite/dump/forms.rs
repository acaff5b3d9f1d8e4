//! Every form in which a dump may come.

use std::fs;

use storagewhy::source::dump::{read, read_bytes};

use super::support::{NODE, fixture, gzip, list, pod, read_fixture, read_text, tar, zip};

#[test]
fn a_list_of_anything() {
    let snapshot = read_text("all.json", &list(&[pod("app", "a"), NODE.to_owned(), "7".to_owned(), "{}".to_owned()]));
    assert!(snapshot.pods.get("app", "a").found().is_some());
    assert!(snapshot.nodes.get("", "n1").found().is_some());
}

#[test]
fn typed_lists_whose_items_carry_no_kind() {
    let text =
        r#"{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"vault","namespace":"a"}}]}"#;
    assert!(read_text("sts.json", text).stateful_sets.get("a", "vault").found().is_some());
    let text =
        r#"{"kind":"PodList","apiVersion":"metrics.example/v1","items":[{"metadata":{"name":"p","namespace":"a"}}]}"#;
    assert!(read_bytes("x.json", text.as_bytes()).is_err(), "another group's PodList has no pods");
}

#[test]
fn lists_in_lists() {
    let inner = list(&[pod("app", "deep")]);
    let typed = r#"{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"n2"}}]}"#;
    let snapshot = read_text("all.json", &list(&[list(&[inner]), typed.to_owned()]));
    assert!(snapshot.pods.get("app", "deep").found().is_some());
    assert!(snapshot.nodes.get("", "n2").found().is_some());
}

#[test]
fn a_single_object_and_documents_in_a_row() {
    assert_eq!(read_text("node.json", NODE).nodes.seen().len(), 1);
    let row = format!("{NODE}\n{}\n{}", pod("a", "p"), pod("a", "q"));
    let snapshot = read_text("row.json", &row);
    assert_eq!((snapshot.nodes.seen().len(), snapshot.pods.seen().len()), (1, 2));
}

#[test]
fn container_logs_between_documents_are_passed_over() {
    let logs = "==== START logs for container c of pod a/p ====\n{\"kind\": broken\n==== END logs for container c of pod a/p ====\n";
    let snapshot = read_text(STDIN, &format!("{NODE}\n{logs}{logs}{}", pod("a", "p")));
    assert_eq!((snapshot.nodes.seen().len(), snapshot.pods.seen().len()), (1, 1));
    assert!(snapshot.warnings.is_empty());
}

const STDIN: &str = "standard input";

#[test]
fn yaml_documents_lists_and_merges() {
    let text = "\
# a comment
---
---
apiVersion: v1
kind: Pod
metadata: &meta {name: a, namespace: app, labels: &labels {tier: db}}
--- # second
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata:
    <<: {namespace: app, name: ignored}
    name: b
    labels: {1: 'one'}
- !tagged
  apiVersion: v1
  kind: Node
  metadata: {name: n1}
";
    let snapshot = read_text("mixed.yaml", text);
    assert_eq!(snapshot.pods.get("app", "a").found().unwrap().metadata.labels["tier"], "db");
    assert_eq!(snapshot.pods.get("app", "b").found().unwrap().metadata.labels["1"], "one");
    assert!(snapshot.nodes.get("", "n1").found().is_some());
    assert!(snapshot.warnings.is_empty(), "{:?}", snapshot.warnings);
}

#[test]
fn yaml_with_an_end_of_json_and_json_named_yaml() {
    assert_eq!(read_text("flow.yaml", "{apiVersion: v1, kind: Node, metadata: {name: n1}}").nodes.seen().len(), 1);
    assert_eq!(read_text("really.yaml", NODE).nodes.seen().len(), 1);
    assert_eq!(read_text("nameless", "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n").nodes.seen().len(), 1);
}

#[test]
fn text_in_utf_16_and_with_a_mark() {
    let units = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let little = [vec![0xff, 0xfe], units(NODE)].concat();
    assert_eq!(read_bytes("powershell.json", &little).unwrap().nodes.seen().len(), 1);
    let marked = [b"\xef\xbb\xbf", NODE.as_bytes()].concat();
    assert_eq!(read_bytes("marked.json", &marked).unwrap().nodes.seen().len(), 1);
}

#[test]
fn compressed_files_whatever_their_name() {
    let packed = gzip(NODE.as_bytes());
    assert_eq!(read_bytes("dump.txt", &packed).unwrap().nodes.seen().len(), 1);
    assert_eq!(read_bytes("dump", &gzip(&packed)).unwrap().nodes.seen().len(), 1);
    let two = [packed, gzip(pod("a", "p").as_bytes())].concat();
    assert_eq!(read_bytes("two.gz", &two).unwrap().pods.seen().len(), 1, "gzip files may be put one after the other");
}

#[test]
fn archives() {
    let pods = list(&[pod("a", "p"), pod("b", "q")]);
    let files: [(&str, &[u8]); 4] = [
        ("dump/nodes.json", NODE.as_bytes()),
        ("dump/pods.json.gz", &gzip(pods.as_bytes())),
        ("dump/pod.log", b"{ not json"),
        ("../../outside.yaml", b"apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"),
    ];
    let archives = [
        ("d.tar", tar(&files[..3])),
        ("d.tgz", gzip(&tar(&files[..3]))),
        ("d", gzip(&tar(&files[..3]))),
        ("d.zip", zip(&files)),
    ];
    for (name, bytes) in archives {
        let snapshot = read_bytes(name, &bytes).unwrap();
        assert_eq!((snapshot.nodes.seen().len(), snapshot.pods.seen().len()), (1, 2), "{name}");
        assert!(snapshot.warnings.is_empty(), "{name}: {:?}", snapshot.warnings);
    }
}

#[test]
fn a_folder_is_read_recursively_and_only_its_json_and_yaml() {
    let snapshot = read_fixture("cluster-info");
    assert_eq!(snapshot.nodes.seen().len(), 2);
    assert_eq!(snapshot.pods.seen().len(), 1);
    assert!(snapshot.warnings.is_empty(), "{:?}", snapshot.warnings);
}

#[test]
fn support_bundles_have_arrays_whose_kind_is_the_files_name() {
    let snapshot = read_fixture("support-bundle");
    assert_eq!(snapshot.nodes.seen().len(), 2);
    assert!(snapshot.claims.get("app", "data-vault-0").found().is_some());
    assert!(snapshot.pods.get("app", "vault-0").found().is_some());
    assert_eq!(snapshot.server_version.as_deref(), Some("v1.35.1"));
}

#[test]
fn must_gather() {
    let snapshot = read_fixture("must-gather");
    assert_eq!(snapshot.nodes.seen().len(), 2);
    assert!(snapshot.pods.get("app", "vault-0").found().is_some());
}

#[test]
fn the_servers_version_comes_from_wherever_it_stands() {
    assert_eq!(read_fixture("lists").server_version.as_deref(), Some("v1.34.2"));
    assert_eq!(read_fixture("complete.yaml").server_version.as_deref(), Some("v1.36.2"));
    assert_eq!(read_fixture("older-server.json.gz").server_version.as_deref(), Some("v1.33.13"));
    assert_eq!(read_fixture("cluster-info").server_version, None, "a kubelet's version is not the server's");
}

#[test]
fn of_two_objects_with_one_name_the_newer_stays() {
    let version = |version: &str| {
        format!(r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"n","resourceVersion":"{version}"}}}}"#)
    };
    let snapshot = read_text("twice.json", &list(&[version("10"), version("9")]));
    assert_eq!(snapshot.nodes.seen().len(), 1);
    assert_eq!(snapshot.nodes.seen()[0].metadata.resource_version, "10");
}

#[test]
fn objects_without_a_namespace_are_in_default() {
    assert!(read_fixture("complete.yaml").claims.get("default", "data").found().is_some());
}

#[test]
fn nulls_read_as_absent() {
    let text = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"a","labels":null},"spec":null}"#;
    assert_eq!(read_text("p.json", text).pods.seen().len(), 1);
}

#[test]
fn secrets_are_never_in_a_snapshot() {
    let secret =
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"a"},"data":{"k":"c2VjcmV0"}}"#;
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"a",
        "managedFields":[{"manager":"c2VjcmV0"}],
        "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"c2VjcmV0","short":"kept"}},
        "spec":{"containers":[{"name":"c","env":[{"name":"K","value":"c2VjcmV0"}],"args":["c2VjcmV0"]}]}}"#;
    let snapshot = read_text("a.json", &list(&[secret.to_owned(), pod.to_owned()]));
    let text = format!("{:?}", super::support::objects(&snapshot));
    assert!(!text.contains("c2VjcmV0"), "{text}");
    assert!(text.contains("kept"));
}

#[cfg(unix)]
#[test]
fn links_in_folders_neither_loop_nor_lead_out() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("outside.json"), pod("out", "side")).unwrap();
    fs::write(folder.path().join("node.json"), NODE).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("away")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("outside.json"), folder.path().join("link.json")).unwrap();
    let snapshot = read(folder.path().to_str().unwrap()).unwrap();
    assert_eq!(snapshot.nodes.seen().len(), 1);
    assert!(snapshot.pods.seen().is_empty());
    let link = outside.path().join("folder");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    assert!(read(link.to_str().unwrap()).is_ok(), "a link given by the user is followed");
}

#[test]
fn every_recorded_form_reads_the_same_from_memory_and_from_disk() {
    let path = fixture("whole-cluster.json.gz");
    let bytes = fs::read(&path).unwrap();
    let (disk, memory) = (read(&path).unwrap(), read_bytes("whole-cluster.json.gz", &bytes).unwrap());
    assert_eq!(super::support::objects(&disk), super::support::objects(&memory));
    assert!(disk.pods.seen().len() > 1);
}
