//! One object of a manifest and where its fields stand.

use std::sync::Arc;

use serde_json::Value;

use super::allow::Allowance;
use super::hook::{self, Role};
use super::path::{self, Step};
use super::tree::{Node, Shape};
use crate::source::manifests::HELM;

/// A stretch of a file. Lines and columns count from 1, columns in characters; the end is the place behind the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Region {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
}

/// A key that stands more than once in a map: kubectl takes the last and says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duplicate {
    /// The field, such as `spec.replicas`.
    pub(crate) path: String,
    /// Where the key stands once more.
    pub(crate) region: Region,
}

/// One object of a manifest.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// The file as the user named it, `-` for standard input.
    pub(crate) file: String,
    /// The position of its file among those that were read.
    pub(crate) source: usize,
    /// Whether nothing else stands in its part of the file.
    pub(super) whole: bool,
    /// The program that rendered the text, where one did: there is no such file then.
    pub(crate) renderer: Option<&'static str>,
    /// Line of the object's first key, from 1.
    pub(crate) line: usize,
    /// Column of the object's first key, from 1.
    pub(crate) column: usize,
    pub(crate) object: Value,
    pub(crate) duplicates: Vec<Duplicate>,
    /// What comments in it allow.
    pub(crate) allowances: Vec<Allowance>,
    /// The template of a chart that it was rendered from, as helm's comment says.
    pub(crate) template: Option<String>,
    /// Where the object's fields stand.
    pub(super) tree: Option<Arc<Node>>,
}

impl Document {
    /// An object without places of its fields.
    pub(crate) fn new(file: &str, line: usize, column: usize, object: Value) -> Self {
        Self {
            file: file.to_owned(),
            source: 0,
            whole: false,
            renderer: None,
            line,
            column,
            object,
            duplicates: Vec::new(),
            allowances: Vec::new(),
            template: None,
            tree: None,
        }
    }

    /// An object whose fields stand where `tree` says.
    pub(super) fn placed(file: &str, tree: Arc<Node>, object: Value) -> Self {
        let place = tree.first();
        let mut duplicates = Vec::new();
        tree.duplicates(&mut duplicates);
        Self { duplicates, tree: Some(tree), ..Self::new(file, place.line, place.column, object) }
    }

    /// Whether it is a hook or a test, and what its annotation says of it.
    pub(crate) fn role(&self) -> (Role, &str) {
        hook::role(&self.object)
    }

    /// When helm runs it, where helm rendered it and it is a hook that no install and no upgrade runs. What kubectl is given
    /// with the same annotation it makes like everything else.
    pub(crate) fn runs_later(&self) -> Option<&str> {
        let by_helm = self.renderer == Some(HELM) || self.template.is_some();
        hook::later(&self.object).filter(|_| by_helm)
    }

    /// The comment that allows what a rule finds on a line.
    pub(crate) fn allowance(&self, rule: &str, line: usize) -> Option<&Allowance> {
        self.allowances.iter().find(|allowance| allowance.covers(rule, line))
    }

    /// Where a field stands: the key and its value where that is a scalar, else the key. Paths are as the API server
    /// writes them: `spec.containers[0].resources.requests[cpu]`. Of a field that is not there, where the closest one
    /// above it stands that is.
    pub(crate) fn region(&self, path: &str) -> Region {
        let own = Region { line: self.line, column: self.column, end_line: self.line, end_column: self.column };
        self.tree.as_deref().map_or(own, |tree| closest(tree, &path::steps(path)).0)
    }

    /// Where a field stands, if it stands in the manifest.
    pub(crate) fn field(&self, path: &str) -> Option<Region> {
        let (region, whole) = closest(self.tree.as_deref()?, &path::steps(path));
        whole.then_some(region)
    }
}

/// The region of the deepest field along the path, and whether that is its end.
fn closest(tree: &Node, steps: &[Step<'_>]) -> (Region, bool) {
    let mut region = tree.first();
    let mut node = tree;
    let mut rest = steps;
    while let Some((step, after)) = rest.split_first() {
        let found = match (&node.shape, step) {
            (Shape::List(items), Step::Index(index)) => {
                items.get(*index).map(|item| (item.first(), item.as_ref(), after))
            }
            (Shape::Map(_), _) => member(node, rest),
            _ => None,
        };
        let Some((place, child, after)) = found else { return (region, false) };
        (region, node, rest) = (place, child, after);
    }
    (region, true)
}

/// The member that the path goes through. Keys with dots may stand in the path without brackets: the shortest that is
/// there counts.
fn member<'n, 's>(node: &'n Node, steps: &'s [Step<'s>]) -> Option<(Region, &'n Node, &'s [Step<'s>])> {
    let mut key = String::new();
    for (used, step) in steps.iter().enumerate() {
        match step {
            Step::Index(index) => key.push_str(&index.to_string()),
            Step::Key(name) => {
                if used > 0 {
                    key.push('.');
                }
                key.push_str(name);
            }
        }
        if let Some(entry) = node.entry(&key) {
            return Some((entry.region(), &entry.value, steps.get(used + 1..)?));
        }
    }
    None
}
