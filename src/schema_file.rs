//! The JSON schemas of `docs/schema`, which tests compare with the types.

use std::path::Path;

use schemars::{JsonSchema, schema_for};

/// Compares a type's schema with the one in the repository; `UPDATE=1` writes it instead.
#[expect(clippy::disallowed_methods, reason = "tests read and write the repository's files")]
pub(crate) fn compare<T: JsonSchema>(name: &str) {
    let schema = serde_json::to_string_pretty(&schema_for!(T)).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema").join(name);
    if std::env::var("UPDATE").is_ok_and(|update| update == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &schema).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == schema, "docs/schema/{name} is not up to date; UPDATE=1 cargo test rewrites it");
}
