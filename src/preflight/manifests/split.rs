//! Where documents of a file begin and end, as kubectl splits them.
//!
//! Upstream: `YAMLReader` in apimachinery `pkg/util/yaml/decoder.go`: lines that begin with `---` part documents, before
//! any YAML is parsed. An error in one document leaves the others alone.

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// Line of its first line, from 1.
    pub(super) line: usize,
    pub(super) text: &'a str,
    /// What stands behind the `---` before it and does not belong there.
    pub(super) stray: Option<&'a str>,
}

/// The parts between lines that begin with `---`.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut part = Part { line: 1, text: "", stray: None };
    let (mut start, mut at) = (0, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let end = at + line.len();
        if let Some(behind) = line.strip_prefix("---") {
            parts.push(Part { text: text.get(start..at).unwrap_or_default(), ..part });
            let behind = behind.trim();
            let stray = (!behind.is_empty() && !behind.starts_with('#')).then_some(behind);
            part = Part { line: index + 2, text: "", stray };
            start = end;
        }
        at = end;
    }
    parts.push(Part { text: text.get(start..).unwrap_or_default(), ..part });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_begin_with_dashes_part_documents() {
        let parts = parts("a: 1\n--- # two\nb: 2\n---\n--- !tag\nc: 3");
        let told: Vec<_> = parts.iter().map(|part| (part.line, part.text, part.stray)).collect();
        assert_eq!(told, [(1, "a: 1\n", None), (3, "b: 2\n", None), (5, "", None), (6, "c: 3", Some("!tag"))]);
    }

    #[test]
    fn dashes_elsewhere_part_nothing() {
        assert_eq!(parts("a: |\n  ---\n  x\n").len(), 1);
    }
}
