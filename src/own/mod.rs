//! Rules that users write: files with an expression in CEL over the objects of a snapshot and the verdicts. They run beside
//! the rules of the first stage, so that what they explain is left alone by the later ones.

mod examples;
mod facts;
mod fields;
mod file;
pub(crate) mod language;
mod load;
mod place;
mod run;
mod template;

use std::collections::BTreeMap;

pub use examples::{ExampleOutcome, try_examples};
use load::OwnRule;
pub use load::RuleError;

use crate::diagnosis::context::Context;
use crate::diagnosis::more::MoreRules;
use crate::diagnosis::out::Causes;
use crate::diagnosis::{Scope, Severity};
use crate::model::Kind;

/// The rules of a folder.
#[derive(Clone, Debug, Default)]
pub struct OwnRules {
    rules: Vec<OwnRule>,
}

/// What is shown of a rule.
#[derive(Clone, Debug)]
pub struct OwnRuleInfo<'r> {
    /// `own/NAME`
    pub name: &'r str,
    pub file: &'r str,
    pub summary: &'r str,
    pub severity: Severity,
    pub kind: Kind,
    /// The expression, as it was written.
    pub condition: &'r str,
    /// The kinds without which the rule can't judge.
    pub needs: &'r [Kind],
}

impl OwnRules {
    /// Reads rules from files: their paths and texts.
    ///
    /// # Errors
    /// The first thing that is wrong with each file.
    pub fn load<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Self, Vec<RuleError>> {
        let (mut rules, mut errors) = (Vec::new(), Vec::new());
        let mut files_by_name: BTreeMap<String, String> = BTreeMap::new();
        for (file, text) in files {
            match load::load(file, text) {
                Ok(rule) => match files_by_name.insert(rule.name.clone(), file.to_owned()) {
                    Some(other) => {
                        let (line, column) = place::locate(text, &[place::Way::Field("name")], 0);
                        let message = format!("{other} has a rule of this name");
                        errors.push(RuleError { file: file.to_owned(), line, column, message });
                    }
                    None => rules.push(rule),
                },
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self { rules }) } else { Err(errors) }
    }

    /// What is shown of each rule, in the order of the files.
    pub fn list(&self) -> Vec<OwnRuleInfo<'_>> {
        self.rules.iter().map(OwnRule::info).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl OwnRule {
    fn info(&self) -> OwnRuleInfo<'_> {
        OwnRuleInfo {
            name: &self.name,
            file: &self.file,
            summary: &self.summary,
            severity: self.severity,
            kind: self.kind,
            condition: &self.condition,
            needs: &self.needs,
        }
    }
}

impl MoreRules for OwnRules {
    fn causes(&self, cx: &Context<'_>, scope: &Scope) -> Vec<(String, Causes)> {
        run::causes(&self.rules.iter().collect::<Vec<_>>(), cx, scope)
    }
}
