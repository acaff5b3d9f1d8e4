//! Input that is no dump, or half of one.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use storagewhy::model::Kind;
use storagewhy::source::dump::{read, read_bytes};

use super::support::{NODE, error, fixture, gzip, list, pod, read_fixture, read_text, tar, zip};

#[test]
fn no_such_path() {
    assert_eq!(error(read("/nonexistent/dump.json")), "/nonexistent/dump.json: no such file or directory");
}

#[test]
fn empty_files() {
    for bytes in [&b""[..], b" \n\n", &gzip(b"")] {
        assert_eq!(error(read_bytes("dump.json", bytes)), "dump.json: the file is empty");
    }
}

#[test]
fn a_folder_without_objects() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), NODE).unwrap();
    std::fs::write(folder.path().join("values.yaml"), "scheduler: {enabled: true}\n").unwrap();
    let path = folder.path().to_str().unwrap();
    let skipped = "skipped, no YAML or JSON: notes.txt";
    assert_eq!(error(read(path)), format!("{path}: no Kubernetes objects found; {skipped}"));
}

#[test]
fn kinds_that_are_not_read_are_named_where_nothing_else_is_there() {
    let text = r#"{"apiVersion":"v1","kind":"List","items":[{"kind":"Gadget","apiVersion":"v1"}]}"#;
    let told = "dump: no Kubernetes objects found; skipped, kinds that are not read: Gadget";
    assert_eq!(error(read_bytes("dump", text.as_bytes())), told);
}

#[test]
fn lists_of_nonsense() {
    for text in [
        r#"{"apiVersion":"v1","kind":"List","items":[1,"two",null,{},[]]}"#,
        r#"{"apiVersion":"v1","kind":"List","items":"none"}"#,
        r#"{"apiVersion":7,"kind":[],"items":{}}"#,
        "[]",
        "true",
        "just words",
        "<html><body>502 Bad Gateway</body></html>",
        r#"["v1","Pod",{"name":"p"}]"#,
        "- a\n- b\n",
        "# only a comment\n",
    ] {
        assert_eq!(error(read_bytes("dump", text.as_bytes())), "dump: no Kubernetes objects found", "{text}");
    }
}

