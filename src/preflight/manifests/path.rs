//! Paths of fields, as the API server writes them.

/// A step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Key(&'a str),
    /// `[0]`: an item, or a key that looks like a number.
    Index(usize),
}

/// The steps of a path such as `spec.containers[0].resources.requests[cpu]`. What is no path gives steps that lead
/// nowhere.
pub(super) fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner.split_once(']').unwrap_or((inner, ""));
            steps.push(key.parse().map_or(Step::Key(key.trim_matches('"')), Step::Index));
            rest = after.strip_prefix('.').unwrap_or(after);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            steps.push(Step::Key(key));
            rest = after.strip_prefix('.').unwrap_or(after);
        }
    }
    steps
}

/// A path as a JSON pointer (RFC 6901).
pub(crate) fn pointer_of(path: &str) -> String {
    let token = |step: &Step<'_>| match step {
        Step::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Step::Index(index) => format!("/{index}"),
    };
    steps(path).iter().map(token).collect()
}

/// A member's path.
pub(super) fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_keys_items_and_keys_in_brackets() {
        assert_eq!(
            steps("spec.containers[12].requests[nvidia.com/gpu].x"),
            [
                Step::Key("spec"),
                Step::Key("containers"),
                Step::Index(12),
                Step::Key("requests"),
                Step::Key("nvidia.com/gpu"),
                Step::Key("x")
            ]
        );
        assert_eq!(steps(""), []);
        assert_eq!(steps("a[unclosed"), [Step::Key("a"), Step::Key("unclosed")]);
    }
}
