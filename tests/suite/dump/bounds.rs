//! The bounds, and input that is made to pass them.

use storagewhy::source::dump::{Limits, read, read_bytes, read_bytes_within, read_within};

use super::support::{NODE, error, gzip, list, pod, tar, zip};

fn small() -> Limits {
    Limits { json: 20_000, yaml: 2_000, total: 50_000, unpacked: 100_000, files: 5, folders: 3, ..Limits::default() }
}

#[test]
fn files_that_are_too_large() {
    let node = |filler: usize| format!("{NODE}{}", " ".repeat(filler));
    assert!(read_bytes_within("a.json", node(19_000).as_bytes(), &small()).is_ok());
    let message = error(read_bytes_within("a.json", node(20_000).as_bytes(), &small()));
    assert_eq!(message, "a.json: larger than 20000 bytes, the bound for JSON");
    let yaml = format!("apiVersion: v1\nkind: Node\nmetadata: {{name: n1}}\n#{}", "x".repeat(2_000));
    let message = error(read_bytes_within("a.yaml", yaml.as_bytes(), &small()));
    assert_eq!(message, "a.yaml: larger than 2000 bytes, the bound for YAML");
}

#[test]
fn a_large_file_of_an_archive_is_left_out_and_noted() {
    let large = format!("{NODE}{}", " ".repeat(20_000));
    let files: [(&str, &[u8]); 2] = [("nodes.json", large.as_bytes()), ("pods.json", &pod("a", "p").into_bytes())];
    let snapshot = read_bytes_within("d.tar", &tar(&files), &small()).unwrap();
    assert_eq!(snapshot.pods.seen().len(), 1);
    assert_eq!(snapshot.warnings, ["nodes.json: larger than 20000 bytes, the bound for JSON"]);
    assert!(!snapshot.nodes.get("", "n1").is_absent());
}

#[test]
fn compression_bombs() {
    let bomb = gzip(&vec![b' '; 50_000_000]);
    assert!(error(read_bytes_within("bomb.json.gz", &bomb, &small())).contains("the bound"));
    let spaces = [b"[".as_slice(), &[b' '; 15_000], b"]"].concat();
    let many: Vec<(String, &[u8])> = (0..5).map(|n| (format!("{n}.json"), spaces.as_slice())).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let expected = "more than 50000 bytes in all, the bound for a whole dump";
    for bytes in [tar(&many), gzip(&tar(&many)), zip(&many)] {
        let message = error(read_bytes_within("bomb", &bytes, &small()));
        assert!(message.ends_with(expected), "{message}");
    }
    let logs = vec![b'x'; 200_000];
    let message =
        error(read_bytes_within("logs.tgz", &gzip(&tar(&[("a.log", &logs), ("b.json", NODE.as_bytes())])), &small()));
    assert!(message.contains("100000 bytes in all"), "files that are passed over count too: {message}");
}

#[test]
fn files_compressed_over_and_over() {
    let packed = (0..5).fold(NODE.as_bytes().to_vec(), |bytes, _| gzip(&bytes));
    assert_eq!(error(read_bytes("a.gz", &packed)), "a.gz: compressed more than 3 times over");
}

#[test]
fn too_many_files_and_folders() {
    let names: Vec<String> = (0..6).map(|n| format!("{n}.json")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), NODE.as_bytes())).collect();
    for bytes in [tar(&files), zip(&files)] {
        assert_eq!(error(read_bytes_within("d", &bytes, &small())), "d: more than 5 files, the bound for a dump");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for name in &names {
        std::fs::write(folder.path().join(name), NODE).unwrap();
    }
    assert_eq!(error(read_within(path, &small())), format!("{path}: more than 5 files, the bound for a dump"));
    assert!(read(path).is_ok());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    std::fs::create_dir_all(folder.path().join("a/b/c/d/e")).unwrap();
    assert_eq!(error(read_within(path, &small())), format!("{path}: folders are nested deeper than 3, the bound"));
}

#[test]
fn alias_bombs() {
    let mut nested = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        nested += &format!("a{level}: &a{level} [{}]\n", [before.as_str(); 9].join(","));
    }
    assert!(error(read_bytes("bomb.yaml", nested.as_bytes())).contains("bomb.yaml: invalid YAML"));
    let wide = format!("a: &a [{}]\nb: [{}]\n", ["x"; 400].join(","), ["*a"; 300].join(","));
    let message = error(read_bytes_within("bomb.yaml", wide.as_bytes(), &small()));
    assert!(message.contains("its aliases unfold to more than 32000 bytes, the bound for YAML"), "{message}");
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(800), ["*a"; 300].join(","));
    assert!(error(read_bytes_within("bomb.yaml", text.as_bytes(), &small())).contains("the bound for YAML"));
}

#[test]
fn lists_nested_within_the_bound() {
    let lists = (0..10).fold(NODE.to_owned(), |inner, _| list(&[inner]));
    assert!(read_bytes("deep.json", lists.as_bytes()).is_ok());
}
