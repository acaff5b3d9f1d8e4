//! Comments that allow what a rule finds: `# storagewhy: allow(RULE, RULE) REASON`.

use super::document::Region;
use super::tree::{Node, Shape};
use super::yaml::Comment;

/// What comments begin with that are meant for us.
const OURS: &str = "storagewhy:";

/// A comment that allows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Where the comment stands.
    pub(crate) region: Region,
    /// The rules that may find something; not empty.
    pub(crate) rules: Vec<String>,
    /// Why; not empty.
    pub(crate) reason: String,
    /// First and last line of what it is about.
    lines: (usize, usize),
}

impl Allowance {
    /// Whether it allows what a rule finds on a line.
    pub(crate) fn covers(&self, rule: &str, line: usize) -> bool {
        (self.lines.0..=self.lines.1).contains(&line) && self.rules.iter().any(|allowed| allowed == rule)
    }
}

/// Whether the text of a comment is meant for us.
pub(super) fn ours(text: &str) -> bool {
    text.trim_start().starts_with(OURS)
}

/// What a comment in a document allows. One above the document's first field is about the whole; one on a line of its
/// own about the field below it and what stands in that; one behind a field about that line.
///
/// # Errors
/// Why it can't be read.
pub(super) fn allowance(comment: &Comment, tree: &Node, text: &str, first_line: usize) -> Result<Allowance, String> {
    const FORM: &str = "a comment for storagewhy must read `# storagewhy: allow(RULE) REASON`";
    let asked = comment.text.trim_start().strip_prefix(OURS).map(str::trim).unwrap_or_default();
    let (rules, reason) =
        asked.strip_prefix("allow(").and_then(|rest| rest.split_once(')')).ok_or_else(|| FORM.to_owned())?;
    let rules: Vec<String> =
        rules.split(',').map(str::trim).filter(|rule| !rule.is_empty()).map(str::to_owned).collect();
    let reason = reason.trim().to_owned();
    if rules.is_empty() {
        return Err(FORM.to_owned());
    }
    if reason.is_empty() {
        return Err(format!("the comment that allows {} gives no reason, and does not count", rules.join(", ")));
    }
    let lines = scope(comment.region, tree, text, first_line);
    Ok(Allowance { region: comment.region, rules, reason, lines })
}

fn scope(comment: Region, tree: &Node, text: &str, first_line: usize) -> (usize, usize) {
    let line = text.lines().nth(comment.line.saturating_sub(first_line)).unwrap_or_default();
    let alone = line.trim_start().starts_with('#');
    if comment.line < tree.first().line {
        return (0, usize::MAX);
    }
    if !alone {
        return (comment.line, comment.line);
    }
    below(tree, comment.line).unwrap_or((comment.line, comment.line))
}

/// The lines of the outermost field that begins first below a line.
fn below(node: &Node, line: usize) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    let mut offer = |found: (usize, usize)| {
        if best.is_none_or(|best| found.0 < best.0) {
            best = Some(found);
        }
    };
    match &node.shape {
        Shape::Scalar(_) => {}
        Shape::List(items) => {
            for item in items {
                let start = item.first().line;
                if start > line {
                    offer((start, last(item)));
                } else if let Some(found) = below(item, line) {
                    offer(found);
                }
            }
        }
        Shape::Map(entries) => {
            for entry in entries.iter().filter(|entry| !entry.merged) {
                if entry.place.line > line {
                    offer((entry.place.line, last(&entry.value).max(entry.place.line)));
                } else if entry.value.region.line >= entry.place.line
                    && let Some(found) = below(&entry.value, line)
                {
                    offer(found);
                }
            }
        }
    }
    best
}

/// The last line of a value.
fn last(node: &Node) -> usize {
    match &node.shape {
        Shape::Scalar(_) => node.region.end_line,
        Shape::List(items) => items.last().map_or(node.region.end_line, |item| last(item)),
        Shape::Map(entries) => entries.iter().map(|entry| last(&entry.value)).max().unwrap_or(node.region.end_line),
    }
}
