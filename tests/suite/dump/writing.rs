//! Written snapshots read back as what they were.

use storagewhy::snapshot::Snapshot;
use storagewhy::source::dump::{read, read_bytes, write_file, write_snapshot};

use super::support::{objects, read_fixture};

fn written(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_snapshot(snapshot, &mut bytes).unwrap();
    bytes
}

fn assert_same(one: &Snapshot, other: &Snapshot) {
    assert_eq!(objects(one), objects(other));
    assert_eq!(one.coverage(), other.coverage());
    assert_eq!(one.broken(), other.broken());
    assert_eq!((&one.taken, &one.server_version), (&other.taken, &other.server_version));
    assert_eq!((one.renewed, one.newest()), (other.renewed, other.newest()));
    for &kind in storagewhy::model::Kind::ALL {
        assert_eq!(one.scope(kind), other.scope(kind));
    }
}

#[test]
fn a_written_snapshot_reads_back_equal_and_writes_the_same_bytes() {
    for name in [
        "whole-cluster.json.gz",
        "older-server.json.gz",
        "complete.yaml",
        "broken-objects.yaml",
        "breaks-off.yaml",
        "cluster-info",
        "must-gather",
        "support-bundle",
        "lists",
    ] {
        let snapshot = read_fixture(name);
        let bytes = written(&snapshot);
        let back = read_bytes("snapshot.json", &bytes).unwrap();
        assert_same(&snapshot, &back);
        assert_eq!(written(&back), bytes, "{name}");
    }
}

#[test]
fn files_are_compressed_where_their_name_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = read_fixture("whole-cluster.json.gz");
    for (name, magic) in [("s.json", *b"{\""), ("s.json.gz", [0x1f, 0x8b])] {
        let path = folder.path().join(name);
        write_file(&snapshot, path.to_str().unwrap()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap()[..2], magic);
        assert_same(&snapshot, &read(path.to_str().unwrap()).unwrap());
    }
    let error = write_file(&snapshot, "/nonexistent/s.json").unwrap_err();
    assert_eq!(error.message, "/nonexistent/s.json: no such file or directory");
}

#[test]
fn a_snapshot_is_one_json_document_with_a_header() {
    let value: serde_json::Value = serde_json::from_slice(&written(&read_fixture("complete.yaml"))).unwrap();
    assert_eq!(value["apiVersion"], "storagewhy.dev/v1");
    assert_eq!(value["kind"], "Snapshot");
    assert_eq!(value["metadata"]["serverVersion"], "v1.36.2");
    assert_eq!(value["coverage"][0], serde_json::json!({"kind": "Pod", "scope": "all"}));
    assert_eq!(value["items"].as_array().unwrap().len(), 2);
    assert_eq!(value["items"][0]["kind"], "Node");
}
