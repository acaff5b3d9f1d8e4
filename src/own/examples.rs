//! The examples that rules carry, and whether they hold.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::OwnRules;
use super::file::{Example, Expected};
use super::load::OwnRule;
use super::run::judge;
use crate::diagnosis::context::Context;
use crate::diagnosis::more::MoreRules;
use crate::diagnosis::out::Causes;
use crate::diagnosis::{Options, Scope};
use crate::engine;
use crate::model::Kind;
use crate::snapshot::{self, Builder, Snapshot};

/// What became of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleOutcome {
    /// `own/NAME`
    pub rule: String,
    pub file: String,
    pub example: String,
    /// How it differs from what was expected; empty where it holds.
    pub differences: Vec<String>,
}

/// Tries every example of every rule.
pub fn try_examples(rules: &OwnRules) -> Vec<ExampleOutcome> {
    let all = rules.rules.iter().flat_map(|rule| rule.examples.iter().map(move |example| (rule, example)));
    let outcome = |(rule, example): (&OwnRule, &Example)| ExampleOutcome {
        rule: rule.name.clone(),
        file: rule.file.clone(),
        example: example.name.clone(),
        differences: differences(rule, example),
    };
    all.map(outcome).collect()
}

fn differences(rule: &OwnRule, example: &Example) -> Vec<String> {
    let snapshot = match cluster(example) {
        Ok(snapshot) => snapshot,
        Err(wrong) => return vec![wrong],
    };
    let heard = Heard { rule, said: RefCell::default() };
    let options = Options { now: example.now.as_ref().and_then(|now| now.parse().ok()), ..Options::default() };
    engine::diagnose_with(&[], &heard, &snapshot, &Scope::default(), &options);
    compared(&example.fires, heard.said.take())
}

/// The example's cluster, which has nothing but the objects that the example names.
fn cluster(example: &Example) -> Result<Snapshot, String> {
    let mut builder = Builder::default();
    for (position, object) in example.cluster.iter().enumerate() {
        let field = |name: &str| object[name].as_str().unwrap_or_default();
        let (version, name) = (field("apiVersion"), field("kind"));
        let place = format!("object {} of the cluster", position + 1);
        let kind = Kind::from_api(version, name).ok_or_else(|| format!("{place}: no kind {version} {name} is read"))?;
        builder.add(kind, object).map_err(|error: serde_json::Error| format!("{place}: {error}"))?;
    }
    Ok(builder.build(&snapshot::Scope::All))
}

/// Hears what a rule says of each object by itself.
struct Heard<'r> {
    rule: &'r OwnRule,
    said: RefCell<Told>,
}

/// Titles by object, and what went wrong.
#[derive(Default)]
struct Told {
    titles: BTreeMap<String, String>,
    failed: Vec<String>,
}

impl MoreRules for Heard<'_> {
    fn causes(&self, cx: &Context<'_>, scope: &Scope) -> Vec<(String, Causes)> {
        let mut said = self.said.borrow_mut();
        for one in judge(&[self.rule], cx, scope) {
            let titles = one.fired.into_iter().map(|fired| (fired.finding.object.to_string(), fired.finding.title));
            said.titles.extend(titles);
            said.failed.extend(one.failed.into_iter().map(|(object, reason)| format!("{object}: {reason}")));
            said.failed.extend(one.unread);
        }
        Vec::new()
    }
}

fn compared(expected: &[Expected], mut said: Told) -> Vec<String> {
    let mut differences: Vec<String> = said.failed.into_iter().map(|failed| format!("can't judge {failed}")).collect();
    for Expected { object, title } in expected {
        match (said.titles.remove(object), title) {
            (None, _) => differences.push(format!("is silent on {object}")),
            (Some(told), Some(title)) if told != title.trim_end() => {
                differences.push(format!("says of {object}: {told:?}, and not {:?}", title.trim_end()));
            }
            (Some(_), _) => {}
        }
    }
    differences.extend(said.titles.iter().map(|(object, title)| format!("fires on {object}: {title:?}")));
    differences
}