#[test]
fn objects_of_which_none_can_be_read() {
    let text = list(&[r#"{"apiVersion":"v1","kind":"Pod","metadata":7}"#.to_owned()]);
    assert_eq!(error(read_bytes("dump.json", text.as_bytes())), "dump.json: none of its 1 objects could be read");
}

#[test]
fn truncated_json() {
    let text = list(&[pod("a", "p"), NODE.to_owned()]);
    let cut = &text[..text.len() - 20];
    assert_eq!(error(read_bytes("dump.json", cut.as_bytes())), "dump.json: the JSON breaks off (line 1, column 155)");
    let message = error(read_bytes("dump.json", b"{\n  \"kind\": oops }"));
    assert_eq!(message, "dump.json: invalid JSON (line 2, column 11)");
}

#[test]
fn truncated_and_damaged_gzip() {
    let text: String = (0..5_000).map(|n| pod("a", &format!("p{n}"))).collect();
    let packed = gzip(text.as_bytes());
    let cut = &packed[..packed.len() / 2];
    assert_eq!(error(read_bytes("dump.json.gz", cut)), "dump.json.gz: the data breaks off");
    let mut damaged = packed.clone();
    damaged[packed.len() / 2..].fill(0xff);
    assert!(error(read_bytes("dump.json.gz", &damaged)).starts_with("dump.json.gz: the "));
}

#[test]
fn truncated_archives() {
    let (first, second) = (list(&[pod("a", "p")]), list(&[NODE.to_owned()]));
    let files: [(&str, &[u8]); 2] = [("a.json", first.as_bytes()), ("b.json", second.as_bytes())];
    let whole = tar(&files);
    for (name, bytes) in [("d.tar", &whole[..1200]), ("d.tar.gz", &gzip(&whole[..1200])), ("d.zip", &zip(&files)[..60])]
    {
        let message = error(read_bytes(name, bytes));
        assert!(message.contains("damaged or breaks off"), "{name}: {message}");
    }
}

#[test]
fn bytes_that_are_no_text() {
    assert_eq!(error(read_bytes("dump", &[0x80, 0xff, 0, 1])), "dump: not a text in UTF-8");
    assert_eq!(error(read_bytes("dump", &[0xff, 0xfe, 0, 0xdc, 0, 0])), "dump: not a text in UTF-16");
}

#[test]
fn objects_with_wrong_types_are_noted_with_their_place_and_the_rest_is_used() {
    let snapshot = read_fixture("broken-objects.yaml");
    assert!(snapshot.pods.get("app", "good").found().is_some());
    let broken = snapshot.broken();
    assert_eq!(broken.len(), 2);
    let place = format!("{}: document 2, item 2", fixture("broken-objects.yaml"));
    assert_eq!((broken[0].namespace.as_str(), broken[0].name.as_str(), &broken[0].origin), ("app", "bad", &place));
    assert_eq!(broken[0].error, "invalid type: string \"high\", expected i32");
    assert_eq!(broken[1].error, "metadata.name is missing");
    assert!(!snapshot.pods.get("app", "bad").is_absent());
    assert!(!snapshot.pods.get("app", "other").is_absent(), "the nameless one could be it");
    assert!(!snapshot.complete(Kind::Pod));
}

#[test]
fn wrong_types_in_json_are_noted_with_line_and_column() {
    let bad =
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\n\"metadata\":{\"name\":\"p\"},\n  \"spec\":{\"priority\":\"high\"}}";
    let text = list(&[NODE.to_owned(), bad.to_owned(), bad.to_owned()]);
    let snapshot = read_text("all.json", &text);
    let origins: Vec<&str> = snapshot.broken().iter().map(|broken| broken.origin.as_str()).collect();
    assert_eq!(origins, ["all.json: item 2, line 3, column 27", "all.json: item 3, line 5, column 27"]);
}

#[test]
fn many_broken_objects_take_no_longer_than_good_ones() {
    let bad = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":7}}"#;
    let mut items = vec![bad.to_owned(); 20_000];
    items.push(NODE.to_owned());
    let start = Instant::now();
    assert_eq!(read_text("all.json", &list(&items)).broken().len(), 20_000);
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_yaml_syntax_error_ends_the_file() {
    let snapshot =
        read_text("a.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\n\t: [\n---\nkind: Pod\n");
    assert_eq!(snapshot.nodes.seen().len(), 1);
    assert!(snapshot.pods.seen().is_empty());
    assert!(error(read_bytes("a.yaml", b"a: [\n")).starts_with("a.yaml: invalid YAML"));
}

#[test]
fn deep_nesting() {
    let lists = (0..100).fold(NODE.to_owned(), |inner, _| list(&[inner]));
    assert_eq!(
        error(read_bytes("deep.json", lists.as_bytes())),
        "deep.json: lists are nested deeper than 16, the bound"
    );
    let mut deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(error(read_bytes("deep.json", deep.as_bytes())), "deep.json: no Kubernetes objects found");
    deep.insert_str(0, "a: ");
    assert!(
        error(read_bytes("deep.yaml", deep.as_bytes()))
            .contains("brackets are nested deeper than 256, the bound for YAML")
    );
    let blocks: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(error(read_bytes("deep.yaml", blocks.as_bytes())).contains("recursion limit"));
    let pod = format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p"}},"x":{}1{}}}"#,
        "[".repeat(9_000),
        "]".repeat(9_000)
    );
    assert_eq!(read_text("deep.json", &pod).pods.seen().len(), 1, "what isn't needed isn't looked into");
}

#[test]
fn snapshots_of_another_version() {
    let text = r#"{"apiVersion":"storagewhy.dev/v2","kind":"Snapshot","items":[]}"#;
    assert_eq!(error(read_bytes("s.json", text.as_bytes())), "s.json: snapshots of storagewhy.dev/v2 can't be read");
    let text = r#"{"apiVersion":"storagewhy.dev/v1","kind":"Snapshot","coverage":{},"items":[]}"#;
    assert!(error(read_bytes("s.json", text.as_bytes())).starts_with("s.json: the snapshot's header: "));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_end_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), name in "[a-z./]{0,12}") {
        let _ = read_bytes(&name, &bytes);
        let _ = read_bytes("x.gz", &gzip(&bytes));
    }

    #[test]
    fn damaged_dumps_end_without_a_panic(at in 0usize..4_000, byte in any::<u8>(), cut in any::<bool>(), form in 0usize..4) {
        let text = list(&[pod("a", "p"), NODE.to_owned()]);
        let yaml = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Node\n  metadata: {name: n1}\n";
        let forms = [text.clone().into_bytes(), yaml.into(), tar(&[("a.json", text.as_bytes())]), zip(&[("a.json", text.as_bytes())])];
        let mut bytes = forms[form].clone();
        let at = at % bytes.len();
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        let _ = read_bytes("dump", &bytes);
    }
}
