//! What the tests of dumps share.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use storagewhy::snapshot::Snapshot;
use storagewhy::source::SourceError;
use storagewhy::source::dump::{read, read_bytes};

pub(crate) fn fixture(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "dump", name].iter().collect();
    path.to_str().unwrap().to_owned()
}

pub(crate) fn read_fixture(name: &str) -> Snapshot {
    read(&fixture(name)).unwrap()
}

pub(crate) fn read_text(name: &str, text: &str) -> Snapshot {
    read_bytes(name, text.as_bytes()).unwrap()
}

pub(crate) fn error(result: Result<Snapshot, SourceError>) -> String {
    let error = result.unwrap_err();
    assert!(!error.usage, "a bad dump is no wrong call");
    error.message
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Every object of a snapshot, in order.
pub(crate) fn objects(snapshot: &Snapshot) -> Vec<Value> {
    let mut all = Vec::new();
    snapshot
        .each_object::<serde_json::Error>(|_, object| {
            all.push(object);
            Ok(())
        })
        .unwrap();
    all
}

pub(crate) const NODE: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}"#;

pub(crate) fn pod(namespace: &str, name: &str) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"{namespace}"}}}}"#)
}

pub(crate) fn list(items: &[String]) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#, items.join(","))
}
