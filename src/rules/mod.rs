//! The rules: each tells one cause from its look-alikes. One file a rule, one page a rule, one table a room.

mod attaching;
mod binding;
mod creating;
mod drivers;
mod growing;
mod nodes;
mod provisioning;
mod registry;
mod risks;
mod schedulers;
mod scheduling;
mod stage;
mod starting;
mod topolvm;

pub use registry::{REGISTRY, ROOMS};
pub use stage::{Check, Stage};

use crate::dependencies::Graph;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::findings::Findings;
use crate::model::{Kind, ObjectRef};

/// A rule: a pure function over the snapshot and the verdicts, with its page.
#[derive(Debug)]
pub struct Rule {
    /// The fault, in kebab case.
    pub name: &'static str,
    /// The fault in one sentence.
    pub summary: &'static str,
    /// The worst severity of its findings.
    pub severity: Severity,
    /// The release that brought the rule.
    pub since: &'static str,
    /// Where one of these kinds could not be read, the rule is silent and listed as skipped.
    pub needs: &'static [Kind],
    /// Kinds that the rule looks into as well: where one of them could not be read, it says what the rest proves.
    pub reads: &'static [Kind],
    /// Whether the rule is about pods that no node takes, so that it can't judge those without a certain verdict.
    pub rejected_pods: bool,
    /// The page that `explain` shows, in Markdown.
    pub page: &'static str,
    /// When it runs, which decides what it sees of the others' findings.
    pub stage: Stage,
    pub check: Check,
}

impl Rule {
    /// A finding of the rule, as severe as it declares.
    pub(crate) fn finding(&self, object: ObjectRef, title: impl Into<String>) -> Finding {
        Finding::new(self.name, self.severity, object, title)
    }
}

/// Declares a rule: its page is `docs/rules/<name>.md`.
macro_rules! declare_rule {
    (static $id:ident = {
        name: $name:literal,
        summary: $summary:literal,
        severity: $severity:ident,
        since: $since:literal,
        needs: [$($kind:ident),* $(,)?],
        $(reads: [$($read:ident),* $(,)?],)?
        $(rejected_pods: $rejected:literal,)?
        stage: $stage:ident,
        check: $check:path $(,)?
    }) => {
        #[doc = $summary]
        pub(in crate::rules) static $id: $crate::rules::Rule = $crate::rules::Rule {
            name: $name,
            summary: $summary,
            severity: $crate::diagnosis::finding::Severity::$severity,
            since: $since,
            needs: &[$($crate::model::Kind::$kind),*],
            reads: &[$($($crate::model::Kind::$read),*)?],
            rejected_pods: false $(|| $rejected)?,
            page: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules/", $name, ".md")),
            stage: $crate::rules::Stage::$stage,
            check: $crate::rules::stage::check!($stage, $check),
        };
    };
}
pub(crate) use declare_rule;

/// Ties findings that rest on each other, when all rules have run, and adds what others say of what they explain.
pub(crate) fn tie(cx: &Context<'_>, out: &mut Findings) {
    let graph = Graph::new(cx.snapshot);
    out.chain(|objects| graph.broken_behind(&cx.drivers, objects));
    schedulers::others::note(cx, out);
}

/// The rule of this name.
pub fn find(name: &str) -> Option<&'static Rule> {
    REGISTRY.iter().copied().find(|rule| rule.name == name)
}
