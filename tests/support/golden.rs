//! Compares text with a file of the repository; `UPDATE=1` writes the file instead.

#![allow(clippy::disallowed_methods, reason = "tests read and write the repository's files")]

use std::path::Path;

/// Compares `text` with the file at `path`, from the repository's root.
pub(crate) fn compare(path: &str, text: &str) {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        std::fs::create_dir_all(full.parent().expect("a file in a folder")).expect("the folder can be made");
        std::fs::write(&full, text).expect("the file can be written");
        return;
    }
    let kept = std::fs::read_to_string(&full).unwrap_or_default();
    assert!(
        kept == text,
        "{path} is not up to date; UPDATE=1 cargo test rewrites it.{}",
        first_difference(&kept, text)
    );
}

fn first_difference(kept: &str, text: &str) -> String {
    let mut lines = kept.lines().zip(text.lines()).enumerate();
    match lines.find(|(_, (kept, new))| kept != new) {
        Some((number, (kept, new))) => format!("\nline {}:\n  kept: {kept}\n  now:  {new}", number + 1),
        None => format!("\n{} lines are kept, {} are now", kept.lines().count(), text.lines().count()),
    }
}
