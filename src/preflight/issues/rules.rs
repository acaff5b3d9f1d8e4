//! The rules of issues that no rule of the registry finds.

use super::UNREADABLE;

/// Something that is told of manifests alone.
#[derive(Debug)]
pub(crate) struct OwnRule {
    pub(crate) name: &'static str,
    /// In one sentence.
    pub(crate) summary: &'static str,
    /// What to do, in Markdown.
    pub(crate) help: &'static str,
}

/// The rules, each named in kebab case as those of the registry are.
pub(crate) static OWN: [OwnRule; 9] = [
    OwnRule {
        name: "refused",
        summary: "The API server refuses the document.",
        help: "The message is the API server's own. `kubectl apply` of this document ends with it.",
    },
    OwnRule {
        name: "unknown-field",
        summary: "The kind doesn't have the field, so the API server refuses the document.",
        help: "`kubectl apply` asks the server to be strict (`--validate=strict`), and the server then refuses fields that \
               the kind doesn't have: misspelt ones, ones in the wrong place, and ones of another release.",
    },
    OwnRule {
        name: "duplicate-field",
        summary: "A key stands more than once in a map; kubectl takes the last and says nothing.",
        help: "Keep one of them. kubectl drops all but the last before anything reaches the server.",
    },
    OwnRule {
        name: "not-created",
        summary: "The API server refuses the pods or claims that the workload's controller makes.",
        help: "The message is the server's, as the controller's `FailedCreate` event would have it.",
    },
    OwnRule {
        name: "not-placed",
        summary: "No node takes one of the workload's pods.",
        help: "The message is kube-scheduler's, as the pod's `FailedScheduling` event would have it.",
    },
    OwnRule {
        name: "not-known",
        summary: "Whether it is admitted or placed can't be known.",
        help: "The message says why, and what would settle it.",
    },
    OwnRule {
        name: "server-warning",
        summary: "The API server takes the document and warns.",
        help: "The message is the `Warning` header that kubectl would print.",
    },
    OwnRule {
        name: UNREADABLE,
        summary: "A file or document can't be read as a manifest; the others were judged.",
        help: "Put the file right: kubectl can't read it either.",
    },
    OwnRule {
        name: "passed-over",
        summary: "Something stands in the file that kubectl or storagewhy passes over.",
        help: "The message says what, and why it does not count.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::find;

    #[test]
    fn names_are_not_those_of_rules() {
        for rule in &OWN {
            assert!(find(rule.name).is_none(), "{}", rule.name);
            assert!(rule.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.name);
            assert!(rule.summary.ends_with('.') && rule.help.ends_with('.'), "{}", rule.name);
        }
    }

    #[test]
    fn the_page_on_pipelines_has_every_rule() {
        let page = include_str!("../../../docs/ci.md");
        for rule in &OWN {
            let told = format!("### {}\n\n{} {}\n", rule.name, rule.summary, rule.help);
            assert!(page.contains(&told), "docs/ci.md lacks:\n{told}");
        }
    }
}
